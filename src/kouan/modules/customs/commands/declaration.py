"""A declaration's life: attested, moved on, amended, suspended, withdrawn; and the replacement of its draw key.

Only the issuer changes its quota, and a withdrawn one not at all. Every change raises the revision. Status and ratio
follow the charter as it stands when the issuer changes the quota, not as it stood before.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Bytes32, Code, Count, Positive, from_text
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.suites import is_sound_key
from kouan.modules.customs import rules
from kouan.modules.customs.rules import Currency, Kind, Mode, QuotaId, Reason, Stage


class Attest(Record, frozen=True):
    """customs.attest/1: open the quota of a declaration in one currency."""

    attested: Positive
    """The declared value in minor units of ``unit``; for trade mode 0214 the processing fee alone."""
    commitment: Bytes32
    custodial: bool
    draw_key: Bytes32
    fingerprints: Bytes32
    handle: Bytes32
    kind: Kind
    mode: Mode
    """The message's TradeMode."""
    provisional: bool
    """The message's flag that the price is provisional."""
    seal: Bytes32
    stage: Stage
    unit: Currency


class MoveOn(Record, frozen=True):
    """customs.stage/1: a declaration has reached a later stage."""

    quota: QuotaId
    stage: Stage


class Amend(Record, frozen=True, kw_only=True):
    """customs.amend/1: state anew what a declaration carries."""

    attested: Count
    """The whole value as it now stands, in minor units of the quota's unit; not the difference."""
    commitment: Bytes32
    fingerprints: Bytes32
    provisional: bool | None = None
    """Whether the price is provisional from now on; left out, a settled price clears it and the rest keep it."""
    quota: QuotaId
    reason: Reason


class Withdraw(Record, frozen=True):
    """customs.withdraw/1: the declaration is cancelled, for good."""

    quota: QuotaId
    reason: Code


class Suspend(Record, frozen=True):
    """customs.suspend/1: nothing more may be drawn until customs resumes."""

    quota: QuotaId
    reason: Code


class Resume(Record, frozen=True):
    """customs.resume/1: the suspension by customs ends."""

    quota: QuotaId
    reason: Code


class Rekey(Record, frozen=True):
    """customs.rekey/1: the owner lost its draw key; another takes its place."""

    custodial: bool
    draw_key: Bytes32
    quota: QuotaId


def attest(ctx: Context, cmd: Attest) -> Refusal | None:
    """Open a quota. The same number gives the same handle, so a second attestation collides, even after withdrawal."""
    name = rules.quota_id(cmd.handle, cmd.unit)
    if ctx.state.read(Quota, quotas.key_of(name)) is not None:
        return Refusal(Rejection.QUOTA_EXISTS, name)
    if not is_sound_key(from_text(cmd.draw_key)):
        return Refusal(Rejection.DRAW_KEY_UNSOUND, "draw_key")
    ratio_bp = rules.ratio_of(ctx.parameter, cmd.kind, cmd.mode, provisional=cmd.provisional)
    facts = {"mode": cmd.mode, "provisional": rules.yes_or_no(cmd.provisional), "stage": cmd.stage}
    quota = Quota(
        attested=cmd.attested,
        collected=0,
        commitment=cmd.commitment,
        custodial=cmd.custodial,
        draw_key=cmd.draw_key,
        draws=0,
        facts=facts,
        fingerprints=cmd.fingerprints,
        holds=[],
        id=name,
        issuer=ctx.member.id,
        kind=cmd.kind,
        lapses={},
        limit=quotas.limit_of(cmd.attested, 0, ratio_bp, settled=False),
        ratio_bp=ratio_bp,
        revision=0,
        seal=cmd.seal,
        settled=False,
        spent=0,
        status=rules.status_of(facts, ctx.parameter(rules.FINANCEABLE_FROM)),
        unit=cmd.unit,
        used=0,
    )
    ctx.state.write(quotas.key_of(name), quota)
    return None


