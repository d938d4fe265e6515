"""What gets into the mempool and into proposals, and what does not; no signature is checked twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.engines import scene as any_scene
from tests.engines.cometbft import driver, scene
from tests.modules.ledger import seed_of

from kouan.engines.cometbft.application import application as application_module
from kouan.engines.cometbft.application import proposals, waiting
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.remembered import CheckedClaims, ReadLetters
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.kernel.encoding import decode, encode
from kouan.kernel.envelope import MAX_AHEAD_MS, MAX_BYTES, Body, envelope_hash, envelope_id, make
from kouan.kernel.registry import Claim, verify_in_turn

pytestmark = pytest.mark.usefixtures("shallow_tree")

DAY_MS = 24 * 3_600_000
FIRST, SECOND, THIRD, FOURTH = scene.day(2)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """One declaration is attested and held."""
    opened = driver.begin(tmp_path)
    driver.block(opened, FIRST, SECOND)
    yield opened
    opened.close()


def with_body(raw: bytes, **changes: object) -> bytes:
    """The envelope with a changed body and the signature as it was."""
    envelope = decode(raw)
    envelope["body"].update(changes)
    return encode(envelope)


def signed(member: str, number: int, *, key: str = "main", seed: bytes | None = None, **changes: object) -> bytes:
    """A sound envelope of a member, except for what is changed in its body before it is signed."""
    body = Body(
        alliance=scene.ALLIANCE,
        commands=[{"type": "no.such/1"}],
        expires_ms=scene.NOW_MS + 1000,
        mode="each",
        number=number,
        signer=f"{member}/{key}",
    )
    plain = decode(encode(body)) | changes
    return make(Body(**plain), seed or seed_of(member, key))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "ENVELOPE_MALFORMED": lambda: b"garbage",
    "ENVELOPE_WRONG_ALLIANCE": lambda: any_scene.attest(9, "d9"),
    "ENVELOPE_EXPIRED": lambda: signed("bank-a", 9, expires_ms=scene.NOW_MS),
    "ENVELOPE_EXPIRY_TOO_FAR": lambda: signed("bank-a", 9, expires_ms=scene.NOW_MS + MAX_AHEAD_MS + 1),
    "ENVELOPE_UNKNOWN_SIGNER": lambda: signed("stranger", 9),
    "ENVELOPE_BAD_SIGNATURE": lambda: signed("bank-a", 9, seed=seed_of("bank-b")),
    "ENVELOPE_REPLAYED": lambda: SECOND,
}
MALFORMED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "not canonical": lambda: THIRD.replace(b":", b": ", 1),
    "re-encoded": lambda: THIRD.replace(b"customs", b"custom\\u0073", 1),
    "too large": lambda: THIRD + b" " * MAX_BYTES,
    "cut": lambda: THIRD[:-1],
    "twice": lambda: THIRD + THIRD,
    "deep": lambda: b"[" * 100_000,
    "a field too many": lambda: with_body(THIRD, more=1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_could_not_be_executed_gets_neither_into_the_mempool_nor_into_a_block(
    application: Application, name: str
) -> None:
    raw = HOSTILE[name]()
    assert driver.check(application, raw, THIRD) == [name, ""]
    assert driver.propose(application, [raw, THIRD]) == [THIRD]
    assert driver.agrees(application, [THIRD])
    assert not driver.agrees(application, [raw])
    assert not driver.agrees(application, [THIRD, raw])


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_envelopes_are_named_so(application: Application, name: str) -> None:
    raw = MALFORMED[name]()
    assert driver.check(application, raw) == ["ENVELOPE_MALFORMED"]
    assert driver.propose(application, [THIRD, raw]) == [THIRD]
    assert not driver.agrees(application, [raw])


def test_what_a_hostile_proposal_holds_is_without_effect_when_others_force_it_through(application: Application) -> None:
    """More than two thirds may be wrong about a proposal; the state is not."""
    raws = [hostile() for hostile in HOSTILE.values()]
    before = driver.block(application).app_hash
    root = application.store.tree.root
    answer = driver.block(application, *raws)
    assert application.store.tree.root == root
    assert answer.app_hash != before  # the receipts say why
    assert [scene.codes(result.data)[0] for result in answer.tx_results] == [2, 3, 4, 5, 6, 8, 9]


def test_a_number_is_used_once_in_a_proposal(application: Application) -> None:
    other = signed("customs", 2)
    assert driver.propose(application, [THIRD, other]) == [THIRD]
    assert not driver.agrees(application, [THIRD, other])
    assert not driver.agrees(application, [THIRD, THIRD])


def test_a_proposal_keeps_the_order_of_arrival_but_a_keys_own_go_by_number(application: Application) -> None:
    """Overtaken by more than the window of numbers, the first would be refused as too old to tell."""
    late, early, other = signed("bank-a", 400), signed("bank-a", 2), signed("bank-b", 7)
    assert driver.propose(application, [late, other, early]) == [early, other, late]
    assert driver.agrees(application, [early, other, late])
    assert not driver.agrees(application, [late, other, early])


@pytest.mark.parametrize("room", [0, 500, 1_000_000])
def test_bounds_of_a_proposal_hold_for_who_makes_it_and_who_agrees(
    application: Application, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    raws = [signed("bank-b", number) for number in range(1, 6)]
    size = len(raws[0]) + proposals.FRAMING
    chosen = driver.propose(application, raws, max_tx_bytes=room)
    assert len(chosen) == min(5, room // size)
    monkeypatch.setattr(proposals, "MAX_BYTES", 3 * size)
    assert len(driver.propose(application, raws)) == 3
    assert driver.agrees(application, raws[:3])
    assert not driver.agrees(application, raws[:4])
    monkeypatch.setattr(proposals, "MAX_COMMANDS", 2)
    assert len(driver.propose(application, raws)) == 2
    assert not driver.agrees(application, raws[:3])


def test_a_skipped_envelope_is_not_proposed_but_agreed_to(tmp_path: Path) -> None:
    application = driver.begin(tmp_path, skipped=lambda _: frozenset({envelope_id(FIRST)}))
    assert driver.propose(application, [FIRST, SECOND]) == [SECOND]
    assert driver.agrees(application, [FIRST, SECOND])
    application.close()


def test_asked_again_a_look_suffices(application: Application) -> None:
    """What was executed or expired goes; no signature is checked for it."""
    soon = signed("bank-b", 5, expires_ms=scene.NOW_MS + 10)
    assert driver.check(application, THIRD, FOURTH, soon) == [""] * 3
    assert len(application.admission.waiting) == 3
    checked = application.claims.checked
    driver.block(application, THIRD, time_ms=scene.NOW_MS + 10)
    assert driver.check_again(application, FOURTH, soon) == ["", "ENVELOPE_EXPIRED"]
    assert driver.check_again(application, THIRD) == ["ENVELOPE_REPLAYED"]
    assert application.claims.checked == checked
    assert len(application.admission.waiting) == 1


def test_one_members_spam_leaves_room_for_the_others(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MEMBER_ENVELOPES", 3)
    spam = [signed("bank-b", number) for number in range(1, 6)]
    assert driver.check(application, *spam) == ["", "", "", "SHARE_TAKEN", "SHARE_TAKEN"]
    assert driver.check(application, THIRD) == [""]
    driver.block(application, spam[0])
    assert driver.check(application, *spam[3:]) == ["", "SHARE_TAKEN"]  # one was executed
    for _ in range(waiting.FORGET_AFTER + 1):
        driver.block(application)
        assert driver.check_again(application, spam[3]) == [""]
    assert len(application.admission.waiting) == 1  # CometBFT does not ask about the others any more
    assert driver.check(application, spam[4]) == [""]


def test_bytes_count_too(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    raws = [signed("bank-b", number) for number in range(1, 4)]
    monkeypatch.setattr(waiting, "MEMBER_BYTES", 2 * len(raws[0]))
    assert driver.check(application, *raws) == ["", "", "SHARE_TAKEN"]


def test_while_a_commit_waits_only_so_much_is_looked_at(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CometBFT commits only when all CheckTx requests are answered: beyond a bound they are told to come again."""
    monkeypatch.setattr(application_module, "COMMANDS_WHILE_WAITED_FOR", 4)
    raws = [signed("bank-b", number) for number in range(1, 5)]
    driver.finalize(application, [])
    assert driver.check(application, *raws) == ["", "", "NODE_BUSY", "NODE_BUSY"]
    application.commit(abci.RequestCommit())
    assert driver.check(application, *raws[2:]) == ["", ""]


