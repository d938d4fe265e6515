"""The client on what the real application answers: every block is executed by it too, and its answers are verified."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.cometbft import driver
from tests.engines.cometbft.network_scene import Scene
from tests.engines.cometbft.single_process import SingleProcess, TestNode
from tests.engines.cometbft.test_remote import codes

from kouan import bootstrap
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.kernel.encoding import from_text
from kouan.kernel.headers import SignedHeader
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.founding import NetworkFounding


class ApplicationNetwork(SingleProcess):
    """Nodes that let the application speak for itself."""

    def __init__(
        self, directory: Path, founding: NetworkFounding, seeds: dict[str, bytes], now_ms: Callable[[], int]
    ) -> None:
        self.application = Application(directory.with_name("application"), bootstrap.ledger_of(founding))
        super().__init__(directory, founding, seeds, now_ms)

    def node(self, url: str) -> TestNode:
        return self.nodes.setdefault(url, ApplicationNode(self, url))

    def add(self, signed: SignedHeader, envelopes: list[bytes]) -> None:
        assert self.application.info(abci.RequestInfo()).last_block_app_hash == from_text(signed.header.app_hash)
        super().add(signed, envelopes)
        answer = driver.block(self.application, *envelopes, time_ms=signed.header.time.ms)
        assert [result.data for result in answer.tx_results] == self.blocks[-1].receipts

    def check(self, raw: bytes) -> int:
        (answer,) = self.application.check_txs([abci.RequestCheckTx(tx=raw)])
        return answer.code

    def close(self) -> None:
        self.application.close()
        super().close()


class ApplicationNode(TestNode):
    network: ApplicationNetwork

    def _abci_query(self, path: str, data: str) -> Any:
        if path == "answers":
            self._query_answers([])  # makes the block that is due
        answer = self.network.application.query(abci.RequestQuery(path=path, data=bytes.fromhex(data)))
        value = b64encode(answer.value).decode()
        return {"response": {"code": answer.code, "log": answer.log, "value": value}}


@pytest.fixture
def scene(tmp_path: Path, shallow_tree: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr("tests.engines.cometbft.network_scene.SingleProcess", ApplicationNetwork)
    made = Scene(tmp_path)
    yield made
    made.close()


def test_writing_reading_proving(scene: Scene) -> None:
    client = scene.client()
    sent = [scene.envelope() for _ in range(30)]
    assert [codes(receipt) for receipt in client.submit(sent)] == [(0, [0])] * 30
    assert client.query([scene.key_of_last, "nothing/here"]).values[1] is None
    assert client.prove([scene.key_of_last]).leaves[0].value is not None
    blocks = list(client.blocks())
    assert [raw for block in blocks for raw in block.envelopes] == sent
    status = client.status()
    assert (status.height, status.state_root) == (len(blocks), client.status().state_root)


def test_the_same_again_and_a_refusal(scene: Scene) -> None:
    client = scene.client()
    raw = scene.envelope()
    first = client.submit([raw])
    assert client.submit([raw]) == first
    assert codes(client.submit([scene.envelope(expires_ms=1)])[0]) == (Rejection.ENVELOPE_EXPIRED, [])


def test_more_keys_than_one_question_takes(scene: Scene) -> None:
    client = scene.client()
    client.submit([scene.envelope()])
    keys = [f"nothing/{number}" for number in range(2_100)] + [scene.key_of_last]
    values = client.query(keys).values
    assert values[:-1] == [None] * 2_100
    assert values[-1] is not None
