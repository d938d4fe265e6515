"""A client of a network: what it does with honest nodes, dead ones, and those that are behind."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest
from tests.engines.cometbft.made_evidence import MADE
from tests.engines.cometbft.network_scene import Scene

from kouan import bootstrap
from kouan.engines.cometbft.client.evidence_json import evidence
from kouan.engines.cometbft.client.nodes import NobodyAnswersError
from kouan.engines.cometbft.client.remote import UnansweredError
from kouan.engines.cometbft.client.rpc import RpcError
from kouan.engines.replay import NOWHERE, replay_blocks
from kouan.engines.store import Store
from kouan.kernel.envelope import envelope_id
from kouan.kernel.proof import NetworkCheckpoint
from kouan.kernel.registry import verify_in_turn
from kouan.kernel.rejections import Rejection


def codes(receipt: bytes) -> tuple[int, list[int]]:
    told = msgspec.json.decode(receipt)
    return told["code"], [result["code"] for result in told["results"]]


def test_what_is_sent_is_answered_and_can_be_read(scene: Scene) -> None:
    client = scene.client()
    raw = scene.envelope()
    key = scene.key_of_last
    assert client.query([key, "charter"]).values[0] is None
    (receipt,) = client.submit([raw])
    assert codes(receipt) == (0, [0])
    found = client.query([key, "charter"])
    assert found.height >= 2
    assert all(found.values)
    assert found.time_ms == scene.network.blocks[found.height - 1].signed.header.time.ms


def test_the_same_envelope_gets_the_same_receipt(scene: Scene) -> None:
    raw = scene.envelope()
    first = scene.client(remembers=False).submit([raw])
    assert scene.client(remembers=False).submit([raw, raw]) == [*first, *first]


def test_refused_before_a_block_is_a_refused_envelope(scene: Scene) -> None:
    """Every node was asked: one alone could have lied."""
    raw = scene.envelope(expires_ms=1)
    (receipt,) = scene.client().submit([raw])
    assert codes(receipt) == (Rejection.ENVELOPE_EXPIRED, [])
    assert msgspec.json.decode(receipt)["envelope"] == envelope_id(raw)
    assert all(any(call.method == "broadcast_tx_sync" for call in node.calls) for node in scene.nodes)


def test_a_proof_carries_all_that_vouches_for_it(scene: Scene) -> None:
    client = scene.client()
    client.submit([scene.envelope()])
    proven = client.prove([scene.key_of_last])
    assert isinstance(proven.checkpoint, NetworkCheckpoint)
    assert proven.checkpoint.height + 1 == proven.checkpoint.header.height
    assert proven.leaves[0].value is not None
    older = client.prove([scene.key_of_last], 1)
    assert (older.checkpoint.height, older.leaves[0].value) == (1, None)


def test_blocks_come_in_order_with_their_receipts(scene: Scene) -> None:
    client = scene.client()
    sent = [scene.envelope() for _ in range(25)]
    for raw in sent:
        client.submit([raw])
    blocks = list(client.blocks())
    assert [block.height for block in blocks] == list(range(1, client.status().height + 1))
    assert [raw for block in blocks for raw in block.envelopes] == sent
    assert blocks[3:] == list(client.blocks(4))
    assert {len(block.receipts) == len(block.envelopes) for block in blocks} == {True}


def test_of_old_blocks_the_receipts_are_proven_and_executing_them_finds_the_rest(scene: Scene, tmp_path: Path) -> None:
    client = scene.client()
    for _ in range(3):
        client.submit([scene.envelope()])
    whole = list(client.blocks())
    for _ in range(20):
        scene.network.make_block()
    whole = list(client.blocks())
    for node in scene.nodes:
        node.forgets_before = 5
    older = list(scene.client(remembers=False).blocks())
    assert older[4:] == whole[4:]
    assert [(one.state_root, one.receipts) for one in older[:4]] == [(b"", one.receipts) for one in whole[:4]]
    store = Store(tmp_path / "replayed", keep_versions=1)
    ledger = bootstrap.ledger_of(scene.founding)
    replayed = list(replay_blocks(ledger, ((one, NOWHERE) for one in older), store, verify_in_turn))
    assert all(one.agrees for one in replayed)
    assert [one.block for one in replayed] == whole
    store.close()


def test_a_block_comes_with_its_evidence(scene: Scene) -> None:
    scene.network.evidence = MADE["evidence"]
    height = scene.network.height + 1
    scene.network.make_block()
    scene.network.make_block()
    found = {block.height: block.evidence for block in scene.client().blocks()}
    assert found.pop(height) == evidence(MADE["evidence"]).records
    assert not any(found.values())
    assert not scene.warnings


def test_blocks_of_hundreds_cost_a_few_calls(scene: Scene) -> None:
    client = scene.client()
    receipts = client.submit([scene.envelope() for _ in range(300)])
    assert [codes(receipt) for receipt in receipts] == [(0, [0])] * 300
    asked = [call.method for node in scene.nodes for call in node.calls if call.method != "broadcast_tx_sync"]
    assert len(asked) < 12


def test_a_dead_node_is_passed_over(scene: Scene) -> None:
    scene.nodes[0].is_down = True
    client = scene.client()
    assert codes(client.submit([scene.envelope()])[0]) == (0, [0])
    assert scene.warnings == ["node http://node-0: cannot be reached (down); asking another node"]
    scene.warnings.clear()
    client.query(["charter"])
    assert not scene.warnings


def test_a_node_that_dies_with_the_envelope_costs_nothing(scene: Scene) -> None:
    """The others have it by then, or get it: it is executed once."""
    scene.nodes[0].dies_after_taking = True
    client = scene.client()
    assert codes(client.submit([scene.envelope()])[0]) == (0, [0])
    assert sum(len(made.envelopes) for made in scene.network.blocks) == 1


def test_nobody_there(scene: Scene) -> None:
    for node in scene.nodes:
        node.is_down = True
    client = scene.client()
    with pytest.raises(NobodyAnswersError, match=r"node http://node-0: cannot be reached .*; node http://node-3: "):
        client.submit([scene.envelope()])
    with pytest.raises(NobodyAnswersError, match="Name others with --node"):
        client.query(["charter"])


def test_a_network_that_stands_still_says_so(scene: Scene) -> None:
    scene.network.is_halted = True
    client = scene.client(patience_s=0.3)
    raw = scene.envelope()
    with pytest.raises(
        UnansweredError, match=r"it may be on the ledger, or come there yet \(node http://node-0 took it"
    ):
        client.submit([raw])
    scene.network.is_halted = False
    assert codes(client.submit([raw])[0]) == (0, [0])


def test_never_older_than_what_was_seen(scene: Scene) -> None:
    """Also by the next process: what was verified is remembered."""
    scene.client().submit([scene.envelope()])
    scene.nodes[0].lag = scene.nodes[1].lag = 1
    scene.nodes[2].lag = scene.nodes[3].lag = 2
    again = scene.client()
    threading.Timer(0.2, lambda: setattr(scene.nodes[3], "lag", 0)).start()
    assert again.query([scene.key_of_last]).values[0] is not None


def test_a_node_that_is_behind_is_no_reason_for_words(scene: Scene) -> None:
    client = scene.client()
    for _ in range(5):
        scene.network.make_block()
    scene.nodes[1].lag = scene.nodes[2].lag = scene.nodes[3].lag = 3
    client.query(["charter"])
    scene.nodes[0].lie = lambda call, result: RpcError("http://node-0", "busy") if call.method == "commit" else result
    threading.Timer(0.2, lambda: setattr(scene.nodes[3], "lag", 0)).start()
    client.submit([scene.envelope()])
    assert [text.partition(";")[0] for text in scene.warnings] == ["node http://node-0: busy"]


def test_the_newest_block_is_looked_for_when_one_is_old(scene: Scene) -> None:
    scene.network.make_block()
    scene.nodes[0].lag = 1
    scene.now_ms += 60_000
    scene.network.make_block()
    scene.network.make_block()
    scene.network.make_block()
    scene.nodes[0].lag = 4
    client = scene.client(remembers=False)
    assert client.query(["charter"]).height == scene.network.height - 1
    scene.now_ms += 60_000
    client.query(["charter"])
    (warning,) = scene.warnings
    assert warning.startswith("the newest block that any node shows is 61 s old: the network may stand still, or this")


def test_many_threads_share_the_looking(scene: Scene) -> None:
    client = scene.client()
    envelopes = [scene.envelope() for _ in range(40)]
    receipts: dict[bytes, bytes] = {}

    def send(raw: bytes) -> None:
        (receipts[raw],) = client.submit([raw])

    threads = [threading.Thread(target=send, args=(raw,)) for raw in envelopes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [codes(receipts[raw]) for raw in envelopes] == [(0, [0])] * 40
