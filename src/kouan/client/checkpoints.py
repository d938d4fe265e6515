"""Whether a proof's checkpoint is the alliance's: steps 3 to 5 of the procedure in `kouan.client.verifier`."""

from __future__ import annotations

from kouan.client.failures import Failure, NotProvenError
from kouan.kernel.encoding import from_text
from kouan.kernel.execution import app_hash
from kouan.kernel.headers import SignedHeader, header_hash
from kouan.kernel.light import LightError, advance, check_header
from kouan.kernel.proof import (
    AnyProof,
    Checkpoint,
    Handover,
    NetworkCheckpoint,
    Proof,
    is_checkpoint_signed,
    is_handover_signed,
)
from kouan.modules.alliance.founding import AnyFounding, Founding, NetworkFounding, alliance_id, trusted_at_founding
from kouan.modules.alliance.rules import TRUST_PERIOD


def check_checkpoint(proof: AnyProof, founding: AnyFounding, now_ms: int | None) -> None:
    """Check the checkpoint against the founding document; raises NotProvenError.

    ``now_ms``: the verifier's clock (Unix time) for live mode; None for archival mode.
    """
    if proof.checkpoint.alliance != alliance_id(founding):  # step 3
        raise NotProvenError(Failure.WRONG_ALLIANCE)
    if isinstance(proof, Proof) and isinstance(founding, Founding):
        _check_operator(proof.checkpoint, proof.handovers, founding.operator)  # step 4
        if not is_checkpoint_signed(proof.checkpoint):  # step 5
            raise NotProvenError(Failure.CHECKPOINT_SIGNATURE)
    elif not isinstance(proof, Proof) and isinstance(founding, NetworkFounding):
        _check_network(proof.checkpoint, founding, now_ms)  # steps 4 and 5
    else:
        raise NotProvenError(Failure.WRONG_ALLIANCE)  # the alliance's ledger is not run in that way: step 3 too


def _check_operator(checkpoint: Checkpoint, handovers: list[Handover], operator: str) -> None:
    """Step 4: follow the handovers from the founding operator to the checkpoint's."""
    incarnation = from_height = 0
    for index, handover in enumerate(handovers):
        in_order = (
            handover.alliance == checkpoint.alliance
            and handover.index == index
            and (handover.incarnation, handover.from_height) >= (incarnation, from_height)
            and handover.from_height <= checkpoint.height
        )
        if not in_order:
            raise NotProvenError(Failure.HANDOVER_ORDER)
        if not is_handover_signed(handover, operator):
            raise NotProvenError(Failure.HANDOVER_SIGNATURE)
        operator, incarnation, from_height = handover.public, handover.incarnation, handover.from_height
    if (checkpoint.operator, checkpoint.incarnation) != (operator, incarnation):
        raise NotProvenError(Failure.WRONG_OPERATOR)


def _check_network(checkpoint: NetworkCheckpoint, founding: NetworkFounding, now_ms: int | None) -> None:
    trusted, step = trusted_at_founding(founding), 4
    try:
        for change in checkpoint.steps:
            trusted = advance(trusted, change, now_ms=now_ms, trust_period_ms=founding.charter[TRUST_PERIOD])
        step = 5
        check_header(trusted, SignedHeader(checkpoint.commit, checkpoint.header), now_ms=now_ms)
    except LightError as problem:
        raise NotProvenError(Failure[problem.reason.name], step) from None
    if from_text(checkpoint.header.last_block_id.hash) != header_hash(checkpoint.previous):
        raise NotProvenError(Failure.PREVIOUS_HEADER)
    roots = from_text(checkpoint.state_root), from_text(checkpoint.receipts_root)
    if from_text(checkpoint.header.app_hash) != app_hash(*roots):
        raise NotProvenError(Failure.OTHER_ROOTS)
