"""Executing a log from the beginning into a state of its own, beside whoever serves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from kouan.engines.embedded import Ledger
from kouan.engines.log import Record
from kouan.engines.port import LoggedBlock
from kouan.engines.store import Mark, Store
from kouan.kernel.execution import BlockOutcome, execute_block, found
from kouan.kernel.registry import Verifier

_decoder: Final = msgspec.msgpack.Decoder(LoggedBlock)


class Replayed(NamedTuple):
    """A block as it was logged, and as it is now."""

    logged: LoggedBlock
    outcome: BlockOutcome

    @property
    def agrees(self) -> bool:
        """Whether both lead to the same state by the same receipts."""
        logged, outcome = self.logged, self.outcome
        return (logged.state_root, logged.receipts_root, logged.receipts) == (
            outcome.state_root,
            outcome.receipts_root,
            outcome.receipts,
        )


def replay(ledger: Ledger, records: Iterable[Record], store: Store, verify: Verifier) -> Iterator[Replayed]:
    """Execute every record on an empty store; raises msgspec.MsgspecError for a body that is no block.

    It goes on after a block that does not agree, from the state that this execution makes.
    """
    store.apply(0, found(store, ledger.genesis))
    for record in records:
        logged = _decoder.decode(record.body)
        block = logged.block(ledger.alliance)
        outcome = execute_block(store, block, ledger.registry, verify)
        store.apply(logged.height, outcome)
        yield Replayed(logged, outcome)
        if store.wants_flush:
            roots = (outcome.state_root, outcome.receipts_root)
            store.flush(Mark(logged.height, logged.time_ms, *roots, record.position))
