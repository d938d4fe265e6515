"""The four nodes of the alliance that is measured: their directories, and what their processes cost."""

from __future__ import annotations

import os
from pathlib import Path

from bench.accounting import Account
from bench.network_port import document_of
from bench.port import founding_members, seed_of
from kouan.engines.cometbft.node import local_network, node_setup, processes
from kouan.engines.cometbft.node.directory import NodeDirectory, Settings
from kouan.engines.cometbft.node.local_network import LocalNode
from kouan.modules.alliance.founding import NetworkFounding
from kouan.modules.alliance.trust import network_trust_file, read_trust_file, sign_founding

PORTS = local_network.PORTS


def found(directory: Path) -> NetworkFounding:
    """Found the alliance and make its four nodes, ready to be started."""
    members = founding_members()
    bases = local_network.choose_ports(len(members))
    nodes: list[LocalNode] = []
    public: list[node_setup.Public] = []
    for number, (member, base) in enumerate(zip(members, bases, strict=True)):
        node = NodeDirectory(directory / local_network.NODES / str(number))
        p2p, rpc, http, metrics = (f"{local_network.LOOPBACK}:{base + at}" for at in range(PORTS))
        node.write_settings(
            Settings(member=member.id, address=p2p, listen=p2p, rpc=rpc, http=http, engine_metrics=metrics, local=True)
        )
        public.append(node_setup.make_keys(node, os.urandom))
        nodes.append(
            LocalNode(
                directory=f"{local_network.NODES}/{number}",
                engine_metrics=metrics,
                http=http,
                member=member.id,
                p2p=p2p,
                rpc=f"http://{rpc}",
            )
        )
    document = document_of({member.id: keys.validator for member, keys in zip(members, public, strict=True)})
    signatures = {member.id: sign_founding(document, member.id, seed_of(f"{member.id}/main")) for member in members}
    trust = network_trust_file(document, signatures)
    (directory / "alliance.json").write_bytes(trust)
    for number, keys in enumerate(public):
        peers = [f"{one.node}@{node.p2p}" for one, node in zip(public, nodes, strict=True) if one != keys]
        node_setup.install(NodeDirectory(directory / nodes[number].directory), trust, document, peers)
    local_network.write_network(directory, nodes)
    return document


def read_founding(directory: Path) -> NetworkFounding:
    """Return the founding document of a directory that `found` made."""
    document = read_trust_file((directory / "alliance.json").read_bytes())
    if not isinstance(document, NetworkFounding):
        raise TypeError("not a network's")
    return document


def directories(directory: Path) -> list[NodeDirectory]:
    """Return the nodes' directories."""
    network = local_network.read_network(directory)
    return [local_network.node_of(directory, network, number) for number in range(len(network.nodes))]


def account(directory: Path) -> Account:
    """Open the account of all nodes' processes, and of this one."""
    groups: dict[str, list[int]] = {"load": [os.getpid()]}
    for node in directories(directory):
        for name, process in processes.read(node.processes_file).items():
            groups.setdefault(name, []).append(process.pid)
    return Account(groups)
