"""The other papers of what is declared: invoice, house bill, order, all of them saying what the declaration says."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from kouan.formats.invoices import read_invoice
from kouan.formats.paper_forms import read_form, write_form
from kouan.formats.trade_papers import (
    Contract,
    Identifier,
    Invoice,
    InvoiceLine,
    Order,
    Party,
    TradePaper,
    TransportDocument,
)
from kouan.formats.ubl import write_ubl
from kouan.simulation.cast import TRADERS
from kouan.simulation.day.trade import Declared

PAPERS: Final = "papers"
Shelf = dict[str, TradePaper]
"""Papers by the name of their file, without its ending."""
Sale = TypeVar("Sale", Contract, Order)
_FORWARDER: Final = Party(name="Dongfang Freight Forwarding")


def seller_of(one: Declared) -> Party:
    """Return who sells what is declared. Where several traders play the same part, their names are numbered."""
    again, part = divmod(one.trader, len(TRADERS))
    name = TRADERS[part].en + (f" {again + 1}" if again else "")
    return Party(name=name, identifiers=(Identifier(scheme="uscc", value=one.declaration.owner_uscc),))


def buyer_of(one: Declared) -> Party:
    """Return who buys it, with an invented D-U-N-S number."""
    name = one.declaration.overseas_consignee_name or ""
    number = f"{zlib.crc32(name.encode()) % 10**9:09}"
    return Party(name=name, identifiers=(Identifier(scheme="0060", value=number),))


def invoice_number(one: Declared) -> str:
    """Return the seller's number of the invoice: its initials, and a number that begins again every year."""
    initials = "".join(word[0] for word in TRADERS[one.trader % len(TRADERS)].en.split())
    return f"{initials}-{int(one.number[-8:]) - 99_999:06}"


def invoice_of(one: Declared, **other: Any) -> Invoice:
    """Return the invoice of what is declared, but for ``other`` fields."""
    (line,) = one.declaration.lines
    total_minor = other.pop("total_minor", one.attested)
    lines = (InvoiceLine(description=line.name, quantity=line.quantity, unit="C62", amount_minor=total_minor),)
    fields: dict[str, Any] = {
        "kind": "invoice",
        "type_code": "380",
        "number": invoice_number(one),
        "date": one.declaration.ie_date,
        "seller": seller_of(one),
        "buyer": buyer_of(one),
        "currency": one.unit,
        "contract_number": one.declaration.contract_no,
        "lines": lines,
    }
    return Invoice(**(fields | other), total_minor=total_minor, payable_minor=total_minor)


def bill_of(one: Declared, **other: Any) -> TransportDocument:
    """Return the forwarder's bill of what is declared, but for ``other`` fields."""
    declaration = one.declaration
    vessel, _, voyage = (declaration.traf_name or "").partition("/")
    fields: dict[str, Any] = {
        "kind": "house-bill",
        "date": declaration.ie_date,
        "consignor": seller_of(one),
        "number": declaration.bill_no,
        "master_number": f"M{declaration.bill_no}",
        "consignee": buyer_of(one),
        "carrier": _FORWARDER,
        "vessel": vessel or None,
        "voyage": voyage or None,
        "gross_weight_kg": declaration.gross_weight_kg,
    }
    return TransportDocument(**(fields | other))


def sale_of(kind: type[Sale], number: str, of: Sequence[Declared], date: dt.date) -> Sale:
    """Return the order or the contract of several shipments."""
    return kind(
        number=number,
        date=date,
        buyer=buyer_of(of[0]),
        seller=seller_of(of[0]),
        currency=of[0].unit,
        total_minor=sum(one.attested for one in of),
    )


def write_papers(directory: Path, shelf: Mapping[str, TradePaper]) -> None:
    """Write each paper: invoices as UBL, others as forms."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, paper in shelf.items():
        if isinstance(paper, Invoice):
            (directory / f"{name}.xml").write_bytes(write_ubl(paper))
        else:
            (directory / f"{name}.json").write_bytes(write_form(paper))


def read_papers(directory: Path) -> Shelf:
    """Return the papers in a directory; raises OSError, and FormatError that names the file."""
    shelf: Shelf = {}
    for path in sorted(directory.iterdir()):
        read = read_invoice if path.suffix == ".xml" else read_form
        shelf[path.stem] = read(path.read_bytes(), str(path))
    return shelf
