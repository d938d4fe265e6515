"""What an engine offers, whichever it is. Clients know engines only through this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import Block, Evidence
from kouan.kernel.proof import Checkpoint, Handover, Leaf, NetworkCheckpoint
from kouan.kernel.rejections import Rejection


class LoggedBlock(msgspec.Struct, frozen=True, array_like=True):
    """A block as it was executed and answered."""

    height: int
    time_ms: int
    envelopes: list[bytes]
    receipts: list[bytes]
    state_root: bytes
    """Empty, as the next one, where no node of a network keeps any more what an old block led to."""
    receipts_root: bytes
    evidence: tuple[Evidence, ...] = ()
    """Empty where one operator runs the ledger; a log that was written without it reads so."""

    def block(self, alliance: str) -> Block:
        """Return it to be executed again: what was skipped then is skipped again."""
        named = zip(self.envelopes, self.receipts, strict=True)
        skipped = frozenset(envelope_id(raw) for raw, receipt in named if receipt.startswith(_SKIPPED))
        return Block(alliance, self.height, self.time_ms, self.envelopes, skipped, self.evidence)


_SKIPPED = b'{"code":%d,' % Rejection.ENVELOPE_SKIPPED


class Status(msgspec.Struct, frozen=True):
    """How a ledger stands."""

    alliance: str
    height: int
    time_ms: int
    app_hash: str
    state_root: str
    records: int
    oldest_provable: int
    log_bytes: int
    """How much of the log is known to be on disk."""


class Found(NamedTuple):
    """The records at some keys, all of one height."""

    height: int
    time_ms: int
    values: list[bytes | None]


class Proven(msgspec.Struct, frozen=True):
    """A proof file without its statement."""

    checkpoint: Checkpoint | NetworkCheckpoint
    handovers: list[Handover]
    """None where validators run the ledger: the checkpoint has its steps."""
    leaves: list[Leaf]


class Engine(Protocol):
    """A ledger that can be written to, asked, and read from the beginning."""

    def submit(self, envelopes: Sequence[bytes]) -> list[bytes]:
        """Execute envelopes; return their receipts (canonical JSON) once they are on disk.

        An envelope whose commands were answered gets the same receipt again, at least while it is one of the last
        20,000; after that it is refused as replayed. It is never executed twice.
        """

    def query(self, keys: Sequence[str]) -> Found:
        """Return the newest records at some keys."""

    def prove(self, keys: Sequence[str], height: int | None = None) -> Proven:
        """Return checkpoint, handovers and leaf proofs of some keys, in their order.

        ``height``: an older version, as far back as it is kept.
        """

    def blocks(self, from_height: int = 1) -> Iterator[LoggedBlock]:
        """Yield the blocks from a height on."""

    def status(self) -> Status:
        """Return how the ledger stands."""
