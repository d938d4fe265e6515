"""Kouan's own forms, in JSON, for papers that exist only on paper or as PDF: contract, order, transport, typed invoice.

A person or a program types what the paper says; docs/reference/trade-papers.md lists the fields. Reading is strict:
an unknown or doubled field, a number where text belongs, or a format that is not known is an error that names it.
"""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from kouan.formats import paper_fields as p
from kouan.formats.errors import FormatError
from kouan.formats.field_types import written
from kouan.formats.form_object import FormObject, parse_form
from kouan.formats.identifiers import container
from kouan.formats.trade_papers import (
    MAX_AMOUNT,
    TYPE_CODES,
    Contract,
    Identifier,
    Invoice,
    InvoiceLine,
    InvoiceReference,
    Order,
    Party,
    TradePaper,
    TransportDocument,
    TransportKind,
)

_FORMATS: Final[dict[type, str]] = {
    Contract: "kouan/contract/1",
    Invoice: "kouan/typed-invoice/1",
    Order: "kouan/order/1",
    TransportDocument: "kouan/transport/1",
}
_Sale = TypeVar("_Sale", Contract, Order)
"""What states the same of a sale, numbered by the seller or by the buyer."""
_TRANSPORT_KINDS: Final[tuple[TransportKind, ...]] = ("sea-bill", "house-bill", "airway-bill", "truck")
_WRITTEN: Final = "written form"
"""What errors call a form that has no file yet."""
_UNLIKE: Final = "does not read back as it was; give stripped texts, identifiers in order, numbers that fit the kind"


def read_form(data: bytes, file: str) -> TradePaper:
    """Return the paper that the form in `data` describes, by its field ``format``; `file` names it in errors.

    Raises `FormatError` for the first problem found, at line 1 unless the JSON itself is broken.
    """
    return _read(parse_form(data, file))


def paper_of(fields: dict[str, Any], file: str) -> TradePaper:
    """Return the paper that a form's fields describe, as JSON's own types; `file` is what errors call them.

    Raises `FormatError`.
    """
    return _read(FormObject(fields, file))


def write_form(paper: TradePaper) -> bytes:
    """Return the form of a paper in UTF-8; equal papers give equal bytes, and they read back as they were.

    Raises `FormatError` for a paper that the form cannot carry.
    """
    try:
        data = msgspec.json.encode(fields_of(paper))
    except UnicodeEncodeError:
        raise FormatError(_WRITTEN, 1, "form", "contains half a character; give printable text") from None
    data = msgspec.json.format(data, indent=2) + b"\n"
    if read_form(data, _WRITTEN) != paper:
        raise FormatError(_WRITTEN, 1, "form", _UNLIKE)
    return data


def fields_of(paper: TradePaper) -> dict[str, Any]:
    """Return the fields of a paper's form as JSON's own types, its ``format`` among them; what is empty is left out."""
    fields = _plain(paper)
    if isinstance(paper, Invoice):
        del fields["kind"]  # follows from the type code
    return {"format": _FORMATS[type(paper)], **fields}


def _read(form: FormObject) -> TradePaper:
    name = form.needed_text("format", p.number)
    if name not in _READERS:
        raise form.error("format", f"is not known; give {', '.join(sorted(_READERS))}")
    paper = _READERS[name](form)
    form.refuse_others()
    return paper


def _read_invoice(form: FormObject) -> Invoice:
    type_code = form.needed_text("type_code", p.type_code)
    return Invoice(
        kind=TYPE_CODES[type_code],
        type_code=type_code,
        number=form.needed_text("number", p.number),
        date=form.needed_text("date", p.iso_date),
        seller=_read_party(form.needed_object("seller")),
        buyer=_read_party(form.needed_object("buyer")),
        currency=form.needed_text("currency", p.currency),
        total_minor=form.needed_integer("total_minor", 0, MAX_AMOUNT),
        payable_minor=form.needed_integer("payable_minor", 0, MAX_AMOUNT),
        order_number=form.text("order_number", p.number),
        contract_number=form.text("contract_number", p.number),
        credited=tuple(_read_reference(earlier) for earlier in form.objects("credited")),
        lines=tuple(_read_line(line) for line in form.objects("lines")),
    )


