"""Load on a network of four, in a process of its own: ``python -m bench.network_load NAME DIRECTORY ARGUMENTS``.

Prints JSON.
Everything goes through the product's own client, which verifies each answer: an envelope counts as answered once a
header that more than two thirds of the validators signed vouches for its receipt. Envelopes are signed beforehand.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import inspect
import json
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bench.network_nodes import account, directories, read_founding
from bench.network_port import attestations, holds
from kouan.engines.cometbft.client.remote import Network
from kouan.engines.cometbft.node import local_network
from kouan.kernel.envelope import envelope_id
from kouan.modules.alliance.founding import NetworkFounding, alliance_id

SENDERS = 24
AT_ONCE = 10
"""Envelopes that one sender hands in together when more than one is due."""
WARM_S = 4.0
LOOK_EVERY_S = 0.1
RECOVERED_S = 10.0
"""Within this the network must be going again when a validator has stopped."""
PACE_S = 2.0
LEFT_S = 30.0
"""How long the last answers are waited for."""
Figures = dict[str, Any]


class Flow:
    """Envelopes on their way: threads hand them in as they fall due, one collects the answers and notes their times."""

    def __init__(self, network: Network, prepared: list[bytes], commands: int) -> None:
        self._network = network
        self._prepared = prepared
        self._places = {envelope_id(raw): place for place, raw in enumerate(prepared)}
        self._commands = commands
        self._due: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._due_s = [0.0] * len(prepared)
        self._next = 0
        self._ended = threading.Event()
        self.answered_s: dict[int, float] = {}
        self.refused: Counter[bytes] = Counter()
        self.problem: BaseException | None = None
        self.replace = False
        """Whether each answer brings the next envelope on its way."""
        self._threads = [threading.Thread(target=self._guard, args=(self._send,)) for _ in range(SENDERS)]
        self._threads.append(threading.Thread(target=self._guard, args=(self._collect,)))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the threads; afterwards wait for what is still on its way."""
        for thread in self._threads:
            thread.start()
        try:
            yield
            end_s = time.perf_counter() + LEFT_S
            while len(self.answered_s) < self._next and time.perf_counter() < end_s and self.problem is None:
                time.sleep(0.05)
        finally:
            self._ended.set()
            for _ in range(SENDERS):
                self._due.put(-1)
            for thread in self._threads:
                thread.join()
        if self.problem is not None:
            raise self.problem

    def release(self, count: int, due_s: float | None = None) -> bool:
        """Let the next envelopes fall due; tell whether there were so many."""
        now_s = time.perf_counter() if due_s is None else due_s
        for _ in range(count):
            if self._next == len(self._prepared):
                return False
            self._due_s[self._next] = now_s
            self._due.put(self._next)
            self._next += 1
        return True

    @property
    def left(self) -> int:
        """How many fell due and are not answered."""
        return self._next - len(self.answered_s)

    def latencies(self, from_s: float, until_s: float) -> list[float]:
        """Return in rising order how long those took that fell due in a time."""
        return sorted(
            answered_s - self._due_s[place]
            for place, answered_s in self.answered_s.items()
            if from_s <= self._due_s[place] < until_s
        )

    def commands(self, from_s: float, until_s: float) -> int:
        """Return how many commands were answered in a time."""
        return self._commands * sum(from_s <= answered_s < until_s for answered_s in self.answered_s.values())

    def recovered(self, from_s: float, until_s: float, rate: float) -> float:
        """Return from when on so many commands a second were answered over some seconds; ``until_s`` when never."""
        moment_s = from_s
        while moment_s < until_s and self.commands(moment_s, moment_s + PACE_S) < rate * PACE_S:
            moment_s += 0.1
        return moment_s

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001  # it ends the measurement, in the thread that waits
            self.problem = problem

    def _send(self) -> None:
        while True:
            places = [self._due.get()]
            with contextlib.suppress(queue.Empty):
                while len(places) < AT_ONCE:
                    places.append(self._due.get_nowait())
            if -1 in places:
                self._due.put(-1)
                return
            self._network.put([self._prepared[place] for place in places])

    def _collect(self) -> None:
        while not self._ended.is_set():
            answered = self._network.collect()
            now_s = time.perf_counter()
            for name, receipt in answered.items():
                self.answered_s[self._places[name]] = now_s
                if receipt.count(b'{"code":0}') != self._commands:
                    self.refused[receipt[:200]] += 1
            if self.replace and answered:
                self.release(len(answered))
            time.sleep(LOOK_EVERY_S)


