"""A member's own keys, enterprises it onboards, and what happens when a key is stolen or all are lost."""

from __future__ import annotations

import pytest
from tests.modules.alliance.voting import (
    EVERYBODY,
    add_member,
    add_member_key,
    carry,
    enact,
    make,
    member_of,
    new_key,
    propose,
    revoke,
    revoke_member_key,
    set_parameter,
    some32,
    suspend_now,
    vote,
)
from tests.modules.ledger import START_MS, Ledger, public_of, seed_of

from kouan.kernel.encoding import Bytes16, to_text
from kouan.kernel.records import Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.suites import public_key
from kouan.modules.alliance.records import Enterprise, enterprise_key
from kouan.modules.alliance.rules import DAY_MS, good_keys


class Service(Record, frozen=True):
    """Stands for a repayment: what a member does with what it has."""

    loan: Bytes16


class Start(Record, frozen=True):
    """Stands for a hold: what begins something new."""

    loan: Bytes16


def nothing(_: Context, __: object) -> Refusal | None:
    return None


STUBS = (
    Command("stub.service/1", Service, nothing, frozenset({"bank"}), starts=False),
    Command("stub.start/1", Start, nothing, frozenset({"bank"}), starts=True),
)
SERVICE = Service("AAAAAAAAAAAAAAAAAAAAAA")
START = Start("AAAAAAAAAAAAAAAAAAAAAA")


def code_of_envelope(ledger: Ledger, member: str, key: str) -> int:
    receipt = ledger.block(ledger.envelope(member, revoke("none"), key=key))[0]
    return int(receipt["code"])


def hold_key(ledger: Ledger, member: str, key: str) -> None:
    ledger.seeds[f"{member}/{key}"] = seed_of(member, key)


def test_a_new_key_signs_from_then_on(ledger: Ledger) -> None:
    hold_key(ledger, "bank-a", "third")
    assert code_of_envelope(ledger, "bank-a", "third") == Rejection.ENVELOPE_UNKNOWN_SIGNER
    ledger.accept("bank-a", new_key(ledger, "bank-a", "third"))
    assert code_of_envelope(ledger, "bank-a", "third") == 0


def test_rotating_brings_the_new_key_in_and_the_old_one_out_in_one_step(ledger: Ledger) -> None:
    hold_key(ledger, "bank-a", "third")
    ledger.accept("bank-a", new_key(ledger, "bank-a", "third", "rotate-key", old="main"))
    assert good_keys(member_of(ledger, "bank-a")) == ["second", "third"]
    assert member_of(ledger, "bank-a").keys["main"].revoked_ms == START_MS
    assert code_of_envelope(ledger, "bank-a", "main") == Rejection.ENVELOPE_REVOKED_KEY
    assert code_of_envelope(ledger, "bank-a", "third") == 0


def test_the_ledger_notes_when_a_key_came(ledger: Ledger) -> None:
    """Those of the founding document were always there; a newcomer's and the alliance's own count from the block."""
    assert member_of(ledger, "bank-a").keys["main"].added_ms == 0
    ledger.advance(7)
    ledger.accept(
        "bank-a", new_key(ledger, "bank-a", "third"), new_key(ledger, "bank-a", "fourth", "rotate-key", old="main")
    )
    added = {name: key.added_ms for name, key in member_of(ledger, "bank-a").keys.items()}
    assert added == {"main": 0, "second": 0, "third": START_MS + 7, "fourth": START_MS + 7}


@pytest.mark.parametrize("key", ["main", "revoked"])
def test_the_alliance_gives_nobody_anothers_key(ledger: Ledger, key: str) -> None:
    """Neither a good one nor one that was revoked: it would sign for two members."""
    ledger.accept("bank-b", new_key(ledger, "bank-b", "revoked"), revoke("revoked"))
    taken = public_of("bank-b", key)
    assert ledger.code("bank-c", propose(add_member("new", "bank", public=taken))) == Rejection.KEY_PUBLIC_IN_USE
    for name in ("main", "second"):
        carry(ledger, revoke_member_key("bank-a", name), name, tuple(one for one in EVERYBODY if one != "bank-a"))
        ledger.accept("bank-b", enact(name))
    assert ledger.code("bank-c", propose(add_member_key("bank-a", "third", taken))) == Rejection.KEY_PUBLIC_IN_USE


def test_a_refused_rotation_leaves_the_old_key_good(ledger: Ledger) -> None:
    command = new_key(ledger, "bank-a", "second", "rotate-key", old="main")
    assert ledger.code("bank-a", command) == Rejection.KEY_NAME_TAKEN
    assert good_keys(member_of(ledger, "bank-a")) == ["main", "second"]


def test_the_only_good_key_can_be_rotated_but_not_revoked(ledger: Ledger) -> None:
    ledger.accept("bank-a", revoke("second"))
    assert ledger.code("bank-a", revoke("main")) == Rejection.KEY_LAST
    ledger.accept("bank-a", new_key(ledger, "bank-a", "third", "rotate-key", old="main"))
    assert good_keys(member_of(ledger, "bank-a")) == ["third"]


def test_two_revocations_in_one_envelope_do_not_revoke_the_last_key(ledger: Ledger) -> None:
    results = ledger.send("bank-a", revoke("second"), revoke("main"))
    assert [result["code"] for result in results] == [0, Rejection.KEY_LAST]


