"""What of the consensus engine's own parameters the charter governs. Ledgers of one operator do not have them."""

from __future__ import annotations

from typing import Final, NamedTuple

from kouan.kernel.records import Charter
from kouan.kernel.registry import Parameter, parameter_of
from kouan.modules.alliance.rules import PARAMETERS, TRUST_PERIOD

GROUP: Final = "consensus."
BLOCK_BYTES: Final = "consensus.max_block_bytes"
EVIDENCE_BLOCKS: Final = "consensus.evidence_age_blocks"
EVIDENCE_BYTES: Final = 100_000

CONSENSUS_PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter(BLOCK_BYTES, "bytes", 2_000_000, 1_048_576, 4_194_304, "how large a block may be, all in all"),
    Parameter(
        EVIDENCE_BLOCKS,
        "blocks",
        100_000,
        1_000,
        10_000_000,
        "for how many blocks at least evidence against a validator is taken; never for less than the trust period",
    ),
)


class ConsensusParameters(NamedTuple):
    """What the consensus engine is told."""

    max_block_bytes: int
    evidence_age_blocks: int
    evidence_age_ms: int
    """The trust period: who lies to a light client within it can still be called to account."""
    max_evidence_bytes: int
    """Of evidence in one block."""


def consensus_parameters(charter: Charter) -> ConsensusParameters:
    """Return the consensus engine's parameters under a charter."""
    return ConsensusParameters(
        max_block_bytes=parameter_of(charter, BLOCK_BYTES, CONSENSUS_PARAMETERS),
        evidence_age_blocks=parameter_of(charter, EVIDENCE_BLOCKS, CONSENSUS_PARAMETERS),
        evidence_age_ms=parameter_of(charter, TRUST_PERIOD, PARAMETERS),
        max_evidence_bytes=EVIDENCE_BYTES,
    )
