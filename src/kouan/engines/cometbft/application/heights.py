"""What a node keeps of the last blocks: what each led to, and where which envelope was executed.

CometBFT's block store is the log; this is what it has not, or finds only slowly.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from kouan.engines.cometbft.answers import Answer, BlockTrace
from kouan.engines.store import Store

ANSWERS_REMEMBERED: Final = 20_000
BLOCKS_REMEMBERED: Final = 100_000
"""On a quiet ledger fewer envelopes are remembered: no longer than for so many blocks."""
_TAKEN: Final = b'{"code":0,'
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(BlockTrace)


class Heights:
    """The last blocks of a store."""

    def __init__(self, store: Store) -> None:
        """Find out what the last envelopes were."""
        self._store = store
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        stored: list[tuple[int, BlockTrace]] = []
        envelopes = 0
        for height, about in store.traces():
            if envelopes >= ANSWERS_REMEMBERED or len(stored) >= BLOCKS_REMEMBERED:
                break
            stored.append((height, _decoder.decode(about)))
            envelopes += len(stored[-1][1].envelopes)
        for height, trace in reversed(stored):
            self._remember(height, trace)

    def add(self, height: int, trace: BlockTrace) -> None:
        """Take in what a block led to."""
        self._store.trace(height, _encoder.encode(trace))
        self._remember(height, trace)

    def at(self, height: int) -> BlockTrace | None:
        """Return what is kept of a block, or None."""
        about = self._store.trace_of(height)
        return None if about is None else _decoder.decode(about)

    def find(self, name: bytes) -> Answer | None:
        """Return where an envelope was executed, if it is one of the last 20,000."""
        return self._answers.get(name)

    def _remember(self, height: int, trace: BlockTrace) -> None:
        for index, (name, receipt) in enumerate(zip(trace.envelopes, trace.receipts, strict=True)):
            if name not in self._answers or receipt.startswith(_TAKEN):  # one that was refused whole took nothing
                self._answers[name] = Answer(height, index)
        while len(self._answers) > ANSWERS_REMEMBERED:
            self._answers.popitem(last=False)
        oldest = next(iter(self._answers.values())).height if self._answers else height
        self._store.traces_from = max(oldest, height - BLOCKS_REMEMBERED)
