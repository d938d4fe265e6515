"""What the module's commands share: code tables, parameters, the messages that are signed, sums over a loan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from kouan.kernel.encoding import MAX_INTEGER, Bytes32, Code, Count, Positive, encode
from kouan.kernel.records import Quota, Record
from kouan.kernel.registry import Parameter
from kouan.modules.financing.records import RATE_ONE, Allocation, Amounts, Financing, Product, Purpose

State = Literal["held", "lapsed", "disbursed", "settled", "released"]

BANK: Final = frozenset({"bank"})
KIND: Final = "export"
KINDS: Final = frozenset({KIND, "contract", "invoice", "order", "transport"})
"""The kinds of quota that a loan may stand on: a declaration, or another paper of a trade."""
DRAW_TAG: Final = "kouan/draw/1"
CONSENT_TAG: Final = "kouan/consent/1"

_DAY_MS: Final = 24 * 3_600_000
_LONGEST_MS: Final = 90 * _DAY_MS

HOLD_MAX: Final = {product: f"financing.hold_max_ms.{product}" for product in get_args(Product)}
EXTENSION_MAX: Final = "financing.extension_max_ms"
REGISTRATION_REQUIRED: Final = "financing.registration_required"
COLLECTION_TOLERANCE: Final = "financing.collection_tolerance_bp"
REVERSAL_MAX: Final = "financing.reversal_max_ms"
BRING_IN_UNTIL: Final = "financing.bring_in_until_ms"

# Three business days took fourteen days across the spring festival of 2020; who holds computes the days.
PARAMETERS: Final[tuple[Parameter, ...]] = (
    *(
        Parameter(
            name, "ms", 14 * _DAY_MS, 3_600_000, _LONGEST_MS, f"The longest hold for a loan of product {product}."
        )
        for product, name in HOLD_MAX.items()
    ),
    Parameter(EXTENSION_MAX, "ms", 14 * _DAY_MS, 0, _LONGEST_MS, "By how much the one extension may move a lapse."),
    Parameter(
        REGISTRATION_REQUIRED, "yes or no", 1, 0, 1, "1: no first drawdown without the registration of the receivables."
    ),
    Parameter(
        COLLECTION_TOLERANCE,
        "basis points",
        1000,
        0,
        10_000,
        "By how much receipts may exceed what is attested: charges, interest for late payment.",
    ),
    Parameter(
        REVERSAL_MAX,
        "ms",
        30 * _DAY_MS,
        3_600_000,
        366 * _DAY_MS,
        "How old an entry or a collection may be to be reversed.",
    ),
    Parameter(
        BRING_IN_UNTIL,
        "ms since 1970",
        0,
        0,
        MAX_INTEGER,
        "Until when banks may bring in loans from before the ledger, unsigned by the owners; 0: never.",
    ),
)


def financing_key(financing: str) -> str:
    """Return the key under which a loan stands in the state."""
    return f"financing/{financing}"


def entry_key(financing: str, number: int) -> str:
    """Return the key of a loan's entry; the first has the number 1."""
    return f"entry/{financing}/{number}"


def collection_key(collection: str) -> str:
    """Return the key under which a collection stands in the state."""
    return f"collection/{collection}"


class DrawConsent(Record, frozen=True):
    """What the owner of a declaration signs with its draw key, under the tag ``kouan/draw/1``."""

    alliance: Bytes32
    amount: Positive
    """What the loan may draw on the quota in all."""
    drawer: Code
    """The bank that may."""
    expires_ms: Positive
    """The signature is refused in a block of this time or later."""
    financing: str
    purpose: Purpose
    quota: str


class PayOffConsent(Record, frozen=True):
    """What a lender signs with any good key of its own, under the tag ``kouan/consent/1``, to be paid off."""

    alliance: Bytes32
    amounts: Amounts
    """Principal paid off for each allocation of the old loan: all that is outstanding."""
    drawer: Code
    """The bank that pays off."""
    expires_ms: Positive
    financing: str
    """The old loan."""
    interest: Count
    successor: str
    """The new loan."""


def draw_message(
    alliance: str,
    drawer: str,
    financing: str,
    quota: str,
    amount: int,
    expires_ms: int,
    purpose: Purpose = "seller",
) -> bytes:
    """Return the canonical bytes that a draw key signs to let a bank draw on a declaration for one loan."""
    return encode(DrawConsent(alliance, amount, drawer, expires_ms, financing, purpose, quota))


def is_for(quota: Quota, purpose: Purpose) -> bool:
    """Tell whether loans of a purpose may stand on a quota. A declaration is the seller's, a paper says whose it is."""
    return quota.kind in KINDS and quota.facts.get("purpose", "seller") == purpose


def worth(amount: int, unit: str, currency: str, rates: Mapping[str, int]) -> int:
    """Return an allocation's amount in minor units of the loan's currency, rounded down; 0 without a rate."""
    return amount if unit == currency else amount * rates.get(unit, 0) // RATE_ONE


def unit_of(quota_id: str) -> str:
    """Return the unit that a quota's id names: the id is ``<handle>.<unit>``."""
    return quota_id.rpartition(".")[2]


def outstanding(allocation: Allocation) -> int:
    """Return the principal that is owed on an allocation, in minor units of its quota."""
    return allocation.drawn - allocation.repaid


def is_outstanding(loan: Financing) -> bool:
    """Tell whether any principal is owed."""
    return any(outstanding(allocation) for allocation in loan.allocations)


def is_held(loan: Financing, time_ms: int) -> bool:
    """Tell whether a part not yet drawn is still set aside."""
    return loan.lapse_ms > time_ms and any(allocation.held for allocation in loan.allocations)


def state_of(loan: Financing, time_ms: int) -> State:
    """Return held, lapsed, disbursed, settled or released: the state as it is at a time.

    A hold lapses by itself, and with it a loan is settled whose drawn part was repaid before: neither writes anything.
    """
    if is_outstanding(loan):
        return "disbursed"
    if any(allocation.drawn for allocation in loan.allocations):
        return "disbursed" if is_held(loan, time_ms) else "settled"
    if is_held(loan, time_ms):
        return "held"
    return "released" if loan.reason is not None else "lapsed"
