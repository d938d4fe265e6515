"""Breaking a text into lines: Latin words stay whole, Chinese breaks anywhere but not before a closing mark."""

import re
from collections.abc import Callable, Iterator

_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_OPENING = "《「『（【“‘"
_CLOSING = "、。，；：？！》」』）】”’,.;:"
_UNIT = re.compile(rf"[{_OPENING}]*[{_CJK}][{_CLOSING}]*|\s+|[^\s{_CJK}]+")


def wrap(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Lines no wider than `width` by `measure` (a lone wider character excepted); an empty text is one empty line."""
    lines, line, line_width = [], "", 0.0
    for unit in _units(text, width, measure):
        unit_width = measure(unit)
        if line and line_width + unit_width > width and not unit.isspace():
            lines.append(line.rstrip())
            line, line_width = "", 0.0
        if line or not unit.isspace():
            line += unit
            line_width += unit_width
    return [*lines, line.rstrip()]


def _units(text: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    """Yield what is not torn apart: words, Chinese characters with their marks; of what is too wide, characters."""
    for match in _UNIT.finditer(text):
        unit = match.group()
        if measure(unit) <= width:
            yield unit
        else:
            yield from unit
