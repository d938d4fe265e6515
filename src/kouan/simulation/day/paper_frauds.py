"""Frauds that only a trade's other papers show: refused by the ledger, or told by the evaluator before money goes out.

A kind has two halves: the fraud as bankers name it, and how it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kouan.modules.cases.records import Purpose
from kouan.simulation.day.deals import Recorded
from kouan.simulation.day.paper_stories import (
    Story,
    anew,
    buyers_invoice,
    financed_declaration,
    financed_invoice,
    financed_order,
    order_finance,
    repaid,
)
from kouan.simulation.day.papers import invoice_number
from kouan.simulation.day.trade import Declared
from kouan.simulation.day.trades import Labels, Trade

ALTERED: Final = "altered-invoice-number"
ANOTHER: Final = "another-paper-of-the-trade"
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


def _labels(trade: Trade, kind: str) -> Labels:
    return {"attempt": f"{trade.name}x", "fraud": kind}


def _try(trade: Trade, on: Declared | Recorded, day: int, labels: Labels, purpose: Purpose = "seller") -> None:
    """Apply at a third bank for all that may be lent on a document."""
    attempt = trade.deal("x", [on], day, trade.banks[2])
    attempt.amounts = [on.limit]
    attempt.purpose = purpose
    trade.apply(attempt, 30, labels)


def _show_invoice(trade: Trade, labels: Labels, consents: list[Declared], **other: Any) -> None:
    """Show an invoice about the first shipment at a third bank, and apply on it."""
    one, day = trade.on[0], 5
    fields: dict[str, Any] = {"contract_number": one.declaration.contract_no if consents else None} | other
    paper = trade.invoice(one, f"{trade.name}-invoice-x", **fields)
    bank = trade.banks[2]
    shown = trade.record(trade.at(day, 10), bank, paper, [one], consents, labels=labels)
    _try(trade, shown, day, labels)


def _other_number(one: Declared) -> str:
    return invoice_number(one).replace("-", "-9")


def _altered(kind: str, alterations: tuple[Callable[[str], str], ...]) -> Callable[[Trade], None]:
    def tell(trade: Trade) -> None:
        deal, one = financed_invoice(trade), trade.on[0]
        number = trade.random.choice(alterations)(invoice_number(one))
        worth = one.attested * trade.random.choice((100, 100, 97)) // 100
        consents = [one] if trade.random.randrange(3) == 0 else []
        _show_invoice(trade, _labels(trade, f"{ALTERED}/{kind}"), consents, number=number, total_minor=worth)
        repaid(deal, 40)

    return tell


def renumbered(trade: Trade) -> None:
    """Invoice the same sale again in the same month, under another number altogether."""
    deal, one = financed_invoice(trade), trade.on[0]
    _show_invoice(trade, _labels(trade, f"{ALTERED}/another-number"), [], number=_other_number(one))
    repaid(deal, 40)


def declaration_after_invoice(trade: Trade) -> None:
    """Show the declaration at another bank, while the invoice is lent on."""
    deal, one = financed_invoice(trade), trade.on[0]
    _try(trade, one, 5, _labels(trade, f"{ANOTHER}/declaration"))
    repaid(deal, 40)


def shipment_of_order(trade: Trade) -> None:
    """Show the declaration of the first shipment at another bank, while the order is lent on."""
    order_finance(trade)
    one, labels = trade.declared[0], _labels(trade, f"{ANOTHER}/shipment-of-an-order")
    _try(trade, one, 7, labels)


def bill_after_declaration(trade: Trade) -> None:
    """Show the bill of lading at another bank, while the declaration is lent on."""
    deal, one = financed_declaration(trade), trade.on[0]
    labels = _labels(trade, f"{ANOTHER}/bill")
    consents = [one] if trade.random.randrange(2) else []
    shown = trade.record(trade.at(5, 10), trade.banks[2], f"{one.number}-bill", [one], consents, labels=labels)
    _try(trade, shown, 5, labels)
    repaid(deal, 40)


def contract_after_declaration(trade: Trade) -> None:
    """Show the contract at another bank, while the declaration is lent on."""
    deal, one = financed_declaration(trade), trade.on[0]
    labels = _labels(trade, f"{ANOTHER}/contract")
    consents = [one] if trade.random.randrange(2) else []
    shown = trade.record(trade.at(5, 10), trade.banks[2], trade.contract(), [one], consents, labels=labels)
    _try(trade, shown, 5, labels)
    repaid(deal, 40)


def invoice_after_order(trade: Trade) -> None:
    """Show the invoice at another bank without the order's number, while the order is lent on."""
    _, deal = financed_order(trade)
    trade.ship(0, 3)
    _show_invoice(trade, _labels(trade, f"{ANOTHER}/invoice-of-an-order"), [], date=trade.date(-20))
    deal.act(8, "release", reason="withdrawn")
    deal.repay(30, [deal.amounts[0] * 2 // 5], 12, "seller")


def both_sides(trade: Trade) -> None:
    """Let the buyer borrow on the invoice, while the seller's loan is out."""
    of_invoice = trade.random.randrange(2)
    deal = financed_invoice(trade) if of_invoice else financed_declaration(trade)
    labels = _labels(trade, f"{BOTH}/{'invoice' if of_invoice else 'declaration'}")
    invoice = buyers_invoice(trade, trade.on[0], 5, trade.banks[2], labels)
    _try(trade, invoice, 5, labels, "buyer")
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
    one, labels = anew(trade, old), _labels(trade, kind)
    trade.link(trade.at(5, 10), trade.banks[2], one, labels)
    _try(trade, one, 5, labels)
    deal.repay_all(30, "seller")


FRAUDS: Final = (
    *(Story(_altered(kind, alterations)) for kind, alterations in _ALTERATIONS.items()),
    Story(renumbered),
    Story(declaration_after_invoice),
    Story(shipment_of_order, shipments=2),
    Story(bill_after_declaration),
    Story(contract_after_declaration),
    Story(invoice_after_order),
    Story(both_sides, weight=2),
    Story(declared_anew, weight=2),
    Story(declared_anew_altered),
)


def next_month(trade: Trade) -> None:
    """Invoice the sale again a month later under another number, for a little less, naming nothing."""
    deal, one = financed_invoice(trade), trade.on[0]
    fields = {"number": _other_number(one), "date": trade.date(35), "total_minor": one.attested * 96 // 100}
    _show_invoice(trade, _labels(trade, f"{ALTERED}/all-new"), [], **fields)
    repaid(deal, 40)


def unnamed_invoice(trade: Trade) -> None:
    """Show an invoice that names no contract, while the declaration is lent on."""
    deal = financed_declaration(trade)
    _show_invoice(trade, _labels(trade, f"{ANOTHER}/naming-nothing"), [])
    repaid(deal, 40)


def declared_anew_as_new(trade: Trade) -> None:
    """Declare a cancelled shipment anew under other contract and bill numbers altogether."""
    serial = trade.on[0].number[-6:]
    _declare_anew(trade, f"{ANEW}/all-new", contract_no=f"N-{serial}-7", bill_no=f"NEWB{serial}99")


EVASIONS: Final = (Story(next_month), Story(unnamed_invoice), Story(declared_anew_as_new))
"""What neither can see, for nothing that is shown is alike: measured, and no part of a simulation."""
