"""What the evaluator remembers, in one SQLite file: keyed fingerprints, members and times. No text of a document.

Each method that changes something is one transaction: on disk when it returns, or it did not happen.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from kouan.client.evaluating import Likeness
from kouan.kernel.encoding import to_text

MEMORY_FILE: Final = "evaluator.db"
RETENTION_MS: Final = 730 * 24 * 3600 * 1000
"""How long a document is compared with others after it was last shown; and how long the log is kept."""
HOUR_MS: Final = 3600 * 1000
COMPARED: Final = 1000
"""With how many documents that share something one is compared, newest first."""
TOLD: Final = 64
"""How many likenesses of one document are told, newest first."""
BUSY_S: Final = 10.0

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS master (one INTEGER PRIMARY KEY CHECK (one = 1), secret_check BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS aliases (
    fingerprint BLOB PRIMARY KEY, canonical BLOB NOT NULL, member TEXT NOT NULL, made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS showings (
    id INTEGER PRIMARY KEY, document BLOB NOT NULL, member TEXT NOT NULL, commitment BLOB NOT NULL, kind TEXT NOT NULL,
    shown_ms INTEGER NOT NULL, UNIQUE (document, member)
) STRICT;
CREATE INDEX IF NOT EXISTS showings_by_time ON showings (shown_ms);
CREATE TABLE IF NOT EXISTS features (
    feature BLOB NOT NULL, showing INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE, kind TEXT NOT NULL,
    PRIMARY KEY (feature, showing)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS features_by_showing ON features (showing);
CREATE TABLE IF NOT EXISTS carried (
    showing INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE, fingerprint BLOB NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (showing, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS likenesses (
    earlier INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE,
    later INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE,
    kinds TEXT NOT NULL, found_ms INTEGER NOT NULL, PRIMARY KEY (earlier, later)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS likenesses_by_later ON likenesses (later);
CREATE VIEW IF NOT EXISTS sides AS
    SELECT earlier AS own, later AS other, kinds, found_ms FROM likenesses
    UNION ALL SELECT later, earlier, kinds, found_ms FROM likenesses;
CREATE TABLE IF NOT EXISTS log (
    hour_ms INTEGER NOT NULL, member TEXT NOT NULL, asked INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (hour_ms, member)
) STRICT, WITHOUT ROWID;
"""
_TOLD: Final = (
    "SELECT sides.kinds, own.commitment, other.commitment, other.member, found_ms FROM sides "
    "JOIN showings own ON own.id = sides.own JOIN showings other ON other.id = sides.other "
)
_OF_SHOWING: Final = _TOLD + "WHERE own.id = ? ORDER BY found_ms DESC, other.id DESC LIMIT ?"
_OF_MEMBER: Final = _TOLD + "WHERE own.member = ? AND found_ms >= ? ORDER BY found_ms DESC, own.id DESC, other.id DESC"
_BOUND_BY: Final = {
    "contract-number": "contract",
    "master-number": "transport",
    "order-number": "order",
    "transport-number": "transport",
}
"""A soft kind, and the exact kind that says more: the ledger brings documents that share that into one case."""

Keyed = tuple[str, bytes]
"""A kind and a keyed fingerprint, exact or soft."""


class MemoryFileError(ValueError):
    """The file is not this evaluator's; the text says why and what to do."""


class Showing(NamedTuple):
    """A document as one member showed it last."""

    carried: Sequence[Keyed]
    """Exact fingerprints, its own among them."""
    commitment: bytes
    """To its fingerprints: by it the two banks name it to each other."""
    document: bytes
    """Its own fingerprint, else the commitment: what tells two documents apart."""
    features: Sequence[Keyed]
    kind: str
    member: str
    shown_ms: int


