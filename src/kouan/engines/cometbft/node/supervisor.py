"""One supervisor, two children: the application and CometBFT, which is of no use without it, nor it without CometBFT.

Either one's end brings both down, and both up again after a pause that grows. What no new start would mend ends the
supervisor too, with an exit code of its own: software that is too old, a block that cannot be executed, a clock behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from kouan.engines.cometbft.node.children import Child, start
from kouan.engines.cometbft.node.clock import BEHIND_S, TOLERANCE_S, sign_of
from kouan.engines.cometbft.node.exits import EXIT_BROKEN, EXIT_CLOCK, EXIT_TOO_OLD, EXIT_UNUSABLE
from kouan.engines.cometbft.node.processes import APPLICATION, ENGINE, Register

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
CLOCK_BEHIND: Final = (
    "this machine's clock is a minute or more behind the other members': set it (chronyc makestep, or ntpd -gq), "
    "then start the node again"
)
_FOR_GOOD: Final = {
    EXIT_UNUSABLE: "the application cannot use the node's directory; its last line says why",
    EXIT_BROKEN: "the application cannot execute a block or use its state; its last lines say which",
    EXIT_TOO_OLD: "this software is too old for the next block: install the version that the members agreed on",
}

GARBAGE: Final = "300"
"""GOGC: CometBFT keeps little and makes much garbage, so it may grow to four times its size before that is collected;
at Go's default, twice, it takes about a tenth more of the processor. An operator's own GOGC goes before."""


class Tell(Protocol):
    """Takes what happens: an event's name and what belongs to it."""

    def __call__(self, event: str, **about: Any) -> None:
        """Tell it."""

    def pass_on(self, line: bytes) -> None:
        """Pass a line on that is a JSON document already."""


class Commands(NamedTuple):
    """What is run."""

    application: Sequence[str]
    engine: Sequence[str]


@dataclass(frozen=True)
class Timing:
    """How patient the supervisor is, in seconds."""

    grace: float = 10.0
    """From SIGTERM to SIGKILL."""
    orphan_grace: float = 3.0
    """The same for CometBFT whose application is gone: it often does not find its way out."""
    first_pause: float = 1.0
    """Before the first new start; it doubles with each that follows."""
    longest_pause: float = 60.0
    good_run: float = 60.0
    """Who ran for so long begins with the first pause again."""
    poll: float = 0.05


class End(NamedTuple):
    """Why both children were brought down."""

    reason: str
    exit_code: int | None = None
    """With which the supervisor ends; None: it starts both again."""


