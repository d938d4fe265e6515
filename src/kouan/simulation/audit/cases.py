"""What the rules of cases say to each of its commands; written from `kouan/modules/cases/README.md`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise, takewhile
from typing import Any, Final

from kouan.kernel.rejections import Rejection
from kouan.modules.cases.commands import changing, judging, recording
from kouan.simulation.audit.books import RefusedError
from kouan.simulation.audit.joining import bring_together, carrier, carry, is_another, speak_for, take_out
from kouan.simulation.audit.rows import EVIDENCE, Document
from kouan.simulation.audit.rules import Rule, Said
from kouan.simulation.audit.signatures import canonical, holds, is_sound, octets, tagged_hash, text_of

_PAPERS: Final = ("contract", "invoice", "order", "transport")
_DOCUMENTS: Final = (*_PAPERS, "export")


def _record(said: Said, cmd: recording.RecordCommand) -> None:
    _check_evaluation(said, cmd.evaluation, cmd.fingerprints)
    own = [one.fingerprint for one in cmd.evaluation.fingerprints if one.kind == cmd.kind]
    if len(own) != 1:
        raise RefusedError(Rejection.FINGERPRINTS_MISFIT, "evaluation")
    name = _new_name(said, own[0], cmd.purpose, cmd.unit)
    if not is_sound(cmd.draw_key):
        raise RefusedError(Rejection.DRAW_KEY_UNSOUND, "draw_key")
    shown = _consenting(said, cmd.consents, name)
    row = Document(
        attested=cmd.amount,
        commitment=cmd.commitment,
        custodial=cmd.custodial,
        draw_key=cmd.draw_key,
        evidence="self",
        fingerprints=cmd.fingerprints,
        issuer=said.member,
        kind=cmd.kind,
        notes={"linked": cmd.fingerprints},
        purpose=cmd.purpose,
        ratio_bp=said.books.charter["cases.ratio_bp.self"],
        seal=cmd.seal,
        status="active",
        unit=cmd.unit,
    )
    said.books.put_document(name, row)
    bring_together(said, name, [*_led_to(said, cmd.evaluation), *shown], {name, *shown})
    carry(said, name, [one.fingerprint for one in cmd.evaluation.fingerprints])


def _names(fingerprint: str, purpose: str, unit: str) -> Iterator[str]:
    """Yield the quota ids that papers of one number may have: the first one's, and after each forgery another."""
    for edition in count():
        handle = tagged_hash("kouan/paper/1", octets(fingerprint), edition.to_bytes(4, "big"), purpose.encode())
        yield f"{text_of(handle)}.{unit}"


def _new_name(said: Said, fingerprint: str, purpose: str, unit: str) -> str:
    """Return the quota id of a paper of this number that is not there yet, forgeries of it left aside."""
    for name in _names(fingerprint, purpose, unit):
        row = said.books.documents.get(name)
        if row is None:
            return name
        if row.notes.get("withdrawn") != "forged":
            raise RefusedError(Rejection.DOCUMENT_KNOWN, name)
    raise AssertionError("unreachable")


def _link(said: Said, cmd: recording.LinkCommand) -> None:
    row = _document(said, cmd.quota)
    _check_evaluation(said, cmd.evaluation, row.fingerprints)
    shown = _consenting(said, cmd.consents)
    bring_together(said, cmd.quota, _led_to(said, cmd.evaluation), shown)
    carry(said, cmd.quota, [one.fingerprint for one in cmd.evaluation.fingerprints])
    row = said.books.documents[cmd.quota]
    said.books.put_document(cmd.quota, row._replace(notes={**row.notes, "linked": row.fingerprints}))


def _join(said: Said, cmd: recording.JoinCommand) -> None:
    first, *others = _consenting(said, cmd.consents)
    bring_together(said, first, others, {first, *others}, by_owners=True)


def _document(said: Said, name: str) -> Document:
    """Return a quota that may stand in a case."""
    row = said.books.documents.get(name)
    if row is None:
        raise RefusedError(Rejection.QUOTA_UNKNOWN, name)
    if row.kind not in _DOCUMENTS:
        raise RefusedError(Rejection.QUOTA_WRONG_KIND, name)
    if row.is_detached():
        raise RefusedError(Rejection.DOCUMENT_DETACHED, name)
    return row


