"""``kouan serve``: hold the ledger and let the other processes of this machine use it."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.output import REFUSED, Page
from kouan.engines.embedded import Embedded
from kouan.engines.log import LogFailedError
from kouan.engines.service import serve as serve_engine
from kouan.engines.store import StoreError
from kouan.kernel.execution import TooOldError

app: Final = group("Serve a ledger.")
SUMMARY_EVERY_S: Final = 60.0


@command(app, "serve", examples=("kouan serve --port demo", "kouan serve --port demo --log-json >> serve.jsonl"))
def serve(
    call: Call,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON, one line a block at most.")] = False,
) -> Page:
    """Hold the ledger and serve it on a Unix socket until SIGTERM or SIGINT.

    While nobody waits it looks over what is on disk and says when something is damaged. It exits with 1 when the disk
    fails or is full; nothing that was answered is lost.
    """
    journal = _JsonLines() if log_json else _Lines()
    bootstrap.operators(call.port, "its nodes serve it: start one with `kouan node start`")
    with bootstrap.lock(call.port):
        engine = _open(call, journal)
        try:
            asyncio.run(serve_engine(engine, call.port / bootstrap.LEDGER / bootstrap.SOCKET, journal))
            failure: Exception | None = None
        except (LogFailedError, StoreError, TooOldError) as problem:
            failure = problem
        unwritten = _close(engine)
    failure = failure or unwritten
    if failure is None:
        return Page({"stopped": True})
    way_on = call.text(
        "Nothing answered is lost. If the disk is full, make room; run `kouan doctor`; start `kouan serve` again.",
        "请运行 `kouan doctor`；如磁盘已满，先腾出空间，再启动 `kouan serve`。已答复的内容不会丢失。",
    )
    journal("failed", problem=str(failure), way_on=way_on)
    return Page({"failed": str(failure), "way_on": way_on}, exit_code=REFUSED)


def _open(call: Call, journal: _Lines) -> Embedded:
    with call.progress() as bar:
        task = bar.add_task(call.text("Executing the end of the log", "重新执行日志末尾"), total=None)
        engine = bootstrap.open_ledger(
            call.port, progress=lambda height, last: bar.update(task, completed=height, total=last)
        )
    report = engine.report
    if report and report.bytes_cut:
        journal("cut", bytes=report.bytes_cut, reason=report.reason)
    return engine


def _close(engine: Embedded) -> StoreError | None:
    try:
        engine.close()
    except StoreError as problem:
        return problem
    return None


class _Lines:
    """Tells people: every event but blocks, and those summed up once a minute."""

    def __init__(self) -> None:
        self._told_s = time.monotonic()
        self._blocks = self._commands = 0

    def __call__(self, event: str, **about: Any) -> None:
        if event == "block":
            self._blocks += 1
            self._commands += about["commands"]
            if time.monotonic() - self._told_s < SUMMARY_EVERY_S:
                return
            event, about = "blocks", {"blocks": self._blocks, "commands": self._commands, "height": about["height"]}
            self._told_s, self._blocks, self._commands = time.monotonic(), 0, 0
        self.write({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **about})

    def write(self, line: dict[str, Any]) -> None:
        """Write a line, at once even into a file."""
        time_text, event = line.pop("time"), line.pop("event")
        _out(" ".join([time_text, event, *(f"{name}={value}" for name, value in line.items())]))


class _JsonLines(_Lines):
    """Tells programs: one JSON document a line."""

    def __call__(self, event: str, **about: Any) -> None:
        self.write({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **about})

    def write(self, line: dict[str, Any]) -> None:
        """Write a line, at once even into a file."""
        _out(msgspec.json.encode(line).decode())


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
