"""The alliance of a fault campaign: the cast of the random commands, four of whom run validators."""

from __future__ import annotations

from typing import Final

from tests.modules.alliance.network import consensus_public, signatures
from tests.modules.ledger import founding_of
from tests.simulation.random_commands import BANKS, DAY_MS
from tests.simulation.random_papers import ATTESTER, EVALUATOR

from kouan import bootstrap
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest
from kouan.modules.alliance.founding import FoundingValidator, NetworkFounding
from kouan.modules.alliance.rules import Role
from kouan.modules.alliance.trust import network_trust_file

VALIDATORS: Final = ("bank-a", "bank-b", "commerce", "customs")
POWER: Final = 10
MEMBERS: Final[dict[str, list[Role]]] = {
    **{bank: ["bank"] for bank in BANKS},
    "commerce": ["convener", "operator"],
    "customs": ["customs"],
    "customs-b": ["customs"],
    "overseer": ["overseer"],
    ATTESTER: ["attester"],
    EVALUATOR: ["evaluator"],
}


def found(now_ms: int) -> NetworkFounding:
    """Return the founding document of an alliance that begins now."""
    plain = founding_of(bootstrap.PARAMETERS, MEMBERS, **{"customs.opening_sealed_ms": 10 * DAY_MS})
    return NetworkFounding(
        charter=plain.charter,
        engine="cometbft",
        founded_ms=now_ms,
        members=plain.members,
        name="faults",
        nonce=to_text(digest("test/nonce", str(now_ms).encode())[:16]),
        second_holder=plain.second_holder,
        suite=plain.suite,
        validators={member: FoundingValidator(POWER, consensus_public(member)) for member in VALIDATORS},
    )


def trust_file(founding: NetworkFounding) -> bytes:
    """Return ``alliance.json``, signed by all members."""
    return network_trust_file(founding, signatures(founding))
