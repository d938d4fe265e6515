"""The judge's own copy of the ledger: it executes the network's blocks in memory; the auditor predicts each receipt.

A header of the network vouches for what stands after the block below it: the copy must arrive at the same app hash.
"""

from __future__ import annotations

from typing import Final

import msgspec
from tests.modules.ledger import MemoryState, seed_of
from tests.simulation.random_commands import Watched

from kouan import bootstrap
from kouan.engines.cometbft.client.rpc_json import BlockJson
from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import Block, BlockOutcome, Evidence, execute_block, found
from kouan.modules.alliance.founding import NetworkFounding, alliance_id, genesis
from kouan.simulation.auditor import Auditor, Difference

KEYS: Final = ("main", "second")


class Executed(msgspec.Struct, frozen=True):
    """Where an envelope's commands were answered, and what."""

    height: int
    receipt: bytes


class Replica(Watched):
    """A ledger in memory that follows a network; what makes random commands takes it for its own."""

    def __init__(self, founding: NetworkFounding) -> None:
        self.registry = bootstrap.registry()
        self._types = {command.record: command.type for command in self.registry.commands.values()}
        self.founding = founding
        self.alliance = alliance_id(founding)
        self.state = MemoryState()
        root = found(self.state, genesis(founding))
        self.state.apply(root)
        self.height, self.time_ms = 0, founding.founded_ms
        self.seeds = {f"{member.id}/{key}": seed_of(member.id, key) for member in founding.members for key in KEYS}
        self._number = 0
        self.auditor = Auditor(founding, self.alliance)
        self.differences: list[Difference] = []
        self.executed: dict[str, Executed] = {}
        """By id, every envelope whose commands were answered."""
        self.twice: list[str] = []
        """Envelopes that were executed a second time."""
        self.refused = 0
        """Envelopes in blocks that were refused whole: a correct proposer leaves them out."""
        self.evidence: list[Evidence] = []
        """All that the blocks brought."""
        self.app_hash = root.app_hash
        """After the newest block."""

    def follow(self, told: BlockJson) -> BlockOutcome:
        """Execute the next block."""
        self.height, self.time_ms = told.header.height, told.header.time.ms
        block = Block(self.alliance, self.height, self.time_ms, told.envelopes, evidence=told.evidence)
        outcome = execute_block(self.state, block, self.registry)
        self.state.apply(outcome)
        self.app_hash = outcome.app_hash
        self.evidence += told.evidence
        self.differences += self.auditor.watch(
            self.height, self.time_ms, told.envelopes, outcome.receipts, self.state.get
        )
        for raw, receipt in zip(told.envelopes, outcome.receipts, strict=True):
            self._note(envelope_id(raw), receipt)
        return outcome

    def _note(self, name: str, receipt: bytes) -> None:
        if msgspec.json.decode(receipt)["code"] != 0:
            self.refused += 1
            return
        if name in self.executed:
            self.twice.append(name)
        self.executed[name] = Executed(self.height, receipt)
