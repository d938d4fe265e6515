"""A validator that means ill: `python -m tests.network.hostile SEED DIR` serves a node's application, with two changes.

When it is its turn it proposes garbage, and it agrees to every proposal. Everything else is as ours.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Final

import msgspec

from kouan.cli.start import main
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci

SAID: Final = "garbage proposed"


class Garbage:
    """Makes blocks that no correct validator may agree to."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311  # repeatable
        self._executed: list[bytes] = [b"{}"]

    def remember(self, envelopes: list[bytes]) -> None:
        self._executed = [*self._executed, *envelopes][-100:]

    def propose(self, waiting: list[bytes]) -> tuple[str, list[bytes]]:
        """Return a name for it, and what is proposed."""
        good = waiting[:1] or [self._executed[-1]]
        body = msgspec.json.decode(good[0])
        kinds = {
            "noise": [self._rng.randbytes(200)],
            "nothing": [b""],
            "one twice": [*good, *good],
            "executed before": [self._rng.choice(self._executed)],
            "signature broken": [good[0].replace(b'"signature":"', b'"signature":"A', 1)],
            "re-encoded": [msgspec.json.format(good[0])],
            "more than fits": good * 3000,
            "hidden among good ones": [*waiting, self._rng.randbytes(80)],
            "changed": [msgspec.json.encode({**body, "body": {**body.get("body", {}), "mode": "all"}}, order="sorted")],
        }
        kind = self._rng.choice(sorted(kinds))
        return kind, kinds[kind]


def be_hostile(seed: int) -> None:
    """Change what this process's application answers."""
    garbage = Garbage(seed)
    finalize = Application.finalize_block

    def prepare_proposal(self: Application, request: abci.RequestPrepareProposal) -> abci.ResponsePrepareProposal:
        kind, envelopes = garbage.propose(list(request.txs))
        sys.stdout.write(f"{SAID}: {kind} at height {request.height}\n")
        sys.stdout.flush()
        return abci.ResponsePrepareProposal(txs=_fitting(envelopes, request.max_tx_bytes))

    def process_proposal(self: Application, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)

    def finalize_block(self: Application, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        garbage.remember(list(request.txs))
        return finalize(self, request)

    Application.prepare_proposal = prepare_proposal  # type: ignore[method-assign]  # that is the point
    Application.process_proposal = process_proposal  # type: ignore[method-assign]
    Application.finalize_block = finalize_block  # type: ignore[method-assign]


def _fitting(envelopes: list[bytes], max_bytes: int) -> list[bytes]:
    """Leave out what CometBFT itself would not pass on."""
    kept, size = [], 0
    for raw in envelopes:
        size += len(raw) + 6
        if size <= max_bytes:
            kept.append(raw)
    return kept


if __name__ == "__main__":
    be_hostile(int(sys.argv[1]))
    sys.argv = ["kouan", "node", "application", sys.argv[2]]
    main()
