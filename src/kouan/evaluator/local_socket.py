"""The evaluator for the other processes of its machine, over a Unix socket of its own.

A frame is a length (4 bytes, big-endian) and MessagePack: ``[operation, question, signature]`` there,
``[true, answer]`` or ``[false, sentence]`` back; one question a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from kouan.client.evaluating import MAX_QUESTION_BYTES, Answer, EvaluationError, Evaluator, Likeness
from kouan.engines.local_socket import SocketError, frame_of, listen

MAX_FRAME: Final = MAX_QUESTION_BYTES + 1024
MAX_WAIT_S: Final = 30.0
"""How long a connection may take to ask, and an answer to come."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
T = TypeVar("T")
_read_question: Final = msgspec.msgpack.Decoder(tuple[str, bytes, bytes]).decode


async def serve(evaluator: Evaluator, path: Path, ready: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT. Whoever may open the socket may ask: it is made 0600."""
    server = await listen(_connections(evaluator), path)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    try:
        ready()
        await stopped.wait()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        server.close()
        path.unlink(missing_ok=True)  # noqa: ASYNC240  # a local file; touching it blocks nobody


def _connections(evaluator: Evaluator) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broken = (asyncio.IncompleteReadError, ConnectionError, TimeoutError)
        with contextlib.closing(writer), contextlib.suppress(*broken):
            async with asyncio.timeout(MAX_WAIT_S):
                size = int.from_bytes(await reader.readexactly(4))
                if size > MAX_FRAME:
                    writer.write(frame_of((False, f"question: {size} bytes; give at most {MAX_FRAME}")))
                else:
                    writer.write(frame_of(_answer(evaluator, await reader.readexactly(size))))
                await writer.drain()

    return one


def _answer(evaluator: Evaluator, frame: bytes) -> tuple[bool, Any]:
    try:
        operation, question, signature = _read_question(frame)
        if operation == "evaluate":
            return True, evaluator.evaluate(question, signature)
        if operation == "likenesses":
            return True, evaluator.likenesses(question, signature)
    except (EvaluationError, SocketError) as problem:
        return False, str(problem)
    except Exception as problem:  # noqa: BLE001  # it is the asker's answer, and must not end the others' service
        return False, f"{type(problem).__name__}: {problem}"
    return False, f"there is no operation {operation!r}: evaluate, likenesses"


class Remote(Evaluator):
    """The evaluator as another process of this machine serves it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def evaluate(self, question: bytes, signature: bytes) -> Answer:
        """See `kouan.client.evaluating.Evaluator.evaluate`."""
        return self._ask("evaluate", question, signature, Answer)

    def likenesses(self, look: bytes, signature: bytes) -> list[Likeness]:
        """See `kouan.client.evaluating.Evaluator.likenesses`."""
        return self._ask("likenesses", look, signature, list[Likeness])

    def _ask(self, operation: str, question: bytes, signature: bytes, kind: type[T]) -> T:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(MAX_WAIT_S)
                connection.connect(str(self._path))
                connection.sendall(frame_of((operation, question, signature)))
                with connection.makefile("rb") as stream:
                    head = stream.read(4)
                    answer = stream.read(int.from_bytes(head))
        except OSError as problem:
            raise EvaluationError(f"evaluator: not reached at {self._path} ({problem}); is it still running?") from None
        if len(head) < 4 or not answer:
            raise EvaluationError("evaluator: it closed the connection; is it still running?")
        good, value = msgspec.msgpack.decode(answer, type=tuple[bool, Any])
        if not good:
            raise EvaluationError(value)
        return msgspec.convert(value, kind)


def is_served(path: Path) -> bool:
    """Tell whether an evaluator listens at a socket; one that is there may have been left by a killed process."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
