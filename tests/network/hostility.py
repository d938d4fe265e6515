"""Faults that somebody means: too much, what is no envelope, and validators that lie."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, Final

import msgspec
from tests.network import hostile
from tests.network.cluster import Node, wait_until
from tests.network.scene import TWIN_PLACE, Scene
from tests.simulation.random_papers import SOME

from kouan.engines.cometbft.application.waiting import MEMBER_ENVELOPES
from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.nodes import NobodyAnswersError
from kouan.engines.cometbft.client.rpc import Call, NodeError, RpcError
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import MAX_BYTES
from kouan.kernel.state import decoder
from kouan.kernel.suites import digest, public_key
from kouan.modules.alliance.records import VALIDATORS_KEY, Validators

FLOOD_S: Final = 10.0
FLOOD: Final = 30_000
LINES: Final = 8
"""Connections to each node that hand in at once."""
SPAM: Final = 12_000
ANSWERED: Final = 10
OTHERS_WAITING: Final = 200
"""The load's envelopes, at most."""
SPAMMER: Final = "bank-c"
AT_ONCE: Final = 10
"""Calls in a request, at most."""
LONGEST_PAUSE_S: Final = 10.0
"""Between two blocks in a flood. Two cores have the flood, four nodes and the judge to run."""
GARBAGE_BLOCKS: Final = 12
"""So many blocks give the hostile validator its turn about three times."""
EVIDENCE_S: Final = 120.0
EXECUTED_S: Final = 60.0


class Writer:
    """Makes envelopes by the second keys, which the load does not use."""

    def __init__(self, scene: Scene) -> None:
        self._replica = scene.judge.replica
        self._number = self._replica.height * 100_000

    def envelope(self, member: str, command: dict[str, Any], **body: Any) -> bytes:
        self._number += 1
        return self._replica.envelope(member, command, key="second", **{"number": self._number, **body})


def attestation(about: int) -> dict[str, Any]:
    """Return a command of customs that opens a declaration of its own."""
    seed = digest("test/flood", str(about).encode())
    return {
        "attested": 10_000_000,
        "commitment": SOME,
        "custodial": False,
        "draw_key": to_text(public_key(seed)),
        "fingerprints": SOME,
        "handle": to_text(seed),
        "kind": "export",
        "mode": "0110",
        "provisional": False,
        "seal": SOME,
        "stage": "closed",
        "type": "customs.attest/1",
        "unit": "USD",
    }


def release(about: int) -> dict[str, Any]:
    """Return a command of a bank that is refused, because there is no such loan."""
    loan = to_text(digest("test/flood", str(about).encode())[:16])
    return {"financing": loan, "reason": "withdrawn", "type": "financing.release/1"}


def overload(scene: Scene) -> str:
    """Everybody hands in, at every node, much more than fits; blocks must go on coming."""
    writer = Writer(scene)
    about = writer._number
    members = [("customs", attestation), ("customs-b", attestation), ("bank-b", release), (SPAMMER, release)]
    flood = []
    for number in range(FLOOD):
        member, command = members[number % len(members)]
        flood.append(writer.envelope(member, command(about + number)))
    lines = _lines(scene, flood)
    start, before = scene.height, len(scene.judge.replica.executed)
    with ThreadPoolExecutor(len(lines)) as pool:
        list(pool.map(lambda line: _flood(*line), lines))
    if scene.height <= start:
        raise AssertionError(f"no block in {FLOOD_S:g} s of flood")
    scene.goes_on()
    scene.judge_all()
    executed = len(scene.judge.replica.executed) - before
    if executed < FLOOD // 100:
        raise AssertionError(f"{executed} of {FLOOD} envelopes came in: that was no flood")
    pause_s = scene.judge.longest_pause_s(start)
    if pause_s > LONGEST_PAUSE_S:
        raise AssertionError(f"{pause_s:.0f} s between two blocks in the flood")
    wanted = f"{FLOOD:,} envelopes wanted in within {FLOOD_S:g} s, {executed:,} came in"
    return f"{wanted}; at most {pause_s:.1f} s between blocks"


