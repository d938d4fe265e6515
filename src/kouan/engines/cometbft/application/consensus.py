"""What the ledger tells CometBFT, who its validators are, and what CometBFT tells the ledger: who broke its rules."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.proto.tendermint.crypto.keys_pb2 import PublicKey
from kouan.engines.cometbft.proto.tendermint.types.params_pb2 import BlockParams, ConsensusParams, EvidenceParams
from kouan.kernel.encoding import from_text
from kouan.kernel.execution import BlockOutcome, Evidence
from kouan.kernel.records import Charter
from kouan.kernel.registry import CHARTER_KEY
from kouan.kernel.state import Reader, decoder
from kouan.modules.alliance.consensus import consensus_parameters
from kouan.modules.alliance.records import VALIDATORS_KEY, Validators
from kouan.modules.alliance.standing import charter_of, validators_of
from kouan.modules.alliance.validators import validator_updates

KINDS = {abci.DUPLICATE_VOTE: "duplicate-vote", abci.LIGHT_CLIENT_ATTACK: "light-client-attack"}


def milliseconds(time: Timestamp) -> int:
    """Return a header's time in Unix milliseconds, rounded down."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def updates(before: Validators | None, after: Validators) -> list[abci.ValidatorUpdate]:
    """Return what changes from one set of validators to another; power 0 removes one."""
    return [
        abci.ValidatorUpdate(pub_key=PublicKey(ed25519=from_text(public)), power=power)
        for public, power in validator_updates(before, after)
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


def answer_of(outcome: BlockOutcome, before: Reader) -> abci.ResponseFinalizeBlock:
    """Tell CometBFT what came of a block, and what of its own affairs is another now than in the state before."""
    answer = abci.ResponseFinalizeBlock(
        tx_results=[abci.ExecTxResult(data=receipt) for receipt in outcome.receipts], app_hash=outcome.app_hash
    )
    for write in outcome.writes:
        if write.key == VALIDATORS_KEY:
            after = decoder(Validators).decode(write.value)
            answer.validator_updates.extend(updates(validators_of(before), after))
        elif write.key == CHARTER_KEY:
            wanted = parameters_of(decoder(Charter).decode(write.value))
            if wanted != parameters_of(charter_of(before)):
                answer.consensus_param_updates.CopyFrom(wanted)
    return answer
