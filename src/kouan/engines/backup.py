"""Backups: a directory with copies and a manifest of their hashes, taken while the ledger is served.

The log is copied up to where it was known to be on disk. What is copied is read back and checked before the backup gets
its name, and everything is checked again before a restore puts anything in place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from kouan.engines.disk import DirectoryDisk, sync
from kouan.engines.log import LogReader
from kouan.engines.port import LoggedBlock
from kouan.kernel.encoding import Bytes32, Count, EncodingError, Positive, decode, encode, from_text, to_text

MANIFEST: Final = "manifest.json"
FORMAT: Final = "kouan/backup/1"
CHUNK_BYTES: Final = 1 << 20
PLACES: Final = ("alliance.json", "ledger", "members", "wallets")
"""What a backup may hold, in a port directory."""
_decoder: Final = msgspec.msgpack.Decoder(LoggedBlock)

Copied = Callable[[int], None]
"""Is told how many more bytes were copied or checked."""


class BackupError(ValueError):
    """The backup cannot be made or used; the text says why and what would be right."""


class BackedUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    bytes: Count
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    """As in the port directory, with ``/``."""
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds."""

    alliance: Bytes32
    created_ms: Positive
    files: list[BackedUp]
    format: Literal["kouan/backup/1"]
    height: Count
    """Of the last block in it."""
    state_root: Bytes32 | None
    """Of that block; null at height 0."""
    with_keys: bool


class LogEnd(NamedTuple):
    """The last block of a copied log."""

    height: int
    state_root: str | None


def write_backup(  # what a backup consists of
    port: Path,
    destination: Path,
    alliance: str,
    log: str,
    *,
    log_bytes: int | None,
    with_keys: bool,
    now_ms: int,
    copied: Copied,
) -> Manifest:
    """Copy what is to be kept of a port directory into a new directory; raises BackupError, LogError, OSError.

    ``log``: the log's path in the port. ``log_bytes``: how much of it is known to be on disk; None when nobody has it
    open, so that all of its whole records are.
    """
    if destination.exists():
        raise BackupError(f"{destination}: exists already; give a new directory")
    unborn = destination.with_name(f"{destination.name}.unfinished")
    if unborn.exists():
        raise BackupError(f"{unborn}: was left by a backup that was killed; delete it")
    unborn.mkdir(parents=True, mode=0o700)
    try:
        end = _copy_log(port, unborn, alliance, log, log_bytes, copied)
        others = ["alliance.json", *(_key_files(port, log) if with_keys else [])]
        for name in others:
            if name.endswith(".db"):
                _copy_database(port / name, unborn / name)
            else:
                _copy(port / name, unborn / name, copied)
        files = [_described(unborn, name) for name in sorted([log, *others])]
        manifest = Manifest(alliance, now_ms, files, FORMAT, end.height, end.state_root, with_keys)
        _write(unborn / MANIFEST, encode(manifest))
        _sync_directories(unborn)
        unborn.rename(destination)
    except BaseException:
        shutil.rmtree(unborn)
        raise
    _sync_directories(destination.parent, below=False)
    return manifest


def read_manifest(source: Path) -> Manifest:
    """Return what a backup says it holds; raises BackupError."""
    try:
        manifest = msgspec.convert(decode((source / MANIFEST).read_bytes()), Manifest)
    except OSError as problem:
        raise BackupError(f"{source / MANIFEST}: {problem.strerror}; give the directory of a backup") from None
    except (EncodingError, msgspec.ValidationError) as problem:
        raise BackupError(f"{source / MANIFEST}: is damaged ({problem}); use another backup") from None
    for file in manifest.files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or path.parts[0] not in PLACES or str(path) != file.path:
            raise BackupError(f"{source / MANIFEST}: names {file.path!r}, which belongs in no port; use another backup")
    return manifest


def copy_verified(source: Path, manifest: Manifest, destination: Path, copied: Copied) -> None:
    """Copy a backup's files into a directory, each compared with its hash; raises BackupError, OSError."""
    for file in manifest.files:
        target = destination / file.path
        try:
            _copy(source / file.path, target, copied)
        except FileNotFoundError:
            raise BackupError(f"{source / file.path}: is missing; use another backup") from None
        if _described(destination, file.path) != file:
            raise BackupError(f"{source / file.path}: is not what was backed up; use another backup")


def put_in_place(staged: Path, port: Path) -> None:
    """Move a restored port to where it belongs; raises BackupError when something is there already."""
    entries = [name for name in reversed(PLACES) if (staged / name).exists()]  # the trust file makes it a port: last
    for name in entries:
        if (port / name).exists():
            raise BackupError(f"{port / name}: exists already; nothing is ever overwritten, so move it away first")
    port.mkdir(parents=True, exist_ok=True)
    for name in entries:
        (staged / name).rename(port / name)
    staged.rmdir()
    _sync_directories(port)


def log_end(directory: Path, name: str, alliance: str, size: int | None = None) -> LogEnd:
    """Read a log from end to end; return its last block. Raises LogError for damage, BackupError for a shorter one."""
    reader = LogReader.open(DirectoryDisk(directory), name, from_text(alliance))
    last: bytes | None = None
    end = reader.beginning.end
    with closing(reader):
        for record in reader.records():
            last, end = record.body, record.position.end
    if size is not None and size != end:
        raise BackupError(f"{directory / name}: its whole blocks end at {end}, not at {size}; try again")
    if last is None:
        return LogEnd(0, None)
    block = _decoder.decode(last)
    return LogEnd(block.height, to_text(block.state_root))


def _copy_log(port: Path, to: Path, alliance: str, log: str, log_bytes: int | None, copied: Copied) -> LogEnd:
    target = to / log
    _copy(port / log, target, copied, log_bytes)
    return log_end(target.parent, target.name, alliance, log_bytes)  # a torn record at its end is for its next opening


def _key_files(port: Path, log: str) -> list[str]:
    """Name what the parties of this port keep here, and the operator's key."""
    found = [port / PurePosixPath(log).parent / "operator.key", port / PurePosixPath(log).parent / "loss.json"]
    for place in ("members", "wallets"):
        found.extend(sorted((port / place).rglob("*")))
    left_out = ("-wal", "-shm", "-journal")
    return [path.relative_to(port).as_posix() for path in found if path.is_file() and not path.name.endswith(left_out)]


def _copy(source: Path, target: Path, copied: Copied, limit: int | None = None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source.open("rb") as reading:
        _write(target, _chunks(reading.read, limit, copied))


def _chunks(read: Callable[[int], bytes], limit: int | None, copied: Copied) -> Iterable[bytes]:
    left = limit
    while chunk := read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)):
        yield chunk
        copied(len(chunk))
        if left is not None:
            left -= len(chunk)


def _copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite file as it is at one moment, though somebody may be writing to it."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _write(path: Path, data: bytes | Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in (data,) if isinstance(data, bytes) else data:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _described(directory: Path, path: str) -> BackedUp:
    digest = sha256()
    size = 0
    with (directory / path).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return BackedUp(size, path, digest.hexdigest())


def _sync_directories(path: Path, *, below: bool = True) -> None:
    for directory in (path, *(part for part in path.rglob("*") if below and part.is_dir())):
        sync(directory)
