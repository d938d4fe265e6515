"""What buyers have paid: collect. It moves what may still be lent on a declaration, not what is owed on a loan."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes16
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.lending import quota_of, sound
from kouan.modules.financing.records import MAX_ALLOCATIONS, Collection, Entry, Financing, Receipt
from kouan.modules.financing.rules import (
    BANK,
    COLLECTION_TOLERANCE,
    REVERSAL_MAX,
    collection_key,
    financing_key,
    is_for,
    is_held,
    outstanding,
)


class CollectCommand(Record, frozen=True):
    """Record that a buyer has paid, whether or not there is a loan."""

    collection: Bytes16
    """Random, never used before."""
    financing: Bytes16 | None
    items: Annotated[list[Receipt], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]


class ReverseCollectionCommand(Record, frozen=True):
    """Take a wrongly keyed collection back."""

    collection: Bytes16


def collect(ctx: Context, cmd: CollectCommand) -> Refusal | None:
    """Record what came in from a buyer 收汇. Any bank may, for a receivable that is paid cannot be lent on."""
    key = collection_key(cmd.collection)
    if ctx.state.read(Collection, key) is not None:
        return Refusal(Rejection.COLLECTION_EXISTS, "collection")
    loan = None if cmd.financing is None else ctx.state.read(Financing, financing_key(cmd.financing))
    if cmd.financing is not None and loan is None:
        return Refusal(Rejection.FINANCING_UNKNOWN, "financing")
    tolerance_bp = ctx.parameter(COLLECTION_TOLERANCE)
    seen: set[str] = set()
    for item in cmd.items:
        if item.quota in seen:
            return Refusal(Rejection.ALLOCATION_TWICE, item.quota)
        seen.add(item.quota)
        quota = ctx.state.read(Quota, quotas.key_of(item.quota))
        collected = _collected(quota, item, tolerance_bp)
        if isinstance(collected, Rejection):
            return Refusal(collected, item.quota)
        if item.final and not _may_end(ctx, loan, collected):
            return Refusal(Rejection.COLLECTION_FINAL_NOT_LENDER, item.quota)
        ctx.state.write(quotas.key_of(item.quota), collected)
    ctx.state.write(key, Collection(ctx.signer, cmd.financing, cmd.collection, cmd.items, None, ctx.time_ms))
    return None


def _collected(quota: Quota | None, item: Receipt, tolerance_bp: int) -> Quota | Rejection:
    if quota is None:
        return Rejection.QUOTA_UNKNOWN
    if not is_for(quota, "seller"):
        return Rejection.QUOTA_WRONG_KIND
    if not (item.amount or item.final):
        return Rejection.AMOUNTS_MISFIT
    if item.final and quota.settled:
        return Rejection.COLLECTION_FINAL_ALREADY
    highest = quota.attested + quota.attested * tolerance_bp // quotas.FULL_BP
    if item.amount and quota.collected + item.amount > highest:
        return Rejection.COLLECTED_TOO_MUCH
    return _rebased(quota, item.amount, settled=quota.settled or item.final)


def _may_end(ctx: Context, loan: Financing | None, quota: Quota) -> bool:
    """Tell whether the signing bank may say that a buyer has paid for good.

    Nothing more can be lent then, so where somebody lends only a bank may that has something on the declaration itself.
    """
    if not quota.used and not quotas.held(quota, ctx.time_ms):
        return True
    if loan is None or loan.bank != ctx.member.id:
        return False
    living = is_held(loan, ctx.time_ms)
    return any(part.quota == quota.id and (outstanding(part) or (living and part.held)) for part in loan.allocations)


def reverse_collection(ctx: Context, cmd: ReverseCollectionCommand) -> Refusal | None:
    """Take a wrongly keyed collection back 冲正: a second person of the bank that reported it."""
    key = collection_key(cmd.collection)
    collection = ctx.state.read(Collection, key)
    if collection is None:
        return Refusal(Rejection.COLLECTION_UNKNOWN, "collection")
    refusal = check_reversal(ctx, collection)
    if refusal is not None:
        return refusal
    for item in collection.items:
        quota = quota_of(ctx, item.quota)
        changed = _rebased(quota, -item.amount, settled=quota.settled and not item.final)
        ctx.state.write(quotas.key_of(item.quota), sound(changed))
    ctx.state.write(key, replace(collection, reversed_by=ctx.signer))
    return None


def check_reversal(ctx: Context, made: Entry | Collection) -> Refusal | None:
    """Check that an entry may be reversed by the signer: once, in time, by another key that the bank had before it.

    A key that came later does not count, or whoever made the entry would make itself its own second person.
    """
    if made.reversed_by is not None:
        return Refusal(Rejection.ENTRY_REVERSED_ALREADY)
    if made.by.partition("/")[0] != ctx.member.id:
        return Refusal(Rejection.REVERSAL_OTHER_BANK)
    if made.by == ctx.signer:
        return Refusal(Rejection.REVERSAL_SAME_KEY)
    if ctx.member.keys[ctx.key].added_ms >= made.time_ms:
        return Refusal(Rejection.REVERSAL_NEWER_KEY)
    if ctx.time_ms > made.time_ms + ctx.parameter(REVERSAL_MAX):
        return Refusal(Rejection.REVERSAL_TOO_LATE)
    return None


def _rebased(quota: Quota, amount: int, *, settled: bool) -> Quota | Rejection:
    return quotas.rebase(
        quota,
        attested=quota.attested,
        collected=quota.collected + amount,
        ratio_bp=quota.ratio_bp,
        settled=settled,
    )


COMMANDS: Final = (
    Command("financing.collect/1", CollectCommand, collect, BANK, starts=False),
    Command("financing.reverse-collection/1", ReverseCollectionCommand, reverse_collection, BANK, starts=False),
)
