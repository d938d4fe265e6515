"""What the module's commands share: code tables, parameters, the message that an owner signs, sums over a loan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from kouan.kernel.encoding import Bytes32, Code, Positive, encode
from kouan.kernel.records import Record
from kouan.kernel.registry import Parameter
from kouan.modules.financing.records import RATE_ONE

BANK: Final = frozenset({"bank"})
KIND: Final = "export"
DRAW_TAG: Final = "kouan/draw/1"
DAY_MS: Final = 86_400_000

PRODUCTS: Final = ("export-bill", "factoring", "forfaiting", "insured", "invoice", "order", "packing-loan")

HOLD_MAX: Final = {product: f"financing.hold_max_ms.{product}" for product in PRODUCTS}
EXTENSION_MAX: Final = "financing.extension_max_ms"

# The longest a hold may last is set wide enough for three business days across the longest national holidays.
PARAMETERS: tuple[Parameter, ...] = (
    *(
        Parameter(name, "ms", 12 * DAY_MS, DAY_MS // 24, 90 * DAY_MS, f"Longest hold for the product {product}.")
        for product, name in HOLD_MAX.items()
    ),
    Parameter(EXTENSION_MAX, "ms", 12 * DAY_MS, 0, 90 * DAY_MS, "By how much the one extension may move a lapse."),
)


def financing_key(financing: str) -> str:
    """Return the key under which a loan stands in the state."""
    return f"financing/{financing}"


class DrawConsent(Record, frozen=True):
    """What the owner of a declaration signs with its draw key, under the tag ``kouan/draw/1``."""

    alliance: Bytes32
    amount: Positive
    """What the loan may draw on the quota in all."""
    drawer: Code
    expires_ms: Positive
    financing: str
    purpose: Literal["seller"]
    quota: str


def draw_message(alliance: str, drawer: str, financing: str, quota: str, amount: int, expires_ms: int) -> bytes:
    """Return the canonical bytes that a draw key signs to let a bank draw on a declaration for one loan."""
    return encode(DrawConsent(alliance, amount, drawer, expires_ms, financing, "seller", quota))


def worth(amount: int, unit: str, currency: str, rates: Mapping[str, int]) -> int:
    """Return an allocation's amount in minor units of the loan's currency, rounded down; 0 without a rate."""
    return amount if unit == currency else amount * rates.get(unit, 0) // RATE_ONE
