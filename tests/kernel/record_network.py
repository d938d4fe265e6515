"""Runs a real little network and writes down what it decided: ``python -m tests.kernel.record_network``.

Four validators of the ``cometbft`` binary (v0.39.4, found in the virtual environment) with its own key-value store as
application, on loopback. Validators are added, re-weighed and removed by transactions, and one is stopped for a while.
What its RPC said of some heights goes into ``vectors/light/recorded.json`` as it came: against that our encodings and
checks are tested. A new recording has new keys and times, so it is made by hand, never by ``make vectors``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "light"
COMETBFT: Final = str(Path(sys.prefix) / "bin" / "cometbft")
CHAIN: Final = "kx0mFvF1rKzq3sO1cE1cZ2rFJv8Jm8k0y2cTn0bO7dA"
FIRST_PORT: Final = 36_400
POWERS: Final = (10, 7, 7, 3)
NEWCOMER: Final = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8032 section 7.1, test 1


class Network:
    """The running processes, each in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        run = [COMETBFT, "testnet", "--v", "4", "--o", str(home), "--populate-persistent-peers=false"]
        subprocess.run(run, check=True, capture_output=True)
        genesis = json.loads((home / "node0/config/genesis.json").read_text())
        genesis["chain_id"] = CHAIN
        for validator, power in zip(genesis["validators"], POWERS, strict=True):
            validator["power"] = str(power)
        ids = [self._node_id(node) for node in range(4)]
        peers = ",".join(f"{name}@127.0.0.1:{FIRST_PORT + 10 * node}" for node, name in enumerate(ids))
        for node in range(4):
            (home / f"node{node}/config/genesis.json").write_text(json.dumps(genesis))
            self._configure(node, peers)

    def _node_id(self, node: int) -> str:
        run = [COMETBFT, "show-node-id", "--home", str(self.home / f"node{node}")]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def _configure(self, node: int, peers: str) -> None:
        path = self.home / f"node{node}/config/config.toml"
        port = FIRST_PORT + 10 * node
        text = path.read_text()
        for old, new in (
            ('proxy_app = "tcp://127.0.0.1:26658"', 'proxy_app = "kvstore"'),
            ('laddr = "tcp://127.0.0.1:26657"', f'laddr = "tcp://127.0.0.1:{port + 1}"'),
            ('laddr = "tcp://0.0.0.0:26656"', f'laddr = "tcp://127.0.0.1:{port}"'),
            ('laddr = "tcp://0.0.0.0:26657"', f'laddr = "tcp://127.0.0.1:{port + 1}"'),
            ('persistent_peers = ""', f'persistent_peers = "{peers}"'),
            ("allow_duplicate_ip = false", "allow_duplicate_ip = true"),
            ("addr_book_strict = true", "addr_book_strict = false"),
        ):
            text = text.replace(old, new)
        path.write_text(text)

    def start(self, node: int) -> None:
        log = (self.home / f"node{node}.log").open("ab")
        run = [COMETBFT, "start", "--home", str(self.home / f"node{node}")]
        self.running[node] = subprocess.Popen(run, stdout=log, stderr=log)

    def stop(self, node: int) -> None:
        process = self.running.pop(node)
        process.terminate()
        process.wait(timeout=20)

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{FIRST_PORT + 1}/{path}", timeout=10) as answer:
            return json.load(answer)["result"]

    def height(self) -> int:
        try:
            return int(self.ask("status")["sync_info"]["latest_block_height"])
        except (urllib.error.URLError, ConnectionError):
            return 0

    def send(self, tx: str) -> int:
        return int(self.ask(f'broadcast_tx_commit?tx="{tx}"')["height"])


def is_at(network: Network, height: int) -> bool:
    return network.height() >= height


def wait(until: Callable[[], bool]) -> None:
    last = time.monotonic() + 90
    while not until():
        if time.monotonic() > last:
            raise TimeoutError("the network does not get on")
        time.sleep(0.2)


def record(network: Network) -> dict[str, Any]:
    for node in range(4):
        network.start(node)
    wait(partial(is_at, network, 3))
    changed = []
    for tx in (f"val=ed25519!{NEWCOMER}!1", f"val=ed25519!{NEWCOMER}!8", f"val=ed25519!{NEWCOMER}!0"):
        if tx.endswith("!8"):
            network.stop(3)
        # Base64 has a plus sign and a slash, which a URL spells otherwise.
        changed.append(network.send(tx.replace("+", "%2B").replace("/", "%2F")))
        wait(partial(is_at, network, changed[-1] + 4))
    heights = sorted({1, 2, 3} | {height + more for height in changed for more in range(4)})
    blocks = []
    for height in heights:
        commit, validators = network.ask(f"commit?height={height}"), network.ask(f"validators?height={height}")
        blocks.append({"commit": commit["signed_header"], "validators": validators["validators"]})
    version = subprocess.run([COMETBFT, "version"], check=True, capture_output=True, text=True).stdout.strip()
    return {"blocks": blocks, "genesis": network.ask("genesis")["genesis"], "source": f"CometBFT {version}, kvstore"}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        network = Network(Path(home))
        try:
            recorded = record(network)
        finally:
            for node in list(network.running):
                network.stop(node)
    VECTORS.mkdir(parents=True, exist_ok=True)
    (VECTORS / "recorded.json").write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
