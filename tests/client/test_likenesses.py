"""What looks alike at a bank's desk: whom it stops, what hides nothing, who may clear it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.client.paper_scene import (
    BANK,
    CONTRACT,
    INVOICE,
    OTHER,
    altered,
    at_bank,
    consent,
    member,
    recorded,
    slip,
    taken_in,
    wanted,
)
from tests.client.port_scene import EXPORT, NUMBER, Scene

from kouan.client.bank import Bank
from kouan.client.evaluating import look
from kouan.client.likeness_book import FULL_CASE
from kouan.client.paper_slips import open_paper_slip, seal_paper_slip
from kouan.client.session import Result
from kouan.client.showing import LikenessError
from kouan.client.wallet import Part
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota, Record
from kouan.kernel.rejections import Rejection
from kouan.modules.cases import joining

AGAIN = altered(INVOICE, number=f"{INVOICE.number}-A", order_number=None, contract_number=None)
PART = Part(INVOICE.number, "USD", 1_000)


def resalted(scene: Scene, data: bytes) -> bytes:
    """The same paper, committed to under another secret."""
    content = open_paper_slip(scene.home(BANK).keys.hpke_private, data)
    other = msgspec.structs.replace(content, secret=to_text(b"\7" * 32))
    return seal_paper_slip(other, from_text(member(scene, BANK).sealing), scene.entropy)


def shown_elsewhere(scene: Scene) -> None:
    with at_bank(scene, OTHER) as desks:
        desks.papers.look(slip(scene, AGAIN, bank=OTHER))


def test_a_hold_asks_first_what_was_found_since(scene: Scene) -> None:
    """Another bank was shown the invoice under another number in between: nobody had to look for that."""
    recorded(scene, INVOICE)
    shown_elsewhere(scene)
    with at_bank(scene) as desks:
        data = consent(scene, PART)
        with pytest.raises(LikenessError, match=rf"{INVOICE.number}: looks like a document of {OTHER}"):
            desks.lending.hold(data, wanted(scene))


def test_a_paper_looked_at_under_another_secret_hides_nothing_that_comes_later(scene: Scene) -> None:
    """The bank's book knows it by the evaluator's name for it, not by a commitment."""
    recorded(scene, INVOICE)
    data = slip(scene, INVOICE)
    with at_bank(scene) as desks:
        desks.papers.look(resalted(scene, data))
    shown_elsewhere(scene)
    with at_bank(scene) as desks:
        (one,) = desks.papers.likenesses()
        desks.papers.look(resalted(scene, data))
        assert desks.papers.likenesses() == [one]
        with pytest.raises(LikenessError, match=one.pair):
            desks.lending.hold(consent(scene, PART), wanted(scene))


def test_who_ever_showed_a_document_does_not_clear_it(scene: Scene) -> None:
    """Who recorded it, after somebody else had looked at it, and who only looked."""
    shown_elsewhere(scene)
    data = slip(scene, INVOICE)
    with at_bank(scene, key="checker") as desks:
        desks.papers.look(data)
    with at_bank(scene) as desks:
        taken_in(scene, desks.papers.record(data))
        (one,) = desks.papers.likenesses()
    for key in ("main", "checker"):
        with at_bank(scene, key=key) as desks, pytest.raises(ValueError, match=f"--key: {key} took the document in"):
            desks.papers.clear(one.id, "fine")


def test_who_cleared_a_document_does_not_lend_on_it(scene: Scene) -> None:
    """Three steps and two people: one takes it in and sends the loan, another one compares."""
    recorded(scene, INVOICE)
    shown_elsewhere(scene)
    with at_bank(scene, key="checker") as desks:
        (one,) = desks.papers.likenesses()
        desks.papers.clear(one.id, "two shipments, both bills seen")
        data = consent(scene, PART)
        with pytest.raises(LikenessError, match="--key: checker cleared what concerns document"):
            desks.lending.hold(data, wanted(scene))
    with at_bank(scene) as desks:
        assert desks.lending.hold(data, wanted(scene)).result.accepted


def test_a_full_case_is_reviewed_before_its_declaration_is_lent_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the trade is weighed with a declaration that found no room in it; with room, it is linked."""
    recorded(scene, CONTRACT)
    scene.attest()
    data = consent(scene, Part(NUMBER, "USD", 1_000))
    with monkeypatch.context() as full, at_bank(scene) as desks:
        full.setattr(joining, "MAX_DOCUMENTS", 1)
        for _ in range(2):
            with pytest.raises(LikenessError, match=rf"document {NUMBER}: its trade case is full"):
                desks.lending.hold(data, wanted(scene))
        (one,) = desks.papers.likenesses()
        assert (one.kinds, one.number, one.pair, one.other_member) == ([FULL_CASE], NUMBER, "", BANK)
        with pytest.raises(ValueError, match="took the document in"):
            desks.papers.clear(one.id, "nothing is lent there")
        with at_bank(scene, key="checker") as checker:
            checker.papers.clear(one.id, "nothing is lent there")
        assert desks.lending.hold(data, wanted(scene)).result.accepted


