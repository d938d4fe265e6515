"""``kouan doctor``, ``backup``, ``restore`` and ``export``: keeping a ledger safe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.output import REFUSED, Page, UnusableError, error_console, fields, moment, table
from kouan.client.places import KEYS
from kouan.engines import backup as backups
from kouan.engines.doctor import Examination, Finding, Loss, raise_incarnation, write_loss
from kouan.engines.embedded import LOG, STATE, Embedded, set_aside
from kouan.engines.export import Index, export_blocks, export_log, write_export
from kouan.engines.log import DamagedLogError
from kouan.kernel.state import StateReader
from kouan.modules.alliance.founding import NetworkFounding, alliance_id
from kouan.modules.alliance.standing import operator_of

app: Final = group("Keep a ledger safe.")
LOG_PATH: Final = f"{bootstrap.LEDGER}/{LOG}"
STAGED: Final = ".restoring"
_ASK_NODES: Final = "`kouan node status` tells how a node is, `kouan network status` how those of this machine are"
_VERDICTS: Final = {"good": "ok", "note": "note", "warning": "warning", "damaged": "DAMAGED"}
_ABOUT_ZH: Final = {
    "clock": "时钟",
    "disk": "磁盘",
    "execution": "执行",
    "keys": "密钥",
    "leftovers": "遗留文件",
    "lock": "占用",
    "log": "日志",
    "operator": "运营方",
    "state": "状态",
}
_VERDICTS_ZH: Final = {"good": "正常", "note": "提示", "warning": "警告", "damaged": "损坏"}


def _locked(call: Call) -> AbstractContextManager[None]:
    """Hold the ledger. Another command is waited for, as every command does; a process that serves is not."""
    remote = bootstrap.served(call.port)
    if remote is not None:
        remote.close()
    return bootstrap.lock(call.port, 0 if remote else bootstrap.LOCK_WAIT_S)


@command(app, "doctor", examples=("kouan doctor --port demo", "kouan doctor --port demo --full"))
def doctor(
    call: Call,
    full: Annotated[bool, typer.Option("--full", help="Execute every block again, every signature checked.")] = False,
    rebuild_state: Annotated[bool, typer.Option("--rebuild-state", help="Build the state anew from the log.")] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Put a damaged end of the log into quarantine; asks first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Page:
    """Examine the ledger on this machine: log, state, key files, disk, clock; say what to do about each damage.

    Exits with 1 when something is damaged. Without the repairs it changes nothing, and a served ledger can be examined
    too, but for its state, which the serving process looks over itself.
    """
    done = []
    if rebuild_state or accept_loss:
        done.append(_repair(call, rebuild=rebuild_state, accept_loss=accept_loss, yes=yes))
    findings = [*done, *_examine(call, full=full)]
    names = _VERDICTS_ZH if call.lang == "zh" else _VERDICTS
    columns = [call.text("About", "项目"), "", call.text("Found", "结果"), call.text("What to do", "处理办法")]
    about = _ABOUT_ZH if call.lang == "zh" else {}
    rows = [
        [about.get(one.about, one.about), names[one.verdict], call.text(*one.says), call.text(*one.way_on)]
        for one in findings
    ]
    damaged = any(finding.verdict == "damaged" for finding in findings)
    document = {"damaged": damaged, "findings": [_document(call, finding) for finding in findings]}
    return Page(document, [table("", columns, rows)], exit_code=REFUSED if damaged else 0)


def _document(call: Call, finding: Finding) -> dict[str, str]:
    return {**finding._asdict(), "says": call.text(*finding.says), "way_on": call.text(*finding.way_on)}


def _examine(call: Call, *, full: bool) -> list[Finding]:
    directory = call.port / bootstrap.LEDGER
    ledger = bootstrap.ledger_of(bootstrap.operators(call.port, _ASK_NODES))
    with ExitStack() as stack:
        bar = stack.enter_context(call.progress())
        task = bar.add_task(call.text("Reading the log", "读取日志"), total=None)
        seed = bootstrap.operator_seed(call.port)
        examination = Examination(
            directory, ledger, seed, lambda far: bar.update(task, completed=far.done_bytes, total=far.all_bytes)
        )
        served = False
        try:
            stack.enter_context(_locked(call))
        except bootstrap.PortError as problem:
            served = True
            says = f"{problem}, which looks over the stored state itself", f"{problem}；该进程自行检查已存状态"
            examination.add("lock", "note", says)
        last = examination.ledger(served=served, full=full)
        examination.clock(bootstrap.now_ms(), last)
        examination.disk()
        examination.secrets(_key_files(call.port))
        examination.leftovers()
    return examination.findings


def _key_files(port: Path) -> Iterator[Path]:
    operator = port / bootstrap.LEDGER / bootstrap.OPERATOR_SEED
    if operator.exists():
        yield operator
    for place in ("members", "wallets"):
        yield from sorted((port / place).glob(f"*/{KEYS}"))


def _repair(call: Call, *, rebuild: bool, accept_loss: bool, yes: bool) -> Finding:
    bootstrap.operators(call.port, _ASK_NODES)
    state = call.port / bootstrap.LEDGER / STATE
    with _locked(call):
        aside = set_aside(state) if rebuild else None
        try:
            found = _accept_loss(call, yes=yes) if accept_loss else _rebuilt(call)
        except BaseException:
            if aside:  # it may be the only witness of what the log has lost
                shutil.rmtree(state, ignore_errors=True)
                aside.rename(state)
            raise
        if aside:
            shutil.rmtree(aside)
        return found


def _rebuilt(call: Call) -> Finding:
    with _opened(call) as engine:
        height = engine.status().height
    says = f"it was built anew from the log, up to height {height}", f"已按日志重建至高度 {height}"
    return Finding("state", "note", says)


def _accept_loss(call: Call, *, yes: bool) -> Finding:
    try:
        with _opened(call):
            return Finding(
                "log", "note", ("its end is not damaged: nothing was cut off", "末尾没有损坏：未截去任何内容")
            )
    except DamagedLogError as problem:
        if not problem.can_be_accepted:
            raise
        error_console().print(str(problem), soft_wrap=True)
    if not yes:
        if not sys.stdin.isatty():
            raise UnusableError("--accept-loss", "asks on a terminal; run it there, or add --yes")
        typer.confirm(
            call.text(
                "Blocks that were answered may be lost for good. Is there no backup, and do you accept that?",
                "已答复的区块可能永久丢失。确认没有备份并接受该损失？",
            ),
            abort=True,
            err=True,
        )
    with _opened(call, accept_loss=True) as engine:
        height, report = engine.status().height, engine.report
        incarnation = operator_of(StateReader(engine.store)).incarnation
    write_loss(call.port / bootstrap.LEDGER, Loss(height, incarnation, bootstrap.now_ms()))
    kept, kept_zh = (
        (f"; the cut bytes are in {report.quarantine}", f"；截去的字节保存在 {report.quarantine}")
        if report and report.quarantine
        else ("", "")
    )
    says = f"the ledger now ends at height {height}{kept}", f"账本现止于高度 {height}{kept_zh}"
    return Finding("log", "warning", says, raise_incarnation(incarnation))


@contextmanager
def _opened(call: Call, *, accept_loss: bool = False) -> Iterator[Embedded]:
    with call.progress() as bar:
        task = bar.add_task(call.text("Executing the log", "重新执行日志"), total=None)
        engine = bootstrap.open_ledger(
            call.port,
            accept_loss=accept_loss,
            progress=lambda height, last: bar.update(task, completed=height, total=last),
        )
    try:
        yield engine
    finally:
        engine.close()


@command(app, "backup", examples=("kouan backup /mnt/safe/2026-11-30 --port demo",))
def backup(
    call: Call,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A directory that does not exist yet.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Also keys and vaults of the members and wallets kept here.")
    ] = False,
) -> Page:
    """Copy the ledger into a new directory, with a manifest of hashes; also while it is served.

    The copy holds every block that was answered before the command began. It is read back before it gets its name.
    """
    way_on = "each node keeps the ledger: make a snapshot of one with `kouan node snapshot`"
    alliance = alliance_id(bootstrap.operators(call.port, way_on))
    with ExitStack() as stack:
        log_bytes = _served_bytes(call)
        if log_bytes is None:
            stack.enter_context(_locked(call))
        bar = stack.enter_context(call.progress())
        task = bar.add_task(call.text("Copying", "复制"), total=log_bytes)
        manifest = backups.write_backup(
            call.port,
            destination,
            alliance,
            LOG_PATH,
            log_bytes=log_bytes,
            with_keys=with_keys,
            now_ms=bootstrap.now_ms(),
            copied=lambda count: bar.advance(task, count),
        )
    shown: list[tuple[str, str]] = [
        (call.text("Backup", "备份"), str(destination)),
        (call.text("Height", "高度"), str(manifest.height)),
        (call.text("Files", "文件"), f"{len(manifest.files)}, {sum(file.bytes for file in manifest.files):,} B"),
    ]
    if not with_keys:
        nothing = call.text("not in it: keep operator.key and the members' keys elsewhere", "不含密钥：请另行保管")
        shown.append((call.text("Keys", "密钥"), nothing))
    return Page(manifest, [fields(shown)])


def _served_bytes(call: Call) -> int | None:
    remote = bootstrap.served(call.port)
    if remote is None:
        return None
    try:
        return remote.status().log_bytes
    finally:
        remote.close()


@command(app, "restore", examples=("kouan restore /mnt/safe/2026-11-30 --port demo",))
def restore(
    call: Call, source: Annotated[Path, typer.Argument(metavar="SRC", help="A directory made by `kouan backup`.")]
) -> Page:
    """Check a backup, execute all its blocks with every signature checked, and only then put it into --port DIR.

    Nothing is ever overwritten. If blocks that came after the backup were answered, their loss must be made known: the
    operator's incarnation is to be raised.
    """
    manifest = backups.read_manifest(source)
    for name in (bootstrap.TRUST_FILE, bootstrap.LEDGER):
        if (call.port / name).exists():
            raise UnusableError("--port", f"{call.port / name} exists already; give a directory without a ledger")
    staged = call.port / STAGED
    staged.mkdir(parents=True)
    try:
        incarnation = _stage(call, source, manifest, staged)
        backups.put_in_place(staged, call.port)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    way_on = call.text(*raise_incarnation(incarnation))
    lost = call.text(
        f"If blocks after {manifest.height} were answered, {way_on}", f"若此高度之后有已答复的区块：{way_on}"
    )
    document = {"height": manifest.height, "if_later_blocks_were_answered": way_on, "port": str(call.port)}
    shown = [
        (call.text("Restored to", "已恢复至"), str(call.port)),
        (call.text("Height", "高度"), f"{manifest.height} ({moment(manifest.created_ms)})"),
    ]
    return Page(document, [fields(shown), lost])


def _stage(call: Call, source: Path, manifest: backups.Manifest, staged: Path) -> int:
    """Build the whole port aside and open it; return the operator's incarnation in it."""
    with call.progress() as bar:
        task = bar.add_task(call.text("Checking", "校验"), total=sum(file.bytes for file in manifest.files))
        backups.copy_verified(source, manifest, staged, lambda count: bar.advance(task, count))
        found = alliance_id(bootstrap.read_founding(staged))
        if found != manifest.alliance:
            raise backups.BackupError(f"{source}: its trust file is of alliance {found}, not {manifest.alliance}")
        task = bar.add_task(call.text("Executing the log", "重新执行日志"), total=manifest.height)
        engine = bootstrap.open_ledger(
            staged, check_signatures=True, progress=lambda height, _: bar.update(task, completed=height)
        )
    status = engine.status()
    try:
        incarnation = operator_of(StateReader(engine.store)).incarnation
    finally:
        engine.close()
    if status.height != manifest.height or (manifest.state_root and status.state_root != manifest.state_root):
        raise backups.BackupError(
            f"{source}: leads to height {status.height} and root {status.state_root}, not to its own"
        )
    return incarnation


