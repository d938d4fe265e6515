"""What a node answers to ``abci_query``: data and values are MessagePack. Nobody need trust them: a header vouches.

Path     data                          value
records  [keys, height]                Records; height 0: the newest that a header vouches for
answers  envelope ids                  for each an Answer, or nil
block    height                        BlockAnswer
changes  nil                           the steps of the validator sets
status   nil                           Status
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from kouan.engines.cometbft.answers import (
    MAX_KEYS,
    QUERY_MALFORMED,
    QUERY_NOT_KEPT,
    QUERY_UNKNOWN,
    Answer,
    BlockAnswer,
    BlockTrace,
    Records,
)
from kouan.engines.cometbft.application.heights import Heights
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.port import Status
from kouan.engines.store import Store, StoreError, Version
from kouan.kernel.encoding import Bytes32, Count, from_text, to_text
from kouan.kernel.execution import NO_RECEIPTS, app_hash
from kouan.kernel.light import Step
from kouan.kernel.proof import Key

MAX_PUT_BACK: Final = 50_000
"""Records to put back to read an older version: more would keep consensus waiting."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.decode


class QueryError(Exception):
    """A query cannot be answered."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(problem)
        self.code = code


class _Proving(NamedTuple):
    """A version that is asked about, for as long as no block comes."""

    newest: int
    version: Version


class Queries:
    """Answers about a store and its last blocks."""

    def __init__(
        self, store: Store, heights: Heights, alliance: str, founded_ms: int, steps: Callable[[], list[Step]]
    ) -> None:
        """Answer from these; ``steps`` returns every change of the validators, from the founding on."""
        self._store = store
        self._founded_ms = founded_ms
        self._heights = heights
        self._alliance = alliance
        self._steps = steps
        self._proving: _Proving | None = None
        self._paths: dict[str, Callable[[bytes], Any]] = {
            "answers": self._answers,
            "block": self._block,
            "changes": self._changes,
            "records": self._records,
            "status": self._status,
        }

    def answer(self, path: str, data: bytes) -> abci.ResponseQuery:
        """Answer one query; what is wrong with it is told by a code and a sentence."""
        try:
            value = _encode(self._paths.get(path, self._unknown)(data))
        except msgspec.MsgspecError as problem:
            return abci.ResponseQuery(code=QUERY_MALFORMED, log=f"{path}: {problem}")
        except QueryError as problem:
            return abci.ResponseQuery(code=problem.code, log=str(problem))
        return abci.ResponseQuery(value=value, height=self._store.height)

    def _unknown(self, _data: bytes) -> None:
        raise QueryError(QUERY_UNKNOWN, f"there is no such path: {', '.join(self._paths)}")

    def _records(self, data: bytes) -> Records:
        keys, height = _decode(data, type=tuple[list[Key], Count])
        if len(keys) > MAX_KEYS:
            raise QueryError(QUERY_MALFORMED, f"records: at most {MAX_KEYS} keys, not {len(keys)}")
        version = self._version(height or max(0, self._store.height - 1))
        trace = self._trace(version.height)
        return Records(version.height, trace.receipts_root, version.root, [version.leaf(key) for key in keys])

    def _version(self, height: int) -> Version:
        newest = self._store.height
        if self._proving is None or self._proving.newest != newest or self._proving.version.height != height:
            if self._store.changes_since(height, MAX_PUT_BACK) > MAX_PUT_BACK:
                raise QueryError(QUERY_NOT_KEPT, f"more than {MAX_PUT_BACK} records were written since height {height}")
            try:
                self._proving = _Proving(newest, self._store.at(height))
            except StoreError as problem:
                raise QueryError(QUERY_NOT_KEPT, str(problem)) from None
        return self._proving.version

    def _trace(self, height: int) -> BlockTrace:
        if height == 0:
            return BlockTrace(self._founded_ms, self._version(0).root, NO_RECEIPTS, [], [])
        trace = self._heights.at(height)
        if trace is None:
            raise QueryError(QUERY_NOT_KEPT, f"nothing is kept of block {height}; the last is {self._store.height}")
        return trace

    def _answers(self, data: bytes) -> list[Answer | None]:
        names = _decode(data, type=list[Bytes32])
        if len(names) > MAX_KEYS:
            raise QueryError(QUERY_MALFORMED, f"answers: at most {MAX_KEYS} ids, not {len(names)}")
        return [self._heights.find(from_text(name)) for name in names]

    def _block(self, data: bytes) -> BlockAnswer:
        height = _decode(data, type=Count)
        trace = self._trace(height)
        return BlockAnswer(height, trace.time_ms, trace.state_root, trace.receipts_root, trace.receipts)

    def _changes(self, data: bytes) -> list[Step]:
        _decode(data, type=None)
        return self._steps()

    def _status(self, _data: bytes) -> Status:
        height = self._store.height
        trace = self._trace(height)
        root = self._store.tree.root
        return Status(
            alliance=self._alliance,
            height=height,
            time_ms=trace.time_ms,
            app_hash=to_text(app_hash(root, trace.receipts_root)),
            state_root=to_text(root),
            records=self._store.tree.entries,
            oldest_provable=self._store.oldest,
            log_bytes=0,
        )
