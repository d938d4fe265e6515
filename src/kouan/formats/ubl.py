"""Invoice and credit note in OASIS UBL 2.1 (ISO/IEC 19845), read and written.

Read are the elements that docs/reference/trade-papers.md lists. A document says more; that is passed over.
"""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from kouan.formats import paper_fields as p
from kouan.formats.errors import FormatError
from kouan.formats.field_types import written
from kouan.formats.hardened_xml import parse
from kouan.formats.trade_papers import TYPE_CODES, Identifier, Invoice, InvoiceLine, InvoiceReference, Party
from kouan.formats.xml_elements import Element

_SCHEMA: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_NAMESPACES: Final = {
    "cac": f"{_SCHEMA}CommonAggregateComponents-2",
    "cbc": f"{_SCHEMA}CommonBasicComponents-2",
    "ext": f"{_SCHEMA}CommonExtensionComponents-2",
}
ROOTS: Final = {f"{{{_SCHEMA}{name}-2}}{name}": name for name in ("Invoice", "CreditNote")}
"""The root elements with their names. UBL 2.0 to 2.4 share these namespaces."""

_KINDS: Final = {"Invoice": "invoice", "CreditNote": "credit-note"}
_DEFAULT_TYPES: Final = {"Invoice": "380", "CreditNote": "381"}
_QUANTITIES: Final = {"Invoice": "InvoicedQuantity", "CreditNote": "CreditedQuantity"}
_WRITTEN: Final = "written invoice"
"""What errors call a document that has no file yet."""


def read_ubl(root: etree._Element, file: str) -> Invoice:
    """Return the invoice under a root that is one of `ROOTS`; `file` names it in errors, which are `FormatError`."""
    name = ROOTS[str(root.tag)]
    document = Element(root, file, name, _NAMESPACES)
    currency = document.needed("cbc:DocumentCurrencyCode", p.currency)
    type_code = _read_type_code(document, name)
    total_minor, payable_minor = _read_totals(document.needed_child("cac:LegalMonetaryTotal"), currency)
    return Invoice(
        kind=TYPE_CODES[type_code],
        type_code=type_code,
        number=document.needed("cbc:ID", p.number),
        date=document.needed("cbc:IssueDate", p.iso_date),
        seller=_read_party(document.needed_child("cac:AccountingSupplierParty/cac:Party")),
        buyer=_read_party(document.needed_child("cac:AccountingCustomerParty/cac:Party")),
        currency=currency,
        total_minor=total_minor,
        payable_minor=payable_minor,
        order_number=document.value("cac:OrderReference/cbc:ID", p.number),
        contract_number=document.value("cac:ContractDocumentReference/cbc:ID", p.number),
        credited=tuple(_read_references(document)),
        lines=tuple(_read_line(line, name, currency) for line in document.children(f"cac:{name}Line")),
    )


def write_ubl(invoice: Invoice) -> bytes:
    """Return the invoice as UBL 2.1 in UTF-8; equal invoices give equal bytes, and they read back as they were.

    Raises `FormatError` for what UBL cannot carry, such as an invoice without lines. The result is valid by UBL's
    schema; it does not claim EN 16931, which also asks for addresses and a breakdown of the tax.
    """
    name = "Invoice" if invoice.kind == "invoice" else "CreditNote"
    if not invoice.lines or any(line.amount_minor is None for line in invoice.lines):
        raise FormatError(_WRITTEN, 1, f"{name}Line", "is missing or has no amount; give at least one, each with one")
    tag = f"{{{_SCHEMA}{name}-2}}{name}"
    root = etree.Element(tag, nsmap={None: f"{_SCHEMA}{name}-2", "cac": _NAMESPACES["cac"], "cbc": _NAMESPACES["cbc"]})
    try:
        _append_document(root, name, invoice)
    except ValueError as error:
        problem = f"holds what UBL cannot carry ({error}); give printable text and an ISO 4217 currency"
        raise FormatError(_WRITTEN, 1, name, problem) from None
    data = b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8", pretty_print=True)
    if read_ubl(parse(data, _WRITTEN), _WRITTEN) != invoice:
        raise FormatError(_WRITTEN, 1, name, "does not read back as it was; give stripped texts, identifiers in order")
    return data


def _read_type_code(document: Element, name: str) -> str:
    element = f"cbc:{name}TypeCode"
    type_code = document.value(element, p.type_code) or _DEFAULT_TYPES[name]
    if TYPE_CODES[type_code] != _KINDS[name]:
        raise document.error(f"is {type_code}, which is no {_KINDS[name]}; give the root element that fits it", element)
    return type_code


def _read_totals(totals: Element, currency: str) -> tuple[int, int]:
    """Return the total with tax and the payable amount."""
    payable_minor = totals.needed_amount("cbc:PayableAmount", currency)
    total_minor = totals.amount("cbc:TaxInclusiveAmount", currency)
    prepaid_minor = totals.amount("cbc:PrepaidAmount", currency) or 0
    rounding_minor = totals.amount("cbc:PayableRoundingAmount", currency) or 0
    try:
        return p.total_with_tax(total_minor, prepaid_minor, rounding_minor, payable_minor), payable_minor
    except ValueError as error:
        raise totals.error(str(error), "cbc:PayableAmount") from None


