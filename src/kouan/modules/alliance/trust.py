"""The trust file (``alliance.json``): it carries the founding document to whoever verifies proofs. Canonical JSON.

One operator: ``{"format":"kouan/trust/1","founding":{…}}``. Validators: ``kouan/trust/2``, in which every member signs
the document with one of its founding keys, so that nobody has to hold another's private key to found an alliance, and
nobody is a member who did not agree to every word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from kouan.kernel.encoding import Bytes64, Code, EncodingError, decode, encode, from_text, to_text
from kouan.kernel.records import Record
from kouan.kernel.suites import public_key, sign, verify
from kouan.modules.alliance.founding import AnyFounding, Founding, FoundingError, FoundingMember, NetworkFounding

TRUST_FORMAT: Final = "kouan/trust/1"
NETWORK_TRUST_FORMAT: Final = "kouan/trust/2"
FOUNDING_SIGNATURE_TAG: Final = "kouan/founding-signature/1"
R = TypeVar("R", bound=Record)


class FoundingSignature(Record, frozen=True):
    """A member's word that it founds the alliance by this document."""

    key: Code
    """The name of one of its founding keys."""
    signature: Bytes64
    """Tag ``kouan/founding-signature/1``, over the canonical JSON of the founding document."""


class _TrustFile(Record, frozen=True):
    format: Literal["kouan/trust/1"]
    founding: Founding


class NetworkTrust(Record, frozen=True):
    """The trust file of a network; while it is being signed, some signatures are still missing."""

    format: Literal["kouan/trust/2"]
    founding: NetworkFounding
    signatures: dict[Code, FoundingSignature]
    """By member."""


def trust_file(founding: Founding) -> bytes:
    """Return the bytes of ``alliance.json`` where one operator runs the ledger."""
    return encode(_TrustFile(TRUST_FORMAT, founding))


def network_trust_file(founding: NetworkFounding, signatures: Mapping[str, FoundingSignature]) -> bytes:
    """Return the bytes of ``alliance.json`` of a network, with the signatures that there are so far."""
    return encode(NetworkTrust(NETWORK_TRUST_FORMAT, founding, dict(signatures)))


def sign_founding(founding: NetworkFounding, member: str, seed: bytes) -> FoundingSignature:
    """Return the member's signature by the founding key of this seed (32 bytes).

    Raises FoundingError when the document names no such member, or none of its keys is the seed's.
    """
    public = to_text(public_key(seed))
    for name, key in sorted(_founder(founding, member).keys.items()):
        if key.public == public:
            return FoundingSignature(name, to_text(sign(seed, FOUNDING_SIGNATURE_TAG, encode(founding))))
    raise FoundingError(f"members.{member}.keys: the key {public} that would sign is not among them")


def unsigned(trust: NetworkTrust) -> list[str]:
    """Return the members whose signature is missing, in the document's order.

    Raises FoundingError, naming the member, for a signature that is wrong or that nobody asked for.
    """
    message = encode(trust.founding)
    for member, given in sorted(trust.signatures.items()):
        key = _founder(trust.founding, member).keys.get(given.key)
        if key is None:
            raise FoundingError(f"signatures.{member}.key: {member} has no founding key {given.key}")
        if not verify(from_text(key.public), FOUNDING_SIGNATURE_TAG, message, from_text(given.signature)):
            raise FoundingError(
                f"signatures.{member}.signature: is not by {member}'s key {given.key} over this document; "
                "every member signs the very same document"
            )
    return [member.id for member in trust.founding.members if member.id not in trust.signatures]


def read_trust_file(data: bytes) -> AnyFounding:
    """Return the founding document of a trust file; raises FoundingError when the bytes are not one.

    A network's must be signed by every member. What the document says is not judged here: `founding_rules.check` does
    that, with the parameters that the reader knows.
    """
    plain = _decoded(data)
    if not _is_network(plain):
        return _converted(plain, _TrustFile).founding
    trust = _converted(plain, NetworkTrust)
    missing = unsigned(trust)
    if missing:
        raise FoundingError(f"signatures.{missing[0]}: is missing; every member signs the founding document")
    return trust.founding


def read_network_trust(data: bytes) -> NetworkTrust:
    """Return a network's trust file on its way from member to member; raises FoundingError when it is not one.

    The signatures are not looked at: `unsigned` does that.
    """
    return _converted(_decoded(data), NetworkTrust)


def _decoded(data: bytes) -> Any:
    try:
        return decode(data.strip())
    except EncodingError as problem:
        raise FoundingError(f"not a trust file: {problem}") from None


def _is_network(plain: Any) -> bool:
    return isinstance(plain, dict) and plain.get("format") == NETWORK_TRUST_FORMAT


def _converted(plain: Any, kind: type[R]) -> R:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as problem:
        raise FoundingError(f"not a trust file: {problem}") from None


def _founder(founding: NetworkFounding, member: str) -> FoundingMember:
    for one in founding.members:
        if one.id == member:
            return one
    raise FoundingError(f"members: {member} is not one of them")
