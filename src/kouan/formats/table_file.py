"""Tables that other systems write as CSV: bytes in, lines of named cells out.

What is read: UTF-8 with or without a byte order mark, else GB18030 (which holds GBK and GB2312); commas; quotes as in
RFC 4180; a first line of column names, in English or Chinese. Cells are normalised (NFKC), so that full-width digits
count as digits, and stripped. A bad line never hides the others: it is returned with its problem.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeVar

from kouan.formats.errors import FormatError

MAX_BYTES: Final = 16 * 2**20
MAX_LINES: Final = 100_000
MAX_CELL: Final = 200
HEADER_LINE: Final = 1

_DAY: Final = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})-|/([0-9]{1,2})/|年([0-9]{1,2})月|([0-9]{2}))([0-9]{1,2})日?")
_SPREADSHEETS: Final = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]+")


T = TypeVar("T")


class Column(NamedTuple):
    """One column of a table."""

    name: str
    chinese: str
    is_required: bool = True
    """The file must have it, and every line must have something in it."""


class Problem(NamedTuple):
    """What is wrong with a line."""

    column: str
    """Its name; empty when the line as a whole is meant."""
    text: str
    """What is wrong, a semicolon, and what would be right."""


class CellError(ValueError):
    """What stands in a cell cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.column}: {problem.text}")
        self.problem = problem


class Line(NamedTuple):
    """One line of the file."""

    number: int
    """As an editor counts, from 1; the names of the columns stand on line 1."""
    cells: Mapping[str, str]
    """By the column's English name; columns that the file does not have are there, empty."""
    problems: Sequence[Problem]

    def read(self, column: str, how: Callable[[str], T]) -> T:
        """Return what a cell means; raises CellError with what ``how`` says in its ValueError."""
        try:
            return how(self.cells[column])
        except (OverflowError, ValueError) as problem:
            raise CellError(Problem(column, str(problem))) from None


def read_table(data: bytes, columns: Sequence[Column], file: str) -> list[Line]:
    """Return the lines of a table; raises FormatError when the file as a whole cannot be read as one."""
    reader = csv.reader(io.StringIO(_text(data, file), newline=""), strict=True)
    rows = _rows(reader, file)
    _, head = next(rows, (HEADER_LINE, list[str]()))
    names = _names(head, columns, file)
    lines: list[Line] = []
    for number, row in rows:
        if any(row):
            lines.append(_line(number, row, names, columns))
        if len(lines) > MAX_LINES:
            raise FormatError(file, number, "", f"more than {MAX_LINES} lines; split the file")
    return lines


def day(text: str) -> date:
    """Read a day: 2026-12-31, 2026/12/31, 20261231 or 2026年12月31日; raises ValueError."""
    wrong = f"{text[:40]!r} is no day; write it like 2026-12-31"
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(wrong)
    year, *months, last = found.groups()
    try:
        return date(int(year), int(next(month for month in months if month)), int(last))
    except ValueError:
        raise ValueError(wrong) from None


def whole_digits(text: str) -> str:
    """Return a text of digits unchanged; raises ValueError for a number that a spreadsheet has shortened."""
    if _SPREADSHEETS.fullmatch(text):
        raise ValueError(f"{text!r}: a spreadsheet has cut the number; give the column the format text and write again")
    return text


def _text(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise FormatError(file, 1, "", f"{len(data)} bytes; give at most {MAX_BYTES}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(file, 1, "", "the file is UTF-16; save it as CSV in UTF-8 or GB18030")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise FormatError(file, 1, "", "the file is no text in UTF-8 or GB18030; save it as CSV in one of them")


def _rows(reader: Iterator[list[str]], file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with the number of the line on which each begins."""
    begins = HEADER_LINE
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            wrong = f"the quotes do not fit together ({problem}); double a quote inside quotes"
            raise FormatError(file, begins, "", wrong) from None
        yield begins, [clean(cell) for cell in row]
        begins = reader.line_num + 1  # type: ignore[attr-defined]  # of csv's own reader


def clean(cell: str) -> str:
    """Return a cell as it is read: full-width letters and digits as plain ones, without blanks around it."""
    return unicodedata.normalize("NFKC", cell).strip()


def _names(head: Sequence[str], columns: Sequence[Column], file: str) -> list[str]:
    known = {name: column.name for column in columns for name in (column.name, column.chinese)}
    names: list[str] = []
    for cell in head:
        name = known.get(cell.lower())
        if name is None:
            wrong = f"there is no such column; take it out; there are {', '.join(column.name for column in columns)}"
            raise FormatError(file, HEADER_LINE, cell[:40], wrong)
        if name in names:
            raise FormatError(file, HEADER_LINE, name, "the column is there twice; keep one")
        names.append(name)
    for column in columns:
        if column.is_required and column.name not in names:
            wrong = f"the column is missing; add {column.name} ({column.chinese})"
            raise FormatError(file, HEADER_LINE, column.name, wrong)
    return names


def _line(number: int, row: Sequence[str], names: Sequence[str], columns: Sequence[Column]) -> Line:
    cells = {column.name: "" for column in columns}
    cells.update(zip(names, row, strict=False))
    problems = []
    if len(row) != len(names):
        said = f"{len(row)} cells where the first line has {len(names)}; put quotes around a cell with a comma"
        problems.append(Problem("", said))
    for column in columns:
        if len(cells[column.name]) > MAX_CELL:
            problems.append(Problem(column.name, f"longer than {MAX_CELL} characters; shorten it"))
        elif column.is_required and not cells[column.name] and not problems:
            problems.append(Problem(column.name, f"empty; give the {column.name} ({column.chinese})"))
    return Line(number, cells, problems)
