"""Which documents look alike, and to whom it is told: both banks, each of its own document, in a bounded number.

A document is compared by its soft features, bank by bank, so that no bank's papers can crowd out another's.
"""

from __future__ import annotations

import sqlite3
from base64 import b32encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from kouan.client.evaluating import Likeness
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest

RETENTION_MS: Final = 730 * 24 * 3600 * 1000
"""How long a document is compared with others after it was last shown; and how long the log is kept."""
COMPARED: Final = 250
"""With how many documents of one member that share one feature a document is compared, oldest first."""
TOLD_OF_MEMBER: Final = 8
"""How many likenesses of one document with those of one member are told, oldest first."""
TOLD: Final = 64
"""How many likenesses of one document are told in all."""

_ROWS: Final = (
    "SELECT l.kinds, l.found_ms, l.member, l.other_member, own.name, other.name FROM likenesses l "
    "JOIN showings own ON own.id = l.own JOIN showings other ON other.id = l.other "
)
_ORDER: Final = " ORDER BY l.other_member = l.member, l.other, l.own"
"""Other members' documents first, then those that were shown first."""
_MEMBERS: Final = """
WITH RECURSIVE sharers(member) AS (
    SELECT min(member) FROM features WHERE feature = ?1
    UNION ALL
    SELECT (SELECT min(member) FROM features WHERE feature = ?1 AND member > sharers.member) FROM sharers
    WHERE sharers.member IS NOT NULL
)
SELECT member FROM sharers WHERE member IS NOT NULL
"""
"""Who has shown documents with a feature, found in as many steps as there are members, not documents."""
_BOUND_BY: Final = {
    "contract-number": "contract",
    "master-number": "transport",
    "order-number": "order",
    "transport-number": "transport",
}
"""A soft kind, and the exact kind that says more: the ledger brings documents that share that into one case."""

Keyed = tuple[str, bytes]
"""A kind and a keyed fingerprint, exact or soft."""


class Showing(NamedTuple):
    """A document as one member showed it last."""

    carried: Sequence[Keyed]
    """Exact fingerprints, its own among them."""
    document: bytes
    """Its own fingerprint, else the commitment: what tells two documents apart."""
    features: Sequence[Keyed]
    kind: str
    member: str
    name: bytes
    """By which this member alone is told of it."""
    shown_ms: int


class _Other(NamedTuple):
    """A document with which one is compared."""

    id: int
    document: bytes
    kind: str
    member: str


def enter(db: sqlite3.Connection, shown: Showing) -> list[Likeness]:
    """Remember a document as it is shown, and return what is like it."""
    _forget(db, shown.shown_ms - RETENTION_MS)
    own = _enter(db, shown)
    for other, kinds in _Comparison(db, own, shown).alike():
        mine, theirs = (own, shown.member), (other.id, other.member)
        _tell(db, mine, theirs, kinds, shown.shown_ms)
        _tell(db, theirs, mine, kinds, shown.shown_ms)
    return _told(db.execute(f"{_ROWS} WHERE l.own = ? {_ORDER}", (own,)))


def told_to(db: sqlite3.Connection, member: str, since_ms: int) -> list[Likeness]:
    """Return what was found alike to a member's documents since a time."""
    return _told(db.execute(f"{_ROWS} WHERE l.member = ? AND l.found_ms >= ? {_ORDER}", (member, since_ms)))


def _forget(db: sqlite3.Connection, before_ms: int) -> None:
    db.execute("DELETE FROM showings WHERE shown_ms < ?", (before_ms,))
    db.execute("DELETE FROM log WHERE hour_ms < ?", (before_ms,))


def _enter(db: sqlite3.Connection, shown: Showing) -> int:
    """Write a document in the place of what its member showed of it before; return its row."""
    (own,) = db.execute(
        "INSERT INTO showings (document, member, name, kind, shown_ms) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET shown_ms = excluded.shown_ms RETURNING id",
        (shown.document, shown.member, shown.name, shown.kind, shown.shown_ms),
    ).fetchone()
    db.execute("DELETE FROM features WHERE showing = ?", (own,))
    db.executemany(
        "INSERT OR IGNORE INTO features (feature, member, showing, kind) VALUES (?, ?, ?, ?)",
        [(value, shown.member, own, kind) for kind, value in shown.features],
    )
    db.execute("DELETE FROM carried WHERE showing = ?", (own,))
    db.executemany(
        "INSERT OR IGNORE INTO carried (showing, fingerprint, kind) VALUES (?, ?, ?)",
        [(own, value, kind) for kind, value in shown.carried],
    )
    return int(own)


