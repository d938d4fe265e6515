"""Page 5: papers that look alike, and papers that are one trade."""

from __future__ import annotations

from typing import Final

from rich.console import RenderableType

from kouan.client.sentences import sentence_of
from kouan.formats.money import money
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.queries import CaseView
from kouan.simulation.cast import trader_of
from kouan.simulation.pages.parts import Say, facts, panel, table
from kouan.simulation.scenes.likeness import REASON_EN, AlteredShown, NeighboursShown
from kouan.simulation.scenes.one_trade import BothSidesShown, CancelledShown, OrderShown, StrangerShown
from kouan.simulation.scenes.trades import TradesShown

_KINDS: Final = {
    "altered-number": ("altered number", "改号"),
    "master-number": ("same master bill", "同一主单"),
    "parties-amount-month": ("same parties, amount and month", "同买卖双方同金额同月"),
}
_PAPERS: Final = {
    "export": ("declaration", "报关单"),
    "invoice": ("invoice", "发票"),
    "order": ("order", "订单"),
}
_EVIDENCE: Final = {
    "attested": ("attested", "官方证明"),
    "confirmed": ("confirmed", "对方确认"),
    "self": ("self-declared", "自行申报"),
}


def trades_page(say: Say, shown: TradesShown) -> list[RenderableType]:
    """Draw what one trade's papers came to."""
    return [
        _altered(say, shown.altered),
        _neighbours(say, shown.neighbours),
        _order(say, shown.order),
        _stranger(say, shown.stranger),
        _both_sides(say, shown.both_sides),
        _cancelled(say, shown.cancelled),
    ]


def _altered(say: Say, shown: AlteredShown) -> RenderableType:
    return panel(
        say("The same goods with an altered invoice number", "同一批货物，发票改号"),
        facts(
            (
                say("First", "第一张"),
                f"{shown.first}  {say.name(shown.lender)}  {say('lent', '已放款')} {money(*shown.lent)}",
            ),
            (say("Then", "第二张"), f"{shown.second}  {say.name(shown.bank)}"),
            (say("To be reviewed", "待复核"), _alike(say, shown.found.kinds)),
            (say("It calls", "致电"), say.name(shown.found.other_member)),
            (
                say("That bank was told too", "对方银行亦收到提示"),
                f"{shown.found_by_lender.number} ~ {say.name(shown.found_by_lender.other_member)}",
            ),
            (say("The goods are financed already: lent again", "货物已融资，重复放款"), money(shown.held, "USD")),
        ),
    )


def _neighbours(say: Say, shown: NeighboursShown) -> RenderableType:
    bills = "、".join(shown.bills) if say.lang == "zh" else ", ".join(shown.bills)
    return panel(
        say("Neighbours in one container: an innocent match", "同一集装箱的两家货主：并无问题"),
        facts(
            (say("House bills", "货代提单"), f"{bills}  ({shown.master})"),
            (say("To be reviewed", "待复核"), f"{say.name(shown.banks[1])}: {_alike(say, shown.found.kinds)}"),
            (say("Cleared by", "复核人"), f"{shown.cleared.cleared_by}: {say(REASON_EN, shown.cleared.reason or '')}"),
            (say("Lent", "放款"), money(*shown.lent)),
        ),
    )


def _order(say: Say, shown: OrderShown) -> RenderableType:
    return panel(
        say("An order loan, its first small shipment, and its refinancing", "订单融资：首批小额出运与融资置换"),
        facts(
            (say("Order", "订单"), f"{shown.order}  {say.name(shown.bank)}  {money(*shown.lent)}"),
            (say("First shipment", "首批出运"), f"{shown.first}: {say('the loan stands', '融资不受影响')}"),
            (
                say("Another bank on it", "他行据此申请"),
                f"{say.name(shown.refused_bank)}: {_refusal(say, shown.refused)}",
            ),
        ),
        _case(say, shown.after_first),
        facts(
            (
                say("All shipped: refinanced by", "全部出运后融资置换"),
                f"{say.name(shown.refinanced_by)}  {money(*shown.lent)}",
            ),
        ),
        _case(say, shown.after),
    )


def _stranger(say: Say, shown: StrangerShown) -> RenderableType:
    trader = trader_of(shown.stranger)
    return panel(
        say("Joining a stranger's trade", "冒认他人贸易"),
        facts(
            (say("Who", "申请人"), say(trader.en, trader.zh)),
            (say("Its bank's desk", "银行柜面"), say(shown.stopped, "附条企业并非单证卖方，不予登记")),
            (say("Sent by hand all the same", "绕过柜面直接提交"), _refusal(say, shown.by_hand)),
        ),
    )


def _both_sides(say: Say, shown: BothSidesShown) -> RenderableType:
    return panel(
        say("Buyer and seller on one invoice", "买卖双方就同一发票融资"),
        facts(
            (say("Seller", "卖方"), f"{shown.number}  {say.name(shown.sellers_bank)}  {money(*shown.lent)}"),
            (say("Buyer", "买方"), f"{say.name(shown.buyers_bank)}: {_refusal(say, shown.refused)}"),
        ),
    )


def _cancelled(say: Say, shown: CancelledShown) -> RenderableType:
    return panel(
        say("Cancelled, declared anew, financed again?", "撤单后重新申报再融资？"),
        facts(
            (say("Lent on", "已融资报关单"), f"{shown.first}  {say.name(shown.lender)}  {money(*shown.lent)}"),
            (say("Declared anew", "重新申报"), shown.again),
            (say("Asked for at", "再次申请"), f"{say.name(shown.bank)}: {_refusal(say, shown.refused)}"),
        ),
    )


def _case(say: Say, view: CaseView) -> RenderableType:
    columns = [
        say("document", "单证"),
        say("evidence", "证据"),
        say("carries", "可融资总额"),
        say("lent", "未还融资"),
        say("held", "占用"),
    ]
    rows = [
        (
            say(*_PAPERS[one.kind]),
            say(*_EVIDENCE[one.evidence]),
            *(money(amount, one.side.unit) for amount in (one.limit, one.used, one.held)),
        )
        for one in view.documents
    ]
    return table(columns, rows, frozenset({2, 3, 4}))


def _alike(say: Say, kinds: list[str]) -> str:
    return say(", ", "、").join(say(*_KINDS[kind]) for kind in kinds)


def _refusal(say: Say, code: Rejection | None) -> str:
    if code is None:
        raise AssertionError("what the story expects to be refused was accepted")
    sentence, _ = sentence_of(code, say.lang)
    return f"{int(code)} {code.name}: {sentence}"
