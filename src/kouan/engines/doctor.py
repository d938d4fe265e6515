"""Examining a ledger's directory: everything that can be checked from the log, and what to do about what is found.

Nothing here writes to the directory. What a doctor does (build the state anew, accept a loss) is the engine's.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import lmdb
import msgspec

from kouan.engines.disk import DirectoryDisk
from kouan.engines.embedded import LOG, STATE, Ledger
from kouan.engines.log import LogError, LogReader, Record
from kouan.engines.port import LoggedBlock
from kouan.engines.replay import replay
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import REBUILD, Mark, Store, StoreError
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.execution import NO_RECEIPTS, receipts_root
from kouan.kernel.registry import Verifier
from kouan.kernel.state import StateReader
from kouan.kernel.suites import public_key
from kouan.modules.alliance.queries import handovers, signer_at
from kouan.modules.alliance.standing import operator_of

Verdict = Literal["good", "note", "warning", "damaged"]
LOSS: Final = "loss.json"
RESTORE: Final = "restore a backup with `kouan restore`"
ENOUGH_BYTES: Final = 1 << 30
CLOCK_SLACK_MS: Final = 60_000
_decoder: Final = msgspec.msgpack.Decoder(LoggedBlock)


class Finding(NamedTuple):
    """One thing that was looked at. ``way_on`` says what to do; empty when there is nothing to do."""

    about: str
    verdict: Verdict
    says: str
    way_on: str = ""


class Loss(msgspec.Struct, frozen=True):
    """A person accepted that blocks may be lost. File ``loss.json``."""

    height: int
    """Of the last block that was left."""
    incarnation: int
    """The operator's at that time: it must be raised."""
    time_ms: int


class Progress(NamedTuple):
    """How far an examination of the log has come."""

    done_bytes: int
    all_bytes: int


class LogSummary(NamedTuple):
    """Where the log was found to stand."""

    last: LoggedBlock | None
    roots: dict[int, bytes]
    """State roots of the heights that were asked for."""


def write_loss(directory: Path, loss: Loss) -> None:
    """Note a loss, until the incarnation is raised."""
    (directory / LOSS).write_bytes(msgspec.json.encode(loss) + b"\n")


def read_loss(directory: Path) -> Loss | None:
    """Return the last loss that a person accepted."""
    path = directory / LOSS
    return msgspec.json.decode(path.read_bytes(), type=Loss) if path.exists() else None


def raise_incarnation(incarnation: int) -> str:
    """Say what the members do after a loss, so that no checkpoint contradicts an older one unnoticed."""
    return (
        f"raise the incarnation: `kouan member propose operator --incarnation {incarnation + 1}`, then votes and "
        "`kouan member enact`; tell whoever holds proofs of later heights"
    )


