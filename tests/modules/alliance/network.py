"""A network's founding for tests: the usual cast, in which some members also run validators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.modules.ledger import MEMBERS, SECOND_HOLDER, START_MS, founding_of, seed_of

from kouan.kernel.encoding import to_text
from kouan.kernel.suites import SUITE, digest, public_key
from kouan.modules.alliance.founding import FoundingValidator, NetworkFounding
from kouan.modules.alliance.rules import PARAMETERS, Role
from kouan.modules.alliance.trust import FoundingSignature, sign_founding

POWERS: Final = {"bank-a": 10, "bank-b": 10, "commerce": 10, "customs": 10}


def consensus_seed(member: str, key: str = "first") -> bytes:
    return digest("test/consensus", f"{member}/{key}".encode())


def consensus_public(member: str, key: str = "first") -> str:
    return to_text(public_key(consensus_seed(member, key)))


def network_founding(
    powers: Mapping[str, int] = POWERS, members: Mapping[str, list[Role]] = MEMBERS, **charter: int
) -> NetworkFounding:
    """A sound founding document of a network."""
    alone = founding_of(PARAMETERS, members, **charter)
    return NetworkFounding(
        charter=alone.charter,
        engine="cometbft",
        founded_ms=START_MS,
        members=alone.members,
        name="test",
        nonce=alone.nonce,
        second_holder=SECOND_HOLDER if SECOND_HOLDER in members else next(iter(members)),
        suite=SUITE,
        validators={member: FoundingValidator(power, consensus_public(member)) for member, power in powers.items()},
    )


def signatures(founding: NetworkFounding, **seeds: Any) -> dict[str, FoundingSignature]:
    """Every member's signature, by its key ``main`` or by another seed."""
    return {
        member.id: sign_founding(founding, member.id, seeds.get(member.id, seed_of(member.id)))
        for member in founding.members
    }
