"""Papers for a file: one sober A4 layout that others fill, rendered as PDF in English, Chinese or both.

A paper is title, number, date, sections of labelled values, tables, notes and an optional QR code. The same paper
gives the same bytes. Nothing of it is lost without a sign: what the typeface lacks, and what is invisible (control
characters, overrides of the writing direction), is printed as its Unicode number with a note that says so.
"""

from datetime import datetime
from itertools import groupby
from typing import get_args

import msgspec
import segno

from kouan.formats.sheet import GAP, GREY, INK, MARGIN, Align, Cell, Language, PaperError, Sheet

__all__ = ["Align", "Column", "Language", "Paper", "PaperError", "Row", "Section", "Table", "render"]


class Row(msgspec.Struct, frozen=True):
    """One labelled value; amounts (see `kouan.formats.money`) go to the right."""

    label_en: str
    label_zh: str
    value: str
    align: Align = "left"


class Column(msgspec.Struct, frozen=True):
    """One column of a table; `share` is its width relative to the others."""

    heading_en: str
    heading_zh: str
    align: Align = "left"
    share: int = 1


class Table(msgspec.Struct, frozen=True):
    """Columns and rows of texts, one text per column; a table without rows says so."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


class Section(msgspec.Struct, frozen=True):
    """A heading, labelled values under it, and a table under those."""

    heading_en: str
    heading_zh: str
    rows: tuple[Row, ...] = ()
    table: Table | None = None


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed. `issued` carries a time zone and is shown in it; `qr_text` is printable ASCII."""

    title_en: str
    title_zh: str
    number: str
    issued: datetime
    sections: tuple[Section, ...]
    notes_en: str = ""
    notes_zh: str = ""
    qr_text: str | None = None


def render(paper: Paper, lang: Language = "both") -> bytes:
    """Print the paper as PDF, labels in `lang`; PaperError names what cannot be printed."""
    if lang not in get_args(Language):
        raise PaperError(f'lang: {lang!r} is none of "en", "zh", "both"')
    if paper.issued.tzinfo is None:
        raise PaperError("issued: has no time zone; give one, such as +08:00")
    with Sheet(paper.number, paper.issued, lang, total_pages=0) as draft:  # each page names how many there are
        _fill(draft, paper)
    with Sheet(paper.number, paper.issued, lang, total_pages=draft.page) as sheet:
        _fill(sheet, paper)
        return bytes(sheet.output())


_QR_SIDE = 34.0  # millimetres
_QR_MODULE_MIN = 0.33  # millimetres; what a hand-held scanner still reads from office print
_HEADING_MAX = 60.0  # millimetres, so that a page always has room for rows
_COLUMN_MIN = 12.0  # millimetres; six digits

_UNSEEN = (
    "A character that cannot be shown is printed as its Unicode number in square brackets.",
    "无法显示的字符以方括号内的 Unicode 编码表示。",
)


def _fill(sheet: Sheet, paper: Paper) -> None:
    sheet.set_title(sheet.shown(" ".join(sheet.in_lang(paper.title_en, paper.title_zh)), "title"))
    sheet.add_page()
    _title(sheet, paper)
    for section in paper.sections:
        _section(sheet, section)
    _notes(sheet, paper)


def _title(sheet: Sheet, paper: Paper) -> None:
    top, width = sheet.y, sheet.epw
    if paper.qr_text is not None:
        _qr(sheet, paper.qr_text, sheet.w - MARGIN - _QR_SIDE, top)
        width -= _QR_SIDE + GAP
    first, *second = sheet.in_lang(paper.title_en, paper.title_zh)
    sheet.paragraph(sheet.shown(first, "title"), 18, INK, width)
    for title in second:
        sheet.paragraph(sheet.shown(title, "title"), 12, GREY, width)
    sheet.set_y(sheet.y + GAP)
    number, issued = sheet.shown(paper.number, "number"), paper.issued.isoformat(sep=" ", timespec="seconds")
    for en, zh, value in (("Number", "编号", number), ("Issued", "签发时间", issued)):
        sheet.paragraph(f"{' '.join(sheet.in_lang(en, zh))}   {value}", 9, INK, width)
    below = top + _QR_SIDE if paper.qr_text is not None and sheet.page == 1 else top
    sheet.set_y(max(sheet.y, below) + GAP)


