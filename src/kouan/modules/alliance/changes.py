"""What each change does, checked against the ledger as it stands: when it is proposed, and again when it is enacted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from kouan.kernel.encoding import from_text
from kouan.kernel.records import Key, Member, Record
from kouan.kernel.registry import CHARTER_KEY, Parameter, parameter_of
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import Reader
from kouan.kernel.suites import SUITE, is_sound_key
from kouan.modules.alliance.consensus import GROUP
from kouan.modules.alliance.ledger_changes import ledger_change
from kouan.modules.alliance.records import (
    OPERATOR_KEY,
    ROSTER_KEY,
    VALIDATORS_KEY,
    AddMember,
    AddMemberKey,
    Change,
    ChangeOperator,
    Move,
    Operator,
    ResumeMember,
    RevokeMemberKey,
    Roster,
    SetParameter,
    SetProtocol,
    SetRoles,
    SetSealing,
    SetValidator,
    SuspendMember,
    Validators,
    member_key,
)
from kouan.modules.alliance.rules import (
    CRITICAL_ROLES,
    FULL_BP,
    MAX_MEMBERS,
    PARAMETERS,
    POWER,
    TRUST_PERIOD,
    Role,
    good_keys,
    missing_role,
    roles_problem,
    with_key,
    without_key,
)
from kouan.modules.alliance.standing import charter_of, is_signing_key, members_of, roster_of, validators_of
from kouan.modules.alliance.validators import is_too_fast


class Effect(NamedTuple):
    """What a change would write, and whose power it moves."""

    writes: dict[str, Record]
    moved: frozenset[str] = frozenset()
    """Members that get a vote, a critical role or a new only key (or lose a critical role, when nobody gets one)."""


def effect(
    state: Reader, declared: Mapping[str, Parameter], change: Change, height: int, time_ms: int
) -> Effect | Refusal:
    """Return what a change does to the ledger as it stands, or why it cannot be made.

    ``height``, ``time_ms``: of the block that would make it.
    """
    match change:
        case SetParameter():
            return _set_parameter(state, declared, change)
        case AddMember():
            return _add_member(state, change, time_ms)
        case SetRoles():
            return _set_roles(state, change)
        case ChangeOperator():
            return _change_operator(state, change)
        case SetProtocol() | SetValidator():
            writes = ledger_change(state, change, height, time_ms)
            return writes if isinstance(writes, Refusal) else Effect(writes)
        case _:
            return _change_member(state, change, time_ms)


def settled(state: Reader, made: Effect, time_ms: int) -> dict[str, Record] | Refusal:
    """Return all that a change writes once it is made, the moves of power included, or refuse: too much would move."""
    moves = power_moves(state, made.moved, time_ms)
    if isinstance(moves, Refusal):
        return moves
    before, after = validators_of(state), made.writes.get(VALIDATORS_KEY)
    if before is not None and isinstance(after, Validators) and is_too_fast(charter_of(state), before, after):
        return Refusal(Rejection.POWER_MOVED_TOO_FAST, "validators")
    if not made.moved:
        return made.writes
    roster = made.writes.get(ROSTER_KEY)
    known = roster if isinstance(roster, Roster) else roster_of(state)
    return {**made.writes, ROSTER_KEY: replace(known, moves=moves)}


def power_moves(state: Reader, moved: frozenset[str], time_ms: int) -> list[Move] | Refusal:
    """Return the moves to be remembered once these members' power has moved too, or refuse.

    Within a trust period those whose power is new are at most a third of the members (the charter's share), so that
    whoever knew the alliance at the beginning of the period still knows two thirds of it at the end. One always may,
    or an alliance of two could never grow.
    """
    roster, charter = roster_of(state), charter_of(state)
    period_ms = parameter_of(charter, TRUST_PERIOD, PARAMETERS)
    recent = [move for move in roster.moves if move.at_ms > time_ms - period_ms]
    members = len(set(roster.members) | moved)
    movers = {move.member for move in recent} | moved
    if moved and len(movers) > max(1, members * parameter_of(charter, POWER, PARAMETERS) // FULL_BP):
        return Refusal(Rejection.POWER_MOVED_TOO_FAST, min(moved))
    return [*recent, *(Move(time_ms, member) for member in sorted(moved))]


def _set_parameter(state: Reader, declared: Mapping[str, Parameter], change: SetParameter) -> Effect | Refusal:
    parameter = declared.get(change.name)
    if parameter is None or (change.name.startswith(GROUP) and validators_of(state) is None):
        return Refusal(Rejection.PARAMETER_UNKNOWN, change.name)
    if not parameter.lowest <= change.value <= parameter.highest:
        return Refusal(Rejection.PARAMETER_OUT_OF_BOUNDS, change.name)
    charter = charter_of(state)
    if charter.parameters.get(change.name) == change.value:
        return Refusal(Rejection.CHANGE_WITHOUT_EFFECT, change.name)
    parameters = {**charter.parameters, change.name: change.value}
    return Effect({CHARTER_KEY: replace(charter, parameters=parameters, revision=charter.revision + 1)})


def _add_member(state: Reader, change: AddMember, time_ms: int) -> Effect | Refusal:
    roster = roster_of(state)
    if change.member in roster.members:
        return Refusal(Rejection.MEMBER_EXISTS, change.member)
    if len(roster.members) >= MAX_MEMBERS:
        return Refusal(Rejection.MEMBERS_TOO_MANY, change.member)
    refusal = _check_roles(state, {change.member: change.roles})
    if refusal is not None:
        return refusal
    for public in (change.public, change.sealing):
        if not is_sound_key(from_text(public)):
            return Refusal(Rejection.KEY_UNSOUND, public)
    if is_signing_key(state, change.public):
        return Refusal(Rejection.KEY_PUBLIC_IN_USE, change.public)
    keys = {change.key: Key(time_ms, change.public, 0, SUITE)}
    member = Member(change.member, keys, list(change.roles), change.sealing, suspended=False)
    writes: dict[str, Record] = {
        member_key(change.member): member,
        ROSTER_KEY: replace(roster, members=sorted([*roster.members, change.member])),
    }
    return Effect(writes, frozenset({change.member}))


def _set_roles(state: Reader, change: SetRoles) -> Effect | Refusal:
    members = {member.id: member for member in members_of(state)}
    unknown = sorted(change.roles.keys() - members.keys())
    if unknown:
        return Refusal(Rejection.MEMBER_UNKNOWN, unknown[0])
    for name in sorted(change.roles):
        if members[name].roles == change.roles[name]:
            return Refusal(Rejection.CHANGE_WITHOUT_EFFECT, name)
    refusal = _check_roles(state, change.roles)
    if refusal is not None:
        return refusal
    gained = {name for name, roles in change.roles.items() if CRITICAL_ROLES & (set(roles) - set(members[name].roles))}
    lost = {name for name, roles in change.roles.items() if CRITICAL_ROLES & (set(members[name].roles) - set(roles))}
    writes: dict[str, Record] = {
        member_key(name): replace(members[name], roles=list(roles)) for name, roles in sorted(change.roles.items())
    }
    return Effect(writes, frozenset(gained or lost))


def _check_roles(state: Reader, new: Mapping[str, list[Role]]) -> Refusal | None:
    """Check what members' roles would be together if some were new."""
    for name, roles in sorted(new.items()):
        if roles_problem(roles) is not None:
            return Refusal(Rejection.ROLES_UNSOUND, name)
    roles_by_member: dict[str, list[str]] = {member.id: member.roles for member in members_of(state)}
    roles_by_member.update({name: list[str](roles) for name, roles in new.items()})
    if sum("second-holder" in roles for roles in roles_by_member.values()) > 1:
        return Refusal(Rejection.ROLE_TAKEN, "second-holder")
    missing = missing_role(roles_by_member.values())
    return None if missing is None else Refusal(Rejection.ROLE_LEFT_EMPTY, missing)


def _change_operator(state: Reader, change: ChangeOperator) -> Effect | Refusal:
    operator = state.read(Operator, OPERATOR_KEY)
    if operator is None:
        return Refusal(Rejection.LEDGER_HAS_NO_OPERATOR, "operator")
    least = operator.incarnation + 1 if change.public == operator.public else operator.incarnation
    if change.incarnation < least:
        return Refusal(Rejection.INCARNATION_TOO_LOW, "incarnation")
    if not is_sound_key(from_text(change.public)):
        return Refusal(Rejection.KEY_UNSOUND, change.public)
    handovers = operator.handovers + 1
    return Effect(
        {OPERATOR_KEY: replace(operator, handovers=handovers, incarnation=change.incarnation, public=change.public)}
    )


def _change_member(
    state: Reader, change: SuspendMember | ResumeMember | SetSealing | AddMemberKey | RevokeMemberKey, time_ms: int
) -> Effect | Refusal:
    member = state.read(Member, member_key(change.member))
    if member is None:
        return Refusal(Rejection.MEMBER_UNKNOWN, change.member)
    changed = _changed(member, change, time_ms)
    if isinstance(changed, Rejection):
        return Refusal(changed, change.member)
    if isinstance(change, AddMemberKey) and is_signing_key(state, change.public):
        return Refusal(Rejection.KEY_PUBLIC_IN_USE, change.member)
    moved = frozenset({member.id}) if isinstance(change, AddMemberKey) else frozenset[str]()
    return Effect({member_key(member.id): changed}, moved)


def _changed(
    member: Member, change: SuspendMember | ResumeMember | SetSealing | AddMemberKey | RevokeMemberKey, time_ms: int
) -> Member | Rejection:
    match change:
        case SuspendMember():
            return Rejection.CHANGE_WITHOUT_EFFECT if member.suspended else replace(member, suspended=True)
        case ResumeMember():
            return replace(member, suspended=False) if member.suspended else Rejection.CHANGE_WITHOUT_EFFECT
        case SetSealing():
            if change.public == member.sealing:
                return Rejection.CHANGE_WITHOUT_EFFECT
            sound = is_sound_key(from_text(change.public))
            return replace(member, sealing=change.public) if sound else Rejection.KEY_UNSOUND
        case AddMemberKey():
            return Rejection.KEY_NOT_LOST if good_keys(member) else with_key(member, change.key, change.public, time_ms)
        case RevokeMemberKey():
            return without_key(member, change.key, time_ms)
