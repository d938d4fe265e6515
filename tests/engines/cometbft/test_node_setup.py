"""What a node runs by: keys and genesis as CometBFT reads them, a short configuration, and what stops a start."""

from __future__ import annotations

import json
import stat
import subprocess
import tempfile
import time
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.cometbft.founded import FOUNDING, SEEDS, TRUST
from tests.engines.cometbft.program import COMETBFT, needs_cometbft

from kouan.engines.cometbft.node import binary, node_setup
from kouan.engines.cometbft.node.config import config_file
from kouan.engines.cometbft.node.directory import NodeDirectory, Settings, SettingsError
from kouan.engines.cometbft.node.genesis import genesis_file
from kouan.engines.cometbft.node.keys import NodeKeyError, node_file, node_id, read_public, validator_file
from kouan.kernel.records import Charter
from kouan.kernel.suites import public_key
from kouan.modules.alliance.consensus import consensus_parameters
from kouan.modules.alliance.founding import FoundingError, alliance_id

SETTINGS = Settings(
    member="bank-a",
    address="node.bank-a.example:26656",
    listen="0.0.0.0:26656",
    rpc="127.0.0.1:26657",
    http="127.0.0.1:26660",
    engine_metrics="127.0.0.1:26661",
)
SEED = bytes(range(32))


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectory:
    """A node that has joined."""
    made = NodeDirectory(tmp_path / "node")
    made.write_settings(SETTINGS)
    keys = iter([SEEDS["bank-a"], SEED])
    node_setup.make_keys(made, lambda _size: next(keys))
    node_setup.install(made, TRUST, FOUNDING, ["a" * 40 + "@10.0.0.1:26656"])
    return made


def test_key_files_are_cometbfts() -> None:
    """What `cometbft show-validator` and `cometbft show-node-id` of v0.39.4 read out of these files."""
    assert json.loads(validator_file(SEED)) == {
        "address": "56475AA75463474C0285DF5DBF2BCAB73DA65135",
        "priv_key": {
            "type": "tendermint/PrivKeyEd25519",
            "value": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==",
        },
        "pub_key": {
            "type": "tendermint/PubKeyEd25519",
            "value": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
        },
    }
    assert node_id(public_key(SEED)) == "56475aa75463474c0285df5dbf2bcab73da65135"


