"""Executing a log from the beginning into a state of its own, beside whoever serves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from kouan.engines.embedded import Ledger
from kouan.engines.log import Record
from kouan.engines.log_format import Position
from kouan.engines.port import LoggedBlock
from kouan.engines.store import Mark, Store
from kouan.kernel.execution import BlockOutcome, execute_block, found
from kouan.kernel.registry import Verifier

NOWHERE: Final = Position(0, 0, 0, bytes(32))
"""The place of a block that comes from no log."""
_decoder: Final = msgspec.msgpack.Decoder(LoggedBlock)


class Replayed(NamedTuple):
    """A block as it was logged, and as it is now."""

    logged: LoggedBlock
    outcome: BlockOutcome

    @property
    def agrees(self) -> bool:
        """Whether both lead to the same state by the same receipts; where the state is not known, by the receipts."""
        logged, outcome = self.logged, self.outcome
        roots = (outcome.state_root, outcome.receipts_root)
        is_same_state = not logged.state_root or (logged.state_root, logged.receipts_root) == roots
        return is_same_state and logged.receipts == outcome.receipts

    @property
    def block(self) -> LoggedBlock:
        """The block, with what it led to."""
        roots = {"state_root": self.outcome.state_root, "receipts_root": self.outcome.receipts_root}
        return msgspec.structs.replace(self.logged, **roots)


def replay(ledger: Ledger, records: Iterable[Record], store: Store, verify: Verifier) -> Iterator[Replayed]:
    """Execute every record on an empty store; raises msgspec.MsgspecError for a body that is no block.

    It goes on after a block that does not agree, from the state that this execution makes.
    """
    return replay_blocks(ledger, ((_decoder.decode(record.body), record.position) for record in records), store, verify)


def replay_blocks(
    ledger: Ledger, blocks: Iterable[tuple[LoggedBlock, Position]], store: Store, verify: Verifier
) -> Iterator[Replayed]:
    """Do the same with blocks from anywhere, each with its place in a log or `NOWHERE`."""
    store.apply(0, found(store, ledger.genesis))
    for logged, position in blocks:
        block = logged.block(ledger.alliance)
        outcome = execute_block(store, block, ledger.registry, verify)
        store.apply(logged.height, outcome)
        yield Replayed(logged, outcome)
        if store.wants_flush:
            roots = (outcome.state_root, outcome.receipts_root)
            store.flush(Mark(logged.height, logged.time_ms, *roots, position))
