"""A loan that exists: who may touch it, what a change does to its quotas, how it and its history are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.records import Quota
from kouan.kernel.registry import Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.records import Allocation, Entry, EntryKind, Financing
from kouan.modules.financing.rules import entry_key, financing_key, is_held, state_of


def own_loan(ctx: Context, financing: str) -> Financing | Refusal:
    """Return a loan of the signing bank."""
    loan = ctx.state.read(Financing, financing_key(financing))
    if loan is None:
        return Refusal(Rejection.FINANCING_UNKNOWN, "financing")
    if loan.bank != ctx.member.id:
        return Refusal(Rejection.FINANCING_NOT_LENDER, "financing")
    return loan


def own_held_loan(ctx: Context, financing: str) -> Financing | Refusal:
    """Return a loan of the signing bank of which a part is still held."""
    loan = own_loan(ctx, financing)
    if isinstance(loan, Refusal):
        return loan
    if not any(allocation.held for allocation in loan.allocations):
        return Refusal(Rejection.NOTHING_HELD, "financing")
    if loan.lapse_ms <= ctx.time_ms:
        return Refusal(Rejection.HOLD_LAPSED, "financing")
    return loan


def quota_of(ctx: Context, quota_id: str) -> Quota:
    """Return the quota of an allocation, which is there because a loan stands on it."""
    quota = ctx.state.read(Quota, quotas.key_of(quota_id))
    if quota is None:
        raise AssertionError(f"a loan stands on the quota {quota_id}, which does not exist")
    return quota


def change_quotas(
    ctx: Context, loan: Financing, amounts: Sequence[int], change: Callable[[Quota, int], Quota | Rejection]
) -> Refusal | None:
    """Change the quota of every allocation that has an amount."""
    for allocation, amount in zip(loan.allocations, amounts, strict=True):
        if amount:
            changed = change(quota_of(ctx, allocation.quota), amount)
            if isinstance(changed, Rejection):
                return Refusal(changed, allocation.quota)
            ctx.state.write(quotas.key_of(allocation.quota), changed)
    return None


def sound(changed: Quota | Rejection) -> Quota:
    """Return a quota after a change that what a loan or a collection records makes possible."""
    if isinstance(changed, Rejection):
        raise AssertionError(f"a quota does not know what stands on it: {changed!r}")  # noqa: TRY004  # a broken invariant
    return changed


def must_change_quotas(
    ctx: Context, loan: Financing, amounts: Sequence[int], change: Callable[[Quota, int], Quota | Rejection]
) -> None:
    """Change the quota of every allocation that has an amount, in a way that cannot be refused."""
    change_quotas(ctx, loan, amounts, lambda quota, amount: sound(change(quota, amount)))


def give_back_holds(ctx: Context, loan: Financing) -> list[Allocation]:
    """Release what is still held for a loan, and return its allocations without it."""
    if is_held(loan, ctx.time_ms):
        parts = [allocation.held for allocation in loan.allocations]
        must_change_quotas(ctx, loan, parts, lambda quota, _: quotas.release(quota, loan.id, ctx.time_ms))
    return [replace(allocation, held=0) for allocation in loan.allocations]


def pay_back(ctx: Context, loan: Financing, amounts: Sequence[int]) -> list[Allocation]:
    """Give principal back to the quotas, which must be outstanding, and return the allocations with it repaid."""
    must_change_quotas(ctx, loan, amounts, quotas.repay)
    return [
        replace(allocation, repaid=allocation.repaid + amount)
        for allocation, amount in zip(loan.allocations, amounts, strict=True)
    ]


def with_interest(loan: Financing, interest: int) -> Financing | Refusal:
    """Return the loan with interest received."""
    if loan.interest + interest > MAX_INTEGER:
        return Refusal(Rejection.QUOTA_NUMBER_TOO_LARGE, "interest")
    return replace(loan, interest=loan.interest + interest)


def write_loan(ctx: Context, loan: Financing) -> None:
    """Write a changed loan. A change withdraws an offer, for the buyer is to get what it saw."""
    state = state_of(loan, ctx.time_ms)
    if state == "lapsed":  # its one drawdown was reversed, and the rest is held no more
        loan, state = replace(loan, reason="reversed"), "released"
    ctx.state.write(financing_key(loan.id), replace(loan, offer=None, state=state))


def with_entry(
    ctx: Context, loan: Financing, kind: EntryKind, amounts: Sequence[int], interest: int = 0, note: str | None = None
) -> Financing:
    """Add an entry to a loan's history and return the loan that counts it."""
    number = loan.entries + 1
    entry = Entry(list(amounts), ctx.signer, interest, kind, note, None, ctx.time_ms)
    ctx.state.write(entry_key(loan.id, number), entry)
    return replace(loan, entries=number)
