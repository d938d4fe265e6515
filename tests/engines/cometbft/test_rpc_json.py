"""CometBFT's JSON as records: what a node may answer, well formed and not."""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.cometbft.network_scene import Scene
from tests.engines.cometbft.single_process import signed_json

from kouan.engines.cometbft import rpc_json
from kouan.kernel.headers import Time

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
READERS: Final = (
    rpc_json.block,
    rpc_json.header,
    rpc_json.headers,
    rpc_json.receipts,
    rpc_json.signed_header,
    rpc_json.value_of,
    rpc_json.verdict_of,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for name, inner in items for path in paths(inner, (*here, name)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(value)
    at = changed
    for name in path[:-1]:
        at = at[name]
    if not path:
        return new
    at[path[-1]] = new
    return changed


@given(JSON)
def test_anything_else_is_a_value_error(answer: Any) -> None:
    for read in READERS:
        try:
            read(answer)
        except ValueError:
            continue


@pytest.mark.parametrize("new", [None, "", "x", "zz", -1, 2**70, "9" * 30, [], {}, "0001-01-01T00:00:00Z"], ids=str)
def test_each_field_may_be_anything(scene: Scene, new: Any) -> None:
    answer = {"signed_header": signed_json(scene.network.blocks[0].signed)}
    for path in paths(answer):
        try:
            rpc_json.signed_header(put(answer, path, new))
        except ValueError:
            continue


def test_headers_come_back_as_they_were(scene: Scene) -> None:
    """Absent votes, votes for no block, times with and without parts of a second."""
    scene.network.make_block()
    signed = scene.network.sign(scene.network.header([]), silent=(1, 3))
    assert rpc_json.signed_header({"signed_header": signed_json(signed)}) == signed
    first = scene.network.blocks[0].signed
    assert rpc_json.signed_header({"signed_header": signed_json(first)}) == first


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-30T07:41:40Z", Time(nanos=0, seconds=1_796_024_500)),
        ("2026-11-30T07:41:40.5Z", Time(nanos=500_000_000, seconds=1_796_024_500)),
        ("2026-11-30T07:41:40.000000001Z", Time(nanos=1, seconds=1_796_024_500)),
    ],
)
def test_times(scene: Scene, text: str, time: Time) -> None:
    answer = {"signed_header": signed_json(scene.network.blocks[0].signed)}
    answer["signed_header"]["header"]["time"] = text
    assert rpc_json.signed_header(answer).header.time == time


def test_evidence_of_both_kinds() -> None:
    """As CometBFT writes them (types/evidence.go), with Go's own names where it has no others."""
    twice = {
        "type": "tendermint/DuplicateVoteEvidence",
        "value": {
            "vote_a": {"height": "7", "validator_address": "AB" * 20},
            "vote_b": {},
            "TotalVotingPower": "40",
            "ValidatorPower": "10",
            "Timestamp": "2026-11-30T07:41:40.5Z",
        },
    }
    attack = {
        "type": "tendermint/LightClientAttackEvidence",
        "value": {
            "ConflictingBlock": {},
            "CommonHeight": "5",
            "ByzantineValidators": [{"address": "CD" * 20, "voting_power": "9"}],
            "TotalVotingPower": "40",
            "Timestamp": "2026-11-30T07:41:40Z",
        },
    }
    told = rpc_json.evidence([twice, attack])
    assert [(one.address, one.height, one.kind, one.power, one.time_ms) for one in told] == [
        (b"\xab" * 20, 7, "duplicate-vote", 10, 1_796_024_500_500),
        (b"\xcd" * 20, 5, "light-client-attack", 9, 1_796_024_500_000),
    ]
