"""The embedded engine: what was answered stays, whatever the disk does; nothing is applied twice."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from random import Random

import msgspec
import pytest
from tests.engines import scene
from tests.engines.simulated_disk import Fault, SimulatedDisk
from tests.modules.ledger import OPERATOR_SEED

from kouan.engines import embedded, store
from kouan.engines.disk import DirectoryDisk
from kouan.engines.embedded import (
    LOG,
    SKIP,
    STATE,
    Embedded,
    LostLogError,
    OperatorKeyError,
    ReplayError,
    SkipListError,
)
from kouan.engines.log import DamagedLogError, LogFailedError
from kouan.kernel.encoding import from_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.proof import Checkpoint, check_leaf, is_checkpoint_signed
from kouan.kernel.rejections import Rejection

pytestmark = pytest.mark.usefixtures("shallow_tree")

DAY = scene.day(3)


def submit_all(engine: Embedded, envelopes: list[bytes]) -> list[bytes]:
    return [engine.submit([raw])[0] for raw in envelopes]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[bytes]]:
    """The state root and the receipts of a day on which nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        scene.shallow_tree(patch)
        engine = scene.open_engine(tmp_path_factory.mktemp("undisturbed"))
        receipts = submit_all(engine, DAY)
        root = engine.status().state_root
        engine.close()
    assert all(map(scene.accepted, receipts))
    return root, receipts


def assert_nothing_lost(engine: Embedded, answered: list[bytes], undisturbed: tuple[str, list[bytes]]) -> None:
    """Every answer is given again, the rest of the day goes on, and it ends as if nothing had happened."""
    root, receipts = undisturbed
    assert answered == receipts[: len(answered)]
    assert engine.status().height >= len(answered)
    assert submit_all(engine, DAY) == receipts
    assert engine.status().state_root == root
    executed = [raw for block in engine.blocks() for raw in block.envelopes]
    assert executed == DAY


def test_a_repeated_envelope_gets_its_receipt_again_in_one_batch_and_after_restarts(tmp_path: Path) -> None:
    engine = scene.open_engine(tmp_path)
    first, second = scene.day(1)
    receipts = engine.submit([first, second, first])
    assert receipts[0] == receipts[2]
    assert engine.status().height == 1
    for _ in range(2):  # the second time even the receipts are from before the stored state
        engine.close()
        engine = scene.open_engine(tmp_path)
        assert engine.submit([second, first]) == [receipts[1], receipts[0]]
        assert engine.status().height == 1
    engine.close()


def test_an_envelope_older_than_what_is_remembered_is_refused_as_a_repetition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "RECEIPTS_REMEMBERED", 2)
    engine = scene.open_engine(tmp_path)
    submit_all(engine, DAY)
    assert scene.codes(engine.submit([DAY[0]])[0]) == [Rejection.ENVELOPE_REPLAYED]
    engine.close()


def test_a_batch_larger_than_what_is_remembered_gets_all_its_receipts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "RECEIPTS_REMEMBERED", 2)
    engine = scene.open_engine(tmp_path)
    assert all(map(scene.accepted, engine.submit(DAY)))
    engine.close()


