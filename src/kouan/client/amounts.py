"""Amounts and rates as people type them: decimals with a currency in, minor units out. Nothing is ever rounded."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from kouan.formats.money import exponent
from kouan.kernel.encoding import MAX_INTEGER
from kouan.modules.financing.records import RATE_ONE

_NUMBER: Final = r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
_AMOUNT: Final = re.compile(rf"(?:(?P<before>[A-Z]{{3}})\s+)?{_NUMBER}(?:\s+(?P<after>[A-Z]{{3}}))?")
_RATE: Final = re.compile(r"(?P<unit>[A-Z]{3})=(?P<rate>[0-9]{1,9}(?:\.[0-9]{1,12})?)")
_MAX_TEXT: Final = 40
_RATE_DECIMALS: Final = len(str(RATE_ONE)) - 1


class Amount(NamedTuple):
    """An amount of money."""

    minor: int
    currency: str


def parse_amount(text: str, default_currency: str | None = None) -> Amount:
    """Read an amount such as ``312,500.00 USD`` or ``USD 312500``.

    Raises ValueError for anything else, for more decimals than the currency has, and without a currency.
    """
    found = _AMOUNT.fullmatch(text.strip()) if len(text) <= _MAX_TEXT else None
    if found is None or (found["before"] and found["after"]):
        raise ValueError(f"amount: {text[:_MAX_TEXT]!r} is not an amount; write it like 312500.00 USD")
    currency = found["before"] or found["after"] or default_currency
    if currency is None:
        raise ValueError(f"amount: {text!r} has no currency; write it like 312500.00 USD")
    decimals = exponent(currency)
    minor = Decimal(found["number"].replace(",", "")).scaleb(decimals)
    if minor != int(minor):
        raise ValueError(f"amount: {text!r} is finer than {currency} can be paid; give at most {decimals} decimals")
    if minor > MAX_INTEGER:
        raise ValueError(f"amount: {text!r} is more than the ledger can hold")
    return Amount(int(minor), currency)


def parse_rate(text: str, currency: str) -> tuple[str, int]:
    """Read what one unit of a currency is worth in the loan's, such as ``USD=7.1234``.

    Return the currency and the rate as the ledger wants it: minor units of the loan's per 10⁸ minor units of it. Raises
    ValueError for anything else, and for a rate with more decimals than that can carry.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"rate: {text[:_MAX_TEXT]!r} is not a rate; write it like USD=7.1234, in {currency} for one USD"
        )
    unit = found["unit"]
    shift = exponent(currency) - exponent(unit)
    rate = Decimal(found["rate"]).scaleb(shift) * RATE_ONE
    if rate != int(rate):
        decimals = _RATE_DECIMALS + shift
        raise ValueError(f"rate: {text!r} is too fine; from {unit} to {currency} give at most {decimals} decimals")
    if not 0 < rate <= MAX_INTEGER:
        most = Decimal(MAX_INTEGER // RATE_ONE).scaleb(-shift)
        raise ValueError(f"rate: {text!r} must be above 0 and at most {most:f}")
    return unit, int(rate)
