"""CometBFT's calls about snapshots: which there are, a chunk for a peer, and restoring one from peers."""

from __future__ import annotations

from collections.abc import Callable

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.sync.keeping import Keeping
from kouan.engines.cometbft.sync.state_sync import Offered, Restoring
from kouan.engines.service import Tell


class SnapshotCalls:
    """Answers them. A node that keeps no snapshots gives none and takes none."""

    def __init__(self, keeping: Keeping | None, adopt: Callable[[Restoring], None], tell: Tell) -> None:
        """``adopt`` is given a state that was restored whole."""
        self._keeping = keeping
        self._state_sync = None if keeping is None else keeping.state_sync(adopt)
        self._tell = tell

    def listed(self, _request: abci.RequestListSnapshots) -> abci.ResponseListSnapshots:
        """Answer what other nodes may begin from."""
        return abci.ResponseListSnapshots(snapshots=self._keeping.listed() if self._keeping else [])

    def offer(self, request: abci.RequestOfferSnapshot) -> abci.ResponseOfferSnapshot:
        """Judge a snapshot that peers offer; CometBFT asks only while its own chain is empty."""
        if self._state_sync is None:
            return abci.ResponseOfferSnapshot(result=abci.ResponseOfferSnapshot.ABORT)
        told = request.snapshot
        offered = Offered(told.height, told.format, told.chunks, told.hash, told.metadata)
        answer = self._state_sync.offer(offered, request.app_hash)
        self._tell("snapshot-offered", height=told.height, result=answer.result.name, problem=answer.why)
        return abci.ResponseOfferSnapshot(result=answer.result.name)

    def load(self, request: abci.RequestLoadSnapshotChunk) -> abci.ResponseLoadSnapshotChunk:
        """Give a chunk to a peer."""
        chunk = self._keeping.chunk(request.height, request.chunk) if self._keeping else None
        return abci.ResponseLoadSnapshotChunk(chunk=chunk or b"")

    def apply(self, request: abci.RequestApplySnapshotChunk) -> abci.ResponseApplySnapshotChunk:
        """Take a chunk in; raises StoreError when it cannot be written."""
        if self._state_sync is None:
            return abci.ResponseApplySnapshotChunk(result=abci.ResponseApplySnapshotChunk.ABORT)
        answer = self._state_sync.apply(request.index, request.chunk, request.sender)
        if answer.why:
            self._tell("chunk-refused", sender=request.sender, result=answer.result.name, problem=answer.why)
        return abci.ResponseApplySnapshotChunk(
            result=answer.result.name, refetch_chunks=answer.refetch, reject_senders=answer.reject_senders
        )