class Examination:
    """Looks at one ledger. ``findings`` grows as it goes."""

    def __init__(
        self, directory: Path, ledger: Ledger, operator_seed: bytes | None, progress: Callable[[Progress], None]
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._operator_seed = operator_seed
        self._progress = progress
        self.findings: list[Finding] = []

    def add(self, about: str, verdict: Verdict, says: str, way_on: str = "") -> None:
        """Note a finding."""
        self.findings.append(Finding(about, verdict, says, way_on))

    def ledger(self, *, served: bool, full: bool) -> LoggedBlock | None:
        """Examine log and state; return the last good block.

        ``served``: another process has the ledger open, so the state store, which is its own, is left alone and the end
        of the log may just be being written. ``full``: execute every block again, with every signature checked.
        """
        store = None if served else self._open_state()
        try:
            wanted = store.mark.height if store and store.mark else 0
            summary = self._log(served=served, full=full, wanted=wanted)
            if store and store.mark:
                if summary:
                    self._compare(store.mark, summary)
                self._scrub(store)
                self._operator(store)
            return summary.last if summary else None
        finally:
            if store:
                store.close()

    def _open_state(self) -> Store | None:
        directory = self._directory / STATE
        if not directory.exists():
            self.add("state", "note", "there is no stored state; the next start builds it from the log")
            return None
        try:
            with lmdb.open(str(directory), readonly=True, lock=False) as env:
                page_bytes, pages = env.stat()["psize"], env.info()["last_pgno"] + 1
            if (directory / "data.mdb").stat().st_size < pages * page_bytes:  # reading beyond its end kills a process
                self.add("state", "damaged", "the state store was cut short", REBUILD)
                return None
            return Store(directory, keep_versions=self._ledger.keep_versions)
        except (lmdb.Error, StoreError) as problem:
            self.add("state", "damaged", str(problem), REBUILD)
            return None

    def _log(self, *, served: bool, full: bool, wanted: int) -> LogSummary | None:
        """Read the whole log; return None when it cannot be read to its end."""
        path = self._directory / LOG
        try:
            reader = LogReader.open(DirectoryDisk(self._directory), LOG, from_text(self._ledger.alliance))
        except FileNotFoundError:
            self.add("log", "damaged", f"{path} is missing", RESTORE)
            return None
        except (LogError, OSError) as problem:
            self.add("log", "damaged", str(problem), RESTORE)
            return None
        try:
            return self._read_log(reader, path.stat().st_size, served=served, full=full, wanted=wanted)
        except LogError as problem:
            self.add("log", "damaged", str(problem))
        except msgspec.MsgspecError as problem:
            self.add("log", "damaged", f"a record is whole but holds no block: {problem}", RESTORE)
        finally:
            reader.close()
        return None

    def _read_log(self, reader: LogReader, size: int, *, served: bool, full: bool, wanted: int) -> LogSummary:
        end = reader.beginning.end
        last: LoggedBlock | None = None
        roots: dict[int, bytes] = {}

        def passing() -> Iterator[Record]:
            nonlocal end
            for record in reader.records():
                end = record.position.end
                self._progress(Progress(end, max(size, end)))
                yield record

        for block in self._executed(passing()) if full else (_decoder.decode(record.body) for record in passing()):
            self._block(block, last)
            if block.height == wanted:
                roots[wanted] = block.state_root
            last = block
        height = last.height if last else 0
        checked = "executed again, every signature checked" if full else "hash chain, receipts and times"
        self.add("log", "good", f"blocks 1 to {height} are whole ({checked})" if height else "there is no block yet")
        if size > end and not served:
            self.add(
                "log", "note", f"{size - end} bytes at its end were never a whole block; the next start cuts them off"
            )
        return LogSummary(last, roots)

    def _block(self, block: LoggedBlock, before: LoggedBlock | None) -> None:
        root = receipts_root(block.receipts) if block.receipts else NO_RECEIPTS
        if root != block.receipts_root or len(block.receipts) != len(block.envelopes):
            self.add(
                "log", "damaged", f"the receipts of block {block.height} are not those it was closed with", RESTORE
            )
        if before and block.time_ms < before.time_ms:
            self.add("log", "damaged", f"block {block.height} is older than the block before it", RESTORE)

    def _executed(self, records: Iterable[Record]) -> Iterator[LoggedBlock]:
        verify = ThreadedVerifier()
        with tempfile.TemporaryDirectory(prefix="kouan-doctor-") as directory:
            store = Store(Path(directory), keep_versions=1)
            try:
                yield from self._compared(records, store, verify)
            finally:
                store.close()
                verify.close()

    def _compared(self, records: Iterable[Record], store: Store, verify: Verifier) -> Iterator[LoggedBlock]:
        agreed = True
        for replayed in replay(self._ledger, records, store, verify):
            if agreed and not replayed.agrees:
                agreed = False  # all that follow build on it
                self.add(
                    "execution",
                    "damaged",
                    f"block {replayed.logged.height}, executed again with its signatures checked, leads elsewhere than "
                    "the log says: the log was changed, or this version of Kouan executes it differently",
                    f"compare with a backup or another member's copy; {RESTORE} if they differ, else report it",
                )
            yield replayed.logged

    def _compare(self, mark: Mark, summary: LogSummary) -> None:
        height = summary.last.height if summary.last else 0
        if mark.height > height:
            lost = f"the state stands at height {mark.height}, the log ends at {height}: blocks are missing"
            self.add("log", "damaged", lost, f"{RESTORE}, or accept the loss with `kouan doctor --accept-loss`")
        elif mark.height and summary.roots.get(mark.height) != mark.state_root:
            says = f"the stored state is not the one that block {mark.height} leads to"
            self.add("state", "damaged", says, REBUILD)

    def _scrub(self, store: Store) -> None:
        problem = store.scrub(0, 1 << store.tree.depth)
        if problem:
            self.add("state", "damaged", problem, REBUILD)
        else:
            says = f"all {store.tree.entries} records at height {store.height} are what the root says"
            self.add("state", "good", says)

    def _operator(self, store: Store) -> None:
        """See whether checkpoints can be signed here, and whether a loss was made up for."""
        try:
            state = StateReader(store)
            signer = signer_at(self._ledger.operator, handovers(state), store.height)
            incarnation = operator_of(state).incarnation
        except StoreError:
            return  # it is named already
        if self._operator_seed is None or to_text(public_key(self._operator_seed)) != signer.public:
            says = (
                f"the key {signer.public}, which signs checkpoints, is not here: nothing can be proved from this copy"
            )
            self.add("operator", "warning", says, "put its seed into operator.key")
        else:
            self.add("operator", "good", f"checkpoints can be signed, incarnation {signer.incarnation}")
        loss = read_loss(self._directory)
        if loss and incarnation <= loss.incarnation:
            says = f"a damaged end was cut off behind height {loss.height}; the incarnation is still {incarnation}"
            self.add("operator", "warning", says, raise_incarnation(loss.incarnation))

    def clock(self, now_ms: int, last: LoggedBlock | None) -> None:
        """Compare the machine's clock with the last block."""
        behind_ms = (last.time_ms if last else self._ledger.founded_ms) - now_ms
        if behind_ms > CLOCK_SLACK_MS:
            says = f"it is {behind_ms // 1000} s behind the last block, whose time new blocks keep until it catches up"
            self.add("clock", "warning", says, "set the clock by NTP; if the last block was ahead, wait")
        else:
            self.add("clock", "good", "not behind the last block")

    def disk(self) -> None:
        """See how much room the log has to grow."""
        free = shutil.disk_usage(self._directory).free
        says = f"{free / (1 << 30):.1f} GiB are free"
        if free < ENOUGH_BYTES:
            self.add("disk", "warning", says, "make room: when the disk is full the ledger stops, and loses nothing")
        else:
            self.add("disk", "good", says)

    def secrets(self, files: Iterable[Path]) -> None:
        """See that only their owner can read the files that hold keys."""
        open_files = [path for path in files if path.stat().st_mode & 0o077]
        for path in open_files:
            self.add("keys", "warning", f"{path} can be read by others", f"chmod 600 {path}")
        if not open_files:
            self.add("keys", "good", "no key file can be read by others")

    def leftovers(self) -> None:
        """Name what former accidents and repairs left."""
        for path in sorted(self._directory.iterdir()):
            if ".quarantine-" in path.name:
                self.add(
                    "leftovers", "note", f"{path} keeps blocks that were cut off as damaged", "keep it for the inquiry"
                )
            elif path.name.startswith(f"{STATE}.aside-"):
                self.add("leftovers", "note", f"{path} is a state that was replaced", "delete it once all is well")
            elif path.name.endswith(".new"):
                self.add("leftovers", "note", f"{path} was left by a crash", "delete it")
