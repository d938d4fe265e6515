"""``kouan member`` on a ledger that members run together: its validators, evidence, protocol versions, the skip list.

The ledger is executed by one process here; who reaches it, and how, is shown elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.conftest import Kouan, Ran, one_line
from tests.modules.ledger import MemoryState

from kouan import bootstrap
from kouan.client.places import MAIN_KEY, member_home
from kouan.engines.cometbft.node.keys import read_public
from kouan.engines.embedded import Embedded, Ledger
from kouan.engines.port import Engine
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.execution import Block, Evidence
from kouan.kernel.headers import address_of
from kouan.kernel.state import State
from kouan.kernel.suites import digest, public_key
from kouan.modules.alliance import offences
from kouan.modules.alliance.founding import AnyFounding, Founding, FoundingValidator, NetworkFounding
from kouan.modules.alliance.trust import network_trust_file, sign_founding

DAY_MS = 24 * 3_600_000
RUN_BY = ("bank-of-huangpu", "commerce-commission", "peoples-bank", "shanghai-customs")
EVERYBODY = (*RUN_BY, "pudong-harbour-bank", "suzhou-creek-bank", "wusong-trade-bank")
ENVELOPE = to_text(digest("test/envelope"))


def consensus_public(member: str) -> str:
    return to_text(public_key(digest("test/consensus", member.encode())))


def network_of(port: Path) -> NetworkFounding:
    """The same members' document, by which they run the ledger together; everybody signed it."""
    alone = bootstrap.read_founding(port)
    assert isinstance(alone, Founding)
    fields = {name: getattr(alone, name) for name in alone.__struct_fields__ if name not in {"engine", "operator"}}
    validators = {member: FoundingValidator(10, consensus_public(member)) for member in RUN_BY}
    founding = NetworkFounding(engine="cometbft", validators=validators, **fields)
    seeds = {one.id: member_home(port, one.id).keys.signing_seeds[MAIN_KEY] for one in founding.members}
    signatures = {member: sign_founding(founding, member, seed) for member, seed in seeds.items()}
    (port / bootstrap.TRUST_FILE).write_bytes(network_trust_file(founding, signatures))
    return founding


class Clock:
    """Time that the test lets pass."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self._now_ms = bootstrap.now_ms

    def __call__(self) -> int:
        return self._now_ms() + self.ahead_ms


@pytest.fixture
def clock(port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The port is a network's, and its ledger is reached without any node."""
    founding, clock = network_of(port), Clock()

    @contextmanager
    def connect(_port: Path, *_: Any, **__: Any) -> Iterator[Engine]:
        ledger = bootstrap.ledger_of(founding)
        with closing(Embedded(tmp_path / "network", ledger, clock)) as engine:
            yield engine

    monkeypatch.setattr(bootstrap, "connect", connect)
    monkeypatch.setattr(bootstrap, "now_ms", clock)
    return clock


def enacted(kouan: Kouan, clock: Clock, *change: str) -> Ran:
    """Propose a change, let everybody vote for it, wait and enact it."""
    proposed = kouan("member", "propose", *change, "--as", "peoples-bank", "--json")
    assert proposed.code == 0, proposed.err
    proposal = proposed.json["proposal"]
    for member in EVERYBODY:
        assert kouan("member", "vote", proposal, "--yes", "--as", member).code == 0
    clock.ahead_ms += DAY_MS
    return kouan("member", "enact", proposal, "--as", "peoples-bank")


def rows(kouan: Kouan) -> dict[str, Any]:
    return {row["member"]: row for row in kouan("member", "validators", "--json").json["validators"]}


def test_validators_are_listed_with_power_share_and_key(kouan: Kouan, clock: Clock) -> None:
    assert clock.ahead_ms == 0
    listed = kouan("member", "validators").out
    assert "25.00 %" in listed
    assert consensus_public("peoples-bank") in listed
    assert "黄浦银行" in kouan("member", "validators", "--lang", "zh").out
    assert "no evidence" in kouan("member", "evidence").out


def test_one_operator_s_ledger_has_no_validators(kouan: Kouan) -> None:
    assert "one operator" in kouan("member", "validators").out
    public = consensus_public("bank-of-huangpu")
    refused = kouan(*f"member propose validator bank-of-huangpu 1 --public {public} --as peoples-bank".split())
    assert "118 LEDGER_HAS_NO_VALIDATORS" in refused.err


def test_members_vote_a_validator_in_and_the_share_follows(kouan: Kouan, clock: Clock) -> None:
    public = consensus_public("wusong-trade-bank")
    ran = enacted(kouan, clock, "validator", "wusong-trade-bank", "10", "--public", public)
    assert ran.code == 0, ran.err
    assert (rows(kouan)["wusong-trade-bank"]["power"], rows(kouan)["peoples-bank"]["share_bp"]) == (10, 2000)
    too_fast = enacted(kouan, clock, "validator", "wusong-trade-bank", "20")
    assert "150 POWER_MOVED_TOO_FAST" in too_fast.err
    listed = kouan("member", "proposals").out
    assert "validator member wusong-trade-bank, power 20" in listed
    assert "None" not in listed


