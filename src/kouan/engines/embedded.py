"""The embedded engine: one process, one operator. What was answered is on disk.

Directory: ``alliance.json`` (the trust file), ``blocks.log`` (the truth), ``state/`` (always rebuildable),
``operator.key`` (signs checkpoints), ``lock``, and perhaps ``skip.json``: ids of envelopes that are not to be executed,
should one ever crash the node (the crash names them).

A block goes: execute, append to the log, one fsync, apply, answer.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kouan.engines.disk import DirectoryDisk, Disk
from kouan.engines.log import BlockLog, DamagedLogError, OpenReport, Position
from kouan.engines.port import Found, LoggedBlock, Proven, Status
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import Mark, Store, Version
from kouan.kernel.encoding import Bytes32, from_text, to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import NO_RECEIPTS, Block, BlockOutcome, TooOldError, app_hash, execute_block, found
from kouan.kernel.proof import Checkpoint, Handover, make_checkpoint
from kouan.kernel.records import Charter
from kouan.kernel.registry import CHARTER_KEY, Claim, Registry
from kouan.kernel.state import StateReader
from kouan.kernel.suites import public_key
from kouan.modules.alliance.queries import handovers, signer_at
from kouan.modules.alliance.rules import PROVABLE_BLOCKS

LOG: Final = "blocks.log"
STATE: Final = "state"
SKIP: Final = "skip.json"
RECEIPTS_REMEMBERED: Final = 20_000
BYTES_RECALLED: Final = 16 << 20
"""How far back from the stored state the log is read at the start for receipts to remember."""
_TAKEN: Final = b'{"code":0,'
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(LoggedBlock)


class Ledger(NamedTuple):
    """What makes an alliance's ledger: its id, its records at height 0, and what it can execute."""

    alliance: str
    operator: str | None
    """Public key that signs checkpoints until a handover; None where validators vouch for the state."""
    founded_ms: int
    genesis: list[tuple[str, bytes]]
    registry: Registry
    keep_versions: int


class SkipListError(ValueError):
    """The skip list cannot be read; the text says what is wrong in it."""


class OperatorKeyError(Exception):
    """A checkpoint cannot be signed here; the text says which key is wanted."""


class LostLogError(Exception):
    """The log is not there although the state has been further than height 0."""


class ReplayError(Exception):
    """The log and what it leads to do not agree: the code or the log is not what it was."""


