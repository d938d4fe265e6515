"""Whether a proof's statement follows from its leaves, and how that is said to people.

What is handled here is steps 7 and 8 of the procedure in `kouan.client.verifier`: the leaves are taken as the
ledger's own records. Loans are read only in the fields that a statement is about, quotas in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from kouan.client.failures import Failure, NotProvenError
from kouan.formats.money import MoneyError, money
from kouan.kernel.encoding import Code, Count, Positive, Unit
from kouan.kernel.proof import (
    AvailableStatement,
    FinancedStatement,
    Leaf,
    NotFinancedStatement,
    QuotaId,
    RecordStatement,
    Statement,
    leaf_keys,
)
from kouan.kernel.quota import available, held
from kouan.kernel.records import Quota

T = TypeVar("T")


class Finding(NamedTuple):
    """What follows from the leaves, as parts of sentences."""

    en: str
    """Stands before "on this ledger at height …"."""
    zh: str
    """Stands after 在本账本高度…."""
    custodial: bool = False
    en_more: str = ""
    zh_more: str = ""


class _Allocation(msgspec.Struct, frozen=True):
    """Amounts in minor units of the quota's unit."""

    amount: Count
    """What the loan may draw in all."""
    drawn: Count
    held: Count
    """Set aside and not yet drawn; it counts until the loan's ``lapse_ms``."""
    quota: QuotaId
    repaid: Count


class _Loan(msgspec.Struct, frozen=True):
    """The fields of a loan that a statement is about; what else it has may change from version to version."""

    allocations: Annotated[list[_Allocation], Meta(min_length=1)]
    amount: Positive
    bank: Code
    currency: Unit
    id: str
    lapse_ms: Count


def follow(statement: Statement, leaves: Sequence[Leaf], time_ms: int) -> Finding:
    """Return what the leaves show of the statement at the checkpoint's time; raises NotProvenError."""
    match statement:
        case RecordStatement():
            return _record(statement, leaves)
        case AvailableStatement():
            return _available(statement, leaves, time_ms)
        case NotFinancedStatement():
            return _not_financed(statement, leaves, time_ms)
        case FinancedStatement():
            return _financed(statement, leaves, time_ms)


def _record(statement: RecordStatement, leaves: Sequence[Leaf]) -> Finding:
    _check_keys(leaves, leaf_keys(statement))
    if leaves[0].value is None:
        return Finding(f"there is no record at {statement.key}", f"{statement.key} 处没有记录")
    return Finding(f"the record in this proof stands at {statement.key}", f"{statement.key} 处的记录即本证明所载记录")


def _available(statement: AvailableStatement, leaves: Sequence[Leaf], time_ms: int) -> Finding:
    _check_keys(leaves, leaf_keys(statement))
    quota = _quota(leaves[0], statement.quota)
    if quota is None:
        _fail(Failure.NO_QUOTA)
    if available(quota, time_ms) != statement.amount:
        _fail(Failure.OTHER_AMOUNT)
    amount = _money(statement.amount, quota.unit)
    limits = {"export": "可融资余额", "import": "可付款余额"}.get(quota.kind, "可用余额")
    return Finding(f"{amount} of {quota.id} is available", f"{quota.id} 的{limits}为 {amount}", quota.custodial)


def _not_financed(statement: NotFinancedStatement, leaves: Sequence[Leaf], time_ms: int) -> Finding:
    _check_keys(leaves, leaf_keys(statement))
    quota = _quota(leaves[0], statement.quota)
    en, zh = f"{statement.quota} is not financed", f"{statement.quota} 未被融资"
    if quota is None:
        return Finding(en, zh, en_more="; it has no record there", zh_more=";账本上没有它的记录")
    if quota.used or quota.spent or held(quota, time_ms):
        _fail(Failure.DRAWN)
    if quota.draws == 0:
        return Finding(en, zh, quota.custodial)
    en_more = f"; it was financed before (drawdowns: {quota.draws}) and nothing of that is outstanding"
    return Finding(en, zh, quota.custodial, en_more, f";此前曾放款 {quota.draws} 次,现无未还余额")


def _financed(statement: FinancedStatement, leaves: Sequence[Leaf], time_ms: int) -> Finding:
    _check_keys(leaves[:1], leaf_keys(statement))
    if leaves[0].value is None:
        _fail(Failure.NO_LOAN)
    loan = _read(leaves[0].value, _Loan)
    if loan.id != statement.financing or any(part.repaid > part.drawn for part in loan.allocations):
        _fail(Failure.RECORD_SHAPE)
    _check_keys(leaves, leaf_keys(statement, [allocation.quota for allocation in loan.allocations]))
    quotas = [_quota(leaf, leaf.key.removeprefix("quota/")) for leaf in leaves[1:]]
    if not any(part.drawn for part in loan.allocations):
        _fail(Failure.NOT_PAID_OUT)
    if None in quotas:
        _fail(Failure.NO_QUOTA)
    there = [quota for quota in quotas if quota]
    amount, (paid_en, paid_zh) = _money(loan.amount, loan.currency), _paid_out(loan, [quota.unit for quota in there])
    state_en, state_zh = ("settled", "已结清") if _is_settled(loan, time_ms) else ("not settled", "尚未结清")
    return Finding(
        f"loan {loan.id} of {loan.bank} over {amount} ({paid_en}) is {state_en}",
        f"{loan.bank} 的融资 {loan.id}(金额 {amount};{paid_zh}){state_zh}",
        any(quota.custodial for quota in there),
    )


def _is_settled(loan: _Loan, time_ms: int) -> bool:
    """Tell whether nothing is owed, nor set aside to be paid out later; the stored state does not know of lapses."""
    is_held = loan.lapse_ms > time_ms and any(part.held for part in loan.allocations)
    return not is_held and all(part.drawn == part.repaid for part in loan.allocations)


def _paid_out(loan: _Loan, units: list[str]) -> tuple[str, str]:
    """Say what is paid out, of how much, and what is owed, for each unit; ``units``: those of the allocations."""
    en, zh = [], []
    for unit in dict.fromkeys(units):
        parts = [part for part, other in zip(loan.allocations, units, strict=True) if other == unit]
        sums = (sum(part.drawn for part in parts), sum(part.amount for part in parts), sum(map(_owed, parts)))
        paid, agreed, owed = (_money(amount, unit) for amount in sums)
        en.append(f"paid out {paid} of {agreed} agreed, outstanding {owed}")
        zh.append(f"约定 {agreed},已放款 {paid},未还 {owed}")
    return "; ".join(en), ";".join(zh)


def _owed(part: _Allocation) -> int:
    return part.drawn - part.repaid


def _check_keys(leaves: Sequence[Leaf], keys: list[str]) -> None:
    """Step 7: these leaves and no others, in this order."""
    if [leaf.key for leaf in leaves] != keys:
        _fail(Failure.LEAF_KEY)


def _quota(leaf: Leaf, quota_id: str) -> Quota | None:
    if leaf.value is None:
        return None
    quota = _read(leaf.value, Quota)
    if quota.id != quota_id:
        _fail(Failure.RECORD_SHAPE)
    return quota


def _read(value: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        _fail(Failure.RECORD_SHAPE)


def _fail(failure: Failure) -> NoReturn:
    raise NotProvenError(failure)


def _money(amount: int, unit: str) -> str:
    try:
        return money(amount, unit)
    except MoneyError:
        return f"{amount:,} {unit} (minor units)"
