"""Every reason to refuse a command of the alliance, in the order in which the README lists them.

For each command: without a fault it is accepted, with one it gets that fault's code, and with two the earlier code.
A fault changes the ledger, the command or who sends it. Two faults that cannot be together are in ``apart``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace
from tests.modules.alliance.network import consensus_public, network, rotation
from tests.modules.alliance.voting import (
    EVERYBODY,
    NO_SIGNATURE,
    UNSOUND,
    Wire,
    add_member,
    add_member_key,
    change_operator,
    enact,
    member_of,
    new_key,
    new_operator,
    operator_seed,
    propose,
    resume,
    revoke,
    revoke_member_key,
    same_operator,
    set_parameter,
    set_protocol,
    set_sealing,
    set_validator,
    signed_handover,
    some16,
    some32,
    suspend,
    vote,
)
from tests.modules.ledger import Ledger, public_of

from kouan.kernel.encoding import encode
from kouan.kernel.records import Charter, Key, Protocol, Record
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import SUITE
from kouan.modules.alliance.records import (
    Change,
    FormerKey,
    Move,
    Operator,
    PowerMove,
    Proposal,
    Roster,
    Validator,
    Validators,
)
from kouan.modules.alliance.rules import DAY_MS, MAX_KEYS, MAX_MEMBERS, MAX_VALIDATORS
from kouan.modules.alliance.validators import MAX_FORMER

R = Rejection


class Sent(NamedTuple):
    member: str
    command: Wire


Build = Callable[[Ledger, set[Rejection]], Sent]
MakeChange = Callable[[Ledger, set[Rejection]], Wire]


class Case(NamedTuple):
    name: str
    build: Build
    faults: tuple[Rejection, ...]
    apart: tuple[set[Rejection], ...] = ()
    ledger: Callable[[set[Rejection]], Ledger] = lambda _: Ledger()
    """The ledger on which these faults can be."""


def run_by(kind: str) -> Callable[[set[Rejection]], Ledger]:
    """Who runs the ledger on which such a change is proposed: validators or one operator."""

    def ledger(faults: set[Rejection]) -> Ledger:
        by_validators = (kind == "validator") is (R.LEDGER_HAS_NO_VALIDATORS not in faults)
        return network() if by_validators or R.LEDGER_HAS_NO_OPERATOR in faults else Ledger()

    return ledger


def put(ledger: Ledger, key: str, record: Record) -> None:
    """Put a record into the state directly: some faults cannot be reached by commands in the time of a test."""
    ledger.state.values[key] = encode(record)


def put_member(ledger: Ledger, member: str, **fields: Any) -> None:
    put(ledger, f"member/{member}", replace(member_of(ledger, member), **fields))


def put_key(ledger: Ledger, member: str, name: str, public: str, revoked_ms: int = 0) -> None:
    put_member(ledger, member, keys=member_of(ledger, member).keys | {name: Key(0, public, revoked_ms, SUITE)})


def fill_keys(ledger: Ledger, member: str) -> None:
    keys = member_of(ledger, member).keys
    fill = {f"old-{number}": Key(0, some32(f"old-{number}"), 1, SUITE) for number in range(MAX_KEYS - len(keys))}
    put_member(ledger, member, keys=keys | fill)


def lose_keys(ledger: Ledger, member: str) -> None:
    keys = {name: replace(key, revoked_ms=1) for name, key in member_of(ledger, member).keys.items()}
    put_member(ledger, member, keys=keys)


def build_onboard(ledger: Ledger, faults: set[Rejection]) -> Sent:
    command = {"type": "alliance.onboard/1", "commitment": some32("trader"), "override": None}
    sender = "overseer" if R.ROLE_NOT_PERMITTED in faults else "bank-a"
    if R.ENTERPRISE_ONBOARDED in faults:
        ledger.accept("bank-b", command)
    if R.MEMBER_SUSPENDED in faults:
        put_member(ledger, sender, suspended=True)
    return Sent(sender, command)


def build_new_key(verb: str, **fields: str) -> Build:
    def build(ledger: Ledger, faults: set[Rejection]) -> Sent:
        key = "main" if R.KEY_NAME_TAKEN in faults else "third"
        public = None
        if R.KEY_PUBLIC_IN_USE in faults:
            public = public_of("bank-a", "second")
        if R.KEY_UNSOUND in faults:
            public = UNSOUND
            if R.KEY_PUBLIC_IN_USE in faults:
                put_key(ledger, "bank-a", "unsound", UNSOUND)
        if R.KEY_REVOKED_ALREADY in faults:
            ledger.accept("bank-a", revoke("second"))
        if R.KEYS_TOO_MANY in faults:
            fill_keys(ledger, "bank-a")
        command = new_key(ledger, "bank-a", key, verb, public=public, **fields)
        if R.KEY_UNKNOWN in faults:
            command["old"] = "never"
        if R.KEY_BAD_SIGNATURE in faults:
            command["signature"] = NO_SIGNATURE
        return Sent("bank-a", command)

    return build


def build_revoke(ledger: Ledger, faults: set[Rejection]) -> Sent:
    if R.KEY_REVOKED_ALREADY in faults:
        ledger.accept("bank-a", revoke("second"))
    if R.KEY_LAST in faults:
        ledger.accept("bank-a", revoke("second"))
        return Sent("bank-a", revoke("main"))
    return Sent("bank-a", revoke("never" if R.KEY_UNKNOWN in faults else "second"))


def change_parameter(ledger: Ledger, faults: set[Rejection]) -> Wire:
    name = "never" if R.PARAMETER_UNKNOWN in faults else "provable_blocks"
    value = 0 if R.PARAMETER_OUT_OF_BOUNDS in faults else 300
    if R.CHANGE_WITHOUT_EFFECT in faults:
        charter = ledger.must(Charter, "charter")
        put(ledger, "charter", replace(charter, parameters=charter.parameters | {name: value}))
    return set_parameter(name, value)


def change_add_member(ledger: Ledger, faults: set[Rejection]) -> Wire:
    roles = ["bank"]
    if R.ROLE_TAKEN in faults:
        roles = ["second-holder"]
    if R.ROLES_UNSOUND in faults:
        roles = [*roles, *roles]
    if R.MEMBERS_TOO_MANY in faults:
        many = [f"m{number:03}" for number in range(MAX_MEMBERS - len(EVERYBODY))]
        for member in many:
            put(ledger, f"member/{member}", replace(member_of(ledger, "bank-c"), id=member))
        put(ledger, "roster", replace(ledger.must(Roster, "roster"), members=sorted([*EVERYBODY, *many])))
    public = public_of("bank-b", "second") if R.KEY_PUBLIC_IN_USE in faults else None
    if R.KEY_UNSOUND in faults:
        public = UNSOUND
        if R.KEY_PUBLIC_IN_USE in faults:
            put_key(ledger, "bank-b", "unsound", UNSOUND)
    return add_member("bank-a" if R.MEMBER_EXISTS in faults else "newcomer", *roles, public=public)


def change_roles(ledger: Ledger, faults: set[Rejection]) -> Wire:
    first = ["bank", "operator"]
    if R.ROLE_TAKEN in faults:
        first = ["bank", "second-holder"]
    if R.ROLES_UNSOUND in faults:
        first = ["bank", "customs", *first]
    roles = {"bank-a": first}
    if R.ROLE_LEFT_EMPTY in faults:
        roles["overseer"] = []
    if R.CHANGE_WITHOUT_EFFECT in faults:
        put_member(ledger, "bank-a", roles=first)
    if R.MEMBER_UNKNOWN in faults:
        roles = {"nobody": [], **dict(list(roles.items())[-1:])}
    return {"kind": "roles", "roles": roles}


def change_sealing(ledger: Ledger, faults: set[Rejection]) -> Wire:
    public = UNSOUND if R.KEY_UNSOUND in faults else some32("sealing")
    if R.CHANGE_WITHOUT_EFFECT in faults:
        put_member(ledger, "bank-b", sealing=public)
    return set_sealing("nobody" if R.MEMBER_UNKNOWN in faults else "bank-b", public)


def change_suspend(ledger: Ledger, faults: set[Rejection]) -> Wire:
    put_member(ledger, "bank-c", suspended=R.CHANGE_WITHOUT_EFFECT in faults)
    return suspend("nobody" if R.MEMBER_UNKNOWN in faults else "bank-c")


def change_resume(ledger: Ledger, faults: set[Rejection]) -> Wire:
    put_member(ledger, "bank-c", suspended=R.CHANGE_WITHOUT_EFFECT not in faults)
    return resume("nobody" if R.MEMBER_UNKNOWN in faults else "bank-c")


def change_add_member_key(ledger: Ledger, faults: set[Rejection]) -> Wire:
    if R.KEY_NOT_LOST not in faults:
        lose_keys(ledger, "bank-c")
    if R.KEYS_TOO_MANY in faults:
        fill_keys(ledger, "bank-c")
    public = public_of("bank-c", "second") if R.KEY_PUBLIC_IN_USE in faults else some32("new")
    if R.KEY_UNSOUND in faults:
        public = UNSOUND
        if R.KEY_PUBLIC_IN_USE in faults:
            put_key(ledger, "bank-c", "unsound", UNSOUND, revoked_ms=1)
    key = "main" if R.KEY_NAME_TAKEN in faults else "third"
    return add_member_key("nobody" if R.MEMBER_UNKNOWN in faults else "bank-c", key, public)


def change_revoke_member_key(ledger: Ledger, faults: set[Rejection]) -> Wire:
    if R.KEY_REVOKED_ALREADY in faults:
        lose_keys(ledger, "bank-c")
    member = "nobody" if R.MEMBER_UNKNOWN in faults else "bank-c"
    return revoke_member_key(member, "never" if R.KEY_UNKNOWN in faults else "main")


def change_the_operator(ledger: Ledger, faults: set[Rejection]) -> Wire:
    operator = ledger.read(Operator, "operator")
    if R.INCARNATION_TOO_LOW in faults and operator is not None:
        put(ledger, "operator", replace(operator, incarnation=1))
    public = UNSOUND if R.KEY_UNSOUND in faults else some32("operator")
    return change_operator(public, 0)


def put_validators(ledger: Ledger, **fields: Any) -> None:
    validators = ledger.read(Validators, "validators")
    if validators is not None:  # else the ledger has none, which is told first
        put(ledger, "validators", replace(validators, **fields))


def change_validator(ledger: Ledger, faults: set[Rejection]) -> Wire:
    member, power, public = "bank-c", 3, consensus_public("bank-c")
    if R.KEY_PUBLIC_IN_USE in faults:
        public = public_of("customs")
    if R.KEY_UNSOUND in faults:
        public = UNSOUND
        if R.KEY_PUBLIC_IN_USE in faults:
            put_key(ledger, "bank-b", "unsound", UNSOUND)
    if R.VALIDATORS_TOO_MANY in faults:
        many = {f"m{number:03}": Validator(1, some32(f"m{number}"), 0) for number in range(MAX_VALIDATORS)}
        put_validators(ledger, members=many)
    goes = faults & {R.VALIDATORS_LEFT_EMPTY, R.CHANGE_WITHOUT_EFFECT}
    if R.VALIDATORS_LEFT_EMPTY in faults:
        put_validators(ledger, members={"bank-a": Validator(10, consensus_public("bank-a"), 0)})
        member = "bank-c" if R.CHANGE_WITHOUT_EFFECT in faults else "bank-a"
    bad_key = faults & {R.KEY_UNSOUND, R.KEY_PUBLIC_IN_USE}
    is_misfit = R.VALIDATOR_KEY_MISFIT in faults
    if goes or (is_misfit and bad_key):
        power = 0
    if is_misfit and power == 0 and not goes:
        member = "bank-a"
    given = public if bad_key or is_misfit is (power == 0) else None
    return set_validator("nobody" if R.MEMBER_UNKNOWN in faults else member, power, given)


def change_protocol(ledger: Ledger, faults: set[Rejection]) -> Wire:
    version = 3 if R.PROTOCOL_NOT_NEXT in faults else 2
    from_height = ledger.height + (50 if R.PROTOCOL_BAD_HEIGHT in faults else 1_000)
    if R.CHANGE_WITHOUT_EFFECT in faults:
        put(ledger, "protocol", Protocol(before=1, from_height=from_height, version=version))
    return set_protocol(version, from_height)


def build_rotate_validator(ledger: Ledger, faults: set[Rejection]) -> Sent:
    public = consensus_public("bank-b") if R.KEY_PUBLIC_IN_USE in faults else None
    if R.KEY_UNSOUND in faults:
        public = UNSOUND
        if R.KEY_PUBLIC_IN_USE in faults:
            put_key(ledger, "bank-b", "unsound", UNSOUND)
    if R.KEYS_TOO_MANY in faults:
        old = [FormerKey("bank-a", some32(f"former-{number}"), 0, ledger.time_ms) for number in range(MAX_FORMER)]
        put_validators(ledger, former=old)
    if R.POWER_MOVED_TOO_FAST in faults:
        put_validators(ledger, moves=[PowerMove(ledger.time_ms, 40, 10, 10)])
    if R.VALIDATOR_SUSPENDED in faults:
        put_validators(ledger, members={"bank-a": Validator(0, consensus_public("bank-a"), 1)})
    if R.VALIDATOR_UNKNOWN in faults:
        put_validators(ledger, members={"bank-b": Validator(10, consensus_public("bank-b"), 0)})
    command = rotation(ledger, "bank-a", public=public)
    if R.KEY_BAD_SIGNATURE in faults:
        command["signature"] = NO_SIGNATURE
    return Sent("bank-a", command)


def build_propose(change: MakeChange) -> Build:
    def build(ledger: Ledger, faults: set[Rejection]) -> Sent:
        if R.PROPOSAL_EXISTS in faults:
            ledger.accept("bank-b", propose(set_parameter("provable_blocks", 512)))
        put_member(ledger, "bank-a", suspended=R.MEMBER_SUSPENDED in faults)
        return Sent("bank-a", propose(change(ledger, faults)))

    return build


def put_proposal(ledger: Ledger, change: Wire, faults: set[Rejection]) -> None:
    """A proposal that everybody voted for a day ago, but for the faults."""
    early = R.PROPOSAL_TOO_EARLY in faults
    ledger.advance(2 * DAY_MS)
    proposal = Proposal(
        carried_ms=ledger.time_ms - (0 if early else DAY_MS),
        change=msgspec.convert(change, Change),
        enacted_ms=1 if R.PROPOSAL_ENACTED in faults else 0,
        expires_ms=ledger.time_ms + (0 if R.PROPOSAL_EXPIRED in faults else DAY_MS),
        id=some16("p"),
        previous=None,
        proposed_ms=1,
        proposer="bank-a",
        votes=dict.fromkeys([] if R.PROPOSAL_NOT_CARRIED in faults else ledger.must(Roster, "roster").members, True),
    )
    put(ledger, f"proposal/{some16('p')}", proposal)


def build_vote(ledger: Ledger, faults: set[Rejection]) -> Sent:
    put_proposal(ledger, suspend("bank-a" if R.VOTE_CONCERNED in faults else "bank-b"), faults)
    put_member(ledger, "bank-a", suspended=R.MEMBER_SUSPENDED in faults)
    return Sent("bank-a", vote("never" if R.PROPOSAL_UNKNOWN in faults else "p"))


def build_enact(change: MakeChange) -> Build:
    def build(ledger: Ledger, faults: set[Rejection]) -> Sent:
        wire = change(ledger, faults)
        put_proposal(ledger, wire, faults)
        if R.POWER_MOVED_TOO_FAST in faults:
            roster = ledger.must(Roster, "roster")
            moves = [Move(ledger.time_ms, member) for member in roster.members[: len(roster.members) // 3]]
            put(ledger, "roster", replace(roster, moves=moves))
            put_validators(ledger, moves=[PowerMove(ledger.time_ms, 40, 40, 40)])
        handover = None
        if R.HANDOVER_NOT_FITTING in faults:
            handover = {"from_height": 1, "signature": NO_SIGNATURE}
        return Sent("bank-b", enact("never" if R.PROPOSAL_UNKNOWN in faults else "p", handover))

    return build


def build_enact_operator(ledger: Ledger, faults: set[Rejection]) -> Sent:
    incarnation = 0 if R.INCARNATION_TOO_LOW in faults else 1
    change = same_operator(incarnation) if R.PROPOSAL_TOO_EARLY not in faults else new_operator("next", incarnation)
    if faults >= {R.PROPOSAL_TOO_EARLY, R.INCARNATION_TOO_LOW}:
        put(ledger, "operator", replace(ledger.must(Operator, "operator"), incarnation=1))
    put_proposal(ledger, change, faults)
    height = ledger.height + (1 if R.HANDOVER_BAD_HEIGHT in faults else 2)
    handover: Wire | None = signed_handover(ledger, change, height)
    if R.HANDOVER_BAD_SIGNATURE in faults:
        handover = signed_handover(ledger, change, height, operator_seed("thief"))
    if R.HANDOVER_NOT_FITTING in faults:
        handover = None
    return Sent("bank-b", enact("never" if R.PROPOSAL_UNKNOWN in faults else "p", handover))


NEW_KEY = (R.KEY_NAME_TAKEN, R.KEYS_TOO_MANY, R.KEY_UNSOUND, R.KEY_PUBLIC_IN_USE)
VOTED_ON = (R.PROPOSAL_UNKNOWN, R.PROPOSAL_ENACTED, R.PROPOSAL_EXPIRED)
CARRIED = (*VOTED_ON, R.PROPOSAL_NOT_CARRIED, R.PROPOSAL_TOO_EARLY)
NO_KEY = {R.KEY_UNKNOWN, R.KEY_REVOKED_ALREADY}
AT_ONCE = {"suspend-member", "resume-member", "revoke-member-key"}
MOVES_POWER = {"add-member", "add-member-key", "validator"}
NO_ROOM = {R.VALIDATORS_TOO_MANY, R.VALIDATORS_LEFT_EMPTY}  # the one comes, the other goes
GOES_WITHOUT_KEY = ({R.VALIDATORS_LEFT_EMPTY, R.KEY_UNSOUND}, {R.VALIDATORS_LEFT_EMPTY, R.KEY_PUBLIC_IN_USE})
CHANGES: dict[str, tuple[MakeChange, tuple[Rejection, ...]]] = {
    "parameter": (change_parameter, (R.PARAMETER_UNKNOWN, R.PARAMETER_OUT_OF_BOUNDS, R.CHANGE_WITHOUT_EFFECT)),
    "add-member": (
        change_add_member,
        (R.MEMBER_EXISTS, R.MEMBERS_TOO_MANY, R.ROLES_UNSOUND, R.ROLE_TAKEN, R.KEY_UNSOUND, R.KEY_PUBLIC_IN_USE),
    ),
    "roles": (
        change_roles,
        (R.MEMBER_UNKNOWN, R.CHANGE_WITHOUT_EFFECT, R.ROLES_UNSOUND, R.ROLE_TAKEN, R.ROLE_LEFT_EMPTY),
    ),
    "sealing-key": (change_sealing, (R.MEMBER_UNKNOWN, R.CHANGE_WITHOUT_EFFECT, R.KEY_UNSOUND)),
    "suspend-member": (change_suspend, (R.MEMBER_UNKNOWN, R.CHANGE_WITHOUT_EFFECT)),
    "resume-member": (change_resume, (R.MEMBER_UNKNOWN, R.CHANGE_WITHOUT_EFFECT)),
    "add-member-key": (change_add_member_key, (R.MEMBER_UNKNOWN, R.KEY_NOT_LOST, *NEW_KEY)),
    "revoke-member-key": (change_revoke_member_key, (R.MEMBER_UNKNOWN, R.KEY_UNKNOWN, R.KEY_REVOKED_ALREADY)),
    "operator": (change_the_operator, (R.LEDGER_HAS_NO_OPERATOR, R.INCARNATION_TOO_LOW, R.KEY_UNSOUND)),
    "protocol": (change_protocol, (R.CHANGE_WITHOUT_EFFECT, R.PROTOCOL_NOT_NEXT, R.PROTOCOL_BAD_HEIGHT)),
    "validator": (
        change_validator,
        (
            R.LEDGER_HAS_NO_VALIDATORS,
            R.MEMBER_UNKNOWN,
            R.CHANGE_WITHOUT_EFFECT,
            R.VALIDATOR_KEY_MISFIT,
            R.VALIDATORS_TOO_MANY,
            R.VALIDATORS_LEFT_EMPTY,
            R.KEY_UNSOUND,
            R.KEY_PUBLIC_IN_USE,
        ),
    ),
}


APART = (NO_KEY, NO_ROOM, *GOES_WITHOUT_KEY)


def enactment_case(kind: str) -> Case:
    change, refusals = CHANGES[kind]
    # Members never go: of a proposal that stands, the member is always known.
    known = tuple(refusal for refusal in refusals if refusal not in {R.MEMBER_UNKNOWN, R.LEDGER_HAS_NO_VALIDATORS})
    carried = VOTED_ON + ((R.PROPOSAL_NOT_CARRIED,) if kind in AT_ONCE else CARRIED[3:])
    power = (R.POWER_MOVED_TOO_FAST,) if kind in MOVES_POWER else ()
    return Case(
        f"enact {kind}", build_enact(change), (*carried, *known, *power, R.HANDOVER_NOT_FITTING), APART, run_by(kind)
    )


CASES = (
    Case("onboard", build_onboard, (R.ROLE_NOT_PERMITTED, R.MEMBER_SUSPENDED, R.ENTERPRISE_ONBOARDED)),
    Case("add-key", build_new_key("add-key"), (*NEW_KEY, R.KEY_BAD_SIGNATURE)),
    Case(
        "rotate-key",
        build_new_key("rotate-key", old="second"),
        (R.KEY_UNKNOWN, R.KEY_REVOKED_ALREADY, *NEW_KEY, R.KEY_BAD_SIGNATURE),
        (NO_KEY,),
    ),
    Case(
        "revoke-key",
        build_revoke,
        (R.KEY_UNKNOWN, R.KEY_REVOKED_ALREADY, R.KEY_LAST),
        (NO_KEY, {R.KEY_UNKNOWN, R.KEY_LAST}, {R.KEY_REVOKED_ALREADY, R.KEY_LAST}),
    ),
    *(
        Case(
            f"propose {kind}",
            build_propose(change),
            (R.MEMBER_SUSPENDED, R.PROPOSAL_EXISTS, *refusals),
            APART,
            run_by(kind),
        )
        for kind, (change, refusals) in CHANGES.items()
    ),
    Case(
        "rotate-validator-key",
        build_rotate_validator,
        (
            R.LEDGER_HAS_NO_VALIDATORS,
            R.VALIDATOR_UNKNOWN,
            R.VALIDATOR_SUSPENDED,
            R.KEYS_TOO_MANY,
            R.KEY_UNSOUND,
            R.KEY_PUBLIC_IN_USE,
            R.KEY_BAD_SIGNATURE,
            R.POWER_MOVED_TOO_FAST,
        ),
        ({R.VALIDATOR_UNKNOWN, R.VALIDATOR_SUSPENDED},),
        run_by("validator"),
    ),
    Case("vote", build_vote, (R.MEMBER_SUSPENDED, *VOTED_ON, R.VOTE_CONCERNED)),
    *(enactment_case(kind) for kind in CHANGES if kind != "operator"),
    Case(
        "enact operator",
        build_enact_operator,
        (*CARRIED, R.INCARNATION_TOO_LOW, R.HANDOVER_NOT_FITTING, R.HANDOVER_BAD_HEIGHT, R.HANDOVER_BAD_SIGNATURE),
        (
            {R.HANDOVER_NOT_FITTING, R.HANDOVER_BAD_HEIGHT},
            {R.HANDOVER_NOT_FITTING, R.HANDOVER_BAD_SIGNATURE},
        ),
    ),
)


def combinations_of(case: Case) -> list[set[Rejection]]:
    pairs = [set(pair) for pair in combinations(case.faults, 2)]
    return [set(), *({fault} for fault in case.faults), *(pair for pair in pairs if pair not in case.apart)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_refusal_that_applies_is_the_one_that_is_told(case: Case) -> None:
    for faults in combinations_of(case):
        ledger = case.ledger(faults)
        member, command = case.build(ledger, faults)
        expected = next((fault for fault in case.faults if fault in faults), 0)
        assert ledger.code(member, command) == expected, faults


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_numbers_ascend_with_the_precedence(case: Case) -> None:
    own = [fault for fault in case.faults if fault >= 100]
    assert own == sorted(own)


def test_every_rejection_of_the_alliance_is_in_the_table() -> None:
    walked = {fault for case in CASES for fault in case.faults}
    assert {rejection for rejection in Rejection if 100 <= rejection < 200} <= walked


def test_the_command_package_has_no_command_that_the_table_leaves_out() -> None:
    walked = {case.name.split()[0] for case in CASES}
    assert {name.removeprefix("alliance.").partition("/")[0] for name in Ledger().registry.commands} == walked
