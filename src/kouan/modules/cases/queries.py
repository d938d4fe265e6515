"""What a person wants to see of a trade: its documents, what is drawn on it, what it carries, what to look at."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from kouan.kernel import quota as quotas
from kouan.kernel.records import Quota
from kouan.kernel.state import Reader
from kouan.modules.cases import rules
from kouan.modules.cases.commands.recording import vacant_id
from kouan.modules.cases.joining import case_of, documents_of
from kouan.modules.cases.records import Case, Review
from kouan.modules.cases.rules import Side

Concern = Literal["beyond-stronger", "both-sides", "conflict", "currencies", "two-shipment-kinds", "weaker-hold"]
CONCERNS: Final[dict[Concern, str]] = {
    "beyond-stronger": "more is out than better evidence than some loans stand on would carry",
    "both-sides": "buyer and seller both have finance on the trade, or have set some aside",
    "conflict": "a link was shown that would merge it with another trade, and no authority vouches for it",
    "currencies": "finance on the trade is in more than one currency",
    "two-shipment-kinds": "finance stands on papers of different kinds that may be of one shipment",
    "weaker-hold": "something is held on weaker evidence than that of another document",
}


class DocumentView(msgspec.Struct, frozen=True):
    """A document of a case at one moment; amounts in minor units of its side's unit."""

    quota: str
    kind: str
    evidence: str
    side: Side
    status: str
    limit: int
    used: int
    held: int


class SideView(msgspec.Struct, frozen=True):
    """What of a trade is added up."""

    side: Side
    used: int
    held: int
    caps: dict[str, int]
    """For each evidence that one of its documents has, what a draw on that document is weighed against."""
    shipment_caps: dict[str, int]
    """The same for its shipments, which are weighed alone as well."""


class CaseView(msgspec.Struct, frozen=True):
    """A case at one moment."""

    id: str
    documents: list[DocumentView]
    sides: list[SideView]
    allocations: int
    """How many allocations of loans were ever put on its documents since they came into it."""
    chain: str
    concerns: list[Concern]
    """What a person should look at."""
    reviews: dict[str, Review]
    revision: int

    def needs_review(self, bank: str) -> bool:
        """Tell whether there is something to look at that the bank has not seen as it stands."""
        seen = self.reviews.get(bank)
        return bool(self.concerns) and (seen is None or seen.revision != self.revision)


def case_view(reader: Reader, quota_id: str, time_ms: int) -> CaseView | None:
    """Return the case that a document belongs to, at a time; None for a document on its own."""
    quota = reader.read(Quota, quotas.key_of(quota_id))
    case = None if quota is None else case_of(reader, quota)
    if case is None:
        return None
    documents = documents_of(reader, case)
    sides = sorted({rules.side_of(document) for document in documents})
    return CaseView(
        id=case.id,
        documents=[_document_view(document, time_ms) for document in documents],
        sides=[_side_view(documents, side, time_ms) for side in sides],
        allocations=case.allocations,
        chain=case.chain,
        concerns=_concerns(case, documents, time_ms),
        reviews=case.reviews,
        revision=case.revision,
    )


def next_paper_id(reader: Reader, fingerprint: str, purpose: str, unit: str) -> str:
    """Return the quota id under which a paper of this fingerprint stands, or would be recorded now."""
    return vacant_id(reader, fingerprint, purpose, unit)[0]


def _document_view(document: Quota, time_ms: int) -> DocumentView:
    return DocumentView(
        quota=document.id,
        kind=document.kind,
        evidence=rules.evidence_of(document),
        side=rules.side_of(document),
        status=document.status,
        limit=document.limit,
        used=rules.out_on(document),
        held=quotas.held(document, time_ms),
    )


def _side_view(documents: list[Quota], side: Side, time_ms: int) -> SideView:
    own = [document for document in documents if rules.side_of(document) == side]
    shipments = [document for document in own if document.kind in rules.SHIPMENTS]
    return SideView(
        side=side,
        used=sum(map(rules.out_on, own)),
        held=sum(quotas.held(document, time_ms) for document in own),
        caps={rules.evidence_of(document): rules.cap(own, document) for document in own},
        shipment_caps={rules.evidence_of(document): rules.cap(shipments, document) for document in shipments},
    )


def _concerns(case: Case, documents: list[Quota], time_ms: int) -> list[Concern]:
    busy = [one for one in documents if rules.out_on(one) or quotas.held(one, time_ms)]
    weaker_hold = any(
        quotas.held(weak, time_ms) and rules.strength(weak) < rules.strength(strong)
        for strong in documents
        for weak in rules.on_side(documents, strong)
    )
    beyond = any(
        sum(map(rules.out_on, together)) > rules.cap(together, one)
        for one in documents
        for together in rules.weighed_with(documents, one)
    )
    shipped: dict[Side, set[str]] = {}
    for one in busy:
        shipped.setdefault(rules.side_of(one), set()).update({one.kind} & rules.SHIPMENTS)
    holds: dict[Concern, bool] = {
        "beyond-stronger": beyond,
        "both-sides": len({rules.purpose_of(one) for one in busy}) > 1,
        "conflict": case.conflicts > 0,
        "currencies": len({one.unit for one in busy}) > 1,
        "two-shipment-kinds": any(len(kinds) > 1 for kinds in shipped.values()),
        "weaker-hold": weaker_hold,
    }
    return [concern for concern, is_so in holds.items() if is_so]
