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
from kouan.engines.log import DamagedLogError, LogError, LogReader, Record
from kouan.engines.port import LoggedBlock
from kouan.engines.replay import replay
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import REBUILD as REBUILD_STATE
from kouan.engines.store import Mark, Store, StoreError
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.execution import NO_RECEIPTS, receipts_root
from kouan.kernel.registry import Verifier
from kouan.kernel.state import StateReader
from kouan.kernel.suites import public_key
from kouan.modules.alliance.queries import handovers, signer_at
from kouan.modules.alliance.standing import operator_of

Verdict = Literal["good", "note", "warning", "damaged"]
Said = tuple[str, str]
"""A sentence in English and in Chinese."""
LOSS: Final = "loss.json"
RESTORE: Final = ("restore a backup with `kouan restore`", "用 `kouan restore` 恢复备份")
REBUILD: Final = (REBUILD_STATE, "用 `kouan doctor --rebuild-state` 按日志重建状态")
NOTHING: Final = ("", "")
_OR_ACCEPT: Final = (
    f"{RESTORE[0]}; only who has none accepts the loss with `kouan doctor --accept-loss`",
    f"{RESTORE[1]}；没有备份时才用 `kouan doctor --accept-loss` 接受损失",
)
_CHANGED: Final = "the log was changed, or this version of Kouan executes it differently"
ENOUGH_BYTES: Final = 1 << 30
CLOCK_SLACK_MS: Final = 60_000
_decoder: Final = msgspec.msgpack.Decoder(LoggedBlock)


class Finding(NamedTuple):
    """One thing that was looked at. ``way_on`` says what to do; empty when there is nothing to do."""

    about: str
    verdict: Verdict
    says: Said
    way_on: Said = NOTHING


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
    rest_bytes: int
    """Behind the last whole block."""


def write_loss(directory: Path, loss: Loss) -> None:
    """Note a loss, until the incarnation is raised."""
    (directory / LOSS).write_bytes(msgspec.json.encode(loss) + b"\n")


def read_loss(directory: Path) -> Loss | None:
    """Return the last loss that a person accepted."""
    path = directory / LOSS
    return msgspec.json.decode(path.read_bytes(), type=Loss) if path.exists() else None


