"""The block log: what was synced stays, what was torn goes, what is damaged is named."""

from __future__ import annotations

import errno
import hashlib
import random
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.simulated_disk import Fault, SimulatedDisk

from kouan.engines.log import (
    BlockLog,
    DamagedLogError,
    LogError,
    LogFailedError,
    LogReader,
    NotALogError,
    Position,
    UnknownVersionError,
    WrongAllianceError,
)
from kouan.engines.log_format import Head, encode_record

if TYPE_CHECKING:
    from collections.abc import Callable

ALLIANCE = bytes(range(32))
NAME = "blocks"
BODIES = [b"first block", b"", b"the third, in the middle", bytes(700), b"the last of them"]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 # seeded on purpose: the same seed fails again


def written(bodies: list[bytes] = BODIES, *, batch: int = 1) -> tuple[bytes, list[Position]]:
    """The bytes of a log with these blocks, synced after every `batch` of them, and their positions from the first."""
    disk = SimulatedDisk()
    log = BlockLog.create(disk, NAME, ALLIANCE)
    positions = []
    for height, body in enumerate(bodies, 1):
        positions.append(log.append(height, body))
        if height % batch == 0:
            log.sync()
    log.sync()
    return disk.durable_content(NAME), positions


def disk_with(data: bytes) -> SimulatedDisk:
    disk = SimulatedDisk()
    disk.put(NAME, data)
    return disk


def bodies_of(log: BlockLog | LogReader) -> list[bytes]:
    records = list(log.records())
    assert [record.height for record in records] == list(range(1, len(records) + 1))
    assert [log.read(record.position) for record in records] == [record.body for record in records]
    return [record.body for record in records]


def flipped(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 0xFF]) + data[offset + 1 :]


# What is written is read


def test_reads_back_what_was_appended() -> None:
    """Blocks come back in order with their positions, from the start and from any position, also after reopening."""
    data, positions = written()
    disk = disk_with(data)
    log, report = BlockLog.open(disk, NAME, ALLIANCE)
    assert report == (len(BODIES), 0, "", None)
    assert bodies_of(log) == BODIES
    for position in positions:
        assert [record.height for record in log.records(position)] == list(range(position.height + 1, len(BODIES) + 1))
    assert (log.last, log.durable) == (positions[-1], positions[-1])
    assert (log.last_height, log.last_digest, log.size) == (len(BODIES), positions[-1].digest, len(data))


def test_is_the_format_of_the_reference_page() -> None:
    """A log put together by hand, as docs/reference/block-log.md says, is byte for byte what the log writes."""

    def digest(tag: str, data: bytes) -> bytes:
        return hashlib.sha256(tag.encode() + b"\0" + data).digest()

    header = struct.pack(">8sI32s", b"KOUANLOG", 1, ALLIANCE)
    log = header + digest("kouan/log/header/1", header)
    previous = log[-32:]
    for height, body in enumerate(BODIES, 1):
        synced = len(log)
        head = struct.pack(">4sQIQ32s", b"KREC", height, len(body), synced, previous)
        head += digest("kouan/log/head/1", struct.pack(">Q", len(log)) + head)[:8]
        previous = digest("kouan/log/record/1", head + body)
        log += head + body + previous
    assert log == written()[0]
    assert hashlib.sha256(log).hexdigest() == "56905adc428f070ba322466320cba564472f186149869593a7307fafd9b8c5e2"


