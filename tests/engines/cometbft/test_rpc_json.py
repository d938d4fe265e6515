"""CometBFT's JSON as records: what a node may answer, well formed and not."""

from __future__ import annotations

import copy
import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.cometbft.made_evidence import MADE
from tests.engines.cometbft.network_scene import Scene
from tests.engines.cometbft.single_process import signed_json

from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.evidence_json import evidence
from kouan.kernel.headers import Time, merkle_root

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
    signed = signed_json(scene.network.blocks[0].signed)
    block = {"block": {"header": signed["header"], "evidence": {"evidence": MADE["evidence"]}}}
    for read, answer in ((rpc_json.signed_header, {"signed_header": signed}), (rpc_json.block, block)):
        for path in paths(answer):
            try:
                read(put(answer, path, new))
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


def test_evidence_of_both_kinds_and_its_hash() -> None:
    """As CometBFT's own code writes and hashes it."""
    told = evidence(MADE["evidence"])
    assert told.hash.hex().upper() == MADE["hash"]
    attackers = MADE["evidence"][1]["value"]["ByzantineValidators"]
    assert [(one.address.hex().upper(), one.height, one.kind, one.power, one.time_ms) for one in told.records] == [
        (MADE["evidence"][0]["value"]["vote_a"]["validator_address"], 7, "duplicate-vote", 11, 1_796_024_500_500),
        (attackers[0]["address"], 5, "light-client-attack", 13, 1_796_024_500_500),
        (attackers[1]["address"], 5, "light-client-attack", 12, 1_796_024_500_500),
        (MADE["evidence"][2]["value"]["vote_a"]["validator_address"], 7, "duplicate-vote", 10, 1_796_024_500_500),
    ]
    assert evidence([]).hash == merkle_root([])


def test_every_value_in_evidence_is_hashed() -> None:
    """But for names of types, of which a ledger has one for keys."""
    for path in paths(MADE["evidence"]):
        at = MADE["evidence"]
        for name in path:
            at = at[name]
        if isinstance(at, str) and at and not at.startswith("tendermint/"):
            new: Any = re.sub(r"[0-9A-Fa-f]", lambda found: "2" if found[0] == "1" else "1", at, count=1)
        elif isinstance(at, int):
            new = at + 1
        else:
            continue
        assert new != at
        hashed = evidence(put(MADE["evidence"], path, new)).hash
        assert hashed.hex().upper() != MADE["hash"], path


@pytest.mark.parametrize("kind", ["tendermint/Other", None, {}])
def test_another_kind_of_evidence_is_none(kind: Any) -> None:
    with pytest.raises(ValueError, match="not a kind of evidence"):
        evidence([{"type": kind, "value": {}}])
