"""What identifies a paper, and what makes it look like another: the texts that the evaluator turns into fingerprints.

Here is only the text; the key is the evaluator's alone. *Exact* fingerprints are equal for two spellings of one paper
and never for two invoices; *soft* features are equal for papers that a person should compare. A field that is empty
makes neither. docs/reference/trade-papers.md names the kinds in English and Chinese and says where each may err.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from kouan.formats.normalisation import exact_identifier, exact_number, loose_name, loose_number
from kouan.formats.trade_papers import Contract, Invoice, Order, Party, TradePaper, TransportDocument

Fingerprint = tuple[str, bytes]
"""A kind and the canonical text in UTF-8: ``kouan/KIND/1`` and the parts, each on a line of its own."""

_REGISTERS: Final = re.compile("uscc|vat|[0-9]{4}")
"""Schemes under which one number never means two parties. Other schemes are names that a sender made up."""
_PREFERRED: Final = ("uscc", "vat")
"""Those that every trader has and others can look up. ISO 6523's come after them, by their digits."""


def exact_fingerprints(paper: TradePaper) -> list[Fingerprint]:
    """Return one fingerprint for each register's number of the party that numbers the paper; none without a number.

    Contract: seller, number. Invoice and credit note: seller, number, day. Order: buyer, seller, number; the seller by
    its first register's number alone. Transport document: consignor, full number. Social credit codes come first, then
    VAT numbers, then ISO 6523's by their digits.
    """
    match paper:
        case Contract():
            return _numbered("contract", paper.seller, paper.number)
        case Invoice():
            return _numbered(paper.kind, paper.seller, paper.number, paper.date.isoformat())
        case Order():
            return _order(paper, paper.number)
        case TransportDocument():
            return _numbered("transport", paper.consignor, paper.number)


def named_fingerprints(paper: TradePaper) -> list[Fingerprint]:
    """Return the exact fingerprints of other papers that a paper names, each the very text of that paper's own.

    An invoice names its order and its contract; a credit note the invoices that it credits, where it gives their day.
    """
    if not isinstance(paper, Invoice):
        return []
    if paper.kind == "credit-note":
        dated = [(one.number, one.date.isoformat()) for one in paper.credited if one.date is not None]
        return [one for number, day in dated for one in _numbered("invoice", paper.seller, number, day)]
    return [*_order(paper, paper.order_number), *_numbered("contract", paper.seller, paper.contract_number)]


def scheme_of(exact: Fingerprint) -> str:
    """Return the register by whose number the party stands first in an exact text, such as ``uscc``."""
    return exact[1].split(b"\n")[1].partition(b":")[0].decode()


def soft_features(paper: TradePaper) -> list[Fingerprint]:
    """Return what papers share that may be one and the same, or several papers of one trade."""
    match paper:
        case Contract():
            parts = [*_of_contract_number(_loose_keys(paper.seller), paper.number), *_of_amount(paper)]
        case Invoice():
            parts = list(_of_invoice(paper))
        case Order():
            parts = [*_of_order_number(paper, paper.number), *_of_amount(paper)]
        case TransportDocument():
            parts = list(_of_transport(paper))
    return _canonical(parts)


class DeclarationNumbers(NamedTuple):
    """What of an export declaration meets other papers."""

    owner_uscc: str
    """Who sells and sends the goods 境内收发货人."""
    contract_no: str | None
    """合同协议号."""
    bill_no: str | None
    """提运单号; of an air waybill ``master_house``."""


def declaration_fingerprints(numbers: DeclarationNumbers) -> list[Fingerprint]:
    """Return the exact fingerprints of the contract and the transport document that a declaration names."""
    key = _register_key("uscc", numbers.owner_uscc)
    named = (("contract", numbers.contract_no), ("transport", numbers.bill_no))
    return _canonical((kind, key, exact_number(number)) for kind, number in named)


