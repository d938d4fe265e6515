"""A new node begins from a snapshot under a real CometBFT, and ends with the same leaves and root."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.engines.cometbft import scene
from tests.engines.cometbft.keeper import FOUNDED, Keeper, same_records
from tests.engines.cometbft.node import BINARY
from tests.engines.cometbft.test_node import submit

from kouan.engines.cometbft.sync.snapshot_format import read_metadata, unpack
from kouan.engines.cometbft.sync.snapshot_shelf import METADATA, chunk_file
from kouan.engines.cometbft.sync.vouching import check_vouched
from kouan.engines.store import Store

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="CometBFT is not installed: make engine")


def test_a_new_node_begins_from_a_snapshot(tmp_path: Path) -> None:
    """Its checkpoint verifies from the founding on; one wrong chunk of the first peer does not stop it."""
    day = scene.day(4, now_ms=time.time_ns() // 1_000_000)
    with ExitStack() as running:
        first = Keeper(tmp_path / "a")
        running.callback(first.kill)
        first.start()
        for raw in day[:-2]:
            last = submit(first, raw)
        height = first.await_snapshot(above=last)
        for raw in day[-2:]:
            last = submit(first, raw)
        first.await_height(height + 3)
        place = first.directory / "snapshots" / str(height)
        metadata = read_metadata((place / METADATA).read_bytes()).metadata
        check_vouched(unpack(chunk_file(place, 0).read_bytes()), metadata, FOUNDED)
        second = Keeper(tmp_path / "b", follows=first)
        running.callback(second.kill)
        second.sync_from(first)
        second.start()
        second.await_height(last + 2)
        assert '"event": "restored"' in second.log
        second.wait(lambda: same_records(first, second))
        first.stop()
        second.stop()
    stores = [Store(node.directory / "state", keep_versions=100) for node in (first, second)]
    low = min(store.height for store in stores)
    assert stores[0].at(low).root == stores[1].at(low).root
    assert dict(stores[0].records()) == dict(stores[1].records())
    for store in stores:
        store.close()
