"""The port's declarations of a day, from a seed: written as message files, as a user's would be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from kouan.formats.declaration import Declaration, Line, PriceStatements
from kouan.formats.single_window import write_declaration
from kouan.modules.customs.rules import Stage
from kouan.simulation.cast import (
    BEARING_MAKER,
    BROKER_CODE,
    FOOD_IMPORTER,
    GARMENT_MAKER,
    LAMP_MAKER,
    TRADERS,
    Trader,
)

COUNT: Final = 200
IMPORTS: Final = 14
OFFICE: Final = "2248"  # Yangshan
LC_CONTRACT: Final = "YJ-2025-0917"
"""The contract behind the letter of credit of the close-up."""
LC_SHIPMENTS: Final = ((4900, 1250), (3600, 1350), (4000, 1385), (2650, 1500), (3400, 1700), (3500, 1420))
"""Pieces and cents a piece of the six shipments; the declarations carry what follows from them."""
AMENDED_CONTRACT: Final = "LG-2025-1103"
AMENDED_SHIPMENT: Final = (10_000, 840)
LAPSED_CONTRACT: Final = "QP-2025-0822"
LAPSED_SHIPMENT: Final = (5_200, 1150)
_LAST_DAY: Final = dt.date(2025, 11, 8)
_CURRENCIES: Final = ("USD",) * 7 + ("EUR", "EUR", "JPY")
_MODES: Final = ("0110",) * 17 + ("1210", "9610", "2600")


class Filed(NamedTuple):
    """A declaration and the stage it has reached."""

    declaration: Declaration
    stage: Stage


class Shipment(NamedTuple):
    """Goods that a trader sends, to be declared."""

    trader: Trader
    pieces: int
    price_minor: int
    contract: str
    currency: str = "USD"
    mode: str = "0110"
    stage: Stage = "closed"
    provisional: bool = False


def declarations(seed: int, count: int = COUNT, first_serial: int = 1_000) -> list[Filed]:
    """Return a day's declarations: those of the story, and others up to ``count``; serials begin near the given one."""
    random = Random(seed)
    shipments = [
        *(Shipment(GARMENT_MAKER, pieces, price, LC_CONTRACT) for pieces, price in LC_SHIPMENTS),
        Shipment(BEARING_MAKER, *AMENDED_SHIPMENT, AMENDED_CONTRACT),
        Shipment(LAMP_MAKER, *LAPSED_SHIPMENT, LAPSED_CONTRACT),
    ]
    shipments += [_import(random, number) for number in range(IMPORTS)]
    shipments += [_export(random, number) for number in range(count - len(shipments))]
    random.shuffle(shipments)
    serial = first_serial + random.randrange(8_000)
    filed = []
    for shipment in shipments:
        serial += random.randrange(1, 40)
        day = _LAST_DAY - dt.timedelta(days=random.randrange(1, 12))
        filed.append(Filed(declaration_of(shipment, serial, day), shipment.stage))
    return filed


def amended(declaration: Declaration, percent: int) -> Declaration:
    """Return a declaration of one line with its quantity, and what follows from it, cut by so many percent."""
    (line,) = declaration.lines
    kept = Decimal(100 - percent) / 100
    cut = replace(
        line, quantity=line.quantity * kept, first_quantity=line.first_quantity * kept, total=line.total * kept
    )
    gross_kg, net_kg = declaration.gross_weight_kg * kept, declaration.net_weight_kg * kept
    return replace(declaration, lines=(cut,), gross_weight_kg=gross_kg, net_weight_kg=net_kg)


def write_messages(directory: Path, filed: Sequence[Filed]) -> list[Path]:
    """Write each declaration as a message file; return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for one in filed:
        path = directory / f"{one.declaration.entry_id}.xml"
        path.write_bytes(write_declaration(one.declaration))
        paths.append(path)
    return paths


def _import(random: Random, number: int) -> Shipment:
    pieces = random.randrange(10, 80) * 100
    return Shipment(FOOD_IMPORTER, pieces, _price(random, FOOD_IMPORTER), f"CN-2025-{number + 1:04}", "EUR")


def _export(random: Random, number: int) -> Shipment:
    trader = random.choice([trader for trader in TRADERS if not trader.imports])
    currency = random.choice(_CURRENCIES)
    return Shipment(
        trader,
        pieces=random.randrange(5, 60) * 100,
        price_minor=_price(random, trader),
        contract=f"{trader.en[:2].upper()}-2025-{2000 + number}",
        currency=currency,
        mode=random.choice(_MODES),
        stage="closed" if random.randrange(10) else random.choice(("filed", "released")),
        provisional=random.randrange(25) == 0,
    )


def _price(random: Random, trader: Trader) -> int:
    return trader.goods.price_from + random.randrange(2 * trader.goods.price_from)


def declaration_of(shipment: Shipment, serial: int, day: dt.date) -> Declaration:
    """Return the declaration of a shipment; the serial is the last 9 digits of its number."""
    trader, goods = shipment.trader, shipment.trader.goods
    direction: Literal["I", "E"] = "I" if trader.imports else "E"
    number = f"{OFFICE}2025{int(trader.imports)}{serial:09}"
    net_kg = Decimal(shipment.pieces * goods.grams) / 1000
    price = Decimal(shipment.price_minor) if shipment.currency == "JPY" else Decimal(shipment.price_minor) / 100
    line = Line(
        number=1,
        hs_code=goods.hs_code,
        name=goods.name,
        model=goods.model,
        quantity=Decimal(shipment.pieces),
        unit=goods.unit,
        first_quantity=Decimal(shipment.pieces),
        first_unit=goods.unit,
        unit_price=price,
        total=price * shipment.pieces,
        currency=shipment.currency,
        duty_mode="1",
        origin_country=trader.country if trader.imports else "CHN",
        destination_country="CHN" if trader.imports else trader.country,
        district_code="31222",
    )
    return Declaration(
        version="4.8",
        seq_no=f"{direction}2025{serial:013}",
        entry_id=number,
        ie_flag=direction,
        ie_port=OFFICE,
        custom_master=OFFICE,
        ie_date=day,
        owner_uscc=trader.code,
        end_user_uscc=trader.code,
        agent_uscc=BROKER_CODE,
        agent_code="3122980009",
        trade_mode=shipment.mode,
        cut_mode="101",
        trans_mode="1" if trader.imports else "3",
        traf_mode="2",
        traf_name=f"HAI YUN {serial % 90 + 10}/2{serial % 50 + 100}",
        bill_no=f"SHYS25{serial:09}",
        contract_no=shipment.contract,
        trade_country=trader.country,
        trade_area=trader.country,
        distinate_port=trader.destination,
        packages=max(1, shipment.pieces // 20),
        wrap_type="22",
        gross_weight_kg=net_kg * Decimal("1.08"),
        net_weight_kg=net_kg,
        price_statements=PriceStatements(
            special_relationship=False,
            price_influence=False,
            royalty=False,
            formula_price=False,
            provisional_price=shipment.provisional,
        ),
        overseas_consignor_name=trader.buyer if trader.imports else None,
        overseas_consignee_name=None if trader.imports else trader.buyer,
        lines=(line,),
    )
