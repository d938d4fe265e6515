"""What is printed: nothing that others wrote steers the reader's terminal, and no time that others chose stops it."""

from __future__ import annotations

import json

import pytest
from rich.console import RenderableType

from kouan.cli.output import Page, UnusableError, fields, moment, show, show_unusable, table
from kouan.client.papers import last_day

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eTSAF\u2028\x00"
STEERING = "\x1b\x07\x9b\u202e\u2028\x00"
LATEST_MS = 2**53 - 1
LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, in UTC; in Shanghai it is the year 10000 already."""


def test_what_steers_a_terminal_is_replaced_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """Titles, columns, cells, names, values, lines and errors."""
    shown: list[RenderableType] = [table(EVIL, [EVIL], [[EVIL]]), fields([(EVIL, EVIL)]), f"{EVIL}\nsecond line"]
    show(Page({}, shown), as_json=False)
    show_unusable(UnusableError("slip", f"has the unknown field {EVIL!s}"), "en", as_json=False)
    out, err = capsys.readouterr()
    assert not set(STEERING) & set(out + err)
    assert out.count("TSAF") == 6
    assert "\nsecond line" in out
    assert "TSAF" in err


def test_chinese_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Its wide space and punctuation are printed; so is what has accents."""
    text = "临港灯具　（上海）有限公司：é"  # full-width on purpose
    show(Page({}, [text, table("", ["企业"], [[text]])]), as_json=False)
    assert capsys.readouterr().out.count(text) == 2


def test_json_carries_the_same_text_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads what was written; a terminal that shows the document is not steered."""
    show(Page({"owner": EVIL}), as_json=True)
    out = capsys.readouterr().out
    assert json.loads(out) == {"owner": EVIL}
    assert not set("\x1b\x07\x9b\x00") & set(out)


@pytest.mark.parametrize("time_ms", [LAST_MS + 1, LATEST_MS])
def test_a_time_beyond_the_calendar_is_shown_as_it_is(time_ms: int) -> None:
    """A ledger's field may hold any whole number up to 2⁵³-1."""
    assert moment(time_ms) == f"{time_ms} ms"
    assert last_day(time_ms) == f"{time_ms} ms"


def test_the_edge_of_the_calendar_is_shown() -> None:
    assert moment(0) == ""
    assert last_day(LAST_MS) == f"{LAST_MS} ms"
    assert last_day(LAST_MS - 8 * 3_600_000) == "9999-12-31"
