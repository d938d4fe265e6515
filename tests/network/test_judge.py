"""The judge of fault campaigns finds what is wrong: lost, told otherwise, forked, not what blocks lead to, unproven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.engines.cometbft.single_process import SingleProcess, TestNode
from tests.modules.alliance.network import consensus_seed
from tests.modules.ledger import START_MS
from tests.network import alliance
from tests.network.cluster import Cluster
from tests.network.hostility import attestation
from tests.network.judge import Judge

from kouan.client.proofs import prove_quota
from kouan.engines.cometbft.client.remote import Network
from kouan.engines.cometbft.client.rpc import Call, NodeError
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.suites import digest


class Asked:
    """A node of the network in this process, as the judge asks it."""

    def __init__(self, member: str, node: TestNode) -> None:
        self.member = member
        self.node = node

    @property
    def height(self) -> int:
        return 0 if self.node.is_down else self.node.height

    def asked(self, method: str, **params: Any) -> Any:
        try:
            return self.node.call(method, **params)
        except NodeError:
            return None


class Scene:
    def __init__(self, directory: Path) -> None:
        self.now_ms = START_MS
        founding = alliance.found(START_MS)
        seeds = {member: consensus_seed(member) for member in alliance.VALIDATORS}
        self.network = SingleProcess(directory / "state", founding, seeds, self._tick)
        self.nodes = [Asked(member, self.network.node(f"http://{member}")) for member in alliance.VALIDATORS]
        cluster = SimpleNamespace(founding=founding, nodes=self.nodes, trust=alliance.trust_file(founding))
        self.judge = Judge(cast("Cluster", cluster))
        self.cluster = cluster

    def _tick(self) -> int:
        self.now_ms += 1000
        return self.now_ms

    def execute(self, number: int) -> tuple[str, bytes]:
        """Have a declaration attested; return the envelope's id and receipt."""
        raw = self.judge.replica.envelope("customs", attestation(number))
        self.network.pool[envelope_id(raw)] = raw
        self.network.make_block()
        self.network.make_block()
        return envelope_id(raw), self.network.blocks[-2].receipts[0]

    def proof(self, number: int) -> bytes:
        urls = [node.node.url for node in self.nodes]
        founding = self.cluster.founding
        client = Network(urls, founding, None, lambda: self.now_ms, open_node=self.network.node)
        handle = to_text(digest("test/flood", str(number).encode()))
        made = prove_quota(client, self.cluster.trust, f"{handle}.USD", "record")
        client.close()
        return made.proof


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.network.close()


def test_a_network_with_which_all_is_well(scene: Scene) -> None:
    for number in (1, 2):
        name, receipt = scene.execute(number)
        scene.judge.acknowledged[name] = receipt
    scene.judge.proofs.append(scene.proof(2))
    assert scene.judge.check() == []
    assert len(scene.judge.replica.executed) == 2


def test_what_was_acknowledged_and_is_in_no_block(scene: Scene) -> None:
    scene.execute(1)
    scene.judge.acknowledged["nowhere"] = b"{}"
    assert scene.judge.check() == ["acknowledged and in no block: nowhere"]


def test_what_was_acknowledged_otherwise_than_it_was_executed(scene: Scene) -> None:
    name, receipt = scene.execute(1)
    scene.judge.acknowledged[name] = receipt.replace(b'"code":0', b'"code":1')
    assert scene.judge.check() == [f"acknowledged with another receipt than its block's: {name}"]


def test_an_app_hash_that_the_blocks_do_not_lead_to(scene: Scene) -> None:
    network = scene.network
    network.add(network.sign(network.header([], app_hash=to_text(bytes(32)))), [])
    with pytest.raises(AssertionError, match="header 2 has another app hash than block 1 leads to"):
        scene.judge.check()


def test_a_node_that_has_another_block_than_the_others(scene: Scene) -> None:
    scene.execute(1)

    def fork(call: Call, result: Any) -> Any:
        if call.method == "blockchain":
            result["block_metas"][0]["header"]["time"] = "2030-01-01T00:00:00Z"
        return result

    scene.nodes[2].node.lie = fork
    assert scene.judge.check() == ["commerce's node has another block 3 than the others"]


def test_a_node_that_is_away(scene: Scene) -> None:
    scene.nodes[3].node.is_down = True
    assert scene.judge.check() == ["customs's node does not answer"]


def test_a_proof_that_does_not_hold_any_more(scene: Scene) -> None:
    scene.execute(1)
    scene.judge.proofs.append(scene.proof(1).replace(b'"attested":10000000', b'"attested":10000001', 1))
    (wrong,) = scene.judge.check()
    assert wrong.startswith("a proof given before: Not proven: step 6 failed")


def test_figures_that_the_auditor_did_not_expect(scene: Scene) -> None:
    scene.execute(1)
    scene.judge.replica.auditor.books.charter["envelopes_per_member_and_block"] = 0
    assert any(wrong.startswith("the auditor: ") for wrong in scene.judge.check())
