"""A paper from a file, whichever form it has."""

from __future__ import annotations

from kouan.formats.errors import FormatError
from kouan.formats.invoices import read_invoice
from kouan.formats.paper_forms import read_form
from kouan.formats.trade_papers import TradePaper


def read_paper(data: bytes, file: str) -> TradePaper:
    """Return the paper in a file: an invoice in XML, or one of Kouan's forms in JSON; raises FormatError."""
    if data.lstrip()[:5] == b"%PDF-":
        raise FormatError(
            file,
            1,
            "PDF",
            "is a PDF, which is registered by its fields as typed into a form in JSON: kouan/typed-invoice/1, "
            "kouan/order/1, kouan/contract/1 or kouan/transport/1; see docs/reference/trade-papers.md, Forms",
        )
    is_form = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    return read_form(data, file) if is_form else read_invoice(data, file)
