"""Handles: what stands on the ledger instead of a declaration's number.

Given office, year and direction only 10**9 numbers are left, so a plain hash of one can be searched in minutes. The
handle therefore hashes the number together with a *link secret*, which only customs can derive and which it hands to
the owner, sealed. The same number always gives the same handle, so attesting it twice collides.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from kouan.client.keymaterial import derive, sized
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest

_NUMBER: Final = re.compile(r"[0-9]{8}[01][0-9]{9}")
_OFFICE_AND_YEAR: Final = re.compile(r"[0-9]{4}")


def number_bytes(number: str) -> bytes:
    """Return a declaration number (EntryId) as ASCII bytes.

    Layout: customs office (4 digits), year (4), ``1`` import or ``0`` export, serial (9). Raises ValueError otherwise.
    """
    if not _NUMBER.fullmatch(number):
        raise ValueError("declaration number: must be 18 digits, the ninth being 0 (export) or 1 (import)")
    return number.encode()


def office_year_key(master_key: bytes, office: str, year: str) -> bytes:
    """Return the key (32 bytes) that links the numbers of one customs office and year.

    Customs can hand it to that office, which then needs no access to the master key.
    """
    for name, value in (("office", office), ("year", year)):
        if not _OFFICE_AND_YEAR.fullmatch(value):
            raise ValueError(f"{name}: must be 4 digits")
    return derive("customs master key", master_key, b"kouan/link-key/1\0" + office.encode() + year.encode())


def link_secret(key_of_office_year: bytes, number: str) -> bytes:
    """Return the link secret (32 bytes) of a number under the key of the office and year that it names."""
    key = sized("key of office and year", key_of_office_year)
    return hmac.digest(key, b"kouan/link/1\0" + number_bytes(number), "sha256")


def link_secret_from_master(master_key: bytes, number: str) -> bytes:
    """Return the link secret (32 bytes) of a number; office and year are taken from the number itself."""
    number_bytes(number)
    return link_secret(office_year_key(master_key, number[:4], number[4:8]), number)


def handle_of(number: str, secret: bytes) -> str:
    """Return the handle (43 characters of base64url) of a number with its link secret (32 bytes)."""
    return to_text(digest("kouan/handle/1", number_bytes(number), sized("link secret", secret)))
