"""What lies between the nodes: a small process that carries every packet, and can lose, delay or stop it.

`python -m tests.network.wire SEED FD…` gets the other ends of the nodes' tunnels. It reads rules from its standard
input, one JSON line each: ``{"delay_ms": 0, "from": 0, "loss": 0.3, "to": 1}``; a loss of 1 is a cut. It ends with it.
Packets are lost by the dice of the seed.
"""

from __future__ import annotations

import heapq
import json
import os
import selectors
import sys
from collections.abc import Sequence
from random import Random
from time import monotonic
from typing import Final

PACKET_BYTES: Final = 65_535
AT_ONCE: Final = 64
"""Packets taken from one node before the next has its turn."""


class Wire:
    """Carries packets from node to node; a node's place among the tunnels is the last byte of its address less 1."""

    def __init__(self, seed: int, tunnels: Sequence[int]) -> None:
        self._dice = Random(seed)  # noqa: S311  # repeatable
        self._tunnels = tunnels
        self._rules: dict[tuple[int, int], tuple[float, float]] = {}
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._count = 0

    def rule(self, line: bytes) -> None:
        said = json.loads(line)
        self._rules[said["from"], said["to"]] = (said["loss"], said["delay_ms"] / 1000)

    def take(self, start: int) -> None:
        """Take what a node sent."""
        for _ in range(AT_ONCE):
            try:
                packet = os.read(self._tunnels[start], PACKET_BYTES)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4 and 0 < packet[19] <= len(self._tunnels):
                self._carry(start, packet[19] - 1, packet)

    def _carry(self, start: int, end: int, packet: bytes) -> None:
        loss, delay_s = self._rules.get((start, end), (0.0, 0.0))
        if loss and self._dice.random() < loss:
            return
        if not delay_s:
            self._give(end, packet)
            return
        self._count += 1
        heapq.heappush(self._waiting, (monotonic() + delay_s, self._count, end, packet))

    def deliver(self) -> float | None:
        """Deliver what has waited long enough; return how long the next has to wait, in seconds."""
        while self._waiting and self._waiting[0][0] <= monotonic():
            _, _, end, packet = heapq.heappop(self._waiting)
            self._give(end, packet)
        return max(0.0, self._waiting[0][0] - monotonic()) if self._waiting else None

    def _give(self, end: int, packet: bytes) -> None:
        try:
            os.write(self._tunnels[end], packet)
        except BlockingIOError:
            return  # its queue is full: lost, as on any line


def main() -> None:
    seed, *tunnels = map(int, sys.argv[1:])
    wire = Wire(seed, tunnels)
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin.buffer, selectors.EVENT_READ)
    for place, end in enumerate(tunnels):
        waiting.register(end, selectors.EVENT_READ, place)
    while True:
        for key, _ in waiting.select(wire.deliver()):
            if key.data is not None:
                wire.take(key.data)
                continue
            lines = os.read(0, 1 << 16)  # a line is written at once, and shorter than what a pipe takes whole
            if not lines:
                return
            for line in lines.splitlines():
                wire.rule(line)


if __name__ == "__main__":
    main()
