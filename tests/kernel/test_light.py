"""Light verification: which headers of CometBFT are believed, and by what name the others are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from nacl.bindings import crypto_sign_seed_keypair
from tests.kernel.light_scene import (
    CHAIN,
    FIVE,
    FOUNDED,
    FOUNDED_MS,
    FOUR,
    HEAVY,
    OTHERS,
    at,
    block_id,
    change,
    entry,
    header,
    signed,
    signed_vote,
    validators,
    vote,
)
from tests.kernel.proof_scene import DAY_MS, secret

from kouan.kernel.encoding import decode, encode, to_text
from kouan.kernel.headers import (
    Commit,
    Header,
    SignedHeader,
    ValidatorEntry,
    header_hash,
    in_order,
)
from kouan.kernel.light import LightError, Reason, Step, Trusted, advance, check_header

PERIOD_MS = 14 * DAY_MS
NOW_MS = FOUNDED_MS + DAY_MS


def go(trusted: Trusted, step: Step, now_ms: int | None = None) -> Trusted:
    return advance(trusted, step, now_ms=now_ms, trust_period_ms=PERIOD_MS)


def refused(reason: Reason, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    with pytest.raises(LightError) as caught:
        call(*args, **kwargs)
    assert caught.value.reason == reason


def block(height: int = 7, voters: tuple[str, ...] | None = None, **changes: Any) -> SignedHeader:
    return signed(header(height, FOUR, FOUR, **changes), FOUR, voters)


def put(shown: SignedHeader, votes: list[Any]) -> SignedHeader:
    return replace(shown, commit=replace(shown.commit, signatures=votes))


def test_a_header_that_more_than_two_thirds_decided_is_believed() -> None:
    check_header(FOUNDED, block(), now_ms=None)
    check_header(FOUNDED, block(voters=("customs", "bank_a", "port")), now_ms=NOW_MS)
    refused(Reason.LITTLE_POWER, check_header, FOUNDED, block(voters=("customs", "bank_a")), now_ms=None)


def test_a_vote_for_no_block_counts_for_nothing() -> None:
    shown = signed(header(7, FOUR, FOUR), FOUR, ("customs", "bank_a"), nil=("port", "bank_b"))
    refused(Reason.LITTLE_POWER, check_header, FOUNDED, shown, now_ms=None)
    check_header(FOUNDED, signed(header(7, FOUR, FOUR), FOUR, nil=("port",)), now_ms=None)


def test_each_forgery_has_its_own_name() -> None:
    """One thing is wrong at a time, in the order in which it is looked at."""
    good = block()
    votes = good.commit.signatures
    assert votes[0] is not None
    later = at(8, FOUR)
    cases: list[tuple[Reason, Trusted, SignedHeader]] = [
        (Reason.WRONG_CHAIN, FOUNDED, block(chain_id=to_text(secret("other chain")))),
        (Reason.HEIGHT_BEFORE, later, good),
        (Reason.TIME_BEFORE, replace(FOUNDED, time_ms=good.header.time.ms + 1), good),
        (Reason.WRONG_SET, at(2, FIVE), good),
        (Reason.COMMIT_HEIGHT, FOUNDED, signed(good.header, FOUR, height=8)),
        (Reason.COMMIT_BLOCK, FOUNDED, signed(good.header, FOUR, block_id=block_id(secret("other block")))),
        (Reason.COMMIT_SIZE, FOUNDED, put(good, votes[:3])),
        (Reason.COMMIT_SIZE, FOUNDED, put(good, [*votes, None])),
        (Reason.DUPLICATE_VOTE, FOUNDED, put(good, [votes[0], votes[0], *votes[2:]])),
        (Reason.COMMIT_ORDER, FOUNDED, put(good, [votes[1], votes[0], *votes[2:]])),
        (Reason.COMMIT_ORDER, FOUNDED, put(good, [vote(good.commit, entry("stranger")), *votes[1:]])),
        (Reason.COMMIT_SIGNATURE, FOUNDED, signed(good.header, FOUR, chain=to_text(secret("other chain")))),
        (Reason.COMMIT_SIGNATURE, FOUNDED, replace(good, commit=replace(good.commit, round=1))),
        (Reason.COMMIT_SIGNATURE, FOUNDED, put(good, [replace(votes[0], for_block=False), *votes[1:]])),
        (Reason.COMMIT_SIGNATURE, FOUNDED, put(good, [replace(votes[0], signature=to_text(bytes(64))), *votes[1:]])),
        (Reason.LITTLE_POWER, FOUNDED, put(good, [None, None, *votes[2:]])),
    ]
    for reason, trusted, shown in cases:
        refused(reason, check_header, trusted, shown, now_ms=None)


def test_a_header_later_than_the_clock_is_not_believed() -> None:
    good = block()
    check_header(FOUNDED, good, now_ms=good.header.time.ms - 5 * 60_000)
    refused(Reason.HEADER_FROM_THE_FUTURE, check_header, FOUNDED, good, now_ms=good.header.time.ms - 5 * 60_000 - 1)


def test_sets_are_followed_from_change_to_change_however_long_ago() -> None:
    trusted = go(FOUNDED, change(7, FOUR, FIVE))
    assert (trusted.height, trusted.validators) == (8, FIVE)
    trusted = go(trusted, change(1_000, FIVE, OTHERS))
    check_header(trusted, signed(header(5_000, OTHERS, FOUR), OTHERS), now_ms=None)
    with pytest.raises(LightError):
        go(trusted, change(900, OTHERS, FOUR))


def test_the_next_set_is_the_one_that_the_header_names() -> None:
    good = change(7, FOUR, FIVE)
    refused(Reason.WRONG_NEXT_SET, go, FOUNDED, replace(good, next=HEAVY))
    refused(Reason.SET_ORDER, go, FOUNDED, replace(good, next=good.next[::-1]))
    twice = in_order([entry("customs", 20), entry("customs", 10)])
    refused(Reason.SET_ORDER, go, FOUNDED, change(7, FOUR, twice))


def test_a_skip_needs_a_clock_trust_that_has_not_expired_and_power_of_both_sets() -> None:
    """FIVE came in between and is not shown."""
    skip = change(20, FIVE, FIVE, skip=True)
    assert go(FOUNDED, skip, NOW_MS) == Trusted(CHAIN, 21, skip.signed.header.time.ms, FIVE)
    refused(Reason.SKIP_ARCHIVAL, go, FOUNDED, skip)
    assert go(FOUNDED, skip, FOUNDED_MS + PERIOD_MS - 1)
    refused(Reason.TRUST_EXPIRED, go, FOUNDED, skip, FOUNDED_MS + PERIOD_MS)
    few = change(20, HEAVY, HEAVY, ("large", "customs"), skip=True)  # 60 of 90, and 10 of the 40 that are trusted
    refused(Reason.LITTLE_TRUSTED_POWER, go, FOUNDED, few, NOW_MS)
    light = change(20, HEAVY, HEAVY, ("large", "customs", "port"), skip=True)  # 70 of 90, and 20 of 40
    assert go(FOUNDED, light, NOW_MS)
    low = change(20, HEAVY, HEAVY, ("port", "customs"), skip=True)  # 20 of 90
    refused(Reason.LITTLE_POWER, go, FOUNDED, low, NOW_MS)
    strange = validators(bank_c=10, stranger=10)
    refused(Reason.LITTLE_TRUSTED_POWER, go, FOUNDED, change(20, strange, strange, skip=True), NOW_MS)
    refused(Reason.WRONG_SET, go, FOUNDED, replace(skip, validators=HEAVY), NOW_MS)


def test_at_the_height_from_which_a_set_is_trusted_there_is_no_other() -> None:
    refused(Reason.WRONG_SET, go, at(20, FOUR), change(20, FIVE, FIVE, skip=True), NOW_MS)


def test_the_trusted_set_written_out_is_no_skip() -> None:
    assert go(FOUNDED, change(7, FOUR, FIVE, skip=True)).validators == FIVE


@given(st.lists(st.integers(1, 30), min_size=1, max_size=7), st.data())
@settings(max_examples=60, deadline=None)
def test_exactly_two_thirds_are_not_enough(powers: list[int], data: st.DataObject) -> None:
    """Whatever the powers and whoever votes: believed if and only if three times what signed exceeds twice all."""
    seeds = {to_text(crypto_sign_seed_keypair(secret(f"v{n}"))[0]): secret(f"v{n}") for n in range(len(powers))}
    own = in_order([ValidatorEntry(power, public) for power, public in zip(powers, seeds, strict=True)])
    voting = data.draw(st.lists(st.booleans(), min_size=len(own), max_size=len(own)))
    shown = header(5, own, own)
    empty = Commit(block_id(header_hash(shown)), 5, 0, [])
    votes = [signed_vote(empty, v, seeds[v.public]) if yes else None for v, yes in zip(own, voting, strict=True)]
    signed_power = sum(v.power for v, yes in zip(own, voting, strict=True) if yes)
    trusted, full = at(2, own), SignedHeader(replace(empty, signatures=votes), shown)
    if 3 * signed_power > 2 * sum(powers):
        check_header(trusted, full, now_ms=None)
    else:
        refused(Reason.LITTLE_POWER, check_header, trusted, full, now_ms=None)


GOOD = encode(signed(header(7, FOUR, FOUR, app_hash=to_text(bytes(range(32)))), FOUR, nil=("port",)))


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(b'0123456789azAZ-_"{}[],:'))
def test_any_changed_byte_of_header_or_commit_is_refused(place: int, byte: int) -> None:
    """Either it is no signed header any more, or it is not believed."""
    changed = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    if changed == GOOD:
        return
    with pytest.raises((LightError, msgspec.ValidationError, ValueError)):
        check_header(FOUNDED, msgspec.convert(decode(changed), SignedHeader), now_ms=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("app_hash", "A"),
        ("app_hash", "AB"),
        ("app_hash", "A" * 80),
        ("chain_id", ""),
        ("chain_id", "a" * 51),
        ("height", 0),
        ("height", 2**53),
        ("height", 1.0),
        ("last_block_id", {"hash": "", "parts_hash": "", "parts_total": 2**32}),
        ("proposer_address", ""),
        ("time", {"nanos": 1_000_000_000, "seconds": 0}),
        ("time", {"nanos": 0, "seconds": -1}),
        ("validators_hash", ""),
        ("version", {"block": 11}),
        ("more", 1),
    ],
)
def test_hostile_fields_are_no_header(field: str, value: Any) -> None:
    plain = msgspec.to_builtins(header(7, FOUR, FOUR)) | {field: value}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain, Header)