def test_is_the_example_of_the_reference_page() -> None:
    """The bytes that docs/reference/block-log.md prints are those of the log it describes."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "block-log.md").read_text("utf-8")
    example = page.split("```")[1]
    assert (
        bytes.fromhex("".join(line.split()[1] for line in example.split("\n") if line)) == written([b"first block"])[0]
    )


def test_opening_reads_only_what_is_behind_the_remembered_position() -> None:
    """A start with a long log does not read it all: damage before that position is for a scrub."""
    data, positions = written()
    log, report = BlockLog.open(disk_with(flipped(data, positions[0].start + 70)), NAME, ALLIANCE, positions[2])
    assert report.verified == 2
    assert [record.body for record in log.records(positions[2])] == BODIES[3:]
    assert isinstance(log.scrub(None, 10).problem, DamagedLogError)


def test_only_durable_records_are_read() -> None:
    """What is not synced is not handed on as if it were."""
    log = BlockLog.create(SimulatedDisk(), NAME, ALLIANCE)
    log.append(1, b"one")
    assert bodies_of(log) == []
    assert log.last.height == 1
    assert log.durable.height == 0
    log.sync()
    assert bodies_of(log) == [b"one"]


def test_large_records_pass() -> None:
    """Records larger than what is read at once, next to empty ones."""
    bodies = [bytes(3_000_000), b"", b"KREC" * 500_000, b"x"]
    log, _ = BlockLog.open(disk_with(written(bodies)[0]), NAME, ALLIANCE)
    assert bodies_of(log) == bodies


# What may not be


def test_heights_rise_by_one() -> None:
    """A caller that would leave a gap or write a block twice is stopped, and the log is not harmed by the attempt."""
    log = BlockLog.create(SimulatedDisk(), NAME, ALLIANCE)
    for height in (0, 2, -1):
        with pytest.raises(AssertionError, match="block 1 is next"):
            log.append(height, b"")
    log.append(1, b"")
    with pytest.raises(AssertionError, match="block 2 is next"):
        log.append(1, b"")


def test_a_body_too_long_for_its_length_field_is_refused() -> None:
    """The length has four bytes; the refusal comes before anything is written."""

    class Huge(bytes):
        __slots__ = ()

        def __len__(self) -> int:
            return 1 << 32

    log = BlockLog.create(SimulatedDisk(), NAME, ALLIANCE)
    with pytest.raises(ValueError, match="at most 4294967295 bytes, this one has 4294967296"):
        log.append(1, Huge())
    assert log.append(1, b"one").height == 1


def test_a_log_is_never_overwritten() -> None:
    """Creating a log where there is one is refused."""
    with pytest.raises(FileExistsError, match="never overwritten"):
        BlockLog.create(disk_with(written()[0]), NAME, ALLIANCE)


def test_a_missing_log_is_not_made_up() -> None:
    """Opening needs a log: an operator who lost it must not begin a new one by accident."""
    with pytest.raises(FileNotFoundError):
        BlockLog.open(SimulatedDisk(), NAME, ALLIANCE)


def test_an_alliance_id_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes, this one 3"):
        BlockLog.create(SimulatedDisk(), NAME, b"abc")


def test_another_alliances_log_is_refused() -> None:
    """The error names both alliances."""
    with pytest.raises(WrongAllianceError, match=f"{ALLIANCE.hex()}, not of {'ff' * 32}"):
        BlockLog.open(disk_with(written()[0]), NAME, b"\xff" * 32)


def test_a_later_version_is_refused() -> None:
    """The error says which version is there and which is known."""
    data = written()[0]
    with pytest.raises(UnknownVersionError, match="version 2, this Kouan knows version 1"):
        BlockLog.open(disk_with(data[:11] + b"\2" + data[12:]), NAME, ALLIANCE)


@pytest.mark.parametrize("data", [b"", b"KOUAN", b"SQLite format 3\0" * 10, bytes(200)])
def test_a_file_that_is_not_a_log_is_refused(data: bytes) -> None:
    """It is left as it is, even with accept_loss."""
    disk = disk_with(data)
    with pytest.raises(NotALogError, match="does not begin with KOUANLOG"):
        BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
    assert disk.content(NAME) == data


def test_every_byte_of_the_header_matters() -> None:
    """A flipped or missing byte in the header is never overlooked and never repaired."""
    data = written()[0]
    for offset in range(76):
        for broken in (flipped(data, offset), data[:offset]):
            with pytest.raises(LogError):
                BlockLog.open(disk_with(broken), NAME, ALLIANCE, accept_loss=True)


# Tears


def test_the_last_record_cut_at_every_length_is_cut_off() -> None:
    """A record that was never complete is nobody's answer: it goes, the report says so, and the log goes on."""
    data, positions = written()
    for length in range(positions[-1].start, positions[-1].end):
        disk = disk_with(data[:length])
        log, report = BlockLog.open(disk, NAME, ALLIANCE)
        assert bodies_of(log) == BODIES[:-1]
        assert report[:2] == (len(BODIES) - 1, length - positions[-1].start)
        assert (report.reason != "", report.quarantine) == (length > positions[-1].start, None)
        assert len(disk.durable_content(NAME)) == positions[-1].start
        log.append(len(BODIES), b"another")
        log.sync()
        disk.crash(seeded(length))
        assert bodies_of(BlockLog.open(disk, NAME, ALLIANCE)[0]) == [*BODIES[:-1], b"another"]


