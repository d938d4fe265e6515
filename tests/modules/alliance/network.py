"""A network's founding for tests: the usual cast, in which some members also run validators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.modules.ledger import MEMBERS, SECOND_HOLDER, START_MS, Ledger, founding_of, seed_of

from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.execution import Evidence
from kouan.kernel.headers import address_of
from kouan.kernel.suites import SUITE, digest, public_key, sign
from kouan.modules.alliance.commands.validators import VALIDATOR_POSSESSION_TAG, validator_possession
from kouan.modules.alliance.founding import FoundingValidator, NetworkFounding
from kouan.modules.alliance.records import Validators
from kouan.modules.alliance.rules import PARAMETERS, Role
from kouan.modules.alliance.trust import FoundingSignature, sign_founding

POWERS: Final = {"bank-a": 10, "bank-b": 10, "commerce": 10, "customs": 10}


def consensus_seed(member: str, key: str = "first") -> bytes:
    return digest("test/consensus", f"{member}/{key}".encode())


def consensus_public(member: str, key: str = "first") -> str:
    return to_text(public_key(consensus_seed(member, key)))


def network_founding(
    powers: Mapping[str, int] = POWERS, *, members: Mapping[str, list[Role]] = MEMBERS, **charter: int
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


def network(powers: Mapping[str, int] = POWERS, **charter: int) -> Ledger:
    """A ledger in memory that validators run."""
    return Ledger(founding=network_founding(powers, members=MEMBERS, **charter))


def validators_of(ledger: Ledger) -> Validators:
    return ledger.must(Validators, "validators")


def powers_of(ledger: Ledger) -> dict[str, int]:
    return {member: one.power for member, one in validators_of(ledger).members.items()}


def rotation(ledger: Ledger, member: str, key: str = "next", public: str | None = None) -> dict[str, Any]:
    """A command by which a member gives its validator a key that is derived from its name."""
    public = public or consensus_public(member, key)
    message = validator_possession(ledger.alliance, member, public)
    signature = to_text(sign(consensus_seed(member, key), VALIDATOR_POSSESSION_TAG, message))
    return {"type": "alliance.rotate-validator-key/1", "public": public, "signature": signature}


def evidence_of(ledger: Ledger, public: str, height: int = 1, power: int = 10) -> Evidence:
    return Evidence(address_of(from_text(public)), height, "duplicate-vote", power, ledger.time_ms - 1_000)
