"""What a node tells of itself: rejections by group, readiness with a reason, and nothing of who is no node."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import generate_latest

from kouan.engines.cometbft.application.http import unready
from kouan.engines.cometbft.application.metrics import ACCEPTED, Metrics, group_of
from kouan.engines.cometbft.node.observing import Observed, _ms, observe, observe_rpc
from kouan.kernel.rejections import Rejection

NOW_S = 1_700_000_000.0
READY = Observed(catching_up=False, height=7, moniker="a", node="b", power=10, time_ms=int(NOW_S * 1000))
STATUS = (
    '{"result":{"node_info":{"id":"aa","moniker":"m"},"sync_info":{"latest_block_height":"7",'
    '"latest_block_time":"2023-11-14T22:13:20.123456789Z","catching_up":false},"validator_info":{"voting_power":"10"}}}'
)


def test_every_rejection_is_counted_in_its_group() -> None:
    assert group_of(0) == ACCEPTED
    groups = {rejection: group_of(rejection) for rejection in Rejection}
    assert "other" not in groups.values()
    assert groups[Rejection.ENVELOPE_REPLAYED] == "envelope"
    assert groups[Rejection.ROLE_NOT_PERMITTED] == "command"
    assert groups[Rejection.QUOTA_EXCEEDED] == "quota"
    assert groups[Rejection.COLLECTION_EXISTS] == "financing"


def test_commands_and_envelopes_are_counted_by_what_became_of_them() -> None:
    metrics = Metrics()
    receipts = [b'{"code":0,"results":[{"code":0},{"at":"x","code":56}]}', b'{"code":9,"results":[]}']
    metrics.executed(receipts, 0.01)
    text = generate_latest(metrics.registry).decode()
    for line in (
        'kouan_commands_total{result="accepted"} 1.0',
        'kouan_commands_total{result="quota"} 1.0',
        'kouan_envelopes_total{result="accepted"} 1.0',
        'kouan_envelopes_total{result="envelope"} 1.0',
        "kouan_block_seconds_count 1.0",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("observed", "now_s", "reason"),
    [
        (READY, NOW_S, None),
        (READY, NOW_S + 59, None),
        (READY, NOW_S + 61, "too few validators agree"),
        (READY, NOW_S - 11, "ahead of this machine's clock"),
        (None, NOW_S, "CometBFT does not answer"),
        (
            Observed(catching_up=True, height=7, moniker="", node="", power=0, time_ms=0),
            NOW_S,
            "catching up, at height 7",
        ),
    ],
)
def test_a_node_is_ready_or_says_why_not(observed: Observed | None, now_s: float, reason: str | None) -> None:
    said = unready(observed, now_s)
    assert (said is None) == (reason is None)
    assert reason is None or reason in str(said)


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20.1Z", 1_700_000_000_100),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000_123),
    ],
)
def test_times_as_go_writes_them(written: str, ms: int) -> None:
    assert _ms(written) == ms


@contextmanager
def answering(body: str, code: int = 200) -> Iterator[str]:
    """A server that answers everything alike."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_cometbft_answers_is_understood() -> None:
    with answering(STATUS) as address:
        observed = observe(address, address)
    assert observed is not None
    assert (observed.height, observed.power, observed.time_ms) == (7, 10, 1_700_000_000_123)
    assert (observed.commands, observed.round) == (0, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [("", 200), ("{}", 200), ("[]", 200), ("<html>", 200), (STATUS, 500), (STATUS.replace('"7"', '"x"'), 200)],
)
def test_what_is_no_cometbft_is_no_node(body: str, code: int) -> None:
    with answering(body, code) as address:
        assert observe_rpc(address) is None
    assert observe_rpc("127.0.0.1:1") is None
