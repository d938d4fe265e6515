"""Who runs a network: votes on its validators, keys rotated, power that moves slowly, and what evidence does."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.modules.alliance.network import (
    POWERS,
    consensus_public,
    evidence_of,
    network,
    powers_of,
    rotation,
    validators_of,
)
from tests.modules.alliance.voting import (
    EVERYBODY,
    carry,
    enact,
    make,
    new_operator,
    parameter_of,
    propose,
    set_parameter,
    set_validator,
    suspend_now,
    vote,
)
from tests.modules.ledger import MEMBERS, Ledger

from kouan.kernel.records import Charter
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance import queries
from kouan.modules.alliance.consensus import consensus_parameters
from kouan.modules.alliance.records import FormerKey, Offence, Offences, PowerMove, Validator, Validators
from kouan.modules.alliance.rules import DAY_MS, PARAMETERS
from kouan.modules.alliance.validators import is_too_fast, validator_updates, with_move

PERIOD_MS = 30 * DAY_MS
NEW = consensus_public("bank-c")


def enact_code(ledger: Ledger, name: str) -> int:
    ledger.advance(DAY_MS)
    return ledger.code("bank-a", enact(name))


def test_a_validator_comes_by_a_critical_vote_and_the_engine_is_told() -> None:
    ledger = network()
    before = validators_of(ledger)
    ledger.accept("bank-c", propose(set_validator("bank-c", 13, NEW)))
    for voter in EVERYBODY[:4]:
        ledger.accept(voter, vote())
    ledger.advance(DAY_MS)
    assert ledger.code("bank-a", enact()) == Rejection.PROPOSAL_NOT_CARRIED  # neither customs nor overseer
    for voter in ("customs", "overseer"):
        ledger.accept(voter, vote())
    assert ledger.code("bank-a", enact()) == Rejection.PROPOSAL_TOO_EARLY
    ledger.advance(DAY_MS)
    ledger.accept("bank-a", enact())
    after = validators_of(ledger)
    assert after.members["bank-c"] == Validator(13, NEW, 0)
    assert after.moves == [PowerMove(ledger.time_ms, before=40, came=13, went=0)]
    assert validator_updates(before, after) == [(NEW, 13)]


def test_a_validator_is_weighed_anew_gets_another_key_and_goes() -> None:
    ledger = network()
    stages = [validators_of(ledger)]
    changes = (
        set_validator("bank-b", 12),
        set_validator("bank-b", 12, consensus_public("bank-b", "next")),
        set_validator("bank-b", 0),
    )
    for number, change in enumerate(changes):
        make(ledger, change, f"p{number}")
        ledger.advance(PERIOD_MS + DAY_MS)
        stages.append(validators_of(ledger))
    old, new = consensus_public("bank-b"), consensus_public("bank-b", "next")
    told = [validator_updates(before, after) for before, after in pairwise(stages)]
    assert told == [[(old, 12)], sorted([(new, 12), (old, 0)]), [(new, 0)]]
    assert "bank-b" not in stages[-1].members
    assert [(key.member, key.public) for key in stages[-1].former] == [("bank-b", old), ("bank-b", new)]
    assert validator_updates(None, stages[0]) == sorted((consensus_public(member), 10) for member in POWERS)


def test_a_key_that_was_a_validator_s_never_comes_back() -> None:
    ledger = network()
    make(ledger, set_validator("bank-b", 0), "gone")
    again = propose(set_validator("bank-b", 1, consensus_public("bank-b")))
    assert ledger.code("bank-b", again) == Rejection.KEY_PUBLIC_IN_USE


def test_a_member_rotates_the_key_of_its_own_validator_though_it_be_suspended() -> None:
    ledger = network()
    suspend_now(ledger, "bank-a")
    before = validators_of(ledger)
    ledger.accept("bank-a", rotation(ledger, "bank-a"))
    after = validators_of(ledger)
    assert after.members["bank-a"] == Validator(10, consensus_public("bank-a", "next"), 0)
    assert after.former == [FormerKey("bank-a", consensus_public("bank-a"), 0, ledger.time_ms)]
    assert after.moves == [PowerMove(ledger.time_ms, before=40, came=10, went=10)]
    assert sorted(power for _, power in validator_updates(before, after)) == [0, 10]


def test_a_proof_of_possession_is_for_one_member_and_one_ledger() -> None:
    ledger, other = network(), network({"bank-a": 10})
    stolen = rotation(ledger, "bank-b")
    assert ledger.code("bank-a", stolen) == Rejection.KEY_BAD_SIGNATURE
    assert ledger.code("bank-a", rotation(other, "bank-a")) == Rejection.KEY_BAD_SIGNATURE


def test_of_four_equal_validators_one_changes_within_a_period() -> None:
    ledger = network()
    ledger.accept("bank-a", rotation(ledger, "bank-a"))
    ledger.advance(PERIOD_MS + DAY_MS - 1)
    assert ledger.code("bank-b", rotation(ledger, "bank-b")) == Rejection.POWER_MOVED_TOO_FAST
    ledger.advance(1)
    ledger.accept("bank-b", rotation(ledger, "bank-b"))
    assert len(validators_of(ledger).moves) == 1


@pytest.mark.parametrize(
    ("powers", "change", "code"),
    [
        ({"bank-a": 10, "bank-b": 10, "bank-c": 10}, set_validator("bank-c", 0), 0),
        ({"bank-a": 10, "bank-b": 10}, set_validator("bank-b", 0), Rejection.POWER_MOVED_TOO_FAST),
        ({"bank-a": 10, "bank-b": 10}, set_validator("bank-b", 4), 0),
        ({"bank-a": 10, "bank-b": 10}, set_validator("bank-b", 3), Rejection.POWER_MOVED_TOO_FAST),
        ({"bank-a": 10}, set_validator("bank-b", 3, consensus_public("bank-b")), 0),
        ({"bank-a": 10}, set_validator("bank-b", 4, consensus_public("bank-b")), Rejection.POWER_MOVED_TOO_FAST),
        ({"bank-a": 1}, set_validator("bank-b", 1, consensus_public("bank-b")), Rejection.POWER_MOVED_TOO_FAST),
    ],
)
def test_a_third_of_the_power_may_move_and_no_more(
    powers: dict[str, int], change: dict[str, object], code: int
) -> None:
    ledger = network(powers)
    carry(ledger, change)
    assert enact_code(ledger, "p") == code


def test_the_charter_may_have_a_lower_share() -> None:
    founding = network().founding
    slow = replace(founding, charter=founding.charter | {"alliance.power_bp_per_period": 1_000})
    ledger = Ledger(founding=slow)
    carry(ledger, set_validator("bank-a", 15))
    assert enact_code(ledger, "p") == Rejection.POWER_MOVED_TOO_FAST
    carry(ledger, set_validator("bank-a", 14), "less")
    assert enact_code(ledger, "less") == 0


def test_an_operator_and_validators_do_not_mix() -> None:
    assert network().code("bank-a", propose(new_operator("next"))) == Rejection.LEDGER_HAS_NO_OPERATOR
    alone = Ledger()
    assert alone.code("bank-a", propose(set_validator("bank-a", 1, NEW))) == Rejection.LEDGER_HAS_NO_VALIDATORS
    assert alone.code("bank-a", rotation(alone, "bank-a")) == Rejection.LEDGER_HAS_NO_VALIDATORS


def test_the_first_version_of_propose_takes_no_change_of_the_second() -> None:
    first = {**propose(set_validator("bank-c", 1, NEW)), "type": "alliance.propose/1"}
    assert network().code("bank-a", first) == Rejection.COMMAND_MALFORMED


def test_the_consensus_engine_s_parameters_are_the_network_s_alone() -> None:
    change = set_parameter("consensus.max_block_bytes", 3_000_000)
    assert Ledger().code("bank-a", propose(change)) == Rejection.PARAMETER_UNKNOWN
    ledger = network()
    assert consensus_parameters(ledger.must(Charter, "charter")) == (2_000_000, 100_000, PERIOD_MS, 100_000)
    make(ledger, change)
    make(ledger, set_parameter("trust_period_ms", 10 * DAY_MS), "shorter")
    assert parameter_of(ledger, "consensus.max_block_bytes") == 3_000_000
    assert consensus_parameters(ledger.must(Charter, "charter")) == (3_000_000, 100_000, 10 * DAY_MS, 100_000)


# Evidence.


def test_evidence_suspends_the_validator_and_the_members_see_it() -> None:
    ledger = network()
    before = validators_of(ledger)
    guilty = consensus_public("bank-a")
    evidence = evidence_of(ledger, guilty)
    ledger.accuse(evidence)
    after = validators_of(ledger)
    assert after.members["bank-a"] == Validator(0, guilty, ledger.time_ms)
    assert after.moves == [PowerMove(ledger.time_ms, before=40, came=0, went=10)]
    assert validator_updates(before, after) == [(guilty, 0)]
    (offence,) = queries.offences(ledger.reader)
    assert offence == Offence(
        address=evidence.address.hex(),
        at_ms=ledger.time_ms,
        height=1,
        kind="duplicate-vote",
        member="bank-a",
        power=10,
        previous=None,
        suspended=True,
        time_ms=evidence.time_ms,
    )
    row = queries.validators(ledger.reader)[-1]
    assert (row.member, row.power, row.suspended_ms, row.offence) == ("bank-a", 0, ledger.time_ms, offence)


def test_repeated_evidence_does_nothing_and_further_evidence_is_noted() -> None:
    ledger = network()
    first, second = (evidence_of(ledger, consensus_public("bank-a"), height) for height in (1, 2))
    ledger.accuse(first, first)
    once = validators_of(ledger)
    ledger.advance(1)
    ledger.accuse(first)
    assert (validators_of(ledger), ledger.must(Offences, "evidence").count) == (once, 1)
    ledger.accuse(first, second)
    assert validators_of(ledger) == once
    assert [(one.height, one.suspended) for one in queries.offences(ledger.reader)] == [(2, False), (1, True)]


def test_a_suspended_validator_returns_by_a_vote_with_a_new_key_and_is_not_punished_twice() -> None:
    ledger = network()
    old, new = consensus_public("bank-a"), consensus_public("bank-a", "next")
    ledger.accuse(evidence_of(ledger, old))
    assert ledger.code("bank-a", rotation(ledger, "bank-a")) == Rejection.VALIDATOR_SUSPENDED
    assert ledger.code("bank-b", propose(set_validator("bank-a", 10))) == Rejection.VALIDATOR_KEY_MISFIT
    assert ledger.code("bank-b", propose(set_validator("bank-a", 10, old))) == Rejection.KEY_PUBLIC_IN_USE
    make(ledger, set_validator("bank-a", 10, new))
    back = Validator(10, new, 0)
    assert validators_of(ledger).members["bank-a"] == back
    ledger.accuse(evidence_of(ledger, old, 7))
    assert validators_of(ledger).members["bank-a"] == back
    ledger.accuse(evidence_of(ledger, new, 8))
    assert validators_of(ledger).members["bank-a"] == Validator(0, new, ledger.time_ms)


def test_evidence_against_a_key_that_was_rotated_away_still_finds_its_member() -> None:
    ledger = network()
    old = consensus_public("bank-a")
    ledger.accept("bank-a", rotation(ledger, "bank-a"))
    ledger.accuse(evidence_of(ledger, old))
    assert powers_of(ledger)["bank-a"] == 0


def test_evidence_against_one_that_is_gone_or_a_stranger_is_noted_alone() -> None:
    ledger = network()
    make(ledger, set_validator("bank-a", 0))
    before = validators_of(ledger)
    ledger.accuse(*(evidence_of(ledger, key) for key in (consensus_public("bank-a"), NEW)))
    assert validators_of(ledger) == before
    assert [(one.member, one.suspended) for one in queries.offences(ledger.reader)] == [
        (None, False),
        ("bank-a", False),
    ]


def test_the_last_validator_is_never_suspended_nor_voted_away() -> None:
    ledger = network({"bank-a": 10, "bank-b": 2})
    ledger.accuse(*(evidence_of(ledger, consensus_public(member)) for member in ("bank-b", "bank-a")))
    assert powers_of(ledger) == {"bank-a": 10, "bank-b": 0}
    assert ledger.code("bank-a", propose(set_validator("bank-a", 0))) == Rejection.VALIDATORS_LEFT_EMPTY


def test_a_ledger_of_one_operator_takes_no_notice_of_evidence() -> None:
    ledger = Ledger()
    root = ledger.state.tree.root
    ledger.accuse(evidence_of(ledger, NEW))
    assert ledger.state.tree.root == root


def test_taking_a_suspended_validator_away_moves_nothing_and_is_never_too_fast() -> None:
    ledger = network()
    ledger.accept("bank-a", rotation(ledger, "bank-a"))
    ledger.accuse(evidence_of(ledger, consensus_public("bank-b")))
    make(ledger, set_validator("bank-b", 0))
    assert "bank-b" not in validators_of(ledger).members


# Properties.

CHARTER = Charter({one.name: one.default for one in PARAMETERS}, 0)
NAMES = ("a", "b", "c", "d", "e", "f")
Step = tuple[str, int, bool, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 12), st.booleans(), st.integers(0, 20 * DAY_MS)), max_size=12
)


def history(powers: dict[str, int], steps: list[Step]) -> list[tuple[int, Validators]]:
    """The sets that such votes and rotations make, as far as they are not too fast, each with its time."""
    time_ms = PERIOD_MS
    validators = Validators([], {name: Validator(power, f"{name}0", 0) for name, power in powers.items()}, [])
    sets = [(time_ms, validators)]
    for number, (name, power, new_key, waited_ms) in enumerate(steps):
        time_ms += waited_ms
        current = validators.members.get(name)
        key = f"{name}{number}" if new_key or current is None else current.public
        members = validators.members | {name: Validator(power, key, 0)}
        if not any(one.power for one in members.values()):
            continue
        after = with_move(CHARTER, validators, replace(validators, members=members), time_ms)
        if not is_too_fast(CHARTER, validators, after):
            validators = after
            sets.append((time_ms, validators))
    return sets


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 12), min_size=1), STEPS)
def test_any_commit_within_a_trust_period_bears_a_third_of_the_power_that_was_known(
    powers: dict[str, int], steps: list[Step]
) -> None:
    """Who signs with more than two thirds of a set had more than a third of every set of the period before."""
    sets = history(powers, steps)
    for (known_ms, known), (now_ms, now) in combinations(sets, 2):
        if now_ms - known_ms > PERIOD_MS:
            continue
        old = {one.public: one.power for one in known.members.values() if one.power}
        new = {one.public: one.power for one in now.members.values() if one.power}
        for count in range(len(new) + 1):
            for signers in combinations(new, count):
                if 3 * sum(new[key] for key in signers) > 2 * sum(new.values()):
                    assert 3 * sum(old.get(key, 0) for key in signers) > sum(old.values())


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 12), min_size=1), STEPS)
def test_what_the_engine_is_told_leads_from_one_set_to_the_next(powers: dict[str, int], steps: list[Step]) -> None:
    """It keeps a set of its own, by what it is told alone; it is told nothing twice, and to remove only what it has."""
    sets = [validators for _, validators in history(powers, steps)]
    told: dict[str, int] = {}
    for before, after in zip([None, *sets], sets, strict=False):
        for key, power in validator_updates(before, after):
            assert told.get(key, 0) != power
            told[key] = power
            if not power:
                del told[key]
        assert told == {one.public: one.power for one in after.members.values() if one.power}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_evidence_in_any_order_empties_the_set_or_moves_power_twice(data: st.DataObject) -> None:
    ledger = network()
    keys = [consensus_public(member) for member in MEMBERS]
    for _ in range(data.draw(st.integers(1, 4))):
        drawn = data.draw(st.lists(st.tuples(st.sampled_from(keys), st.integers(1, 3)), max_size=5))
        before = validators_of(ledger)
        ledger.advance(1)
        ledger.accuse(*(evidence_of(ledger, key, height) for key, height in drawn))
        after = validators_of(ledger)
        assert sum(one.power for one in after.members.values()) > 0
        for member, one in after.members.items():
            assert one in (before.members[member], Validator(0, one.public, ledger.time_ms))
