"""Versions of the ledger's rules: agreed by vote, in force from a block on; no node goes on without knowing them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from tests.modules.alliance.voting import make, propose, set_protocol
from tests.modules.ledger import Ledger

from kouan.kernel.execution import TooOldError
from kouan.kernel.records import Protocol, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection

NEWER = {"type": "toy.ping/2"}


class Ping(Record, frozen=True):
    """toy.ping/2: a command of the second protocol version."""


def ping(ctx: Context, _: Ping) -> Refusal | None:
    ctx.state.write("toy", Protocol(1, ctx.height, 2))
    return None


PINGS: Iterable[Command] = [Command("toy.ping/2", Ping, ping, frozenset(), starts=False, since=2)]


def reach(ledger: Ledger, height: int) -> None:
    """Let blocks pass until the next one has this height."""
    while ledger.height + 1 < height:
        ledger.block()


def test_a_new_command_is_refused_below_the_agreed_height_and_taken_from_it_on() -> None:
    ledger = Ledger(PINGS, protocol=2)
    from_height = ledger.height + 130
    make(ledger, set_protocol(2, from_height))
    assert ledger.must(Protocol, "protocol") == Protocol(before=1, from_height=from_height, version=2)
    reach(ledger, from_height - 1)
    assert ledger.code("bank-a", NEWER) == Rejection.COMMAND_NOT_ACTIVE
    assert ledger.code("bank-a", NEWER) == 0
    assert ledger.height == from_height


def test_a_node_that_is_too_old_stops_before_the_agreed_height_with_what_to_do() -> None:
    ledger = Ledger()
    from_height = ledger.height + 130
    make(ledger, set_protocol(2, from_height))
    reach(ledger, from_height)
    root = ledger.state.tree.root
    with pytest.raises(TooOldError, match=rf"block {from_height} .* version 2, .* up to 1.*install the Kouan"):
        ledger.block()
    assert (ledger.height, ledger.state.tree.root) == (from_height - 1, root)


def test_what_is_agreed_may_be_put_off_until_it_is_in_force() -> None:
    ledger = Ledger(PINGS, protocol=2)
    make(ledger, set_protocol(2, ledger.height + 200), "first")
    make(ledger, set_protocol(2, ledger.height + 300), "later")
    later = ledger.must(Protocol, "protocol").from_height
    reach(ledger, later - 1)
    assert ledger.code("bank-a", NEWER) == Rejection.COMMAND_NOT_ACTIVE
    assert ledger.code("bank-a", NEWER) == 0
    again = propose(set_protocol(2, ledger.height + 300), "again")
    assert ledger.code("bank-a", again) == Rejection.PROTOCOL_NOT_NEXT
    ledger.accept("bank-a", propose(set_protocol(3, ledger.height + 300), "third"))


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (99, Rejection.PROTOCOL_BAD_HEIGHT),
        (100, 0),
        (10_000_000, 0),
        (10_000_001, Rejection.PROTOCOL_BAD_HEIGHT),
    ],
)
def test_the_height_leaves_time_to_install(ahead: int, code: int) -> None:
    ledger = Ledger()
    assert ledger.code("bank-a", propose(set_protocol(2, ledger.height + 1 + ahead))) == code


def test_the_height_is_judged_again_at_the_enactment() -> None:
    ledger = Ledger()
    with pytest.raises(AssertionError, match="PROTOCOL_BAD_HEIGHT"):
        make(ledger, set_protocol(2, ledger.height + 101))
