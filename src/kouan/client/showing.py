"""A bank shows a document to the evaluator: what it carries goes to the ledger, what it is like stays in the book."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from kouan.client.bank import Bank
from kouan.client.consents import ConsentPart
from kouan.client.evaluating import DocumentKind, Evaluator, ask, look
from kouan.client.filings import fingerprints_of
from kouan.client.likeness_book import FULL_CASE, BookedLikeness, BookedShowing
from kouan.client.paper_secrets import fingerprints_salt, numbered_version
from kouan.client.session import Result
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.quota import held
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.commands.recording import Evaluation, LinkCommand
from kouan.modules.cases.joining import case_of, documents_of, is_detached
from kouan.modules.cases.rules import DECLARATION, PAPERS, is_unsigned, purpose_of

MAX_REASON: Final = 500
"""Characters."""
_OUTDATED: Final = {Rejection.EVALUATION_BAD_SIGNATURE, Rejection.EVALUATOR_UNKNOWN}
"""What the ledger says to a statement that was signed with a key revoked since."""


class LikenessError(ValueError):
    """A document looks like another, and nobody has recorded yet why the bank goes on; the text says what to do."""


class UnseenError(ValueError):
    """Buyer and seller may both have finance on a trade, and this bank has not looked; the text says what to do."""


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
    showing = BookedShowing(
        document.commitment, answer.document, document.kind, document.number, bank.session.now_ms(), evaluation
    )
    with bank.book.together():
        bank.book.likenesses.show(showing, bank.session.key)
        bank.book.likenesses.add(answer.likenesses)
    return answer.evaluation


def link(bank: Bank, evaluator: Evaluator, part: ConsentPart, quota: Quota) -> Result | None:
    """Show a consent's document where this bank has not, and link one whose numbers are not linked yet 关联单证.

    Returns what the ledger answered; None where there was nothing to link. A declaration whose trade case is full is
    booked as to be reviewed. Raises EvaluationError.
    """
    document = document_of(part, quota)
    if document is None:
        return None
    booked = bank.book.likenesses.shown(document.commitment)
    if booked is None:
        evaluation = show(bank, evaluator, document)
    else:
        evaluation = None if booked.evaluation is None else msgspec.json.decode(booked.evaluation, type=Evaluation)
    if evaluation is None or is_linked(quota) or is_detached(quota):
        return None
    result = bank.send("cases.link/1", LinkCommand([], evaluation, quota.id))
    if result.code in _OUTDATED:
        evaluation = show(bank, evaluator, document)
        if evaluation is None:
            raise AssertionError("the evaluator knows a document no more by its number")
        result = bank.send("cases.link/1", LinkCommand([], evaluation, quota.id))
    if quota.kind == DECLARATION:
        _book_full_case(bank, document, result)
    return result


def is_linked(quota: Quota) -> bool:
    """Tell whether the ledger was shown what a document carries now: after an amendment it was not."""
    return quota.facts.get("linked") == quota.fingerprints


def stops(quota: Quota, linked: Result | None) -> bool:
    """Tell whether a link's refusal stops a loan by itself; a declaration's full case stops it as to be reviewed."""
    if linked is None or linked.accepted:
        return False
    return quota.kind != DECLARATION or linked.code is not Rejection.CASE_FULL


def _book_full_case(bank: Bank, document: Document, result: Result) -> None:
    likenesses = bank.book.likenesses
    showing = likenesses.shown(document.commitment)
    if showing is None:
        raise AssertionError("a document that was shown is not in the book")
    if result.code is Rejection.CASE_FULL:
        likenesses.add_full_case(showing.document, bank.session.member, bank.session.now_ms())
    elif result.accepted:
        likenesses.strike_full_case(showing.document)


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

    Raises ValueError when there is no such likeness or it is cleared, for an empty reason, and for every key that ever
    showed the document itself.
    """
    found = bank.book.likenesses.one(likeness)
    if found is None:
        raise ValueError(f"likeness: the book has no {likeness}; `kouan paper likenesses` shows them")
    if found.cleared_ms is not None:
        raise ValueError(f"likeness: {likeness} was cleared by the key {found.cleared_by}: {found.reason}")
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        raise ValueError(f"reason: must be 1 to {MAX_REASON} characters; say what was seen and why the bank goes on")
    key = bank.session.key
    if key in bank.book.likenesses.shown_by(found.own):
        raise ValueError(f"--key: {key} took the document in; another person clears it, with a key of theirs")
    bank.book.likenesses.clear(likeness, key, reason.strip(), bank.session.now_ms())
    cleared = bank.book.likenesses.one(likeness)
    if cleared is None:
        raise AssertionError("a likeness that was there is gone")
    return cleared


def must_be_cleared(bank: Bank, quotas: list[Quota]) -> None:
    """Raise LikenessError while something like one of these documents is to be reviewed.

    Also when the acting person cleared it: who finds that a bank may go on is not who sends the loan.
    """
    found = bank.book.likenesses.of({quota.fingerprints for quota in quotas})
    to_review = [told(bank, one) for one in found if one.cleared_ms is None]
    if to_review:
        raise LikenessError("; ".join(to_review))
    key = bank.session.key
    for one in found:
        if one.cleared_by == key:
            raise LikenessError(f"--key: {key} cleared what concerns document {_name(one)}; another person sends this")


def told(bank: Bank, one: BookedLikeness) -> str:
    """Say what a likeness is and what to do about it."""
    step = f"`kouan paper clear {one.id} --reason TEXT --key NAME`"
    if one.kinds == [FULL_CASE]:
        return (
            f"document {_name(one)}: its trade case is full, so nothing of that trade is weighed with it; to be "
            f"reviewed: once the trade was looked at, a second person records why the bank goes on: {step}"
        )
    whose = "this bank" if one.other_member == bank.session.member else one.other_member
    return (
        f"document {_name(one)}: looks like a document of {whose} ({', '.join(one.kinds)}), pair {one.pair}; to be "
        f"reviewed: once both were compared, a second person records why the bank goes on: {step}"
    )


def _name(one: BookedLikeness) -> str:
    return one.number or one.own


def must_be_seen(bank: Bank, quotas: list[Quota], now_ms: int) -> None:
    """Raise UnseenError while the other side has finance that its owner joined without a signature, and nobody looked.

    The ledger lets a loan go on there, lest a stranger stop an honest owner; a careful bank looks first.
    """
    looked_at: set[str] = set()
    for quota in quotas:
        case = case_of(bank.session, quota)
        if case is None or case.id in looked_at or case.is_seen_by(bank.session.member):
            continue
        looked_at.add(case.id)  # the quotas of one loan are for one purpose
        for other in documents_of(bank.session, case):
            is_across = is_unsigned(other) and purpose_of(other) != purpose_of(quota)
            if is_across and (other.used or other.spent or held(other, now_ms)):
                number = bank.book.number_of(quota.id) or quota.id
                raise UnseenError(
                    f"document {number}: the {purpose_of(other)} has finance on the same trade, and this side has not "
                    f"signed for it; to be reviewed: look with `kouan paper case {number}`, and go on with "
                    f"`kouan paper review {number} --reason REASON`"
                )
