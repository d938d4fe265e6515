"""The one primitive: what is drawn never exceeds what was attested, and no part is drawn twice.

Every function takes a quota and returns the new one, or the reason to refuse. Who may do what is the modules' affair.
Nothing scans for lapsed holds: a hold counts only while its ``lapse_ms`` lies after the block's time, and is cleared
away when the quota is next written.
"""

from __future__ import annotations

from msgspec.structs import replace

from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.records import MAX_HOLDS, Hold, Quota
from kouan.kernel.rejections import Rejection

FULL_BP = 10_000
LAPSES_ALLOWED = 2


def key_of(quota_id: str) -> str:
    """Return the key under which a quota stands in the state."""
    return f"quota/{quota_id}"


def limit_of(attested: int, collected: int, ratio_bp: int, *, settled: bool) -> int:
    """Return what may be drawn in all: the ratio of what is attested and not yet collected, rounded down."""
    return 0 if settled else max(0, attested - collected) * ratio_bp // FULL_BP


def held(quota: Quota, time_ms: int) -> int:
    """Return the sum of the holds that have not lapsed."""
    return sum(hold.amount for hold in quota.holds if hold.lapse_ms > time_ms)


def available(quota: Quota, time_ms: int) -> int:
    """Return what a new draw could still get at this time: never below zero."""
    if quota.status != "active":
        return 0
    return max(0, quota.limit - quota.used - quota.spent - held(quota, time_ms))


def is_overdrawn(quota: Quota) -> bool:
    """Tell whether more is outstanding than an amendment or a collection has left."""
    return quota.used + quota.spent > quota.limit


def gives_room(before: Quota, after: Quota) -> bool:
    """Tell whether a revision lets more be drawn than before, at once or once a final collection is reversed."""
    return (
        after.attested > before.attested
        or limit_of(after.attested, after.collected, after.ratio_bp, settled=False)
        > limit_of(before.attested, before.collected, before.ratio_bp, settled=False)
        or (after.status == "active" and before.status != "active")
    )


def rebase(quota: Quota, *, attested: int, collected: int, ratio_bp: int, settled: bool) -> Quota | Rejection:
    """Set what is attested or collected. Accepted even below what is drawn: that stops draws and undoes none."""
    if attested > MAX_INTEGER or collected > MAX_INTEGER:
        return Rejection.QUOTA_NUMBER_TOO_LARGE
    limit = limit_of(attested, collected, ratio_bp, settled=settled)
    return replace(quota, attested=attested, collected=collected, ratio_bp=ratio_bp, settled=settled, limit=limit)


def hold(quota: Quota, new: Hold, time_ms: int) -> Quota | Rejection:
    """Set a part aside until ``new.lapse_ms``."""
    living, lapses = _settled_holds(quota, time_ms)
    if quota.status != "active":
        return _inactive(quota)
    if any(other.financing == new.financing for other in living):
        return Rejection.QUOTA_ALREADY_THERE
    if len(living) >= MAX_HOLDS:
        return Rejection.HOLDS_TOO_MANY
    if lapses.get(new.drawer, 0) >= LAPSES_ALLOWED:
        return Rejection.HOLD_THIRD
    if new.amount > quota.limit - quota.used - quota.spent - sum(other.amount for other in living):
        return Rejection.QUOTA_EXCEEDED
    return replace(quota, holds=[*living, new], lapses=lapses)


def extend(quota: Quota, financing: str, lapse_ms: int, time_ms: int) -> Quota | Rejection:
    """Let a living hold lapse later, once."""
    own = _hold_of(quota, financing, time_ms)
    if isinstance(own, Rejection):
        return own
    if own.extended:
        return Rejection.HOLD_EXTENDED_ALREADY
    return _with_hold(quota, replace(own, lapse_ms=max(lapse_ms, own.lapse_ms), extended=True), time_ms)


def confirm(quota: Quota, financing: str, amount: int, time_ms: int) -> Quota | Rejection:
    """Turn a part of a living hold into use: money is paid out. Everything is checked again."""
    own = _hold_of(quota, financing, time_ms)
    if isinstance(own, Rejection):
        return own
    if amount > own.amount:
        return Rejection.HOLD_SMALLER
    if quota.status != "active":
        return _inactive(quota)
    others = held(quota, time_ms) - own.amount
    if quota.used + quota.spent + others + amount > quota.limit:
        return Rejection.QUOTA_EXCEEDED
    rest = replace(own, amount=own.amount - amount, drawn=True) if own.amount > amount else None
    drawn = replace(quota, used=quota.used + amount, draws=quota.draws + 1)
    return _with_hold(drawn, rest, time_ms, financing)


