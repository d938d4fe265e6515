"""Frauds that only a trade's other papers show: stopped by the ledger, or told by the evaluator before money goes out.

A kind has two halves: the fraud as bankers name it, and how it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kouan.simulation.day import another_paper
from kouan.simulation.day.attempts import apply_elsewhere, labels_of, show_invoice
from kouan.simulation.day.paper_stories import (
    Story,
    anew,
    buyers_invoice,
    financed_declaration,
    financed_invoice,
    repaid,
)
from kouan.simulation.day.papers import invoice_number
from kouan.simulation.day.trade import Declared
from kouan.simulation.day.trades import Trade

ALTERED: Final = "altered-invoice-number"
BOTH: Final = "buyer-and-seller-both"
ANEW: Final = "cancelled-and-declared-anew"

_FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (
    str.lower,
    lambda number: number.replace("-", " - "),
    lambda number: number.translate(_FULL_WIDTH),
    lambda number: number.replace("-", "\N{EN DASH}"),
)
_ALTERATIONS: Final[dict[str, tuple[Callable[[str], str], ...]]] = {
    "spelling": _SPELLINGS,
    "suffix": (lambda number: f"{number}-A", lambda number: f"{number}B", lambda number: f"{number} COPY"),
    "zeros": (lambda number: number.replace("-", "-0"), lambda number: number.replace("-", "-00")),
    "separator": (lambda number: number.replace("-", ""), lambda number: number.replace("-", "/")),
}


def _other_number(one: Declared) -> str:
    return invoice_number(one).replace("-", "-9")


def _altered(kind: str, alterations: tuple[Callable[[str], str], ...]) -> Callable[[Trade], None]:
    def tell(trade: Trade) -> None:
        deal, one = financed_invoice(trade), trade.on[0]
        number = trade.random.choice(alterations)(invoice_number(one))
        worth = one.attested * trade.random.choice((100, 100, 97)) // 100
        consents = [one] if trade.random.randrange(3) == 0 else []
        show_invoice(trade, labels_of(trade, f"{ALTERED}/{kind}"), consents, number=number, total_minor=worth)
        repaid(deal, 40)

    return tell


def renumbered(trade: Trade) -> None:
    """Invoice the same sale again in the same month, under another number altogether."""
    deal, one = financed_invoice(trade), trade.on[0]
    show_invoice(trade, labels_of(trade, f"{ALTERED}/another-number"), [], number=_other_number(one))
    repaid(deal, 40)


def both_sides(trade: Trade) -> None:
    """Let the buyer borrow on the invoice, while the seller's loan is out."""
    of_invoice = trade.random.randrange(2)
    deal = financed_invoice(trade) if of_invoice else financed_declaration(trade)
    labels = labels_of(trade, f"{BOTH}/{'invoice' if of_invoice else 'declaration'}")
    invoice = buyers_invoice(trade, trade.on[0], 5, trade.banks[2], labels)
    apply_elsewhere(trade, invoice, 5, labels, "buyer")
    repaid(deal, 40)


def declared_anew(trade: Trade) -> None:
    """Cancel a declaration that is lent on, declare the shipment anew, and show that at another bank."""
    _declare_anew(trade, f"{ANEW}/same-numbers")


def declared_anew_altered(trade: Trade) -> None:
    """Do the same with contract and bill numbers that were altered a little."""
    old = trade.on[0].declaration
    _declare_anew(trade, f"{ANEW}/altered-numbers", contract_no=f"{old.contract_no}-A", bill_no=f"{old.bill_no}A")


def _declare_anew(trade: Trade, kind: str, **other: Any) -> None:
    deal = financed_declaration(trade)
    old = trade.on[0]
    trade.restate(0, **other)
    one, labels = anew(trade, old), labels_of(trade, kind)
    trade.link(trade.at(5, 10), trade.banks[2], one, labels)
    apply_elsewhere(trade, one, 5, labels)
    deal.repay_all(30, "seller")


FRAUDS: Final = (
    *(Story(_altered(kind, alterations)) for kind, alterations in _ALTERATIONS.items()),
    Story(renumbered),
    *another_paper.FRAUDS,
    Story(both_sides, weight=2),
    Story(declared_anew, weight=2),
    Story(declared_anew_altered),
)


def next_month(trade: Trade) -> None:
    """Invoice the sale again a month later under another number, for a little less, naming nothing."""
    deal, one = financed_invoice(trade), trade.on[0]
    fields = {"number": _other_number(one), "date": trade.date(35), "total_minor": one.attested * 96 // 100}
    show_invoice(trade, labels_of(trade, f"{ALTERED}/all-new"), [], **fields)
    repaid(deal, 40)


def declared_anew_as_new(trade: Trade) -> None:
    """Declare a cancelled shipment anew under other contract and bill numbers altogether."""
    serial = trade.on[0].number[-6:]
    _declare_anew(trade, f"{ANEW}/all-new", contract_no=f"N-{serial}-7", bill_no=f"NEWB{serial}99")


def buyer_first(trade: Trade) -> None:
    """Let the buyer borrow on the invoice, which the seller has not signed for, and the seller on the declaration."""
    one, bank = trade.ship(0), trade.banks[1]
    trade.link(trade.at(0, 4), bank, one)
    paper = f"{one.number}-invoice"
    invoice = trade.record(trade.at(0, 8), bank, paper, [one], name=f"{paper}-buyer", purpose="buyer")
    loan = trade.deal("", [invoice], 0, bank)
    loan.purpose = "buyer"
    trade.apply(loan, 12)
    loan.pay_out()
    apply_elsewhere(trade, one, 5, labels_of(trade, f"{BOTH}/buyer-first"))
    loan.repay_all(40)


EVASIONS: Final = (
    Story(next_month),
    *another_paper.EVASIONS,
    Story(declared_anew_as_new),
    Story(buyer_first),
)
"""What passes: nothing that is shown is alike, or nobody vouches for it. Measured, and no part of a simulation."""
