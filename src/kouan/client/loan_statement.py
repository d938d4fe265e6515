"""The statement of a loan 融资明细: what became of the money, one line for each event, with the balance after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from kouan.client.bank import Bank
from kouan.client.book import BookedCollection
from kouan.client.loan_currency import follow
from kouan.client.names import Name
from kouan.client.papers import PRODUCTS, STATES, issued_at, last_day
from kouan.client.portfolio import Held, both, flags_of, sums
from kouan.formats.money import money
from kouan.formats.paper import Column, Paper, Row, Section, Table
from kouan.kernel.records import Quota
from kouan.modules.financing.queries import entries, short_of
from kouan.modules.financing.records import Entry

KINDS: Final = {
    "advance": "advance by the bank 垫款",
    "brought-in": "brought in from before the ledger 存量导入",
    "disbursement": "disbursement 放款",
    "moved-in": "declarations put in 置换转入",
    "moved-out": "declarations taken out 置换转出",
    "pay-off": "paid off by a new loan 融资置换清偿",
    "refinancing": "drawdown by refinancing 融资置换放款",
    "repayment": "repayment 还款",
    "reversal": "reversal 冲正",
    "sale": "sale of the loan 转让",
    "write-off": "write-off 核销",
}
_EFFECT: Final = {
    "brought-in": 1,
    "disbursement": 1,
    "moved-in": 1,
    "moved-out": -1,
    "pay-off": -1,
    "refinancing": 1,
    "repayment": -1,
}
_FLAGS: Final = {
    "overdue": "overdue 逾期",
    "under-review": "declaration amended: under review 改单待处理",
    "advanced": "advanced by the bank 垫款",
    "written-off": "written off 已核销",
    "offered": "offered for sale 转让要约中",
    "refinanced": "paid off by another loan 已置换",
}


class Line(NamedTuple):
    """One event of a loan's history; amounts in minor units by currency."""

    number: int
    entry: Entry
    amounts: dict[str, int]
    balance: dict[str, int]
    """Principal outstanding after it."""
    own: int
    """The amounts in minor units of the loan's currency, as the next."""
    own_balance: int


def history(bank: Bank, held: Held) -> list[Line]:
    """Return a loan's entries with the balance after each, the first entry first."""
    units = [part.unit for part in held.view.allocations]
    loan = bank.loan(held.view.id)
    found = entries(bank.session, loan.id)
    steps = follow(loan, found, bank.book.payments(loan.id))
    balance: Counter[str] = Counter()
    lines = []
    for number, (entry, step) in enumerate(zip(found, steps, strict=True), 1):
        amounts: Counter[str] = Counter()
        for unit, amount in zip(units, entry.amounts, strict=False):  # allocations that came later had no part in it
            amounts[unit] += amount
        sign = _sign(entry, found)
        for unit, amount in amounts.items():
            balance[unit] += sign * amount
        owed = sum(side.owed_own for side in step.after)
        lines.append(Line(number, entry, dict(amounts), dict(balance), step.own, owed))
    return lines


def _sign(entry: Entry, found: Sequence[Entry]) -> int:
    if entry.kind == "reversal" and entry.note is not None:
        return -_EFFECT.get(found[int(entry.note) - 1].kind, 0)
    return _EFFECT.get(entry.kind, 0)


def loan_statement(bank: Bank, held: Held, name: Name, now_ms: int) -> Paper:
    """Return the statement of one of the bank's loans as it stands now."""
    view = held.view
    quotas = bank.quotas([part.quota for part in view.allocations])
    return Paper(
        title_en="Statement of a loan",
        title_zh="融资明细",
        number=f"S-{view.id[:8]}-{len(history(bank, held))}",
        issued=issued_at(now_ms),
        sections=(
            Section("Loan", "融资", _loan_rows(held, name)),
            Section("Declarations", "报关单", table=_declarations(held, quotas)),
            Section("History", "记录", table=_history(history(bank, held), held)),
            Section("Receipts from the buyer", "收汇", _short_rows(quotas, view.product), _receipts(bank, view.id)),
        ),
        notes_en="In brackets: in the declarations' currencies; the rates of the hold stay." if held.is_foreign else "",
        notes_zh="括号内为报关单币种金额；占用时约定的汇率不作调整。" if held.is_foreign else "",
    )


