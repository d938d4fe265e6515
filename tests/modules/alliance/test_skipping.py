"""The skip list: what counts as one, and every way in which it is worth nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.modules.alliance.network import POWERS, consensus_public, evidence_of, network, network_founding
from tests.modules.alliance.voting import revoke, some32
from tests.modules.ledger import Ledger, seed_of

from kouan.kernel.encoding import decode, encode
from kouan.kernel.state import StateReader
from kouan.modules.alliance.founding import genesis
from kouan.modules.alliance.skipping import (
    MAX_SKIP_BYTES,
    SkipList,
    SkipListError,
    read_skip_list,
    sign_skip_list,
    skip_file,
    skip_list,
    skipped_by,
    standing_of,
)

IDS = sorted(some32(name) for name in ("one", "two"))


def signed(ledger: Ledger, *members: str, key: str = "main") -> SkipList:
    listed = skip_list(ledger.alliance, reversed(IDS))
    for member in members:
        listed = sign_skip_list(listed, member, key, seed_of(member, key))
    return listed


@pytest.mark.parametrize(
    ("powers", "signers", "counts"),
    [
        (POWERS, ("bank-a", "bank-b"), False),
        (POWERS, ("bank-a", "bank-b", "customs"), True),
        ({"bank-a": 4, "bank-b": 2}, ("bank-a",), True),
        ({"bank-a": 4, "bank-b": 3}, ("bank-a",), False),
        ({"bank-a": 4, "bank-b": 3}, (), False),
    ],
)
def test_two_thirds_of_the_power_are_needed_and_enough(powers: dict[str, int], signers: Any, counts: bool) -> None:  # noqa: FBT001  # a column of the table
    ledger = network(powers)
    listed = read_skip_list(skip_file(signed(ledger, *signers)))
    assert standing_of(listed, ledger.alliance, ledger.reader).counts is counts
    if counts:
        assert skipped_by(listed, ledger.alliance, ledger.reader) == frozenset(IDS)
        return
    with pytest.raises(SkipListError, match=r"signatures: .* at least two thirds must"):
        skipped_by(listed, ledger.alliance, ledger.reader)


def test_any_good_key_signs_and_order_does_not_matter() -> None:
    ledger = network()
    one, two = signed(ledger, "bank-a", "bank-b", "customs", key="second"), signed(ledger, "customs", "bank-b")
    assert standing_of(one, ledger.alliance, ledger.reader) == (30, 40)
    assert skip_file(two) == skip_file(signed(ledger, "bank-b", "customs"))


def test_the_founding_document_alone_is_enough_to_judge_it() -> None:
    ledger = network()
    reader = StateReader(dict(genesis(network_founding())))
    assert skipped_by(signed(ledger, "bank-a", "bank-b", "customs"), ledger.alliance, reader) == frozenset(IDS)


def test_a_suspended_validator_has_no_power_to_sign_with() -> None:
    ledger = network()
    ledger.accuse(evidence_of(ledger, consensus_public("bank-a")))
    assert standing_of(signed(ledger, "bank-a", "bank-b"), ledger.alliance, ledger.reader) == (10, 30)


def test_a_revoked_key_does_not_sign() -> None:
    ledger = network()
    ledger.accept("bank-a", revoke("second"))
    listed = signed(ledger, "bank-a", key="second")
    with pytest.raises(SkipListError, match=r"signatures\.bank-a\.key: second is revoked"):
        standing_of(listed, ledger.alliance, ledger.reader)


def spoilt(ledger: Ledger, how: str) -> SkipList:
    listed = signed(ledger, "bank-a", "bank-b", "customs")
    mine = listed.signatures["bank-a"]
    match how:
        case "another list's":
            return replace(listed, envelopes=IDS[:1])
        case "another member's":
            return replace(listed, signatures=listed.signatures | {"bank-a": listed.signatures["bank-b"]})
        case "another key's":
            return replace(listed, signatures=listed.signatures | {"bank-a": replace(mine, key="second")})
        case "no key's":
            return replace(listed, signatures=listed.signatures | {"bank-a": replace(mine, key="third")})
        case "a stranger's":
            return replace(listed, signatures=listed.signatures | {"nobody": mine})
        case _:
            return signed(ledger, "bank-a", "bank-b", "overseer")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("another list's", r"signatures\.bank-a\.signature: is not by"),
        ("another member's", r"signatures\.bank-a\.signature: is not by"),
        ("another key's", r"signatures\.bank-a\.signature: is not by"),
        ("no key's", r"signatures\.bank-a: is by no key third"),
        ("a stranger's", r"signatures\.nobody: is by no key main of a member that runs a validator"),
        ("one without a validator", r"signatures\.overseer: is by no key main of a member that runs a validator"),
    ],
)
def test_one_wrong_signature_spoils_the_list_and_is_named(how: str, message: str) -> None:
    ledger = network()
    with pytest.raises(SkipListError, match=message):
        skipped_by(spoilt(ledger, how), ledger.alliance, ledger.reader)


def test_another_alliance_s_list_and_one_for_a_single_operator_are_refused() -> None:
    ledger, alone = network(), Ledger()
    with pytest.raises(SkipListError, match="alliance: the list is for"):
        skipped_by(signed(ledger, "bank-a"), alone.alliance, alone.reader)
    with pytest.raises(SkipListError, match="one operator runs this ledger"):
        skipped_by(skip_list(alone.alliance, IDS), alone.alliance, alone.reader)


SOUND = skip_file(signed(network(), "bank-a", "bank-b", "customs"))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("envelopes", [], "length >= 1"),
        ("envelopes", IDS[::-1], "envelopes: must be sorted"),
        ("envelopes", [IDS[0], IDS[0]], "envelopes: must be sorted and each named once"),
        ("envelopes", [some32(str(number)) for number in range(1_001)], "length <= 1000"),
        ("envelopes", ["short"], "not a skip list"),
        ("format", "kouan/skip/2", "not a skip list"),
        ("signatures", [], "not a skip list"),
        ("signatures", {"bank-a": {"key": "main", "signature": "short"}}, "not a skip list"),
        ("more", 1, "not a skip list"),
    ],
)
def test_what_is_no_skip_list_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(SkipListError, match=message):
        read_skip_list(encode({**decode(SOUND), field: value}))


def test_a_file_that_is_too_long_is_not_read() -> None:
    with pytest.raises(SkipListError, match="at most 262144 are read"):
        read_skip_list(b" " * (MAX_SKIP_BYTES + 1))


@given(st.binary(max_size=200) | st.integers(0, len(SOUND) - 1).map(lambda at: SOUND[:at] + b"0"))
def test_no_bytes_make_reading_fail_in_another_way(data: bytes) -> None:
    with pytest.raises(SkipListError):
        read_skip_list(data)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 255))
def test_no_byte_of_a_list_that_counts_can_be_another(at: int, byte: int) -> None:
    ledger = network()
    try:
        ids = skipped_by(read_skip_list(SOUND[:at] + bytes([byte]) + SOUND[at + 1 :]), ledger.alliance, ledger.reader)
    except SkipListError:
        return
    assert ids == frozenset(IDS)