def open_network(directory: Path, document: NetworkFounding) -> Network:
    """Return the client, which knows all nodes."""
    urls = [node.rpc for node in local_network.read_network(directory).nodes]
    return Network(
        urls, document, None, lambda: time.time_ns() // 1_000_000, warn=lambda text: print(text, file=sys.stderr)
    )


def attest(directory: Path, count: str) -> Figures:
    """Attest so many declarations."""
    document = read_founding(directory)
    network = open_network(directory, document)
    prepared = list(attestations(alliance_id(document), int(count)))
    flow = Flow(network, prepared, 0)
    began = time.perf_counter()
    flow.replace = True
    with flow.running():
        flow.release(12)
        while len(flow.answered_s) < len(prepared) and flow.problem is None:
            time.sleep(0.1)
    network.close()
    return {"seconds": time.perf_counter() - began}


def closed(directory: Path, quotas: str, seconds: str, commands: str, in_flight: str, most: str) -> Figures:
    """Keep so many envelopes on their way: how much goes through. ``most``: commands a second to prepare for."""
    return _measured(directory, quotas, seconds, commands, int(most), in_flight=int(in_flight))


def steady(directory: Path, quotas: str, seconds: str, commands: str, rate: str) -> Figures:
    """Send so many commands a second, evenly, whatever is answered: how long each takes from when it was due."""
    return _measured(directory, quotas, seconds, commands, int(rate), in_flight=0)


def _measured(directory: Path, quotas: str, seconds: str, commands: str, rate: int, *, in_flight: int) -> Figures:
    document = read_founding(directory)
    network = open_network(directory, document)
    each = int(commands)
    count = int((float(seconds) + 2 * WARM_S) * rate / each) + in_flight
    flow = Flow(network, list(islice(holds(document, int(quotas), each), count)), each)
    gc.collect()
    gc.freeze()
    with flow.running():
        begin_s = time.perf_counter() + WARM_S
        end_s = begin_s + float(seconds)
        if in_flight:
            flow.replace = True
            flow.release(in_flight)
        else:
            threading.Thread(target=_pace, args=(flow, rate / each, end_s), daemon=True).start()
        time.sleep(max(0.0, begin_s - time.perf_counter()))
        spending = account(directory)
        height = network.status().height
        _until(flow, end_s)
        spent, wall_s = spending.spent(), spending.seconds
        blocks = network.status().height - height
        flow.replace = False
    network.close()
    if flow.refused:
        raise AssertionError(
            f"{flow.refused.total()} envelopes were not taken whole, such as {flow.refused.most_common(3)}"
        )
    answered = flow.commands(begin_s, end_s)
    return {
        "commands_per_second": answered / float(seconds),
        **_spread(flow.latencies(begin_s, end_s)),
        "blocks_per_second": blocks / wall_s,
        "left": flow.left,
        "cores": sum(spent.values()) / wall_s,
        "microseconds": {name: cpu_s / answered * 1e6 for name, cpu_s in spent.items()} if answered else {},
        "series": [flow.commands(begin_s + at, begin_s + at + 1) for at in range(int(float(seconds)))],
    }


