"""People judge a case: a bank goes on with a reason, the overseer takes a document out."""

from __future__ import annotations

from typing import Final, Literal

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Count
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.cases import rules
from kouan.modules.cases.joining import case_of, detach
from kouan.modules.cases.records import Case, Grounds, QuotaId, Review
from kouan.modules.cases.rules import BANK


class ReviewCommand(Record, frozen=True):
    """cases.review/1: a bank has looked at a case and goes on."""

    quota: QuotaId
    """Any document of the case."""
    reason: Grounds
    revision: Count
    """The case's revision that was looked at."""


class DisputeCommand(Record, frozen=True):
    """cases.dispute/1: a document does not belong where it stands, as its opened seal shows."""

    quota: QuotaId
    reason: Literal["forged", "not-same-trade"]


def review(ctx: Context, cmd: ReviewCommand) -> Refusal | None:
    """Record why a bank goes on although a case is to be reviewed 人工复核."""
    found = _found(ctx, cmd.quota)
    if isinstance(found, Refusal):
        return found
    _, case = found
    if cmd.revision != case.revision:
        return Refusal(Rejection.REVISION_STALE, "revision")
    reviews = {**case.reviews, ctx.member.id: Review(cmd.reason, cmd.revision)}
    ctx.state.write(rules.case_key(case.id), replace(case, reviews=reviews))
    return None


def dispute(ctx: Context, cmd: DisputeCommand) -> Refusal | None:
    """Take a document out of its case 异议; one that is forged is withdrawn as well, and frees its number."""
    found = _found(ctx, cmd.quota)
    if isinstance(found, Refusal):
        return found
    quota, case = found
    if cmd.reason == rules.FORGED and quota.kind not in rules.PAPERS:
        return Refusal(Rejection.QUOTA_WRONG_KIND, cmd.quota)
    alone = detach(ctx, quota, case)
    if cmd.reason == rules.FORGED:
        alone = replace(alone, facts=alone.facts | {"withdrawn": rules.FORGED}, status="withdrawn")
    ctx.state.write(quotas.key_of(quota.id), alone)
    return None


def _found(ctx: Context, name: str) -> tuple[Quota, Case] | Refusal:
    quota = ctx.state.read(Quota, quotas.key_of(name))
    if quota is None:
        return Refusal(Rejection.QUOTA_UNKNOWN, name)
    case = case_of(ctx.state, quota)
    if case is None:
        return Refusal(Rejection.CASE_UNKNOWN, name)
    return quota, case


COMMANDS: Final = (
    Command("cases.review/1", ReviewCommand, review, BANK, starts=False),
    Command("cases.dispute/1", DisputeCommand, dispute, frozenset({"overseer"}), starts=False),
)
