"""The founding document: what the members agreed before the first block, and the state it makes.

Its hash names the alliance. There are two kinds, by who runs the ledger: one operator (`Founding`), or validators of
the members together (`NetworkFounding`). `founding_rules.check` judges a document, `trust_file` puts it into a file.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from kouan.kernel.encoding import Bytes16, Bytes32, Code, Integer, Positive, encode
from kouan.kernel.encoding import to_text as base64url
from kouan.kernel.headers import ValidatorEntry
from kouan.kernel.light import Trusted, trusted_at
from kouan.kernel.records import Charter, Key, Member, Record
from kouan.kernel.registry import CHARTER_KEY
from kouan.kernel.suites import digest
from kouan.modules.alliance.records import (
    OPERATOR_KEY,
    ROSTER_KEY,
    VALIDATORS_KEY,
    Operator,
    Power,
    Roster,
    Validator,
    Validators,
    member_key,
)
from kouan.modules.alliance.rules import MAX_KEYS, MAX_MEMBERS, MAX_VALIDATORS, Role

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


class FoundingValidator(Record, frozen=True):
    """A founding member's machine that takes part in consensus."""

    power: Power
    public: Bytes32
    """Consensus key (Ed25519): it signs votes, and nothing else."""


class NetworkFounding(Record, frozen=True):
    """The founding document of a ledger that members run together by CometBFT."""

    charter: dict[str, Integer]
    """Every declared parameter with its value."""
    engine: Literal["cometbft"]
    founded_ms: Positive
    """Unix time. No block is older."""
    members: Annotated[list[FoundingMember], Meta(min_length=1, max_length=MAX_MEMBERS)]
    name: Code
    nonce: Bytes16
    """Random, so that two alliances with the same members differ."""
    second_holder: Code
    """The member that holds the inner layer of seals; it gets the role ``second-holder``."""
    suite: Code
    """How the ledger hashes."""
    validators: Annotated[dict[Code, FoundingValidator], Meta(min_length=1, max_length=MAX_VALIDATORS)]
    """By member. Any member may run one, and none more than one."""


AnyFounding = Founding | NetworkFounding


def alliance_id(founding: AnyFounding) -> str:
    """Return the hash by which the alliance is named, base64url."""
    return base64url(digest(FOUNDING_TAG, encode(founding)))


def genesis(founding: AnyFounding) -> list[tuple[str, bytes]]:
    """Return the records of the state at height 0, by key.

    Whoever founds with a document checks it; later a version that declares other parameters must still open the ledger.
    """
    members = [_member(founding, member) for member in founding.members]
    records: list[tuple[str, Record]] = [
        (CHARTER_KEY, Charter(founding.charter, revision=0)),
        _run_by(founding),
        (ROSTER_KEY, Roster(latest_proposal=None, members=sorted(member.id for member in members), moves=[])),
        *((member_key(member.id), member) for member in members),
    ]
    return [(key, encode(record)) for key, record in records]


def trusted_at_founding(founding: NetworkFounding) -> Trusted:
    """Return the trust with which light verification begins: the validators that the document names."""
    entries = [ValidatorEntry(one.power, one.public) for one in founding.validators.values()]
    return trusted_at(alliance_id(founding), founding.founded_ms, entries)


def roles_of(founding: AnyFounding, member: FoundingMember) -> list[str]:
    """Return a founding member's roles, sorted, with the one that the document gives by its ``second_holder``."""
    held = {"second-holder"} if member.id == founding.second_holder else set[str]()
    return sorted(held.union(member.roles)) if held else list(member.roles)


def _run_by(founding: AnyFounding) -> tuple[str, Record]:
    if isinstance(founding, Founding):
        return OPERATOR_KEY, Operator(handovers=0, incarnation=0, public=founding.operator)
    validators = {
        member: Validator(power=one.power, public=one.public, suspended_ms=0)
        for member, one in founding.validators.items()
    }
    return VALIDATORS_KEY, Validators(former=[], members=validators, moves=[])


def _member(founding: AnyFounding, member: FoundingMember) -> Member:
    return Member(
        id=member.id,
        keys={name: Key(0, key.public, 0, key.suite) for name, key in member.keys.items()},
        roles=roles_of(founding, member),
        sealing=member.sealing,
        suspended=False,
    )
