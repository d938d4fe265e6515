"""``kouan financing report``: what a bank reports of its loans, and what its customers report of their receivables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import code_word
from kouan.cli.csv_output import csv_text
from kouan.cli.loans import bank_of, day_end
from kouan.cli.output import Page, UnusableError, table
from kouan.client.bank import Bank
from kouan.client.due_reports import MATURITY_SPANS, OVERDUE_SPANS, Due, maturity_report, overdue_report, totals
from kouan.client.trade_credit import TERMS, Class, Credit, Terms, trade_credit
from kouan.formats.identifiers import uscc
from kouan.formats.money import money, plain

app: Final = group("")
reports: Final = group("Reports as of the end of a day: what is overdue, what falls due, what is trade credit.")
app.add_typer(reports, name="report")

AtOption = Annotated[str, typer.Option("--at", metavar="DAY", help="As of the end of this day.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV; amounts as plain decimals.")]

_DUE_COLUMNS: Final = ("loan", "customer", "product", "maturity", "days", "span", "currency", "outstanding")
_CREDIT_COLUMNS: Final = (
    "customer",
    "declaration",
    "kind",
    "currency",
    "amount",
    "attested",
    "collected",
    "exported",
    "days",
    "expected",
    "report_by",
    "late",
)
_CREDITS: Final = {
    "deferred": ("deferred", "延期收款"),
    "expected": ("deferral expected", "预计延期收款"),
    "advance": ("paid in advance", "预收货款"),
    "unknown": ("export day unknown", "出口日期未知"),
}


@command(
    reports,
    "overdue",
    signs=True,
    examples=("kouan financing report overdue --at 2026-11-30 --csv --as bank-of-huangpu",),
)
def report_overdue(call: Call, at: AtOption, as_csv: CsvOption = False) -> Page:
    """Report what was owed past its maturity at the end of a day, in spans of days overdue 逾期."""
    return _due_page(call, at, overdue_report, OVERDUE_SPANS, call.text("Overdue", "逾期"), as_csv=as_csv)


@command(
    reports,
    "maturities",
    signs=True,
    examples=("kouan financing report maturities --at 2026-11-30 --as bank-of-huangpu",),
)
def report_maturities(call: Call, at: AtOption, as_csv: CsvOption = False) -> Page:
    """Report what falls due after a day, in spans of days to the maturity 到期."""
    return _due_page(call, at, maturity_report, MATURITY_SPANS, call.text("Maturities", "到期"), as_csv=as_csv)


@command(
    reports,
    "trade-credit",
    signs=True,
    examples=(
        "kouan financing report trade-credit --at 2026-11-30 --as bank-of-huangpu",
        "kouan financing report trade-credit --at 2026-11-30 --customer 91310115MA1K0LNG14 --class B --csv",
    ),
)
def report_trade_credit(
    call: Call,
    at: AtOption,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="CODE", help="For this enterprise alone.")
    ] = None,
    of_class: Annotated[
        Class, typer.Option("--class", help="The enterprise's class with the foreign-exchange administration.")
    ] = "A",
    deferred_days: Annotated[
        int | None, typer.Option("--deferred-days", min=0, help="Report what is open longer than this; else by class.")
    ] = None,
    advance_days: Annotated[
        int | None, typer.Option("--advance-days", min=0, help="Report advances longer than this; else by class.")
    ] = None,
    as_csv: CsvOption = False,
) -> Page:
    """Report which receivables an enterprise declares as trade credit 贸易信贷报告, as far as the ledger can tell.

    Deferred: open longer than 90 days after the export (classes B and C: 30). Expected: a loan on it falls due later
    than that. Advance: received more than 30 days before the export (classes B and C: any). What the ledger cannot
    know stands in the reference, page bank-files.
    """
    at_ms = day_end("--at", at)
    if of_class != "A" and customer is None:
        raise UnusableError("--class", "is one enterprise's; name it with --customer")
    code = None if customer is None else uscc(customer)
    terms = {
        name: Terms(
            own.deferred if deferred_days is None else deferred_days,
            own.advance if advance_days is None else advance_days,
        )
        for name, own in TERMS.items()
    }
    classes: dict[str, Class] = {} if code is None else {code: of_class}
    with bank_of(call) as bank:
        found = trade_credit(bank, date.fromisoformat(at), at_ms, classes, terms)
    own = [credit for credit in found if code in {None, credit.declaration.owner}]
    return _credit_page(call, at, own, as_csv=as_csv)


def _due_page(
    call: Call, at: str, report: Callable[[Bank, int], list[Due]], spans: Sequence[int], title: str, *, as_csv: bool
) -> Page:
    at_ms = day_end("--at", at)
    with bank_of(call) as bank:
        dues = report(bank, at_ms)
    rows = [_due_row(due) for due in dues]
    sums = totals(dues, spans)
    document = {
        "at": at,
        "loans": [
            dict(zip(_DUE_COLUMNS, row, strict=True)) | {"outstanding_minor": due.outstanding, "days": due.days}
            for row, due in zip(rows, dues, strict=True)
        ],
        "totals": [
            {"span": span, "currency": unit, "loans": count, "outstanding_minor": minor}
            for span, unit, count, minor in sums
        ],
    }
    if as_csv:
        return Page(document, [csv_text(_DUE_COLUMNS, rows)])
    columns = [
        call.text("Loan", "融资"),
        call.text("Customer", "企业"),
        call.text("Product", "产品"),
        call.text("Due", "到期日"),
        call.text("Days", "天数"),
        call.text("Span", "区间"),
        call.text("Outstanding", "未还余额"),
    ]
    shown = [
        [*row[:2], code_word("product", row[2], call.lang), *row[3:6], money(due.outstanding, due.unit)]
        for row, due in zip(rows, dues, strict=True)
    ]
    heads = [columns[5], call.text("Loans", "笔数"), columns[6]]
    total_rows = [[span, str(count), money(minor, unit)] for span, unit, count, minor in sums]
    head = f"{title}{call.text(', ', '，')}{at}"
    return Page(document, [table(head, columns, shown, right=(4, 6)), "", table("", heads, total_rows, right=(1, 2))])


def _due_row(due: Due) -> list[str]:
    view = due.held.view
    start = [view.id, due.held.booked.customer, view.product, due.last_day.isoformat()]
    return [*start, str(due.days), due.span, due.unit, plain(due.outstanding, due.unit)]


def _credit_page(call: Call, at: str, found: Sequence[Credit], *, as_csv: bool) -> Page:
    rows = [_credit_row(credit, at) for credit in found]
    documents: list[dict[str, Any]] = [
        dict(zip(_CREDIT_COLUMNS, row, strict=True))
        | {"amount_minor": credit.amount, "days": credit.days, "late": _is_late(credit, at)}
        for row, credit in zip(rows, found, strict=True)
    ]
    document = {"at": at, "receivables": documents}
    if as_csv:
        return Page(document, [csv_text(_CREDIT_COLUMNS, rows)])
    columns = [
        call.text("Customer", "企业"),
        call.text("Declaration", "报关单"),
        call.text("What", "类别"),
        call.text("Amount", "金额"),
        call.text("Exported", "出口日期"),
        call.text("Days", "天数"),
        call.text("Expected", "预计收款日"),
        call.text("Report by", "报告期限"),
    ]
    shown = [
        [
            credit.declaration.owner,
            credit.declaration.number,
            call.text(*_CREDITS[credit.kind]),
            money(credit.amount, credit.unit),
            _day(credit.exported),
            str(credit.days),
            _day(credit.expected),
            _day(credit.report_by) + (call.text(" late", " 已过期") if _is_late(credit, at) else ""),
        ]
        for credit in found
    ]
    return Page(document, [table(f"{call.text('Trade credit, ', '贸易信贷，')}{at}", columns, shown, right=(3, 5))])


def _credit_row(credit: Credit, at: str) -> list[str]:
    start = [credit.declaration.owner, credit.declaration.number, credit.kind, credit.unit]
    amounts = [plain(minor, credit.unit) for minor in (credit.amount, credit.attested, credit.collected)]
    late = "yes" if _is_late(credit, at) else ""
    return [
        *start,
        *amounts,
        _day(credit.exported),
        str(credit.days),
        _day(credit.expected),
        _day(credit.report_by),
        late,
    ]


def _is_late(credit: Credit, at: str) -> bool:
    return credit.report_by is not None and credit.report_by < date.fromisoformat(at)


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
