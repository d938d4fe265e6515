"""What the evaluator remembers, in one SQLite file: keyed fingerprints, members and times. No text of a document.

Here is the file itself, and which fingerprint a document goes by; `kouan.evaluator.alike` compares documents. Each
method that changes something is one transaction, or part of one: on disk when it ends, or it did not happen.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MEMORY_FILE: Final = "evaluator.db"
HOUR_MS: Final = 3600 * 1000
BUSY_S: Final = 10.0

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS master (one INTEGER PRIMARY KEY CHECK (one = 1), secret_check BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS aliases (
    fingerprint BLOB PRIMARY KEY, canonical BLOB NOT NULL, member TEXT NOT NULL, made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS showings (
    id INTEGER PRIMARY KEY, document BLOB NOT NULL, member TEXT NOT NULL, name BLOB NOT NULL, kind TEXT NOT NULL,
    shown_ms INTEGER NOT NULL, UNIQUE (document, member)
) STRICT;
CREATE INDEX IF NOT EXISTS showings_by_time ON showings (shown_ms);
CREATE TABLE IF NOT EXISTS features (
    feature BLOB NOT NULL, member TEXT NOT NULL, showing INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE,
    kind TEXT NOT NULL, PRIMARY KEY (feature, member, showing)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS features_by_showing ON features (showing);
CREATE TABLE IF NOT EXISTS carried (
    showing INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE, fingerprint BLOB NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (showing, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS likenesses (
    own INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE,
    other INTEGER NOT NULL REFERENCES showings ON DELETE CASCADE,
    member TEXT NOT NULL, other_member TEXT NOT NULL, kinds TEXT NOT NULL, found_ms INTEGER NOT NULL,
    PRIMARY KEY (own, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS likenesses_by_other ON likenesses (other);
CREATE INDEX IF NOT EXISTS likenesses_by_time ON likenesses (member, found_ms);
CREATE TABLE IF NOT EXISTS log (
    hour_ms INTEGER NOT NULL, member TEXT NOT NULL, asked INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (hour_ms, member)
) STRICT, WITHOUT ROWID;
"""


class MemoryFileError(ValueError):
    """The file is not this evaluator's, or cannot be used; the text says why and what to do."""


class Memory:
    """One evaluator's file, made if there is none; a context manager. Raises MemoryFileError when it is another's."""

    def __init__(self, path: Path, secret_check: bytes) -> None:
        """``secret_check`` is what `kouan.evaluator.prf.Prf.check` gives."""
        self.db = open_file(path)
        try:
            self.db.execute("INSERT OR IGNORE INTO master VALUES (1, ?)", (secret_check,))
            (found,) = self.db.execute("SELECT secret_check FROM master").fetchone()
        except sqlite3.OperationalError as problem:
            self.db.close()
            raise MemoryFileError(f"{path}: in use by another process ({problem}); ask again later") from None
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

    def named(self, fingerprint: bytes, member: str, now_ms: int) -> bytes:
        """Return the fingerprint under which a document goes that is named by this one.

        It is given out, so it means from now on what it means now, whoever shows the document with more numbers later.
        """
        self._lead([fingerprint], fingerprint, member, now_ms)
        return self._canonical(fingerprint)

    def one_of(self, preferred: bytes, others: Sequence[bytes], member: str, now_ms: int) -> bytes:
        """Return the one fingerprint of a document whose number several registers' numbers give several.

        It is that of the preferred register's number, and the others lead to it from now on. One that was given out
        already, or leads elsewhere, stays.
        """
        self._lead([preferred], preferred, member, now_ms)
        canonical = self._canonical(preferred)
        self._lead(others, canonical, member, now_ms)
        return canonical

    def _canonical(self, fingerprint: bytes) -> bytes:
        row = self.db.execute("SELECT canonical FROM aliases WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return bytes(row[0])

    def _lead(self, fingerprints: Sequence[bytes], to: bytes, member: str, now_ms: int) -> None:
        rows = [(fingerprint, to, member, now_ms) for fingerprint in fingerprints]
        self.db.executemany("INSERT OR IGNORE INTO aliases VALUES (?, ?, ?, ?)", rows)


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
        if problem.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise MemoryFileError(f"{path}: in use by another process ({problem}); ask again later") from None
        raise MemoryFileError(f"{path}: not an evaluator's file: {problem}") from None
    return db
