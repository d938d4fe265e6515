"""What is done to a network: to its processes and to what lies between them. One function a fault.

A fault waits for what must be true while it lasts, and ends when it is mended; whether the network is whole again, and
everything as it must be, is looked at afterwards and is the same for all.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from tests.network import disks, hostility, skewed
from tests.network.cluster import Node, wait_until
from tests.network.scene import Scene

from kouan.engines.cometbft.node.exits import EXIT_CLOCK
from kouan.engines.cometbft.node.processes import APPLICATION, ENGINE

PAUSE_S: Final = 10.0
LASTS_S: Final = 10.0
STANDS_STILL_S: Final = 5.0
FAILED_S: Final = 60.0
STOPS_S: Final = 30.0


class Fault(NamedTuple):
    """Something that is done to a network."""

    name: str
    do: Callable[[Scene], str]
    """Does it; returns what else there is to tell. Raises AssertionError when something was not as it must be."""
    is_short: bool = False
    """Part of the short set."""
    ends_network: bool = False
    """The network is not the same afterwards: the next fault gets a new one."""
    reason_against: Callable[[], str | None] = lambda: None
    """Why it cannot be done here, or None."""


def kill_one(scene: Scene) -> str:
    (node,) = scene.some(1)
    time.sleep(scene.rng.uniform(0, 2))
    node.kill()
    scene.goes_on()
    node.start()
    return ""


def kill_two(scene: Scene) -> str:
    first, second = scene.some(2)
    first.kill()
    time.sleep(scene.rng.uniform(0, 2))
    second.kill()
    scene.stands_still(STANDS_STILL_S)
    second.start()
    seconds = scene.goes_on()
    first.start()
    return f"went on {seconds:.1f} s after one had returned"


def kill_application(scene: Scene) -> str:
    return _kill_child(scene, APPLICATION)


def kill_engine(scene: Scene) -> str:
    return _kill_child(scene, ENGINE)


def _kill_child(scene: Scene, name: str) -> str:
    (node,) = scene.some(1)
    time.sleep(scene.rng.uniform(0, 2))
    node.signal(signal.SIGKILL, name)
    scene.goes_on()
    return ""


def fail_point(scene: Scene) -> str:
    index = scene.fail_points[0]
    scene.fail_points = [*scene.fail_points[1:], index]
    (node,) = scene.some(1)
    node.stop()
    node.forget_said()
    node.start(FAIL_TEST_INDEX=str(index))
    wait_until(lambda: node.has_said("*** fail-test"), FAILED_S, f"fail point {index} is reached")
    node.kill()
    scene.goes_on()
    node.start()
    return f"point {index}"


def pause(scene: Scene) -> str:
    (node,) = scene.some(1)
    node.signal(signal.SIGSTOP)
    time.sleep(PAUSE_S)
    scene.goes_on()
    node.signal(signal.SIGCONT)
    return ""


def partition_even(scene: Scene) -> str:
    some = {node.place for node in scene.some(2)}
    scene.places.cut(some, {node.place for node in scene.nodes} - some)
    scene.stands_still(STANDS_STILL_S)
    scene.places.heal()
    return ""


def partition_odd(scene: Scene) -> str:
    (node,) = scene.some(1)
    scene.places.cut([node.place], _others(scene, node))
    _lasts(scene)
    scene.places.heal()
    return ""


def partition_one_way(scene: Scene) -> str:
    """One hears nothing that the others say, or nobody hears it; or one does not hear one other."""
    (node,) = scene.some(1)
    others = _others(scene, node)
    kind = scene.rng.choice(["deaf", "mute", "deaf to one"])
    if kind == "mute":
        scene.places.cut([node.place], others, both_ways=False)
    else:
        scene.places.cut(others if kind == "deaf" else scene.rng.sample(others, 1), [node.place], both_ways=False)
    _lasts(scene)
    scene.places.heal()
    return kind


def loss(scene: Scene) -> str:
    scene.places.among([node.place for node in scene.nodes], loss=0.3)
    blocks = _lasts(scene, 2 * LASTS_S)
    scene.places.heal()
    return f"{blocks} blocks meanwhile"


def latency(scene: Scene) -> str:
    scene.places.among([node.place for node in scene.nodes], delay_ms=300)
    blocks = _lasts(scene, 2 * LASTS_S)
    scene.places.heal()
    return f"{blocks} blocks meanwhile"


def _lasts(scene: Scene, seconds: float = LASTS_S) -> int:
    """Let a fault last with which the network must go on; return how many blocks it made."""
    start, end_s = scene.height, time.monotonic() + seconds
    scene.goes_on()
    time.sleep(max(0.0, end_s - time.monotonic()))
    return scene.height - start


def _others(scene: Scene, node: Node) -> list[int]:
    return [other.place for other in scene.nodes if other is not node]


def clock_near(scene: Scene) -> str:
    return _with_clock(scene, scene.rng.choice([-1, 1]))


def clock_ahead(scene: Scene) -> str:
    return _with_clock(scene, 61)


def _with_clock(scene: Scene, seconds: int) -> str:
    """A clock that is little behind, or ahead however much, does no harm: a block's time is a median."""
    (node,) = scene.some(1)
    node.stop()
    node.start(KOUAN_COMETBFT=str(skewed.build()), KOUAN_SKEW_S=str(seconds))
    scene.keeps_up(node)
    _lasts(scene)
    if node.height < scene.height - 2:
        raise AssertionError(f"a clock {seconds} s off leaves the node behind")
    node.stop()
    node.start()
    return f"{seconds:+d} s"


