"""Canonical JSON: one value has one spelling, and nothing else is decoded."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kouan.kernel.encoding import (
    MAX_DEPTH,
    MAX_INTEGER,
    Bytes16,
    Bytes32,
    Bytes64,
    EncodingError,
    decode,
    encode,
    from_text,
    to_text,
)

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example(["a" * 16, {"": {'"': "\\", "\\\\": '\\"'}}])
def test_a_value_survives_and_the_bytes_are_those_of_another_implementation(value: Any) -> None:
    """In the subset, canonical JSON is what Python's own json module writes with sorted keys and no white space."""
    data = encode(value)
    assert decode(data) == value
    assert data == json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@given(VALUES, st.data())
def test_no_mutation_is_a_second_spelling(value: Any, data: st.DataObject) -> None:
    """Bytes that were changed, added or lost are refused, or are the one spelling of another value."""
    raw = encode(value)
    at = data.draw(st.integers(0, len(raw)))
    until = data.draw(st.integers(at, min(len(raw), at + 3)))
    mutated = raw[:at] + data.draw(st.binary(max_size=3)) + raw[until:]
    try:
        other = decode(mutated)
    except EncodingError:
        return
    assert encode(other) == mutated
    assert mutated == raw or other != value


@given(st.binary(max_size=40) | st.text('[]{}":,\\0123456789.eE+-truefalsn ', max_size=40).map(str.encode))
def test_whatever_bytes_arrive_the_answer_is_a_value_or_an_encoding_error(data: bytes) -> None:
    """No hostile input raises anything else, and what is decoded encodes back to itself."""
    try:
        value = decode(data)
    except EncodingError:
        return
    assert encode(value) == data


REFUSED = [
    pytest.param(b"", id="nothing"),
    pytest.param(b' {"a":1}', id="white space before"),
    pytest.param(b'{"a":1}\n', id="white space after"),
    pytest.param(b'{"a": 1}', id="white space inside"),
    pytest.param(b'{"b":1,"a":2}', id="keys not sorted"),
    pytest.param(b'{"a":1,"a":1}', id="the same key twice"),
    pytest.param(b'{"a":1,"\\u0061":2}', id="the same key twice, once escaped"),
    pytest.param(b'"\\u0061"', id="needless escape"),
    pytest.param(b'"\\/"', id="escaped slash"),
    pytest.param(b'"\\n"', id="control character"),
    pytest.param(b'"\\u0000"', id="zero character"),
    pytest.param(b'"\x7f"', id="delete character"),
    pytest.param('"é"'.encode(), id="not ASCII"),
    pytest.param(b'"\xff"', id="not UTF-8"),
    pytest.param(b"\xef\xbb\xbf1", id="byte order mark"),
    pytest.param(b"-0", id="minus zero"),
    pytest.param(b"01", id="leading zero"),
    pytest.param(b"+1", id="plus sign"),
    pytest.param(b"1.0", id="fraction"),
    pytest.param(b"1e2", id="exponent"),
    pytest.param(b"9007199254740992", id="2**53"),
    pytest.param(b"-9007199254740992", id="-2**53"),
    pytest.param(b"1" * 400, id="huge number"),
    pytest.param(b"NaN", id="not a number"),
    pytest.param(b"nul", id="cut literal"),
    pytest.param(b"True", id="literal in another spelling"),
    pytest.param(b"[1,]", id="trailing comma"),
    pytest.param(b"[1][1]", id="two values"),
    pytest.param(b"'a'", id="single quotes"),
    pytest.param(b"[" * 17 + b"]" * 17, id="nested 17 deep"),
    pytest.param(b"[" * 400_000, id="nested for ever"),
    pytest.param(b'{"a":' * 100_000, id="objects nested for ever"),
]


@pytest.mark.parametrize("data", REFUSED)
def test_refused(data: bytes) -> None:
    """Each departure from the subset or from its one spelling is refused."""
    with pytest.raises(EncodingError):
        decode(data)


def test_the_bounds_themselves_are_allowed() -> None:
    """The largest integers and the deepest nesting still pass."""
    for value in (MAX_INTEGER, -MAX_INTEGER):
        assert decode(encode(value)) == value
    deepest = b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert encode(decode(deepest)) == deepest


@given(st.binary(max_size=70))
def test_bytes_travel_as_one_text(data: bytes) -> None:
    """Base64url without padding goes there and back."""
    text = to_text(data)
    assert "=" not in text
    assert from_text(text) == data


@given(st.text("AQgw_-+/=!?é \n", max_size=9))
def test_a_base64url_text_has_one_spelling(text: str) -> None:
    """Padding, white space, other alphabets and set unused bits are refused."""
    try:
        data = from_text(text)
    except EncodingError:
        return
    assert to_text(data) == text


@pytest.mark.parametrize(("kind", "size"), [(Bytes16, 16), (Bytes32, 32), (Bytes64, 64)])
def test_the_types_of_fixed_size_allow_just_what_decodes_to_that_size(kind: Any, size: int) -> None:
    """The pattern of BytesN and from_text agree on the last character, which carries unused bits."""
    length = len(to_text(bytes(size)))
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/":
        text = "x" * (length - 1) + last
        try:
            decoded = len(from_text(text)) == size
        except EncodingError:
            decoded = False
        try:
            msgspec.convert(text, kind)
        except msgspec.ValidationError:
            assert not decoded, text
        else:
            assert decoded, text
    for wrong in ("x" * length + "A", "x" * (length - 2), "x" * (length - 1) + "A\n"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, kind)
