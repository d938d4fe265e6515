"""An alliance founded across organisations: each in a directory of its own, files go from one to the other."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.cli.conftest import Ran, one_line, run
from tests.engines.cometbft.program import needs_cometbft

from kouan.client import membership
from kouan.client.membership import MembershipError
from kouan.engines.cometbft.node import local_network, node_setup
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.observing import Observed, observe
from kouan.modules.alliance.founding import alliance_id
from kouan.modules.alliance.trust import read_trust_file

CAST = {
    "bank": ["bank"],
    "customs": ["customs"],
    "office": ["convener", "evaluator", "operator"],
    "overseer": ["overseer"],
}
VOTERS = ("bank", "customs", "overseer")


def init(directory: Path, member: str, port: int, *options: str) -> Ran:
    roles = [word for role in CAST.get(member, ["bank"]) for word in ("--role", role)]
    voting = () if member in VOTERS else ("--no-validator",)
    return run(
        "node", "init", directory, "--member", member, *roles, "--address", f"127.0.0.1:{port}", *voting, *options
    )


def found(at: Path, *files: Path) -> Ran:
    return run("node", "found", *files, "--name", "port", "--second-holder", "office", "--out", at)


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every member has made its keys, and the office has collected; not to be written to."""
    at = tmp_path_factory.mktemp("founding")
    for number, member in enumerate(CAST):
        assert init(at / member, member, 26_000 + number).code == 0
    collected = found(at / "mail", *(at / member / f"{member}.member.json" for member in CAST))
    assert collected.code == 0, collected.err
    return at


@pytest.fixture
def places(initialised: Path, tmp_path: Path) -> Path:
    """The same, the test's own."""
    shutil.copytree(initialised, tmp_path / "places")
    return tmp_path / "places"


def sign(at: Path, member: str, *options: str) -> Ran:
    return run("node", "sign-founding", at / member, at / "mail" / "alliance.draft.json", *options)


def join(at: Path, member: str, *options: str | Path) -> Ran:
    mail = at / "mail"
    return run("node", "join", at / member, mail / "alliance.draft.json", "--peers", mail / "peers.json", *options)


def edit(path: Path, *keys: str | int, value: Any) -> None:
    """Change one value in a JSON file, and leave it canonical."""
    document = place = json.loads(path.read_text())
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True))


def test_each_makes_its_keys_all_sign_and_every_node_may_start(places: Path) -> None:
    """Nobody holds another's private key, and all have the same trust file and genesis in the end."""
    for member in CAST:
        signed = sign(places, member)
        assert signed.code == 0, signed.err
    assert "All have signed" in signed.out
    for member in CAST:
        joined = join(places, member)
        assert joined.code == 0, joined.err
    nodes = {member: NodeDirectory(places / member) for member in CAST}
    assert len({node.trust_file.read_bytes() for node in nodes.values()}) == 1
    assert len({node.genesis.read_bytes() for node in nodes.values()}) == 1
    founding = node_setup.check(nodes["bank"])
    assert sorted(founding.validators) == list(VOTERS)
    config = nodes["bank"].config_file.read_text()
    assert all(node_setup.public_keys(nodes[other]).node in config for other in CAST if other != "bank")
    assert node_setup.public_keys(nodes["bank"]).node not in config
    assert {path.name for path in (places / "bank" / "members").iterdir()} == {"bank"}
    listed = run("member", "list", "--port", places / "bank", "--node", "http://127.0.0.1:9")
    assert listed.code == 2  # nobody runs yet, but the directory is a port like any other
    assert "127.0.0.1:9" in listed.err


@needs_cometbft
def test_nodes_founded_apart_make_blocks_together(tmp_path: Path) -> None:
    """Four directories that never saw each other's keys, a fifth that is voted in by nobody and only follows."""
    members = [*CAST, "late-bank"]
    ports = dict(zip(members, local_network.choose_ports(len(members)), strict=True))
    nodes = {member: NodeDirectory(tmp_path / member) for member in members}
    for member, port in ports.items():
        listens = [f"--{name}=127.0.0.1:{port + at}" for at, name in enumerate(("rpc", "http", "engine-metrics"), 1)]
        assert init(tmp_path / member, member, port, *listens).code == 0
    assert found(tmp_path / "mail", *(tmp_path / member / f"{member}.member.json" for member in CAST)).code == 0
    for member in CAST:
        assert sign(tmp_path, member).code == 0
    for member in CAST:
        assert join(tmp_path, member).code == 0
    alliance = run("node", "status", tmp_path / "bank", "--json").json["alliance"]
    assert join(tmp_path, "late-bank", "--alliance", alliance).code == 0
    try:
        local_network.start(list(nodes.values()))
        end_s = time.monotonic() + 90
        while not all((seen := look(node)) and seen.height >= 2 and not seen.catching_up for node in nodes.values()):
            assert time.monotonic() < end_s, local_network.why_down(nodes["bank"])
            time.sleep(0.2)
        powers = {member: seen.power for member, node in nodes.items() if (seen := look(node))}
        assert powers == {member: 10 if member in VOTERS else 0 for member in members}
        status = run("node", "status", tmp_path / "late-bank")
        assert status.code == 0, status.out
        listed = run("member", "list", "--port", tmp_path / "late-bank", "--json")
        assert listed.code == 0, listed.err
        assert [member["id"] for member in listed.json["members"]] == list(CAST)
    finally:
        local_network.down(list(nodes.values()))


