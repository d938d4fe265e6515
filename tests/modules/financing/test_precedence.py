"""Every rejection of every command, in the order in which they are tested.

Each row is a fault that makes an otherwise good command deserve one rejection. A command with two neighbouring faults
gets the earlier; pairs that cannot be had together (a quota that is both unknown and of the wrong kind) are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final, NamedTuple

import pytest
from msgspec.structs import replace
from tests.modules.financing.book import DAY_MS, Book, Wire, loan_id, quota_id

from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.records import Charter, Hold, Member
from kouan.kernel.registry import CHARTER_KEY
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.records import Collection, Entry
from kouan.modules.financing.rules import BRING_IN_UNTIL, collection_key, entry_key

OLD, NEW, NONE = loan_id("old"), loan_id("new"), loan_id("none")
A, B, C, E = quota_id("a"), quota_id("b"), quota_id("c"), quota_id("e", "EUR")
UNKNOWN = quota_id("unknown")

Fault = Callable[[Book, Wire], None]
Row = tuple[Rejection, str, Fault]


class Table(NamedTuple):
    """A good command, and what can be wrong with it, in order."""

    base: Callable[[Book], Wire]
    rows: list[Row]
    bank: str = "bank-a"
    key: str = "main"


def scene() -> Book:
    """bank-a holds 600 and 400 on two declarations and has paid out 500 and 300."""
    book = Book(**{BRING_IN_UNTIL: MAX_INTEGER})
    for name, unit in (("a", "USD"), ("b", "USD"), ("c", "USD"), ("e", "EUR")):
        book.declare(name, unit=unit)
    book.accept("bank-a", book.hold("bank-a", OLD, {A: 600, B: 400}))
    book.accept("bank-a", book.disburse(OLD, 500, 300))
    book.accept("bank-a", book.collect("receipt", A, 10_00))
    return book


def put(**fields: Any) -> Fault:
    """Set fields of the command."""
    return lambda _book, cmd: cmd.update(deepcopy(fields))


def loan(**changes: Any) -> Fault:
    """Change the loan as it stands."""
    return lambda book, _cmd: book.edit_loan(OLD, **changes)


def quota(which: str, **changes: Any) -> Fault:
    """Change a quota as it stands."""
    return lambda book, _cmd: book.edit_quota(which, **changes)


def last(**changes: Any) -> Fault:
    """Change the last allocation of the command."""
    return lambda _book, cmd: cmd["allocations"][-1].update(changes)


def nothing_held(book: Book, _cmd: Wire) -> None:
    book.edit_loan(OLD, allocations=[replace(part, held=0) for part in book.loan(OLD).allocations])


def nothing_drawn(book: Book, _cmd: Wire) -> None:
    book.edit_loan(OLD, allocations=[replace(part, drawn=0) for part in book.loan(OLD).allocations])


def crowded(which: str) -> Fault:
    """Sixteen living holds."""
    holds = [
        Hold(1, "bank-c", drawn=False, extended=False, financing=loan_id(f"crowd {n}"), lapse_ms=MAX_INTEGER)
        for n in range(16)
    ]
    return quota(which, holds=holds)


def twice(_book: Book, cmd: Wire) -> None:
    cmd["allocations"].insert(1, dict(cmd["allocations"][0]))


def past(field: str) -> Fault:
    return lambda book, cmd: cmd.update({field: book.now})


def ahead(field: str, days: int) -> Fault:
    return lambda book, cmd: cmd.update({field: book.now + days * DAY_MS})


def loan_lapsed(book: Book, _cmd: Wire) -> None:
    book.edit_loan(OLD, lapse_ms=book.now)


def draw_expired(book: Book, cmd: Wire) -> None:
    cmd["allocations"][-1]["expires_ms"] = book.now


def bad_signature(_book: Book, cmd: Wire) -> None:
    cmd["allocations"][-1]["signature"] = "A" * 86


def entry(**changes: Any) -> Fault:
    """Change the first entry as it stands."""

    def change(book: Book, _cmd: Wire) -> None:
        found = book.ledger.must(Entry, entry_key(OLD, 1))
        book.put(entry_key(OLD, 1), replace(found, **changes))

    return change


def collection(**changes: Any) -> Fault:
    """Change the collection as it stands."""

    def change(book: Book, _cmd: Wire) -> None:
        key = collection_key(loan_id("receipt"))
        book.put(key, replace(book.ledger.must(Collection, key), **changes))

    return change


def newer_key(book: Book, _cmd: Wire) -> None:
    member = book.ledger.must(Member, "member/bank-a")
    keys = member.keys | {"second": replace(member.keys["second"], added_ms=book.now)}
    book.put("member/bank-a", replace(member, keys=keys))


def too_late(book: Book, _cmd: Wire) -> None:
    book.ledger.advance(30 * DAY_MS + 1)


def item(**changes: Any) -> Fault:
    """Change the last item of a collection to be reported."""
    return lambda _book, cmd: cmd["items"][-1].update(changes)


def settled_already(book: Book, cmd: Wire) -> None:
    book.edit_quota(B, settled=True, limit=0)
    cmd["items"][-1].update(final=True)


def collected_beyond_numbers(book: Book, cmd: Wire) -> None:
    """Within the tolerance of what is attested, and yet larger than any number on the ledger."""
    book.edit_quota(B, attested=MAX_INTEGER, collected=1)
    cmd["items"][-1].update(amount=MAX_INTEGER)


def twice_collected(_book: Book, cmd: Wire) -> None:
    cmd["items"].insert(1, dict(cmd["items"][0]))


def no_consent(_book: Book, cmd: Wire) -> None:
    cmd["consent"] = None


def consent_expired(book: Book, cmd: Wire) -> None:
    if cmd["consent"]:
        cmd["consent"]["expires_ms"] = book.now


def consent_forged(_book: Book, cmd: Wire) -> None:
    if cmd["consent"]:
        cmd["consent"]["signature"] = "A" * 86


def pay_off_less(_book: Book, cmd: Wire) -> None:
    cmd["payoff"][0] -= 1


def many_allocations(book: Book, cmd: Wire) -> None:
    """63 new declarations for a loan that has two."""
    cmd["allocations"] += [
        {"amount": 1, "expires_ms": book.now + DAY_MS, "quota": quota_id(f"more {n}")} for n in range(62)
    ]


def signed_for_more(book: Book, _cmd: Wire) -> None:
    """Years of repaying and drawing again have brought the second allocation to the largest number."""
    first, second = book.loan(OLD).allocations
    book.edit_loan(OLD, allocations=[first, replace(second, amount=MAX_INTEGER)])


UNKNOWN_LOAN: Row = (Rejection.FINANCING_UNKNOWN, "financing", put(financing=NONE))
NOT_LENDER: Row = (Rejection.FINANCING_NOT_LENDER, "financing", loan(bank="bank-c"))
NOTHING_OUTSTANDING: Row = (Rejection.NOTHING_OUTSTANDING, "financing", nothing_drawn)
OWN: list[Row] = [UNKNOWN_LOAN, NOT_LENDER]
OWN_HELD: list[Row] = [
    *OWN,
    (Rejection.NOTHING_HELD, "financing", nothing_held),
    (Rejection.HOLD_LAPSED, "financing", loan_lapsed),
]


def _draw_rows(target: str) -> list[Row]:
    return [
        (Rejection.QUOTA_UNKNOWN, UNKNOWN, last(quota=UNKNOWN)),
        (Rejection.QUOTA_WRONG_KIND, target, quota(target, kind="import")),
        (Rejection.DRAW_EXPIRED, target, draw_expired),
        (Rejection.DRAW_BAD_SIGNATURE, target, bad_signature),
        (Rejection.QUOTA_WITHDRAWN, target, quota(target, status="withdrawn")),
        (Rejection.QUOTA_SUSPENDED, target, quota(target, status="suspended")),
    ]


TERMS: list[Row] = [
    (Rejection.FINANCING_EXISTS, "financing", put(financing=OLD)),
    (Rejection.MATURITY_PAST, "maturity_ms", past("maturity_ms")),
]
EXCEEDED: Row = (Rejection.QUOTA_EXCEEDED, E, last(amount=250_000_01))
SUM: list[Row] = [
    (Rejection.RATES_MISFIT, "rates", put(rates={"USD": 1})),
    (Rejection.AMOUNT_NOT_SUM, "amount", put(amount=7)),
]


def _hold(book: Book) -> Wire:
    return book.hold("bank-a", NEW, {C: 100, E: 50}, rates={"EUR": 110_000_000}, amount=155)


def _refinance(book: Book) -> Wire:
    return book.refinance("bank-b", NEW, OLD, {C: 100, E: 50}, interest=1, rates={"EUR": 110_000_000}, amount=155)


def _substitute(book: Book) -> Wire:
    return book.substitute("bank-a", OLD, {A: 100}, {B: 60, C: 40})


def _collect(book: Book) -> Wire:
    command = book.collect("new receipt", A, 100, loan=OLD)
    command["items"].append({"amount": 100, "final": False, "quota": B})
    return command


def _offered(book: Book, command: Wire) -> Wire:
    """Let the loan be on offer when a command comes."""
    offer = {"type": "financing.offer/1", "financing": OLD, "lapse_ms": book.now + 1, "to": "bank-b"}
    book.accept("bank-a", offer)
    return command


def _bring_in(book: Book) -> Wire:
    return book.bring_in(NEW, {C: 100, E: 50}, rates={"EUR": 110_000_000}, amount=155)


def closed(book: Book, _cmd: Wire) -> None:
    charter = book.ledger.must(Charter, CHARTER_KEY)
    book.put(CHARTER_KEY, replace(charter, parameters=charter.parameters | {BRING_IN_UNTIL: book.now}))


def _command(verb: str, **fields: Any) -> Callable[[Book], Wire]:
    return lambda _book: {"type": f"financing.{verb}/1", **fields}


TABLES: Final[dict[str, Table]] = {
    "hold": Table(
        _hold,
        [
            *TERMS,
            (Rejection.HOLD_LAPSED, "lapse_ms", past("lapse_ms")),
            (Rejection.HOLD_TOO_LONG, "lapse_ms", ahead("lapse_ms", 15)),
            (Rejection.ALLOCATION_TWICE, C, twice),
            *_draw_rows(E),
            (Rejection.HOLDS_TOO_MANY, E, crowded(E)),
            (Rejection.HOLD_THIRD, E, quota(E, lapses={"bank-a": 2})),
            EXCEEDED,
            *SUM,
        ],
    ),
    "extend": Table(
        lambda book: {"type": "financing.extend/1", "financing": OLD, "lapse_ms": book.now + 4 * DAY_MS},
        [
            *OWN_HELD,
            (Rejection.DATE_NOT_LATER, "lapse_ms", ahead("lapse_ms", 3)),
            (Rejection.HOLD_TOO_LONG, "lapse_ms", ahead("lapse_ms", 18)),
            (
                Rejection.HOLD_EXTENDED_ALREADY,
                A,
                lambda book, _: book.edit_quota(A, holds=[replace(one, extended=True) for one in book.quota(A).holds]),
            ),
        ],
    ),
    "disburse": Table(
        lambda book: book.disburse(OLD, 100, 0, registration=None),
        [
            *OWN_HELD,
            (Rejection.FINANCING_WRITTEN_OFF, "financing", loan(written_off="fraud")),
            (
                Rejection.MATURITY_PAST,
                "financing",
                lambda book, _: book.edit_loan(OLD, maturity_ms=book.now),
            ),
            (Rejection.AMOUNTS_MISFIT, "amounts", lambda _, cmd: cmd["amounts"].append(0)),
            (Rejection.REGISTRATION_MISSING, "registration", loan(registration=None)),
            (Rejection.HOLD_UNKNOWN, A, quota(A, holds=[])),
            (Rejection.HOLD_SMALLER, A, put(amounts=[101, 0])),
            (Rejection.QUOTA_WITHDRAWN, A, quota(A, status="withdrawn")),
            (Rejection.QUOTA_SUSPENDED, A, quota(A, status="suspended")),
            (Rejection.QUOTA_EXCEEDED, A, lambda book, _: book.amend(A, 10_00 + 749)),
        ],
    ),
    "release": Table(_command("release", financing=OLD, reason="withdrawn"), OWN_HELD),
    "repay": Table(
        lambda book: book.repay(OLD, 500, 300, interest=5),
        [
            *OWN,
            NOTHING_OUTSTANDING,
            (Rejection.AMOUNTS_MISFIT, "amounts", lambda _, cmd: cmd["amounts"].append(0)),
            (Rejection.REPAID_TOO_MUCH, A, put(amounts=[501, 300])),
            (Rejection.QUOTA_NUMBER_TOO_LARGE, "interest", loan(interest=MAX_INTEGER)),
        ],
    ),
    "prolong": Table(
        lambda book: {"type": "financing.prolong/1", "financing": OLD, "maturity_ms": book.now + 91 * DAY_MS},
        [*OWN, NOTHING_OUTSTANDING, (Rejection.DATE_NOT_LATER, "maturity_ms", ahead("maturity_ms", 90))],
    ),
    "write-off": Table(
        _command("write-off", financing=OLD, reason="uncollectible"),
        [
            *OWN,
            NOTHING_OUTSTANDING,
            (Rejection.FINANCING_WRITTEN_OFF, "financing", loan(written_off="fraud")),
        ],
    ),
    "review": Table(
        _command("review", answer="no-action", financing=OLD, quota=A, revision=0),
        [
            *OWN,
            (Rejection.ALLOCATION_UNKNOWN, "quota", put(quota=C)),
            (Rejection.REVISION_STALE, "revision", put(revision=1)),
        ],
    ),
    "collect": Table(
        _collect,
        [
            (Rejection.COLLECTION_EXISTS, "collection", put(collection=loan_id("receipt"))),
            UNKNOWN_LOAN,
            (Rejection.ALLOCATION_TWICE, A, twice_collected),
            (Rejection.QUOTA_UNKNOWN, UNKNOWN, item(quota=UNKNOWN)),
            (Rejection.QUOTA_WRONG_KIND, B, quota(B, kind="import")),
            (Rejection.AMOUNTS_MISFIT, B, item(amount=0)),
            (
                Rejection.COLLECTION_FINAL_ALREADY,
                B,
                settled_already,
            ),
            (Rejection.COLLECTED_TOO_MUCH, B, item(amount=343_750_01)),
            (Rejection.QUOTA_NUMBER_TOO_LARGE, B, collected_beyond_numbers),
            (Rejection.COLLECTION_FINAL_NOT_LENDER, B, item(final=True)),
        ],
        bank="bank-c",
    ),
    "reverse-collection": Table(
        _command("reverse-collection", collection=loan_id("receipt")),
        [
            (Rejection.COLLECTION_UNKNOWN, "collection", put(collection=NONE)),
            (Rejection.ENTRY_REVERSED_ALREADY, "", collection(reversed_by="bank-a/second")),
            (Rejection.REVERSAL_OTHER_BANK, "", collection(by="bank-b/main")),
            (Rejection.REVERSAL_SAME_KEY, "", collection(by="bank-a/second")),
            (Rejection.REVERSAL_NEWER_KEY, "", newer_key),
            (Rejection.REVERSAL_TOO_LATE, "", too_late),
        ],
        key="second",
    ),
    "refinance": Table(
        _refinance,
        [
            *TERMS,
            (Rejection.FINANCING_UNKNOWN, "predecessor", put(predecessor=NONE)),
            (Rejection.NOTHING_OUTSTANDING, "predecessor", nothing_drawn),
            (Rejection.PAYOFF_MISFIT, "payoff", pay_off_less),
            (Rejection.CONSENT_MISSING, "consent", no_consent),
            (Rejection.CONSENT_EXPIRED, "consent", consent_expired),
            (Rejection.CONSENT_BAD_SIGNATURE, "consent", consent_forged),
            (Rejection.REGISTRATION_MISSING, "registration", put(registration=None)),
            (Rejection.QUOTA_NUMBER_TOO_LARGE, "interest", loan(interest=MAX_INTEGER)),
            (Rejection.ALLOCATION_TWICE, C, twice),
            *_draw_rows(E),
            EXCEEDED,
            *SUM,
        ],
        bank="bank-b",
    ),
    "offer": Table(
        lambda book: {"type": "financing.offer/1", "financing": OLD, "lapse_ms": book.now + 1, "to": "bank-b"},
        [
            *OWN,
            NOTHING_OUTSTANDING,
            (Rejection.OFFER_BAD_BUYER, "to", put(to="bank-x")),
            (Rejection.OFFER_BAD_BUYER, "to", put(to="bank-a")),
            (Rejection.OFFER_BAD_BUYER, "to", put(to="customs")),
            (Rejection.OFFER_LAPSED, "lapse_ms", past("lapse_ms")),
        ],
    ),
    "cancel-offer": Table(
        lambda book: _offered(book, {"type": "financing.cancel-offer/1", "financing": OLD}),
        [*OWN, (Rejection.OFFER_UNKNOWN, "financing", loan(offer=None))],
    ),
    "accept": Table(
        lambda book: _offered(book, {"type": "financing.accept/1", "financing": OLD}),
        [
            UNKNOWN_LOAN,
            (Rejection.OFFER_UNKNOWN, "financing", loan(offer=None)),
            (Rejection.OFFER_LAPSED, "financing", lambda book, _: book.ledger.advance(1)),
        ],
        bank="bank-b",
    ),
    "substitute": Table(
        _substitute,
        [
            *OWN,
            (Rejection.ALLOCATION_TWICE, B, lambda _, cmd: cmd["replaced"].append({"amount": 1, "quota": B})),
            (Rejection.ALLOCATION_UNKNOWN, E, lambda _, cmd: cmd["replaced"].insert(0, {"amount": 1, "quota": E})),
            (Rejection.REPAID_TOO_MUCH, A, lambda _, cmd: cmd["replaced"][0].update(amount=501)),
            (Rejection.ALLOCATIONS_TOO_MANY, "allocations", many_allocations),
            (Rejection.SUBSTITUTE_UNEQUAL, "allocations", last(amount=41)),
            (Rejection.QUOTA_NUMBER_TOO_LARGE, B, signed_for_more),
            *_draw_rows(C),
            (Rejection.QUOTA_EXCEEDED, C, lambda book, _: book.amend(C, 40)),
        ],
    ),
    "reverse": Table(
        _command("reverse", entry=1, financing=OLD),
        [
            *OWN,
            (Rejection.ENTRY_UNKNOWN, "entry", put(entry=9)),
            (Rejection.ENTRY_NOT_REVERSIBLE, "entry", entry(kind="sale")),
            (Rejection.ENTRY_REVERSED_ALREADY, "", entry(reversed_by=2)),
            (Rejection.REVERSAL_OTHER_BANK, "", entry(by="bank-b/main")),
            (Rejection.REVERSAL_SAME_KEY, "", entry(by="bank-a/second")),
            (Rejection.REVERSAL_NEWER_KEY, "", newer_key),
            (Rejection.REVERSAL_TOO_LATE, "", too_late),
            (Rejection.ENTRY_BUILT_UPON, A, entry(amounts=[501, 300])),
        ],
        key="second",
    ),
    "bring-in": Table(
        _bring_in,
        [
            (Rejection.BRINGING_IN_CLOSED, "", closed),
            (Rejection.FINANCING_EXISTS, "financing", put(financing=OLD)),
            (Rejection.OPENED_MISFIT, "opened_ms", lambda book, cmd: cmd.update(opened_ms=book.now + 1)),
            (Rejection.OPENED_MISFIT, "opened_ms", lambda _, cmd: cmd.update(opened_ms=cmd["maturity_ms"])),
            (Rejection.ALLOCATION_TWICE, C, twice),
            (Rejection.QUOTA_UNKNOWN, UNKNOWN, last(quota=UNKNOWN)),
            (Rejection.QUOTA_WRONG_KIND, E, quota(E, kind="import")),
            (Rejection.QUOTA_NUMBER_TOO_LARGE, E, quota(E, used=MAX_INTEGER)),
            *SUM,
        ],
    ),
}

IMPOSSIBLE: Final = {
    (Rejection.HOLD_LAPSED, Rejection.HOLD_TOO_LONG),
    (Rejection.DATE_NOT_LATER, Rejection.HOLD_TOO_LONG),
    (Rejection.QUOTA_UNKNOWN, Rejection.QUOTA_WRONG_KIND),
    (Rejection.QUOTA_WITHDRAWN, Rejection.QUOTA_SUSPENDED),
    (Rejection.CONSENT_MISSING, Rejection.CONSENT_EXPIRED),
    (Rejection.HOLD_UNKNOWN, Rejection.HOLD_SMALLER),
    (Rejection.OFFER_BAD_BUYER, Rejection.OFFER_BAD_BUYER),
    (Rejection.OFFER_UNKNOWN, Rejection.OFFER_LAPSED),
    (Rejection.OPENED_MISFIT, Rejection.OPENED_MISFIT),
    (Rejection.REVERSAL_OTHER_BANK, Rejection.REVERSAL_SAME_KEY),
    (Rejection.AMOUNTS_MISFIT, Rejection.COLLECTION_FINAL_ALREADY),
    (Rejection.COLLECTED_TOO_MUCH, Rejection.QUOTA_NUMBER_TOO_LARGE),
    (Rejection.ALLOCATION_UNKNOWN, Rejection.SUBSTITUTE_UNEQUAL),
}


def _signed(book: Book, table: Table, command: Wire) -> Wire:
    """Let the owners sign the command as the faults have left it, unless a signature is the fault."""
    if command["type"] == "financing.bring-in/1":
        return command
    there = {part.quota: part.amount for part in book.loan(OLD).allocations} if "replaced" in command else {}
    for n, draw in enumerate(command.get("allocations", [])):
        if draw.get("signature") != "A" * 86:
            draw.pop("signature", None)
            signed = there.get(draw["quota"], 0) + draw["amount"]
            command["allocations"][n] = book.signed(table.bank, command["financing"], draw, signed)
    if command.get("consent") and command["consent"]["signature"] != "A" * 86 and command["predecessor"] == OLD:
        expires_ms = command["consent"]["expires_ms"]
        command["consent"] = book.consent(table.bank, command, book.loan(OLD).bank) | {"expires_ms": expires_ms}
    return command


def _send(table: Table, *faults: Fault) -> tuple[int, str]:
    book = scene()
    command = table.base(book)
    for fault in faults:
        fault(book, command)
    return book.refused(table.bank, _signed(book, table, command), key=table.key)


def _singles() -> Iterator[Any]:
    for verb, table in TABLES.items():
        for n, (code, at, fault) in enumerate(table.rows):
            yield pytest.param(table, code, at, fault, id=f"{verb}-{n}-{code.name}")


def _pairs() -> Iterator[Any]:
    for verb, table in TABLES.items():
        for n in range(len(table.rows) - 1):
            (earlier, at, one), (later, _, two) = table.rows[n : n + 2]
            if (earlier, later) not in IMPOSSIBLE:
                yield pytest.param(table, earlier, at, one, two, id=f"{verb}-{earlier.name}-{later.name}")


@pytest.mark.parametrize("verb", TABLES)
def test_without_a_fault_the_command_is_accepted(verb: str) -> None:
    assert _send(TABLES[verb]) == (0, "")


@pytest.mark.parametrize(("table", "code", "at", "fault"), [*_singles()])
def test_each_fault_has_its_rejection(table: Table, code: Rejection, at: str, fault: Fault) -> None:
    assert _send(table, fault) == (code, at)


@pytest.mark.parametrize(("table", "code", "at", "earlier", "later"), [*_pairs()])
def test_of_two_faults_the_earlier_is_told(
    table: Table, code: Rejection, at: str, earlier: Fault, later: Fault
) -> None:
    assert _send(table, later, earlier) == (code, at)
