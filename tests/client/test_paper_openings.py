"""The seal of a recorded paper: opened by two together and on the record; what is false leaves its trade."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.client.paper_scene import BANK, INVOICE, ORDER, OTHER, altered, at_bank, recorded, slip, taken_in
from tests.client.port_scene import NUMBER, OWNER, Scene

from kouan.client.filing_seals import open_as_second_holder
from kouan.client.openings import AnswerSlip, RequestSlip, SealSlip, Step, answer, hand_over_paper
from kouan.client.paper_seals import PaperIdentity, RecordedPaper, seal_paper
from kouan.client.sealing import SealError, public_of, seal
from kouan.kernel.encoding import to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.modules.customs.records import Opening

SECOND = "commerce-commission"


def seal_slip(scene: Scene, name: str = INVOICE.number, bank: str = BANK) -> SealSlip:
    with at_bank(scene, bank) as desks:
        return msgspec.json.decode(hand_over_paper(desks.bank, name), type=SealSlip)


def asked(scene: Scene, handed: SealSlip) -> RequestSlip:
    with scene.overseer() as desk:
        step = desk.request(handed)
    assert step.slip is not None
    return msgspec.json.decode(step.slip, type=RequestSlip)


def answered(scene: Scene, request: RequestSlip) -> Step:
    return answer(scene.home(SECOND), scene.session(SECOND), request, scene.entropy)


def opened(scene: Scene, name: str = INVOICE.number) -> PaperIdentity:
    step = answered(scene, asked(scene, seal_slip(scene, name)))
    assert step.slip is not None
    with scene.overseer() as desk:
        identity = desk.open(msgspec.json.decode(step.slip, type=AnswerSlip))
    assert isinstance(identity, PaperIdentity)
    return identity


def quota_of(scene: Scene, name: str) -> Quota:
    quota = scene.reader.read(Quota, key_of(name))
    assert quota is not None
    return quota


def test_overseer_and_second_holder_together_find_number_and_owner(scene: Scene) -> None:
    """The recording bank hands the seal over; the request is on the ledger and hides which paper is meant."""
    recorded(scene, INVOICE)
    handed = seal_slip(scene)
    before = scene.engine.status().height
    request = asked(scene, handed)
    step = answered(scene, request)
    written = b"".join(envelope for block in scene.engine.blocks(before + 1) for envelope in block.envelopes)
    assert handed.quota.encode() not in written
    assert step.slip is not None
    with scene.overseer() as desk:
        identity = desk.open(msgspec.json.decode(step.slip, type=AnswerSlip))
    assert isinstance(identity, PaperIdentity)
    assert (identity.kind, identity.number, identity.owner) == ("invoice", INVOICE.number, OWNER)
    opening = scene.reader.read(Opening, f"opening/{request.request}")
    assert opening is not None
    assert (opening.answered_by, opening.quota) == (SECOND, None)


def test_only_the_bank_that_recorded_a_paper_can_hand_its_seal_over(scene: Scene) -> None:
    """And a bank has no declaration's."""
    name = recorded(scene, INVOICE)
    (declared,) = scene.attest().quotas
    with pytest.raises(ValueError, match="the bank that recorded the paper has it"):
        seal_slip(scene, name, OTHER)
    with pytest.raises(ValueError, match="its seal is with customs"):
        seal_slip(scene, declared)


def test_a_forged_paper_is_withdrawn_and_frees_its_number(scene: Scene) -> None:
    """The true one is recorded afterwards, at another bank and with another wallet's key."""
    forged = recorded(scene, INVOICE)
    opened(scene)
    with scene.overseer() as desk:
        assert desk.dispute(forged, "forged").accepted
        assert desk.dispute(forged, "forged").code is Rejection.CASE_UNKNOWN
    assert quota_of(scene, forged).status == "withdrawn"
    with at_bank(scene, OTHER) as desks:
        sent = desks.papers.record(slip(scene, INVOICE, bank=OTHER))
        assert sent.result.accepted
    assert taken_in(scene, sent) != forged


def test_a_paper_of_another_trade_goes_on_alone(scene: Scene) -> None:
    order = recorded(scene, ORDER)
    recorded(scene, INVOICE, bank=BANK)
    opened(scene, ORDER.number)
    with scene.overseer() as desk:
        assert desk.dispute(order, "not-same-trade").accepted
    with at_bank(scene) as desks:
        assert desks.papers.case(ORDER.number) is None
        view = desks.papers.case(INVOICE.number)
    assert quota_of(scene, order).status == "active"
    assert view is not None
    assert len(view.documents) == 1


def test_nothing_is_disputed_whose_seal_was_not_opened(scene: Scene) -> None:
    """Asked for is not enough: the second holder has to have answered."""
    name = recorded(scene, INVOICE)
    asked(scene, seal_slip(scene))
    with scene.overseer() as desk:
        with pytest.raises(ValueError, match="was not opened from here"):
            desk.dispute(name, "forged")
        with pytest.raises(ValueError, match="not on this ledger"):
            desk.dispute(NUMBER, "forged")


def test_the_seal_of_one_paper_opens_no_other(scene: Scene) -> None:
    recorded(scene, INVOICE)
    recorded(scene, altered(INVOICE, number="LN-2019-1200", order_number=None, contract_number=None))
    one, two = seal_slip(scene), seal_slip(scene, "LN-2019-1200")
    change = msgspec.structs.replace
    with scene.overseer() as desk, pytest.raises(SealError, match="not the seal whose hash stands on the ledger"):
        desk.request(change(one, seal=two.seal))
    request, other = asked(scene, one), asked(scene, two)
    with pytest.raises(SealError):
        answered(scene, change(request, inner=other.inner))
    with pytest.raises(ValueError, match="about another document"):
        answered(scene, change(request, quota=other.quota, inner=other.inner, salt=other.salt))


PAPER = RecordedPaper(to_text(bytes(32)), to_text(bytes(32)) + ".USD", "invoice")
IDENTITY = PaperIdentity("invoice", "发票-1", OWNER, to_text(bytes(32)))


@pytest.mark.parametrize(
    "change", [{"kind": "order"}, {"number": ""}, {"owner": "Lingang Lamps"}, {"secret": "A"}, {"number": "x" * 101}]
)
def test_an_identity_that_nobody_could_read_is_not_sealed(change: dict[str, Any]) -> None:
    keys = public_of(bytes(31) + b"\1"), public_of(bytes(31) + b"\2")
    made = msgspec.structs.replace(IDENTITY, **change)
    with pytest.raises(ValueError, match=r"kind|number|owner|secret"):
        seal_paper(made, PAPER, overseer=keys[0], second_holder=keys[1], entropy=bytes)


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 100_000, b'{"kind":"invoice"}', b'{"kind": "invoice"}', "发票".encode(), b"\xff"],
    ids=["empty", "deep", "short", "spaced", "text", "bytes"],
)
def test_what_a_hostile_bank_sealed_is_one_error(content: bytes) -> None:
    """The overseer's outer layer says nothing of the inner one."""
    second = bytes(31) + b"\2"
    inner = seal(public_of(second), PAPER.to_second_holder, PAPER.aad(), content, bytes)
    with pytest.raises(SealError, match="holds no identity"):
        open_as_second_holder(second, PAPER, inner)
