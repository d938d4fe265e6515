"""Rows as CSV, for spreadsheets and other systems."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kouan.cli.output import UnusableError


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV below their columns' names, without the last line's end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue().rstrip("\n")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows to a file, with the mark by which spreadsheets know UTF-8."""
    path.write_text(csv_text(columns, rows) + "\n", encoding="utf-8-sig", newline="")


def must_be_report(option: str, path: Path | None, kinds: Sequence[str] = (".csv", ".json")) -> None:
    """Raise UnusableError for a file whose name does not say what it is to be."""
    if path is not None and path.suffix.lower() not in kinds:
        raise UnusableError(option, f"{path} is neither; name a file that ends in {' or '.join(kinds)}")


def write_report(path: Path, document: Any, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a report as CSV or JSON, by the end of the file's name."""
    if path.suffix.lower() == ".json":
        path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    else:
        write_rows(path, columns, rows)


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
