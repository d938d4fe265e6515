"""A table of lies: what a lying node tells, what the client says of it, and that another node's answer is taken."""

from __future__ import annotations

import copy
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from tests.engines.cometbft.made_evidence import MADE
from tests.engines.cometbft.network_scene import URLS, Scene
from tests.engines.cometbft.single_process import Lie, TestNode, signed_json
from tests.modules.alliance.network import consensus_seed

from kouan.engines.cometbft.answers import Answer, BlockAnswer, Records
from kouan.engines.cometbft.client.chain import ForkError
from kouan.engines.cometbft.client.evidence_json import evidence
from kouan.engines.cometbft.client.nodes import NobodyAnswersError, Nodes
from kouan.engines.cometbft.client.remote import Network
from kouan.engines.cometbft.client.rpc import Call
from kouan.kernel.encoding import to_text
from kouan.kernel.proof import NetworkCheckpoint
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import digest, public_key

DAY_MS: Final = 86_400_000


def telling(path: str, kind: Any, change: Callable[[Any], Any]) -> Callable[[TestNode], Lie]:
    """A lie about what the application answers."""

    def lie(call: Call, result: Any) -> Any:
        if call.params.get("path") != path:
            return result
        told = change(msgspec.msgpack.decode(b64decode(result["response"]["value"]), type=kind))
        return {"response": {"code": 0, "value": b64encode(msgspec.msgpack.encode(told)).decode()}}

    return lambda _node: lie


def showing(method: str, change: Callable[[TestNode, int, Any], Any]) -> Callable[[TestNode], Lie]:
    """A lie about what CometBFT answers of a height."""
    return lambda node: (
        lambda call, result: change(node, int(call.params["height"]), result) if call.method == method else result
    )


def forged(**changed: Any) -> Callable[[TestNode, int, Any], Any]:
    """A header changed after it was signed."""

    def change(_node: TestNode, _height: int, result: Any) -> Any:
        result["signed_header"]["header"].update(changed)
        return result

    return change


def signed_anew(*, silent: tuple[int, ...] = (), **changed: Any) -> Callable[[TestNode, int, Any], Any]:
    """A header changed and signed again by the validators, but for the silent ones."""

    def change(node: TestNode, height: int, _result: Any) -> Any:
        header = msgspec.structs.replace(node.network.blocks[height - 1].signed.header, **changed)
        return {"signed_header": signed_json(node.network.sign(header, silent))}

    return change


def by_strangers(node: TestNode, height: int, result: Any) -> Any:
    for vote in result["signed_header"]["commit"]["signatures"]:
        vote["signature"] = b64encode(bytes(64)).decode()
    return result


def with_value(records: Records) -> Records:
    leaf = records.leaves[0]
    return msgspec.structs.replace(
        records, leaves=[msgspec.structs.replace(leaf, value={"amount": 1}), *records.leaves[1:]]
    )


def rebuilt(records: Records) -> Records:
    return msgspec.structs.replace(records, state_root=bytes(32))


def query(client: Network, scene: Scene) -> None:
    found = client.query([scene.key_of_last])
    assert found.values[0] is not None


def submit(client: Network, scene: Scene) -> None:
    (receipt,) = client.submit([scene.envelope()])
    assert msgspec.json.decode(receipt)["results"] == [{"code": 0}]


def blocks(client: Network, scene: Scene) -> None:
    assert [block.height for block in client.blocks()] == list(range(1, client.status().height + 1))


def prove(client: Network, scene: Scene) -> None:
    assert client.prove([scene.key_of_last]).leaves[0].value is not None


class Row(NamedTuple):
    lie: Callable[[TestNode], Lie]
    asked: Callable[[Network, Scene], None]
    said: str


