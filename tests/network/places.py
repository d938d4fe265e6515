"""Where the nodes are: a network namespace each, and the wire between them with its faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from tests.network import isolation

CUT: Final = 1.0


class Places:
    """Some places with addresses 10.77.0.1 and so on; whoever made them has the address after the last."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self._networks = [isolation.new_network() for _ in range(count)]
        ends = []
        for place, network in enumerate(self._networks):
            with isolation.inside(network):
                ends.append(isolation.tunnel(self.address(place)))
        ends.append(isolation.tunnel(self.address(count)))
        self._wire = subprocess.Popen(
            [sys.executable, "-m", "tests.network.wire", str(seed), *map(str, ends)],
            stdin=subprocess.PIPE,
            pass_fds=ends,
        )

    @staticmethod
    def address(place: int) -> str:
        return f"10.77.0.{place + 1}"

    def inside(self, place: int) -> AbstractContextManager[None]:
        """Let this thread be at a place: see `isolation.inside`."""
        return isolation.inside(self._networks[place])

    def rule(self, start: int, end: int, *, loss: float = 0.0, delay_ms: int = 0) -> None:
        """Set how packets go from one place to another, one way."""
        said = {"delay_ms": delay_ms, "from": start, "loss": loss, "to": end}
        if self._wire.stdin is None:
            raise AssertionError("the wire has an input")
        self._wire.stdin.write(json.dumps(said).encode() + b"\n")
        self._wire.stdin.flush()

    def among(self, places: Iterable[int], *, loss: float = 0.0, delay_ms: int = 0) -> None:
        """Set how packets go among some places, all ways."""
        chosen = list(places)
        for start in chosen:
            for end in chosen:
                if start != end:
                    self.rule(start, end, loss=loss, delay_ms=delay_ms)

    def cut(self, some: Iterable[int], others: Iterable[int], *, both_ways: bool = True) -> None:
        """Let nothing pass from some places to others."""
        others = list(others)
        for start in some:
            for end in others:
                self.rule(start, end, loss=CUT)
                if both_ways:
                    self.rule(end, start, loss=CUT)

    def heal(self) -> None:
        """Let everything pass at once again."""
        self.among(range(self.count + 1))

    def close(self) -> None:
        self._wire.kill()
        self._wire.wait()