def test_no_signature_is_checked_twice(tmp_path: Path) -> None:
    """CheckTx, both sides of a proposal and the block itself: each envelope's signature once, each owner's once."""
    application = driver.begin(tmp_path)
    driver.block(application, FIRST)
    checked = application.claims.checked
    assert driver.check(application, SECOND) == [""]
    assert application.claims.checked == checked + 2
    assert driver.propose(application, [SECOND]) == [SECOND]
    assert driver.agrees(application, [SECOND])
    assert scene.accepted(driver.block(application, SECOND).tx_results[0].data)
    assert application.claims.checked == checked + 2
    application.close()


def test_who_sends_for_another_costs_one_look_at_a_signature(tmp_path: Path) -> None:
    """Signatures in the commands are looked at only in envelopes that a member sent."""
    application = driver.begin(tmp_path)
    driver.block(application, FIRST)
    forged = with_body(SECOND, number=9)
    checked = application.claims.checked
    assert driver.check(application, forged) == ["ENVELOPE_BAD_SIGNATURE"]
    assert application.claims.checked == checked + 1
    application.close()


def test_what_is_remembered_is_bounded_and_answers_as_the_kernel_does() -> None:
    asked: list[Claim] = []

    def verify(claims: list[Claim]) -> list[bool]:
        asked.extend(claims)
        return verify_in_turn(claims)

    remembered = CheckedClaims(verify, bound=2)
    claims = [Claim(bytes(32), "t", bytes([number]), bytes(64)) for number in range(3)]
    assert remembered([*claims, claims[0]]) == [False] * 4
    assert remembered(claims[1:]) == [False] * 2
    assert asked == claims
    assert remembered(claims[:1]) == [False]
    assert asked == [*claims, claims[0]]
    read = ReadLetters(envelope_hash, bound=len(FIRST) + len(SECOND))
    registry = scene.LEDGER.registry
    kept = [read(raw, registry) for raw in (FIRST, SECOND)]
    assert read(FIRST, registry) is kept[0]
    assert read(b"garbage", registry) is None
    assert read(FIRST, registry) is not kept[0]
    assert read(FIRST, registry) == kept[0]
    read.forget([envelope_hash(FIRST), envelope_hash(b"unknown")])
    assert read(FIRST, registry) == kept[0]
