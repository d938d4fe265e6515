"""A node's small HTTP service on loopback: /metrics for Prometheus, /healthz and /readyz for whoever supervises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
from prometheus_client import Gauge, make_wsgi_app

from kouan.engines.cometbft.application.metrics import Metrics
from kouan.engines.cometbft.node.observing import Observed, observe_rpc

STALE_S: Final = 60.0
"""The newest block of a ledger that goes on is younger: an idle one makes an empty block every five seconds."""
AHEAD_S: Final = 10.0
"""A newest block that lies so far ahead means that this clock is behind."""
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind as servers do, but without asking the DNS for a name, which may take long where there is none."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: there is a request every few seconds."""


@contextmanager
def served(address: str, metrics: Metrics, rpc: str) -> Iterator[None]:
    """Serve at a ``host:port`` while this lasts; ``rpc`` is CometBFT's. Raises OSError when the port is taken."""
    host, _, port = address.rpartition(":")
    Gauge(
        "catching_up", "1 while the node fetches blocks that others have.", namespace="kouan", registry=metrics.registry
    ).set_function(lambda: float(_is_catching_up(rpc)))
    application = _Application(metrics, rpc)
    with make_server(host.strip("[]"), int(port), application, _Server, _Quiet) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Application:
    def __init__(self, metrics: Metrics, rpc: str) -> None:
        self._metrics = make_wsgi_app(metrics.registry)
        self._rpc = rpc

    def __call__(self, environment: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environment, start)  # type: ignore[no-any-return]  # a WSGI application like this
        if path == "/healthz":
            return _answer(start, None)
        if path == "/readyz":
            return _answer(start, unready(observe_rpc(self._rpc), time.time()))
        return _answer(start, "there is /metrics, /healthz and /readyz", "404 Not Found")


def unready(observed: Observed | None, now_s: float) -> str | None:
    """Return why a node is not ready to serve clients, None when it is."""
    if observed is None:
        return "CometBFT does not answer"
    if observed.catching_up:
        return f"it is catching up, at height {observed.height}"
    age_s = now_s - observed.time_ms / 1000
    if age_s > STALE_S:
        return f"its newest block, {observed.height}, is {age_s:.0f} s old: too few validators agree, or it is cut off"
    if age_s < -AHEAD_S:
        return f"its newest block is {-age_s:.0f} s ahead of this machine's clock: set the clock"
    return None


def _is_catching_up(rpc: str) -> bool:
    observed = observe_rpc(rpc)
    return observed is None or observed.catching_up


def _answer(start: StartResponse, problem: str | None, status: str | None = None) -> list[bytes]:
    document = {"ok": True} if problem is None else {"ok": False, "problem": problem}
    default = "200 OK" if problem is None else "503 Service Unavailable"
    start(status or default, [("Content-Type", "application/json; charset=utf-8")])
    return [msgspec.json.encode(document) + b"\n"]
