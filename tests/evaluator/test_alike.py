"""What looks alike is told to both banks, once a pair; what the ledger itself binds is not told."""

from __future__ import annotations

import datetime as dt
from typing import Any

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
from kouan.evaluator.memory import COMPARED, RETENTION_MS, TOLD
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
    assert told.own == commit(Subject.FINGERPRINTS, bytes(32), fields_of(ALTERED))
    assert told.other == commit(Subject.FINGERPRINTS, bytes(32), fields_of(INVOICE))
    scene.ledger.advance(1)
    assert scene.ask("bank-b", ALTERED).likenesses == [told]
    (theirs,) = scene.look("bank-a")
    assert (theirs.own, theirs.other, theirs.other_member) == (told.other, told.own, "bank-b")
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


def test_a_paper_shown_anew_goes_by_its_newest_commitment(scene: Scene) -> None:
    """So that the two banks speak of what is on the ledger now."""
    scene.ask("bank-a", INVOICE)
    scene.ask("bank-b", ALTERED)
    (told,) = scene.ask("bank-a", INVOICE, b"s" * 32).likenesses
    assert told.own == commit(Subject.FINGERPRINTS, b"s" * 32, fields_of(INVOICE))
    assert [one.other for one in scene.look("bank-b")] == [told.own]


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


def test_only_the_newest_likenesses_are_told(scene: Scene) -> None:
    """A container has many shippers: the answer stays short, however many they are."""
    for one in range(TOLD + 3):
        scene.ledger.advance(1)
        told = scene.ask("bank-a", changed(BILL, consignor=STRANGER, number=f"H-{one + 1}")).likenesses
    assert len(told) == TOLD < COMPARED
    assert told[0].time_ms == scene.now