def _read_party(party: Element) -> Party:
    """Return name and identifiers; the electronic address is none of them: several firms may share a mailbox."""
    name = party.value("cac:PartyLegalEntity/cbc:RegistrationName", p.name)
    if name is None:
        name = party.needed("cac:PartyName/cbc:Name", p.name)
    identifiers = [_read_identifier(found, "cbc:ID") for found in party.children("cac:PartyIdentification")]
    identifiers += [_read_identifier(found, "cbc:CompanyID") for found in party.children("cac:PartyLegalEntity")]
    for tax in party.children("cac:PartyTaxScheme"):
        if tax.value("cac:TaxScheme/cbc:ID", p.number) == "VAT":
            identifiers.append(tax.value("cbc:CompanyID", lambda value: p.identifier("vat", value)))
    try:
        return Party(name=name, identifiers=p.in_order(identifiers))
    except ValueError as error:
        raise party.error(str(error)) from None


def _read_identifier(above: Element, name: str) -> Identifier | None:
    found = above.child(name)
    if found is None:
        return None
    return found.content(lambda value: p.identifier(found.attribute("schemeID", str), value))


def _read_references(document: Element) -> Iterator[InvoiceReference]:
    for billing in document.children("cac:BillingReference"):
        if (earlier := billing.child("cac:InvoiceDocumentReference")) is not None:
            yield InvoiceReference(
                number=earlier.needed("cbc:ID", p.number), date=earlier.value("cbc:IssueDate", p.iso_date)
            )


def _read_line(line: Element, name: str, currency: str) -> InvoiceLine:
    quantity = line.child(f"cbc:{_QUANTITIES[name]}")
    return InvoiceLine(
        description=line.value("cac:Item/cbc:Name", p.description),
        quantity=None if quantity is None else quantity.content(p.quantity),
        unit=None if quantity is None else quantity.attribute("unitCode", p.unit),
        amount_minor=line.needed_amount("cbc:LineExtensionAmount", currency),
    )


def _append_document(root: etree._Element, name: str, invoice: Invoice) -> None:
    """Append everything in the order of UBL's schema."""
    _append(root, "cbc:UBLVersionID", "2.1")
    _append(root, "cbc:ID", invoice.number)
    _append(root, "cbc:IssueDate", invoice.date.isoformat())
    _append(root, f"cbc:{name}TypeCode", invoice.type_code)
    _append(root, "cbc:DocumentCurrencyCode", invoice.currency)
    if invoice.order_number is not None:
        _append(_append(root, "cac:OrderReference"), "cbc:ID", invoice.order_number)
    for earlier in invoice.credited:
        reference = _append(_append(root, "cac:BillingReference"), "cac:InvoiceDocumentReference")
        _append(reference, "cbc:ID", earlier.number)
        if earlier.date is not None:
            _append(reference, "cbc:IssueDate", earlier.date.isoformat())
    if invoice.contract_number is not None:
        _append(_append(root, "cac:ContractDocumentReference"), "cbc:ID", invoice.contract_number)
    _append_party(_append(root, "cac:AccountingSupplierParty"), invoice.seller)
    _append_party(_append(root, "cac:AccountingCustomerParty"), invoice.buyer)
    _append_totals(_append(root, "cac:LegalMonetaryTotal"), invoice)
    for place, line in enumerate(invoice.lines, 1):
        _append_line(_append(root, f"cac:{name}Line"), name, place, line, invoice.currency)


def _append_party(above: etree._Element, party: Party) -> None:
    element = _append(above, "cac:Party")
    for one in party.identifiers:
        if one.scheme != "vat":
            _append(_append(element, "cac:PartyIdentification"), "cbc:ID", one.value, schemeID=one.scheme)
    for one in party.identifiers:
        if one.scheme == "vat":
            tax = _append(element, "cac:PartyTaxScheme")
            _append(tax, "cbc:CompanyID", one.value)
            _append(_append(tax, "cac:TaxScheme"), "cbc:ID", "VAT")
    _append(_append(element, "cac:PartyLegalEntity"), "cbc:RegistrationName", party.name)


def _append_totals(totals: etree._Element, invoice: Invoice) -> None:
    prepaid_minor = invoice.total_minor - invoice.payable_minor
    _append_amount(totals, "cbc:TaxInclusiveAmount", invoice.total_minor, invoice.currency)
    if prepaid_minor > 0:
        _append_amount(totals, "cbc:PrepaidAmount", prepaid_minor, invoice.currency)
    if prepaid_minor < 0:
        _append_amount(totals, "cbc:PayableRoundingAmount", -prepaid_minor, invoice.currency)
    _append_amount(totals, "cbc:PayableAmount", invoice.payable_minor, invoice.currency)


def _append_line(element: etree._Element, name: str, place: int, line: InvoiceLine, currency: str) -> None:
    _append(element, "cbc:ID", str(place))
    if line.quantity is not None:
        unit = {} if line.unit is None else {"unitCode": line.unit}
        _append(element, f"cbc:{_QUANTITIES[name]}", written(line.quantity), **unit)
    _append_amount(element, "cbc:LineExtensionAmount", line.amount_minor or 0, currency)
    item = _append(element, "cac:Item")
    if line.description is not None:
        _append(item, "cbc:Name", line.description)


def _append_amount(above: etree._Element, name: str, amount_minor: int, currency: str) -> None:
    _append(above, name, p.decimal_text(amount_minor, currency), currencyID=currency)


def _append(above: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    prefix, _, local = name.partition(":")
    element = etree.SubElement(above, f"{{{_NAMESPACES[prefix]}}}{local}", attributes)
    element.text = text
    return element