def look(node: NodeDirectory) -> Observed | None:
    settings = node.settings()
    return observe(settings.rpc, settings.http)


def test_private_keys_are_in_no_file_that_goes_out(places: Path) -> None:
    secrets = [
        json.loads((places / member / "cometbft" / "config" / name).read_text())["priv_key"]["value"][:40]
        for member in CAST
        for name in ("node_key.json", "priv_validator_key.json")
    ]
    going_out = [*places.glob("mail/*"), *places.glob("*/*.member.json"), *places.glob("*/*.application.json")]
    assert len(going_out) == 2 + 2 * len(CAST)
    for path in going_out:
        text = path.read_text()
        assert not any(secret in text for secret in secrets), path


def test_signatures_on_copies_are_put_together(places: Path) -> None:
    """Nobody need wait for another: each signs a copy of its own."""
    copies = []
    for member in CAST:
        copy = places / "mail" / f"{member}.json"
        shutil.copy(places / "mail" / "alliance.draft.json", copy)
        assert run("node", "sign-founding", places / member, copy).code == 0
        copies.append(copy)
    peers = places / "mail" / "peers.json"
    missing = run("node", "join", places / "bank", *copies[:2], "--peers", peers)
    one_line(missing, "office, overseer did not sign yet")
    assert not (places / "bank" / "alliance.json").exists()
    assert run("node", "join", places / "bank", *copies, "--peers", peers).code == 0


def test_a_look_before_signing_shows_what_people_compare(places: Path) -> None:
    """The fingerprint that its member was shown when it made its keys stands in the document."""
    shown = sign(places, "bank", "--look", "--json").json["members"]
    of_customs = next(one for one in shown if one["id"] == "customs")
    own = membership.read(places / "customs" / "customs.member.json")
    assert of_customs["fingerprint"] == membership.fingerprint(own.member, own.validator)
    assert not any(one["signed"] for one in shown)
    assert "customs" in sign(places, "bank", "--look", "--lang", "zh").out


@pytest.mark.parametrize(
    ("keys", "value", "field"),
    [
        (("founding", "members", 0, "keys", "main", "public"), "A" * 42 + "Q", "members.bank.keys"),
        (("founding", "members", 0, "roles"), ["bank", "convener"], "members.bank.roles"),
        (("founding", "validators", "bank", "power"), 1, "validators.bank"),
        (("founding", "members", 0, "sealing"), "B" * 42 + "Q", "members.bank.sealing"),
    ],
)
def test_nobody_signs_a_document_that_states_it_otherwise(
    places: Path, keys: tuple[str | int, ...], value: Any, field: str
) -> None:
    edit(places / "mail" / "alliance.draft.json", *keys, value=value)
    one_line(sign(places, "bank"), field, "do not sign")
    assert json.loads((places / "mail" / "alliance.draft.json").read_text())["signatures"] == {}


def test_a_word_changed_after_the_first_signature_is_found_by_everyone(places: Path) -> None:
    assert sign(places, "bank").code == 0
    edit(places / "mail" / "alliance.draft.json", "founding", "name", value="other")
    one_line(sign(places, "customs"), "signatures.bank.signature", "the very same document")


def test_a_node_joins_the_alliance_it_was_told_and_no_second_one(places: Path, tmp_path: Path) -> None:
    for member in CAST:
        assert sign(places, member).code == 0
    one_line(join(places, "bank", "--alliance", "A" * 43), "--alliance", "founds")
    assert join(places, "bank").code == 0
    assert join(places, "bank").code == 0  # again, to change the peers
    (places / "mail").rename(places / "first")
    assert found(places / "mail", *(places / member / f"{member}.member.json" for member in CAST)).code == 0
    for member in CAST:
        assert sign(places, member).code == 0
    one_line(join(places, "bank"), "belongs to another alliance")
    late = init(tmp_path / "late", "late-bank", 26_900)
    assert late.code == 0
    shutil.copytree(tmp_path / "late", places / "late")
    one_line(join(places, "late"), "late-bank is not one of them", "--alliance ID")
    alliance = alliance_id(read_trust_file((places / "mail" / "alliance.draft.json").read_bytes()))
    assert join(places, "late", "--alliance", alliance, "--json").json["founder"] is False


