"""The alliance of `tests.engines.scene`, run by validators: one of customs' own."""

from __future__ import annotations

from typing import Final

import msgspec
from tests.engines import scene
from tests.engines.scene import BANKS, NOW_MS, accepted, codes
from tests.modules.alliance.network import consensus_seed, network_founding

from kouan import bootstrap
from kouan.modules.alliance.founding import alliance_id

__all__ = ["ALLIANCE", "BANKS", "FOUNDING", "LEDGER", "NOW_MS", "accepted", "attest", "codes", "day", "hold"]

POWER: Final = 10
FOUNDING: Final = msgspec.structs.replace(network_founding({"customs": POWER}), charter=scene.FOUNDING.charter)
ALLIANCE: Final = alliance_id(FOUNDING)
LEDGER: Final = bootstrap.ledger_of(FOUNDING)
VALIDATOR_SEED: Final = consensus_seed("customs")


def attest(number: int, *names: str, now_ms: int = NOW_MS) -> bytes:
    return scene.attest(number, *names, now_ms=now_ms, alliance=ALLIANCE)


def hold(bank: str, number: int, name: str, amount: int = 10_000, now_ms: int = NOW_MS) -> bytes:
    return scene.hold(bank, number, name, amount, now_ms, ALLIANCE)


def day(declarations: int, now_ms: int = NOW_MS) -> list[bytes]:
    return scene.day(declarations, now_ms, ALLIANCE)
