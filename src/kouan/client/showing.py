"""A bank shows a document to the evaluator: what it carries goes to the ledger, what it is like stays in the book."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from kouan.client.bank import Bank
from kouan.client.consents import ConsentPart
from kouan.client.evaluating import DocumentKind, Evaluator, ask, look
from kouan.client.filings import fingerprints_of
from kouan.client.likeness_book import BookedLikeness, BookedShowing
from kouan.client.paper_secrets import fingerprints_salt, numbered_version
from kouan.client.session import Result
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.commands.recording import Evaluation, LinkCommand
from kouan.modules.cases.joining import is_detached
from kouan.modules.cases.rules import DECLARATION, PAPERS

MAX_REASON: Final = 500
"""Characters."""


class LikenessError(ValueError):
    """A document looks like another, and nobody has recorded yet why the bank goes on; the text says what to do."""


class Document(NamedTuple):
    """What is shown of a document."""

    kind: DocumentKind
    number: str
    commitment: str
    """To the fingerprints."""
    secret: bytes
    """A paper's, or a declaration's link secret."""
    fields: dict[str, Any]
    """What the commitment is to."""


def document_of(part: ConsentPart, quota: Quota) -> Document | None:
    """Return what of a consent's part is shown to the evaluator; None for a kind that belongs to no trade case."""
    secret = from_text(part.link_secret)
    if quota.kind == DECLARATION:
        return Document("export", part.number, quota.fingerprints, secret, fingerprints_of(part.document))
    if quota.kind in PAPERS:
        kind = msgspec.convert(quota.kind, DocumentKind)
        numbered = numbered_version(part.document, part.earlier, secret, quota.fingerprints)
        return Document(kind, part.number, quota.fingerprints, secret, numbered)
    return None


def show(bank: Bank, evaluator: Evaluator, document: Document) -> Evaluation | None:
    """Ask the evaluator about a document, and book what it answers; raises EvaluationError.

    Returns what it signed, or None for a document without a number that the ledger could know it by.
    """
    salt = to_text(fingerprints_salt(document.secret))
    question = ask(bank.asker, document.kind, document.commitment, salt, document.fields)
    answer = evaluator.evaluate(*question)
    evaluation = None if answer.evaluation is None else msgspec.json.encode(answer.evaluation)
    showing = BookedShowing(document.commitment, document.number, _key(bank), bank.session.now_ms(), evaluation)
    with bank.book.together():
        bank.book.likenesses.show(showing)
        bank.book.likenesses.add(answer.likenesses)
    return answer.evaluation


def shown(bank: Bank, evaluator: Evaluator, document: Document) -> Evaluation | None:
    """Return what the evaluator signed of a document, asking only where this bank has not; raises EvaluationError."""
    booked = bank.book.likenesses.shown(document.commitment)
    if booked is None:
        return show(bank, evaluator, document)
    return None if booked.evaluation is None else msgspec.json.decode(booked.evaluation, type=Evaluation)


def link(bank: Bank, evaluator: Evaluator, part: ConsentPart, quota: Quota) -> Result | None:
    """Show a consent's document, and link a declaration that is in no trade case yet 关联单证.

    Returns what the ledger answered; None where there was nothing to link: a paper is in a case from its recording.
    Raises EvaluationError.
    """
    document = document_of(part, quota)
    if document is None:
        return None
    evaluation = shown(bank, evaluator, document)
    if evaluation is None or quota.kind != DECLARATION or "case" in quota.facts or is_detached(quota):
        return None
    return bank.send("cases.link/1", LinkCommand([], evaluation, quota.id))


def is_remark(result: Result) -> bool:
    """Tell whether a refused link stops no loan: the case is full, so the declaration answers to its own quota."""
    return result.code is Rejection.CASE_FULL


def pull(bank: Bank, evaluator: Evaluator) -> None:
    """Book what was found alike to this bank's documents since it last asked; raises EvaluationError."""
    likenesses = bank.book.likenesses
    found = evaluator.likenesses(*look(bank.asker, likenesses.pulled_to_ms()))
    with bank.book.together():
        likenesses.add(found)
        if found:
            likenesses.pull_to(max(one.time_ms for one in found))


def clear(bank: Bank, likeness: int, reason: str) -> BookedLikeness:
    """Record that the acting person goes on although a document looks like another, and why.

    Raises ValueError when there is no such likeness or it is cleared, for an empty reason, and for the key that showed
    the document itself.
    """
    found = bank.book.likenesses.one(likeness)
    if found is None:
        raise ValueError(f"likeness: the book has no {likeness}; `kouan paper likenesses` shows them")
    if found.cleared_ms is not None:
        raise ValueError(f"likeness: {likeness} was cleared by the key {found.cleared_by}: {found.reason}")
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        raise ValueError(f"reason: must be 1 to {MAX_REASON} characters; say what was seen and why the bank goes on")
    if found.shown_by == _key(bank):
        raise ValueError(
            f"--key: {found.shown_by} took the document in; another person clears it, with a key of theirs"
        )
    bank.book.likenesses.clear(likeness, _key(bank), reason.strip(), bank.session.now_ms())
    cleared = bank.book.likenesses.one(likeness)
    if cleared is None:
        raise AssertionError("a likeness that was there is gone")
    return cleared


def must_be_cleared(bank: Bank, quotas: list[Quota]) -> None:
    """Raise LikenessError while something that looks like one of these documents is to be reviewed."""
    found = bank.book.likenesses.open_of({quota.fingerprints for quota in quotas})
    if found:
        raise LikenessError("; ".join(told(bank, one) for one in found))


def told(bank: Bank, one: BookedLikeness) -> str:
    """Say what a likeness is and what to do about it."""
    whose = "this bank" if one.other_member == bank.session.member else one.other_member
    name = one.number or one.own
    return (
        f"document {name}: looks like a document of {whose} ({', '.join(one.kinds)}); to be reviewed: once both were "
        f"compared, a second person records why the bank goes on: `kouan paper clear {one.id} --reason TEXT --key NAME`"
    )


def _key(bank: Bank) -> str:
    return bank.session.signer.partition("/")[2]
