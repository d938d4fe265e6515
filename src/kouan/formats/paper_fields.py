"""The types of a paper's fields, for XML and for forms: text to value, refusing what the type does not allow.

A reader raises `ValueError` with what is wrong and what would be right; see `kouan.formats.field_types` for the others.
"""

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from stdnum.cn import uscc as stdnum_uscc

from kouan.formats import field_types as t
from kouan.formats.code_lists import MINOR_UNIT_DIGITS
from kouan.formats.identifiers import shown, uscc
from kouan.formats.trade_papers import MAX_AMOUNT, MAX_IDENTIFIERS, TYPE_CODES, Identifier

_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,18})?")
_AIRWAY: Final = re.compile(r"([0-9]{3})([0-9]{7})([0-9])(?:_(.+))?")
_QUANTITY: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,10})?")
_VAT: Final = re.compile(r"[A-Z]{2}[0-9A-Z]{2,15}")
_SCHEME: Final = re.compile(r"[a-z0-9][a-z0-9.:-]{0,31}")


def number(value: str) -> str:
    """Read the number of a paper: up to 100 printable characters."""
    return str(t.text(100)(value))


def name(value: str) -> str:
    """Read the name of a party: up to 400 printable characters."""
    return str(t.text(400)(value))


def description(value: str) -> str:
    """Read what a line describes: up to 1,000 printable characters."""
    return str(t.text(1000)(value))


def iso_date(value: str) -> dt.date:
    """Read a day as yyyy-mm-dd."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is not None:
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass  # falls through to the one error for every wrong date
    raise ValueError(f"is {shown(value)}; give a real date as yyyy-mm-dd, such as 2019-11-12")


def compact_date(value: str) -> dt.date:
    """Read a day as yyyymmdd."""
    return t.date(value)


def currency(value: str) -> str:
    """Read an ISO 4217 currency that has a minor unit."""
    if value not in MINOR_UNIT_DIGITS:
        raise ValueError(f"is {shown(value)}; give an ISO 4217 currency, such as USD")
    return value


def type_code(value: str) -> str:
    """Read the kind of invoice by UN/CEFACT code list 1001."""
    if value not in TYPE_CODES:
        raise ValueError(f"is {shown(value)}; give an invoice or a credit note of type {', '.join(sorted(TYPE_CODES))}")
    return value


def minor_units(value: str, iso_currency: str) -> int:
    """Read a decimal amount as whole minor units; refuses what is finer, so that nothing is ever rounded."""
    if _AMOUNT.fullmatch(value) is None:
        raise ValueError(f"is {shown(value)}; give a plain decimal number, such as 1250.00")
    digits: int = MINOR_UNIT_DIGITS[iso_currency]
    numerator, denominator = Decimal(value).as_integer_ratio()
    amount_minor, finer = divmod(numerator * int(10**digits), denominator)
    if finer:
        raise ValueError(f"is {shown(value)}; {iso_currency} has {digits} decimals, give no more")
    if abs(amount_minor) > MAX_AMOUNT:
        raise ValueError(f"is {shown(value)}; give an amount of at most {MAX_AMOUNT} minor units")
    return amount_minor


def decimal_text(amount_minor: int, iso_currency: str) -> str:
    """Return minor units as the decimal number that `minor_units` reads."""
    digits: int = MINOR_UNIT_DIGITS[currency(iso_currency)]
    whole, part = divmod(abs(amount_minor), 10**digits)
    return f"{'-' if amount_minor < 0 else ''}{whole}" + (f".{part:0{digits}}" if digits else "")


def quantity(value: str) -> Decimal:
    """Read a quantity; credit lines and corrections have negative ones."""
    if _QUANTITY.fullmatch(value) is None:
        raise ValueError(f"is {shown(value)}; give a number, at most 15 digits before and 10 after the point")
    return Decimal(value)


def unit(value: str) -> str:
    """Read the code or the name of a unit: up to 20 printable characters."""
    return str(t.text(20)(value))


def conveyance(value: str) -> str:
    """Read the name of a vessel, flight, vehicle or voyage: up to 50 printable characters."""
    return str(t.text(50)(value))


def weight_kg(value: str) -> Decimal:
    """Read a weight in kilograms, up to 5 decimals."""
    return Decimal(str(t.decimal(19, 5)(value)))


def airway_number(value: str) -> str:
    """Read an air waybill's number: the master's 11 digits, then perhaps ``_`` and the house number.

    The eleventh digit is the serial's remainder by 7 (IATA resolution 600a).
    """
    match = _AIRWAY.fullmatch(number(value))
    if match is None:
        raise ValueError(
            f"is {shown(value)}; give the 11 digits of the master without hyphen, and a house number "
            "after an underscore, such as 78412345675_H0012"
        )
    if int(match[2]) % 7 != int(match[3]):
        raise ValueError(f"is {shown(value)}; its eleventh digit would be {int(match[2]) % 7}, correct the number")
    return value


def identifier(scheme: str | None, value: str) -> Identifier | None:
    """Return the party's number with its scheme, or None for one that identifies nobody without a scheme.

    A number that is a valid unified social credit code is one, whatever field carries it: Chinese taxpayer numbers
    are the same codes.
    """
    small = (scheme or "").strip().lower()
    if small == "uscc":
        return Identifier(scheme="uscc", value=uscc(value))
    if small in {"", "vat"} and stdnum_uscc.is_valid(value) and stdnum_uscc.compact(value) == value:
        return Identifier(scheme="uscc", value=value)
    if small == "" or (small == "vat" and _VAT.fullmatch(value) is None):
        return None
    if _SCHEME.fullmatch(small) is None:
        raise ValueError(f"has the scheme {shown(scheme or '')}; give a name such as uscc or 0088")
    return Identifier(scheme=small, value=number(value))


def needed_identifier(scheme: str, value: str) -> Identifier:
    """Return the party's number with its scheme; refuses a VAT number without its country."""
    found = identifier(scheme, value)
    if found is None:
        raise ValueError(f"is {shown(value)}; give a VAT number with its country's two letters, such as DE123456789")
    return found


def in_order(found: Iterable[Identifier | None]) -> tuple[Identifier, ...]:
    """Return a party's identifiers in order, each once; refuses more than `MAX_IDENTIFIERS`."""
    kept = sorted({one for one in found if one is not None})
    if len(kept) > MAX_IDENTIFIERS:
        raise ValueError(f"has {len(kept)} identifiers; give at most {MAX_IDENTIFIERS}")
    return tuple(kept)


def total_with_tax(total_minor: int | None, prepaid_minor: int, rounding_minor: int, payable_minor: int) -> int:
    """Return the total with tax once the totals agree: payable = total - prepaid + rounding (EN 16931, BR-CO-16)."""
    if total_minor is None:
        total_minor = payable_minor + prepaid_minor - rounding_minor
    expected_minor = total_minor - prepaid_minor + rounding_minor
    if payable_minor != expected_minor:
        raise ValueError(
            f"is {payable_minor} minor units, but the total {total_minor} less the prepaid {prepaid_minor} "
            f"plus the rounding {rounding_minor} is {expected_minor}; make the totals agree"
        )
    if payable_minor < 0 or total_minor < 0:
        raise ValueError("is below zero, or the total is; give a credit note for what the seller owes the buyer")
    return total_minor
