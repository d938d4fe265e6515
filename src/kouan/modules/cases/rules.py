"""Evidence, sides and caps: pure rules over the quotas of a case's documents; the messages that are signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, get_args

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes32, Code, encode, from_text, to_text
from kouan.kernel.records import Hold, Quota, Record
from kouan.kernel.registry import Parameter
from kouan.kernel.suites import digest
from kouan.modules.cases.records import PaperKind, QuotaId

BANK: Final = frozenset({"bank"})
ATTESTER: Final = "attester"
EVALUATOR: Final = "evaluator"
DECLARATION: Final = "export"
PAPERS: Final = frozenset(get_args(PaperKind))
KINDS: Final = PAPERS | {DECLARATION}
SHIPMENTS: Final = frozenset({DECLARATION, "invoice", "transport"})
"""Papers of goods that were shipped. Order and contract are agreements, under which there may be many shipments."""
FORGED: Final = "forged"
UNSIGNED: Final = "unsigned"
"""The fact of a document that came into its case without a word of the other side."""

STATEMENT_TAG: Final = "kouan/fingerprint/1"
JOIN_TAG: Final = "kouan/join/1"
NO_LOANS: Final = to_text(bytes(32))
"""The chain of a case on which no loan was ever put."""

_STRENGTH: Final = {"self": 0, "confirmed": 1, "attested": 2}
RATIO: Final = {evidence: f"cases.ratio_bp.{evidence}" for evidence in _STRENGTH}
_MEANING: Final = {
    "self": "what may be financed of a paper that only its owner vouches for",
    "confirmed": "what may be financed of a paper that the counterparty has confirmed",
    "attested": "what may be financed of a paper that an authority has attested",
}
_DEFAULT_BP: Final = {"self": 7000, "confirmed": 8000, "attested": 8000}

EVALUATIONS_PER_HOUR: Final = "cases.evaluations_per_hour"
PARAMETERS: Final[tuple[Parameter, ...]] = (
    *(
        Parameter(name, "basis points", _DEFAULT_BP[evidence], 0, quotas.FULL_BP, _MEANING[evidence])
        for evidence, name in RATIO.items()
    ),
    Parameter(
        EVALUATIONS_PER_HOUR, "questions", 1000, 1, 1_000_000, "how often a bank may ask the evaluator in an hour"
    ),
)


class Carried(Record, frozen=True):
    """An exact fingerprint that a document carries: its own number's, or that of a paper it names."""

    fingerprint: Bytes32
    """The evaluator's keyed function of the number and the parties."""
    kind: PaperKind
    """Of which kind of paper the number is; that of the document's own kind is its own."""


class Statement(Record, frozen=True):
    """What the evaluator signs, under ``kouan/fingerprint/1``, after it was shown a document."""

    alliance: Bytes32
    commitment: Bytes32
    """The document's commitment to its fingerprints, which the evaluator has seen opened."""
    fingerprints: list[Carried]
    member: Code
    """The bank that showed the document."""


class JoinConsent(Record, frozen=True):
    """What the owner of a document signs with its draw key, under ``kouan/join/1``."""

    alliance: Bytes32
    documents: list[QuotaId]
    """The documents that belong to one trade, sorted; this one among them."""


class Side(NamedTuple):
    """Within a trade only amounts of one currency for one purpose are added up."""

    unit: str
    purpose: str


def statement_message(alliance: str, commitment: str, fingerprints: list[Carried], member: str) -> bytes:
    """Return the canonical bytes of an evaluator's statement."""
    return encode(Statement(alliance, commitment, fingerprints, member))


def join_message(alliance: str, documents: Iterable[str]) -> bytes:
    """Return the canonical bytes that draw keys sign to bring documents into one case."""
    return encode(JoinConsent(alliance, sorted(documents)))


def case_key(case: str) -> str:
    """Return the key under which a case stands in the state."""
    return f"case/{case}"


def fingerprint_key(fingerprint: str) -> str:
    """Return the key under which it stands which document carries a fingerprint."""
    return f"fingerprint/{fingerprint}"


def paper_id(fingerprint: str, purpose: str, unit: str, edition: int) -> str:
    """Return the quota id of a paper: of its own fingerprint, so recording it twice collides.

    ``edition`` counts the forgeries of it that the overseer has found, so that none of them blocks the true one.
    """
    handle = digest("kouan/paper/1", from_text(fingerprint), edition.to_bytes(4), purpose.encode())
    return f"{to_text(handle)}.{unit}"


