"""Numbers that identify declarations, enterprises and containers, and the checks they allow.

Every function raises `ValueError` with a sentence that says what is wrong and what would be right.
"""

import re
from typing import Final, Literal

import msgspec
from stdnum import iso6346
from stdnum.cn import uscc as stdnum_uscc

_DECLARATION_NUMBER: Final = re.compile(r"([0-9]{4})([0-9]{4})([01])([0-9]{9})")
_CONTAINER: Final = re.compile(r"[A-Z]{3}[UJZR][0-9]{7}")
_USCC: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")


class DeclarationNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A customs declaration number 报关单号, taken apart. It has no check digit."""

    office: str
    """The customs office that accepted the declaration, 4 digits."""
    year: int
    """The year of acceptance."""
    direction: Literal["I", "E"]
    """``I`` import (digit 9 is 1) or ``E`` export (digit 9 is 0)."""
    serial: str
    """The running number within office, year and direction, 9 digits."""

    def __str__(self) -> str:
        return f"{self.office}{self.year:04}{'1' if self.direction == 'I' else '0'}{self.serial}"


def declaration_number(text: str) -> DeclarationNumber:
    """Take the 18 digits of a declaration number apart: office 4, year 4, direction 1, serial 9."""
    match = _DECLARATION_NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{shown(text)} is not a declaration number; "
            "give 18 digits: office (4), year (4), 1 for import or 0 for export, serial (9)"
        )
    office, year, digit, serial = match.groups()
    return DeclarationNumber(office=office, year=int(year), direction="I" if digit == "1" else "E", serial=serial)


def container(text: str) -> str:
    """Return a container number of ISO 6346 unchanged once its form and its check digit are right."""
    if _CONTAINER.fullmatch(text) is None:
        raise ValueError(
            f"{shown(text)} is not a container number; "
            "give three capital letters, U, J, Z or R, six digits and the check digit, such as CSQU3054383"
        )
    check_digit = iso6346.calc_check_digit(text[:-1])
    if text[-1] != check_digit:
        raise ValueError(f"{shown(text)} has the check digit {text[-1]}; by ISO 6346 it would be {check_digit}")
    return text


def uscc(text: str) -> str:
    """Return a unified social credit code 统一社会信用代码 (GB 32100) once its length and alphabet are right.

    The check character is judged apart, by `uscc_problem`: a few codes in real use fail it.
    """
    if _USCC.fullmatch(text) is None:
        raise ValueError(
            f"{shown(text)} is not a unified social credit code; "
            "give 18 digits and capital letters, none of them I, O, S, V or Z"
        )
    return text


def uscc_problem(code: str) -> str | None:
    """Return what is odd about a code that `uscc` accepted, or None when its check character agrees.

    A code with a problem may be right all the same; a person decides, and records the reason.
    """
    expected = stdnum_uscc.calc_check_digit(code[:-1])
    if code[-1] == expected:
        return None
    return f"{shown(code)} ends in {code[-1]}; by GB 32100 its check character would be {expected}"


def shown(text: str) -> str:
    """Return `text` as it may stand in a message: quoted, cut to 40 characters, nothing unprintable."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