@pytest.mark.parametrize("zeros", [1, 95, 96, 512, 4096, 3_000_000])
def test_zeros_up_to_the_end_are_a_tear(zeros: int) -> None:
    """A file system may extend the size before the data: no record begins with zeros."""
    data = written()[0]
    log, report = BlockLog.open(disk_with(data + bytes(zeros)), NAME, ALLIANCE)
    assert bodies_of(log) == BODIES
    assert report.bytes_cut == zeros


@pytest.mark.parametrize("rest", [b"\1" * 95, b"KREC" + bytes(91)])
def test_less_than_a_record_is_a_tear_whatever_it_holds(rest: bytes) -> None:
    """No record is shorter than 96 bytes."""
    log, report = BlockLog.open(disk_with(written()[0] + rest), NAME, ALLIANCE)
    assert report.bytes_cut == 95
    assert bodies_of(log) == BODIES


def test_a_remembered_position_beyond_the_end_is_damage() -> None:
    """A log shorter than what the state was built from lost answered blocks, however cleanly it ends."""
    data, positions = written()
    for length in (positions[-1].start, positions[-1].start + 10, positions[-1].end - 1):
        with pytest.raises(DamagedLogError, match="before the end of that block") as caught:
            BlockLog.open(disk_with(data[:length]), NAME, ALLIANCE, positions[-1], accept_loss=True)
        assert not caught.value.cuttable


def test_a_remembered_position_must_fit_the_log() -> None:
    """A position of another log, or one made up, is refused."""
    data, positions = written()
    other = written([b"something else", *BODIES[1:]])[1]
    first = positions[0]
    for after in (
        other[0],
        other[-1],
        first._replace(height=2),
        first._replace(end=first.end + 1),
        positions[1]._replace(start=80),
    ):
        with pytest.raises(DamagedLogError):
            BlockLog.open(disk_with(data), NAME, ALLIANCE, after)
    with pytest.raises(AssertionError, match="before the first record"):
        BlockLog.open(disk_with(data), NAME, ALLIANCE, Position(0, 0, 76, bytes(32)))


# Damage


@pytest.mark.parametrize("index", [0, 2, 4], ids=["first", "middle", "last"])
def test_every_flipped_byte_of_a_record_is_damage(index: int) -> None:
    """Wherever a bit turns, its record is named; only the last one may be given up, and only by a person."""
    data, positions = written()
    place = positions[index]
    last = index == len(BODIES) - 1
    for offset in range(place.start, place.end):
        disk = disk_with(flipped(data, offset))
        with pytest.raises(DamagedLogError) as caught:
            BlockLog.open(disk, NAME, ALLIANCE)
        error = caught.value
        assert (error.name, error.offset, error.height, error.cuttable) == (NAME, place.start, index + 1, last)
        if last:
            log, report = BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
            assert bodies_of(log) == BODIES[:-1]
            assert report.quarantine == f"{NAME}.quarantine-{place.start}"
            assert disk.durable_content(report.quarantine) == flipped(data, offset)[place.start :]
        else:
            with pytest.raises(DamagedLogError, match="restore the log from a backup"):
                BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
            assert disk.content(NAME) == flipped(data, offset)


def test_the_error_names_everything_and_the_way_on() -> None:
    data, positions = written()
    with pytest.raises(DamagedLogError) as caught:
        BlockLog.open(disk_with(flipped(data, positions[-1].end - 1)), NAME, ALLIANCE)
    assert str(caught.value) == (
        f"blocks is damaged at offset {positions[-1].start}: block 5 is expected, but the record does not match its "
        "digest. Restore the log from a backup or a peer. Only who has neither accepts that this block and what "
        f"follows may be lost, with `kouan doctor --accept-loss`; blocks.quarantine-{positions[-1].start} then keeps "
        "the bytes that are cut off."
    )


