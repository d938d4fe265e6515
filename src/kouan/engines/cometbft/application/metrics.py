"""What a node's application counts and measures, for Prometheus; docs/operating/members.md says what it means."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kouan.engines.cometbft.application.application import Application, Skipping, skip_nothing
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.sync.keeping import Keeping
from kouan.engines.embedded import Ledger
from kouan.engines.service import Tell
from kouan.engines.store import Store

ACCEPTED: Final = "accepted"
_GROUPS: Final = (
    (20, "envelope"),
    (40, "command"),
    (100, "quota"),
    (200, "alliance"),
    (300, "customs"),
    (400, "financing"),
    (500, "cases"),
)
"""Rejections by the first number that is above them (`kouan.kernel.rejections`)."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ENVELOPES: Final = (1, 2, 4, 8, 16, 32, 64)


class _Result(msgspec.Struct):
    code: int


class _Receipt(msgspec.Struct):
    code: int
    results: list[_Result] = []


_receipt: Final = msgspec.json.Decoder(_Receipt).decode


def group_of(code: int) -> str:
    """Return the group of rejections that a code belongs to; ``accepted`` for 0."""
    if code == 0:
        return ACCEPTED
    return next((name for above, name in _GROUPS if code < above), "other")


class Metrics:
    """The measured values. One registry of its own, so that several nodes may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        into: dict[str, Any] = {"registry": self.registry, "namespace": "kouan"}
        self.height = Gauge("height", "Height of the newest committed block.", **into)
        self.block_time = Gauge("block_time_seconds", "Unix time of the newest committed block.", **into)
        self.block_seconds = Histogram("block_seconds", "Executing a block.", buckets=_SECONDS, **into)
        self.flush_seconds = Histogram("flush_seconds", "Writing the state to disk.", buckets=_SECONDS, **into)
        self.commands = Counter("commands", "Commands executed, by what became of them.", ["result"], **into)
        self.envelopes = Counter("envelopes", "Envelopes in blocks, by what became of them.", ["result"], **into)
        self.offered = Counter("offered", "Envelopes offered to the mempool, by the answer.", ["result"], **into)
        self.batch = Histogram(
            "check_batch_envelopes", "Envelopes checked together for the mempool.", buckets=_ENVELOPES, **into
        )
        self.checked = Gauge("signatures_checked", "Signatures verified since the start.", **into)
        self.proposals_refused = Counter("proposals_refused", "Proposals of others that were inadmissible.", **into)
        self.records = Gauge("state_records", "Records in the state.", **into)
        self.oldest = Gauge("oldest_provable_height", "The oldest height of which proofs can be made.", **into)

    def executed(self, receipts: Sequence[bytes], seconds: float) -> None:
        """Count a block that was executed."""
        self.block_seconds.observe(seconds)
        for raw in receipts:
            receipt = _receipt(raw)
            self.envelopes.labels(group_of(receipt.code)).inc()
            for result in receipt.results:
                self.commands.labels(group_of(result.code)).inc()

    def stands(self, store: Store, height: int, time_ms: int, checked: int) -> None:
        """Note where the ledger stands."""
        self.height.set(height)
        self.block_time.set(time_ms / 1000)
        self.records.set(store.tree.entries)
        self.oldest.set(store.oldest)
        self.checked.set(checked)


class MeteredApplication(Application):
    """The application, with what it does counted and measured."""

    def __init__(
        self,
        directory: Path,
        ledger: Ledger,
        metrics: Metrics,
        tell: Tell,
        keeping: Keeping | None = None,
        skipped: Skipping = skip_nothing,
    ) -> None:
        """See `Application`."""
        self.metrics = metrics
        super().__init__(directory, ledger, skipped=skipped, keeping=keeping, tell=tell)
        self.metrics.stands(self.store, self.height, self.time_ms, 0)

    def check_txs(self, requests: Sequence[abci.RequestCheckTx]) -> list[abci.ResponseCheckTx]:
        """See `Application.check_txs`."""
        answers = super().check_txs(requests)
        self.metrics.batch.observe(len(requests))
        for request, answer in zip(requests, answers, strict=True):
            if request.type != abci.RECHECK:
                self.metrics.offered.labels(group_of(answer.code)).inc()
        return answers

    def process_proposal(self, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        """See `Application.process_proposal`."""
        answer = super().process_proposal(request)
        if answer.status == abci.ResponseProcessProposal.REJECT:
            self.metrics.proposals_refused.inc()
        return answer

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        """See `Application.finalize_block`."""
        began_s = time.monotonic()
        answer = super().finalize_block(request)
        self.metrics.executed([one.data for one in answer.tx_results], time.monotonic() - began_s)
        return answer

    def commit(self, request: abci.RequestCommit) -> abci.ResponseCommit:
        """See `Application.commit`."""
        answer = super().commit(request)
        self.metrics.stands(self.store, self.height, self.time_ms, self.claims.checked)
        return answer

    def _flush(self, height: int, time_ms: int, state_root: bytes, receipts_root: bytes) -> None:
        began_s = time.monotonic()
        super()._flush(height, time_ms, state_root, receipts_root)
        self.metrics.flush_seconds.observe(time.monotonic() - began_s)