def _flood(node: Node, share: list[bytes]) -> None:
    """Hand in without waiting for a verdict about each, as long as the flood lasts."""
    end_s = time.monotonic() + FLOOD_S
    for begin in range(0, len(share), AT_ONCE):
        if time.monotonic() > end_s:
            return
        calls = [Call("broadcast_tx_async", rpc_json.broadcast(raw).params) for raw in share[begin : begin + AT_ONCE]]
        with contextlib.suppress(NodeError):
            node.rpc.call_many(calls)


def spam(scene: Scene) -> str:
    """One member hands in all it can, at every node; no more than its share waits, and the others are answered."""
    writer = Writer(scene)
    about = writer._number
    flood = [writer.envelope(SPAMMER, release(about + number)) for number in range(SPAM)]
    lines = _lines(scene, flood)
    answered, waiting = len(scene.judge.acknowledged), 0
    with ThreadPoolExecutor(len(lines)) as pool:
        handed = [pool.submit(_flood, *line) for line in lines]
        while not all(done.done() for done in handed):
            waiting = max(waiting, *map(_waiting, scene.nodes))
            time.sleep(0.2)
    wait_until(lambda: len(scene.judge.acknowledged) >= answered + ANSWERED, 60, "others are answered in the spam")
    if waiting > MEMBER_ENVELOPES + OTHERS_WAITING:
        raise AssertionError(f"{waiting} envelopes wait at a node: more than one member's share and the others' few")
    return f"{SPAM:,} envelopes wanted in, at most {waiting:,} waited at a node"


def _lines(scene: Scene, flood: list[bytes]) -> list[tuple[Node, list[bytes]]]:
    """Divide a flood among some connections to each node."""
    count = LINES * len(scene.nodes)
    return [(node, flood[place::count]) for place, node in enumerate(scene.nodes * LINES)]


def _waiting(node: Node) -> int:
    told = node.asked("num_unconfirmed_txs")
    return int(told["n_txs"]) if told else 0


def _told(node: Node, envelopes: list[bytes]) -> list[int]:
    """Hand envelopes in and return what is said of each: 0 when it is taken, -1 when CometBFT turns it away itself."""
    try:
        results = node.rpc.call_many([rpc_json.broadcast(raw) for raw in envelopes])
    except NodeError:
        return [-1] * len(envelopes)
    return [-1 if isinstance(result, RpcError) else rpc_json.verdict_of(result) for result in results]


def bad_envelopes(scene: Scene) -> str:
    """Handed to every node: none may be taken, and none may come into a block."""
    before = scene.judge.replica.refused
    told = 0
    bad = _bad(scene)
    for node in scene.nodes:
        for name, raw in bad:
            (code,) = _told(node, [raw])
            told += 1
            if code == 0:
                raise AssertionError(f"{node.member}'s node takes an envelope that is bad: {name}")
    scene.goes_on()
    scene.judge_all()
    if scene.judge.replica.refused > before:
        raise AssertionError("an envelope that is refused came into a block")
    return f"{told} refused"


