"""The port's other business of the day: banks lend on what was attested, and some traders try a second bank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final, Literal, NamedTuple

from kouan.client.amounts import parse_rate
from kouan.client.bank_desk import Registration, Wanted
from kouan.client.portfolio import Held, one_loan
from kouan.client.wallet import Given, Part
from kouan.kernel.quota import available
from kouan.kernel.records import Quota
from kouan.modules.financing.records import Product
from kouan.simulation.cast import (
    BEARING_MAKER,
    CAREFUL_BANK,
    LENDER,
    OTHER_BANKS,
    RIVAL,
    TRADERS,
)
from kouan.simulation.checks import Checks
from kouan.simulation.declarations import AMENDED_CONTRACT, LAPSED_CONTRACT, LC_CONTRACT
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.attesting import Watch, attested

Pays = Literal["all", "half", "nothing"]
LOANS: Final = 24
_PRODUCTS: Final[tuple[Product, ...]] = ("export-bill", "invoice", "factoring", "insured")
_MATURITIES: Final = (60, 75, 100, 120, 150)
_CAREFUL_DEALS: Final[tuple[tuple[int, Pays], ...]] = ((60, "nothing"), (75, "half"), (90, "all"))
"""Maturity and payment of that bank's first loans: its overdue list at the month's end shows two of them."""
_CNY_RATE: Final = "USD=7.1234"


class Deal(NamedTuple):
    """A loan of the day and how it will go."""

    financing: str
    bank: str
    maturity_day: int
    pays: Pays
    """What the buyers will have paid when it is due."""


class BusinessShown(NamedTuple):
    """What this part shows."""

    deals: list[Deal]
    loans: list[Held]
    lent: dict[str, int]
    """Minor units by currency."""
    refused: int
    """Tries to have a declaration financed a second time, all refused."""
    amended_loan: str
    """The loan that a later scene is about."""


def do_business(port: SeededPort, checks: Checks, watch: Watch) -> BusinessShown:
    """Make the day's other loans."""
    random = Random(port.seed + 1)
    port.clock.move_to(0, 9, 30)
    deals: list[Deal] = []
    refused = 0
    for index, (code, quotas) in enumerate(_bundles(port, random)):
        bank = OTHER_BANKS[index % len(OTHER_BANKS)]
        deal = _lend(port, code, bank, quotas, _terms(random, bank, quotas[0][1].unit, deals))
        deals.append(deal)
        if index % 6 == 0:
            refused += _second_try(port, checks, code, quotas)
        watch("lend", index + 1, LOANS)
    amended = of_contract(port, BEARING_MAKER.code, AMENDED_CONTRACT)
    special = _lend(port, BEARING_MAKER.code, CAREFUL_BANK, amended, _Terms("export-bill", 150, "all", None))
    deals.append(special)
    views = [one_loan(port.bank(deal.bank).bank, deal.financing) for deal in deals]
    checks.equal("business.paid-out", Counter(held.view.state for held in views), Counter({"disbursed": LOANS + 1}))
    lent: Counter[str] = Counter()
    for held in views:
        lent[held.view.currency] += held.view.amount
    return BusinessShown(deals, views, dict(sorted(lent.items())), refused, special.financing)


