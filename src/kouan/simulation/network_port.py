"""A port whose ledger four members run together: real nodes on this machine, by the commands that a person types."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from kouan import bootstrap
from kouan.engines.cometbft.client.remote import Network
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.local_network import NetworkFile, node_of, read_network
from kouan.modules.alliance.founding import AnyFounding, NetworkFounding, alliance_id
from kouan.simulation.clock import WallClock
from kouan.simulation.crash import KOUAN, environment
from kouan.simulation.port import SeededPort

VALIDATORS: Final = 4
PATIENCE_S: Final = 180.0


class NetworkPort(SeededPort):
    """The port; a context manager, at whose end no node is left running.

    The members' keys are random and blocks carry the machine's time: the same seed makes the same papers, not the same
    ledger.
    """

    def __init__(self, directory: Path, seed: int) -> None:
        super().__init__(directory, seed, WallClock())
        self.notes: list[str] = []
        """What the client says of nodes that it passes over."""

    def found(self) -> AnyFounding:
        """Found the alliance with a validator for each of the first members, and start their nodes."""
        self._stack.callback(self._stop)
        self.kouan("network", "up", str(self.directory), "--validators", str(VALIDATORS))
        founding = bootstrap.read_founding(self.directory)
        self.alliance = alliance_id(founding)
        engine = self.client()
        self._open(engine)
        return founding

    @property
    def network(self) -> NetworkFile:
        """The list of nodes."""
        return read_network(self.directory)

    def node(self, number: int) -> NodeDirectory:
        """Return one of the nodes."""
        return node_of(self.directory, self.network, number)

    def client(self, *nodes: str) -> Network:
        """Return a client of the network, or of some of its nodes by their URLs."""
        founding = bootstrap.read_founding(self.directory)
        if not isinstance(founding, NetworkFounding):
            raise ValueError(  # noqa: TRY004  # it is the directory that is wrong
                f"{self.directory}: holds an alliance whose ledger one operator runs; give another directory"
            )
        engine = bootstrap.open_network(self.directory, founding, nodes, self.notes.append, PATIENCE_S)
        self._stack.callback(engine.close)
        return engine

    def kouan(self, *arguments: str) -> None:
        """Run a command; raises ValueError with what it says when it fails."""
        command = [*KOUAN, *arguments]
        run = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603  # our own
        if run.returncode:
            said = " ".join(run.stderr.split()) or f"exit code {run.returncode}"
            raise ValueError(f"`kouan {' '.join(arguments)}` failed: {said}")

    def _stop(self) -> None:
        if (self.directory / "network.json").exists():
            self.kouan("network", "down", str(self.directory))
