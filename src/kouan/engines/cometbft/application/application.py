"""The ledger as CometBFT's application: the same kernel, with CometBFT's block store as the log.

`FinalizeBlock` computes, `Commit` takes the difference in. The state goes to disk every so many values or blocks; after
a crash CometBFT plays the blocks since then again. There is no clock here and no socket: `abci_server` has the socket,
and time comes with the blocks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from kouan.engines.cometbft.answers import NODE_BUSY, BlockTrace
from kouan.engines.cometbft.application.admission import Admission, Moment, Named, commands_in, name_of
from kouan.engines.cometbft.application.beginning import check_genesis
from kouan.engines.cometbft.application.consensus import answer_of, evidence_of, milliseconds, parameters_of, updates
from kouan.engines.cometbft.application.heights import Heights
from kouan.engines.cometbft.application.proposals import Proposal, Rules, choose, problem_of
from kouan.engines.cometbft.application.queries import Queries
from kouan.engines.cometbft.application.remembered import CheckedClaims, ReadLetters, ReadRecords
from kouan.engines.cometbft.application.snapshot_calls import SnapshotCalls
from kouan.engines.cometbft.application.waiting import FORGET_AFTER
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.cometbft.sync.keeping import Keeping
from kouan.engines.cometbft.sync.restoring import finish, put_in_place
from kouan.engines.cometbft.sync.snapshot_taking import Subject
from kouan.engines.cometbft.sync.state_sync import Restoring
from kouan.engines.embedded import STATE, Ledger
from kouan.engines.log_format import Position
from kouan.engines.service import Tell
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import FLUSH_VALUES, Mark, Store
from kouan.kernel.envelope import envelope_hash, envelope_id
from kouan.kernel.execution import NO_RECEIPTS, Block, BlockOutcome, TooOldError, app_hash, execute_block, found
from kouan.kernel.registry import PROTOCOL_KEY
from kouan.kernel.state import Reader, State, StateReader
from kouan.modules.alliance.records import VALIDATORS_KEY, Validators
from kouan.modules.alliance.rules import PROVABLE_BLOCKS
from kouan.modules.alliance.standing import charter_of, present

FLUSH_BLOCKS: Final = 500
"""At the latest after so many blocks the state goes to disk."""
COMMANDS_WHILE_WAITED_FOR: Final = 500
"""Between FinalizeBlock and Commit, CometBFT waits until all it has asked of the mempool is answered."""
WAY_ON: Final = (
    "delete the node's directory `state` and start it again; if its first blocks were pruned, take in a snapshot with "
    "`kouan node restore` (docs/operating/recovery.md)"
)
"""What to do about a damaged state: CometBFT has the blocks it follows from."""
VERSION: Final = "1"


class Finalized(NamedTuple):
    """A block that was executed and not yet committed."""

    block: Block
    names: list[bytes]
    outcome: BlockOutcome
    answer: abci.ResponseFinalizeBlock


Skipping = Callable[[Reader], frozenset[str]]
"""From a state to the ids of the envelopes that are not executed."""


def skip_nothing(_: Reader) -> frozenset[str]:
    """Return no ids: no envelope has crashed the nodes."""
    return frozenset()


def silent(event: str, **about: object) -> None:
    """Tell nobody."""


class Application:
    """A ledger in one directory, driven by CometBFT's requests, one at a time."""

    def __init__(
        self,
        directory: Path,
        ledger: Ledger,
        *,
        skipped: Skipping = skip_nothing,
        keeping: Keeping | None = None,
        tell: Tell = silent,
    ) -> None:
        """Open the state in ``directory / "state"``, or begin it; raises StoreError, and what ``skipped`` raises.

        ``skipped`` is given the state as it is on disk: a skip list counts by its validators.
        ``keeping``: snapshots, archive and retention; without it none are kept. It is closed with this.
        """
        self._directory = directory
        self._keeping = keeping
        self._skipping = skipped
        self.snapshots = SnapshotCalls(keeping, self._adopt, tell)
        self._ledger = ledger
        self._tell = tell
        self._finalized: Finalized | None = None
        self._flush_at = FLUSH_VALUES
        with ExitStack() as opened:
            verifier = ThreadedVerifier()
            opened.callback(verifier.close)
            self.claims = CheckedClaims(verifier)
            self._letters = ReadLetters(envelope_hash)
            self.store = Store(directory / STATE, keep_versions=ledger.keep_versions, way_on=WAY_ON)
            opened.callback(lambda: self.store.close())  # noqa: PLW0108  # it may be another one by then
            self.admission = Admission(ledger.alliance, ledger.registry, self._letters, self.claims)
            self._begin()
            self._opened = opened.pop_all()

    def _begin(self) -> None:
        """Stand where the store stands; found the ledger in one that is new."""
        self._records = ReadRecords(self.store)
        if self.store.mark is None:
            outcome = found(self.store, self._ledger.genesis)
            self.store.apply(0, outcome)
            self._flush(0, self._ledger.founded_ms, outcome.state_root, outcome.receipts_root)
        self._heights = Heights(self.store)
        self._turn_to(self._mark().height, self._mark().time_ms)
        steps = list if self._keeping is None else self._keeping.steps
        self._queries = Queries(self.store, self._heights, self._ledger.alliance, self._ledger.founded_ms, steps)
        self._skipped = self._skipping(StateReader(self.store))
        self._rules = Rules(self._ledger.alliance, self._ledger.registry, self._letters, self.claims, self._skipped)
        self._warn()

    def _mark(self) -> Mark:
        if self.store.mark is None:
            raise AssertionError("the state was begun")
        return self.store.mark

    def _turn_to(self, height: int, time_ms: int) -> None:
        """Look at the state after a block from now on."""
        self._now = Moment(State(self._records), height, time_ms)
        self._checked_while_waited_for = 0
        parameters = charter_of(self._now.state).parameters
        self.store.keep_versions = parameters.get(PROVABLE_BLOCKS, self._ledger.keep_versions)

    def _warn(self) -> None:
        """Tell of a protocol version that the members agreed on and that this software does not know."""
        agreed = self._ledger.registry.lacks(self._now.state)
        if agreed is not None:
            known = self._ledger.registry.protocol
            self._tell("too-old-soon", version=agreed.version, from_height=agreed.from_height, known=known)

    @property
    def height(self) -> int:
        """The last committed height."""
        return self._now.height

    @property
    def time_ms(self) -> int:
        """The time of the last committed block."""
        return self._now.time_ms

    def info(self, _request: abci.RequestInfo) -> abci.ResponseInfo:
        """Answer how far the state is: as it was read from disk, CometBFT plays the blocks after that again."""
        return abci.ResponseInfo(
            data="kouan", version=VERSION, last_block_height=self.height, last_block_app_hash=self._app_hash()
        )

    def _app_hash(self) -> bytes:
        receipts_root = NO_RECEIPTS
        if self.height:
            trace = self._heights.at(self.height)
            if trace is None:
                raise AssertionError(f"nothing is kept of block {self.height}, the last")
            receipts_root = trace.receipts_root
        return app_hash(self.store.tree.root, receipts_root)

    def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """Answer what the ledger begins with; raises GenesisError when CometBFT begins another."""
        validators = present(self._now.state, Validators, VALIDATORS_KEY)
        check_genesis(request, self._ledger, validators, self.height)
        return abci.ResponseInitChain(
            app_hash=self._app_hash(),
            consensus_params=parameters_of(charter_of(self._now.state)),
            validators=updates(None, validators),
        )

    def check_txs(self, requests: Sequence[abci.RequestCheckTx]) -> list[abci.ResponseCheckTx]:
        """Answer which envelopes may wait in the mempool: code 0, or a rejection's number and name."""
        codes: dict[int, int] = {}
        new: dict[int, Named] = {}
        for place, request in enumerate(requests):
            if request.type == abci.RECHECK:
                codes[place] = self.admission.check_again(Named(envelope_hash(request.tx), request.tx), self._now)
            elif self._is_too_much(request.tx):
                codes[place] = NODE_BUSY
            else:
                new[place] = Named(envelope_hash(request.tx), request.tx)
        codes.update(zip(new, self.admission.check(list(new.values()), self._now), strict=True))
        return [abci.ResponseCheckTx(code=codes[place], log=name_of(codes[place])) for place in range(len(requests))]

    def _is_too_much(self, raw: bytes) -> bool:
        if self._finalized is None:
            return False
        self._checked_while_waited_for += 1 + commands_in(raw)
        return self._checked_while_waited_for > COMMANDS_WHILE_WAITED_FOR

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> abci.ResponsePrepareProposal:
        """Choose from the mempool what is admissible."""
        proposal = self._proposal(request.height, milliseconds(request.time), request.max_tx_bytes)
        return abci.ResponsePrepareProposal(txs=choose(proposal, request.txs))

    def process_proposal(self, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        """Agree to a proposal of admissible envelopes."""
        problem = problem_of(self._proposal(request.height, milliseconds(request.time)), request.txs)
        if not problem:
            return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)
        proposer = request.proposer_address.hex().upper()
        self._tell("proposal-refused", height=request.height, proposer=proposer, problem=problem)
        return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.REJECT)

    def _proposal(self, height: int, time_ms: int, max_bytes: int = 1 << 40) -> Proposal:
        if height != self.height + 1:
            raise AssertionError(f"a proposal for height {height} came while the state is at height {self.height}")
        return Proposal(self._rules, State(self._records), time_ms, max_bytes)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        """Execute a block and keep the difference for Commit.

        What execution raises names the block and its envelopes; the process must end then.
        """
        if request.height != self.height + 1:
            raise AssertionError(f"block {request.height} came while the state is at height {self.height}")
        envelopes = list(request.txs)
        block = Block(
            self._ledger.alliance,
            request.height,
            milliseconds(request.time),
            envelopes,
            self._skipped,
            evidence_of(request.misbehavior),
        )
        if self._finalized is None or self._finalized.block != block:
            self._finalized = self._execute(block)
        return self._finalized.answer

    def _execute(self, block: Block) -> Finalized:
        try:
            outcome = execute_block(self._records, block, self._ledger.registry, self.claims, self._letters)
        except TooOldError:
            raise
        except Exception as defect:
            names = " ".join(map(envelope_id, block.envelopes))
            defect.add_note(
                f"block {block.height} cannot be executed; nothing of it was written. Its envelopes: {names}"
            )
            raise
        return Finalized(block, list(map(envelope_hash, block.envelopes)), outcome, answer_of(outcome, self._now.state))

    def commit(self, _request: abci.RequestCommit) -> abci.ResponseCommit:
        """Take the finalized block in; put the state on disk when enough is gathered."""
        if self._finalized is None:
            raise AssertionError("Commit came before FinalizeBlock")
        block, names, outcome, answer = self._finalized
        before_ms = self.time_ms
        self._finalized = None
        self.store.apply(block.height, outcome)
        self._records.take_in(outcome.writes)
        roots = (outcome.state_root, outcome.receipts_root)
        self._heights.add(block.height, BlockTrace(block.time_ms, *roots, names, outcome.receipts))
        self._turn_to(block.height, block.time_ms)
        if any(write.key == PROTOCOL_KEY for write in outcome.writes):
            self._warn()
        for name in names:
            self.admission.waiting.leave(name)
        self.admission.waiting.forget_before(block.height - FORGET_AFTER)
        self._letters.forget(names)
        due = False
        if self._keeping is not None:
            if answer.validator_updates:
                self._keeping.changed(block.height)
            due = self._keeping.is_due(block.height, before_ms, block.time_ms) and not self.store.frozen
        is_much = self.store.gathered >= self._flush_at or block.height - self._mark().height >= FLUSH_BLOCKS
        if due or (is_much and not self.store.frozen):
            self._flush(block.height, block.time_ms, *roots)
        if self._keeping is None:
            return abci.ResponseCommit()
        if due:
            subject = Subject(self._ledger.alliance, block.height, block.time_ms, *roots)
            self._keeping.take(self.store.freeze(), subject)
        retain = self._keeping.retain_height(block.height, block.time_ms, self._mark().height)
        return abci.ResponseCommit(retain_height=retain)

    def _flush(self, height: int, time_ms: int, state_root: bytes, receipts_root: bytes) -> None:
        self.store.flush(Mark(height, time_ms, state_root, receipts_root, Position(height, 0, 0, b"")))
        # Not every node at the same height: who writes is slow for a moment, and the others go on without it.
        self._flush_at = FLUSH_VALUES // 2 + secrets.randbelow(FLUSH_VALUES // 2)

    def flush(self) -> None:
        """Put the state on disk, so that the next start need not have blocks played again."""
        trace = self._heights.at(self.height)
        if trace is not None and self._mark().height != self.height:
            self._flush(self.height, trace.time_ms, trace.state_root, trace.receipts_root)

    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        """See `kouan.engines.cometbft.application.queries`."""
        return self._queries.answer(request.path, request.data)

    def _adopt(self, restored: Restoring) -> None:
        """Stand on a state that was restored; what was here before is kept aside, unless it was only the founding."""
        if self._keeping is None:
            raise AssertionError("nothing is restored by a node that keeps nothing")
        before = self.height
        place = finish(restored)
        self._keeping.pause()
        self.store.close()
        put_in_place(place, self._directory / STATE, keep=before > 0)
        self.store = Store(self._directory / STATE, keep_versions=self._ledger.keep_versions, way_on=WAY_ON)
        self._keeping.reopen()
        self._finalized = None
        self._begin()
        self._tell("restored", height=self.height)

    def close(self) -> None:
        """Put the state on disk and let everything go; raises StoreError when it could not be written."""
        with self._opened:
            if self._keeping is not None:
                self._keeping.close()
            self.flush()
