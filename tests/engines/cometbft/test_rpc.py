"""Calls to a node over HTTP: batches, errors that name the node, and whatever else may answer there."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kouan.engines.cometbft.client import rpc
from kouan.engines.cometbft.client.rpc import Call, RpcError, RpcNode, UnreachableError, checked_url

Answers = Callable[[Any], bytes]


class Server(ThreadingHTTPServer):
    """Answers each request with what a function makes of its JSON."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Any] = []
        self.connections: set[Any] = set()
        self.answer: Answers = echo

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.requests.append(asked)
        server.connections.add(self.client_address)
        answer = server.answer(asked)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has gone
            self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


def echo(asked: Any) -> bytes:
    """Each call is answered with its own parameters, in reverse order; one alone, as CometBFT does, without a list."""
    told = [_told(one) for one in reversed(asked)]
    return json.dumps(told if len(told) > 1 else told[0]).encode()


def _told(one: Any) -> dict[str, Any]:
    if one["method"] == "refuse":
        return {"jsonrpc": "2.0", "id": one["id"], "error": {"code": -32603, "message": "Internal error", "data": "no"}}
    return {"jsonrpc": "2.0", "id": one["id"], "result": one["params"]}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def node(server: Server) -> Iterator[RpcNode]:
    made = RpcNode(server.url, answer_s=0.5)
    yield made
    made.close()


def test_one_call(server: Server, node: RpcNode) -> None:
    assert node.call("commit", height="5") == {"height": "5"}
    assert server.requests == [[{"id": 1, "jsonrpc": "2.0", "method": "commit", "params": {"height": "5"}}]]


def test_many_calls_go_in_few_requests_over_one_connection(server: Server, node: RpcNode) -> None:
    calls = [Call("header", {"height": str(height)}) for height in range(25)]
    assert node.call_many(calls) == [call.params for call in calls]
    assert [len(asked) for asked in server.requests] == [10, 10, 5]
    assert len(server.connections) == 1


def test_large_calls_share_a_request_only_while_they_fit(server: Server, node: RpcNode) -> None:
    calls = [Call("broadcast_tx_sync", {"tx": "A" * 400_000}) for _ in range(5)]
    node.call_many(calls)
    assert [len(asked) for asked in server.requests] == [2, 2, 1]


def test_a_refusal_is_an_answer_among_others(node: RpcNode) -> None:
    good, bad = node.call_many([Call("header", {}), Call("refuse", {})])
    assert good == {}
    assert isinstance(bad, RpcError)
    assert str(bad) == f"node {node.url}: no"
    with pytest.raises(RpcError):
        node.call("refuse")


def test_an_answer_that_stayed_out_is_a_refusal(server: Server, node: RpcNode) -> None:
    server.answer = lambda asked: echo(asked[:1])
    good, missing = node.call_many([Call("header", {}), Call("header", {})])
    assert good == {}
    assert isinstance(missing, RpcError)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[1]", b'{"id":"x"}', b"\xff", b"[" * 5000, b"null"])
def test_what_is_no_json_rpc(server: Server, node: RpcNode, answer: bytes) -> None:
    server.answer = lambda _: answer
    with pytest.raises(UnreachableError, match=r"what it answers is no JSON-RPC"):
        node.call("commit")


def test_an_answer_without_end_is_cut(server: Server, node: RpcNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "MAX_ANSWER", 1000)
    server.answer = lambda _: b" " * 5000
    with pytest.raises(UnreachableError, match="its answer has more than 1000 bytes"):
        node.call("commit")


def test_a_node_that_falls_asleep_may_have_done_it(server: Server, node: RpcNode) -> None:
    waiting = threading.Event()
    server.answer = lambda _: str(waiting.wait(10)).encode()
    with pytest.raises(UnreachableError, match="cannot be reached") as raised:
        node.call("broadcast_tx_sync", tx="")
    waiting.set()
    assert raised.value.may_be_done


def test_a_node_that_is_not_there_has_done_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=r"cannot be reached \(connection refused\)") as raised:
            RpcNode(url).call("commit")
    assert not raised.value.may_be_done


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://127.0.0.1:26657", "http://127.0.0.1:26657"),
        (" https://node.example/ ", "https://node.example"),
        ("http://[::1]:26657", "http://[::1]:26657"),
    ],
)
def test_addresses(url: str, asked: str) -> None:
    assert checked_url(url) == asked


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:26657", "tcp://127.0.0.1:26657", "http://", "http://a b", "http://x/rpc", "http://x:99999999"],
)
def test_no_addresses(url: str) -> None:
    with pytest.raises(ValueError, match=r"--node: .* is no node's address; give one such as http://127.0.0.1:26657"):
        checked_url(url)
