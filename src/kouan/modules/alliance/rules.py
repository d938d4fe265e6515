"""The alliance's parameters and roles, what a set of roles must keep to, and what a member's keys must."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from kouan.kernel.encoding import from_text
from kouan.kernel.execution import ENVELOPES_PER_BLOCK
from kouan.kernel.records import Key, Member
from kouan.kernel.registry import Parameter
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import SUITE, is_sound_key

SECOND_MS: Final = 1000
DAY_MS: Final = 24 * 3600 * SECOND_MS
FULL_BP: Final = 10_000
MAX_MEMBERS: Final = 256
MAX_KEYS: Final = 256
"""Keys a member may ever have, revoked ones included: their names are never given to another key."""
MAX_VALIDATORS: Final = 64
MAX_POWER: Final = 1_000_000
"""Of one validator: even all together stay far below what the consensus engine can count."""

TRUST_PERIOD: Final = "trust_period_ms"
PROVABLE_BLOCKS: Final = "provable_blocks"
QUORUM: Final = "alliance.quorum_bp"
CRITICAL_QUORUM: Final = "alliance.critical_quorum_bp"
DELAY: Final = "alliance.delay_ms"
LIFETIME: Final = "alliance.proposal_lifetime_ms"
POWER: Final = "alliance.power_bp_per_period"
MOST_POWER_BP: Final = 3333

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter(
        ENVELOPES_PER_BLOCK, "envelopes", 2000, 1, 100_000, "how many envelopes of one member a block may execute"
    ),
    Parameter(
        TRUST_PERIOD,
        "ms",
        30 * DAY_MS,
        DAY_MS,
        366 * DAY_MS,
        "how old a checkpoint may be for a live proof, and the time in which only a part of the power may move",
    ),
    Parameter(PROVABLE_BLOCKS, "blocks", 256, 1, 100_000, "for how many blocks back the ledger can prove its state"),
    Parameter(QUORUM, "basis points", 5001, 5001, 10_000, "share of the members that carries an ordinary change"),
    Parameter(
        CRITICAL_QUORUM,
        "basis points",
        7500,
        7500,
        10_000,
        "share of the members that carries a critical change, besides both classes' consent",
    ),
    Parameter(DELAY, "ms", DAY_MS, DAY_MS, 30 * DAY_MS, "time between a change being carried and taking effect"),
    Parameter(
        LIFETIME,
        "ms",
        14 * DAY_MS,
        2 * DAY_MS,
        90 * DAY_MS,
        "how long a proposal can be voted on, and how long a carried one can be enacted",
    ),
    Parameter(
        POWER,
        "basis points",
        MOST_POWER_BP,
        1,
        MOST_POWER_BP,
        "share of the members, and of the validators' power, that may be new within a trust period",
    ),
)

CRITICAL_GROUPS: Final = ("alliance.", "consensus.")
CRITICAL_PARAMETERS: Final[frozenset[str]] = frozenset(
    {
        TRUST_PERIOD,
        "financing.bring_in_until_ms",  # it lets banks draw without the owners' signatures
    }
)
"""To change one of these is a critical change, as it is for the groups above."""

Role = Literal["attester", "bank", "convener", "customs", "evaluator", "operator", "overseer", "second-holder"]
CLASSES: Final[tuple[Role, ...]] = ("customs", "overseer")
"""The classes that must both consent to a critical change."""
CRITICAL_ROLES: Final[frozenset[str]] = frozenset({"attester", "customs", "evaluator", "overseer", "second-holder"})
"""To give or take one of these is a critical change."""
NEEDED_ROLES: Final[tuple[Role, ...]] = ("bank", "customs", "overseer", "second-holder")
"""Somebody must always have each of these."""
_APART: Final[tuple[frozenset[str], ...]] = (
    frozenset({"attester", "bank"}),  # who attests a value must not lend on it
    frozenset({"bank", "customs"}),
    frozenset({"bank", "evaluator"}),  # who sees every number must not compete
    frozenset({"bank", "overseer"}),  # who opens seals must not compete
    frozenset({"overseer", "second-holder"}),  # or the second layer of a seal would hold nothing back
)


def roles_problem(roles: Sequence[str]) -> str | None:
    """Return what is wrong with one member's roles, or None."""
    if list(roles) != sorted(set(roles)):
        return "must be sorted and each named once"
    for pair in _APART:
        if pair <= set(roles):
            return f"one member cannot be both {' and '.join(sorted(pair))}"
    return None


def missing_role(all_roles: Iterable[Sequence[str]]) -> Role | None:
    """Return the first needed role that none of the members has, or None."""
    held = {role for roles in all_roles for role in roles}
    return next((role for role in NEEDED_ROLES if role not in held), None)


def good_keys(member: Member) -> list[str]:
    """Return the names of the member's keys that are not revoked."""
    return [name for name, key in member.keys.items() if not key.revoked_ms]


def with_key(member: Member, name: str, public: str, time_ms: int) -> Member | Rejection:
    """Return the member with one more key; neither the name nor the key may ever have been its own before."""
    if name in member.keys:
        return Rejection.KEY_NAME_TAKEN
    if len(member.keys) >= MAX_KEYS:
        return Rejection.KEYS_TOO_MANY
    if not is_sound_key(from_text(public)):
        return Rejection.KEY_UNSOUND
    if any(key.public == public for key in member.keys.values()):
        return Rejection.KEY_PUBLIC_IN_USE
    return replace(member, keys={**member.keys, name: Key(time_ms, public, 0, SUITE)})


def without_key(member: Member, name: str, time_ms: int) -> Member | Rejection:
    """Return the member with one of its keys revoked. Whether it may be the last good one is the caller's affair."""
    key = member.keys.get(name)
    if key is None:
        return Rejection.KEY_UNKNOWN
    if key.revoked_ms:
        return Rejection.KEY_REVOKED_ALREADY
    return replace(member, keys={**member.keys, name: replace(key, revoked_ms=time_ms)})