class _Comparison:
    """One document beside all others."""

    def __init__(self, db: sqlite3.Connection, own: int, shown: Showing) -> None:
        self._db = db
        self._own = own
        self._shown = shown
        self._bound = cache(self._bound_to)

    def alike(self) -> list[tuple[_Other, list[str]]]:
        """Return the other documents that are to be told, and what they share with this one."""
        found: dict[str, dict[int, _Other]] = {}
        for kind, feature in self._shown.features:
            for (member,) in self._db.execute(_MEMBERS, (feature,)).fetchall():
                near = islice(self._sharing(kind, feature, member), TOLD_OF_MEMBER)
                found.setdefault(member, {}).update({other.id: other for other in near})
        others = [one for near in found.values() for one in sorted(near.values())[:TOLD_OF_MEMBER]]
        others.sort(key=lambda one: (one.member == self._shown.member, one.id))
        return [(one, self._kinds(one)) for one in others[:TOLD]]

    def _sharing(self, kind: str, feature: bytes, member: str) -> Iterator[_Other]:
        """Yield a member's documents that share a feature which is to be told, oldest first."""
        rows = self._db.execute(
            "SELECT s.id, s.document, s.kind, s.member FROM features f JOIN showings s ON s.id = f.showing "
            "WHERE f.feature = ? AND f.member = ? ORDER BY f.showing LIMIT ?",
            (feature, member, COMPARED),
        )
        for other in map(_Other._make, rows.fetchall()):
            if other.document != self._shown.document and self._is_to_be_told(kind, other):
                yield other

    def _is_to_be_told(self, kind: str, other: _Other) -> bool:
        return _is_to_be_told(kind, self._bound(other.id), is_same=other.kind == self._shown.kind)

    def _kinds(self, other: _Other) -> list[str]:
        """Return what two documents share that is to be told, sorted."""
        rows = self._db.execute(
            "SELECT DISTINCT mine.kind FROM features mine JOIN features theirs "
            "ON theirs.feature = mine.feature AND theirs.member = ? AND theirs.showing = ? WHERE mine.showing = ?",
            (other.member, other.id, self._own),
        )
        return sorted(kind for (kind,) in rows if self._is_to_be_told(kind, other))

    def _bound_to(self, other: int) -> set[str]:
        """Return the kinds of the exact fingerprints that two documents share: the ledger makes one case of them."""
        rows = self._db.execute(
            "SELECT mine.kind FROM carried mine JOIN carried theirs ON theirs.fingerprint = mine.fingerprint "
            "WHERE mine.showing = ? AND theirs.showing = ?",
            (self._own, other),
        )
        return {kind for (kind,) in rows}


def _is_to_be_told(kind: str, bound: set[str], *, is_same: bool) -> bool:
    """Tell whether what two documents share is more than the ledger knows of them, which is ``bound``.

    Papers of different kinds that are bound are one trade through several papers, with one amount by nature.
    """
    if kind == "parties-amount-month":
        return is_same or not bound
    return _BOUND_BY.get(kind) not in bound


def _tell(
    db: sqlite3.Connection, own: tuple[int, str], other: tuple[int, str], kinds: list[str], found_ms: int
) -> None:
    """Tell one side of a pair, in its place if it was told before; no more than a person can look at."""
    row = (own[0], other[0], own[1], other[1], " ".join(kinds), found_ms)
    told, of_member = db.execute(
        "SELECT count(*), count(*) FILTER (WHERE other_member = ?) FROM likenesses WHERE own = ? AND other != ?",
        (other[1], own[0], other[0]),
    ).fetchone()
    if told < TOLD and of_member < TOLD_OF_MEMBER:
        db.execute(
            "INSERT INTO likenesses (own, other, member, other_member, kinds, found_ms) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET kinds = excluded.kinds, "
            "found_ms = iif(kinds = excluded.kinds, found_ms, excluded.found_ms)",
            row,
        )


def _told(rows: Iterable[tuple[str, int, str, str, bytes, bytes]]) -> list[Likeness]:
    return [
        Likeness(
            kinds=kinds.split(" "),
            other=to_text(other) if other_member == member else None,
            other_member=other_member,
            own=to_text(own),
            pair=_pair(own, other),
            time_ms=found_ms,
        )
        for kinds, found_ms, member, other_member, own, other in rows
    ]


def _pair(own: bytes, other: bytes) -> str:
    """Return what both banks call a pair on the telephone: 60 bits, of which neither learns the other's name."""
    text = b32encode(digest("kouan/pair/1", *sorted((own, other)))).decode()
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}"
