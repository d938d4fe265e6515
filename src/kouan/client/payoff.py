"""The pay-off slip: a lender lets another bank pay its loan off by a new one 融资置换.

The old lender makes it for the very loan that is to come, and hands it to the other bank as a file; that bank's
refinancing carries the signature to the ledger. It says what is owed, so it is good only while that stays the same.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from kouan.client.slip_kinds import wrong_file
from kouan.kernel.encoding import Bytes16, Bytes32, Bytes64, Code, Count, Positive, encode, to_text
from kouan.kernel.suites import sign
from kouan.modules.financing.commands.refinancing import Consent
from kouan.modules.financing.records import MAX_ALLOCATIONS
from kouan.modules.financing.rules import CONSENT_TAG, PayOffConsent

FORMAT: Final = "kouan/payoff/1"
MAX_SLIP_BYTES: Final = 64 * 1024


class PayOffError(ValueError):
    """A file is no pay-off slip, or not for this loan; the text says why."""


class PayOffSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: canonical JSON. It holds no secret."""

    alliance: Bytes32
    amounts: Annotated[list[Count], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]
    """What is owed on each allocation of the old loan, in minor units of its unit."""
    drawer: Code
    """The bank that pays off."""
    expires_ms: Positive
    format: Literal["kouan/payoff/1"]
    interest: Count
    """To be paid with it, in minor units of the old loan's currency."""
    key: Code
    """Which of the lender's keys signed."""
    predecessor: Bytes16
    """The old loan."""
    signature: Bytes64
    successor: Bytes16
    """The new loan."""

    @property
    def consent(self) -> Consent:
        """What of it the ledger is shown."""
        return Consent(self.expires_ms, self.key, self.signature)


def make_pay_off(seed: bytes, key: str, terms: PayOffConsent) -> bytes:
    """Return the slip as a file, signed with one of the lender's keys (32-byte seed) of that name."""
    slip = PayOffSlip(
        alliance=terms.alliance,
        amounts=terms.amounts,
        drawer=terms.drawer,
        expires_ms=terms.expires_ms,
        format=FORMAT,
        interest=terms.interest,
        key=key,
        predecessor=terms.financing,
        signature=to_text(sign(seed, CONSENT_TAG, encode(terms))),
        successor=terms.successor,
    )
    return encode(slip)


def read_pay_off(data: bytes) -> PayOffSlip:
    """Return what a slip says; raises PayOffError. Whether its signature holds is for the ledger to say."""
    if len(data) > MAX_SLIP_BYTES:
        raise PayOffError(f"pay-off slip: {len(data)} bytes; it has at most {MAX_SLIP_BYTES}")
    try:
        return msgspec.json.decode(data, type=PayOffSlip)
    except (RecursionError, ValueError) as problem:  # msgspec's errors are ValueErrors
        raise PayOffError(f"pay-off slip: the file {wrong_file(data, FORMAT, problem)}") from None
