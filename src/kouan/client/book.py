"""A bank's own list of its loans, in one SQLite file beside its vault.

The ledger holds hashes and has no listing: which loans are the bank's, for which customer and on which declarations,
and which collections it reported, stands here. It is as confidential as the vault, and only its owner can read it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from kouan.client.likeness_book import LikenessBook
from kouan.client.paper_secrets import plain

BOOK_FILE: Final = "book.db"

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS loans (id TEXT PRIMARY KEY, customer TEXT NOT NULL, taken_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS declarations (quota TEXT PRIMARY KEY, number TEXT NOT NULL, owner TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS declarations_number ON declarations (number);
CREATE TABLE IF NOT EXISTS collections (
    id TEXT PRIMARY KEY, financing TEXT, short_text TEXT NOT NULL, taken_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS bank_references (reference TEXT PRIMARY KEY, financing TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS vouched (quota TEXT PRIMARY KEY, customer TEXT) STRICT;
CREATE TABLE IF NOT EXISTS exports (quota TEXT PRIMARY KEY, day TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS blocks_read (height INTEGER NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS payments (
    financing TEXT, entry INTEGER, allocation INTEGER, amount INTEGER NOT NULL, own INTEGER NOT NULL,
    PRIMARY KEY (financing, entry, allocation)
) STRICT;
CREATE TABLE IF NOT EXISTS offers (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS looked (one INTEGER PRIMARY KEY CHECK (one = 1), height INTEGER NOT NULL) STRICT;
"""


class BookError(ValueError):
    """The book cannot say which loan is meant, or cannot be read; the text says why and what to do."""


class BookedLoan(NamedTuple):
    """A loan as the bank knows it."""

    id: str
    customer: str
    """The owner's code, empty for a loan that was bought."""
    taken_ms: int


class BookedCollection(NamedTuple):
    """A collection that this bank reported."""

    id: str
    financing: str | None
    text: str
    """The amount, for people."""
    taken_ms: int


class BookedDeclaration(NamedTuple):
    """A declaration in one currency that the bank was told of."""

    quota: str
    number: str
    owner: str


class BookedPayment(NamedTuple):
    """What was paid out or repaid in a loan's own currency, for each of its allocations in their order."""

    amounts: list[int]
    """As the ledger has them, minor units of the declarations' currencies."""
    own: list[int]
    """Minor units of the loan's currency."""


