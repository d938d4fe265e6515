"""What a refusal means for this bank: which declaration, what is still free on it, and the next step.

The other banks on a declaration are never named, nor their loans shown one by one: what others owe is credit reporting,
and members compete. A bank learns that a declaration is financed, and how much of it is free.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from kouan.client.bank import Bank
from kouan.client.session import Result
from kouan.formats.money import money
from kouan.kernel.quota import available, held, key_of
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.rules import PAPERS

Lang = Literal["en", "zh"]


class Explained(NamedTuple):
    """A refusal in the bank's own terms."""

    text: str
    """What it is about: "declaration …0007: already financed on this ledger: free USD 0.00 of 40,000.00"."""
    details: dict[str, Any]
    """The same for programs; amounts in minor units."""


def explain(bank: Bank, result: Result, lang: Lang, *, paid_out: str | None = None) -> Explained | None:
    """Return what a refusal means, or None where it is not about a declaration.

    ``paid_out``: the loan, for a refused payout: what it holds itself is not in its way.
    """
    if "." not in result.at:
        return None
    number = bank.book.number_of(result.at)
    quota = bank.session.read(Quota, key_of(result.at))
    name = _name(number or result.at, lang, is_paper=quota is not None and quota.kind in PAPERS)
    if quota is None:
        return Explained(name, {"declaration": number, "quota": result.at})
    now_ms = bank.session.now_ms()
    free = available(quota, now_ms)
    details = {
        "declaration": number,
        "quota": quota.id,
        "unit": quota.unit,
        "attested_minor": quota.attested,
        "limit_minor": quota.limit,
        "free_minor": free,
    }
    if result.code is not Rejection.QUOTA_EXCEEDED:
        return Explained(name, details)
    if paid_out is not None:
        most = _payable(quota, paid_out, now_ms)
        is_amended = any(
            quota.revision > part.revision for part in bank.loan(paid_out).allocations if part.quota == quota.id
        )
        text = f"{name}{_shrunk(lang, is_amended=is_amended)}{_at_most(money(most, quota.unit), lang)}"
        return Explained(text, {**details, "payable_minor": most})
    is_drawn = bool(quota.used or quota.spent or held(quota, now_ms))
    return Explained(f"{name}{_why(lang, is_drawn=is_drawn)}{_free(quota, free, lang)}", details)


def _name(name: str, lang: Lang, *, is_paper: bool) -> str:
    if is_paper:
        return f"单证 {name}" if lang == "zh" else f"document {name}"
    short = f"…{name[-4:]}" if name.isdecimal() else name
    return f"报关单 {short}" if lang == "zh" else f"declaration {short}"


def _why(lang: Lang, *, is_drawn: bool) -> str:
    if lang == "zh":
        return "：已在本账本上融资：" if is_drawn else "：申请超过可融资金额："
    return ": already financed on this ledger: " if is_drawn else ": more than it carries: "


def _payable(quota: Quota, financing: str, now_ms: int) -> int:
    """Return what of a loan's own hold the quota still carries."""
    own = sum(hold.amount for hold in quota.holds if hold.financing == financing and hold.lapse_ms > now_ms)
    others = held(quota, now_ms) - own
    return max(0, min(own, quota.limit - quota.used - quota.spent - others))


def _shrunk(lang: Lang, *, is_amended: bool) -> str:
    if lang == "zh":
        return "：海关已改单：" if is_amended else "：占用后可融资总额已减少："
    return ": customs amended it: " if is_amended else ": it carries less than when it was held: "


def _at_most(amount: str, lang: Lang) -> str:
    return f"本行占用中最多可放款 {amount}" if lang == "zh" else f"at most {amount} of what you hold can be paid out"


def _free(quota: Quota, free: int, lang: Lang) -> str:
    amount, of = money(free, quota.unit), money(quota.limit, quota.unit).partition(" ")[2]
    return f"可融资余额 {amount}，共 {of}" if lang == "zh" else f"free {amount} of {of}"
