"""Which headers a client believes, whichever node shows them, and what it remembers of them until the next run."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from kouan.kernel.encoding import EncodingError, decode, encode, from_text, to_text
from kouan.kernel.headers import Header, SignedHeader, header_hash, set_hash
from kouan.kernel.light import LightError, Reason, Step, Trusted, advance, check_header
from kouan.kernel.records import Record

FORMAT: Final = "kouan/trusted/1"
HEADERS_KEPT: Final = 512


class ForkError(Exception):
    """Two headers of one height are both signed by more than two thirds: the text names both. An alarm for all."""


class TrustedFileError(ValueError):
    """What was remembered cannot be used; the text names the file and says why."""


class _Memory(Record, frozen=True):
    """The file in which a client remembers whom it trusts."""

    format: Literal["kouan/trusted/1"]
    newest: SignedHeader | None
    """The newest header that it has verified."""
    trusted: Trusted


class _Seen(NamedTuple):
    signed: SignedHeader
    node: str


class Chain:
    """The verified headers of one alliance. Several threads may use it."""

    def __init__(self, founded: Trusted, trust_period_ms: int, file: Path | None, now_ms: Callable[[], int]) -> None:
        """``founded``: the trust that the founding document gives. ``file``: where to remember; None for nowhere.

        Raises TrustedFileError.
        """
        self._founded = self._trusted = founded
        self._trust_period_ms = trust_period_ms
        self._file = file
        self._now_ms = now_ms
        self._seen: OrderedDict[int, _Seen] = OrderedDict()
        self._lock = threading.Lock()
        self._newest: _Seen | None = None
        self._remembered = 0
        if file is not None and file.exists():
            self._recall(file)

    @property
    def newest(self) -> Header | None:
        """The newest header that was verified, also in an earlier run."""
        return self._newest.signed.header if self._newest else None

    @property
    def height(self) -> int:
        """The height of the newest verified header, 0 before there is one."""
        return self.newest.height if self.newest else 0

    @property
    def is_fresh(self) -> bool:
        """Whether a header was verified within the trust period, so that its signers can be held to account still."""
        return self.newest is not None and not self.is_too_old(self.newest.time.ms)

    def is_too_old(self, time_ms: int) -> bool:
        """Tell whether a block's time lies before the trust period."""
        return time_ms <= self._now_ms() - self._trust_period_ms

    def known(self, height: int) -> Header | None:
        """Return the header of a height if it was verified lately."""
        seen = self._seen.get(height)
        return seen.signed.header if seen else None

    def verify(self, signed: SignedHeader, node: str, changes: Callable[[], Sequence[Step]]) -> Header:
        """Return the header once it is proven that the alliance's validators decided it.

        ``changes``: gets the changes of the validator set from the founding on, should they be needed. Raises
        LightError, ForkError.
        """
        height = signed.header.height
        with self._lock:
            before = self._seen.get(height)
            if before is None or before.signed.header != signed.header:
                self._check(signed, changes)
                if before is not None:
                    raise ForkError(self._alarm(before, _Seen(signed, node)))
                self._keep(_Seen(signed, node))
        return signed.header

    def link(self, header: Header, above: Header) -> Header:
        """Return the header that a verified one names as the one before it; raises LightError when it is another."""
        if above.last_block_id.hash != to_text(header_hash(header)) or header.height + 1 != above.height:
            raise LightError(Reason.COMMIT_BLOCK)
        return header

    def steps_to(self, header: Header, changes: Callable[[], Sequence[Step]]) -> list[Step]:
        """Return the changes of the validator set that lead from the founding to the one that decided a header.

        None are needed where it is the founding's. Raises LightError.
        """
        if from_text(header.validators_hash) == set_hash(self._founded.validators):
            return []
        trusted, steps = self._walk(self._founded, header.height, changes())
        if from_text(header.validators_hash) != set_hash(trusted.validators):
            raise LightError(Reason.WRONG_SET)
        return steps

    def _check(self, signed: SignedHeader, changes: Callable[[], Sequence[Step]]) -> None:
        height, now_ms = signed.header.height, self._now_ms()
        trusted = self._trusted if height >= self._trusted.height else self._founded
        try:
            check_header(trusted, signed, now_ms=now_ms)
        except LightError as problem:
            if problem.reason is not Reason.WRONG_SET:
                raise
            trusted, _ = self._walk(trusted, height, changes())
            check_header(trusted, signed, now_ms=now_ms)
        if trusted.height > self._trusted.height:
            self._trusted = trusted

    def _walk(self, trusted: Trusted, height: int, changes: Sequence[Step]) -> tuple[Trusted, list[Step]]:
        """Follow every change of the validator set below a height, none left out."""
        taken: list[Step] = []
        for step in changes:
            if trusted.height <= step.signed.header.height < height:
                trusted = advance(trusted, step, now_ms=None, trust_period_ms=self._trust_period_ms)
                taken.append(step)
        return trusted, taken

    def _keep(self, seen: _Seen) -> None:
        header = seen.signed.header
        self._seen[header.height] = seen
        while len(self._seen) > HEADERS_KEPT:
            self._seen.popitem(last=False)
        if header.height > self.height:
            self._newest = seen

    def remember(self) -> None:
        """Write down the newest header and the validator set, unless somebody wrote a newer one meanwhile."""
        with self._lock:
            if self._file is None or self._newest is None or self._remembered >= self.height:
                return
            memory = _Memory(format=FORMAT, newest=self._newest.signed, trusted=self._trusted)
            there = _read(self._file)
            if there is None or there.newest is None or there.newest.header.height < self.height:
                unborn = self._file.with_name(f"{self._file.name}.{os.getpid()}")
                unborn.write_bytes(encode(memory) + b"\n")
                unborn.replace(self._file)
            self._remembered = self.height

    def _recall(self, file: Path) -> None:
        memory = _read(file)
        if memory is None:
            return
        if memory.trusted.chain_id != self._founded.chain_id:
            raise TrustedFileError(f"{file}: is of another alliance, {memory.trusted.chain_id}; delete it")
        self._trusted = memory.trusted
        if memory.newest is not None:
            self._keep(_Seen(memory.newest, f"remembered in {file}"))
            self._remembered = self.height

    def _alarm(self, one: _Seen, other: _Seen) -> str:
        height = one.signed.header.height
        kept = ""
        if self._file is not None:
            path = self._file.with_name(f"fork-at-{height}.json")
            path.write_bytes(encode([one.signed, other.signed]) + b"\n")
            kept = f". Both are kept in {path}"
        names = " and ".join(f"{to_text(header_hash(seen.signed.header))} ({seen.node})" for seen in (one, other))
        return (
            f"ALARM: two blocks of height {height} are both signed by more than two thirds of the validators' power: "
            f"{names}. Some of them signed twice: believe neither and tell every member{kept}"
        )


def _read(file: Path) -> _Memory | None:
    """Return what is remembered; None when nothing is."""
    try:
        return msgspec.convert(decode(file.read_bytes().strip()), _Memory)
    except FileNotFoundError:
        return None
    except (EncodingError, msgspec.ValidationError) as problem:
        raise TrustedFileError(f"{file}: is damaged ({problem}); delete it, then everything is verified anew") from None
