"""Real nodes: members vote validators in, out and to another weight, and the founding document is enough to follow it.

A change that is carried waits a day for its enactment, and no charter may make that shorter. So the network begins
yesterday, under a CometBFT whose clock is 25 hours behind (`tests.network.skewed`), and the members vote. Then all
nodes are stopped, and started as they are delivered, with the machine's clock.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.cli.conftest import Ran, run
from tests.engines.cometbft.program import needs_cometbft
from tests.network import skewed
from tests.verifier import test_js

from kouan import bootstrap
from kouan.client.proofs import proof_of
from kouan.client.verifier import verify_proof
from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.remote import Network
from kouan.engines.cometbft.client.rpc import RpcNode
from kouan.engines.cometbft.node import binary, local_network
from kouan.engines.cometbft.node.config import EMPTY_BLOCK_EVERY
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.keys import address
from kouan.engines.cometbft.node.observing import observe
from kouan.kernel.encoding import encode, from_text
from kouan.kernel.headers import Header
from kouan.kernel.proof import NetworkProof, RecordStatement
from kouan.modules.alliance.founding import NetworkFounding
from kouan.modules.alliance.records import VALIDATORS_KEY

CAST: Final = {
    "bank": ["bank"],
    "customs": ["customs"],
    "office": ["convener", "evaluator", "operator"],
    "overseer": ["overseer"],
    "wharf-bank": ["bank"],
}
COMES: Final = "wharf-bank"
"""It keeps the ledger from the founding on, and is voted in as a validator."""
GOES: Final = "office"
WEIGHED_ANEW: Final = "customs"
VOTERS: Final = ("bank", "customs", "overseer", "wharf-bank")
"""Enough of them for a critical change."""
YESTERDAY_S: Final = -25 * 3600
WAIT_S: Final = 60.0
SNAPSHOT_EVERY_S: Final = 10
SNAPSHOTS_KEPT: Final = 10
VOTED: Final = "priv_validator_state.json"
POWER: Final = 10
NEW_POWER: Final = 12
BLOCK_BYTES: Final = 3_000_000


class Alliance:
    """Five members' nodes, each in a directory of its own, and what is sent from one to the other."""

    def __init__(self, directory: Path, behind: Path) -> None:
        """``behind``: the CometBFT whose clock can be wrong."""
        self.directory = directory
        self._behind = behind
        self.mail = directory / "mail"
        self.nodes = {member: NodeDirectory(directory / member) for member in CAST}
        ports = local_network.choose_ports(len(self.nodes))
        self.keys = {member: self._init(member, port) for member, port in zip(self.nodes, ports, strict=True)}
        self._names = {address(from_text(key)).hex().upper(): member for member, key in self.keys.items()}

    def _init(self, member: str, port: int) -> str:
        """Make a node; return its validator's key."""
        roles = [word for role in CAST[member] for word in ("--role", role)]
        voting = ("--no-validator",) if member == COMES else ()
        listens = [f"--{name}=127.0.0.1:{port + at}" for at, name in enumerate(("rpc", "http", "engine-metrics"), 1)]
        where = ("--address", f"127.0.0.1:{port}", *listens)
        made = ok(run("node", "init", self.directory / member, "--member", member, *roles, *where, *voting, "--json"))
        node = self.nodes[member]
        node.write_settings(replace(node.settings(), snapshot_every_s=SNAPSHOT_EVERY_S, snapshots_kept=SNAPSHOTS_KEPT))
        return str(made.json["validator"])

    def found(self) -> None:
        """Found it; nodes that have nothing to do make a block every second or two, so that nobody waits long."""
        draft, peers = self.mail / "alliance.draft.json", self.mail / "peers.json"
        files = [node.path / f"{member}.member.json" for member, node in self.nodes.items()]
        ok(run("node", "found", *files, "--name", "port", "--second-holder", GOES, "--out", self.mail))
        for node in self.nodes.values():
            ok(run("node", "sign-founding", node.path, draft))
        for node in self.nodes.values():
            ok(run("node", "join", node.path, draft, "--peers", peers))
            node.config_file.write_text(node.config_file.read_text().replace(EMPTY_BLOCK_EVERY, "1s"))

    @contextmanager
    def yesterday(self) -> Iterator[None]:
        """Let clients and nodes have yesterday's clock until the end of the block, when the nodes are stopped."""
        with pytest.MonkeyPatch.context() as patch:
            now_ms = bootstrap.now_ms
            patch.setattr(bootstrap, "now_ms", lambda: now_ms() + 1000 * YESTERDAY_S)
            patch.setenv(binary.VARIABLE, str(self._behind))
            patch.setenv(skewed.SKEW, str(YESTERDAY_S))
            yield
            self.stop()

    def start(self, *members: str) -> None:
        """Start nodes, and wait until each has a block of the time that it is now."""
        local_network.start([self.nodes[member] for member in members])
        until(
            lambda: all(self._is_up(member) for member in members), lambda: local_network.why_down(self.nodes["bank"])
        )

    def _is_up(self, member: str) -> bool:
        settings = self.nodes[member].settings()
        seen = observe(settings.rpc, settings.http)
        return seen is not None and not seen.catching_up and seen.time_ms > bootstrap.now_ms() - 30_000

    def stop(self) -> None:
        local_network.down(list(self.nodes.values()))

    def on(self, member: str, *words: str) -> Any:
        """Run one of `kouan member` at a member's own node, the only one it asks; return the document."""
        signs = () if words == ("proposals",) else ("--as", member)
        return ok(run("member", *words, *signs, "--port", self.directory / member, "--json")).json

    def carried(self, *change: str) -> str:
        """Propose a change and vote for it; return the proposal's id."""
        proposal = str(self.on("bank", "propose", *change)["proposal"])
        answers = [self.on(member, "vote", proposal, "--yes") for member in VOTERS]
        assert [answer["state"] for answer in answers] == ["open"] * (len(VOTERS) - 1) + ["carried"]
        return proposal

    def enacted(self, proposal: str) -> int:
        """Let a change take effect; return the height of the block that made it, told by that block's time."""
        self.on("customs", "enact", proposal)
        views = [one["proposal"] for one in self.on("bank", "proposals")["proposals"]]
        (enacted_ms,) = [one["enacted_ms"] for one in views if one["id"] == proposal]
        height = self.height("bank")
        while self.header(height).time.ms > enacted_ms:
            height -= 1
        assert self.header(height).time.ms == enacted_ms
        return height

    def rpc(self, member: str) -> RpcNode:
        return RpcNode(self.url(member))

    def url(self, member: str) -> str:
        return f"http://{self.nodes[member].settings().rpc}"

    def height(self, member: str) -> int:
        return int(self.rpc(member).call("status")["sync_info"]["latest_block_height"])

    def await_height(self, height: int) -> None:
        """Wait until CometBFT tells of a block, and who signed it."""
        until(lambda: self.height("bank") > height)

    def header(self, height: int) -> Header:
        return rpc_json.signed_header(self.rpc("bank").call("commit", height=str(height))).header

    def block_bytes(self, height: int) -> int:
        """How large a block may be, by CometBFT."""
        told = self.rpc("bank").call("consensus_params", height=str(height))
        return int(told["consensus_params"]["block"]["max_bytes"])

    def powers(self, height: int) -> dict[str, int]:
        """Who decides on a block, by CometBFT."""
        told = self.rpc("bank").call("validators", height=str(height), per_page="100")["validators"]
        return {self._names[one["address"]]: int(one["voting_power"]) for one in told}

    def signers(self, height: int) -> set[str]:
        """Whose signatures a block's commit has."""
        told = self.rpc("bank").call("commit", height=str(height))["signed_header"]["commit"]["signatures"]
        return {self._names[one["validator_address"]] for one in told if one["block_id_flag"] == 2}

    def stranger(self, member: str) -> Network:
        """A client that asks one node, and knows nothing but the founding document."""
        founding = bootstrap.read_founding(self.directory / "bank")
        assert isinstance(founding, NetworkFounding)
        return Network([self.url(member)], founding, None, bootstrap.now_ms)