def test_a_member_rotates_its_own_validator_s_key(kouan: Kouan, clock: Clock, tmp_path: Path) -> None:
    assert clock.ahead_ms == 0
    file = tmp_path / "new-key.json"
    ran = kouan("member", "rotate-validator-key", file, "--as", "bank-of-huangpu", "--json")
    assert ran.code == 0, ran.err
    public = ran.json["public"]
    assert rows(kouan)["bank-of-huangpu"]["public"] == public
    assert to_text(read_public(file)) == public
    assert file.stat().st_mode & 0o077 == 0
    one_line(kouan("member", "rotate-validator-key", file, "--as", "bank-of-huangpu"), "FILE", "another file")


def test_a_refused_rotation_leaves_no_key_behind(kouan: Kouan, clock: Clock, tmp_path: Path) -> None:
    assert clock.ahead_ms == 0
    file = tmp_path / "new-key.json"
    refused = kouan("member", "rotate-validator-key", file, "--as", "suzhou-creek-bank")
    assert "130 VALIDATOR_UNKNOWN" in refused.err
    assert not file.exists()


def test_evidence_is_seen_with_its_reason(kouan: Kouan, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    accused = address_of(from_text(consensus_public("bank-of-huangpu")))
    plain = bootstrap.ledger_of

    def with_evidence(founding: AnyFounding) -> Ledger:
        """A ledger that begins as it is after a block with evidence: the consensus engine would bring it."""
        ledger, before = plain(founding), MemoryState()
        before.values.update(ledger.genesis)
        state = State(before)
        proof = Evidence(accused, 1, "duplicate-vote", 10, clock())
        offences.begin(state, Block(ledger.alliance, 1, clock(), [], evidence=(proof,)))
        state.keep()
        return ledger._replace(genesis=list((before.values | dict(state.writes())).items()))

    monkeypatch.setattr(bootstrap, "ledger_of", with_evidence)
    assert "signed two votes" in kouan("member", "evidence").out
    listed = rows(kouan)["bank-of-huangpu"]
    assert (listed["power"], listed["offence"]["height"]) == (0, 1)
    assert "在同一轮中签署了两票" in kouan("member", "validators", "--lang", "zh").out


def test_a_protocol_version_is_proposed_for_a_block(kouan: Kouan, clock: Clock) -> None:
    assert clock.ahead_ms == 0
    near = kouan(*["member", "propose", "protocol", "2", "50", "--as", "peoples-bank"])
    assert "136 PROTOCOL_BAD_HEIGHT" in near.err
    assert "135 PROTOCOL_NOT_NEXT" in kouan(*["member", "propose", "protocol", "3", "5000", "--as", "peoples-bank"]).err
    assert kouan(*["member", "propose", "protocol", "2", "5000", "--as", "peoples-bank"]).code == 0
    assert kouan("member", "protocol", "--json").json == {
        "known": bootstrap.PROTOCOL,
        "version": 1,
        "next_version": 0,
        "from_height": 0,
    }
    one_line(kouan(*["member", "propose", "operator", "--incarnation", "1", "--as", "peoples-bank"]), "validator")


def test_a_version_that_is_agreed_on_is_shown_with_what_to_do(kouan: Kouan, clock: Clock) -> None:
    assert enacted(kouan, clock, "protocol", "2", "5000").code == 0
    shown = kouan("member", "protocol")
    assert "2, from block 5,000" in shown.out
    assert "too old" in shown.out
    assert "版本过旧" in kouan("member", "protocol", "--lang", "zh").out


def sign(kouan: Kouan, file: Path, members: Sequence[str], *envelopes: str) -> None:
    for number, member in enumerate(members):
        ran = kouan("member", "skip-sign", file, *(envelopes if not number else ()), "--as", member)
        assert ran.code == 0, ran.err


def test_a_skip_list_goes_from_hand_to_hand_until_it_counts(kouan: Kouan, clock: Clock, tmp_path: Path) -> None:
    assert clock.ahead_ms == 0
    file = tmp_path / "skip.json"
    sign(kouan, file, RUN_BY[:2], ENVELOPE)
    early = kouan("member", "skip-check", file)
    assert early.code == 1
    assert "20/40" in early.out
    sign(kouan, file, RUN_BY[2:3])
    for judged in (kouan("member", "skip-check", file, "--json"), kouan(*["member", "skip-check", file, "--founding"])):
        assert judged.code == 0, judged.err
    document = kouan("member", "skip-check", file, "--json").json
    assert document == {"counts": True, "envelopes": [ENVELOPE], "signed": 30, "total": 40}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["skip-sign", "none.json"], ("ENVELOPE", "name the envelopes")),
        (["skip-sign", "none.json", "short"], ("ENVELOPE", "43 characters")),
        (["skip-sign", "signed.json", to_text(bytes(32))], ("ENVELOPE", "names other envelopes")),
        (["skip-sign", "signed.json", "--key", "none"], ("--key", "no key")),
        (["skip-sign", "other.json"], ("FILE", "is for the alliance")),
        (["skip-sign", "damaged.json"], ("not a skip list",)),
    ],
)
def test_what_cannot_be_signed_is_named(
    kouan: Kouan, clock: Clock, arguments: list[str], parts: tuple[str, ...]
) -> None:
    assert clock.ahead_ms == 0
    sign(kouan, Path("signed.json"), RUN_BY[:1], ENVELOPE)
    other = msgspec.json.decode(Path("signed.json").read_bytes()) | {"alliance": to_text(bytes(32))}
    Path("other.json").write_bytes(msgspec.json.encode(other, order="sorted"))
    Path("damaged.json").write_bytes(os.urandom(20))
    one_line(kouan("member", *arguments, "--as", "peoples-bank"), *parts)