class Supervisor:
    """Runs one node until it is told to stop."""

    def __init__(
        self,
        commands: Commands,
        path: Path,
        register: Register,
        tell: Tell,
        block_time_ms: Callable[[], int | None],
        timing: Timing | None = None,
    ) -> None:
        """``path`` is the application's socket; ``block_time_ms`` asks CometBFT for the time of its newest block."""
        self._commands = commands
        self._socket = path
        self._register = register
        self._tell = tell
        self._block_time_ms = block_time_ms
        self._timing = timing or Timing()
        self._stop = asyncio.Event()
        self._trouble: asyncio.Future[End] = asyncio.Future()

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT (0), or until starting again is of no use; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._stop.set)
        pause_s = self._timing.first_pause
        while True:
            began_s = time.monotonic()
            end = End("told to", 0) if self._stop.is_set() else await self._run_once()
            if end.exit_code is not None:
                self._tell("stopped", reason=end.reason, exit_code=end.exit_code)
                return end.exit_code
            if time.monotonic() - began_s >= self._timing.good_run:
                pause_s = self._timing.first_pause
            self._tell("restarting", reason=end.reason, pause_s=pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause_s)
            pause_s = min(2 * pause_s, self._timing.longest_pause)

    async def _run_once(self) -> End:
        """Start both, wait until something ends it, and bring both down."""
        self._trouble = asyncio.get_running_loop().create_future()
        children: dict[str, Child] = {}
        ends: dict[str, asyncio.Task[int]] = {}

        async def launch(name: str, command: Sequence[str]) -> None:
            children[name] = await start(name, command, _environment(), self._on_line)
            ends[name] = asyncio.ensure_future(children[name].wait())
            self._register.note(name, children[name].pid)
            self._tell("started", process=name, pid=children[name].pid)

        stop = asyncio.ensure_future(self._stop.wait())
        try:
            self._socket.unlink(missing_ok=True)
            await launch(APPLICATION, self._commands.application)
            await self._until_served(ends[APPLICATION], stop)
            if not stop.done() and not ends[APPLICATION].done():
                await launch(ENGINE, self._commands.engine)
            waited: list[asyncio.Future[Any]] = [stop, self._trouble, *ends.values()]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            return await self._end(ends)
        except OSError as problem:
            return End(f"cannot be started: {problem}")
        finally:
            await self._bring_down(children, orphaned=_is_done(ends, APPLICATION))
            for task in (stop, *ends.values()):
                task.cancel()

    async def _until_served(self, application: asyncio.Task[int], stop: asyncio.Task[bool]) -> None:
        """Wait for the application's socket: it first reads its state. CometBFT would try every three seconds only."""
        while not (application.done() or stop.done() or _is_served(self._socket)):
            await asyncio.wait([application, stop], timeout=self._timing.poll, return_when=asyncio.FIRST_COMPLETED)

    async def _end(self, ends: dict[str, asyncio.Task[int]]) -> End:
        if self._stop.is_set():
            return End("told to", 0)
        # An application that cannot go on gives up its socket first. CometBFT, which loses it, may complain or end
        # before it: only the application's exit code tells why.
        if not _is_served(self._socket):
            await asyncio.wait([ends[APPLICATION]], timeout=self._timing.grace)
        if _is_done(ends, APPLICATION):
            code = ends[APPLICATION].result()
            if code in _FOR_GOOD:
                return End(_FOR_GOOD[code], code)
            return End(f"the application ended ({_said(code)})")
        if self._trouble.done():
            return self._trouble.result()
        return End(f"CometBFT ended ({_said(ends[ENGINE].result())})")

    async def _bring_down(self, children: dict[str, Child], *, orphaned: bool) -> None:
        """CometBFT first, which needs the application to finish what it is at."""
        for name in (ENGINE, APPLICATION):
            if name not in children:
                continue
            grace_s = self._timing.orphan_grace if name == ENGINE and orphaned else self._timing.grace
            if await children[name].stop(grace_s):
                self._tell("killed", process=name, grace_s=grace_s)
            self._register.note(name, None)

    def _on_line(self, name: str, line: bytes) -> None:
        if name == APPLICATION and line.startswith(b"{"):
            self._tell.pass_on(line)
            return
        self._tell("said", process=name, **_parts(line))
        sign = sign_of(line) if name == ENGINE else None
        if sign == "behind" or (sign == "maybe behind" and self._is_behind()):
            self._fail(End(CLOCK_BEHIND, EXIT_CLOCK))
        elif sign == "failed":
            self._fail(End("CometBFT's consensus has stopped; its last lines say why"))

    def _is_behind(self) -> bool:
        newest_ms = self._block_time_ms()
        return newest_ms is not None and newest_ms > (time.time() + BEHIND_S) * 1000

    def _fail(self, end: End) -> None:
        if not self._trouble.done():
            self._trouble.set_result(end)


def _parts(line: bytes) -> dict[str, Any]:
    """Return what a line says: CometBFT's with its own names, except those that are ours; any other as it stands."""
    try:
        said = msgspec.json.decode(line, type=dict[str, Any]) if line.startswith(b"{") else {}
    except msgspec.MsgspecError:
        said = {}
    if "_msg" not in said:
        return {"line": line.decode(errors="replace")}
    about = {
        name: value for name, value in said.items() if name not in {"_msg", "event", "line", "process", "time", "ts"}
    }
    return {"line": said["_msg"], **about}


def is_future(time_ms: int) -> bool:
    """Whether a time that the members agreed on is so far ahead that this machine's clock must be behind."""
    return time_ms > (time.time() + TOLERANCE_S) * 1000


def _environment() -> dict[str, str]:
    """Return this process's, without what CometBFT would take in place of its configuration (CMT_…, TMHOME)."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("CMT", "TMHOME"))}
    return {"GOGC": GARBAGE, **own}


def _is_done(ends: dict[str, asyncio.Task[int]], name: str) -> bool:
    return name in ends and ends[name].done()


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as tried:
        try:
            tried.connect(str(path))
        except OSError:
            return False
    return True


def _said(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
