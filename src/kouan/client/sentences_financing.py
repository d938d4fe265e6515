"""What the commands on loans refuse, said to people."""

from __future__ import annotations

from typing import Final

from kouan.client.sentences_kernel import Sentence
from kouan.kernel.rejections import Rejection

FINANCING: Final = {
    Rejection.COLLECTION_EXISTS: Sentence(
        "There is a collection with this id already.",
        "已有相同编号的收汇记录。",
        "Report it again with a new id if it is another receipt.",
        "如为另一笔收汇，请以新编号报送。",
    ),
    Rejection.COLLECTION_UNKNOWN: Sentence(
        "There is no collection with this id.",
        "没有该编号的收汇记录。",
        "Check the id.",
        "请核对编号。",
    ),
    Rejection.FINANCING_EXISTS: Sentence(
        "This loan is on the ledger already; an id serves once, even after release.",
        "该笔融资已在账本上；编号只能使用一次，解除后亦同。",
        "Look at it with `kouan financing show`; for a new loan ask the owner for a new consent slip.",
        "请用 `kouan financing show` 查看；办理新融资请企业重新出具同意书。",
    ),
    Rejection.FINANCING_UNKNOWN: Sentence(
        "There is no loan with this id.",
        "没有该编号的融资。",
        "Check the id.",
        "请核对编号。",
    ),
    Rejection.FINANCING_NOT_LENDER: Sentence(
        "The loan is another bank's.",
        "该笔融资属于其他银行。",
        "Only the lender, or who bought the loan, may do this.",
        "仅贷款行或受让行可以办理。",
    ),
    Rejection.MATURITY_PAST: Sentence(
        "The maturity lies in the past.",
        "到期日已过。",
        "Give a later day.",
        "请填写更晚的日期。",
    ),
    Rejection.NOTHING_HELD: Sentence(
        "Nothing is held for this loan any more: it is drawn, released or lapsed.",
        "该笔融资已无占用：已放款、已解除或已到期释放。",
        "Look at the loan with `kouan financing show`.",
        "请用 `kouan financing show` 查看该笔融资。",
    ),
    Rejection.NOTHING_OUTSTANDING: Sentence(
        "Nothing is owed on this loan.",
        "该笔融资没有未还余额。",
        "Look at the loan with `kouan financing show`.",
        "请用 `kouan financing show` 查看该笔融资。",
    ),
    Rejection.FINANCING_WRITTEN_OFF: Sentence(
        "The loan is written off.",
        "该笔融资已核销。",
        "Reverse the write-off first if it was a mistake.",
        "如核销有误，请先冲正。",
    ),
    Rejection.PAYOFF_MISFIT: Sentence(
        "What is to be paid off is not exactly what is outstanding.",
        "拟清偿金额与未还余额不一致。",
        "Ask the lender for a new pay-off slip: something was repaid since.",
        "其间已有还款；请原贷款行重新出具清偿同意书。",
    ),
    Rejection.CONSENT_MISSING: Sentence(
        "The old loan is another bank's, which has to consent.",
        "原融资属于其他银行，须经其同意。",
        "Ask that bank for a pay-off slip.",
        "请该行出具清偿同意书。",
    ),
    Rejection.CONSENT_EXPIRED: Sentence(
        "The old lender's consent has expired.",
        "原贷款行的同意已过期。",
        "Ask for a new pay-off slip.",
        "请重新出具清偿同意书。",
    ),
    Rejection.CONSENT_BAD_SIGNATURE: Sentence(
        "The old lender's signature does not hold for this loan, interest and bank.",
        "原贷款行的签名与本笔融资、利息或本行不符。",
        "Ask for a new pay-off slip for this very loan.",
        "请按本笔融资重新出具清偿同意书。",
    ),
    Rejection.OFFER_UNKNOWN: Sentence(
        "The loan is not on offer to this bank; any change to a loan withdraws its offer.",
        "该笔融资没有向本行的转让要约；融资一经变动，要约即撤回。",
        "Ask the lender for a new offer.",
        "请贷款行重新发出要约。",
    ),
    Rejection.OFFER_BAD_BUYER: Sentence(
        "The buyer is no bank of this alliance, or is the seller itself.",
        "受让方不是本联盟的银行，或即为转让方本身。",
        "Name another bank of the alliance.",
        "请指定联盟内的其他银行。",
    ),
    Rejection.OFFER_LAPSED: Sentence(
        "The offer has lapsed.",
        "要约已过期。",
        "Ask the lender for a new offer.",
        "请贷款行重新发出要约。",
    ),
    Rejection.DATE_NOT_LATER: Sentence(
        "The new date is not later than the one that stands.",
        "新日期不晚于现有日期。",
        "Give a later date.",
        "请填写更晚的日期。",
    ),
    Rejection.AMOUNTS_MISFIT: Sentence(
        "There is not one amount for each declaration of the loan, or all of them are zero.",
        "金额与该笔融资的报关单不一一对应，或全部为零。",
        "Give one amount for each declaration, and at least one above zero.",
        "请为每份报关单填写金额，且至少一项大于零。",
    ),
    Rejection.REGISTRATION_MISSING: Sentence(
        "The receivables must be registered before the first drawdown.",
        "首次放款前须办理应收账款质押或转让登记。",
        "Register them 中登网 and give number, time of search and expiry.",
        "请在中登网登记，并提供登记编号、查询时间与到期日。",
    ),
    Rejection.ALLOCATION_UNKNOWN: Sentence(
        "The loan does not stand on this declaration.",
        "该笔融资未涉及此报关单。",
        "Look at the loan's declarations with `kouan financing show`.",
        "请用 `kouan financing show` 查看该笔融资的报关单。",
    ),
    Rejection.ALLOCATION_TWICE: Sentence(
        "The same declaration is named twice.",
        "同一报关单重复列出。",
        "Name each declaration once.",
        "每份报关单只列一次。",
    ),
    Rejection.ALLOCATIONS_TOO_MANY: Sentence(
        "The loan would stand on more than 64 declarations.",
        "该笔融资涉及的报关单将超过 64 份。",
        "Use fewer declarations, or a second loan.",
        "请减少报关单，或另立一笔融资。",
    ),
    Rejection.REPAID_TOO_MUCH: Sentence(
        "More is repaid than is outstanding on the declaration.",
        "还款金额超过该报关单项下的未还余额。",
        "Repay at most what is outstanding; interest is given apart.",
        "还款金额请不超过未还余额；利息另行填写。",
    ),
    Rejection.SUBSTITUTE_UNEQUAL: Sentence(
        "What is put in the place of a declaration is not the same amount in the same currency.",
        "置换的金额或币种不一致。",
        "Put in exactly what is taken out, currency by currency.",
        "请按币种等额置换。",
    ),
    Rejection.REVISION_STALE: Sentence(
        "The declaration was changed again since the bank looked at it.",
        "银行查看之后，该报关单又有变更。",
        "Look at it again, then answer.",
        "请重新查看后再答复。",
    ),
    Rejection.COLLECTION_FINAL_ALREADY: Sentence(
        "The buyer's payment for this declaration was reported as final already.",
        "该报关单的收汇已报送为最终收汇。",
        "Report further money without the final mark.",
        "如有后续款项，请不带最终标志报送。",
    ),
    Rejection.COLLECTED_TOO_MUCH: Sentence(
        "More would be collected than was attested, beyond what the charter tolerates.",
        "累计收汇将超过核证金额及章程容差。",
        "Check the amount and the declaration; the money may belong to another one.",
        "请核对金额与报关单；款项可能属于其他报关单。",
    ),
    Rejection.RATES_MISFIT: Sentence(
        "There is not one rate for each currency other than the loan's.",
        "汇率与融资币种以外的各币种不一一对应。",
        "Give one rate for each other currency, and none for the loan's own.",
        "请为其他各币种各提供一个汇率，融资币种本身不填。",
    ),
    Rejection.AMOUNT_NOT_SUM: Sentence(
        "The loan's amount is not the sum of its declarations at their rates.",
        "融资金额不等于各报关单按汇率折算之和。",
        "Let the desk compute the amount.",
        "请由系统计算金额。",
    ),
    Rejection.ENTRY_UNKNOWN: Sentence(
        "The loan has no entry with this number.",
        "该笔融资没有此编号的记录。",
        "Look at its history with `kouan financing show`.",
        "请用 `kouan financing show` 查看历史记录。",
    ),
    Rejection.ENTRY_NOT_REVERSIBLE: Sentence(
        "An entry of this kind cannot be reversed.",
        "此类记录不能冲正。",
        "Make the opposite entry instead.",
        "请改为录入相反的业务。",
    ),
    Rejection.ENTRY_REVERSED_ALREADY: Sentence(
        "The entry was reversed already.",
        "该记录已经冲正。",
        "Nothing needs to be done.",
        "无需再办理。",
    ),
    Rejection.REVERSAL_OTHER_BANK: Sentence(
        "Another bank made the entry, and only that one may reverse it.",
        "该记录由其他银行录入，仅该行可以冲正。",
        "Ask the bank that made it.",
        "请联系录入银行。",
    ),
    Rejection.REVERSAL_SAME_KEY: Sentence(
        "Who made an entry may not reverse it: it takes a second person.",
        "录入人不得自行冲正，须由第二人办理。",
        "Let a colleague reverse it, with `--key` of another key.",
        "请由同事以另一密钥（`--key`）办理冲正。",
    ),
    Rejection.REVERSAL_NEWER_KEY: Sentence(
        "The key came after the entry: only one that the bank had before may reverse it.",
        "该密钥在录入之后才登记；仅录入之前已有的密钥可以冲正。",
        "Let a colleague reverse it whose key is older than the entry; else make the opposite entry.",
        "请由密钥登记早于录入的同事办理冲正；否则请录入相反的业务。",
    ),
    Rejection.REVERSAL_TOO_LATE: Sentence(
        "The entry is older than the charter lets an entry be reversed.",
        "该记录已超过章程规定的冲正期限。",
        "Make the opposite entry instead.",
        "请改为录入相反的业务。",
    ),
    Rejection.COLLECTION_FINAL_NOT_LENDER: Sentence(
        "Somebody lends on this declaration: only a bank that does may say that the buyer has paid for good.",
        "该报关单项下尚有融资或占用；仅在其项下有融资的银行可以报送最终收汇。",
        "Report the money without the final mark, or name your own loan that stands on the declaration.",
        "请不带最终标志报送，或指明本行在该报关单项下的融资。",
    ),
    Rejection.ENTRY_BUILT_UPON: Sentence(
        "Something was repaid out of this drawdown, so it cannot be reversed alone.",
        "该放款项下已有还款，不能单独冲正。",
        "Reverse the later entries first.",
        "请先冲正其后的记录。",
    ),
    Rejection.BRINGING_IN_CLOSED: Sentence(
        "Loans from before the ledger cannot be brought in now.",
        "目前不能导入存量融资。",
        "Ask the alliance to open a period by the charter's parameter `financing.bring_in_until_ms`.",
        "请联盟以章程参数 `financing.bring_in_until_ms` 开放导入期。",
    ),
    Rejection.OPENED_MISFIT: Sentence(
        "The loan was not opened before it falls due and before now.",
        "放款日须早于到期日且不晚于当前时间。",
        "Give the day on which the loan was paid out.",
        "请填写实际放款日。",
    ),
}
