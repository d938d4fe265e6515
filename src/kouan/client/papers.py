"""What a bank prints for its files: acceptance advice 受理通知 and verification receipt 核验回单.

Each fills the one layout of `kouan.formats.paper`; `docs/reference/papers.md` says what stands on which. The statement
of a loan is in `kouan.client.loan_statement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from kouan.client.bank_desk import Placed
from kouan.client.names import Name
from kouan.client.proofs import kind_of, qr_text, subject_of
from kouan.client.verifier import Verdict
from kouan.client.workdays import SHANGHAI, day_of
from kouan.formats.money import money
from kouan.formats.paper import Column, Paper, Row, Section, Table
from kouan.kernel.proof import read_proof
from kouan.kernel.quota import available
from kouan.kernel.records import Quota
from kouan.modules.financing.records import Financing
from kouan.modules.financing.rules import State, state_of

PRODUCTS: Final = {
    "export-bill": "Export bill 出口押汇",
    "factoring": "Factoring 保理",
    "forfaiting": "Forfaiting 福费廷",
    "insured": "Insured export finance 信保融资",
    "invoice": "Invoice finance 发票融资",
    "order": "Order finance 订单融资",
    "packing-loan": "Packing loan 打包贷款",
}
_CLAIMS: Final = {
    "available": "What is free of it 可融资余额",
    "financed": "What of the loan is paid out and owed 放款及未还余额",
    "not-financed": "That nothing of it is financed 未被融资",
    "record": "The record as it stands 记录原文",
}
STATES: Final[Mapping[State, str]] = {
    "disbursed": "disbursed 已放款",
    "held": "held 占用",
    "lapsed": "lapsed 到期自动释放",
    "released": "released 已解除占用",
    "settled": "settled 已结清",
}
_STATUS: Final = {"active": "active 有效", "suspended": "suspended 暂停", "withdrawn": "withdrawn 已撤单"}


class Asked(NamedTuple):
    """Who asked for a verification, and what that bank knows of the declaration."""

    bank: Name
    number: str | None
    """The declaration's number, where the bank was told."""
    owner: str | None
    """The owner's code."""
    numbers: Mapping[str, str] = MappingProxyType({})
    """The numbers that the bank was told of the declarations shown, by quota id."""


