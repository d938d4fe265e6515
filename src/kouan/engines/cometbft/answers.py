"""What a node answers besides CometBFT's own: structures of its queries (MessagePack arrays), and codes of CheckTx."""

from __future__ import annotations

from typing import Final

import msgspec

from kouan.kernel.proof import Leaf

NODE_BUSY: Final = 1001
"""CheckTx did not look at the envelope: too much arrived while a block was being committed. Send it again."""
SHARE_TAKEN: Final = 1002
"""As many envelopes of this member wait as one member may have waiting. Send it again when some are executed."""
CODE_NAMES: Final = {NODE_BUSY: "NODE_BUSY", SHARE_TAKEN: "SHARE_TAKEN"}
MAX_KEYS: Final = 1_000
"""Keys of one ``records`` query, and envelopes of one ``answers`` query."""

QUERY_MALFORMED: Final = 1
QUERY_UNKNOWN: Final = 2
"""There is no such path."""
QUERY_NOT_KEPT: Final = 3
"""What was asked for is no longer, or not yet, kept."""


class Records(msgspec.Struct, frozen=True, array_like=True):
    """Leaves of some keys after a height, and what the app hash of that height is made of."""

    height: int
    receipts_root: bytes
    state_root: bytes
    leaves: list[Leaf]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Where an envelope was executed."""

    height: int
    index: int
    """Its place in the block, from 0."""


class BlockAnswer(msgspec.Struct, frozen=True, array_like=True):
    """What a block led to."""

    height: int
    time_ms: int
    state_root: bytes
    receipts_root: bytes
    receipts: list[bytes]
    """For each envelope its receipt, canonical JSON; empty when they are no longer kept."""


class BlockTrace(msgspec.Struct, frozen=True, array_like=True):
    """What a node keeps of a block: what it led to, and which envelopes it held."""

    time_ms: int
    state_root: bytes
    receipts_root: bytes
    envelopes: list[bytes]
    """Their ids, 32 bytes each."""
    receipts: list[bytes]
