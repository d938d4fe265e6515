"""What people and programs ask about the alliance, derived from the ledger as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from kouan.kernel.proof import Handover
from kouan.kernel.records import Member, Protocol
from kouan.kernel.registry import PROTOCOL_KEY, Parameter, parameter_of, protocol_at
from kouan.kernel.state import Reader
from kouan.modules.alliance.records import (
    OFFENCES_KEY,
    Offence,
    Offences,
    Proposal,
    SetParameter,
    handover_key,
    proposal_key,
)
from kouan.modules.alliance.rules import DELAY, FULL_BP, PARAMETERS
from kouan.modules.alliance.standing import charter_of, members_of, operator_of, present, roster_of, validators_of
from kouan.modules.alliance.validators import total_power
from kouan.modules.alliance.votes import Tally, is_critical, is_immediate, tally

ProposalState = Literal["open", "carried", "enactable", "enacted", "expired"]


class CharterRow(NamedTuple):
    """A parameter with its value."""

    parameter: Parameter
    """With unit, bounds and meaning."""
    value: int
    critical: bool
    """Whether changing it needs the critical quorum and both classes."""


class ProposalView(NamedTuple):
    """A proposal and where it stands."""

    proposal: Proposal
    state: ProposalState
    tally: Tally
    """Counted as members and charter stand now, for an enacted proposal too."""
    enactable_from_ms: int
    """0 while the votes do not carry it."""


class ValidatorRow(NamedTuple):
    """A validator as people look at it."""

    member: str
    power: int
    share_bp: int
    """Of all power, in basis points, rounded down."""
    public: str
    suspended_ms: int
    """0 while it is in good standing."""
    offence: Offence | None
    """For what it is suspended."""


class ProtocolView(NamedTuple):
    """Which version of the ledger's rules holds, and which comes next."""

    version: int
    """By which the next block is executed."""
    next_version: int
    """The one that is agreed on and not yet in force; 0 when there is none."""
    from_height: int
    """The block from which that one holds; 0 when there is none."""


class Signer(NamedTuple):
    """Whose checkpoints are good."""

    public: str
    incarnation: int


def members(state: Reader) -> list[Member]:
    """Return all members, sorted by id, suspended ones included."""
    return members_of(state)


def charter(state: Reader, parameters: Iterable[Parameter]) -> list[CharterRow]:
    """Return the charter with units, bounds and meanings, in the order in which the parameters are declared.

    A parameter that is younger than the charter has its default.
    """
    agreed = charter_of(state)
    return [
        CharterRow(
            parameter,
            parameter_of(agreed, parameter.name, (parameter,)),
            is_critical(state, SetParameter(parameter.name, 0)),
        )
        for parameter in parameters
    ]


def proposal(state: Reader, proposal_id: str, time_ms: int) -> ProposalView | None:
    """Return one proposal as it stands at a time, or None."""
    found = state.read(Proposal, proposal_key(proposal_id))
    return None if found is None else _view(state, found, time_ms)


def proposals(state: Reader, time_ms: int) -> Iterator[ProposalView]:
    """Return the proposals as they stand at a time, the latest first, each read when it is asked for."""
    latest = roster_of(state).latest_proposal
    while latest is not None:
        found = present(state, Proposal, proposal_key(latest))
        yield _view(state, found, time_ms)
        latest = found.previous


def validators(state: Reader) -> list[ValidatorRow]:
    """Return who runs the ledger, most power first, then by member; empty where one operator does."""
    found = validators_of(state)
    if found is None:
        return []
    total = total_power(found)
    told = {one.member: one for one in reversed(list(offences(state))) if one.suspended}
    rows = [
        ValidatorRow(
            member,
            one.power,
            one.power * FULL_BP // total,
            one.public,
            one.suspended_ms,
            told.get(member) if one.suspended_ms else None,
        )
        for member, one in found.members.items()
    ]
    return sorted(rows, key=lambda row: (-row.power, row.member))


def offences(state: Reader) -> Iterator[Offence]:
    """Return the evidence against validators, the latest first, each read when it is asked for."""
    head = state.read(Offences, OFFENCES_KEY)
    latest = None if head is None else head.latest
    while latest is not None:
        found = present(state, Offence, latest)
        yield found
        latest = found.previous


def protocol(state: Reader, height: int) -> ProtocolView:
    """Return the protocol versions as they stand after the block of a height."""
    version = protocol_at(state, height + 1)
    agreed = state.read(Protocol, PROTOCOL_KEY)
    if agreed is None or agreed.version == version:
        return ProtocolView(version, 0, 0)
    return ProtocolView(version, agreed.version, agreed.from_height)


def handovers(state: Reader) -> list[Handover]:
    """Return every change of the operator since the founding, in order."""
    return [present(state, Handover, handover_key(index)) for index in range(operator_of(state).handovers)]


def signer_at(founding_operator: str, chain: Sequence[Handover], height: int) -> Signer:
    """Return the key and incarnation that sign the checkpoint of a height, from the founding document's key on."""
    in_force = [Signer(handover.public, handover.incarnation) for handover in chain if handover.from_height <= height]
    return in_force[-1] if in_force else Signer(founding_operator, 0)


def _view(state: Reader, found: Proposal, time_ms: int) -> ProposalView:
    counted = tally(state, found.change, found.votes)
    carried = found.carried_ms > 0 and counted.carried
    delay_ms = 0 if is_immediate(state, found.change) else parameter_of(charter_of(state), DELAY, PARAMETERS)
    from_ms = found.carried_ms + delay_ms if carried else 0
    stands: ProposalState = "open"
    if found.enacted_ms:
        stands = "enacted"
    elif found.expires_ms <= time_ms:
        stands = "expired"
    elif carried:
        stands = "enactable" if from_ms <= time_ms else "carried"
    return ProposalView(found, stands, counted, from_ms)
