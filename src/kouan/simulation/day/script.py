"""The script of a simulation: what happens when, as people would say it: numbers, papers, banks, amounts.

One event a line of JSON, in the order of time. Ids, signatures and keys are the player's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from kouan.modules.cases.records import Grounds, Purpose
from kouan.modules.customs.rules import Reason, Stage

MESSAGES: Final = "messages"
EVENTS: Final = "events.jsonl"
CAST: Final = "simulation.json"
FORMAT: Final = "kouan/simulation/1"


class Part(msgspec.Struct, frozen=True):
    """An amount on one document, in minor units of its currency."""

    number: str
    """A declaration's number, or the name under which a paper was recorded."""
    unit: str
    amount: int
    final: bool = False
    """Of a buyer's payment: nothing more is to come."""


class Named(msgspec.Struct, frozen=True):
    """A document on the ledger, as a `Part` names it."""

    number: str
    unit: str


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that somebody does."""

    at_ms: int
    by: str
    """member/key"""
    fraud: str | None = None
    """The kind of fraud that this belongs to; the ledger must refuse it, or the evaluator tell."""
    lookalike: str | None = None
    """What this looks like a fraud by, being none; it must be accepted."""
    attempt: str = ""
    """The application that this is a part of, where it is a fraud or a look-alike."""


class Attest(Event, frozen=True, kw_only=True, tag="attest"):
    """Customs attests a declaration of the message files."""

    number: str
    stage: Stage


class Move(Event, frozen=True, kw_only=True, tag="stage"):
    """A declaration reaches a later stage."""

    number: str
    unit: str
    stage: Stage


class Amend(Event, frozen=True, kw_only=True, tag="amend"):
    """Customs amends a declaration."""

    number: str
    unit: str
    attested: int
    reason: Reason
    contract_no: str | None = None
    """The contract number as corrected; None where it stays."""


class Withdraw(Event, frozen=True, kw_only=True, tag="withdraw"):
    """Customs cancels a declaration."""

    number: str
    unit: str
    reason: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a loan is to be."""

    amount: int
    currency: str
    maturity_ms: int
    product: str
    rates: dict[str, int]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """How the owner's consent came about."""

    expires_ms: int
    how: str = "owner"
    """owner; forged: by nobody; stranger: by the key of a declaration of the applicant's own; copied: from ``of``."""
    of: str | None = None
    """The loan, or the declaration, that the signature is really of."""


class PayOff(msgspec.Struct, frozen=True, kw_only=True):
    """The old loan that a new one pays off."""

    loan: str
    amounts: list[int]
    interest: int
    consent_by: str | None
    """The old lender's key, where it is another bank."""


class Apply(Event, frozen=True, kw_only=True, tag="apply"):
    """A bank holds declarations for a loan, or refinances one."""

    loan: str
    named: str | None = None
    """The loan whose id is used instead of a new one."""
    parts: list[Part]
    terms: Terms
    signed: Signed
    lapse_ms: int = 0
    pays_off: PayOff | None = None
    purpose: Purpose = "seller"


class Act(Event, frozen=True, kw_only=True, tag="act"):
    """A bank does something about a loan: the verb of a command of the module financing, and its other fields."""

    loan: str
    do: str
    fields: dict[str, Any] = {}


class Review(Event, frozen=True, kw_only=True, tag="review"):
    """A bank says what it did about an amended declaration."""

    loan: str
    number: str
    unit: str
    revision: int


class Substitute(Event, frozen=True, kw_only=True, tag="substitute"):
    """Another declaration takes the place of one."""

    loan: str
    replaced: Part
    by_part: Part
    signed: Signed


class Collect(Event, frozen=True, kw_only=True, tag="collect"):
    """A bank reports a buyer's payment."""

    collection: str
    loan: str | None
    items: list[Part]


class Link(Event, frozen=True, kw_only=True, tag="link"):
    """A bank shows a declaration to the evaluator, and the ledger what it names."""

    number: str
    unit: str


class Record(Event, frozen=True, kw_only=True, tag="record"):
    """A bank shows a paper to the evaluator, and puts it on the ledger."""

    document: str
    """The name by which later events call it."""
    paper: str
    """Its file."""
    amount: int
    """What it is worth, in minor units."""
    unit: str
    purpose: Purpose = "seller"
    consents: list[Named] = []
    """Documents of the same trade whose owners sign that it is."""


class Join(Event, frozen=True, kw_only=True, tag="join"):
    """Owners sign that documents belong to one trade."""

    consents: list[Named]


class Confirm(Event, frozen=True, kw_only=True, tag="confirm"):
    """The counterparty vouches for a paper, through its own bank."""

    document: str


class Correct(Event, frozen=True, kw_only=True, tag="correct"):
    """A credit note lowers what a paper is worth."""

    document: str
    paper: str
    """The credit note's file."""
    amount: int
    """What the corrected paper is worth now, in minor units."""


class Look(Event, frozen=True, kw_only=True, tag="look"):
    """A bank has looked at a trade on which there is other finance, and goes on."""

    document: str
    reason: Grounds


OfPapers = Link | Record | Join | Confirm | Correct | Look
AnyEvent = Attest | Move | Amend | Withdraw | Apply | Act | Review | Substitute | Collect | OfPapers


def attempt_of(event: AnyEvent) -> str:
    """Return the application that an event belongs to, as far as it is counted by applications."""
    return event.attempt or (event.loan if isinstance(event, Apply) else "")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory holds."""

    format: str
    seed: int
    declarations: int
    fraud_rate_bp: int
    frauds: dict[str, int]
    """How many of each kind the script tries."""
    lookalikes: dict[str, int]
    """How many honest applications look like one."""
    start_ms: int


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(AnyEvent)


def write_script(directory: Path, about: About, events: Iterable[AnyEvent]) -> None:
    """Write the script beside the messages."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CAST).write_bytes(msgspec.json.format(_encoder.encode(about)) + b"\n")
    (directory / EVENTS).write_bytes(b"".join(_encoder.encode(event) + b"\n" for event in events))


def read_script(directory: Path) -> tuple[About, Sequence[AnyEvent]]:
    """Return what a directory holds; raises OSError, and ValueError that names the file and the line."""
    path = directory / CAST
    try:
        about = msgspec.json.decode(path.read_bytes(), type=About)
    except msgspec.DecodeError as problem:
        raise ValueError(f"{path}: {problem}") from None
    if about.format != FORMAT:
        raise ValueError(f"{path}: format: is {about.format!r}; this version plays {FORMAT!r}")
    return about, [
        _event(directory / EVENTS, number, line)
        for number, line in enumerate((directory / EVENTS).read_bytes().splitlines(), 1)
    ]


def _event(path: Path, number: int, line: bytes) -> AnyEvent:
    try:
        event: AnyEvent = _decoder.decode(line)
    except msgspec.DecodeError as problem:
        raise ValueError(f"{path}: line {number}: {problem}") from None
    return event
