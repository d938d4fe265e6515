"""The rows of the auditor's books, as things were said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

EVIDENCE: Final = ("self", "confirmed", "attested")
"""From the weakest on."""
PUT: Final = ("brought-in", "disbursement", "refinancing", "moved-in")
"""Entries that put principal on a document."""
PAID: Final = ("repayment", "pay-off")


class Document(NamedTuple):
    """A quota as its issuer last stated it: a declaration, or another paper of a trade."""

    attested: int
    commitment: str
    custodial: bool
    draw_key: str
    fingerprints: str
    issuer: str
    kind: str
    notes: Mapping[str, str]
    """The last reason of what happened to it, and the like."""
    ratio_bp: int
    seal: str
    status: str
    unit: str
    case: str | None = None
    """The case it came into."""
    evidence: str = "attested"
    mode: str = ""
    """The trade mode, of a declaration."""
    provisional: bool = False
    purpose: str = "seller"
    revision: int = 0
    stage: str = ""
    """Of a declaration."""

    @property
    def strength(self) -> int:
        """Return how good its evidence is: 0 to 2."""
        return EVIDENCE.index(self.evidence)

    @property
    def side(self) -> tuple[str, str]:
        """Return with what its amounts are added up in a trade."""
        return self.unit, self.purpose

    @property
    def is_unsigned(self) -> bool:
        """Tell whether it joined its trade without a word of the other side."""
        return "unsigned" in self.notes

    def is_detached(self) -> bool:
        """Tell whether the overseer took it out of its trade as it stands."""
        return self.notes.get("detached") == self.fingerprints


class Hold(NamedTuple):
    """A part of a loan that is not drawn yet."""

    amount: int
    drawer: str
    drawn: bool
    """A part of it was paid out."""
    extended: bool
    given_up: bool = False
    """The loan ended after the hold had lapsed."""


class Entry(NamedTuple):
    """One event of a loan."""

    amounts: Mapping[str, int]
    by: str
    interest: int
    kind: str
    time_ms: int
    undone: bool = False


class Loan(NamedTuple):
    """A loan, and all that ever happened to it."""

    advances: int
    amount: int
    answers: Mapping[str, str]
    bank: str
    currency: str
    entries: tuple[Entry, ...]
    granted: Mapping[str, int]
    """What the owners signed at the opening, by quota."""
    holds: Mapping[str, Hold]
    lapse_ms: int
    maturity_ms: int
    offer: tuple[str, int] | None
    """Buyer and lapse."""
    predecessor: str | None
    purpose: str
    quotas: tuple[str, ...]
    """In the order of the allocations."""
    rates: Mapping[str, int]
    reason: str | None
    registration: str | None
    seen: Mapping[str, int]
    """The revision of each quota that the bank has seen."""
    state: str
    """After the last command on it."""
    successor: str | None = None
    written_off: str | None = None

    def moved(self, quota: str, *kinds: str) -> int:
        """Return the sum of the entries of some kinds that stand, on one quota."""
        return sum(entry.amounts.get(quota, 0) for entry in self.entries if entry.kind in kinds and not entry.undone)

    def drawn(self, quota: str) -> int:
        """Return what was paid out and stands on a quota."""
        return self.moved(quota, *PUT) - self.moved(quota, "moved-out")

    def repaid(self, quota: str) -> int:
        """Return what came back."""
        return self.moved(quota, *PAID)

    def owed(self, quota: str) -> int:
        """Return the principal that is outstanding on a quota."""
        return self.drawn(quota) - self.repaid(quota)

    def owed_in_order(self) -> list[int]:
        """Return the principal outstanding on each allocation."""
        return [self.owed(quota) for quota in self.quotas]

    def may_draw(self, quota: str) -> int:
        """Return what the owner's signature lets the loan draw in all."""
        return self.granted.get(quota, 0) + self.moved(quota, "moved-in") - self.moved(quota, "moved-out")

    def interest(self) -> int:
        """Return the interest received."""
        return sum(entry.interest for entry in self.entries if entry.kind in PAID and not entry.undone)

    def set_aside(self) -> dict[str, Hold]:
        """Return the holds that were neither drawn in full nor given back, lapsed or not."""
        return {quota: hold for quota, hold in self.holds.items() if not hold.given_up}

    def is_held(self, time_ms: int) -> bool:
        """Tell whether anything is still held."""
        return self.lapse_ms > time_ms and bool(self.set_aside())


class Money(NamedTuple):
    """A collection: what a bank reported of a buyer's payment."""

    by: str
    financing: str | None
    items: Mapping[str, tuple[int, bool]]
    """By quota: amount, and whether the buyer has paid for good."""
    time_ms: int
    undone_by: str | None


class Opening(NamedTuple):
    """A request to open a seal."""

    answered: bool
    commitment: str
    quota: str | None
    requested_ms: int
    requester: str


class Case(NamedTuple):
    """The documents of one trade."""

    allocations: int
    chain: str
    conflicts: int
    documents: frozenset[str]
    merged_into: str | None
    reviews: Mapping[str, tuple[str, int]]
    """By bank: why it goes on, and the revision it has seen."""
    revision: int

    def is_seen_by(self, bank: str) -> bool:
        """Tell whether a bank has looked at it as it stands."""
        return bank in self.reviews and self.reviews[bank][1] == self.revision
