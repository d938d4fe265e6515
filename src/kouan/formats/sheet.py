"""One A4 sheet after another: running head and foot, text that wraps, grid rows that break across pages.

It knows nothing of what a paper says; `kouan.formats.paper` fills it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Self, cast
from unicodedata import category, normalize

import msgspec
from fpdf import FPDF
from pylopdf_fonts_zh_cn import sans_path

from kouan.formats.lines import wrap

if TYPE_CHECKING:
    from fpdf.fonts import TTFFont

Language = Literal["en", "zh", "both"]
Align = Literal["left", "right"]
Colour = tuple[int, int, int]

MAX_TEXT_CHARS: Final = 4_000
"""Longest text in one place; what is longer belongs in an annex, not on a paper."""

MARGIN: Final = 18.0
"""Millimetres from the paper's left and right edge."""
GAP: Final = 3.0
"""Millimetres between columns, and above a section."""
INK: Final = (28, 32, 38)
GREY: Final = (105, 112, 122)


class PaperError(ValueError):
    """The paper cannot be printed as it stands; the text names the part and what would be right."""


_FONT = "NotoSansSC"
_TOP, _BOTTOM = 27.0, 277.0  # millimetres from the paper's top, between which the text stands
_LINE = 4.7  # millimetres from line to line
_PAD = 1.3  # millimetres between a row's text and its rules
_RULE = (188, 194, 202)


class Cell(msgspec.Struct, frozen=True):
    """Texts, each beginning a new line, in a box that starts at `x` (millimetres)."""

    x: float
    width: float
    texts: tuple[str, ...]
    align: Align = "left"
    size: float = 9
    colour: Colour = INK


