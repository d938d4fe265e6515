"""Papers: what is in them can be read back from the PDF, in both languages, whatever the values."""

import io
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader

from kouan.formats.paper import Column, Language, Paper, PaperError, Row, Section, Table, render

FINGERPRINT = "kouan:proof/1?height=18234&sha256=c1f0b6a5e2d94837aa10f6e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f"
MOVEMENTS = Table(
    (Column("Date", "日期"), Column("Event", "事项", share=2), Column("Amount", "金额", "right")),
    (("2026-10-08", "Drawdown 放款", "USD 90,000.00"), ("2026-11-02", "Repayment 还款", "USD 30,000.00")),
)
RECEIPT = Paper(
    title_en="Verification receipt",
    title_zh="核验回单",
    number="KV-2026-0000018234",
    issued=datetime(2026, 11, 22, 19, 12, 5, tzinfo=timezone(timedelta(hours=8))),
    sections=(
        Section("What was asked", "核验事项", (Row("Asked by", "核验机构", "Pujiang Harbour Bank 浦江港湾银行"),)),
        Section(
            "What the ledger says",
            "账本记载",
            (Row("Still free to finance", "可融资余额", "USD 128,000.00", "right"),),
            MOVEMENTS,
        ),
    ),
    notes_en="It says nothing about loans outside this ledger.",
    notes_zh="本回单不涉及本账本以外的融资。",
    qr_text=FINGERPRINT,
)


def pages(pdf: bytes) -> list[str]:
    # pypdf reads the two-byte codes of a font with its own CMap as a zero byte and the character
    return [page.extract_text().replace("\0", "") for page in PdfReader(io.BytesIO(pdf)).pages]


def text_of(pdf: bytes) -> str:
    return " ".join("\n".join(pages(pdf)).split())


def with_value(value: str) -> Paper:
    return replace(RECEIPT, sections=(Section("Owner", "收发货人", (Row("Name", "名称", value),)),))


ENGLISH = ["Verification receipt", "Number", "Issued", "What was asked", "Asked by", "Date", "outside this ledger"]
CHINESE = ["核验回单", "编号", "签发时间", "核验事项", "核验机构", "日期", "本账本以外"]


@pytest.mark.parametrize(
    ("lang", "present", "absent"),
    [("both", ENGLISH + CHINESE, []), ("en", ENGLISH, CHINESE), ("zh", CHINESE, ENGLISH)],
)
def test_labels_are_in_the_language_asked_for(lang: Language, present: list[str], absent: list[str]) -> None:
    """Shows titles, labels, headings and notes per language; values stand in each."""
    text = text_of(render(RECEIPT, lang))
    values = ["口岸 Kouan", "KV-2026-0000018234", "2026-11-22 19:12:05+08:00", "浦江港湾银行", "USD 90,000.00"]
    assert [part for part in present + values if part not in text] == []
    assert [part for part in absent if part in text] == []


def test_qr_modules_on_the_paper_are_the_fingerprints() -> None:
    """Shows that the rectangles drawn are exactly the matrix of segno for the text at level M, and A4 holds them."""
    matrix = segno.make_qr(FINGERPRINT, error="m", boost_error=False).matrix
    page = PdfReader(io.BytesIO(render(RECEIPT))).pages[0]
    contents = page.get_contents()
    assert contents is not None
    found = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) -?([\d.]+) re f", contents.get_data())
    boxes = [tuple(map(float, box)) for box in found]
    left, top = min(x for x, *_ in boxes), max(y for _, y, *_ in boxes)
    module = boxes[0][3]
    drawn = [[0] * len(matrix) for _ in matrix]
    for x, y, width, _ in boxes:
        for step in range(round(width / module)):
            drawn[round((top - y) / module)][round((x - left) / module) + step] = 1
    assert drawn == [list(map(int, row)) for row in matrix]
    assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
    assert left + len(matrix) * module < 595


