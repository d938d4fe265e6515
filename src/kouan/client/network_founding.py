"""Founding a ledger that members run together: none ever holds another's private key.

Each makes its keys and a membership file; one collects the files into a founding document; each signs it, after it has
found itself in it as it is; with all signatures it is the trust file, ``alliance.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from kouan.client.keyfile import Keys
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.membership import Membership, Peer
from kouan.client.names import Name
from kouan.client.places import MAIN_KEY
from kouan.kernel.encoding import Code, to_text
from kouan.kernel.registry import Parameter
from kouan.kernel.suites import SUITE
from kouan.modules.alliance.founding import FoundingError, NetworkFounding
from kouan.modules.alliance.founding_rules import check
from kouan.modules.alliance.trust import (
    FoundingSignature,
    NetworkTrust,
    network_trust_file,
    read_network_trust,
    sign_founding,
    unsigned,
)

PEERS_FORMAT: Final = "kouan/peers/1"
PEERS: Final = "peers.json"
MAX_BYTES: Final = 8 << 20


class Neighbour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member as its neighbours need to know it: what the founding document does not say."""

    name: Name
    peer: Peer | None


class Peers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``peers.json``: who is reached where. Nothing is proven by it; a wrong address merely leads nowhere."""

    format: Literal["kouan/peers/1"]
    members: dict[Code, Neighbour]

    def urls(self, without: str) -> list[str]:
        """Return the nodes of all members but one, as CometBFT writes them."""
        return [
            one.peer.url for member, one in sorted(self.members.items()) if member != without and one.peer is not None
        ]


def collect(
    memberships: Iterable[Membership],
    *,
    name: str,
    second_holder: str,
    charter: dict[str, int],
    parameters: Sequence[Parameter],
    entropy: Entropy,
    now_ms: int,
) -> NetworkFounding:
    """Return the founding document of some members; raises FoundingError, naming the field, when it cannot found.

    ``charter``: the parameters that differ from their defaults.
    """
    given = sorted(memberships, key=lambda one: one.member.id)
    nodes = [one.peer.node for one in given if one.peer is not None]
    twice = next((node for node in nodes if nodes.count(node) > 1), None)
    if twice is not None:
        raise FoundingError(f"peer.node: two members state the node {twice}; each makes its own by `kouan node init`")
    founding = NetworkFounding(
        charter={parameter.name: parameter.default for parameter in parameters} | charter,
        engine="cometbft",
        founded_ms=now_ms,
        members=[one.member for one in given],
        name=name,
        nonce=to_text(fresh(entropy, 16)),
        second_holder=second_holder,
        suite=SUITE,
        validators={one.member.id: one.validator for one in given if one.validator is not None},
    )
    check(founding, parameters)
    return founding


def peers_of(memberships: Iterable[Membership]) -> Peers:
    """Return what ``peers.json`` says of some members."""
    return Peers(PEERS_FORMAT, {one.member.id: Neighbour(one.name, one.peer) for one in memberships})


def read_peers(path: Path) -> Peers:
    """Return what ``peers.json`` says; raises ValueError, naming the file and field."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Peers)
    except (ValueError, RecursionError) as problem:  # msgspec's errors are ValueErrors
        raise ValueError(f"{path}: {problem}; take the one that `kouan node found` wrote") from None


def write_peers(path: Path, peers: Peers) -> None:
    """Write ``peers.json``."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(peers, order="sorted"), indent=2) + b"\n")


def read_draft(path: Path, parameters: Sequence[Parameter]) -> NetworkTrust:
    """Return a founding document with the signatures that it has so far; raises FoundingError, naming the file.

    The document must be one that can found, and each signature that is there must hold.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES)  # a longer one is cut, and no founding document
    try:
        draft = read_network_trust(data)
        check(draft.founding, parameters)
        unsigned(draft)
    except FoundingError as problem:
        raise FoundingError(f"{path}: {problem}") from None
    return draft


def sign_draft(draft: NetworkTrust, own: Membership, keys: Keys, path: Path) -> NetworkTrust:
    """Return the draft with a member's signature; raises FoundingError unless it states the member as it is itself.

    ``own`` is the member's own membership file, ``path`` what the errors call the draft.
    """
    must_state(draft.founding, own, path)
    signature = sign_founding(draft.founding, own.member.id, keys.signing_seeds[MAIN_KEY])
    return msgspec.structs.replace(draft, signatures={**draft.signatures, own.member.id: signature})


def must_state(founding: NetworkFounding, own: Membership, path: Path) -> None:
    """Raise FoundingError, naming the field, unless the document states a member as it does itself."""
    member = own.member.id
    stated = next((one for one in founding.members if one.id == member), None)
    if stated is None:
        raise FoundingError(f"{path}: members: {member} is not one of them; give your membership file to who collects")
    validator = founding.validators.get(member)
    for field, yours, theirs in (
        (f"members.{member}.keys", own.member.keys, stated.keys),
        (f"members.{member}.roles", own.member.roles, stated.roles),
        (f"members.{member}.sealing", own.member.sealing, stated.sealing),
        (f"validators.{member}", own.validator, validator),
    ):
        if yours != theirs:
            raise FoundingError(f"{path}: {field}: is not as you stated it; do not sign: ask who collected")


def merge(drafts: Sequence[NetworkTrust], paths: Sequence[Path]) -> NetworkTrust:
    """Return one draft with the signatures of several copies; raises FoundingError unless they are of one document."""
    signatures: dict[str, FoundingSignature] = {}
    for draft, path in zip(drafts, paths, strict=True):
        if draft.founding != drafts[0].founding:
            raise FoundingError(f"{path}: is another founding document than {paths[0]}; all members sign the same")
        signatures |= draft.signatures
    return msgspec.structs.replace(drafts[0], signatures=signatures)


def complete(draft: NetworkTrust) -> bytes:
    """Return the trust file of a draft that everybody has signed; raises FoundingError, naming who has not."""
    missing = unsigned(draft)
    if missing:
        raise FoundingError(f"signatures: {', '.join(missing)} did not sign yet; `kouan node sign-founding`")
    return network_trust_file(draft.founding, draft.signatures)
