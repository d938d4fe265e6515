"""The checkpoint inside a snapshot: made from what CometBFT has, checked from the founding document on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kouan.engines.cometbft.sync.own_node import NotYetError
from kouan.engines.cometbft.sync.snapshot_format import SnapshotError
from kouan.kernel.encoding import EncodingError, decode, encode, from_text, to_text
from kouan.kernel.execution import app_hash
from kouan.kernel.headers import SignedHeader, header_hash
from kouan.kernel.light import LightError, Trusted, advance, check_header
from kouan.kernel.proof import NetworkCheckpoint

if TYPE_CHECKING:
    from kouan.engines.cometbft.sync.changes import Changes
    from kouan.engines.cometbft.sync.own_node import Asked
    from kouan.engines.cometbft.sync.snapshot_format import Metadata
    from kouan.engines.cometbft.sync.snapshot_taking import Subject


def checkpoint_of(subject: Subject, node: Asked, changes: Changes) -> bytes | None:
    """Return the checkpoint of a height as canonical JSON; None while CometBFT has not got all of it."""
    try:
        changes.fetch(node)
        above = node.signed(subject.height + 1)
        previous = node.header(subject.height)
    except NotYetError:
        return None
    wanted = changes.oldest_wanted
    if wanted is not None and wanted <= subject.height:
        return None
    return encode(
        NetworkCheckpoint(
            alliance=subject.alliance,
            commit=above.commit,
            header=above.header,
            previous=previous,
            receipts_root=to_text(subject.receipts_root),
            state_root=to_text(subject.state_root),
            steps=changes.steps(below=subject.height + 1),
        )
    )


def read_checkpoint(raw: bytes) -> NetworkCheckpoint:
    """Read a checkpoint; raises SnapshotError."""
    try:
        return msgspec.convert(decode(raw), NetworkCheckpoint)
    except (EncodingError, msgspec.ValidationError) as problem:
        raise SnapshotError(f"its checkpoint cannot be read: {problem}") from None


def check_vouched(raw: bytes, metadata: Metadata, founded: Trusted) -> None:
    """Check that a snapshot's checkpoint vouches for its metadata, from the founding on; raises SnapshotError.

    That the alliance agreed on it is shown by votes of whoever were validators then, however long ago: that those
    have not been stolen since is for CometBFT's light client to judge, or for a proof that is verified live.
    """
    checkpoint = read_checkpoint(raw)
    stated = (metadata.alliance, metadata.height, metadata.time_ms, metadata.state_root, metadata.receipts_root)
    if stated != (
        checkpoint.alliance,
        checkpoint.height,
        checkpoint.time_ms,
        checkpoint.state_root,
        checkpoint.receipts_root,
    ):
        raise SnapshotError("its checkpoint is of another height, time or state than its metadata")
    trusted = founded
    try:
        for step in checkpoint.steps:
            trusted = advance(trusted, step, now_ms=None, trust_period_ms=0)
        check_header(trusted, SignedHeader(checkpoint.commit, checkpoint.header), now_ms=None)
    except LightError as problem:
        raise SnapshotError(f"its checkpoint does not verify: {problem}") from None
    if from_text(checkpoint.header.last_block_id.hash) != header_hash(checkpoint.previous):
        raise SnapshotError("its checkpoint names another block than the one that the next builds on")
    roots = from_text(checkpoint.state_root), from_text(checkpoint.receipts_root)
    if checkpoint.header.app_hash != to_text(app_hash(*roots)):
        raise SnapshotError("its checkpoint's roots are not what the alliance agreed on")
