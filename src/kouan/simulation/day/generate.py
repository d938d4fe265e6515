"""``kouan simulate --out``: the messages, the papers and the script of a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from kouan.simulation.cast import CUSTOMS
from kouan.simulation.clock import DAY_MS, StoryClock
from kouan.simulation.day.deals import PAYING_OUT, STORIES, TICK_MS, Deal, main_key, substituted
from kouan.simulation.day.frauds import KINDS, Chance
from kouan.simulation.day.paper_frauds import FRAUDS
from kouan.simulation.day.paper_stories import STORIES as STORIES_OF_PAPERS
from kouan.simulation.day.paper_stories import Story
from kouan.simulation.day.papers import PAPERS, Shelf, bill_of, invoice_of, write_papers
from kouan.simulation.day.script import (
    FORMAT,
    MESSAGES,
    About,
    AnyEvent,
    Apply,
    Attest,
    Link,
    Move,
    Substitute,
    attempt_of,
    write_script,
)
from kouan.simulation.day.trade import Declared, declare
from kouan.simulation.day.trades import Trade
from kouan.simulation.declarations import Filed, write_messages

START_MS: Final = StoryClock(2025, 11, 10, 8).now_ms()
FRAUD_RATE_BP: Final = 2000
_SPREAD_DAYS: Final = 20
_FEWEST: Final = 3
"""A loan on declarations stands on so many, or on one more."""
_SPARE_PERCENT: Final = 10
"""What no loan has room for is left over besides."""
_TRADED_PERCENT: Final = 35
_LEAST: Final = 100
"""A declaration on which no more may be lent, in minor units, is left alone."""


class Day(NamedTuple):
    """What a simulation is made of."""

    about: About
    declared: list[Declared]
    shelf: Shelf
    events: list[AnyEvent]


def generate(seed: int, count: int, fraud_rate_bp: int = FRAUD_RATE_BP, paper_frauds: Sequence[Story] = FRAUDS) -> Day:
    """Return what a simulation is: the same for the same arguments, everywhere.

    ``count``: of declarations; some frauds and honest mistakes declare a shipment again. ``fraud_rate_bp``: of how many
    loans in 10,000 a fraud is made. ``paper_frauds``: those that may be made of a trade's papers.
    """
    random = Random(f"kouan/simulation/2/{seed}")
    pools = _pools(random, declare(random, count))
    shelf: Shelf = {}
    lent = [one for on in pools.loans for one in on]
    events = list(_customs(random, [*lent, *pools.spares, *pools.idle]))
    for number, on in enumerate(pools.loans, 1):
        events += _deal(random, f"L{number:04}", on, pools.spares, fraud_rate_bp)
    traded: list[Declared] = []
    for trade in _trades(random, pools.traded, shelf, fraud_rate_bp, paper_frauds):
        events += trade.events
        traded += trade.declared
    declared = sorted([*lent, *pools.all_spares, *pools.idle, *traded], key=lambda one: one.number)
    for one in declared:
        if one.declaration.is_export:
            shelf.setdefault(f"{one.number}-invoice", invoice_of(one))
            shelf.setdefault(f"{one.number}-bill", bill_of(one))
    events.sort(key=lambda event: event.at_ms)  # events of one time stay in the order they were made in
    events = list(_with_links(events, {one.number: one for one in declared}))
    about = About(
        format=FORMAT,
        seed=seed,
        declarations=len(declared),
        fraud_rate_bp=fraud_rate_bp,
        frauds=_attempts((event.fraud, event) for event in events),
        lookalikes=_attempts((event.lookalike, event) for event in events),
        start_ms=START_MS,
    )
    return Day(about, declared, shelf, events)


def _attempts(labelled: Iterable[tuple[str | None, AnyEvent]]) -> dict[str, int]:
    """Return how many attempts there are of each kind."""
    kinds = {(kind, attempt_of(event)) for kind, event in labelled if kind is not None}
    return dict(sorted(Counter(kind for kind, _ in kinds).items()))


def write(directory: Path, seed: int, count: int, fraud_rate_bp: int = FRAUD_RATE_BP) -> About:
    """Write a simulation into a directory: messages, papers, script, and what it holds."""
    day = generate(seed, count, fraud_rate_bp)
    write_messages(directory / MESSAGES, [Filed(one.declaration, one.stage) for one in day.declared])
    write_papers(directory / PAPERS, day.shelf)
    write_script(directory, day.about, day.events)
    return day.about


class _Pools(NamedTuple):
    """For what the declarations are used."""

    loans: list[list[Declared]]
    """What each loan on declarations stands on."""
    traded: list[Declared]
    """For loans on a trade's papers."""
    spares: list[Declared]
    """Left unlent but for frauds and exchanges, each of which uses one up."""
    all_spares: list[Declared]
    idle: list[Declared]
    """Nothing may be lent on them."""