class Book:
    """One bank's book, made if there is none; a context manager. Raises BookError when the file is no book."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._db.executescript(_TABLES)
            self.likenesses = LikenessBook(self._db)
        except sqlite3.DatabaseError as problem:
            self._db.close()
            raise BookError(f"{path}: not a book of loans: {problem}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all that the block enters: on disk when the block ends, or undone when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add(self, loan: BookedLoan) -> None:
        """Enter a loan; entering it again changes nothing."""
        self._db.execute("INSERT OR IGNORE INTO loans VALUES (?, ?, ?)", loan)

    def strike(self, financing: str) -> None:
        """Take out a loan that the ledger refused."""
        self._db.execute("DELETE FROM loans WHERE id = ?", (financing,))

    def loans(self) -> list[BookedLoan]:
        """Return all loans, oldest first."""
        return [BookedLoan(*row) for row in self._db.execute("SELECT * FROM loans ORDER BY taken_ms, id")]

    def loan(self, name: str) -> BookedLoan:
        """Return the loan with an id, or the one whose id begins with ``name``; raises BookError."""
        rows = self._db.execute("SELECT * FROM loans WHERE substr(id, 1, ?) = ? ORDER BY id", (len(name), name))
        found = [BookedLoan(*row) for row in rows] if name else []
        found = [loan for loan in found if loan.id == name] or found
        if not found:
            raise BookError(f"loan: the book has none whose id begins with {name!r}; `kouan financing list` shows them")
        if len(found) > 1:
            ids = ", ".join(loan.id for loan in found[:5])
            raise BookError(f"loan: {name!r} fits {len(found)} loans; give more of the id: {ids}")
        return found[0]

    def looked_to(self) -> int:
        """Return up to which height the ledger was read for offers to this bank; 0 when it never was."""
        row = self._db.execute("SELECT height FROM looked").fetchone()
        return int(row[0]) if row else 0

    def saw_offers(self, loans: Sequence[str], height: int) -> None:
        """Remember which loans the blocks up to a height offer to this bank; an offer may be gone since."""
        self._db.executemany("INSERT OR IGNORE INTO offers VALUES (?)", [(loan,) for loan in loans])
        self._db.execute("INSERT OR REPLACE INTO looked VALUES (1, ?)", (height,))

    def offers(self) -> list[str]:
        """Return the loans that were ever offered to this bank."""
        return [row[0] for row in self._db.execute("SELECT id FROM offers ORDER BY id")]

    def know(self, quota: str, number: str, owner: str) -> None:
        """Remember which declaration, or which other paper, stands behind a quota."""
        self._db.execute("INSERT OR REPLACE INTO declarations VALUES (?, ?, ?)", (quota, plain(number), owner))

    def number_of(self, quota: str) -> str | None:
        """Return the number of the declaration behind a quota, where the bank was told."""
        row = self._db.execute("SELECT number FROM declarations WHERE quota = ?", (quota,)).fetchone()
        return row[0] if row else None

    def owner_of(self, quota: str) -> str | None:
        """Return the code of the owner of the declaration behind a quota, where the bank was told."""
        row = self._db.execute("SELECT owner FROM declarations WHERE quota = ?", (quota,)).fetchone()
        return row[0] if row else None

    def quotas_of(self, number: str) -> list[str]:
        """Return the quotas of a declaration, one for each currency; none when the bank was never told."""
        rows = self._db.execute("SELECT quota FROM declarations WHERE number = ? ORDER BY quota", (plain(number),))
        return [row[0] for row in rows]

    def vouch(self, quota: str, customer: str | None) -> None:
        """Remember for which customer this bank vouched for a paper; None for an authority."""
        self._db.execute("INSERT OR REPLACE INTO vouched VALUES (?, ?)", (quota, customer))

    def vouched(self) -> dict[str, str | None]:
        """Return for whom this member vouched, by quota."""
        return dict(self._db.execute("SELECT quota, customer FROM vouched"))

    def add_collection(self, collection: BookedCollection) -> None:
        """Enter a collection."""
        self._db.execute("INSERT INTO collections VALUES (?, ?, ?, ?)", collection)

    def strike_collection(self, collection: str) -> None:
        """Take out a collection that the ledger refused."""
        self._db.execute("DELETE FROM collections WHERE id = ?", (collection,))

    def collections(self, financing: str | None = None) -> list[BookedCollection]:
        """Return the collections reported for a loan, or all, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM collections WHERE ?1 IS NULL OR financing = ?1 ORDER BY taken_ms, id", (financing,)
        )
        return [BookedCollection(*row) for row in rows]

    def refer(self, reference: str, financing: str) -> None:
        """Remember which loan a reference of the bank's own system means."""
        self._db.execute("INSERT OR REPLACE INTO bank_references VALUES (?, ?)", (reference, financing))

    def references(self) -> dict[str, str]:
        """Return the loans' ids by the bank's own references."""
        return dict(self._db.execute("SELECT reference, financing FROM bank_references"))

    def declarations(self) -> list[BookedDeclaration]:
        """Return every declaration that the bank was told of, by number and currency."""
        rows = self._db.execute("SELECT quota, number, owner FROM declarations ORDER BY number, quota")
        return [BookedDeclaration(*row) for row in rows]

    def know_export(self, quota: str, day: str) -> None:
        """Remember the day of export, ISO 8601, of the declaration behind a quota."""
        self._db.execute("INSERT OR REPLACE INTO exports VALUES (?, ?)", (quota, day))

    def exports(self) -> dict[str, str]:
        """Return the days of export, ISO 8601, by quota."""
        return dict(self._db.execute("SELECT quota, day FROM exports"))

    def blocks_read(self) -> int:
        """Return the height up to which the bank has read the blocks; 0 at first."""
        row = self._db.execute("SELECT max(height) FROM blocks_read").fetchone()
        return row[0] or 0

    def read_blocks(self, height: int) -> None:
        """Remember the height up to which the bank has read the blocks."""
        self._db.execute("DELETE FROM blocks_read")
        self._db.execute("INSERT INTO blocks_read VALUES (?)", (height,))

    def add_payment(self, financing: str, entry: int, payment: BookedPayment) -> None:
        """Enter a payment as the loan's entry of a number, in the place of one that never came to be."""
        self.strike_payment(financing, entry)
        rows = enumerate(zip(payment.amounts, payment.own, strict=True))
        self._db.executemany(
            "INSERT INTO payments VALUES (?, ?, ?, ?, ?)", [(financing, entry, index, *row) for index, row in rows]
        )

    def strike_payment(self, financing: str, entry: int) -> None:
        """Take out a payment that the ledger refused."""
        self._db.execute("DELETE FROM payments WHERE financing = ? AND entry = ?", (financing, entry))

    def payments(self, financing: str) -> dict[int, BookedPayment]:
        """Return a loan's payments in its own currency by the numbers of their entries."""
        found: dict[int, BookedPayment] = {}
        rows = self._db.execute(
            "SELECT entry, amount, own FROM payments WHERE financing = ? ORDER BY entry, allocation", (financing,)
        )
        for entry, amount, own in rows:
            payment = found.setdefault(entry, BookedPayment([], []))
            payment.amounts.append(amount)
            payment.own.append(own)
        return found
