"""The socket at which CometBFT reaches the application: four connections, each answered in its own order.

One thing is done at a time. What comes from outside, CheckTx and queries, goes last and in turns, so a flood of it
delays consensus by one query or one small batch at most: CheckTx requests are taken together, up to a number of
commands, and their signatures are checked together. A connection from which much waits is not read any further, so the
flood stays outside.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kouan.engines.cometbft.application import Application
from kouan.engines.cometbft.frames import FrameError, Frames, frame_of
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.local_socket import private_path
from kouan.engines.service import Tell

BATCH_COMMANDS: Final = 400
BATCH_REQUESTS: Final = 256
WAITING_REQUESTS: Final = 128
"""So many may wait on a connection before it is not read any further."""
CHECK: Final = "check_tx"
_FROM_OUTSIDE: Final = (CHECK, "query")
_COMMAND: Final = b'"type":"'


class Connection(asyncio.Protocol):
    """One of CometBFT's connections: what came and is not answered yet."""

    def __init__(self, server: AbciServer) -> None:
        self._server = server
        self._frames = Frames()
        self._is_paused = False
        self.waiting: deque[abci.Request] = deque()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        if not isinstance(transport, asyncio.Transport):
            raise AssertionError("a socket's transport reads and writes")  # noqa: TRY004  # asyncio's word, not input
        self.transport = transport
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        try:
            self.waiting.extend(self._frames.feed(data))
        except FrameError as problem:
            self._server.refused(self, problem)
            return
        self.heed_bounds()
        self._server.arrived()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._server.left(self, exc)

    def heed_bounds(self) -> None:
        """Read on only while not too much waits."""
        if self.transport is None:
            return
        is_much = len(self.waiting) >= WAITING_REQUESTS
        if is_much and not self._is_paused:
            self.transport.pause_reading()
        elif self._is_paused and not is_much:
            self.transport.resume_reading()
        self._is_paused = is_much

    def answer(self, responses: list[abci.Response]) -> None:
        """Answer the first requests that wait, all in one write."""
        for _ in responses:
            self.waiting.popleft()
        if self.transport is not None:
            self.transport.write(b"".join(map(frame_of, responses)))
        self.heed_bounds()


class AbciServer:
    """Serves an application until it is cancelled or the application fails."""

    def __init__(self, application: Application, tell: Tell) -> None:
        self._application = application
        self._tell = tell
        self._connections: list[Connection] = []
        self._wake = asyncio.Event()
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

    async def run(self, path: Path, ready: Callable[[], None] = lambda: None) -> None:
        """Serve on a socket that only this user may open; raises whatever the application raises."""
        loop = asyncio.get_running_loop()
        with private_path(path):
            server = await loop.create_unix_server(lambda: Connection(self), path)
        try:
            ready()
            while True:
                if not self.work():
                    self._wake.clear()
                    await self._wake.wait()
                await asyncio.sleep(0)  # so that what came meanwhile is read
        finally:
            server.close()
            for connection in self._connections:
                if connection.transport is not None:
                    connection.transport.close()
            path.unlink(missing_ok=True)  # noqa: ASYNC240  # the socket is a local file; touching it blocks nobody

    def joined(self, connection: Connection) -> None:
        """Take in a connection."""
        self._connections.append(connection)

    def arrived(self) -> None:
        """Note that there is something to do."""
        self._wake.set()

    def refused(self, connection: Connection, problem: FrameError) -> None:
        """Hang up on who does not speak CometBFT's protocol."""
        if connection.transport is not None:
            connection.transport.abort()
        self._tell("refused", problem=str(problem))

    def left(self, connection: Connection, problem: Exception | None) -> None:
        """Let a connection go."""
        self._connections.remove(connection)
        self._tell("hung-up", problem=str(problem or ""), connections=len(self._connections))

    def work(self) -> bool:
        """Do the next thing; tell whether there was one."""
        waiting = [(connection, _kind(connection.waiting[0])) for connection in self._connections if connection.waiting]
        if not waiting:
            return False
        # Consensus first; questions from outside and submissions in turns, so that neither starves the other.
        connection, kind = min(waiting, key=lambda one: (one[1] in _FROM_OUTSIDE, one[1] == self._last))
        self._last = kind
        if kind == CHECK:
            self._check(connection)
        else:
            connection.answer([self._call(connection.waiting[0])])
        return True

    def _call(self, request: abci.Request) -> abci.Response:
        kind = _kind(request)
        if kind not in self._calls:
            return abci.Response(exception=abci.ResponseException(error=f"this application does not do {kind}"))
        return abci.Response(**{kind: self._calls[kind](getattr(request, kind))})

    def _check(self, connection: Connection) -> None:
        batch: list[abci.RequestCheckTx] = []
        commands = 0
        for request in connection.waiting:
            if _kind(request) != CHECK or len(batch) == BATCH_REQUESTS or commands > BATCH_COMMANDS:
                break
            batch.append(request.check_tx)
            if request.check_tx.type != abci.RECHECK:
                commands += max(1, request.check_tx.tx.count(_COMMAND))
        connection.answer([abci.Response(check_tx=answer) for answer in self._application.check_txs(batch)])


def _kind(request: abci.Request) -> str:
    return request.WhichOneof("value") or ""
