"""Honest trades of several papers: what is lent on an order, an invoice or to the buyer, and what only looks wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kouan.formats.trade_papers import InvoiceReference
from kouan.simulation.cast import CUSTOMS
from kouan.simulation.clock import DAY_MS
from kouan.simulation.day.deals import Deal, Recorded, main_key
from kouan.simulation.day.papers import invoice_number
from kouan.simulation.day.script import Confirm, Correct, Join, Named, PayOff, Review, Withdraw
from kouan.simulation.day.trade import Declared
from kouan.simulation.day.trades import CONFIRMED_BP, Labels, Trade


class Story(NamedTuple):
    """How a trade goes, and what it needs."""

    tell: Callable[[Trade], object]
    shipments: int = 1
    apart: bool = False
    """Of different traders."""
    weight: int = 1


def alike(kind: str, attempt: str) -> Labels:
    """Return the labels of an honest application that looks like a fraud."""
    return {"attempt": attempt, "lookalike": kind}


def repaid(deal: Deal, day: int) -> None:
    """Let the buyer pay in full, and the loan be repaid from it."""
    deal.collect(day, 100, final=True)
    deal.repay_all(day + 1)


def financed_declaration(trade: Trade, place: int = 0, suffix: str = "", labels: Labels | None = None) -> Deal:
    """Let a bank lend on a declaration of the trade, which it links first; the money goes out on the next day."""
    one, bank = trade.ship(place), trade.banks[place]
    trade.link(trade.at(0, 8), bank, one, labels)
    deal = trade.deal(suffix, [one], 0, bank)
    trade.apply(deal, 12, labels)
    deal.pay_out()
    return deal


def shown_invoice(
    trade: Trade, one: Declared, day: int, bank: str, labels: Labels | None = None, paper: str = ""
) -> Recorded:
    """Let a bank link a declaration and record its invoice, with the owner's word that they belong together."""
    trade.link(trade.at(day, 4), bank, one, labels)
    paper = paper or f"{one.number}-invoice"
    return trade.record(trade.at(day, 6), bank, paper, [one], [one], labels=labels)


