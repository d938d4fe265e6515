"""How the members change the alliance: quorums, classes, delay, expiry, suspension, power, the operator's chain."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.modules.alliance.voting import (
    EVERYBODY,
    Wire,
    add_member,
    carry,
    enact,
    make,
    member_of,
    new_operator,
    operator_seed,
    parameter_of,
    proposal_of,
    propose,
    resume,
    revoke_member_key,
    same_operator,
    set_parameter,
    set_roles,
    set_sealing,
    signed_handover,
    some32,
    suspend,
    suspend_now,
    vote,
)
from tests.modules.ledger import START_MS, Ledger, seed_of

from kouan.kernel.proof import Handover, is_handover_signed
from kouan.kernel.records import Charter
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.records import Operator, Roster
from kouan.modules.alliance.rules import DAY_MS, PARAMETERS, Role

ORDINARY = set_parameter("provable_blocks", 300)
CRITICAL = set_parameter("alliance.quorum_bp", 6000)
FOUR = ("bank-a", "bank-b", "bank-c", "customs")


def enact_later(ledger: Ledger, name: str = "p") -> int:
    ledger.advance(DAY_MS)
    return ledger.code("bank-a", enact(name))


@pytest.mark.parametrize(
    ("change", "voters", "carried"),
    [
        (ORDINARY, FOUR, True),
        (ORDINARY, FOUR[:3], False),  # three of six are not more than half
        (CRITICAL, EVERYBODY, True),
        (CRITICAL, ("bank-a", "bank-b", "bank-c", "customs", "overseer"), True),
        (CRITICAL, ("bank-a", "bank-b", "customs", "overseer"), False),  # two thirds only
        (CRITICAL, ("bank-a", "bank-b", "bank-c", "commerce", "customs"), False),  # no overseer
        (CRITICAL, ("bank-a", "bank-b", "bank-c", "commerce", "overseer"), False),  # no customs
        (set_parameter("trust_period_ms", 2 * DAY_MS), FOUR, False),
        (add_member("bank-d", "bank"), FOUR, True),
        (add_member("safe", "overseer"), FOUR, False),
        (set_roles(bank_a=["bank", "operator"]), FOUR, True),
        (set_roles(commerce=["convener", "customs", "operator", "second-holder"]), FOUR, False),
        (set_roles(commerce=["convener", "operator"], bank_c=["bank", "second-holder"]), FOUR, False),
        (set_sealing("bank-a", some32("sealing")), FOUR, True),
        (set_sealing("overseer", some32("sealing")), FOUR, False),
        (set_sealing("commerce", some32("sealing")), FOUR, False),
        (suspend("overseer"), FOUR, True),
        (suspend("bank-c"), ("bank-a", "bank-b", "customs"), True),  # three of the five others
        (suspend("bank-c"), ("bank-a", "bank-b"), False),
        (revoke_member_key("bank-c", "main"), ("bank-a", "bank-b", "customs"), True),
        (new_operator("next"), FOUR, False),
    ],
)
def test_a_change_needs_the_votes_of_its_kind(
    ledger: Ledger, change: Wire, voters: tuple[str, ...], *, carried: bool
) -> None:
    carry(ledger, change, voters=voters)
    assert enact_later(ledger) in ([0, Rejection.HANDOVER_NOT_FITTING] if carried else [Rejection.PROPOSAL_NOT_CARRIED])


def test_half_of_a_class_is_not_its_consent() -> None:
    cast: dict[str, list[Role]] = {name: ["bank"] for name in ("bank-a", "bank-b", "bank-c")}
    ledger = Ledger(members={**cast, "customs": ["customs"], "port": ["customs"], "overseer": ["overseer"]})
    carry(ledger, CRITICAL, voters=(*cast, "customs", "overseer"))
    assert enact_later(ledger) == Rejection.PROPOSAL_NOT_CARRIED
    ledger.accept("port", vote())
    assert enact_later(ledger) == 0


def test_a_carried_change_takes_effect_after_the_delay_when_somebody_enacts_it(ledger: Ledger) -> None:
    carry(ledger, ORDINARY)
    ledger.advance(DAY_MS - 1)
    assert ledger.code("bank-a", enact()) == Rejection.PROPOSAL_TOO_EARLY
    ledger.advance(1)
    assert parameter_of(ledger, "provable_blocks") == 256
    ledger.accept("bank-a", enact())
    assert parameter_of(ledger, "provable_blocks") == 300
    assert ledger.must(Charter, "charter").revision == 1


def test_an_enacted_change_is_not_enacted_again(ledger: Ledger) -> None:
    make(ledger, ORDINARY)
    make(ledger, set_parameter("provable_blocks", 256), "back")
    for sender in ("bank-a", "overseer"):
        assert ledger.code(sender, enact()) == Rejection.PROPOSAL_ENACTED
    assert parameter_of(ledger, "provable_blocks") == 256
    assert ledger.code("bank-a", vote(yes=False)) == Rejection.PROPOSAL_ENACTED


def test_two_enactments_in_one_block_change_once(ledger: Ledger) -> None:
    carry(ledger, ORDINARY)
    ledger.advance(DAY_MS)
    receipts = ledger.block(ledger.envelope("bank-a", enact()), ledger.envelope("bank-b", enact()))
    assert [receipt["results"][0]["code"] for receipt in receipts] == [0, Rejection.PROPOSAL_ENACTED]
    assert ledger.must(Charter, "charter").revision == 1


def test_a_proposal_that_is_not_carried_in_time_expires(ledger: Ledger) -> None:
    ledger.accept("bank-a", propose(ORDINARY))
    ledger.advance(parameter_of(ledger, "alliance.proposal_lifetime_ms") - 1)
    ledger.accept("bank-a", vote())
    ledger.advance(1)
    assert ledger.code("bank-b", vote()) == Rejection.PROPOSAL_EXPIRED
    assert ledger.code("bank-b", propose(ORDINARY)) == Rejection.PROPOSAL_EXISTS


def test_one_that_is_carried_at_the_last_moment_can_still_be_enacted_for_as_long_again(ledger: Ledger) -> None:
    lifetime_ms = parameter_of(ledger, "alliance.proposal_lifetime_ms")
    ledger.accept("bank-a", propose(ORDINARY))
    ledger.advance(lifetime_ms - 1)
    for voter in FOUR:
        ledger.accept(voter, vote())
    assert proposal_of(ledger).expires_ms == ledger.time_ms + DAY_MS + lifetime_ms
    ledger.advance(DAY_MS + lifetime_ms - 1)
    ledger.accept("bank-a", enact())


def test_a_vote_changed_during_the_delay_stops_the_change_and_the_delay_begins_anew(ledger: Ledger) -> None:
    carry(ledger, ORDINARY, voters=FOUR)
    ledger.advance(DAY_MS // 2)
    ledger.accept("customs", vote(yes=False))
    assert proposal_of(ledger).carried_ms == 0
    assert proposal_of(ledger).expires_ms == START_MS + parameter_of(ledger, "alliance.proposal_lifetime_ms")
    ledger.accept("overseer", vote())
    assert proposal_of(ledger).carried_ms == START_MS + DAY_MS // 2
    ledger.advance(DAY_MS // 2)
    assert ledger.code("bank-a", enact()) == Rejection.PROPOSAL_TOO_EARLY
    ledger.advance(DAY_MS // 2)
    ledger.accept("bank-a", enact())


def test_voting_twice_counts_once(ledger: Ledger) -> None:
    ledger.accept("bank-a", propose(ORDINARY), *[vote() for _ in range(6)])
    assert enact_later(ledger) == Rejection.PROPOSAL_NOT_CARRIED


def test_proposing_vote_and_suspension_fit_into_one_envelope_each(ledger: Ledger) -> None:
    """The deciding vote and the enactment travel together: suspension takes effect in that block."""
    ledger.accept("bank-a", propose(suspend("bank-c")), vote())
    ledger.accept("bank-b", vote())
    ledger.accept("customs", vote(), enact())
    assert member_of(ledger, "bank-c").suspended


def test_the_votes_are_counted_again_at_the_enactment(ledger: Ledger) -> None:
    """Who was suspended since has no vote any more; who was resumed has it again."""
    carry(ledger, ORDINARY, voters=FOUR)
    suspend_now(ledger, "customs")
    assert enact_later(ledger) == Rejection.PROPOSAL_NOT_CARRIED
    carry(ledger, resume("customs"), "resumption", ("bank-a", "bank-b", "bank-c"))
    ledger.accept("bank-a", enact("resumption"))
    ledger.accept("bank-a", enact())


def test_suspending_members_makes_no_majority_easier_to_reach(ledger: Ledger) -> None:
    """Who suspends the overseer cannot do without it, and a majority of all others is always left to resume it."""
    suspend_now(ledger, "overseer")
    carry(ledger, CRITICAL, voters=("bank-a", "bank-b", "bank-c", "commerce", "customs"))
    assert enact_later(ledger) == Rejection.PROPOSAL_NOT_CARRIED
    for name, voters in (("customs", FOUR[:3]), ("commerce", FOUR[:3]), ("bank-c", FOUR[:2])):
        carry(ledger, suspend(name), name, voters)
    assert ledger.code("bank-a", enact("customs")) == 0
    assert ledger.code("bank-a", enact("commerce")) == 0
    assert ledger.code("bank-a", enact("bank-c")) == Rejection.PROPOSAL_NOT_CARRIED
    carry(ledger, resume("overseer"), "resumption", FOUR[:3])
    ledger.accept("bank-a", enact("resumption"))


def test_a_higher_quorum_applies_to_what_was_carried_before_it(ledger: Ledger) -> None:
    carry(ledger, ORDINARY, voters=FOUR)
    make(ledger, set_parameter("alliance.quorum_bp", 7000), "quorum")
    assert ledger.code("bank-a", enact()) == Rejection.PROPOSAL_NOT_CARRIED


def test_what_has_become_impossible_since_is_refused_at_the_enactment(ledger: Ledger) -> None:
    carry(ledger, add_member("bank-d", "bank"))
    make(ledger, add_member("bank-d", "bank"), "same")
    assert ledger.code("bank-a", enact()) == Rejection.MEMBER_EXISTS


def test_a_new_member_signs_votes_and_counts(ledger: Ledger) -> None:
    make(ledger, add_member("bank-d", "bank"))
    ledger.seeds["bank-d/main"] = seed_of("bank-d")
    assert ledger.must(Roster, "roster").members == sorted([*EVERYBODY, "bank-d"])
    carry(ledger, ORDINARY, "next", ("bank-d", "bank-a", "bank-b"))
    assert enact_later(ledger, "next") == Rejection.PROPOSAL_NOT_CARRIED  # three of seven
    ledger.accept("customs", vote("next"))
    assert enact_later(ledger, "next") == 0


def test_power_moves_by_at_most_a_third_within_a_trust_period(ledger: Ledger) -> None:
    """Six members: two newcomers make a quarter of eight, a third one would make a third of nine."""
    period_ms = parameter_of(ledger, "trust_period_ms")
    for name in ("bank-d", "bank-e", "bank-f"):
        carry(ledger, add_member(name, "bank"), name)
    ledger.advance(DAY_MS)
    ledger.accept("bank-a", enact("bank-d"), enact("bank-e"))
    assert ledger.code("bank-a", enact("bank-f")) == Rejection.POWER_MOVED_TOO_FAST
    ledger.seeds |= {f"{name}/main": seed_of(name) for name in ("bank-d", "bank-e")}
    ledger.advance(period_ms - DAY_MS - 1)
    assert ledger.code("bank-a", enact("bank-f")) == Rejection.PROPOSAL_EXPIRED
    carry(ledger, add_member("bank-f", "bank"), "again")
    ledger.advance(DAY_MS)
    assert ledger.code("bank-a", enact("again")) == Rejection.POWER_MOVED_TOO_FAST
    ledger.advance(1)
    ledger.accept("bank-a", enact("again"))
    assert [move.member for move in ledger.must(Roster, "roster").moves] == ["bank-f"]


def test_passing_a_critical_role_on_moves_the_power_of_who_gets_it(ledger: Ledger) -> None:
    make(ledger, set_roles(commerce=["convener", "operator"], bank_c=["bank", "second-holder"]))
    assert member_of(ledger, "bank-c").roles == ["bank", "second-holder"]
    assert member_of(ledger, "commerce").roles == ["convener", "operator"]
    assert [move.member for move in ledger.must(Roster, "roster").moves] == ["bank-c"]


def test_taking_a_critical_role_away_moves_power_too() -> None:
    cast: dict[str, list[Role]] = {
        "bank-a": ["bank"],
        "commerce": ["convener"],
        "customs": ["customs"],
        "port": ["customs"],
        "overseer": ["overseer"],
    }
    ledger = Ledger(members=cast)
    make(ledger, set_roles(port=[]), voters=tuple(cast))
    assert [move.member for move in ledger.must(Roster, "roster").moves] == ["port"]
    carry(ledger, set_roles(port=["customs"]), "back", tuple(cast))
    ledger.accept("bank-a", propose(set_roles(customs=[], port=["customs"]), "swap"))
    ledger.advance(DAY_MS)
    assert ledger.code("bank-a", enact("back")) == 0  # the same member's power may move again


def test_a_handover_is_signed_by_the_old_operator_and_names_a_block_to_come(ledger: Ledger) -> None:
    change = new_operator("next")
    carry(ledger, change)
    ledger.advance(DAY_MS)
    before = ledger.must(Operator, "operator")
    for from_height in (ledger.height + 1, ledger.height + 1_500):
        bad = signed_handover(ledger, change, from_height)
        assert ledger.code("bank-a", enact(handover=bad)) == Rejection.HANDOVER_BAD_HEIGHT
    at = ledger.height + 100
    thief = signed_handover(ledger, change, at, operator_seed("next"))
    assert ledger.code("bank-a", enact(handover=thief)) == Rejection.HANDOVER_BAD_SIGNATURE
    ledger.accept("bank-a", enact(handover=signed_handover(ledger, change, at)))
    handover = ledger.must(Handover, "handover/0")
    assert is_handover_signed(handover, before.public)
    assert (handover.from_height, handover.public) == (at, change["public"])
    assert ledger.must(Operator, "operator") == Operator(1, 0, str(change["public"]))


def test_a_second_handover_is_signed_by_the_first_successor_and_comes_into_force_after_it(ledger: Ledger) -> None:
    first, second = new_operator("first"), new_operator("second")
    carry(ledger, first, "first")
    carry(ledger, second, "second")
    ledger.advance(DAY_MS)
    at = ledger.height + 100
    ledger.accept("bank-a", enact("first", signed_handover(ledger, first, at)))
    by_first = operator_seed("first")
    same_block = signed_handover(ledger, second, at, by_first)
    assert ledger.code("bank-a", enact("second", same_block)) == Rejection.HANDOVER_BAD_HEIGHT
    by_founder = signed_handover(ledger, second, at + 1)
    assert ledger.code("bank-a", enact("second", by_founder)) == Rejection.HANDOVER_BAD_SIGNATURE
    ledger.accept("bank-a", enact("second", signed_handover(ledger, second, at + 1, by_first)))
    assert is_handover_signed(ledger.must(Handover, "handover/1"), str(first["public"]))


def test_a_higher_incarnation_of_the_same_key_needs_the_critical_quorum_but_no_delay(ledger: Ledger) -> None:
    change = same_operator(1)
    carry(ledger, change, voters=FOUR)
    handover = signed_handover(ledger, change, ledger.height + 50)
    assert ledger.code("bank-a", enact(handover=handover)) == Rejection.PROPOSAL_NOT_CARRIED
    ledger.accept("overseer", vote())
    ledger.accept("bank-a", enact(handover=handover))
    assert ledger.must(Operator, "operator").incarnation == 1


_CASTS = st.fixed_dictionaries({"bank": st.integers(1, 4), "customs": st.integers(1, 3), "overseer": st.integers(1, 3)})


@settings(max_examples=60)
@given(_CASTS, st.data())
def test_no_attester_changes_without_three_quarters_and_both_classes(
    counts: dict[Role, int], data: st.DataObject
) -> None:
    """Whatever the cast, the votes and the suspensions."""
    cast: dict[str, list[Role]] = {
        f"{role}-{number}": [role] for role, count in counts.items() for number in range(count)
    }
    ledger = Ledger(members={"commerce": ["convener"], **cast})
    names = ["commerce", *cast]
    suspended = data.draw(st.sets(st.sampled_from(names), max_size=2))
    ballot = st.sampled_from([True, True, True, True, False, None])
    votes = {name: yes for name in names if (yes := data.draw(ballot)) is not None}
    ledger.accept("commerce", propose(set_roles(commerce=["convener", "customs", "second-holder"])))
    for name, yes in votes.items():
        ledger.accept(name, vote(yes=yes))
    for name in sorted(suspended):
        others = [other for other in names if other != name and not member_of(ledger, other).suspended]
        carry(ledger, suspend(name), name, tuple(others))
        ledger.code(others[0], enact(name))
    ledger.advance(DAY_MS)
    code = ledger.code("bank-0", enact())
    yes_votes = {name for name, yes in votes.items() if yes and not member_of(ledger, name).suspended}
    classes = [{name for name, roles in cast.items() if role in roles} for role in ("customs", "overseer")]
    enough = 4 * len(yes_votes) >= 3 * len(names)
    consent = all(2 * len(yes_votes & members) > len(members) for members in classes)
    assert code == (0 if enough and consent else Rejection.PROPOSAL_NOT_CARRIED)
    assert ("customs" in member_of(ledger, "commerce").roles) == (enough and consent)


_MEMBERS = st.sampled_from([*EVERYBODY, "new-a", "new-b", "new-c"])
_ROLES = st.lists(st.sampled_from(["bank", "customs", "overseer", "second-holder"]), max_size=2).map(sorted)
_CHANGES = st.one_of(
    st.builds(add_member, st.sampled_from(["new-a", "new-b", "new-c"]), st.sampled_from(["bank", "customs"])),
    st.builds(suspend, _MEMBERS),
    st.builds(resume, _MEMBERS),
    st.builds(
        lambda roles: {"kind": "roles", "roles": roles}, st.dictionaries(_MEMBERS, _ROLES, min_size=1, max_size=2)
    ),
    st.builds(set_parameter, st.sampled_from([one.name for one in PARAMETERS]), st.integers(-1, 40 * DAY_MS)),
    st.builds(revoke_member_key, _MEMBERS, st.sampled_from(["main", "second"])),
)


@settings(max_examples=40)
@given(st.lists(st.tuples(_CHANGES, st.sets(st.sampled_from(EVERYBODY), min_size=3)), max_size=8))
def test_whatever_is_voted_the_alliance_stays_sound(wishes: list[tuple[Wire, set[str]]]) -> None:
    """Needed roles are held, one second holder, parameters within bounds, newcomers at most a third (or one)."""
    ledger = Ledger()
    for number, (change, voters) in enumerate(wishes):
        name = str(number)
        ledger.block(ledger.envelope("commerce", propose(change, name)))
        ledger.block(*(ledger.envelope(voter, vote(name)) for voter in sorted(voters)))
        ledger.advance(DAY_MS)
        ledger.block(ledger.envelope("customs", enact(name)), ledger.envelope("bank-a", enact(name), key="second"))
        roster = ledger.must(Roster, "roster")
        members = [member_of(ledger, member) for member in roster.members]
        for role in ("bank", "customs", "overseer", "second-holder"):
            assert any(role in member.roles for member in members)
        assert sum("second-holder" in member.roles for member in members) == 1
        for one in PARAMETERS:
            assert one.lowest <= parameter_of(ledger, one.name) <= one.highest
        newcomers = {move.member for move in roster.moves}
        assert len(newcomers) <= max(1, len(members) / 3)
