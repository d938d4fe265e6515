"""Membership files: what a founding member gives the others, public parts alone.

``kouan/membership/1``: JSON, signed by the member's main key. The signature keeps it whole on its way and shows that
whoever made it has the key; whose key it is, people tell each other: they compare `fingerprint` by telephone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from kouan.client.keyfile import Keys
from kouan.client.names import Name
from kouan.client.places import MAIN_KEY
from kouan.client.sealing import public_of
from kouan.engines.cometbft.node.directory import HostPort
from kouan.kernel.encoding import Bytes64, from_text, to_text
from kouan.kernel.suites import SUITE, digest, public_key, sign, verify
from kouan.modules.alliance.founding import FoundingKey, FoundingMember, FoundingValidator

FORMAT: Final = "kouan/membership/1"
TAG: Final = "kouan/membership/1"
MAX_BYTES: Final = 64 << 10
NodeId = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}\Z")]


class MembershipError(ValueError):
    """It is no membership file, or was changed; the text names the file and field and says why."""


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a member's node is reached."""

    address: HostPort
    node: NodeId

    @property
    def url(self) -> str:
        """As CometBFT writes it."""
        return f"{self.node}@{self.address}"


class Membership(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member states of itself."""

    format: Literal["kouan/membership/1"]
    member: FoundingMember
    name: Name
    peer: Peer | None
    """None: it runs no node."""
    validator: FoundingValidator | None
    """None: its node keeps the ledger, but does not vote."""


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    membership: Membership
    signature: Bytes64


def make(
    keys: Keys, roles: list[str], name: Name, peer: Peer | None, validator: FoundingValidator | None
) -> tuple[Membership, bytes]:
    """Return a member's membership, and the bytes of its file."""
    member = FoundingMember(
        id=keys.owner,
        keys={name: FoundingKey(to_text(public_key(seed)), SUITE) for name, seed in sorted(keys.signing_seeds.items())},
        roles=sorted(roles),  # type: ignore[arg-type]  # checked by the conversion below
        sealing=to_text(public_of(keys.hpke_private)),
    )
    made = Membership(FORMAT, member, name, peer, validator)
    plain = msgspec.to_builtins(made)
    try:
        msgspec.convert(plain, Membership)
    except msgspec.ValidationError as problem:
        raise MembershipError(str(problem)) from None
    signature = sign(keys.signing_seeds[MAIN_KEY], TAG, _message(made))
    signed = msgspec.json.encode(_Signed(made, to_text(signature)))
    return made, msgspec.json.format(signed, indent=2) + b"\n"


def read(path: Path) -> Membership:
    """Return what a membership file states; raises MembershipError, and OSError where there is none."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MembershipError(f"{path}: has more than {MAX_BYTES} bytes; no membership file does")
    try:
        signed = msgspec.json.decode(data, type=_Signed)
    except (ValueError, RecursionError) as problem:  # msgspec's errors are ValueErrors
        raise MembershipError(f"{path}: is no membership file: {problem}") from None
    key = signed.membership.member.keys.get(MAIN_KEY)
    if key is None:
        raise MembershipError(
            f"{path}: member.keys: has no key {MAIN_KEY!r}, which signs; make it by `kouan node init`"
        )
    if not verify(from_text(key.public), TAG, _message(signed.membership), from_text(signed.signature)):
        raise MembershipError(f"{path}: signature: does not hold; the file was changed: ask its member for it again")
    return signed.membership


def fingerprint(member: FoundingMember, validator: FoundingValidator | None) -> str:
    """Return eight groups of four characters to compare by telephone: a hash of all that others must get right."""
    message = msgspec.json.encode([member, validator], order="sorted")
    hexadecimal = digest("kouan/fingerprint/1", message).hex()[:32]
    return " ".join(hexadecimal[at : at + 4] for at in range(0, 32, 4))


def _message(membership: Membership) -> bytes:
    return msgspec.json.encode(membership, order="sorted")
