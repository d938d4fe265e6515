"""What the module keeps on the ledger. Fields stand in alphabetical order, as they are encoded.

Amounts of an allocation are in minor units of its quota's unit; ``amount`` and ``interest`` of a loan in minor units
of the loan's currency. What can be told from these and the time (lapsed, overdue, under review) is not stored.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kouan.kernel.encoding import Bytes16, Bytes32, Code, Count, Positive, Unit
from kouan.kernel.records import Record

MAX_ALLOCATIONS = 64
RATE_ONE = 10**8

QuotaId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\.[A-Z0-9]{3,8}\Z")]
Rates = Annotated[dict[Unit, Positive], Meta(max_length=MAX_ALLOCATIONS)]
"""For each unit other than the loan's currency: its minor units per 10⁸ minor units of that unit."""


class Allocation(Record, frozen=True):
    """The part of a loan that stands on one declaration. Outstanding is ``drawn - repaid``."""

    amount: Count
    """What the owner's signature lets this loan draw on the quota in all."""
    answer: Code | None
    """What the bank did about the last amendment that it reviewed."""
    drawn: Count
    held: Count
    """Set aside and not yet drawn; it counts only until the loan's ``lapse_ms``."""
    quota: QuotaId
    repaid: Count
    revision: Count
    """The quota's revision that the bank has seen: at the draw, or at its last review."""


class Offer(Record, frozen=True):
    """A loan offered for sale. Any change to the loan withdraws it, so the buyer gets what it saw."""

    lapse_ms: Positive
    to: Code


class Financing(Record, frozen=True):
    """A loan. Key: ``financing/<id>``. It stays for ever, so its id is never used twice."""

    advances: Count
    """How many advances 垫款 of the bank's own money stand."""
    allocations: Annotated[list[Allocation], Meta(min_length=1)]
    amount: Positive
    """What the bank agreed to lend."""
    bank: Code
    """Whose loan it is: the lender, or the buyer of the loan."""
    currency: Unit
    entries: Count
    """How many entries stand under ``entry/<id>/<1…>``."""
    id: Bytes16
    interest: Count
    """Received so far."""
    lapse_ms: Count
    """Until when the parts not yet drawn are held; 0 for a loan that was drawn without a hold."""
    maturity_ms: Positive
    offer: Offer | None
    opened_ms: Positive
    predecessor: Bytes16 | None
    """The loan that this one paid off."""
    product: Code
    purpose: Literal["seller"]
    rates: Rates
    reason: Code | None
    """Why what was held was given back."""
    registration: Bytes32 | None
    """Commitment to the registration of the receivables 中登网: number, time of search, expiry."""
    state: Literal["held", "disbursed", "settled", "released"]
    successor: Bytes16 | None
    """The loan that paid this one off."""
    written_off: Code | None
    """Why it was written off; what is outstanding stays drawn."""
