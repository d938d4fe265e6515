"""A child process of the supervisor: it dies with its parent, its lines are read, it is ended by force if need be."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Final

MAX_LINE: Final = 16 << 10
"""Bytes of a line that are kept; of a longer one the rest is dropped."""
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_libc: Final = ctypes.CDLL(None, use_errno=True)


class Child:
    """A running child."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, on_line: Callable[[str, bytes], None]) -> None:
        self.name = name
        self._process = process
        self._reader = asyncio.ensure_future(self._read(on_line))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for its end; return its exit code, negative for a signal."""
        code = await self._process.wait()
        await asyncio.wait([self._reader], timeout=1)  # what it said last
        return code

    async def stop(self, grace_s: float) -> bool:
        """End it: SIGTERM, and SIGKILL when it is still there after a while; tell whether that was needed."""
        if self._process.returncode is not None:
            return False
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace_s)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            return True
        finally:
            await asyncio.wait([self._reader], timeout=1)
        return False

    async def _read(self, on_line: Callable[[str, bytes], None]) -> None:
        stream = self._process.stdout
        if stream is None:
            raise AssertionError("a child's output is piped")
        kept = b""
        while chunk := await stream.read(1 << 16):
            *lines, kept = (kept + chunk).split(b"\n")
            for line in lines:
                on_line(self.name, line[:MAX_LINE])
            kept = kept[:MAX_LINE]
        if kept:
            on_line(self.name, kept)


async def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], on_line: Callable[[str, bytes], None]
) -> Child:
    """Start a child, whose lines on either output ``on_line`` is told; raises OSError."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        # Ctrl-C in a terminal is the supervisor's alone; and where Linux shares the processor out among sessions, the
        # application has its share however many threads CometBFT runs.
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()),  # the supervisor has one thread
    )
    return Child(name, process, on_line)


def _die_with(parent: int) -> Callable[[], None]:
    """Return what a child does first: ask to be killed when its parent dies, however that happens."""

    def ask() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before
            os.kill(os.getpid(), signal.SIGKILL)

    return ask
