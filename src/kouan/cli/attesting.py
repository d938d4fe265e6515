"""``kouan customs attest``: a thousand files at once, and none stops the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from kouan.cli.attest_report import FileResult, summary, write_report
from kouan.cli.calls import UNUSABLE_ERRORS, Call, command, group
from kouan.cli.output import DONE, REFUSED, UNUSABLE, Page, UnusableError
from kouan.client.amounts import parse_amount
from kouan.client.customs_desk import CustomsDesk, Outcome, Prepared
from kouan.client.enterprises import INBOX, Custodian, deliver
from kouan.client.filings import FILING_SUFFIX, FilingSlip, read_slip
from kouan.client.places import KEYS, NoHomeError
from kouan.client.session import Session
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import FormatError, read_files
from kouan.modules.customs.rules import STAGES, Stage

app: Final = group("Attesting.")

CHUNK: Final = 100
"""How many files are attested at a time: the progress bar moves on, and a break loses little."""

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where slips go for owners whose wallet is not kept here.")
]


@command(
    app,
    "attest",
    signs=True,
    examples=(
        "kouan customs attest declaration.xml --as shanghai-customs",
        "kouan customs attest filings/ --stage released --report result.csv --as shanghai-customs",
        'kouan customs attest processing.xml --amount "12000.00 USD" --as shanghai-customs',
    ),
)
def attest(
    call: Call,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Declaration messages, or folders of them.")],
    stage: Annotated[str, typer.Option("--stage", help="How far they are: filed, released or closed.")] = "closed",
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Every file's result, as .csv or .json.")
    ] = None,
    amount: Annotated[
        list[str] | None,
        typer.Option(
            "--amount", help="What to attest instead of the declared total, at most that; for one file alone."
        ),
    ] = None,
    out: OutOption = None,
) -> Page:
    """Attest declarations, so that they can be financed. A bad file never stops the others.

    The owner's slip (NAME.filing.json, beside NAME.xml) says with which key a declaration may be drawn on; without
    one, the wallet that is kept here for the owner is used. Exit code 2 when a file was unusable, 1 when the ledger
    refused one.
    """
    files = _files(paths)
    at_stage = stage_of(stage)
    if report is not None and report.suffix.lower() not in {".csv", ".json"}:
        raise UnusableError("--report", f"{report} is neither; name a file that ends in .csv or .json")
    attested = amounts_of(amount or [])
    if attested and len(files) != 1:
        raise UnusableError("--amount", f"is for one file, and these are {len(files)}; attest it apart")
    results: list[FileResult] = []
    with desk_of(call) as (desk, _), call.progress() as progress:
        task = progress.add_task(call.text("Attesting", "核证中"), total=len(files))
        custodian = Custodian(call.port, call.passphrase)
        for start in range(0, len(files), CHUNK):
            chunk = files[start : start + CHUNK]
            results += _attest(
                call, desk, chunk, lambda path, read: _prepare(desk, custodian, path, read, at_stage, attested), out
            )
            progress.advance(task, len(chunk))
    if report is not None:
        write_report(report, results, call.lang)
    codes = {result.exit_code for result in results}
    return Page(
        {"results": [result.document(call.lang) for result in results]},
        [*summary(results, call.lang), *_next_step(call, results)],
        UNUSABLE if UNUSABLE in codes else REFUSED if REFUSED in codes else DONE,
    )


def _next_step(call: Call, results: Sequence[FileResult]) -> list[str]:
    """Tell what the owners do now, once there is something for them."""
    if not any(result.outcome is not None and result.outcome.slip is not None for result in results):
        return []
    return [call.text("Next, the owner: ", "下一步（企业）：") + "kouan enterprise receive"]


def _attest(
    call: Call,
    desk: CustomsDesk,
    files: Sequence[Path],
    prepare: Callable[[Path, Declaration], Prepared],
    out: Path | None,
) -> list[FileResult]:
    """Attest some files; return what came of each, in their order."""
    results: dict[Path, FileResult] = {}
    ready: list[tuple[Path, Declaration, Prepared]] = []
    for path, read in read_files(files):
        try:
            if isinstance(read, FormatError):
                raise read  # all of a file's errors are told in one place
            ready.append((path, read, prepare(path, read)))
        except UNUSABLE_ERRORS as error:
            number = None if isinstance(read, FormatError) else read.entry_id
            results[path] = FileResult(path, number, problem=str(error))
    outcomes = desk.attest([prepared for _, _, prepared in ready])
    for (path, declaration, prepared), outcome in zip(ready, outcomes, strict=True):
        hand_out(call, desk, outcome, out or path.parent)
        amounts = {command.unit: command.attested for command in prepared.commands}
        results[path] = FileResult(
            path,
            outcome.number,
            outcome=outcome,
            kind="export" if declaration.is_export else "import",
            amounts=amounts,
            note=declaration.owner_uscc_problem,
        )
    return [results[path] for path in files]


def _prepare(
    desk: CustomsDesk,
    custodian: Custodian,
    path: Path,
    declaration: Declaration,
    stage: Stage,
    attested: dict[str, int],
) -> Prepared:
    beside = path.with_suffix(FILING_SUFFIX)
    if beside.exists():
        slip: FilingSlip = read_slip(beside.read_bytes(), FilingSlip, str(beside))
    else:
        try:
            slip = custodian.slip(declaration.owner_uscc, declaration.entry_id)
        except NoHomeError:
            raise _no_wallet(path, declaration, beside.name) from None
    return desk.prepare(declaration, slip, stage, attested or None)


def _no_wallet(path: Path, declaration: Declaration, slip: str) -> FormatError:
    """Return the error for a declaration whose owner nobody here can draw for, at the owner's line in the message."""
    before, found, _ = path.read_bytes().partition(b"TradeCoScc")
    way_on = f"`kouan enterprise onboard {declaration.owner_uscc}`, or give the owner's slip beside it as {slip}"
    problem = f"{declaration.owner_uscc} has no wallet here; {way_on}"
    if declaration.owner_uscc_problem:
        problem = f"{declaration.owner_uscc_problem}; {problem}"
    return FormatError(str(path), before.count(b"\n") + 1 if found else 1, "DecHead/TradeCoScc", problem)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Return the files, with folders replaced by the messages in them; raises UnusableError for an empty folder."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if entry.suffix.lower() == ".xml")
        if not inside:
            raise UnusableError("FILE", f"{path} holds no .xml file; name a folder of declaration messages")
        files += inside
    return list(dict.fromkeys(files))


