"""CSV files that banks' systems write: what is read, and how bad ones are refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kouan.formats.errors import FormatError
from kouan.formats.table_file import MAX_BYTES, Column, day, read_table, whole_digits

COLUMNS = (Column("reference", "业务编号"), Column("amount", "金额"), Column("note", "备注", is_required=False))
SOUND = "reference,amount,note\nA1,5,贷款\n"


@pytest.mark.parametrize(
    "data",
    [
        SOUND.encode(),
        SOUND.encode("utf-8-sig"),
        SOUND.encode("gb18030"),
        SOUND.replace("\n", "\r\n").encode(),
        "业务编号,金额,备注\nＡ１,５,贷款\n".encode("gb18030"),
        " Reference ,AMOUNT,note\n\t A1 ,5, 贷款".encode(),
        "note,amount,reference\n贷款,5,A1\n\n,,\n".encode(),
    ],
)
def test_one_table_in_many_clothes(data: bytes) -> None:
    """Encodings, line ends, Chinese names, full-width digits, blanks, another order, empty lines."""
    (line,) = read_table(data, COLUMNS, "a.csv")
    assert (dict(line.cells), line.problems) == ({"reference": "A1", "amount": "5", "note": "贷款"}, [])
    assert line.number == 2


@pytest.mark.parametrize(
    ("data", "line", "field", "says"),
    [
        (b"", 1, "reference", "missing"),
        (b"reference,amount,amount\n", 1, "amount", "twice"),
        (b"reference,sum\n", 1, "sum", "no such column"),
        (SOUND.encode("utf-16"), 1, "", "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0", 1, "", "no text"),
        (b"reference,amount\nA\0,5\n", 1, "", "no text"),
        (b'reference,amount\nA,5\n"B,5\n', 3, "", "quotes"),
        (b'reference,amount\n"A"x,5\n', 2, "", "quotes"),
        (b"reference,amount\n" + b"x" * 200_000 + b",5\n", 2, "", "quotes"),
        (b"x" * (MAX_BYTES + 1), 1, "", "at most"),
    ],
)
def test_a_file_that_is_no_such_table(data: bytes, line: int, field: str, says: str) -> None:
    with pytest.raises(FormatError, match=says) as caught:
        read_table(data, COLUMNS, "a.csv")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("a.csv", line, field)


def test_a_bad_line_does_not_hide_the_others() -> None:
    """Each with its number, as an editor counts: a cell may hold a line break."""
    data = 'reference,amount,note\n,5,\n"A,1",5\n"A\n1",5,"x, ""y"""\nA2,5,x,y\nA3,5,' + "z" * 201 + "\nA4,,\n"
    lines = read_table(data.encode(), COLUMNS, "a.csv")
    assert [line.number for line in lines] == [2, 3, 4, 6, 7, 8]
    assert [[problem.column for problem in line.problems] for line in lines] == [
        ["reference"],
        [""],
        [],
        [""],
        ["note"],
        ["amount"],
    ]
    assert lines[2].cells["note"] == 'x, "y"'


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_format_error(data: bytes) -> None:
    """Never anything else."""
    for table in (data, b"reference,amount\n" + data):
        with suppress(FormatError):
            read_table(table, COLUMNS, "a.csv")


@pytest.mark.parametrize("text", ["2026-12-31", "2026/12/31", "20261231", "2026年12月31日"])
def test_days(text: str) -> None:
    assert day(text) == date(2026, 12, 31)


@pytest.mark.parametrize("text", ["", "2026-13-01", "2026-02-30", "31.12.2026", "46387", "2026-12/31", "9" * 300])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match="is no day; write it like"):
        day(text)


def test_a_number_that_a_spreadsheet_has_cut() -> None:
    with pytest.raises(ValueError, match="format text"):
        whole_digits("2.2482E+17")
    assert whole_digits("224820190000000101") == "224820190000000101"