def test_what_cannot_found_is_told_before_anything_is_written(places: Path, tmp_path: Path) -> None:
    files = [places / member / f"{member}.member.json" for member in CAST]
    one_line(found(tmp_path / "out", *files[:2]), "second_holder", "office is not one of the members")
    one_line(found(tmp_path / "out", *files, files[0]), "two members state the node")
    one_line(found(places / "mail", *files), "--out", "nothing is overwritten")
    one_line(run("node", "init", places / "bank", "--member", "bank", "--role", "bank", "--address", "h:1"), "DIR")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "given", "words"),
    [
        ("--member", "Bank_A", "is no code; give up to 32 lower-case letters, digits, dots and hyphens"),
        ("--role", "king", "'king' is no role; give one of attester, bank"),
        ("--role", "second-holder", "`kouan node found --second-holder ID` names that member"),
        ("--address", "nowhere", "'nowhere' is no HOST:PORT"),
        ("--address", "h:65536", "a port up to 65535"),
        ("--listen", "h:0", "is no HOST:PORT"),
        ("--rpc", ":1", "is no HOST:PORT"),
        ("--http", "::1:80", "an IPv6 address in brackets"),
        ("--engine-metrics", "h:1\n", "is no HOST:PORT"),
        ("--sentry", "h:1", "is no NODE@HOST:PORT"),
    ],
)
def test_a_wrong_option_of_init_is_named_before_anything_is_written(
    tmp_path: Path, option: str, given: str, words: str
) -> None:
    options = {"--member": "y", "--role": "bank", "--address": "h:1", option: given}
    one_line(run("node", "init", tmp_path / "y", *(word for pair in options.items() for word in pair)), option, words)
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("membership", "peer", "address"), "127.0.0.1:1"),
        (("membership", "validator", "power"), 11),
        (("membership", "name", "en"), "Another"),
        (("signature",), "A" * 85 + "A"),
        (("membership", "member", "keys"), {}),
        (("membership", "format"), "kouan/membership/9"),
        (("unknown",), 1),
    ],
)
def test_a_membership_file_that_was_changed_is_refused(places: Path, keys: tuple[str, ...], value: Any) -> None:
    path = places / "bank" / "bank.member.json"
    edit(path, *keys, value=value)
    with pytest.raises(MembershipError, match=r"bank\.member\.json"):
        membership.read(path)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=300) | st.just(b"[" * 100_000) | st.just(b" " * (membership.MAX_BYTES + 1)))
def test_hostile_membership_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "hostile.member.json"
    path.write_bytes(data)
    with pytest.raises(MembershipError, match="hostile"):
        membership.read(path)


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b'{"format":"kouan/trust/1"}', b"\xff", b" " * 9_000_000])
def test_hostile_drafts_and_peers(places: Path, data: bytes) -> None:
    """Nothing but a founding document is signed or joined, and the error names the file."""
    draft, peers = places / "mail" / "alliance.draft.json", places / "mail" / "peers.json"
    whole = draft.read_bytes()
    draft.write_bytes(data)
    one_line(sign(places, "bank"), "alliance.draft.json")
    draft.write_bytes(whole)
    for member in CAST:
        assert sign(places, member).code == 0
    peers.write_bytes(data)
    one_line(join(places, "bank"), "peers.json")


def test_status_of_a_node_that_does_not_run(places: Path) -> None:
    asked = run("node", "status", places / "bank", "--json")
    assert asked.code == 1
    assert asked.json["state"] == "down"
    assert asked.json["problem"] == "CometBFT does not answer"
    assert "CometBFT" in run("node", "status", places / "bank", "--lang", "zh").out
    one_line(run("node", "status", places / "mail"), "node.json", "kouan node init")


def test_a_node_that_has_not_joined_does_not_start(places: Path) -> None:
    started = run("node", "start", places / "bank")
    assert started.code == 2
    assert "kouan node join" in started.err


def test_a_validator_behind_a_sentry_states_the_sentry(tmp_path: Path) -> None:
    sentry = f"{'a' * 40}@sentry.example:26656"
    assert init(tmp_path / "bank", "bank", 26_910, "--sentry", sentry).code == 0
    stated = membership.read(tmp_path / "bank" / "bank.member.json").peer
    assert stated is not None
    assert stated.url == sentry
    one_line(init(tmp_path / "x", "x", 26_911, "--sentry", "somewhere"), "--sentry", "NODE@HOST:PORT")


def test_membership_round_trip(places: Path) -> None:
    made = membership.read(places / "office" / "office.member.json")
    assert made.validator is None
    assert msgspec.json.decode(msgspec.json.encode(made), type=membership.Membership) == made