def _pools(random: Random, declared: list[Declared]) -> _Pools:
    pools = _Pools([], [], [], [], [])
    lent: list[Declared] = []
    for one in declared:
        if one.limit <= _LEAST:
            pools.idle.append(one)
        elif random.randrange(100) < _SPARE_PERCENT:
            pools.spares.append(one)
        else:
            (pools.traded if random.randrange(100) < _TRADED_PERCENT else lent).append(one)
    pools.loans.extend(_together(random, lent))
    together = {one.number for on in pools.loans for one in on}
    pools.spares.extend(one for one in lent if one.number not in together)
    pools.all_spares.extend(pools.spares)
    return pools


def _trades(
    random: Random, pool: list[Declared], shelf: Shelf, fraud_rate_bp: int, paper_frauds: Sequence[Story]
) -> Iterator[Trade]:
    """Yield trades until all that is for them is used."""
    left = list(pool)
    number = 0
    while left:
        number += 1
        stories = paper_frauds if random.randrange(10_000) < fraud_rate_bp else STORIES_OF_PAPERS
        fitting = [story for story in stories if _take(left, story) is not None]
        story = random.choices(fitting, [story.weight for story in fitting])[0]
        on = _take(left, story)
        if on is None:
            raise AssertionError("a story that fits has what it needs")
        left = [one for one in left if one not in on]
        trade = Trade(random, f"T{number:04}", on, START_MS + random.randrange(1, _SPREAD_DAYS) * DAY_MS, shelf)
        story.tell(trade)
        yield trade


def _take(left: Sequence[Declared], story: Story) -> list[Declared] | None:
    """Return the first shipments that a story can be told of: of one trader and currency, or of different ones."""
    first = left[0]
    if story.apart:
        others = [one for one in left[1:] if one.trader != first.trader]
    else:
        others = [one for one in left[1:] if (one.trader, one.unit) == (first.trader, first.unit)]
    return None if len(others) < story.shipments - 1 else [first, *others[: story.shipments - 1]]


def _with_links(events: Iterable[AnyEvent], declared: Mapping[str, Declared]) -> Iterator[AnyEvent]:
    """Yield the events, and before the first use of a declaration that it be linked by the bank that is shown it."""
    linked = {event.number for event in events if isinstance(event, Link)}
    for event in events:
        match event:
            case Apply() if event.signed.how == "owner":
                shown = event.parts
            case Substitute():
                shown = [event.by_part]
            case _:
                shown = []
        for part in shown:
            if part.number in declared and part.number not in linked:
                linked.add(part.number)
                yield Link(at_ms=event.at_ms, by=event.by, number=part.number, unit=part.unit)
        yield event


def _customs(random: Random, declared: list[Declared]) -> Iterator[AnyEvent]:
    """Attest in the first hours; what is not closed yet is closed by the end of that day."""
    by = main_key(CUSTOMS)
    for one in declared:
        at_ms = START_MS + random.randrange(6) * TICK_MS
        yield Attest(at_ms=at_ms, by=by, number=one.number, stage=one.stage)
        if one.stage != "closed":
            later_ms = START_MS + random.randrange(20, 50) * TICK_MS
            yield Move(at_ms=later_ms, by=by, number=one.number, unit=one.unit, stage="closed")


def _together(random: Random, declared: list[Declared]) -> Iterator[list[Declared]]:
    """Yield three or four declarations of one trader in one currency at a time; one or two of each may be left over."""
    groups: dict[tuple[int, str], list[Declared]] = {}
    for one in declared:
        groups.setdefault((one.trader, one.unit), []).append(one)
    for group in groups.values():
        left = group
        while len(left) >= _FEWEST:
            size = random.choice((_FEWEST, _FEWEST + 1))
            yield left[:size]
            left = left[size:]


def _deal(
    random: Random, name: str, on: list[Declared], spares: list[Declared], fraud_rate_bp: int
) -> Iterator[AnyEvent]:
    deal = Deal(random, name, on, START_MS + random.randrange(1, _SPREAD_DAYS) * DAY_MS)
    deal.events.append(deal.application(deal.at(0)))
    stories, weights = zip(*STORIES, strict=True)
    story = random.choices(stories, weights)[0]
    spare = next((one for one in spares if one.trader == on[0].trader and one.unit == on[0].unit), None)
    if spare is not None and random.randrange(4) == 0:
        spares.remove(spare)
        substituted(deal, spare)
    else:
        bank = deal.bank
        story(deal)
        if story in PAYING_OUT and random.randrange(10_000) < fraud_rate_bp:
            lender, deal.bank, borrower, deal.name = deal.bank, bank, deal.name, name
            deal.events += _fraud(random, deal, on[0].trader, spares)
            deal.bank, deal.name = lender, borrower
    yield from deal.events


def _fraud(random: Random, deal: Deal, trader: int, spares: list[Declared]) -> list[AnyEvent]:
    others = [one for one in spares if one.trader != trader]
    spare = random.choice(others) if others else None
    events = random.choice(KINDS)(Chance(deal, spare, f"{deal.name}x"))
    if spare is not None and events and spare.number in _numbers(events):
        spares.remove(spare)
    return events


def _numbers(events: list[AnyEvent]) -> set[str]:
    """Return the declarations that events are about."""
    numbers = set()
    for event in events:
        match event:
            case Attest() | Move():
                numbers.add(event.number)
            case _:
                numbers |= {part.number for part in getattr(event, "parts", [])}
    return numbers
