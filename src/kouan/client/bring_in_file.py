"""A bank's file of the loans that were out before the ledger began: lines in, commands or problems out.

A line is what is outstanding of a loan on one declaration in one currency; lines of one reference are one loan.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from itertools import count
from typing import Final, NamedTuple, NoReturn, get_args

import msgspec

from kouan.client.amounts import parse_amount, parse_rate
from kouan.client.bank import Bank
from kouan.client.keymaterial import derive
from kouan.client.papers import PRODUCTS
from kouan.client.workdays import end_of_day
from kouan.formats.identifiers import declaration_number, uscc, uscc_problem
from kouan.formats.money import exponent
from kouan.formats.table_file import CellError, Column, Line, Problem, day, whole_digits
from kouan.kernel.encoding import MAX_INTEGER, to_text
from kouan.modules.financing.commands.bringing_in import BringInCommand, Owed
from kouan.modules.financing.records import MAX_ALLOCATIONS, Financing, Product, QuotaId
from kouan.modules.financing.rules import financing_key, unit_of, worth

COLUMNS: Final = (
    Column("reference", "业务编号"),
    Column("customer", "统一社会信用代码"),
    Column("product", "产品"),
    Column("currency", "币种"),
    Column("opened", "放款日"),
    Column("maturity", "到期日"),
    Column("declaration", "报关单号"),
    Column("outstanding", "未还余额"),
    Column("unit", "报关单币种", is_required=False),
    Column("rate", "汇率", is_required=False),
    Column("quota", "账本编号", is_required=False),
    Column("exported", "出口日期", is_required=False),
)
_OF_THE_LOAN: Final = ("customer", "product", "currency", "opened", "maturity")
_DAY_MS: Final = 24 * 3_600_000


class Part(NamedTuple):
    """What of a loan stands on one declaration: one line."""

    line: Line
    quota: str
    number: str
    amount: int
    """Minor units of the quota's unit."""
    rate_e8: int | None
    exported: str | None
    doubt: str
    """What is odd about the customer, which may be right all the same; empty for nothing."""


class Loan(NamedTuple):
    """The lines of one reference."""

    id: str
    parts: list[Part]
    command: BringInCommand


def read_loan(bank: Bank, lines: Sequence[Line]) -> Loan | dict[int, Problem]:
    """Return the loan that the lines of one reference are, or the problems by line."""
    parts: list[Part] = []
    problems: dict[int, Problem] = {}
    for line in lines:
        try:
            parts.append(_part(bank, line, lines[0], parts))
        except CellError as error:
            problems[line.number] = error.problem
    if problems:
        return problems
    try:
        return _whole(bank, parts)
    except CellError as error:
        return {lines[0].number: error.problem}


def loan_id(private_key: bytes, reference: str, generation: int = 0) -> str:
    """Return the id of the loan with a bank's reference, keyed by the bank's private key; never with a dash first."""
    key = derive("private key", private_key, b"kouan/loan-reference/1")
    for attempt in count():
        said = f"{generation}\0{attempt}\0{reference}".encode()
        financing = to_text(hmac.digest(key, said, "sha256")[:16])
        if not financing.startswith("-"):
            return financing
    raise AssertionError("a count has ended")


def _bad(column: str, text: str) -> NoReturn:
    raise CellError(Problem(column, text))


def _part(bank: Bank, line: Line, first: Line, before: Sequence[Part]) -> Part:
    """Read a line; raises CellError."""
    if line.problems:
        raise CellError(line.problems[0])
    for column in _OF_THE_LOAN:
        if line.cells[column] != first.cells[column]:
            _bad(column, f"differs from line {first.number} of the same loan; give both the same")
    line.read("customer", uscc)
    line.read("currency", exponent)
    currency = line.cells["currency"]
    unit = line.cells["unit"] or currency
    line.read("unit", lambda _: exponent(unit))
    amount = line.read("outstanding", lambda text: _positive(text, unit))
    rate_e8 = line.read("rate", lambda text: _rate(text, unit, currency))
    number = line.read("declaration", _number)
    known = [one for one in bank.book.quotas_of(number) if unit_of(one) == unit]
    quota = line.read("quota", lambda text: _quota(bank, text, number, unit, known))
    if any(part.quota == quota for part in before):
        _bad("declaration", f"{number} in {unit} is there already in the same loan; add the amounts up")
    exported = line.read("exported", lambda text: day(text).isoformat() if text else None)
    return Part(line, quota, number, amount, rate_e8, exported, _doubt(bank, line.cells["customer"], quota))