def raise_incarnation(incarnation: int) -> Said:
    """Say what the members do after a loss, so that no checkpoint contradicts an older one unnoticed."""
    propose = f"`kouan member propose operator --incarnation {incarnation + 1}`"
    return (
        f"raise the incarnation: {propose}, then votes and `kouan member enact`; tell holders of later proofs",
        f"提高代次：{propose}，表决后执行 `kouan member enact`；并告知持有更高高度证明的各方",
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

    def add(self, about: str, verdict: Verdict, says: Said, way_on: Said = NOTHING) -> None:
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
            summary = self._log(full=full, wanted=wanted)
            if summary and summary.rest_bytes and not served:
                self._rest(summary, wanted)
            if store and store.mark:
                if summary:
                    self._compare(store.mark, summary)
                self._scrub(store)
                self._operator(store)
            return summary.last if summary else None
        finally:
            if store:
                store.close()

    def _rest(self, summary: LogSummary, known: int) -> None:
        """Judge the bytes behind the last whole block; the stored state knows of block ``known``."""
        count = summary.rest_bytes
        if known > (summary.last.height if summary.last else 0):
            says = (
                f"{count} bytes at its end are what is left of a block that had been on disk",
                (f"末尾 {count} 字节是一个曾已写入磁盘的区块的残余"),
            )
        else:
            says = (
                f"{count} bytes at its end were never a whole block; the next start cuts them off",
                (f"末尾 {count} 字节从未构成完整区块；下次启动时会截去"),
            )
        self.add("log", "note", says)

    def _open_state(self) -> Store | None:
        directory = self._directory / STATE
        if not directory.exists():
            says = (
                "there is no stored state; the next start builds it from the log",
                "没有已存状态；下次启动时按日志建立",
            )
            self.add("state", "note", says)
            return None
        try:
            with lmdb.open(str(directory), readonly=True, lock=False) as env:
                page_bytes, pages = env.stat()["psize"], env.info()["last_pgno"] + 1
            if (directory / "data.mdb").stat().st_size < pages * page_bytes:  # reading beyond its end kills a process
                self.add("state", "damaged", ("the state store was cut short", "状态存储被截短"), REBUILD)
                return None
            return Store(directory, keep_versions=self._ledger.keep_versions)
        except (lmdb.Error, StoreError) as problem:
            self.add("state", "damaged", (str(problem), f"状态存储无法读取：{problem}"), REBUILD)
            return None

    def _log(self, *, full: bool, wanted: int) -> LogSummary | None:
        """Read the whole log; return None when it cannot be read to its end."""
        path = self._directory / LOG
        try:
            reader = LogReader.open(DirectoryDisk(self._directory), LOG, from_text(self._ledger.alliance))
        except FileNotFoundError:
            self.add("log", "damaged", (f"{path} is missing", f"缺少 {path}"), RESTORE)
            return None
        except (LogError, OSError) as problem:
            self._damaged_log(problem)
            return None
        try:
            return self._read_log(reader, path.stat().st_size, full=full, wanted=wanted)
        except LogError as problem:
            self._damaged_log(problem)
        except msgspec.MsgspecError as problem:
            says = f"a record is whole but holds no block: {problem}", f"记录完整，但内容不是区块：{problem}"
            self.add("log", "damaged", says, RESTORE)
        finally:
            reader.close()
        return None

    def _damaged_log(self, problem: Exception) -> None:
        if not isinstance(problem, DamagedLogError):
            self.add("log", "damaged", (str(problem), f"日志无法读取：{problem}"), RESTORE)
            return
        says = (
            problem.says,
            f"区块日志在偏移量 {problem.offset} 处损坏，此处应为区块 {problem.height}：{problem.reason}",
        )
        self.add("log", "damaged", says, _OR_ACCEPT if problem.can_be_accepted else RESTORE)

    def _read_log(self, reader: LogReader, size: int, *, full: bool, wanted: int) -> LogSummary:
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
        checked, checked_zh = (
            ("executed again, every signature checked", "已重新执行并核对全部签名")
            if full
            else ("hash chain, receipts and times", "已核对哈希链、回执与时间")
        )
        whole = f"blocks 1 to {height} are whole ({checked})", f"区块 1 至 {height} 完整（{checked_zh}）"
        self.add("log", "good", whole if height else ("there is no block yet", "尚无区块"))
        return LogSummary(last, roots, max(size - end, 0))

    def _block(self, block: LoggedBlock, before: LoggedBlock | None) -> None:
        root = receipts_root(block.receipts) if block.receipts else NO_RECEIPTS
        if root != block.receipts_root or len(block.receipts) != len(block.envelopes):
            says = (
                f"the receipts of block {block.height} are not those it was closed with",
                f"区块 {block.height} 的回执与封块时不一致",
            )
            self.add("log", "damaged", says, RESTORE)
        if before and block.time_ms < before.time_ms:
            says = f"block {block.height} is older than the block before it", f"区块 {block.height} 的时间早于前一区块"
            self.add("log", "damaged", says, RESTORE)

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
                agreed, height = False, replayed.logged.height  # all that follow build on it
                says = (
                    f"block {height}, executed with signatures checked, leads elsewhere than the log says: {_CHANGED}",
                    f"区块 {height} 重新执行并核对签名后，结果与日志不符：日志被改动，或本版本的执行结果不同",
                )
                way_on = (
                    f"compare with a backup or another member's copy; {RESTORE[0]} if they differ, else report it",
                    f"与备份或其他成员的副本比对；如不一致，{RESTORE[1]}，否则请报告",
                )
                self.add("execution", "damaged", says, way_on)
            yield replayed.logged

    def _compare(self, mark: Mark, summary: LogSummary) -> None:
        height = summary.last.height if summary.last else 0
        if mark.height > height:
            lost = (
                f"the state stands at height {mark.height}, the log ends at {height}: blocks are missing",
                f"状态已到高度 {mark.height}，日志止于 {height}：缺少区块",
            )
            self.add("log", "damaged", lost, _OR_ACCEPT)
        elif mark.height and summary.roots.get(mark.height) != mark.state_root:
            says = (
                f"the stored state is not the one that block {mark.height} leads to",
                f"已存状态与区块 {mark.height} 的执行结果不符",
            )
            self.add("state", "damaged", says, REBUILD)

    def _scrub(self, store: Store) -> None:
        problem = store.scrub(0, 1 << store.tree.depth)
        if problem:
            self.add("state", "damaged", (problem, f"已存状态损坏：{problem}"), REBUILD)
        else:
            says = (
                f"all {store.tree.entries} records at height {store.height} are what the root says",
                f"高度 {store.height} 的全部 {store.tree.entries} 条记录与状态根相符",
            )
            self.add("state", "good", says)

    def _operator(self, store: Store) -> None:
        """See whether checkpoints can be signed here, and whether a loss was made up for."""
        if self._ledger.operator is None:
            return
        try:
            state = StateReader(store)
            signer = signer_at(self._ledger.operator, handovers(state), store.height)
            incarnation = operator_of(state).incarnation
        except StoreError:
            return  # it is named already
        if self._operator_seed is None or to_text(public_key(self._operator_seed)) != signer.public:
            says = (
                f"the key {signer.public}, which signs checkpoints, is not here: nothing can be proved from this copy",
                f"签署检查点的密钥 {signer.public} 不在本机：本副本无法出具证明",
            )
            self.add("operator", "warning", says, ("put its seed into operator.key", "将其种子放入 operator.key"))
        else:
            incarnation_now = signer.incarnation
            says = f"checkpoints can be signed, incarnation {incarnation_now}", f"可签署检查点，代次 {incarnation_now}"
            self.add("operator", "good", says)
        loss = read_loss(self._directory)
        if loss and incarnation <= loss.incarnation:
            says = (
                f"a damaged end was cut off behind height {loss.height}; the incarnation is still {incarnation}",
                f"高度 {loss.height} 之后的损坏末尾已截去；代次仍为 {incarnation}",
            )
            self.add("operator", "warning", says, raise_incarnation(loss.incarnation))

    def clock(self, now_ms: int, last: LoggedBlock | None) -> None:
        """Compare the machine's clock with the last block."""
        behind_ms = (last.time_ms if last else self._ledger.founded_ms) - now_ms
        if behind_ms > CLOCK_SLACK_MS:
            says = (
                f"it is {behind_ms // 1000} s behind the last block, whose time new blocks keep until it catches up",
                f"比最后区块慢 {behind_ms // 1000} 秒；赶上之前，新区块沿用该时间",
            )
            way_on = (
                "set the clock by NTP; if the last block was ahead, wait",
                "用 NTP 校时；若最后区块的时间偏快，则等待",
            )
            self.add("clock", "warning", says, way_on)
        else:
            self.add("clock", "good", ("not behind the last block", "不慢于最后区块"))

    def disk(self) -> None:
        """See how much room the log has to grow."""
        free = shutil.disk_usage(self._directory).free
        says = f"{free / (1 << 30):.1f} GiB are free", f"可用空间 {free / (1 << 30):.1f} GiB"
        if free < ENOUGH_BYTES:
            way_on = (
                "make room: when the disk is full the ledger stops, and loses nothing",
                "腾出空间：磁盘写满时账本停止，不会丢失",
            )
            self.add("disk", "warning", says, way_on)
        else:
            self.add("disk", "good", says)

    def secrets(self, files: Iterable[Path]) -> None:
        """See that only their owner can read the files that hold keys."""
        open_files = [path for path in files if path.stat().st_mode & 0o077]
        for path in open_files:
            says = f"{path} can be read by others", f"{path} 可被他人读取"
            self.add("keys", "warning", says, (f"chmod 600 {path}",) * 2)
        if not open_files:
            self.add("keys", "good", ("no key file can be read by others", "密钥文件均不可被他人读取"))

    def leftovers(self) -> None:
        """Name what former accidents and repairs left."""
        for path in sorted(self._directory.iterdir()):
            if ".quarantine-" in path.name:
                says = f"{path} keeps blocks that were cut off as damaged", f"{path} 保存因损坏而截去的区块"
                self.add("leftovers", "note", says, ("keep it for the inquiry", "留作调查"))
            elif path.name.startswith(f"{STATE}.aside-"):
                says = f"{path} is a state that was replaced", f"{path} 是已被替换的状态"
                self.add("leftovers", "note", says, ("delete it once all is well", "确认无误后删除"))
            elif path.name.endswith(".new"):
                self.add(
                    "leftovers", "note", (f"{path} was left by a crash", f"{path} 因崩溃遗留"), ("delete it", "删除")
                )