def ok(ran: Ran) -> Ran:
    assert ran.code == 0, ran.err
    return ran


def until(holds: Callable[[], Any], told: Callable[[], object] = lambda: "") -> Any:
    """Wait until something holds, and return it."""
    end_s = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < end_s, told()
        time.sleep(0.2)
    return found


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    """Four validators and a node that only follows; whatever happens, nothing of them is left running."""
    reason = skewed.reason_against()
    if reason is not None:
        pytest.skip(reason)
    made = Alliance(tmp_path, skewed.build())
    try:
        yield made
    finally:
        made.stop()


@needs_cometbft
def test_a_fifth_validator_is_voted_in_and_another_out(alliance: Alliance) -> None:
    """Each change decides from the second block after the enactment on; clients and proofs follow."""
    with alliance.yesterday():
        alliance.found()
        alliance.start(*alliance.nodes)
        larger = alliance.carried("parameter", "consensus.max_block_bytes", str(BLOCK_BYTES))
        entry = alliance.carried("validator", COMES, str(POWER), "--public", alliance.keys[COMES])
        weight = alliance.carried("validator", WEIGHED_ANEW, str(NEW_POWER))
        leave = alliance.carried("validator", GOES, "0")
        early = run("member", "enact", entry, "--as", "customs", "--port", alliance.directory / "customs")
        assert (early.code, "PROPOSAL_TOO_EARLY" in early.err) == (1, True)

    alliance.start(*alliance.nodes)
    changed = alliance.enacted(larger)
    five = dict.fromkeys(CAST, POWER)
    founders = {member: POWER for member in CAST if member != COMES}
    weighed = five | {WEIGHED_ANEW: NEW_POWER}
    rest = {member: power for member, power in weighed.items() if member != GOES}
    entered = alliance.enacted(entry)
    alliance.await_height(entered + 2)
    assert [alliance.powers(entered + after) for after in (0, 1, 2)] == [founders, founders, five]
    assert [alliance.block_bytes(changed + after) for after in (0, 1)] == [2_000_000, BLOCK_BYTES]
    until(lambda: COMES in alliance.signers(alliance.height("bank")))
    heavier = alliance.enacted(weight)
    left = alliance.enacted(leave)
    alliance.await_height(left + 3)
    assert [alliance.powers(heavier + after) for after in (1, 2)] == [five, weighed]
    assert [alliance.powers(left + after) for after in (1, 2)] == [weighed, rest]
    assert alliance.signers(left + 3) <= rest.keys()
    assert ok(run("node", "status", alliance.directory / GOES, "--json")).json["observed"]["power"] == 0

    is_proven_from_the_founding_on(alliance, COMES)
    begins_anew_from_a_snapshot(alliance, GOES, left)
    is_proven_from_the_founding_on(alliance, GOES)


