"""Proposals: how the members change who they are and what the charter says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from msgspec.structs import replace

from kouan.kernel.encoding import Bytes16, Bytes64, Positive, from_text
from kouan.kernel.proof import HANDOVER_TAG, Handover, signed_part
from kouan.kernel.records import Record
from kouan.kernel.registry import Claim, Command, Context, Parameter
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.modules.alliance.changes import effect, settled
from kouan.modules.alliance.records import (
    ROSTER_KEY,
    Change,
    Change1,
    ChangeOperator,
    Operator,
    Proposal,
    handover_key,
    proposal_key,
)
from kouan.modules.alliance.rules import DELAY, LIFETIME
from kouan.modules.alliance.standing import operator_of, present, roster_of
from kouan.modules.alliance.votes import concerned, is_immediate, tally

HANDOVER_WITHIN_BLOCKS: Final = 1_000
"""How many blocks ahead a handover may come into force: enough to sign it and send it while others are writing."""

Declared = dict[str, Parameter]


class Propose(Record, frozen=True):
    """alliance.propose/1: put a change to the vote. To propose is not yet to vote."""

    change: Change1
    proposal: Bytes16
    """Random; never used twice."""


class Propose2(Record, frozen=True):
    """alliance.propose/2: as the first version, and also for how the ledger is run."""

    change: Change
    proposal: Bytes16
    """Random; never used twice."""


class Vote(Record, frozen=True):
    """alliance.vote/1: say yes or no; a later vote replaces an earlier one."""

    proposal: Bytes16
    yes: bool


class SignedHandover(Record, frozen=True):
    """The previous operator key's word for its successor."""

    from_height: Positive
    """From this block on the successor signs: after the block of the enactment, at most 1,000 blocks."""
    signature: Bytes64
    """By the previous operator key over the other fields of `handover_of`, tag ``kouan/handover/1``."""


class Enact(Record, frozen=True):
    """alliance.enact/1: let a carried change take effect. Anyone may send it; nothing happens by itself."""

    handover: SignedHandover | None
    """With a change of the operator, and only then."""
    proposal: Bytes16


def handover_of(alliance: str, operator: Operator, change: ChangeOperator, signed: SignedHandover) -> Handover:
    """Return the record that the previous operator key signs (`kouan.kernel.proof.sign_handover`)."""
    return Handover(
        alliance=alliance,
        from_height=signed.from_height,
        incarnation=change.incarnation,
        index=operator.handovers,
        public=change.public,
        signature=signed.signature,
    )


def propose(declared: Declared, ctx: Context, cmd: Propose | Propose2) -> Refusal | None:
    """Put a change to the vote that could be made as things stand."""
    if ctx.state.read(Proposal, proposal_key(cmd.proposal)) is not None:
        return Refusal(Rejection.PROPOSAL_EXISTS, cmd.proposal)
    possible = effect(ctx.state, declared, cmd.change, ctx.height, ctx.time_ms)
    if isinstance(possible, Refusal):
        return possible
    roster = roster_of(ctx.state)
    proposal = Proposal(
        carried_ms=0,
        change=cmd.change,
        enacted_ms=0,
        expires_ms=ctx.time_ms + ctx.parameter(LIFETIME),
        id=cmd.proposal,
        previous=roster.latest_proposal,
        proposed_ms=ctx.time_ms,
        proposer=ctx.member.id,
        votes={},
    )
    ctx.state.write(proposal_key(cmd.proposal), proposal)
    ctx.state.write(ROSTER_KEY, replace(roster, latest_proposal=cmd.proposal))
    return None


def vote(ctx: Context, cmd: Vote) -> Refusal | None:
    """Record a vote, and since when the votes have carried the change. It may fall again until it is enacted."""
    proposal = _open_proposal(ctx, cmd.proposal)
    if isinstance(proposal, Refusal):
        return proposal
    if ctx.member.id == concerned(proposal.change):
        return Refusal(Rejection.VOTE_CONCERNED, ctx.member.id)
    votes = {**proposal.votes, ctx.member.id: cmd.yes}
    carried_ms, expires_ms = proposal.carried_ms, proposal.expires_ms
    if not tally(ctx.state, proposal.change, votes).carried:
        carried_ms, expires_ms = 0, proposal.proposed_ms + ctx.parameter(LIFETIME)
    elif not carried_ms:
        carried_ms, expires_ms = ctx.time_ms, ctx.time_ms + ctx.parameter(DELAY) + ctx.parameter(LIFETIME)
    voted = replace(proposal, votes=votes, carried_ms=carried_ms, expires_ms=expires_ms)
    ctx.state.write(proposal_key(cmd.proposal), voted)
    return None


