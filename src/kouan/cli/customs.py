"""``kouan customs``: attesting declarations, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import msgspec
import typer

from kouan import bootstrap
from kouan.cli import attesting, entries
from kouan.cli.attesting import OutOption, amounts_of, desk_of, hand_out, stage_of
from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import code_word
from kouan.cli.output import DONE, REFUSED, Page, UnusableError, fields, refusal, refusal_line, table
from kouan.cli.quota_words import free_word, kind_word, limit_word, used_word
from kouan.client.customs_desk import Outcome
from kouan.client.enterprises import Custodian
from kouan.client.filings import FilingSlip, read_slip
from kouan.formats.declaration import Declaration
from kouan.formats.identifiers import declaration_number
from kouan.formats.money import money
from kouan.formats.single_window import FormatError, read_files
from kouan.modules.customs.queries import Declaration as View
from kouan.modules.customs.queries import declaration as declaration_at
from kouan.modules.customs.rules import Reason

app: Final = group("Declarations: attested, moved on, amended, suspended, withdrawn.")
app.add_typer(attesting.app)

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER…", help="Declaration numbers, 18 digits.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The declaration number, 18 digits.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code such as document-check.")]


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
    reached = stage_of(to)
    with desk_of(call) as (desk, _):
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
    totals = amounts_of(amount or []) if amount or amended is None else amended.total_by_currency()
    with desk_of(call) as (desk, _):
        outcome = desk.amend(
            checked, msgspec.convert(reason, Reason), totals, declaration=amended, provisional=provisional
        )
        notes = hand_out(call, desk, outcome, out or Path())
    return _page(call, [outcome], notes)


@command(
    app, "withdraw", signs=True, examples=("kouan customs withdraw NUMBER --reason not-exported --as shanghai-customs",)
)
def withdraw(call: Call, numbers: Numbers, reason: ReasonOption) -> Page:
    """Cancel declarations 撤单, for good. Loans that run stay; nothing more is drawn."""
    code = entries.code("--reason", reason)
    with desk_of(call) as (desk, _):
        return _page(call, desk.withdraw(_checked(numbers), code))


@command(
    app, "suspend", signs=True, examples=("kouan customs suspend NUMBER --reason document-check --as shanghai-customs",)
)
def suspend(call: Call, numbers: Numbers, reason: ReasonOption) -> Page:
    """Let nothing more be drawn on declarations until they are resumed."""
    code = entries.code("--reason", reason)
    with desk_of(call) as (desk, _):
        return _page(call, desk.suspend(_checked(numbers), code))


@command(
    app, "resume", signs=True, examples=("kouan customs resume NUMBER --reason check-passed --as shanghai-customs",)
)
def resume(call: Call, numbers: Numbers, reason: ReasonOption) -> Page:
    """End customs' suspension of declarations."""
    code = entries.code("--reason", reason)
    with desk_of(call) as (desk, _):
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
    with desk_of(call) as (desk, _):
        if filing is not None:
            slip: FilingSlip = read_slip(filing.read_bytes(), FilingSlip, str(filing))
            if slip.number != checked:
                raise UnusableError("--filing", f"{filing} is for {slip.number}, not for {checked}")
        else:
            generation = int(desk.quotas(checked)[0].facts.get("rekeyed", "0")) + 1
            slip = Custodian(call.port, call.passphrase).slip(desk.owner_of(checked), checked, generation)
        outcome = desk.rekey(slip)
        notes = hand_out(call, desk, outcome, out or Path())
    return _page(call, [outcome], notes)


@command(app, "show", signs=True, examples=("kouan customs show 223320250000000001 --as shanghai-customs",))
def show(call: Call, number: Number) -> Page:
    """Show what stands on the ledger of a declaration."""
    (checked,) = _checked([number])
    with desk_of(call) as (desk, session):
        time_ms = bootstrap.now_ms()
        found = [declaration_at(session, quota.id, time_ms) for quota in desk.quotas(checked)]
    shown: list[Any] = []
    for one in found:
        if one is None:
            raise AssertionError("a quota that was just read is gone")
        shown += [fields(_pairs(call, checked, one)), ""]
    return Page({"number": checked, "quotas": found}, shown[:-1])


def _pairs(call: Call, number: str, one: View) -> list[tuple[str, str]]:
    received = [(call.text("Collected", "已收汇"), money(one.collected, one.unit))]
    kind, why = kind_word(one.kind, call.lang), call.text(f" ({one.suspension})", f"（{one.suspension}）")
    return [
        (call.text("Declaration", "报关单"), call.text(f"{number} ({kind})", f"{number}（{kind}）")),
        (call.text("Quota", "编号"), one.quota),
        (call.text("Trade mode", "监管方式"), one.mode),
        (call.text("Stage", "阶段"), code_word("stage", one.stage, call.lang)),
        (call.text("Status", "状态"), code_word("status", one.status, call.lang) + (why if one.suspension else "")),
        (call.text("Attested", "核证金额"), money(one.attested, one.unit)),
        *(received if one.kind == "export" else []),
        (limit_word(one.kind, call.lang), f"{money(one.limit, one.unit)}  ({one.ratio_bp / 100:g} %)"),
        (used_word(one.kind, call.lang), money(one.used, one.unit)),
        (call.text("Held", "占用"), money(one.held, one.unit)),
        (free_word(one.kind, call.lang), money(one.available, one.unit)),
        (call.text("Revision", "修订次数"), str(one.revision)),
    ]


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


def _read(path: Path) -> Declaration:
    (_, read) = next(iter(read_files([path])))
    if isinstance(read, FormatError):
        raise read
    return read


def _checked(numbers: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(declaration_number(number)) for number in numbers))
