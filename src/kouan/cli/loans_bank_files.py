"""``kouan financing``: a bank's own files against the ledger, on its first day and every evening."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType

from kouan.cli.calls import Call, command, group
from kouan.cli.csv_output import must_be_report, write_report, write_rows
from kouan.cli.loans import LoanArgument, bank_of, day_end
from kouan.cli.output import DONE, REFUSED, UNUSABLE, Page, UnusableError, refusal, refusal_line, table
from kouan.client.bringing_in import LineResult, bring_in
from kouan.client.conflicts import Conflict, conflicts
from kouan.client.papers import last_day
from kouan.client.reconciling import Compared, reconcile, refer
from kouan.formats.money import money
from kouan.formats.table_file import MAX_BYTES

app: Final = group("")

SHOWN: Final = 20
"""Lines that went well are listed on the screen up to this many; the others are listed all."""
_BROUGHT_COLUMNS: Final = ("line", "reference", "declaration", "loan", "result", "column", "why")
_COMPARED_COLUMNS: Final = ("line", "reference", "loan", "result", "field", "currency", "file", "ledger")
_OUTCOMES: Final = {
    "brought-in": ("brought in", "已导入"),
    "there": ("there already", "已存在"),
    "refused": ("refused", "账本拒绝"),
    "unusable": ("unusable", "不可用"),
    "matched": ("matched", "一致"),
    "different": ("different", "不一致"),
    "missing-here": ("not on the ledger", "账本无此笔"),
    "missing-there": ("not in the file", "文件无此笔"),
}

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The bank's file, CSV in UTF-8 or GB18030.")]


@command(
    app,
    "bring-in",
    signs=True,
    examples=("kouan financing bring-in outstanding.csv --report result.csv --as bank-of-huangpu",),
)
def bring_in_file(
    call: Call,
    file: FileArgument,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Every line's result, as .csv or .json.")
    ] = None,
) -> Page:
    """Bring in the loans that were out before the ledger began 存量导入, while the charter allows it.

    One line for each declaration of a loan; a loan is brought in as a whole or not at all, and the same file again
    brings nothing in twice. Then declarations are listed on which several banks have lent, or more than they carry.
    Exit code 2 when a line was unusable, 1 when the ledger refused a loan. The columns stand in the reference, page
    bank-files.
    """
    must_be_report("--report", report)
    data = _read(file)
    with bank_of(call) as bank:
        results = bring_in(bank, data, str(file))
        found = conflicts(bank)
    lines = [_line_document(call, result) for result in results]
    document = {"lines": lines, "conflicts": [conflict._asdict() for conflict in found]}
    if report is not None:
        write_report(report, document, _BROUGHT_COLUMNS, [_line_row(call, result) for result in results])
    outcomes = {result.outcome for result in results}
    code = UNUSABLE if "unusable" in outcomes else REFUSED if "refused" in outcomes else DONE
    shown = [*_lines_table(call, results), "", *_conflicts_table(call, found)]
    return Page(document, shown, code)


@command(app, "conflicts", signs=True, examples=("kouan financing conflicts --as bank-of-huangpu",))
def list_conflicts(call: Call) -> Page:
    """List the declarations under the bank's loans on which others have lent too, or more is lent than they carry.

    Of other banks one sum is shown, and no name.
    """
    with bank_of(call) as bank:
        found = conflicts(bank)
    return Page({"conflicts": [conflict._asdict() for conflict in found]}, _conflicts_table(call, found))


@command(app, "reference", signs=True, examples=("kouan financing reference Zk3v EB-2026-0117 --as bank-of-huangpu",))
def set_reference(
    call: Call,
    loan: LoanArgument,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The loan's number in the bank's own system.")],
) -> Page:
    """Remember the bank's own reference of a loan, by which its files name it. The ledger is not told."""
    with bank_of(call) as bank:
        financing = refer(bank, loan, reference)
    return Page({"loan": financing, "reference": reference}, [f"{reference}  {financing}"])


