"""Invoices in UN/CEFACT CII; what the readers have in common is tried on UBL."""

import datetime as dt
import re

import pytest
from tests.formats.test_ubl import CII, INVOICE, refused

from kouan.formats.invoices import read_invoice
from kouan.formats.trade_papers import Identifier, InvoiceReference


def with_text(old: str, new: str) -> bytes:
    assert old in CII.decode()
    return CII.decode().replace(old, new).encode()


def test_one_invoice_reads_the_same_from_both_standards() -> None:
    """Whichever system sends it, the record is equal in every field."""
    assert read_invoice(CII, "a.xml") == read_invoice(INVOICE, "b.xml")


def test_a_credit_note_is_told_by_its_type_and_names_the_invoice() -> None:
    """CII has one root for both."""
    reference = (
        "<ram:InvoiceReferencedDocument><ram:IssuerAssignedID>LN-2019-1001</ram:IssuerAssignedID>"
        '<ram:FormattedIssueDateTime><qdt:DateTimeString xmlns:qdt="urn:un:unece:uncefact:data:standard:'
        'QualifiedDataType:100" format="102">20191001</qdt:DateTimeString></ram:FormattedIssueDateTime>'
        "</ram:InvoiceReferencedDocument></ram:ApplicableHeaderTradeSettlement>"
    )
    data = with_text("</ram:ApplicableHeaderTradeSettlement>", reference).replace(b">380<", b">381<")
    credit_note = read_invoice(data, "a.xml")
    assert (credit_note.kind, credit_note.type_code) == ("credit-note", "381")
    assert credit_note.credited == (InvoiceReference(number="LN-2019-1001", date=dt.date(2019, 10, 1)),)


def test_invoices_of_the_profiles_without_lines_are_read() -> None:
    """Short profiles carry totals only."""
    lines = rb" *<ram:IncludedSupplyChainTradeLineItem>.*</ram:IncludedSupplyChainTradeLineItem>\n"
    data = re.sub(lines, b"", CII, flags=re.DOTALL)
    assert read_invoice(data, "a.xml").lines == ()


def test_identifiers_come_from_id_global_id_register_and_vat() -> None:
    """Each kind of number with its scheme; a tax number that is no VAT number is passed over."""
    numbers = '<ram:ID>7</ram:ID><ram:GlobalID schemeID="0088">5790000436101</ram:GlobalID>'
    local = '<ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">12/345</ram:ID></ram:SpecifiedTaxRegistration>'
    data = with_text("<ram:Name>Nordlicht", f"{numbers}<ram:Name>Nordlicht").decode()
    data = data.replace("<ram:SpecifiedTaxRegistration>", f"{local}<ram:SpecifiedTaxRegistration>")
    assert read_invoice(data.encode(), "a.xml").buyer.identifiers == (
        Identifier(scheme="0088", value="5790000436101"),
        Identifier(scheme="vat", value="DE999999990"),
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("CrossIndustryInvoice:100", "CrossIndustryInvoice:1", "has the root element 'CrossIndustryInvoice'"),
        ("InformationEntity:100", "InformationEntity:1", "/'IncludedSupplyChainTradeLineItem': is in the namespace"),
        ('format="102"', 'format="610"', "DateTimeString: is not in format 102"),
        ("20191107", "20191131", "DateTimeString: is '20191131'; give a real date as yyyyMMdd"),
        ("20191107", "", "DateTimeString: is missing"),
        (">380<", ">751<", "ExchangedDocument/TypeCode: is '751'"),
        ("<ram:DuePayableAmount>", '<ram:DuePayableAmount currencyID="EUR">', "is in 'EUR', the invoice in USD"),
        ("95424.00", "95424.01", "DuePayableAmount: is 9542401 minor units, but the total 11928000 less"),
        ("95424.00", "1.001", "USD has 2 decimals"),
        (">USD<", ">US$<", "InvoiceCurrencyCode: is 'US$'"),
        (
            "<ram:DuePayableAmount>",
            "<ram:DuePayableAmount/><ram:DuePayableAmount>",
            "DuePayableAmount[2]: stands there twice",
        ),
        ("SellerTradeParty>", "SalesAgentTradeParty>", "ApplicableHeaderTradeAgreement/SellerTradeParty: is missing"),
        ("rsm:SupplyChainTradeTransaction>", "rsm:Other>", "SupplyChainTradeTransaction: is missing"),
        (">55500.00<", ">55500.005<", "IncludedSupplyChainTradeLineItem[1]/SpecifiedLineTradeSettlement/"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, says: str) -> None:
    """The error gives the element's path, the fault and the remedy."""
    error = str(refused(with_text(old, new)))
    assert says in error
    assert re.match(r"a\.xml:[0-9]+: .+; .+", error)
