"""Frauds that finance a trade through another of its papers: declaration, invoice, bill, contract, order."""

from __future__ import annotations

from typing import Final

from kouan.modules.cases.records import MAX_DOCUMENTS
from kouan.simulation.cast import CUSTOMS
from kouan.simulation.day.attempts import apply_elsewhere, labels_of, show_invoice
from kouan.simulation.day.deals import main_key
from kouan.simulation.day.paper_stories import (
    Story,
    financed_declaration,
    financed_invoice,
    financed_order,
    order_finance,
    repaid,
)
from kouan.simulation.day.papers import invoice_number
from kouan.simulation.day.script import Amend
from kouan.simulation.day.trade import Declared
from kouan.simulation.day.trades import Labels, Trade

ANOTHER: Final = "another-paper-of-the-trade"


def declaration_after_invoice(trade: Trade) -> None:
    """Show the declaration at another bank, while the invoice is lent on."""
    deal, one = financed_invoice(trade), trade.on[0]
    apply_elsewhere(trade, one, 5, labels_of(trade, f"{ANOTHER}/declaration"))
    repaid(deal, 40)


def shipment_of_order(trade: Trade) -> None:
    """Show the declaration of the first shipment at another bank, while the order is lent on."""
    order_finance(trade)
    one, labels = trade.declared[0], labels_of(trade, f"{ANOTHER}/shipment-of-an-order")
    apply_elsewhere(trade, one, 7, labels)


def bill_after_declaration(trade: Trade) -> None:
    """Show the bill of lading at another bank, while the declaration is lent on."""
    deal, one = financed_declaration(trade), trade.on[0]
    labels = labels_of(trade, f"{ANOTHER}/bill")
    consents = [one] if trade.random.randrange(2) else []
    shown = trade.record(trade.at(5, 10), trade.banks[2], f"{one.number}-bill", [one], consents, labels=labels)
    apply_elsewhere(trade, shown, 5, labels)
    repaid(deal, 40)


def contract_after_declaration(trade: Trade) -> None:
    """Show the contract at another bank, while the declaration is lent on."""
    deal, one = financed_declaration(trade), trade.on[0]
    labels = labels_of(trade, f"{ANOTHER}/contract")
    consents = [one] if trade.random.randrange(2) else []
    shown = trade.record(trade.at(5, 10), trade.banks[2], trade.contract(), [one], consents, labels=labels)
    apply_elsewhere(trade, shown, 5, labels)
    repaid(deal, 40)


