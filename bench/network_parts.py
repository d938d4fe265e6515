"""Where a validator's application spends its time.

``python -m bench.network_parts DIRECTORY QUOTAS BLOCKS ENVELOPES COMMANDS [--steps]``

One application in this process is driven as CometBFT drives it, frames included: every envelope is asked about, then
blocks are proposed (every fourth by this validator), agreed to, executed and committed. Prints JSON: microseconds of
the processor's time a command, all threads counted, by what CometBFT asked and, within that, by steps of the kernel.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import kouan.engines.cometbft.application.application
import kouan.engines.cometbft.application.remembered
import kouan.kernel.execution
from bench.network_port import attestations, document_of, holds
from kouan.bootstrap import ledger_of
from kouan.engines.cometbft.application.abci_server import AbciServer, Connection
from kouan.engines.cometbft.application.application import Application, silent
from kouan.engines.cometbft.application.frames import frame_of
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import Store
from kouan.kernel.tree import Tree
from kouan.modules.alliance.founding import NetworkFounding, alliance_id

ASKED_AT_ONCE = 16
PROPOSED_EVERY = 4


class Validator:
    """An application, driven by frames."""

    def __init__(self, directory: Path, document: NetworkFounding) -> None:
        self.application = Application(directory, ledger_of(document))
        self._server = AbciServer(self.application, silent)
        self._height = self.application.height
        self.spent: dict[str, float] = {}

    def ask(self, label: str, *requests: abci.Request) -> list[abci.Response]:
        """Answer requests that come together, from frame to frame."""
        frames = b"".join(map(_frame, requests))
        began = time.process_time()
        answers = answer_frames(self._server, frames)
        self.spent[label] = self.spent.get(label, 0.0) + time.process_time() - began
        return [abci.Response.FromString(body) for body in _bodies(answers)]

    def block(self, envelopes: list[bytes]) -> list[bytes]:
        """Take a block through everything; return its receipts."""
        for at in range(0, len(envelopes), ASKED_AT_ONCE):
            some = envelopes[at : at + ASKED_AT_ONCE]
            answers = self.ask("CheckTx", *(abci.Request(check_tx=abci.RequestCheckTx(tx=raw)) for raw in some))
            if any(answer.check_tx.code for answer in answers):
                raise AssertionError(answers)
        self._height += 1
        about: dict[str, Any] = {"height": self._height, "txs": envelopes}
        request = abci.RequestPrepareProposal(max_tx_bytes=2_000_000, **about)
        request.time.FromMilliseconds(time.time_ns() // 1_000_000)
        if self._height % PROPOSED_EVERY == 0:
            (proposed,) = self.ask("PrepareProposal", abci.Request(prepare_proposal=request))
            about["txs"] = list(proposed.prepare_proposal.txs)
        (agreed,) = self.ask(
            "ProcessProposal",
            abci.Request(process_proposal=abci.RequestProcessProposal(time=request.time, hash=bytes(32), **about)),
        )
        if agreed.process_proposal.status != abci.ResponseProcessProposal.ACCEPT:
            raise AssertionError(agreed)
        (done,) = self.ask(
            "FinalizeBlock",
            abci.Request(finalize_block=abci.RequestFinalizeBlock(time=request.time, hash=bytes(32), **about)),
        )
        self.ask("Commit", abci.Request(commit=abci.RequestCommit()))
        return [result.data for result in done.finalize_block.tx_results]


def answer_frames(server: AbciServer, frames: bytes) -> bytes:
    """Give frames to a server as its socket would; return what it writes."""
    connection = Connection()
    connection.take_in(frames)
    written: list[bytes] = []
    while connection.waiting:
        written.extend(map(frame_of, server.answers(connection.take_out())))
    return b"".join(written)


def _frame(request: abci.Request) -> bytes:
    body = request.SerializeToString()
    return _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _bodies(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield data[at : at + size]
        at += size


def measure(directory: Path, quotas: int, blocks: int, envelopes: int, commands: int) -> dict[str, float]:
    """Return microseconds a command, by step."""
    document = document_of(
        {member: bytes([number]) * 32 for number, member in enumerate(("bank-a", "commerce", "customs", "overseer"), 1)}
    )
    validator = Validator(directory, document)
    made = attestations(alliance_id(document), quotas)
    while some := list(islice(made, 10)):
        validator.block(some)
    prepared = [
        list(islice(endless, envelopes)) for endless in [holds(document, quotas, commands)] for _ in range(blocks)
    ]
    gc.collect()
    gc.freeze()
    gc.disable()  # as in a node
    validator.spent.clear()
    steps: dict[str, float] = {}

    def timed(owner: Any, name: str, label: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def outer(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return inner(*arguments, **named)
            finally:
                steps[label] = steps.get(label, 0.0) + time.process_time() - began

        setattr(owner, name, outer)

    if "--steps" in sys.argv:
        timed(kouan.engines.cometbft.application.application, "execute_block", "execution in all")
        timed(kouan.engines.cometbft.application.remembered, "read_envelope", "decoding envelopes")
        timed(ThreadedVerifier, "__call__", "signatures")
        timed(Tree, "change", "tree: hashing")
        timed(Tree, "apply", "tree: taking in")
        timed(Store, "get", "state: reading")
        timed(Store, "flush", "disk: state flush")
    try:
        taken = sum(receipt.count(b'{"code":0}') for block in prepared for receipt in validator.block(block))
    finally:
        gc.enable()
    if taken != blocks * envelopes * commands:
        raise AssertionError(f"{blocks * envelopes * commands - taken} holds were refused")
    figures = {
        **validator.spent,
        "in all": sum(validator.spent.values()),
        **{f"of which {name}": cpu_s for name, cpu_s in steps.items()},
    }
    return {name: cpu_s / taken * 1e6 for name, cpu_s in figures.items()}


if __name__ == "__main__":
    place, *numbers = [one for one in sys.argv[1:] if one != "--steps"]
    print(json.dumps(measure(Path(place), *map(int, numbers)), indent=1))
