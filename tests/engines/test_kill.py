"""A serving process is killed, at every moment at which it changes the disk and at random ones.

After each restart nothing answered is missing, nothing was applied twice, and the day ends as if nothing had happened.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.engines import scene, serving
from tests.engines.chaos import expected_root, rounds

from kouan.engines.local_socket import Remote, SocketError

pytestmark = pytest.mark.usefixtures("shallow_tree")

DAY = scene.day(2)


def _until_killed(directory: Path, moment: int) -> tuple[list[bytes], bool]:
    """Send the day's envelopes to a process that dies at a moment; return the answers, and whether it died."""
    process = serving.start(directory, moment)
    answered: list[bytes] = []
    remote = serving.reach(directory, process)
    if remote is None:
        return answered, True
    try:
        for raw in DAY:
            answered.extend(remote.submit([raw]))
    except SocketError:
        process.join(serving.WAIT_S)
        return answered, True
    finally:
        remote.close()
    process.terminate()  # it may still die while it writes the state
    process.join(serving.WAIT_S)
    return answered, process.exitcode != 0


def test_a_kill_at_every_moment_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    undisturbed, died = _until_killed(tmp_path / "undisturbed", serving.NEVER)
    assert not died
    root = expected_root(DAY)
    moment = 1
    while died or moment == 1:
        directory = tmp_path / str(moment)
        answered, died = _until_killed(directory, moment)
        assert answered == undisturbed[: len(answered)]
        engine = scene.open_engine(directory)
        assert engine.status().height >= len(answered)
        assert [engine.submit([raw])[0] for raw in DAY] == undisturbed
        assert [raw for block in engine.blocks() for raw in block.envelopes] == DAY
        assert engine.status().state_root == root
        engine.close()
        moment += 1
    assert moment > 40  # creating the log, four blocks and the state's flushes have at least so many


def test_kills_at_random_while_several_processes_submit(tmp_path: Path) -> None:
    outcome = rounds(tmp_path, Random(1), kills=6, declarations=60)  # noqa: S311  # which moments does not matter
    assert outcome.good, outcome


def test_a_socket_left_by_a_killed_process_is_not_in_the_way_of_the_next(tmp_path: Path) -> None:
    process = serving.start(tmp_path)
    serving.must_reach(tmp_path, process).close()
    process.kill()
    process.join()
    assert (tmp_path / "socket").is_socket()
    with pytest.raises(SocketError, match="start it with `kouan serve`"):
        Remote(tmp_path / "socket")
    again = serving.start(tmp_path)
    remote = serving.must_reach(tmp_path, again)
    assert scene.accepted(remote.submit(DAY[:1])[0])
    remote.close()
    serving.stop(again)
    assert not (tmp_path / "socket").exists()
