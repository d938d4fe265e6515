"""The envelope: what is opened, under what bounds, and which numbers a key may still use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.kernel.encoding import MAX_INTEGER, EncodingError, decode, encode, to_text
from kouan.kernel.envelope import (
    MAX_BYTES,
    MAX_COMMANDS,
    TAG,
    WINDOW,
    Body,
    envelope_id,
    make,
    open_envelope,
    use_number,
    window_key,
)
from kouan.kernel.records import Window
from kouan.kernel.suites import digest, public_key, verify

SEED = digest("test/seed", b"envelope")
BODY: dict[str, Any] = {
    "alliance": to_text(bytes(32)),
    "commands": [{"type": "toy.put/1"}],
    "expires_ms": 1_000,
    "mode": "each",
    "number": 1,
    "signer": "bank-a/main",
}


def body(**changes: Any) -> Body:
    return Body(**(BODY | changes))


def wire(**changes: Any) -> bytes:
    """The envelope of any body, allowed or not; None takes a field away."""
    fields = {name: value for name, value in (BODY | changes).items() if value is not None}
    return encode({"body": fields, "signature": to_text(bytes(64))})


def test_what_is_opened_is_what_was_signed() -> None:
    """The signature of an opened envelope holds over its signed bytes, which are the body's canonical bytes."""
    raw = make(body(signer="bank-a/night.shift"), SEED)
    opened = open_envelope(raw)
    assert (opened.member, opened.key) == ("bank-a", "night.shift")
    assert opened.body == body(signer="bank-a/night.shift")
    assert opened.signed == encode(decode(raw)["body"])
    assert verify(public_key(SEED), TAG, opened.signed, opened.signature)
    assert window_key(opened.member, opened.key) == "window/bank-a/night.shift"


def test_an_envelope_is_named_by_all_its_bytes() -> None:
    """Another signature over the same body is another envelope."""
    raw = make(body(), SEED)
    assert envelope_id(raw) == to_text(digest("kouan/envelope-id/1", raw))
    assert envelope_id(raw) != envelope_id(make(body(), digest("test/seed", b"other")))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"alliance": "x"}, id="alliance not 32 bytes"),
        pytest.param({"commands": []}, id="no command"),
        pytest.param({"commands": [{}] * (MAX_COMMANDS + 1)}, id="too many commands"),
        pytest.param({"commands": ["toy.put/1"]}, id="a command that is no object"),
        pytest.param({"commands": {}}, id="commands no array"),
        pytest.param({"expires_ms": 0}, id="expiry zero"),
        pytest.param({"expires_ms": "1000"}, id="expiry a text"),
        pytest.param({"mode": "some"}, id="unknown mode"),
        pytest.param({"number": 0}, id="number zero"),
        pytest.param({"number": -1}, id="number negative"),
        pytest.param({"number": True}, id="number a truth value"),
        pytest.param({"signer": "bank-a"}, id="signer without key"),
        pytest.param({"signer": "bank-a/main/x"}, id="signer with too many parts"),
        pytest.param({"signer": "Bank/main"}, id="signer with capitals"),
        pytest.param({"signer": None}, id="no signer"),
        pytest.param({"memo": "x"}, id="a field too many"),
    ],
)
def test_bodies_that_are_refused(changes: dict[str, Any]) -> None:
    """Each field outside its bounds, missing or unknown makes the envelope malformed."""
    open_envelope(wire())
    with pytest.raises(EncodingError):
        open_envelope(wire(**changes))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(encode({"body": BODY}), id="no signature"),
        pytest.param(encode({"body": BODY, "signature": to_text(bytes(63))}), id="short signature"),
        pytest.param(encode({"body": BODY, "more": 1, "signature": to_text(bytes(64))}), id="a field too many"),
        pytest.param(wire() + b"\n", id="not canonical"),
        pytest.param(b" " * (MAX_BYTES + 1), id="too large"),
    ],
)
def test_wires_that_are_refused(raw: bytes) -> None:
    """What is not the canonical JSON of a body and a signature is malformed."""
    with pytest.raises(EncodingError):
        open_envelope(raw)


def test_an_envelope_may_be_just_as_large_as_the_bound_and_no_larger() -> None:
    """512 KiB is counted on the whole wire bytes."""
    room = MAX_BYTES - len(wire(commands=[{"a": ""}]))
    assert len(open_envelope(wire(commands=[{"a": "x" * room}])).signed) < MAX_BYTES
    with pytest.raises(EncodingError, match="524288"):
        open_envelope(wire(commands=[{"a": "x" * (room + 1)}]))


@given(st.data())
def test_no_mutation_of_an_envelope_is_the_same_envelope(data: st.DataObject) -> None:
    """A changed byte makes it malformed, or breaks the signature: it never passes as what was signed."""
    raw = bytearray(make(body(), SEED))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        opened = open_envelope(bytes(raw))
    except EncodingError:
        return
    assert not verify(public_key(SEED), TAG, opened.signed, opened.signature)


class NaiveWindow:
    """The same rule with a set of every number ever used."""

    def __init__(self) -> None:
        self.used: set[int] = set()

    def use(self, number: int) -> bool:
        highest = max(self.used, default=0)
        if number in self.used or (self.used and number <= highest - WINDOW):
            return False
        self.used.add(number)
        return True


STEPS = st.integers(-WINDOW - 3, WINDOW + 3) | st.sampled_from([-WINDOW - 1, -WINDOW, -WINDOW + 1, 0, WINDOW, 10_000])


@given(st.integers(1, 400), st.lists(STEPS, max_size=60))
def test_the_replay_window_is_a_set_with_a_short_memory(first: int, steps: list[int]) -> None:
    """Numbers that overtake, come up to 255 late, repeat or leap: the bits agree with a plain set."""
    naive = NaiveWindow()
    window: Window | None = None
    for number in [first, *(max(1, first + step) for step in steps)]:
        after = use_number(window, number)
        assert (after is not None) == naive.use(number), (number, window)
        if after is not None:
            window = after
            assert window.highest == max(naive.used)


def test_numbers_in_any_order_within_the_window_are_each_used_once() -> None:
    """256 numbers arriving backwards are all accepted, none of them twice, and the one before them is too old."""
    window: Window | None = None
    for number in range(1_000 + WINDOW, 1_000, -1):
        window = use_number(window, number)
        assert window is not None, number
    assert window is not None
    assert int(window.seen, 16) == (1 << WINDOW) - 1
    for number in range(1_000, 1_000 + WINDOW + 1):
        assert use_number(window, number) is None, number


@given(st.integers(1, MAX_INTEGER), st.integers(1, MAX_INTEGER))
def test_a_window_stays_a_record_of_bounded_size(one: int, two: int) -> None:
    """However far a number leaps, the window remains 64 hexadecimal digits."""
    window = use_number(use_number(None, one), two) or use_number(None, one)
    assert window is not None
    assert len(window.seen) == 64
    assert int(window.seen, 16) & 1
