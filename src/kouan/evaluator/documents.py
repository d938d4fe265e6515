"""What a question shows: the fields of a document turned into the texts that are to become fingerprints."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from kouan.client.evaluating import EvaluationError, Question
from kouan.formats.errors import FormatError
from kouan.formats.fingerprints import (
    DeclarationNumbers,
    Fingerprint,
    declaration_features,
    declaration_fingerprints,
    exact_fingerprints,
    named_fingerprints,
    soft_features,
)
from kouan.formats.paper_forms import paper_of
from kouan.formats.trade_papers import Contract, Invoice, Order, TradePaper, TransportDocument

CREDIT_NOTE: Final = "credit-note"
_RECORDS: Final[dict[str, type[TradePaper]]] = {
    "contract": Contract,
    "invoice": Invoice,
    "order": Order,
    "transport": TransportDocument,
}


class Shown(NamedTuple):
    """A document's texts."""

    kind: str
    """That of the question; a credit note has one of its own."""
    own: list[Fingerprint]
    """Of its own number: one for each register's number of the party that numbers it."""
    named: list[Fingerprint]
    """Exact ones of the papers that it names."""
    soft: list[Fingerprint]


def shown_in(question: Question) -> Shown:
    """Return the texts of the document in a question; raises EvaluationError that names the field."""
    if question.kind == "export":
        return _declaration(question.fields)
    try:
        paper = paper_of(question.fields, "fields")
    except FormatError as problem:
        raise EvaluationError(f"fields: {problem.field} {problem.problem}") from None
    if not isinstance(paper, _RECORDS[question.kind]):
        raise EvaluationError(f"kind: is {question.kind}, but the fields are those of {question.fields['format']}")
    if isinstance(paper, Invoice) and paper.kind == CREDIT_NOTE:  # nobody lends on it: it is compared with nothing
        return Shown(CREDIT_NOTE, exact_fingerprints(paper), named_fingerprints(paper), [])
    return Shown(question.kind, exact_fingerprints(paper), named_fingerprints(paper), soft_features(paper))


def _declaration(fields: dict[str, Any]) -> Shown:
    found: dict[str, str | None] = {}
    for name in DeclarationNumbers._fields:
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            raise EvaluationError(f"fields: {name} is no text; give what the declaration says, or null")
        found[name] = value
    owner = found["owner_uscc"]
    if owner is None:
        raise EvaluationError("fields: owner_uscc is missing; every declaration has it")
    numbers = DeclarationNumbers(owner, found["contract_no"], found["bill_no"])
    return Shown("export", [], declaration_fingerprints(numbers), declaration_features(numbers))
