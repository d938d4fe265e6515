"""The seals that accompany a filing: its identity for the overseer, and its link secret for the owner.

The identity is sealed twice: outside to the overseer, inside to a second holder, who opens only on a request recorded
on the ledger. Neither can read it alone, so no opening goes unrecorded. Every layer is bound to alliance and handle;
only the hash of the outer seal stands on the ledger.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Protocol, TypeVar

import msgspec

from kouan.client.handles import handle_of
from kouan.client.keymaterial import KEY_BYTES, Entropy, sized
from kouan.client.sealing import SealError, open_sealed, seal
from kouan.kernel.encoding import Bytes32, decode, encode, from_text, to_text
from kouan.kernel.suites import digest

_TO_OWNER: Final = b"kouan/seal/link-secret/1"


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who and what stands behind a handle."""

    number: str
    """The declaration number, 18 digits."""
    owner: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}\Z")]
    """The owner's code (a unified social credit code, or another of at most 64 printable ASCII), never a name."""
    link_secret: Bytes32
    """The link secret (32 bytes in base64url): with it the opened number can be checked against the handle."""

    def check(self, handle: str) -> None:
        """Raise ValueError unless number and link secret give this handle and the owner is a code."""
        msgspec.convert(msgspec.to_builtins(self), Identity)
        if handle_of(self.number, from_text(self.link_secret)) != handle:
            raise ValueError("number: with its link secret it does not give the handle of this filing")


Hidden_co = TypeVar("Hidden_co", covariant=True)


class Sealed(Protocol[Hidden_co]):
    """What a seal is bound to, and what it hides: a filing, or a paper (`kouan.client.paper_seals`)."""

    to_overseer: ClassVar[bytes]
    """The purpose of the outer layer."""
    to_second_holder: ClassVar[bytes]

    def aad(self) -> bytes:
        """Return what both layers are bound to."""

    def identity_in(self, content: bytes) -> Hidden_co:
        """Return what the inner layer holds; raises ValueError where it is nothing that can stand behind this."""


class Filing(msgspec.Struct, frozen=True):
    """What every seal of a filing is bound to, both as text from the ledger."""

    to_overseer: ClassVar[bytes] = b"kouan/seal/overseer/1"
    to_second_holder: ClassVar[bytes] = b"kouan/seal/second-holder/1"

    alliance: str
    handle: str

    def aad(self) -> bytes:
        """Return the canonical bytes of both; raises ValueError unless each is 32 bytes in base64url."""
        sized("alliance", from_text(self.alliance))
        sized("handle", from_text(self.handle))
        return encode({"alliance": self.alliance, "handle": self.handle})

    def identity_in(self, content: bytes) -> Identity:
        """Return the identity that a seal holds; raises ValueError unless it is the one behind the handle."""
        identity = msgspec.convert(decode(content), Identity)
        identity.check(self.handle)
        return identity


def seal_identity(
    identity: Identity, filing: Filing, *, overseer: bytes, second_holder: bytes, entropy: Entropy
) -> bytes:
    """Return the identity sealed to the second holder's public key and that to the overseer's.

    Raises ValueError if the identity is not the one behind the filing's handle, or its owner is not printable ASCII.
    """
    identity.check(filing.handle)
    inner = seal(second_holder, filing.to_second_holder, filing.aad(), encode(identity), entropy)
    return seal(overseer, filing.to_overseer, filing.aad(), inner, entropy)


def seal_hash(sealed: bytes) -> str:
    """Return the hash (43 characters of base64url) of an outer seal, as it stands on the ledger."""
    return to_text(digest("kouan/seal/1", sealed))


def open_as_overseer(private_key: bytes, bound: Sealed[object], sealed: bytes, expected_hash: str) -> bytes:
    """Return the inner seal, to be sent to the second holder with the recorded request.

    Raises SealError if the seal is not the one whose hash stands on the ledger, or cannot be opened.
    """
    if seal_hash(sealed) != expected_hash:
        raise SealError("this is not the seal whose hash stands on the ledger")
    return open_sealed(private_key, bound.to_overseer, bound.aad(), sealed)


def open_as_second_holder(private_key: bytes, bound: Sealed[Hidden_co], inner: bytes) -> Hidden_co:
    """Return who stands behind a filing or a paper; raises SealError if the seal is altered or names another's."""
    content = open_sealed(private_key, bound.to_second_holder, bound.aad(), inner)
    try:
        return bound.identity_in(content)
    except (RecursionError, ValueError) as problem:  # msgspec's and the decoder's errors are ValueErrors
        raise SealError(f"the seal opens, but holds no identity of this filing: {problem}") from None


def seal_link_secret(owner: bytes, filing: Filing, secret: bytes, entropy: Entropy) -> bytes:
    """Return the link secret (32 bytes) sealed to the owner's public key."""
    return seal(owner, _TO_OWNER, filing.aad(), sized("link secret", secret), entropy)


def open_link_secret(private_key: bytes, filing: Filing, number: str, sealed: bytes) -> bytes:
    """Return the link secret of the owner's own number.

    Raises SealError if it cannot be opened, or does not lead from that number to the filing's handle.
    """
    secret = open_sealed(private_key, _TO_OWNER, filing.aad(), sealed)
    if len(secret) != KEY_BYTES or handle_of(number, secret) != filing.handle:
        raise SealError("the seal opens, but its secret does not lead from this number to the handle")
    return secret
