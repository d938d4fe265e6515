"""Who asked how often: the evaluator's log, hour by hour, from which the bound on each member is told too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from kouan.evaluator.memory import HOUR_MS, open_file

NOBODY: Final = ""
"""Who asked a question that carries no member's valid signature."""


class Asked(NamedTuple):
    """One member's questions in one hour."""

    hour_ms: int
    """When the hour begins."""
    member: str
    asked: int
    refused: int
    """How many of these got no answer."""


def note(db: sqlite3.Connection, member: str, now_ms: int, *, asked: int, refused: int) -> int:
    """Add to a member's counts of this hour; return how often it has asked in it."""
    row = db.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET asked = asked + excluded.asked, "
        "refused = refused + excluded.refused RETURNING asked",
        (now_ms - now_ms % HOUR_MS, member, asked, refused),
    ).fetchone()
    return int(row[0])


def read_log(path: Path) -> list[Asked]:
    """Return the log in an evaluator's file, newest first; raises MemoryFileError."""
    with closing(open_file(path)) as db:
        rows = db.execute("SELECT hour_ms, member, asked, refused FROM log ORDER BY hour_ms DESC, member")
        return [Asked(*row) for row in rows]
