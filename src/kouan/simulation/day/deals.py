"""Loans and what becomes of them: the stories that banks live through, each on three or four declarations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from kouan.client.founding_desk import CHECKER_KEY, SHANGHAI
from kouan.client.places import MAIN_KEY
from kouan.modules.cases.records import Purpose
from kouan.simulation.cast import CUSTOMS
from kouan.simulation.clock import DAY_MS
from kouan.simulation.day.script import (
    Act,
    Amend,
    AnyEvent,
    Apply,
    Collect,
    Part,
    PayOff,
    Review,
    Signed,
    Substitute,
    Terms,
)
from kouan.simulation.day.trade import Declared

BANKS: Final = tuple(founder.id for founder in SHANGHAI.members if "bank" in founder.roles)
MINUTE_MS: Final = 60_000
TICK_MS: Final = 10 * MINUTE_MS
HOLD_DAYS: Final = 3
TERM_DAYS: Final = 90
_PRODUCTS: Final = ("export-bill", "invoice", "factoring", "insured", "packing-loan", "order")
_CNY_RATES: Final = {"USD": 712_340_000, "EUR": 823_450_000, "GBP": 945_600_000, "JPY": 471_000_000}
"""Cents of yuan per 10^8 minor units; a yen is its own minor unit."""


def main_key(member: str) -> str:
    """Return the signer that a member's makers use."""
    return f"{member}/{MAIN_KEY}"


class Recorded(NamedTuple):
    """A paper on the ledger."""

    number: str
    """What the script calls it."""
    unit: str
    attested: int
    limit: int
    stage: str = "closed"
    """Nothing changes it before it is lent on."""


