"""A ledger for measuring: a founded alliance, any number of quotas, holds ready to be sent.

The quotas are put into the state at height 0, so that a million of them cost seconds; everything measured afterwards
goes through the same code as in use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from kouan.bootstrap import PARAMETERS, ledger_of
from kouan.engines.embedded import Embedded, Ledger
from kouan.kernel.encoding import encode, to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.quota import key_of, limit_of
from kouan.kernel.records import Quota
from kouan.kernel.suites import SUITE, digest, public_key, sign
from kouan.modules.alliance.founding import Founding, FoundingKey, FoundingMember, genesis
from kouan.modules.financing.rules import DRAW_TAG, draw_message

START_MS = 1_800_000_000_000
DRAW_KEYS = 256
BANK = "bank-a"
CLIENT_KEYS = [f"client-{number}" for number in range(64)]
OPERATOR_SEED = digest("bench/operator")


def seed_of(name: str) -> bytes:
    """Return the seed of a key by its name: member/key, or draw-0 and so on for the owners' keys."""
    return digest("bench/seed", name.encode())


def _draw_seeds() -> list[bytes]:
    return [seed_of(f"draw-{number}") for number in range(DRAW_KEYS)]


def _key(member: str, name: str) -> FoundingKey:
    return FoundingKey(to_text(public_key(seed_of(f"{member}/{name}"))), SUITE)


def founding_members() -> list[FoundingMember]:
    """Four institutions; the bank has a key for each of its 64 clients."""
    roles = {BANK: ["bank"], "commerce": ["convener", "operator"], "customs": ["customs"], "overseer": ["overseer"]}
    return [
        FoundingMember(
            id=member,
            keys={name: _key(member, name) for name in ("main", *(CLIENT_KEYS if member == BANK else ()))},
            roles=given,  # type: ignore[arg-type]  # plain strings here
            sealing=to_text(public_key(seed_of(f"{member}-sealing"))),
        )
        for member, given in roles.items()
    ]


def founding() -> Founding:
    """A small alliance."""
    charter = {parameter.name: parameter.default for parameter in PARAMETERS}
    charter["envelopes_per_member_and_block"] = 100_000
    return Founding(
        charter=charter,
        engine="embedded",
        founded_ms=START_MS,
        members=founding_members(),
        name="bench",
        nonce=to_text(bytes(16)),
        operator=to_text(public_key(OPERATOR_SEED)),
        second_holder="commerce",
        suite=SUITE,
    )


def quota_id(number: int) -> str:
    """Name the n-th quota."""
    return to_text(digest("bench/handle", number.to_bytes(8))) + ".USD"


def quotas(count: int) -> Iterator[tuple[str, bytes]]:
    """Records of closed export declarations, USD 50,000 each."""
    keys = [to_text(public_key(seed)) for seed in _draw_seeds()]
    some = to_text(digest("bench/commitment"))
    attested = 5_000_000
    for number in range(count):
        quota = Quota(
            attested=attested,
            collected=0,
            commitment=some,
            custodial=False,
            draw_key=keys[number % DRAW_KEYS],
            draws=0,
            facts={"mode": "0110", "stage": "closed"},
            fingerprints=some,
            holds=[],
            id=quota_id(number),
            issuer="customs",
            kind="export",
            lapses={},
            limit=limit_of(attested, 0, 8000, settled=False),
            ratio_bp=8000,
            revision=0,
            seal=some,
            settled=False,
            spent=0,
            status="active",
            unit="USD",
            used=0,
        )
        yield key_of(quota.id), encode(quota)


def ledger(count: int) -> Ledger:
    """What a ledger with so many quotas begins with."""
    document = founding()
    records = [*genesis(document), *quotas(count)]
    return ledger_of(document)._replace(genesis=records, keep_versions=256)


def open_engine(directory: Path, ledger: Ledger, now_ms: Callable[[], int] = lambda: START_MS) -> Embedded:
    """Open the ledger with a clock that stands."""
    directory.mkdir(parents=True, exist_ok=True)
    return Embedded(directory, ledger, now_ms, operator_seed=OPERATOR_SEED)


class Holds:
    """Makes signed envelopes of holds, each on one quota, spread at random."""

    def __init__(
        self,
        alliance: str,
        count: int,
        *,
        seed: int,
        first_number: int = 0,
        key: str = "main",
        now_ms: int = START_MS,
        numbers: Iterator[int] | None = None,
    ) -> None:
        """``numbers``: of the quotas, one after the other; without it they are taken at random."""
        self._alliance = alliance
        self._now_ms = now_ms
        self._key = key
        self._count = count
        self._numbers = numbers
        self._random = random.Random(seed)
        self._seeds = _draw_seeds()
        self._number = first_number

    def envelope(self, commands: int) -> bytes:
        """Return one envelope of so many holds of USD 100."""
        self._number += 1
        body = Body(
            alliance=self._alliance,
            commands=[self._hold() for _ in range(commands)],
            expires_ms=self._now_ms + 3_600_000,
            mode="each",
            number=self._number,
            signer=f"{BANK}/{self._key}",
        )
        return make(body, seed_of(f"{BANK}/{self._key}"))

    def _hold(self) -> dict[str, object]:
        financing = to_text(self._random.randbytes(16))
        number = self._random.randrange(self._count) if self._numbers is None else next(self._numbers) % self._count
        quota, amount, expires_ms = quota_id(number), 10_000, self._now_ms + 3_600_000
        message = draw_message(self._alliance, BANK, financing, quota, amount, expires_ms)
        signature = to_text(sign(self._seeds[number % DRAW_KEYS], DRAW_TAG, message))
        return {
            "allocations": [{"amount": amount, "expires_ms": expires_ms, "quota": quota, "signature": signature}],
            "amount": amount,
            "currency": "USD",
            "financing": financing,
            "lapse_ms": self._now_ms + 3 * 24 * 3_600_000,
            "maturity_ms": self._now_ms + 90 * 24 * 3_600_000,
            "product": "export-bill",
            "purpose": "seller",
            "rates": {},
            "type": "financing.hold/1",
        }
