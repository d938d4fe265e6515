"""The end of the day 对账: a bank's own file of its loans against the ledger, loan by loan, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, get_args

from kouan.client.amounts import parse_amount
from kouan.client.balances import owed_at, state_at
from kouan.client.bank import Bank
from kouan.client.papers import last_day
from kouan.client.portfolio import Held, portfolio
from kouan.formats.money import exponent, plain
from kouan.formats.table_file import MAX_CELL, CellError, Column, Line, Problem, clean, day, read_table
from kouan.modules.financing.rules import State

COLUMNS: Final = (
    Column("reference", "业务编号"),
    Column("currency", "币种"),
    Column("outstanding", "未还余额"),
    Column("maturity", "到期日"),
    Column("amount", "金额", is_required=False),
    Column("state", "状态", is_required=False),
)
STATES: Final[Mapping[State, str]] = {
    "disbursed": "已放款",
    "held": "占用",
    "lapsed": "到期自动释放",
    "released": "已解除占用",
    "settled": "已结清",
}
_OPEN: Final = frozenset({"disbursed", "held"})

Outcome = Literal["matched", "different", "missing-here", "missing-there", "unusable"]


class Difference(NamedTuple):
    """One field in which file and ledger do not agree."""

    field: str
    currency: str
    """Of an amount; empty for another field."""
    file: str
    ledger: str


class Compared(NamedTuple):
    """One loan, or one line that is none."""

    line: int | None
    """Where it stands in the file; None when it does not."""
    reference: str
    loan: str | None
    """Its id, where the ledger has it."""
    outcome: Outcome
    differences: list[Difference]
    problem: Problem | None


class _Row(NamedTuple):
    """A sound line of the file; amounts in minor units of the currency."""

    currency: str
    outstanding: int
    maturity: str
    amount: int | None
    state: State | None


class _Standing(NamedTuple):
    """A loan as the ledger has it."""

    held: Held
    state: State
    outstanding: int
    """In minor units of the loan's currency, at its rates."""
    slack: int
    """By how much that may be too low, because each currency's part is rounded down."""


def refer(bank: Bank, name: str, reference: str) -> str:
    """Remember the bank's own reference of a loan, and return the loan's id; raises BookError, ValueError."""
    loan, cleaned = bank.loan(name).id, clean(reference)
    if not 0 < len(cleaned) <= MAX_CELL:
        raise ValueError(f"reference: {len(cleaned)} characters; give 1 to {MAX_CELL}")
    taken = bank.book.references().get(cleaned, loan)
    if taken != loan:
        raise ValueError(f"reference: {cleaned} is the loan {taken}; give every loan its own")
    bank.book.refer(cleaned, loan)
    return loan


def reconcile(bank: Bank, data: bytes, file: str, at_ms: int) -> list[Compared]:
    """Compare a bank's file with the ledger as of a time: the file's lines in their order, then what it lacks.

    A loan is named by the bank's own reference, or by its id. Loans that are neither held nor outstanding need not be
    in the file. Raises FormatError when the file as a whole cannot be read.
    """
    lines = read_table(data, COLUMNS, file)
    references = bank.book.references()
    standing = _standing(bank, at_ms)
    seen: dict[str, int] = {}
    compared = []
    for line in lines:
        reference = line.cells["reference"]
        loan = references.get(reference, reference)
        compared.append(_compare(line, loan, standing.get(loan), seen))
        seen.setdefault(loan, line.number)
    by_id = {loan: reference for reference, loan in references.items()}
    for loan, here in standing.items():
        if loan not in seen and here.state in _OPEN:
            compared.append(Compared(None, by_id.get(loan, ""), loan, "missing-there", [], None))
    return compared


def _standing(bank: Bank, at_ms: int) -> dict[str, _Standing]:
    found: dict[str, _Standing] = {}
    for held in portfolio(bank, at_ms):
        state = state_at(bank, held, at_ms)
        if state is None:
            continue
        total = owed_at(bank, held, at_ms)
        # The lender's own sum may be rounded once for each declaration or once in all.
        slack = sum(part.unit != held.view.currency for part in held.view.allocations)
        found[held.view.id] = _Standing(held, state, total, slack)
    return found


def _compare(line: Line, loan: str, here: _Standing | None, seen: Mapping[str, int]) -> Compared:
    reference = line.cells["reference"]
    try:
        row = _row(line)
    except CellError as error:
        return Compared(line.number, reference, None, "unusable", [], error.problem)
    if loan in seen:
        problem = Problem("reference", f"is there already on line {seen[loan]}; give every loan one line")
        return Compared(line.number, reference, None, "unusable", [], problem)
    if here is None:
        return Compared(line.number, reference, None, "missing-here", [], None)
    differences = _differences(row, here)
    return Compared(line.number, reference, loan, "different" if differences else "matched", differences, None)


def _row(line: Line) -> _Row:
    if line.problems:
        raise CellError(line.problems[0])
    line.read("currency", exponent)
    currency = line.cells["currency"]
    return _Row(
        currency=currency,
        outstanding=line.read("outstanding", lambda text: _minor(text, currency)),
        maturity=line.read("maturity", lambda text: day(text).isoformat()),
        amount=line.read("amount", lambda text: _minor(text, currency) if text else None),
        state=line.read("state", _state),
    )


def _minor(text: str, currency: str) -> int:
    amount = parse_amount(text, currency)
    if amount.currency != currency:
        raise ValueError(f"{text!r} is not in {currency}; give it in the line's currency")
    return amount.minor


def _state(text: str) -> State | None:
    if not text:
        return None
    for state in get_args(State):
        if text in {state, STATES[state]}:
            known: State = state
            return known
    raise ValueError(f"{text[:40]!r} is no state; give one of {', '.join(get_args(State))}, or leave it empty")


def _of_amounts(field: str, currency: str, file: int, ledger: int) -> Difference:
    return Difference(field, currency, plain(file, currency), plain(ledger, currency))


def _differences(row: _Row, here: _Standing) -> list[Difference]:
    view = here.held.view
    maturity = last_day(view.maturity_ms)
    found = []
    if row.currency != view.currency:
        found.append(Difference("currency", "", row.currency, view.currency))
    else:
        if row.amount is not None and row.amount != view.amount:
            found.append(_of_amounts("amount", view.currency, row.amount, view.amount))
        if not 0 <= row.outstanding - here.outstanding <= here.slack:
            found.append(_of_amounts("outstanding", view.currency, row.outstanding, here.outstanding))
    if row.maturity != maturity:
        found.append(Difference("maturity", "", row.maturity, maturity))
    if row.state is not None and row.state != here.state:
        found.append(Difference("state", "", row.state, here.state))
    return found