class Embedded:
    """A ledger in one directory, held open by this process alone."""

    def __init__(
        self,
        directory: Path,
        ledger: Ledger,
        now_ms: Callable[[], int],
        *,
        operator_seed: bytes | None = None,
        accept_loss: bool = False,
        check_signatures: bool = False,
        disk: Disk | None = None,
        progress: Callable[[int, int], None] = lambda _height, _last: None,
    ) -> None:
        """Open the ledger, or begin it when the directory has no log yet, and bring the state up to the log's end.

        ``accept_loss``: a person's word that a damaged end of the log may be put into quarantine.
        ``check_signatures``: when the log is executed again, check every signature in it and do not only compare
        where it leads: for a log that comes from elsewhere. ``progress`` is told
        the height reached and the last one while the end of the log is executed again. Raises LogError, StoreError,
        ReplayError, OSError.
        """
        self._ledger = ledger
        self._now_ms = now_ms
        self._operator_seed = operator_seed
        self._check_signatures = check_signatures
        self._verify = ThreadedVerifier()
        self._disk = disk or DirectoryDisk(directory)
        self._skipped = _skip_list(directory / SKIP)
        self._receipts: OrderedDict[str, bytes] = OrderedDict()
        self._signed: tuple[Checkpoint, list[Handover]] | None = None
        with ExitStack() as opened:  # what is open is let go when the rest fails
            opened.callback(self._verify.close)
            self._store = Store(directory / STATE, keep_versions=ledger.keep_versions)
            opened.callback(lambda: self._store.close())  # noqa: PLW0108  # it may be another one by then
            self._log, self.report = self._open_log(directory, accept_loss=accept_loss)
            opened.callback(self._log.close)
            self._catch_up(progress)
            self._heed_charter()
            self._opened = opened.pop_all()

    @property
    def store(self) -> Store:
        """The state."""
        return self._store

    @property
    def log(self) -> BlockLog:
        """The block log."""
        return self._log

    def submit(self, envelopes: Sequence[bytes]) -> list[bytes]:
        """See `kouan.engines.port.Engine.submit`."""
        names = [envelope_id(raw) for raw in envelopes]
        fresh = {name: raw for name, raw in zip(names, envelopes, strict=True) if name not in self._receipts}
        known = {name: self._receipts[name] for name in names if name not in fresh}
        if fresh:
            known.update(zip(fresh, self._commit(list(fresh.values())), strict=True))
        return [known[name] for name in names]

    def query(self, keys: Sequence[str]) -> Found:
        """See `kouan.engines.port.Engine.query`."""
        return Found(self._store.height, self._last.time_ms, [self._store.get(key) for key in keys])

    def prove(self, keys: Sequence[str], height: int | None = None) -> Proven:
        """See `kouan.engines.port.Engine.prove`; raises StoreError, OperatorKeyError."""
        version = self._store.at(self._store.height if height is None else height)
        if self._signed is None or self._signed[0].height != version.height:
            self._signed = self._sign(version)
        checkpoint, chain = self._signed
        return Proven(checkpoint, chain, [version.leaf(key) for key in keys])

    def _sign(self, version: Version) -> tuple[Checkpoint, list[Handover]]:
        """Return the checkpoint of a version, and the handovers before it."""
        last = self._last_at(version.height)
        if self._ledger.operator is None:
            raise OperatorKeyError("this ledger has no operator: its validators vouch for the state")
        chain = [handover for handover in handovers(StateReader(version)) if handover.from_height <= last.height]
        signer = signer_at(self._ledger.operator, chain, last.height)
        if self._operator_seed is None or to_text(public_key(self._operator_seed)) != signer.public:
            raise OperatorKeyError(
                f"the operator's key here is not {signer.public}, which signs the checkpoint of height {last.height}: "
                "put that key's seed into operator.key"
            )
        checkpoint = make_checkpoint(
            self._operator_seed,
            alliance=self._ledger.alliance,
            height=last.height,
            incarnation=signer.incarnation,
            receipts_root=last.receipts_root,
            state_root=last.state_root,
            time_ms=last.time_ms,
        )
        return checkpoint, chain

    def blocks(self, from_height: int = 1) -> Iterator[LoggedBlock]:
        """See `kouan.engines.port.Engine.blocks`."""
        for record in self._log.records(self._store.position_before(from_height)):
            if record.height >= from_height:
                yield _decoder.decode(record.body)

    def status(self) -> Status:
        """See `kouan.engines.port.Engine.status`."""
        last = self._last
        return Status(
            alliance=self._ledger.alliance,
            height=last.height,
            time_ms=last.time_ms,
            app_hash=to_text(app_hash(last.state_root, last.receipts_root)),
            state_root=to_text(last.state_root),
            records=self._store.tree.entries,
            oldest_provable=self._store.oldest,
            log_bytes=self._log.durable.end,
        )

    def flush(self) -> None:
        """Write the state as it is now to disk, so that the next start need not replay the log's tail."""
        self._flush(self._log.durable)

    def _flush(self, position: Position) -> None:
        self._heed_charter()
        last = self._last
        self._store.flush(Mark(last.height, last.time_ms, last.state_root, last.receipts_root, position))

    def _heed_charter(self) -> None:
        """Keep as many versions as the members have last agreed."""
        charter = StateReader(self._store).read(Charter, CHARTER_KEY)
        if charter is not None:
            self._store.keep_versions = charter.parameters.get(PROVABLE_BLOCKS, self._ledger.keep_versions)

    def close(self) -> None:
        """Write the state and let everything go; raises StoreError when it could not be written."""
        with self._opened:
            self.flush()

    def _last_at(self, height: int) -> _Last:
        if height == self._last.height:
            return self._last
        if height == 0:
            return _Last(0, self._ledger.founded_ms, self._store.at(0).root, NO_RECEIPTS)
        block = next(self.blocks(height))
        return _Last(height, block.time_ms, block.state_root, block.receipts_root)

    def _open_log(self, directory: Path, *, accept_loss: bool) -> tuple[BlockLog, OpenReport | None]:
        alliance = from_text(self._ledger.alliance)
        mark = self._store.mark
        if not self._disk.exists(LOG):
            if mark is not None:  # it was written after the log was made
                raise LostLogError(f"{LOG} is gone, but the state has been at height {mark.height}: restore a backup")
            return BlockLog.create(self._disk, LOG, alliance), None
        try:
            return BlockLog.open(self._disk, LOG, alliance, mark.log if mark else None, accept_loss=accept_loss)
        except DamagedLogError:
            if not accept_loss or mark is None:
                raise
        opened = BlockLog.open(self._disk, LOG, alliance, accept_loss=True)
        self._store.close()  # the state was ahead of what is left of the log: keep it aside, build it anew
        set_aside(directory / STATE)
        self._store = Store(directory / STATE, keep_versions=self._ledger.keep_versions)
        return opened

    def _commit(self, envelopes: list[bytes]) -> list[bytes]:
        """Make one block: execute, log, sync, apply. Whatever fails before the sync leaves the state as it was."""
        last = self._last
        time_ms = max(self._now_ms(), last.time_ms)
        block = Block(self._ledger.alliance, last.height + 1, time_ms, envelopes, self._skipped)
        try:
            with without_collector():
                outcome = execute_block(self._store, block, self._ledger.registry, self._verify)
        except TooOldError:
            raise
        except Exception as defect:
            names = " ".join(envelope_id(raw) for raw in envelopes)
            defect.add_note(
                f"block {block.height} cannot be executed; nothing of it was written. Its envelopes: {names}"
            )
            raise
        logged = LoggedBlock(
            block.height, time_ms, envelopes, outcome.receipts, outcome.state_root, outcome.receipts_root
        )
        self._log.append(block.height, _encoder.encode(logged))
        self._log.sync()
        self._apply(logged, outcome, self._log.durable)
        if self._store.wants_flush:
            self.flush()
        return outcome.receipts

    def _apply(self, logged: LoggedBlock, outcome: BlockOutcome, position: Position) -> None:
        self._store.apply(logged.height, outcome)
        self._store.remember(position)
        self._remember(logged)
        self._last = _Last(logged.height, logged.time_ms, logged.state_root, logged.receipts_root)

    def _remember(self, logged: LoggedBlock) -> None:
        remembered = self._receipts
        for raw, receipt in zip(logged.envelopes, logged.receipts, strict=True):
            if receipt.startswith(_TAKEN):  # one that was refused whole may be tried again
                remembered.setdefault(envelope_id(raw), receipt)
        while len(remembered) > RECEIPTS_REMEMBERED:
            remembered.popitem(last=False)

    def _catch_up(self, progress: Callable[[int, int], None]) -> None:
        """Bring the stored state up to the end of the log."""
        mark = self._store.mark
        if mark is None:
            outcome = found(self._store, self._ledger.genesis)
            self._store.apply(0, outcome)
            self._last = _Last(0, self._ledger.founded_ms, outcome.state_root, outcome.receipts_root)
            self.flush()
        else:
            self._last = _Last(mark.height, mark.time_ms, mark.state_root, mark.receipts_root)
            self._recall(mark)
        for record in self._log.records(mark.log if mark else None):
            logged = _decoder.decode(record.body)
            self._apply(logged, self._replay(logged), record.position)
            progress(record.height, self._log.last_height)
            if self._store.wants_flush:
                self._flush(record.position)

    def _recall(self, mark: Mark) -> None:
        """Remember the receipts of the last blocks before the stored state, so that they are given again if asked."""
        try:
            for record in self._log.records(self._store.position_at(mark.log.end - BYTES_RECALLED)):
                if record.height > mark.height:
                    break
                self._remember(_decoder.decode(record.body))
        except DamagedLogError:
            self._receipts.clear()  # the state is good without these blocks; the scrub will name the damage

    def _replay(self, logged: LoggedBlock) -> BlockOutcome:
        """Execute a logged block again. Its signatures were good unless that leads elsewhere than it once did."""
        block = logged.block(self._ledger.alliance)
        expected = (logged.state_root, logged.receipts_root)
        for verify in (self._verify,) if self._check_signatures else (_trusting, self._verify):
            outcome = execute_block(self._store, block, self._ledger.registry, verify)
            if (outcome.state_root, outcome.receipts_root) == expected:
                return outcome
        raise ReplayError(
            f"block {logged.height} of {LOG} leads to another state than it did when it was written: "
            "this version of the software executes it differently, or the log was changed"
        )


@contextmanager
def without_collector() -> Iterator[None]:
    """Let no garbage collection run: a block makes no cycles but many records, among which it would look in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _skip_list(path: Path) -> frozenset[str]:
    """Read which envelopes the operator has decided not to execute: a JSON list of their ids."""
    if not path.exists():
        return frozenset()
    try:
        return frozenset(msgspec.json.decode(path.read_bytes(), type=list[Bytes32]))
    except msgspec.MsgspecError as problem:
        raise SkipListError(f"{path}: {problem}; it must be a JSON list of envelope ids (43 characters)") from None


def set_aside(state: Path) -> Path | None:
    """Move a state store out of the way, to be built anew from the log; return where it is now, if there was one."""
    if not state.exists():
        return None
    number = 1
    while (aside := state.with_name(f"{state.name}.aside-{number}")).exists():
        number += 1
    return state.rename(aside)


class _Last(NamedTuple):
    """The newest block's result."""

    height: int
    time_ms: int
    state_root: bytes
    receipts_root: bytes


def _trusting(claims: list[Claim]) -> list[bool]:
    return [True] * len(claims)
