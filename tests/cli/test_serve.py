"""``kouan serve`` as a process: it serves, says who holds the ledger, stops cleanly or says what to do."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import run
from tests.engines import scene

from kouan import bootstrap
from kouan.engines.embedded import LOG
from kouan.engines.local_socket import Remote, SocketError

WAIT_S = 60.0


class Serving:
    """A ``kouan serve`` of its own."""

    def __init__(self, port: Path, *options: str) -> None:
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from kouan.cli.start import main; main()", "serve", "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reach(self) -> Remote:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return Remote(self.port / bootstrap.LEDGER / bootstrap.SOCKET)
            except SocketError:
                time.sleep(0.02)
        raise AssertionError(self.ended())

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, out, err


@pytest.fixture
def port(tmp_path: Path) -> Path:
    scene.make_port(tmp_path)
    return tmp_path


@pytest.fixture
def serving(port: Path) -> Iterator[Serving]:
    started = Serving(port, "--log-json")
    yield started
    started.process.kill()
    started.process.communicate()


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_it_serves_names_itself_to_others_and_stops_cleanly(serving: Serving) -> None:
    """One JSON line a block; SIGTERM writes the state, so that nothing need be executed again."""
    port = serving.port
    remote = serving.reach()
    receipts = [remote.submit([raw])[0] for raw in scene.day(1, now_ms=bootstrap.now_ms())]
    remote.submit([b"junk"])
    assert all(map(scene.accepted, receipts))
    second = run("serve", "--port", port)
    assert second.code == 2
    assert f"in use by process {serving.process.pid} since 20" in second.err
    with pytest.raises(bootstrap.PortError, match=str(serving.process.pid)), bootstrap.lock(port):
        pass
    with bootstrap.connect(port) as engine:
        assert engine.status().height == 3
    serving.process.send_signal(signal.SIGTERM)
    code, out, _ = serving.ended()
    remote.close()
    told = events(out)
    assert code == 0
    assert [line["event"] for line in told] == ["serving", "block", "block", "block", "stopped"]
    assert told[0]["socket"] == str(port / bootstrap.LEDGER / bootstrap.SOCKET)
    assert [(line["height"], line["commands"], line["refused"]) for line in told[1:4]] == [
        (1, 1, 0),
        (2, 1, 0),
        (3, 0, 1),
    ]
    replayed: list[int] = []
    with bootstrap.lock(port):
        bootstrap.open_ledger(port, progress=lambda height, _: replayed.append(height)).close()
    assert replayed == []


def test_a_command_waits_for_another_and_then_says_who_has_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands without a server: the second is late, not lost."""
    scene.make_port(tmp_path)
    bootstrap.open_ledger(tmp_path, begin=True).close()
    with ExitStack() as held:
        held.enter_context(bootstrap.lock(tmp_path))
        monkeypatch.setattr(time, "sleep", lambda _s: held.close())  # the other one ends while we wait
        with bootstrap.connect(tmp_path) as engine:
            assert engine.status().height == 0
    monkeypatch.undo()
    monkeypatch.setattr(bootstrap, "LOCK_WAIT_S", 0.05)
    with (
        bootstrap.lock(tmp_path),
        pytest.raises(bootstrap.PortError, match=r"in use by process .*try again, or run `kouan serve`"),
        bootstrap.connect(tmp_path),
    ):
        pass


def test_after_a_kill_others_open_the_ledger_themselves(serving: Serving) -> None:
    """The socket that is left behind is not in the way, and what was answered is there."""
    port = serving.port
    remote = serving.reach()
    envelopes = scene.day(1, now_ms=bootstrap.now_ms())
    receipts = remote.submit(envelopes)
    serving.process.kill()
    serving.process.wait()
    remote.close()
    assert (port / bootstrap.LEDGER / bootstrap.SOCKET).exists()
    with bootstrap.connect(port) as engine:
        assert engine.status().height == 1
        assert engine.submit(envelopes) == receipts


def test_a_full_disk_stops_it_with_a_word_what_to_do_and_loses_nothing(serving: Serving) -> None:
    port = serving.port
    remote = serving.reach()
    envelopes = scene.day(2, now_ms=bootstrap.now_ms())
    answered = [remote.submit([raw])[0] for raw in envelopes[:2]]
    full = (port / bootstrap.LEDGER / LOG).stat().st_size + 100
    resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (full, full))
    with pytest.raises(SocketError, match=r"the ledger has stopped: .*Send again"):
        remote.submit([envelopes[2]])
    remote.close()
    code, out, _ = serving.ended()
    failed = events(out)[-1]
    assert code == 1
    assert failed["event"] == "failed"
    assert "writing" in failed["problem"]
    assert "make room" in failed["way_on"]
    with bootstrap.connect(port) as engine:
        assert engine.status().height == 2
        assert engine.submit(envelopes[:2]) == answered
        assert all(map(scene.accepted, engine.submit(envelopes[2:])))


def test_it_needs_a_port(tmp_path: Path) -> None:
    served = run("serve", "--port", tmp_path)
    assert served.code == 2
    assert "kouan init" in served.err
    assert list(tmp_path.iterdir()) == []
