"""A ledger for several processes of one machine: the one that holds it serves the others over a Unix socket.

A frame is a length (4 bytes, big-endian) and MessagePack: ``[operation, argument]`` there, ``[true, value]`` or
``[false, sentence]`` back; one answer for each question, in order. What arrives while a block is being written waits
and goes into the next block together, so many clients share one fsync.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from kouan.engines.port import Engine, Found, LoggedBlock, Proven, Status

MAX_FRAME: Final = 64 << 20
COMMANDS_PER_BLOCK: Final = 2_000
BLOCKS_PER_ANSWER: Final = 16
T = TypeVar("T")
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(tuple[str, Any]).decode


class SocketError(Exception):
    """The serving process cannot be reached, or it refused a question; the text says why."""


class Server:
    """Answers questions about an engine, and groups what is submitted into blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self._arrived = asyncio.Event()

    async def run(self, path: Path, ready: Callable[[], None] = lambda: None) -> None:
        """Serve on a socket until cancelled. Whoever may open the socket may use the ledger: it is made 0600."""
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._connection, path)
        path.chmod(0o600)
        try:
            ready()
            await self._write_blocks()
        finally:
            server.close()
            path.unlink(missing_ok=True)

    async def _write_blocks(self) -> None:
        while True:
            await self._arrived.wait()
            batch: list[tuple[bytes, asyncio.Future[bytes]]] = []
            commands = 0
            while self._waiting and commands < COMMANDS_PER_BLOCK:
                batch.append(self._waiting.pop(0))
                commands += batch[-1][0].count(b'"type":"')
            if not self._waiting:
                self._arrived.clear()
            receipts = self._engine.submit([raw for raw, _ in batch])
            for (_, answer), receipt in zip(batch, receipts, strict=True):
                if not answer.done():
                    answer.set_result(receipt)
            await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(4))
                if size > MAX_FRAME:
                    break
                answer = await self._answer(await reader.readexactly(size))
                writer.write(len(answer).to_bytes(4) + answer)
                await writer.drain()
        writer.close()

    async def _answer(self, frame: bytes) -> bytes:
        try:
            operation, argument = _unpack(frame)
            if operation == "submit":
                return _pack((True, await asyncio.gather(*[self._submit(raw) for raw in argument])))
            return _pack((True, self._ask(operation, argument)))
        except (msgspec.MsgspecError, TypeError, ValueError, LookupError) as problem:
            return _pack((False, f"{type(problem).__name__}: {problem}"))

    def _submit(self, raw: bytes) -> asyncio.Future[bytes]:
        if not isinstance(raw, bytes):
            raise TypeError("an envelope must be bytes")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((raw, answer))
        self._arrived.set()
        return answer

    def _ask(self, operation: str, argument: Any) -> Any:
        match operation:
            case "query":
                return self._engine.query(argument)
            case "prove":
                return self._engine.prove(*argument)
            case "blocks":
                blocks = self._engine.blocks(argument)
                return [block for block, _ in zip(blocks, range(BLOCKS_PER_ANSWER), strict=False)]
            case "status":
                return self._engine.status()
        raise ValueError(f"there is no operation {operation!r}: submit, query, prove, blocks, status")


class Remote(Engine):
    """The engine as another process of this machine serves it."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError as problem:
            self._socket.close()
            raise SocketError(f"nobody serves the ledger at {path} ({problem}): start it with `kouan serve`") from None
        self._stream = self._socket.makefile("rwb")

    def submit(self, envelopes: Sequence[bytes]) -> list[bytes]:
        """See `kouan.engines.port.Engine.submit`."""
        return self._ask("submit", list(envelopes), list[bytes])

    def query(self, keys: Sequence[str]) -> Found:
        """See `kouan.engines.port.Engine.query`."""
        return self._ask("query", list(keys), Found)

    def prove(self, keys: Sequence[str], height: int | None = None) -> Proven:
        """See `kouan.engines.port.Engine.prove`."""
        return self._ask("prove", (list(keys), height), Proven)

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
        frame = _pack((operation, argument))
        try:
            self._stream.write(len(frame).to_bytes(4) + frame)
            self._stream.flush()
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