def test_a_repetition_in_the_log_does_not_hide_the_first_receipt_after_a_rebuild(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as forgetful:
        forgetful.setattr(embedded, "RECEIPTS_REMEMBERED", 1)
        engine = scene.open_engine(tmp_path)
        receipts = submit_all(engine, DAY)
        engine.submit([DAY[0]])  # refused as a repetition, in a block of its own
        engine.close()
    shutil.rmtree(tmp_path / STATE)
    engine = scene.open_engine(tmp_path)
    assert engine.submit([DAY[0]]) == [receipts[0]]
    engine.close()


def test_a_process_that_dies_before_any_flush_is_caught_up_from_the_log(
    tmp_path: Path, undisturbed: tuple[str, list[bytes]]
) -> None:
    disk = SimulatedDisk()
    engine = scene.open_engine(tmp_path, disk=disk)
    answered = submit_all(engine, DAY[:5])
    scene.kill(engine)
    disk.kill()
    heights: list[tuple[int, int]] = []
    engine = scene.open_engine(tmp_path, disk=disk, progress=lambda height, last: heights.append((height, last)))
    assert heights == [(height, 5) for height in range(1, 6)]
    assert_nothing_lost(engine, answered, undisturbed)
    engine.close()


def _calls_of_a_day(directory: Path) -> int:
    disk = SimulatedDisk()
    engine = scene.open_engine(directory, disk=disk)
    submit_all(engine, DAY)
    scene.kill(engine)
    return disk.calls


def _until_it_fails(directory: Path, disk: SimulatedDisk) -> list[bytes]:
    """Go through the day until the disk fails; return what was answered."""
    answered: list[bytes] = []
    try:
        engine = scene.open_engine(directory, disk=disk)
    except (OSError, LogFailedError):
        return answered
    try:
        for raw in DAY:
            answered.extend(engine.submit([raw]))
    except LogFailedError:
        with pytest.raises(LogFailedError, match="takes nothing more"):
            engine.submit([DAY[-1]])
        assert engine.status().height == len(answered)
    scene.kill(engine)
    return answered


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["disk full", "I/O error"])
@pytest.mark.parametrize("effect", [0.0, 0.5, 1.0])
def test_a_fault_at_every_call_to_the_disk_loses_nothing_answered(
    tmp_path: Path, undisturbed: tuple[str, list[bytes]], number: int, effect: float
) -> None:
    for call in range(1, _calls_of_a_day(tmp_path / "counted") + 1):
        directory = tmp_path / str(call)
        disk = SimulatedDisk()
        disk.faults[call] = Fault(number, effect, forgets=bool(call % 2))
        answered = _until_it_fails(directory, disk)
        rng = Random(call)  # noqa: S311  # seeded on purpose: the same seed fails again
        disk.crash(rng) if rng.random() < 0.7 else disk.kill()
        try:
            engine = scene.open_engine(directory, disk=disk)
        except DamagedLogError:  # a block that was never answered may look as if it had been: a person may cut it off
            engine = scene.open_engine(directory, disk=disk, accept_loss=True)
        assert_nothing_lost(engine, answered, undisturbed)
        engine.close()


