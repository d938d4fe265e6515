"""Page 2: what customs attested, and the other loans of the day."""

from __future__ import annotations

from typing import Final

from rich.console import RenderableType

from kouan.client.portfolio import Held
from kouan.formats.money import money
from kouan.simulation.cast import trader_of
from kouan.simulation.pages.parts import Say, facts, last_day, panel, sums, table
from kouan.simulation.scenes.attesting import AttestingShown
from kouan.simulation.scenes.business import BusinessShown

ROWS: Final = 8
_STATUS: Final = {
    "export.active": ("exports, closed: may be financed", "出口，已结关：可融资"),
    "export.suspended": ("exports, not yet closed", "出口，尚未结关：暂不可融资"),
    "import.active": ("imports: may be paid once", "进口：可付款一次"),
}
PRODUCTS: Final = {
    "export-bill": ("export bill", "出口押汇"),
    "factoring": ("factoring", "保理"),
    "insured": ("insured export finance", "信保融资"),
    "invoice": ("invoice finance", "发票融资"),
}


def attesting_page(say: Say, shown: AttestingShown) -> list[RenderableType]:
    """Draw the attestation."""
    counts = [(say(*_STATUS.get(name, (name, name))), str(count)) for name, count in shown.by_status.items()]
    return [
        panel(
            say("Declarations", "报关单"),
            facts(
                (say("Message files read", "读入报文"), f"{shown.files}   {shown.example} …"),
                (say("Attested", "已核证"), str(shown.declarations)),
                *counts,
                (say("May be financed in all", "可融资余额合计"), sums(shown.financeable)),
                (say("The same one attested again", "重复核证同一报关单"), say("refused: ", "拒绝：") + shown.repeated),
                (say("Height", "账本高度"), str(shown.height)),
            ),
            say(
                "The ledger holds amounts, commitments and handles. Numbers, goods and parties stay with customs and "
                "the owners.",
                "账本上只有金额、承诺值和查询标识；报关单号、货物和当事方信息留在海关与企业处。",
            ),
        )
    ]


def business_page(say: Say, shown: BusinessShown) -> list[RenderableType]:
    """Draw the other loans of the day."""
    return [
        panel(
            say("The other loans of the day", "当日其他融资"),
            table(
                [
                    say("bank", "银行"),
                    say("trader", "企业"),
                    say("product", "产品"),
                    say("decl.", "报关单"),
                    say("amount", "金额"),
                    say("due", "到期日"),
                ],
                [_row(say, held) for held in shown.loans[:ROWS]],
                frozenset({3, 4}),
            ),
            facts(
                (say("Loans", "融资笔数"), str(len(shown.loans))),
                (say("Lent", "放款合计"), sums(shown.lent)),
                (
                    say("Tried at a second bank", "向第二家银行重复申请"),
                    say("refused: ", "拒绝：") + str(shown.refused),
                ),
            ),
        )
    ]


def _row(say: Say, held: Held) -> tuple[str, ...]:
    view, trader = held.view, trader_of(held.booked.customer)
    return (
        say.name(view.bank),
        say(trader.en, trader.zh),
        say(*PRODUCTS.get(view.product, (view.product, view.product))),
        str(len(view.allocations)),
        money(view.amount, view.currency),
        last_day(view.maturity_ms),
    )