def is_proven_from_the_founding_on(alliance: Alliance, member: str) -> None:
    """One node shows who decides now to whoever has the founding document alone; no change can be left out."""
    trust = alliance.directory / "bank" / "alliance.json"
    with closing(alliance.stranger(member)) as client:
        made = proof_of(client.prove([VALIDATORS_KEY]), RecordStatement(VALIDATORS_KEY))
    assert isinstance(made, NetworkProof)
    (leaf,) = made.leaves
    assert leaf.value is not None
    assert sorted(leaf.value["members"]) == sorted(CAST.keys() - {GOES})
    file = alliance.directory / "proof.json"
    file.write_bytes(encode(made))
    ok(run("verify", file, "--trust", trust))
    if test_js.NODE is not None:
        second = test_js.run(str(test_js.SCRIPT), str(file), "--trust", str(trust))
        assert second.returncode == 0, second.stdout + second.stderr
    assert len(made.checkpoint.steps) == len((COMES, WEIGHED_ANEW, GOES))
    for count in range(len(made.checkpoint.steps)):
        short = encode(replace(made, checkpoint=replace(made.checkpoint, steps=made.checkpoint.steps[:count])))
        assert not verify_proof(short, trust.read_bytes(), now_ms=bootstrap.now_ms()).proven


def begins_anew_from_a_snapshot(alliance: Alliance, member: str, after: int) -> None:
    """A node that lost all but its keys takes a snapshot that is younger than the changes, and the blocks since."""
    node = alliance.nodes[member]
    snapshots = alliance.nodes["bank"].snapshots
    until(lambda: any(path.name.isdecimal() and int(path.name) > after + 2 for path in snapshots.iterdir()))
    local_network.down([node])
    for lost in (node.state, node.snapshots):
        shutil.rmtree(lost)
    for path in (node.home / "data").iterdir():
        if path.name != VOTED:
            shutil.rmtree(path)
    others = ",".join(alliance.url(other) for other in ("bank", COMES))
    ok(run("node", "sync", node.path, "--node", others))
    with node.config_file.open("a") as config:  # the table of it is the last
        config.write('discovery_time = "5s"\n')
    alliance.start(member)
    told = alliance.rpc(member).call("status")["sync_info"]
    assert int(told["earliest_block_height"]) > after
    with closing(alliance.stranger(member)) as client:
        status = client.status()
    alliance.await_height(status.height + 1)
    assert status.app_hash == alliance.header(status.height + 1).app_hash
