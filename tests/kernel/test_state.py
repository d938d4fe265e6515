"""The overlays: what a command reads, and what becomes of what it wrote."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kouan.kernel.encoding import encode
from kouan.kernel.records import Record
from kouan.kernel.state import State, StateReader
from kouan.kernel.tree import Tree


class Note(Record, frozen=True):
    text: str


class Other(Record, frozen=True):
    text: str


class Stored:
    """A pre-state that counts how often it is asked."""

    def __init__(self, **texts: str) -> None:
        self.tree = Tree(1)
        self.texts = texts
        self.asked: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.asked.append(key)
        return encode(Note(self.texts[key])) if key in self.texts else None


def test_a_command_sees_its_own_writes_over_the_blocks_over_the_stored() -> None:
    """The newest wins, and nothing is written to the pre-state."""
    pre = Stored(a="stored", b="stored", c="stored")
    state = State(pre)
    state.write("b", Note("block"))
    state.write("c", Note("block"))
    state.keep()
    state.write("c", Note("command"))
    assert [state.read(Note, key) for key in "abcd"] == [Note("stored"), Note("block"), Note("command"), None]
    assert StateReader(pre).read(Note, "c") == Note("stored")
    assert StateReader(pre).read(Note, "d") is None


def test_what_is_dropped_was_never_there() -> None:
    """A refused command's writes reach neither a later read nor the difference."""
    state = State(Stored(a="stored"))
    state.write("a", Note("refused"))
    state.write("new", Note("refused"))
    state.drop()
    assert state.read(Note, "a") == Note("stored")
    assert state.read(Note, "new") is None
    assert state.writes() == []


def test_the_difference_lists_keys_once_in_the_order_of_their_first_keeping() -> None:
    """The order decides where the store keeps a value, so it must be the same on every node."""
    state = State(Stored())
    for key, text in (("b", "1"), ("a", "1")):
        state.write(key, Note(text))
    state.keep()
    for key, text in (("c", "2"), ("b", "2")):
        state.write(key, Note(text))
    state.keep()
    state.write("d", Note("never kept"))
    assert state.writes() == [("b", encode(Note("2"))), ("a", encode(Note("1"))), ("c", encode(Note("2")))]


def test_the_store_is_asked_once_for_a_key_even_when_it_has_none() -> None:
    """Within a block a key is read and decoded once."""
    pre = Stored(a="stored")
    state = State(pre)
    for _ in range(3):
        state.read(Note, "a")
        state.read(Note, "missing")
    assert pre.asked == ["a", "missing"]


def test_reading_a_record_as_another_kind_is_a_defect() -> None:
    """Two modules that disagree about a key stop the node instead of misreading it."""
    state = State(Stored(a="stored"))
    state.write("b", Note("b"))
    state.read(Note, "a")
    for key in "ab":
        with pytest.raises(AssertionError, match="holds a Note, not a Other"):
            state.read(Other, key)


class Overlays(RuleBasedStateMachine):
    """Any sequence of writes, keeps and drops, against two plain dicts."""

    @initialize(stored=st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")))
    def begin(self, stored: dict[str, str]) -> None:
        self.state = State(Stored(**stored))
        self.kept = dict(stored)
        self.now = dict(stored)
        self.pending: dict[str, str] = {}
        self.written: dict[str, str] = {}

    @rule(key=st.sampled_from("abcd"), text=st.sampled_from("xyz"))
    def write(self, key: str, text: str) -> None:
        self.state.write(key, Note(text))
        self.now[key] = text
        self.pending[key] = text

    @rule()
    def keep(self) -> None:
        self.state.keep()
        self.kept = dict(self.now)
        self.written |= self.pending
        self.pending = {}

    @rule()
    def drop(self) -> None:
        self.state.drop()
        self.now = dict(self.kept)
        self.pending = {}

    @rule(key=st.sampled_from("abcd"))
    def read(self, key: str) -> None:
        found = self.state.read(Note, key)
        assert (found.text if found else None) == self.now.get(key)

    @rule()
    def difference(self) -> None:
        assert dict(self.state.writes()) == {key: encode(Note(text)) for key, text in self.written.items()}


TestOverlays = Overlays.TestCase