def issued_at(now_ms: int) -> datetime:
    """Return a moment as papers show it: in Shanghai's time."""
    return datetime.fromtimestamp(now_ms // 1000, SHANGHAI)


def last_day(end_ms: int) -> str:
    """Return the last day before a moment, which is what people call a maturity or a lapse.

    A moment past the end of the calendar, in the year 9999, is shown as its milliseconds since 1970.
    """
    try:
        return day_of(end_ms - 1).isoformat()
    except (OverflowError, ValueError):  # the calendar ends, at its edge with the former
        return f"{end_ms} ms"


def acceptance_advice(placed: Placed, bank: Name, product: str, maturity_ms: int, now_ms: int) -> Paper:
    """Return the advice that an application is accepted and its declarations are held 占用."""
    rows = [
        Row("Bank", "银行", f"{bank.en} {bank.zh}"),
        Row("Applicant", "申请企业", placed.customer),
        Row("Loan", "融资编号", placed.financing),
        Row("Product", "产品", PRODUCTS[product]),
        Row("Amount", "金额", money(*placed.lent), "right"),
        Row("Maturity", "到期日", last_day(maturity_ms)),
    ]
    if placed.lapse is not None:
        rows.append(Row("Held until the end of", "占用截止日", last_day(placed.lapse.moment_ms)))
    columns = (
        Column("Declaration", "报关单号", share=3),
        Column("Held", "占用金额", "right", share=2),
        Column("Attested", "核证金额", "right", share=2),
    )
    held = tuple(
        (one.number, money(one.amount, one.unit), money(one.attested, one.unit)) for one in placed.declarations
    )
    return Paper(
        title_en="Acceptance advice",
        title_zh="受理通知",
        number=f"A-{placed.financing[:8]}",
        issued=issued_at(now_ms),
        sections=(
            Section("Application", "申请", tuple(rows)),
            Section("Declarations held", "占用的报关单", table=Table(columns, held)),
        ),
        notes_en="What is held and not drawn lapses by itself at the end of that day. This is no promise to lend.",
        notes_zh="占用未放款的部分在截止日终了时到期自动释放。本通知不构成放款承诺。",
    )


def verification_receipt(proof: bytes, verdict: Verdict, asked: Asked, now_ms: int) -> Paper:
    """Return the receipt of a verification, with the proof's fingerprint in its QR code.

    It says what the proof says, at its height, and nothing wider. Raises ValueError for a proof that is not proven.
    """
    if not verdict.proven or verdict.time_ms is None:
        raise ValueError("proof: it does not prove its claim, so there is no receipt for it")
    shown = read_proof(proof)
    rows = (
        Row("Asked by", "查询方", f"{asked.bank.en} {asked.bank.zh}"),
        Row("Asked", "查询事项", _CLAIMS[kind_of(verdict.statement)]),
        Row("About", "查询对象", subject_of(verdict.statement)),
        *((Row("Declaration", "报关单号", asked.number),) if asked.number else ()),
        *((Row("Owner", "企业", asked.owner),) if asked.owner else ()),
    )
    quotas = [
        msgspec.convert(leaf.value, Quota) for leaf in shown.leaves if leaf.key.startswith("quota/") and leaf.value
    ]
    loans = [
        msgspec.convert(leaf.value, Financing)
        for leaf in shown.leaves
        if leaf.key.startswith("financing/") and leaf.value
    ]
    at = issued_at(verdict.time_ms).isoformat(sep=" ", timespec="seconds")
    result = (
        Row("Result", "核验结果", verdict.en),
        Row("Result in Chinese", "中文结果", verdict.zh),
        Row("Alliance", "联盟", shown.checkpoint.alliance),
        Row("Height, block time", "账本高度，区块时间", f"{shown.checkpoint.height}, {at}"),
        Row("Fingerprint", "证明文件指纹", verdict.fingerprint),
    )
    return Paper(
        title_en="Verification receipt",
        title_zh="核验回单",
        number=f"V-{shown.checkpoint.height}-{verdict.fingerprint[:8]}",
        issued=issued_at(now_ms),
        sections=(
            Section("Inquiry", "查询", rows),
            *(_loan_section(loan, verdict.time_ms) for loan in loans),
            *(_quota_section(quota, asked.numbers.get(quota.id), verdict.time_ms) for quota in quotas),
            Section("Verification", "核验", result),
        ),
        notes_en=(
            "This receipt speaks of this ledger at this height, and of nothing wider: finance on other ledgers, or "
            "outside any, is not excluded. It is proven by the proof file of this fingerprint, with: kouan verify."
        ),
        notes_zh=(
            "本回单仅就本账本在该高度的记录作出说明，不涉及其他账本或账本之外的融资。"
            "其依据是具有上述指纹的证明文件，可用 kouan verify 离线核验。"
        ),
        qr_text=qr_text(proof, verdict),
    )


def _loan_section(loan: Financing, time_ms: int) -> Section:
    rows = (
        Row("Loan", "融资编号", loan.id),
        Row("Lender", "融资银行", loan.bank),
        Row("Product", "产品", PRODUCTS.get(loan.product, loan.product)),
        Row("Amount agreed", "融资金额", money(loan.amount, loan.currency), "right"),
        Row("State", "状态", STATES[state_of(loan, time_ms)]),
    )
    return Section("Loan", "融资", rows)


def _quota_section(quota: Quota, number: str | None, time_ms: int) -> Section:
    free = (
        ("What may still be paid", "可付款余额")
        if quota.kind == "import"
        else ("What may still be financed", "可融资余额")
    )
    rows = (
        *((Row("Declaration", "报关单号", number),) if number else ()),
        Row("Quota", "额度编号", quota.id),
        Row("Status", "状态", _STATUS.get(quota.status, quota.status)),
        Row("Attested by", "核证机构", quota.issuer),
        Row("Attested", "核证金额", money(quota.attested, quota.unit), "right"),
        Row("Collected", "已收汇", money(quota.collected, quota.unit), "right"),
        Row(*free, money(available(quota, time_ms), quota.unit), "right"),
    )
    return Section(f"As attested, {quota.unit}", f"核证内容，{quota.unit}", rows)
