"""``kouan customs``: attesting declarations, and what becomes of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import msgspec
import typer

from kouan import bootstrap
from kouan.cli.attest_report import FileResult, summary, write_report
from kouan.cli.calls import UNUSABLE_ERRORS, Call, command, group
from kouan.cli.output import DONE, REFUSED, UNUSABLE, Page, UnusableError, fields, refusal, refusal_line, table
from kouan.client.amounts import parse_amount
from kouan.client.customs_desk import CustomsDesk, Outcome, Prepared
from kouan.client.enterprises import INBOX, Custodian, deliver
from kouan.client.filings import FILING_SUFFIX, FilingSlip, read_slip
from kouan.client.places import KEYS
from kouan.client.session import Session
from kouan.formats.declaration import Declaration
from kouan.formats.identifiers import declaration_number
from kouan.formats.money import money
from kouan.formats.single_window import FormatError, read_files
from kouan.kernel.encoding import Code
from kouan.modules.customs.queries import declaration as declaration_at
from kouan.modules.customs.rules import STAGES, Reason, Stage

app: Final = group("Declarations: attested, moved on, amended, suspended, withdrawn.")

CHUNK: Final = 100
"""How many files are attested at a time: the progress bar moves on, and a break loses little."""

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER…", help="Declaration numbers, 18 digits.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The declaration number, 18 digits.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code such as document-check.")]
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
        typer.Option("--amount", help="What to attest instead of the declared total; for one file alone."),
    ] = None,
    out: OutOption = None,
) -> Page:
    """Attest declarations, so that they can be financed. A bad file never stops the others.

    The owner's slip (NAME.filing.json, beside NAME.xml) says with which key a declaration may be drawn on; without
    one, the wallet that is kept here for the owner is used. Exit code 2 when a file was unusable, 1 when the ledger
    refused one.
    """
    files = _files(paths)
    at_stage = _stage(stage)
    if report is not None and report.suffix.lower() not in {".csv", ".json"}:
        raise UnusableError("--report", f"{report} is neither; name a file that ends in .csv or .json")
    attested = _amounts(amount or [])
    if attested and len(files) != 1:
        raise UnusableError("--amount", f"is for one file, and these are {len(files)}; attest it apart")
    results: list[FileResult] = []
    with _desk(call) as (desk, _), call.progress() as progress:
        task = progress.add_task(call.text("Attesting", "确认中"), total=len(files))
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
        summary(results, call.lang),
        UNUSABLE if UNUSABLE in codes else REFUSED if REFUSED in codes else DONE,
    )


@command(
    app,
    "stage",
    signs=True,
    examples=("kouan customs stage 223320250000000001 223320250000000002 --to closed --as shanghai-customs",),
)
def stage(
    call: Call, numbers: Numbers, to: Annotated[str, typer.Option("--to", help="The stage: released or closed.")]
) -> Page:
    """Say that declarations have reached a later stage."""
    reached = _stage(to)
    with _desk(call) as (desk, _):
        return _page(call, desk.stage(_checked(numbers), reached))


@command(
    app,
    "amend",
    signs=True,
    examples=(
        'kouan customs amend 223320250000000001 --amount "180000.00 USD" --reason goods-returned --as shanghai-customs',
        "kouan customs amend 223320250000000001 --file amended.xml --reason correction --as shanghai-customs",
    ),
)
def amend(
    call: Call,
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help=", ".join(get_args(Reason)) + ".")],
    amount: Annotated[
        list[str] | None, typer.Option("--amount", help="The whole value as it now stands; once for each currency.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="XML", help="The amended message.")] = None,
    provisional: Annotated[
        bool | None, typer.Option("--provisional/--final-price", help="Whether the price is still provisional.")
    ] = None,
    out: OutOption = None,
) -> Page:
    """State anew what a declaration carries. Accepted even below what is lent on it: that stops draws, no loan ends."""
    if reason not in get_args(Reason):
        raise UnusableError("--reason", f"{reason!r} is no reason; give one of {', '.join(get_args(Reason))}")
    if not amount and file is None:
        raise UnusableError("--amount", "nothing is amended; give --amount, or --file with the amended message")
    amended = None if file is None else _read(file)
    (checked,) = _checked([number])
    totals = _amounts(amount or []) if amount or amended is None else amended.total_by_currency()
    with _desk(call) as (desk, _):
        outcome = desk.amend(
            checked, msgspec.convert(reason, Reason), totals, declaration=amended, provisional=provisional
        )
        notes = _hand_out(call, desk, outcome, out or Path())
    return _page(call, [outcome], notes)


@command(
    app, "withdraw", signs=True, examples=("kouan customs withdraw NUMBER --reason not-exported --as shanghai-customs",)
)
def withdraw(call: Call, numbers: Numbers, reason: ReasonOption) -> Page:
    """Cancel declarations 撤单, for good. Loans that run stay; nothing more is drawn."""
    code = _code(reason)
    with _desk(call) as (desk, _):
        return _page(call, desk.withdraw(_checked(numbers), code))


@command(
    app, "suspend", signs=True, examples=("kouan customs suspend NUMBER --reason document-check --as shanghai-customs",)
)
def suspend(call: Call, numbers: Numbers, reason: ReasonOption) -> Page:
    """Let nothing more be drawn on declarations until they are resumed."""
    code = _code(reason)
    with _desk(call) as (desk, _):
        return _page(call, desk.suspend(_checked(numbers), code))


@command(
    app, "resume", signs=True, examples=("kouan customs resume NUMBER --reason check-passed --as shanghai-customs",)
)
def resume(call: Call, numbers: Numbers, reason: ReasonOption) -> Page:
    """End customs' suspension of declarations."""
    code = _code(reason)
    with _desk(call) as (desk, _):
        return _page(call, desk.resume(_checked(numbers), code))


