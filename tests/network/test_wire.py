"""The wire of the fault campaigns does to packets what it is told, and nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.network.wire import Wire


class Ends:
    """Three nodes on a wire, as far as it sees them."""

    def __init__(self, seed: int = 1) -> None:
        self._pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)]
        for pair in self._pairs:
            for end in pair:
                end.settimeout(0)
        self.wire = Wire(seed, [theirs.fileno() for _, theirs in self._pairs])

    def rule(self, **said: Any) -> None:
        self.wire.rule(json.dumps({"delay_ms": 0, "loss": 0.0, **said}).encode())

    def send(self, start: int, end: int, text: bytes = b"") -> None:
        """Send an IPv4 packet: version, and the address it goes to, are all that the wire looks at."""
        self._pairs[start][0].send(b"\x45" + bytes(15) + bytes([10, 77, 0, end + 1]) + text)
        self.wire.take(start)

    def received(self, end: int) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self._pairs[end][0].recv(100)[20:])
            except BlockingIOError:
                return found

    def close(self) -> None:
        for pair in self._pairs:
            for end in pair:
                end.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def test_a_packet_reaches_the_node_whose_address_it_has(ends: Ends) -> None:
    ends.send(0, 2, b"hello")
    assert ends.received(2) == [b"hello"]
    assert ends.received(1) == []


def test_a_cut_is_one_way_and_between_two_alone(ends: Ends) -> None:
    ends.rule(**{"from": 0, "to": 1, "loss": 1.0})
    ends.send(0, 1)
    ends.send(1, 0)
    ends.send(0, 2)
    assert [len(ends.received(place)) for place in range(3)] == [1, 0, 1]


def test_what_is_delayed_is_not_there_yet_and_waits_its_time(ends: Ends) -> None:
    ends.rule(**{"from": 0, "to": 1, "delay_ms": 60_000})
    ends.send(0, 1)
    wait_s = ends.wire.deliver()
    assert ends.received(1) == []
    assert wait_s is not None
    assert 0 < wait_s <= 60


def test_a_rule_that_is_taken_back_leaves_nothing(ends: Ends) -> None:
    ends.rule(**{"from": 0, "to": 1, "loss": 1.0})
    ends.rule(**{"from": 0, "to": 1})
    ends.send(0, 1)
    assert len(ends.received(1)) == 1


def test_the_same_seed_loses_the_same_packets() -> None:
    def arrived(seed: int) -> list[bytes]:
        ends = Ends(seed)
        ends.rule(**{"from": 0, "to": 1, "loss": 0.3})
        found = []
        for number in range(100):
            ends.send(0, 1, bytes([number]))
            found += ends.received(1)
        ends.close()
        return found

    assert arrived(7) == arrived(7)
    assert arrived(7) != arrived(8)
    assert 50 < len(arrived(7)) < 90


@pytest.mark.parametrize(
    "packet", [b"\x60" + bytes(39), b"\x45" + bytes(15) + bytes([10, 77, 0, 9]), b"\x45" + bytes(19)]
)
def test_what_goes_nowhere_is_dropped(ends: Ends, packet: bytes) -> None:
    ends._pairs[0][0].send(packet)
    ends.wire.take(0)
    assert [ends.received(place) for place in range(3)] == [[], [], []]
