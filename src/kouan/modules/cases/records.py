"""What the module keeps on the ledger besides the quotas of papers. Fields stand in alphabetical order, as encoded."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kouan.kernel.encoding import Bytes32, Code, Count
from kouan.kernel.records import Record

MAX_DOCUMENTS = 64
MAX_SELF_DECLARED = 24
"""Of each purpose, so that they keep no better evidenced document out."""

Purpose = Literal["buyer", "seller"]
"""Whose finance a paper is recorded for; each purpose has an amount of its own."""
PaperKind = Literal["contract", "invoice", "order", "transport"]
Evidence = Literal["self", "confirmed", "attested"]
Grounds = Literal["originals-seen", "other-currency", "other-shipment", "part-of-amount", "pays-other-side-off"]
QuotaId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\.[A-Z0-9]{3,8}\Z")]


class Review(Record, frozen=True):
    """A bank has looked at a case and goes on, for a reason."""

    reason: Grounds
    revision: Count
    """The case's revision that it has seen; what the bank itself does afterwards it has seen too."""


class Case(Record, frozen=True):
    """The documents of one trade. Key: ``case/<id>``.

    What is drawn on a case is not kept here: it is the sum over its documents' quotas, so the two cannot disagree.
    """

    allocations: Count
    """How many allocations of loans were ever put on its documents; it never falls."""
    chain: Bytes32
    """Over every one of them, in order: cancelling does not forget. See `kouan.modules.cases.rules.chained`."""
    conflicts: Count
    """How often a link was shown that would have merged it, and that only an authority may make."""
    documents: Annotated[list[QuotaId], Meta(max_length=MAX_DOCUMENTS)]
    """Sorted. Empty once merged."""
    id: Bytes32
    merged_into: Bytes32 | None
    """The case that it is a part of."""
    reviews: dict[Code, Review]
    """Each bank's last."""
    revision: Count
    """How often a document came or went, a loan was put on one, or money went out on one of several."""

    def is_seen_by(self, bank: str) -> bool:
        """Tell whether a bank has reviewed the case as it stands."""
        review = self.reviews.get(bank)
        return review is not None and review.revision == self.revision


class Fingerprint(Record, frozen=True):
    """Which document carries an exact fingerprint. Key: ``fingerprint/<43 characters>``.

    The best evidenced that carried it first. It holds while that document is in the trade in which it carried it.
    """

    case: Bytes32
    document: QuotaId
