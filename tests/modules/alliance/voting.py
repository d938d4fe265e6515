"""What the alliance's tests send: proposals, votes and enactments, short enough to read in a table."""

from __future__ import annotations

from typing import Any, Final

from tests.modules.ledger import OPERATOR_SEED, Ledger, public_of, seed_of

from kouan.kernel.encoding import to_text
from kouan.kernel.proof import Handover, sign_handover
from kouan.kernel.records import Charter, Member
from kouan.kernel.suites import digest, public_key, sign
from kouan.modules.alliance.commands.keys import POSSESSION_TAG, possession
from kouan.modules.alliance.records import Operator, Proposal
from kouan.modules.alliance.rules import DAY_MS

Wire = dict[str, Any]

EVERYBODY: Final = ("bank-a", "bank-b", "bank-c", "commerce", "customs", "overseer")
UNSOUND: Final = to_text(bytes(32))
"""A point of small order."""
NO_SIGNATURE: Final = to_text(bytes(64))


def some16(name: str) -> str:
    return to_text(digest("test/alliance", name.encode())[:16])


def some32(name: str) -> str:
    return to_text(digest("test/alliance", name.encode()))


def operator_seed(name: str) -> bytes:
    return digest("test/operator", name.encode())


def propose(change: Wire, name: str = "p") -> Wire:
    version = 2 if change["kind"] in {"protocol", "validator"} else 1
    return {"type": f"alliance.propose/{version}", "change": change, "proposal": some16(name)}


def vote(name: str = "p", *, yes: bool = True) -> Wire:
    return {"type": "alliance.vote/1", "proposal": some16(name), "yes": yes}


def enact(name: str = "p", handover: Wire | None = None) -> Wire:
    return {"type": "alliance.enact/1", "handover": handover, "proposal": some16(name)}


def set_parameter(name: str, value: int) -> Wire:
    return {"kind": "parameter", "name": name, "value": value}


def add_member(member: str, *roles: str, public: str | None = None, sealing: str | None = None) -> Wire:
    return {
        "kind": "add-member",
        "key": "main",
        "member": member,
        "public": public or public_of(member),
        "roles": list(roles),
        "sealing": sealing or some32(f"{member}/sealing"),
    }


def suspend(member: str) -> Wire:
    return {"kind": "suspend-member", "member": member}


def resume(member: str) -> Wire:
    return {"kind": "resume-member", "member": member}


def set_roles(**roles: list[str]) -> Wire:
    return {"kind": "roles", "roles": {member.replace("_", "-"): theirs for member, theirs in roles.items()}}


def set_sealing(member: str, public: str) -> Wire:
    return {"kind": "sealing-key", "member": member, "public": public}


def add_member_key(member: str, key: str, public: str) -> Wire:
    return {"kind": "add-member-key", "key": key, "member": member, "public": public}


def revoke_member_key(member: str, key: str) -> Wire:
    return {"kind": "revoke-member-key", "key": key, "member": member}


def change_operator(public: str, incarnation: int) -> Wire:
    return {"kind": "operator", "incarnation": incarnation, "public": public}


def set_validator(member: str, power: int, public: str | None = None) -> Wire:
    return {"kind": "validator", "member": member, "power": power, "public": public}


def set_protocol(version: int, from_height: int) -> Wire:
    return {"kind": "protocol", "from_height": from_height, "version": version}


def new_operator(name: str, incarnation: int = 0) -> Wire:
    return change_operator(to_text(public_key(operator_seed(name))), incarnation)


def same_operator(incarnation: int) -> Wire:
    return change_operator(to_text(public_key(OPERATOR_SEED)), incarnation)


def signed_handover(ledger: Ledger, change: Wire, from_height: int, seed: bytes = OPERATOR_SEED) -> Wire:
    index = ledger.must(Operator, "operator").handovers
    unsigned = Handover(
        ledger.alliance, from_height, change["incarnation"], index, change["public"], signature=NO_SIGNATURE
    )
    return {"from_height": from_height, "signature": sign_handover(seed, unsigned).signature}


def new_key(
    ledger: Ledger, member: str, key: str, verb: str = "add-key", *, public: str | None = None, **fields: str
) -> Wire:
    """A command that brings in a key which is derived from its name, and signs with it."""
    seed = seed_of(member, key)
    public = public or to_text(public_key(seed))
    signature = to_text(sign(seed, POSSESSION_TAG, possession(ledger.alliance, member, key, public)))
    return {"type": f"alliance.{verb}/1", "key": key, "public": public, "signature": signature, **fields}


def revoke(key: str) -> Wire:
    return {"type": "alliance.revoke-key/1", "key": key}


def carry(ledger: Ledger, change: Wire, name: str = "p", voters: tuple[str, ...] = EVERYBODY) -> None:
    """Propose a change and vote for it."""
    ledger.accept(voters[0], propose(change, name))
    for voter in voters:
        ledger.accept(voter, vote(name))


def make(ledger: Ledger, change: Wire, name: str = "p", voters: tuple[str, ...] = EVERYBODY) -> None:
    """Propose a change, vote for it, wait out the delay and enact it."""
    carry(ledger, change, name, voters)
    ledger.advance(DAY_MS)
    ledger.accept("bank-a", enact(name))


def suspend_now(ledger: Ledger, member: str, name: str = "suspension") -> None:
    voters = tuple(voter for voter in EVERYBODY if voter != member)
    carry(ledger, suspend(member), name, voters)
    ledger.accept(voters[0], enact(name))


def member_of(ledger: Ledger, member: str) -> Member:
    return ledger.must(Member, f"member/{member}")


def parameter_of(ledger: Ledger, name: str) -> int:
    return ledger.must(Charter, "charter").parameters[name]


def proposal_of(ledger: Ledger, name: str = "p") -> Proposal:
    return ledger.must(Proposal, f"proposal/{some16(name)}")