LIES: Final = {
    "a wrong value": Row(
        telling("records", Records, with_value), query, "that it shows is not on the ledger at height 2"
    ),
    "another state": Row(telling("records", Records, rebuilt), query, "is not the one that header 3 vouches for"),
    "other keys": Row(
        telling("records", Records, lambda found: msgspec.structs.replace(found, leaves=[])),
        query,
        "it answers with other keys than it was asked for",
    ),
    "a header changed after it was signed": Row(
        showing("commit", forged(app_hash="00" * 32)), query, "is not the alliance's: the commit is for another block"
    ),
    "another chain's header": Row(
        showing("commit", signed_anew(chain_id="x" * 43)), query, "the header is of another alliance"
    ),
    "a commit nobody signed": Row(showing("commit", by_strangers), query, "a vote's signature does not hold"),
    "a commit of half the validators": Row(
        showing("commit", signed_anew(silent=(0, 1))), query, "no more than two thirds of the set's power signed"
    ),
    "another block's commit": Row(
        showing(
            "commit", lambda node, height, _: {"signed_header": signed_json(node.network.blocks[height - 2].signed)}
        ),
        query,
        "asked for block 3 it answers with 2",
    ),
    "another header below": Row(
        showing(
            "header", lambda node, height, result: {"header": {**result["header"], "time": "2030-01-01T00:00:00Z"}}
        ),
        query,
        "the header of height 2 that it shows is not the one below 3",
    ),
    "no header at all": Row(showing("header", lambda *_: {"header": None}), query, "cannot be read"),
    "another receipt": Row(
        telling(
            "block",
            BlockAnswer,
            lambda found: msgspec.structs.replace(
                found, receipts=[receipt.replace(b'"code":0}', b'"code":9}') for receipt in found.receipts]
            ),
        ),
        submit,
        "the receipts that it shows are not those of block 4",
    ),
    "another receipts root": Row(
        telling("block", BlockAnswer, lambda found: msgspec.structs.replace(found, receipts_root=bytes(32))),
        submit,
        "is not the one that header 5 vouches for",
    ),
    "a block that the envelope is not in": Row(
        telling("answers", list[Answer | None], lambda found: [Answer(1, 0) for _ in found]),
        submit,
        "it names block 1 for an envelope that is not in it",
    ),
    "fewer answers": Row(
        telling("answers", list[Answer | None], lambda _: []), submit, "it answers for other envelopes"
    ),
    "a block without one of its envelopes": Row(
        showing("block", lambda node, height, result: _without_envelopes(result)),
        blocks,
        "block 2 as it shows it is not the one that was decided",
    ),
    "evidence that was in no block": Row(
        showing("block", lambda node, height, result: with_evidence(result, MADE["evidence"][:1])),
        blocks,
        "the evidence that it shows is not that in block 1",
    ),
}


def _without_envelopes(result: Any) -> Any:
    result["block"]["data"]["txs"] = []
    return result


def with_evidence(result: Any, pieces: list[Any]) -> Any:
    """A block with other evidence than it has."""
    result["block"]["evidence"]["evidence"] = pieces
    return result


def altered() -> list[Any]:
    """The first piece against another validator."""
    first, *others = copy.deepcopy(MADE["evidence"])
    first["value"]["vote_a"]["validator_address"] = "00" * 20
    return [first, *others]


@pytest.mark.parametrize(
    "told",
    [[], MADE["evidence"][:2], MADE["evidence"][::-1], altered()],
    ids=["none", "less", "in another order", "altered"],
)
def test_other_evidence_than_a_block_has_is_a_lie(scene: Scene, told: list[Any]) -> None:
    scene.network.evidence = MADE["evidence"]
    height = scene.network.height + 1
    scene.network.make_block()
    scene.network.make_block()
    scene.nodes[0].lie = showing(
        "block", lambda node, asked, result: with_evidence(result, told) if asked == height else result
    )(scene.nodes[0])
    found = {block.height: block.evidence for block in scene.client().blocks()}
    assert found[height] == evidence(MADE["evidence"]).records
    said = f"node http://node-0: the evidence that it shows is not that in block {height}; asking another node"
    assert scene.warnings == [said]


@pytest.mark.parametrize("row", LIES.values(), ids=LIES)
def test_a_lie_is_named_and_the_next_node_asked(scene: Scene, row: Row) -> None:
    honest = scene.client(urls=URLS[1:])
    honest.submit([scene.envelope()])
    scene.nodes[0].lie = row.lie(scene.nodes[0])
    client = scene.client(remembers=False)
    row.asked(client, scene)
    assert len(scene.warnings) == 1
    assert scene.warnings[0].startswith("node http://node-0: ")
    assert row.said in scene.warnings[0], scene.warnings
    assert scene.warnings[0].endswith("; asking another node")


@pytest.mark.parametrize("row", LIES.values(), ids=LIES)
def test_where_only_liars_are_there_is_no_answer(scene: Scene, row: Row) -> None:
    if row.asked is submit:
        pytest.skip("an envelope is waited for, in case that another node comes back")
    scene.client().submit([scene.envelope()])
    scene.nodes[0].lie = row.lie(scene.nodes[0])
    client = scene.client(remembers=False, urls=URLS[:1])
    with pytest.raises(NobodyAnswersError, match="no node can answer: node http://node-0: "):
        row.asked(client, scene)


def test_a_refusal_counts_only_when_all_refuse(scene: Scene) -> None:
    scene.nodes[0].refuses = Rejection.ENVELOPE_BAD_SIGNATURE
    submit(scene.client(), scene)


