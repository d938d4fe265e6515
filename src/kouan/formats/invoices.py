"""Invoices in XML, whichever of the two standards of EN 16931 they follow."""

from kouan.formats import cii, ubl
from kouan.formats.errors import FormatError
from kouan.formats.hardened_xml import parse
from kouan.formats.identifiers import shown
from kouan.formats.trade_papers import Invoice


def read_invoice(data: bytes, file: str) -> Invoice:
    """Return the invoice or credit note in `data`, UBL 2.1 or CII by its root element; `file` names it in errors.

    Raises `FormatError` for the first problem found. Hostile documents are refused as in `hardened_xml`.
    """
    root = parse(data, file)
    tag = str(root.tag)
    if tag in ubl.ROOTS:
        return ubl.read_ubl(root, file)
    if tag == cii.ROOT:
        return cii.read_cii(root, file)
    raise FormatError(
        file,
        root.sourceline or 1,
        "XML",
        f"has the root element {shown(tag.rpartition('}')[2])} in {shown(tag[1:].rpartition('}')[0])}; "
        "give Invoice or CreditNote of UBL 2.1, or CrossIndustryInvoice of UN/CEFACT",
    )
