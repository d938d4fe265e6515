"""What all commands of the module have in common: who may send them, what they announce, how they take bad input."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.modules.financing.book import COMMANDS, REGISTRATION, Book, Wire, loan_id
from tests.modules.financing.test_precedence import TABLES, Table, scene

from kouan.kernel import registry
from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.execution import Block, execute_block
from kouan.kernel.records import Member
from kouan.kernel.registry import Claim, verify_in_turn
from kouan.kernel.rejections import Rejection

STARTING = {"bring-in", "hold", "extend", "disburse", "refinance", "accept", "substitute"}
HOSTILE: list[Any] = [
    None,
    True,
    -1,
    0,
    2**53 - 1,
    "",
    "x" * 200,
    "A" * 22,
    "A" * 43,
    "financing/",
    [],
    [0],
    [0] * 65,
    [None],
    {},
    {"USD": 0},
    {"usd": 1},
    {"type": "x"},
]


def test_every_command_has_a_table_of_its_rejections() -> None:
    assert {command.type for command in COMMANDS} == {f"financing.{verb}/1" for verb in TABLES}


@pytest.mark.parametrize("verb", TABLES)
def test_only_banks_send_them(verb: str) -> None:
    book = scene()
    command = TABLES[verb].base(book)
    assert book.refused("customs", command) == (Rejection.ROLE_NOT_PERMITTED, "")


@pytest.mark.parametrize(("verb", "table"), TABLES.items())
def test_a_suspended_bank_starts_nothing_but_services_what_it_has(verb: str, table: Table) -> None:
    book = scene()
    command = table.base(book)
    member = book.ledger.must(Member, f"member/{table.bank}")
    book.put(f"member/{table.bank}", replace(member, suspended=True))
    expected = Rejection.MEMBER_SUSPENDED if verb in STARTING else 0
    assert book.refused(table.bank, command, key=table.key)[0] == expected


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a command, nested ones too."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, inner in inside:
        found += _paths(inner, (*path, key))
    return [place for place in found if place != ("type",)]


def _put(command: Wire, path: tuple[Any, ...], value: Any) -> None:
    at: Any = command
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value


@pytest.mark.parametrize("verb", TABLES)
def test_no_value_in_any_place_stops_the_node(verb: str) -> None:
    """Whatever stands in a field, the answer is a result; what is refused leaves nothing behind."""
    table = TABLES[verb]
    for path in _paths(table.base(scene())):
        book = scene()
        for value in HOSTILE:
            command = table.base(book) if verb not in {"accept", "cancel-offer"} else {"type": f"financing.{verb}/1"}
            _put(command, path, value)
            before = dict(book.ledger.state.values)
            code, _ = book.refused(table.bank, command, key=table.key)
            if code == 0:
                book = scene()
                continue
            changed = {key for key, raw in book.ledger.state.values.items() if before.get(key) != raw}
            assert changed <= {f"window/{table.bank}/{table.key}"}


@pytest.mark.parametrize("verb", TABLES)
def test_unknown_and_missing_fields_are_malformed(verb: str) -> None:
    table = TABLES[verb]
    book = scene()
    command = table.base(book)
    assert book.refused(table.bank, command | {"more": 1}) == (Rejection.COMMAND_MALFORMED, "")
    for field in command.keys() - {"type"}:
        less = {key: value for key, value in command.items() if key != field}
        assert book.refused(table.bank, less) == (Rejection.COMMAND_MALFORMED, "")


TIMES: list[tuple[str, tuple[Any, ...]]] = [
    ("hold", ("maturity_ms",)),
    ("hold", ("lapse_ms",)),
    ("hold", ("allocations", 0, "expires_ms")),
    ("extend", ("lapse_ms",)),
    ("prolong", ("maturity_ms",)),
    ("offer", ("lapse_ms",)),
    ("refinance", ("consent", "expires_ms")),
    ("substitute", ("allocations", 0, "expires_ms")),
]


@pytest.mark.parametrize(("verb", "path"), TIMES)
def test_a_time_that_no_calendar_can_print_is_malformed(verb: str, path: tuple[Any, ...]) -> None:
    """The last is the end of the year 9999: what a bank states must not stop the clients of the others."""
    last_ms = 253_402_300_799_999
    table = TABLES[verb]
    for value, is_moment in ((last_ms, True), (last_ms + 1, False), (MAX_INTEGER, False)):
        book = scene()
        command = table.base(book)
        _put(command, path, value)
        assert (book.refused(table.bank, command)[0] != Rejection.COMMAND_MALFORMED) == is_moment


@pytest.mark.parametrize("verb", ["hold", "refinance", "substitute"])
def test_every_signature_is_announced(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an engine can check them ahead, on all its cores: the handler itself verifies none."""
    table = TABLES[verb]
    book = scene()
    command = table.base(book)
    raw = book.ledger.envelope(table.bank, command)
    block = Block(book.ledger.alliance, book.ledger.height + 1, book.now, [raw])
    announced: list[Claim] = []

    def ahead(claims: list[Claim]) -> list[bool]:
        announced.extend(claims)
        return verify_in_turn(claims)

    outcome = execute_block(book.ledger.state, block, book.ledger.registry, ahead)
    assert len(announced) == 1 + len(command["allocations"]) + (verb == "refinance")
    monkeypatch.setattr(registry, "verify", lambda *_: pytest.fail("a signature was not announced"))
    again = execute_block(book.ledger.state, block, book.ledger.registry, lambda claims: [True] * len(claims))
    assert again.receipts == outcome.receipts


def test_signatures_on_what_the_same_block_has_made_are_checked_too() -> None:
    """They cannot be announced: the loan that is paid off is opened, and paid out, in the block that pays it off."""
    book = Book()
    declared, other = book.declare("d"), book.declare("other")
    old, new = loan_id("old"), loan_id("new")
    refinance = {
        "type": "financing.refinance/1",
        **book.terms("bank-b", new, {other: 10}),
        "interest": 0,
        "payoff": [10],
        "predecessor": old,
        "registration": REGISTRATION,
    }
    opening = [book.hold("bank-a", old, {declared: 10}), book.disburse(old, 10)]
    for consent, code in (
        (book.consent("bank-b", refinance, "bank-b"), Rejection.CONSENT_BAD_SIGNATURE),
        (book.consent("bank-b", refinance, "bank-a"), 0),
    ):
        envelopes = [
            book.ledger.envelope("bank-a", *opening, mode="all"),
            book.ledger.envelope("bank-b", refinance | {"consent": consent}),
        ]
        receipt = book.ledger.block(*envelopes)[1]
        assert receipt["results"][0]["code"] == code