def financed_invoice(trade: Trade, place: int = 0, day: int = 0, suffix: str = "", kind: str = "") -> Deal:
    """Let a bank lend on an invoice, which the buyer's bank has perhaps confirmed."""
    one, bank = trade.ship(place, day), trade.banks[place]
    labels = alike(kind, f"{trade.name}{suffix}") if kind else None
    invoice = shown_invoice(trade, one, day, bank, labels)
    if trade.random.randrange(2):
        by = main_key(trade.banks[2])
        trade.events.append(Confirm(at_ms=trade.at(day, 8), by=by, document=invoice.number))
        invoice = invoice._replace(limit=invoice.attested * CONFIRMED_BP // 10_000)
    deal = trade.deal(suffix, [invoice], day, bank)
    trade.apply(deal, 12, labels)
    deal.pay_out()
    return deal


def invoice_finance(trade: Trade) -> None:
    """Lend on an invoice; the buyer pays."""
    repaid(financed_invoice(trade), 40)


def credited_invoice(trade: Trade) -> None:
    """Lend on an invoice that a credit note lowers; the loan is cut by as much."""
    one, bank = trade.ship(0), trade.banks[0]
    invoice = shown_invoice(trade, one, 0, bank)
    deal = trade.deal("", [invoice], 0, bank)
    trade.apply(deal, 12)
    deal.pay_out()
    earlier = (InvoiceReference(number=invoice_number(one), date=one.declaration.ie_date),)
    back = one.attested // 5
    note = trade.invoice(
        one,
        f"{one.number}-credit",
        kind="credit-note",
        type_code="381",
        number=f"CN-{invoice_number(one)}",
        date=trade.date(9),
        credited=earlier,
        total_minor=back,
    )
    at_ms, left = trade.at(9, 10), invoice.attested - back
    by = main_key(bank)
    trade.events.append(Correct(at_ms=at_ms, by=by, document=invoice.number, paper=note, amount=left))
    number, unit = invoice.number, invoice.unit
    at_ms = trade.at(9, 20)
    trade.events.append(Review(at_ms=at_ms, by=by, loan=deal.name, number=number, unit=unit, revision=1))
    part = deal.amounts[0] // 5
    deal.repay(10, [part], 1, "seller")
    deal.repay(50, [deal.amounts[0] - part], 40)


def contract_finance(trade: Trade) -> None:
    """Lend on a contract; the shipment joins it as soon as it is linked, and the same bank's export bill pays off."""
    bank = trade.banks[0]
    contract = trade.record(trade.at(0, 6), bank, trade.contract(), trade.on)
    deal = trade.deal("", [contract], 0, bank)
    trade.apply(deal, 12)
    deal.pay_out()
    one = trade.ship(0, 8)
    trade.link(trade.at(8, 4), bank, one)
    _refinance(trade, deal, [one], 10, bank, "refinanced-after-shipment")


def order_finance(trade: Trade) -> Deal:
    """Lend on an order; the rest is paid out after the first shipment, and another bank's export bill pays off."""
    trade.under_one_contract()
    order, loan = financed_order(trade)
    bank, successor = trade.banks[:2]
    one = trade.ship(0, 5)
    named = trade.invoice(one, f"{one.number}-invoice", order_number=trade.order_number)
    trade.link(trade.at(5, 4), bank, one)
    trade.record(trade.at(5, 6), bank, named, [one], [order, one])
    loan.act(8, "disburse", 12, amounts=[loan.amounts[0] - loan.amounts[0] * 2 // 5], registration="registered")
    trade.label(alike("order-after-first-shipment", f"{loan.name}-rest"))
    for place in range(1, len(trade.on)):
        later = trade.ship(place, 10 + place)
        named = trade.invoice(later, f"{later.number}-invoice", order_number=trade.order_number)
        trade.link(trade.at(10 + place, 4), successor, later)
        trade.record(trade.at(10 + place, 6), successor, named, [later], [later])
    return _refinance(trade, loan, trade.on, 15, successor, "refinanced-after-shipment")


def financed_order(trade: Trade) -> tuple[Recorded, Deal]:
    """Let a bank lend on the order; two fifths of the loan are paid out at once, the hold is a long one."""
    bank = trade.banks[0]
    order = trade.record(trade.at(0, 6), bank, trade.order(), trade.on)
    loan = trade.deal("", [order], 0, bank)
    trade.apply(loan, 12, lapse_ms=loan.at(0, 12) + 13 * DAY_MS)
    loan.act(1, "disburse", 10, amounts=[loan.amounts[0] * 2 // 5], registration="registered")
    return order, loan


def _refinance(trade: Trade, old: Deal, on: list[Declared], day: int, bank: str, kind: str) -> Deal:
    """Pay a loan off by one on what was shipped, at the same or another bank, and let the buyer pay that."""
    new = trade.deal("b", on, day, bank)
    consent_by = None if bank == old.bank else main_key(old.bank)
    pay_off = PayOff(loan=old.name, amounts=list(old.amounts), interest=77, consent_by=consent_by)
    trade.apply(new, 20, alike(kind, new.name), lapse_ms=0, pays_off=pay_off)
    repaid(new, 50)
    return new


def order_with_invoice(trade: Trade) -> None:
    """Lend a part on the order, and at another bank a part on the invoice that names it: the trade carries both."""
    order, loan = _part_on_order(trade)
    one, bank = trade.ship(0, 6), trade.banks[1]
    named = trade.invoice(one, f"{one.number}-invoice", order_number=trade.order_number)
    labels = alike("order-with-its-invoice", f"{trade.name}b")
    trade.link(trade.at(6, 4), bank, one, labels)
    invoice = trade.record(trade.at(6, 6), bank, named, [one], [order, one], labels=labels)
    _rest(trade, loan, invoice, 6, labels)


def order_and_unnamed_invoice(trade: Trade) -> None:
    """Do the same with an invoice that names no order: the owners sign that they belong together."""
    order, loan = _part_on_order(trade, -1)
    one, bank = trade.ship(0, 6), trade.banks[1]
    labels = alike("order-joined-by-its-owner", f"{trade.name}b")
    invoice = shown_invoice(trade, one, 6, bank, labels)
    both = [Named(order.number, order.unit), Named(one.number, one.unit)]
    trade.events.append(Join(at_ms=trade.at(6, 8), by=main_key(bank), consents=both, **labels))
    _rest(trade, loan, invoice, 6, labels)


def _part_on_order(trade: Trade, ordered: int = -20) -> tuple[Recorded, Deal]:
    bank = trade.banks[0]
    order = trade.record(trade.at(0, 6), bank, trade.order(ordered), trade.on)
    loan = trade.deal("", [order], 0, bank)
    loan.amounts = [max(1, order.limit * 2 // 5)]
    trade.apply(loan, 12)
    loan.pay_out()
    return order, loan


def _rest(trade: Trade, loan: Deal, invoice: Recorded, day: int, labels: Labels) -> None:
    other = trade.deal("b", [invoice], day, trade.banks[1])
    other.amounts = [max(1, invoice.limit * 2 // 5)]
    trade.apply(other, 12, labels)
    other.pay_out()
    loan.repay_all(40, "seller")
    repaid(other, 50)


def recurring_number(trade: Trade) -> None:
    """Lend on an invoice, and early in the next year at another bank on one of the same number."""
    number = invoice_number(trade.on[0])
    repaid(financed_invoice(trade), 90)
    one, bank = trade.ship(1, 60), trade.banks[1]
    labels = alike("number-of-last-year", f"{trade.name}b")
    paper = trade.invoice(one, f"{one.number}-invoice", number=number)
    invoice = shown_invoice(trade, one, 60, bank, labels, paper)
    deal = trade.deal("b", [invoice], 60, bank)
    trade.apply(deal, 12, labels)
    deal.pay_out()
    repaid(deal, 40)


def split_invoices(trade: Trade) -> None:
    """Invoice one shipment in two parts, -1 and -2, and let two banks lend on them."""
    one = trade.ship(0)
    first = one.attested * 2 // 5
    for place, total_minor in enumerate((first, one.attested - first)):
        number, bank = f"{invoice_number(one)}-{place + 1}", trade.banks[place]
        paper = trade.invoice(one, f"{one.number}-invoice-{place + 1}", number=number, total_minor=total_minor)
        labels = alike("split-invoices", f"{trade.name}{place + 1}")
        invoice = shown_invoice(trade, one, place, bank, labels, paper)
        deal = trade.deal(str(place + 1), [invoice], place, bank)
        trade.apply(deal, 12, labels)
        deal.pay_out()
        deal.repay_all(30, "seller")


def equal_amounts(trade: Trade) -> None:
    """Sell the same goods to the same buyer twice in a month, and finance the invoices at two banks."""
    trade.restate(1, lines=trade.on[0].declaration.lines)
    for place in range(2):
        repaid(financed_invoice(trade, place, suffix=str(place + 1), kind="equal-invoices-of-a-month"), 40)


def shipments_of_one_contract(trade: Trade) -> None:
    """Ship twice under one contract, and let two banks lend on the declarations."""
    trade.under_one_contract()
    for place in range(2):
        suffix = str(place + 1)
        labels = alike("shipments-of-one-contract", f"{trade.name}{suffix}")
        financed_declaration(trade, place, suffix, labels).repay_all(40, "seller")


def invoice_and_export_bill(trade: Trade) -> None:
    """Ship twice under one contract; lend on the first invoice, and at another bank on the second declaration.

    The ledger cannot know that they are two shipments: the second bank looks first.
    """
    trade.under_one_contract()
    first = financed_invoice(trade)
    one, bank = trade.ship(1, 5), trade.banks[1]
    labels = alike("invoice-and-bill-of-two-shipments", f"{trade.name}b")
    trade.link(trade.at(5, 4), bank, one, labels)
    (invoice,) = first.on
    trade.look(trade.at(5, 8), bank, invoice, "other-shipment", labels)
    deal = trade.deal("b", [one], 5, bank)
    # At a provisional price the first declaration carries less than what was lent on its invoice.
    deal.amounts = [min(deal.amounts[0], trade.on[0].limit + one.limit - first.amounts[0])]
    trade.apply(deal, 12, labels)
    deal.pay_out()
    repaid(first, 40)
    deal.repay_all(50, "seller")


def one_buyers_number(trade: Trade) -> None:
    """Let one buyer order of two sellers under one number, and their banks lend on the invoices that name it."""
    trade.restate(1, overseas_consignee_name=trade.on[0].declaration.overseas_consignee_name)
    number = trade.order_number
    for place, bank in enumerate(trade.banks[:2]):
        suffix = str(place + 1)
        labels = alike("sellers-with-one-buyers-number", f"{trade.name}{suffix}")
        ordered = trade.order(of=[trade.on[place]])
        order = trade.record(trade.at(0, 6 + place), bank, ordered, [trade.on[place]], labels=labels)
        one = trade.ship(place, 6)
        named = trade.invoice(one, f"{one.number}-invoice", order_number=number)
        trade.link(trade.at(6, 4), bank, one, labels)
        invoice = trade.record(trade.at(6, 6 + place), bank, named, [one], [order, one], labels=labels)
        deal = trade.deal(suffix, [invoice], 6, bank)
        trade.apply(deal, 12, labels)
        deal.pay_out()
        repaid(deal, 40)


def neighbours(trade: Trade) -> None:
    """Let two traders share a container, whose master bill both declarations name."""
    master_number = trade.on[0].declaration.bill_no
    trade.restate(1, bill_no=master_number)
    for place in range(2):
        suffix = str(place + 1)
        labels = alike("neighbours-in-a-container", f"{trade.name}{suffix}")
        repaid(financed_declaration(trade, place, suffix, labels), 40)
        trade.bill(trade.on[place], number=f"{master_number}-{suffix}", master_number=master_number)


def house_bills(trade: Trade) -> None:
    """Let two traders ship by one forwarder, whose house bills have neighbouring numbers; banks lend on the bills."""
    serial = int(trade.on[0].number[-5:])
    for place in range(2):
        trade.restate(place, bill_no=f"DFF-SH-{serial + place:06}")
        one, bank = trade.ship(place), trade.banks[place]
        labels = alike("house-bills-of-one-forwarder", f"{trade.name}{place + 1}")
        trade.link(trade.at(0, 4), bank, one, labels)
        bill = trade.record(trade.at(0, 6), bank, f"{one.number}-bill", [one], [one], labels=labels)
        deal = trade.deal(str(place + 1), [bill], 0, bank)
        trade.apply(deal, 12, labels)
        deal.pay_out()
        repaid(deal, 40)


def declared_anew(trade: Trade) -> None:
    """Cancel a declaration that was keyed wrongly before anybody lent on it, and lend on the one in its place."""
    wrong, bank = trade.ship(0), trade.banks[0]
    trade.link(trade.at(0, 8), bank, wrong)
    one = anew(trade, wrong)
    labels = alike("declared-anew-unlent", f"{trade.name}b")
    trade.link(trade.at(4, 8), bank, one, labels)
    deal = trade.deal("b", [one], 4, bank)
    trade.apply(deal, 12, labels)
    deal.pay_out()
    repaid(deal, 40)


def anew(trade: Trade, old: Declared) -> Declared:
    """Cancel a declaration on the third day and declare the shipment again on the fourth."""
    event = Withdraw(at_ms=trade.at(3, 5), by=main_key(CUSTOMS), number=old.number, unit=old.unit, reason="not-shipped")
    trade.events.append(event)
    trade.restate(0, entry_id=f"{old.number[:9]}5{old.number[10:]}")
    return trade.ship(0, 4)


def buyers_finance(trade: Trade) -> None:
    """Lend to the seller on the declaration, and to the buyer on the invoice, which pays the seller's loan off."""
    deal, one, bank = financed_declaration(trade), trade.on[0], trade.banks[1]
    by_refinancing = trade.random.randrange(2) == 0
    kind = "buyers-refinancing" if by_refinancing else "buyers-finance-after-review"
    labels = alike(kind, f"{trade.name}b")
    invoice = buyers_invoice(trade, one, 10, bank, labels)
    loan = trade.deal("b", [invoice], 10, bank)
    loan.purpose = "buyer"
    if by_refinancing:
        pay_off = PayOff(loan=deal.name, amounts=list(deal.amounts), interest=9, consent_by=main_key(deal.bank))
        trade.apply(loan, 20, labels, lapse_ms=0, pays_off=pay_off)
    else:
        trade.look(trade.at(10, 18), bank, invoice, "pays-other-side-off", labels)
        trade.apply(loan, 20, labels)
        loan.pay_out()
        repaid(deal, 12)
    loan.repay_all(50)


def stranger_as_buyer(trade: Trade) -> None:
    """Let somebody borrow as the buyer of a contract without its seller's word, and then the seller at another bank."""
    one, bank, strangers_bank = trade.ship(0), *trade.banks[:2]
    labels = alike("stranger-as-buyer", f"{trade.name}b")
    trade.link(trade.at(0, 4), bank, one, labels)
    number = invoice_number(one).replace("-", "-8")
    paper = trade.invoice(one, f"{trade.name}-stranger", number=number, total_minor=one.attested * 2 // 3)
    invoice = trade.record(trade.at(0, 8), strangers_bank, paper, [one], purpose="buyer")
    loan = trade.deal("", [invoice], 1, strangers_bank)
    loan.purpose = "buyer"
    trade.apply(loan, 12)
    loan.pay_out()
    deal = trade.deal("b", [one], 5, bank)
    trade.apply(deal, 12, labels)
    deal.pay_out()
    repaid(deal, 40)
    loan.repay_all(50)


def buyers_invoice(trade: Trade, one: Declared, day: int, bank: str, labels: Labels) -> Recorded:
    """Let a bank record the invoice of a shipment for finance to the buyer."""
    paper = f"{one.number}-invoice"
    name = f"{paper}-buyer"
    return trade.record(trade.at(day, 8), bank, paper, [one], name=name, purpose="buyer", labels=labels)


STORIES: Final = (
    Story(invoice_finance, weight=3),
    Story(credited_invoice),
    Story(contract_finance),
    Story(order_finance, shipments=2, weight=2),
    Story(order_finance, shipments=3),
    Story(order_with_invoice),
    Story(order_and_unnamed_invoice),
    Story(recurring_number, shipments=2),
    Story(split_invoices),
    Story(equal_amounts, shipments=2),
    Story(shipments_of_one_contract, shipments=2),
    Story(invoice_and_export_bill, shipments=2),
    Story(one_buyers_number, shipments=2, apart=True),
    Story(neighbours, shipments=2, apart=True),
    Story(house_bills, shipments=2, apart=True),
    Story(declared_anew),
    Story(buyers_finance, weight=2),
    Story(stranger_as_buyer),
)
