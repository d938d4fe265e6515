"""What the alliance keeps on the ledger besides the kernel's own charter, members, keys and handovers.

A change is what a proposal would do. Its field ``kind`` says which it is.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from kouan.kernel.encoding import Bytes16, Bytes32, Code, Count, Integer, Positive
from kouan.kernel.records import Record
from kouan.modules.alliance.rules import MAX_MEMBERS, MAX_POWER, MAX_VALIDATORS, Role

OPERATOR_KEY: Final = "operator"
ROSTER_KEY: Final = "roster"
VALIDATORS_KEY: Final = "validators"
OFFENCES_KEY: Final = "evidence"

Power = Annotated[int, Meta(ge=1, le=MAX_POWER)]
Roles = Annotated[list[Role], Meta(max_length=8)]


def member_key(member: str) -> str:
    """Return the key under which a member stands in the state."""
    return f"member/{member}"


def enterprise_key(commitment: str) -> str:
    """Return the key under which an onboarded enterprise stands in the state."""
    return f"enterprise/{commitment}"


def proposal_key(proposal: str) -> str:
    """Return the key under which a proposal stands in the state."""
    return f"proposal/{proposal}"


def handover_key(index: int) -> str:
    """Return the key under which the operator's change with this index stands in the state."""
    return f"handover/{index}"


def offence_key(address: str, height: int) -> str:
    """Return the key under which evidence stands in the state; ``address`` in hexadecimal."""
    return f"evidence/{address}/{height}"


class Move(Record, frozen=True):
    """A member's power was newly given: it joined, or a critical role or its only say changed hands."""

    at_ms: Positive
    member: Code


class Roster(Record, frozen=True):
    """Who counts in a vote. Key: ``roster``. The state has no listing of its own, so this is one."""

    latest_proposal: Bytes16 | None
    """Where a list of the proposals begins: each names the one before it."""
    members: Annotated[list[Code], Meta(max_length=MAX_MEMBERS)]
    """Sorted; suspended members included."""
    moves: list[Move]
    """Those of the last trust period."""


class Operator(Record, frozen=True):
    """Whose key signs checkpoints once every handover has come into force. Key: ``operator``."""

    handovers: Count
    """How many there have been: they stand at ``handover/0`` and so on."""
    incarnation: Count
    """Raised after a restore that lost a tail of the ledger."""
    public: Bytes32


class Validator(Record, frozen=True):
    """A member's machine that takes part in consensus."""

    power: Annotated[int, Meta(ge=0, le=MAX_POWER)]
    """Its weight in votes on blocks; 0 while it is suspended."""
    public: Bytes32
    """Consensus key (Ed25519)."""
    suspended_ms: Count
    """Block time at which it was proven to have broken the rules of consensus; 0 while it is in good standing."""


class FormerKey(Record, frozen=True):
    """A consensus key that a member had before: evidence against it still finds the member."""

    member: Code
    public: Bytes32
    suspended_ms: Count
    """As the validator's when it had this key: what was proven once is not punished a second time."""
    until_ms: Positive
    """Block time of its replacement or removal."""


class PowerMove(Record, frozen=True):
    """Power changed hands: a validator came or went, was weighed anew, or changed its key."""

    at_ms: Positive
    before: Positive
    """All validators' power together before it."""
    came: Count
    """Power that a key did not have before."""
    went: Count
    """Power that a key has no more."""


class Validators(Record, frozen=True):
    """Who runs the ledger where members do so together. Key: ``validators``; absent where one operator does."""

    former: list[FormerKey]
    """Oldest first."""
    members: Annotated[dict[Code, Validator], Meta(max_length=MAX_VALIDATORS)]
    """By member."""
    moves: list[PowerMove]
    """Those of the last trust period, and of one day more."""


class Offence(Record, frozen=True):
    """Evidence that a validator broke the rules of consensus. Key: ``evidence/<address>/<height>``."""

    address: Annotated[str, Meta(pattern=r"^[0-9a-f]{40}\Z")]
    """Of the key that signed, in hexadecimal."""
    at_ms: Positive
    """Time of the block that brought the evidence."""
    height: Count
    """Of the block about which two things were signed."""
    kind: Code
    member: Code | None
    """Whose key it is or was; null when that is too long ago."""
    power: Count
    """Which the validator had then."""
    previous: str | None
    """The key in the state of the offence that came before this one."""
    suspended: bool
    """Whether this evidence suspended the validator: not when it is suspended, gone or the last one."""
    time_ms: Count
    """Time of the block about which two things were signed."""


