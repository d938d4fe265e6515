"""The socket: frames as CometBFT writes them, hostile ones, and consensus before the mempool."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.cometbft import driver, scene

from kouan.engines.cometbft.application import abci_server, serving
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.frames import MAX_FRAME, FrameError, Frames, frame_of
from kouan.engines.cometbft.node.exits import EXIT_BROKEN, EXIT_TOO_OLD
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.kernel.execution import TooOldError

ECHO = abci.Request(echo=abci.RequestEcho(message="kouan" * 100))
FLUSH = abci.Request(flush=abci.RequestFlush())


def framed(*requests: abci.Request) -> bytes:
    return b"".join(frame_of(request) for request in requests)  # type: ignore[arg-type]  # framed like a response


@given(cuts=st.lists(st.integers(0, 1100), max_size=8))
def test_requests_come_however_the_bytes_are_cut(cuts: list[int]) -> None:
    data = framed(ECHO, FLUSH, ECHO)
    frames = Frames()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    got = [request for at, to in pairwise(places) for request in frames.feed(data[at:to])]
    assert got == [ECHO, FLUSH, ECHO]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xff\xff\xff\x7f", f"at most {MAX_FRAME} bytes, this one 34359738367"),
        (b"\xff" * 6, "length has at most 5 bytes"),
        (b"\x03abc", "is no request"),
        (b"\x00", "no kind that is known"),
        (b"\x03\x9a\x06\x00", "no kind that is known"),  # a field from a later protocol
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b" " * 100, "is no request"),
    ],
)
def test_hostile_frames_are_named(data: bytes, said: str) -> None:
    with pytest.raises(FrameError, match=said):
        Frames().feed(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_requests_or_a_frame_error(data: bytes) -> None:
    try:
        requests = Frames().feed(data)
    except FrameError:
        return
    assert all(request.WhichOneof("value") for request in requests)


class Client:
    """One of CometBFT's connections."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *requests: abci.Request) -> None:
        self.writer.write(framed(*requests))

    async def receive(self) -> abci.Response:
        size = shift = 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return abci.Response.FromString(await self.reader.readexactly(size))

    async def ask(self, request: abci.Request) -> abci.Response:
        self.send(request, FLUSH)
        answer = await self.receive()
        assert (await self.receive()).WhichOneof("value") == "flush"
        return answer


Talk = Callable[[Callable[[], Awaitable[Client]]], Awaitable[None]]


def serve(
    application: Application, path: Path, talk: Talk, *, ends: bool = False
) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
    """Serve while ``talk`` goes on, or until it ends by itself; the exit code, and what was told."""
    told: list[tuple[str, dict[str, Any]]] = []
    ready = threading.Event()
    problems: list[BaseException] = []

    def tell(event: str, **about: Any) -> None:
        told.append((event, about))
        if event in {"serving", "failed"}:
            ready.set()

    async def talking() -> None:
        clients: list[Client] = []

        async def connect() -> Client:
            clients.append(Client(*await asyncio.open_unix_connection(path)))
            return clients[-1]

        try:
            await asyncio.wait_for(talk(connect), 30)
        finally:
            for client in clients:
                client.writer.close()

    def talk_then_stop() -> None:
        ready.wait(30)
        try:
            asyncio.run(talking())
        except BaseException as problem:  # noqa: BLE001  # it fails the test, in the main thread
            problems.append(problem)
        if not ends or problems:
            os.kill(os.getpid(), signal.SIGTERM)

    talker = threading.Thread(target=talk_then_stop)
    talker.start()
    code = serving.serve(application, path, tell)
    talker.join()
    if problems:
        raise problems[0]
    return code, told


@pytest.fixture
def application(tmp_path: Path, shallow_tree: None) -> Application:
    return driver.begin(tmp_path)


def check_tx(raw: bytes) -> abci.Request:
    return abci.Request(check_tx=abci.RequestCheckTx(tx=raw))