def _check_evaluation(said: Said, evaluation: recording.Evaluation, commitment: str) -> None:
    party = said.parties.get(evaluation.evaluator)
    public = party.keys.get(evaluation.key) if party and "evaluator" in party.roles else None
    if public is None:
        raise RefusedError(Rejection.EVALUATOR_UNKNOWN, "evaluation")
    carried = [{"fingerprint": one.fingerprint, "kind": one.kind} for one in evaluation.fingerprints]
    statement = {
        "alliance": said.alliance,
        "commitment": commitment,
        "fingerprints": carried,
        "member": said.member,
    }
    if not holds(public, "kouan/fingerprint/1", canonical(statement), evaluation.signature):
        raise RefusedError(Rejection.EVALUATION_BAD_SIGNATURE, "evaluation")
    named = [(one.kind, one.fingerprint) for one in evaluation.fingerprints]
    if any(earlier >= later for earlier, later in pairwise(named)):
        raise RefusedError(Rejection.FINGERPRINTS_MISFIT, "evaluation")


def _consenting(said: Said, consents: list[recording.OwnerConsent], *more: str) -> list[str]:
    """Return the documents whose owners signed for all of them, and for ``more``."""
    together = sorted([*more, *(consent.quota for consent in consents)])
    agreed = canonical({"alliance": said.alliance, "documents": together})
    for consent in consents:
        row = _document(said, consent.quota)
        if not holds(row.draw_key, "kouan/join/1", agreed, consent.signature):
            raise RefusedError(Rejection.JOIN_BAD_SIGNATURE, consent.quota)
    return [consent.quota for consent in consents]


def _led_to(said: Said, evaluation: recording.Evaluation) -> list[str]:
    found = [carrier(said, one.fingerprint) for one in evaluation.fingerprints]
    return [quota for quota in found if quota is not None]


def _paper(said: Said, name: str) -> Document:
    row = said.books.documents.get(name)
    if row is None:
        raise RefusedError(Rejection.QUOTA_UNKNOWN, name)
    if row.kind not in _PAPERS:
        raise RefusedError(Rejection.QUOTA_WRONG_KIND, name)
    return row


def _own_paper(said: Said, name: str) -> Document:
    row = _paper(said, name)
    if row.issuer != said.member:
        raise RefusedError(Rejection.QUOTA_NOT_ISSUER, name)
    if row.status == "withdrawn":
        raise RefusedError(Rejection.QUOTA_WITHDRAWN, name)
    return row


def _state_anew(said: Said, name: str, row: Document) -> None:
    """Write a paper as it now is: one revision further, at the ratio of its evidence as the charter stands."""
    ratio_bp = said.books.charter[f"cases.ratio_bp.{row.evidence}"]
    said.books.put_document(name, row._replace(ratio_bp=ratio_bp, revision=row.revision + 1))


def _confirm(said: Said, cmd: changing.ConfirmCommand) -> None:
    row = _paper(said, cmd.quota)
    if row.status == "withdrawn":
        raise RefusedError(Rejection.QUOTA_WITHDRAWN, cmd.quota)
    if row.issuer == said.member:
        raise RefusedError(Rejection.CONFIRMED_BY_RECORDER, cmd.quota)
    if row.commitment != cmd.commitment:
        raise RefusedError(Rejection.DOCUMENT_CHANGED, "commitment")
    if row.fingerprints != cmd.fingerprints:
        raise RefusedError(Rejection.DOCUMENT_CHANGED, "fingerprints")
    evidence = "attested" if "attester" in said.parties[said.member].roles else "confirmed"
    if EVIDENCE.index(evidence) <= row.strength:
        raise RefusedError(Rejection.EVIDENCE_NOT_STRONGER, cmd.quota)
    if row.is_unsigned:
        speak_for(said, cmd.quota)
        is_another(said, _case_of(said, cmd.quota))
        row = said.books.documents[cmd.quota]
    notes = {**row.notes, "confirmed-by": said.member}
    _state_anew(said, cmd.quota, row._replace(evidence=evidence, notes=notes))


