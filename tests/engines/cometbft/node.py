"""One validator for tests: the application in this process or another, CometBFT beside it, ports from the system."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from tests.engines.cometbft import scene

from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.serving import serve
from kouan.engines.cometbft.node.genesis import genesis_file
from kouan.kernel.suites import public_key

BINARY: Final = Path(sys.prefix) / "bin" / "cometbft"
DEADLINE_S: Final = 60.0


def main() -> None:
    """Be the application's process: directory, socket."""
    directory, path = Path(sys.argv[1]), Path(sys.argv[2])
    application = Application(directory, scene.LEDGER)

    def tell(event: str, **about: Any) -> None:
        print(json.dumps({"event": event, **about}), flush=True)  # noqa: T201  # the process's log

    try:
        code = serve(application, path, tell)
    finally:
        application.close()
    sys.exit(code)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_home(home: Path, app_socket: Path) -> int:
    """Write what CometBFT wants; return its RPC port."""
    subprocess.run([BINARY, "init", "--home", home], check=True, capture_output=True)
    public = public_key(scene.VALIDATOR_SEED)
    address = hashlib.sha256(public).hexdigest()[:40].upper()
    pub = {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(public).decode()}
    priv = {
        "type": "tendermint/PrivKeyEd25519",
        "value": base64.b64encode(scene.VALIDATOR_SEED + public).decode(),
    }
    key = {"address": address, "pub_key": pub, "priv_key": priv}
    (home / "config" / "priv_validator_key.json").write_text(json.dumps(key))
    (home / "config" / "genesis.json").write_bytes(genesis_file(scene.FOUNDING))
    rpc, p2p = free_port(), free_port()
    path = home / "config" / "config.toml"
    text = path.read_text()
    for old, new in (
        ('proxy_app = "tcp://127.0.0.1:26658"', f'proxy_app = "unix://{app_socket}"'),
        ('laddr = "tcp://127.0.0.1:26657"', f'laddr = "tcp://127.0.0.1:{rpc}"'),
        ('laddr = "tcp://0.0.0.0:26656"', f'laddr = "tcp://127.0.0.1:{p2p}"'),
        ('timeout_commit = "1s"', 'timeout_commit = "100ms"'),
        ('create_empty_blocks_interval = "0s"', 'create_empty_blocks_interval = "1s"'),
        ('indexer = "kv"', 'indexer = "null"'),
    ):
        if old not in text:
            raise AssertionError(f"config.toml has no {old}")
        text = text.replace(old, new)
    path.write_text(text)
    return rpc


def rpc(port: int, method: str, **params: Any) -> Any:
    question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}", question, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # it is http, as written above
        got = json.loads(answer.read())
    if "error" in got:
        raise AssertionError(got["error"])
    return got["result"]


class Node:
    """A validator that runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "app.sock"
        self.home = directory / "cometbft"
        if not self.home.exists():
            self.port = make_home(self.home, self.socket)
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self._start(log)

    def _start(self, log: IO[bytes]) -> None:
        self.socket.unlink(missing_ok=True)
        application = [sys.executable, "-m", "tests.engines.cometbft.node", str(self.directory), str(self.socket)]
        self._processes = [subprocess.Popen(application, stdout=log, stderr=log)]
        self.wait(self.socket.exists)
        comet = [str(BINARY), "start", "--home", str(self.home)]
        self._processes.append(subprocess.Popen(comet, stdout=log, stderr=log))
        self.wait(self.is_up)

    def wait(self, is_so: Any) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while not is_so():
            gone = [process.args for process in self._processes if process.poll() is not None]
            if gone or time.monotonic() > end_s:
                raise AssertionError(f"{gone} {(self.directory / 'log').read_text()[-6000:]}")
            time.sleep(0.05)

    def is_up(self) -> bool:
        try:
            return int(rpc(self.port, "status")["sync_info"]["latest_block_height"]) >= 3
        except OSError:
            return False

    def kill(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        for process in self._processes:
            process.wait()


@contextmanager
def running(directory: Path) -> Iterator[Node]:
    node = Node(directory)
    try:
        node.start()
        yield node
    finally:
        node.kill()


if __name__ == "__main__":
    main()
