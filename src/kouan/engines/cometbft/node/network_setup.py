"""Making a local network's nodes: directories, settings, ports and keys, before and after the alliance is founded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from kouan.engines.cometbft.node import node_setup
from kouan.engines.cometbft.node.directory import NodeDirectory, Settings
from kouan.engines.cometbft.node.local_network import LOOPBACK, NODES, LocalNode, write_network
from kouan.modules.alliance.founding import NetworkFounding


class Made(NamedTuple):
    """A node that has its keys and addresses."""

    node: NodeDirectory
    listed: LocalNode
    public: node_setup.Public

    @property
    def url(self) -> str:
        """Where its peers reach it, as CometBFT writes it."""
        return f"{self.public.node}@{self.listed.p2p}"


def make_nodes(
    port: Path, members: Sequence[str], first_ports: Sequence[int], entropy: Callable[[int], bytes]
) -> list[Made]:
    """Make a node for each of the members; ``first_ports`` are what `local_network.choose_ports` chose."""
    return [
        _make(port, number, member, first, entropy)
        for number, (member, first) in enumerate(zip(members, first_ports, strict=True))
    ]


def install(port: Path, made: Sequence[Made], trust: bytes, founding: NetworkFounding) -> None:
    """Give every node what it runs by, each with all others as peers; write ``network.json``."""
    for one in made:
        node_setup.install(one.node, trust, founding, [other.url for other in made if other is not one])
    write_network(port, [one.listed for one in made])


def _make(port: Path, number: int, member: str, first_port: int, entropy: Callable[[int], bytes]) -> Made:
    p2p, rpc, http, engine_metrics = (f"{LOOPBACK}:{first_port + at}" for at in range(4))
    directory = f"{NODES}/{number}"
    node = NodeDirectory(port / directory)
    node.write_settings(
        Settings(member=member, address=p2p, listen=p2p, rpc=rpc, http=http, engine_metrics=engine_metrics, local=True)
    )
    listed = LocalNode(directory, engine_metrics, http, member, p2p, f"http://{rpc}")
    return Made(node, listed, node_setup.make_keys(node, entropy))
