"""The seal of a recorded paper: who and what stands behind its quota, for the overseer and the second holder together.

Made and opened like a filing's (`kouan.client.filing_seals`), and bound to alliance and quota. Nothing on the ledger
tells that kind, number and owner are the true ones, except that the kind is the quota's: they are the word of the bank
that recorded the paper. With the secret a paper that the bank shows can be checked against its commitment.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from kouan.client.commitments import canonical_fields
from kouan.client.keymaterial import Entropy
from kouan.client.sealing import seal
from kouan.kernel.encoding import Bytes32, encode
from kouan.modules.cases.records import PaperKind


class PaperIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who and what stands behind a paper's quota: what its seal hides."""

    kind: PaperKind
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    """The paper's own."""
    owner: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}\Z")]
    """The code of whose finance it is, never a name."""
    secret: Bytes32
    """The paper's: with it and the paper itself the commitments on the ledger can be opened."""


class RecordedPaper(msgspec.Struct, frozen=True):
    """What the seal of a paper is bound to, as text from the ledger."""

    to_overseer: ClassVar[bytes] = b"kouan/paper-seal/overseer/1"
    to_second_holder: ClassVar[bytes] = b"kouan/paper-seal/second-holder/1"

    alliance: str
    quota: str
    kind: str

    def aad(self) -> bytes:
        """Return the canonical bytes of alliance and quota."""
        return encode({"alliance": self.alliance, "quota": self.quota})

    def identity_in(self, content: bytes) -> PaperIdentity:
        """Return the identity that a seal holds; raises ValueError unless it is one of a paper of this kind."""
        identity = msgspec.json.decode(content, type=PaperIdentity)
        if canonical_fields(msgspec.to_builtins(identity)) != content:
            raise ValueError("it is not spelled canonically")
        if identity.kind != self.kind:
            raise ValueError(f"kind: it is of the kind {identity.kind}, the quota of the kind {self.kind}")
        return identity


def seal_paper(
    identity: PaperIdentity, paper: RecordedPaper, *, overseer: bytes, second_holder: bytes, entropy: Entropy
) -> bytes:
    """Return a paper's identity sealed to the second holder's public key and that to the overseer's.

    Raises ValueError for an identity that nobody could open: of another kind, without a number, with a name for a code.
    """
    content = canonical_fields(msgspec.to_builtins(identity))
    paper.identity_in(content)
    inner = seal(second_holder, paper.to_second_holder, paper.aad(), content, entropy)
    return seal(overseer, paper.to_overseer, paper.aad(), inner, entropy)
