"""What the rules of customs say to each of its commands; written from `kouan/modules/customs/README.md`."""

from __future__ import annotations

from typing import Any, Final

from kouan.kernel.rejections import Rejection
from kouan.modules.customs.commands import declaration as records
from kouan.modules.customs.commands import opening as opening_records
from kouan.simulation.audit.books import WHOLE_BP, RefusedError
from kouan.simulation.audit.rows import Document, Opening
from kouan.simulation.audit.rules import Rule, Said
from kouan.simulation.audit.signatures import is_sound, octets, tagged_hash, text_of

_STAGES: Final = ("filed", "released", "closed")


def _ratio(said: Said, kind: str, mode: str, *, provisional: bool) -> int:
    charter = said.books.charter
    named = charter.get(f"customs.ratio_bp.{mode}", charter["customs.ratio_bp.other"])
    ratio_bp = WHOLE_BP if kind == "import" else named
    return min(ratio_bp, charter["customs.provisional_ratio_bp"]) if provisional else ratio_bp


def _status(said: Said, stage: str, *, stopped: bool) -> str:
    early = _STAGES.index(stage) < said.books.charter["customs.financeable_from"]
    return "suspended" if stopped or early else "active"


def _noted(row: Document, **notes: str) -> Document:
    return row._replace(notes={**row.notes, **notes})


def _attest(said: Said, cmd: records.Attest) -> None:
    name = f"{cmd.handle}.{cmd.unit}"
    if name in said.books.documents:
        raise RefusedError(Rejection.QUOTA_EXISTS, name)
    if not is_sound(cmd.draw_key):
        raise RefusedError(Rejection.DRAW_KEY_UNSOUND, "draw_key")
    row = Document(
        attested=cmd.attested,
        commitment=cmd.commitment,
        custodial=cmd.custodial,
        draw_key=cmd.draw_key,
        fingerprints=cmd.fingerprints,
        issuer=said.member,
        kind=cmd.kind,
        mode=cmd.mode,
        notes={},
        provisional=cmd.provisional,
        ratio_bp=_ratio(said, cmd.kind, cmd.mode, provisional=cmd.provisional),
        seal=cmd.seal,
        stage=cmd.stage,
        status=_status(said, cmd.stage, stopped=False),
        unit=cmd.unit,
    )
    said.books.put_document(name, row)


def _own(said: Said, name: str) -> Document:
    row = said.books.documents.get(name)
    if row is None:
        raise RefusedError(Rejection.QUOTA_UNKNOWN, name)
    if row.issuer != said.member:
        raise RefusedError(Rejection.QUOTA_NOT_ISSUER, name)
    if row.status == "withdrawn":
        raise RefusedError(Rejection.QUOTA_WITHDRAWN, name)
    return row


def _change(said: Said, name: str, row: Document) -> None:
    """Write what the issuer states: one revision further, by the charter as it stands."""
    status = _status(said, row.stage, stopped="suspended" in row.notes)
    said.books.put_document(name, row._replace(revision=row.revision + 1, status=status))


def _stage(said: Said, cmd: records.MoveOn) -> None:
    row = _own(said, cmd.quota)
    if _STAGES.index(cmd.stage) <= _STAGES.index(row.stage):
        raise RefusedError(Rejection.STAGE_NOT_FORWARD, "stage")
    _change(said, cmd.quota, row._replace(stage=cmd.stage))


def _amend(said: Said, cmd: records.Amend) -> None:
    row = _own(said, cmd.quota)
    if cmd.reason in {"short-shipment", "goods-returned"} and cmd.attested >= row.attested:
        raise RefusedError(Rejection.AMENDMENT_NOT_LOWER, "attested")
    if cmd.reason == "price-settled" and cmd.provisional:
        raise RefusedError(Rejection.AMENDMENT_PRICE_OPEN, "provisional")
    provisional = cmd.provisional
    if provisional is None:
        provisional = row.provisional and cmd.reason != "price-settled"
    ratio_bp = _ratio(said, row.kind, row.mode, provisional=provisional)
    before = said.books.unsettled_limit(cmd.quota)
    stated = row._replace(attested=cmd.attested, commitment=cmd.commitment, fingerprints=cmd.fingerprints)
    _change(said, cmd.quota, _noted(stated, amended=cmd.reason)._replace(provisional=provisional, ratio_bp=ratio_bp))
    starts = said.books.documents[cmd.quota].status == "active" != row.status
    more = cmd.attested > row.attested or said.books.unsettled_limit(cmd.quota) > before
    if said.suspended and (starts or more):
        raise RefusedError(Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED, "attested")


