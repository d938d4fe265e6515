"""The socket at which CometBFT reaches the application: four connections, each answered in its own order.

One thing is done at a time, by the thread that runs the server, while each connection is read by a thread of its own.
It is always read: CometBFT's sender spends a core while it has to wait, for its flush timer fires every 20 ns until it
is served (v0.39.4, abci/client/socket_client.go: ``flushThrottleMS`` is taken for nanoseconds).

What comes from outside, CheckTx and queries, goes last and in turns, so a flood of it delays consensus by one query or
one small batch at most: CheckTx requests are taken together, up to a number of commands, and their signatures are
checked together. When too much of it waits, more is refused unread.
"""

from __future__ import annotations

import contextlib
import gc
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from kouan.engines.cometbft.answers import NODE_BUSY
from kouan.engines.cometbft.application.admission import commands_in, name_of
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.frames import FrameError, Frames, frame_of
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.local_socket import private_path
from kouan.engines.service import Tell

BATCH_COMMANDS: Final = 200
BATCH_REQUESTS: Final = 64
WAITING_BYTES: Final = 4 << 20
"""Of envelopes that wait to be looked at; what comes beyond is answered with NODE_BUSY."""
COUNTED_BYTES: Final = 4 << 10
"""As so many at least an envelope counts there, for a small one too has to be looked at: so some 1,000 may wait."""
READ_BYTES: Final = 256 << 10
GATHERED_S: Final = 0.005
"""After envelopes came, no more are read for so long: it is cheaper to read several at once."""
CONNECTIONS: Final = 16
WAKES_S: Final = 0.5
"""A signal that comes while other threads end, as when CometBFT has died, does not always wake the one that waits."""
COLLECT_EVERY_S: Final = 60.0
"""Garbage with cycles in it is rare here, and looking for it costs a tenth of a second."""
CHECK: Final = "check_tx"
_FROM_OUTSIDE: Final = (CHECK, "query")
_CHECKS: Final = (CHECK, "flush")
"""CometBFT has a flush follow nearly every CheckTx."""
_BUSY: Final = abci.Response(check_tx=abci.ResponseCheckTx(code=NODE_BUSY, log=name_of(NODE_BUSY)))

Asked = abci.Request | None
"""A request; None for an envelope that is not kept, because too many wait."""


class Connection:
    """One of CometBFT's connections: what came and is not answered yet. One thread takes in, another takes out."""

    def __init__(self) -> None:
        self._frames = Frames()
        self._bytes_in = 0
        self._bytes_out = 0
        self.is_mempools = False
        """Whether this is the one on which envelopes come."""
        self.waiting: deque[Asked] = deque()

    def take_in(self, data: bytes) -> None:
        """Take in what came; raises FrameError."""
        for request in self._frames.feed(data):
            size = _size(request)
            self.is_mempools = self.is_mempools or _kind(request) == CHECK
            if size and self._bytes_in - self._bytes_out + size > WAITING_BYTES:
                self.waiting.append(None)
            else:
                self._bytes_in += size
                self.waiting.append(request)

    @property
    def kind(self) -> str:
        """What waits first. The mempool's connection is about CheckTx even where a flush stands first."""
        return CHECK if self.is_mempools else _kind(self.waiting[0])

    def take_out(self) -> list[Asked]:
        """Take what is to be answered next: one request, or CheckTx after CheckTx with the flushes among them."""
        taken: list[Asked] = []
        commands = 0
        while self.waiting and len(taken) < BATCH_REQUESTS and commands < BATCH_COMMANDS:
            is_alone = _kind(self.waiting[0]) not in _CHECKS
            if is_alone and taken:
                break
            request = self.waiting.popleft()
            taken.append(request)
            if is_alone:
                break
            self._bytes_out += _size(request)
            commands += _commands(request)
        return taken


