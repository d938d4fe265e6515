"""Who trades, and what is declared: traders, brokers and customs offices of invented names, log-normal amounts."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from kouan.formats.declaration import Declaration
from kouan.modules.customs.rules import Stage
from kouan.simulation.cast import TRADERS, Trader, social_credit_code
from kouan.simulation.declarations import Shipment, declaration_of

OFFICES: Final = ("2248", "2233", "2225", "2202")
"""Yangshan, Pudong airport, Waigaoqiao, Wusong."""
_CURRENCIES: Final = ("USD",) * 7 + ("EUR", "EUR", "JPY", "GBP")
_MODES: Final = ("0110",) * 16 + ("1210", "9610", "2600", "0110")
_STEM: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_TYPICAL: Final = 40_000
"""Median value of a declaration, in dollars or their like."""
_SPREAD: Final = 0.9
"""Standard deviation of the logarithm: one declaration in twenty is worth more than four times the median."""
_IN_JPY: Final = 150
_DECLARED_FROM: Final = dt.date(2025, 10, 25)
FINANCEABLE_BP: Final = 8000
PROVISIONAL_BP: Final = 5000


class Declared(NamedTuple):
    """A declaration, and what may be lent on it once it is closed."""

    declaration: Declaration
    stage: Stage
    trader: int
    unit: str
    attested: int
    limit: int

    @property
    def number(self) -> str:
        """Return the declaration number."""
        return self.declaration.entry_id


def declare(random: Random, count: int) -> list[Declared]:
    """Return so many declarations of a port's traders, in the order of their numbers."""
    traders = _traders(random, max(3, count // 8))
    brokers = [social_credit_code("310101", _stem(random)) for _ in range(3)]
    declared = []
    for place in range(count):
        index = random.randrange(len(traders))
        shipment = _shipment(random, traders[index], f"C{index:03}-2025-{place + 1:05}", index)
        serial = 100_000 + 37 * place + random.randrange(37)
        office = random.choice(OFFICES)
        day = _DECLARED_FROM + dt.timedelta(days=random.randrange(14))
        made = declaration_of(shipment, serial, day)
        number = office + made.entry_id[4:]
        declaration = replace(
            made, entry_id=number, ie_port=office, custom_master=office, agent_uscc=random.choice(brokers)
        )
        declared.append(_declared(declaration, shipment.stage, index))
    return declared


def _declared(declaration: Declaration, stage: Stage, trader: int) -> Declared:
    ((unit, attested),) = declaration.total_by_currency().items()
    ratio_bp = FINANCEABLE_BP if declaration.is_export and declaration.trade_mode != "2600" else 0
    if declaration.provisional_price:
        ratio_bp = min(ratio_bp, PROVISIONAL_BP)
    return Declared(declaration, stage, trader, unit, attested, attested * ratio_bp // 10_000)


def restated(one: Declared, stage: Stage, **fields: Any) -> Declared:
    """Return what is declared with other fields, and what may be lent on it then."""
    return _declared(replace(one.declaration, **fields), stage, one.trader)


def _traders(random: Random, count: int) -> list[Trader]:
    return [
        TRADERS[place % len(TRADERS)]._replace(code=social_credit_code("310115", _stem(random)))
        for place in range(count)
    ]


def _stem(random: Random) -> str:
    return "MA1K" + "".join(random.choice(_STEM) for _ in range(4))


def _shipment(random: Random, trader: Trader, contract: str, index: int) -> Shipment:
    # A trader sells in one currency, mostly, so that its declarations can carry one loan.
    currency = _CURRENCIES[index % len(_CURRENCIES)] if random.randrange(8) else random.choice(_CURRENCIES)
    value = random.lognormvariate(0, _SPREAD) * _TYPICAL
    price_minor = trader.goods.price_from + random.randrange(2 * trader.goods.price_from)
    if currency == "JPY":
        price_minor = price_minor * _IN_JPY // 100
        pieces = max(1, int(value * _IN_JPY) // price_minor)
    else:
        pieces = max(1, int(value * 100) // price_minor)
    return Shipment(
        trader,
        pieces=pieces,
        price_minor=price_minor,
        contract=contract,
        currency=currency,
        mode=random.choice(_MODES),
        stage="closed" if random.randrange(10) else random.choice(("filed", "released")),
        provisional=random.randrange(25) == 0,
    )
