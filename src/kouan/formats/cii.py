"""Invoice and credit note in the UN/CEFACT Cross Industry Invoice (D16B and later, the syntax of EN 16931), read only.

Read are the elements that docs/reference/trade-papers.md lists. A document says more; that is passed over.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from lxml import etree

from kouan.formats import paper_fields as p
from kouan.formats.trade_papers import TYPE_CODES, Identifier, Invoice, InvoiceLine, InvoiceReference, Party
from kouan.formats.xml_elements import Element

_STANDARD: Final = "urn:un:unece:uncefact:data:standard:"
_NAMESPACES: Final = {
    "rsm": f"{_STANDARD}CrossIndustryInvoice:100",
    "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:100",
    "udt": f"{_STANDARD}UnqualifiedDataType:100",
    "qdt": f"{_STANDARD}QualifiedDataType:100",
}
ROOT: Final = f"{{{_NAMESPACES['rsm']}}}CrossIndustryInvoice"

_TOTALS: Final = "ram:SpecifiedTradeSettlementHeaderMonetarySummation"
_LINE_TOTALS: Final = "ram:SpecifiedLineTradeSettlement/ram:SpecifiedTradeSettlementLineMonetarySummation"


def read_cii(root: etree._Element, file: str) -> Invoice:
    """Return the invoice under a root that is `ROOT`; `file` names it in errors, which are `FormatError`."""
    document = Element(root, file, "CrossIndustryInvoice", _NAMESPACES)
    head = document.needed_child("rsm:ExchangedDocument")
    trade = document.needed_child("rsm:SupplyChainTradeTransaction")
    agreement = trade.needed_child("ram:ApplicableHeaderTradeAgreement")
    settlement = trade.needed_child("ram:ApplicableHeaderTradeSettlement")
    type_code = head.needed("ram:TypeCode", p.type_code)
    currency = settlement.needed("ram:InvoiceCurrencyCode", p.currency)
    total_minor, payable_minor = _read_totals(settlement.needed_child(_TOTALS), currency)
    return Invoice(
        kind=TYPE_CODES[type_code],
        type_code=type_code,
        number=head.needed("ram:ID", p.number),
        date=_read_day(head.needed_child("ram:IssueDateTime/udt:DateTimeString")),
        seller=_read_party(agreement.needed_child("ram:SellerTradeParty")),
        buyer=_read_party(agreement.needed_child("ram:BuyerTradeParty")),
        currency=currency,
        total_minor=total_minor,
        payable_minor=payable_minor,
        order_number=agreement.value("ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", p.number),
        contract_number=agreement.value("ram:ContractReferencedDocument/ram:IssuerAssignedID", p.number),
        credited=tuple(_read_references(settlement)),
        lines=tuple(_read_line(line, currency) for line in trade.children("ram:IncludedSupplyChainTradeLineItem")),
    )


def _read_totals(totals: Element, currency: str) -> tuple[int, int]:
    """Return the total with tax and the payable amount."""
    payable_minor = totals.needed_amount("ram:DuePayableAmount", currency)
    total_minor = totals.amount("ram:GrandTotalAmount", currency)
    prepaid_minor = totals.amount("ram:TotalPrepaidAmount", currency) or 0
    rounding_minor = totals.amount("ram:RoundingAmount", currency) or 0
    try:
        return p.total_with_tax(total_minor, prepaid_minor, rounding_minor, payable_minor), payable_minor
    except ValueError as error:
        raise totals.error(str(error), "ram:DuePayableAmount") from None


def _read_day(element: Element) -> dt.date:
    """Read a day in format 102 (yyyymmdd), the one that EN 16931 allows."""
    if element.attribute("format", str) != "102":
        raise element.error("is not in format 102; give the day as yyyymmdd with format 102")
    day = element.content(p.compact_date)
    if day is None:
        raise element.error("is missing; every invoice has it")
    return day


def _read_party(party: Element) -> Party:
    """Return name and identifiers; the electronic address is none of them: several firms may share a mailbox."""
    identifiers = [_read_identifier(found) for name in ("ram:ID", "ram:GlobalID") for found in party.children(name)]
    if (legal := party.child("ram:SpecifiedLegalOrganization/ram:ID")) is not None:
        identifiers.append(_read_identifier(legal))
    for tax in party.children("ram:SpecifiedTaxRegistration"):
        found = tax.child("ram:ID")
        if found is not None and found.attribute("schemeID", str) == "VA":
            identifiers.append(found.content(lambda value: p.identifier("vat", value)))
    name = party.needed("ram:Name", p.name)
    try:
        return Party(name=name, identifiers=p.in_order(identifiers))
    except ValueError as error:
        raise party.error(str(error)) from None


def _read_identifier(found: Element) -> Identifier | None:
    return found.content(lambda value: p.identifier(found.attribute("schemeID", str), value))


def _read_references(settlement: Element) -> Iterator[InvoiceReference]:
    for earlier in settlement.children("ram:InvoiceReferencedDocument"):
        day = earlier.child("ram:FormattedIssueDateTime/qdt:DateTimeString")
        yield InvoiceReference(
            number=earlier.needed("ram:IssuerAssignedID", p.number), date=None if day is None else _read_day(day)
        )


def _read_line(line: Element, currency: str) -> InvoiceLine:
    quantity = line.child("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity")
    return InvoiceLine(
        description=line.value("ram:SpecifiedTradeProduct/ram:Name", p.description),
        quantity=None if quantity is None else quantity.content(p.quantity),
        unit=None if quantity is None else quantity.attribute("unitCode", p.unit),
        amount_minor=line.amount(f"{_LINE_TOTALS}/ram:LineTotalAmount", currency),
    )