def test_a_key_is_not_taken_on_anothers_word(ledger: Ledger) -> None:
    """The possession covers alliance, member and name: a signature for another member does not serve."""
    stolen = new_key(ledger, "bank-b", "third")
    assert ledger.code("bank-a", stolen) == Rejection.KEY_BAD_SIGNATURE
    renamed = new_key(ledger, "bank-a", "third") | {"key": "fourth"}
    assert ledger.code("bank-a", renamed) == Rejection.KEY_BAD_SIGNATURE


def test_loans_stay_serviceable_after_any_change_of_keys() -> None:
    ledger = Ledger(STUBS)
    hold_key(ledger, "bank-a", "third")
    ledger.accept("bank-a", new_key(ledger, "bank-a", "third", "rotate-key", old="main"))
    assert ledger.code("bank-a", SERVICE, key="third") == 0
    ledger.accept("bank-a", revoke("second"), key="third")
    assert ledger.code("bank-a", SERVICE, key="third") == 0


def test_a_suspended_member_starts_nothing_new_but_services_what_it_has_and_mends_its_keys() -> None:
    ledger = Ledger(STUBS)
    suspend_now(ledger, "bank-a")
    assert ledger.code("bank-a", START) == Rejection.MEMBER_SUSPENDED
    assert ledger.code("bank-a", propose(set_parameter("provable_blocks", 300))) == Rejection.MEMBER_SUSPENDED
    assert ledger.code("bank-a", vote("suspension")) == Rejection.MEMBER_SUSPENDED
    assert ledger.code("bank-a", SERVICE) == 0
    ledger.accept("bank-a", new_key(ledger, "bank-a", "third", "rotate-key", old="main"))


def test_the_alliance_revokes_a_stolen_key_at_once_even_the_last_one(ledger: Ledger) -> None:
    ledger.accept("bank-a", revoke("second"))
    carry(ledger, revoke_member_key("bank-a", "main"), voters=("bank-b", "bank-c", "customs"))
    assert ledger.code("bank-b", enact()) == 0
    assert good_keys(member_of(ledger, "bank-a")) == []
    assert code_of_envelope(ledger, "bank-a", "main") == Rejection.ENVELOPE_REVOKED_KEY


def test_whoever_holds_the_stolen_key_has_no_vote_on_its_revocation(ledger: Ledger) -> None:
    ledger.accept("bank-b", propose(revoke_member_key("bank-a", "main")))
    assert ledger.code("bank-a", vote(yes=False)) == Rejection.VOTE_CONCERNED


def test_a_member_without_a_good_key_gets_a_new_one_and_services_its_loans() -> None:
    ledger = Ledger(STUBS)
    for key in ("main", "second"):
        carry(ledger, revoke_member_key("bank-a", key), key, ("bank-b", "bank-c", "customs"))
        ledger.accept("bank-b", enact(key))
    hold_key(ledger, "bank-a", "third")
    public = to_text(public_key(seed_of("bank-a", "third")))
    voters = ("bank-b", "bank-c", "customs", "overseer")
    carry(ledger, add_member_key("bank-a", "third", public), "new", voters)
    assert ledger.code("bank-b", enact("new")) == Rejection.PROPOSAL_TOO_EARLY
    ledger.advance(DAY_MS)
    ledger.accept("bank-b", enact("new"))
    assert ledger.code("bank-a", SERVICE, key="third") == 0


@pytest.mark.parametrize(
    ("voters", "carried"),
    [
        (("bank-a", "bank-b", "bank-c", "commerce", "overseer"), True),
        (("bank-a", "bank-b", "bank-c", "overseer"), False),  # four fifths, but not everybody else
    ],
)
def test_the_only_member_of_a_class_gets_a_new_key_only_when_everybody_else_agrees(
    ledger: Ledger, voters: tuple[str, ...], *, carried: bool
) -> None:
    for key in ("main", "second"):
        carry(ledger, revoke_member_key("customs", key), key, ("bank-a", "bank-b", "bank-c"))
        ledger.accept("bank-a", enact(key))
    carry(ledger, add_member_key("customs", "third", some32("third")), "new", voters)
    ledger.advance(DAY_MS)
    assert ledger.code("bank-a", enact("new")) == (0 if carried else Rejection.PROPOSAL_NOT_CARRIED)


def test_an_enterprise_is_onboarded_with_who_when_and_why_its_code_was_taken(ledger: Ledger) -> None:
    commitment = some32("trader")
    onboard = {"type": "alliance.onboard/1", "commitment": commitment, "override": "certificate-seen"}
    ledger.accept("commerce", onboard)
    enterprise = ledger.must(Enterprise, enterprise_key(commitment))
    assert enterprise == Enterprise("commerce", commitment, START_MS, "certificate-seen")
    assert ledger.send("bank-a", onboard) == [{"at": commitment, "code": Rejection.ENTERPRISE_ONBOARDED}]


def test_an_override_without_a_known_reason_is_refused(ledger: Ledger) -> None:
    onboard = {"type": "alliance.onboard/1", "commitment": some32("trader"), "override": "because"}
    assert ledger.code("bank-a", onboard) == Rejection.COMMAND_MALFORMED


def test_making_a_change_reports_whose_key_it_is_about(ledger: Ledger) -> None:
    make(ledger, set_parameter("provable_blocks", 300))
    result = ledger.send("bank-a", revoke("never"))
    assert result == [{"at": "never", "code": Rejection.KEY_UNKNOWN}]
