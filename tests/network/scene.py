"""One network under load, with its judge: what faults are done to, and what they can wait for."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

from tests.network.alliance import VALIDATORS
from tests.network.cluster import Cluster, Node, wait_until
from tests.network.judge import Judge
from tests.network.load import Load
from tests.network.places import Places

TWIN_PLACE: Final = len(VALIDATORS)
"""Where a second node of a validator is, besides the client who is at the place after it."""
GOES_ON_S: Final = 60.0
WHOLE_S: Final = 120.0


class Scene:
    """A network that lives until it is closed."""

    def __init__(self, places: Places, seed: int, *, small_disk: bool = False) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="kouan-faults-")
        self.rng = Random(seed)  # noqa: S311  # repeatable
        self.places = places
        self.cluster = Cluster(Path(self._directory.name), places, small_disk=small_disk)
        self.judge = Judge(self.cluster)
        self.load = Load(self.cluster, self.judge, seed)
        self.fail_points = self.rng.sample(range(10), 10)
        """Which are tried, in this order."""
        try:
            self.cluster.start()
        except AssertionError:
            self.close()
            raise
        self.load.begin()

    @property
    def nodes(self) -> list[Node]:
        return self.cluster.nodes

    @property
    def height(self) -> int:
        """Of the newest block that any node has."""
        return max(self.cluster.heights)

    def some(self, count: int) -> list[Node]:
        """Return some nodes by chance."""
        return self.rng.sample(self.nodes, count)

    def goes_on(self, blocks: int = 2, within_s: float = GOES_ON_S) -> float:
        """Wait for new blocks; return how many seconds it took."""
        start = self.height
        return wait_until(lambda: self.height >= start + blocks, within_s, f"{blocks} blocks after {start}")

    def judge_all(self) -> None:
        """Let the judge go through every block there is; the load, for which it does so, rests meanwhile."""
        self.load.rest()
        self.judge.follow()
        self.load.begin()

    def stands_still(self, for_s: float) -> None:
        """Expect no new block for a while; one may have been on its way."""
        time.sleep(1.5)
        start = self.height
        time.sleep(for_s)
        if self.height > start:
            raise AssertionError("more than a third is away, and yet there is a new block")

    def keeps_up(self, node: Node) -> float:
        """Wait until a node has what the others have; return how many seconds it took."""
        within = f"{node.member}'s node keeps up"
        return wait_until(lambda: node.height >= self.height - 1 > 0, GOES_ON_S, within)

    def await_whole(self) -> float:
        """Wait until every node has a block that is new, and members get answers; return how many seconds it took."""
        began_s = time.monotonic()
        start = self.height
        wait_until(lambda: min(self.cluster.heights) >= start + 2, WHOLE_S, f"all nodes have block {start + 2}")
        wait_until(
            lambda: self.load.last_answer_s > began_s or self.load.problem, WHOLE_S, "a member's envelope is answered"
        )
        return time.monotonic() - began_s

    def close(self) -> None:
        self.load.close()
        self.cluster.close()
        self.places.heal()
        self._directory.cleanup()
