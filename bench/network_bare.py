"""What a network carries at most on this machine: the same envelopes, and an application that checks signatures alone.

``python -m bench.network_bare COMMANDS IN_FLIGHT SECONDS`` prints JSON; ``… application DIRECTORY`` is one application.

It has no rules, no tree, no disk and no proofs; CometBFT, its configuration, the socket's server and the number of
signatures are those of the product. Set beside `bench.network` it tells what of a rate is the ledger's, and what is the
machine's and CometBFT's. An envelope counts as answered when the load has seen it in a block.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

from bench import network_nodes
from bench.accounting import Account
from bench.network_load import AT_ONCE, WARM_S
from bench.network_port import holds
from kouan.engines.cometbft.application.abci_server import AbciServer
from kouan.engines.cometbft.application.admission import commands_in
from kouan.engines.cometbft.application.proposals import FRAMING, MAX_BYTES
from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.rpc import RpcNode
from kouan.engines.cometbft.node import binary, local_network, node_setup, observing
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.signatures import ThreadedVerifier
from kouan.kernel.registry import Claim
from kouan.kernel.suites import public_key, sign

QUOTAS = 12_000
MOST = {1: 1_500, 200: 15_000}
"""Commands a second to prepare for, by how many an envelope has."""
SEED = bytes(32)
CLAIM = Claim(public_key(SEED), "kouan/bench", bytes(200), sign(SEED, "kouan/bench", bytes(200)))


class Bare:
    """Stands in for `kouan.engines.cometbft.application.application.Application`."""

    def __init__(self) -> None:
        self._verify = ThreadedVerifier()
        self.snapshots = SimpleNamespace(listed=None, offer=None, load=None, apply=None)

    def info(self, _request: abci.RequestInfo) -> abci.ResponseInfo:
        """Answer that nothing was executed."""
        return abci.ResponseInfo()

    def init_chain(self, _request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """Begin with what stands in CometBFT's genesis."""
        return abci.ResponseInitChain()

    def query(self, _request: abci.RequestQuery) -> abci.ResponseQuery:
        """Know nothing."""
        return abci.ResponseQuery()

    def check_txs(self, requests: Sequence[abci.RequestCheckTx]) -> list[abci.ResponseCheckTx]:
        """Check as many signatures as an envelope has: its own, and one for each command."""
        new = [request for request in requests if request.type != abci.RECHECK]
        if not all(self._verify([CLAIM] * sum(1 + commands_in(request.tx) for request in new))):
            raise AssertionError("the signature holds")
        return [abci.ResponseCheckTx()] * len(requests)

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> abci.ResponsePrepareProposal:
        """Take what fits."""
        taken: list[bytes] = []
        room = MAX_BYTES
        for raw in request.txs:
            room -= len(raw) + FRAMING
            if room < 0:
                break
            taken.append(raw)
        return abci.ResponsePrepareProposal(txs=taken)

    def process_proposal(self, _request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        """Agree."""
        return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        """Do nothing with it."""
        return abci.ResponseFinalizeBlock(tx_results=[abci.ExecTxResult()] * len(request.txs), app_hash=bytes(32))

    def commit(self, _request: abci.RequestCommit) -> abci.ResponseCommit:
        """Keep nothing."""
        return abci.ResponseCommit()


def start(node: NodeDirectory, stack: ExitStack) -> list[int]:
    """Start a bare application and its CometBFT; return their process ids."""
    node_setup.make_socket_directory(node)
    begun: list[int] = []
    for command in (
        [sys.executable, "-m", __spec__.name, "application", str(node.path)],
        [str(binary.find()), "start", "--home", str(node.home)],
    ):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        begun.append(process.pid)
        while not node.socket.exists():
            time.sleep(0.05)
    return begun


def measure(directory: Path, commands: int, in_flight: int, seconds: float) -> dict[str, object]:
    """Keep so many envelopes of so many commands on their way."""
    document = network_nodes.found(directory)
    count = int(MOST[commands] * (WARM_S + seconds) / commands) + in_flight
    envelopes = iter(list(islice(holds(document, QUOTAS, commands), count)))
    network = local_network.read_network(directory)
    with ExitStack() as stack:
        begun = [start(node, stack) for node in network_nodes.directories(directory)]
        nodes = [RpcNode(node.rpc) for node in network.nodes]
        while not (seen := observing.observe_rpc(network.nodes[0].rpc_address)) or seen.height < 2:
            time.sleep(0.2)
        account = Account({"application": [one[0] for one in begun], "cometbft": [one[1] for one in begun]})
        sent_s: dict[bytes, float] = {}
        took_s: list[tuple[float, float]] = []
        lock = threading.Lock()
        ended = threading.Event()
        room = threading.Semaphore(in_flight)

        def send(node: RpcNode) -> None:
            while not ended.is_set():
                count = 0
                while count < AT_ONCE and room.acquire(timeout=0 if count else 0.2):
                    count += 1
                with lock:
                    some = list(islice(envelopes, count))
                    sent_s.update((hashlib.sha256(raw).digest(), time.perf_counter()) for raw in some)
                node.call_many([rpc_json.broadcast(raw) for raw in some])

        threads = [threading.Thread(target=send, args=(node,), daemon=True) for node in nodes * 4]
        for thread in threads:
            thread.start()
        height = 2
        begin_s = time.perf_counter() + WARM_S
        while time.perf_counter() < begin_s + seconds:
            newest = int(nodes[0].call("status")["sync_info"]["latest_block_height"])
            while height < newest:
                height += 1
                now_s = time.perf_counter()
                found = [sent_s.pop(hashlib.sha256(raw).digest(), None) for raw in _block(nodes[0], height)]
                took_s += [(now_s, now_s - since_s) for since_s in found if since_s is not None]
                for _ in found:
                    room.release()
            time.sleep(0.05)
        ended.set()
        spent, wall_s = account.spent(), account.seconds
        for thread in threads:
            thread.join()
    counted = sorted(took for at_s, took in took_s if at_s >= begin_s)
    answered = commands * len(took_s)
    return {
        "commands_per_second": commands * len(counted) / seconds,
        "p50_s": counted[len(counted) // 2],
        "p99_s": counted[len(counted) * 99 // 100],
        "microseconds": {name: cpu_s / answered * 1e6 for name, cpu_s in spent.items()},
        "seconds": wall_s,
    }


def _block(node: RpcNode, height: int) -> list[bytes]:
    return rpc_json.block(node.call("block", height=str(height))).envelopes


def main() -> None:
    """Read the arguments; measure, or be an application."""
    if sys.argv[1:2] == ["application"]:
        node = NodeDirectory(Path(sys.argv[2]))
        AbciServer(Bare(), lambda *_, **__: None).run(node.socket)  # type: ignore[arg-type]  # it does what is asked
        return
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("commands", "in_flight", "seconds"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kouan-bare-") as made:
        print(json.dumps(measure(Path(made), given.commands, given.in_flight, given.seconds), indent=1))


if __name__ == "__main__":
    main()
