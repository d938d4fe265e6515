"""What the pages are drawn with: two languages, tables, facts, and a bar that shows where the money stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kouan.client.names import Names
from kouan.client.workdays import SHANGHAI, day_of
from kouan.formats.money import money
from kouan.simulation.scenes.loan import Bars

Lang = Literal["en", "zh"]
BAR_CELLS: Final = 46


class Say(NamedTuple):
    """Speaks one language."""

    lang: Lang
    names: Names

    def __call__(self, english: str, chinese: str) -> str:
        """Return the one in the reader's language."""
        return chinese if self.lang == "zh" else english

    def name(self, member: str) -> str:
        """Return a member's name."""
        return self.names.of(member, self.lang)


def moment(time_ms: int) -> str:
    """Return a time in Shanghai, to the minute."""
    return datetime.fromtimestamp(time_ms / 1000, SHANGHAI).strftime("%Y-%m-%d %H:%M")


def last_day(end_ms: int) -> str:
    """Return the last day before a moment."""
    return day_of(end_ms - 1).isoformat()


def sums(amounts: Mapping[str, int]) -> str:
    """Return amounts by currency as one text."""
    return "  ".join(money(minor, unit) for unit, minor in amounts.items())


def panel(title: str, *parts: RenderableType) -> Panel:
    """Return parts in a frame."""
    return Panel(Group(*parts), title=title, title_align="left", border_style="cyan", padding=(0, 1))


def facts(*pairs: tuple[str, str]) -> Table:
    """Return names and values, one pair a line."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(Text(name), Text(value))
    return made


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> Table:
    """Return a table of plain texts; ``right``: the columns of numbers."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def money_bar(say: Say, bars: Bars) -> Group:
    """Return a bar of what is available, held, used and collected, with the amounts in words below."""
    shares = (
        (say("available", "可融资余额"), bars.available, "green"),
        (say("held", "占用"), bars.held, "yellow"),
        (say("lent", "未还融资"), bars.used, "magenta"),
        (say("collected", "已收汇"), bars.collected, "blue"),
    )
    whole = max(bars.attested, sum(amount for _, amount, _ in shares))
    bar, legend, drawn, so_far = Text(), Text(), 0, 0
    for name, amount, colour in shares:
        so_far += amount
        end = so_far * BAR_CELLS // whole if whole else 0
        bar.append("█" * (end - drawn), colour)
        drawn = end
        if amount:
            legend.append("■ ", colour).append(f"{name} {money(amount, bars.unit)}   ")
    bar.append("░" * (BAR_CELLS - drawn), "dim")
    legend.append("░ ", "dim").append(say("attested ", "核证金额 ") + money(bars.attested, bars.unit))
    return Group(bar, legend)
