"""Faults of a node's disk: it is full, the end of a file is lost, or something else stands there than was written."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Final

from tests.engines.cometbft.damage import damage
from tests.network.cluster import wait_until
from tests.network.scene import Scene

from kouan.engines.cometbft.node.exits import EXIT_BROKEN

NOTICED_S: Final = 120.0
FULL_S: Final = 10.0
BALLAST: Final = "ballast"
STOPS_S: Final = 60.0
CHUNK: Final = bytes(1 << 20)
WORDS: Final = "no space left on device"


def fill(scene: Scene) -> str:
    """The last node's small disk fills; it goes down or stands by, the others go on, and room lets it come back."""
    node = scene.nodes[-1]
    node.forget_said()
    ballast = node.directory.path / BALLAST
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(CHUNK)
            os.fsync(file.fileno())
    seconds = wait_until(lambda: node.has_said(WORDS) or node.exit_code is not None, NOTICED_S, "it notices")
    time.sleep(FULL_S)
    scene.goes_on()
    ballast.unlink()
    if node.exit_code is not None:
        node.start()
    return f"noticed after {seconds:.0f} s"


def cut_wal(scene: Scene) -> str:
    """A node is killed, and the end of CometBFT's write-ahead log did not reach the disk."""
    (node,) = scene.some(1)
    node.kill()
    wal = node.directory.home / "data" / "cs.wal" / "wal"
    size = wal.stat().st_size
    lost = scene.rng.randint(1, max(1, min(size - 1, 4096)))
    os.truncate(wal, size - lost)
    scene.goes_on()
    node.start()
    return f"{lost} bytes"


def damage_state(scene: Scene) -> str:
    """Every member's record on a node's disk is another: at the block that reads one, the node stops with its name."""
    (node,) = scene.some(1)
    node.stop()
    node.forget_said()
    changed = damage(node.directory.state, b"member/")
    node.start()
    wait_until(lambda: node.exit_code is not None, STOPS_S, "the node stops")
    if node.exit_code != EXIT_BROKEN or not node.has_said("the stored value of member/"):
        raise AssertionError(f"it ended with {node.exit_code} and did not name the record")
    node.await_down()
    scene.goes_on()
    shutil.rmtree(node.directory.state)
    node.start()
    return f"{changed} records changed"
