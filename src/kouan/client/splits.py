"""How one sum of money is spread over the declarations that a loan stands on, when nobody says how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kouan.client.amounts import Amount
from kouan.formats.money import money


class Room(NamedTuple):
    """What a declaration can take of a sum."""

    unit: str
    most: int
    """Minor units of ``unit``."""
    own: int
    """The same in minor units of the loan's currency."""
    part: Callable[[int], int]
    """What of ``most`` a sum of the loan's currency takes that is less than ``own``."""


class Split(NamedTuple):
    """A sum spread over the declarations, in their order."""

    parts: list[int]
    """Minor units of each declaration's unit."""
    own: list[int] | None
    """The same in minor units of the loan's currency; None for a sum that is not in it."""


def in_order(amount: Amount, rooms: Sequence[Room], currency: str, what: str) -> Split:
    """Fill the declarations in their order, each up to its room, with an amount in their unit or the loan's currency.

    Raises ValueError when the amount is more than there is room for (``what`` names that room), and when it is too
    little for a minor unit of any declaration's currency.
    """
    units = {room.unit for room in rooms}
    if amount.currency != currency and amount.currency not in units:
        known = ", ".join(sorted(units | {currency}))
        raise ValueError(f"amount: {money(*amount)} is in none of the loan's currencies; give it in {known}")
    is_own = amount.currency == currency
    parts, own, rest = [], [], amount.minor
    for room in rooms:
        full = room.own if is_own else room.most if room.unit == amount.currency else 0
        spent = min(rest, full)
        own.append(spent)
        if not is_own:
            parts.append(spent)
        elif rest >= full:
            parts.append(room.most)
        else:
            parts.append(room.part(spent) if spent else 0)
        rest -= spent
    if rest:
        free = money(amount.minor - rest, amount.currency)
        raise ValueError(f"amount: {money(*amount)} is more than {what}, {free}; give at most that")
    if amount.minor and not any(parts):
        least = " or ".join(money(1, unit) for unit in sorted(units))
        raise ValueError(
            f"amount: {money(*amount)} is below {least}, the least that the declaration's currency can carry; "
            "report it with the next payment"
        )
    return Split(parts, own if is_own else None)


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
