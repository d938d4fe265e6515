"""Which envelopes this node let into its mempool, and how many of them are whose.

CometBFT does not say when it drops an envelope. But after every block it asks again about all that still wait, so what
was not asked about for some blocks waits no longer.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from kouan.kernel.admitting import Letter

MEMBER_ENVELOPES: Final = 400
"""Two fifths of what may wait in all (`kouan.engines.cometbft.node.config.POOL_ENVELOPES`)."""
MEMBER_BYTES: Final = 2 << 20
"""A quarter of what may wait in all (`POOL_BYTES` there)."""
FORGET_AFTER: Final = 10
"""Blocks."""


class Waiting(NamedTuple):
    """What is looked at when CometBFT asks about an envelope again."""

    member: str
    key: str
    number: int
    expires_ms: int
    size: int
    height: int
    """Of the last block when it was last asked about."""


class WaitingRoom:
    """The envelopes that passed CheckTx and were not executed yet."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, Waiting] = OrderedDict()
        self._envelopes: dict[str, int] = {}
        self._bytes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def has_room(self, member: str, size: int) -> bool:
        """Tell whether one more envelope of a member may wait."""
        envelopes, waiting = self._envelopes.get(member, 0), self._bytes.get(member, 0)
        return envelopes < MEMBER_ENVELOPES and waiting + size <= MEMBER_BYTES

    def admit(self, name: bytes, letter: Letter, size: int, height: int) -> None:
        """Let an envelope wait."""
        self.leave(name)
        member = letter.member
        self._waiting[name] = Waiting(member, letter.key, letter.number, letter.expires_ms, size, height)
        self._envelopes[member] = self._envelopes.get(member, 0) + 1
        self._bytes[member] = self._bytes.get(member, 0) + size

    def find(self, name: bytes) -> Waiting | None:
        """Return what is known of an envelope that waits."""
        return self._waiting.get(name)

    def stay(self, name: bytes, height: int) -> None:
        """Note that CometBFT still has it."""
        self._waiting[name] = self._waiting[name]._replace(height=height)
        self._waiting.move_to_end(name)

    def leave(self, name: bytes) -> None:
        """Forget an envelope, if it waits: it was executed, or cannot be any more."""
        gone = self._waiting.pop(name, None)
        if gone is None:
            return
        self._envelopes[gone.member] -= 1
        self._bytes[gone.member] -= gone.size
        if not self._envelopes[gone.member]:
            del self._envelopes[gone.member], self._bytes[gone.member]

    def forget_before(self, height: int) -> None:
        """Forget what CometBFT has not asked about since the block before a height."""
        while self._waiting:
            name, oldest = next(iter(self._waiting.items()))
            if oldest.height >= height:
                return
            self.leave(name)
