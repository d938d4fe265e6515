"""Grants: one document of a vault, with its label, sealed to another party.

Inside the seal stand the label as canonical JSON, a zero byte (which that JSON cannot hold), and the document.
"""

from __future__ import annotations

from typing import Final

import msgspec

from kouan.client.keymaterial import Entropy
from kouan.client.sealing import SealError, open_sealed, seal
from kouan.kernel.encoding import Bytes16, Bytes32, Code, decode, encode

_PURPOSE: Final = b"kouan/vault/grant/1"


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a document is filed under; the same in every vault that holds it."""

    id: Bytes16
    """16 random bytes in base64url."""
    kind: Code
    """What sort of document it is, for instance ``declaration``."""
    handle: Bytes32 | None
    """The handle of the filing it belongs to, if any."""

    def check(self) -> None:
        """Raise ValueError, naming the field, if one is not of its form."""
        msgspec.convert(msgspec.to_builtins(self), Label)


def seal_grant(to_public: bytes, label: Label, document: bytes, entropy: Entropy) -> bytes:
    """Return a document and its label sealed to a public key (32 bytes)."""
    return seal(to_public, _PURPOSE, b"", encode(label) + b"\0" + document, entropy)


def open_grant(private_key: bytes, sealed: bytes) -> tuple[Label, bytes]:
    """Return label and document of a grant; raises SealError if it cannot be opened or holds something else."""
    label, separator, document = open_sealed(private_key, _PURPOSE, b"", sealed).partition(b"\0")
    try:
        if not separator:
            raise ValueError("no zero byte ends the label")  # noqa: TRY301 - joins the other reasons below
        return msgspec.convert(decode(label), Label), document
    except ValueError as problem:  # msgspec's and the decoder's errors are ValueErrors
        raise SealError(f"the grant opens, but its label is wrong: {problem}") from None
