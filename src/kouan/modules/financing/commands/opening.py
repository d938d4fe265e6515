"""Opening a loan: what a hold, a refinancing and bringing in have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from msgspec import Meta

from kouan.kernel.encoding import Bytes16, Bytes64, Moment, Positive, Unit, from_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Claim, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.modules.financing.records import MAX_ALLOCATIONS, Allocation, Financing, Product, Purpose, QuotaId, Rates
from kouan.modules.financing.rules import DRAW_TAG, draw_message, financing_key, is_for, unit_of, worth
from kouan.modules.financing.trade import Cases


class Draw(Record, frozen=True):
    """A part of a loan to be put on one declaration."""

    amount: Positive
    """Minor units of the quota's unit."""
    expires_ms: Moment
    """The owner's signature is refused in a block of this time or later."""
    quota: QuotaId
    signature: Bytes64
    """By the quota's draw key over a ``DrawConsent``."""


Draws = Annotated[list[Draw], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]


class NewLoan(Record, frozen=True):
    """What every command says that opens a loan."""

    amount: Positive
    """What is lent, in minor units of ``currency``: the sum of the allocations at their rates."""
    currency: Unit
    financing: Bytes16
    """Random, never used before."""
    maturity_ms: Moment
    product: Product
    purpose: Purpose
    rates: Rates


class Terms(NewLoan, frozen=True):
    """What a loan is to be that its owners sign for."""

    allocations: Draws


def draw_claim(
    state: State, alliance: str, member: str, financing: str, draw: Draw, amount: int, purpose: Purpose
) -> Iterable[Claim]:
    """Name an owner's signature over ``amount``, where the quota is known."""
    quota = state.read(Quota, key_of(draw.quota))
    if quota is not None:
        message = draw_message(alliance, member, financing, draw.quota, amount, draw.expires_ms, purpose)
        yield Claim(from_text(quota.draw_key), DRAW_TAG, message, from_text(draw.signature))


def draw_claims(state: State, alliance: str, member: str, terms: Terms) -> Iterable[Claim]:
    """Name the owners' signatures that the allocations of a new loan carry."""
    for draw in terms.allocations:
        yield from draw_claim(state, alliance, member, terms.financing, draw, draw.amount, terms.purpose)


def signed_quota(ctx: Context, financing: str, draw: Draw, amount: int, purpose: Purpose) -> Quota | Refusal:
    """Return the quota of a draw once its owner's signature over ``amount`` is checked."""
    quota = ctx.state.read(Quota, key_of(draw.quota))
    if quota is None:
        return Refusal(Rejection.QUOTA_UNKNOWN, draw.quota)
    if not is_for(quota, purpose):
        return Refusal(Rejection.QUOTA_WRONG_KIND, draw.quota)
    if draw.expires_ms <= ctx.time_ms:
        return Refusal(Rejection.DRAW_EXPIRED, draw.quota)
    message = draw_message(ctx.alliance, ctx.member.id, financing, draw.quota, amount, draw.expires_ms, purpose)
    if not ctx.is_signed(quota.draw_key, DRAW_TAG, message, draw.signature):
        return Refusal(Rejection.DRAW_BAD_SIGNATURE, draw.quota)
    return quota


def check_terms(ctx: Context, terms: Terms) -> Refusal | None:
    """Check what can be told without looking at a quota."""
    if ctx.state.read(Financing, financing_key(terms.financing)) is not None:
        return Refusal(Rejection.FINANCING_EXISTS, "financing")
    if terms.maturity_ms <= ctx.time_ms:
        return Refusal(Rejection.MATURITY_PAST, "maturity_ms")
    return None


def allocate(
    cases: Cases, ctx: Context, terms: Terms, take: Callable[[Quota, Draw], Quota | Rejection]
) -> list[Allocation] | Refusal:
    """Take every part of a new loan from its quota, and check that together they are worth the loan's amount."""
    allocations: list[Allocation] = []
    seen: set[str] = set()
    for draw in terms.allocations:
        if draw.quota in seen:
            return Refusal(Rejection.ALLOCATION_TWICE, draw.quota)
        seen.add(draw.quota)
        quota = _take(cases, ctx, terms, draw, take)
        if isinstance(quota, Refusal):
            return quota
        allocations.append(Allocation(draw.amount, None, 0, draw.amount, draw.quota, 0, quota.revision))
    return check_sum(terms, allocations) or allocations


def _take(
    cases: Cases, ctx: Context, terms: Terms, draw: Draw, take: Callable[[Quota, Draw], Quota | Rejection]
) -> Quota | Refusal:
    quota = signed_quota(ctx, terms.financing, draw, draw.amount, terms.purpose)
    if isinstance(quota, Refusal):
        return quota
    taken = take(quota, draw)
    if isinstance(taken, Rejection):
        return Refusal(taken, draw.quota)
    ctx.state.write(key_of(draw.quota), taken)
    return cases.place(ctx, taken, terms.financing) or taken


def check_sum(loan: NewLoan, allocations: list[Allocation]) -> Refusal | None:
    """Check that each other unit has a rate and nothing else has, and that the parts are worth the loan's amount."""
    units = {unit_of(part.quota) for part in allocations}
    if loan.rates.keys() != units - {loan.currency}:
        return Refusal(Rejection.RATES_MISFIT, "rates")
    if sum(worth(part.amount, unit_of(part.quota), loan.currency, loan.rates) for part in allocations) != loan.amount:
        return Refusal(Rejection.AMOUNT_NOT_SUM, "amount")
    return None


def opened(
    ctx: Context, loan: NewLoan, allocations: list[Allocation], *, opened_ms: int, lapse_ms: int = 0
) -> Financing:
    """Return the record of a new loan, before anything of it was paid out; 0: nothing is held."""
    return Financing(
        advances=0,
        allocations=allocations,
        amount=loan.amount,
        bank=ctx.member.id,
        currency=loan.currency,
        entries=0,
        id=loan.financing,
        interest=0,
        lapse_ms=lapse_ms,
        maturity_ms=loan.maturity_ms,
        offer=None,
        opened_ms=opened_ms,
        predecessor=None,
        product=loan.product,
        purpose=loan.purpose,
        rates=loan.rates,
        reason=None,
        registration=None,
        state="held",  # `write_loan` tells what it is once a part was paid out
        successor=None,
        written_off=None,
    )
