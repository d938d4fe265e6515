"""Other declarations in the place of one that no longer carries its loan: substitute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import MAX_INTEGER, Bytes16, Positive
from kouan.kernel.records import Record
from kouan.kernel.registry import Claim, Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.modules.financing.commands.lending import own_loan, pay_back, with_entry, write_loan
from kouan.modules.financing.commands.opening import Draw, Draws, draw_claim, signed_quota
from kouan.modules.financing.records import MAX_ALLOCATIONS, Allocation, Financing, QuotaId
from kouan.modules.financing.rules import BANK, financing_key, outstanding, unit_of
from kouan.modules.financing.trade import Cases


class Part(Record, frozen=True):
    """What is taken off a declaration."""

    amount: Positive
    quota: QuotaId


class SubstituteCommand(Record, frozen=True):
    """Move outstanding principal from some declarations to others, in equal amounts of each unit."""

    allocations: Draws
    """Where it goes. An owner signs what the loan then draws on its quota in all."""
    financing: Bytes16
    replaced: Annotated[list[Part], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]
    """Where it stood."""


def substitute(cases: Cases, ctx: Context, cmd: SubstituteCommand) -> Refusal | None:
    """Put other declarations in the place of some 置换; what is lent stays as it is."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    refusal = _check_parts(loan, cmd)
    if refusal is not None:
        return refusal
    moved_out = _move_out(ctx, loan, cmd.replaced)
    allocations = _move_in(cases, ctx, moved_out, cmd.allocations)
    if isinstance(allocations, Refusal):
        return allocations
    into = {draw.quota: draw.amount for draw in cmd.allocations}
    moved = replace(moved_out, allocations=allocations)
    amounts = [into.get(allocation.quota, 0) for allocation in allocations]
    write_loan(ctx, with_entry(ctx, moved, "moved-in", amounts))
    return None


def _check_parts(loan: Financing, cmd: SubstituteCommand) -> Refusal | None:
    named = Counter([part.quota for part in cmd.replaced] + [draw.quota for draw in cmd.allocations])
    twice = next((quota for quota, times in named.items() if times > 1), None)
    if twice is not None:
        return Refusal(Rejection.ALLOCATION_TWICE, twice)
    own = {allocation.quota: allocation for allocation in loan.allocations}
    per_unit: Counter[str] = Counter()
    for part in cmd.replaced:
        if part.quota not in own:
            return Refusal(Rejection.ALLOCATION_UNKNOWN, part.quota)
        if part.amount > outstanding(own[part.quota]):
            return Refusal(Rejection.REPAID_TOO_MUCH, part.quota)
        per_unit[unit_of(part.quota)] += part.amount
    if len(own.keys() | {draw.quota for draw in cmd.allocations}) > MAX_ALLOCATIONS:
        return Refusal(Rejection.ALLOCATIONS_TOO_MANY, "allocations")
    for draw in cmd.allocations:
        per_unit[unit_of(draw.quota)] -= draw.amount
    if any(per_unit.values()):
        return Refusal(Rejection.SUBSTITUTE_UNEQUAL, "allocations")
    return None


def _move_out(ctx: Context, loan: Financing, parts: list[Part]) -> Financing:
    """Return the loan with the replaced parts neither drawn nor repaid on their declarations."""
    taken = {part.quota: part.amount for part in parts}
    amounts = [taken.get(allocation.quota, 0) for allocation in loan.allocations]
    pay_back(ctx, loan, amounts)
    allocations = [
        replace(allocation, amount=allocation.amount - amount, drawn=allocation.drawn - amount)
        for allocation, amount in zip(loan.allocations, amounts, strict=True)
    ]
    return with_entry(ctx, replace(loan, allocations=allocations), "moved-out", amounts)


def _move_in(cases: Cases, ctx: Context, loan: Financing, draws: list[Draw]) -> list[Allocation] | Refusal:
    """Draw on the new declarations and return the allocations with them."""
    allocations = {allocation.quota: allocation for allocation in loan.allocations}
    for draw in draws:
        there = allocations.get(draw.quota) or Allocation(0, None, 0, 0, draw.quota, 0, 0)
        if there.amount + draw.amount > MAX_INTEGER:
            return Refusal(Rejection.QUOTA_NUMBER_TOO_LARGE, draw.quota)
        quota = signed_quota(ctx, loan.id, draw, there.amount + draw.amount, loan.purpose)
        if isinstance(quota, Refusal):
            return quota
        drawn = quotas.draw(quota, draw.amount, ctx.time_ms)
        if isinstance(drawn, Rejection):
            return Refusal(drawn, draw.quota)
        ctx.state.write(quotas.key_of(draw.quota), drawn)
        refusal = cases.place(ctx, drawn, loan.id)
        if refusal is not None:
            return refusal
        allocations[draw.quota] = replace(
            there, amount=there.amount + draw.amount, drawn=there.drawn + draw.amount, revision=quota.revision
        )
    return list(allocations.values())


def _claims(state: State, alliance: str, member: str, cmd: SubstituteCommand) -> Iterable[Claim]:
    loan = state.read(Financing, financing_key(cmd.financing))
    if loan is None:
        return
    there = {allocation.quota: allocation.amount for allocation in loan.allocations}
    for draw in cmd.allocations:
        amount = there.get(draw.quota, 0) + draw.amount
        yield from draw_claim(state, alliance, member, cmd.financing, draw, amount, loan.purpose)


def commands_for(cases: Cases) -> tuple[Command, ...]:
    """Return the command, for an alliance that knows trades in this way."""
    handle = partial(substitute, cases)
    return (Command("financing.substitute/1", SubstituteCommand, handle, BANK, starts=True, claims=_claims),)