def test_a_case_that_has_room_again_is_to_be_reviewed_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The declaration is linked, and weighed with what is there."""
    recorded(scene, CONTRACT)
    scene.attest()
    data = consent(scene, Part(NUMBER, "USD", 1_000))
    with at_bank(scene) as desks:
        with monkeypatch.context() as full:
            full.setattr(joining, "MAX_DOCUMENTS", 1)
            with pytest.raises(LikenessError, match="its trade case is full"):
                desks.lending.hold(data, wanted(scene))
        assert desks.lending.hold(data, wanted(scene)).result.accepted
        assert desks.papers.likenesses() == []


@pytest.mark.parametrize("code", [Rejection.EVALUATOR_UNKNOWN, Rejection.EVALUATION_BAD_SIGNATURE])
def test_a_statement_of_a_key_revoked_since_is_asked_for_anew(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, code: Rejection
) -> None:
    """Once: if the ledger still does not believe it, the loan is not sent."""
    scene.attest()
    data = consent(scene, Part(NUMBER, "USD", 1_000))
    send, refused = Bank.send, list[str]()

    def once(bank: Bank, kind: str, command: Record) -> Result:
        if kind == "cases.link/1" and len(refused) < times:
            refused.append(kind)
            return Result(code, "evaluation")
        return send(bank, kind, command)

    monkeypatch.setattr(Bank, "send", once)
    with at_bank(scene) as desks:
        times = 2
        placed = desks.lending.hold(data, wanted(scene))
        assert (placed.result.code, desks.bank.book.loans()) == (code, [])
        times = 3
        assert desks.lending.hold(data, wanted(scene)).result.accepted


def test_a_declaration_that_customs_amended_is_linked_anew_and_not_like_itself(scene: Scene) -> None:
    """It named a wrong contract when it was linked; now it is weighed with what stands on the right one."""
    recorded(scene, CONTRACT)
    wrong = msgspec.structs.replace(EXPORT, contract_no="TYPO-1", bill_no="SHHAM-1911012")
    (name,) = scene.attest(wrong).quotas
    with at_bank(scene) as desks:
        assert desks.lending.hold(consent(scene, Part(NUMBER, "USD", 1_000)), wanted(scene)).result.accepted
        assert case_of(scene, name) != case_of(scene, recorded_id(desks))
    with scene.customs() as customs:
        scene.receive(customs.amend(NUMBER, "correction", {}, declaration=EXPORT).slip)
    with at_bank(scene) as desks:
        assert desks.lending.hold(consent(scene, Part(NUMBER, "USD", 1_000)), wanted(scene)).result.accepted
        assert case_of(scene, name) == case_of(scene, recorded_id(desks))
        assert desks.papers.likenesses() == []
        assert len(desks.evaluator.likenesses(*look(desks.bank.asker, 0))) == 2  # the evaluator cannot know


def recorded_id(desks: Any) -> str:
    (name,) = desks.bank.book.quotas_of(CONTRACT.number)
    return str(name)


def case_of(scene: Scene, name: str) -> str | None:
    quota = scene.reader.read(Quota, key_of(name))
    assert quota is not None
    case = joining.case_of(scene.reader, quota)
    return None if case is None else case.id