class Memory:
    """One evaluator's file, made if there is none; a context manager. Raises MemoryFileError when it is another's."""

    def __init__(self, path: Path, secret_check: bytes) -> None:
        """``secret_check`` is what `kouan.evaluator.prf.Prf.check` gives."""
        self.db = open_file(path)
        self.db.execute("INSERT OR IGNORE INTO master VALUES (1, ?)", (secret_check,))
        (found,) = self.db.execute("SELECT secret_check FROM master").fetchone()
        if found != secret_check:
            self.db.close()
            raise MemoryFileError(f"{path}: made with another master secret; restore the key file that belongs to it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all that the block enters: on disk when the block ends, or undone when it raises."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def canonical(self, fingerprint: bytes) -> bytes:
        """Return the fingerprint under which a document goes that was shown with this one; else this one."""
        row = self.db.execute("SELECT canonical FROM aliases WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return fingerprint if row is None else bytes(row[0])

    def one_of(self, fingerprints: Sequence[bytes], member: str, now_ms: int) -> bytes:
        """Return the one fingerprint of a document whose number several registers' numbers give several.

        It is that under which one of them was seen first, and all of them lead to it from now on. One that already
        leads elsewhere stays: it was given out.
        """
        marks = ", ".join("?" * len(fingerprints))
        found = self.db.execute(
            f"SELECT canonical FROM aliases WHERE fingerprint IN ({marks}) "  # noqa: S608  # question marks alone
            "ORDER BY made_ms, fingerprint LIMIT 1",
            fingerprints,
        ).fetchone()
        canonical = fingerprints[0] if found is None else bytes(found[0])
        rows = [(fingerprint, canonical, member, now_ms) for fingerprint in fingerprints]
        self.db.executemany("INSERT OR IGNORE INTO aliases VALUES (?, ?, ?, ?)", rows)
        return canonical

    def enter(self, shown: Showing) -> list[Likeness]:
        """Remember a document as it is shown, and return what is like it, newest first."""
        self._forget(shown.shown_ms - RETENTION_MS)
        (own,) = self.db.execute(
            "INSERT INTO showings (document, member, commitment, kind, shown_ms) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET commitment = excluded.commitment, shown_ms = excluded.shown_ms RETURNING id",
            (shown.document, shown.member, shown.commitment, shown.kind, shown.shown_ms),
        ).fetchone()
        for table, keyed in (("features", shown.features), ("carried", shown.carried)):
            column = "feature" if table == "features" else "fingerprint"
            self.db.execute(f"DELETE FROM {table} WHERE showing = ?", (own,))  # noqa: S608  # names from here
            self.db.executemany(
                f"INSERT OR IGNORE INTO {table} ({column}, showing, kind) VALUES (?, ?, ?)",  # noqa: S608  # from here
                [(value, own, kind) for kind, value in keyed],
            )
        for other, kinds in self._alike(own, shown):
            self.db.execute(
                "INSERT INTO likenesses VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET kinds = excluded.kinds, "
                "found_ms = iif(kinds = excluded.kinds, found_ms, excluded.found_ms)",
                (min(own, other), max(own, other), " ".join(kinds), shown.shown_ms),
            )
        return _told(self.db.execute(_OF_SHOWING, (own, TOLD)))

    def likenesses(self, member: str, since_ms: int) -> list[Likeness]:
        """Return what was found alike to a member's documents since a time, newest first."""
        return _told(self.db.execute(_OF_MEMBER, (member, since_ms)))

    def _forget(self, before_ms: int) -> None:
        self.db.execute("DELETE FROM showings WHERE shown_ms < ?", (before_ms,))
        self.db.execute("DELETE FROM log WHERE hour_ms < ?", (before_ms,))

    def _alike(self, own: int, shown: Showing) -> list[tuple[int, list[str]]]:
        """Return the showings of other documents that are to be told, and what they share with one."""
        rows = self.db.execute(
            "SELECT other.id, other.kind, group_concat(DISTINCT theirs.kind) FROM features mine "
            "JOIN features theirs ON theirs.feature = mine.feature JOIN showings other ON other.id = theirs.showing "
            "WHERE mine.showing = ? AND other.document != ? GROUP BY other.id ORDER BY other.shown_ms DESC LIMIT ?",
            (own, shown.document, COMPARED),
        ).fetchall()
        found = []
        for other, kind, shared in rows:
            bound = self._bound(own, other)
            kinds = [one for one in sorted(shared.split(",")) if _is_to_be_told(one, bound, is_same=kind == shown.kind)]
            if kinds:
                found.append((other, kinds))
        return found[:TOLD]

    def _bound(self, one: int, other: int) -> set[str]:
        """Return the kinds of the exact fingerprints that two documents share: the ledger makes one case of them."""
        rows = self.db.execute(
            "SELECT mine.kind FROM carried mine JOIN carried theirs ON theirs.fingerprint = mine.fingerprint "
            "WHERE mine.showing = ? AND theirs.showing = ?",
            (one, other),
        )
        return {kind for (kind,) in rows}


def _told(rows: Iterable[tuple[str, bytes, bytes, str, int]]) -> list[Likeness]:
    return [
        Likeness(kinds=kinds.split(" "), other=to_text(other), other_member=member, own=to_text(own), time_ms=found_ms)
        for kinds, own, other, member, found_ms in rows
    ]


def open_file(path: Path) -> sqlite3.Connection:
    """Open an SQLite file that only its owner can read, made if there is none; the caller closes it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        for pragma in ("foreign_keys = ON", "secure_delete = ON", "synchronous = FULL", "trusted_schema = OFF"):
            db.execute(f"PRAGMA {pragma}")
        db.executescript(_TABLES)
    except sqlite3.DatabaseError as problem:
        db.close()
        raise MemoryFileError(f"{path}: not an evaluator's file: {problem}") from None
    return db


def _is_to_be_told(kind: str, bound: set[str], *, is_same: bool) -> bool:
    """Tell whether what two documents share is more than the ledger knows of them, which is ``bound``.

    Papers of different kinds that are bound are one trade through several papers, with one amount by nature.
    """
    if kind == "parties-amount-month":
        return is_same or not bound
    return _BOUND_BY.get(kind) not in bound
