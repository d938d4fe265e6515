"""``kouan verify``: what a proof file proves, offline. It needs a trust file and nothing else: no port, no engine."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from kouan.cli.errors import JsonCommand, Lang, told
from kouan.client.verifier import MAX_NETWORK_BYTES, UnusableError, verify_proof

NOT_PROVEN: Final = 1
UNUSABLE: Final = 2

app: Final = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command("verify", cls=JsonCommand)
def verify(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="The proof file.")],
    trust: Annotated[Path, typer.Option("--trust", metavar="FILE", help="The alliance's trust file, alliance.json.")],
    archival: Annotated[
        bool, typer.Option("--archival", help="Without a clock: what the proof shows of its height, however old.")
    ] = False,
    now: Annotated[
        str | None, typer.Option("--now", metavar="TIME", help="The verifier's clock, ISO 8601; without it, this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    lang: Annotated[Lang, typer.Option("--lang", envvar="KOUAN_LANG", help="The language of the answer.")] = "en",
) -> None:
    """Verify a proof file offline: say in plain words what is proven, or which step failed.

    Exit code 0 proven, 1 not proven, 2 unusable input.

    Examples:
      kouan verify proof.json --trust alliance.json

      kouan verify proof.json --trust alliance.json --archival --json
    """
    try:
        now_ms = _clock(now, archival=archival)
        verdict = verify_proof(_read(proof), _read(trust), now_ms=now_ms)
    except (OSError, UnusableError) as problem:
        said = told(problem, lang)
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(said.document), indent=2).decode())
        typer.echo(said.line, err=True)
        raise typer.Exit(UNUSABLE) from None
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode())
    else:
        typer.echo(verdict.zh if lang == "zh" else verdict.en)
        typer.echo(f"{'指纹：' if lang == 'zh' else 'Fingerprint: '}{verdict.fingerprint}")
    if not verdict.proven:
        raise typer.Exit(NOT_PROVEN)


def _clock(now: str | None, *, archival: bool) -> int | None:
    """Return the verifier's clock in milliseconds since 1970, or None in archival mode."""
    if archival and now is not None:
        raise UnusableError("--now: archival mode knows no clock; leave one of the two out")
    if archival:
        return None
    if now is None:
        return time.time_ns() // 1_000_000
    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        raise UnusableError(f"--now: {now!r} is no time; write it like 2026-11-22T10:30:00+08:00") from None
    if moment.tzinfo is None:
        raise UnusableError(f"--now: {now!r} has no time zone; write it like 2026-11-22T10:30:00+08:00")
    return int(moment.timestamp() * 1000)


def _read(path: Path) -> bytes:
    """Return a file's bytes, at most what a verifier reads and one more."""
    with path.open("rb") as file:
        return file.read(MAX_NETWORK_BYTES + 1)