def declaration_features(numbers: DeclarationNumbers) -> list[Fingerprint]:
    """Return what a declaration shares with papers, and with other declarations, that a person should compare."""
    owner = _register_key("uscc", numbers.owner_uscc)
    master_number = (numbers.bill_no or "").partition("_")[0]
    return _canonical(
        [
            *_of_contract_number([owner] if owner else [], numbers.contract_no),
            ("transport-number", loose_number(numbers.bill_no)),
            ("master-number", loose_number(master_number)),
        ]
    )


def _of_invoice(invoice: Invoice) -> Iterator[tuple[str | None, ...]]:
    """Yield numbers and amount; not the amount of a credit note, which shares it with its invoice by nature."""
    number = loose_number(invoice.number)
    for key in _loose_keys(invoice.seller):
        yield ("altered-number", invoice.kind, key, f"{invoice.date.year:04}", number)
    yield from _of_order_number(invoice, invoice.order_number)
    yield from _of_contract_number(_loose_keys(invoice.seller), invoice.contract_number)
    if invoice.kind == "invoice":
        yield from _of_amount(invoice)


def _of_transport(document: TransportDocument) -> Iterator[tuple[str | None, ...]]:
    """Yield the full number without its consignor, and the master number that several consignors may share."""
    yield ("transport-number", loose_number(document.number))
    master_number = document.number if document.kind == "sea-bill" else document.master_number
    yield ("master-number", loose_number(master_number))


def _of_order_number(paper: Invoice | Order, number: str | None) -> Iterator[tuple[str | None, ...]]:
    """Yield what an order shares with the invoices that name it; a buyer may count each seller's orders anew."""
    for seller in _loose_keys(paper.seller):
        for buyer in _loose_keys(paper.buyer):
            yield ("order-number", seller, buyer, loose_number(number))


def _of_contract_number(seller_keys: Iterable[str], number: str | None) -> Iterator[tuple[str | None, ...]]:
    """Yield what a contract shares with the invoices and declarations that name it."""
    for key in seller_keys:
        yield ("contract-number", key, loose_number(number))


def _of_amount(paper: Contract | Invoice | Order) -> Iterator[tuple[str | None, ...]]:
    """Yield both parties with the total and the month; a total of nothing says nothing."""
    total = str(paper.total_minor) if paper.total_minor else None
    month = paper.date.isoformat()[:7]
    for seller in _loose_keys(paper.seller):
        for buyer in _loose_keys(paper.buyer):
            yield ("parties-amount-month", seller, buyer, paper.currency, total, month)


def _numbered(kind: str, party: Party, number: str | None, *day: str) -> list[Fingerprint]:
    """Return the exact fingerprints of a paper that a party numbers, one for each of its registers' numbers."""
    return _canonical((kind, key, exact_number(number), *day) for key in registered(party))


def _order(paper: Invoice | Order, number: str | None) -> list[Fingerprint]:
    """Return the exact fingerprints of an order, or of the one that an invoice names.

    The seller stands in it: or a stranger's invoice could name the order that the buyer placed with somebody else.
    """
    seller = next(iter(registered(paper.seller)), None)
    return _canonical(("order", key, seller, exact_number(number)) for key in registered(paper.buyer))


def registered(party: Party) -> list[str]:
    """Return a party's numbers that registers gave it, as ``scheme:number``, the preferred ones first."""
    keys = {_register_key(one.scheme, one.value) for one in party.identifiers}
    return sorted((key for key in keys if key is not None), key=_preference)


def _preference(key: str) -> tuple[int, str]:
    scheme = key.partition(":")[0]
    return (_PREFERRED.index(scheme) if scheme in _PREFERRED else len(_PREFERRED), key)


def _register_key(scheme: str, value: str) -> str | None:
    number = exact_identifier(value)
    return f"{scheme}:{number}" if number is not None and _REGISTERS.fullmatch(scheme) else None


def _loose_keys(party: Party) -> Iterator[str]:
    """Yield register numbers, shared by papers in two languages, and the name, shared by papers without numbers."""
    yield from registered(party)
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
