"""Which envelopes are let in; written from `docs/reference/envelope.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from kouan.kernel.envelope import Envelope
from kouan.kernel.rejections import Rejection
from kouan.simulation.audit.rules import Party
from kouan.simulation.audit.signatures import canonical, holds

_DAY_MS: Final = 24 * 3_600_000
_MOST_BYTES: Final = 512 * 1024
_REMEMBERED: Final = 256
_DEEPEST: Final = 16


class Letter(NamedTuple):
    """An envelope that could be read."""

    commands: list[dict[str, Any]]
    key: str
    member: str
    number: int
    together: bool


class Numbers:
    """Which numbers each key has used."""

    def __init__(self) -> None:
        self._used: dict[str, set[int]] = {}

    def is_free(self, signer: str, number: int) -> bool:
        """Tell whether a number was not used and is not too far back to tell."""
        used = self._used.get(signer, set())
        return number not in used and (not used or number > max(used) - _REMEMBERED)

    def use(self, signer: str, number: int) -> None:
        """Use a number up."""
        self._used.setdefault(signer, set()).add(number)


def read(raw: bytes, alliance: str, time_ms: int, parties: Mapping[str, Party]) -> Letter | Rejection:
    """Return what an envelope says, or why it is not looked at: all but the number and the member's bound."""
    plain = _plain(raw)
    try:
        envelope = msgspec.convert(plain, Envelope)
    except msgspec.ValidationError:
        return Rejection.ENVELOPE_MALFORMED
    body = envelope.body
    for is_so, code in (
        (body.alliance != alliance, Rejection.ENVELOPE_WRONG_ALLIANCE),
        (body.expires_ms <= time_ms, Rejection.ENVELOPE_EXPIRED),
        (body.expires_ms - time_ms > _DAY_MS, Rejection.ENVELOPE_EXPIRY_TOO_FAR),
    ):
        if is_so:
            return code
    member, _, key = body.signer.partition("/")
    if member not in parties or key not in parties[member].keys:
        return Rejection.ENVELOPE_UNKNOWN_SIGNER
    if not holds(parties[member].keys[key], "kouan/envelope/1", canonical(plain["body"]), envelope.signature):
        return Rejection.ENVELOPE_BAD_SIGNATURE
    return Letter(body.commands, key, member, body.number, body.mode == "all")


def _plain(raw: bytes) -> Any:
    """Return the plain value of canonical bytes; None for any others, which no envelope is."""
    if len(raw) > _MOST_BYTES or any(not 0x20 <= byte <= 0x7E for byte in raw):
        return None
    try:
        plain = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return plain if _is_within(plain, _DEEPEST) and canonical(plain) == raw else None


def _is_within(plain: Any, levels: int) -> bool:
    """Tell whether a value is of the ledger's subset of JSON."""
    if isinstance(plain, float):
        return False
    if isinstance(plain, int):
        return abs(plain) < 2**53
    if isinstance(plain, dict | list):
        children = plain.values() if isinstance(plain, dict) else plain
        return levels > 0 and all(_is_within(child, levels - 1) for child in children)
    return True
