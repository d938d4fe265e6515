"""An alliance of four that runs its ledger together, for measuring: its founding, declarations and holds to be sent.

The keys follow from names, as in `bench.port`; the bank signs with 64 keys. Time is real: CometBFT's blocks carry it.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping
from itertools import count

from bench.port import CLIENT_KEYS, DRAW_KEYS, Holds, founding_members, quota_id, seed_of
from kouan.bootstrap import PARAMETERS
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.suites import SUITE, digest, public_key
from kouan.modules.alliance.founding import FoundingValidator, NetworkFounding, alliance_id

ATTESTED_AT_ONCE = 200
HOUR_MS = 3_600_000


def document_of(validators: Mapping[str, bytes]) -> NetworkFounding:
    """Return the founding document, with these validators' public keys."""
    return NetworkFounding(
        charter={parameter.name: parameter.default for parameter in PARAMETERS},
        engine="cometbft",
        founded_ms=time.time_ns() // 1_000_000,
        members=founding_members(),
        name="bench",
        nonce=to_text(os.urandom(16)),
        second_holder="commerce",
        suite=SUITE,
        validators={member: FoundingValidator(10, to_text(public)) for member, public in validators.items()},
    )


def attestations(alliance: str, quotas: int) -> Iterator[bytes]:
    """Yield envelopes by which customs attests so many closed export declarations, USD 50,000 each."""
    number = time.time_ns() // 1000
    keys = [to_text(public_key(seed_of(f"draw-{at}"))) for at in range(DRAW_KEYS)]
    some = to_text(digest("bench/commitment"))
    for first in range(0, quotas, ATTESTED_AT_ONCE):
        commands = [
            {
                "attested": 5_000_000,
                "commitment": some,
                "custodial": False,
                "draw_key": keys[at % DRAW_KEYS],
                "fingerprints": some,
                "handle": quota_id(at).removesuffix(".USD"),
                "kind": "export",
                "mode": "0110",
                "provisional": False,
                "seal": some,
                "stage": "closed",
                "type": "customs.attest/1",
                "unit": "USD",
            }
            for at in range(first, min(first + ATTESTED_AT_ONCE, quotas))
        ]
        number += 1
        body = Body(
            alliance=alliance,
            commands=commands,
            expires_ms=time.time_ns() // 1_000_000 + HOUR_MS,
            mode="each",
            number=number,
            signer="customs/main",
        )
        yield make(body, seed_of("customs/main"))


def holds(document: NetworkFounding, quotas: int, commands: int) -> Iterator[bytes]:
    """Yield envelopes of so many holds each without end, signed by the bank's 64 keys in turn."""
    now_us = time.time_ns() // 1000  # numbers and ids that no earlier run has used
    alliance = alliance_id(document)
    numbers = count(random.randrange(quotas))  # in turn: a quota has at most 16 living holds
    makers = [
        Holds(alliance, quotas, seed=now_us + at, first_number=now_us, key=key, now_ms=now_us // 1000, numbers=numbers)
        for at, key in enumerate(CLIENT_KEYS)
    ]
    while True:
        for maker in makers:
            yield maker.envelope(commands)