def _bad(scene: Scene) -> list[tuple[str, bytes]]:
    writer, rng = Writer(scene), Random(scene.rng.random())  # noqa: S311  # repeatable
    good = writer.envelope("customs", attestation(writer._number))
    done = _executed(scene)
    plain = json.loads(good)
    now_ms = scene.judge.replica.time_ms
    cut = rng.randrange(1, len(good))
    flipped = bytearray(good)
    flipped[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
    filler = {**attestation(1), "commitment": "A" * MAX_BYTES}
    return [
        ("empty", b""),
        ("noise", rng.randbytes(300)),
        ("cut off", good[:cut]),
        ("one bit flipped", bytes(flipped)),
        ("nested", b"[" * 10_000 + b"]" * 10_000),
        ("a float", good.replace(b"10000000", b"10000000.0")),
        ("a number too large", good.replace(b"10000000", b"9" * 400)),
        ("a field more", msgspec.json.encode({**plain, "more": 1}, order="sorted")),
        ("oversize", writer.envelope("customs", filler)),
        ("re-encoded with spaces", json.dumps(plain, sort_keys=True).encode()),
        ("re-encoded in another order", json.dumps(dict(reversed(plain.items())), separators=(",", ":")).encode()),
        ("re-encoded after it was executed", msgspec.json.format(done)),
        ("re-encoded with escapes", good.replace(b"customs/second", b"customs\\u002fsecond")),
        ("another alliance's", writer.envelope("customs", attestation(2), alliance=to_text(bytes(32)))),
        ("a stranger's", good.replace(b"customs/second", b"nobody/second")),
        ("another member's name on it", good.replace(b"customs/second", b"overseer/second")),
        ("expired", writer.envelope("customs", attestation(3), expires_ms=now_ms - 1)),
        ("expires too late", writer.envelope("customs", attestation(4), expires_ms=now_ms + 3 * 24 * 3_600_000)),
        ("replayed", done),
    ]


def _executed(scene: Scene) -> bytes:
    """Return an envelope that was executed."""
    wait_until(lambda: scene.judge.replica.executed, EXECUTED_S, "the first envelopes are executed")
    for height in range(scene.judge.replica.height, 1, -1):
        told = scene.nodes[0].asked("block", height=str(height))
        envelopes = rpc_json.block(told).envelopes if told else []
        if envelopes:
            return envelopes[0]
    raise AssertionError("no block with an envelope")


def garbage(scene: Scene) -> str:
    """A validator proposes garbage when it is its turn; nothing of it is decided, and the blocks go on."""
    (node,) = scene.some(1)
    refused = scene.judge.replica.refused
    node.stop()
    node.forget_said()
    seed = scene.rng.randrange(1 << 30)
    node.start_apart([sys.executable, "-m", "tests.network.hostile", str(seed), str(node.directory.path)])
    scene.keeps_up(node)
    scene.goes_on(GARBAGE_BLOCKS, 120)
    wait_until(lambda: node.has_said(hostile.SAID), 60, "the hostile validator proposes")
    said = (node.logs / "application.log").read_text().count(hostile.SAID)
    node.kill()
    node.start()
    scene.judge_all()
    if scene.judge.replica.refused > refused:
        raise AssertionError("garbage came into a block")
    return f"{said} proposals"


def double_signing(scene: Scene) -> str:
    """A validator runs twice, with one key and two memories. It is suspended by rule, and all members see it."""
    (node,) = scene.some(1)
    twin = scene.cluster.twin(node, TWIN_PLACE)
    scene.places.among([TWIN_PLACE, *(other.place for other in scene.nodes)])
    twin.start()
    try:
        seconds = wait_until(lambda: scene.judge.replica.evidence, EVIDENCE_S, "evidence of it is in a block")
        wait_until(lambda: _suspended_ms(scene, node.member), EVIDENCE_S, f"{node.member} is suspended")
        wait_until(lambda: _is_seen(scene, node.member), 30, "a member who asks sees that it is suspended")
        scene.goes_on()
    finally:
        twin.kill()
    return f"suspended after {seconds:.0f} s"


def _suspended_ms(scene: Scene, member: str) -> int:
    validators = scene.judge.replica.read(Validators, VALIDATORS_KEY)
    return validators.members[member].suspended_ms if validators else 0


def _is_seen(scene: Scene, member: str) -> bool:
    """Whether the proven answer to a member's question shows a validator as suspended."""
    try:
        found = scene.load.client.query([VALIDATORS_KEY]).values[0]
    except NobodyAnswersError:
        return False
    return found is not None and decoder(Validators).decode(found).members[member].suspended_ms > 0