def enact(declared: Declared, ctx: Context, cmd: Enact) -> Refusal | None:
    """Make the change, if the votes still carry it as members and charter stand now."""
    proposal = _open_proposal(ctx, cmd.proposal)
    if isinstance(proposal, Refusal):
        return proposal
    refusal = _check_carried(ctx, proposal)
    if refusal is not None:
        return refusal
    made = effect(ctx.state, declared, proposal.change, ctx.height, ctx.time_ms)
    if isinstance(made, Refusal):
        return made
    writes = settled(ctx.state, made, ctx.time_ms)
    if isinstance(writes, Refusal):
        return writes
    if isinstance(proposal.change, ChangeOperator):
        refusal = _hand_over(ctx, proposal.change, cmd)
    elif cmd.handover is not None:
        refusal = Refusal(Rejection.HANDOVER_NOT_FITTING, cmd.proposal)
    if refusal is not None:
        return refusal
    for key, record in writes.items():
        ctx.state.write(key, record)
    ctx.state.write(proposal_key(cmd.proposal), replace(proposal, enacted_ms=ctx.time_ms))
    return None


def _open_proposal(ctx: Context, proposal_id: str) -> Proposal | Refusal:
    proposal = ctx.state.read(Proposal, proposal_key(proposal_id))
    if proposal is None:
        return Refusal(Rejection.PROPOSAL_UNKNOWN, proposal_id)
    if proposal.enacted_ms:
        return Refusal(Rejection.PROPOSAL_ENACTED, proposal_id)
    if proposal.expires_ms <= ctx.time_ms:
        return Refusal(Rejection.PROPOSAL_EXPIRED, proposal_id)
    return proposal


def _check_carried(ctx: Context, proposal: Proposal) -> Refusal | None:
    # carried_ms alone is not enough: since that vote members may have been admitted or suspended, and it is not enough
    # to count again either, for nobody would have been given notice.
    if not proposal.carried_ms or not tally(ctx.state, proposal.change, proposal.votes).carried:
        return Refusal(Rejection.PROPOSAL_NOT_CARRIED, proposal.id)
    delay_ms = 0 if is_immediate(ctx.state, proposal.change) else ctx.parameter(DELAY)
    if ctx.time_ms < proposal.carried_ms + delay_ms:
        return Refusal(Rejection.PROPOSAL_TOO_EARLY, proposal.id)
    return None


def _hand_over(ctx: Context, change: ChangeOperator, cmd: Enact) -> Refusal | None:
    if cmd.handover is None:
        return Refusal(Rejection.HANDOVER_NOT_FITTING, cmd.proposal)
    operator = operator_of(ctx.state)
    handover = handover_of(ctx.alliance, operator, change, cmd.handover)
    earliest = ctx.height + 1
    if handover.index:
        last = present(ctx.state, Handover, handover_key(handover.index - 1))
        earliest = max(earliest, last.from_height + 1)
    if not earliest <= handover.from_height <= ctx.height + HANDOVER_WITHIN_BLOCKS:
        return Refusal(Rejection.HANDOVER_BAD_HEIGHT, cmd.proposal)
    if not ctx.is_signed(operator.public, HANDOVER_TAG, signed_part(handover), handover.signature):
        return Refusal(Rejection.HANDOVER_BAD_SIGNATURE, cmd.proposal)
    ctx.state.write(handover_key(handover.index), handover)
    return None


def _handover_claims(state: State, alliance: str, _: str, cmd: Enact) -> Iterator[Claim]:
    proposal = state.read(Proposal, proposal_key(cmd.proposal))
    if cmd.handover is None or proposal is None or not isinstance(proposal.change, ChangeOperator):
        return
    operator = operator_of(state)
    handover = handover_of(alliance, operator, proposal.change, cmd.handover)
    yield Claim(from_text(operator.public), HANDOVER_TAG, signed_part(handover), from_text(handover.signature))


def commands_for(parameters: Iterable[Parameter]) -> tuple[Command, ...]:
    """Return the commands, for an alliance whose charter has these parameters."""
    declared = {parameter.name: parameter for parameter in parameters}
    anyone: frozenset[str] = frozenset()
    return (
        Command("alliance.propose/1", Propose, partial(propose, declared), anyone, starts=True),
        Command("alliance.propose/2", Propose2, partial(propose, declared), anyone, starts=True),
        Command("alliance.vote/1", Vote, vote, anyone, starts=True),
        Command("alliance.enact/1", Enact, partial(enact, declared), anyone, starts=False, claims=_handover_claims),
    )