def _pace(flow: Flow, envelopes_a_second: float, end_s: float) -> None:
    due_s = time.perf_counter()
    while due_s < end_s:
        wait_s = due_s - time.perf_counter()
        if wait_s > 0:
            time.sleep(wait_s)
        if not flow.release(1, due_s):
            return
        due_s += 1 / envelopes_a_second


def _spread(ordered: list[float]) -> Figures:
    if not ordered:
        return {}
    at = {f"p{share}_s": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 90, 99)}
    return {**at, "max_s": ordered[-1]}


def stopped(directory: Path, quotas: str, seconds: str, commands: str, in_flight: str, most: str) -> Figures:
    """Keep envelopes on their way while one validator is stopped after a third of the time, and back after another."""
    document = read_founding(directory)
    network = open_network(directory, document)
    each, third_s = int(commands), float(seconds) / 3
    count = int((float(seconds) + WARM_S) * int(most) / each) + int(in_flight)
    flow = Flow(network, list(islice(holds(document, int(quotas), each), count)), each)
    victim = directories(directory)[-1]
    gc.collect()
    gc.freeze()
    with flow.running():
        begin_s = time.perf_counter() + WARM_S
        flow.replace = True
        flow.release(int(in_flight))
        _until(flow, begin_s + third_s)
        local_network.kill(victim)
        killed_s = time.perf_counter()
        _until(flow, killed_s + third_s)
        local_network.start([victim])
        started_s = time.perf_counter()
        caught_up_s = _caught_up(directory, flow)
        _until(flow, started_s + third_s)
        end_s = time.perf_counter()
        flow.replace = False
    network.close()
    before = flow.commands(begin_s, killed_s) / (killed_s - begin_s)
    calm_s = killed_s + RECOVERED_S
    without = flow.commands(calm_s, started_s) / (started_s - calm_s)
    return {
        "before": before,
        "without_one": without,
        "ratio": without / before,
        "without_one_latency": _spread(flow.latencies(calm_s, started_s)),
        "recovered_s": flow.recovered(killed_s, started_s, 0.75 * before) - killed_s,
        "after_its_return": flow.commands(started_s, end_s) / (end_s - started_s),
        "caught_up_s": caught_up_s - started_s,
        "series": [flow.commands(begin_s + at, begin_s + at + 1) for at in range(int(end_s - begin_s))],
    }


def _until(flow: Flow, moment_s: float) -> None:
    while time.perf_counter() < moment_s and flow.problem is None:
        time.sleep(0.05)


def _caught_up(directory: Path, flow: Flow) -> float:
    """Wait until the last node is at the others' height; return when it was."""
    network = local_network.read_network(directory)
    while flow.problem is None:
        heights = [0 if one is None else one.height for one in local_network.observe_all(network)]
        if heights[-1] >= max(heights) - 1:
            break
        time.sleep(0.2)
    return time.perf_counter()


def idle(directory: Path, seconds: str) -> Figures:
    """Do nothing for some time: what the nodes cost by themselves."""
    network = open_network(directory, read_founding(directory))
    height = network.status().height
    spending = account(directory)
    time.sleep(float(seconds))
    spent, wall_s = spending.spent(), spending.seconds
    blocks = network.status().height - height
    network.close()
    nodes = len(local_network.read_network(directory).nodes)
    shares = {name: cpu_s / wall_s / nodes for name, cpu_s in spent.items() if name != "load"}
    return {"blocks_per_second": blocks / wall_s, "cores_a_node": sum(shares.values()), **shares}


MEASURES: dict[str, Callable[..., Figures]] = {
    measure.__name__: measure for measure in (attest, closed, steady, stopped, idle)
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for measure in MEASURES.values():
        one = names.add_parser(measure.__name__, help=measure.__doc__)
        for argument in inspect.signature(measure).parameters:
            one.add_argument(argument, type=Path if argument == "directory" else str)
    given = vars(parser.parse_args())
    print(json.dumps(MEASURES[given.pop("name")](**given)))