@command(
    app,
    "rekey",
    signs=True,
    examples=(
        "kouan customs rekey 223320250000000001 --as shanghai-customs",
        "kouan customs rekey 223320250000000001 --filing new.filing.json --as shanghai-customs",
    ),
)
def rekey(
    call: Call,
    number: Number,
    filing: Annotated[
        Path | None, typer.Option("--filing", metavar="FILE", help="The owner's new slip; else its wallet here.")
    ] = None,
    out: OutOption = None,
) -> Page:
    """Replace a declaration's draw key: the owner lost it, or showed it."""
    (checked,) = _checked([number])
    with _desk(call) as (desk, _):
        if filing is not None:
            slip: FilingSlip = read_slip(filing.read_bytes(), FilingSlip, str(filing))
            if slip.number != checked:
                raise UnusableError("--filing", f"{filing} is for {slip.number}, not for {checked}")
        else:
            generation = int(desk.quotas(checked)[0].facts.get("rekeyed", "0")) + 1
            slip = Custodian(call.port, call.passphrase).slip(desk.owner_of(checked), checked, generation)
        outcome = desk.rekey(slip)
        notes = _hand_out(call, desk, outcome, out or Path())
    return _page(call, [outcome], notes)


@command(app, "show", signs=True, examples=("kouan customs show 223320250000000001 --as shanghai-customs",))
def show(call: Call, number: Number) -> Page:
    """Show what stands on the ledger of a declaration."""
    (checked,) = _checked([number])
    with _desk(call) as (desk, session):
        time_ms = bootstrap.now_ms()
        found = [declaration_at(session, quota.id, time_ms) for quota in desk.quotas(checked)]
    shown: list[Any] = []
    for one in found:
        if one is None:
            raise AssertionError("a quota that was just read is gone")
        shown += [
            fields(
                [
                    (call.text("Declaration", "报关单"), checked),
                    (call.text("Quota", "编号"), one.quota),
                    (call.text("Trade mode", "监管方式"), one.mode),
                    (call.text("Stage", "阶段"), one.stage),
                    (call.text("Status", "状态"), one.status + (f" ({one.suspension})" if one.suspension else "")),
                    (call.text("Attested", "申报金额"), money(one.attested, one.unit)),
                    (call.text("Collected", "已收汇"), money(one.collected, one.unit)),
                    (call.text("Limit", "可融资总额"), f"{money(one.limit, one.unit)}  ({one.ratio_bp / 100:g} %)"),
                    (call.text("Lent", "已融资"), money(one.used, one.unit)),
                    (call.text("Held", "占用"), money(one.held, one.unit)),
                    (call.text("Available", "可融资余额"), money(one.available, one.unit)),
                    (call.text("Revision", "修订次数"), str(one.revision)),
                ]
            ),
            "",
        ]
    return Page({"number": checked, "quotas": found}, shown[:-1])


