"""What becomes of a paper: confirmed, amended, withdrawn. A declaration is customs' to change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes32, Count
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Claim, Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.modules.cases import rules
from kouan.modules.cases.commands.recording import (
    Evaluation,
    check_evaluation,
    evaluation_claims,
    own_fingerprint,
    vacant_id,
)
from kouan.modules.cases.joining import case_of, look_again
from kouan.modules.cases.records import Evidence, QuotaId
from kouan.modules.cases.rules import ATTESTER, BANK, RATIO

_LOWERING: Final = ("credit-note", "split")


class ConfirmCommand(Record, frozen=True):
    """cases.confirm/1: the counterparty, through its bank, or an authority vouches for a paper."""

    commitment: Bytes32
    """To the document that was seen."""
    fingerprints: Bytes32
    """Commitment to its numbers: an authority's word also brings trades together by them."""
    quota: QuotaId


class AmendCommand(Record, frozen=True, kw_only=True):
    """cases.amend/1: state anew what a paper is worth."""

    amount: Count
    """The whole value as it now stands, in minor units of the quota's unit; not the difference."""
    commitment: Bytes32
    evaluation: Evaluation | None = None
    """Of the paper as it now stands; needed where its numbers change."""
    fingerprints: Bytes32
    quota: QuotaId
    reason: Literal["consolidated", "correction", "credit-note", "split"]


class WithdrawCommand(Record, frozen=True):
    """cases.withdraw/1: a paper is cancelled, for good."""

    quota: QuotaId
    reason: Literal["cancelled", "keyed-wrongly", "replaced"]


def confirm(ctx: Context, cmd: ConfirmCommand) -> Refusal | None:
    """Raise a paper's evidence 确认单证: to attested by an authority, to confirmed by another bank."""
    quota = _paper(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    if quota.status == "withdrawn":
        return Refusal(Rejection.QUOTA_WITHDRAWN, cmd.quota)
    if quota.issuer == ctx.member.id:
        return Refusal(Rejection.CONFIRMED_BY_RECORDER, cmd.quota)
    if (quota.commitment, quota.fingerprints) != (cmd.commitment, cmd.fingerprints):
        at = "fingerprints" if quota.commitment == cmd.commitment else "commitment"
        return Refusal(Rejection.DOCUMENT_CHANGED, at)
    evidence: Evidence = "attested" if ATTESTER in ctx.member.roles else "confirmed"
    facts = quota.facts | {"evidence": evidence, "confirmed-by": ctx.member.id}
    raised = replace(quota, facts=facts)
    if rules.strength(raised) <= rules.strength(quota):
        return Refusal(Rejection.EVIDENCE_NOT_STRONGER, cmd.quota)
    case = case_of(ctx.state, quota)
    if case is not None and rules.is_unsigned(quota):
        del facts[rules.UNSIGNED]
        look_again(ctx, case)
    _write(ctx, _valued(ctx, raised, quota.attested))
    return None


def amend(ctx: Context, cmd: AmendCommand) -> Refusal | None:
    """Set what a paper is worth 更正单证, even below what is drawn: that stops draws and undoes no loan.

    What raises the value, and other numbers, were seen by nobody else: the paper is self-declared again. Or the bank
    alone could let an attested paper name strangers' trades, and so merge them.
    """
    quota = _own_paper(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    if cmd.reason in _LOWERING and cmd.amount >= quota.attested:
        return Refusal(Rejection.AMENDMENT_NOT_LOWER, "amount")
    refusal = _check_own_number(ctx, cmd, quota)
    if refusal is not None:
        return refusal
    facts = quota.facts | {"amended": cmd.reason}
    if cmd.amount > quota.attested or cmd.fingerprints != quota.fingerprints:
        facts["evidence"] = "self"
    stated = replace(quota, commitment=cmd.commitment, facts=facts, fingerprints=cmd.fingerprints)
    valued = _valued(ctx, stated, cmd.amount)
    if ctx.member.suspended and quotas.gives_room(quota, valued):
        return Refusal(Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED, "amount")
    _write(ctx, valued)
    return None


def _check_own_number(ctx: Context, cmd: AmendCommand, quota: Quota) -> Refusal | None:
    """Check that a paper whose numbers change keeps its own: under another one that could be recorded once more."""
    if cmd.evaluation is None:
        is_same = cmd.fingerprints == quota.fingerprints
        return None if is_same else Refusal(Rejection.FINGERPRINTS_MISFIT, "evaluation")
    refusal = check_evaluation(ctx, cmd.evaluation, cmd.fingerprints)
    if refusal is not None:
        return refusal
    own = own_fingerprint(cmd.evaluation, quota.kind)
    if own is None or vacant_id(ctx.state, own, rules.purpose_of(quota), quota.unit) != (quota.id, True):
        return Refusal(Rejection.FINGERPRINTS_MISFIT, "evaluation")
    return None


def withdraw(ctx: Context, cmd: WithdrawCommand) -> Refusal | None:
    """End a paper 作废单证. It stays in its case, with what was ever lent on it."""
    quota = _own_paper(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    _write(ctx, replace(quota, facts=quota.facts | {"withdrawn": cmd.reason}, status="withdrawn"))
    return None


def _paper(ctx: Context, name: str) -> Quota | Refusal:
    quota = ctx.state.read(Quota, quotas.key_of(name))
    if quota is None:
        return Refusal(Rejection.QUOTA_UNKNOWN, name)
    if quota.kind not in rules.PAPERS:
        return Refusal(Rejection.QUOTA_WRONG_KIND, name)
    return quota


def _own_paper(ctx: Context, name: str) -> Quota | Refusal:
    """Return a paper that the signing bank recorded and that is not withdrawn."""
    quota = _paper(ctx, name)
    if isinstance(quota, Refusal):
        return quota
    if quota.issuer != ctx.member.id:
        return Refusal(Rejection.QUOTA_NOT_ISSUER, name)
    if quota.status == "withdrawn":
        return Refusal(Rejection.QUOTA_WITHDRAWN, name)
    return quota


def _valued(ctx: Context, quota: Quota, amount: int) -> Quota:
    """Return a paper with an amount, at the ratio of its evidence as the charter stands."""
    ratio_bp = ctx.parameter(RATIO[rules.evidence_of(quota)])
    limit = quotas.limit_of(amount, quota.collected, ratio_bp, settled=quota.settled)
    return replace(quota, attested=amount, limit=limit, ratio_bp=ratio_bp)


def _write(ctx: Context, quota: Quota) -> None:
    ctx.state.write(quotas.key_of(quota.id), replace(quota, revision=quota.revision + 1))


def _amend_claims(state: State, alliance: str, member: str, cmd: AmendCommand) -> Iterable[Claim]:
    if cmd.evaluation is not None:
        yield from evaluation_claims(state, alliance, member, cmd.evaluation, cmd.fingerprints)


COMMANDS: Final = (
    Command("cases.confirm/1", ConfirmCommand, confirm, BANK | {ATTESTER}, starts=True),
    Command("cases.amend/1", AmendCommand, amend, BANK, starts=False, claims=_amend_claims),
    Command("cases.withdraw/1", WithdrawCommand, withdraw, BANK, starts=False),
)
