"""How one sum of money is spread over the declarations that a loan stands on, when nobody says how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kouan.client.amounts import Amount
from kouan.formats.money import money
from kouan.modules.financing.records import RATE_ONE
from kouan.modules.financing.rules import worth


class Room(NamedTuple):
    """What a declaration can take of a sum, in minor units of its unit."""

    unit: str
    most: int


def in_order(amount: Amount, rooms: Sequence[Room], currency: str, rates: Mapping[str, int], what: str) -> list[int]:
    """Fill the declarations in their order, each up to its room, with an amount in their unit or the loan's currency.

    From the loan's currency the loan's own rates lead to the declarations' units; what is less than a minor unit there
    is left over. Raises ValueError when the amount is more than there is room for; ``what`` names that room.
    """
    units = {room.unit for room in rooms}
    if amount.currency != currency and amount.currency not in units:
        known = ", ".join(sorted(units | {currency}))
        raise ValueError(f"amount: {money(*amount)} is in none of the loan's currencies; give it in {known}")
    convert = amount.currency == currency and units != {currency}
    parts, rest = [], amount.minor
    for unit, most in rooms:
        part, spent = _part(rest, unit, most, currency, rates) if convert else _same(rest, unit, most, amount.currency)
        parts.append(part)
        rest -= spent
    if rest and not (convert and any(part < room.most for part, room in zip(parts, rooms, strict=True))):
        free = money(amount.minor - rest, amount.currency)
        raise ValueError(f"amount: {money(*amount)} is more than {what}, {free}; give at most that")
    return parts


def in_proportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split a sum in proportion to the weights; what rounding leaves over goes to the largest remainders.

    Raises ValueError when no weight is above 0.
    """
    whole = sum(weights)
    if not whole:
        raise ValueError("amount: none of the declarations carries anything; say which one the money is for")
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(total * weights[index] % whole), index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def _same(rest: int, unit: str, most: int, currency: str) -> tuple[int, int]:
    part = min(rest, most) if unit == currency else 0
    return part, part


def _part(rest: int, unit: str, most: int, currency: str, rates: Mapping[str, int]) -> tuple[int, int]:
    """Return the part of a declaration and what of the loan's currency it takes."""
    full = worth(most, unit, currency, rates)
    if rest >= full:
        return most, full
    part = rest if unit == currency else rest * RATE_ONE // rates[unit]
    return part, rest
