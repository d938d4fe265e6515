"""The types of the message's fields: text to value, refusing what the type does not allow, and back.

A reader raises `ValueError` with what is wrong and what would be right.
"""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from kouan.formats.code_lists import COUNTRIES, CUSTOMS_CURRENCIES, MINOR_UNIT_DIGITS
from kouan.formats.declaration import PriceStatements
from kouan.formats.identifiers import shown

Reader = Callable[[str], object]
"""Turns a field's text, stripped and not empty, into its value."""

# Controls, zero-width characters, line separators and direction overrides: none belongs in a name, and
# the last make a screen show something else than what was signed.
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_STATEMENT: Final = {"1": True, "0": False, "9": None}


def text(longest: int) -> Reader:
    """Return a reader of free text of up to `longest` characters."""

    def read(value: str) -> str:
        if len(value) > longest:
            raise ValueError(f"has {len(value)} characters; give at most {longest}")
        if (found := _INVISIBLE.search(value)) is not None:
            raise ValueError(f"contains the invisible character U+{ord(found[0]):04X}; give printable text")
        return value

    return read


def code(pattern: str, right: str) -> Reader:
    """Return a reader of text that matches `pattern` whole; `right` says in words what would be right."""
    whole = re.compile(pattern)

    def read(value: str) -> str:
        if whole.fullmatch(value) is None:
            raise ValueError(f"is {shown(value)}; give {right}")
        return value

    return read


def digits(count: int, example: str) -> Reader:
    """Return a reader of exactly `count` digits."""
    return code(f"[0-9]{{{count}}}", f"{count} digits, such as {example}")


def decimal(precision: int, scale: int, *, negative: bool = False) -> Reader:
    """Return a reader of decimal numbers of at most `precision` digits, `scale` of them after the point."""
    sign = "-?" if negative else ""
    whole = re.compile(rf"{sign}[0-9]{{1,{precision - scale}}}(?:\.[0-9]{{1,{scale}}})?")

    def read(value: str) -> Decimal:
        if whole.fullmatch(value) is None:
            right = "a number" if negative else "a number that is not negative"
            raise ValueError(
                f"is {shown(value)}; give {right}, with at most {precision - scale} digits before "
                f"and {scale} after the point"
            )
        return Decimal(value)

    return read


def count(largest: int) -> Reader:
    """Return a reader of whole numbers from 1 to `largest`."""

    def read(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", value) is None or not 1 <= int(value) <= largest:
            raise ValueError(f"is {shown(value)}; give a whole number from 1 to {largest}")
        return int(value)

    return read


def date(value: str) -> dt.date:
    """Read a day as yyyyMMdd."""
    if re.fullmatch(r"[0-9]{8}", value) is not None:
        try:
            return dt.date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            pass  # falls through to the one error for every wrong date
    raise ValueError(f"is {shown(value)}; give a real date as yyyyMMdd, such as 20191107")


def currency(value: str) -> str:
    """Read an ISO 4217 currency with a minor unit, or one of customs' old numeric codes for it."""
    iso = CUSTOMS_CURRENCIES.get(value, value)
    if iso not in MINOR_UNIT_DIGITS:
        raise ValueError(f"is {shown(value)}; give an ISO 4217 currency, such as USD")
    return iso


def country(value: str) -> str:
    """Read an ISO 3166-1 alpha-3 country or region."""
    if value not in COUNTRIES:
        raise ValueError(f"is {shown(value)}; give a three-letter ISO 3166 code, such as DEU")
    return value


def yes_or_no(value: str) -> bool:
    """Read a flag: 1 yes, 0 no."""
    if value not in {"0", "1"}:
        raise ValueError(f"is {shown(value)}; give 1 for yes or 0 for no")
    return value == "1"


def price_statements(value: str) -> PriceStatements:
    """Read up to five flags in one string, each 1 yes, 0 no or 9 left open; flags not given are left open."""
    if re.fullmatch("[019]{1,5}", value) is None:
        raise ValueError(f"is {shown(value)}; give one to five of 1 (yes), 0 (no), 9 (left open)")
    names = PriceStatements.__struct_fields__
    return PriceStatements(**{name: _STATEMENT[flag] for name, flag in zip(names, value, strict=False)})


def written(value: object) -> str:
    """Return the one text that stands for `value` in the message; None is the empty text."""
    match value:
        case None:
            written_text = ""
        case str():
            written_text = value
        case bool():
            written_text = "1" if value else "0"
        case int():
            written_text = str(value)
        case Decimal():
            written_text = _plain(value)
        case dt.date():
            written_text = f"{value.year:04}{value.month:02}{value.day:02}"
        case PriceStatements():
            flags = {True: "1", False: "0", None: "9"}
            written_text = "".join(flags[getattr(value, name)] for name in value.__struct_fields__)
        case _:
            raise AssertionError(f"no field has the type {type(value).__name__}")
    return written_text


def _plain(value: Decimal) -> str:
    """Equal numbers have equal texts: no exponent, no zeros behind, no negative zero."""
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain
