"""The supervisor with stand-ins for its children: whoever ends, both go down, and up again only where that helps."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kouan.engines.cometbft.node import processes
from kouan.engines.cometbft.node.clock import sign_of
from kouan.engines.cometbft.node.exits import EXIT_BROKEN, EXIT_CLOCK, EXIT_PASSING, EXIT_TOO_OLD, EXIT_UNUSABLE
from kouan.engines.cometbft.node.journal import Journal
from kouan.engines.cometbft.node.processes import InUseError, registered
from kouan.engines.cometbft.node.supervisor import Commands, Supervisor, Timing

STAND_IN = Path(__file__).parent / "stand_in.py"
QUICK = Timing(grace=0.3, orphan_grace=0.2, first_pause=0.01, longest_pause=0.04, good_run=60, poll=0.01)
WAIT_S = 20.0
LATE = "block time 2026-11-30 is too far in the future (wall clock 2026-11-29 + tolerance 1m0s)"
PREVOTE = "prevote step: consensus deems this block invalid; prevoting nil"


class Told:
    """What the supervisor told, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: str, **about: Any) -> None:
        self.events.append({"event": event, **about})

    def pass_on(self, line: bytes) -> None:
        self.events.append({"event": "passed on", "line": line})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]

    def pid(self, name: str) -> int:
        return int([one for one in self.of("started") if one["process"] == name][-1]["pid"])

    async def until(self, event: str, count: int = 1) -> None:
        end_s = time.monotonic() + WAIT_S
        while len(self.of(event)) < count:
            assert time.monotonic() < end_s, self.events
            await asyncio.sleep(0.01)


def line(message: str, error: str = "") -> str:
    return json.dumps({"level": "error", "module": "consensus", "_msg": message, "err": error})


def stand_in(*words: str) -> list[str]:
    return [sys.executable, "-S", str(STAND_IN), *words]


Script = Callable[[Told], Awaitable[None]]


async def nothing(_told: Told) -> None:
    """The children do it all by themselves."""


async def stop(told: Told) -> None:
    await told.until("started", 2)
    os.kill(os.getpid(), signal.SIGTERM)


def supervise(
    tmp_path: Path,
    application: list[str],
    engine: list[str],
    script: Script = nothing,
    block_ahead_ms: int | None = None,
) -> tuple[int, Told]:
    """Run a supervisor until it ends by itself or the script stops it; whoever it started must be gone then."""
    told = Told()
    path = tmp_path / "app.sock"
    serving = ["serve", str(path), *application]

    def block_time_ms() -> int | None:
        return None if block_ahead_ms is None else int(time.time() * 1000) + block_ahead_ms

    async def run(register: processes.Register) -> int:
        commands = Commands(stand_in(*serving), stand_in(*engine))
        supervisor = Supervisor(commands, path, register, told, block_time_ms, QUICK)
        running = asyncio.ensure_future(supervisor.run())
        try:
            await script(told)
            return await asyncio.wait_for(running, WAIT_S)
        finally:
            running.cancel()

    with registered(tmp_path / "pids") as register:
        code = asyncio.run(run(register))
    for one in told.of("started"):
        with pytest.raises(ProcessLookupError):
            os.kill(one["pid"], 0)
    return code, told


def test_told_to_stop_it_stops_both_and_ends_well(tmp_path: Path) -> None:
    code, told = supervise(tmp_path, ["wait"], ["wait"], stop)
    assert code == 0
    assert [one["process"] for one in told.of("started")] == ["application", "cometbft"]
    assert told.events[-1] == {"event": "stopped", "reason": "told to", "exit_code": 0}
    assert not told.of("killed")
    assert processes.read(tmp_path / "pids").keys() == {"supervisor"}


@pytest.mark.parametrize("victim", ["application", "cometbft"])
def test_either_ones_death_brings_both_down_and_up_again(tmp_path: Path, victim: str) -> None:
    async def script(told: Told) -> None:
        await told.until("started", 2)
        os.kill(told.pid(victim), signal.SIGKILL)
        await told.until("started", 4)
        await stop(told)

    code, told = supervise(tmp_path, ["wait"], ["wait"], script)
    assert code == 0
    pids = [one["pid"] for one in told.of("started")]
    assert len(set(pids)) == 4
    (again,) = told.of("restarting")
    assert "SIGKILL" in again["reason"]
    assert ("application" in again["reason"]) == (victim == "application")


def test_cometbft_that_does_not_end_without_its_application_is_killed(tmp_path: Path) -> None:
    async def script(told: Told) -> None:
        await told.until("said")
        os.kill(told.pid("application"), signal.SIGKILL)
        await told.until("started", 4)
        await stop(told)

    code, told = supervise(tmp_path, ["wait"], ["deaf", "say", "deaf", "wait"], script)
    assert code == 0
    assert told.of("killed")[0] == {"event": "killed", "process": "cometbft", "grace_s": QUICK.orphan_grace}


def test_the_pause_before_a_new_start_grows_up_to_a_limit(tmp_path: Path) -> None:
    async def script(told: Told) -> None:
        await told.until("restarting", 4)
        os.kill(os.getpid(), signal.SIGTERM)

    code, told = supervise(tmp_path, ["exit", str(EXIT_PASSING)], ["wait"], script)
    assert code == 0
    assert [one["pause_s"] for one in told.of("restarting")][:4] == [0.01, 0.02, 0.04, 0.04]
    assert told.of("restarting")[0]["reason"] == f"the application ended (exit code {EXIT_PASSING})"


@pytest.mark.parametrize(
    ("code", "word"),
    [(EXIT_TOO_OLD, "install the version"), (EXIT_BROKEN, "cannot execute"), (EXIT_UNUSABLE, "directory")],
)
def test_what_no_new_start_would_mend_ends_it(tmp_path: Path, code: int, word: str) -> None:
    """One start, no loop, and the reason in words."""
    ended, told = supervise(tmp_path, ["exit", str(code)], ["wait"])
    assert ended == code
    assert not told.of("restarting")
    assert word in told.of("stopped")[0]["reason"]


@pytest.mark.parametrize("engine", [["exit", "1"], ["say", line("CONSENSUS FAILURE!!!", "EOF"), "wait"]])
@pytest.mark.parametrize("code", [EXIT_TOO_OLD, EXIT_BROKEN])
def test_why_an_application_cannot_go_on_is_waited_for(tmp_path: Path, code: int, engine: list[str]) -> None:
    """It gives up its socket at once and is a while closing what it has open; CometBFT ends or complains meanwhile."""

    async def script(told: Told) -> None:
        await told.until("started", 2)
        os.kill(told.pid("application"), signal.SIGUSR1)
        await told.until("said")
        os.kill(told.pid("cometbft"), signal.SIGUSR1)

    slow = ["told", "leave", "say", "gone", "sleep", "0.2", "exit", str(code)]
    ended, told = supervise(tmp_path, slow, ["told", *engine], script)
    assert ended == code
    assert not told.of("restarting")


@pytest.mark.parametrize(
    ("said", "block_ahead_ms", "code"),
    [
        (line("CONSENSUS FAILURE!!!", f"+2/3 committed an invalid block: {LATE}"), None, EXIT_CLOCK),
        (line("Error in validation", LATE), None, EXIT_CLOCK),
        (line(PREVOTE, LATE), 3_600_000, EXIT_CLOCK),
    ],
)
def test_a_clock_behind_ends_it_with_that_reason(
    tmp_path: Path, said: str, block_ahead_ms: int | None, code: int
) -> None:
    ended, told = supervise(tmp_path, ["wait"], ["say", said, "wait"], block_ahead_ms=block_ahead_ms)
    assert ended == code
    assert not told.of("restarting")
    assert "clock" in told.of("stopped")[0]["reason"]


@pytest.mark.parametrize("block_ahead_ms", [None, 0])
def test_a_hostile_proposers_time_does_not_end_it(tmp_path: Path, block_ahead_ms: int | None) -> None:
    """What one proposer writes is refused; the clock is judged by blocks that were agreed on."""

    async def script(told: Told) -> None:
        await told.until("said")
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    code, told = supervise(tmp_path, ["wait"], ["say", line(PREVOTE, LATE), "wait"], script, block_ahead_ms)
    assert code == 0
    assert not told.of("restarting")


def test_consensus_that_has_stopped_is_started_again(tmp_path: Path) -> None:
    """CometBFT stays alive as a process then, and does nothing any more."""

    async def script(told: Told) -> None:
        await told.until("restarting", 2)
        os.kill(os.getpid(), signal.SIGTERM)

    code, told = supervise(tmp_path, ["wait"], ["say", line("CONSENSUS FAILURE!!!", "disk"), "wait"], script)
    assert code == 0
    assert "consensus has stopped" in told.of("restarting")[0]["reason"]


