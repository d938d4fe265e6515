"""A real alliance for the engine's tests: customs attests declarations, banks hold parts of them.

The clock stands, so the same envelopes lead to the same state however they are grouped into blocks.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.modules.ledger import OPERATOR_SEED, founding_of, seed_of

from kouan import bootstrap
from kouan.engines import store
from kouan.engines.disk import Disk
from kouan.engines.embedded import Embedded
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.suites import digest, public_key, sign
from kouan.kernel.tree import Tree
from kouan.modules.alliance.founding import alliance_id
from kouan.modules.alliance.trust import trust_file
from kouan.modules.financing.rules import DRAW_TAG, draw_message

HOUR_MS: Final = 3_600_000
NOW_MS: Final = 1_700_000_000_000 + HOUR_MS
FOUNDING: Final = founding_of(bootstrap.PARAMETERS, provable_blocks=6)
ALLIANCE: Final = alliance_id(FOUNDING)
LEDGER: Final = bootstrap.ledger_of(FOUNDING)
BANKS: Final = ("bank-a", "bank-b", "bank-c")
ATTESTED: Final = 10_000_000
TREE_DEPTH: Final = 10  # shows in speed alone, and a shallow one is quickly made


def shallow_tree(patch: pytest.MonkeyPatch) -> None:
    """Let stores begin with a small tree."""
    patch.setattr(store, "Tree", partial(Tree, depth=TREE_DEPTH))


def open_engine(directory: Path, *, disk: Disk | None = None, accept_loss: bool = False, **options: Any) -> Embedded:
    directory.mkdir(parents=True, exist_ok=True)
    return Embedded(
        directory,
        LEDGER,
        lambda: NOW_MS,
        operator_seed=OPERATOR_SEED,
        disk=disk,
        accept_loss=accept_loss,
        **options,
    )


def kill(engine: Embedded) -> None:
    """What a kill leaves: everything is let go, nothing is flushed."""
    engine._opened.close()


def make_port(port: Path) -> None:
    """Make a port directory of the alliance, as `kouan init` does, without homes."""
    (port / bootstrap.LEDGER).mkdir(parents=True)
    (port / bootstrap.TRUST_FILE).write_bytes(trust_file(FOUNDING))
    seed = port / bootstrap.LEDGER / bootstrap.OPERATOR_SEED
    seed.write_text(OPERATOR_SEED.hex() + "\n")
    seed.chmod(0o600)
    bootstrap.open_ledger(port, lambda: NOW_MS, begin=True).close()


def quota_id(name: str) -> str:
    return f"{_some32(name)}.USD"


def attest(number: int, *names: str, now_ms: int = NOW_MS, alliance: str = ALLIANCE) -> bytes:
    """An envelope of customs that opens a declaration of USD 100,000 for each name."""
    return _envelope("customs", number, [_attestation(name) for name in names], now_ms, alliance)


def hold(
    bank: str, number: int, name: str, amount: int = 10_000, now_ms: int = NOW_MS, alliance: str = ALLIANCE
) -> bytes:
    """An envelope of a bank that holds a part of a declaration, for a loan of its own."""
    quota, loan = quota_id(name), to_text(digest("test/loan", f"{bank}/{number}".encode())[:16])
    expires_ms = now_ms + HOUR_MS
    message = draw_message(alliance, bank, loan, quota, amount, expires_ms)
    allocation = {
        "amount": amount,
        "expires_ms": expires_ms,
        "quota": quota,
        "signature": to_text(sign(_draw_seed(name), DRAW_TAG, message)),
    }
    command = {
        "allocations": [allocation],
        "amount": amount,
        "currency": "USD",
        "financing": loan,
        "lapse_ms": now_ms + 24 * HOUR_MS,
        "maturity_ms": now_ms + 90 * 24 * HOUR_MS,
        "product": "export-bill",
        "purpose": "seller",
        "rates": {},
        "type": "financing.hold/1",
    }
    return _envelope(bank, number, [command], now_ms, alliance)


def day(declarations: int, now_ms: int = NOW_MS, alliance: str = ALLIANCE) -> list[bytes]:
    """Envelopes one after the other: each declaration is attested, then a bank holds a part of it."""
    envelopes = []
    for number in range(1, declarations + 1):
        envelopes.append(attest(number, f"d{number}", now_ms=now_ms, alliance=alliance))
        envelopes.append(hold("bank-a", number, f"d{number}", now_ms=now_ms, alliance=alliance))
    return envelopes


def codes(receipt: bytes) -> list[int]:
    """The codes of an envelope and its commands."""
    answer = msgspec.json.decode(receipt)
    return [answer["code"], *(result["code"] for result in answer["results"])]


def accepted(receipt: bytes) -> bool:
    return not any(codes(receipt))


def _attestation(name: str) -> dict[str, Any]:
    return {
        "attested": ATTESTED,
        "commitment": _some32("commitment"),
        "custodial": False,
        "draw_key": to_text(public_key(_draw_seed(name))),
        "fingerprints": _some32("fingerprints"),
        "handle": _some32(name),
        "kind": "export",
        "mode": "0110",
        "provisional": False,
        "seal": _some32("seal"),
        "stage": "closed",
        "type": "customs.attest/1",
        "unit": "USD",
    }


def _envelope(member: str, number: int, commands: list[dict[str, Any]], now_ms: int, alliance: str) -> bytes:
    body = Body(alliance, commands, now_ms + HOUR_MS, "each", number, f"{member}/main")
    return make(body, seed_of(member))


def _draw_seed(name: str) -> bytes:
    return digest("test/draw", name.encode())


def _some32(name: str) -> str:
    return to_text(digest("test/engine", name.encode()))