def _withdraw(said: Said, cmd: records.Withdraw) -> None:
    row = _own(said, cmd.quota)
    gone = _noted(row, withdrawn=cmd.reason)._replace(revision=row.revision + 1, status="withdrawn")
    said.books.put_document(cmd.quota, gone)


def _suspend(said: Said, cmd: records.Suspend) -> None:
    row = _own(said, cmd.quota)
    if "suspended" in row.notes:
        raise RefusedError(Rejection.DECLARATION_SUSPENDED_ALREADY, cmd.quota)
    _change(said, cmd.quota, _noted(row, suspended=cmd.reason))


def _resume(said: Said, cmd: records.Resume) -> None:
    row = _own(said, cmd.quota)
    if "suspended" not in row.notes:
        raise RefusedError(Rejection.DECLARATION_NOT_SUSPENDED, cmd.quota)
    notes = {name: note for name, note in row.notes.items() if name != "suspended"}
    _change(said, cmd.quota, row._replace(notes={**notes, "resumed": cmd.reason}))


def _rekey(said: Said, cmd: records.Rekey) -> None:
    row = _own(said, cmd.quota)
    if not is_sound(cmd.draw_key):
        raise RefusedError(Rejection.DRAW_KEY_UNSOUND, "draw_key")
    if cmd.draw_key == row.draw_key:
        raise RefusedError(Rejection.DRAW_KEY_UNCHANGED, "draw_key")
    again = str(int(row.notes.get("rekeyed", "0")) + 1)
    _change(said, cmd.quota, _noted(row, rekeyed=again)._replace(custodial=cmd.custodial, draw_key=cmd.draw_key))


def _request(said: Said, cmd: opening_records.RequestOpening) -> None:
    if cmd.request in said.books.openings:
        raise RefusedError(Rejection.OPENING_EXISTS, cmd.request)
    row = Opening(
        answered=False, commitment=cmd.commitment, quota=None, requested_ms=said.time_ms, requester=said.member
    )
    said.books.put_opening(cmd.request, row)


def _asked(said: Said, request: str) -> Opening:
    row = said.books.openings.get(request)
    if row is None:
        raise RefusedError(Rejection.OPENING_UNKNOWN, request)
    return row


def _answer(said: Said, cmd: opening_records.AnswerOpening) -> None:
    row = _asked(said, cmd.request)
    if row.answered:
        raise RefusedError(Rejection.OPENING_ANSWERED, cmd.request)
    said.books.put_opening(cmd.request, row._replace(answered=True))


def _disclose(said: Said, cmd: opening_records.DiscloseOpening) -> None:
    row = _asked(said, cmd.request)
    if row.requester != said.member:
        raise RefusedError(Rejection.OPENING_NOT_REQUESTER, cmd.request)
    if row.quota is not None:
        raise RefusedError(Rejection.OPENING_DISCLOSED, cmd.request)
    if said.time_ms - row.requested_ms < said.books.charter["customs.opening_sealed_ms"]:
        raise RefusedError(Rejection.OPENING_STILL_SEALED, cmd.request)
    hidden = tagged_hash("kouan/commitment/opening/1", octets(cmd.salt), cmd.quota.encode())
    if text_of(hidden) != row.commitment:
        raise RefusedError(Rejection.OPENING_WRONG_COMMITMENT, cmd.request)
    said.books.put_opening(cmd.request, row._replace(quota=cmd.quota))


def _rule(record: Any, predict: Any, *, starts: bool, role: str = "customs") -> Rule:
    return Rule(record, frozenset({role}), starts, predict)


RULES: Final = {
    "customs.attest/1": _rule(records.Attest, _attest, starts=True),
    "customs.stage/1": _rule(records.MoveOn, _stage, starts=True),
    "customs.amend/1": _rule(records.Amend, _amend, starts=False),
    "customs.withdraw/1": _rule(records.Withdraw, _withdraw, starts=False),
    "customs.suspend/1": _rule(records.Suspend, _suspend, starts=False),
    "customs.resume/1": _rule(records.Resume, _resume, starts=True),
    "customs.rekey/1": _rule(records.Rekey, _rekey, starts=True),
    "customs.request-opening/1": _rule(opening_records.RequestOpening, _request, starts=True, role="overseer"),
    "customs.answer-opening/1": _rule(opening_records.AnswerOpening, _answer, starts=False, role="second-holder"),
    "customs.disclose-opening/1": _rule(opening_records.DiscloseOpening, _disclose, starts=False, role="overseer"),
}
