"""The judge: what must hold after every fault, looked up at each node and reckoned anew.

- No node has another block or app hash than the others, at any height that two have (`Judge.compare`).
- What the blocks lead to, executed here, is what their headers say, and the auditor expected every receipt and every
  figure after it: quotas are conserved (`Judge.follow`).
- What was acknowledged is in a block, with the receipt that was acknowledged; nothing was executed twice.
- Every proof that was ever given still verifies offline.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from tests.network.cluster import Cluster, Node
from tests.network.replica import Replica

from kouan.client.verifier import verify_proof
from kouan.engines.cometbft.client import rpc_json
from kouan.kernel.encoding import to_text
from kouan.kernel.headers import Header, header_hash

HEADERS_AT_ONCE: Final = 20
"""CometBFT tells no more in one answer."""


class Judge:
    """Follows one network from its founding on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.replica = Replica(cluster.founding)
        self.acknowledged: dict[str, bytes] = {}
        """By id, the receipts that clients were given and a header vouched for."""
        self.proofs: list[bytes] = []
        self.times_ms: list[int] = []
        """Block times, by height less 1."""
        self._headers: list[bytes] = []
        """Hashes of the headers, by height less 1, as the first node that had them told."""
        self._compared = {node.member: 0 for node in cluster.nodes}

    def follow(self) -> int:
        """Execute every block that a node has; return how many were new. Raises AssertionError for a wrong app hash."""
        began = self.replica.height
        for node in self._cluster.nodes:
            while True:
                told = node.asked("block", height=str(self.replica.height + 1))
                if told is None or told["block"] is None:
                    break
                block = rpc_json.block(told)
                self._expect_app_hash(block.header)
                self.times_ms.append(block.header.time.ms)
                self.replica.follow(block)
        return self.replica.height - began

    def _expect_app_hash(self, header: Header) -> None:
        if header.app_hash != to_text(self.replica.app_hash):
            raise AssertionError(f"header {header.height} has another app hash than block {header.height - 1} leads to")

    def check(self) -> list[str]:
        """Return everything that is wrong now that the network is whole again: nothing, it is to be hoped."""
        self.follow()
        wrong = [f"the auditor: {difference}" for difference in self.replica.differences[:3]]
        wrong += [f"executed twice: {name}" for name in self.replica.twice]
        wrong += self._lost()
        for node in self._cluster.nodes:
            wrong += self.compare(node)
        return wrong + self._unproven()

    def _lost(self) -> list[str]:
        wrong = []
        for name, receipt in self.acknowledged.items():
            found = self.replica.executed.get(name)
            if found is None:
                wrong.append(f"acknowledged and in no block: {name}")
            elif found.receipt != receipt:
                wrong.append(f"acknowledged with another receipt than its block's: {name}")
        return wrong

    def compare(self, node: Node) -> list[str]:
        """Compare a node's headers with those of the others."""
        height = node.height
        if not height:
            return [f"{node.member}'s node does not answer"]
        for low in range(self._compared[node.member] + 1, height + 1, HEADERS_AT_ONCE):
            high = min(low + HEADERS_AT_ONCE - 1, height)
            told = node.asked("blockchain", minHeight=str(low), maxHeight=str(high))
            if told is None:
                return [f"{node.member}'s node does not tell its headers {low} to {high}"]
            forked = self._forked(sorted(rpc_json.headers(told), key=lambda header: header.height))
            if forked:
                return [f"{node.member}'s node has another block {forked} than the others"]
            self._compared[node.member] = high
        return []

    def _forked(self, headers: Sequence[Header]) -> int:
        for header in headers:
            known, found = self._headers[header.height - 1 : header.height], header_hash(header)
            if not known:
                self._headers.append(found)
            elif known != [found]:
                return header.height
        return 0

    def _unproven(self) -> list[str]:
        verdicts = [verify_proof(proof, self._cluster.trust, now_ms=None) for proof in self.proofs]
        return [f"a proof given before: {verdict.en}" for verdict in verdicts if not verdict.proven]

    def longest_pause_s(self, from_height: int) -> float:
        """Return the longest time between two blocks, from a height on."""
        times = self.times_ms[max(0, from_height - 1) :]
        return max((after - before for before, after in pairwise(times)), default=0) / 1000
