"""May a loan stand on a document, considering its whole trade? What the module answers to those that lend.

A document that belongs to no case, or is alone in its case, answers to its own quota only.
"""

from __future__ import annotations

from msgspec.structs import replace

from kouan.kernel.records import Quota
from kouan.kernel.registry import Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.cases import rules
from kouan.modules.cases.joining import case_of, documents_of
from kouan.modules.cases.records import Case


def place(ctx: Context, quota: Quota, financing: str) -> Refusal | None:
    """Weigh a loan that has just been put on a document, and note it in the case's chain."""
    case = case_of(ctx.state, quota)
    if case is None:
        return None
    refusal = _weigh(ctx, case, quota, financing, is_paid_out=False)
    if refusal is None:
        chain = rules.chained(case.chain, financing)
        _write(ctx, replace(case, allocations=case.allocations + 1, chain=chain), quota)
    return refusal


def pay_out(ctx: Context, quota: Quota, financing: str) -> Refusal | None:
    """Weigh again what a loan has just drawn out of its hold."""
    case = case_of(ctx.state, quota)
    if case is None or len(case.documents) == 1:
        return None
    refusal = _weigh(ctx, case, quota, financing, is_paid_out=True)
    if refusal is None:
        _write(ctx, case, quota)
    return refusal


def note(ctx: Context, quota: Quota) -> None:
    """Let people look again where money is out that was never weighed."""
    case = case_of(ctx.state, quota)
    if case is not None and len(case.documents) > 1:
        _write(ctx, case, quota)


def _weigh(ctx: Context, case: Case, quota: Quota, financing: str, *, is_paid_out: bool) -> Refusal | None:
    if len(case.documents) == 1:
        return None
    documents = documents_of(ctx.state, case)
    for together in rules.weighed_with(documents, quota):
        total = rules.total(together, quota, ctx.time_ms, financing, is_paid_out=is_paid_out)
        if total > rules.cap(together, quota):
            return Refusal(Rejection.CASE_EXCEEDED, quota.id)
    to_be_seen = any(rules.out_on(other) and rules.is_to_be_seen(other, quota) for other in documents)
    if to_be_seen and not case.is_seen_by(ctx.member.id):
        return Refusal(Rejection.CASE_TO_REVIEW, quota.id)
    return None


def _write(ctx: Context, case: Case, quota: Quota) -> None:
    """Write a case after the signing bank has drawn on a document: what it does itself, its review has seen.

    A draw on an unsigned document makes nobody look again: else a stranger could make every review stale.
    """
    if rules.is_unsigned(quota):
        ctx.state.write(rules.case_key(case.id), case)
        return
    revision, reviews = case.revision + 1, case.reviews
    own = ctx.member.id
    if case.is_seen_by(own):
        reviews = {**reviews, own: replace(reviews[own], revision=revision)}
    ctx.state.write(rules.case_key(case.id), replace(case, reviews=reviews, revision=revision))
