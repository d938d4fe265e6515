"""A real process that serves a ledger, the load on it, and its sudden end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kouan import bootstrap
from kouan.engines.local_socket import Remote, SocketError

CLIENTS: Final = 4
PATIENCE_S: Final = 60.0
KOUAN: Final = (sys.executable, "-c", "from kouan.cli.start import main; main()")
"""The command line, run by the very Python that runs this."""


def copy_ledger(port: Path, to: Path) -> None:
    """Copy trust file and ledger into another port directory."""
    to.mkdir()
    shutil.copy(port / bootstrap.TRUST_FILE, to)
    left_out = shutil.ignore_patterns(bootstrap.LOCK, bootstrap.SOCKET)
    shutil.copytree(port / bootstrap.LEDGER, to / bootstrap.LEDGER, ignore=left_out)


@contextmanager
def serving(port: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``kouan serve`` until the block ends; it may be killed before."""
    with (port / "serve.txt").open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
            [*KOUAN, "serve", "--port", str(port)], stdout=output, stderr=output, env=environment()
        )
    try:
        _wait_until_served(port, process)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextmanager
def remote(port: Path) -> Iterator[Remote]:
    """Reach the process that serves a port."""
    engine = Remote(port / bootstrap.LEDGER / bootstrap.SOCKET)
    try:
        yield engine
    finally:
        engine.close()


def environment() -> dict[str, str]:
    """Return this process's environment without its settings for the command line."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KOUAN_")}


class Load:
    """Clients that send envelopes, each waiting for its answer before the next, until the server is gone."""

    def __init__(self, port: Path, envelopes: Sequence[bytes]) -> None:
        self._port = port
        self._envelopes = envelopes
        self.answers: dict[int, bytes] = {}
        """Receipts by the number of their envelope."""
        self._half = threading.Event()
        self._clients = [threading.Thread(target=self._send, args=(client,), daemon=True) for client in range(CLIENTS)]

    def kill_half_way(self, process: subprocess.Popen[bytes]) -> None:
        """Start the clients, kill the server once half is answered, and wait for the clients to notice."""
        for client in self._clients:
            client.start()
        if not self._half.wait(PATIENCE_S):
            raise AssertionError(f"only {len(self.answers)} of {len(self._envelopes)} envelopes were answered")
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)
        for client in self._clients:
            client.join(PATIENCE_S)

    def _send(self, client: int) -> None:
        try:
            with remote(self._port) as engine:
                for number in range(client, len(self._envelopes), CLIENTS):
                    (self.answers[number],) = engine.submit([self._envelopes[number]])
                    if len(self.answers) >= len(self._envelopes) // 2:
                        self._half.set()
        except SocketError:
            return  # the server is gone, as it was meant to be


def _wait_until_served(port: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline_s:
        try:
            with remote(port) as engine:
                engine.status()
        except SocketError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"`kouan serve` does not serve {port}; see {port / 'serve.txt'}")
