"""A paper from a file, whichever form it has."""

from __future__ import annotations

from kouan.formats.invoices import read_invoice
from kouan.formats.paper_forms import read_form
from kouan.formats.trade_papers import TradePaper


def read_paper(data: bytes, file: str) -> TradePaper:
    """Return the paper in a file: an invoice in XML, or one of Kouan's forms in JSON; raises FormatError."""
    is_form = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    return read_form(data, file) if is_form else read_invoice(data, file)
