"""``kouan financing``: looking at the bank's own loans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.table import Table

from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import code_word
from kouan.cli.csv_output import csv_text
from kouan.cli.loans import LoanArgument, PdfOption, bank_name, bank_of, day_end, held_until, loan_document, write_pdf
from kouan.cli.output import Page, UnusableError, fields, moment, table
from kouan.client.loan_statement import KINDS, Line, history, loan_statement
from kouan.client.papers import PRODUCTS, last_day
from kouan.client.portfolio import Held, both, flags_of, one_loan, overdue_at, portfolio
from kouan.formats.money import money

app: Final = group("")

CsvOption = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV; amounts in minor units.")]
_CSV_COLUMNS: Final = (
    "id",
    "customer",
    "product",
    "state",
    "flags",
    "maturity",
    "days_overdue",
    "currency",
    "amount_minor",
    "outstanding_unit",
    "outstanding_minor",
)
_DAY_MS: Final = 24 * 3_600_000


@command(
    app,
    "show",
    signs=True,
    examples=("kouan financing show Zk3v", "kouan financing show Zk3v --pdf statement.pdf"),
)
def show(call: Call, loan: LoanArgument, pdf: PdfOption = None) -> Page:
    """Show one of the bank's loans: its declarations, its history, what is owed."""
    with bank_of(call) as bank:
        held = one_loan(bank, loan)
        lines = history(bank, held)
        collections = bank.book.collections(held.view.id)
        written = None
        if pdf is not None:
            written = write_pdf(pdf, loan_statement(bank, held, bank_name(call), bank.session.now_ms()))
    document = {
        **loan_document(held),
        "history": [
            {
                "entry": line.number,
                "kind": line.entry.kind,
                "by": line.entry.by,
                "time_ms": line.entry.time_ms,
                "amounts_minor": line.amounts,
                "interest_minor": line.entry.interest,
                "balance_minor": line.balance,
                "own_minor": line.own,
                "own_balance_minor": line.own_balance,
                "note": line.entry.note,
                "reversed_by": line.entry.reversed_by,
            }
            for line in lines
        ],
        "collections": [{"id": one.id, "text": one.text, "time_ms": one.taken_ms} for one in collections],
        "pdf": written,
    }
    received = [f"{call.text('Collected', '收汇')} {one.text}  {one.id}" for one in collections]
    tables = (_declarations(call, held), "", _history_table(call, lines, held))
    return Page(document, [_head(call, held, written), "", *tables, *received])


@command(app, "list", signs=True, examples=("kouan financing list", "kouan financing list --csv"))
def list_loans(call: Call, as_csv: CsvOption = False) -> Page:
    """List the bank's own loans with their state and flags, the earliest due first."""
    _one_form(call, as_csv=as_csv)
    with bank_of(call) as bank:
        now_ms = bank.session.now_ms()
        loans = portfolio(bank, now_ms)
    return _loans_page(call, loans, now_ms, call.text("Loans", "融资"), as_csv=as_csv)


@command(
    app,
    "overdue",
    signs=True,
    examples=("kouan financing overdue", "kouan financing overdue --at 2026-11-30 --csv"),
)
def overdue(
    call: Call,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DAY", help="As of the end of this day; without it, now.")
    ] = None,
    as_csv: CsvOption = False,
) -> Page:
    """List the loans past their maturity at a day, such as the month's last, the longest due first.

    What is owed is taken as the ledger has it now; the day decides only what counts as overdue.
    """
    _one_form(call, as_csv=as_csv)
    with bank_of(call) as bank:
        at_ms = bank.session.now_ms() if at is None else day_end("--at", at)
        loans = overdue_at(bank, at_ms)
    return _loans_page(call, loans, at_ms, call.text("Overdue", "逾期"), as_csv=as_csv)


def _one_form(call: Call, *, as_csv: bool) -> None:
    if as_csv and call.as_json:
        raise UnusableError("--csv", "is given together with --json; give one of them")


