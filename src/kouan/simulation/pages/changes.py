"""Page 4: an amendment, a lapsed hold, overdue loans, papers."""

from __future__ import annotations

from typing import Final

from rich.console import RenderableType

from kouan.client.portfolio import Held
from kouan.client.sentences import sentence_of
from kouan.formats.money import money
from kouan.simulation.cast import trader_of
from kouan.simulation.pages.parts import Say, facts, last_day, moment, money_bar, panel, sums, table
from kouan.simulation.scenes.changes import AmendmentShown, ChangesShown, LapseShown, MonthEndShown

_ANSWERS: Final = {
    "no-action": ("no action", "不作处理"),
    "other-declarations": ("other declarations in its place", "以其他报关单置换"),
    "other-security": ("other security", "追加其他担保"),
    "partial-repayment": ("partial repayment", "部分还款"),
}


def changes_page(say: Say, shown: ChangesShown) -> list[RenderableType]:
    """Draw what came up later."""
    return [
        _amendment(say, shown.amendment),
        _lapse(say, shown.lapse),
        _month_end(say, shown.month_end),
        panel(
            say("Papers for the credit file", "信贷档案材料"),
            facts(
                (say("Verification receipt", "核验回单"), str(shown.receipt)),
                (say("Statement of the loan", "融资明细"), str(shown.statement)),
            ),
        ),
    ]


def _amendment(say: Say, shown: AmendmentShown) -> RenderableType:
    unit = shown.after.unit
    choices = say(", ", "、").join(say(*_ANSWERS[choice]) for choice in shown.choices)
    cut = f"{shown.quantity} → {shown.quantity_amended}"
    return panel(
        say("Customs amends a declaration under a running loan", "海关改单，涉及未结清融资"),
        money_bar(say, shown.before),
        facts(
            (say("Declaration", "报关单号"), shown.number),
            (say("Short shipment", "短装：数量"), cut),
            (say("Lender", "贷款银行"), say.name(shown.bank)),
            (say("It is told", "银行收到提示"), say("declaration amended: the loan is under review", "改单待处理")),
            (say("More lent than it carries", "超出可融资金额"), money(shown.overdrawn, unit)),
        ),
        money_bar(say, shown.after),
        facts(
            (say("What it can do", "可选处理"), choices),
            (say("What it does", "实际处理"), f"{say(*_ANSWERS[shown.answer])}  {money(shown.overdrawn, unit)}"),
            (say("Outstanding", "未还余额"), sums(shown.answered.outstanding)),
        ),
        money_bar(say, shown.remedied),
    )


def _lapse(say: Say, shown: LapseShown) -> RenderableType:
    sentence, _ = sentence_of(shown.too_late, say.lang)
    return panel(
        say("A hold lapses by itself", "占用到期自动释放"),
        facts(
            (say("Declaration", "报关单号"), shown.number),
            (say("Held by", "占用银行"), f"{say.name(shown.bank)}  {moment(shown.placed_ms)}"),
            (say("Until the end of", "占用截止日"), last_day(shown.lapse_ms)),
        ),
        money_bar(say, shown.held),
        facts(
            (say("Blocks written for it", "为此写入的区块"), str(shown.blocks_between)),
            (say("Paid out too late", "逾期放款"), f"{int(shown.too_late)} {shown.too_late.name}: {sentence}"),
        ),
        money_bar(say, shown.lapsed),
        facts(
            (
                say("Lent by the next bank", "后一家银行放款"),
                f"{say.name(shown.other_bank)}  {sums(shown.lent.outstanding)}",
            ),
        ),
        money_bar(say, shown.after),
    )


def _month_end(say: Say, shown: MonthEndShown) -> RenderableType:
    return panel(
        say("Overdue at the month's end", "月末逾期清单"),
        f"{say.name(shown.bank)}  {moment(shown.time_ms)}",
        table(
            [say("loan", "融资编号"), say("trader", "企业"), say("due", "到期日"), say("outstanding", "未还余额")],
            [_overdue_row(say, held) for held in shown.overdue],
            frozenset({3}),
        ),
        say("Each bank sees its own loans alone.", "各银行只能看到本行的融资。"),
    )


def _overdue_row(say: Say, held: Held) -> tuple[str, ...]:
    trader = trader_of(held.booked.customer)
    return held.view.id, say(trader.en, trader.zh), last_day(held.view.maturity_ms), sums(held.view.outstanding)
