"""The bank's servicing desk: what happens to a loan once it is paid out, and what buyers pay.

A receipt from the buyer 收汇 moves what may still be lent on a declaration; a repayment 还款 moves what is owed on the
loan. One event may be both, and is then reported as both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kouan.client.amounts import Amount
from kouan.client.bank import Bank, by_allocation
from kouan.client.book import BookedCollection, BookedLoan, BookError
from kouan.client.keymaterial import fresh
from kouan.client.loan_currency import repayable, sides_of
from kouan.client.payoff import make_pay_off
from kouan.client.session import Result
from kouan.client.splits import Split, in_order, in_proportion
from kouan.formats.money import money
from kouan.kernel.encoding import to_text
from kouan.kernel.records import Quota
from kouan.modules.financing.commands.collecting import CollectCommand, ReverseCollectionCommand
from kouan.modules.financing.commands.reversing import ReverseCommand
from kouan.modules.financing.commands.selling import AcceptCommand, CancelOfferCommand, OfferCommand
from kouan.modules.financing.commands.servicing import ProlongCommand, RepayCommand, ReviewCommand, WriteOffCommand
from kouan.modules.financing.queries import short_of
from kouan.modules.financing.records import Answer, Financing, Payer, Receipt, WriteOffReason
from kouan.modules.financing.rules import PayOffConsent, outstanding, unit_of


class Repaid(NamedTuple):
    """A repayment, as it was sent."""

    result: Result
    loan: Financing
    """As it stood before."""
    amounts: list[int]
    """For each allocation, in minor units of its unit."""
    interest: int


class Collected(NamedTuple):
    """What came in for one declaration."""

    quota: str
    amount: int
    """Minor units of the quota's unit, as the next three."""
    attested: int
    collected: int
    """In all, this receipt included."""
    short: int
    """What the buyer paid too little for good; 0 while more is expected."""


class Collection(NamedTuple):
    """A collection, as it was sent."""

    result: Result
    id: str
    items: list[Collected]