@command(
    app,
    "reconcile",
    signs=True,
    examples=(
        "kouan financing reconcile loans.csv --as bank-of-huangpu",
        "kouan financing reconcile loans.csv --at 2026-11-30 --csv differences.csv",
    ),
)
def reconcile_file(
    call: Call,
    file: FileArgument,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DAY", help="As of the end of this day; without it, now.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--csv", metavar="OUT", help="Also write every loan's result.")] = None,
) -> Page:
    """Compare the bank's own file of its loans with the ledger 对账: matched, different, missing here, missing there.

    Exit code 0 when all is matched, 1 when anything is not, 2 when a line was unusable. The columns stand in the
    reference, page bank-files.
    """
    must_be_report("--csv", out, (".csv",))
    data = _read(file)
    with bank_of(call) as bank:
        at_ms = bank.session.now_ms() if at is None else day_end("--at", at)
        compared = reconcile(bank, data, str(file), at_ms)
    rows = [row for one in compared for row in _compared_rows(call, one)]
    if out is not None:
        write_rows(out, _COMPARED_COLUMNS, rows)
    outcomes = {one.outcome for one in compared}
    code = UNUSABLE if "unusable" in outcomes else DONE if outcomes <= {"matched"} else REFUSED
    document = {"at_ms": at_ms, "as_of": last_day(at_ms), "loans": [_compared_document(one) for one in compared]}
    matched = call.text(*_OUTCOMES["matched"])
    shown_rows = [row for row in rows if row[3] != matched]
    columns = [
        call.text("Line", "行"),
        call.text("Reference", "业务编号"),
        call.text("Loan", "融资"),
        call.text("Result", "结果"),
        call.text("Field", "字段"),
        call.text("Currency", "币种"),
        call.text("File", "文件"),
        call.text("Ledger", "账本"),
    ]
    shown: list[RenderableType] = [table("", columns, shown_rows)] if shown_rows else []
    return Page(document, [*shown, _counts(call, [one.outcome for one in compared])], code)


def _read(file: Path) -> bytes:
    if file.stat().st_size > MAX_BYTES:
        raise UnusableError(str(file), f"is larger than {MAX_BYTES} bytes; split it")
    return file.read_bytes()


def _line_document(call: Call, result: LineResult) -> dict[str, Any]:
    answer = result.result
    refused = refusal(answer, call.lang) if answer is not None and result.outcome == "refused" else None
    return {
        "line": result.line,
        "reference": result.reference,
        "declaration": result.declaration,
        "loan": result.loan,
        "result": result.outcome,
        "column": result.column,
        "why": result.why,
        "refused": refused,
    }


def _line_row(call: Call, result: LineResult) -> list[str]:
    why = result.why
    if result.outcome == "refused" and result.result is not None:
        why = "; ".join(filter(None, (refusal_line(result.result, call.lang), why)))
    said = call.text(*_OUTCOMES[result.outcome])
    start = [str(result.line), result.reference, result.declaration, result.loan or ""]
    return [*start, said, result.column, why]


def _lines_table(call: Call, results: Sequence[LineResult]) -> list[RenderableType]:
    good = [result for result in results if result.outcome in {"brought-in", "there"}]
    listed = [result for result in results if result not in good or result.why or len(good) <= SHOWN]
    columns = [
        call.text("Line", "行"),
        call.text("Reference", "业务编号"),
        call.text("Declaration", "报关单"),
        call.text("Loan", "融资"),
        call.text("Result", "结果"),
        call.text("Column", "列"),
        call.text("Why", "原因"),
    ]
    shown: list[RenderableType] = [table("", columns, [_line_row(call, result) for result in listed])]
    return [*(shown if listed else []), _counts(call, [result.outcome for result in results])]


def _counts(call: Call, outcomes: Sequence[str]) -> str:
    counts = Counter(outcomes)
    said = [f"{call.text(*_OUTCOMES[outcome])} {counts[outcome]}" for outcome in _OUTCOMES if counts[outcome]]
    return call.text(", ", "，").join(said) or call.text("nothing to be told: no lines, no loans", "无记录")


def _conflicts_table(call: Call, found: Sequence[Conflict]) -> list[RenderableType]:
    if not found:
        return [
            call.text(
                "No conflicts: no declaration is shared or beyond its limit.",
                "无冲突：没有多家银行融资或超限的报关单。",
            )
        ]
    columns = [
        call.text("Declaration", "报关单"),
        call.text("May be lent", "可融资总额"),
        call.text("This bank", "本行"),
        call.text("Other banks", "他行合计"),
        call.text("Beyond", "超出"),
    ]
    rows = [
        [one.number or one.quota, *(money(minor, one.unit) for minor in (one.limit, one.own, one.others, one.beyond))]
        for one in found
    ]
    return [table(call.text("Conflicts", "冲突"), columns, rows, right=(1, 2, 3, 4))]


def _compared_rows(call: Call, one: Compared) -> list[list[str]]:
    start = [
        "" if one.line is None else str(one.line),
        one.reference,
        one.loan or "",
        call.text(*_OUTCOMES[one.outcome]),
    ]
    if one.problem is not None:
        return [[*start, one.problem.column, "", one.problem.text, ""]]
    if not one.differences:
        return [[*start, "", "", "", ""]]
    return [[*start, *difference] for difference in one.differences]


def _compared_document(one: Compared) -> dict[str, Any]:
    return {
        "line": one.line,
        "reference": one.reference,
        "loan": one.loan,
        "result": one.outcome,
        "differences": [difference._asdict() for difference in one.differences],
        "problem": one.problem and one.problem._asdict(),
    }
