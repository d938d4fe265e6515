"""Opening the block log: judge its end, cut off what was torn, keep what may have been answered, make the rest durable.

docs/reference/block-log.md gives the rules; their numbers are cited here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kouan.engines.log_format import HEAD_BYTES, DamagedLogError, LogFailedError, Position, decode_head, quarantine_name
from kouan.engines.log_reader import CHUNK_BYTES, Flaw, LogReader, Source, damage, next_record

if TYPE_CHECKING:
    from kouan.engines.disk import Disk, DiskFile


class OpenReport(NamedTuple):
    """What opening a log found and did.

    `verified`: records read behind the remembered position. `bytes_cut`: taken off the end, because of `reason` (empty
    when nothing was cut). `quarantine`: the file that keeps them, if they may have been answered for.
    """

    verified: int
    bytes_cut: int
    reason: str
    quarantine: str | None


def recover(
    disk: Disk, file: DiskFile, name: str, reader: LogReader, after: Position | None, *, accept_loss: bool
) -> tuple[Position, OpenReport]:
    """Bring a log into the state where all of it is verified and durable; return its last position."""
    source = Source(file, name)
    size = file.size()
    last = reader.beginning
    if after:
        _check_remembered(reader, name, after, size)
        last = after
    verified, flaw = 0, None
    while last.end < size:
        found = next_record(source, last, size)
        if isinstance(found, Flaw):
            flaw = found
            break
        last = found.position
        verified += 1
    quarantine = None
    if flaw:
        if not flaw.torn:  # rules 4 and 5
            problem = damage(source, flaw, size)
            if not (accept_loss and problem.cuttable):
                raise problem
            quarantine = _quarantine(disk, file, name, flaw.offset, size)
        file.truncate(last.end)
    _write_again(file, last)
    file.sync()
    disk.sync_directory()  # whoever created the log may have died before doing so
    return last, OpenReport(verified, size - last.end, flaw.reason if flaw else "", quarantine)


def _check_remembered(reader: LogReader, name: str, after: Position, size: int) -> None:
    """Rule 6: what the caller remembers was durable, so it must be there, unchanged."""
    if after.height == 0:
        if after != reader.beginning:
            raise AssertionError(f"{after} is not the position before the first record, {reader.beginning}")
        return
    if size < after.end:
        reason = f"the file ends at {size}, before the end of that block at {after.end}"
        raise DamagedLogError(name, after.start, after.height, reason, cuttable=False, remembered=True)
    reader.read(after)


def _quarantine(disk: Disk, file: DiskFile, name: str, offset: int, size: int) -> str:
    """Copy the bytes from `offset` on into a file of their own, durable before anything is cut; return its name."""
    base = kept = quarantine_name(name, offset)
    number = 1
    while disk.exists(kept):  # an earlier loss at this place, never overwritten
        number += 1
        kept = f"{base}.{number}"
    unborn = f"{base}.new"
    copy = disk.create(unborn)
    try:
        for at in range(offset, size, CHUNK_BYTES):
            copy.write(at - offset, file.read(at, min(CHUNK_BYTES, size - at)))
        copy.sync()
    except OSError as error:
        wanted = size - offset
        raise LogFailedError(f"{kept}: keeping {wanted} damaged bytes failed: {error}", wanted) from error
    finally:
        copy.close()
    disk.rename(unborn, kept)
    disk.sync_directory()
    return kept


def _write_again(file: DiskFile, last: Position) -> None:
    """Rule 7: write the last batch again, so that the sync that follows really brings it to disk.

    If the sync before failed, Linux may show these bytes although they are not on disk, and would not write them.
    """
    if last.height == 0:
        return
    head = decode_head(last.start, file.read(last.start, HEAD_BYTES))
    if head is None:
        raise AssertionError(f"the head at {last.start} was good a moment ago")
    for offset in range(head.synced, last.end, CHUNK_BYTES):
        file.write(offset, file.read(offset, min(CHUNK_BYTES, last.end - offset)))
