"""Faults of a node's disk: it is full, or the end of a file is lost."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Final

from tests.network.cluster import wait_until
from tests.network.scene import Scene

NOTICED_S: Final = 120.0
FULL_S: Final = 10.0
BALLAST: Final = "ballast"
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
