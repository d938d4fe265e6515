"""What identifies a paper, and what makes it look like another: the texts that the evaluator turns into fingerprints.

Here is only the text; the key is the evaluator's alone. *Exact* fingerprints are equal for two spellings of one paper
and never for two invoices; *soft* features are equal for papers that a person should compare. A field that is empty
makes neither. docs/reference/trade-papers.md names the kinds in English and Chinese and says where each may err.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from kouan.formats.normalisation import exact_identifier, exact_number, loose_name, loose_number
from kouan.formats.trade_papers import Invoice, Order, Party, TradePaper, TransportDocument

Fingerprint = tuple[str, bytes]
"""A kind and the canonical text in UTF-8: ``kouan/KIND/1`` and the parts, each on a line of its own."""

_REGISTERS: Final = re.compile("uscc|vat|[0-9]{4}")
"""Schemes under which one number never means two parties. Other schemes are names that a sender made up."""


def exact_fingerprints(paper: TradePaper) -> list[Fingerprint]:
    """Return one fingerprint for each register's number of the party that numbers the paper; none without a number.

    Invoice and credit note: seller, number, day. Order: buyer, number. Transport document: consignor, full number.
    """
    day: tuple[str, ...] = ()
    match paper:
        case Invoice():
            kind, party, day = str(paper.kind), paper.seller, (paper.date.isoformat(),)
        case Order():
            kind, party = "order", paper.buyer
        case TransportDocument():
            kind, party = "transport", paper.consignor
    number = exact_number(paper.number)
    return _canonical((kind, key, number, *day) for key in _keys(party))


def soft_features(paper: TradePaper) -> list[Fingerprint]:
    """Return what papers share that may be one and the same, or several papers of one trade."""
    match paper:
        case Invoice():
            parts = list(_of_invoice(paper))
        case Order():
            parts = [*_of_order_number(paper.buyer, paper.number), *_of_amount(paper)]
        case TransportDocument():
            parts = list(_of_transport(paper))
    return _canonical(parts)


def _of_invoice(invoice: Invoice) -> Iterator[tuple[str | None, ...]]:
    """Yield number, order and amount; not the amount of a credit note, which shares it with its invoice by nature."""
    number = loose_number(invoice.number)
    for key in _loose_keys(invoice.seller):
        yield ("altered-number", invoice.kind, key, f"{invoice.date.year:04}", number)
    yield from _of_order_number(invoice.buyer, invoice.order_number)
    if invoice.kind == "invoice":
        yield from _of_amount(invoice)


def _of_transport(document: TransportDocument) -> Iterator[tuple[str | None, ...]]:
    """Yield the full number without its consignor, and the master number that several consignors may share."""
    yield ("transport-number", loose_number(document.number))
    master_number = document.number if document.kind == "sea-bill" else document.master_number
    yield ("master-number", loose_number(master_number))


def _of_order_number(buyer: Party, number: str | None) -> Iterator[tuple[str | None, ...]]:
    """Yield what an order shares with the invoices that name it."""
    for key in _loose_keys(buyer):
        yield ("order-number", key, loose_number(number))


def _of_amount(paper: Invoice | Order) -> Iterator[tuple[str | None, ...]]:
    """Yield both parties with the total and the month; a total of nothing says nothing."""
    total = str(paper.total_minor) if paper.total_minor else None
    month = paper.date.isoformat()[:7]
    for seller in _loose_keys(paper.seller):
        for buyer in _loose_keys(paper.buyer):
            yield ("parties-amount-month", seller, buyer, paper.currency, total, month)


def _keys(party: Party) -> Iterator[str]:
    for one in party.identifiers:
        number = exact_identifier(one.value)
        if number is not None and _REGISTERS.fullmatch(one.scheme):
            yield f"{one.scheme}:{number}"


def _loose_keys(party: Party) -> Iterator[str]:
    """Yield register numbers, shared by papers in two languages, and the name, shared by papers without numbers."""
    yield from _keys(party)
    name = loose_name(party.name)
    if name is not None:
        yield f"name:{name}"


def _canonical(parts: Iterable[tuple[str | None, ...]]) -> list[Fingerprint]:
    """Return kind and text of those whose parts are all there, each once. No part holds a line break."""
    found: dict[Fingerprint, None] = {}
    for kind, *rest in parts:
        if kind is not None and None not in rest:
            text = "\n".join([f"kouan/{kind}/1", *(part for part in rest if part is not None)])
            found[kind, text.encode()] = None
    return list(found)