def draw(quota: Quota, amount: int, time_ms: int) -> Quota | Rejection:
    """Use a part at once, without a hold before it."""
    if quota.status != "active":
        return _inactive(quota)
    living, lapses = _settled_holds(quota, time_ms)
    if amount > quota.limit - quota.used - quota.spent - sum(other.amount for other in living):
        return Rejection.QUOTA_EXCEEDED
    return replace(quota, used=quota.used + amount, draws=quota.draws + 1, holds=living, lapses=lapses)


def release(quota: Quota, financing: str, time_ms: int) -> Quota | Rejection:
    """Give a living hold back."""
    own = _hold_of(quota, financing, time_ms)
    if isinstance(own, Rejection):
        return own
    return _with_hold(quota, None, time_ms, financing)


def pass_on(quota: Quota, financing: str, drawer: str, time_ms: int) -> Quota | Rejection:
    """Let a living hold belong to another drawer: the loan was sold."""
    own = _hold_of(quota, financing, time_ms)
    if isinstance(own, Rejection):
        return own
    return _with_hold(quota, replace(own, drawer=drawer), time_ms)


def repay(quota: Quota, amount: int) -> Quota | Rejection:
    """Give back what was used, or a part of it. Works on any quota: what is owed can always be paid."""
    if amount > quota.used:
        return Rejection.QUOTA_LESS_USED
    return replace(quota, used=quota.used - amount)


def restore(quota: Quota, amount: int) -> Quota | Rejection:
    """Put a repayment that never was back into use. It corrects a record, so it asks for no free room.

    Whoever else lends on the quota relied on that room: when it is over-drawn now, a raised revision tells them.
    """
    if quota.used + amount > MAX_INTEGER:
        return Rejection.QUOTA_NUMBER_TOO_LARGE
    restored = replace(quota, used=quota.used + amount)
    return replace(restored, revision=quota.revision + 1) if is_overdrawn(restored) else restored


def undraw(quota: Quota, financing: str, time_ms: int) -> Quota:
    """Let the loan's living hold, where there is one, count as not drawn on: what was confirmed was a mistake."""
    holds = [
        replace(hold, drawn=False) if hold.financing == financing and hold.lapse_ms > time_ms else hold
        for hold in quota.holds
    ]
    return replace(quota, holds=holds)


def bring_in(quota: Quota, amount: int) -> Quota | Rejection:
    """Use a part that was drawn before the ledger began. It records a fact, so it asks for no free room."""
    restored = restore(quota, amount)
    return restored if isinstance(restored, Rejection) else replace(restored, draws=restored.draws + 1)


def _inactive(quota: Quota) -> Rejection:
    return Rejection.QUOTA_WITHDRAWN if quota.status == "withdrawn" else Rejection.QUOTA_SUSPENDED


def _hold_of(quota: Quota, financing: str, time_ms: int) -> Hold | Rejection:
    for own in quota.holds:
        if own.financing == financing:
            return own if own.lapse_ms > time_ms else Rejection.HOLD_LAPSED
    return Rejection.HOLD_UNKNOWN


def _with_hold(quota: Quota, own: Hold | None, time_ms: int, financing: str = "") -> Quota:
    """Put ``own`` in the place of the loan's hold, or take that away, clearing lapsed ones."""
    gone = own.financing if own else financing
    living, lapses = _settled_holds(quota, time_ms)
    kept = [own if own and hold.financing == gone else hold for hold in living if own or hold.financing != gone]
    return replace(quota, holds=kept, lapses=lapses)


def _settled_holds(quota: Quota, time_ms: int) -> tuple[list[Hold], dict[str, int]]:
    """Return the living holds, and the count of lapses with those that have lapsed since."""
    if not quota.holds:
        return [], quota.lapses
    living: list[Hold] = []
    lapses = quota.lapses
    for own in quota.holds:
        if own.lapse_ms > time_ms:
            living.append(own)
        elif not own.drawn:
            lapses = {**lapses, own.drawer: lapses.get(own.drawer, 0) + 1}
    return living, lapses