class Deal:
    """One loan and its documents; the story's events come into ``events``."""

    def __init__(self, random: Random, name: str, on: Sequence[Declared | Recorded], start_ms: int) -> None:
        self.random = random
        self.name = name
        self.on = list(on)
        self.bank = random.choice(BANKS)
        self.purpose: Purpose = "seller"
        self.share = random.choice((100, 100, 95, 90, 70, 60))
        self.amounts = [max(1, one.limit * self.share // 100) for one in on]
        self.day_ms = start_ms
        self.events: list[AnyEvent] = []
        self.paid_ms = 0
        """When the buyer had paid for good; 0 where the story does not come to that."""

    def at(self, day: int, tick: int | None = None) -> int:
        """Return a time of the day so many days after the application."""
        chosen = self.random.randrange(6, 60) if tick is None else tick
        return self.day_ms + day * DAY_MS + chosen * TICK_MS

    def other_bank(self) -> str:
        """Return another bank than the lender."""
        return self.random.choice([bank for bank in BANKS if bank != self.bank])

    def parts(self, amounts: Sequence[int] | None = None) -> list[Part]:
        """Return amounts on the loan's documents."""
        chosen = self.amounts if amounts is None else amounts
        return [Part(one.number, one.unit, amount) for one, amount in zip(self.on, chosen, strict=True)]

    def terms(self, parts: Sequence[Part], at_ms: int) -> Terms:
        """Return the terms of a loan of these parts: in their currency, or now and then in yuan."""
        unit = parts[0].unit
        in_yuan = self.random.randrange(8) == 0
        rates = {unit: _CNY_RATES[unit]} if in_yuan else {}
        amount = sum(part.amount * rates[unit] // 10**8 if in_yuan else part.amount for part in parts)
        return Terms(
            amount=max(1, amount),
            currency="CNY" if in_yuan else unit,
            maturity_ms=at_ms + TERM_DAYS * DAY_MS,
            product=self.random.choice(_PRODUCTS),
            rates=rates,
        )

    def application(self, at_ms: int, name: str = "", bank: str = "", parts: Sequence[Part] = (), **more: Any) -> Apply:
        """Return an application for the loan, or for another one."""
        asked = list(parts) or self.parts()
        given: dict[str, Any] = {
            "signed": Signed(expires_ms=at_ms + 5 * DAY_MS),
            "lapse_ms": at_ms + HOLD_DAYS * DAY_MS,
        } | more
        terms = self.terms(asked, at_ms)
        return Apply(
            at_ms=at_ms,
            by=main_key(bank or self.bank),
            loan=name or self.name,
            parts=asked,
            purpose=self.purpose,
            terms=terms,
            **given,
        )

    def act(self, day: int, do: str, tick: int | None = None, by: str = "", **fields: Any) -> None:
        """Add something that the bank does about the loan."""
        signer = by or main_key(self.bank)
        self.events.append(Act(at_ms=self.at(day, tick), by=signer, loan=self.name, do=do, fields=fields))

    def pay_out(self, *shares: int) -> None:
        """Pay out the loan on the days that follow, in so many parts (percent; the last takes the rest)."""
        left = list(self.amounts)
        for number, share in enumerate(shares or (100,)):
            last = number == len(shares or (100,)) - 1
            now = left if last else [max(1, amount * share // 100) for amount in self.amounts]
            left = [amount - paid for amount, paid in zip(left, now, strict=True)]
            self.act(1, "disburse", 10 + 5 * number, amounts=now, registration="registered")

    def collect(self, day: int, paid_percent: int, *, final: bool, bank: str = "") -> None:
        """Let the buyer pay a part of each document; with 0 percent nothing comes, and the lender says so."""
        at_ms = self.at(day, 20)
        least = 1 if paid_percent else 0
        amounts = [max(least, one.attested * paid_percent // 100) for one in self.on]
        items = [Part(one.number, one.unit, amount, final=final) for one, amount in zip(self.on, amounts, strict=True)]
        name = f"{self.name}-{len(self.events)}"
        signer = main_key(bank or self.bank)
        self.events.append(Collect(at_ms=at_ms, by=signer, collection=name, loan=self.name, items=items))
        if final:
            self.paid_ms = at_ms

    def repay(self, day: int, amounts: Sequence[int], interest: int = 0, payer: str = "buyer") -> None:
        """Record that the loan, or a part of it, was repaid."""
        self.act(day, "repay", amounts=list(amounts), interest=interest, payer=payer)

    def repay_all(self, day: int, payer: str = "buyer") -> None:
        """Repay all principal with a month's interest or so."""
        self.repay(day, self.amounts, max(1, sum(self.amounts) // 200), payer)


def paid(deal: Deal) -> None:
    """Let the buyer pay in full, or short by charges, and the loan be repaid from it.

    Any bank may report what comes in; that it is for good only the lender may say.
    """
    deal.pay_out()
    percent, bank = deal.random.choice((100, 100, 100, 99, 97)), deal.random.choice(BANKS)
    deal.collect(40, percent, final=bank == deal.bank, bank=bank)
    if bank != deal.bank:
        deal.collect(41, 0, final=True)
    deal.repay_all(42)


def drawn_in_parts(deal: Deal) -> None:
    """Pay out twice, collect twice, repay twice."""
    deal.pay_out(40, 60)
    deal.collect(30, 45, final=False)
    first = [amount * 2 // 5 for amount in deal.amounts]
    deal.repay(31, first, 100)
    deal.collect(50, 50, final=True)
    deal.repay(51, [amount - part for amount, part in zip(deal.amounts, first, strict=True)], 90)


def lapsed(deal: Deal) -> None:
    """Let nobody come for the money; another bank lends after the hold has lapsed."""
    bank, at_ms = deal.other_bank(), deal.at(HOLD_DAYS + 2)
    name = f"{deal.name}b"
    deal.events.append(deal.application(at_ms, name, bank, lookalike="after-a-lapse"))


def released(deal: Deal) -> None:
    """Withdraw the application, and make it at another bank."""
    deal.act(1, "release", reason="withdrawn")
    deal.events.append(deal.application(deal.at(2), f"{deal.name}b", deal.other_bank(), lookalike="after-a-release"))


def extended(deal: Deal) -> None:
    """Extend the hold once, pay the loan out, and let the seller repay it."""
    deal.act(1, "extend", lapse_ms=deal.events[0].at_ms + 6 * DAY_MS)
    deal.act(4, "disburse", amounts=list(deal.amounts), registration="registered")
    deal.repay_all(60, "seller")
    again = deal.application(deal.at(62), f"{deal.name}b", deal.other_bank(), lookalike="after-repayment")
    deal.events.append(again)


def prolonged(deal: Deal) -> None:
    """Let the buyer be late: the loan is prolonged, the bank advances, the insurer pays."""
    deal.pay_out()
    deal.act(85, "prolong", maturity_ms=deal.events[0].at_ms + 150 * DAY_MS)
    deal.repay(120, deal.amounts, 0, "bank")
    deal.repay_all(130, "insurer")


def refinanced(deal: Deal) -> None:
    """Pay the loan off by an export bill of another bank: lawful, though it is the same goods again."""
    deal.pay_out()
    bank, at_ms, name = deal.other_bank(), deal.at(20), f"{deal.name}b"
    pay_off = PayOff(loan=deal.name, amounts=list(deal.amounts), interest=77, consent_by=main_key(deal.bank))
    deal.events.append(deal.application(at_ms, name, bank, lapse_ms=0, pays_off=pay_off, lookalike="refinancing"))
    deal.bank, deal.name = bank, name
    deal.collect(50, 100, final=True)
    deal.repay_all(51)


def sold(deal: Deal) -> None:
    """Sell the loan; the proceeds go to the buyer of it."""
    deal.pay_out()
    buyer = deal.other_bank()
    deal.act(10, "offer", 10, lapse_ms=deal.at(13), to=buyer)
    deal.act(10, "accept", 30, by=main_key(buyer))
    deal.bank = buyer
    deal.collect(55, 100, final=True)
    deal.repay_all(56)


def amended(deal: Deal) -> None:
    """Ship less than was declared: the loan comes under review, and a part is repaid."""
    deal.pay_out()
    one = deal.on[0]
    attested = max(1, one.attested * deal.random.choice((40, 60, 80)) // 100)
    event = Amend(
        at_ms=deal.at(6, 10),
        by=main_key(CUSTOMS),
        number=one.number,
        unit=one.unit,
        attested=attested,
        reason=deal.random.choice(("short-shipment", "goods-returned")),
    )
    deal.events.append(event)
    deal.events.append(
        Review(
            at_ms=deal.at(7, 10),
            by=main_key(deal.bank),
            loan=deal.name,
            number=one.number,
            unit=one.unit,
            revision=1 if one.stage == "closed" else 2,  # closing it later was a change too
        )
    )
    back = [deal.amounts[0] // 3] + [0] * (len(deal.amounts) - 1)
    deal.repay(8, back, 1, "seller")
    deal.repay(60, [amount - part for amount, part in zip(deal.amounts, back, strict=True)], 50)


def defaulted(deal: Deal) -> None:
    """Let nobody pay: the loan is written off, and a little comes in later."""
    deal.pay_out()
    deal.act(140, "write-off", reason="buyer-insolvent")
    deal.repay(170, [amount // 10 for amount in deal.amounts], 1, "guarantor")


def corrected(deal: Deal) -> None:
    """Key a repayment for the wrong loan, and let a colleague reverse it."""
    deal.pay_out()
    deal.repay(9, deal.amounts, 5)
    deal.act(10, "reverse", by=f"{deal.bank}/{CHECKER_KEY}", entry=2)
    deal.collect(45, 100, final=True)
    deal.repay_all(46)


def shared(deal: Deal) -> None:
    """Let two banks lend on one declaration, each within what is free."""
    deal.pay_out()
    rest = [one.limit - amount for one, amount in zip(deal.on, deal.amounts, strict=True)]
    if all(rest):
        name, bank = f"{deal.name}b", deal.other_bank()
        deal.events.append(deal.application(deal.at(3), name, bank, deal.parts(rest), lookalike="shared"))
    deal.collect(60, 98, final=True)
    deal.repay_all(61)


def substituted(deal: Deal, spare: Declared) -> None:
    """Put another declaration in the place of one that the bank no longer wants."""
    deal.pay_out()
    at_ms, amount = deal.at(12), min(deal.amounts[0], spare.limit)
    deal.events.append(
        Substitute(
            at_ms=at_ms,
            by=main_key(deal.bank),
            loan=deal.name,
            replaced=Part(deal.on[0].number, deal.on[0].unit, amount),
            by_part=Part(spare.number, spare.unit, amount),
            signed=Signed(expires_ms=at_ms + DAY_MS),
        )
    )


STORIES: Final[tuple[tuple[Callable[[Deal], None], int], ...]] = (
    (paid, 40),
    (drawn_in_parts, 8),
    (lapsed, 6),
    (released, 6),
    (extended, 5),
    (prolonged, 5),
    (refinanced, 9),
    (sold, 6),
    (amended, 7),
    (defaulted, 4),
    (corrected, 5),
    (shared, 8),
)
PAYING_OUT: Final = frozenset({paid, drawn_in_parts, refinanced, sold, defaulted, corrected, shared})
"""Stories in which the loan is out for some days from the second on, on declarations that stay as they are."""