def _loans_page(call: Call, loans: Sequence[Held], at_ms: int, title: str, *, as_csv: bool) -> Page:
    document = {
        "at_ms": at_ms,
        "loans": [{**loan_document(held), "days_overdue": _days_overdue(held, at_ms)} for held in loans],
    }
    if as_csv:
        return Page(document, [_csv(loans, at_ms)])
    columns = [
        call.text("Loan", "融资"),
        call.text("Customer", "企业"),
        call.text("Product", "产品"),
        call.text("State", "状态"),
        call.text("Flags", "标识"),
        call.text("Outstanding", "未还余额"),
        call.text("Due", "到期日"),
    ]
    rows = [
        [
            held.view.id,
            held.booked.customer or "-",
            code_word("product", held.view.product, call.lang),
            code_word("state", held.view.state, call.lang),
            " ".join(code_word("flag", flag, call.lang) for flag in flags_of(held.view)),
            both(held, held.owed, held.view.outstanding),
            last_day(held.view.maturity_ms),
        ]
        for held in loans
    ]
    return Page(document, [table(f"{title}{call.text(', ', '，')}{moment(at_ms)}", columns, rows, right=(5,))])


def _csv(loans: Sequence[Held], at_ms: int) -> str:
    """Return one row for each loan and currency in which something is outstanding on it."""
    rows = []
    for held in loans:
        view = held.view
        for unit, minor in sorted(view.outstanding.items()):
            flags = " ".join(flags_of(view))
            start = (view.id, held.booked.customer, view.product, view.state, flags, last_day(view.maturity_ms))
            days = str(_days_overdue(held, at_ms))
            rows.append((*start, days, view.currency, str(view.amount), unit, str(minor)))
    return csv_text(_CSV_COLUMNS, rows)


def _days_overdue(held: Held, at_ms: int) -> int:
    return -((held.view.maturity_ms - at_ms) // _DAY_MS) if held.view.is_overdue else 0


def _head(call: Call, held: Held, pdf: str | None) -> Table:
    view = held.view
    flags = [code_word("flag", flag, call.lang) for flag in flags_of(view)]
    pairs = [
        (call.text("Loan", "融资"), view.id),
        (call.text("Customer", "企业"), held.booked.customer or "-"),
        (call.text("Product", "产品"), PRODUCTS[view.product]),
        (call.text("Amount", "金额"), money(view.amount, view.currency)),
        (call.text("State", "状态"), " ".join([code_word("state", view.state, call.lang), *flags])),
        (call.text("Outstanding", "未还余额"), both(held, held.owed, view.outstanding)),
        (call.text("Maturity", "到期日"), last_day(view.maturity_ms)),
    ]
    if view.bank != call.member:
        pairs.append((call.text("Sold to", "已转让给"), view.bank))
    if view.state == "held":
        pairs.append(held_until(call, view.lapse_ms))
    if pdf is not None:
        pairs.append((call.text("Statement", "融资明细"), pdf))
    return fields(pairs)


def _declarations(call: Call, held: Held) -> Table:
    columns = [
        call.text("Declaration", "报关单"),
        call.text("Held", "占用"),
        call.text("Drawn", "放款"),
        call.text("Repaid", "还款"),
        call.text("Outstanding", "未还余额"),
        "",
    ]
    rows = [
        [
            number,
            *(money(amount, part.unit) for amount in (part.held, part.drawn, part.repaid, part.outstanding)),
            call.text("under review", "改单待处理") if part.is_under_review else "",
        ]
        for number, part in zip(held.numbers, held.view.allocations, strict=True)
    ]
    return table("", columns, rows, right=(1, 2, 3, 4))


def _history_table(call: Call, lines: Sequence[Line], held: Held) -> Table:
    columns = [
        call.text("No.", "序号"),
        call.text("When", "时间"),
        call.text("What", "事项"),
        call.text("Amount", "金额"),
        call.text("Interest", "利息"),
        call.text("Balance", "余额"),
        call.text("By", "经办"),
    ]
    rows = [
        [
            str(line.number),
            moment(line.entry.time_ms),
            KINDS[line.entry.kind],
            both(held, line.own, line.amounts),
            money(line.entry.interest, held.view.currency) if line.entry.interest else "",
            both(held, line.own_balance, line.balance),
            line.entry.by,
        ]
        for line in lines
    ]
    return table("", columns, rows, right=(0, 3, 4, 5))
