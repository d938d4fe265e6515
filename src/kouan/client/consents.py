"""The consent slip: with it the owner of declarations and papers lets one bank draw on them for one loan.

The owner's wallet makes it, sealed to the bank's sealing key, and hands it over as a file; the bank's desk opens it.
Inside stand the numbers, the link secrets and the documents as they were committed to, so that the bank can check all
of them against the ledger, and the owner's signature for each declaration.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from kouan.client.commitments import canonical_fields
from kouan.client.keymaterial import Entropy
from kouan.client.sealing import SealError, open_sealed, seal
from kouan.client.slip_kinds import wrong_file
from kouan.kernel.encoding import Bytes16, Bytes32, Bytes64, Code, Positive, encode, from_text, to_text
from kouan.modules.financing.records import Purpose

FORMAT: Final = "kouan/consent/1"
MAX_SLIP_BYTES: Final = 4 * 2**20

_TO_BANK: Final = b"kouan/consent/1"


class ConsentError(ValueError):
    """A file is no consent slip for this bank; the text says why."""


class ConsentPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One document on which the loan may draw: a declaration or another paper."""

    amount: Positive
    """Minor units of the quota's unit."""
    document: dict[str, Any]
    """Its fields as they were committed to: `kouan.client.filings.document_of`, or of a paper its form's."""
    earlier: dict[str, Any] | None
    """What a paper said of amounts when its numbers were committed to; None where it still says so."""
    expires_ms: Positive
    link_secret: Bytes32
    """A declaration's, or the paper's own secret."""
    number: Annotated[str, Meta(min_length=1, max_length=100)]
    """The declaration's 18 digits, or the paper's own number."""
    quota: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\.[A-Z0-9]{3,8}\Z")]
    signature: Bytes64
    """By the document's draw key over `kouan.modules.financing.rules.draw_message`."""


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the slip says once it is opened."""

    alliance: Bytes32
    allocations: Annotated[list[ConsentPart], Meta(min_length=1, max_length=64)]
    drawer: Code
    """The bank that may draw."""
    financing: Bytes16
    """The id of the loan, 16 random bytes that the wallet picked."""
    format: Literal["kouan/consent/1"]
    purpose: Purpose
    """Whose finance the loan is; a declaration serves the seller's only."""


class _Slip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: canonical JSON. Whom it is for can be read by anybody, the rest by the bank alone."""

    alliance: Bytes32
    drawer: Code
    financing: Bytes16
    format: Literal["kouan/consent/1"]
    sealed: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]


def _bound_to(alliance: str, drawer: str, financing: str) -> bytes:
    return encode({"alliance": alliance, "drawer": drawer, "financing": financing})


def seal_consent(consent: Consent, to_public: bytes, entropy: Entropy) -> bytes:
    """Return the slip as a file, sealed to the bank's public key (32 bytes); raises ValueError for a bad document."""
    content = canonical_fields(msgspec.to_builtins(consent))
    aad = _bound_to(consent.alliance, consent.drawer, consent.financing)
    sealed = to_text(seal(to_public, _TO_BANK, aad, content, entropy))
    return encode(_Slip(consent.alliance, consent.drawer, consent.financing, FORMAT, sealed))


def open_consent(private_key: bytes, data: bytes) -> Consent:
    """Return what a slip says; raises ConsentError when it is damaged, or sealed to another bank."""
    if len(data) > MAX_SLIP_BYTES:
        raise ConsentError(f"{len(data)} bytes; a consent slip has at most {MAX_SLIP_BYTES}")
    try:
        slip = msgspec.json.decode(data, type=_Slip)
        content = open_sealed(
            private_key, _TO_BANK, _bound_to(slip.alliance, slip.drawer, slip.financing), from_text(slip.sealed)
        )
        consent = msgspec.json.decode(content, type=Consent)
        for part in consent.allocations:
            canonical_fields([part.document, part.earlier])  # refuses what nobody can have committed to
    except SealError:
        raise ConsentError("sealed to another bank's key, or altered; ask the owner for a new one") from None
    except (RecursionError, ValueError) as problem:  # msgspec's and the decoder's errors are ValueErrors
        raise ConsentError(f"consent slip: the file {wrong_file(data, FORMAT, problem)}") from None
    if (consent.alliance, consent.drawer, consent.financing) != (slip.alliance, slip.drawer, slip.financing):
        raise ConsentError("what stands inside is for another alliance, bank or loan than the slip says outside")
    return consent
