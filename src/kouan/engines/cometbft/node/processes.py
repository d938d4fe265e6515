"""The processes that run a node, in ``supervisor.pid``: who they are, and whether those still live.

A process is its number and the moment it began (field 22 of /proc/PID/stat, proc(5)), so that a number that was given
to another process meanwhile is never taken for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

SUPERVISOR: Final = "supervisor"
APPLICATION: Final = "application"
ENGINE: Final = "cometbft"
POLL_S: Final = 0.05
FILE_BYTES: Final = 512
"""Always as long as this, so that nothing is left of what was written before."""
State = Literal["down", "paused", "running", "starting"]


class InUseError(Exception):
    """Another supervisor runs this node; the text names its process."""


class Process(NamedTuple):
    """One process."""

    pid: int
    began: int
    """Clock ticks after the machine's start."""

    def is_alive(self) -> bool:
        """Whether it still runs, or is merely stopped."""
        found = _stat(self.pid)
        return found is not None and found[1] == self.began and found[0] not in "ZX"

    def is_paused(self) -> bool:
        """Whether it was stopped by SIGSTOP."""
        found = _stat(self.pid)
        return found is not None and found[1] == self.began and found[0] in "Tt"

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; tell whether there was somebody to take it."""
        try:
            descriptor = os.pidfd_open(self.pid)  # from here on the number cannot become another's
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True


def process(pid: int) -> Process:
    """Return a process that runs now, a child for instance."""
    found = _stat(pid)
    return Process(pid, 0 if found is None else found[1])


class Register:
    """``supervisor.pid`` as its supervisor holds it: locked, so that a node never runs twice and signs twice."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._processes: dict[str, Process] = {}
        self.note(SUPERVISOR, os.getpid())

    def note(self, name: str, pid: int | None) -> None:
        """Write down that a process runs, or (None) that it does no more."""
        self._processes.pop(name, None)
        if pid is not None:
            self._processes[name] = process(pid)
        data = msgspec.json.encode(self._processes)
        os.pwrite(self._descriptor, data.ljust(FILE_BYTES - 1) + b"\n", 0)  # in one go: a reader finds it whole


@contextlib.contextmanager
def registered(path: Path) -> Iterator[Register]:
    """Be the supervisor of a node; raises InUseError. What is written stays until the next one writes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = read(path).get(SUPERVISOR)
            who = f"process {held.pid}" if held else "another process"
            raise InUseError(f"{path.parent}: {who} runs this node already; stop that one first") from None
        yield Register(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> dict[str, Process]:
    """Return the processes of a node as they were last written down, none when it never ran."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Process])
    except (OSError, msgspec.MsgspecError):  # it never ran
        return {}


def state(path: Path) -> State:
    """Return how a node's processes are."""
    found = {name: one for name, one in read(path).items() if one.is_alive()}
    if SUPERVISOR not in found:
        return "down"
    if any(one.is_paused() for one in found.values()):
        return "paused"
    return "running" if {APPLICATION, ENGINE} <= found.keys() else "starting"


def signal_all(path: Path, number: signal.Signals) -> int:
    """Send a signal to all of a node's processes, the supervisor first; return how many there were."""
    found = read(path)
    order = sorted(found, key=lambda name: name != SUPERVISOR)
    return sum(found[name].send(number) for name in order)


def await_gone(path: Path, within_s: float) -> bool:
    """Wait until none of a node's processes is left; tell whether that is so."""
    end_s = time.monotonic() + within_s
    while any(one.is_alive() for one in read(path).values()):
        if time.monotonic() >= end_s:
            return False
        time.sleep(POLL_S)
    return True


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    after_name = text.rpartition(")")[2].split()  # the name may hold anything
    return after_name[0], int(after_name[19])
