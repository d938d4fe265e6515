"""``kouan simulate --out``: the messages and the script of a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from kouan.simulation.cast import CUSTOMS
from kouan.simulation.clock import DAY_MS, StoryClock
from kouan.simulation.day.deals import PAYING_OUT, STORIES, TICK_MS, Deal, main_key, substituted
from kouan.simulation.day.frauds import KINDS, LEFT_TO_CASES, Chance
from kouan.simulation.day.script import FORMAT, MESSAGES, About, AnyEvent, Attest, Move, write_script
from kouan.simulation.day.trade import Declared, declare
from kouan.simulation.declarations import Filed, write_messages

START_MS: Final = StoryClock(2025, 11, 10, 8).now_ms()
FRAUD_RATE_BP: Final = 2000
_SPREAD_DAYS: Final = 20
_SPARE_PERCENT: Final = 25


def generate(seed: int, count: int, fraud_rate_bp: int = FRAUD_RATE_BP) -> tuple[About, list[Declared], list[AnyEvent]]:
    """Return what a simulation is: the same for the same arguments, everywhere.

    ``fraud_rate_bp``: of how many loans in 10,000 a fraud is made.
    """
    random = Random(f"kouan/simulation/1/{seed}")
    declared = declare(random, count)
    events = list(_customs(random, declared))
    ready = [one for one in declared if one.limit > 100]
    spares: list[Declared] = []
    lent: list[Declared] = []
    for one in ready:
        (spares if random.randrange(100) < _SPARE_PERCENT else lent).append(one)
    for number, on in enumerate(_together(random, lent), 1):
        events += _deal(random, f"L{number:04}", on, spares, fraud_rate_bp)
    events.sort(key=lambda event: event.at_ms)  # events of one time stay in the order they were made in
    frauds = Counter(event.fraud for event in events if event.fraud is not None)
    about = About(
        format=FORMAT,
        seed=seed,
        declarations=count,
        fraud_rate_bp=fraud_rate_bp,
        frauds=dict(sorted(frauds.items())),
        left_to_cases=list(LEFT_TO_CASES),
        start_ms=START_MS,
    )
    return about, declared, events


def write(directory: Path, seed: int, count: int, fraud_rate_bp: int = FRAUD_RATE_BP) -> About:
    """Write a simulation into a directory: messages, script, and what it holds."""
    about, declared, events = generate(seed, count, fraud_rate_bp)
    write_messages(directory / MESSAGES, [Filed(one.declaration, one.stage) for one in declared])
    write_script(directory, about, events)
    return about


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
    """Yield three or four declarations of one trader in one currency at a time; what is left over stays unfinanced."""
    groups: dict[tuple[int, str], list[Declared]] = {}
    for one in declared:
        groups.setdefault((one.trader, one.unit), []).append(one)
    for group in groups.values():
        left = group
        while left:
            size = random.choice((3, 4))
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
            deal.events += _fraud(random, deal, spares)
            deal.bank, deal.name = lender, borrower
    yield from deal.events


def _fraud(random: Random, deal: Deal, spares: list[Declared]) -> list[AnyEvent]:
    others = [one for one in spares if one.trader != deal.on[0].trader]
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
