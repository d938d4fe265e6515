"""What commands answer with, and how people and programs see it: pages, one JSON document, one line for an error.

Exit codes: 0 done, 1 refused by the ledger, 2 unusable input.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from kouan.bootstrap import SHANGHAI
from kouan.cli import errors
from kouan.client.sentences import sentence_of
from kouan.client.session import Result

Lang = errors.Lang
DONE = 0
REFUSED = 1
UNUSABLE = 2
WIDTH_OF_PIPE = 400
_COLON: Mapping[Lang, str] = {"en": ": ", "zh": "："}
_C1_CONTROLS = re.compile(r"[\x7f-\x9f]")  # JSON escapes the other controls by itself


class Page(NamedTuple):
    """A command's whole answer."""

    document: Any
    """What ``--json`` prints: anything msgspec can encode."""
    shown: Sequence[RenderableType] = ()
    """What people see, one after the other; plain texts are not read as markup."""
    exit_code: int = DONE


class UnusableError(Exception):
    """Something typed or given cannot be used: exit 2."""

    def __init__(self, field: str, problem: str) -> None:
        """Make the error; ``problem`` says what is wrong, then, after a semicolon, what would be right."""
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class RefusedError(Exception):
    """The ledger refused what the whole command was about: exit 1."""

    def __init__(self, result: Result, what: str, details: Mapping[str, Any] | None = None) -> None:
        """Make the error; ``what`` is what was to be done, in the reader's language, ``details`` figures for JSON."""
        super().__init__(f"{what}: {result.code!r}")
        self.result = result
        self.what = what
        self.details = details or {}


def must_accept(result: Result, what: str) -> None:
    """Raise RefusedError unless the ledger accepted."""
    if not result.accepted:
        raise RefusedError(result, what)


def refusal(result: Result, lang: Lang) -> dict[str, Any]:
    """Return what a refusal says: code, name, what it is about (``at``), sentence and next step."""
    if result.code is None:
        raise AssertionError("an accepted command has no refusal")
    sentence, next_step = sentence_of(result.code, lang)
    return {
        "at": result.at,
        "code": int(result.code),
        "name": result.code.name,
        "next": next_step,
        "sentence": sentence,
    }


def refusal_line(result: Result, lang: Lang) -> str:
    """Return a refusal as people read it in a table: number, name and sentence."""
    said = refusal(result, lang)
    return f"{said['code']} {said['name']}{_COLON[lang]}{said['sentence']}"


def table(title: str, columns: Iterable[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> Table:
    """Return a table of plain texts; ``right`` names the columns of numbers by index. Nothing typed is cut off."""
    made = Table(title=_plain(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    to_the_right = set(right)
    for index, column in enumerate(columns):
        made.add_column(_plain(column), justify="right" if index in to_the_right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_plain(cell) for cell in row))
    return made


def fields(pairs: Iterable[tuple[str, str]]) -> Table:
    """Return names and values, one pair a line."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(_plain(name), _plain(value))
    return made


def moment(time_ms: int) -> str:
    """Return a time as Shanghai's clocks show it, like the days on papers; nothing for 0, which stands for never.

    A time past the end of the calendar, in the year 9999, is shown as its milliseconds since 1970.
    """
    if not time_ms:
        return ""
    try:
        return datetime.fromtimestamp(time_ms // 1000, SHANGHAI).isoformat(" ", "seconds")
    except (OverflowError, ValueError):  # the calendar ends, at its edge with the former
        return f"{time_ms} ms"


def show(page: Page, *, as_json: bool) -> None:
    """Print a page to standard output."""
    if as_json:
        _print_json(page.document)
        return
    # Rich takes 80 columns for a pipe; there identifiers must stay whole, so that they can be searched and cut.
    width = None if sys.stdout.isatty() else WIDTH_OF_PIPE
    console = Console(markup=False, highlight=False, emoji=False, width=width)
    for part in page.shown:
        if isinstance(part, str):
            console.print(_visible(part, also="\n"), soft_wrap=True)
        else:
            console.print(part)


def show_unusable(error: Exception, lang: Lang, *, as_json: bool) -> None:
    """Print one line about unusable input to standard error, and with ``--json`` a document too."""
    said = errors.told(error, lang)
    if as_json:
        _print_json(said.document)
    _print_error(said.line)


def show_refused(error: RefusedError, lang: Lang, *, as_json: bool) -> None:
    """Print a refusal to standard error, and with ``--json`` as a document too."""
    said = refusal(error.result, lang)
    if as_json:
        _print_json({"refused": {**error.details, **said}})
    refused, about, then = {
        "en": ("refused by the ledger", "About: ", "Next: "),
        "zh": ("账本拒绝", "涉及：", "下一步："),
    }[lang]
    colon = _COLON[lang]
    _print_error(f"{error.what}{colon}{refused}{colon}{refusal_line(error.result, lang)}")
    if said["at"]:
        _print_error(about + said["at"])
    _print_error(then + said["next"])


def error_console() -> Console:
    """Return the console for progress and errors: standard error, so that standard output stays the answer's."""
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)


def _print_error(line: str) -> None:
    error_console().print(_visible(line), soft_wrap=True)


def _print_json(document: Any) -> None:
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    sys.stdout.write(_C1_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def _plain(cell: str) -> Text:
    return Text(_visible(cell))  # a bare str would be read as markup


def _visible(text: str, also: str = "") -> str:
    """Return a text without what steers a terminal: what others wrote must not clear a screen or turn a line round.

    Each character that is not printable becomes U+FFFD; ``also`` names those that stay.
    """
    if text.isprintable():
        return text
    keep = also + "\u3000"  # the wide space of Chinese text
    return "".join(one if one.isprintable() or one in keep else "\ufffd" for one in text)