def invoice_after_order(trade: Trade) -> None:
    """Show the invoice at another bank without the order's number, while the order is lent on."""
    _, deal = financed_order(trade)
    trade.ship(0, 3)
    show_invoice(trade, labels_of(trade, f"{ANOTHER}/invoice-of-an-order"), [], date=trade.date(-20))
    deal.act(8, "release", reason="withdrawn")
    deal.repay(30, [deal.amounts[0] * 2 // 5], 12, "seller")


def under_larger_contract(trade: Trade) -> None:
    """Lend on a declaration or its invoice, and at another bank on the other one, under a contract of more goods."""
    trade.under_one_contract()
    of_invoice = trade.random.randrange(2)
    deal = financed_invoice(trade) if of_invoice else financed_declaration(trade)
    one, labels = trade.on[0], labels_of(trade, f"{ANOTHER}/under-a-larger-contract")
    trade.record(trade.at(5, 8), trade.banks[2], trade.contract(), trade.on, [one], labels=labels)
    _other_kind(trade, labels, of_invoice=not of_invoice)
    trade.ship(1, 20)
    repaid(deal, 40)


def beside_another_shipment(trade: Trade) -> None:
    """Do the same where a second shipment, on which nobody lends, would carry it."""
    trade.on.sort(key=lambda one: one.attested)
    trade.under_one_contract()
    of_invoice = trade.random.randrange(2)
    deal = financed_invoice(trade) if of_invoice else financed_declaration(trade)
    trade.link(trade.at(2, 8), trade.banks[1], trade.ship(1, 2))
    _other_kind(trade, labels_of(trade, f"{ANOTHER}/beside-another-shipment"), of_invoice=not of_invoice)
    repaid(deal, 40)


def _other_kind(trade: Trade, labels: Labels, *, of_invoice: bool) -> None:
    """Show the invoice or the declaration of the first shipment at a third bank, and apply on it."""
    one = trade.on[0]
    if of_invoice:
        show_invoice(trade, labels, [one])
    else:
        apply_elsewhere(trade, one, 5, labels)


def full_case(trade: Trade) -> None:
    """Lend on an invoice, fill its case with invoices of some cents, and show the declaration at another bank."""
    one, bank, filling = trade.ship(0), trade.banks[0], trade.banks[2]
    invoice = trade.record(trade.at(0, 6), bank, f"{one.number}-invoice", [one])
    deal = trade.deal("", [invoice], 0, bank)
    trade.apply(deal, 12)
    deal.pay_out()
    labels = labels_of(trade, f"{ANOTHER}/full-case")
    for cents in range(1, MAX_DOCUMENTS):
        number = f"{invoice_number(one)}{100 + cents}"
        paper = trade.invoice(one, f"{trade.name}-invoice-x{cents}", number=number, total_minor=cents)
        trade.record(trade.at(3, 10), filling, paper, [one], [invoice], labels=labels)
    trade.link(trade.at(5, 10), filling, one, labels)
    apply_elsewhere(trade, one, 5, labels)
    repaid(deal, 40)


def corrected_number(trade: Trade) -> None:
    """Link a declaration with a wrong contract number, let customs correct it, lend on the invoice, and show it."""
    one = _corrected(trade, financed=False)
    paper = trade.invoice(one, f"{one.number}-invoice")
    bank = trade.banks[0]
    invoice = trade.record(trade.at(3, 6), bank, paper, [one])
    deal = trade.deal("", [invoice], 3, bank)
    trade.apply(deal, 12)
    deal.pay_out()
    labels = labels_of(trade, f"{ANOTHER}/corrected-number")
    trade.link(
        trade.at(6, 10), trade.banks[2], one, labels
    )  # anew, since its numbers are not those that it was linked by
    apply_elsewhere(trade, one, 6, labels)
    repaid(deal, 40)


def _corrected(trade: Trade, *, financed: bool) -> Declared:
    """Link a declaration, perhaps lend on it, and let customs correct its contract number; return it as it is then."""
    right = trade.on[0].declaration.contract_no or ""
    trade.restate(0, contract_no=f"K-{trade.on[0].number[-6:]}-3")
    if financed:
        financed_declaration(trade).repay_all(40, "seller")
    else:
        trade.link(trade.at(1, 8), trade.banks[1], trade.ship(0))
    one = trade.on[0]
    event = Amend(
        at_ms=trade.at(2, 20),
        by=main_key(CUSTOMS),
        number=one.number,
        unit=one.unit,
        attested=one.attested,
        reason="correction",
        contract_no=right,
    )
    trade.events.append(event)
    trade.restate(0, contract_no=right)
    return trade.on[0]


def unnamed_invoice(trade: Trade) -> None:
    """Show an invoice that names no contract, while the declaration is lent on."""
    deal = financed_declaration(trade)
    show_invoice(trade, labels_of(trade, f"{ANOTHER}/naming-nothing"), [])
    repaid(deal, 40)


def corrected_after_lending(trade: Trade) -> None:
    """Lend on a declaration under a wrong contract number, let customs correct it, and show the invoice elsewhere."""
    one = _corrected(trade, financed=True)
    show_invoice(
        trade, labels_of(trade, f"{ANOTHER}/corrected-after-lending"), [], contract_number=one.declaration.contract_no
    )


FRAUDS: Final = (
    Story(declaration_after_invoice),
    Story(shipment_of_order, shipments=2, weight=2),
    Story(bill_after_declaration),
    Story(contract_after_declaration),
    Story(invoice_after_order),
    Story(under_larger_contract, shipments=2, weight=2),
    Story(beside_another_shipment, shipments=2, weight=2),
    Story(full_case),
    Story(corrected_number),
)
EVASIONS: Final = (Story(unnamed_invoice), Story(corrected_after_lending))
"""What passes, since nothing that is shown leads from one to the other."""