def settle_due(port: SeededPort, checks: Checks, deals: list[Deal], day: int) -> None:
    """Let the buyers pay what falls due until a day, as far as they will, each on its day."""
    for deal in sorted(deals, key=lambda deal: (deal.maturity_day, deal.financing)):
        loan = port.loan(deal.financing)
        if deal.maturity_day > day or deal.pays == "nothing" or any(part.repaid for part in loan.allocations):
            continue
        port.clock.move_to(deal.maturity_day, 15)
        desk = port.bank(deal.bank).servicing
        share = 1 if deal.pays == "all" else 2
        parts = {part.quota: part.drawn // share for part in loan.allocations}
        collected = desk.collect(name=deal.financing, parts=parts, final=False)
        repaid = desk.repay(deal.financing, "buyer", parts=parts)
        checks.holds("business.repaid", collected.result.accepted and repaid.result.accepted)


class _Terms(NamedTuple):
    product: Product
    maturity_day: int
    pays: Pays
    currency: str | None


def _terms(random: Random, bank: str, unit: str, deals: list[Deal]) -> _Terms:
    product = random.choice(_PRODUCTS)
    maturity_day = random.choice(_MATURITIES)
    earlier = sum(deal.bank == bank for deal in deals)
    if bank == CAREFUL_BANK and earlier < len(_CAREFUL_DEALS):
        return _Terms(product, *_CAREFUL_DEALS[earlier], None)
    return _Terms(product, maturity_day, "all", "CNY" if unit == "USD" and random.randrange(2) else None)


def _bundles(port: SeededPort, random: Random) -> Iterator[tuple[str, list[tuple[str, Quota]]]]:
    """Yield an owner with one to three of its declarations (number and quota), none of them twice."""
    apart = {LC_CONTRACT, AMENDED_CONTRACT, LAPSED_CONTRACT}
    free: dict[tuple[str, str], list[tuple[str, Quota]]] = {}
    for declaration in attested(port):
        for quota in port.customs().quotas(declaration.entry_id) if declaration.contract_no not in apart else []:
            if quota.kind == "export" and available(quota, port.clock.now_ms()):
                free.setdefault((declaration.owner_uscc, quota.unit), []).append((declaration.entry_id, quota))
    codes = [trader.code for trader in TRADERS]
    owners = sorted(free, key=lambda owner: (codes.index(owner[0]), owner[1]))
    for index in range(LOANS):
        if not owners:
            raise AssertionError(f"{index} loans take all declarations, the story wants {LOANS}: play it with more")
        owner = owners[index % len(owners)]
        size = min(random.randrange(1, 4), len(free[owner]))
        taken, free[owner] = free[owner][:size], free[owner][size:]
        if not free[owner]:
            owners.remove(owner)
        yield owner[0], taken


def _lend(port: SeededPort, code: str, bank: str, quotas: list[tuple[str, Quota]], terms: _Terms) -> Deal:
    """Hold and pay out a loan over all that the declarations carry."""
    given = port.consent(code, bank, [Part(number, quota.unit, quota.limit) for number, quota in quotas])
    rates = dict([parse_rate(_CNY_RATE, "CNY")]) if terms.currency == "CNY" else {}
    maturity_ms = port.clock.at(terms.maturity_day, 24)
    lend_on(port, bank, given, Wanted(terms.product, maturity_ms, terms.currency, rates))
    return Deal(given.financing, bank, terms.maturity_day, terms.pays)


def lend_on(port: SeededPort, bank: str, given: Given, wanted: Wanted) -> None:
    """Hold what an owner consents to, and pay it out."""
    desk = port.bank(bank).lending
    placed = desk.hold(given.slip, wanted)
    if not placed.result.accepted:
        raise AssertionError(f"a loan of the story is refused: {placed.result}")
    drawn = desk.disburse(given.financing, registration=registration(port))
    if not drawn.result.accepted:
        raise AssertionError(f"a payment of the story is refused: {drawn.result}")


def registration(port: SeededPort) -> Registration:
    """Return a registration in the movables register, searched just now and good for a year."""
    now = port.clock.now
    number = f"{int.from_bytes(port.entropy('register')(6)) % 10**14:014}"
    return Registration(number, now.isoformat(timespec="seconds"), now.replace(year=now.year + 1).date().isoformat())


def _second_try(port: SeededPort, checks: Checks, code: str, quotas: list[tuple[str, Quota]]) -> int:
    """Let a trader take the same declarations to a second bank; return how many tries were refused."""
    bank = RIVAL if len(quotas) % 2 else LENDER
    given = port.consent(code, bank, [Part(number, quota.unit, quota.limit) for number, quota in quotas])
    placed = port.bank(bank).lending.hold(given.slip, Wanted("export-bill", port.clock.at(90)))
    checks.equal("business.second-bank", placed.result.code and placed.result.code.name, "QUOTA_EXCEEDED")
    return int(not placed.result.accepted)


def of_contract(port: SeededPort, code: str, contract: str) -> list[tuple[str, Quota]]:
    """Return the declarations of a contract."""
    kept = [one for one in port.wallet(code).declarations() if one.document.get("contract_no") == contract]
    return [(one.number, port.quota(quota)) for one in kept for quota in one.quotas]
