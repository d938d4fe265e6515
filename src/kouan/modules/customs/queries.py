"""What a person wants to see of a declaration's quota, derived and never stored."""

from __future__ import annotations

import msgspec

from kouan.kernel import quota as quotas
from kouan.kernel.records import Quota
from kouan.kernel.state import Reader
from kouan.modules.customs import rules


class Declaration(msgspec.Struct, frozen=True):
    """A declaration's quota at one moment. All amounts are in minor units of ``unit``."""

    quota: str
    kind: str
    unit: str
    mode: str
    """The message's TradeMode, four digits."""
    stage: str
    """filed, released or closed."""
    status: str
    """active, suspended or withdrawn."""
    suspension: str | None
    """Why customs suspended it; null when it did not, though the stage alone may keep it from being drawn on."""
    withdrawal: str | None
    """Why it was cancelled, or null."""
    amendment: str | None
    """The reason of the last amendment, or null."""
    provisional: bool
    attested: int
    collected: int
    """What the buyer has paid."""
    settled: bool
    """The buyer has paid for good: nothing more is to be expected."""
    ratio_bp: int
    limit: int
    """What may be outstanding in all."""
    used: int
    """Outstanding loans or payments."""
    held: int
    """Set aside by holds that have not lapsed."""
    available: int
    """What a new draw could still get; 0 unless the status is active."""
    overdrawn: int
    """By how much the outstanding exceeds the limit after an amendment or a collection; 0 when it does not."""
    draws: int
    """How often it was ever drawn on."""
    custodial: bool
    rekeyed: int
    """How often the draw key was replaced."""
    revision: int
    """How often the issuer changed it."""


def declaration(reader: Reader, quota_id: str, time_ms: int) -> Declaration | None:
    """Return a declaration's quota as it is at a time (ms since 1970), or None where the ledger has none."""
    quota = reader.read(Quota, quotas.key_of(quota_id))
    if quota is None:
        return None
    facts = quota.facts
    return Declaration(
        quota=quota.id,
        kind=quota.kind,
        unit=quota.unit,
        mode=facts["mode"],
        stage=facts["stage"],
        status=quota.status,
        suspension=facts.get("suspended"),
        withdrawal=facts.get("withdrawn"),
        amendment=facts.get("amended"),
        provisional=rules.is_provisional(facts),
        attested=quota.attested,
        collected=quota.collected,
        settled=quota.settled,
        ratio_bp=quota.ratio_bp,
        limit=quota.limit,
        used=quota.used,
        held=quotas.held(quota, time_ms),
        available=quotas.available(quota, time_ms),
        overdrawn=max(0, quota.used + quota.spent - quota.limit),
        draws=quota.draws,
        custodial=quota.custodial,
        rekeyed=int(facts.get("rekeyed", "0")),
        revision=quota.revision,
    )
