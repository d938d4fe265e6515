"""Commitments: only the same subject, salt and fields open one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.client.commitments import Subject, canonical_fields, commit, is_opening

SALT = bytes(range(32))
FIELDS = {
    "number": "223320250123456789",
    "owner": "申港贸易",
    "amount_minor": 12_500_000,
    "lines": [{"hs": "8471300000"}],
}

scalars = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126)), inner, max_size=4)
    ),
    max_leaves=20,
)


def test_a_commitment_is_opened_by_its_own_salt_and_fields_in_any_order() -> None:
    commitment = commit(Subject.DOCUMENT, SALT, FIELDS)
    assert len(commitment) == 43
    assert is_opening(commitment, Subject.DOCUMENT, SALT, dict(reversed(FIELDS.items())))


@pytest.mark.parametrize(
    ("subject", "salt", "fields"),
    [
        (Subject.FINGERPRINTS, SALT, FIELDS),
        (Subject.DOCUMENT, bytes(32), FIELDS),
        (Subject.DOCUMENT, SALT[:31], FIELDS),
        (Subject.DOCUMENT, SALT, {**FIELDS, "amount_minor": 12_500_001}),
        (Subject.DOCUMENT, SALT, {**FIELDS, "amount_minor": "12500000"}),
        (Subject.DOCUMENT, SALT, {**FIELDS, "extra": None}),
        (Subject.DOCUMENT, SALT, {**FIELDS, "amount_minor": 0.5}),
        (Subject.DOCUMENT, SALT, None),
    ],
)
def test_anything_else_does_not_open_it(subject: Subject, salt: bytes, fields: Any) -> None:
    assert not is_opening(commit(Subject.DOCUMENT, SALT, FIELDS), subject, salt, fields)


@given(documents, documents)
def test_documents_commit_alike_exactly_if_their_canonical_bytes_are_alike(one: Any, other: Any) -> None:
    same = canonical_fields(one) == canonical_fields(other)
    assert (commit(Subject.DOCUMENT, SALT, one) == commit(Subject.DOCUMENT, SALT, other)) == same


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"b": 1, "a": [True, None, -5]}, b'{"a":[true,null,-5],"b":1}'),
        ({"name": "口岸"}, '{"name":"口岸"}'.encode()),
        ({"t": '\u0000\u0008\t\n\u000b\f\r"\\/\u007f'}, b'{"t":"\\u0000\\b\\t\\n\\u000b\\f\\r\\"\\\\/\x7f"}'),
    ],
)
def test_canonical_bytes_are_those_of_rfc_8785(fields: Any, expected: bytes) -> None:
    assert canonical_fields(fields) == expected


def deep(levels: int) -> Any:
    return [] if levels == 1 else [deep(levels - 1)]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"a": {"b": [0, 1.5]}}, r"fields\.a\.b\[1\]: float"),
        ({"a": 2**53}, r"fields\.a: an integer"),
        ({"a": b""}, r"fields\.a: bytes"),
        ({"a": "\ud800"}, r"fields\.a: text with a lone surrogate"),
        ({"数": 1}, r"fields: the key '数'"),
        ({1: 1}, r"fields: the key 1"),
        (deep(17), "nested more than 16 deep"),
    ],
)
def test_fields_without_one_canonical_spelling_are_refused_with_their_place(fields: Any, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        canonical_fields(fields)
    assert canonical_fields(deep(16)) == b"[" * 16 + b"]" * 16
