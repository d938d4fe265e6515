"""Making a snapshot that was taken in the state of a node."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec

from kouan.engines.cometbft.answers import BlockTrace
from kouan.engines.cometbft.sync.changes import CHANGES, write_changes
from kouan.engines.cometbft.sync.vouching import read_checkpoint
from kouan.engines.disk import sync
from kouan.engines.embedded import set_aside
from kouan.engines.log_format import Position
from kouan.engines.store import Mark
from kouan.kernel.encoding import from_text

if TYPE_CHECKING:
    from pathlib import Path

    from kouan.engines.cometbft.sync.state_sync import Restoring


def finish(restored: Restoring) -> Path:
    """Write the rest of a state whose chunks were all taken; return its directory. Raises StoreError."""
    metadata = restored.metadata
    roots = from_text(metadata.state_root), from_text(metadata.receipts_root)
    trace = BlockTrace(metadata.time_ms, *roots, [], [])
    mark = Mark(metadata.height, metadata.time_ms, *roots, Position(metadata.height, 0, 0, b""), oldest=metadata.height)
    place = restored.finish(mark, msgspec.msgpack.encode(trace))
    checkpoint = read_checkpoint(restored.checkpoint)
    header = checkpoint.header
    changes_next = header.next_validators_hash != header.validators_hash
    write_changes(place / CHANGES, checkpoint.steps, header.height if changes_next else None)
    return place


def put_in_place(place: Path, state: Path, *, keep: bool) -> None:
    """Rename a finished state to the node's; ``keep``: set aside what is there, or else delete it."""
    if keep:
        set_aside(state)
    else:
        shutil.rmtree(state, ignore_errors=True)
    place.rename(state)
    sync(state.parent)
