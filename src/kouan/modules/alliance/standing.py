"""Reading what stands on every ledger from its founding on: when it is missing, the node must stop."""

from __future__ import annotations

from typing import TypeVar

from kouan.kernel.records import Charter, Member, Record
from kouan.kernel.registry import CHARTER_KEY
from kouan.kernel.state import Reader
from kouan.modules.alliance.records import (
    OPERATOR_KEY,
    ROSTER_KEY,
    VALIDATORS_KEY,
    Operator,
    Roster,
    Validators,
    member_key,
)

R = TypeVar("R", bound=Record)


def charter_of(state: Reader) -> Charter:
    """Return the charter."""
    return present(state, Charter, CHARTER_KEY)


def operator_of(state: Reader) -> Operator:
    """Return whose key signs, or is about to sign, the checkpoints."""
    return present(state, Operator, OPERATOR_KEY)


def validators_of(state: Reader) -> Validators | None:
    """Return who runs the ledger together; None where one operator does."""
    return state.read(Validators, VALIDATORS_KEY)


def roster_of(state: Reader) -> Roster:
    """Return who the members are."""
    return present(state, Roster, ROSTER_KEY)


def member_of(state: Reader, member: str) -> Member:
    """Return a member that must exist."""
    return present(state, Member, member_key(member))


def members_of(state: Reader) -> list[Member]:
    """Return all members, sorted by id."""
    return [member_of(state, member) for member in roster_of(state).members]


def is_signing_key(state: Reader, public: str) -> bool:
    """Tell whether a key is some member's signing key already, be it revoked: nobody is to sign for two members."""
    return any(key.public == public for member in members_of(state) for key in member.keys.values())


def present(state: Reader, kind: type[R], key: str) -> R:
    """Return a record that must be there; its absence is a broken invariant."""
    record = state.read(kind, key)
    if record is None:
        raise AssertionError(f"the state has nothing at {key}")
    return record