def test_a_node_that_takes_and_tells_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the envelope is handed to another node too, and that one is asked for the answer."""
    monkeypatch.setattr("kouan.engines.cometbft.client.underway.OFFER_AGAIN_S", 0.2)
    scene.nodes[0].ignores = True
    submit(scene.client(), scene)


def test_older_than_the_trust_period_is_no_answer(scene: Scene) -> None:
    client = scene.client()
    client.query(["charter"])
    scene.now_ms += 60 * DAY_MS
    with pytest.raises(NobodyAnswersError, match="its newest block is older than the trust period"):
        client.query(["charter"])


def test_two_blocks_of_one_height_are_an_alarm(scene: Scene) -> None:
    client = scene.client()
    client.submit([scene.envelope()])
    top = scene.network.height
    scene.nodes[0].lie = showing("commit", signed_anew(proposer_address=to_text(bytes(20))))(scene.nodes[0])
    scene.network.make_block()
    again = scene.client()
    with pytest.raises(ForkError, match=rf"ALARM: two blocks of height {top} .*remembered.*node-0") as alarm:
        again._reader.pair(scene.nodes[0], top - 1)
    assert (scene.directory / f"fork-at-{top}.json").exists()
    assert "tell every member" in str(alarm.value)


def test_who_trusts_for_the_first_time_compares_nodes(scene: Scene) -> None:
    """A history of his own, signed by keys that validators had once, could be shown to him by one node, not by all."""
    scene.network.make_block()
    scene.nodes[0].lie = showing("commit", signed_anew(proposer_address=to_text(bytes(20))))(scene.nodes[0])
    with pytest.raises(ForkError, match=r"http://node-0\).*http://node-1"):
        scene.client(remembers=False).query(["charter"])


def test_validators_are_followed_through_every_change(scene: Scene) -> None:
    fresh = scene.client()
    fresh.query(["charter"])
    for round_ in range(3):
        keys = [(consensus_seed("bank-a", f"{round_}/{number}"), 10) for number in range(4)]
        scene.network.change_validators(keys)
        scene.network.make_block()
        scene.network.make_block()
    scene.network.make_block()
    first_time = scene.client(remembers=False)
    for client in (fresh, first_time, scene.client()):
        proven = client.prove(["charter"])
        assert isinstance(proven.checkpoint, NetworkCheckpoint)
        assert len(proven.checkpoint.steps) == 3
        assert client.query(["charter"]).height == scene.network.height - 1
        assert [block.height for block in client.blocks()] == list(range(1, scene.network.height))


def test_a_node_that_does_not_know_a_change_yet_is_waited_for(scene: Scene) -> None:
    """Nodes archive a change a moment after it was decided: until then they are behind, and no liars."""
    scene.network.change_validators([(consensus_seed("bank-a", f"new/{number}"), 10) for number in range(4)])
    for _ in range(3):
        scene.network.make_block()
    scene.nodes[0].lie = telling("changes", list[Any], lambda _: [])(scene.nodes[0])
    for client in (scene.client(remembers=False), scene.client(remembers=False, urls=URLS[:1])):
        threading.Timer(0.3, lambda: setattr(scene.nodes[0], "lie", None)).start()
        assert client.prove(["charter"]).leaves[0].value is not None
    assert not scene.warnings


def test_who_never_shows_a_change_is_no_help(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Nodes.ask, "__kwdefaults__", {**(Nodes.ask.__kwdefaults__ or {}), "patience_s": 0.2})
    scene.network.change_validators([(consensus_seed("bank-a", f"new/{number}"), 10) for number in range(4)])
    for _ in range(3):
        scene.network.make_block()
    for node in scene.nodes:
        node.lie = telling("changes", list[Any], lambda _: [])(node)
    with pytest.raises(NobodyAnswersError, match="it does not show how those who decided block 4 became validators"):
        scene.client().query(["charter"])


def test_a_set_that_nobody_handed_over_to_is_not_followed(scene: Scene) -> None:
    """Strangers sign a chain of their own from a height on; their change of validators has no signature of the old."""
    scene.network.make_block()
    strangers = [(digest("test/stranger", bytes([number])), 10) for number in range(4)]
    scene.network.change_validators(strangers)
    scene.network.make_block()
    scene.network.make_block()
    scene.network.make_block()
    step = scene.network.steps[0]
    commit = msgspec.structs.replace(step.signed.commit, signatures=[None] * 4)
    signed = msgspec.structs.replace(step.signed, commit=commit)
    scene.network.steps[0] = msgspec.structs.replace(step, signed=signed)
    assert to_text(public_key(strangers[0][0])) in [entry.public for entry in step.next]
    with pytest.raises(NobodyAnswersError, match="no more than two thirds of the set's power signed"):
        scene.client(remembers=False).query(["charter"])
