"""One trade and its papers: goods sold in one or more shipments, and what banks are shown of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from kouan.client.workdays import SHANGHAI
from kouan.formats.trade_papers import Contract, Order
from kouan.modules.cases.records import Grounds, Purpose
from kouan.simulation.cast import CUSTOMS
from kouan.simulation.clock import DAY_MS
from kouan.simulation.day.deals import BANKS, TICK_MS, Deal, Recorded, main_key
from kouan.simulation.day.papers import Shelf, bill_of, invoice_of, sale_of
from kouan.simulation.day.script import AnyEvent, Attest, Link, Look, Named, Record
from kouan.simulation.day.trade import Declared, restated

SELF_BP: Final = 7000
CONFIRMED_BP: Final = 8000
Labels = dict[str, str]
"""Of an event: ``attempt``, and ``fraud`` or ``lookalike``."""


class Trade:
    """What is told of one trade: events, papers on the shelf, declarations as they are made."""

    def __init__(self, random: Random, name: str, on: Sequence[Declared], start_ms: int, shelf: Shelf) -> None:
        self.random = random
        self.name = name
        self.on = list(on)
        self.banks = random.sample(BANKS, 3)
        """The first lender, and two others."""
        self.declared: list[Declared] = []
        """What customs is shown, in the order of time."""
        self.events: list[AnyEvent] = []
        self._start_ms = start_ms
        self._shelf = shelf

    def at(self, day: int, tick: int) -> int:
        """Return a time: days after the trade begins, and ticks of ten minutes after eight in the morning."""
        return self._start_ms + day * DAY_MS + tick * TICK_MS

    def date(self, day: int) -> dt.date:
        """Return the date of a day."""
        return dt.datetime.fromtimestamp(self.at(day, 0) / 1000, SHANGHAI).date()

    def restate(self, place: int, **fields: Any) -> None:
        """Change what will be declared of a shipment."""
        self.on[place] = restated(self.on[place], "closed", **fields)

    def under_one_contract(self) -> None:
        """Let all shipments be made under the contract of the first."""
        for place in range(len(self.on)):
            self.restate(place, contract_no=self.on[0].declaration.contract_no)

    def ship(self, place: int, day: int = 0) -> Declared:
        """Declare a shipment, which customs attests on that morning."""
        date, old = self.date(day), self.on[place].declaration
        number = f"{old.entry_id[:4]}{date.year}{old.entry_id[8:]}"
        self.restate(place, entry_id=number, ie_date=date, seq_no=f"{old.ie_flag}{date.year}{(old.seq_no or '')[5:]}")
        one = self.on[place]
        self.declared.append(one)
        self.events.append(Attest(at_ms=self.at(day, 1), by=main_key(CUSTOMS), number=one.number, stage="closed"))
        self.invoice(one, f"{one.number}-invoice")
        self.bill(one)
        return one

    def bill(self, one: Declared, **other: Any) -> None:
        """Put the forwarder's bill of a shipment on the shelf, but for ``other`` fields."""
        self._shelf[f"{one.number}-bill"] = bill_of(one, **other)

    def invoice(self, one: Declared, paper: str, **other: Any) -> str:
        """Put the invoice of a shipment on the shelf, but for ``other`` fields; return the name of its file."""
        self._shelf[paper] = invoice_of(one, **other)
        return paper

    def order(self, day: int = -20, of: Sequence[Declared] = ()) -> str:
        """Put the buyer's order of some shipments, else of all, on the shelf; return the name of its file."""
        paper = f"{self.name}-order" + "".join(f"-{one.number}" for one in of)
        self._shelf[paper] = sale_of(Order, self.order_number, of or self.on, self.date(day))
        return paper

    @property
    def order_number(self) -> str:
        """Return the buyer's number of the order."""
        return f"PO-{self.name}-{self.on[0].number[-5:]}"

    def contract(self) -> str:
        """Put the seller's contract of all shipments on the shelf; return the name of its file."""
        paper = f"{self.name}-contract"
        number = self.on[0].declaration.contract_no or ""
        self._shelf[paper] = sale_of(Contract, number, self.on, self.date(-20))
        return paper

    def link(self, at_ms: int, bank: str, one: Declared, labels: Labels | None = None) -> None:
        """Let a bank show a declaration to the evaluator."""
        event = Link(at_ms=at_ms, by=main_key(bank), number=one.number, unit=one.unit, **labels or {})
        self.events.append(event)

    def record(
        self,
        at_ms: int,
        bank: str,
        paper: str,
        of: Sequence[Declared],
        consents: Sequence[Declared | Recorded] = (),
        *,
        name: str = "",
        purpose: Purpose = "seller",
        labels: Labels | None = None,
    ) -> Recorded:
        """Let a bank put a paper about some shipments on the ledger."""
        on_paper = self._shelf[paper]
        worth = getattr(on_paper, "total_minor", sum(one.attested for one in of))
        recorded = Recorded(name or paper, of[0].unit, worth, worth * SELF_BP // 10_000)
        event = Record(
            at_ms=at_ms,
            by=main_key(bank),
            document=recorded.number,
            paper=paper,
            amount=worth,
            unit=recorded.unit,
            purpose=purpose,
            consents=[Named(one.number, one.unit) for one in consents],
            **labels or {},
        )
        self.events.append(event)
        return recorded

    def deal(self, suffix: str, on: Sequence[Declared | Recorded], day: int, bank: str) -> Deal:
        """Return a loan of a bank that begins on a day; what becomes of it is told among the trade's events."""
        deal = Deal(self.random, f"{self.name}{suffix}", on, self.at(day, 0))
        deal.bank, deal.events = bank, self.events
        return deal

    def apply(self, deal: Deal, tick: int, labels: Labels | None = None, **more: Any) -> None:
        """Let the bank hold for a loan on the day that it begins."""
        self.events.append(deal.application(deal.at(0, tick), **{**(labels or {}), **more}))

    def look(self, at_ms: int, bank: str, at: Declared | Recorded, reason: Grounds, labels: Labels) -> None:
        """Let a bank look at the trade of a paper, and go on for a reason."""
        event = Look(at_ms=at_ms, by=main_key(bank), document=at.number, reason=reason, **labels)
        self.events.append(event)

    def label(self, labels: Labels) -> None:
        """Label the last event."""
        self.events[-1] = replace(self.events[-1], **labels)
