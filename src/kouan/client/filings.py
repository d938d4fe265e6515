"""What owner and customs hand each other about a declaration, and what of it customs commits to on the ledger.

The *filing slip* goes to customs with the declaration; the *attestation slip* comes back, readable by the owner alone.
Whoever holds a declaration's link secret and its document can open both commitments: their salts follow from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta

from kouan.client.commitments import Subject, canonical_fields, commit, is_opening
from kouan.client.filing_seals import Filing, open_link_secret, seal_link_secret
from kouan.client.keymaterial import Entropy, derive
from kouan.client.sealing import SealError, open_sealed, seal
from kouan.client.slip_kinds import wrong_file
from kouan.formats.declaration import Declaration
from kouan.kernel.encoding import Bytes32, encode, from_text, to_text
from kouan.modules.customs.rules import QuotaId

FILING_SUFFIX: Final = ".filing.json"
MAX_SLIP_BYTES: Final = 4 * 2**20
Number = Annotated[str, Meta(pattern=r"^[0-9]{8}[01][0-9]{9}\Z")]
Document = dict[str, Any]

_TO_OWNER: Final = b"kouan/attestation/1"


class SlipError(ValueError):
    """A file is not the slip it should be, or not for this reader; the text says why."""


class FilingSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Owner to customs: with which key the declaration may be drawn on, and to whom its link secret is sealed."""

    custodial: bool
    """The keys are kept for the owner by somebody else."""
    draw_key: Bytes32
    format: Literal["kouan/filing/1"]
    number: Number
    sealing: Bytes32
    """The owner's public key (X25519)."""


class AttestationSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Customs to owner: what was attested, readable by the owner alone except for what stands on the ledger anyway."""

    alliance: Bytes32
    document_sealed: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]
    """The document, as canonical JSON, sealed to the owner."""
    format: Literal["kouan/attestation/1"]
    handle: Bytes32
    link_secret_sealed: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]
    quotas: Annotated[list[QuotaId], Meta(min_length=1)]


class Received(NamedTuple):
    """What an attestation slip holds."""

    number: str
    link_secret: bytes
    document: Document


def read_slip(data: bytes, kind: type[Any], name: str) -> Any:
    """Return a slip of a kind; ``name`` is what an error calls the file. Raises SlipError."""
    if len(data) > MAX_SLIP_BYTES:
        raise SlipError(f"{name}: {len(data)} bytes; a slip has at most {MAX_SLIP_BYTES}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (RecursionError, ValueError) as problem:  # msgspec's errors are ValueErrors
        (wanted,) = get_args(get_type_hints(kind)["format"])
        raise SlipError(f"{name}: {wrong_file(data, wanted, problem)}") from None


def document_of(declaration: Declaration) -> Document:
    """Return a declaration's fields as they are committed to: as JSON, decimals and dates as text."""
    document: Document = msgspec.json.decode(msgspec.json.encode(declaration))
    return document


def fingerprints_of(document: Document) -> Document:
    """Return what else would tell that another document is about the same trade."""
    names = ("owner_uscc", "contract_no", "bill_no", "manual_no", "traf_name", "ie_date")
    parties = ("overseas_consignee_name", "overseas_consignor_name")
    return {name: document.get(name) for name in (*names, *parties)}


def document_commitment(document: Document, link_secret: bytes) -> str:
    """Return the commitment to a document; the salt is derived from the link secret (32 bytes)."""
    return commit(Subject.DOCUMENT, _salt(link_secret, "document"), document)


def fingerprints_commitment(document: Document, link_secret: bytes) -> str:
    """Return the commitment to a document's further fingerprints."""
    return commit(Subject.FINGERPRINTS, _salt(link_secret, "fingerprints"), fingerprints_of(document))


def is_document(commitment: str, document: Document, link_secret: bytes) -> bool:
    """Tell whether a document is the one that a quota's ``commitment`` was made to."""
    return is_opening(commitment, Subject.DOCUMENT, _salt(link_secret, "document"), document)


def _salt(link_secret: bytes, purpose: str) -> bytes:
    return derive("link secret", link_secret, f"kouan/salt/{purpose}/1".encode())


def attestation_slip(filing: Filing, quotas: Sequence[str], content: Received, owner: bytes, entropy: Entropy) -> bytes:
    """Return the attestation slip as a file, sealed to the owner's public key (32 bytes)."""
    document = seal(owner, _TO_OWNER, filing.aad(), canonical_fields(content.document), entropy)
    slip = AttestationSlip(
        alliance=filing.alliance,
        document_sealed=to_text(document),
        format="kouan/attestation/1",
        handle=filing.handle,
        link_secret_sealed=to_text(seal_link_secret(owner, filing, content.link_secret, entropy)),
        quotas=sorted(quotas),
    )
    return encode(slip)


def open_attestation(private_key: bytes, slip: AttestationSlip) -> Received:
    """Return what a slip holds; raises SlipError when it is another owner's, or does not hold together."""
    filing = Filing(slip.alliance, slip.handle)
    try:
        document = msgspec.json.decode(
            open_sealed(private_key, _TO_OWNER, filing.aad(), from_text(slip.document_sealed)), type=Document
        )
        canonical_fields(document)  # refuses what nobody can have committed to, deep nesting among it
        number = document.get("entry_id")
        if not isinstance(number, str):
            raise SlipError("attestation slip: its document has no entry_id")  # joins the reasons below
        secret = open_link_secret(private_key, filing, number, from_text(slip.link_secret_sealed))
    except SealError as problem:
        raise SlipError(f"attestation slip: {problem}; it may be another owner's") from None
    except (RecursionError, ValueError) as problem:  # msgspec's and the decoder's errors are ValueErrors
        raise SlipError(f"attestation slip: {problem}") from None
    return Received(number, secret, document)
