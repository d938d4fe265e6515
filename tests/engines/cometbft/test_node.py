"""The application under a real CometBFT: what it answers is final, and a kill of both loses nothing."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.engines.cometbft import scene
from tests.engines.cometbft.node import BINARY, Node, rpc, running

from kouan.engines.cometbft.answers import Answer, BlockAnswer, Records
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import app_hash, receipts_root
from kouan.kernel.proof import check_leaf

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="CometBFT is not installed: make engine")


def ask(node: Node, path: str, data: Any, kind: Any) -> Any:
    answer = rpc(node.port, "abci_query", path=path, data=msgspec.msgpack.encode(data).hex())["response"]
    assert answer["code"] == 0, answer["log"]
    return msgspec.msgpack.decode(base64.b64decode(answer["value"]), type=kind)


def submit(node: Node, raw: bytes) -> int:
    """Return the height in which an envelope was executed; all its commands must have been accepted."""
    done = rpc(node.port, "broadcast_tx_commit", tx=base64.b64encode(raw).decode())
    assert done["check_tx"]["code"] == 0, done
    assert scene.accepted(base64.b64decode(done["tx_result"]["data"]))
    return int(done["height"])


def test_envelopes_are_executed_proven_and_survive_a_kill(tmp_path: Path) -> None:
    day = scene.day(2, now_ms=time.time_ns() // 1_000_000)
    with running(tmp_path) as node:
        heights = [submit(node, raw) for raw in day]
        assert heights == sorted(heights)
        node.wait(lambda: ask(node, "records", ([], 0), Records).height >= heights[-1])
        records = ask(node, "records", (["charter", "no/such"], heights[-1]), Records)
        header = rpc(node.port, "commit", height=str(heights[-1] + 1))["signed_header"]["header"]
        assert header["app_hash"] == app_hash(records.state_root, records.receipts_root).hex().upper()
        for leaf in records.leaves:
            check_leaf(leaf, records.state_root)
        block = ask(node, "block", heights[-1], BlockAnswer)
        assert receipts_root(block.receipts) == records.receipts_root
        node.kill()
        node.start()
        names = [envelope_id(raw) for raw in day]
        assert ask(node, "answers", names, list[Answer | None]) == [Answer(height, 0) for height in heights]
        assert rpc(node.port, "broadcast_tx_sync", tx=base64.b64encode(day[0]).decode())["log"] == "ENVELOPE_REPLAYED"
        replayed = ask(node, "block", heights[-1], BlockAnswer)
        assert replayed == block
        assert json.loads(block.receipts[0])["envelope"] == to_text(from_text(names[-1]))