def test_requests_are_answered_in_order_on_each_connection(application: Application, tmp_path: Path) -> None:
    first, second = scene.day(1)

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        client, other = await connect(), await connect()
        client.send(check_tx(first), FLUSH, ECHO, check_tx(b"garbage"), check_tx(first), FLUSH)
        kinds = [(await client.receive()).WhichOneof("value") for _ in range(6)]
        assert kinds == ["check_tx", "flush", "echo", "check_tx", "check_tx", "flush"]
        assert (await other.ask(abci.Request(info=abci.RequestInfo()))).info.last_block_height == 0
        finalize = abci.RequestFinalizeBlock(height=1, time=driver.timestamp(scene.NOW_MS), txs=[first, second])
        answer = (await other.ask(abci.Request(finalize_block=finalize))).finalize_block
        assert [scene.codes(result.data) for result in answer.tx_results] == [[0, 0], [0, 0]]
        assert (await other.ask(abci.Request(commit=abci.RequestCommit()))).WhichOneof("value") == "commit"
        query = await client.ask(abci.Request(query=abci.RequestQuery(path="no/such")))
        assert query.query.code == 2
        extend = await client.ask(abci.Request(extend_vote=abci.RequestExtendVote()))
        assert "extend_vote" in extend.exception.error

    code, told = serve(application, tmp_path / "s", talk)
    assert code == 0
    assert told[-1] == ("stopped", {"height": 1})
    application.close()