class Offences(Record, frozen=True):
    """Where a list of the offences begins. Key: ``evidence``; absent while there is none."""

    count: Positive
    latest: str
    """A key in the state; each offence names the one before it."""


class Enterprise(Record, frozen=True):
    """An enterprise that a member onboarded. Key: ``enterprise/<commitment>``."""

    by: Code
    commitment: Bytes32
    """Salted commitment to its unified social credit code: the code itself stays off the ledger."""
    onboarded_ms: Positive
    override: Code | None
    """Why its code was taken although the check digit fails, or null."""


class SetParameter(Record, frozen=True, tag_field="kind", tag="parameter"):
    """Set one number of the charter."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,64}\Z")]
    value: Integer


class AddMember(Record, frozen=True, tag_field="kind", tag="add-member"):
    """Admit an institution with its first key."""

    key: Code
    """Name of the key."""
    member: Code
    public: Bytes32
    roles: Roles
    sealing: Bytes32


class SuspendMember(Record, frozen=True, tag_field="kind", tag="suspend-member"):
    """Let a member start nothing new; what it has it may service."""

    member: Code


class ResumeMember(Record, frozen=True, tag_field="kind", tag="resume-member"):
    """End a member's suspension."""

    member: Code


class SetRoles(Record, frozen=True, tag_field="kind", tag="roles"):
    """Set what members may do, for one member or for two at once so that a role can be passed on."""

    roles: Annotated[dict[Code, Roles], Meta(min_length=1, max_length=2)]


class SetSealing(Record, frozen=True, tag_field="kind", tag="sealing-key"):
    """Set the key to which secrets for a member are sealed."""

    member: Code
    public: Bytes32


class AddMemberKey(Record, frozen=True, tag_field="kind", tag="add-member-key"):
    """Give a member that lost its keys a new one."""

    key: Code
    member: Code
    public: Bytes32


class RevokeMemberKey(Record, frozen=True, tag_field="kind", tag="revoke-member-key"):
    """Revoke a member's key, its last one too: it was stolen."""

    key: Code
    member: Code


class ChangeOperator(Record, frozen=True, tag_field="kind", tag="operator"):
    """Let another key sign checkpoints, or the same key with a higher incarnation."""

    incarnation: Count
    public: Bytes32


class SetValidator(Record, frozen=True, tag_field="kind", tag="validator"):
    """Let a member run a validator, weigh it anew, give it another key, or take it away."""

    member: Code
    power: Annotated[int, Meta(ge=0, le=MAX_POWER)]
    """0: it runs none any more."""
    public: Bytes32 | None
    """The consensus key of a new validator, or a new one for a validator that has another; null: it keeps its own."""


class SetProtocol(Record, frozen=True, tag_field="kind", tag="protocol"):
    """Let the next version of the ledger's rules hold from a block on, or from another block than was agreed."""

    from_height: Positive
    """At least 100 and at most 10,000,000 blocks after the enactment."""
    version: Positive
    """One above the version in force."""


# What the first version of the command takes: it never changes.
Change1 = (
    SetParameter
    | AddMember
    | SuspendMember
    | ResumeMember
    | SetRoles
    | SetSealing
    | AddMemberKey
    | RevokeMemberKey
    | ChangeOperator
)
Change = Change1 | SetProtocol | SetValidator


class Proposal(Record, frozen=True):
    """A change and the votes on it. Key: ``proposal/<id>``."""

    carried_ms: Count
    """Since when the votes have carried it; 0 while they do not."""
    change: Change
    enacted_ms: Count
    """Block time of its enactment; 0 before."""
    expires_ms: Positive
    """From then on it can be neither voted on nor enacted."""
    id: Bytes16
    previous: Bytes16 | None
    """The proposal made before this one."""
    proposed_ms: Positive
    proposer: Code
    votes: dict[Code, bool]


Override = Literal["certificate-seen", "registry-confirmed"]
"""Why a code with a failing check digit was taken: its certificate was seen, or the registry confirmed it."""