@needs_cometbft
def test_cometbft_reads_the_keys_and_the_configuration(node: NodeDirectory) -> None:
    """It names the validator and the node as we do, so it has read key files, genesis and configuration."""

    def said(command: str) -> str:
        done = subprocess.run([COMETBFT, command, "--home", node.home], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    public = node_setup.public_keys(node)
    assert said("show-node-id") == public.node
    assert json.loads(said("show-validator"))["value"] in node.genesis.read_text()


def test_secrets_are_their_owners_alone(node: NodeDirectory) -> None:
    for path in (node.validator_key, node.node_key, node.last_vote):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(node.path.stat().st_mode) == 0o700


def test_the_genesis_follows_from_the_founding_document() -> None:
    genesis = json.loads(genesis_file(FOUNDING))
    assert genesis["chain_id"] == alliance_id(FOUNDING)
    assert genesis["genesis_time"] == "2023-11-14T22:13:20.123Z"
    assert "app_state" not in genesis
    assert [(one["name"], one["power"]) for one in genesis["validators"]] == [("bank-a", "10"), ("customs", "10")]
    governed = consensus_parameters(Charter(FOUNDING.charter, revision=0))
    assert genesis["consensus_params"]["block"] == {"max_bytes": str(governed.max_block_bytes), "max_gas": "-1"}
    assert genesis["consensus_params"]["evidence"] == {
        "max_age_duration": str(governed.evidence_age_ms * 1_000_000),
        "max_age_num_blocks": str(governed.evidence_age_blocks),
        "max_bytes": str(governed.max_evidence_bytes),
    }


def test_the_configuration_says_what_differs(node: NodeDirectory) -> None:
    config = tomllib.loads(node.config_file.read_text())
    assert config.pop("proxy_app") == f"unix://{node.path}/app.sock"
    assert config == {
        "moniker": "bank-a",
        "log_level": "main:info,blocksync:info,statesync:info,*:error",
        "log_format": "json",
        "rpc": {"laddr": "tcp://127.0.0.1:26657", "max_body_bytes": 2_000_000},
        "p2p": {
            "laddr": "tcp://0.0.0.0:26656",
            "external_address": "node.bank-a.example:26656",
            "persistent_peers": "a" * 40 + "@10.0.0.1:26656",
            "send_rate": 20_000_000,
            "recv_rate": 20_000_000,
        },
        "mempool": {"size": 1_000, "max_txs_bytes": 8 << 20, "cache_size": 50_000, "max_tx_bytes": 524_288},
        "consensus": {
            "timeout_propose": "700ms",
            "timeout_propose_delta": "1500ms",
            "timeout_prevote": "500ms",
            "timeout_precommit": "500ms",
            "timeout_commit": "300ms",
            "create_empty_blocks_interval": "4400ms",
            "peer_gossip_sleep_duration": "25ms",
        },
        "tx_index": {"indexer": "null"},
        "instrumentation": {"prometheus": True, "prometheus_listen_addr": "127.0.0.1:26661"},
    }


def test_addresses_are_believed_unchecked_only_where_all_nodes_are_local() -> None:
    def p2p(*, local: bool) -> dict[str, object]:
        settings = msgspec.structs.replace(SETTINGS, local=local)
        table: dict[str, object] = tomllib.loads(config_file(settings, Path("/x/app.sock")).decode())["p2p"]
        return table

    assert "addr_book_strict" not in p2p(local=False)
    assert p2p(local=True)["addr_book_strict"] is False


def test_a_socket_whose_path_is_too_long_lies_elsewhere(tmp_path: Path) -> None:
    deep = NodeDirectory(tmp_path / ("d" * 60) / ("e" * 60))
    assert deep.socket != NodeDirectory(tmp_path / ("d" * 60) / ("f" * 60)).socket
    assert len(bytes(deep.socket)) < 107
    assert NodeDirectory(tmp_path).socket == tmp_path / "app.sock"


def test_a_socket_elsewhere_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user could have made the directory first, and answer CometBFT in the application's place."""
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    node = NodeDirectory(tmp_path / ("d" * 60) / ("e" * 60))
    node_setup.make_socket_directory(node)
    node_setup.make_socket_directory(node)
    node.socket.parent.chmod(0o755)
    with pytest.raises(node_setup.SetupError, match="open to others"):
        node_setup.make_socket_directory(node)


def test_a_node_that_joined_may_start(node: NodeDirectory) -> None:
    assert node_setup.check(node) == FOUNDING


def test_joining_again_keeps_what_was_signed(node: NodeDirectory) -> None:
    """A forgotten vote is a vote cast twice."""
    voted = node.last_vote
    voted.write_text('{"height":"7","round":0,"step":3}')
    node_setup.install(node, TRUST, FOUNDING, [])
    assert "7" in voted.read_text()
    with pytest.raises(FileExistsError):
        node_setup.make_keys(node, bytes)


def test_joining_never_makes_up_what_was_signed(node: NodeDirectory) -> None:
    """Neither in the node's own directory nor in one that was put together from a backup of its keys."""
    node.last_vote.unlink()
    for _ in range(2):
        with pytest.raises(
            node_setup.SetupError, match=r"priv_validator_state\.json: is lost, and this node may have voted"
        ):
            node_setup.install(node, TRUST, FOUNDING, [])
        assert not node.last_vote.exists()
        node.trust_file.unlink(missing_ok=True)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_it_does_not_start_on_a_document_that_was_changed(node: NodeDirectory) -> None:
    _edit(node.trust_file, '"power":10', '"power":11')
    with pytest.raises(FoundingError, match=r"alliance\.json: signatures\.\S+: is not by"):
        node_setup.check(node)


def test_it_does_not_start_without_every_signature(node: NodeDirectory) -> None:
    trust = json.loads(node.trust_file.read_text())
    del trust["signatures"]["bank-a"]
    node.trust_file.write_text(json.dumps(trust, separators=(",", ":"), sort_keys=True))
    with pytest.raises(FoundingError, match=r"alliance\.json: signatures\.bank-a: is missing"):
        node_setup.check(node)


def test_it_does_not_start_on_another_genesis(node: NodeDirectory) -> None:
    _edit(node.genesis, '"power": "10"', '"power": "1000"')
    with pytest.raises(node_setup.SetupError, match=r"does not follow from alliance\.json"):
        node_setup.check(node)


def test_it_does_not_start_before_it_was_founded(node: NodeDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then this machine's clock is behind: CometBFT would sleep until the moment comes."""
    monkeypatch.setattr(time, "time", lambda: FOUNDING.founded_ms / 1000 - 61)
    with pytest.raises(node_setup.ClockError, match="clock"):
        node_setup.check(node)


@pytest.mark.parametrize(
    "lost", ["validator_key", "node_key", "last_vote", "genesis", "config_file", "trust_file", "settings_file"]
)
def test_it_does_not_start_without_a_file(node: NodeDirectory, lost: str) -> None:
    """The error names the file."""
    path: Path = getattr(node, lost)
    path.unlink()
    with pytest.raises(ValueError, match=path.name):
        node_setup.check(node)


@given(st.binary(max_size=200) | st.sampled_from([node_file(SEED)[:-40], node_file(SEED).replace(b"25519", b"1")]))
def test_hostile_key_files(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile-key.json"
    path.write_bytes(data)
    with pytest.raises(NodeKeyError, match=r"hostile-key\.json"):
        read_public(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("member", "Bank A"),
        ("address", "nowhere"),
        ("rpc", "127.0.0.1"),
        ("rpc", "127.0.0.1:0"),
        ("listen", "a b:1"),
        ("local", "yes"),
        ("unknown", 1),
        ("format", "kouan/node/9"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, field: str, value: object) -> None:
    node = NodeDirectory(tmp_path)
    node.settings_file.write_text(json.dumps({**msgspec.to_builtins(SETTINGS), field: value}))
    with pytest.raises(SettingsError, match=field):
        node.settings()


def test_cometbft_is_looked_for_where_it_was_told_then_beside_python_then_on_the_path(tmp_path: Path) -> None:
    def program(directory: str, version: str = binary.VERSION) -> Path:
        path = tmp_path / directory / "bin" / "cometbft"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho {version}\n")
        path.chmod(0o700)
        return path

    told, beside, on_path = program("told"), program("prefix"), program("path")
    environment = {"KOUAN_COMETBFT": str(told), "PATH": str(on_path.parent)}
    assert binary.find(environment, tmp_path / "prefix") == told
    assert binary.find({"PATH": str(on_path.parent)}, tmp_path / "prefix") == beside
    assert binary.find({"PATH": str(on_path.parent)}, tmp_path) == on_path
    with pytest.raises(binary.BinaryError, match=r"not installed: run `make engine`"):
        binary.find({"PATH": str(tmp_path)}, tmp_path)
    with pytest.raises(binary.BinaryError, match=r"KOUAN_COMETBFT: .*no program"):
        binary.find({"KOUAN_COMETBFT": str(tmp_path / "none")})
    other = program("other", "0.38.17")
    with pytest.raises(binary.BinaryError, match=r"is version 0\.38\.17, and this engine needs 0\.39\.4"):
        binary.find({"KOUAN_COMETBFT": str(other)})