def test_the_same_paper_gives_the_same_bytes_in_another_process() -> None:
    """Shows that neither the clock nor the order of hashing reaches the file."""
    script = (
        "import sys, msgspec\n"
        "from kouan.formats.paper import Paper, render\n"
        "sys.stdout.buffer.write(render(msgspec.json.decode(sys.stdin.buffer.read(), type=Paper)))"
    )
    from msgspec import json  # noqa: PLC0415 - named next to its other half in the script

    elsewhere = subprocess.run(
        [sys.executable, "-c", script],
        input=json.encode(RECEIPT),
        env={"PYTHONHASHSEED": "1", "TZ": "America/Lima", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    assert elsewhere.stdout == render(RECEIPT)
    assert render(replace(RECEIPT, number="KV-2")) != render(RECEIPT)


def test_the_file_names_its_own_date_and_no_other() -> None:
    """Shows that the creation date is `issued` and that no modification date is written."""
    info = PdfReader(io.BytesIO(render(RECEIPT))).metadata
    assert info is not None
    assert info.creation_date == RECEIPT.issued
    assert info.modification_date is None
    assert info.producer == "Kouan"


def test_a_receipt_is_small_and_carries_its_typeface() -> None:
    """Shows that the glyphs used, and only those, are embedded: below 200 kB."""
    pdf = render(RECEIPT)
    assert len(pdf) < 200_000
    assert b"/FontFile3" in pdf


def test_a_long_table_repeats_its_heading_and_counts_its_pages() -> None:
    """Shows that every row is there once, under a heading, and that each page says which of how many it is."""
    rows = tuple((f"2026-{i:04d}", "Collection 收汇", f"USD {i}.00") for i in range(200))
    found = pages(render(replace(RECEIPT, sections=(Section("Events", "事项", (), replace(MOVEMENTS, rows=rows)),))))
    assert len(found) > 4
    for number, page in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in page
        assert "KV-2026-0000018234" in page
        assert ("Date" in page) == bool(re.search(r"2026-\d{4}", page.replace("KV-2026-0000018234", "")))
    assert re.findall(r"2026-0\d{3}(?!\d)", " ".join(found)) == [row[0] for row in rows]


def test_an_empty_table_says_so() -> None:
    """Shows that nothing happened is told apart from a table that was left out."""
    paper = replace(RECEIPT, sections=(Section("Events", "事项", (), replace(MOVEMENTS, rows=())),))
    assert "无 none" in text_of(render(paper))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two\nlines\tand  blanks", "two lines and blanks"),
        ("bell\x07 and null\x00", "bell[U+0007] and null[U+0000]"),
        ("USD \u202e00.001", "USD [U+202E]00.001"),  # an override that would turn the amount round
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("שלום", "[U+05E9][U+05DC][U+05D5][U+05DD]"),
        ("Sp\u00f3\u0142ka \U0001f4a3", "[U+1F4A3]"),
        ("lone \ud800 surrogate", "lone [U+D800] surrogate"),
        ("{nb} **bold** __x__", "{nb} **bold** __x__"),
    ],
)
def test_what_cannot_be_shown_is_printed_as_its_number(value: str, shown: str) -> None:
    """Shows that hostile or foreign characters neither crash, nor vanish, nor turn into empty boxes."""
    text = text_of(render(with_value(value)))
    assert shown in text
    assert ("printed as its Unicode number" in text) == ("[U+" in shown)


def test_rare_characters_of_names_are_in_the_typeface() -> None:
    """Shows characters beyond GB 2312 that stand in names of persons and enterprises, and accents of buyers' names."""
    name = "喆犇燊昇囍䶮𬭎 Đặng Müller Société Иванов"
    text = text_of(render(with_value(name)))
    assert "[U+" not in text
    assert name in text


def test_a_value_longer_than_a_page_goes_on_over_the_next() -> None:
    """Shows that no part of a long value is lost, with and without places to break."""
    for value in ("核" * 3_999, "x" * 3_999, "Wx " * 1_300):
        text = "".join(pages(render(with_value(value))))
        assert text.count(value[0]) >= value.count(value[0])


def test_a_long_number_and_title_stay_on_the_paper() -> None:
    """Shows that the running head shortens the number, which stands in full below the title."""
    paper = replace(RECEIPT, number="9" * 300, title_en="Receipt " * 60)
    found = pages(render(paper))
    assert "…" in found[0]
    assert "".join(found).count("9") >= 300


@pytest.mark.parametrize(
    ("paper", "names"),
    [
        (replace(RECEIPT, issued=datetime(2026, 1, 1)), "issued"),  # noqa: DTZ001 - the very thing refused
        (with_value("x" * 4_001), "Name: 4001"),
        (replace(RECEIPT, qr_text=""), "qr_text"),
        (replace(RECEIPT, qr_text="回单"), "qr_text"),
        (replace(RECEIPT, qr_text="a\nb"), "qr_text"),
        (replace(RECEIPT, qr_text="a" * 1_000), "qr_text: 1000"),
        (replace(RECEIPT, qr_text="a" * 4_000), "qr_text: 4000"),
        (replace(RECEIPT, sections=(Section("E", "事", (), replace(MOVEMENTS, rows=(("x",),))),)), "table row 1"),
        (replace(RECEIPT, sections=(Section("E", "事", (), Table((), ())),)), "table: 0 columns"),
        (replace(RECEIPT, sections=(Section("E", "事", (), Table((Column("A", "甲"),) * 20, ())),)), "table: 20"),
        (replace(RECEIPT, sections=(Section("E", "事", (), Table((Column("A" * 3_000, "甲"),), ())),)), "heading"),
    ],
)
def test_refuses_what_it_cannot_print(paper: Paper, names: str) -> None:
    """Shows that the error names the part."""
    with pytest.raises(PaperError, match=re.escape(names)):
        render(paper)


def test_refuses_an_unknown_language() -> None:
    """Shows that the error names the languages there are."""
    with pytest.raises(PaperError, match="zh"):
        render(RECEIPT, "fr")  # type: ignore[arg-type] # the very thing refused


@settings(max_examples=8, deadline=None)
@given(value=st.text(max_size=300))
def test_any_text_prints(value: str) -> None:
    """Shows that no value crashes the layout."""
    paper = replace(with_value(value), issued=datetime(2026, 1, 1, tzinfo=UTC), title_zh=value, number=value)
    assert render(paper).startswith(b"%PDF-")
