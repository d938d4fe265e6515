"""The cast of a local network: as many members as nodes, each with an id and names of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kouan import bootstrap
from kouan.client.founding_desk import SHANGHAI
from kouan.client.local_founding import MAX_NODES, cast_for, found
from kouan.client.membership import Peer
from kouan.client.network_founding import PEERS, read_peers
from kouan.kernel.suites import digest, public_key


@pytest.mark.parametrize("nodes", range(1, MAX_NODES + 1))
def test_there_is_a_member_for_every_node(nodes: int) -> None:
    cast = cast_for(nodes)
    assert cast.members[: len(SHANGHAI.members)] == SHANGHAI.members
    assert len(cast.members) == max(nodes, len(SHANGHAI.members))
    for names in ([one.id for one in cast.members], [one.en for one in cast.members], [one.zh for one in cast.members]):
        assert len(set(names)) == len(names)


def test_a_newcomer_learns_where_the_nodes_are(tmp_path: Path) -> None:
    """As of members on machines of their own, whose peers.json `kouan node found` writes."""
    members = [founder.id for founder in SHANGHAI.members[:4]]
    nodes = {
        member: (Peer(f"127.0.0.1:{26656 + number}", f"{number:040x}"), public_key(digest("test", member.encode())))
        for number, member in enumerate(members)
    }
    found(
        tmp_path, "test", SHANGHAI, nodes, bootstrap.NETWORK_PARAMETERS, entropy=os.urandom, now_ms=bootstrap.now_ms()
    )
    assert sorted(read_peers(tmp_path / PEERS).urls("newcomer")) == sorted(peer.url for peer, _ in nodes.values())
