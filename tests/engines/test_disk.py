"""The port to the disk: the real directory and the simulated disk keep the same promises."""

from __future__ import annotations

import errno
import os
import random
import resource
from pathlib import Path

import pytest
from tests.engines.simulated_disk import SimulatedDisk

from kouan.engines.disk import DirectoryDisk, Disk
from kouan.engines.log import BlockLog, LogFailedError


@pytest.fixture(params=["directory", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return DirectoryDisk(tmp_path) if request.param == "directory" else SimulatedDisk()


def test_what_is_written_is_read(disk: Disk) -> None:
    """Writes land at their offsets, a gap reads as zeros, and reading stops at the end of the file."""
    file = disk.create("a")
    file.write(3, b"defg")
    file.write(0, b"ab")
    file.sync()
    assert file.size() == 7
    assert file.read(0, 100) == b"ab\0defg"
    assert file.read(4, 2) == b"ef"
    assert file.read(7, 5) == b""
    file.truncate(4)
    assert file.read(0, 100) == b"ab\0d"
    file.close()


def test_creating_empties_what_was_there(disk: Disk) -> None:
    file = disk.create("a")
    file.write(0, b"old")
    file.close()
    file = disk.create("a")
    assert file.size() == 0
    file.close()


def test_a_renamed_file_replaces_the_other(disk: Disk) -> None:
    """An open file keeps its content and its lock under the new name."""
    disk.create("b").close()
    file = disk.create("a")
    file.write(0, b"new")
    disk.rename("a", "b")
    disk.sync_directory()
    assert (disk.exists("a"), disk.exists("b")) == (False, True)
    with pytest.raises(BlockingIOError):
        disk.open("b")
    file.close()
    reader = disk.open("b", read_only=True)
    assert reader.read(0, 3) == b"new"
    reader.close()


def test_one_writer_and_many_readers(disk: Disk) -> None:
    """A second writer is refused and changes nothing, readers are not, and neither outlasts its close."""
    file = disk.create("a")
    file.write(0, b"kept")
    for second in (disk.create, disk.open):
        with pytest.raises(BlockingIOError, match="in use"):
            second("a")
    reader = disk.open("a", read_only=True)
    assert reader.read(0, 9) == b"kept"
    with pytest.raises(OSError, match=r"."):
        reader.write(0, b"x")
    reader.close()
    file.close()
    disk.open("a").close()


def test_a_missing_file_is_not_opened(disk: Disk) -> None:
    assert not disk.exists("a")
    with pytest.raises(FileNotFoundError):
        disk.open("a")


def test_short_writes_and_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take or give fewer bytes than asked."""
    pwrite, pread = os.pwrite, os.pread
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:3], offset))
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: pread(fd, min(length, 4), offset))
    file = DirectoryDisk(tmp_path).create("a")
    file.write(2, b"0123456789")
    assert file.read(0, 100) == b"\0\x000123456789"
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with pytest.raises(OSError, match="takes no more bytes"):
        file.write(0, b"x")
    file.close()


def test_a_log_survives_a_real_disk_that_fills(tmp_path: Path) -> None:
    """Where the system takes only a part (here for a limit on file sizes), the log stops and reopens clean."""
    disk = DirectoryDisk(tmp_path)
    log = BlockLog.create(disk, "blocks", bytes(32))
    log.append(1, bytes(1000))
    log.sync()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
    try:
        with pytest.raises(LogFailedError, match="writing 2096 bytes for block 2 failed") as caught:
            log.append(2, bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EFBIG
    log.close()
    assert (tmp_path / "blocks").stat().st_size == 1500
    log, report = BlockLog.open(disk, "blocks", bytes(32))
    assert (log.last_height, report.bytes_cut) == (1, 1500 - 76 - 1096)
    log.append(2, b"again")
    log.sync()
    log.close()
    log, _ = BlockLog.open(disk, "blocks", bytes(32))
    assert log.last_height == 2
    log.close()


def test_the_simulated_disk_loses_what_was_not_synced() -> None:
    """Over many crashes it shows each way to lose: nothing, all, a torn part, zeros, a name that vanished."""
    seen = set()
    for seed in range(400):
        disk = SimulatedDisk()
        file = disk.create("a")
        file.write(0, b"1" * 512)
        file.sync()
        if seed % 2:
            disk.sync_directory()
        file.write(512, b"2" * 1024)
        disk.crash(random.Random(seed))  # noqa: S311 # seeded on purpose: the same seed fails again
        if not disk.names():
            seen.add("no name")
            continue
        content = disk.content("a")
        assert content[:512] == b"1" * 512
        rest = content[512:]
        assert not rest.strip(b"2\0")
        seen.add("nothing" if not rest else "all" if rest == b"2" * 1024 else "zeros" if b"\0" in rest else "torn")
    assert seen == {"no name", "nothing", "all", "zeros", "torn"}
