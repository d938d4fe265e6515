"""A new loan that pays off an old one in the same step: refinance."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes16, Bytes32, Bytes64, Code, Count, Moment, encode, from_text
from kouan.kernel.records import Member, Record
from kouan.kernel.registry import Claim, Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.kernel.suites import SUITE
from kouan.modules.financing.commands.lending import (
    give_back_holds,
    pay_back,
    with_entry,
    with_interest,
    write_loan,
)
from kouan.modules.financing.commands.opening import Terms, allocate, check_terms, draw_claims, opened
from kouan.modules.financing.records import Amounts, Financing
from kouan.modules.financing.rules import (
    BANK,
    CONSENT_TAG,
    REGISTRATION_REQUIRED,
    PayOffConsent,
    financing_key,
    outstanding,
)
from kouan.modules.financing.trade import Cases


class Consent(Record, frozen=True):
    """The old lender's signature over a ``PayOffConsent``."""

    expires_ms: Moment
    key: Code
    """The name of one of the old lender's keys."""
    signature: Bytes64


class RefinanceCommand(Terms, frozen=True):
    """Open a loan, pay it out at once and pay an old one off with it: all or nothing."""

    consent: Consent | None
    """Needed when the old loan is another bank's."""
    interest: Count
    """Paid with the pay-off, in minor units of the old loan's currency."""
    payoff: Amounts
    """For each allocation of the old loan what is outstanding on it."""
    predecessor: Bytes16
    """The old loan."""
    registration: Bytes32 | None


def refinance(cases: Cases, ctx: Context, cmd: RefinanceCommand) -> Refusal | None:
    """Pay an old loan off by a new one, at the same bank or another 融资置换."""
    refusal = check_terms(ctx, cmd)
    if refusal is not None:
        return refusal
    old = ctx.state.read(Financing, financing_key(cmd.predecessor))
    if old is None:
        return Refusal(Rejection.FINANCING_UNKNOWN, "predecessor")
    refusal = _check_pay_off(ctx, cmd, old)
    if refusal is not None:
        return refusal
    paid = with_interest(old, cmd.interest)
    if isinstance(paid, Refusal):
        return paid
    _pay_off(ctx, cmd, paid)
    # The room that the pay-off has freed is there for the new draw.
    allocations = allocate(cases, ctx, cmd, lambda quota, draw: quotas.draw(quota, draw.amount, ctx.time_ms))
    if isinstance(allocations, Refusal):
        return allocations
    drawn = [replace(allocation, drawn=allocation.amount, held=0) for allocation in allocations]
    new = opened(ctx, cmd, drawn, opened_ms=ctx.time_ms)
    new = replace(new, predecessor=old.id, registration=cmd.registration)
    write_loan(ctx, with_entry(ctx, new, "refinancing", [draw.amount for draw in cmd.allocations], note=old.id))
    return None


def _check_pay_off(ctx: Context, cmd: RefinanceCommand, old: Financing) -> Refusal | None:
    owed = [outstanding(allocation) for allocation in old.allocations]
    if not any(owed):
        return Refusal(Rejection.NOTHING_OUTSTANDING, "predecessor")
    if cmd.payoff != owed:
        return Refusal(Rejection.PAYOFF_MISFIT, "payoff")
    refusal = None if old.bank == ctx.member.id else _check_consent(ctx, cmd, old)
    if refusal is not None:
        return refusal
    if cmd.registration is None and ctx.parameter(REGISTRATION_REQUIRED):
        return Refusal(Rejection.REGISTRATION_MISSING, "registration")
    return None


def _check_consent(ctx: Context, cmd: RefinanceCommand, old: Financing) -> Refusal | None:
    consent = cmd.consent
    if consent is None:
        return Refusal(Rejection.CONSENT_MISSING, "consent")
    if consent.expires_ms <= ctx.time_ms:
        return Refusal(Rejection.CONSENT_EXPIRED, "consent")
    lender = ctx.state.read(Member, f"member/{old.bank}")
    key = lender.keys.get(consent.key) if lender else None
    message = _consent_message(ctx.alliance, ctx.member.id, cmd, consent.expires_ms)
    if (
        key is None
        or key.revoked_ms
        or key.suite != SUITE
        or not ctx.is_signed(key.public, CONSENT_TAG, message, consent.signature)
    ):
        return Refusal(Rejection.CONSENT_BAD_SIGNATURE, "consent")
    return None


def _consent_message(alliance: str, drawer: str, cmd: RefinanceCommand, expires_ms: int) -> bytes:
    return encode(PayOffConsent(alliance, cmd.payoff, drawer, expires_ms, cmd.predecessor, cmd.interest, cmd.financing))


def _pay_off(ctx: Context, cmd: RefinanceCommand, old: Financing) -> None:
    released = replace(old, allocations=give_back_holds(ctx, old))
    settled = replace(released, allocations=pay_back(ctx, released, cmd.payoff), successor=cmd.financing)
    write_loan(ctx, with_entry(ctx, settled, "pay-off", cmd.payoff, cmd.interest, cmd.financing))


def _claims(state: State, alliance: str, member: str, cmd: RefinanceCommand) -> Iterable[Claim]:
    yield from draw_claims(state, alliance, member, cmd)
    old = state.read(Financing, financing_key(cmd.predecessor))
    lender = state.read(Member, f"member/{old.bank}") if old else None
    if lender and cmd.consent and cmd.consent.key in lender.keys:
        key, consent = lender.keys[cmd.consent.key], cmd.consent
        message = _consent_message(alliance, member, cmd, consent.expires_ms)
        yield Claim(from_text(key.public), CONSENT_TAG, message, from_text(consent.signature))


def commands_for(cases: Cases) -> tuple[Command, ...]:
    """Return the command, for an alliance that knows trades in this way."""
    handle = partial(refinance, cases)
    return (Command("financing.refinance/1", RefinanceCommand, handle, BANK, starts=True, claims=_claims),)
