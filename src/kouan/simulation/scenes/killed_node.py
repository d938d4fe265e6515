"""On a network: a node is killed while commands come in, the others go on, and it catches up once it is back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import msgspec

from kouan.engines.cometbft.client.nodes import NobodyAnswersError
from kouan.engines.cometbft.node import local_network
from kouan.engines.port import Engine
from kouan.kernel.envelope import envelope_id
from kouan.kernel.quota import key_of
from kouan.simulation.checks import Checks
from kouan.simulation.network_port import NetworkPort
from kouan.simulation.scenes.attesting import Watch
from kouan.simulation.scenes.operator import load_of
from kouan.simulation.strangers import ProofShown

LOAD: Final = 80
LATER: Final = 20
"""Sent after the node is started again."""
KILL_AT: Final = 20
"""So many are answered when the node is killed."""
CLIENTS: Final = 10
KILLED: Final = 0
"""The first node of the list: the very one that clients ask first."""
CATCHING_UP_S: Final = 120.0


class KilledNodeShown(NamedTuple):
    """What the scene shows."""

    member: str
    """Whose node was killed."""
    sent: int
    before: int
    """Answered before the kill."""
    without: int
    """Answered while the node was away."""
    later: int
    """Answered after it was started again."""
    longest_ms: int
    """How long the slowest answer took."""
    lost: int
    """Answered and not there."""
    twice: int
    """In a block more than once."""
    height: int
    """What the node that was killed proves in the end."""
    state_root: str
    notes: list[str]
    """What the client said of nodes meanwhile."""
    proofs: list[ProofShown]
    forged: ProofShown


def kill_a_node(
    port: NetworkPort, checks: Checks, watch: Watch, proofs: Callable[[], list[ProofShown]]
) -> KilledNodeShown:
    """Kill the node that clients ask first, half way through a load; start it again; look for what was answered."""
    quotas, envelopes = load_of(port, LOAD + LATER)
    from_height = port.engine.status().height
    load = _Load(port.engine, envelopes, watch)
    with ThreadPoolExecutor(1) as other:
        killing = other.submit(_kill, port, load)
        load.send(range(LOAD))
        before = killing.result()
    local_network.start([port.node(KILLED)])
    load.send(range(LOAD, LOAD + LATER))
    found = port.engine.query([key_of(quota) for quota in quotas]).values
    counts = Counter(envelope_id(raw) for block in port.engine.blocks(from_height) for raw in block.envelopes)
    names = [envelope_id(raw) for raw in envelopes]
    again = port.engine.submit(envelopes[:KILL_AT])
    height, root = _caught_up(port, [key_of(quota) for quota in quotas])
    checks.equal("kill.all-accepted", sum(map(_is_accepted, load.answers.values())), LOAD + LATER)
    checks.holds("kill.network-goes-on", LOAD - before)
    checks.equal("kill.nothing-lost", found.count(None), 0)
    checks.equal("kill.nothing-twice", [counts[name] for name in names], [1] * len(names))
    checks.equal("kill.same-receipts", again, [load.answers[number] for number in range(KILL_AT)])
    checks.holds("kill.node-catches-up", height)
    *proven, forged = proofs()
    return KilledNodeShown(
        member=port.network.nodes[KILLED].member,
        sent=len(envelopes),
        before=before,
        without=LOAD - before,
        later=LATER,
        longest_ms=round(load.longest_s * 1000),
        lost=found.count(None),
        twice=sum(counts[name] > 1 for name in names),
        height=height,
        state_root=root,
        notes=list(dict.fromkeys(port.notes)),
        proofs=proven,
        forged=forged,
    )


class _Load:
    """Clients that each send an envelope and wait for its answer before the next."""

    def __init__(self, engine: Engine, envelopes: Sequence[bytes], watch: Watch) -> None:
        self._engine = engine
        self._envelopes = envelopes
        self._watch = watch
        self.answers: dict[int, bytes] = {}
        """Receipts by the number of their envelope."""
        self.longest_s = 0.0

    def send(self, numbers: range) -> None:
        """Send some and return when all are answered."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            for _ in clients.map(self._send, numbers):
                self._watch("send", len(self.answers), len(self._envelopes))

    def _send(self, number: int) -> None:
        began_s = time.monotonic()
        (self.answers[number],) = self._engine.submit([self._envelopes[number]])
        self.longest_s = max(self.longest_s, time.monotonic() - began_s)


def _kill(port: NetworkPort, load: _Load) -> int:
    """Kill the node in the midst of the load; return how many were answered by then."""
    while len(load.answers) < KILL_AT:
        time.sleep(0.02)
    before = len(load.answers)
    local_network.kill(port.node(KILLED))
    return before


def _caught_up(port: NetworkPort, keys: list[str]) -> tuple[int, str]:
    """Ask the node that was killed, and nobody else, until it proves all that was answered; height 0: it never does."""
    alone = port.client(port.network.nodes[KILLED].rpc)
    for _ in _until(CATCHING_UP_S):
        try:
            if None not in alone.query(keys).values:
                status = alone.status()
                return status.height, status.state_root
        except NobodyAnswersError:
            continue
    return 0, ""


def _until(seconds: float) -> Iterator[None]:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        yield
        time.sleep(0.2)


def _is_accepted(receipt: bytes) -> bool:
    answer = msgspec.json.decode(receipt)
    return not answer["code"] and not any(result["code"] for result in answer["results"])