class Sheet(FPDF):
    """Pages with a running head and foot, and grid rows that break across them; `y` is the cursor."""

    def __init__(self, number: str, issued: datetime, lang: Language, total_pages: int) -> None:
        super().__init__(format="A4")
        self._number, self._lang, self._total_pages = number, lang, total_pages
        self.unseen = False
        self.set_margins(MARGIN, _TOP)
        self.set_auto_page_break(auto=False)
        self.c_margin = 0
        self.str_alias_nb_pages = ""  # else fpdf2 replaces "{nb}" in values by the number of pages
        self.add_font(_FONT, fname=str(sans_path()))
        self._typeface = cast("TTFFont", self.fonts[_FONT.lower()])
        self._em_widths: dict[str, float] = {}
        self.set_creation_date(issued)
        self.set_creator("Kouan")
        self.set_producer("Kouan")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._typeface.ttfont.close()  # fpdf2 reads the font file lazily and leaves it open

    def header(self) -> None:
        """Draw the head that every page bears: the name, the paper's number."""
        number = self.fitted(self.shown(self._number, "number"), self.epw - 60, 8)
        self.line_of(Cell(MARGIN, 60, ("口岸 Kouan",), size=11), 14)
        self.line_of(Cell(MARGIN + 60, self.epw - 60, (number,), "right", 8, GREY), 14.5)
        self.rule(21)
        self.set_y(_TOP)

    def footer(self) -> None:
        """Draw the foot that every page bears: its number and how many there are."""
        page, total = self.page_no(), self._total_pages
        texts = self.in_lang(f"Page {page} of {total}", f"第 {page} 页，共 {total} 页")
        self.rule(281)
        self.line_of(Cell(MARGIN, self.epw, ("   ".join(texts),), "right", 8, GREY), 283)

    def in_lang(self, en: str, zh: str) -> tuple[str, ...]:
        """Give the texts that the paper's language asks for, Chinese first."""
        return {"en": (en,), "zh": (zh,), "both": (zh, en)}[self._lang]

    def shown(self, text: str, where: str) -> str:
        """Put the text in characters that the typeface has; white space, line breaks included, becomes one space."""
        if len(text) > MAX_TEXT_CHARS:
            raise PaperError(f"{where}: {len(text)} characters, at most {MAX_TEXT_CHARS} fit a paper")
        letters = [char if self._visible(char) else f"[U+{ord(char):04X}]" for char in normalize("NFC", text)]
        self.unseen = self.unseen or any(len(letter) > 1 for letter in letters)
        return " ".join("".join(letters).split())

    def _visible(self, char: str) -> bool:
        return char.isspace() or (ord(char) in self._typeface.cmap and category(char)[0] != "C")

    def width_of(self, size: float) -> Callable[[str], float]:
        """Make a measure in millimetres for texts of `size` points; without kerning, characters' widths add up."""
        mm_per_em = size / self.k

        def measure(text: str) -> float:
            return mm_per_em * sum(self._em_width(char) for char in text)

        return measure

    def _em_width(self, char: str) -> float:
        width = self._em_widths.get(char)
        if width is None:
            self.set_font(_FONT, size=10)
            width = self._em_widths[char] = self.get_string_width(char) * self.k / 10
        return width

    def fitted(self, text: str, width: float, size: float) -> str:
        """Shorten the text to its beginning and an ellipsis where it does not fit one line."""
        lines = wrap(text, width, self.width_of(size))
        return text if len(lines) <= 1 else lines[0][:-1] + "…"

    def rule(self, y: float, weight: float = 0.2) -> None:
        """Draw a line across the text's width; `y` and `weight` in millimetres."""
        self.set_draw_color(*_RULE)
        self.set_line_width(weight)
        self.line(MARGIN, y, MARGIN + self.epw, y)

    def line_of(self, cell: Cell, y: float) -> None:
        """Draw the cell's only text on one line at `y`, and leave the cursor alone."""
        before = self.y
        self.set_font(_FONT, size=cell.size)
        self.set_text_color(*cell.colour)
        self.set_xy(cell.x, y)
        self.cell(cell.width, _LINE, cell.texts[0], align="R" if cell.align == "right" else "L")
        self.set_y(before)

    def need(self, height: float) -> bool:
        """Begin a new page when less than `height` is left; whether one was begun."""
        if self.y + height <= _BOTTOM:
            return False
        self.add_page()
        return True

    def grid_row(self, cells: list[Cell], on_new_page: Callable[[], None] = lambda: None) -> None:
        """Cells side by side with a rule under them; kept together if a page can hold them, else broken by lines."""
        columns = [self._lines(cell) for cell in cells]
        count, height = max(map(len, columns)), self.height_of(cells)
        if height <= (_BOTTOM - _TOP) * 0.7 and self.need(height):
            on_new_page()
        start = 0
        while start < count:
            if self.need(_LINE + 2 * _PAD):
                on_new_page()
            end = start + int((_BOTTOM - self.y - 2 * _PAD + 1e-6) / _LINE)
            self._grid_slice(cells, [lines[start:end] for lines in columns])
            start = end

    def height_of(self, cells: list[Cell]) -> float:
        """Measure the row that these cells make, in millimetres."""
        return max(len(self._lines(cell)) for cell in cells) * _LINE + 2 * _PAD

    def _lines(self, cell: Cell) -> list[str]:
        return [line for text in cell.texts for line in wrap(text, cell.width, self.width_of(cell.size))]

    def _grid_slice(self, cells: list[Cell], columns: list[list[str]]) -> None:
        top = self.y + _PAD
        for cell, lines in zip(cells, columns, strict=True):
            for index, line in enumerate(lines):
                self.line_of(msgspec.structs.replace(cell, texts=(line,)), top + index * _LINE)
        self.set_y(top + max(map(len, columns)) * _LINE + _PAD)
        self.rule(self.y)

    def paragraph(self, text: str, size: float, colour: Colour, width: float | None = None) -> None:
        """Text over the width, without a rule, broken across pages by lines."""
        width = width or self.epw
        step = max(_LINE, size * 0.5)
        for line in wrap(text, width, self.width_of(size)):
            self.need(step)
            self.line_of(Cell(MARGIN, width, (line,), size=size, colour=colour), self.y)
            self.set_y(self.y + step)