def test_what_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    async def script(told: Told) -> None:
        await told.until("restarting", 2)
        os.kill(os.getpid(), signal.SIGTERM)

    told = Told()
    path = tmp_path / "app.sock"

    async def run(register: processes.Register) -> int:
        supervisor = Supervisor(Commands([str(tmp_path / "none")], ["none"]), path, register, told, lambda: None, QUICK)
        running = asyncio.ensure_future(supervisor.run())
        await script(told)
        return await running

    with registered(tmp_path / "pids") as register:
        assert asyncio.run(run(register)) == 0
    assert "cannot be started" in told.of("restarting")[0]["reason"]


def test_lines_are_passed_on_and_long_ones_cut(tmp_path: Path) -> None:
    """The application's JSON as it stands, all else as what somebody said; a line without end takes no memory."""

    async def script(told: Told) -> None:
        await told.until("said", 2)
        os.kill(os.getpid(), signal.SIGTERM)

    code, told = supervise(
        tmp_path, ["say", '{"event":"block"}', "wait"], ["say", "a" * 100_000, "say", "b", "wait"], script
    )
    assert code == 0
    assert told.of("passed on")[0]["line"] == b'{"event":"block"}'
    assert [len(one["line"]) for one in told.of("said")] == [16 << 10, 1]


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """Or CometBFT would go on with an application that nobody watches, or vote beside its successor."""
    path = tmp_path / "app.sock"
    program = f"""
import asyncio, sys
from pathlib import Path
from kouan.engines.cometbft.node.journal import Journal
from kouan.engines.cometbft.node.processes import registered
from kouan.engines.cometbft.node.supervisor import Commands, Supervisor
async def run(register):
    commands = Commands({stand_in("serve", str(path), "deaf", "wait")!r}, {stand_in("deaf", "wait")!r})
    await Supervisor(commands, Path({str(path)!r}), register, Journal(), lambda: None).run()
with registered(Path({str(tmp_path / "pids")!r})) as register:
    asyncio.run(run(register))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        for _ in range(2):
            assert json.loads(supervisor.stdout.readline())["event"] == "started"
        assert processes.state(tmp_path / "pids") == "running"
        with (
            pytest.raises(InUseError, match=f"process {supervisor.pid} runs this node already"),
            registered(tmp_path / "pids"),
        ):
            pass
        assert processes.signal_all(tmp_path / "pids", signal.SIGSTOP) == 3
        end_s = time.monotonic() + WAIT_S
        while processes.state(tmp_path / "pids") != "paused":
            assert time.monotonic() < end_s
        supervisor.kill()
    assert processes.await_gone(tmp_path / "pids", WAIT_S)
    assert processes.state(tmp_path / "pids") == "down"
    assert processes.signal_all(tmp_path / "pids", signal.SIGKILL) == 0


def test_another_process_under_an_old_number_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    path.write_text(json.dumps({"supervisor": [os.getpid(), 1]}))
    assert processes.state(path) == "down"
    assert processes.signal_all(path, signal.SIGKILL) == 0


@pytest.mark.parametrize("hostile", [b"", b"{", b"[]", b'{"supervisor":[1]}', b"\xff", b'{"supervisor":["1",2]}'])
def test_a_damaged_register_is_no_register(tmp_path: Path, hostile: bytes) -> None:
    (tmp_path / "pids").write_bytes(hostile)
    assert processes.read(tmp_path / "pids") == {}


def test_a_log_file_stays_small(tmp_path: Path) -> None:
    """The file that is full is put aside, in place of the one before it."""
    path = tmp_path / "logs" / "node.jsonl"
    journal = Journal(path, max_bytes=1000)
    for number in range(100):
        journal("counted", number=number)
    journal.close()
    kept = [json.loads(one) for file in (path.with_suffix(".jsonl.1"), path) for one in file.read_text().splitlines()]
    assert kept[-1]["number"] == 99
    assert [one["number"] for one in kept] == list(range(kept[0]["number"], 100))
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 2200


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        (line("CONSENSUS FAILURE!!!", LATE), "behind"),
        (line(PREVOTE, LATE), "maybe behind"),
        (line("CONSENSUS FAILURE!!!", "wrong app hash"), "failed"),
        (line("CONSENSUS FAILURE!!! or so", ""), None),
        (line("peer said", "not too far"), None),
        ("too far in the future", None),
        ('{"_msg":["CONSENSUS FAILURE!!!"]}', None),
        ('{"_msg":"CONSENSUS FAILURE!!!","err":null}', None),
    ],
)
def test_signs_in_cometbfts_log(said: str, sign: str | None) -> None:
    assert sign_of(said.encode()) == sign
