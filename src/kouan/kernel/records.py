"""The records that the kernel itself keeps on the ledger. Fields stand in alphabetical order, as they are encoded."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from kouan.kernel.encoding import Bytes32, Code, Count, Integer, Positive, Unit

MAX_HOLDS = 16


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """What every record on the ledger is: immutable, of exactly these fields."""


class Charter(Record, frozen=True):
    """The alliance's parameters. Key: ``charter``."""

    parameters: dict[str, Integer]
    """Name to value; units and bounds are stated where a module declares the parameter."""
    revision: Count
    """How often the charter was changed."""


class Protocol(Record, frozen=True):
    """Which version of the ledger's rules holds from which block on. Key: ``protocol``; absent: version 1."""

    before: Positive
    """The version that holds below ``from_height``."""
    from_height: Positive
    version: Positive


class Key(Record, frozen=True):
    """One signing key of a member."""

    added_ms: Count
    """Block time of its coming; 0 for a key that the founding document names."""
    public: Bytes32
    revoked_ms: Count
    """Block time of the revocation; 0 while the key is good."""
    suite: Code
    """The suite the key signs with: a signature by any other algorithm is not looked at."""


class Member(Record, frozen=True):
    """An institution of the alliance. Key: ``member/<id>``."""

    id: Code
    keys: dict[Code, Key]
    roles: list[Code]
    """What it may do: customs, convener, bank, overseer, … Sorted."""
    sealing: Bytes32
    """Public key (X25519) to which secrets for this member are sealed."""
    suspended: bool
    """A suspended member starts nothing new; it may still service what it has."""


class Window(Record, frozen=True):
    """Which envelope numbers a key has used. Key: ``window/<member>/<key>``."""

    highest: Count
    seen: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """256 bits in hexadecimal: bit i says that ``highest - i`` was used (RFC 4303 section 3.4.3)."""


class Hold(Record, frozen=True):
    """A part of a quota that is set aside for a loan for a time."""

    amount: Positive
    drawer: Code
    drawn: bool
    """Something was confirmed out of it and stands: should the rest lapse, that is not held against the drawer."""
    extended: bool
    financing: str
    lapse_ms: Positive
    """It counts only while this lies after the block's time."""


class Quota(Record, frozen=True):
    """What an authority attested, and how much of it is drawn. Key: ``quota/<id>``.

    Amounts are in minor units of ``unit`` (thousandths for counted units). What is free is
    ``limit - used - spent - holds that have not lapsed``, and nothing when that is negative (over-drawn).
    """

    attested: Count
    """The value that the issuer attested."""
    collected: Count
    """What of it was paid by the buyer."""
    commitment: Bytes32
    """Salted commitment to the document."""
    custodial: bool
    """The draw key is kept for the owner by a member, not by the owner."""
    draw_key: Bytes32
    draws: Count
    """How many drawdowns were ever made; it never falls."""
    facts: dict[str, str]
    """What else the issuer attested, in codes; the kernel does not look at it."""
    fingerprints: Bytes32
    """Commitment to the document's further fingerprints."""
    holds: Annotated[list[Hold], Meta(max_length=MAX_HOLDS)]
    id: str
    issuer: Code
    kind: Code
    lapses: dict[Code, Count]
    """How many holds of each drawer lapsed undrawn."""
    limit: Count
    """ratio × (attested - collected), rounded down; nothing once ``settled``."""
    ratio_bp: Count
    """Basis points of the attested value that may be drawn."""
    revision: Count
    """How often the issuer changed it, or a repayment's reversal left it over-drawn."""
    seal: Bytes32
    """Hash of the seal: number and owner encrypted to the overseer."""
    settled: bool
    """The buyer has paid for good: what was short is not to be expected, so nothing more can be drawn."""
    spent: Count
    """Gone for good."""
    status: Code
    """active, suspended or withdrawn."""
    unit: Unit
    used: Count
    """Outstanding; may come back."""
