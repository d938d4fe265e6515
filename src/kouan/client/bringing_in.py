"""Day zero: a bank brings in the loans that were out before the ledger began, and learns what became of every line.

A loan is brought in as a whole or not at all. Its id follows from the bank's reference under a key of the bank, so the
same file again brings nothing in twice, and nobody else can tell references from ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from kouan.client.bank import Bank
from kouan.client.book import BookedLoan
from kouan.client.bring_in_file import COLUMNS, Loan, read_loan
from kouan.client.session import Order, Result
from kouan.formats.table_file import Line, Problem, read_table
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.records import Financing
from kouan.modules.financing.rules import financing_key

Outcome = Literal["brought-in", "there", "refused", "unusable"]


class LineResult(NamedTuple):
    """What became of one line."""

    line: int
    reference: str
    declaration: str
    loan: str | None
    """The loan's id; None for a line that became no part of one."""
    outcome: Outcome
    column: str
    """Where the problem is; empty when there is none, or none of one column."""
    why: str
    """What is wrong with the line, or odd about its customer or about a loan that is there already."""
    result: Result | None
    """The ledger's answer, where it was asked."""


def bring_in(bank: Bank, data: bytes, file: str) -> list[LineResult]:
    """Bring in the loans of a file; return what became of every line, in the file's order.

    Raises FormatError when the file as a whole cannot be read.
    """
    by_reference: dict[str, list[Line]] = {}
    for line in read_table(data, COLUMNS, file):
        # A line without a reference stands alone.
        by_reference.setdefault(line.cells["reference"] or f"\n{line.number}", []).append(line)
    results: list[LineResult] = []
    loans: list[Loan] = []
    for lines in by_reference.values():
        read = read_loan(bank, lines)
        if isinstance(read, Loan):
            loans.append(read)
        else:
            results += [_unusable(line, read) for line in lines]
    answers = _send(bank, loans)
    with bank.book.together():
        for loan in loans:
            results += _result(bank, loan, answers[loan.id])
    return sorted(results, key=lambda result: result.line)


def _unusable(line: Line, problems: Mapping[int, Problem]) -> LineResult:
    other = Problem("", f"not sent; mend line {min(problems)} of the same loan")
    column, text = problems.get(line.number, other)
    cells = line.cells
    return LineResult(line.number, cells["reference"], cells["declaration"], None, "unusable", column, text, None)


class _Answer(NamedTuple):
    """What the ledger said to a loan."""

    there: Financing | None
    """The loan as it was there before."""
    result: Result | None
    """None when it was there, and not sent."""
    was_booked: bool


def _send(bank: Bank, loans: Sequence[Loan]) -> dict[str, _Answer]:
    """Book the loans that are new, then send them: none can be on the ledger and not in the book."""
    found = bank.session.read_many(Financing, [financing_key(loan.id) for loan in loans])
    there = {record.id: record for record in found if record is not None}
    booked = {loan.id for loan in bank.book.loans()}
    new = [loan for loan in loans if loan.id not in there]
    with bank.book.together():
        for loan in new:
            _book(bank, loan)
    sent = bank.session.send([Order("financing.bring-in/1", loan.command) for loan in new])
    results = dict(zip((loan.id for loan in new), sent, strict=True))
    return {loan.id: _Answer(there.get(loan.id), results.get(loan.id), loan.id in booked) for loan in loans}


def _result(bank: Bank, loan: Loan, answer: _Answer) -> Iterator[LineResult]:
    """Keep the book in step with the ledger's answer, and tell it for every line."""
    result = answer.result
    if result is None or result.code is Rejection.FINANCING_EXISTS:
        _book(bank, loan)  # after a break the book may not know what the ledger does
        _learn(bank, loan)
        yield from _told(loan, "there", _odd(loan, answer.there), result)
    elif result.accepted:
        _learn(bank, loan)
        yield from _told(loan, "brought-in", "", result)
    else:
        if not answer.was_booked:
            bank.book.strike(loan.id)
        yield from _told(loan, "refused", "", result)


def _book(bank: Bank, loan: Loan) -> None:
    bank.book.add(BookedLoan(loan.id, loan.parts[0].line.cells["customer"], bank.session.now_ms()))


def _learn(bank: Bank, loan: Loan) -> None:
    """Remember what the file says besides, once the ledger has the loan."""
    cells = loan.parts[0].line.cells
    bank.book.refer(cells["reference"], loan.id)
    for part in loan.parts:
        # A borrower is taken for the owner only where nobody, such as the owner's slip, told the bank who that is.
        bank.book.know(part.quota, part.number, bank.book.owner_of(part.quota) or cells["customer"])
        if part.exported is not None:
            bank.book.know_export(part.quota, part.exported)


def _odd(loan: Loan, record: Financing | None) -> str:
    """Return what the ledger has otherwise than the file of a loan that is there already."""
    if record is None:
        return ""
    here = {part.quota: part.amount for part in record.allocations}
    if here != {owed.quota: owed.amount for owed in loan.command.allocations}:
        return "the ledger has other amounts for it, and they stay: compare with `kouan financing reconcile`"
    return ""


def _told(loan: Loan, outcome: Outcome, why: str, answer: Result | None) -> Iterator[LineResult]:
    for part in loan.parts:
        reference = part.line.cells["reference"]
        column = "customer" if part.doubt and not why else ""
        said = "; ".join(filter(None, (why, part.doubt)))
        yield LineResult(part.line.number, reference, part.number, loan.id, outcome, column, said, answer)