def stage(ctx: Context, cmd: MoveOn) -> Refusal | None:
    """Move a declaration on. A suspension by customs outlives it."""
    quota = _own_quota(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    if not rules.is_forward(quota.facts, cmd.stage):
        return Refusal(Rejection.STAGE_NOT_FORWARD, "stage")
    _write(ctx, quota, quota.facts | {"stage": cmd.stage})
    return None


def amend(ctx: Context, cmd: Amend) -> Refusal | None:
    """Set what is attested, even below what is drawn: that stops draws and undoes no loan.

    What was collected stays, and so does ``settled``: those are the collecting bank's facts, not customs'.
    """
    quota = _own_quota(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    refusal = rules.check_amendment(quota, cmd.attested, cmd.reason, cmd.provisional)
    if refusal is not None:
        return refusal
    provisional = rules.provisional_after(quota, cmd.reason, cmd.provisional)
    ratio_bp = rules.ratio_of(ctx.parameter, quota.kind, quota.facts["mode"], provisional=provisional)
    rebased = quotas.rebase(
        quota, attested=cmd.attested, collected=quota.collected, ratio_bp=ratio_bp, settled=quota.settled
    )
    if isinstance(rebased, Rejection):
        raise AssertionError(f"{quota.id}: numbers within bounds were refused as {rebased.name}")  # noqa: TRY004  # a broken invariant, not a wrong type
    stated = replace(rebased, commitment=cmd.commitment, fingerprints=cmd.fingerprints)
    facts = quota.facts | {"amended": cmd.reason, "provisional": rules.yes_or_no(provisional)}
    revised = rules.revised(stated, facts, ctx.parameter(rules.FINANCEABLE_FROM))
    if ctx.member.suspended and quotas.gives_room(quota, revised):
        return Refusal(Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED, "attested")
    ctx.state.write(quotas.key_of(quota.id), revised)
    return None


def withdraw(ctx: Context, cmd: Withdraw) -> Refusal | None:
    """End a declaration. Loans that run stay and can be repaid; nothing more is drawn."""
    quota = _own_quota(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    _write(ctx, quota, quota.facts | {"withdrawn": cmd.reason})
    return None


def suspend(ctx: Context, cmd: Suspend) -> Refusal | None:
    """Stop draws, at whatever stage the declaration is."""
    quota = _own_quota(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    if "suspended" in quota.facts:
        return Refusal(Rejection.DECLARATION_SUSPENDED_ALREADY, cmd.quota)
    _write(ctx, quota, quota.facts | {"suspended": cmd.reason})
    return None


def resume(ctx: Context, cmd: Resume) -> Refusal | None:
    """End a suspension by customs. Draws start again only if the stage allows them."""
    quota = _own_quota(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    if "suspended" not in quota.facts:
        return Refusal(Rejection.DECLARATION_NOT_SUSPENDED, cmd.quota)
    kept = {name: fact for name, fact in quota.facts.items() if name != "suspended"}
    _write(ctx, quota, kept | {"resumed": cmd.reason})
    return None


def rekey(ctx: Context, cmd: Rekey) -> Refusal | None:
    """Replace the draw key, counted for all to see. Loans and holds made under the old key stay."""
    quota = _own_quota(ctx, cmd.quota)
    if isinstance(quota, Refusal):
        return quota
    if not is_sound_key(from_text(cmd.draw_key)):
        return Refusal(Rejection.DRAW_KEY_UNSOUND, "draw_key")
    if cmd.draw_key == quota.draw_key:
        return Refusal(Rejection.DRAW_KEY_UNCHANGED, "draw_key")
    replaced = replace(quota, custodial=cmd.custodial, draw_key=cmd.draw_key)
    count = int(quota.facts.get("rekeyed", "0")) + 1
    _write(ctx, replaced, quota.facts | {"rekeyed": str(count)})
    return None


def _own_quota(ctx: Context, name: str) -> Quota | Refusal:
    """Return a quota that the signer issued and that is not withdrawn."""
    quota = ctx.state.read(Quota, quotas.key_of(name))
    if quota is None:
        return Refusal(Rejection.QUOTA_UNKNOWN, name)
    if quota.issuer != ctx.member.id:
        return Refusal(Rejection.QUOTA_NOT_ISSUER, name)
    if quota.status == "withdrawn":
        return Refusal(Rejection.QUOTA_WITHDRAWN, name)
    return quota


def _write(ctx: Context, quota: Quota, facts: dict[str, str]) -> None:
    ctx.state.write(quotas.key_of(quota.id), rules.revised(quota, facts, ctx.parameter(rules.FINANCEABLE_FROM)))


_CUSTOMS: Final = frozenset({"customs"})

# What gives new room to draw counts as starting something new; what takes room away a suspended member may still say.
COMMANDS: Final[tuple[Command, ...]] = (
    Command("customs.attest/1", Attest, attest, _CUSTOMS, starts=True),
    Command("customs.stage/1", MoveOn, stage, _CUSTOMS, starts=True),
    Command("customs.amend/1", Amend, amend, _CUSTOMS, starts=False),
    Command("customs.withdraw/1", Withdraw, withdraw, _CUSTOMS, starts=False),
    Command("customs.suspend/1", Suspend, suspend, _CUSTOMS, starts=False),
    Command("customs.resume/1", Resume, resume, _CUSTOMS, starts=True),
    Command("customs.rekey/1", Rekey, rekey, _CUSTOMS, starts=True),
)
