"""The load: members who send random commands through the client, likely and unlikely ones, and ask for proofs.

One thread sends, collects what is acknowledged, asks for proofs, and lets the judge follow the blocks: what is on the
ledger decides which commands make sense next.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

from tests.network.cluster import Cluster
from tests.network.judge import Judge
from tests.simulation.random_commands import Caller

from kouan.client.proofs import prove_quota
from kouan.engines.cometbft.client.nodes import NobodyAnswersError
from kouan.engines.cometbft.client.remote import Network
from kouan.kernel.envelope import envelope_id
from kouan.kernel.quota import key_of

COMMANDS: Final = 12
"""In a round, a few envelopes of them."""
OUTSTANDING: Final = 40
"""Envelopes that may be on their way; well below the 256 numbers of a member's key that are remembered."""
PAUSE_S: Final = 0.25
PROVE_EVERY: Final = 16
"""Rounds."""


class Load:
    """Sends until it is told to rest."""

    def __init__(self, cluster: Cluster, judge: Judge, seed: int) -> None:
        self._cluster = cluster
        self._judge = judge
        self._rng = Random(seed)  # noqa: S311  # repeatable
        self._caller = Caller(judge.replica, self._rng.choice)
        urls = [node.url for node in cluster.nodes]
        self.client = Network(urls, cluster.founding, Path(cluster.directory) / "trusted.json", _now_ms)
        self._waiting: dict[str, bytes] = {}
        self.problem: BaseException | None = None
        self.last_answer_s = time.monotonic()
        """When something was acknowledged last."""
        self._rounds = 0
        self._wanted = threading.Event()
        self._resting = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Send from now on."""
        self._resting.clear()
        self._wanted.set()
        if not self._thread.is_alive():
            self._thread.start()

    def rest(self) -> None:
        """Stop sending, and return once everything that was sent is answered or given up; raises what went wrong."""
        self._wanted.clear()
        if self._thread.is_alive() and not self._resting.wait(120):
            raise AssertionError("the load does not come to rest")
        if self.problem is not None:
            raise self.problem

    def close(self) -> None:
        self._ended = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(30)
        self.client.close()

    def _run(self) -> None:
        try:
            while not self._ended:
                if self._wanted.is_set():
                    self._round()
                    time.sleep(PAUSE_S)
                else:
                    self._settle()
                    self._resting.set()
                    self._wanted.wait()
        except BaseException as problem:  # noqa: BLE001  # told to whoever waits for this thread
            self.problem = problem
            self._resting.set()

    def _round(self) -> None:
        self._rounds += 1
        self._judge.follow()
        if len(self._waiting) < OUTSTANDING:
            made = self._envelopes()
            self._waiting.update({envelope_id(raw): raw for raw in made})
            self.client.put(made)
        self._collect()
        if self._rounds % PROVE_EVERY == 0:
            self._prove()

    def _settle(self) -> None:
        """Wait for what is on its way; what the network has not taken after a while it will not take."""
        end_s = time.monotonic() + 30
        while self._waiting and time.monotonic() < end_s:
            self._collect()
            time.sleep(PAUSE_S)
        self._waiting.clear()

    def _envelopes(self) -> list[bytes]:
        sent: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for _ in range(COMMANDS):
            member, command = self._caller.command()
            sent[member].append(command)
        modes: list[Literal["all", "each"]] = ["each", "each", "each", "all"]
        mode = self._rng.choice(modes)
        return [self._judge.replica.envelope(member, *plain, mode=mode) for member, plain in sent.items()]

    def _collect(self) -> None:
        try:
            answered = self.client.collect()
        except NobodyAnswersError:
            return  # they are down, or apart
        for name, receipt in answered.items():
            raw = self._waiting.pop(name, None)
            if raw is None or receipt.startswith(b'{"code":0,'):
                self._judge.acknowledged[name] = receipt
        if answered:
            self.last_answer_s = time.monotonic()

    def _prove(self) -> None:
        documents = list(self._judge.replica.auditor.books.documents)
        if not documents:
            return
        quota = self._rng.choice(documents[-20:])
        try:
            made = prove_quota(self.client, self._cluster.trust, quota, "record")
        except NobodyAnswersError:
            return
        if not made.verdict.proven:
            raise AssertionError(f"a proof of {key_of(quota)} that does not hold: {made.verdict.en}")
        self._judge.proofs.append(made.proof)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
