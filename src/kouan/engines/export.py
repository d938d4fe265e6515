"""Export: everything on the ledger in open formats, the same bytes for the same blocks.

docs/reference/export.md defines every file.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal

import msgspec

from kouan.engines.disk import DirectoryDisk
from kouan.engines.embedded import LOG, Ledger, ReplayError
from kouan.engines.log import LogReader
from kouan.engines.port import LoggedBlock
from kouan.engines.replay import NOWHERE, Replayed, replay, replay_blocks
from kouan.engines.signatures import ThreadedVerifier
from kouan.engines.store import Store
from kouan.kernel.encoding import Bytes32, Count, EncodingError, decode, encode, from_text, to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.quota import available, held, is_overdrawn
from kouan.kernel.records import Quota
from kouan.kernel.registry import Verifier
from kouan.kernel.state import decoder
from kouan.modules.financing.records import Financing

INDEX: Final = "export.json"
FORMAT: Final = "kouan/export/1"
QUOTA_COLUMNS: Final = (
    *(
        "quota",
        "kind",
        "issuer",
        "unit",
        "status",
        "attested",
        "collected",
        "ratio_bp",
        "limit",
        "used",
        "spent",
        "held",
    ),
    *("available", "overdrawn", "settled", "draws", "revision", "custodial", "facts"),
)
LOAN_COLUMNS: Final = (
    *("financing", "bank", "product", "purpose", "currency", "amount", "state", "opened_ms", "lapse_ms", "maturity_ms"),
    *("interest", "entries", "advances", "registration", "predecessor", "successor", "written_off", "reason"),
)
ALLOCATION_COLUMNS: Final = ("financing", "quota", "amount", "held", "drawn", "repaid", "revision", "answer")


class ExportError(ValueError):
    """The export cannot be made; the text says why and what would be right."""


class Exported(msgspec.Struct, frozen=True):
    """One file of an export."""

    bytes: Count
    lines: Count
    path: str
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Index(msgspec.Struct, frozen=True):
    """What an export holds."""

    alliance: Bytes32
    files: list[Exported]
    format: Literal["kouan/export/1"]
    height: Count
    state_root: Bytes32
    time_ms: Count


def write_export(
    destination: Path,
    alliance: str,
    trust_file: bytes,
    blocks: Iterable[LoggedBlock],
    state: Callable[[], tuple[Store, int]],
    stepped: Callable[[], None],
) -> Index:
    """Write an export into a new directory; raises ExportError, OSError and what reading raises.

    ``state`` is asked for after the blocks were read: the state they lead to, and the last block's time. ``stepped`` is
    told of every block and every record.
    """
    if destination.exists():
        raise ExportError(f"{destination}: exists already; give a new directory")
    unborn = destination.with_name(f"{destination.name}.unfinished")
    if unborn.exists():
        raise ExportError(f"{unborn}: was left by an export that was killed; delete it")
    unborn.mkdir(parents=True)
    try:
        files = [_write(unborn, "alliance.json", [trust_file])]
        files.append(_write(unborn, "blocks.jsonl", _stepping(map(_block_line, blocks), stepped)))
        store, time_ms = state()
        files.extend(_write_state(unborn, store, time_ms, stepped))
        root = to_text(store.tree.root)
        index = Index(alliance, sorted(files, key=lambda file: file.path), FORMAT, store.height, root, time_ms)
        _write(unborn, INDEX, [encode(index) + b"\n"])
        unborn.rename(destination)
    except BaseException:
        shutil.rmtree(unborn)
        raise
    return index


def export_log(
    destination: Path, directory: Path, ledger: Ledger, log_bytes: int, trust_file: bytes, stepped: Callable[[], None]
) -> Index:
    """Export a ledger that another process serves, from its log alone; raises ReplayError besides.

    ``log_bytes``: how much of the log is known to be on disk.
    """
    with closing(LogReader.open(DirectoryDisk(directory), LOG, from_text(ledger.alliance))) as reader:
        records = reader.records(None, log_bytes)
        return _export_replayed(
            destination, ledger, lambda store, verify: replay(ledger, records, store, verify), trust_file, stepped
        )


def export_blocks(
    destination: Path, ledger: Ledger, blocks: Iterable[LoggedBlock], trust_file: bytes, stepped: Callable[[], None]
) -> Index:
    """Export a ledger whose blocks come from somewhere else, by executing them here; raises ReplayError besides."""
    placed = ((block, NOWHERE) for block in blocks)
    return _export_replayed(
        destination, ledger, lambda store, verify: replay_blocks(ledger, placed, store, verify), trust_file, stepped
    )


def _export_replayed(
    destination: Path,
    ledger: Ledger,
    replayed: Callable[[Store, Verifier], Iterator[Replayed]],
    trust_file: bytes,
    stepped: Callable[[], None],
) -> Index:
    """Export what executing a ledger's blocks in a state of one's own leads to, which must be what they led to."""
    with ExitStack() as opened:
        own = opened.enter_context(tempfile.TemporaryDirectory(prefix="kouan-export-"))
        store = Store(Path(own), keep_versions=1)
        opened.callback(store.close)
        verify = ThreadedVerifier()
        opened.callback(verify.close)
        time_ms = ledger.founded_ms

        def blocks() -> Iterator[LoggedBlock]:
            nonlocal time_ms
            for one in replayed(store, verify):
                if not one.agrees:
                    raise ReplayError(f"block {one.logged.height} leads to another state than the log says")
                time_ms = one.logged.time_ms
                yield one.block

        return write_export(destination, ledger.alliance, trust_file, blocks(), lambda: (store, time_ms), stepped)


def _block_line(block: LoggedBlock) -> bytes:
    envelopes = [
        {**_envelope(raw), "id": envelope_id(raw), "receipt": msgspec.Raw(receipt)}
        for raw, receipt in zip(block.envelopes, block.receipts, strict=True)
    ]
    return _line(
        {
            "envelopes": envelopes,
            "height": block.height,
            "receipts_root": to_text(block.receipts_root),
            "state_root": to_text(block.state_root),
            "time_ms": block.time_ms,
        }
    )


def _envelope(raw: bytes) -> dict[str, Any]:
    """Return an envelope as JSON if it is canonical, as bytes if somebody sent anything else."""
    try:
        decode(raw)
    except EncodingError:
        return {"bytes": to_text(raw)}
    return {"envelope": msgspec.Raw(raw)}


def _write_state(directory: Path, store: Store, time_ms: int, stepped: Callable[[], None]) -> Iterator[Exported]:
    """Write the state and the tables drawn from it in one pass."""
    with ExitStack() as open_files:

        def new(name: str) -> BinaryIO:
            return open_files.enter_context((directory / name).open("xb"))

        state, members = new("state.jsonl"), new("members.jsonl")
        quotas, loans, allocations = (_Table(new(f"{name}.csv")) for name in ("quotas", "loans", "allocations"))
        quotas.row(QUOTA_COLUMNS)
        loans.row(LOAN_COLUMNS)
        allocations.row(ALLOCATION_COLUMNS)
        found_members: dict[str, bytes] = {}
        for key, value in store.records():
            state.write(_line({"key": key, "value": msgspec.Raw(value)}))
            kind, _, _ = key.partition("/")
            if kind == "charter":
                new("charter.json").write(value + b"\n")
            elif kind == "member":
                found_members[key] = value
            elif kind == "quota":
                quotas.row(_quota_row(decoder(Quota).decode(value), time_ms))
            elif kind == "financing":
                loan = decoder(Financing).decode(value)
                loans.row([loan.id, *(getattr(loan, name) for name in LOAN_COLUMNS[1:])])
                for part in loan.allocations:
                    allocations.row([loan.id, *(getattr(part, name) for name in ALLOCATION_COLUMNS[1:])])
            stepped()
        for key in sorted(found_members):
            members.write(found_members[key] + b"\n")
    for name in ("allocations.csv", "charter.json", "loans.csv", "members.jsonl", "quotas.csv", "state.jsonl"):
        yield _described(directory / name)


def _quota_row(quota: Quota, time_ms: int) -> list[Any]:
    derived = {
        "quota": quota.id,
        "held": held(quota, time_ms),
        "available": available(quota, time_ms),
        "overdrawn": is_overdrawn(quota),
        "facts": encode(quota.facts).decode(),
    }
    return [derived[name] if name in derived else getattr(quota, name) for name in QUOTA_COLUMNS]


class _Table:
    """A CSV file (RFC 4180, UTF-8, lines end in LF)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._csv = csv.writer(self, lineterminator="\n")

    def write(self, text: str) -> None:
        """Take what the csv module has written."""
        self._file.write(text.encode())

    def row(self, values: Sequence[Any]) -> None:
        """Write a row: empty for null, true and false in small letters."""
        self._csv.writerow([_cell(value) for value in values])


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _write(directory: Path, name: str, lines: Iterable[bytes]) -> Exported:
    with (directory / name).open("xb") as file:
        for line in lines:
            file.write(line)
    return _described(directory / name)


def _described(path: Path) -> Exported:
    digest = sha256()
    size = lines = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
    return Exported(size, lines, path.name, digest.hexdigest())


def _line(value: dict[str, Any]) -> bytes:
    return encode(value) + b"\n"


def _stepping(lines: Iterable[bytes], stepped: Callable[[], None]) -> Iterator[bytes]:
    for line in lines:
        yield line
        stepped()
