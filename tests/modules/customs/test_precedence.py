"""Every refusal of every command of customs, in precedence order: a command that deserves two gets the earlier one."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from itertools import combinations
from typing import Any, Final, NamedTuple

import pytest
from tests.modules.customs.port import (
    HANDLE,
    amend,
    attest,
    draw_key,
    move_on,
    port,
    rekey,
    resume,
    some16,
    some32,
    suspend,
    withdraw,
)
from tests.modules.ledger import Ledger

from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.rejections import Rejection
from kouan.modules.customs.commands import COMMANDS
from kouan.modules.customs.rules import opening_commitment

Wire = dict[str, Any]
REQUEST: Final = some16("request")
SALT: Final = some32("salt")
QUOTA: Final = f"{HANDLE}.USD"
UNKNOWN_QUOTA: Final = f"{some32('unknown')}.USD"
SEALED_MS: Final = 1_000


class Fault(NamedTuple):
    """What makes a sound command deserve one refusal."""

    code: Rejection
    change: Wire = {}  # noqa: RUF012  # never changed
    sender: str = ""
    prepare: Callable[[Ledger], None] | None = None
    suspends_senders: bool = False
    excludes: frozenset[Rejection] = frozenset()
    """Later refusals that no command can deserve together with this one."""


class Case(NamedTuple):
    """A command that is accepted as it stands, and its faults in precedence order."""

    sender: str
    prepare: Callable[[Ledger], None]
    command: Wire
    faults: list[Fault]


def _by(member: str, *commands: Wire) -> Callable[[Ledger], None]:
    return lambda ledger: ledger.accept(member, *commands)


def _nothing(_: Ledger) -> None:
    """The command needs nothing before it."""


def _request() -> Wire:
    commitment = to_text(opening_commitment(from_text(SALT), QUOTA))
    return {"commitment": commitment, "request": REQUEST, "type": "customs.request-opening/1"}


def _answer() -> Wire:
    return {"request": REQUEST, "type": "customs.answer-opening/1"}


def _disclose() -> Wire:
    return {"quota": QUOTA, "request": REQUEST, "salt": SALT, "type": "customs.disclose-opening/1"}


def _requested_long_ago(ledger: Ledger) -> None:
    ledger.accept("overseer", _request())
    ledger.advance(SEALED_MS)


def _back_in_the_sealed_time(ledger: Ledger) -> None:
    ledger.advance(-1)


_MALFORMED: Final = Fault(Rejection.COMMAND_MALFORMED, {"surplus": 1})
_WRONG_ROLE: Final = Fault(Rejection.ROLE_NOT_PERMITTED, sender="bank-a")
_SUSPENDED: Final = Fault(Rejection.MEMBER_SUSPENDED, suspends_senders=True)
_OWN_QUOTA: Final = [
    Fault(Rejection.QUOTA_UNKNOWN, {"quota": UNKNOWN_QUOTA}),
    Fault(Rejection.QUOTA_NOT_ISSUER, sender="customs-b"),
    Fault(Rejection.QUOTA_WITHDRAWN, prepare=_by("customs", withdraw())),
]

CASES: Final = [
    Case(
        "customs",
        _nothing,
        attest(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            _SUSPENDED,
            Fault(Rejection.QUOTA_EXISTS, prepare=_by("customs", attest())),
            Fault(Rejection.DRAW_KEY_UNSOUND, {"draw_key": to_text(bytes(32))}),
        ],
    ),
    Case(
        "customs",
        _by("customs", attest(stage="released")),
        move_on("closed"),
        [_MALFORMED, _WRONG_ROLE, _SUSPENDED, *_OWN_QUOTA, Fault(Rejection.STAGE_NOT_FORWARD, {"stage": "released"})],
    ),
    Case(
        "customs",
        _by("customs", attest()),
        amend(9_000_000, "short-shipment"),
        [
            _MALFORMED,
            _WRONG_ROLE,
            *_OWN_QUOTA,
            Fault(
                Rejection.AMENDMENT_NOT_LOWER,
                {"attested": 20_000_000, "reason": "goods-returned"},
                excludes=frozenset({Rejection.AMENDMENT_PRICE_OPEN}),  # they go with different reasons
            ),
            Fault(
                Rejection.AMENDMENT_PRICE_OPEN,
                {"attested": 20_000_000, "provisional": True, "reason": "price-settled"},
            ),
            Fault(
                Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED,
                {"attested": 20_000_000, "reason": "correction"},
                suspends_senders=True,
            ),
        ],
    ),
    Case("customs", _by("customs", attest()), withdraw(), [_MALFORMED, _WRONG_ROLE, *_OWN_QUOTA]),
    Case(
        "customs",
        _by("customs", attest()),
        suspend(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            *_OWN_QUOTA,
            Fault(Rejection.DECLARATION_SUSPENDED_ALREADY, prepare=_by("customs", suspend())),
        ],
    ),
    Case(
        "customs",
        _by("customs", attest(), suspend()),
        resume(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            _SUSPENDED,
            *_OWN_QUOTA,
            Fault(Rejection.DECLARATION_NOT_SUSPENDED, prepare=_by("customs", resume())),
        ],
    ),
    Case(
        "customs",
        _by("customs", attest()),
        rekey(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            _SUSPENDED,
            *_OWN_QUOTA,
            Fault(
                Rejection.DRAW_KEY_UNSOUND,
                {"draw_key": to_text(bytes(32))},
                excludes=frozenset({Rejection.DRAW_KEY_UNCHANGED}),  # the key it has was sound
            ),
            Fault(Rejection.DRAW_KEY_UNCHANGED, {"draw_key": draw_key("owner")}),
        ],
    ),
    Case(
        "overseer",
        _nothing,
        _request(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            _SUSPENDED,
            Fault(Rejection.OPENING_EXISTS, prepare=_by("overseer-b", _request())),
        ],
    ),
    Case(
        "commerce",
        _by("overseer", _request()),
        _answer(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            Fault(Rejection.OPENING_UNKNOWN, {"request": some16("unknown")}),
            Fault(Rejection.OPENING_ANSWERED, prepare=_by("commerce", _answer())),
        ],
    ),
    Case(
        "overseer",
        _requested_long_ago,
        _disclose(),
        [
            _MALFORMED,
            _WRONG_ROLE,
            Fault(Rejection.OPENING_UNKNOWN, {"request": some16("unknown")}),
            Fault(Rejection.OPENING_NOT_REQUESTER, sender="overseer-b"),
            Fault(
                Rejection.OPENING_DISCLOSED,
                prepare=_by("overseer", _disclose()),
                excludes=frozenset({Rejection.OPENING_STILL_SEALED}),  # it was disclosed once the time was over
            ),
            Fault(Rejection.OPENING_STILL_SEALED, prepare=_back_in_the_sealed_time),
            Fault(Rejection.OPENING_WRONG_COMMITMENT, {"salt": some32("other salt")}),
        ],
    ),
]


def _code(case: Case, *faults: Fault) -> int:
    """The result of a command with these faults, earlier ones first."""
    ledger = port(opening_sealed_ms=SEALED_MS)
    case.prepare(ledger)
    for fault in reversed(faults):
        if fault.prepare is not None:
            fault.prepare(ledger)
    if any(fault.suspends_senders for fault in faults):
        for member in ("customs", "customs-b", "overseer", "overseer-b"):
            ledger.accept("bank-a", {"member": member, "type": "test.suspend-member/1"})
    command = dict(case.command)
    for fault in reversed(faults):
        command |= fault.change
    sender = next((fault.sender for fault in faults if fault.sender), case.sender)
    return ledger.code(sender, command)


def _pairs() -> list[Any]:
    return [
        pytest.param(case, earlier, later, id=f"{case.command['type']}-{earlier.code.name}-{later.code.name}")
        for case in CASES
        for earlier, later in combinations(case.faults, 2)
        if later.code not in earlier.excludes
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command["type"])
def test_a_sound_command_is_accepted_and_each_fault_alone_gets_its_own_refusal(case: Case) -> None:
    assert _code(case) == 0
    assert [_code(case, fault) for fault in case.faults] == [fault.code for fault in case.faults]


@pytest.mark.parametrize(("case", "earlier", "later"), _pairs())
def test_of_two_refusals_the_earlier_one_is_told(case: Case, earlier: Fault, later: Fault) -> None:
    assert _code(case, earlier, later) == earlier.code


def test_every_command_has_a_case_and_every_code_of_customs_is_reached() -> None:
    assert {case.command["type"] for case in CASES} == {command.type for command in COMMANDS}
    reached = {fault.code for case in CASES for fault in case.faults}
    assert {code for code in Rejection if 200 <= code < 300} <= reached


def test_within_each_command_the_numbers_of_its_refusals_rise() -> None:
    for case in CASES:
        codes = [fault.code for fault in case.faults]
        assert codes == sorted(codes)


def test_the_readme_lists_each_commands_refusals_in_this_order() -> None:
    text = files("kouan.modules.customs").joinpath("README.md").read_text(encoding="utf-8")
    for case in CASES:
        section = text.split(f"**`{case.command['type']}`**")[1].split("**`")[0]
        listed = re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", section.split("Refused:")[1].split("\n\n")[0])
        assert listed == [fault.code.name for fault in case.faults if fault.code >= Rejection.QUOTA_EXISTS]
