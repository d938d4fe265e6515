"""Kouan's own forms: contract, order, transport document, typed invoice."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.paper_strategies import contracts, damaged, invoices, orders, result_of, transport_documents

from kouan.formats.errors import FormatError
from kouan.formats.hardened_xml import MAX_BYTES
from kouan.formats.paper_forms import fields_of, paper_of, read_form, write_form
from kouan.formats.trade_papers import Contract, Invoice, Order, TradePaper, TransportDocument

EXAMPLES = Path(__file__).parents[2] / "examples" / "papers"
FORMS = {path.stem: path.read_bytes() for path in sorted(EXAMPLES.glob("*.json"))}
PIECES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"1e9",
    b"-1",
    b"9" * 5000,
    b'"\\ud800"',
    b"NaN",
    b"[" * 50,
]
DROP: Any = object()


def refused(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read_form(data, "a.json")
    return caught.value


def changed(form: str, path: str, value: Any) -> bytes:
    """The form with another value at a path such as ``seller.name``; DROP takes the field out."""
    whole = json.loads(FORMS[form])
    here = whole
    *steps, last = path.split(".")
    for step in steps:
        here = here[int(step) if step.isdigit() else step]
    if value is DROP:
        del here[last]
    else:
        here[last] = value
    return json.dumps(whole).encode()


@settings(max_examples=150, deadline=None)
@given(contracts | invoices() | orders | transport_documents())
def test_what_is_written_reads_back_the_same(paper: TradePaper) -> None:
    """read(write(p)) == p, and equal papers have equal bytes; the fields of a form are the paper as well."""
    data = write_form(paper)
    assert json.loads(data) == fields_of(paper)
    assert paper_of(fields_of(paper), "the form") == paper
    assert read_form(data, "a.json") == paper
    assert write_form(read_form(data, "a.json")) == data


@pytest.mark.parametrize("form", FORMS)
def test_each_example_is_as_kouan_writes_it(form: str) -> None:
    """Reading and writing an example gives its own bytes."""
    assert write_form(read_form(FORMS[form], "a.json")) == FORMS[form]


def test_what_the_forms_say() -> None:
    """One of each: contract, order, airway bill with its master, truck without number, invoice, sea bill."""
    contract = read_form(FORMS["contract"], "a.json")
    assert isinstance(contract, Contract)
    assert contract.seller.name == "Shanghai Lingang Precision Manufacturing Co., Ltd."
    order, airway_bill, truck, invoice, sea_bill = (
        read_form(FORMS[name], "a.json") for name in ("order", "airway-bill", "truck", "typed-invoice", "sea-bill")
    )
    assert isinstance(order, Order)
    assert (order.number, order.total_minor, order.currency) == ("NL-PO-4471", 59_640_000, "USD")
    assert isinstance(airway_bill, TransportDocument)
    assert (airway_bill.number, airway_bill.master_number) == ("00012345675_DFF00219", "00012345675")
    assert isinstance(truck, TransportDocument)
    assert (truck.number, truck.master_number) == (None, None)
    assert isinstance(invoice, Invoice)
    assert (invoice.kind, invoice.payable_minor) == ("invoice", 9_542_400)
    assert isinstance(sea_bill, TransportDocument)
    assert (sea_bill.containers, sea_bill.gross_weight_kg) == (("CSQU3054383",), Decimal("8640.5"))


@pytest.mark.parametrize(
    ("form", "path", "value", "says"),
    [
        (
            "order",
            "format",
            "kouan/order/2",
            "is not known; give kouan/contract/1, kouan/order/1, kouan/transport/1",
        ),
        ("contract", "seller", DROP, "seller: is missing"),
        ("contract", "total_minor", DROP, "total_minor: is missing"),
        ("contract", "order_number", "7", "'order_number': is not a field of the form"),
        ("order", "format", DROP, "format: is missing"),
        ("order", "number", DROP, "number: is missing"),
        ("order", "number", None, "number: is missing"),
        ("order", "number", "  ", "number: is empty; leave out"),
        ("order", "number", 4471, "number: is a number; give a text in quotes"),
        ("order", "number", "\ud800", "number: contains half a character"),
        ("order", "number", "A\u200b1", "number: contains the invisible character U+200B"),
        ("order", "note", "x", "'note': is not a field of the form"),
        ("order", "date", "26.08.2019", "date: is '26.08.2019'; give a real date as yyyy-mm-dd"),
        ("order", "currency", "usd", "currency: is 'usd'; give an ISO 4217 currency"),
        ("order", "total_minor", "59640000", "total_minor: is a text; give a whole number"),
        ("order", "total_minor", 1.5, "total_minor: is a number; give a whole number"),
        ("order", "total_minor", True, "total_minor: is true or false; give a whole number"),
        ("order", "total_minor", -1, "total_minor: is '-1'; give a whole number from 0 to"),
        ("order", "total_minor", 2**53, "total_minor: is '9007199254740992'; give a whole number from 0"),
        ("order", "buyer", "Nordlicht", "buyer: is a text; give an object"),
        ("order", "buyer", DROP, "buyer: is missing"),
        ("order", "buyer.phone", "1", "buyer.'phone': is not a field"),
        ("order", "buyer.identifiers", {}, "buyer.identifiers: is an object; give a list"),
        ("order", "buyer.identifiers.0.value", "999999990", "buyer.identifiers[1].value: is '999999990'; give a VAT"),
        ("order", "seller.identifiers.0.value", "91310115", "seller.identifiers[1].value: '91310115' is not a unified"),
        ("order", "seller.identifiers.0.scheme", "my list", "seller.identifiers[1].value: has the scheme 'my list'"),
        ("typed-invoice", "type_code", "325", "type_code: is '325'; give an invoice or a credit note of type 326"),
        ("typed-invoice", "kind", "invoice", "'kind': is not a field"),
        ("typed-invoice", "payable_minor", DROP, "payable_minor: is missing"),
        ("typed-invoice", "lines", [1], "lines[1]: is a number; give an object"),
        ("typed-invoice", "lines", [{"quantity": "1,5"}], "lines[1].quantity: is '1,5'; give a number"),
        ("typed-invoice", "lines", [{"price": 1}], "lines[1].'price': is not a field"),
        ("typed-invoice", "credited", [{"date": "2019-01-01"}], "credited[1].number: is missing"),
        ("sea-bill", "kind", "rail", "kind: is not known; give sea-bill, house-bill, airway-bill, truck"),
        ("sea-bill", "number", DROP, "number: is missing; every sea-bill has one"),
        ("sea-bill", "master_number", "M1", "master_number: is given, but a sea-bill has no master"),
        ("sea-bill", "containers", ["CSQU3054384"], "containers[1]: 'CSQU3054384' has the check digit 4"),
        ("sea-bill", "containers", ["CSQU3054383"] * 2, "containers: names a container twice"),
        ("sea-bill", "containers", [None], "containers[1]: is missing"),
        ("sea-bill", "gross_weight_kg", "-1", "gross_weight_kg: is '-1'; give a number that is not negative"),
        ("sea-bill", "gross_weight_kg", 8640, "gross_weight_kg: is a number; give a text"),
        ("truck", "number", "1", "number: is given, but carriage by road has none"),
        ("airway-bill", "number", "000-12345675", "number: is '000-12345675'; give the 11 digits"),
        ("airway-bill", "number", "00012345670_H1", "number: is '00012345670_H1'; its eleventh digit would be 5"),
        ("airway-bill", "number", "00012345675_", "give the 11 digits"),
        ("airway-bill", "master_number", "00012345686", "master_number: is not the master in the number"),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(form: str, path: str, value: Any, says: str) -> None:
    """The error gives file, path, the fault and the remedy."""
    error = refused(changed(form, path, value))
    assert says in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "a.json:1: JSON: is broken"),
        (b'{\n"a": }', "a.json:2: JSON: is broken"),
        (b"[]", "form: is a list; give an object"),
        (b'{"a": 1, "a": 2}', "JSON: has the field 'a' twice"),
        (b'{"a": NaN}', "JSON: has the number NaN"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON: has a number of more than"),
        (b"[" * 100_000, "JSON: nests too deep"),
        (b'{"a": \n"\xff"}', "a.json:2: encoding: has bytes that are not UTF-8"),
        ('{"format": "订单"}'.encode("gbk"), "encoding: has bytes that are not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "encoding: has bytes that are not UTF-8"),
        (b" " * (MAX_BYTES + 1), "file: is larger than"),
        (b"<Invoice/>", "JSON: is broken"),
    ],
)
def test_hostile_and_broken_json_is_refused(data: bytes, says: str) -> None:
    """Doubled names, endless numbers, depth, size and foreign encodings each have their error."""
    assert says in str(refused(data))


def test_a_byte_order_mark_is_passed_over() -> None:
    """Some editors put it in."""
    assert read_form(b"\xef\xbb\xbf" + FORMS["order"], "a.json") == read_form(FORMS["order"], "a.json")


@pytest.mark.parametrize(
    ("form", "change"),
    [
        ("order", {"number": " 1"}),
        ("order", {"number": "\ud800"}),
        ("order", {"total_minor": 2**53}),
        ("typed-invoice", {"kind": "credit-note"}),
        ("truck", {"number": "1"}),
        ("airway-bill", {"master_number": None}),
    ],
)
def test_what_the_form_cannot_carry_is_not_written(form: str, change: dict[str, object]) -> None:
    """Writing refuses a record that would not read back as itself."""
    paper = read_form(FORMS[form], "a.json")
    with pytest.raises(FormatError):
        write_form(msgspec.structs.replace(paper, **change))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(draws=st.data())
def test_a_damaged_form_is_a_paper_or_a_format_error(draws: st.DataObject, form: str) -> None:
    """Nothing else comes out, whatever bytes change; what is read is written and reads back."""
    result = result_of(read_form, draws.draw(damaged(FORMS[form], PIECES)))
    if not isinstance(result, FormatError):
        assert read_form(write_form(result), "a.json") == result
