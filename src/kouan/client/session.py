"""A member at the ledger: commands go out signed and numbered, results come back one for each."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from kouan.engines.port import Engine
from kouan.kernel.encoding import encode
from kouan.kernel.envelope import MAX_BYTES, MAX_COMMANDS, Body, make, window_key
from kouan.kernel.records import Record, Window
from kouan.kernel.rejections import Rejection
from kouan.kernel.state import decoder

EXPIRES_AFTER_MS = 10 * 60 * 1000
ROOM_FOR_FRAME = 1024

R = TypeVar("R", bound=Record)
Mode = Literal["all", "each"]


class Order(NamedTuple):
    """A command to be sent: its type and its record."""

    type: str
    command: Record

    def wire(self) -> dict[str, Any]:
        """Return it as it stands in an envelope."""
        return {"type": self.type, **msgspec.to_builtins(self.command)}


class Result(NamedTuple):
    """What the ledger answered to one command."""

    code: Rejection | None
    """None when it was accepted."""
    at: str
    """What in the command a refusal is about."""

    @property
    def accepted(self) -> bool:
        """Whether the command took effect."""
        return self.code is None


class Numbers(Protocol):
    """Where the next envelope number of a key comes from: each once, rising."""

    def take(self, above: int) -> int:
        """Return a number above ``above`` that was never returned before."""


class CounterFile:
    """Numbers from a small file, so that several processes may use one key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, above: int) -> int:
        """Return the next number above ``above``; it is on disk before it is used."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            written = os.pread(descriptor, 32, 0).decode().strip()
            if written and not written.isdecimal():
                raise ValueError(f"{self._path}: holds {written!r}, not the number of the last envelope")
            number = max(int(written or 0), above) + 1
            os.pwrite(descriptor, f"{number}\n".encode(), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return number


class Counter:
    """Numbers from memory, for a key that one process alone uses."""

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def take(self, above: int) -> int:
        """Return the next number above ``above``."""
        self._last = max(self._last, above) + 1
        return self._last


class Session:
    """One signing key of one member at one ledger."""

    def __init__(  # what a signature and an answer need
        self, engine: Engine, alliance: str, signer: str, seed: bytes, numbers: Numbers, now_ms: Callable[[], int]
    ) -> None:
        """``signer`` is member/key, ``seed`` the key's 32-byte signing seed."""
        self.engine = engine
        self.alliance = alliance
        self.signer = signer
        self._seed = seed
        self._numbers = numbers
        self.now_ms = now_ms
        self._used: int | None = None

    @property
    def member(self) -> str:
        """The member's id."""
        return self.signer.partition("/")[0]

    @property
    def key(self) -> str:
        """The name of the key that signs."""
        return self.signer.partition("/")[2]

    def send(self, orders: Sequence[Order], mode: Mode = "each") -> list[Result]:
        """Send commands, in as few envelopes as they fit into; return their results in order.

        With mode ``all`` they must fit into one envelope, for they stand or fall together.
        """
        batches = list(_batches([order.wire() for order in orders]))
        if mode == "all" and len(batches) > 1:
            raise ValueError(f"{len(orders)} commands are too many to stand or fall together: send fewer")
        envelopes = [self.sign(batch, mode) for batch in batches]
        results: list[Result] = []
        for receipt, batch in zip(self.engine.submit(envelopes), batches, strict=True):
            results.extend(results_of(receipt, len(batch)))
        return results

    def sign(self, commands: list[dict[str, Any]], mode: Mode = "each") -> bytes:
        """Return the signed envelope of some commands, with a fresh number."""
        if self._used is None:
            self._used = self._highest_used()
        body = Body(
            alliance=self.alliance,
            commands=commands,
            expires_ms=self.now_ms() + EXPIRES_AFTER_MS,
            mode=mode,
            number=self._numbers.take(self._used),
            signer=self.signer,
        )
        return make(body, self._seed)

    def _highest_used(self) -> int:
        """Return the highest number that the ledger saw of this key.

        A counter that was lost or restored from an older copy is below it, and its numbers would be refused as used.
        """
        window = self.read(Window, window_key(*self.signer.split("/")))
        return 0 if window is None else window.highest

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the newest record at a key, or None."""
        return self.read_many(kind, [key])[0]

    def read_many(self, kind: type[R], keys: Sequence[str]) -> list[R | None]:
        """Return the newest records at some keys, all of one height."""
        values = self.engine.query(keys).values
        return [None if value is None else decoder(kind).decode(value) for value in values]


def _batches(commands: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = ROOM_FOR_FRAME
    for command in commands:
        bytes_more = len(encode(command)) + 1
        if batch and (len(batch) == MAX_COMMANDS or size + bytes_more > MAX_BYTES):
            yield batch
            batch, size = [], ROOM_FOR_FRAME
        batch.append(command)
        size += bytes_more
    if batch:
        yield batch


def results_of(receipt: bytes, count: int) -> list[Result]:
    """Return what a receipt says of each of its envelope's ``count`` commands."""
    answer = msgspec.json.decode(receipt)
    if answer["code"]:
        return [Result(Rejection(answer["code"]), "")] * count
    return [
        Result(Rejection(result["code"]) if result["code"] else None, result.get("at", ""))
        for result in answer["results"]
    ]
