"""Bringing papers onto the ledger and into one case: record, link, join.

Apart from any loan, so that a link stays when a hold is refused afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes32, Bytes64, Code, Positive, from_text
from kouan.kernel.records import Member, Quota, Record
from kouan.kernel.registry import Claim, Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import Reader, State
from kouan.kernel.suites import SUITE, is_sound_key
from kouan.modules.cases import rules
from kouan.modules.cases.joining import bind, carrier, carry, document, is_detached
from kouan.modules.cases.records import PaperKind, Purpose, QuotaId
from kouan.modules.cases.rules import BANK, Carried

MAX_FINGERPRINTS: Final = 16
MAX_CONSENTS: Final = 16
_LINKED: Final = "linked"
"""The fact that says with which numbers a document was linked: after an amendment it may be linked to others."""

Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


class Evaluation(Record, frozen=True):
    """What the evaluator found a document to carry."""

    evaluator: Code
    """A member with this role."""
    fingerprints: Annotated[list[Carried], Meta(min_length=1, max_length=MAX_FINGERPRINTS)]
    """Each once, sorted by kind and then by fingerprint."""
    key: Code
    """The name of the evaluator's key."""
    signature: Bytes64
    """Over a ``Statement``."""


class OwnerConsent(Record, frozen=True):
    """The signature of a document's owner on its belonging to the same trade as others."""

    quota: QuotaId
    signature: Bytes64
    """By the quota's draw key over a ``JoinConsent``."""


class RecordCommand(Record, frozen=True):
    """cases.record/1: open the quota of a paper that the bank was shown."""

    amount: Positive
    """Its value in minor units of ``unit``."""
    commitment: Bytes32
    consents: Annotated[list[OwnerConsent], Meta(max_length=MAX_CONSENTS)]
    """Of documents that belong to the same trade, over them and this paper together."""
    custodial: bool
    draw_key: Bytes32
    evaluation: Evaluation
    """Just one of its fingerprints is of the paper's own kind."""
    fingerprints: Bytes32
    """Commitment to the paper's numbers, which the evaluator has seen opened."""
    kind: PaperKind
    purpose: Purpose
    seal: Bytes32
    unit: Currency


class LinkCommand(Record, frozen=True):
    """cases.link/1: let the fingerprints of a document that is on the ledger lead to it."""

    consents: Annotated[list[OwnerConsent], Meta(max_length=MAX_CONSENTS)]
    """For a document that no authority attested: of this one and of those it leads to, over them together."""
    evaluation: Evaluation
    quota: QuotaId


class JoinCommand(Record, frozen=True):
    """cases.join/1: documents belong to one trade, because their owners say so."""

    consents: Annotated[list[OwnerConsent], Meta(min_length=2, max_length=MAX_CONSENTS)]


def record(ctx: Context, cmd: RecordCommand) -> Refusal | None:
    """Record a paper 登记单证 as self-declared, in the case that its fingerprints lead to."""
    name = _new_id(ctx, cmd)
    if isinstance(name, Refusal):
        return name
    shown = _consenting(ctx, cmd.consents, name)
    if isinstance(shown, Refusal):
        return shown
    quota = _opened(ctx, cmd, name)
    ctx.state.write(quotas.key_of(name), quota)
    others = [*_carriers(ctx.state, cmd.evaluation), *shown]
    case = bind(ctx, quota, others, frozenset({name, *(other.id for other in shown)}))
    if isinstance(case, Refusal):
        return case
    carry(ctx, quota, case, cmd.evaluation.fingerprints)
    return None


def _new_id(ctx: Context, cmd: RecordCommand) -> str | Refusal:
    """Return the quota id of a paper that is sound and not there yet."""
    refusal = check_evaluation(ctx, cmd.evaluation, cmd.fingerprints)
    if refusal is not None:
        return refusal
    own = own_fingerprint(cmd.evaluation, cmd.kind)
    if own is None:
        return Refusal(Rejection.FINGERPRINTS_MISFIT, "evaluation")
    name, is_known = vacant_id(ctx.state, own, cmd.purpose, cmd.unit)
    if is_known:
        return Refusal(Rejection.DOCUMENT_KNOWN, name)
    if not is_sound_key(from_text(cmd.draw_key)):
        return Refusal(Rejection.DRAW_KEY_UNSOUND, "draw_key")
    return name


