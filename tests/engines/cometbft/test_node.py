"""The application under a real CometBFT: what it answers is final, and a kill of both loses nothing."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.engines.cometbft import scene
from tests.engines.cometbft.node import BINARY, Node, rpc, running

from kouan.engines.cometbft.answers import Answer, BlockAnswer, Records
from kouan.engines.log import Record
from kouan.engines.log_format import Position
from kouan.engines.port import LoggedBlock
from kouan.engines.replay import replay
from kouan.engines.store import Store
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import app_hash, receipts_root
from kouan.kernel.proof import check_leaf
from kouan.kernel.registry import verify_in_turn

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="CometBFT is not installed: make engine")

NOWHERE = Position(0, 0, 0, b"")


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


def logged(port: int, height: int) -> LoggedBlock:
    """A block of the network as the embedded engine would have logged it; where it led is not told."""
    block = rpc(port, "block", height=str(height))["block"]
    seconds, _, fraction = block["header"]["time"].rstrip("Z").partition(".")
    whole = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    time_ms = int(whole.timestamp()) * 1000 + int(fraction.ljust(9, "0")) // 1_000_000
    envelopes = [base64.b64decode(raw) for raw in block["data"]["txs"] or ()]
    return LoggedBlock(height, time_ms, envelopes, [b""] * len(envelopes), b"", b"")


def test_a_networks_blocks_lead_the_other_engine_to_the_same_app_hash_at_every_height(tmp_path: Path) -> None:
    day = scene.day(3, now_ms=time.time_ns() // 1_000_000)
    with running(tmp_path / "node") as node:
        last = max([submit(node, raw) for raw in day])
        node.wait(lambda: ask(node, "records", ([], 0), Records).height > last)
        blocks = [logged(node.port, height) for height in range(1, last + 1)]
        hashes = [
            rpc(node.port, "commit", height=str(height + 1))["signed_header"]["header"]["app_hash"]
            for height in range(1, last + 1)
        ]
    assert sum(len(block.envelopes) for block in blocks) == len(day)
    records = [Record(block.height, msgspec.msgpack.encode(block), NOWHERE) for block in blocks]
    store = Store(tmp_path / "replayed", keep_versions=1)
    replayed = [one.outcome.app_hash.hex().upper() for one in replay(scene.LEDGER, records, store, verify_in_turn)]
    store.close()
    assert replayed == hashes
