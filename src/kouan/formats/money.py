"""Amounts as people read them: minor units in, "USD 250,000.00" out, the same in every locale."""

from kouan.formats.code_lists import MINOR_UNIT_DIGITS


class MoneyError(ValueError):
    """A currency that ISO 4217 does not know or that has no minor unit."""


def exponent(currency: str) -> int:
    """Decimals of the currency by ISO 4217, 2 for "USD"; MoneyError for a code that has no minor unit."""
    if currency not in MINOR_UNIT_DIGITS:
        raise MoneyError(f'currency: {currency!r} is not an ISO 4217 currency with a minor unit, such as "USD"')
    return MINOR_UNIT_DIGITS[currency]


def plain(minor: int, unit: str) -> str:
    """Return an amount as a plain decimal, such as ``250000.00``."""
    return money(minor, unit).partition(" ")[2].replace(",", "")


def money(amount_minor: int, currency: str) -> str:
    """Write minor units with their currency, thousands by comma: 25 000 000 of "USD" are "USD 250,000.00"."""
    decimals = exponent(currency)
    whole, part = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{currency} {sign}{whole:,}{fraction}"