def test_a_record_of_full_length_without_its_data_is_damage() -> None:
    """A good head with zeros behind it may have been answered: that is for a person to say."""
    data, positions = written()
    place = positions[-1]
    holed = data[: place.start + 64] + bytes(place.end - place.start - 64)
    with pytest.raises(DamagedLogError) as caught:
        BlockLog.open(disk_with(holed), NAME, ALLIANCE)
    assert caught.value.cuttable


def test_a_lost_record_in_an_unsynced_batch_is_damage_that_a_person_may_accept() -> None:
    """Of two records that were synced together, only the second may have reached the disk: both then go."""
    data, positions = written(batch=2)
    third = positions[2]
    holed = data[: third.start] + bytes(third.end - third.start) + data[third.end : positions[3].end]
    disk = disk_with(holed)
    with pytest.raises(DamagedLogError) as caught:
        BlockLog.open(disk, NAME, ALLIANCE)
    assert caught.value.cuttable
    log, _ = BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
    assert bodies_of(log) == BODIES[:2]


def test_a_torn_record_behind_proves_that_a_damaged_one_was_on_disk() -> None:
    """The head of the next record says how far the log was synced, even if the rest of it never came."""
    data, positions = written()
    torn = flipped(data, positions[-2].start + 70)[: positions[-1].start + 64]
    with pytest.raises(DamagedLogError) as caught:
        BlockLog.open(disk_with(torn), NAME, ALLIANCE, accept_loss=True)
    assert (caught.value.height, caught.value.cuttable) == (len(BODIES) - 1, False)


def test_the_proof_is_found_wherever_it_lies() -> None:
    """The next head is found across the borders of what is read at once, behind a damaged head of a large record."""
    for size in range((1 << 20) - 170, (1 << 20) - 90, 7):
        data, positions = written([b"", bytes(size), b""])
        with pytest.raises(DamagedLogError) as caught:
            BlockLog.open(disk_with(flipped(data, positions[1].start)), NAME, ALLIANCE)
        assert not caught.value.cuttable


def test_two_losses_at_one_place_are_both_kept() -> None:
    """A quarantine file is never overwritten."""
    data, positions = written()
    disk = disk_with(flipped(data, positions[-1].start))
    BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)[0].close()
    disk.put(NAME, flipped(data, positions[-1].start + 1))
    _, report = BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
    assert report.quarantine == f"{NAME}.quarantine-{positions[-1].start}.2"
    assert disk.names() == [NAME, report.quarantine[:-2], report.quarantine]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda head: head._replace(height=5), "there is block 5"),
        (lambda head: head._replace(height=7), "there is block 7"),
        (lambda head: head._replace(previous=bytes(32)), "it follows a record with digest 0000"),
        (lambda head: head._replace(synced=1 << 40), "it claims that 1099511627776 bytes were on disk"),
        (lambda head: head._replace(synced=0), "it claims that 0 bytes were on disk"),
    ],
    ids=["same height twice", "gap", "another predecessor", "synced too far", "synced too little"],
)
def test_a_record_that_does_not_follow_is_damage(change: Callable[[Head], Head], reason: str) -> None:
    """A record that is good in itself is still refused where it does not belong, and so is its torn beginning."""
    data, positions = written()
    last = positions[-1]
    record, _ = encode_record(last.end, change(Head(6, 3, last.end, last.digest)), b"abc")
    for length in (len(record), len(record) - 1):
        with pytest.raises(DamagedLogError, match=reason):
            BlockLog.open(disk_with(data + record[:length]), NAME, ALLIANCE)


def test_a_record_at_another_place_is_damage() -> None:
    """A record's head knows its offset: a write that went astray does not pass."""
    data, positions = written([b"same", b"same", b"same"])
    second, third = positions[1], positions[2]
    moved = data[: second.start] + data[third.start : third.end] + data[second.start : second.end]
    with pytest.raises(DamagedLogError, match="the record's head does not match its checksum"):
        BlockLog.open(disk_with(moved), NAME, ALLIANCE)


def test_damage_while_running_is_named() -> None:
    """Reading and scrubbing an open log find what changed since; a shorter file is damage there, not a tear."""
    data, positions = written()
    for broken in (
        flipped(data, positions[3].start + 100),
        data[: positions[3].start + 100],
        data[: positions[3].start],
    ):
        disk = disk_with(data)
        log, _ = BlockLog.open(disk, NAME, ALLIANCE)
        disk.overwrite(NAME, broken)
        with pytest.raises(DamagedLogError):
            list(log.records())
        with pytest.raises(DamagedLogError):
            log.read(positions[3])
        scrub = log.scrub(positions[0], 10)
        assert (scrub.checked, scrub.last) == (2, positions[2])
        assert isinstance(scrub.problem, DamagedLogError)
        assert scrub.problem.height == 4


