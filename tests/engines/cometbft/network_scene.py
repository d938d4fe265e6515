"""Who plays in the tests of clients of a network: four nodes, clients, and a member that sends commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from tests.engines.cometbft.single_process import SingleProcess
from tests.modules.alliance.network import POWERS, consensus_seed, network_founding
from tests.modules.ledger import START_MS, seed_of

from kouan.engines.cometbft.client.remote import Network
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.suites import digest

URLS: Final = tuple(f"http://node-{number}" for number in range(4))
SECOND_MS: Final = 1_000


class Scene:
    """A network in one process and clients of it. The clock moves a second with every block."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now_ms = START_MS
        self.founding = network_founding()
        seeds = {member: consensus_seed(member) for member in POWERS}
        self.network = SingleProcess(directory / "state", self.founding, seeds, self._tick)
        self.nodes = [self.network.node(url) for url in URLS]
        self.warnings: list[str] = []
        self._clients: list[Network] = []
        self._number = 0

    def _tick(self) -> int:
        self.now_ms += SECOND_MS
        return self.now_ms

    def client(self, *, remembers: bool = True, urls: tuple[str, ...] = URLS, patience_s: float = 5.0) -> Network:
        made = Network(
            urls,
            self.founding,
            self.directory / "trusted.json" if remembers else None,
            lambda: self.now_ms,
            warn=self.warnings.append,
            open_node=self.network.node,
            patience_s=patience_s,
        )
        self._clients.append(made)
        return made

    def envelope(self, member: str = "commerce", **body: Any) -> bytes:
        """An envelope that onboards an enterprise: its record stands at `key_of_last`."""
        self._number += 1
        commitment = to_text(digest("test/enterprise", str(self._number).encode()))
        self.key_of_last = f"enterprise/{commitment}"
        command = {"type": "alliance.onboard/1", "commitment": commitment, "override": None}
        signed = Body(
            alliance=self.network.alliance,
            commands=[command],
            expires_ms=self.now_ms + 3_600_000,
            mode="each",
            number=self._number,
            signer=f"{member}/main",
        )
        return make(msgspec.structs.replace(signed, **body), seed_of(member))

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.network.close()
