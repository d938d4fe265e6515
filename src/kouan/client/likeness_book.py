"""A bank's list of the documents it showed to the evaluator, and of what looks like them: part of its book.

A likeness 待人工复核 stops the bank that knows of it, and nobody else: it stays open until a second person of that bank
has recorded why it goes on. So does a trade case that had no room for a declaration. Documents go here by the
evaluator's name of them, which is the same whatever salt they were shown under.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from kouan.client.evaluating import DocumentKind, Likeness

FULL_CASE: Final = "full-case"
"""What is to be reviewed where a declaration's trade case is full: it was not linked, so nothing is weighed with it."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS shown (
    commitment TEXT PRIMARY KEY, document TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL,
    shown_ms INTEGER NOT NULL, evaluation BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS shown_document ON shown (document);
CREATE TABLE IF NOT EXISTS shown_by (document TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (document, key)) STRICT;
CREATE TABLE IF NOT EXISTS likenesses (
    id INTEGER PRIMARY KEY, own TEXT NOT NULL, other TEXT, other_member TEXT NOT NULL, pair TEXT NOT NULL,
    kinds TEXT NOT NULL, found_ms INTEGER NOT NULL, cleared_ms INTEGER, cleared_by TEXT, reason TEXT,
    UNIQUE (own, pair, kinds)
) STRICT;
CREATE TABLE IF NOT EXISTS likenesses_pulled (one INTEGER PRIMARY KEY CHECK (one = 1), to_ms INTEGER NOT NULL) STRICT;
"""
_SELECT: Final = (
    "SELECT id, own, (SELECT number FROM shown WHERE document = own ORDER BY shown_ms DESC, commitment LIMIT 1), other,"
    " (SELECT number FROM shown WHERE document = other ORDER BY shown_ms DESC, commitment LIMIT 1), other_member, pair,"
    " kinds, found_ms, cleared_ms, cleared_by, reason FROM likenesses"
)
_VERSIONS: Final = (
    "SELECT 1 FROM shown a JOIN shown b ON b.number = a.number AND b.kind = a.kind"
    " WHERE a.kind = 'export' AND a.document = ?1 AND b.document = ?2"
)
"""Two versions of one declaration of this bank's: before and after customs amended it."""


class BookedShowing(NamedTuple):
    """A document that this bank has shown to the evaluator."""

    commitment: str
    """To its fingerprints."""
    document: str
    """The evaluator's name of it for this bank."""
    kind: DocumentKind
    number: str
    shown_ms: int
    evaluation: bytes | None
    """What the evaluator signed, as JSON; None for a document without a number."""


class BookedLikeness(NamedTuple):
    """A document of this bank's that looks like another, or whose trade case is full."""

    id: int
    own: str
    """The evaluator's name of the own document."""
    number: str | None
    """The own document's; None where this book does not know it."""
    other: str | None
    """The evaluator's name of the other document, where it is this bank's too."""
    other_number: str | None
    other_member: str
    """The bank that showed the other document."""
    pair: str
    """What both banks call the two documents; empty where there is no other."""
    kinds: list[str]
    """What the two share, or `FULL_CASE`."""
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

    def show(self, showing: BookedShowing, key: str) -> None:
        """Enter a document that was shown, and the name of the key that showed it."""
        self._db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?, ?, ?, ?, ?)", showing)
        self._db.execute("INSERT OR IGNORE INTO shown_by VALUES (?, ?)", (showing.document, key))

    def shown_by(self, document: str) -> list[str]:
        """Return the names of the keys that ever showed a document, by its name; sorted."""
        rows = self._db.execute("SELECT key FROM shown_by WHERE document = ? ORDER BY key", (document,))
        return [key for (key,) in rows]

    def add(self, found: Iterable[Likeness]) -> None:
        """Enter likenesses; a pair that is there already changes nothing, one that has more in common is new."""
        for one in found:
            if self._db.execute(_VERSIONS, (one.own, one.other)).fetchone() is None:
                self._enter(one.own, one.other, one.other_member, one.pair, " ".join(one.kinds), one.time_ms)

    def add_full_case(self, document: str, member: str, found_ms: int) -> None:
        """Enter that a declaration's trade case had no room for it."""
        self._enter(document, None, member, "", FULL_CASE, found_ms)

    def strike_full_case(self, document: str) -> None:
        """Take out that a declaration's trade case had no room: it was linked after all."""
        self._db.execute(
            "DELETE FROM likenesses WHERE own = ? AND kinds = ? AND cleared_ms IS NULL", (document, FULL_CASE)
        )

    def all(self, *, is_open: bool = False) -> list[BookedLikeness]:
        """Return all likenesses, or those still to be reviewed, newest first."""
        where = " WHERE cleared_ms IS NULL" if is_open else ""
        rows = self._db.execute(f"{_SELECT}{where} ORDER BY found_ms DESC, id DESC")
        return [_likeness(row) for row in rows]

    def of(self, commitments: Collection[str]) -> list[BookedLikeness]:
        """Return what there is of some documents that were shown under these commitments, newest first."""
        shown = [self.shown(one) for one in commitments]
        documents = {one.document for one in shown if one is not None}
        return [one for one in self.all() if one.own in documents]

    def one(self, likeness: int) -> BookedLikeness | None:
        """Return a likeness by its number."""
        row = self._db.execute(f"{_SELECT} WHERE id = ?", (likeness,)).fetchone()
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

    def _enter(self, own: str, other: str | None, other_member: str, pair: str, kinds: str, found_ms: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO likenesses (own, other, other_member, pair, kinds, found_ms)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (own, other, other_member, pair, kinds, found_ms),
        )


def _likeness(row: tuple[object, ...]) -> BookedLikeness:
    made = BookedLikeness(*row)  # type: ignore[arg-type]  # a STRICT table's columns have these types
    return made._replace(kinds=str(made.kinds).split())
