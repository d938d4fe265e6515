"""What people ask about the alliance: members, charter, proposals with their tallies, the chain of operators."""

from __future__ import annotations

import pytest
from tests.modules.alliance.voting import (
    EVERYBODY,
    add_member,
    carry,
    enact,
    make,
    new_operator,
    propose,
    same_operator,
    set_parameter,
    signed_handover,
    some16,
    suspend,
    suspend_now,
    vote,
)
from tests.modules.ledger import START_MS, Ledger

from kouan.kernel.encoding import encode
from kouan.kernel.records import Charter
from kouan.kernel.registry import CHARTER_KEY, Parameter
from kouan.modules.alliance import queries
from kouan.modules.alliance.queries import Signer
from kouan.modules.alliance.records import Operator
from kouan.modules.alliance.rules import DAY_MS, PARAMETERS


def test_members_are_listed_with_those_suspended_and_those_who_joined(ledger: Ledger) -> None:
    make(ledger, add_member("bank-d", "bank"))
    suspend_now(ledger, "bank-b")
    listed = {member.id: member.suspended for member in queries.members(ledger.reader)}
    assert listed == dict.fromkeys((*EVERYBODY, "bank-d"), False) | {"bank-b": True}


def test_the_charter_is_told_with_units_bounds_and_what_is_critical(ledger: Ledger) -> None:
    make(ledger, set_parameter("provable_blocks", 300))
    rows = {row.parameter.name: row for row in queries.charter(ledger.reader, PARAMETERS)}
    assert list(rows) == [parameter.name for parameter in PARAMETERS]
    row = rows["provable_blocks"]
    assert (row.value, row.parameter.unit, row.parameter.lowest, row.critical) == (300, "blocks", 1, False)
    critical = {name for name, row in rows.items() if row.critical}
    assert critical == {name for name in rows if name.startswith("alliance.")} | {"trust_period_ms"}


def test_a_parameter_that_is_younger_than_the_charter_is_told_with_its_default(ledger: Ledger) -> None:
    younger = Parameter("younger", "ms", 7, 0, 9, "declared after the founding")
    rows = queries.charter(ledger.reader, (*PARAMETERS, younger))
    assert (rows[-1].parameter, rows[-1].value) == (younger, 7)


def test_a_charter_older_than_a_parameter_is_governed_by_its_default(ledger: Ledger) -> None:
    """Votes, notice and the power that may move are counted as ever; no node stops over it."""
    ledger.state.values[CHARTER_KEY] = encode(Charter({}, revision=0))
    make(ledger, add_member("bank-d", "bank"))
    view = queries.proposal(ledger.reader, some16("p"), ledger.time_ms)
    assert view is not None
    assert (view.state, view.tally.quorum_bp, view.enactable_from_ms) == ("enacted", 5001, START_MS + DAY_MS)


def test_a_proposal_goes_from_open_to_carried_to_enactable_to_enacted(ledger: Ledger) -> None:
    def stands(name: str = "p") -> tuple[str, int, int, int]:
        view = queries.proposal(ledger.reader, some16(name), ledger.time_ms)
        assert view is not None
        return view.state, view.tally.yes, view.tally.no, view.enactable_from_ms

    ledger.accept("bank-a", propose(set_parameter("provable_blocks", 300)))
    ledger.accept("overseer", vote(yes=False))
    assert stands() == ("open", 0, 1, 0)
    for voter in ("bank-a", "bank-b", "bank-c", "customs"):
        ledger.accept(voter, vote())
    assert stands() == ("carried", 4, 1, START_MS + DAY_MS)
    ledger.advance(DAY_MS)
    assert stands() == ("enactable", 4, 1, START_MS + DAY_MS)
    ledger.accept("bank-a", enact())
    assert stands()[0] == "enacted"
    ledger.accept("bank-a", propose(set_parameter("provable_blocks", 400), "late"))
    ledger.advance(14 * DAY_MS)
    assert stands("late")[0] == "expired"
    assert queries.proposal(ledger.reader, some16("never"), ledger.time_ms) is None


def test_a_suspension_is_enactable_as_soon_as_it_is_carried(ledger: Ledger) -> None:
    carry(ledger, suspend("bank-c"), voters=("bank-a", "bank-b", "customs"))
    view = queries.proposal(ledger.reader, some16("p"), ledger.time_ms)
    assert view is not None
    assert (view.state, view.enactable_from_ms, view.tally.electorate) == ("enactable", START_MS, 5)


def test_a_tally_names_the_classes_whose_consent_is_missing(ledger: Ledger) -> None:
    carry(ledger, set_parameter("alliance.quorum_bp", 6000), voters=("bank-a", "customs"))
    view = queries.proposal(ledger.reader, some16("p"), ledger.time_ms)
    assert view is not None
    assert view.tally.consents == {"customs": True, "overseer": False}
    assert (view.tally.quorum_bp, view.tally.electorate) == (7500, 6)


def test_proposals_are_listed_latest_first(ledger: Ledger) -> None:
    assert list(queries.proposals(ledger.reader, ledger.time_ms)) == []
    for number, name in enumerate("abc"):
        ledger.accept("bank-a", propose(set_parameter("provable_blocks", 300 + number), name))
    listed = [view.proposal.id for view in queries.proposals(ledger.reader, ledger.time_ms)]
    assert listed == [some16(name) for name in "cba"]


def test_the_signer_of_a_height_follows_the_handovers(ledger: Ledger) -> None:
    founder = ledger.must(Operator, "operator").public
    change, raised = new_operator("next"), same_operator(1)
    carry(ledger, raised, "raised")
    ledger.accept("bank-a", enact("raised", signed_handover(ledger, raised, ledger.height + 10)))
    first = ledger.height + 9
    change["incarnation"] = 1
    carry(ledger, change, "next")
    ledger.advance(DAY_MS)
    second = ledger.height + 10
    ledger.accept("bank-a", enact("next", signed_handover(ledger, change, second)))
    chain = queries.handovers(ledger.reader)
    assert [handover.from_height for handover in chain] == [first, second]
    signers = [queries.signer_at(founder, chain, height) for height in (first - 1, first, second - 1, second)]
    assert signers == [Signer(founder, 0), Signer(founder, 1), Signer(founder, 1), Signer(str(change["public"]), 1)]


def test_a_state_without_what_the_founding_put_there_stops_the_node(ledger: Ledger) -> None:
    del ledger.state.values["roster"]
    with pytest.raises(AssertionError, match="nothing at roster"):
        queries.members(ledger.reader)
