"""A ledger for several processes of one machine: the one that holds it serves the others over a Unix socket.

A frame is a length (4 bytes, big-endian) and MessagePack: ``[operation, argument]`` there, ``[true, value]`` or
``[false, sentence]`` back; one answer for each question, in order. What arrives while a block is being written waits
and goes into the next block together, so many clients share one fsync.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from kouan.engines.port import Engine, Found, LoggedBlock, Proven, Status
from kouan.kernel.encoding import Count
from kouan.kernel.envelope import MAX_BYTES
from kouan.kernel.proof import Checkpoint

MAX_FRAME: Final = 64 << 20
COMMANDS_PER_BLOCK: Final = 2_000
BYTES_PER_BLOCK: Final = 32 << 20
BLOCKS_PER_ANSWER: Final = 16
BYTES_PER_ANSWER: Final = 16 << 20
MAX_PATH: Final = 107
"""Bytes of a socket's path (unix(7))."""
LAST_ANSWERS_S: Final = 2.0
T = TypeVar("T")
_pack: Final = msgspec.msgpack.Encoder().encode
_question: Final = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw]).decode
_unpack: Final = msgspec.msgpack.decode


class SocketError(Exception):
    """The serving process cannot be reached, or it refused a question; the text says why."""


class _Proven(Proven, frozen=True):
    """What an operator's engine proves: only such an engine is served here."""

    checkpoint: Checkpoint


class Server:
    """Answers questions about an engine, and groups what is submitted into blocks."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_block: Callable[[list[bytes], list[bytes], float], None] = lambda _envelopes, _receipts, _took_s: None,
        idle: Callable[[], float] | None = None,
    ) -> None:
        """``on_block`` is told every block's envelopes, receipts, and how many seconds it took.

        ``idle`` is called when nothing waits: it does a little work and returns after how many seconds it wants to be
        called again.
        """
        self._engine = engine
        self._on_block = on_block
        self._idle = idle
        self._waiting: deque[tuple[bytes, asyncio.Future[bytes]]] = deque()
        self._arrived = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()
        self._stopped = ""

    async def run(self, path: Path, ready: Callable[[], None] = lambda: None) -> None:
        """Serve on a socket until cancelled. Whoever may open the socket may use the ledger: it is made 0600.

        When the engine fails, everybody who waits is told and what the engine raised is raised.
        """
        server = await listen(self._connection, path)
        try:
            ready()
            await self._write_blocks()
        except Exception as problem:
            self._stopped = f"the ledger has stopped: {problem}"
            raise
        finally:
            self._stopped = self._stopped or "the ledger is being stopped"
            server.close()
            path.unlink(missing_ok=True)
            await self._tell_waiting()

    async def _write_blocks(self) -> None:
        pause: float | None = 0.0 if self._idle else None
        while True:
            if not self._waiting:
                self._arrived.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), pause)
                if not self._waiting:
                    pause = self._idle() if self._idle else None
                    continue
            self._write_block()
            await asyncio.sleep(0)

    def _write_block(self) -> None:
        batch: list[tuple[bytes, asyncio.Future[bytes]]] = []
        commands = size = 0
        while self._waiting and commands < COMMANDS_PER_BLOCK and size < BYTES_PER_BLOCK:
            raw, answer = self._waiting.popleft()
            batch.append((raw, answer))
            commands += max(1, raw.count(b'"type":"'))
            size += len(raw)
        envelopes = [raw for raw, _ in batch]
        began = time.monotonic()
        try:
            receipts = self._engine.submit(envelopes)
        except BaseException:
            self._waiting.extendleft(reversed(batch))  # so that they are told too
            raise
        for (_, answer), receipt in zip(batch, receipts, strict=True):
            if not answer.done():
                answer.set_result(receipt)
        self._on_block(envelopes, receipts, time.monotonic() - began)

    async def _tell_waiting(self) -> None:
        """Answer everybody who still waits, and give the answers a moment to go out."""
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(SocketError(f"{self._stopped}. Send again once it serves"))
        self._waiting.clear()
        if self._busy:
            await asyncio.wait(self._busy, timeout=LAST_ANSWERS_S)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a connection is served by a task")
        blocks = _BlockReader(self._engine)
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not self._stopped:
                size = int.from_bytes(await reader.readexactly(4))
                if size > MAX_FRAME:
                    writer.write(frame_of((False, f"a question has at most {MAX_FRAME} bytes, not {size}")))
                    break
                question = await reader.readexactly(size)
                self._busy.add(task)
                try:
                    writer.write(frame_of(await self._answer(question, blocks)))
                    await writer.drain()
                finally:
                    self._busy.discard(task)

    async def _answer(self, question: bytes, blocks: _BlockReader) -> tuple[bool, Any]:
        try:
            operation, argument = _question(question)
            if operation == "submit":
                return True, await self._submit(_unpack(argument, type=list[bytes]))
            return True, self._ask(operation, argument, blocks)
        except SocketError as problem:
            return False, str(problem)
        except Exception as problem:  # noqa: BLE001  # it is the asker's answer, and must not end the others' service
            return False, f"{type(problem).__name__}: {problem}"

    async def _submit(self, envelopes: list[bytes]) -> list[bytes]:
        for raw in envelopes:
            if len(raw) > MAX_BYTES:
                raise SocketError(f"an envelope has at most {MAX_BYTES} bytes, one of these has {len(raw)}")
        if self._stopped:
            raise SocketError(self._stopped)
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in envelopes]
        self._waiting.extend(zip(envelopes, answers, strict=True))
        self._arrived.set()
        return list(await asyncio.gather(*answers))

    def _ask(self, operation: str, argument: msgspec.Raw, blocks: _BlockReader) -> Any:
        match operation:
            case "query":
                return self._engine.query(_unpack(argument, type=list[str]))
            case "prove":
                return self._engine.prove(*_unpack(argument, type=tuple[list[str], Count | None]))
            case "blocks":
                return blocks.read(_unpack(argument, type=Count))
            case "status":
                return self._engine.status()
        raise SocketError(f"there is no operation {operation!r}: submit, query, prove, blocks, status")


class _BlockReader:
    """One connection's way through the blocks: whoever asks for the following ones need not find the place again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._height = 0
        self._blocks: Iterator[LoggedBlock] = iter(())

    def read(self, from_height: int) -> list[LoggedBlock]:
        """Return some blocks from a height on; none when there are no more yet."""
        blocks = self._take() if from_height == self._height else []
        if not blocks:
            self._blocks = self._engine.blocks(from_height)
            blocks = self._take()
        self._height = from_height + len(blocks)
        return blocks

    def _take(self) -> list[LoggedBlock]:
        taken: list[LoggedBlock] = []
        size = 0
        for block in self._blocks:
            taken.append(block)
            size += sum(map(len, block.envelopes)) + sum(map(len, block.receipts))
            if len(taken) == BLOCKS_PER_ANSWER or size >= BYTES_PER_ANSWER:
                break
        return taken


