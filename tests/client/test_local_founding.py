"""The cast of a local network: as many members as nodes, each with an id and names of its own."""

from __future__ import annotations

import pytest

from kouan.client.founding_desk import SHANGHAI
from kouan.client.local_founding import MAX_NODES, cast_for


@pytest.mark.parametrize("nodes", range(1, MAX_NODES + 1))
def test_there_is_a_member_for_every_node(nodes: int) -> None:
    cast = cast_for(nodes)
    assert cast.members[: len(SHANGHAI.members)] == SHANGHAI.members
    assert len(cast.members) == max(nodes, len(SHANGHAI.members))
    for names in ([one.id for one in cast.members], [one.en for one in cast.members], [one.zh for one in cast.members]):
        assert len(set(names)) == len(names)
