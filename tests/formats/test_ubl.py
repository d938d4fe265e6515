"""Invoices and credit notes in UBL, read and written; what UBL and CII have in common is tried here on UBL."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.paper_strategies import damaged, invoices, result_of
from tests.formats.test_hostile_xml import HOSTILE

from kouan.formats.errors import FormatError
from kouan.formats.invoices import read_invoice
from kouan.formats.trade_papers import Identifier, Invoice, InvoiceReference
from kouan.formats.ubl import write_ubl

EXAMPLES = Path(__file__).parents[2] / "examples" / "papers"
INVOICE = (EXAMPLES / "invoice-ubl.xml").read_bytes()
CREDIT_NOTE = (EXAMPLES / "credit-note-ubl.xml").read_bytes()
CII = (EXAMPLES / "invoice-cii.xml").read_bytes()
PIECES = [
    b"<",
    b"</",
    b"]]>",
    b"&x;",
    b"<!DOCTYPE a>",
    b"&#0;",
    b"<!-- -->",
    b"<cbc:ID/>",
    b"<x xmlns='y'/>",
    b"-",
    b"9" * 30,
]


def refused(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read_invoice(data, "a.xml")
    return caught.value


def with_value(element: str, value: str, data: bytes = INVOICE) -> bytes:
    """The invoice with another value in the first `element`."""
    changed, count = re.subn(rf"(<{element}[^>]*>)[^<]*", lambda found: found[1] + value, data.decode(), count=1)
    assert count
    return changed.encode()


@settings(max_examples=60, deadline=None)
@given(invoices(for_ubl=True))
def test_what_is_written_reads_back_the_same(invoice: Invoice) -> None:
    """read(write(i)) == i, and equal invoices have equal bytes."""
    data = write_ubl(invoice)
    assert read_invoice(data, "a.xml") == invoice
    assert write_ubl(read_invoice(data, "a.xml")) == data


@pytest.mark.parametrize("data", [INVOICE, CREDIT_NOTE])
def test_each_example_is_as_kouan_writes_it(data: bytes) -> None:
    """Reading and writing an example gives its own bytes."""
    assert write_ubl(read_invoice(data, "a.xml")) == data


def test_what_a_bank_asks_of_an_invoice() -> None:
    """Number, day, parties, amounts, references and lines come out of the example."""
    invoice = read_invoice(INVOICE, "a.xml")
    assert (invoice.kind, invoice.type_code, invoice.number) == ("invoice", "380", "LN-2019-1107")
    assert invoice.date == dt.date(2019, 11, 7)
    assert invoice.seller.identifiers == (Identifier(scheme="uscc", value="91310115MA1K0LNG14"),)
    assert invoice.buyer.identifiers == (Identifier(scheme="vat", value="DE999999990"),)
    assert (invoice.currency, invoice.total_minor, invoice.payable_minor) == ("USD", 11_928_000, 9_542_400)
    assert (invoice.order_number, invoice.contract_number) == ("NL-PO-4471", "LN-2019-0417")
    assert [line.amount_minor for line in invoice.lines] == [5_550_000, 4_968_000, 1_410_000]
    assert (invoice.lines[0].quantity, invoice.lines[0].unit) == (Decimal(3000), "C62")


def test_a_credit_note_names_the_invoice_it_credits() -> None:
    """Number and day of the earlier invoice, the amount above zero."""
    credit_note = read_invoice(CREDIT_NOTE, "a.xml")
    assert (credit_note.kind, credit_note.payable_minor) == ("credit-note", 92_000)
    assert credit_note.credited == (InvoiceReference(number="LN-2019-1107", date=dt.date(2019, 11, 7)),)


def test_the_standards_other_elements_are_passed_over() -> None:
    """Notes, taxes, extensions and attributes that Kouan does not use do not disturb."""
    text = INVOICE.decode()
    text = text.replace(
        "<cbc:UBLVersionID>",
        "<ext:UBLExtensions xmlns:ext='urn:oasis:names:specification:ubl:schema:"
        "xsd:CommonExtensionComponents-2'><x xmlns='any'/></ext:UBLExtensions><cbc:UBLVersionID>",
    )
    text = text.replace(
        "<cac:LegalMonetaryTotal>",
        "<!-- tax --><cac:TaxTotal><cbc:TaxAmount currencyID='EUR'>1.234"
        "</cbc:TaxAmount></cac:TaxTotal><cac:LegalMonetaryTotal>",
    )
    text = text.replace("<cbc:ID>LN", "<cbc:ID schemeName='ours'>LN").replace("<cbc:Name>", "<cbc:Note/><cbc:Name>")
    assert read_invoice(text.encode(), "a.xml") == read_invoice(INVOICE, "a.xml")


@pytest.mark.parametrize(
    ("element", "value", "says"),
    [
        ("cbc:IssueDate", "2019-02-29", "IssueDate: is '2019-02-29'; give a real date"),
        ("cbc:IssueDate", "20191107", "give a real date as yyyy-mm-dd"),
        ("cbc:IssueDate", "２０１９-11-07", "give a real date"),
        ("cbc:InvoiceTypeCode", "325", "InvoiceTypeCode: is '325'; give an invoice or a credit note"),
        ("cbc:InvoiceTypeCode", "389", "is '389'; give"),
        ("cbc:InvoiceTypeCode", "381", "InvoiceTypeCode: is 381, which is no invoice; give the root element"),
        ("cbc:DocumentCurrencyCode", "EUR", "is in 'USD', the invoice in EUR"),
        ("cbc:DocumentCurrencyCode", "XAU", "give an ISO 4217 currency"),
        ("cbc:DocumentCurrencyCode", "502", "give an ISO 4217 currency"),
        ("cbc:DocumentCurrencyCode", "", "Invoice/DocumentCurrencyCode: is missing"),
        ("cbc:PayableAmount", "95424.005", "USD has 2 decimals"),
        ("cbc:PayableAmount", "95425", "make the totals agree"),
        ("cbc:PayableAmount", "1e3", "give a plain decimal number"),
        ("cbc:PayableAmount", "NaN", "give a plain decimal number"),
        ("cbc:PayableAmount", "90071992547409.92", "at most 9007199254740991 minor units"),
        ("cbc:PayableAmount", "-1", "make the totals agree"),
        ("cbc:PayableAmount", "<x/>", "contains markup"),
        ("cbc:PayableAmount", "", "LegalMonetaryTotal/PayableAmount: is missing"),
        ("cbc:PrepaidAmount", "23856.0000000001", "USD has 2 decimals"),
        ("cbc:LineExtensionAmount", "", "InvoiceLine[1]/LineExtensionAmount: is missing"),
        ("cbc:InvoicedQuantity", "many", "InvoiceLine[1]/InvoicedQuantity: is 'many'; give a number"),
        ("cbc:ID", "", "Invoice/ID: is missing"),
        ("cbc:ID", "x" * 101, "Invoice/ID: has 101 characters"),
        ("cbc:ID", "LN\u202e1107", "invisible character U+202E"),
        ("cbc:ID", "LN<!-- -->1107", "Invoice/ID: contains markup"),
        ("cbc:ID schemeID", "91310115MA1K0LNG1", "PartyIdentification/ID: '91310115MA1K0LNG1' is not a unified"),
        ("cbc:RegistrationName", "", "AccountingSupplierParty/Party/PartyName/Name: is missing"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_would_be_right(element: str, value: str, says: str) -> None:
    """The error gives file, line, path, the fault and the remedy."""
    error = refused(with_value(element, value))
    assert says in str(error)
    assert re.match(r"a\.xml:[0-9]+: Invoice/[^ ]+: .+; .+", str(error))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("xsd:Invoice-2", "xsd:Invoice-3", "XML: has the root element 'Invoice' in 'urn:oasis"),
        ("xsd:CommonBasicComponents-2", "xsd:CommonBasicComponents-1", "is in the namespace"),
        ("<cbc:IssueDate>", "<IssueDate>2019-11-07</IssueDate><cbc:IssueDate>", "Invoice/'IssueDate': is in the names"),
        ("<cbc:IssueDate>", "<cbc:IssueDate>2019-11-07</cbc:IssueDate><cbc:IssueDate>", "Invoice/IssueDate[2]: stands"),
        (
            "<cbc:PayableAmount",
            "<cbc:PayableAmount>1</cbc:PayableAmount><cbc:PayableAmount",
            "PayableAmount[2]: stands",
        ),
        ("<cbc:RegistrationName>", "<cbc:RegistrationName>A</cbc:RegistrationName><cbc:RegistrationName>", "twice"),
        ("<cac:OrderReference>", "stray<cac:OrderReference>", "Invoice: has text between its elements"),
        ("AccountingCustomerParty>", "BuyerCustomerParty>", "AccountingCustomerParty/Party: is missing"),
        ("LegalMonetaryTotal>", "RequestedMonetaryTotal>", "Invoice/LegalMonetaryTotal: is missing"),
        ('schemeID="uscc"', 'schemeID="a b"', "has the scheme 'a b'"),
        ('unitCode="C62"', 'unitCode="abcdefghijklmnopqrstuvwxyz"', "the attribute unitCode that has 26 characters"),
    ],
)
def test_a_wrong_layout_is_named(old: str, new: str, says: str) -> None:
    """Foreign namespaces, doubles, stray text and missing parts are refused by name."""
    assert old in INVOICE.decode()
    assert says in str(refused(INVOICE.decode().replace(old, new).encode()))


def test_more_identifiers_than_anyone_has_are_refused() -> None:
    """Each makes fingerprints of its own; five are too many."""
    extra = "".join(
        f'<cac:PartyIdentification><cbc:ID schemeID="0088">{n}</cbc:ID></cac:PartyIdentification>' for n in range(4)
    )
    data = INVOICE.replace(b"<cac:PartyIdentification>", extra.encode() + b"<cac:PartyIdentification>", 1)
    assert "has 5 identifiers; give at most 4" in str(refused(data))


@pytest.mark.parametrize(
    ("scheme", "value", "kept"),
    [
        ("", "91310115MA1K0LNG14", ("uscc", "91310115MA1K0LNG14")),
        ("USCC", "91310115MA1K0LNG15", ("uscc", "91310115MA1K0LNG15")),
        ("", "91310115MA1K0LNG15", None),
        ("", "10001", None),
        ("0088", "5790000436101", ("0088", "5790000436101")),
        ("SELLERLIST", "7", ("sellerlist", "7")),
    ],
)
def test_a_number_without_a_scheme_names_nobody(scheme: str, value: str, kept: tuple[str, str] | None) -> None:
    """Only a valid social credit code is known by itself; whose list "10001" is in, nobody can say."""
    text = INVOICE.decode().replace('schemeID="uscc"', f'schemeID="{scheme}"').replace("91310115MA1K0LNG14", value)
    found = read_invoice(text.encode(), "a.xml").seller.identifiers
    assert [(one.scheme, one.value) for one in found] == ([] if kept is None else [kept])


def test_a_chinese_taxpayer_number_is_the_social_credit_code() -> None:
    """The same code in the tax scheme names the same seller."""
    data = INVOICE.replace(b"DE999999990", b"91310115MA1K0LNG14")
    assert read_invoice(data, "a.xml").buyer.identifiers == (Identifier(scheme="uscc", value="91310115MA1K0LNG14"),)


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("JPY", "119280", 119_280), ("KWD", "1.5", 1_500), ("USD", "+1.5000", 150)]
)
def test_amounts_are_minor_units_of_their_currency(currency: str, amount: str, minor: int) -> None:
    """A yen has no decimals, a dinar three; zeros behind do not make an amount finer."""
    text = re.sub("<cbc:(TaxInclusive|Prepaid)Amount.*\n", "", INVOICE.decode()).replace("USD", currency)
    text = re.sub(r"(<cbc:LineExtensionAmount[^>]*>)[^<]*", r"\g<1>1", text)
    assert read_invoice(with_value("cbc:PayableAmount", amount, text.encode()), "a.xml").payable_minor == minor


def test_rounding_and_advance_enter_the_total() -> None:
    """Without a total with tax it follows from what is payable, prepaid and rounded."""
    data = re.sub(rb"<cbc:TaxInclusiveAmount.*\n", b"", INVOICE)
    rounding = b'<cbc:PayableRoundingAmount currencyID="USD">-0.01</cbc:PayableRoundingAmount><cbc:PayableAmount'
    assert read_invoice(data.replace(b"<cbc:PayableAmount", rounding), "a.xml").total_minor == 11_928_001


def test_a_total_below_zero_is_refused() -> None:
    """An invoice that claims less than nothing is a credit note."""
    data = re.sub(rb"<cbc:(TaxInclusive|Prepaid)Amount.*\n", b"", INVOICE)
    assert "PayableAmount: is below zero" in str(refused(with_value("cbc:PayableAmount", "-5.00", data)))


@pytest.mark.parametrize(
    "change",
    [
        {"lines": ()},
        {"number": " A1 "},
        {"number": "A\x001"},
        {"kind": "credit-note"},
        {"payable_minor": -1},
        {"currency": "EURO"},
    ],
)
def test_what_ubl_cannot_carry_is_not_written(change: dict[str, object]) -> None:
    """Writing refuses a record that would not read back as itself."""
    with pytest.raises(FormatError):
        write_ubl(msgspec.structs.replace(read_invoice(INVOICE, "a.xml"), **change))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_as_declarations_are(name: str) -> None:
    """The same parser stands before every XML format."""
    data, says = HOSTILE[name]
    assert says in str(refused(data))


def test_a_doctype_before_a_real_invoice_is_refused() -> None:
    """Not only toy documents: entities never reach the reader of a whole invoice."""
    data = INVOICE.replace(b"<Invoice ", b'<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<Invoice ', 1)
    assert "document type declaration" in str(refused(data))


@pytest.mark.parametrize("data", [INVOICE, CREDIT_NOTE, CII], ids=["invoice", "credit-note", "cii"])
@settings(max_examples=150, deadline=None)
@given(draws=st.data())
def test_a_damaged_file_is_an_invoice_or_a_format_error(draws: st.DataObject, data: bytes) -> None:
    """Nothing else comes out, whatever bytes change."""
    result = result_of(read_invoice, draws.draw(damaged(data, PIECES)))
    assert isinstance(result, Invoice | FormatError)
