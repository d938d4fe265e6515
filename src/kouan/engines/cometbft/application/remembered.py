"""What a node worked out once and need not work out again: signatures that were checked, what was read.

All this only saves time. It is bounded, the oldest goes first, and the answers are those that the kernel would give.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from kouan.kernel.admitting import Letter, read_envelope
from kouan.kernel.execution import Write
from kouan.kernel.registry import Claim, Registry, Verifier
from kouan.kernel.state import PreState
from kouan.kernel.tree import Tree

RECORDS_REMEMBERED: Final = 20_000
CLAIMS_REMEMBERED: Final = 100_000
LETTER_BYTES_REMEMBERED: Final = 24 << 20
"""Counted in bytes of envelopes; read, they take several times as much."""


class CheckedClaims:
    """A `kouan.kernel.registry.Verifier` that checks no signature twice."""

    def __init__(self, verify: Verifier, bound: int = CLAIMS_REMEMBERED) -> None:
        self._verify = verify
        self._bound = bound
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self.checked = 0
        """How many signatures were really checked."""

    def __call__(self, claims: list[Claim]) -> list[bool]:
        """Return for each claim whether its signature holds."""
        known = self._known
        names = [_name(claim) for claim in claims]
        new = {name: claim for name, claim in zip(names, claims, strict=True) if name not in known}
        if not new:
            return [known[name] for name in names]
        fresh = dict(zip(new, self._verify(list(new.values())), strict=True))
        self.checked += len(fresh)
        answers = [fresh[name] if name in fresh else known[name] for name in names]
        known.update(fresh)
        while len(known) > self._bound:
            known.popitem(last=False)
        return answers


def _name(claim: Claim) -> bytes:
    key, tag, message, signature = claim
    return sha256(b"%d %d %s\0%b%b%b" % (len(key), len(signature), tag.encode(), key, signature, message)).digest()


class ReadLetters:
    """Reads envelopes as `kouan.kernel.admitting.read_envelope` does, each of them once while it is remembered."""

    def __init__(self, name: Callable[[bytes], bytes], bound: int = LETTER_BYTES_REMEMBERED) -> None:
        """``name``: what an envelope is called by."""
        self._name = name
        self._bound = bound
        self._bytes = 0
        self._known: OrderedDict[bytes, tuple[Letter | None, int]] = OrderedDict()

    def __call__(self, raw: bytes, registry: Registry) -> Letter | None:
        """Return what stands in an envelope; None when it is malformed."""
        name = self._name(raw)
        known = self._known.get(name)
        if known is not None:
            return known[0]
        letter = read_envelope(raw, registry)
        self._known[name] = (letter, len(raw))
        self._bytes += len(raw)
        while self._bytes > self._bound:
            _, (_, size) = self._known.popitem(last=False)
            self._bytes -= size
        return letter

    def forget(self, names: list[bytes]) -> None:
        """Let go what was executed."""
        for name in names:
            known = self._known.pop(name, None)
            if known is not None:
                self._bytes -= known[1]


class ReadRecords(PreState):
    """The newest state, of which the records that were read last need not be looked for again."""

    def __init__(self, state: PreState, bound: int = RECORDS_REMEMBERED) -> None:
        self._state = state
        self._bound = bound
        self._known: OrderedDict[str, bytes | None] = OrderedDict()

    @property
    def tree(self) -> Tree:
        """The state tree."""
        return self._state.tree

    def get(self, key: str) -> bytes | None:
        """Return the record at a key, or None."""
        known = self._known
        if key in known:
            return known[key]
        found = known[key] = self._state.get(key)
        if len(known) > self._bound:
            known.popitem(last=False)
        return found

    def take_in(self, writes: Iterable[Write]) -> None:
        """Note what a block has changed."""
        known = self._known
        for write in writes:
            if write.key in known:
                known[write.key] = write.value
