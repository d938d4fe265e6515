"""A bank's list of the documents it showed to the evaluator, and of what looks like them: part of its book.

A likeness 待人工复核 stops the bank that knows of it, and nobody else: it stays open until a second person of that bank
has recorded why it goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from kouan.client.evaluating import Likeness

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS shown (
    commitment TEXT PRIMARY KEY, number TEXT NOT NULL, by TEXT NOT NULL, shown_ms INTEGER NOT NULL,
    evaluation BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS likenesses (
    id INTEGER PRIMARY KEY, own TEXT NOT NULL, other TEXT NOT NULL, other_member TEXT NOT NULL, kinds TEXT NOT NULL,
    found_ms INTEGER NOT NULL, cleared_ms INTEGER, cleared_by TEXT, reason TEXT, UNIQUE (own, other)
) STRICT;
CREATE TABLE IF NOT EXISTS likenesses_pulled (one INTEGER PRIMARY KEY CHECK (one = 1), to_ms INTEGER NOT NULL) STRICT;
"""
_SELECT: Final = (
    "SELECT l.id, l.own, s.number, s.by, l.other, l.other_member, l.kinds, l.found_ms, l.cleared_ms, l.cleared_by,"
    " l.reason FROM likenesses l LEFT JOIN shown s ON s.commitment = l.own"
)


class BookedShowing(NamedTuple):
    """A document that this bank has shown to the evaluator."""

    commitment: str
    """To its fingerprints."""
    number: str
    by: str
    """The name of the key that showed it first."""
    shown_ms: int
    evaluation: bytes | None
    """What the evaluator signed, as JSON; None for a document without a number."""


class BookedLikeness(NamedTuple):
    """A document of this bank's that looks like another."""

    id: int
    own: str
    """The own document's commitment to its fingerprints."""
    number: str | None
    """The own document's; None where this book does not know it."""
    shown_by: str | None
    """The name of the key that showed the own document."""
    other: str
    other_member: str
    """The bank that showed the other document."""
    kinds: list[str]
    """What the two share."""
    found_ms: int
    cleared_ms: int | None
    """None while it is to be reviewed."""
    cleared_by: str | None
    """The name of the key of the person who goes on."""
    reason: str | None


class LikenessBook:
    """The part of a book that is about likenesses, on the book's own connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(_TABLES)

    def shown(self, commitment: str) -> BookedShowing | None:
        """Return what is known of a document that was shown; None when it never was."""
        row = self._db.execute("SELECT * FROM shown WHERE commitment = ?", (commitment,)).fetchone()
        return None if row is None else BookedShowing(*row)

    def show(self, showing: BookedShowing) -> None:
        """Enter a document that was shown; who showed it first stays."""
        self._db.execute(
            "INSERT INTO shown VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (commitment) DO UPDATE SET number = excluded.number, evaluation = excluded.evaluation",
            showing,
        )

    def add(self, found: Iterable[Likeness]) -> None:
        """Enter likenesses; a pair that is there already changes nothing."""
        rows = [(one.own, one.other, one.other_member, " ".join(one.kinds), one.time_ms) for one in found]
        self._db.executemany(
            "INSERT OR IGNORE INTO likenesses (own, other, other_member, kinds, found_ms) VALUES (?, ?, ?, ?, ?)", rows
        )

    def all(self, *, is_open: bool = False) -> list[BookedLikeness]:
        """Return all likenesses, or those still to be reviewed, newest first."""
        where = " WHERE l.cleared_ms IS NULL" if is_open else ""
        rows = self._db.execute(f"{_SELECT}{where} ORDER BY l.found_ms DESC, l.id DESC")
        return [_likeness(row) for row in rows]

    def open_of(self, commitments: Collection[str]) -> list[BookedLikeness]:
        """Return what is still to be reviewed of some documents, newest first."""
        return [one for one in self.all(is_open=True) if one.own in commitments]

    def one(self, likeness: int) -> BookedLikeness | None:
        """Return a likeness by its number."""
        row = self._db.execute(f"{_SELECT} WHERE l.id = ?", (likeness,)).fetchone()
        return None if row is None else _likeness(row)

    def clear(self, likeness: int, by: str, reason: str, time_ms: int) -> None:
        """Record who goes on although a likeness was found, when, and why."""
        self._db.execute(
            "UPDATE likenesses SET cleared_ms = ?, cleared_by = ?, reason = ? WHERE id = ? AND cleared_ms IS NULL",
            (time_ms, by, reason, likeness),
        )

    def pulled_to_ms(self) -> int:
        """Return up to which time the evaluator was asked what it has found since; 0 at first."""
        row = self._db.execute("SELECT to_ms FROM likenesses_pulled").fetchone()
        return int(row[0]) if row else 0

    def pull_to(self, to_ms: int) -> None:
        """Remember up to which time the evaluator was asked."""
        self._db.execute("INSERT OR REPLACE INTO likenesses_pulled VALUES (1, ?)", (to_ms,))


def _likeness(row: tuple[object, ...]) -> BookedLikeness:
    made = BookedLikeness(*row)  # type: ignore[arg-type]  # a STRICT table's columns have these types
    return made._replace(kinds=str(made.kinds).split())