@command(app, "export", examples=("kouan export everything --port demo",))
def export(
    call: Call,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A directory that does not exist yet.")],
) -> Page:
    """Write everything on the ledger in open formats: blocks, state, charter, members, tables.

    The same blocks give the same bytes; docs/reference/export.md defines them. While the ledger is served, and where
    members run it together, its blocks are executed again here, which takes longer.
    """
    with call.progress() as bar:
        task = bar.add_task(call.text("Exporting", "导出"), total=None)
        index = _export(call, destination, lambda: bar.advance(task))
    rows = [[file.path, f"{file.lines:,}", f"{file.bytes:,}"] for file in index.files]
    columns = [call.text("File", "文件"), call.text("Lines", "行数"), call.text("Bytes", "字节")]
    shown = [(call.text("Height", "高度"), str(index.height)), (call.text("State root", "状态根"), index.state_root)]
    return Page(index, [fields(shown), table("", columns, rows, right=(1, 2))])


def _export(call: Call, destination: Path, stepped: Callable[[], None]) -> Index:
    founding = bootstrap.read_founding(call.port)
    trust_file = (call.port / bootstrap.TRUST_FILE).read_bytes()
    ledger = bootstrap.ledger_of(founding)
    if isinstance(founding, NetworkFounding):
        with call.engine() as network:
            return export_blocks(destination, ledger, network.blocks(), trust_file, stepped)
    log_bytes = _served_bytes(call)
    if log_bytes is not None:
        return export_log(destination, call.port / bootstrap.LEDGER, ledger, log_bytes, trust_file, stepped)
    with _locked(call), _opened(call) as engine:
        status = engine.status()
        return write_export(
            destination,
            status.alliance,
            trust_file,
            engine.blocks(),
            lambda: (engine.store, status.time_ms),
            stepped,
        )