def test_a_scrub_goes_on_where_it_stopped() -> None:
    data, positions = written()
    log, _ = BlockLog.open(disk_with(data), NAME, ALLIANCE)
    assert log.scrub(None, 2) == (2, positions[1], None)
    assert log.scrub(positions[1], 2) == (2, positions[3], None)
    assert log.scrub(positions[3], 2) == (1, positions[4], None)
    assert log.scrub(positions[4], 2) == (0, positions[4], None)


def test_a_log_in_use_can_be_read_but_not_opened() -> None:
    """A doctor may look while the node runs; what is being written is not taken for damage, nor cut off."""
    disk = SimulatedDisk()
    log = BlockLog.create(disk, NAME, ALLIANCE)
    log.append(1, b"one")
    log.sync()
    with pytest.raises(BlockingIOError):
        BlockLog.open(disk, NAME, ALLIANCE)
    disk.fail_next(Fault(errno.ENOSPC, 0.7))
    with pytest.raises(LogFailedError):
        log.append(2, bytes(1000))
    reader = LogReader.open(disk, NAME, ALLIANCE)
    assert bodies_of(reader) == [b"one"]
    assert reader.scrub(None, 10)[::2] == (1, None)
    reader.close()
    with pytest.raises(NotALogError):
        LogReader.open(disk_with(b"something else"), NAME, ALLIANCE)


# A disk that fails


@pytest.mark.parametrize("effect", [0, 0.3, 1])
def test_a_failed_write_stops_the_log(effect: float) -> None:
    """A full disk is named with the bytes it should have taken; nothing more is taken until the log is opened anew."""
    disk = SimulatedDisk()
    log = BlockLog.create(disk, NAME, ALLIANCE)
    log.append(1, b"one")
    log.sync()
    disk.fail_next(Fault(errno.ENOSPC, effect))
    with pytest.raises(LogFailedError, match="writing 1096 bytes for block 2 failed") as caught:
        log.append(2, bytes(1000))
    assert caught.value.bytes_wanted == 1096
    for again in (lambda: log.append(2, b""), log.sync):
        with pytest.raises(LogFailedError, match="opened anew: writing 1096 bytes"):
            again()
    assert (log.last_height, log.durable.height) == (1, 1)
    log.close()
    log, _ = BlockLog.open(disk, NAME, ALLIANCE)
    assert log.last_height == (2 if effect == 1 else 1)


@pytest.mark.parametrize("forgets", [False, True])
def test_a_failed_sync_is_not_believed_the_second_time(*, forgets: bool) -> None:
    """What a failed sync left may be seen although it is not on disk: opening writes it again before trusting it."""
    disk = SimulatedDisk()
    log = BlockLog.create(disk, NAME, ALLIANCE)
    log.append(1, b"one")
    log.sync()
    log.append(2, b"two")
    log.append(3, b"three")
    disk.fail_next(Fault(errno.EIO, forgets=forgets))
    with pytest.raises(LogFailedError, match="syncing blocks 2 to 3 failed"):
        log.sync()
    for again in (lambda: log.append(4, b""), log.sync):
        with pytest.raises(LogFailedError, match="opened anew: syncing"):
            again()
    assert log.durable.height == 1
    log.close()
    log, _ = BlockLog.open(disk, NAME, ALLIANCE)
    there = [b"one"] if forgets else [b"one", b"two", b"three"]
    assert log.durable.height == len(there)
    disk.crash(seeded(1))
    assert bodies_of(BlockLog.open(disk, NAME, ALLIANCE)[0]) == there


def test_an_interrupted_write_stops_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt in the middle of a call leaves the file unknown, as a failure does."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for call in ("write", "sync"):
        disk = SimulatedDisk()
        log = BlockLog.create(disk, NAME, ALLIANCE)
        log.append(1, b"one")
        with monkeypatch.context() as patch:
            patch.setattr(f"tests.engines.simulated_disk.SimulatedFile.{call}", interrupted)
            with pytest.raises(KeyboardInterrupt):
                log.append(2, b"two") if call == "write" else log.sync()
        with pytest.raises(LogFailedError, match="was interrupted"):
            log.append(2, b"two")


