"""Pure rules of declarations: trade modes, stages, status, and what an amendment may say.

Sources: the single window's declaration message (TradeMode, PromiseItmes) and SAFE's platform for export receivables.
What practice leaves open is a parameter of the charter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from msgspec import Meta
from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.records import Quota
from kouan.kernel.registry import Parameter
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.suites import digest

Kind = Literal["export", "import"]
Stage = Literal["filed", "released", "closed"]
Reason = Literal["correction", "goods-returned", "price-settled", "short-shipment"]
Mode = Annotated[str, Meta(pattern=r"^[0-9]{4}\Z")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
QuotaId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\.[A-Z]{3}\Z")]

STAGES: Final[tuple[Stage, ...]] = ("filed", "released", "closed")
OPENING_TAG: Final = "kouan/commitment/opening/1"
FINANCEABLE_FROM: Final = "customs.financeable_from"
PROVISIONAL_RATIO: Final = "customs.provisional_ratio_bp"
OPENING_SEALED: Final = "customs.opening_sealed_ms"
OTHER_MODES: Final = "customs.ratio_bp.other"

_DAY_MS: Final = 24 * 3_600_000
_LOWERING: Final = ("goods-returned", "short-shipment")

_MODES: Final[dict[str, tuple[int, str]]] = {
    "0110": (8000, "general trade"),
    "0214": (8000, "processing with supplied materials (only the processing fee is attested)"),
    "1210": (8000, "bonded e-commerce"),
    "1233": (8000, "bonded warehouse"),
    "1300": (0, "repairs (no receivable arises)"),
    "2600": (0, "temporary import or export (no receivable arises)"),
    "2700": (0, "exhibits (no receivable arises)"),
    "2939": (8000, "display samples"),
    "3010": (0, "samples and advertising goods, class A (no receivable arises)"),
    "3039": (0, "samples and advertising goods, class B (no receivable arises)"),
    "3339": (0, "other goods free of charge (no receivable arises)"),
    "4561": (0, "returned goods (no receivable arises)"),
    "9610": (8000, "B2C e-commerce"),
}


def _ratio(name: str, default_bp: int, meaning: str) -> Parameter:
    return Parameter(name, "basis points", default_bp, 0, quotas.FULL_BP, meaning)


PARAMETERS: Final[tuple[Parameter, ...]] = (
    *(
        _ratio(f"customs.ratio_bp.{mode}", ratio_bp, f"what may be financed of an export of trade mode {mode}, {what}")
        for mode, (ratio_bp, what) in _MODES.items()
    ),
    _ratio(OTHER_MODES, 0, "what may be financed of an export of any trade mode that has no parameter of its own"),
    _ratio(PROVISIONAL_RATIO, 5000, "at most this may be drawn on while the price is provisional, whatever the mode"),
    Parameter(
        FINANCEABLE_FROM,
        "stage",
        2,
        0,
        len(STAGES) - 1,
        "the stage from which a declaration may be drawn on: 0 filed, 1 released, 2 closed",
    ),
    Parameter(
        OPENING_SEALED,
        "ms",
        90 * _DAY_MS,
        0,
        3650 * _DAY_MS,
        "how long after a request to open a seal it must stay hidden which declaration was meant",
    ),
)


def quota_id(handle: str, unit: str) -> str:
    """Return the id of the quota of a declaration in one currency."""
    return f"{handle}.{unit}"


def ratio_of(parameter: Callable[[str], int], kind: str, mode: str, *, provisional: bool) -> int:
    """Return which part of a declaration may be drawn on, in basis points, by the charter as it stands.

    An import can be paid in full, whatever its mode; a provisional price caps both kinds.
    """
    name = f"customs.ratio_bp.{mode}" if mode in _MODES else OTHER_MODES
    ratio_bp = quotas.FULL_BP if kind == "import" else parameter(name)
    return min(ratio_bp, parameter(PROVISIONAL_RATIO)) if provisional else ratio_bp


def status_of(facts: dict[str, str], financeable_from: int) -> str:
    """Return a declaration's status: withdrawal beats suspension by customs, and that the stage."""
    if "withdrawn" in facts:
        return "withdrawn"
    if "suspended" in facts or STAGES.index(_stage(facts)) < financeable_from:
        return "suspended"
    return "active"


def is_forward(facts: dict[str, str], stage: Stage) -> bool:
    """Tell whether a stage comes after the one that a declaration has reached. Stages may be skipped."""
    return STAGES.index(stage) > STAGES.index(_stage(facts))


def is_provisional(facts: dict[str, str]) -> bool:
    """Tell whether the price is still provisional."""
    return facts["provisional"] == "yes"


def yes_or_no(flag: bool) -> str:  # noqa: FBT001  # the flag is the whole of it
    """Return a flag as it stands among a quota's facts."""
    return "yes" if flag else "no"


def provisional_after(quota: Quota, reason: Reason, stated: bool | None) -> bool:  # noqa: FBT001  # a command's field
    """Return whether the price is provisional after an amendment.

    What the amendment states counts; where it states nothing, a settled price clears the flag and any other reason
    leaves it.
    """
    if stated is not None:
        return stated
    return reason != "price-settled" and is_provisional(quota.facts)


def check_amendment(quota: Quota, attested: int, reason: Reason, stated: bool | None) -> Refusal | None:  # noqa: FBT001  # a command's field
    """Check that an amendment agrees with its own reason."""
    if reason in _LOWERING and attested >= quota.attested:
        return Refusal(Rejection.AMENDMENT_NOT_LOWER, "attested")
    if reason == "price-settled" and stated:
        return Refusal(Rejection.AMENDMENT_PRICE_OPEN, "provisional")
    return None


def revised(quota: Quota, facts: dict[str, str], financeable_from: int) -> Quota:
    """Return a quota with what its issuer now attests, one revision further."""
    return replace(quota, facts=facts, status=status_of(facts, financeable_from), revision=quota.revision + 1)


def opening_commitment(salt: bytes, quota: str) -> bytes:
    """Return the commitment (32 bytes) to the quota whose seal is to be opened; the salt is 32 random bytes."""
    return digest(OPENING_TAG, salt, quota.encode())


def _stage(facts: dict[str, str]) -> Stage:
    for stage in STAGES:
        if facts["stage"] == stage:
            return stage
    raise AssertionError(f"a declaration's stage is {facts['stage']!r}")
