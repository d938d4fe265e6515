"""One measurement each, in a process of its own: ``python -m bench.measures NAME DIRECTORY ARGUMENTS`` prints JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

import kouan.engines.embedded
import kouan.kernel.admitting
from bench.port import CLIENT_KEYS, START_MS, Holds, founding, ledger, open_engine, quota_id
from kouan.client.proofs import proof_of
from kouan.client.verifier import verify_proof
from kouan.engines.embedded import Embedded
from kouan.engines.local_socket import Server
from kouan.engines.log import BlockLog
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import Store
from kouan.kernel.encoding import encode
from kouan.kernel.proof import AvailableStatement
from kouan.kernel.quota import key_of
from kouan.kernel.tree import Tree
from kouan.modules.alliance.trust import trust_file

BLOCK_COMMANDS = 2_000


def _anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) / 1024


def _open(directory: Path) -> Embedded:
    """Open a ledger that `make` made; the quotas themselves are not held in memory."""
    return open_engine(directory, ledger(0))


def make(directory: Path, count: str) -> dict[str, float]:
    """Make a ledger with so many quotas, and close it."""
    began = time.perf_counter()
    open_engine(directory, ledger(int(count))).close()
    return {"seconds": time.perf_counter() - began}


def batches(directory: Path, count: str, blocks: str) -> dict[str, float]:
    """Holds in envelopes of 200, ten envelopes a block, each block on disk before the next."""
    engine = _open(directory)
    height = engine.status().height
    holds = Holds(engine.status().alliance, int(count), seed=height + 1, first_number=10 * height)
    prepared = [[holds.envelope(200) for _ in range(10)] for _ in range(int(blocks))]
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    accepted = sum(receipt.count(b'{"code":0}') for block in prepared for receipt in engine.submit(block))
    seconds = time.perf_counter() - began
    memory = _anonymous_mb() - sum(len(raw) for block in prepared for raw in block) / 2**20
    engine.close()
    commands = int(blocks) * BLOCK_COMMANDS
    if accepted != commands:
        raise AssertionError(f"{commands - accepted} holds were refused")
    return {"commands_per_second": commands / seconds, "microseconds": seconds / commands * 1e6, "anonymous_mb": memory}


def proven(directory: Path, count: str, blocks: str, holds_each: str) -> dict[str, float]:
    """Holds as in `batches`; each block's are answered with proofs too: of so many holds' quotas in each proof."""
    engine = _open(directory)
    height = engine.status().height
    holds = Holds(engine.status().alliance, int(count), seed=height + 1, first_number=10 * height)
    prepared = [[holds.envelope(200) for _ in range(10)] for _ in range(int(blocks))]
    keys = [[key_of(quota) for raw in block for quota in _quotas_of(raw)] for block in prepared]
    gc.collect()
    gc.freeze()
    size = 0
    began = time.perf_counter()
    for block, own in zip(prepared, keys, strict=True):
        engine.submit(block)
        for at in range(0, len(own), int(holds_each)):
            size += len(encode(engine.prove(own[at : at + int(holds_each)])))
    seconds = time.perf_counter() - began
    engine.close()
    commands = int(blocks) * BLOCK_COMMANDS
    return {
        "commands_per_second": commands / seconds,
        "microseconds": seconds / commands * 1e6,
        "proof_bytes_a_hold": size / commands,
    }


def _quotas_of(raw: bytes) -> list[str]:
    return [command["allocations"][0]["quota"] for command in json.loads(raw)["body"]["commands"]]


def start(directory: Path) -> dict[str, float]:
    """Open a ledger that was closed in order."""
    began = time.perf_counter()
    engine = _open(directory)
    seconds = time.perf_counter() - began
    records = engine.status().records
    memory = _anonymous_mb()
    engine.close()
    return {"seconds": seconds, "records": records, "anonymous_mb": memory}


def proof(directory: Path, count: str) -> dict[str, float]:
    """Make and verify proofs of what is free of a quota."""
    engine = _open(directory)
    trust = trust_file(founding())
    sizes, made, verified = [], [], []
    for number in range(0, int(count), max(1, int(count) // 200)):
        quota = quota_id(number)
        began = time.perf_counter()
        parts = engine.prove([key_of(quota)])
        made.append(time.perf_counter() - began)
        free = parts.leaves[0].value or {}
        amount = free["limit"] - free["used"] - sum(hold["amount"] for hold in free["holds"])
        file = encode(proof_of(parts, AvailableStatement(amount, quota)))
        sizes.append(len(file))
        began = time.perf_counter()
        verdict = verify_proof(file, trust, now_ms=START_MS)
        verified.append(time.perf_counter() - began)
        if not verdict.proven:
            raise AssertionError(verdict)
    engine.close()
    return {
        "bytes_median": statistics.median(sizes),
        "bytes_max": max(sizes),
        "made_ms": statistics.median(made) * 1000,
        "verified_ms": statistics.median(verified) * 1000,
        "verified_ms_p99": sorted(verified)[-max(1, len(verified) // 100)] * 1000,
    }


def parts(directory: Path, count: str) -> dict[str, float]:
    """Where the time of one command goes, in microseconds, in envelopes of 200."""
    spent: dict[str, float] = {}

    def timed(owner: Any, name: str, label: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def outer(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return inner(*arguments, **named)
            finally:
                spent[label] = spent.get(label, 0.0) + time.perf_counter() - began

        setattr(owner, name, outer)

    engine = _open(directory)
    height = engine.status().height
    holds = Holds(engine.status().alliance, int(count), seed=height + 1, first_number=10 * height)
    prepared = [[holds.envelope(200) for _ in range(10)] for _ in range(10)]
    gc.collect()
    gc.freeze()
    timed(kouan.engines.embedded, "execute_block", "execute")
    timed(kouan.kernel.admitting, "open_envelope", "decoding envelopes")
    timed(ThreadedVerifier, "__call__", "signatures (two threads)")
    timed(Tree, "change", "tree: hashing")
    timed(Tree, "apply", "tree: taking in")
    timed(BlockLog, "append", "disk: log write")
    timed(BlockLog, "sync", "disk: log fsync")
    timed(Store, "get", "state: reading")
    timed(Store, "flush", "disk: state flush")
    began = time.perf_counter()
    for block in prepared:
        engine.submit(block)
    engine.flush()
    whole = time.perf_counter() - began
    engine.close()
    inside = ("decoding envelopes", "signatures (two threads)", "tree: hashing", "state: reading")
    spent["rules, records, receipts"] = spent.pop("execute") - sum(spent[label] for label in inside)
    spent["the rest"] = whole - sum(spent.values())
    spent["in all"] = whole
    return {label: seconds / len(prepared) / BLOCK_COMMANDS * 1e6 for label, seconds in spent.items()}


def singles(directory: Path, count: str, clients: str, each: str) -> dict[str, float]:
    """Send envelopes of one over many connections to the serving process; latency as a client sees it."""
    now = time.time_ns() // 1000  # numbers and ids that no earlier run has used
    alliance = ledger(0).alliance
    makers = [
        Holds(alliance, int(count), seed=now + number, first_number=now, key=CLIENT_KEYS[number])
        for number in range(int(clients))
    ]
    pack = msgspec.msgpack.Encoder().encode
    frames = [[pack(("submit", [holds.envelope(1)])) for _ in range(int(each))] for holds in makers]
    latencies: list[float] = []
    refused: list[bytes] = []

    def client(own: list[bytes]) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(directory / "socket"))
        stream = connection.makefile("rb")
        for frame in own:
            began = time.perf_counter()
            connection.sendall(len(frame).to_bytes(4) + frame)
            answer = stream.read(int.from_bytes(stream.read(4)))
            latencies.append(time.perf_counter() - began)
            if b'{"code":0}' not in answer:
                refused.append(answer)
        stream.close()
        connection.close()

    threads = [threading.Thread(target=client, args=(own,)) for own in frames]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if refused:
        raise AssertionError(f"{len(refused)} refused, the first: {refused[0]!r}")
    ordered = sorted(latencies)
    return {
        "commands_per_second": len(ordered) / seconds,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "max_ms": ordered[-1] * 1000,
    }


def serve(directory: Path) -> dict[str, float]:
    """Serve the socket until standard input ends."""
    engine = _open(directory)
    gc.collect()
    gc.freeze()

    async def run() -> None:
        serving = asyncio.create_task(Server(engine).run(directory / "socket"))
        await asyncio.to_thread(sys.stdin.read)
        serving.cancel()

    asyncio.run(run())
    engine.close()
    return {}


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    measure.__name__: measure for measure in (make, batches, proven, start, proof, parts, singles, serve)
}

if __name__ == "__main__":
    name, directory, *arguments = sys.argv[1:]
    print(json.dumps(MEASURES[name](Path(directory), *arguments)))