def _doubt(bank: Bank, customer: str, quota: str) -> str:
    owner = bank.book.owner_of(quota)
    found = [uscc_problem(customer)]
    if owner not in {None, customer}:
        found.append(f"by what this bank was told the declaration is {owner}'s, not the borrower's {customer}: compare")
    return "; ".join(filter(None, found))


def _positive(text: str, unit: str) -> int:
    amount = parse_amount(text, unit)
    if amount.currency != unit:
        raise ValueError(f"{text!r} is not in {unit}; give it in that currency, or name another unit")
    if not amount.minor:
        raise ValueError("is 0; leave out what is repaid")
    return amount.minor


def _rate(text: str, unit: str, currency: str) -> int | None:
    if unit == currency:
        if text:
            raise ValueError(f"is needless; the declaration is in {currency} like the loan")
        return None
    if not text:
        raise ValueError(f"empty; give what one {unit} is in {currency}")
    return parse_rate(f"{unit}={text}", currency)[1]


def _number(text: str) -> str:
    number = declaration_number(whole_digits(text))
    if number.direction == "I":
        raise ValueError(f"{text} is an import; only the receivable of an export is financed")
    return str(number)


def _quota(bank: Bank, text: str, number: str, unit: str, known: Sequence[str]) -> str:
    """Return the quota of a number. The ledger has no numbers: the owner, or its slip, says which quota it is."""
    if not text:
        if not known:
            raise ValueError(f"empty, and no slip told this bank the quota of {number} in {unit}; ask the owner for it")
        return known[0]
    try:
        msgspec.convert(text, QuotaId)
    except msgspec.ValidationError:
        raise ValueError(f"{text[:60]!r} is no quota's id; copy it from the owner's wallet") from None
    if unit_of(text) != unit:
        raise ValueError(f"{text} is in {unit_of(text)}, not in {unit}; name the one in that currency")
    if known and text not in known:
        raise ValueError(f"by what this bank was told {number} is {known[0]}; correct the quota or the declaration")
    told = bank.book.number_of(text)
    if told not in {None, number}:
        raise ValueError(f"by what this bank was told it is the declaration {told}; correct the quota or the number")
    return text


def _whole(bank: Bank, parts: Sequence[Part]) -> Loan:
    """Read what the loan's lines have in common, and add up what it is over; raises CellError."""
    first = parts[0].line
    if len(parts) > MAX_ALLOCATIONS:
        _bad("", f"{len(parts)} lines; a loan stands on at most {MAX_ALLOCATIONS} declarations: split it")
    product = first.read("product", _product)
    opened_ms = first.read("opened", lambda text: end_of_day(day(text)) - _DAY_MS)
    maturity_ms = first.read("maturity", lambda text: end_of_day(day(text)))
    if not 0 < opened_ms < maturity_ms:
        _bad("opened", "is after the maturity, or before 1970; give the day of the payment")
    currency, rates = first.cells["currency"], _rates(parts)
    amount = sum(worth(part.amount, unit_of(part.quota), currency, rates) for part in parts)
    if not 1 <= amount <= MAX_INTEGER:
        _bad("rate", f"makes the loan {amount} minor units; it must be 1 to 2⁵³-1")
    financing = _unused_id(bank, first.cells["reference"])
    command = BringInCommand(
        allocations=[Owed(part.amount, part.quota) for part in parts],
        amount=amount,
        currency=currency,
        financing=financing,
        maturity_ms=maturity_ms,
        opened_ms=opened_ms,
        product=product,
        purpose="seller",
        rates=rates,
    )
    return Loan(financing, list(parts), command)


def _rates(parts: Sequence[Part]) -> dict[str, int]:
    rates: dict[str, int] = {}
    for part in parts:
        if part.rate_e8 is not None and rates.setdefault(unit_of(part.quota), part.rate_e8) != part.rate_e8:
            _bad("rate", f"line {part.line.number} has another for {unit_of(part.quota)}; give one rate")
    return rates


def _product(text: str) -> Product:
    """Return a product by its code or its Chinese name."""
    for code in get_args(Product):
        if text in {code, PRODUCTS[code].split()[-1]}:
            product: Product = code
            return product
    raise ValueError(f"{text[:40]!r} is no product; give one of {', '.join(get_args(Product))}")


def _unused_id(bank: Bank, reference: str) -> str:
    """Return the id of a reference: a new one after each that was brought in by mistake and reversed."""
    for generation in count():
        financing = loan_id(bank.private_key, reference, generation)
        record = bank.session.read(Financing, financing_key(financing))
        if record is None or record.reason != "reversed":
            return financing
    raise AssertionError("a count has ended")
