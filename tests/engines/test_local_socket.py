"""The local socket: many clients share a block, nobody's junk ends the service, everybody is told when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines import scene
from tests.engines.simulated_disk import Fault, SimulatedDisk

from kouan.engines import local_socket
from kouan.engines.embedded import Embedded
from kouan.engines.local_socket import MAX_FRAME, Remote, Server, SocketError
from kouan.engines.log import LogFailedError
from kouan.kernel.envelope import MAX_BYTES

pytestmark = pytest.mark.usefixtures("shallow_tree")

DAY = scene.day(4)


class Served:
    """A server in a thread of its own."""

    def __init__(self, path: Path, engine: Embedded) -> None:
        self.path = path
        self.engine = engine
        self.blocks: list[int] = []
        self.failure: LogFailedError | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except LogFailedError as problem:
            self.failure = problem
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = Server(self.engine, on_block=lambda envelopes, _receipts, _took_s: self.blocks.append(len(envelopes)))
        self._task = asyncio.ensure_future(server.run(self.path, self._ready.set))
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    engine = scene.open_engine(tmp_path)
    server = Served(tmp_path / "socket", engine)
    yield server
    server.stop()
    scene.kill(engine)


@contextlib.contextmanager
def connected(path: Path) -> Iterator[Remote]:
    with contextlib.closing(Remote(path)) as remote:
        yield remote


@contextlib.contextmanager
def raw_connection(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(path))
        yield raw


def ask(raw: socket.socket, question: bytes) -> tuple[bool, Any]:
    raw.sendall(len(question).to_bytes(4) + question)
    return answer_of(raw)


def answer_of(raw: socket.socket) -> tuple[bool, Any]:
    size = int.from_bytes(raw.recv(4, socket.MSG_WAITALL))
    good, value = msgspec.msgpack.decode(raw.recv(size, socket.MSG_WAITALL))
    return good, value


def test_a_remote_engine_answers_as_the_engine_itself(served: Served) -> None:
    with connected(served.path) as remote:
        assert all(map(scene.accepted, remote.submit(DAY[:2])))
        assert remote.submit([DAY[2]]) == remote.submit([DAY[2]])
        assert remote.submit([]) == []
        keys = ["charter", "nothing", f"quota/{scene.quota_id('d1')}"]
        assert remote.query(keys) == served.engine.query(keys)
        assert remote.prove(keys) == served.engine.prove(keys)
        assert remote.prove(keys, 1) == served.engine.prove(keys, 1)
        assert list(remote.blocks(1)) == list(served.engine.blocks(1))
        assert list(remote.blocks(3)) == []
        assert remote.status() == served.engine.status()


def test_only_the_owner_may_open_the_socket(served: Served) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o600


def test_blocks_come_in_order_however_few_fit_into_an_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(served.path) as remote:
        for raw in DAY:
            remote.submit([raw])
        for at_once, size in ((1, 1 << 20), (3, 1 << 20), (100, 1)):
            monkeypatch.setattr(local_socket, "BLOCKS_PER_ANSWER", at_once)
            monkeypatch.setattr(local_socket, "BYTES_PER_ANSWER", size)
            for first in (0, 1, 4, 9):
                assert [block.height for block in remote.blocks(first)] == list(range(max(first, 1), 9))


def test_who_follows_the_blocks_gets_those_that_came_meanwhile(served: Served) -> None:
    with connected(served.path) as remote:
        remote.submit(DAY[:1])
        following = remote.blocks(1)
        assert next(following).height == 1
        remote.submit(DAY[1:2])
        assert next(following).height == 2


def test_many_clients_share_blocks(served: Served) -> None:
    names = [f"d{number}" for number in range(1, 21)]
    with connected(served.path) as remote:
        remote.submit([scene.attest(1, *names)])
    receipts: list[bytes] = []

    def client(bank: str) -> None:
        with connected(served.path) as own:
            receipts.extend(own.submit([scene.hold(bank, number, name) for number, name in enumerate(names, 1)]))

    threads = [threading.Thread(target=client, args=(bank,)) for bank in scene.BANKS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(receipts) == 60
    assert all(map(scene.accepted, receipts))
    assert sum(served.blocks) == 61
    assert len(served.blocks) <= 4


def test_a_block_takes_no_more_commands_and_bytes_than_it_may(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(served.path) as remote:
        monkeypatch.setattr(local_socket, "COMMANDS_PER_BLOCK", 3)
        remote.submit([b"junk %d" % number for number in range(7)])
        assert served.blocks == [3, 3, 1]
        monkeypatch.setattr(local_socket, "COMMANDS_PER_BLOCK", 100)
        monkeypatch.setattr(local_socket, "BYTES_PER_BLOCK", 2500)
        remote.submit([b"%d" % number + bytes(1000) for number in range(4)])
        assert served.blocks[3:] == [3, 1]


_pack = msgspec.msgpack.encode
HOSTILE = {
    "nothing": b"",
    "junk": b"\xc1\xff\x00",
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "no operation": _pack(()),
    "one part": _pack(("status",)),
    "three parts": _pack(("status", None, None)),
    "a map": _pack({"operation": "status"}),
    "unknown operation": _pack(("drop", None)),
    "operation a number": _pack((7, None)),
    "submit a number": _pack(("submit", 7)),
    "submit texts": _pack(("submit", ["abcd"])),
    "submit mixed": _pack(("submit", [b"x", None])),
    "submit too large": _pack(("submit", [bytes(MAX_BYTES + 1)])),
    "query bytes": _pack(("query", [b"charter"])),
    "query nothing": _pack(("query", None)),
    "prove a key": _pack(("prove", "charter")),
    "prove junk": _pack(("prove", (["charter"], "high"))),
    "prove negative": _pack(("prove", (["charter"], -1))),
    "prove the future": _pack(("prove", (["charter"], 10**9))),
    "blocks negative": _pack(("blocks", -1)),
    "blocks enormous": _pack(("blocks", 2**63)),
    "blocks a float": _pack(("blocks", 1.5)),
    "nested deep": b"\x92\xa5query" + b"\x91" * 100_000 + b"\xc0",
    "announced and missing": b"\xdd\xff\xff\xff\xff",
}


@pytest.mark.parametrize("question", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_question_is_answered_by_a_sentence_and_ends_nothing(served: Served, question: bytes) -> None:
    with raw_connection(served.path) as raw:
        good, sentence = ask(raw, question)
        assert not good
        assert isinstance(sentence, str)
        assert sentence
        assert ask(raw, _pack(("status", None)))[0]  # not even this connection
    with connected(served.path) as remote:
        assert scene.accepted(remote.submit([DAY[0]])[0])


def test_an_enormous_frame_is_refused_unread(served: Served) -> None:
    with raw_connection(served.path) as raw:
        raw.sendall(b"\xff\xff\xff\xff")
        good, sentence = answer_of(raw)
        assert (good, str(MAX_FRAME) in sentence) == (False, True)
        assert raw.recv(1) == b""


def test_half_a_frame_and_a_vanished_asker_disturb_nobody(served: Served) -> None:
    question = _pack(("submit", [DAY[0]]))
    with raw_connection(served.path) as half:
        half.sendall(len(question).to_bytes(4) + question[:10])
        with connected(served.path) as remote:
            assert remote.status().height == 0
    with raw_connection(served.path) as raw:
        raw.sendall(len(question).to_bytes(4) + question)  # gone before the answer: it is executed nevertheless
    with connected(served.path) as remote:
        assert scene.accepted(remote.submit([DAY[0]])[0])
        assert [len(block.envelopes) for block in remote.blocks()] == [1]


_ARGUMENTS = st.recursive(st.none() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(), st.lists)
_QUESTIONS = st.tuples(st.sampled_from(["query", "prove", "blocks", "status"]), _ARGUMENTS).map(_pack)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.binary(max_size=64) | _QUESTIONS)
def test_no_bytes_whatever_end_a_connection(served: Served, question: bytes) -> None:
    with raw_connection(served.path) as raw:
        ask(raw, question)
        assert ask(raw, _pack(("status", None)))[0]


def test_when_the_disk_fails_everybody_who_waits_is_told_and_the_server_ends(tmp_path: Path) -> None:
    """The answer says that the ledger has stopped; what was answered before is there when it is opened again."""
    disk = SimulatedDisk()
    engine = scene.open_engine(tmp_path, disk=disk)
    server = Served(tmp_path / "socket", engine)
    with connected(server.path) as one, connected(server.path) as idle:
        answered = one.submit(DAY[:1])
        disk.fail_next(Fault(errno.ENOSPC, 0.5))
        with pytest.raises(SocketError, match=r"the ledger has stopped: .*writing \d+ bytes .*Send again"):
            one.submit(DAY[1:3])
        server.join()
        with pytest.raises(SocketError, match=r"closed the connection|broke"):
            idle.status()
    assert server.failure
    assert not server.path.exists()
    scene.kill(engine)
    disk.kill()
    again = scene.open_engine(tmp_path, disk=disk)
    assert again.submit(DAY[:1]) == answered
    assert again.status().height == 1
    assert all(map(scene.accepted, again.submit(DAY[1:])))
    scene.kill(again)


def test_a_client_without_a_server_is_told_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(SocketError, match="start it with `kouan serve`"):
        Remote(tmp_path / "socket")


def test_a_path_that_no_socket_can_have_is_named(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    with pytest.raises(SocketError, match="shorter path"):
        Remote(long)
    with pytest.raises(SocketError, match="shorter path"):
        asyncio.run(Server(None).run(long))  # type: ignore[arg-type]  # it does not come to that


def test_idle_work_is_done_only_while_nobody_waits(tmp_path: Path) -> None:
    engine = scene.open_engine(tmp_path)
    done: list[str] = []

    async def some_time() -> None:
        five = asyncio.Event()

        def idle() -> float:
            done.append("idle")
            if len(done) < 5:
                return 0.0
            five.set()
            return 3600.0

        server = Server(engine, idle=idle, on_block=lambda *_: done.append("block"))
        running = asyncio.ensure_future(server.run(tmp_path / "socket"))
        await five.wait()
        await asyncio.to_thread(_submit_one, tmp_path / "socket")
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(some_time())
    assert done == ["idle"] * 5 + ["block"]
    scene.kill(engine)


def _submit_one(path: Path) -> None:
    with connected(path) as remote:
        remote.submit([DAY[0]])
