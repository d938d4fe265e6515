"""Beginning from a snapshot: the block that CometBFT is told to trust was verified from the founding on."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from tests.engines.cometbft.network_scene import URLS, Scene

from kouan.engines.cometbft.client.rpc import Call
from kouan.engines.cometbft.sync.start import BeginningError, newest_header, with_state_sync
from kouan.kernel.headers import header_hash

PERIOD_MS = 2_592_000_000


def test_the_newest_block_that_verifies(scene: Scene) -> None:
    """A node that is gone and one that shows a changed header are passed over."""
    scene.network.make_block()
    scene.network.make_block()

    def forged(call: Call, result: Any) -> Any:
        if call.method == "commit":
            result["signed_header"]["header"]["app_hash"] = "00" * 32
        return result

    scene.nodes[0].lie = forged
    opened = dict(zip(URLS, scene.nodes, strict=True))
    header = newest_header(URLS[:2], scene.founding, lambda: scene.now_ms, opened.__getitem__)
    assert header.height == scene.network.height
    with pytest.raises(BeginningError, match=f"{URLS[0]}: the commit is for another block"):
        newest_header(URLS[:1], scene.founding, lambda: scene.now_ms, opened.__getitem__)
    late_ms = scene.now_ms + scene.founding.charter["trust_period_ms"]
    with pytest.raises(BeginningError, match="older than the trust period"):
        newest_header(URLS[1:2], scene.founding, lambda: late_ms, opened.__getitem__)


def test_a_configuration_is_changed_in_its_one_table(scene: Scene) -> None:
    scene.network.make_block()
    opened = dict(zip(URLS, scene.nodes, strict=True))
    header = newest_header(URLS, scene.founding, lambda: scene.now_ms, opened.__getitem__)
    config = 'proxy_app = "unix:///app.sock"\n\n[statesync]\nenable = false\n\n[mempool]\nsize = 5\n'
    changed = with_state_sync(with_state_sync(config, ["http://other:1"], header, 1_000), URLS[:2], header, PERIOD_MS)
    assert tomllib.loads(changed) == {
        "proxy_app": "unix:///app.sock",
        "mempool": {"size": 5},
        "statesync": {
            "enable": True,
            "rpc_servers": "node-0,node-1",
            "trust_height": header.height,
            "trust_hash": header_hash(header).hex().upper(),
            "trust_period": "2592000s",
        },
    }
    alone = tomllib.loads(with_state_sync(config, URLS[:1], header, PERIOD_MS))
    assert alone["statesync"]["rpc_servers"] == "node-0,node-0", "CometBFT wants two"
