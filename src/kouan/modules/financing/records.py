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

Product = Literal["export-bill", "factoring", "forfaiting", "insured", "invoice", "order", "packing-loan"]
ReleaseReason = Literal["keyed-wrongly", "rejected", "terms-changed", "withdrawn"]
WriteOffReason = Literal["buyer-insolvent", "fraud", "seller-insolvent", "uncollectible"]
Purpose = Literal["buyer", "seller"]
"""Whose finance it is: against the receivable, or for paying it. Each has its own amount on a trade."""
Payer = Literal["bank", "buyer", "guarantor", "insurer", "repurchase", "seller"]
Answer = Literal["no-action", "other-declarations", "other-security", "partial-repayment"]
EntryKind = Literal[
    "advance",
    "brought-in",
    "disbursement",
    "moved-in",
    "moved-out",
    "pay-off",
    "refinancing",
    "repayment",
    "reversal",
    "sale",
    "write-off",
]

QuotaId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\.[A-Z0-9]{3,8}\Z")]
Amounts = Annotated[list[Count], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]
"""For each allocation of a loan, in its order, minor units of the quota's unit."""
Rates = Annotated[dict[Unit, Positive], Meta(max_length=MAX_ALLOCATIONS)]
"""For each unit other than the loan's currency: minor units of that currency per 10⁸ minor units of the unit."""


class Allocation(Record, frozen=True):
    """The part of a loan that stands on one declaration. Outstanding is ``drawn - repaid``."""

    amount: Count
    """What the owner's signature lets this loan draw on the quota in all."""
    answer: Answer | None
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
    allocations: Annotated[list[Allocation], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]
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
    product: Product
    purpose: Purpose
    rates: Rates
    reason: ReleaseReason | Literal["reversed"] | None
    """Why what was held was given back, or that the one drawdown was a mistake."""
    registration: Bytes32 | None
    """Commitment to the registration of the receivables 中登网: number, time of search, expiry."""
    state: Literal["held", "disbursed", "settled", "released"]
    """As of the last command on the loan; `kouan.modules.financing.rules.state_of` tells it for a time."""
    successor: Bytes16 | None
    """The loan that paid this one off."""
    written_off: WriteOffReason | None
    """Why it was written off; what is outstanding stays drawn."""


class Entry(Record, frozen=True):
    """One event in a loan's history. Key: ``entry/<financing>/<n>``, n from 1."""

    amounts: Amounts
    by: str
    """The signer, as member/key."""
    interest: Count
    kind: EntryKind
    note: str | None
    """The payer, a write-off's reason, a sale's seller, a refinancing's other loan, the entry that was reversed."""
    reversed_by: Positive | None
    """The number of the entry that reversed this one."""
    time_ms: Positive


class Receipt(Record, frozen=True):
    """What of a collection belongs to one declaration."""

    amount: Count
    """Minor units of the quota's unit."""
    final: bool
    """The buyer has paid for good: what is still short is not to be expected."""
    quota: QuotaId


class Collection(Record, frozen=True):
    """Money that came in from a buyer. Key: ``collection/<id>``."""

    by: str
    """The signer, as member/key."""
    financing: Bytes16 | None
    """The loan that it is meant for, where the reporting bank knows one."""
    id: Bytes16
    items: list[Receipt]
    reversed_by: str | None
    """The signer who took it back, as member/key."""
    time_ms: Positive