def _read_sale(form: FormObject, kind: type[_Sale]) -> _Sale:
    return kind(
        number=form.needed_text("number", p.number),
        date=form.needed_text("date", p.iso_date),
        buyer=_read_party(form.needed_object("buyer")),
        seller=_read_party(form.needed_object("seller")),
        currency=form.needed_text("currency", p.currency),
        total_minor=form.needed_integer("total_minor", 0, MAX_AMOUNT),
    )


def _read_transport(form: FormObject) -> TransportDocument:
    kind = form.needed_text("kind", _transport_kind)
    number, master_number = _read_transport_numbers(form, kind)
    consignee, carrier = form.object("consignee"), form.object("carrier")
    containers = tuple(form.texts("containers", container))
    if len(set(containers)) < len(containers):
        raise form.error("containers", "names a container twice; give each once")
    return TransportDocument(
        kind=kind,
        date=form.needed_text("date", p.iso_date),
        consignor=_read_party(form.needed_object("consignor")),
        number=number,
        master_number=master_number,
        consignee=None if consignee is None else _read_party(consignee),
        carrier=None if carrier is None else _read_party(carrier),
        vessel=form.text("vessel", p.conveyance),
        voyage=form.text("voyage", p.conveyance),
        containers=containers,
        gross_weight_kg=form.text("gross_weight_kg", p.weight_kg),
    )


_READERS: Final[dict[str, Callable[[FormObject], TradePaper]]] = {
    "kouan/contract/1": lambda form: _read_sale(form, Contract),
    "kouan/typed-invoice/1": _read_invoice,
    "kouan/order/1": lambda form: _read_sale(form, Order),
    "kouan/transport/1": _read_transport,
}


def _transport_kind(value: str) -> TransportKind:
    for kind in _TRANSPORT_KINDS:
        if kind == value:
            return kind
    raise ValueError(f"is not known; give {', '.join(_TRANSPORT_KINDS)}")


def _read_transport_numbers(form: FormObject, kind: TransportKind) -> tuple[str | None, str | None]:
    """Return full number and master number: which of the two a document has depends on its kind."""
    number = form.text("number", p.airway_number if kind == "airway-bill" else p.number)
    master_number = form.text("master_number", p.number)
    if kind == "truck" and number is not None:
        raise form.error("number", "is given, but carriage by road has none; leave it out")
    if kind != "truck" and number is None:
        raise form.error("number", f"is missing; every {kind} has one")
    if kind == "airway-bill" and number is not None:
        of_number = number.partition("_")[0]
        if master_number not in {None, of_number}:
            raise form.error("master_number", f"is not the master in the number; give {of_number} or leave it out")
        master_number = of_number
    elif kind != "house-bill" and master_number is not None:
        raise form.error("master_number", f"is given, but a {kind} has no master above it; leave it out")
    return number, master_number


def _read_party(form: FormObject) -> Party:
    identifiers = [_read_identifier(one) for one in form.objects("identifiers")]
    name = form.needed_text("name", p.name)
    form.refuse_others()
    try:
        return Party(name=name, identifiers=p.in_order(identifiers))
    except ValueError as error:
        raise form.error("identifiers", str(error)) from None


def _read_identifier(form: FormObject) -> Identifier:
    scheme = form.needed_text("scheme", p.number)
    found = form.needed_text("value", lambda value: p.needed_identifier(scheme, value))
    form.refuse_others()
    return found


def _read_reference(form: FormObject) -> InvoiceReference:
    earlier = InvoiceReference(number=form.needed_text("number", p.number), date=form.text("date", p.iso_date))
    form.refuse_others()
    return earlier


def _read_line(form: FormObject) -> InvoiceLine:
    line = InvoiceLine(
        description=form.text("description", p.description),
        quantity=form.text("quantity", p.quantity),
        unit=form.text("unit", p.unit),
        amount_minor=form.integer("amount_minor", -MAX_AMOUNT, MAX_AMOUNT),
    )
    form.refuse_others()
    return line


def _plain(value: Any) -> Any:
    """Return a record as JSON's own types, without the fields that are empty."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value).items()
        return {name: _plain(field) for name, field in fields if field is not None and field != ()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return written(value)
    return value