def _qr(sheet: Sheet, text: str, x: float, y: float) -> None:
    """Draw the code as black rectangles, error level M, with the margin of four modules that ISO/IEC 18004 asks."""
    if not (text and text.isascii() and text.isprintable()):
        raise PaperError("qr_text: must be printable ASCII and not empty, such as the proof's fingerprint in hex")
    try:
        matrix = segno.make_qr(text, error="m", boost_error=False).matrix
    except segno.DataOverflowError as error:
        raise PaperError(f"qr_text: {len(text)} characters are more than a QR code holds") from error
    module = _QR_SIDE / (len(matrix) + 8)
    if module < _QR_MODULE_MIN:
        raise PaperError(f"qr_text: {len(text)} characters make a code too fine to scan from paper; give a fingerprint")
    sheet.set_fill_color(0)
    for row, modules in enumerate(matrix):
        column = 0
        for dark, run in groupby(modules):
            length = len(list(run))
            if dark:
                sheet.rect(x + (column + 4) * module, y + (row + 4) * module, length * module, module, style="F")
            column += length


def _section(sheet: Sheet, section: Section) -> None:
    sheet.need(24)  # a heading stays with what it heads
    sheet.set_y(sheet.y + GAP)
    sheet.paragraph(sheet.shown("   ".join(sheet.in_lang(section.heading_en, section.heading_zh)), "heading"), 11, INK)
    sheet.set_y(sheet.y + 0.8)
    sheet.rule(sheet.y, weight=0.5)
    for row in section.rows:
        sheet.grid_row(_labelled(sheet, row))
    if section.table is not None:
        _table(sheet, section.table)


def _labelled(sheet: Sheet, row: Row) -> list[Cell]:
    labels = sheet.in_lang(row.label_en, row.label_zh)
    cells, x = [], MARGIN
    for label, width in zip(labels, (60.0,) if len(labels) == 1 else (34.0, 46.0), strict=True):
        cells.append(Cell(x, width - GAP, (sheet.shown(label, "label"),), colour=GREY))
        x += width
    cells.append(Cell(x, MARGIN + sheet.epw - x, (sheet.shown(row.value, row.label_en),), row.align))
    return cells


def _table(sheet: Sheet, table: Table) -> None:
    shares = sum(column.share for column in table.columns) or 1
    room = sheet.epw - GAP * (len(table.columns) - 1)
    if min((room * column.share / shares for column in table.columns), default=0) < _COLUMN_MIN:
        raise PaperError(f"table: {len(table.columns)} columns; give each a share of at least {_COLUMN_MIN:.0f} mm")
    boxes, x = [], MARGIN
    for column in table.columns:
        width = room * column.share / shares
        headings = tuple(sheet.shown(text, "heading") for text in sheet.in_lang(column.heading_en, column.heading_zh))
        boxes.append(Cell(x, width, headings, column.align, 8, GREY))
        x += width + GAP

    if sheet.height_of(boxes) > _HEADING_MAX:
        raise PaperError("table: a heading is too long to repeat on every page; shorten it or give its column a share")

    def heading() -> None:
        sheet.grid_row(boxes)

    sheet.need(24)
    sheet.set_y(sheet.y + 1)
    heading()
    for number, row in enumerate(table.rows, 1):
        if len(row) != len(boxes):
            raise PaperError(f"table row {number}: {len(row)} cells, the table has {len(boxes)} columns")
        texts = [sheet.shown(text, column.heading_en) for text, column in zip(row, table.columns, strict=True)]
        sheet.grid_row(
            [Cell(box.x, box.width, (text,), box.align) for box, text in zip(boxes, texts, strict=True)], heading
        )
    if not table.rows:
        sheet.grid_row([Cell(MARGIN, sheet.epw, (" ".join(sheet.in_lang("none", "无")),), colour=GREY)])


def _notes(sheet: Sheet, paper: Paper) -> None:
    notes = [sheet.shown(text, "notes") for text in sheet.in_lang(paper.notes_en, paper.notes_zh)]
    if paper.qr_text is not None:
        notes.append(f"{' '.join(sheet.in_lang('QR code', '二维码'))}: {sheet.shown(paper.qr_text, 'qr_text')}")
    if sheet.unseen:
        notes.extend(sheet.in_lang(*_UNSEEN))
    sheet.set_y(sheet.y + 2 * GAP)
    for note in filter(None, notes):
        sheet.paragraph(note, 8, GREY)
