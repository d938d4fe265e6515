"""What the commands on trade cases refuse, and what a case refuses to a loan, said to people."""

from __future__ import annotations

from typing import Final

from kouan.client.sentences_kernel import Sentence
from kouan.kernel.rejections import Rejection

CASES: Final = {
    Rejection.EVALUATOR_UNKNOWN: Sentence(
        "Who signed the fingerprints is no evaluator of this alliance, or its key was revoked.",
        "指纹签发方不是本联盟的比对方，或其密钥已被撤销。",
        "Ask the single window's evaluator for them.",
        "请向单一窗口的比对方申请。",
    ),
    Rejection.EVALUATION_BAD_SIGNATURE: Sentence(
        "The evaluator's signature does not hold for this document, these fingerprints and this bank.",
        "比对方的签名与该单证、所列指纹或本行不符。",
        "Ask the evaluator again, with the document as it stands now.",
        "请持单证的现行版本向比对方重新申请。",
    ),
    Rejection.FINGERPRINTS_MISFIT: Sentence(
        "The fingerprints are not sorted and each named once, or none or two are the document's own, recorded number.",
        "指纹未按序排列、有重复，或并非恰有一个为该单证登记时的自身编号。",
        "Send them as the evaluator returned them for this version; under another number it is another paper.",
        "请按比对方就该版本返回的内容提交；自身编号不同的，是另一份单证。",
    ),
    Rejection.DOCUMENT_KNOWN: Sentence(
        "This paper is on the ledger already.",
        "该单证已登记在账本上。",
        "Do not record it again: look at the quota named, and lend on that one if it is free.",
        "请勿重复登记；请查看所指单证，如有余额可在其项下融资。",
    ),
    Rejection.DOCUMENT_DETACHED: Sentence(
        "The overseer took this document out of its trade, and it has not been changed since.",
        "监管机构已将该单证移出原贸易案卷，此后未作更正。",
        "It stands for itself; once it was corrected, link it anew.",
        "该单证单独计算；更正后可重新关联。",
    ),
    Rejection.JOIN_BAD_SIGNATURE: Sentence(
        "An owner's signature on joining does not hold for just these documents.",
        "企业对并案的签名与所列单证不符。",
        "Ask the owner to sign for all of these documents together.",
        "请企业就全部所列单证一并重新签名。",
    ),
    Rejection.JOIN_NEEDS_AUTHORITY: Sentence(
        "The paper would merge two trades that both hold attested documents.",
        "该单证将使两个均含官方核证单证的贸易案卷合并。",
        "Leave one of the two out; an authority that attests the paper may merge them.",
        "请去掉其一；如确属同一贸易，须由主管方核证该单证。",
    ),
    Rejection.JOIN_UNSIGNED: Sentence(
        "The paper belongs to a trade on the ledger whose owner has not signed for it.",
        "该单证所属贸易已在账本上，而其企业尚未签名同意并案。",
        "Let its owner sign the join request of `kouan paper look --out`, and record with the join slip.",
        "请其企业用 `kouan enterprise join-sign` 签署 `kouan paper look --out` 生成的并案请求，再凭并案附条登记。",
    ),
    Rejection.CASE_FULL: Sentence(
        "The trade would have more than 64 documents, or more than 24 of one side that only their owners vouch for.",
        "该贸易案卷的单证将超过 64 份，或一方自行申报的单证将超过 24 份。",
        "Lend on nothing that is kept out. Have papers confirmed by the counterparty's bank, or name fewer.",
        "未能并入的单证请勿融资；可请交易对方的银行确认其中单证，或减少单证。",
    ),
    Rejection.CONFIRMED_BY_RECORDER: Sentence(
        "The bank that recorded a paper cannot confirm it.",
        "登记单证的银行不能自行确认。",
        "Ask the counterparty's bank to confirm it.",
        "请由交易对方的银行确认。",
    ),
    Rejection.DOCUMENT_CHANGED: Sentence(
        "The paper on the ledger is not the version that was seen.",
        "账本上的单证与所见版本不一致。",
        "Ask for the current version and look at it again.",
        "请取得现行版本后重新核对。",
    ),
    Rejection.EVIDENCE_NOT_STRONGER: Sentence(
        "The paper is confirmed as well already.",
        "该单证已有同等或更强的确认。",
        "Nothing needs to be done here.",
        "此处无需办理。",
    ),
    Rejection.CASE_UNKNOWN: Sentence(
        "The document belongs to no trade case.",
        "该单证不属于任何贸易案卷。",
        "It answers to its own quota only; link it first if it belongs to others.",
        "该单证单独计算；如与其他单证属同一贸易，请先关联。",
    ),
    Rejection.CASE_TO_REVIEW: Sentence(
        "Money is out on the same trade for the other party, in another currency or on papers of maybe the same goods.",
        "同一贸易项下已有融资余额：属另一方、其他币种，或凭可能属于同一批货物的另一种单证。",
        "Look at the trade with `kouan paper case`; record why the bank goes on with `kouan paper review`; ask again.",
        "请用 `kouan paper case` 查看该贸易，用 `kouan paper review` 记录继续办理的理由后再申请。",
    ),
    Rejection.CASE_EXCEEDED: Sentence(
        "The trade, or its shipments alone, do not carry this much more: they were financed through other papers.",
        "整笔贸易或其货运类单证的可融资余额不足：已凭其他单证办理融资。",
        "Look at the trade with `kouan paper case`; pay the earlier loan off in the same step, or lend less.",
        "请用 `kouan paper case` 查看该贸易；可在同一步骤清偿原融资，或减少金额。",
    ),
}