def frame_of(message: tuple[Any, ...]) -> bytes:
    """Return a message with its length in front, as it goes over a socket."""
    packed = _pack(message)
    return len(packed).to_bytes(4) + packed


def _check_path(path: Path) -> None:
    if len(bytes(path)) > MAX_PATH:
        raise SocketError(f"{path}: a socket's path has at most {MAX_PATH} bytes: use a directory with a shorter path")


@contextlib.contextmanager
def private_path(path: Path) -> Iterator[None]:
    """Let a socket be made at a path, only for this user; raises SocketError for a path that is too long."""
    _check_path(path)
    path.unlink(missing_ok=True)
    mask = os.umask(0o177)  # 0600 from the first moment on
    try:
        yield
    finally:
        os.umask(mask)


async def listen(on_connection: Callable[[StreamReader, StreamWriter], Awaitable[None]], path: Path) -> asyncio.Server:
    """Listen on a socket that only this user may open; raises SocketError for a path that is too long."""
    with private_path(path):
        return await asyncio.start_unix_server(on_connection, path)


class Remote(Engine):
    """The engine as another process of this machine serves it."""

    def __init__(self, path: Path) -> None:
        _check_path(path)
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError as problem:
            self._socket.close()
            raise SocketError(f"nobody serves the ledger at {path} ({problem}): start it with `kouan serve`") from None
        self._stream = self._socket.makefile("rb")

    def submit(self, envelopes: Sequence[bytes]) -> list[bytes]:
        """See `kouan.engines.port.Engine.submit`."""
        return self._ask("submit", list(envelopes), list[bytes])

    def query(self, keys: Sequence[str]) -> Found:
        """See `kouan.engines.port.Engine.query`."""
        return self._ask("query", list(keys), Found)

    def prove(self, keys: Sequence[str], height: int | None = None) -> Proven:
        """See `kouan.engines.port.Engine.prove`."""
        proven = self._ask("prove", (list(keys), height), _Proven)
        return Proven(proven.checkpoint, proven.handovers, proven.leaves)

    def blocks(self, from_height: int = 1) -> Iterator[LoggedBlock]:
        """See `kouan.engines.port.Engine.blocks`."""
        while blocks := self._ask("blocks", from_height, list[LoggedBlock]):
            yield from blocks
            from_height = blocks[-1].height + 1

    def status(self) -> Status:
        """See `kouan.engines.port.Engine.status`."""
        return self._ask("status", None, Status)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()

    def _ask(self, operation: str, argument: Any, kind: type[T]) -> T:
        frame = frame_of((operation, argument))
        if len(frame) > MAX_FRAME:
            raise SocketError(f"a question has at most {MAX_FRAME} bytes, not {len(frame)}: send fewer at once")
        try:
            self._socket.sendall(frame)
            head = self._stream.read(4)
            answer = self._stream.read(int.from_bytes(head))
        except OSError as problem:
            raise SocketError(f"the connection to the serving process broke: {problem}") from None
        if len(head) < 4 or not answer:
            raise SocketError("the serving process closed the connection: is it still running?")
        good, value = msgspec.msgpack.decode(answer, type=tuple[bool, Any])
        if not good:
            raise SocketError(value)
        return msgspec.convert(value, kind)
