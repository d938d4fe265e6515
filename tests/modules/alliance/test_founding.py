"""The founding document: what founds an alliance, and what is refused with the field's name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.modules.alliance.voting import UNSOUND, some32
from tests.modules.ledger import MEMBERS, START_MS, Ledger, founding_of, public_of

from kouan.kernel.encoding import EncodingError, decode, encode
from kouan.kernel.records import Charter, Key, Member
from kouan.kernel.suites import SUITE
from kouan.modules.alliance.founding import (
    Founding,
    FoundingError,
    FoundingKey,
    alliance_id,
    genesis,
)
from kouan.modules.alliance.founding_rules import check
from kouan.modules.alliance.records import Operator, Roster
from kouan.modules.alliance.rules import PARAMETERS
from kouan.modules.alliance.trust import read_trust_file, trust_file

SOUND = founding_of(PARAMETERS)


def with_member(member: str, **fields: Any) -> Founding:
    members = [replace(one, **fields) if one.id == member else one for one in SOUND.members]
    return replace(SOUND, members=members)


def with_roles(**roles: list[str]) -> Founding:
    document = SOUND
    for member, theirs in roles.items():
        members = [replace(one, roles=theirs) if one.id == member else one for one in document.members]
        document = replace(document, members=members)
    return document


def test_the_state_at_height_zero_holds_charter_members_operator_and_roster() -> None:
    ledger = Ledger()
    assert ledger.must(Charter, "charter") == Charter({one.name: one.default for one in PARAMETERS}, 0)
    assert ledger.must(Operator, "operator") == Operator(0, 0, SOUND.operator)
    assert ledger.must(Roster, "roster") == Roster(None, sorted(MEMBERS), [])
    bank = ledger.must(Member, "member/bank-a")
    assert bank.keys["main"] == Key(0, public_of("bank-a"), 0, SUITE)
    assert (bank.roles, bank.suspended) == (["bank"], False)


def test_the_second_holder_gets_its_role_and_nobody_else_does() -> None:
    ledger = Ledger()
    holders = [name for name in MEMBERS if "second-holder" in ledger.must(Member, f"member/{name}").roles]
    assert holders == ["commerce"]
    assert ledger.must(Member, "member/commerce").roles == ["convener", "operator", "second-holder"]


def test_one_bank_and_one_authority_are_enough() -> None:
    ledger = Ledger(members={"bank": ["bank"], "customs": ["customs", "overseer"]})
    assert ledger.must(Member, "member/bank").roles == ["bank", "second-holder"]


def test_every_word_of_the_document_goes_into_the_alliance_id() -> None:
    others = [
        replace(SOUND, founded_ms=START_MS + 1),
        replace(SOUND, nonce="AQAAAAAAAAAAAAAAAAAAAA"),
        replace(SOUND, second_holder="bank-a"),
        with_member("bank-a", sealing=some32("other")),
    ]
    assert len({alliance_id(document) for document in (SOUND, *others)}) == len(others) + 1


def test_a_trust_file_reads_back_as_the_document_it_was_made_of() -> None:
    assert read_trust_file(trust_file(SOUND)) == SOUND
    assert read_trust_file(trust_file(SOUND) + b"\n") == SOUND


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (replace(SOUND, suite="sm2-sm3-sm4"), "suite: must be ed25519-sha256"),
        (replace(SOUND, charter=SOUND.charter | {"x.y": 1}), "charter.x.y: is not a parameter"),
        (
            replace(SOUND, charter={name: value for name, value in SOUND.charter.items() if name != "provable_blocks"}),
            "charter.provable_blocks: is missing; 1 to 100000 blocks, 256 by default",
        ),
        (
            replace(SOUND, charter=SOUND.charter | {"alliance.critical_quorum_bp": 7499}),
            "charter.alliance.critical_quorum_bp: is 7499; must be 7500 to 10000 basis points",
        ),
        (
            replace(SOUND, charter=SOUND.charter | {"alliance.delay_ms": 86_399_999}),
            "charter.alliance.delay_ms: is 86399999; must be 86400000 to",
        ),
        (replace(SOUND, charter=SOUND.charter | {"alliance.power_bp_per_period": 3334}), "power_bp_per_period"),
        (replace(SOUND, operator=UNSOUND), "operator: is a point of small order"),
        (replace(SOUND, members=[*SOUND.members, SOUND.members[0]]), "members: the member bank-a is there twice"),
        (replace(SOUND, second_holder="nobody"), "second_holder: nobody is not one of the members"),
        (
            with_member("bank-a", keys={"main": FoundingKey(public_of("bank-a"), "sm2")}),
            "members.bank-a.keys.main.suite: must be ed25519-sha256",
        ),
        (
            with_member("bank-a", keys={"main": FoundingKey(UNSOUND, SUITE)}),
            "members.bank-a.keys.main.public: is a point of small order",
        ),
        (with_member("bank-a", keys={}), "length >= 1"),
        (with_member("bank-a", sealing=UNSOUND), "members.bank-a.sealing: is a point of small order"),
        (with_roles(overseer=["overseer", "second-holder"]), "members.overseer.roles: second-holder is given by"),
        (with_roles(commerce=["operator", "convener"]), "members.commerce.roles: must be sorted"),
        (with_roles(customs=["customs", "customs"]), "members.customs.roles: must be sorted and each named once"),
        (with_roles(customs=["bank", "customs"]), "members.customs.roles: one member cannot be both bank and customs"),
        (with_roles(overseer=["bank", "overseer"]), "one member cannot be both bank and overseer"),
        (replace(SOUND, second_holder="overseer"), "one member cannot be both overseer and second-holder"),
        (with_roles(customs=["king"]), "Invalid enum value 'king'"),
        (with_roles(customs=[]), "members: none has the role customs"),
        (with_roles(overseer=[]), "members: none has the role overseer"),
        (with_roles(**{"bank-a": [], "bank-b": [], "bank-c": []}), "members: none has the role bank"),
        (
            with_member("bank-a", keys={"main": FoundingKey(public_of("bank-b"), SUITE)}),
            f"members: the public key {public_of('bank-b')} is there twice",
        ),
        (replace(SOUND, members=[]), "length >= 1"),
        (replace(SOUND, name="Shanghai"), "name"),
        (replace(SOUND, founded_ms=0), "founded_ms"),
        (replace(SOUND, name="é"), "printable ASCII"),
    ],
)
def test_what_cannot_found_an_alliance_is_refused_with_the_field(document: Founding, message: str) -> None:
    with pytest.raises(FoundingError) as caught:
        check(document, PARAMETERS)
    assert message in str(caught.value)


def test_a_parameter_that_another_module_declares_must_be_there_too() -> None:
    more = (*PARAMETERS, PARAMETERS[0]._replace(name="customs.ratio_bp.0110"))
    with pytest.raises(FoundingError, match=r"charter\.customs\.ratio_bp\.0110: is missing"):
        check(SOUND, more)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format":"kouan/trust/2","founding":null}',
        trust_file(SOUND)[:-1],
        trust_file(SOUND).replace(b'"format"', b' "format"'),
        trust_file(SOUND).replace(b"embedded", b"cometbft"),
        encode(SOUND),
    ],
)
def test_what_is_not_a_trust_file_is_refused(data: bytes) -> None:
    with pytest.raises(FoundingError, match="not a trust file"):
        read_trust_file(data)


@given(st.binary(max_size=200) | st.integers(0, 1500).map(lambda at: trust_file(SOUND)[:at] + b"0"))
def test_no_bytes_make_reading_a_trust_file_fail_in_another_way(data: bytes) -> None:
    with pytest.raises(FoundingError):
        read_trust_file(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**53 - 1) | st.text(st.characters(max_codepoint=126), max_size=44),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(Founding.__struct_fields__)), _JSON)
def test_any_value_in_any_field_founds_an_alliance_or_is_refused(field: str, value: Any) -> None:
    plain = decode(trust_file(SOUND))
    plain["founding"][field] = value
    try:
        founding = read_trust_file(encode(plain))
        check(founding, PARAMETERS)
    except FoundingError:
        return
    except EncodingError:
        pytest.fail("an encoding error must not leak")
    records = genesis(founding)
    for key, raw in records:
        assert encode(decode(raw)) == raw, key
    assert msgspec.json.decode(dict(records)["roster"], type=Roster).members