def _amend(said: Said, cmd: changing.AmendCommand) -> None:
    row = _own_paper(said, cmd.quota)
    if cmd.reason in {"credit-note", "split"} and cmd.amount >= row.attested:
        raise RefusedError(Rejection.AMENDMENT_NOT_LOWER, "amount")
    _check_stays_itself(said, cmd, row)
    is_as_confirmed = cmd.amount <= row.attested and cmd.fingerprints == row.fingerprints
    stated = row._replace(
        attested=cmd.amount,
        commitment=cmd.commitment,
        evidence=row.evidence if is_as_confirmed else "self",
        fingerprints=cmd.fingerprints,
        notes={**row.notes, "amended": cmd.reason},
    )
    before = said.books.unsettled_limit(cmd.quota)
    _state_anew(said, cmd.quota, stated)
    more = cmd.amount > row.attested or said.books.unsettled_limit(cmd.quota) > before
    if said.suspended and more:
        raise RefusedError(Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED, "amount")


def _check_stays_itself(said: Said, cmd: changing.AmendCommand, row: Document) -> None:
    """Check that a paper with other numbers has its own number still: its quota id is made of that."""
    if cmd.evaluation is None:
        if cmd.fingerprints != row.fingerprints:
            raise RefusedError(Rejection.FINGERPRINTS_MISFIT, "evaluation")
        return
    _check_evaluation(said, cmd.evaluation, cmd.fingerprints)
    own = [one.fingerprint for one in cmd.evaluation.fingerprints if one.kind == row.kind]
    editions = _names(own[0], row.purpose, row.unit) if len(own) == 1 else iter(())
    if cmd.quota not in takewhile(lambda name: name in said.books.documents, editions):
        raise RefusedError(Rejection.FINGERPRINTS_MISFIT, "evaluation")


def _withdraw(said: Said, cmd: changing.WithdrawCommand) -> None:
    row = _own_paper(said, cmd.quota)
    gone = row._replace(notes={**row.notes, "withdrawn": cmd.reason}, revision=row.revision + 1, status="withdrawn")
    said.books.put_document(cmd.quota, gone)


def _case_of(said: Said, quota: str) -> str:
    if quota not in said.books.documents:
        raise RefusedError(Rejection.QUOTA_UNKNOWN, quota)
    name = said.books.case_of(quota)
    if name is None:
        raise RefusedError(Rejection.CASE_UNKNOWN, quota)
    return name


def _review(said: Said, cmd: judging.ReviewCommand) -> None:
    name = _case_of(said, cmd.quota)
    case = said.books.cases[name]
    if cmd.revision != case.revision:
        raise RefusedError(Rejection.REVISION_STALE, "revision")
    seen = {**case.reviews, said.member: (cmd.reason, cmd.revision)}
    said.books.put_case(name, case._replace(reviews=seen))


def _dispute(said: Said, cmd: judging.DisputeCommand) -> None:
    _case_of(said, cmd.quota)
    is_forged = cmd.reason == "forged"
    if is_forged and said.books.documents[cmd.quota].kind not in _PAPERS:
        raise RefusedError(Rejection.QUOTA_WRONG_KIND, cmd.quota)
    take_out(said, cmd.quota)
    row = said.books.documents[cmd.quota]
    if is_forged:
        gone = row._replace(notes={**row.notes, "withdrawn": "forged"}, status="withdrawn")
        said.books.put_document(cmd.quota, gone)


def _rule(record: Any, predict: Any, *roles: str, starts: bool = False) -> Rule:
    return Rule(record, frozenset(roles), starts, predict)


RULES: Final = {
    "cases.record/1": _rule(recording.RecordCommand, _record, "bank", starts=True),
    "cases.link/1": _rule(recording.LinkCommand, _link, "bank"),
    "cases.join/1": _rule(recording.JoinCommand, _join, "bank"),
    "cases.confirm/1": _rule(changing.ConfirmCommand, _confirm, "bank", "attester", starts=True),
    "cases.amend/1": _rule(changing.AmendCommand, _amend, "bank"),
    "cases.withdraw/1": _rule(changing.WithdrawCommand, _withdraw, "bank"),
    "cases.review/1": _rule(judging.ReviewCommand, _review, "bank"),
    "cases.dispute/1": _rule(judging.DisputeCommand, _dispute, "overseer"),
}