def test_a_closed_log_takes_nothing() -> None:
    log = BlockLog.create(SimulatedDisk(), NAME, ALLIANCE)
    log.close()
    with pytest.raises(LogFailedError, match="it was closed"):
        log.append(1, b"")


def a_life(disk: SimulatedDisk, durable: list[bytes]) -> None:
    """Create, write, close, reopen with a torn end, write on; `durable` holds what was synced at any time."""
    log = BlockLog.create(disk, NAME, ALLIANCE)
    for height, body in enumerate(BODIES, 1):
        log.append(height, body)
        if height != 2:
            log.sync()
            durable[:] = BODIES[:height]
    middle = log.durable
    log.close()
    log, _ = BlockLog.open(disk, NAME, ALLIANCE, middle)
    log.append(6, bytes(2000))
    log.sync()
    durable.append(bytes(2000))
    assert list(log.records(middle)) != []
    if problem := log.scrub(None, 3).problem:
        raise problem
    log.append(7, b"not synced")
    log.close()
    log, _ = BlockLog.open(disk, NAME, ALLIANCE)
    durable.append(b"not synced")
    log.close()


FAULTS = [
    Fault(code, effect, forgets)
    for code in (errno.ENOSPC, errno.EIO)
    for effect in (0, 0.4, 1)
    for forgets in (False, True)
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("power_fails", [False, True])
def test_every_call_failing_loses_nothing_synced(fault: Fault, *, power_fails: bool) -> None:
    """Whichever call fails and however, the caller hears of it, and what had been synced is there afterwards."""
    healthy = SimulatedDisk()
    a_life(healthy, [])
    for call in range(1, healthy.calls + 1):
        disk = SimulatedDisk()
        disk.faults[call] = fault
        durable: list[bytes] = []
        with pytest.raises((LogFailedError, OSError)):
            a_life(disk, durable)
        assert not disk.faults
        if power_fails:
            disk.crash(seeded(call))
        else:
            disk.kill()
        attempted = [*BODIES, bytes(2000), b"not synced"]
        assert_recovers(disk, durable, attempted)


def assert_recovers(disk: SimulatedDisk, durable: list[bytes], attempted: list[bytes]) -> None:
    """Open the log, accepting loss only where it may be accepted: all that is durable must be there, unchanged."""
    try:
        log, _ = BlockLog.open(disk, NAME, ALLIANCE)
    except FileNotFoundError:
        assert durable == []
        log = BlockLog.create(disk, NAME, ALLIANCE)
    except DamagedLogError:
        log, _ = BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
    found = bodies_of(log)
    assert found[: len(durable)] == durable
    assert found == attempted[: len(found)]
    log.append(len(found) + 1, b"and on")
    log.sync()
    disk.crash(seeded(0))
    assert bodies_of(BlockLog.open(disk, NAME, ALLIANCE)[0]) == [*found, b"and on"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("power_fails", [False, True])
def test_every_call_failing_during_quarantine_loses_no_damaged_byte(fault: Fault, *, power_fails: bool) -> None:
    """The damaged bytes are cut off only when they are safe elsewhere."""
    data, positions = written()
    data = flipped(data, positions[-1].start + 66)
    healthy = disk_with(data)
    BlockLog.open(healthy, NAME, ALLIANCE, accept_loss=True)
    for call in range(1, healthy.calls + 1):
        disk = disk_with(data)
        disk.faults[call] = fault
        with pytest.raises((LogFailedError, OSError)):
            BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
        if power_fails:
            disk.crash(seeded(call))
        else:
            disk.kill()
        log, _ = BlockLog.open(disk, NAME, ALLIANCE, accept_loss=True)
        assert bodies_of(log) == BODIES[:-1]
        disk.crash(seeded(call))
        damaged = data[positions[-1].start :]
        assert damaged in [disk.durable_content(name) for name in disk.names() if not name.endswith(".new")]


# Any life at all


class Life:
    """A log, a model of what it must hold, and steps that happen to both."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk()
        self.attempted: list[bytes] = []
        self.durable = 0
        self.remembered: Position | None = None
        self.excuse = False  # whether something happened that may leave damage
        self.log = BlockLog.create(self.disk, NAME, ALLIANCE)

    def append(self, size: int) -> None:
        body = seeded(size + len(self.attempted)).randbytes(size)
        height = self.log.last_height + 1
        del self.attempted[height - 1 :]
        self.attempted.append(body)
        self._try(lambda: self.log.append(height, body))

    def sync(self) -> None:
        self._try(self.log.sync)
        self.durable = max(self.durable, self.log.durable.height)

    def _try(self, act: Callable[[], object]) -> None:
        durable = self.log.durable
        try:
            act()
        except LogFailedError:
            assert not self.disk.faults
            assert self.log.durable == durable
            for again in (self.log.sync, lambda: self.log.append(self.log.last_height + 1, b"")):
                with pytest.raises(LogFailedError):
                    again()
            self.excuse = True
            self.log.close()
            self.reopen()

    def remember(self) -> None:
        self.remembered = self.log.durable

    def fault(self, fault: Fault, skip: int) -> None:
        self.disk.faults.clear()
        self.disk.fail_next(fault, skip)

    def kill(self) -> None:
        self.disk.kill()
        self.reopen()

    def crash(self, seed: int) -> None:
        self.excuse = True
        self.disk.crash(seeded(seed))
        self.reopen()

    def reopen(self) -> None:
        accept_loss = False
        while True:
            try:
                self.log, _ = BlockLog.open(self.disk, NAME, ALLIANCE, self.remembered, accept_loss=accept_loss)
                break
            except DamagedLogError:
                assert self.excuse, "nothing happened that may leave damage"
                assert not accept_loss, "what was not synced can always be cut off"
                accept_loss = True
            except (LogFailedError, OSError):
                assert not self.disk.faults, "only a fault may keep a log from opening"
                self.excuse = True
        self.disk.faults.clear()
        found = bodies_of(self.log)
        assert found == self.attempted[: len(found)]
        assert len(found) >= self.durable
        assert self.log.durable == self.log.last
        self.attempted = found
        self.durable = len(found)
        self.excuse = False


def random_life(seed: int) -> None:
    rng = seeded(seed)
    life = Life()
    for _ in range(rng.randint(5, 40)):
        match rng.choices("asrfkc", (40, 25, 5, 10, 5, 15))[0]:
            case "a":
                life.append(rng.choice((0, 1, rng.randrange(100), rng.randrange(3000))))
            case "s":
                life.sync()
            case "r":
                life.remember()
            case "f":
                life.fault(rng.choice(FAULTS), rng.randrange(4))
            case "k":
                life.kill()
            case _:
                life.crash(rng.randrange(1 << 30))
    life.crash(seed)


@pytest.mark.parametrize("block", range(10))
def test_nothing_synced_is_lost_in_many_lives(block: int) -> None:
    """Hundreds of seeds of writing, failing and crashing: all that was synced is there, in order, unchanged."""
    for seed in range(block * 60, block * 60 + 60):
        try:
            random_life(seed)
        except BaseException as error:
            error.add_note(f"random_life({seed})")
            raise


STEPS = st.one_of(
    st.tuples(st.just("append"), st.one_of(st.integers(0, 100), st.integers(400, 3000))),
    st.tuples(st.just("sync")),
    st.tuples(st.just("remember")),
    st.tuples(st.just("kill")),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS), st.integers(0, 3)),
    st.tuples(st.just("crash"), st.integers(0, 1 << 30)),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(STEPS, max_size=30))
def test_nothing_synced_is_lost_in_any_life(steps: list[tuple[str, *tuple[object, ...]]]) -> None:
    """As above, with steps that hypothesis chooses and shortens."""
    life = Life()
    for name, *arguments in steps:
        getattr(life, name)(*arguments)
    life.crash(0)


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 400))
def test_hostile_bytes_never_pass_for_a_record(junk: bytes, at: int, replaced: int) -> None:
    """Whatever replaces a part of a log: it is a prefix of the true log that opens, or an error of the log's own."""
    data, _ = written()
    hostile = data[:at] + junk + data[at + replaced :]
    try:
        log, _ = BlockLog.open(disk_with(hostile), NAME, ALLIANCE)
    except LogError:
        return
    found = bodies_of(log)
    assert found == BODIES[: len(found)]