@contextmanager
def desk_of(call: Call) -> Iterator[tuple[CustomsDesk, Session]]:
    """Open the desk of the customs office that acts, with its session."""
    home = call.home()
    with call.session() as session, home.vault(os.urandom) as vault:
        yield CustomsDesk(home, session, vault, os.urandom), session


def hand_out(call: Call, desk: CustomsDesk, outcome: Outcome, out: Path) -> list[str]:
    """Deliver the owner's slip: into the wallet's inbox when it is kept here, else into a directory."""
    if outcome.slip is None:
        return []
    wallet = call.port / "wallets" / desk.owner_of(outcome.number)
    if (wallet / KEYS).exists():
        deliver(wallet / INBOX, f"{outcome.handle}.json", outcome.slip)
        return []
    path = out / f"{outcome.number}.attestation.json"
    path.write_bytes(outcome.slip)
    return [call.text(f"slip for the owner: {path}", f"给企业的回执：{path}")]


def amounts_of(typed: Sequence[str]) -> dict[str, int]:
    """Return typed amounts as minor units by currency; raises UnusableError, ValueError."""
    parsed = [parse_amount(text) for text in typed]
    amounts = {one.currency: one.minor for one in parsed}
    if len(amounts) != len(parsed):
        raise UnusableError("--amount", "one currency is there twice; give its whole amount once")
    return amounts


def stage_of(text: str) -> Stage:
    """Return a typed stage; raises UnusableError."""
    for stage_name in STAGES:
        if text == stage_name:
            return stage_name
    raise UnusableError("--stage", f"{text!r} is no stage; give filed, released or closed")
