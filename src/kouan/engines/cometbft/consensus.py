"""What the ledger tells CometBFT, who its validators are, and what CometBFT tells the ledger: who broke its rules."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.proto.tendermint.crypto.keys_pb2 import PublicKey
from kouan.engines.cometbft.proto.tendermint.types.params_pb2 import BlockParams, ConsensusParams, EvidenceParams
from kouan.kernel.encoding import from_text
from kouan.kernel.execution import Evidence
from kouan.kernel.records import Charter
from kouan.kernel.state import Reader
from kouan.modules.alliance.consensus import consensus_parameters
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


def parameters_of(charter: Charter) -> ConsensusParams:
    """Return how CometBFT is set under a charter; what the charter does not govern stays as genesis.json has it."""
    governed = consensus_parameters(charter)
    age_s, rest_ms = divmod(governed.evidence_age_ms, 1000)
    return ConsensusParams(
        block=BlockParams(max_bytes=governed.max_block_bytes, max_gas=-1),
        evidence=EvidenceParams(
            max_age_num_blocks=governed.evidence_age_blocks,
            max_age_duration=Duration(seconds=age_s, nanos=rest_ms * 1_000_000),
            max_bytes=governed.max_evidence_bytes,
        ),
    )


def evidence_of(misbehavior: Iterable[abci.Misbehavior]) -> tuple[Evidence, ...]:
    """Return proven misbehaviour in the kernel's terms."""
    return tuple(
        Evidence(one.validator.address, one.height, KINDS[one.type], one.validator.power, milliseconds(one.time))
        for one in misbehavior
    )