class ServicingDesk:
    """The desk of one bank."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def repay(
        self,
        name: str,
        payer: Payer,
        *,
        amount: Amount | None = None,
        parts: Mapping[str, int] | None = None,
        interest: Amount | None = None,
    ) -> Repaid:
        """Record that principal or interest was paid.

        An amount is filled in over the declarations in the order of the loan's allocations, the oldest first; ``parts``
        says it by quota. In the loan's currency it is converted with all that was repaid so far. ``bank`` as the payer
        is an advance 垫款. Raises BookError, ValueError.
        """
        loan = self._bank.loan(name)
        if loan.bank != self._bank.session.member:
            raise BookError(f"loan: {loan.id} was sold to {loan.bank}; what is paid on it is for that bank to record")
        if parts is not None:
            split = Split(by_allocation(loan, parts), None)
        elif amount is not None:
            rooms = repayable(sides_of(self._bank.session, self._bank.book, loan))
            split = in_order(amount, rooms, loan.currency, "what is outstanding")
        else:
            split = Split([0] * len(loan.allocations), None)
        if interest is not None and interest.currency != loan.currency:
            raise ValueError(f"interest: {money(*interest)} is not in the loan's currency; give it in {loan.currency}")
        paid = interest.minor if interest else 0
        command = RepayCommand(split.parts, loan.id, paid, payer)
        result = self._bank.send_payment("financing.repay/1", command, loan, split)
        return Repaid(result, loan, split.parts, paid)

    def collect(
        self,
        *,
        name: str | None = None,
        amount: Amount | None = None,
        parts: Mapping[str, int] | None = None,
        final: bool,
    ) -> Collection:
        """Record what a buyer has paid 收汇.

        For a loan, an amount is split over its declarations of that currency in proportion to what is attested of each;
        ``parts`` says it by quota, with a loan or without. ``final``: the buyer has paid for good, and what is short is
        not to be expected. Raises BookError, ValueError.
        """
        loan = None if name is None else self._bank.loan(name)
        if parts is None:
            if loan is None or amount is None:
                raise ValueError("amount: name a loan and the amount, or what came in for each declaration")
            parts = self._by_attested(loan, amount)
        quotas = self._bank.quotas(list(parts))
        items = [Receipt(part, final, quota) for quota, part in parts.items() if part or final]
        collection = to_text(fresh(self._bank.entropy, 16))
        self._book(collection, loan, quotas, parts)
        command = CollectCommand(collection, loan.id if loan else None, items)
        result = self._bank.send("financing.collect/1", command)
        if not result.accepted:
            self._bank.book.strike_collection(collection)
            return Collection(result, collection, [])
        now = self._bank.quotas(list(parts))
        return Collection(result, collection, [_collected(quota, parts[quota.id]) for quota in now])

    def prolong(self, name: str, maturity_ms: int) -> Result:
        """Let a loan fall due later 展期."""
        return self._bank.send("financing.prolong/1", ProlongCommand(self._bank.loan(name).id, maturity_ms))

    def write_off(self, name: str, reason: WriteOffReason) -> Result:
        """Flag a loan as written off 核销."""
        return self._bank.send("financing.write-off/1", WriteOffCommand(self._bank.loan(name).id, reason))

    def review(self, name: str, quota: str, answer: Answer) -> Result:
        """Record what the bank did about a declaration that was changed, as it stands now 改单处理."""
        loan = self._bank.loan(name)
        by_allocation(loan, {quota: 0})
        (current,) = self._bank.quotas([quota])
        return self._bank.send("financing.review/1", ReviewCommand(answer, loan.id, quota, current.revision))

    def reverse(self, name: str, entry: int) -> Result:
        """Take a wrongly keyed entry back 冲正, by another key than the one that made it."""
        return self._bank.send("financing.reverse/1", ReverseCommand(entry, self._bank.loan(name).id))

    def reverse_collection(self, collection: str) -> Result:
        """Take a wrongly keyed collection back 冲正, by another key than the one that made it."""
        return self._bank.send("financing.reverse-collection/1", ReverseCollectionCommand(collection))

    def offer(self, name: str, to: str, lapse_ms: int) -> Result:
        """Offer a loan for sale to one bank."""
        return self._bank.send("financing.offer/1", OfferCommand(self._bank.loan(name).id, lapse_ms, to))

    def cancel_offer(self, name: str) -> Result:
        """Take an offer back."""
        return self._bank.send("financing.cancel-offer/1", CancelOfferCommand(self._bank.loan(name).id))

    def accept(self, financing: str) -> Result:
        """Buy a loan that was offered, by its full id; it then stands in this bank's book, without a customer."""
        bank = self._bank
        is_known = any(loan.id == financing for loan in bank.book.loans())
        bank.book.add(BookedLoan(financing, "", bank.session.now_ms()))
        result = bank.send("financing.accept/1", AcceptCommand(financing))
        if not result.accepted and not is_known:
            bank.book.strike(financing)
        return result

    def pay_off_slip(
        self, name: str, *, to: str, successor: str, expires_ms: int, seed: bytes, interest: Amount | None = None
    ) -> bytes:
        """Return the slip with which another bank may pay a loan off by its own loan ``successor``; sends nothing.

        ``seed``: of the key that this desk's session signs with. Raises BookError, ValueError.
        """
        session, loan = self._bank.session, self._bank.loan(name)
        amounts = [outstanding(part) for part in loan.allocations]
        if loan.bank != session.member or not any(amounts):
            raise ValueError(f"loan: nothing is owed to {session.member} on {loan.id}")
        if interest is not None and interest.currency != loan.currency:
            raise ValueError(f"interest: {money(*interest)} is not in the loan's currency; give it in {loan.currency}")
        paid = interest.minor if interest else 0
        terms = PayOffConsent(session.alliance, amounts, to, expires_ms, loan.id, paid, successor)
        return make_pay_off(seed, session.key, terms)

    def _by_attested(self, loan: Financing, amount: Amount) -> dict[str, int]:
        quotas = [quota for quota in self._bank.quotas_of(loan) if quota.unit == amount.currency]
        if not quotas:
            units = ", ".join(sorted({unit_of(part.quota) for part in loan.allocations}))
            raise ValueError(f"amount: the loan's declarations are in {units}, not in {amount.currency}")
        shares = in_proportion(amount.minor, [quota.attested for quota in quotas])
        return {quota.id: share for quota, share in zip(quotas, shares, strict=True)}

    def _book(self, collection: str, loan: Financing | None, quotas: list[Quota], parts: Mapping[str, int]) -> None:
        text = ", ".join(money(parts[quota.id], quota.unit) for quota in quotas)
        now_ms = self._bank.session.now_ms()
        self._bank.book.add_collection(BookedCollection(collection, loan.id if loan else None, text, now_ms))


def _collected(quota: Quota, amount: int) -> Collected:
    return Collected(quota.id, amount, quota.attested, quota.collected, short_of(quota))
