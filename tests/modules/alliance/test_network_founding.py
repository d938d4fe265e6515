"""Founding a network: what its document must say, and whose signatures its trust file must bear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.modules.alliance.network import POWERS, consensus_public, consensus_seed, network_founding, signatures
from tests.modules.alliance.voting import UNSOUND
from tests.modules.ledger import MemoryState, founding_of, public_of, seed_of

from kouan import bootstrap
from kouan.kernel.encoding import decode, encode
from kouan.kernel.execution import found
from kouan.modules.alliance.founding import (
    FoundingError,
    FoundingValidator,
    NetworkFounding,
    alliance_id,
    genesis,
)
from kouan.modules.alliance.founding_rules import check
from kouan.modules.alliance.records import Validator, Validators
from kouan.modules.alliance.rules import PARAMETERS
from kouan.modules.alliance.trust import (
    FoundingSignature,
    network_trust_file,
    read_network_trust,
    read_trust_file,
    sign_founding,
    unsigned,
)

VECTORS = Path(__file__).parents[3] / "vectors"
SOUND = network_founding()
SIGNATURES = signatures(SOUND)
FILE = network_trust_file(SOUND, SIGNATURES)


def with_validator(member: str, power: int, public: str) -> NetworkFounding:
    return replace(SOUND, validators=SOUND.validators | {member: FoundingValidator(power, public)})


def test_the_state_at_height_zero_holds_validators_and_no_operator() -> None:
    check(SOUND, PARAMETERS)
    records = dict(genesis(SOUND))
    assert decode(records["validators"]) == decode(
        encode(Validators([], {name: Validator(10, consensus_public(name), 0) for name in POWERS}, []))
    )
    assert "operator" not in records
    alone = dict(genesis(founding_of(PARAMETERS)))
    assert "validators" not in alone
    assert {key: raw for key, raw in records.items() if key != "validators"} == {
        key: raw for key, raw in alone.items() if key != "operator"
    }


def test_one_operator_s_ledger_begins_as_it_did_before_there_were_networks() -> None:
    """The root is that of the version before, for the trust file of the vectors."""
    alone = read_trust_file((VECTORS / "proof" / "alliance.json").read_bytes())
    root = found(MemoryState(), genesis(alone)).state_root
    assert root.hex() == "4201fc3d70b90f6f2dce4ee4dfa6b210c4b763aea2af70768b8d0369703c4a4a"


def test_a_ledger_of_either_kind_begins_with_its_genesis() -> None:
    network, alone = bootstrap.ledger_of(SOUND), bootstrap.ledger_of(founding_of(PARAMETERS))
    assert (network.alliance, network.operator) == (alliance_id(SOUND), None)
    assert (network.genesis, network.keep_versions) == (genesis(SOUND), alone.keep_versions)
    assert alone.operator is not None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (replace(SOUND, validators={}), "length >= 1"),
        (with_validator("nobody", 10, consensus_public("nobody")), "validators.nobody: nobody is not one of"),
        (with_validator("bank-a", 0, consensus_public("bank-a")), ">= 1"),
        (with_validator("bank-a", 1_000_001, consensus_public("bank-a")), "<= 1000000"),
        (with_validator("bank-a", 10, UNSOUND), "validators.bank-a.public: is a point of small order"),
        (with_validator("bank-a", 10, consensus_public("bank-b")), f"{consensus_public('bank-b')} is there twice"),
        (with_validator("bank-a", 10, public_of("bank-a")), f"{public_of('bank-a')} is there twice"),
        (replace(SOUND, second_holder="nobody"), "second_holder: nobody is not one of the members"),
    ],
)
def test_what_cannot_found_a_network_is_refused_with_the_field(document: NetworkFounding, message: str) -> None:
    with pytest.raises(FoundingError) as caught:
        check(document, PARAMETERS)
    assert message in str(caught.value)


def test_a_file_that_every_member_signed_reads_back() -> None:
    assert read_trust_file(FILE) == SOUND
    by_second = signatures(SOUND, customs=seed_of("customs", "second"))
    assert by_second["customs"].key == "second"
    assert read_trust_file(network_trust_file(SOUND, by_second) + b"\n") == SOUND


def test_the_signatures_stand_outside_the_alliance_s_id() -> None:
    assert alliance_id(read_network_trust(network_trust_file(SOUND, {})).founding) == alliance_id(SOUND)


def test_while_it_is_being_signed_the_file_tells_who_is_missing() -> None:
    some = {name: one for name, one in SIGNATURES.items() if name not in ("customs", "bank-c")}
    draft = network_trust_file(SOUND, some)
    assert unsigned(read_network_trust(draft)) == ["bank-c", "customs"]
    with pytest.raises(FoundingError, match=r"signatures\.bank-c: is missing"):
        read_trust_file(draft)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"customs": SIGNATURES["overseer"]}, r"signatures\.customs\.signature: is not by customs's key main"),
        ({"customs": replace(SIGNATURES["customs"], key="second")}, r"signatures\.customs\.signature: is not by"),
        (
            {"customs": replace(SIGNATURES["customs"], key="third")},
            r"customs\.key: customs has no founding key third",
        ),
        ({"nobody": SIGNATURES["customs"]}, "members: nobody is not one of them"),
    ],
)
def test_a_signature_that_does_not_hold_is_named(changed: dict[str, FoundingSignature], message: str) -> None:
    with pytest.raises(FoundingError, match=message):
        read_trust_file(network_trust_file(SOUND, SIGNATURES | changed))


def test_signatures_of_another_document_do_not_hold() -> None:
    with pytest.raises(FoundingError, match=r"signatures\.bank-a\.signature"):
        read_trust_file(network_trust_file(replace(SOUND, founded_ms=SOUND.founded_ms + 1), SIGNATURES))


def test_only_a_founding_key_of_the_member_signs() -> None:
    with pytest.raises(FoundingError, match=r"members\.customs\.keys: the key .* is not among them"):
        sign_founding(SOUND, "customs", consensus_seed("customs"))
    with pytest.raises(FoundingError, match="members: nobody is not one of them"):
        sign_founding(SOUND, "nobody", seed_of("customs"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"format":"kouan/trust/2"}',
        FILE.replace(b"kouan/trust/2", b"kouan/trust/1"),
        FILE.replace(b"kouan/trust/2", b"kouan/trust/3"),
        FILE.replace(b'"cometbft"', b'"embedded"'),
        FILE.replace(b'"power":10', b'"power":-1', 1),
        FILE.replace(b'"power":10', b'"power":1e1', 1),
        FILE[:-1],
        encode({"format": "kouan/trust/2", "founding": founding_of(PARAMETERS), "signatures": {}}),
    ],
)
def test_what_is_not_a_network_s_trust_file_is_refused(data: bytes) -> None:
    for read in (read_trust_file, read_network_trust):
        with pytest.raises(FoundingError, match="not a trust file"):
            read(data)


@given(st.integers(0, len(FILE) - 1), st.integers(0, 255))
def test_no_byte_of_the_file_can_be_another(at: int, byte: int) -> None:
    """Whatever is changed, the file is refused or says the same."""
    try:
        assert read_trust_file(FILE[:at] + bytes([byte]) + FILE[at + 1 :]) == SOUND
    except FoundingError:
        return


_JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=44) | st.lists(st.integers(), max_size=2)


@given(st.sampled_from(sorted(NetworkFounding.__struct_fields__)), _JSON)
def test_any_value_in_any_field_of_a_draft_founds_a_network_or_is_refused(field: str, value: Any) -> None:
    plain = decode(FILE)
    plain["founding"][field] = value
    try:
        founding = read_network_trust(encode(plain)).founding
        check(founding, PARAMETERS)
    except FoundingError:
        return
    assert genesis(founding)
