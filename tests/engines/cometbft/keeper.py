"""Nodes that take snapshots, and nodes that begin from them: one validator, any number that only follow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from tests.engines.cometbft import scene
from tests.engines.cometbft.node import BINARY, DEADLINE_S, Node, free_port, rpc
from tests.modules.alliance.network import signatures

from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.serving import serve
from kouan.engines.cometbft.node.directory import NodeDirectory, Settings
from kouan.engines.cometbft.node.keys import validator_file
from kouan.engines.cometbft.sync import retention
from kouan.engines.cometbft.sync.keeping import Keep, Keeping
from kouan.engines.cometbft.sync.own_node import OwnNode
from kouan.modules.alliance.founding import trusted_at_founding
from kouan.modules.alliance.trust import network_trust_file

TRUST: Final = network_trust_file(scene.FOUNDING, signatures(scene.FOUNDING))
FOUNDED: Final = trusted_at_founding(scene.FOUNDING)
EVERY_MS: Final = 4_000
DAY_MS: Final = 86_400_000


def main() -> None:
    """Be the application's process: directory, socket, port of CometBFT's RPC, age of blocks, number of snapshots."""
    directory, path, port = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    retention.HOUR_MS = 1_000  # type: ignore[misc]  # ages by the second: a test lasts less than an hour
    keep = Keep(snapshot_every_ms=EVERY_MS, snapshots=int(sys.argv[5]), retention_ms=int(sys.argv[4]))

    def tell(event: str, **about: Any) -> None:
        print(json.dumps({"event": event, **about}), flush=True)  # noqa: T201  # the process's log

    keeping = Keeping(directory, FOUNDED, keep, OwnNode(f"127.0.0.1:{port}"), tell)
    application = Application(directory, scene.LEDGER, keeping=keeping, tell=tell)
    try:
        code = serve(application, path, tell)
    finally:
        application.close()
    sys.exit(code)


def kouan(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own until it ends."""
    command = [sys.executable, "-m", "kouan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)


class Keeper(Node):
    """A node that keeps snapshots; ``follows`` makes it one that only follows another, and has no other peer."""

    def __init__(
        self, directory: Path, follows: Keeper | None = None, retention_ms: int = DAY_MS, kept: int = 8
    ) -> None:
        directory.mkdir(exist_ok=True)
        self._keep = [str(retention_ms), str(kept)]
        super().__init__(directory)
        self.configure(addr_book_strict=False, allow_duplicate_ip=True, pex=False)
        self._join()
        if follows is not None:
            NodeDirectory(directory).validator_key.write_bytes(validator_file(os.urandom(32)))
            self.configure(persistent_peers=follows.address)

    def _join(self) -> None:
        """Let the commands of `kouan node` find what they look for."""
        node = NodeDirectory(self.directory)
        node.trust_file.write_bytes(TRUST)
        http, metrics, p2p = (f"127.0.0.1:{free_port()}" for _ in range(3))
        own = f"127.0.0.1:{self.port}"
        node.write_settings(
            Settings(member="customs", address=p2p, listen=p2p, rpc=own, http=http, engine_metrics=metrics, local=True)
        )

    @property
    def _config(self) -> Path:
        return self.home / "config" / "config.toml"

    @property
    def address(self) -> str:
        shown = subprocess.run([BINARY, "show-node-id", "--home", self.home], check=True, capture_output=True)
        ports = re.findall(r'laddr = "tcp://127.0.0.1:(\d+)"', self._config.read_text())
        return f"{shown.stdout.decode().strip()}@127.0.0.1:{ports[1]}"

    def configure(self, **values: object) -> None:
        text = self._config.read_text()
        for name, value in values.items():
            text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {json.dumps(value)}", text)
            if found != 1:
                raise AssertionError(f"config.toml has {found} lines {name}")
        self._config.write_text(text)

    def sync_from(self, other: Node) -> None:
        """Begin from a snapshot: what `kouan node sync` writes, trusting the other's newest block."""
        done = kouan("node", "sync", self.directory, "--node", f"http://127.0.0.1:{other.port}")
        if done.returncode:
            raise AssertionError(done.stderr)
        self._config.write_text(self._config.read_text() + 'discovery_time = "5s"\n')  # the table is the last

    def _start(self, log: IO[bytes]) -> None:
        self.start_application(log)
        self.start_comet(log)
        self.wait(self.is_up)

    def start_application(self, log: IO[bytes]) -> None:
        self.socket.unlink(missing_ok=True)
        module = [sys.executable, "-m", "tests.engines.cometbft.keeper"]
        arguments = [str(self.directory), str(self.socket), str(self.port), *self._keep]
        self._processes = [subprocess.Popen(module + arguments, stdout=log, stderr=log)]
        self.wait(self.socket.exists)

    def start_comet(self, log: IO[bytes]) -> None:
        comet = [str(BINARY), "start", "--home", str(self.home)]
        self._processes.append(subprocess.Popen(comet, stdout=log, stderr=log))

    def start_alone(self) -> None:
        """Start both without waiting for blocks."""
        with (self.directory / "log").open("ab") as log:
            self.start_application(log)
            self.start_comet(log)

    def stop(self) -> None:
        """End both processes in good order."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait(DEADLINE_S)

    def fails_with(self, *words: str) -> None:
        """Start both, wait until the log says one of these, and end them."""
        before = len(self.log)
        self.start_alone()
        end_s = time.monotonic() + DEADLINE_S
        while not any(word in self.log[before:] for word in words):
            if time.monotonic() > end_s:
                raise AssertionError(f"the log has none of {words}: {self.log[before:][-3000:]}")
            time.sleep(0.05)
        self.kill()

    @property
    def base(self) -> int:
        """The lowest block that is kept."""
        return int(rpc(self.port, "status")["sync_info"]["earliest_block_height"])

    @property
    def peers(self) -> int:
        """How many nodes it is connected with; 0 also before it answers."""
        try:
            return int(rpc(self.port, "net_info")["n_peers"])
        except OSError:
            return 0

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    @property
    def height(self) -> int:
        return int(rpc(self.port, "status")["sync_info"]["latest_block_height"])

    def await_height(self, height: int) -> None:
        self.wait(lambda: self.height >= height)

    def snapshots(self) -> list[int]:
        return sorted(int(path.name) for path in (self.directory / "snapshots").iterdir() if path.name.isdecimal())

    def await_snapshot(self, above: int = 0) -> int:
        """Wait for a snapshot of a height above one, and return its height."""
        self.wait(lambda: any(height > above for height in self.snapshots()))
        time.sleep(0.2)
        return self.snapshots()[-1]


def same_records(one: Keeper, other: Keeper) -> bool:
    """Tell whether two nodes prove the same at a height that both still keep: one is asked after the other."""
    newest = min(one.height, other.height) - 2
    question = msgspec.msgpack.encode((["charter", "window/customs/main", "no/such"], newest)).hex()
    answers = [rpc(node.port, "abci_query", path="records", data=question)["response"] for node in (one, other)]
    return all(answer["code"] == 0 for answer in answers) and answers[0]["value"] == answers[1]["value"]


if __name__ == "__main__":
    main()
