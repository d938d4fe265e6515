"""Page 3: one loan from its declarations to the buyer's payment."""

from __future__ import annotations

from rich.console import RenderableType

from kouan.client.sentences import sentence_of
from kouan.formats.declaration import Declaration
from kouan.formats.money import money
from kouan.simulation.cast import GARMENT_MAKER
from kouan.simulation.pages.parts import Say, facts, last_day, moment, money_bar, panel, sums, table
from kouan.simulation.scenes.loan import LendingShown, LoanShown, PaymentShown, ReceiptShown, RefusedShown


def loan_page(say: Say, shown: LoanShown) -> list[RenderableType]:
    """Draw the loan's life."""
    page = [
        _declarations(say, shown),
        _lending(say, shown.lending),
        _receipt(say, shown.receipt),
        refused_panel(say, say("A second bank", "第二家银行"), shown.second_bank),
    ]
    if shown.payment is not None:
        page.append(_payment(say, shown.payment))
    if shown.once_more is not None:
        title = say("Once more on the same declarations", "以同一批报关单再次申请")
        page.append(refused_panel(say, title, shown.once_more))
    return page


def _declarations(say: Say, shown: LoanShown) -> RenderableType:
    first = shown.declarations[0]
    line = first.lines[0]
    owner = say(GARMENT_MAKER.en, GARMENT_MAKER.zh)
    return panel(
        say("The declarations", "报关单"),
        say(
            f"{owner} sells under a 90-day usance L/C to {GARMENT_MAKER.buyer}; six shipments are closed.",
            f"{owner}凭 90 天远期信用证向 {GARMENT_MAKER.buyer} 出口，六票货物均已结关。",
        ),
        facts(
            (say("The first of them", "其中第一票"), first.entry_id),
            (say("Contract", "合同号"), first.contract_no or ""),
            (say("Goods", "货物"), f"{line.hs_code} {line.name} {line.model}"),
            (say("Quantity × price", "数量 × 单价"), f"{line.quantity:,f} × {line.currency} {line.unit_price:.2f}"),
            (say("Bill of lading", "提运单号"), f"{first.bill_no}  {first.traf_name}"),
        ),
        table(
            [say("number", "报关单号"), say("day", "日期"), say("total", "总价")],
            [_declaration_row(one) for one in shown.declarations],
            frozenset({2}),
        ),
        money_bar(say, shown.before),
    )


def _declaration_row(one: Declaration) -> tuple[str, ...]:
    return one.entry_id, one.ie_date.isoformat(), sums(one.total_by_currency())


def _lending(say: Say, shown: LendingShown) -> RenderableType:
    lent = shown.lent
    held_until = f"{say('all six held until the end of', '六票全部占用至')} {last_day(shown.lapse_ms)}"
    return panel(
        say("Accepted and lent the same day", "当日受理、当日放款"),
        facts(
            (say("Bank", "银行"), say.name(lent.bank)),
            (say("Loan", "融资编号"), shown.financing),
            (say("Accepted", "受理"), f"{moment(lent.opened_ms)}  {held_until}"),
            (say("Acceptance advice", "受理通知"), str(shown.advice)),
        ),
        money_bar(say, shown.while_held),
        facts(
            (say("Registered", "中登网登记号"), shown.registration),
            (say("Paid out", "放款"), f"{moment(shown.lent_ms)}  {sums(lent.outstanding)}"),
            (say("Due", "到期日"), last_day(lent.maturity_ms)),
        ),
        money_bar(say, shown.after),
    )


def _receipt(say: Say, shown: ReceiptShown) -> RenderableType:
    return panel(
        say("Verification receipt 核验回单", "核验回单"),
        facts(
            (say("Receipt", "回单"), str(shown.paper)),
            (say("QR code", "二维码"), shown.qr),
            (say("Proof file", "证明文件"), str(shown.proof)),
            (say("Says", "内容"), say(shown.verdict.en, shown.verdict.zh)),
        ),
    )


def refused_panel(say: Say, title: str, refused: RefusedShown) -> RenderableType:
    """Draw a refusal: what was asked, what the ledger answers, what the bank is told to do next."""
    sentence, next_step = sentence_of(refused.code, say.lang)
    return panel(
        title,
        facts(
            (say("Bank", "银行"), say.name(refused.bank)),
            (say("Asked for", "申请金额"), money(*refused.asked)),
            (say("Answer", "账本答复"), f"{int(refused.code)} {refused.code.name}"),
            (say("Why", "原因"), say(refused.text_en, refused.text_zh)),
            (say("Meaning", "含义"), sentence),
            (say("Next", "下一步"), next_step),
        ),
    )


def _payment(say: Say, shown: PaymentShown) -> RenderableType:
    settled, unit = shown.settled, shown.after.unit
    return panel(
        say("Day 88: the buyer pays, less the banks' charges abroad", "第 88 天：买方付款（已扣境外银行费用）"),
        facts(
            (say("Collected", "收汇"), f"{moment(shown.paid_ms)}  {money(shown.after.collected, unit)}"),
            (say("Principal repaid", "归还本金"), sums(settled.repaid)),
            (say("Interest", "利息"), money(settled.interest, settled.currency)),
            (say("Paid short, for good", "短付（不再收取）"), money(shown.short, unit)),
            (say("Outstanding", "未还余额"), sums(settled.outstanding)),
            (say("May still be lent on it", "可融资余额"), money(shown.after.available, unit)),
        ),
        money_bar(say, shown.after),
    )