class AbciServer:
    """Serves an application until it is told to stop or the application fails."""

    def __init__(self, application: Application, tell: Tell) -> None:
        self._application = application
        self._tell = tell
        self._sockets: dict[Connection, socket.socket] = {}
        self._arrived: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_stopping = False
        self._last = ""
        app = application
        self._calls: dict[str, Callable[[Any], Any]] = {
            "info": app.info,
            "init_chain": app.init_chain,
            "query": app.query,
            "commit": app.commit,
            "list_snapshots": app.snapshots.listed,
            "offer_snapshot": app.snapshots.offer,
            "load_snapshot_chunk": app.snapshots.load,
            "apply_snapshot_chunk": app.snapshots.apply,
            "prepare_proposal": app.prepare_proposal,
            "process_proposal": app.process_proposal,
            "finalize_block": app.finalize_block,
            "echo": lambda request: abci.ResponseEcho(message=request.message),
            "flush": lambda _request: abci.ResponseFlush(),
        }

    def run(self, path: Path, ready: Callable[[], None] = lambda: None) -> None:
        """Serve on a socket that only this user may open; raises whatever the application raises.

        At the end the socket goes first and the connections after it: whoever lost one finds nobody there any more.
        """
        try:
            with _listening(path) as listener:
                threading.Thread(target=self._accept, args=(listener,), name="accepting", daemon=True).start()
                ready()
                collected_s = time.monotonic()
                while not self._is_stopping:
                    connection = self.next(list(self._sockets))
                    if connection is None:
                        if time.monotonic() > collected_s + COLLECT_EVERY_S:
                            gc.collect()
                            collected_s = time.monotonic()
                        with contextlib.suppress(queue.Empty):
                            self._arrived.get(timeout=WAKES_S)
                    else:
                        self._answer(connection)
        finally:
            self._is_stopping = True
            for one in list(self._sockets.values()):
                _hang_up(one)

    def stop(self) -> None:
        """Have `run` return after what is in hand. A signal's handler may call this, or another thread."""
        self._is_stopping = True
        self._arrived.put(None)

    def next(self, connections: Sequence[Connection]) -> Connection | None:
        """Return the connection that is to be answered next; None while nothing waits."""
        waiting = [(connection, connection.kind) for connection in connections if connection.waiting]
        if not waiting:
            return None
        # Consensus first; questions from outside and submissions in turns, so that neither starves the other.
        connection, kind = min(waiting, key=lambda one: (one[1] in _FROM_OUTSIDE, one[1] == self._last))
        self._last = kind
        return connection

    def answers(self, taken: Sequence[Asked]) -> list[abci.Response]:
        """Return the answers to what was taken from a connection."""
        kept = [request.check_tx for request in taken if request is not None and _kind(request) == CHECK]
        checked = iter(self._application.check_txs(kept) if kept else ())
        return [
            _BUSY
            if request is None
            else abci.Response(check_tx=next(checked))
            if _kind(request) == CHECK
            else self._call(request)
            for request in taken
        ]

    def _call(self, request: abci.Request) -> abci.Response:
        kind = _kind(request)
        if kind not in self._calls:
            return abci.Response(exception=abci.ResponseException(error=f"this application does not do {kind}"))
        return abci.Response(**{kind: self._calls[kind](getattr(request, kind))})

    def _answer(self, connection: Connection) -> None:
        answers = b"".join(map(frame_of, self.answers(connection.take_out())))
        one = self._sockets.get(connection)
        if one is not None:
            with contextlib.suppress(OSError):  # it hung up: the thread that reads tells of it
                one.sendall(answers)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                one, _ = listener.accept()
                if len(self._sockets) == CONNECTIONS:
                    _hang_up(one)
                else:
                    threading.Thread(target=self._read, args=(one,), name="reading", daemon=True).start()

    def _read(self, one: socket.socket) -> None:
        connection = Connection()
        self._sockets[connection] = one
        problem = ""
        try:
            while data := one.recv(READ_BYTES):
                connection.take_in(data)
                self._arrived.put(None)
                if connection.is_mempools:
                    time.sleep(GATHERED_S)
        except FrameError as error:
            self._tell("refused", problem=str(error))
        except OSError as error:
            problem = str(error)
        del self._sockets[connection]
        _hang_up(one)
        if not self._is_stopping:
            self._tell("hung-up", problem=problem, connections=len(self._sockets))


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        with private_path(path):
            listener.bind(str(path))
        listener.listen()
        try:
            yield listener
        finally:
            _hang_up(listener)
            path.unlink(missing_ok=True)


def _hang_up(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _kind(request: Asked) -> str:
    return CHECK if request is None else request.WhichOneof("value") or ""


def _size(request: Asked) -> int:
    """Return how much of `WAITING_BYTES` a request takes: nothing, when it must not be refused."""
    if request is None or _kind(request) != CHECK or request.check_tx.type == abci.RECHECK:
        return 0
    return max(COUNTED_BYTES, len(request.check_tx.tx))


def _commands(request: Asked) -> int:
    """Return about how many commands there are to check."""
    return 0 if request is None or not _size(request) else max(1, commands_in(request.check_tx.tx))