def test_a_stop_during_a_long_catching_up_skips_no_block(
    tmp_path: Path, undisturbed: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """State flushed while the log is executed again belongs to the block it was made by, not to the log's end."""
    engine = scene.open_engine(tmp_path)
    answered = submit_all(engine, DAY)
    engine.close()
    shutil.rmtree(tmp_path / STATE)
    monkeypatch.setattr(store, "FLUSH_VALUES", 1)

    class Stopped(Exception):  # noqa: N818  # it stands for a kill
        pass

    def stop(height: int, _: int) -> None:
        if height == 4:
            raise Stopped

    with pytest.raises(Stopped):
        scene.open_engine(tmp_path, progress=stop)
    engine = scene.open_engine(tmp_path)
    assert [block.height for block in engine.blocks(3)] == [3, 4, 5, 6]
    assert_nothing_lost(engine, answered, undisturbed)
    engine.close()


def test_the_state_can_be_lost_and_is_built_anew(tmp_path: Path, undisturbed: tuple[str, list[bytes]]) -> None:
    engine = scene.open_engine(tmp_path)
    answered = submit_all(engine, DAY)
    engine.close()
    shutil.rmtree(tmp_path / STATE)
    engine = scene.open_engine(tmp_path)
    assert_nothing_lost(engine, answered, undisturbed)
    engine.close()


def test_a_log_that_is_gone_is_named_and_never_begun_anew(tmp_path: Path) -> None:
    scene.open_engine(tmp_path).close()
    (tmp_path / LOG).unlink()
    with pytest.raises(LostLogError, match="is gone"):
        scene.open_engine(tmp_path)
    assert not (tmp_path / LOG).exists()


def test_a_log_shortened_behind_the_states_back_needs_a_persons_word(tmp_path: Path) -> None:
    """The state remembers a block that is no longer there; accepting the loss keeps that state aside."""
    engine = scene.open_engine(tmp_path)
    submit_all(engine, DAY)
    third = next(engine.blocks(3))
    end = engine.log.scrub(None, 3).last.end
    engine.close()
    with (tmp_path / LOG).open("r+b") as file:
        file.truncate(end)
    with pytest.raises(DamagedLogError, match="block 6 is expected"):
        scene.open_engine(tmp_path)
    engine = scene.open_engine(tmp_path, accept_loss=True)
    assert engine.status().height == 3
    assert from_text(engine.status().state_root) == third.state_root
    assert (tmp_path / "state.aside-1").is_dir()
    assert all(map(scene.accepted, submit_all(engine, DAY[3:])))
    engine.close()


def test_damage_in_the_middle_of_the_log_cannot_be_accepted_and_leaves_the_state_alone(tmp_path: Path) -> None:
    engine = scene.open_engine(tmp_path)
    submit_all(engine, DAY)
    middle = engine.log.scrub(None, 2).last
    engine.close()
    with (tmp_path / LOG).open("r+b") as file:
        file.seek(middle.start + 100)
        file.write(b"\xff\xff\xff")
    engine = scene.open_engine(tmp_path)  # it is far behind the stored state; the scrub names it
    assert "block 2" in str(engine.log.scrub(None, 10).problem)
    engine.close()
    shutil.move(tmp_path / STATE, tmp_path / "kept")
    with pytest.raises(DamagedLogError, match="cannot be cut off"):
        scene.open_engine(tmp_path, accept_loss=True)


def test_a_log_whose_blocks_lead_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other code, or another log: either way the state would be another one than was answered from."""
    engine = scene.open_engine(tmp_path)
    submit_all(engine, DAY)
    engine.close()
    shutil.rmtree(tmp_path / STATE)
    command = scene.LEDGER.registry.commands["customs.attest/1"]
    other = command._replace(handle=lambda _ctx, _cmd: None)
    monkeypatch.setitem(scene.LEDGER.registry.commands, "customs.attest/1", other)
    with pytest.raises(ReplayError, match="leads to another state"):
        scene.open_engine(tmp_path)
    assert DirectoryDisk(tmp_path).open(LOG)  # everything was let go


def test_forged_signatures_in_a_log_from_elsewhere_are_found_when_asked_for(tmp_path: Path) -> None:
    """Roots and receipts can be computed for any log; only the signatures say that the members sent it."""

    def careless(claims: list[object]) -> list[bool]:
        return [True] * len(claims)

    forged = DAY[0][:-20] + (b"A" if DAY[0][-20:-19] != b"A" else b"B") + DAY[0][-19:]
    engine = scene.open_engine(tmp_path)
    engine._verify = careless  # type: ignore[assignment]  # as somebody would who writes a log of his own
    assert scene.accepted(engine.submit([forged])[0])
    engine.close()
    shutil.rmtree(tmp_path / STATE)
    scene.open_engine(tmp_path).close()
    shutil.rmtree(tmp_path / STATE)
    with pytest.raises(ReplayError):
        scene.open_engine(tmp_path, check_signatures=True)


def test_proofs_of_every_kept_height_hold(tmp_path: Path) -> None:
    engine = scene.open_engine(tmp_path)
    roots = {0: engine.status().state_root}
    for raw in DAY:
        engine.submit([raw])
        roots[engine.status().height] = engine.status().state_root
    for height, root in roots.items():
        proven = engine.prove([f"quota/{scene.quota_id('d2')}", "charter"], height)
        assert (proven.checkpoint.height, proven.checkpoint.state_root) == (height, root)
        assert isinstance(proven.checkpoint, Checkpoint)
        assert is_checkpoint_signed(proven.checkpoint)
        for leaf in proven.leaves:
            check_leaf(leaf, from_text(root))
        assert (proven.leaves[0].value is not None) == (height >= 3)
    engine.close()


def test_without_the_operators_key_nothing_is_proved_and_the_error_says_which_is_wanted(tmp_path: Path) -> None:
    engine = Embedded(tmp_path, scene.LEDGER, lambda: scene.NOW_MS)
    with pytest.raises(OperatorKeyError, match=scene.FOUNDING.operator):
        engine.prove(["charter"])
    engine.close()


def test_block_time_never_goes_back_with_the_clock(tmp_path: Path) -> None:
    times = iter([scene.NOW_MS, scene.NOW_MS - 50_000, scene.NOW_MS + 1])
    engine = Embedded(tmp_path, scene.LEDGER, lambda: next(times))
    submit_all(engine, DAY[:3])
    assert [block.time_ms for block in engine.blocks()] == [scene.NOW_MS, scene.NOW_MS, scene.NOW_MS + 1]
    engine.close()


def test_blocks_begin_anywhere_however_the_state_was_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "POSITION_EVERY", 2)
    monkeypatch.setattr(store, "FLUSH_VALUES", 7)
    engine = scene.open_engine(tmp_path)
    submit_all(engine, DAY)
    for _ in range(2):
        for height in range(9):
            assert [block.height for block in engine.blocks(height)] == list(range(max(height, 1), 7))
        engine.close()
        engine = scene.open_engine(tmp_path)
    engine.close()


def test_the_charter_as_it_stands_says_how_far_back_the_state_can_be_read(tmp_path: Path) -> None:
    """The members may change it after the founding; the engine keeps to what the state says."""
    founded_with_less = scene.LEDGER._replace(keep_versions=1)
    engine = Embedded(tmp_path, founded_with_less, lambda: scene.NOW_MS, operator_seed=OPERATOR_SEED)
    submit_all(engine, DAY[:4])
    assert engine.status().oldest_provable == 0
    engine.close()


def test_an_envelope_on_the_skip_list_is_answered_and_not_executed_also_when_the_log_is_replayed(
    tmp_path: Path,
) -> None:
    """Should an envelope ever crash the node, the operator writes its id down and goes on."""
    (tmp_path / SKIP).write_text(f'["{envelope_id(DAY[1])}"]')
    engine = scene.open_engine(tmp_path)
    receipts = submit_all(engine, DAY[:3])
    assert [msgspec.json.decode(receipt)["code"] for receipt in receipts] == [0, Rejection.ENVELOPE_SKIPPED, 0]
    root = engine.status().state_root
    scene.kill(engine)
    (tmp_path / SKIP).unlink()
    shutil.rmtree(tmp_path / STATE)
    engine = scene.open_engine(tmp_path)
    assert engine.status().state_root == root
    engine.close()


def test_a_crash_names_the_envelopes_of_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = scene.open_engine(tmp_path)

    def defect(*_: object) -> None:
        raise AssertionError("broken invariant")

    with monkeypatch.context() as patch:
        patch.setattr(embedded, "execute_block", defect)
        with pytest.raises(AssertionError, match="broken invariant") as caught:
            engine.submit([DAY[0]])
    assert envelope_id(DAY[0]) in caught.value.__notes__[0]
    assert engine.status().height == 0
    engine.close()


@pytest.mark.parametrize("written", ["", "{}", '["short"]', "[1]"])
def test_a_skip_list_that_cannot_be_read_stops_the_start(tmp_path: Path, written: str) -> None:
    (tmp_path / SKIP).write_text(written)
    with pytest.raises(SkipListError, match=r"skip\.json"):
        scene.open_engine(tmp_path)
