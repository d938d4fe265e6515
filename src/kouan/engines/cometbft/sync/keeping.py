"""What a node keeps beside its state: snapshots for others, the archive of changes, blocks while they serve."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.sync.changes import CHANGES, Changes, ChangesError
from kouan.engines.cometbft.sync.own_node import NotYetError, OwnNode
from kouan.engines.cometbft.sync.retention import Retention
from kouan.engines.cometbft.sync.snapshot_format import ABCI_FORMAT
from kouan.engines.cometbft.sync.snapshot_shelf import Shelf
from kouan.engines.cometbft.sync.snapshot_taking import ASK_AGAIN_S, Subject, Taker
from kouan.engines.cometbft.sync.state_sync import StateSync
from kouan.engines.cometbft.sync.vouching import check_vouched, checkpoint_of
from kouan.engines.embedded import STATE
from kouan.modules.alliance.founding import trusted_at_founding
from kouan.modules.alliance.rules import TRUST_PERIOD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kouan.engines.cometbft.node.directory import NodeDirectory, Settings
    from kouan.engines.cometbft.sync.own_node import Asked
    from kouan.engines.cometbft.sync.snapshot_format import Metadata
    from kouan.engines.cometbft.sync.state_sync import Restoring
    from kouan.engines.service import Tell
    from kouan.engines.store_copy import Frozen
    from kouan.kernel.light import Step, Trusted
    from kouan.modules.alliance.founding import NetworkFounding

SNAPSHOTS: Final = "snapshots"
RETENTION: Final = "retention.json"
NEW_STATE: Final = "state.new"
DAY_MS: Final = 86_400_000


class Keep(NamedTuple):
    """How much a node keeps."""

    snapshot_every_ms: int
    """By the blocks' times, so that all nodes take them at the same heights; 0 for no snapshots."""
    snapshots: int
    """How many of the newest."""
    retention_ms: int
    """How long CometBFT's blocks are kept, by their times."""


class Keeping:
    """See the module. ``committed`` is told of every block; all else runs in threads of its own."""

    def __init__(self, directory: Path, founded: Trusted, keep: Keep, node: Asked, tell: Tell) -> None:
        """``directory``: the node's. ``node``: the CometBFT beside it. Raises ChangesError."""
        self._directory = directory
        self._founded = founded
        self._keep = keep
        self._node = node
        self._tell = tell
        self._shelf = Shelf(directory / SNAPSHOTS, keep=keep.snapshots)
        self._taker = Taker(self._shelf, self._vouch, self._told)
        self._retention = Retention(directory / RETENTION, keep.retention_ms)
        self.reopen()
        self._stop = threading.Event()
        self._fetching = threading.Thread(target=self._fetch, name="changes", daemon=True)
        self._fetching.start()

    def reopen(self) -> None:
        """Read the archive of the state anew; raises ChangesError."""
        self.changes = Changes(self._directory / STATE / CHANGES, self._founded)

    def steps(self) -> list[Step]:
        """Return every change of the validators so far."""
        return self.changes.steps()

    def state_sync(self, adopt: Callable[[Restoring], None]) -> StateSync:
        """Return what answers to snapshots that others offer."""

        def check(checkpoint: bytes, metadata: Metadata) -> None:
            check_vouched(checkpoint, metadata, self._founded)

        return StateSync(self._founded.chain_id, self._directory / NEW_STATE, check, adopt)

    def changed(self, height: int) -> None:
        """Note that a block changed the validators: the next header names the set of the one after it."""
        self.changes.want(height + 1)

    def is_due(self, height: int, before_ms: int, time_ms: int) -> bool:
        """Tell whether a snapshot is to be taken of a height, whose block before had the time ``before_ms``.

        Not while one is under way: where they come faster than they are made, some are left out and none is given up.
        """
        every = self._keep.snapshot_every_ms
        if not every or time_ms // every <= before_ms // every:
            return False
        return not self._taker.is_busy and not self._shelf.has(height)

    def take(self, frozen: Frozen, subject: Subject) -> None:
        """Begin a snapshot."""
        self._taker.take(frozen, subject)

    def retain_height(self, height: int, time_ms: int, flushed: int) -> int:
        """Return which blocks CometBFT must keep, after a block was committed; ``flushed``: the state on disk."""
        self._retention.note(height, time_ms)
        oldest = self._shelf.oldest if self._keep.snapshot_every_ms else None
        if oldest is None and self._keep.snapshot_every_ms:
            return 0  # nobody could begin from a snapshot yet
        return self._retention.retain_height(time_ms, (flushed, oldest, self.changes.oldest_wanted))

    def listed(self) -> list[abci.Snapshot]:
        """Return the snapshots that others may begin from."""
        return [
            abci.Snapshot(
                height=kept.height, format=ABCI_FORMAT, chunks=kept.chunks, hash=kept.hash, metadata=kept.metadata
            )
            for kept in self._shelf.listed()
        ]

    def chunk(self, height: int, index: int) -> bytes | None:
        """Return a chunk of a snapshot."""
        return self._shelf.chunk(height, index)

    def pause(self) -> None:
        """Give up the snapshot that is under way, so that the state can be closed."""
        self._taker.stop()

    def close(self) -> None:
        """Stop what runs; the state can be flushed and closed after this."""
        self._stop.set()
        self._taker.stop()
        self._fetching.join()

    def _vouch(self, subject: Subject) -> bytes | None:
        return checkpoint_of(subject, self._node, self.changes)

    def _told(self, end: str, height: int, why: str) -> None:
        about = {"problem": why} if why else {}
        self._tell(f"snapshot-{end}", height=height, **about)

    def _fetch(self) -> None:
        told = ""
        while not self._stop.wait(ASK_AGAIN_S):
            if self.changes.oldest_wanted is None:
                continue
            try:
                self.changes.fetch(self._node)
            except NotYetError:
                pass
            except (ChangesError, OSError, ValueError) as problem:
                if str(problem) != told:
                    self._tell("changes-failed", problem=str(problem))
                told = str(problem)


def of_node(node: NodeDirectory, settings: Settings, founding: NetworkFounding, tell: Tell) -> Keeping:
    """Return what a node keeps by its settings; raises ChangesError."""
    keep = Keep(
        snapshot_every_ms=settings.snapshot_every_s * 1000,
        snapshots=settings.snapshots_kept,
        retention_ms=max(settings.retention_days * DAY_MS, founding.charter[TRUST_PERIOD]),
    )
    return Keeping(node.path, trusted_at_founding(founding), keep, OwnNode(settings.rpc), tell)
