"""Everybody's keys and ids, from the seed: for simulations alone, since whoever knows the seed has them all."""

from __future__ import annotations

from functools import cache
from typing import Final

from kouan.bootstrap import PARAMETERS
from kouan.client.drawkeys import draw_seed
from kouan.client.founding_desk import CHECKER_KEY, SHANGHAI
from kouan.client.handles import handle_of, link_secret_from_master
from kouan.client.places import MAIN_KEY
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import SUITE, digest, public_key
from kouan.modules.alliance.founding import Founding, FoundingKey, FoundingMember
from kouan.modules.customs.rules import quota_id

_TAG: Final = "kouan/simulation/1"


class KeyRing:
    """What a seed's members and traders sign with, and what their declarations and loans are called on the ledger."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.quota = cache(self._quota)
        self.draw_seed = cache(self._draw_seed)
        self.paper_seed = cache(self._paper_seed)

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes for a purpose."""
        return digest(_TAG, f"{self._seed}/{purpose}".encode())

    def id16(self, name: str) -> str:
        """Return an id of 16 bytes: a loan's or a collection's."""
        return to_text(self.secret(f"id/{name}")[:16])

    def text32(self, name: str) -> str:
        """Return 32 bytes as text: a seal's hash, a registration's commitment."""
        return to_text(self.secret(f"text/{name}"))

    def signing_seed(self, signer: str) -> bytes:
        """Return a member's signing seed."""
        return self.secret(f"sign/{signer}")

    def link_secret(self, number: str) -> bytes:
        """Return a declaration's link secret."""
        return link_secret_from_master(self.secret("customs"), number)

    def handle(self, number: str) -> str:
        """Return a declaration's handle."""
        return handle_of(number, self.link_secret(number))

    def _quota(self, number: str, unit: str) -> str:
        return quota_id(self.handle(number), unit)

    def _draw_seed(self, number: str) -> bytes:
        return draw_seed(self.secret("wallets"), number)

    def _paper_seed(self, name: str) -> bytes:
        return self.secret(f"paper-draw/{name}")

    def founding(self, founded_ms: int) -> Founding:
        """Return the founding document of Shanghai with these keys."""
        return Founding(
            charter={parameter.name: parameter.default for parameter in PARAMETERS},
            engine="embedded",
            founded_ms=founded_ms,
            members=[
                FoundingMember(
                    id=founder.id,
                    keys={name: self._key(f"{founder.id}/{name}") for name in (MAIN_KEY, CHECKER_KEY)},
                    roles=sorted(founder.roles),
                    sealing=to_text(public_key(self.secret(f"sealing/{founder.id}"))),
                )
                for founder in SHANGHAI.members
            ],
            name="simulation",
            nonce=self.id16("founding"),
            operator=to_text(public_key(self.secret("operator"))),
            second_holder=SHANGHAI.second_holder,
            suite=SUITE,
        )

    def _key(self, signer: str) -> FoundingKey:
        return FoundingKey(to_text(public_key(self.signing_seed(signer))), SUITE)
