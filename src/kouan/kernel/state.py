"""The state as a command sees it: a read-only pre-state, the block's overlay over it, the command's over that."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from kouan.kernel.encoding import encode

if TYPE_CHECKING:
    from kouan.kernel.records import Record
    from kouan.kernel.tree import Tree

R = TypeVar("R", bound="Record")


class Values(Protocol):
    """One version of the state, to be read."""

    def get(self, key: str) -> bytes | None:
        """Return the canonical bytes of the record at a key, or None."""


class PreState(Values, Protocol):
    """What an engine gives to a block: the state before it."""

    @property
    def tree(self) -> Tree:
        """The state tree of that version."""


class Reader(Protocol):
    """What can be asked for a record."""

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the record at a key, or None."""


@cache
def decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a kind of record."""
    return msgspec.json.Decoder(kind)


@lru_cache(1 << 13)
def decoded(kind: type[R], raw: bytes) -> R:
    """Return the record of canonical bytes. Records are never changed, so one that was decoded lately serves again."""
    record: R = decoder(kind).decode(raw)
    return record


class StateReader:
    """Typed reading of a version of the state, for queries."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the record at a key, or None."""
        raw = self._values.get(key)
        return None if raw is None else decoder(kind).decode(raw)


class State:
    """Overlays over a pre-state. What a command wrote is kept or dropped as a whole."""

    __slots__ = ("_block", "_command", "_pre", "_seen")

    def __init__(self, pre: PreState) -> None:
        self._pre = pre
        self._seen: dict[str, Record | None] = {}
        self._block: dict[str, Record] = {}
        self._command: dict[str, Record] = {}

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the record at a key as it is now, or None."""
        found: Any = self._command.get(key) or self._block.get(key)
        if found is None:
            if key in self._seen:
                found = self._seen[key]
            else:
                raw = self._pre.get(key)
                found = self._seen[key] = None if raw is None else decoded(kind, raw)
        if found is not None and type(found) is not kind:
            raise AssertionError(f"{key} holds a {type(found).__name__}, not a {kind.__name__}")
        return found

    def write(self, key: str, record: Record) -> None:
        """Set the record at a key, for this command until it is kept."""
        self._command[key] = record

    def keep(self) -> None:
        """Take what the commands since the last keep or drop wrote into the block."""
        self._block.update(self._command)
        self._command.clear()

    def drop(self) -> None:
        """Forget what the commands since the last keep or drop wrote."""
        self._command.clear()

    def writes(self) -> list[tuple[str, bytes]]:
        """Return what the block changes, in the order in which keys were first written."""
        return [(key, encode(record)) for key, record in self._block.items()]
