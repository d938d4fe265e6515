"""Sale of a loan to another bank 贸易融资资产转让, 二级福费廷: offer, cancel-offer, accept.

Both banks sign, one after the other, each the envelope of its own command.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes16, Code, Moment
from kouan.kernel.records import Member, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.financing.commands.lending import must_change_quotas, own_loan, with_entry, write_loan
from kouan.modules.financing.records import Financing, Offer
from kouan.modules.financing.rules import BANK, financing_key, is_held, is_outstanding, outstanding


class OfferCommand(Record, frozen=True):
    """Offer a loan for sale to one bank; a new offer takes the place of the last."""

    financing: Bytes16
    lapse_ms: Moment
    to: Code


class CancelOfferCommand(Record, frozen=True):
    """Take an offer back."""

    financing: Bytes16


class AcceptCommand(Record, frozen=True):
    """Buy a loan as it was offered."""

    financing: Bytes16


def offer(ctx: Context, cmd: OfferCommand) -> Refusal | None:
    """Offer a loan for sale."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    if not is_outstanding(loan):
        return Refusal(Rejection.NOTHING_OUTSTANDING, "financing")
    buyer = ctx.state.read(Member, f"member/{cmd.to}")
    if buyer is None or buyer.id == ctx.member.id or BANK.isdisjoint(buyer.roles):
        return Refusal(Rejection.OFFER_BAD_BUYER, "to")
    if cmd.lapse_ms <= ctx.time_ms:
        return Refusal(Rejection.OFFER_LAPSED, "lapse_ms")
    ctx.state.write(financing_key(loan.id), replace(loan, offer=Offer(cmd.lapse_ms, cmd.to)))
    return None


def cancel_offer(ctx: Context, cmd: CancelOfferCommand) -> Refusal | None:
    """Take an offer back."""
    loan = own_loan(ctx, cmd.financing)
    if isinstance(loan, Refusal):
        return loan
    if loan.offer is None:
        return Refusal(Rejection.OFFER_UNKNOWN, "financing")
    write_loan(ctx, loan)
    return None


def accept(ctx: Context, cmd: AcceptCommand) -> Refusal | None:
    """Buy a loan: from now on it is the buyer's, with what is still held for it."""
    loan = ctx.state.read(Financing, financing_key(cmd.financing))
    if loan is None:
        return Refusal(Rejection.FINANCING_UNKNOWN, "financing")
    if loan.offer is None or loan.offer.to != ctx.member.id:
        return Refusal(Rejection.OFFER_UNKNOWN, "financing")
    if loan.offer.lapse_ms <= ctx.time_ms:
        return Refusal(Rejection.OFFER_LAPSED, "financing")
    if is_held(loan, ctx.time_ms):
        parts, buyer = [allocation.held for allocation in loan.allocations], ctx.member.id
        must_change_quotas(ctx, loan, parts, lambda quota, _: quotas.pass_on(quota, loan.id, buyer, ctx.time_ms))
    amounts = [outstanding(allocation) for allocation in loan.allocations]
    write_loan(ctx, with_entry(ctx, replace(loan, bank=ctx.member.id), "sale", amounts, note=loan.bank))
    return None


COMMANDS: Final = (
    Command("financing.offer/1", OfferCommand, offer, BANK, starts=False),
    Command("financing.cancel-offer/1", CancelOfferCommand, cancel_offer, BANK, starts=False),
    Command("financing.accept/1", AcceptCommand, accept, BANK, starts=True),
)
