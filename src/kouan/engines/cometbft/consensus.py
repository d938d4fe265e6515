"""What the ledger tells CometBFT, who its validators are, and what CometBFT tells the ledger: who broke its rules."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.proto.tendermint.crypto.keys_pb2 import PublicKey
from kouan.kernel.encoding import from_text
from kouan.kernel.execution import Evidence
from kouan.kernel.state import Reader
from kouan.modules.alliance.records import VALIDATORS_KEY, Validators

KINDS = {abci.DUPLICATE_VOTE: "duplicate-vote", abci.LIGHT_CLIENT_ATTACK: "light-client-attack"}


def milliseconds(time: Timestamp) -> int:
    """Return a header's time in Unix milliseconds, rounded down."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def powers_of(state: Reader) -> dict[bytes, int]:
    """Return who votes on blocks, by consensus key, with which power; who has none is not there."""
    validators = state.read(Validators, VALIDATORS_KEY)
    if validators is None:
        raise AssertionError("the state has no validators: its founding document is not a network's")
    return powers_in(validators)


def powers_in(validators: Validators) -> dict[bytes, int]:
    """Return the same of a record of validators."""
    return {from_text(one.public): one.power for one in validators.members.values() if one.power}


def updates(before: dict[bytes, int], after: dict[bytes, int]) -> list[abci.ValidatorUpdate]:
    """Return what changes from one set of validators to another; power 0 removes one."""
    gone = dict.fromkeys(before.keys() - after.keys(), 0)
    changed = {public: power for public, power in after.items() if before.get(public) != power}
    return [
        abci.ValidatorUpdate(pub_key=PublicKey(ed25519=public), power=power)
        for public, power in sorted({**gone, **changed}.items())
    ]


def evidence_of(misbehavior: Iterable[abci.Misbehavior]) -> tuple[Evidence, ...]:
    """Return proven misbehaviour in the kernel's terms."""
    return tuple(
        Evidence(one.validator.address, one.height, KINDS[one.type], one.validator.power, milliseconds(one.time))
        for one in misbehavior
    )