class Gate:
    """Stands in for an application's CheckTx: the first batch is in hand until what else was sent has come."""

    def __init__(self, application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.in_hand = threading.Event()
        self.sent = threading.Event()
        self._check, self._info = application.check_txs, application.info
        monkeypatch.setattr(application, "check_txs", self.check_txs)
        monkeypatch.setattr(application, "info", self.info)

    def check_txs(self, batch: Sequence[abci.RequestCheckTx]) -> list[abci.ResponseCheckTx]:
        if not self.done:
            self.in_hand.set()
            assert self.sent.wait(10)
            time.sleep(0.3)  # what was sent is read meanwhile
        self.done.append(f"check {len(batch)}")
        return self._check(batch)

    def info(self, request: abci.RequestInfo) -> abci.ResponseInfo:
        self.done.append("info")
        return self._info(request)


def test_a_flood_of_submissions_delays_consensus_by_one_batch_at_most(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waits at the mempool's door, what consensus asks is answered after the batch in hand."""
    monkeypatch.setattr(abci_server, "BATCH_COMMANDS", 10)
    monkeypatch.setattr(abci_server, "COUNTED_BYTES", 1)  # all of the flood may wait
    gate = Gate(application, monkeypatch)
    flood = [check_tx(b'"type":"%d' % number) for number in range(2_000)]

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        mempool, consensus = await connect(), await connect()
        mempool.send(*flood)
        assert await asyncio.to_thread(gate.in_hand.wait, 10)
        consensus.send(abci.Request(info=abci.RequestInfo()), FLUSH)
        await consensus.writer.drain()
        gate.sent.set()
        await consensus.receive()
        for _ in range(len(flood)):
            assert (await mempool.receive()).check_tx.log == "ENVELOPE_MALFORMED"

    serve(application, tmp_path / "s", talk)
    assert gate.done[1] == "info"
    assert max(int(batch.split()[1]) for batch in gate.done if batch != "info") <= 10
    application.close()


def test_a_connection_is_read_whatever_waits_and_what_is_too_much_is_refused_unread(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CometBFT's sender never has to wait; what it asks again after a block is never refused so."""
    monkeypatch.setattr(abci_server, "COUNTED_BYTES", 1)
    monkeypatch.setattr(abci_server, "WAITING_BYTES", 1_000)
    monkeypatch.setattr(abci_server, "BATCH_REQUESTS", 1)
    gate = Gate(application, monkeypatch)
    raw = b"x" * 300
    again = abci.Request(check_tx=abci.RequestCheckTx(tx=raw, type=abci.RECHECK))

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        mempool = await connect()
        mempool.send(check_tx(raw))
        assert await asyncio.to_thread(gate.in_hand.wait, 10)
        mempool.send(*[check_tx(raw), FLUSH] * 5, again, check_tx(raw))
        await mempool.writer.drain()
        gate.sent.set()
        answers = [await mempool.receive() for _ in range(13)]
        logs = [answer.check_tx.log for answer in answers if answer.WhichOneof("value") == "check_tx"]
        assert logs == ["ENVELOPE_MALFORMED"] * 4 + ["NODE_BUSY"] * 2 + ["ENVELOPE_MALFORMED", "NODE_BUSY"]

    serve(application, tmp_path / "s", talk)
    application.close()


def test_of_small_envelopes_no_more_than_a_thousand_or_so_wait_to_be_looked_at(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a block is committed CometBFT waits until all of them are answered."""
    gate = Gate(application, monkeypatch)

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        mempool = await connect()
        mempool.send(check_tx(b"x"))
        assert await asyncio.to_thread(gate.in_hand.wait, 10)
        mempool.send(*[check_tx(b"x")] * 1_500)
        await mempool.writer.drain()
        gate.sent.set()
        logs = Counter([(await mempool.receive()).check_tx.log for _ in range(1_501)])
        assert logs == {"ENVELOPE_MALFORMED": 1 + 1_024, "NODE_BUSY": 476}

    serve(application, tmp_path / "s", talk)
    application.close()


@pytest.mark.parametrize("before", [(), (FLUSH,)])
def test_questions_and_submissions_take_turns(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: tuple[abci.Request, ...]
) -> None:
    """Neither a flood of the one nor of the other keeps the other waiting, whether a flush stands before or not."""
    monkeypatch.setattr(abci_server, "BATCH_REQUESTS", 1 + len(before))
    done: list[str] = []
    sent = threading.Event()
    check, query = application.check_txs, application.query

    def note(kind: str) -> None:
        if not done:
            assert sent.wait(10)
            time.sleep(0.3)  # what was sent is read meanwhile
        done.append(kind)

    def checked(batch: Sequence[abci.RequestCheckTx]) -> list[abci.ResponseCheckTx]:
        note("check")
        return check(batch)

    def queried(request: abci.RequestQuery) -> abci.ResponseQuery:
        note("query")
        return query(request)

    monkeypatch.setattr(application, "check_txs", checked)
    monkeypatch.setattr(application, "query", queried)

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        mempool, asker = await connect(), await connect()
        mempool.send(*[*before, check_tx(b"garbage")] * 100)
        asker.send(*[abci.Request(query=abci.RequestQuery(path="no/such"))] * 100)
        sent.set()
        for client, count in ((mempool, 100 * (1 + len(before))), (asker, 100)):
            for _ in range(count):
                await client.receive()

    serve(application, tmp_path / "s", talk)
    first_of_both = max(done.index("check"), done.index("query"))
    assert done[first_of_both : first_of_both + 50] == [done[first_of_both], done[first_of_both - 1]] * 25
    application.close()


def test_who_does_not_speak_the_protocol_is_hung_up_on_and_others_are_served(
    application: Application, tmp_path: Path
) -> None:
    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        hostile, good = await connect(), await connect()
        hostile.writer.write(b"\x03abc")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await hostile.receive()
        assert (await good.ask(ECHO)).echo.message == ECHO.echo.message

    code, told = serve(application, tmp_path / "s", talk)
    assert code == 0
    assert "is no request" in dict(told)["refused"]["problem"]
    application.close()


@pytest.mark.parametrize(
    ("problem", "expected", "event"),
    [(AssertionError("broken"), EXIT_BROKEN, "failed"), (TooOldError("install it"), EXIT_TOO_OLD, "too-old")],
)
def test_what_the_application_raises_ends_the_process_with_a_code_of_its_own(
    application: Application,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: Exception,
    expected: int,
    event: str,
) -> None:
    def fail(_request: object) -> None:
        raise problem

    monkeypatch.setattr(application, "commit", fail)

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        client.send(abci.Request(commit=abci.RequestCommit()), FLUSH)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.receive()
        assert not (tmp_path / "s").exists()  # by that the supervisor knows who ended first

    code, told = serve(application, tmp_path / "s", talk, ends=True)
    assert code == expected
    assert str(problem) in dict(told)[event]["problem"]
    application.close()


def test_a_stop_is_noticed_though_nothing_wakes_the_server(application: Application, tmp_path: Path) -> None:
    """Python calls a signal's handler in the main thread alone, and the system may hand the signal to another."""
    server = abci_server.AbciServer(application, lambda *_, **__: None)
    waits = threading.Event()
    serving_it = threading.Thread(target=server.run, args=(tmp_path / "s", waits.set), daemon=True)
    serving_it.start()
    waits.wait(20)
    time.sleep(0.1)
    server._is_stopping = True
    serving_it.join(20)
    assert not serving_it.is_alive()
    application.close()
