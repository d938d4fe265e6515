"""Serving an embedded engine: the socket, the scrub while nobody waits, and what is told about it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from kouan.engines.embedded import Embedded
from kouan.engines.local_socket import Server
from kouan.engines.scrub import Scrubber

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Tell(Protocol):
    """Takes what happens: an event's name and what belongs to it."""

    def __call__(self, event: str, **about: Any) -> None:
        """Tell it."""


class _Result(msgspec.Struct):
    code: int


class _Receipt(msgspec.Struct):
    code: int
    results: list[_Result]


_receipt: Final = msgspec.json.Decoder(_Receipt)


async def serve(engine: Embedded, path: Path, tell: Tell) -> None:
    """Serve until SIGTERM or SIGINT; whatever the engine raises ends it too, and those who wait are told.

    Events: ``serving``, ``block``, ``damage``, ``scrubbed``, ``stopped``.
    """
    scrubber = Scrubber(engine.store, engine.log, lambda problem: tell("damage", problem=problem))
    server = Server(engine, on_block=_block_teller(engine, tell), idle=_scrubbing(scrubber, tell))
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(
        server.run(path, lambda: tell("serving", socket=str(path), height=engine.status().height))
    )
    for number in SIGNALS:
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        tell("stopped", height=engine.status().height)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _scrubbing(scrubber: Scrubber, tell: Tell) -> Callable[[], float]:
    def step() -> float:
        before = scrubber.passes
        pause_s = scrubber.step()
        if scrubber.passes > before:
            tell("scrubbed", passes=scrubber.passes)
        return pause_s

    return step


def _block_teller(engine: Embedded, tell: Tell) -> Callable[[list[bytes], list[bytes], float], None]:
    def told(envelopes: list[bytes], receipts: list[bytes], took_s: float) -> None:
        answers = [_receipt.decode(receipt) for receipt in receipts]
        results = [result.code for answer in answers for result in answer.results]
        tell(
            "block",
            height=engine.status().height,
            envelopes=len(envelopes),
            commands=len(results),
            refused=sum(map(bool, results)) + sum(bool(answer.code) for answer in answers),
            took_ms=round(took_s * 1000, 1),
        )

    return told