def _loan_rows(held: Held, name: Name) -> tuple[Row, ...]:
    view = held.view
    flags = ", ".join(_FLAGS[flag] for flag in flags_of(view)) or "none 无"
    return (
        Row("Bank", "银行", f"{name.en} {name.zh}"),
        Row("Borrower", "企业", held.booked.customer or "not known to this bank 不详"),
        Row("Loan", "融资编号", view.id),
        Row("Product", "产品", PRODUCTS[view.product]),
        Row("State", "状态", STATES[view.state]),
        Row("Flags", "标识", flags),
        Row("Principal agreed", "融资金额", money(view.amount, view.currency), "right"),
        Row("Outstanding", "未还余额", both(held, held.owed, view.outstanding), "right"),
        Row("Interest received", "已收利息", money(view.interest, view.currency), "right"),
        Row("Maturity", "到期日", last_day(view.maturity_ms)),
    )


def _declarations(held: Held, quotas: Sequence[Quota]) -> Table:
    columns = (
        Column("Declaration", "报关单号", share=3),
        Column("Attested", "核证金额", "right", share=2),
        Column("Drawn", "放款", "right", share=2),
        Column("Repaid", "还款", "right", share=2),
        Column("Outstanding", "未还余额", "right", share=2),
    )
    rows = tuple(
        (number, *(money(amount, part.unit) for amount in (quota.attested, part.drawn, part.repaid, part.outstanding)))
        for number, part, quota in zip(held.numbers, held.view.allocations, quotas, strict=True)
    )
    return Table(columns, rows)


def _history(lines: Sequence[Line], held: Held) -> Table:
    columns = (
        Column("No.", "序号", "right", share=2),
        Column("Day", "日期", share=3),
        Column("Event", "事项", share=6),
        Column("Amount", "金额", "right", share=5),
        Column("Interest", "利息", "right", share=4),
        Column("Balance", "余额", "right", share=5),
    )
    return Table(columns, tuple(_history_row(line, held) for line in lines))


def _history_row(line: Line, held: Held) -> tuple[str, ...]:
    entry = line.entry
    reversed_by = f" (reversed by 冲正 {entry.reversed_by})" if entry.reversed_by else ""
    note = f": {entry.note}" if entry.note else ""
    interest = money(entry.interest, held.view.currency) if entry.interest else ""
    return (
        str(line.number),
        issued_at(entry.time_ms).date().isoformat(),
        f"{KINDS[entry.kind]}{note}{reversed_by}",
        both(held, line.own, line.amounts),
        interest,
        both(held, line.own_balance, line.balance),
    )


def _short_rows(quotas: Sequence[Quota], product: str) -> tuple[Row, ...]:
    collected: Counter[str] = Counter()
    short: Counter[str] = Counter()
    for quota in quotas:
        collected[quota.unit] += quota.collected
        short[quota.unit] += short_of(quota)
    rows = [Row("Collected", "已收汇", sums(dict(collected)), "right")]
    if any(short.values()):
        bearer = "the bank 银行" if product == "forfaiting" else "the seller 卖方"
        rows.append(Row("Paid short", "短付", sums(+short), "right"))
        rows.append(Row("Borne by", "承担方", f"{bearer}; or as agreed 另有约定除外"))
    return tuple(rows)


def _receipts(bank: Bank, financing: str) -> Table:
    columns = (Column("Day", "日期"), Column("Amount", "金额", "right", share=2), Column("Id", "编号", share=2))
    return Table(columns, tuple(_receipt(one) for one in bank.book.collections(financing)))


def _receipt(one: BookedCollection) -> tuple[str, ...]:
    return issued_at(one.taken_ms).date().isoformat(), one.text, one.id