def own_fingerprint(evaluation: Evaluation, kind: str) -> str | None:
    """Return the fingerprint of a paper's own number, or None where there is not just one."""
    own = [one.fingerprint for one in evaluation.fingerprints if one.kind == kind]
    return own[0] if len(own) == 1 else None


def vacant_id(state: Reader, fingerprint: str, purpose: str, unit: str) -> tuple[str, bool]:
    """Return the quota id of a paper by its own fingerprint, and whether it is recorded already."""
    edition = 0
    while True:
        name = rules.paper_id(fingerprint, purpose, unit, edition)
        quota = state.read(Quota, quotas.key_of(name))
        if quota is None:
            return name, False
        if quota.facts.get("withdrawn") != rules.FORGED:
            return name, True
        edition += 1


def link(ctx: Context, cmd: LinkCommand) -> Refusal | None:
    """Show what a document carries 关联单证. For a declaration customs has committed to it."""
    quota = _document(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    refusal = check_evaluation(ctx, cmd.evaluation, quota.fingerprints)
    if refusal is not None:
        return refusal
    shown = _consenting(ctx, cmd.consents)
    if isinstance(shown, Refusal):
        return shown
    others = _carriers(ctx.state, cmd.evaluation)
    case = bind(ctx, quota, others, frozenset(other.id for other in shown))
    if isinstance(case, Refusal):
        return case
    carry(ctx, quota, case, cmd.evaluation.fingerprints)
    linked = document(ctx.state, quota.id)
    facts = linked.facts | {_LINKED: quota.fingerprints}
    ctx.state.write(quotas.key_of(quota.id), replace(linked, facts=facts))
    return None


def join(ctx: Context, cmd: JoinCommand) -> Refusal | None:
    """Bring documents into one case on their owners' word 并案."""
    shown = _consenting(ctx, cmd.consents)
    if isinstance(shown, Refusal):
        return shown
    case = bind(ctx, shown[0], shown[1:], frozenset(quota.id for quota in shown), by_owners=True)
    return case if isinstance(case, Refusal) else None


def _document(ctx: Context, name: str) -> Quota | Refusal:
    """Return a quota that may stand in a case."""
    quota = ctx.state.read(Quota, quotas.key_of(name))
    if quota is None:
        return Refusal(Rejection.QUOTA_UNKNOWN, name)
    if quota.kind not in rules.KINDS:
        return Refusal(Rejection.QUOTA_WRONG_KIND, name)
    if is_detached(quota):
        return Refusal(Rejection.DOCUMENT_DETACHED, name)
    return quota


def check_evaluation(ctx: Context, evaluation: Evaluation, commitment: str) -> Refusal | None:
    """Check that an evaluator of the alliance has signed this for the bank, and every fingerprint once, in order."""
    member = ctx.state.read(Member, f"member/{evaluation.evaluator}")
    key = member.keys.get(evaluation.key) if member and rules.EVALUATOR in member.roles else None
    if key is None or key.revoked_ms or key.suite != SUITE:
        return Refusal(Rejection.EVALUATOR_UNKNOWN, "evaluation")
    message = rules.statement_message(ctx.alliance, commitment, evaluation.fingerprints, ctx.member.id)
    if not ctx.is_signed(key.public, rules.STATEMENT_TAG, message, evaluation.signature):
        return Refusal(Rejection.EVALUATION_BAD_SIGNATURE, "evaluation")
    named = [(one.kind, one.fingerprint) for one in evaluation.fingerprints]
    if named != sorted(set(named)):
        return Refusal(Rejection.FINGERPRINTS_MISFIT, "evaluation")
    return None


def _consenting(ctx: Context, consents: list[OwnerConsent], *more: str) -> list[Quota] | Refusal:
    """Return the documents whose owners signed for all of them and ``more``."""
    message = rules.join_message(ctx.alliance, [*more, *(consent.quota for consent in consents)])
    found = []
    for consent in consents:
        quota = _document(ctx, consent.quota)
        if isinstance(quota, Refusal):
            return quota
        if not ctx.is_signed(quota.draw_key, rules.JOIN_TAG, message, consent.signature):
            return Refusal(Rejection.JOIN_BAD_SIGNATURE, consent.quota)
        found.append(quota)
    return found


def _carriers(state: Reader, evaluation: Evaluation) -> list[Quota]:
    found = [carrier(state, one.fingerprint) for one in evaluation.fingerprints]
    return [quota for quota in found if quota is not None]


def _opened(ctx: Context, cmd: RecordCommand, name: str) -> Quota:
    ratio_bp = ctx.parameter(rules.RATIO["self"])
    return Quota(
        attested=cmd.amount,
        collected=0,
        commitment=cmd.commitment,
        custodial=cmd.custodial,
        draw_key=cmd.draw_key,
        draws=0,
        facts={"evidence": "self", _LINKED: cmd.fingerprints, "purpose": cmd.purpose},
        fingerprints=cmd.fingerprints,
        holds=[],
        id=name,
        issuer=ctx.member.id,
        kind=cmd.kind,
        lapses={},
        limit=quotas.limit_of(cmd.amount, 0, ratio_bp, settled=False),
        ratio_bp=ratio_bp,
        revision=0,
        seal=cmd.seal,
        settled=False,
        spent=0,
        status="active",
        unit=cmd.unit,
        used=0,
    )


def evaluation_claims(
    state: State, alliance: str, member: str, evaluation: Evaluation, commitment: str
) -> Iterable[Claim]:
    """Name the evaluator's signature, where its key is known."""
    evaluator = state.read(Member, f"member/{evaluation.evaluator}")
    if evaluator and evaluation.key in evaluator.keys:
        message = rules.statement_message(alliance, commitment, evaluation.fingerprints, member)
        public = from_text(evaluator.keys[evaluation.key].public)
        yield Claim(public, rules.STATEMENT_TAG, message, from_text(evaluation.signature))


def _consent_claims(state: State, alliance: str, consents: list[OwnerConsent], *more: str) -> Iterable[Claim]:
    message = rules.join_message(alliance, [*more, *(consent.quota for consent in consents)])
    for consent in consents:
        quota = state.read(Quota, quotas.key_of(consent.quota))
        if quota is not None:
            yield Claim(from_text(quota.draw_key), rules.JOIN_TAG, message, from_text(consent.signature))


def _record_claims(state: State, alliance: str, member: str, cmd: RecordCommand) -> Iterable[Claim]:
    yield from evaluation_claims(state, alliance, member, cmd.evaluation, cmd.fingerprints)
    own = own_fingerprint(cmd.evaluation, cmd.kind)
    if own is not None:
        name, _ = vacant_id(state, own, cmd.purpose, cmd.unit)
        yield from _consent_claims(state, alliance, cmd.consents, name)


def _link_claims(state: State, alliance: str, member: str, cmd: LinkCommand) -> Iterable[Claim]:
    quota = state.read(Quota, quotas.key_of(cmd.quota))
    if quota is not None:
        yield from evaluation_claims(state, alliance, member, cmd.evaluation, quota.fingerprints)
    yield from _consent_claims(state, alliance, cmd.consents)


def _join_claims(state: State, alliance: str, _member: str, cmd: JoinCommand) -> Iterable[Claim]:
    return _consent_claims(state, alliance, cmd.consents)


# A link only ever adds to what a draw is weighed with, so a suspended bank may still show one.
COMMANDS: Final = (
    Command("cases.record/1", RecordCommand, record, BANK, starts=True, claims=_record_claims),
    Command("cases.link/1", LinkCommand, link, BANK, starts=False, claims=_link_claims),
    Command("cases.join/1", JoinCommand, join, BANK, starts=False, claims=_join_claims),
)
