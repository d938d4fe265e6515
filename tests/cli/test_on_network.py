"""The command line on a network: the same commands, by the nodes' URLs, with one of them down."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import EXAMPLES, NUMBER, OWNER, Ran, one_line, run
from tests.cli.loans import BANK, lend, on
from tests.engines.cometbft.single_process import SingleProcess

from kouan import bootstrap
from kouan.client import local_founding
from kouan.client.founding_desk import SHANGHAI
from kouan.client.membership import Peer
from kouan.engines.cometbft.client.remote import Network
from kouan.kernel.records import Member
from kouan.kernel.suites import digest, public_key
from kouan.modules.alliance.records import member_key

URLS = "http://one:26657,http://two:26657"
MEMBERS = [founder.id for founder in SHANGHAI.members[:4]]
SEEDS = {member: digest("test/consensus", member.encode()) for member in MEMBERS}


class OnNetwork:
    """A port whose ledger a network in this process runs."""

    def __init__(self, directory: Path) -> None:
        self.port = directory / "port"
        nodes = {
            member: (Peer(f"127.0.0.1:{26656 + number}", f"{number:040x}"), public_key(seed))
            for number, (member, seed) in enumerate(SEEDS.items())
        }
        founding, trust = local_founding.found(
            self.port,
            "test",
            SHANGHAI,
            nodes,
            bootstrap.PARAMETERS,
            entropy=os.urandom,
            now_ms=bootstrap.now_ms(),
        )
        (self.port / bootstrap.TRUST_FILE).write_bytes(trust)
        self.network = SingleProcess(directory / "state", founding, SEEDS, bootstrap.now_ms)

    def __call__(self, *arguments: str | Path, node: str = URLS) -> Ran:
        return run(*arguments, env={"KOUAN_PORT": str(self.port), "KOUAN_NODE": node})


@pytest.fixture
def kouan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnNetwork]:
    made = OnNetwork(tmp_path)
    monkeypatch.setattr(bootstrap, "Network", functools.partial(Network, open_node=made.network.node))
    monkeypatch.chdir(tmp_path)
    yield made
    made.network.close()


def accepted(ran: Ran) -> Ran:
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture
def attested(kouan: OnNetwork) -> OnNetwork:
    """A trader is onboarded, customs attests its declaration, the slip is received; the first node is down."""
    kouan.network.node("http://one:26657").is_down = True
    accepted(kouan("enterprise", "onboard", OWNER, "--name", "Lingang Lamps", "--as", "commerce-commission"))
    shutil.copy(EXAMPLES / "export-general-trade.xml", "export.xml")
    accepted(kouan("customs", "attest", "export.xml", "--as", "shanghai-customs"))
    accepted(kouan("enterprise", "receive"))
    return kouan


def test_a_loan_and_its_proof(attested: OnNetwork) -> None:
    """Consent, hold, disbursement and a proof that `kouan verify` checks without any node."""
    loan = lend(attested, f"{NUMBER}:50000 USD")
    shown = accepted(on(attested, BANK, "show", loan, "--json"))
    assert '"disbursed"' in shown.out
    accepted(attested("proof", "make", "--financing", loan, "--out", "proof.json", "--as", BANK))
    assert json.loads(Path("proof.json").read_bytes())["format"] == "kouan/proof/2"
    accepted(run("verify", "proof.json", "--trust", attested.port / "alliance.json"))


def test_export(attested: OnNetwork) -> None:
    exported = accepted(attested("export", "everything", "--json")).json
    lines = Path("everything/blocks.jsonl").read_bytes().splitlines()
    assert len(lines) == exported["height"]
    assert exported["state_root"] == json.loads(lines[-1])["state_root"]


def test_a_node_that_is_down_is_noted_on_standard_error(attested: OnNetwork) -> None:
    ran = accepted(attested("member", "list", "--json"))
    assert len(ran.json["members"]) == len(SHANGHAI.members)
    assert ran.err.strip() == "Note: node http://one:26657: cannot be reached (down); asking another node"


def test_a_service_reads_through_the_nodes(attested: OnNetwork) -> None:
    with bootstrap.standing_reader(attested.port, URLS.split(",")) as reader:
        bank = reader.read(Member, member_key(BANK))
    assert bank is not None
    assert bank.roles == ["bank"]


def test_no_node_is_known(kouan: OnNetwork) -> None:
    one_line(kouan("member", "list", node=""), "--node", "network.json is not there", "KOUAN_NODE")


def test_no_address(kouan: OnNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "Network", Network)
    one_line(kouan("member", "list", node="one:26657"), "--node: 'one:26657' is no node's address; give one such as")


def test_nobody_answers(attested: OnNetwork) -> None:
    attested.network.node("http://two:26657").is_down = True
    one_line(
        attested("member", "list"), "no node can answer: node http://one:26657: cannot be reached (down)", "--node"
    )


def test_what_was_not_answered_can_be_sent_again(kouan: OnNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "PATIENCE_S", 0.2)
    short = functools.partial(Network, open_node=kouan.network.node)
    monkeypatch.setattr(bootstrap, "Network", lambda *args, **named: short(*args, **{**named, "patience_s": 0.3}))
    kouan.network.is_halted = True
    ran = kouan("enterprise", "onboard", OWNER, "--name", "Lingang Lamps", "--as", "commerce-commission")
    one_line(ran, "was not answered in 0.3 seconds", "it may be on the ledger, or come there yet", "kouan resend")
    (kept,) = (kouan.port / "unanswered").iterdir()
    assert str(kept) in ran.err
    kouan.network.is_halted = False
    again = accepted(kouan("resend", kept))
    assert "alliance.onboard/1  accepted" in again.out
    assert not kept.exists()


def test_resend_takes_envelopes_alone(kouan: OnNetwork) -> None:
    Path("no.json").write_text("{}")
    one_line(kouan("resend", "no.json"), "FILE", "no.json is no envelope")


@pytest.mark.parametrize(
    ("command", "way_on"),
    [
        (("serve",), "kouan node start"),
        (("doctor",), "kouan node status"),
        (("doctor", "--rebuild-state"), "kouan network status"),
        (("backup", "kept"), "kouan node snapshot"),
    ],
)
def test_what_one_operator_does_has_another_way_on(kouan: OnNetwork, command: tuple[str, ...], way_on: str) -> None:
    one_line(kouan(*command), "members run this ledger together", way_on)
    assert not (kouan.port / "ledger").exists()


def test_one_operators_port_has_no_nodes(port: Path) -> None:
    one_line(
        run("member", "list", "--port", port, "--node", "http://one:26657"), "--node: one operator runs this port's"
    )