def chained(chain: str, financing: str) -> str:
    """Return a case's chain after another allocation of a loan (its 16-byte id)."""
    return to_text(digest("kouan/case-loan/1", from_text(chain), from_text(financing)))


def merged_chain(larger: str, smaller: str) -> str:
    """Return the chain of two merged cases."""
    return to_text(digest("kouan/case-merge/1", from_text(larger), from_text(smaller)))


def evidence_of(quota: Quota) -> str:
    """Return how well a document is evidenced; a declaration is attested by customs."""
    return "attested" if quota.kind == DECLARATION else quota.facts["evidence"]


def strength(quota: Quota) -> int:
    """Return 0 for self-declared, 1 for confirmed by the counterparty, 2 for attested."""
    return _STRENGTH[evidence_of(quota)]


def is_attested(quota: Quota) -> bool:
    """Tell whether an authority vouches for a document."""
    return evidence_of(quota) == "attested"


def best(documents: Sequence[Quota]) -> list[str]:
    """Return those that nothing among them is better evidenced than; one of their owners speaks for all."""
    most = max(map(strength, documents))
    return [quota.id for quota in documents if strength(quota) == most]


def purpose_of(quota: Quota) -> str:
    """Return whose finance a document serves; a declaration of an export is the seller's."""
    return quota.facts.get("purpose", "seller")


def side_of(quota: Quota) -> Side:
    """Return with what a document's amounts are added up."""
    return Side(quota.unit, purpose_of(quota))


def on_side(documents: Iterable[Quota], own: Quota) -> list[Quota]:
    """Return the documents whose amounts are added up with one's own."""
    return [document for document in documents if side_of(document) == side_of(own)]


def is_unsigned(quota: Quota) -> bool:
    """Tell whether a document came into its case without a word of the other side: its finance does not stop that."""
    return UNSIGNED in quota.facts


def is_to_be_seen(other: Quota, own: Quota) -> bool:
    """Tell whether money out on another document has to be looked at before a draw on ``own``."""
    if purpose_of(other) != purpose_of(own):
        return not is_unsigned(other)
    if other.unit != own.unit:
        return True
    return other.kind != own.kind and {other.kind, own.kind} <= SHIPMENTS


def weighed_with(documents: Iterable[Quota], own: Quota) -> list[list[Quota]]:
    """Return what a draw on ``own`` is weighed with: its side, and of a shipment also the shipments of its side alone.

    A contract may carry many shipments: beside it one of them would be lent on twice, through two of its papers.
    """
    side = on_side(documents, own)
    shipments = [document for document in side if document.kind in SHIPMENTS]
    return [side, shipments] if own.kind in SHIPMENTS else [side]


def out_on(quota: Quota) -> int:
    """Return what was paid out on a document and has not come back."""
    return quota.used + quota.spent


def total(together: Iterable[Quota], own: Quota, time_ms: int, financing: str, *, is_paid_out: bool) -> int:
    """Return what a loan's draw on ``own`` is weighed together with, that draw included: all money out, and holds.

    Holds of other loans on weaker evidence do not count: they block stronger evidence only once money was paid out.
    The loan's own holds count, except where it is paid out: each part of them is weighed when its turn comes.
    """

    def counts(hold: Hold, document: Quota) -> bool:
        if hold.lapse_ms <= time_ms:
            return False
        return not is_paid_out if hold.financing == financing else strength(document) >= strength(own)

    return sum(
        out_on(document) + sum(hold.amount for hold in document.holds if counts(hold, document))
        for document in together
    )


def cap(together: Iterable[Quota], own: Quota) -> int:
    """Return what documents of a side carry for a draw on ``own``: the highest sum of one kind of document.

    Only documents that are evidenced at least as well count. What the buyer has paid on one kind of document is paid
    on the others as well, so the rest of it comes off at their ratio.
    """
    by_kind: dict[str, list[Quota]] = {}
    for document in together:
        if strength(document) >= strength(own):
            by_kind.setdefault(document.kind, []).append(document)
    most_paid = max(sum(map(_paid, group)) for group in by_kind.values())
    return max(_carried(group, most_paid) for group in by_kind.values())


def _carried(group: Sequence[Quota], most_paid: int) -> int:
    elsewhere = most_paid - sum(map(_paid, group))
    ratio_bp = max(document.ratio_bp for document in group)
    limits = sum(document.limit for document in group if document.status == "active")
    return max(0, limits - -(-elsewhere * ratio_bp // quotas.FULL_BP))


def _paid(quota: Quota) -> int:
    """Return what of a document needs no finance any more: a short rest of one paid for good included."""
    return max(quota.collected, quota.attested) if quota.settled else quota.collected
