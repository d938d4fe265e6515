"""Opening a seal: recorded first, answered to the recorded request alone, and hidden until it is disclosed."""

from __future__ import annotations

import msgspec
import pytest
from tests.client.port_scene import DAY_MS, NUMBER, OWNER, Scene, numbered

from kouan.client.openings import AnswerSlip, OverseerDesk, RequestSlip, SealSlip, Step, answer, hand_over
from kouan.client.sealing import SealError
from kouan.kernel.encoding import to_text
from kouan.kernel.rejections import Rejection
from kouan.modules.customs.records import Opening

SECOND = "commerce-commission"


def seal_slip(scene: Scene, number: str = NUMBER) -> SealSlip:
    with scene.customs() as desk:
        (quota,) = desk.quotas(number)
        return msgspec.json.decode(hand_over(desk, scene.session("shanghai-customs"), quota.id), type=SealSlip)


def asked(scene: Scene, slip: SealSlip) -> RequestSlip:
    with scene.overseer() as desk:
        step = desk.request(slip)
    assert step.slip is not None
    return msgspec.json.decode(step.slip, type=RequestSlip)


def answered(scene: Scene, slip: RequestSlip, member: str = SECOND) -> Step:
    return answer(scene.home(member), scene.session(member), slip, scene.entropy)


def answer_slip(step: Step) -> AnswerSlip:
    assert step.slip is not None
    return msgspec.json.decode(step.slip, type=AnswerSlip)


def test_overseer_and_second_holder_together_find_number_and_owner(scene: Scene) -> None:
    scene.attest()
    step = answered(scene, asked(scene, seal_slip(scene)))
    with scene.overseer() as desk:
        identity = desk.open(answer_slip(step))
        ((own, opening),) = desk.requests()
    assert (identity.number, identity.owner) == (NUMBER, OWNER)
    assert opening is not None
    assert (opening.answered_by, opening.quota, own.request) == (SECOND, None, step.request)


def test_the_ledger_does_not_show_which_declaration_was_opened_until_it_is_disclosed(scene: Scene) -> None:
    scene.attest()
    slip = seal_slip(scene)
    before = scene.engine.status().height
    request = asked(scene, slip)
    answered(scene, request)
    written = b"".join(envelope for block in scene.engine.blocks(before + 1) for envelope in block.envelopes)
    assert slip.quota.encode() not in written
    with scene.overseer() as desk:
        assert desk.disclose(request.request).code is Rejection.OPENING_STILL_SEALED
        scene.now += 91 * DAY_MS
        assert desk.disclose(request.request).accepted
    opening = scene.reader.read(Opening, f"opening/{request.request}")
    assert opening is not None
    assert opening.quota == slip.quota


def test_the_second_holder_answers_only_what_is_recorded(scene: Scene) -> None:
    """An unrecorded request, one for another declaration, and one with another salt are not answered."""
    scene.attest()
    scene.attest(numbered(2))
    request, other = asked(scene, seal_slip(scene)), asked(scene, seal_slip(scene, numbered(2).entry_id))
    change = msgspec.structs.replace
    for bad, message in (
        (change(request, request=to_text(bytes(16))), "not on the ledger"),
        (change(request, quota=other.quota), "about another document"),
        (change(request, salt=other.salt), "about another document"),
        (change(request, quota=other.quota, inner=other.inner, salt=other.salt), "about another document"),
        (change(request, alliance=other.salt), "another alliance"),
    ):
        with pytest.raises(ValueError, match=message):
            answered(scene, bad)
    with pytest.raises(SealError):
        answered(scene, change(request, inner=other.inner))
    opening = scene.reader.read(Opening, f"opening/{request.request}")
    assert opening is not None
    assert opening.answered_by is None


def test_a_lost_answer_is_given_again_without_a_second_record(scene: Scene) -> None:
    scene.attest()
    request = asked(scene, seal_slip(scene))
    answered(scene, request)
    height = scene.engine.status().height
    step = answered(scene, request)
    assert scene.engine.status().height == height
    with scene.overseer() as desk:
        assert desk.open(answer_slip(step)).number == NUMBER


def test_nobody_else_can_ask_answer_or_open(scene: Scene) -> None:
    scene.attest()
    slip = seal_slip(scene)
    request = asked(scene, slip)
    with pytest.raises(SealError):
        answered(scene, request, "bank-of-huangpu")
    step = answered(scene, request)
    bank = scene.home("bank-of-huangpu")
    with bank.vault(scene.entropy) as vault:
        desk = OverseerDesk(bank, scene.session(bank.id), vault, scene.entropy)
        with pytest.raises(SealError):
            desk.request(slip)
        with pytest.raises(ValueError, match="was not made by bank-of-huangpu"):
            desk.open(answer_slip(step))


def test_a_forged_seal_or_answer_is_refused(scene: Scene) -> None:
    scene.attest()
    scene.attest(numbered(2))
    one, two = seal_slip(scene), seal_slip(scene, numbered(2).entry_id)
    change = msgspec.structs.replace
    with scene.overseer() as desk:
        with pytest.raises(SealError, match="not the seal whose hash stands on the ledger"):
            desk.request(change(one, seal=two.seal))
        with pytest.raises(ValueError, match="not on this ledger"):
            desk.request(change(one, quota=f"{one.quota[:-3]}EUR"))
        first, second = (answer_slip(answered(scene, asked(scene, slip))) for slip in (one, two))
        with pytest.raises(SealError):
            desk.open(change(first, identity_sealed=second.identity_sealed))
        with pytest.raises(ValueError, match="another document than was asked for"):
            desk.open(change(first, quota=second.quota))