def clock_behind(scene: Scene) -> str:
    """A minute behind: the node refuses what all others agree on, and stops with that reason. The others go on.

    A block's time is that of the votes for the one before: where blocks are seconds apart, a clock 61 s behind is less
    than a minute behind them, and the node keeps up. Then it is set back further.
    """
    (node,) = scene.some(1)
    for seconds in (-61, -90):
        node.stop()
        node.forget_said()
        node.start(KOUAN_COMETBFT=str(skewed.build()), KOUAN_SKEW_S=str(seconds))
        if _stops(node):
            break
        scene.keeps_up(node)
    if node.exit_code != EXIT_CLOCK or not node.has_said("clock is a minute or more behind"):
        raise AssertionError(f"it ended with {node.exit_code} and did not say that its clock is behind")
    scene.goes_on()
    node.await_down()
    node.start()
    return f"stopped at {seconds} s"


def _stops(node: Node) -> bool:
    try:
        wait_until(lambda: node.exit_code is not None, STOPS_S, "the node stops")
    except AssertionError:
        return False
    return True


def rolling_restart(scene: Scene) -> str:
    longest = 0.0
    for node in scene.some(len(scene.nodes)):
        node.stop()
        scene.goes_on(1)
        node.start()
        longest = max(longest, scene.keeps_up(node))
    return f"each back within {longest:.0f} s"


FAULTS: Final = (
    Fault("kill -9 of one validator", kill_one),
    Fault("kill -9 of two: stands still, then goes on", kill_two, is_short=True),
    Fault("kill -9 of an application alone", kill_application),
    Fault("kill -9 of a CometBFT alone", kill_engine),
    Fault("kill at a fail point of CometBFT", fail_point, is_short=True),
    Fault("pause of 10 s", pause),
    Fault("partition 2-2: stands still, then goes on", partition_even, is_short=True),
    Fault("partition 3-1", partition_odd),
    Fault("partition one way", partition_one_way),
    Fault("30 % of all packets lost", loss),
    Fault("300 ms on every way", latency),
    Fault("clock off by 1 s", clock_near, reason_against=skewed.reason_against),
    Fault("clock 61 s ahead", clock_ahead, reason_against=skewed.reason_against),
    Fault("clock 61 s behind: stops and says so", clock_behind, reason_against=skewed.reason_against),
    Fault("disk full", disks.fill),
    Fault("end of the WAL cut off", disks.cut_wal),
    Fault("state damaged: stops and says so", disks.damage_state, is_short=True),
    Fault("restart of all, one after the other", rolling_restart),
    Fault("ten times the load it can carry", hostility.overload, is_short=True),
    Fault("malformed, oversize, replayed and re-encoded envelopes", hostility.bad_envelopes, is_short=True),
    Fault("spam from one member", hostility.spam),
    Fault("validator that proposes garbage", hostility.garbage, is_short=True),
    Fault("validator that signs twice: suspended", hostility.double_signing, is_short=True, ends_network=True),
)