@contextmanager
def _desk(call: Call) -> Iterator[tuple[CustomsDesk, Session]]:
    home = call.home()
    with call.session() as session, home.vault(os.urandom) as vault:
        yield CustomsDesk(home, session, vault, os.urandom), session


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
        _hand_out(call, desk, outcome, out or path.parent)
        amounts = {command.unit: command.attested for command in prepared.commands}
        results[path] = FileResult(
            path, outcome.number, outcome=outcome, amounts=amounts, note=declaration.owner_uscc_problem
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
        slip = custodian.slip(declaration.owner_uscc, declaration.entry_id)
    return desk.prepare(declaration, slip, stage, attested or None)


def _hand_out(call: Call, desk: CustomsDesk, outcome: Outcome, out: Path) -> list[str]:
    """Deliver the owner's slip: into the wallet's inbox when it is kept here, else into a directory."""
    if outcome.slip is None:
        return []
    wallet = call.port / "wallets" / desk.owner_of(outcome.number)
    if (wallet / KEYS).exists():
        deliver(wallet / INBOX, f"{outcome.handle}.json", outcome.slip)
        return []
    path = out / f"{outcome.number}.attestation.json"
    path.write_bytes(outcome.slip)
    return [call.text(f"slip for the owner: {path}", f"给企业的回执:{path}")]


def _page(call: Call, outcomes: Sequence[Outcome], notes: Sequence[str] = ()) -> Page:
    documents: list[dict[str, Any]] = []
    rows: list[list[str]] = []
    for outcome in outcomes:
        for quota, unit, result in outcome.results:
            refused = None if result.accepted else refusal(result, call.lang)
            documents.append({"number": outcome.number, "quota": quota, "refused": refused})
            said = call.text("done", "完成") if result.accepted else refusal_line(result, call.lang)
            rows.append([outcome.number, unit, said])
    columns = [call.text("Declaration", "报关单"), call.text("Currency", "币种"), call.text("Result", "结果")]
    code = REFUSED if any(document["refused"] for document in documents) else DONE
    return Page({"results": documents}, [table("", columns, rows), *notes], code)


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


def _read(path: Path) -> Declaration:
    (_, read) = next(iter(read_files([path])))
    if isinstance(read, FormatError):
        raise read
    return read


def _amounts(typed: Sequence[str]) -> dict[str, int]:
    parsed = [parse_amount(text) for text in typed]
    amounts = {one.currency: one.minor for one in parsed}
    if len(amounts) != len(parsed):
        raise UnusableError("--amount", "one currency is there twice; give its whole amount once")
    return amounts


def _checked(numbers: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(declaration_number(number)) for number in numbers))


def _stage(text: str) -> Stage:
    for stage_name in STAGES:
        if text == stage_name:
            return stage_name
    raise UnusableError("--stage", f"{text!r} is no stage; give filed, released or closed")


def _code(reason: str) -> str:
    try:
        return msgspec.convert(reason, Code)
    except msgspec.ValidationError:
        problem = f"{reason[:40]!r} is no code; give up to 32 lower-case letters, digits, dots and hyphens"
        raise UnusableError("--reason", problem) from None
