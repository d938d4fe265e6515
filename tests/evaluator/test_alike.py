"""What looks alike is told to both banks, once a pair; what the ledger itself binds is not told."""

from __future__ import annotations

import datetime as dt
import itertools
import string
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.evaluator.scene import (
    BILL,
    CONTRACT,
    DAY,
    DAY_MS,
    DECLARATION,
    INVOICE,
    ORDER,
    OTHER_USCC,
    SELLER,
    STRANGER,
    Scene,
    changed,
    credit_note,
)

from kouan.client.commitments import Subject, commit
from kouan.evaluator.alike import RETENTION_MS, TOLD, TOLD_OF_MEMBER
from kouan.formats.paper_forms import fields_of
from kouan.formats.trade_papers import TransportDocument

ALTERED = changed(INVOICE, number="LN-2019-1107-A")
SEA_BILL = TransportDocument(kind="sea-bill", date=DAY, consignor=SELLER, number="M-77")


def test_an_altered_number_is_told_to_both_banks_once(scene: Scene) -> None:
    """The second bank with its answer, the first when it looks at the end of the day; asking again adds nothing."""
    assert scene.ask("bank-a", INVOICE).likenesses == []
    scene.ledger.advance(1)
    (told,) = scene.ask("bank-b", ALTERED).likenesses
    assert told.kinds == ["altered-number", "parties-amount-month"]
    assert (told.other_member, told.time_ms) == ("bank-a", scene.now)
    scene.ledger.advance(1)
    again = scene.ask("bank-b", ALTERED)
    assert (again.likenesses, again.document) == ([told], told.own)
    (theirs,) = scene.look("bank-a")
    assert (theirs.own, theirs.other_member) == (scene.ask("bank-a", INVOICE).document, "bank-b")
    assert theirs.pair == told.pair
    assert scene.look("bank-b") == [told]
    assert scene.look("bank-a", told.time_ms) == [theirs]
    assert scene.look("bank-a", told.time_ms + 1) == []
    assert scene.look("bank-c") == []


@pytest.mark.parametrize(
    ("first", "second", "kinds"),
    [
        (ORDER, INVOICE, []),  # the ledger makes one case of them
        (ORDER, changed(INVOICE, total_minor=ORDER.total_minor, date=ORDER.date), []),
        (CONTRACT, INVOICE, []),
        (CONTRACT, DECLARATION, []),
        (SEA_BILL, DECLARATION, []),
        (INVOICE, DECLARATION, []),
        (INVOICE, credit_note(), []),
        (INVOICE, changed(INVOICE, number="LN-9", total_minor=5), []),  # another part of the same order
        (INVOICE, changed(INVOICE, number="LN-9"), [["parties-amount-month"]]),  # one sale invoiced twice
        (ORDER, changed(INVOICE, order_number="NL PO 04471"), [["order-number"]]),
        (ORDER, changed(CONTRACT, date=ORDER.date), [["parties-amount-month"]]),
        (INVOICE, changed(INVOICE, date=dt.date(2019, 12, 1), total_minor=5), [["altered-number"]]),
        (INVOICE, changed(ALTERED, seller=STRANGER, order_number=None, contract_number=None), []),
        (BILL, changed(BILL, consignor=STRANGER, number="H-219"), [["master-number"]]),
        (BILL, changed(BILL, consignor=STRANGER), [["master-number", "transport-number"]]),
        (BILL, DECLARATION, [["master-number"]]),
        (DECLARATION, DECLARATION | {"owner_uscc": OTHER_USCC}, [["master-number", "transport-number"]]),
        (DECLARATION, DECLARATION | {"ie_date": "2019-12-01"}, []),  # two shipments under one contract, one bill
    ],
)
def test_what_is_told_and_what_is_not(scene: Scene, first: Any, second: Any, kinds: list[list[str]]) -> None:
    """Whichever is shown first."""
    assert scene.ask("bank-a", first).likenesses == []
    assert scene.kinds("bank-b", second) == kinds
    assert [one.kinds for one in scene.look("bank-a")] == kinds


def test_the_same_paper_at_another_bank_is_not_like_itself(scene: Scene) -> None:
    """It has one fingerprint, and the ledger refuses it."""
    scene.ask("bank-a", INVOICE)
    assert scene.ask("bank-b", INVOICE, b"s" * 32).likenesses == []


def test_two_papers_at_one_bank_are_told_to_it_from_both_sides(scene: Scene) -> None:
    """Two branches of a bank lend as two banks do."""
    scene.ask("bank-a", INVOICE)
    (told,) = scene.ask("bank-a", ALTERED).likenesses
    assert told.other_member == "bank-a"
    assert {(one.own, one.other) for one in scene.look("bank-a")} == {(told.own, told.other), (told.other, told.own)}
    assert {one.pair for one in scene.look("bank-a")} == {told.pair}


def test_a_bank_is_told_nothing_by_which_to_know_the_other_document_again(scene: Scene) -> None:
    """Its own document has a name for this bank alone; of the other there is only what both banks call the pair."""
    names = {scene.ask(bank, INVOICE).document for bank in ("bank-a", "bank-b")}
    (one, other) = scene.ask("bank-c", ALTERED).likenesses
    assert len(names) == 2
    assert one.own == other.own not in names
    assert (one.other, other.other, one.pair == other.pair) == (None, None, False)
    on_the_ledger = commit(Subject.FINGERPRINTS, bytes(32), fields_of(INVOICE))
    assert on_the_ledger not in msgspec.json.encode(scene.ask("bank-c", ALTERED)).decode()


def test_a_paper_shown_under_another_salt_is_the_same_document(scene: Scene) -> None:
    """Nothing is told twice of it, and nothing is hidden: neither by the bank itself nor by the other one."""
    scene.ask("bank-a", INVOICE)
    salts = [bytes([one]) * 32 for one in range(5)]
    pairs = {(one.own, one.pair) for salt in salts for one in scene.ask("bank-b", ALTERED, salt).likenesses}
    pairs |= {(one.own, one.pair) for salt in salts for one in scene.ask("bank-a", INVOICE, salt).likenesses}
    assert len(pairs) == 2
    assert {(one.own, one.pair) for bank in ("bank-a", "bank-b") for one in scene.look(bank)} == pairs


def test_what_grows_more_alike_is_told_again(scene: Scene) -> None:
    """A corrected paper may share more with another than it did."""
    scene.ask("bank-a", INVOICE)
    scene.ask("bank-b", changed(ALTERED, total_minor=5))
    scene.ledger.advance(1)
    scene.ask("bank-b", ALTERED)
    assert [one.kinds for one in scene.look("bank-a", scene.now)] == [["altered-number", "parties-amount-month"]]


def test_what_is_old_is_forgotten(scene: Scene) -> None:
    """Two years after it was last shown a paper is compared with nothing; its exact fingerprint stays the same."""
    before = scene.carried("bank-a", INVOICE)
    scene.ledger.advance(RETENTION_MS)
    assert scene.kinds("bank-b", ALTERED) == [["altered-number", "parties-amount-month"]]
    scene.ledger.advance(DAY_MS)
    assert scene.kinds("bank-b", ALTERED) == []
    assert scene.look("bank-b") == []
    assert scene.carried("bank-c", INVOICE) == before
    assert scene.memory.db.execute("SELECT count(*) FROM log").fetchone() == (3,)


def test_no_bank_crowds_out_anothers_document(scene: Scene) -> None:
    """Sixty-four invented papers at one bank, and the one that another bank was shown is told first all the same."""
    scene.ask("bank-a", INVOICE)
    for letter, zeros in itertools.product(string.ascii_uppercase[:22], range(3)):
        scene.ledger.advance(1)
        told = scene.ask("bank-b", changed(ALTERED, number=f"LN-{'0' * zeros}2019-1107-{letter}")).likenesses
    assert [one.other_member for one in told] == ["bank-a"] + ["bank-b"] * TOLD_OF_MEMBER


def test_a_bank_is_told_of_few_documents_of_each_other_bank(scene: Scene) -> None:
    """However many a bank invents around a paper of another's: people there are not drowned in them."""
    scene.ask("bank-a", INVOICE)
    told = [scene.ask("bank-c", changed(INVOICE, number=f"LN-{one}")).likenesses for one in range(1, 41)]
    assert len(scene.look("bank-a")) == TOLD_OF_MEMBER
    assert all(first.other_member == "bank-a" for first, *_ in told)  # who invents them is told each time


def test_many_partial_invoices_hide_no_altered_one(scene: Scene) -> None:
    """What shares only what the ledger binds is passed over; what shares more is found, however late it came."""
    part = changed(INVOICE, total_minor=7)
    for one in range(1, TOLD_OF_MEMBER + 5):
        assert scene.kinds("bank-a", changed(part, number=f"LN-{one}", total_minor=one)) == []
    scene.ask("bank-a", INVOICE)
    assert scene.kinds("bank-b", ALTERED) == [["altered-number", "parties-amount-month"]]


def test_a_feature_of_a_hundred_thousand_documents_costs_no_more_than_one_of_a_few(scene: Scene) -> None:
    """SQLite's own steps are counted, not time: they are bounded by banks and features, not by documents."""
    scene.ask("bank-a", BILL)
    features = scene.memory.db.execute("SELECT feature, kind FROM features WHERE kind = 'master-number'").fetchall()
    steps = []
    for at, count in ((0, 1_000), (1_001, 100_001)):  # between them the document that is asked about
        flood(scene, range(at, count), features)
        steps.append(steps_of(scene, lambda: scene.ask("bank-c", changed(BILL, consignor=STRANGER, number="H-9"))))
    assert steps[1] < 1.5 * steps[0]


def flood(scene: Scene, numbers: range, features: list[tuple[bytes, str]]) -> None:
    """Documents of one bank with given features, as many answers would have left them."""
    ids = [1000 + one for one in numbers]
    names = [one.to_bytes(32) for one in ids]
    with scene.memory.together():
        scene.memory.db.executemany(
            "INSERT INTO showings (id, document, member, name, kind, shown_ms) "
            "VALUES (?, ?, 'bank-b', ?, 'transport', ?)",
            [(one, name, name, scene.now) for one, name in zip(ids, names, strict=True)],
        )
        rows = [(feature, "bank-b", one, kind) for one in ids for feature, kind in features]
        scene.memory.db.executemany("INSERT INTO features VALUES (?, ?, ?, ?)", rows)


def steps_of(scene: Scene, act: Callable[[], object]) -> int:
    """How many hundreds of virtual machine instructions SQLite needs."""
    count = itertools.count()
    scene.memory.db.set_progress_handler(lambda: next(count) < 0, 100)
    act()
    scene.memory.db.set_progress_handler(None, 0)
    return next(count)


def test_an_answer_stays_short(scene: Scene) -> None:
    """A container has many shippers, at many banks: other banks' documents come first, then the oldest."""
    banks = [f"bank-{letter}" for letter in "abc"]
    for one in range(3 * TOLD_OF_MEMBER + 3):
        scene.ledger.advance(1)
        scene.ask(banks[one % 3], changed(BILL, consignor=STRANGER, number=f"H-{one + 1}"))
    told = scene.ask("bank-a", BILL).likenesses
    assert [one.other_member == "bank-a" for one in told] == [False] * 2 * TOLD_OF_MEMBER + [True] * TOLD_OF_MEMBER
    assert TOLD == 64
