"""Sets of validators: what of the power moves between two of them, and how much may.

Whoever knows the set of one moment (a light client) believes a later block by the signatures of more than a third of
the power that it knows. So within a trust period no more may move than leaves that third in every commit: the README
shows why a third of what comes and a third of what goes is just enough.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from kouan.kernel.records import Charter
from kouan.kernel.registry import parameter_of
from kouan.modules.alliance.records import FormerKey, PowerMove, Validator, Validators
from kouan.modules.alliance.rules import DAY_MS, FULL_BP, MOST_POWER_BP, PARAMETERS, POWER, TRUST_PERIOD

MAX_FORMER: Final = 16
"""Former keys that are kept of one member, the latest."""


def powers_of(validators: Validators) -> dict[str, int]:
    """Return the power of each consensus key that has any."""
    return {one.public: one.power for one in validators.members.values() if one.power}


def total_power(validators: Validators) -> int:
    """Return the power of all together."""
    return sum(one.power for one in validators.members.values())


def validator_updates(before: Validators | None, after: Validators | None) -> list[tuple[str, int]]:
    """Return what the consensus engine is told after a block: each key whose power is another now, with that power.

    0 removes it. Sorted by key (base64url), so that every node answers alike.
    """
    old = {} if before is None else powers_of(before)
    new = {} if after is None else powers_of(after)
    return [(key, new.get(key, 0)) for key in sorted(old.keys() | new.keys()) if old.get(key, 0) != new.get(key, 0)]


def power_move(before: Validators, after: Validators, time_ms: int) -> PowerMove | None:
    """Return what moves between two sets, or None. With a new key power comes, and with the old one it goes."""
    old, new = powers_of(before), powers_of(after)
    came = sum(max(0, power - old.get(key, 0)) for key, power in new.items())
    went = sum(max(0, power - new.get(key, 0)) for key, power in old.items())
    return PowerMove(time_ms, total_power(before), came, went) if came or went else None


def with_move(charter: Charter, before: Validators, after: Validators, time_ms: int) -> Validators:
    """Return ``after`` with what moved noted, and with those moves forgotten that are past."""
    # One day more than the period, because a change comes into force two blocks after the one that made it.
    since_ms = time_ms - parameter_of(charter, TRUST_PERIOD, PARAMETERS) - DAY_MS
    recent = [move for move in before.moves if move.at_ms > since_ms]
    move = power_move(before, after, time_ms)
    return replace(after, moves=recent if move is None else [*recent, move])


def is_too_fast(charter: Charter, before: Validators, after: Validators) -> bool:
    """Tell whether a change (``after`` as `with_move` returns it) moves too much, with what moved before it.

    From each moment of the trust period on, of the power of that moment at most a third may have come, and a third
    have gone (the charter may have a lower share). What moves nothing is never too fast.
    """
    if powers_of(before) == powers_of(after):
        return False
    share_bp = parameter_of(charter, POWER, PARAMETERS)
    came = went = 0
    for move in reversed(after.moves):
        came, went = came + move.came, went + move.went
        # The highest share that the charter can have stands for a third exactly: of three equal validators one.
        most = move.before // 3 if share_bp == MOST_POWER_BP else move.before * share_bp // FULL_BP
        if max(came, went) > most:
            return True
    return False


def with_validator(validators: Validators, member: str, changed: Validator | None, time_ms: int) -> Validators:
    """Return the set in which a member's validator is another, or gone; a key that goes is kept among the former."""
    current = validators.members.get(member)
    members = {name: one for name, one in validators.members.items() if name != member}
    if changed is not None:
        members[member] = changed
    former = validators.former
    if current is not None and (changed is None or changed.public != current.public):
        former = [*former, FormerKey(member, current.public, current.suspended_ms, time_ms)]
        theirs = [key for key in former if key.member == member]
        if len(theirs) > MAX_FORMER:
            former = [key for key in former if key is not theirs[0]]
    return replace(validators, former=former, members=dict(sorted(members.items())))


def is_key_known(validators: Validators, public: str) -> bool:
    """Tell whether some validator has or had this key: none has one twice."""
    current = [one.public for one in validators.members.values()]
    return public in current or any(one.public == public for one in validators.former)
