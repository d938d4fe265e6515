"""A serving process for tests, which can be made to die at a chosen moment.

It is forked from a process that has everything imported, so that hundreds of them can be had in seconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from tests.engines import scene

from kouan.engines import store
from kouan.engines.disk import DirectoryDisk, DiskFile
from kouan.engines.local_socket import Remote, Server, SocketError

WAIT_S = 30.0
NEVER = 0


class DeathAt:
    """Counts moments and kills this very process at the n-th."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class DyingDisk(DirectoryDisk):
    """A real directory; before, after and in the middle of everything that changes it the process may die."""

    def __init__(self, directory: Path, moment: DeathAt) -> None:
        super().__init__(directory)
        self._moment = moment

    def create(self, name: str) -> DiskFile:
        self._moment()
        file = super().create(name)
        self._moment()
        return _DyingFile(file, self._moment)

    def open(self, name: str, *, read_only: bool = False) -> DiskFile:
        return _DyingFile(super().open(name, read_only=read_only), self._moment)

    def rename(self, old: str, new: str) -> None:
        self._moment()
        super().rename(old, new)
        self._moment()

    def sync_directory(self) -> None:
        super().sync_directory()
        self._moment()


class _DyingFile:
    def __init__(self, file: DiskFile, moment: DeathAt) -> None:
        self._file = file
        self._moment = moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, offset: int, data: bytes) -> None:
        self._moment()
        for part in (1, len(data) // 2, len(data) - 1):
            self._file.write(offset, data[:part])
            self._moment()
        self._file.write(offset, data)
        self._moment()

    def truncate(self, size: int) -> None:
        self._moment()
        self._file.truncate(size)
        self._moment()

    def sync(self) -> None:
        self._moment()
        self._file.sync()
        self._moment()


def serve(directory: Path, moment: int, flush_values: int) -> None:
    """Serve a ledger, and die at the n-th moment (NEVER: live until SIGTERM)."""
    patch = pytest.MonkeyPatch()
    scene.shallow_tree(patch)
    patch.setattr(store, "FLUSH_VALUES", flush_values)
    death = DeathAt(moment)
    flush = store.Store.flush

    def dying_flush(own: store.Store, mark: store.Mark) -> None:
        death()
        flush(own, mark)
        death()

    patch.setattr(store.Store, "flush", dying_flush)
    engine = scene.open_engine(directory, disk=DyingDisk(directory, death))
    asyncio.run(_until_terminated(Server(engine), directory / "socket"))
    engine.close()


async def _until_terminated(server: Server, path: Path) -> None:
    running = asyncio.ensure_future(server.run(path))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await asyncio.wait([running])


def processes() -> ForkServerContext:
    """Where processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.engines.serving"])
    return context


def start(directory: Path, moment: int = NEVER, flush_values: int = 5) -> ForkServerProcess:
    directory.mkdir(parents=True, exist_ok=True)
    process = processes().Process(target=serve, args=(directory, moment, flush_values), daemon=True)
    process.start()
    return process


def reach(directory: Path, process: ForkServerProcess | None = None) -> Remote | None:
    """Connect as soon as somebody serves; None when that process has died before."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            return Remote(directory / "socket")
        except SocketError:
            if process is not None and not process.is_alive():
                return None
            time.sleep(0.005)
    raise AssertionError("nobody serves")


def must_reach(directory: Path, process: ForkServerProcess | None = None) -> Remote:
    remote = reach(directory, process)
    assert remote, "the process died"
    return remote


def stop(process: ForkServerProcess) -> None:
    process.terminate()
    process.join(WAIT_S)
    assert process.exitcode == 0
