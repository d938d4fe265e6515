"""What an owner and a bank hand each other about the papers of a trade.

1. The *paper slip* goes from the owner's wallet to a bank: the paper itself, sealed to that bank.
2. The *recorded slip* comes back: under which quota the paper stands on the ledger.
3. Where it belongs to a trade that is there already, the bank sends a *join request* to the owners of the documents it
   names; each wallet answers with a *join slip* that holds its signatures. None of these three holds a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from kouan.client.commitments import canonical_fields
from kouan.client.filings import SlipError, read_slip
from kouan.client.keymaterial import Entropy
from kouan.client.sealing import SealError, open_sealed, seal
from kouan.client.slip_kinds import wrong_file
from kouan.kernel.encoding import Bytes32, Code, Positive, encode, from_text, to_text
from kouan.modules.cases.commands.recording import MAX_CONSENTS, Currency, OwnerConsent
from kouan.modules.cases.records import Purpose, QuotaId

FORMAT: Final = "kouan/paper/1"
MAX_SLIP_BYTES: Final = 4 * 2**20
_TO_BANK: Final = b"kouan/paper/1"
_NAME: Final = "paper slip"


class PaperContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a paper slip says once it is opened."""

    alliance: Bytes32
    amount: Positive
    """What the owner states the paper to be worth, in minor units of ``unit``."""
    bank: Code
    custodial: bool
    """The draw key is kept for the owner by a member."""
    draw_key: Bytes32
    earlier: dict[str, Any] | None
    """What it said of amounts when its numbers were committed to; None where it still says so."""
    fields: dict[str, Any]
    """The paper, as it is committed to: `kouan.client.paper_secrets.fields_of`."""
    format: Literal["kouan/paper/1"]
    owner: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}\Z")]
    """The code of whose finance it is; its wallet's directory has this name."""
    purpose: Purpose
    quota: QuotaId | None
    """Under which it stands on the ledger, where the wallet was told."""
    secret: Bytes32
    unit: Currency


class _Slip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: canonical JSON. Whom it is for can be read by anybody, the rest by the bank alone."""

    alliance: Bytes32
    bank: Code
    format: Literal["kouan/paper/1"]
    sealed: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]


class RecordedSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bank to owner: the quota under which a paper stands."""

    alliance: Bytes32
    format: Literal["kouan/recorded/1"]
    quota: QuotaId


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bank to owners: these documents belong to one trade; those that are yours, sign for all of them together."""

    alliance: Bytes32
    documents: Annotated[list[QuotaId], Meta(min_length=2, max_length=MAX_CONSENTS + 1)]
    """Sorted. A paper that is still to be recorded may be among them; it needs no signature."""
    format: Literal["kouan/join-request/1"]


class JoinSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Owner to bank: the signatures of one wallet's documents."""

    alliance: Bytes32
    consents: Annotated[list[OwnerConsent], Meta(min_length=1, max_length=MAX_CONSENTS)]
    documents: Annotated[list[QuotaId], Meta(min_length=2, max_length=MAX_CONSENTS + 1)]
    format: Literal["kouan/join/1"]


def seal_paper_slip(content: PaperContent, to_public: bytes, entropy: Entropy) -> bytes:
    """Return a paper slip as a file, sealed to the bank's public key (32 bytes)."""
    aad = encode({"alliance": content.alliance, "bank": content.bank})
    sealed = seal(to_public, _TO_BANK, aad, canonical_fields(msgspec.to_builtins(content)), entropy)
    return encode(_Slip(content.alliance, content.bank, FORMAT, to_text(sealed)))


def open_paper_slip(private_key: bytes, data: bytes) -> PaperContent:
    """Return what a paper slip says; raises SlipError when it is damaged, or sealed to another bank."""
    if len(data) > MAX_SLIP_BYTES:
        raise SlipError(f"{_NAME}: {len(data)} bytes; it has at most {MAX_SLIP_BYTES}")
    try:
        slip = msgspec.json.decode(data, type=_Slip)
        aad = encode({"alliance": slip.alliance, "bank": slip.bank})
        content = msgspec.json.decode(
            open_sealed(private_key, _TO_BANK, aad, from_text(slip.sealed)), type=PaperContent
        )
        canonical_fields([content.earlier, content.fields])  # refuses what nobody can have committed to
    except SealError:
        raise SlipError(f"{_NAME}: sealed to another bank's key, or altered; ask the owner for a new one") from None
    except (RecursionError, ValueError) as problem:  # msgspec's and the decoder's errors are ValueErrors
        raise SlipError(f"{_NAME}: the file {wrong_file(data, FORMAT, problem)}") from None
    if (content.alliance, content.bank) != (slip.alliance, slip.bank):
        raise SlipError(f"{_NAME}: what stands inside is for another alliance or bank than the slip says outside")
    return content


def join_request(alliance: str, documents: list[str]) -> bytes:
    """Return a join request as a file."""
    return encode(JoinRequest(alliance, sorted(documents), "kouan/join-request/1"))


def read_join_slips(slips: Sequence[bytes]) -> list[JoinSlip]:
    """Return the join slips in some files; raises SlipError."""
    return [read_slip(data, JoinSlip, "join slip") for data in slips]


def merged(slips: Sequence[JoinSlip]) -> JoinSlip:
    """Return one join slip of several wallets' for the same documents."""
    consents = sorted({one.quota: one for slip in slips for one in slip.consents}.values(), key=lambda one: one.quota)
    return msgspec.structs.replace(slips[0], consents=consents)
