"""The founding document: what the members agreed before the first block, and the state it makes.

Its hash names the alliance. The trust file (``alliance.json``) carries it to whoever verifies proofs:
``{"format":"kouan/trust/1","founding":{…}}``, canonical JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from kouan.kernel.encoding import Bytes16, Bytes32, Code, EncodingError, Integer, Positive, decode, encode, from_text
from kouan.kernel.encoding import to_text as base64url
from kouan.kernel.records import Charter, Key, Member, Record
from kouan.kernel.registry import CHARTER_KEY, Parameter
from kouan.kernel.suites import SUITE, digest, is_sound_key
from kouan.modules.alliance.records import OPERATOR_KEY, ROSTER_KEY, Operator, Roster, member_key
from kouan.modules.alliance.rules import MAX_KEYS, MAX_MEMBERS, Role, missing_role, roles_problem

TRUST_FORMAT: Final = "kouan/trust/1"
FOUNDING_TAG: Final = "kouan/founding/1"


class FoundingError(ValueError):
    """The founding document cannot found an alliance; the text names the field and what would be right."""


class FoundingKey(Record, frozen=True):
    """A signing key of a founding member."""

    public: Bytes32
    suite: Code


class FoundingMember(Record, frozen=True):
    """An institution that founds the alliance. Its name and address stand off the ledger."""

    id: Code
    keys: Annotated[dict[Code, FoundingKey], Meta(min_length=1, max_length=MAX_KEYS)]
    roles: list[Role]
    """Sorted. ``second-holder`` is not given here: it comes from the document's ``second_holder``."""
    sealing: Bytes32
    """Public key (X25519) to which secrets for this member are sealed."""


class Founding(Record, frozen=True):
    """The founding document."""

    charter: dict[str, Integer]
    """Every declared parameter with its value."""
    engine: Literal["embedded"]
    founded_ms: Positive
    """Unix time. No block is older."""
    members: Annotated[list[FoundingMember], Meta(min_length=1, max_length=MAX_MEMBERS)]
    name: Code
    nonce: Bytes16
    """Random, so that two alliances with the same members differ."""
    operator: Bytes32
    """Public key that signs the first checkpoints."""
    second_holder: Code
    """The member that holds the inner layer of seals; it gets the role ``second-holder``."""
    suite: Code
    """How the ledger hashes."""


class _TrustFile(Record, frozen=True):
    format: Literal["kouan/trust/1"]
    founding: Founding


def alliance_id(founding: Founding) -> str:
    """Return the hash by which the alliance is named, base64url."""
    return base64url(digest(FOUNDING_TAG, encode(founding)))


def trust_file(founding: Founding) -> bytes:
    """Return the bytes of ``alliance.json``."""
    return encode(_TrustFile(TRUST_FORMAT, founding))


def read_trust_file(data: bytes) -> Founding:
    """Return the founding document of a trust file; raises FoundingError when the bytes are not one.

    What the document says is not judged here: `check` does that, with the parameters that the reader knows.
    """
    try:
        return msgspec.convert(decode(data.strip()), _TrustFile).founding
    except (EncodingError, msgspec.ValidationError) as problem:
        raise FoundingError(f"not a trust file: {problem}") from None


def genesis(founding: Founding) -> list[tuple[str, bytes]]:
    """Return the records of the state at height 0, by key.

    Whoever founds with a document checks it; later a version that declares other parameters must still open the ledger.
    """
    members = [_member(founding, member) for member in founding.members]
    records: list[tuple[str, Record]] = [
        (CHARTER_KEY, Charter(founding.charter, revision=0)),
        (OPERATOR_KEY, Operator(handovers=0, incarnation=0, public=founding.operator)),
        (ROSTER_KEY, Roster(latest_proposal=None, members=sorted(member.id for member in members), moves=[])),
        *((member_key(member.id), member) for member in members),
    ]
    return [(key, encode(record)) for key, record in records]


def check(founding: Founding, parameters: Iterable[Parameter]) -> None:
    """Refuse a document that cannot found an alliance with these parameters.

    Raises FoundingError, which names the first field that is wrong and says what would be right.
    """
    _check_types(founding)
    _require(founding.suite == SUITE, "suite", f"must be {SUITE}, the only one there is")
    _check_charter(founding.charter, {parameter.name: parameter for parameter in parameters})
    _check_key(founding.operator, "operator")
    ids = [member.id for member in founding.members]
    _check_distinct(ids, "the member")
    _require(founding.second_holder in ids, "second_holder", f"{founding.second_holder} is not one of the members")
    for member in founding.members:
        _check_member(founding, member)
    _check_distinct([key.public for member in founding.members for key in member.keys.values()], "the public key")
    missing = missing_role(_roles(founding, member) for member in founding.members)
    _require(missing is None, "members", f"none has the role {missing}")


def _check_types(founding: Founding) -> None:
    # A document that was read had its types checked on the way in, one that was built in Python had not.
    try:
        msgspec.convert(decode(encode(founding)), Founding)
    except (EncodingError, msgspec.ValidationError) as problem:
        raise FoundingError(str(problem)) from None


def _check_charter(charter: dict[str, int], declared: dict[str, Parameter]) -> None:
    for name in sorted(declared.keys() | charter.keys()):
        field = f"charter.{name}"
        _require(name in declared, field, "is not a parameter that this version declares")
        known = declared[name]
        bounds = f"{known.lowest} to {known.highest} {known.unit}"
        _require(name in charter, field, f"is missing; {bounds}, {known.default} by default")
        _require(known.lowest <= charter[name] <= known.highest, field, f"is {charter[name]}; must be {bounds}")


def _check_member(founding: Founding, member: FoundingMember) -> None:
    field = f"members.{member.id}"
    for name, key in member.keys.items():
        _require(key.suite == SUITE, f"{field}.keys.{name}.suite", f"must be {SUITE}, the only one there is")
        _check_key(key.public, f"{field}.keys.{name}.public")
    _check_key(member.sealing, f"{field}.sealing")
    _require("second-holder" not in member.roles, f"{field}.roles", "second-holder is given by second_holder alone")
    problem = roles_problem(member.roles) or roles_problem(_roles(founding, member))
    _require(problem is None, f"{field}.roles", str(problem))


def _check_key(public: Bytes32, field: str) -> None:
    _require(is_sound_key(from_text(public)), field, "is a point of small order, nobody's key")


def _roles(founding: Founding, member: FoundingMember) -> list[str]:
    held = {"second-holder"} if member.id == founding.second_holder else set[str]()
    return sorted(held.union(member.roles)) if held else list(member.roles)


def _member(founding: Founding, member: FoundingMember) -> Member:
    return Member(
        id=member.id,
        keys={name: Key(0, key.public, 0, key.suite) for name, key in member.keys.items()},
        roles=_roles(founding, member),
        sealing=member.sealing,
        suspended=False,
    )


def _require(holds: bool, field: str, what: str) -> None:  # noqa: FBT001  # the condition is the point of the call
    if not holds:
        raise FoundingError(f"{field}: {what}")


def _check_distinct(names: list[str], what: str) -> None:
    for name in names:
        _require(names.count(name) == 1, "members", f"{what} {name} is there twice")
