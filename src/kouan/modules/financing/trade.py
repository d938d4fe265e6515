"""What the module asks of whoever knows which documents describe one trade 同一贸易背景."""

from __future__ import annotations

from typing import Protocol

from kouan.kernel.records import Quota
from kouan.kernel.registry import Context
from kouan.kernel.rejections import Refusal


class Cases(Protocol):
    """Judges what is lent on a document together with all that is lent on the same trade.

    Asked once the draw stands on the document's own quota, which the state then holds as it would be afterwards. A
    document that belongs to no trade case must cost no reading.
    """

    def place(self, ctx: Context, quota: Quota, financing: str) -> Refusal | None:
        """Take note that the signing bank put a loan on the document, or say why it may not: hold, refinance, …."""

    def pay_out(self, ctx: Context, quota: Quota, financing: str) -> Refusal | None:
        """Take note that the bank turned a part of its hold into money, or say why it may not."""

    def note(self, ctx: Context, quota: Quota) -> None:
        """Take note of money out that is a fact and nobody may refuse: brought in, or a repayment that was none."""
