"""The offline verifier: what it calls proven, which step fails otherwise, and that nothing forged gets through.

The cases of ``vectors/proof`` (`tests/kernel/proof_cases.py`) are listed here with the answers they must have.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.kernel.proof_cases import LAST_MOMENT_MS, TRUSTS, proofs
from tests.kernel.proof_scene import (
    FOUNDING,
    HEIGHT,
    HELD,
    TIME_MS,
    TRUST,
    TRUST_PERIOD_MS,
    UNKNOWN,
    UNTOUCHED,
    USED,
    Scene,
    quota,
)

from kouan.client.failures import Failure
from kouan.client.verifier import MAX_BYTES, UnusableError, Verdict, verify_proof
from kouan.kernel.encoding import MAX_INTEGER, decode, encode
from kouan.kernel.light import Reason
from kouan.kernel.proof import AvailableStatement, RecordStatement, fingerprint

PROVEN = [
    "available",
    "available-beside-a-hold",
    "available-custodial",
    "available-suspended",
    "available-overdrawn",
    "not-financed-unknown",
    "not-financed-untouched",
    "not-financed-lapsed",
    "not-financed-returned",
    "not-financed-custodial",
    "financed",
    "financed-settled",
    "financed-partly",
    "financed-partly-repaid",
    "financed-rest-held",
    "financed-rest-lapsed",
    "financed-large",
    "record",
    "record-absent",
    "handovers",
    "handover-incarnation",
    "live",
    "live-clock-behind",
]
NOT_PROVEN = {
    "available-other-amount": Failure.OTHER_AMOUNT,
    "available-no-quota": Failure.NO_QUOTA,
    "not-financed-held": Failure.DRAWN,
    "not-financed-used": Failure.DRAWN,
    "financed-not-paid-out": Failure.NOT_PAID_OUT,
    "financed-no-loan": Failure.NO_LOAN,
    "financed-quota-missing": Failure.LEAF_KEY,
    "financed-other-quota": Failure.LEAF_KEY,
    "financed-no-quota": Failure.NO_QUOTA,
    "financed-of-another": Failure.RECORD_SHAPE,
    "financed-repaid-too-much": Failure.RECORD_SHAPE,
    "handover-missing": Failure.HANDOVER_ORDER,
    "handover-reordered": Failure.HANDOVER_ORDER,
    "handover-by-another": Failure.HANDOVER_SIGNATURE,
    "handover-other-alliance": Failure.HANDOVER_ORDER,
    "handover-incarnation-falls": Failure.HANDOVER_ORDER,
    "handover-height-falls": Failure.HANDOVER_ORDER,
    "handover-not-yet": Failure.HANDOVER_ORDER,
    "operator-former": Failure.WRONG_OPERATOR,
    "operator-stranger": Failure.WRONG_OPERATOR,
    "operator-incarnation": Failure.WRONG_OPERATOR,
    "forged-absence": Failure.LEAF_PATH,
    "forged-other-leaf": Failure.LEAF_PATH,
    "forged-record": Failure.LEAF_PATH,
    "forged-key": Failure.LEAF_KEY,
    "forged-renamed-key": Failure.LEAF_PATH,
    "forged-more-leaves": Failure.LEAF_KEY,
    "forged-state-root": Failure.CHECKPOINT_SIGNATURE,
    "record-shape": Failure.RECORD_SHAPE,
    "record-of-another": Failure.RECORD_SHAPE,
    "wrong-alliance": Failure.WRONG_ALLIANCE,
    "live-too-old": Failure.TOO_OLD,
    "live-from-the-future": Failure.FROM_THE_FUTURE,
}
CASES = {name: (raw, TRUSTS[trust], now_ms) for name, raw, trust, now_ms in proofs()}


def verdict_of(name: str) -> Verdict:
    raw, trust, now_ms = CASES[name]
    return verify_proof(raw, trust, now_ms=now_ms)


def test_the_lists_name_every_case_and_every_failure() -> None:
    """No case without its answer here, and each reason that the verifier can give is shown by one."""
    unusable = {name for name in CASES if name.startswith("unusable-")}
    assert {*PROVEN, *NOT_PROVEN, *unusable} == CASES.keys()
    of_networks = {Failure[reason.name] for reason in Reason} | {Failure.PREVIOUS_HEADER, Failure.OTHER_ROOTS}
    assert set(NOT_PROVEN.values()) == set(Failure) - of_networks


@pytest.mark.parametrize("name", PROVEN)
def test_proven(name: str) -> None:
    """The statement follows; the verdict cites the file, the height and the mode, in both languages."""
    raw, _, now_ms = CASES[name]
    verdict = verdict_of(name)
    assert verdict.proven
    assert (verdict.failed_step, verdict.failure) == (None, None)
    assert (verdict.height, verdict.time_ms, verdict.fingerprint) == (HEIGHT, TIME_MS, fingerprint(raw))
    assert verdict.mode == ("archival" if now_ms is None else "live")
    assert f"on this ledger at height {HEIGHT} (2026-11-04 08:00:00 UTC)" in verdict.en
    assert f"在本账本高度 {HEIGHT}(UTC 2026-11-04 08:00:00)" in verdict.zh
    assert f"Mode: {verdict.mode}" in verdict.en
    assert f"核验方式:{'存档' if now_ms is None else '实时'}" in verdict.zh


@pytest.mark.parametrize(("name", "failure"), NOT_PROVEN.items())
def test_not_proven(name: str, failure: Failure) -> None:
    """The verdict names the step and the reason, claims nothing of the checkpoint and says that this is no disproof."""
    verdict = verdict_of(name)
    assert not verdict.proven
    assert (verdict.failed_step, verdict.failure) == (failure.step, failure.code)
    assert (verdict.height, verdict.time_ms, verdict.custodial) == (None, None, False)
    assert f"step {failure.step}" in verdict.en
    assert "does not prove the contrary" in verdict.en
    assert f"第 {failure.step} 步" in verdict.zh


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("unusable-")])
def test_unusable(name: str) -> None:
    """A file that is no proof is an error and no verdict."""
    with pytest.raises(UnusableError, match="proof: "):
        verdict_of(name)


def test_absence_is_said_of_this_ledger_and_this_height_and_nothing_wider() -> None:
    """The sentence will be quoted in court."""
    verdict = verdict_of("not-financed-unknown")
    assert verdict.en == (
        f"Proven: {UNKNOWN} is not financed on this ledger at height 42 (2026-11-04 08:00:00 UTC); it has no record "
        "there. Mode: archival, it says nothing about later heights."
    )
    assert verdict.zh == (
        f"已证明:在本账本高度 42(UTC 2026-11-04 08:00:00),{UNKNOWN} 未被融资;账本上没有它的记录。"
        "核验方式:存档,对此后的高度不作说明。"
    )


@pytest.mark.parametrize(
    ("name", "en", "zh"),
    [
        ("available", "USD 80,000.00 of", "的可融资余额为 USD 80,000.00"),
        ("available-custodial", "JPY 8,000,000 of", "的可付款余额为 JPY 8,000,000"),
        ("available-suspended", "BHD 0.000 of", "的可融资余额为 BHD 0.000"),
        ("not-financed-returned", "it was financed before (drawdowns: 2)", "此前曾放款 2 次"),
        (
            "financed",
            (
                "over USD 40,000.00 (paid out USD 20,000.00 of USD 20,000.00 agreed, outstanding USD 20,000.00; "
                "paid out JPY 2,000,000 of JPY 2,000,000 agreed, outstanding JPY 2,000,000) is not settled on this"
            ),
            (
                "(金额 USD 40,000.00;约定 USD 20,000.00,已放款 USD 20,000.00,未还 USD 20,000.00;"
                "约定 JPY 2,000,000,已放款 JPY 2,000,000,未还 JPY 2,000,000)尚未结清"
            ),
        ),
        ("financed-settled", "outstanding USD 0.00) is settled", "未还 USD 0.00)已结清"),
        (
            "financed-partly",
            "(paid out USD 0.01 of USD 20,000.00 agreed, outstanding USD 0.01) is not settled",
            "约定 USD 20,000.00,已放款 USD 0.01,未还 USD 0.01)尚未结清",
        ),
        ("financed-partly-repaid", "outstanding USD 15,000.00) is not settled", "未还 USD 15,000.00)尚未结清"),
        ("financed-rest-held", "outstanding USD 0.00) is not settled", "未还 USD 0.00)尚未结清"),
        ("financed-rest-lapsed", "outstanding USD 0.00) is settled", "未还 USD 0.00)已结清"),
        ("financed-large", "paid out USD 180,143,985,094,819.82 of", "已放款 USD 180,143,985,094,819.82"),
        ("record", "the record in this proof stands at member/filler-1", "member/filler-1 处的记录即本证明所载记录"),
        ("record-absent", "there is no record at member/nobody", "member/nobody 处没有记录"),
    ],
)
def test_sentences(name: str, en: str, zh: str) -> None:
    """Amounts are written with their currency; a quota is called by what it limits."""
    verdict = verdict_of(name)
    assert en in verdict.en
    assert zh in verdict.zh


def test_a_unit_that_is_no_currency_is_shown_in_its_minor_units() -> None:
    """Nothing is guessed about its decimals, and a kind that is not known has a plain name."""
    pieces = quota("pieces", unit="PIECES", kind="exhibit", limit=1_500)
    scene = Scene(more={f"quota/{pieces.id}": pieces})
    verdict = verify_proof(encode(scene.available(pieces, 1_500)), TRUST, now_ms=None)
    assert "1,500 PIECES (minor units) of" in verdict.en
    assert "可用余额为 1,500 PIECES" in verdict.zh


@pytest.mark.parametrize("name", PROVEN)
def test_custodial_is_said(name: str) -> None:
    """Whenever a quota concerned has a draw key kept by a member, and only then."""
    verdict = verdict_of(name)
    assert verdict.custodial == (name in {"available-custodial", "not-financed-custodial", "financed"})
    assert verdict.custodial == ("Custodial" in verdict.en) == ("代管" in verdict.zh)


def test_a_stale_checkpoint_is_refused_live_and_accepted_archival() -> None:
    """The same file, in both modes."""
    raw = CASES["available"][0]
    late = TIME_MS + TRUST_PERIOD_MS
    assert verify_proof(raw, TRUST, now_ms=late).failure == "too-old"
    assert verify_proof(raw, TRUST, now_ms=late - 1).proven
    assert verify_proof(raw, TRUST, now_ms=None).proven


def test_a_checkpoint_at_the_end_of_the_calendar_is_told_with_its_time() -> None:
    """The last moment that a proof may name; one later is no proof (`unusable-beyond-the-year-9999`)."""
    scene = Scene()
    last = scene.prove(RecordStatement("operator"), checkpoint=scene.checkpoint(time_ms=LAST_MOMENT_MS))
    verdict = verify_proof(encode(last), TRUST, now_ms=None)
    assert verdict.proven
    assert "(9999-12-31 23:59:59 UTC)" in verdict.en


def test_an_amount_beyond_all_numbers_is_refused_and_the_largest_is_not() -> None:
    """The largest integers of the encoding are added up without losing a digit."""
    large = quota("large", limit=MAX_INTEGER)
    scene = Scene(more={f"quota/{large.id}": large})
    assert verify_proof(encode(scene.available(large, MAX_INTEGER)), TRUST, now_ms=None).proven
    assert not verify_proof(encode(scene.available(large, MAX_INTEGER - 1)), TRUST, now_ms=None).proven


@pytest.mark.parametrize("name", ["available-beside-a-hold", "not-financed-unknown", "handover-incarnation"])
def test_no_flipped_bit_leaves_anything_proven(name: str) -> None:
    """Every bit of the file counts."""
    raw = CASES[name][0]
    assert verify_proof(raw, TRUST, now_ms=None).proven
    for bit in range(len(raw) * 8):
        mutated = bytearray(raw)
        mutated[bit >> 3] ^= 1 << (bit & 7)
        assert not is_proven(bytes(mutated)), bit


def test_no_beginning_of_a_proof_is_a_proof() -> None:
    """Cut off anywhere it is unusable."""
    raw = CASES["available"][0]
    for length in range(len(raw)):
        with pytest.raises(UnusableError):
            verify_proof(raw[:length], TRUST, now_ms=None)


def is_proven(raw: bytes) -> bool:
    try:
        return verify_proof(raw, TRUST, now_ms=None).proven
    except UnusableError:
        return False


def test_no_statement_can_be_put_in_the_place_of_another() -> None:
    """Leaves of every proven case under the statements of all the others: only equal statements are proven."""
    good = {name: decode(CASES[name][0]) for name in PROVEN}
    for name, proof in good.items():
        for other in good.values():
            mixed = proof | {"statement": other["statement"]}
            # What suits another checkpoint or says less about the same leaf is true all the same.
            implied = {leaf["key"] for leaf in mixed["leaves"]} == keys_of(other["statement"], other)
            assert is_proven(encode(mixed)) <= implied, (name, other["statement"])


def keys_of(statement: dict[str, Any], proof: dict[str, Any]) -> set[str]:
    if statement["kind"] == "record":
        return {statement["key"]}
    if statement["kind"] == "financed":
        return {leaf["key"] for leaf in proof["leaves"]}
    return {f"quota/{statement['quota']}"}


EDITS: list[tuple[list[str | int], Any]] = [
    (["checkpoint", "height"], -1),
    (["checkpoint", "height"], MAX_INTEGER + 1),
    (["checkpoint", "height"], "42"),
    (["checkpoint", "height"], True),
    (["checkpoint", "time_ms"], 253_402_300_800_000),
    (["checkpoint", "operator"], "x"),
    (["checkpoint", "note"], 1),
    (["leaves", 0, "siblings"], [""] * 257),
    (["leaves", 0, "siblings", 0], "A" * 44),
    (["leaves", 0, "siblings", 0], "AwAA" + "A" * 40),
    (["leaves", 0, "siblings", 0], None),
    (["leaves", 0, "key"], ""),
    (["leaves", 0, "key"], "x" * 129),
    (["leaves", 0, "value"], []),
    (["leaves", 0, "value"], {"deep": {}}),
    (["leaves", 0, "other"], {}),
    (["leaves", 0, "note"], 1),
    (["leaves"], None),
    (["handovers"], {}),
    (["handovers"], [1]),
    (["statement", "kind"], "solvent"),
    (["statement", "kind"], "__proto__"),
    (["statement", "kind"], None),
    (["statement", "kind"], ["available"]),
    (["statement", "amount"], -1),
    (["statement", "quota"], "x"),
    (["statement", "note"], 1),
    (["statement"], "available"),
    (["format"], 1),
]


@pytest.mark.parametrize(("path", "value"), EDITS, ids=lambda drawn: str(drawn)[:40])
def test_fields_out_of_bounds_are_not_proven(path: list[str | int], value: Any) -> None:
    """Wrong types, unknown fields and numbers out of bounds: never proven, never a crash."""
    proof = decode(CASES["available"][0])
    edit(proof, path, nested(20) if value == {"deep": {}} else value)
    assert not is_proven(encode(proof))


def edit(proof: Any, path: list[str | int], value: Any) -> None:
    for step in path[:-1]:
        proof = proof[step]
    proof[path[-1]] = value


def nested(depth: int) -> dict[str, Any]:
    return {"deep": nested(depth - 1)} if depth else {}


def test_white_space_around_a_file_does_not_matter() -> None:
    """An editor may have added a line's end; the fingerprint stays that of the canonical bytes."""
    raw = CASES["available"][0]
    verdict = verify_proof(b"\n " + raw + b"\r\n", TRUST + b"\n", now_ms=None)
    assert verdict == verify_proof(raw, TRUST, now_ms=None)


def test_files_beyond_the_size_limit_are_not_read() -> None:
    """Neither proof nor trust file."""
    raw = CASES["available"][0]
    large = b" " * (MAX_BYTES + 1)
    for proof, trust, name in ((raw, large, "trust file"), (large, TRUST, "proof")):
        with pytest.raises(UnusableError, match=f"{name}: it has 524289 bytes"):
            verify_proof(proof, trust, now_ms=None)


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (b"", "trust file"),
        (b"{}", "trust file"),
        (CASES["available"][0], "trust file"),
        (TRUST.replace(b"kouan/trust/1", b"kouan/trust/2"), "trust file"),
        (TRUST.replace(b'"suite":"ed25519-sha256"}}', b'"suite":"sm2-sm3-sm4"}}'), "suite"),
        (TRUST.replace(b"trust_period_ms", b"another_number"), "trust_period_ms"),
        (TRUST.replace(str(TRUST_PERIOD_MS).encode(), b"0"), "trust_period_ms"),
    ],
)
def test_a_trust_file_that_is_none_is_an_error(trust: bytes, reason: str) -> None:
    """The text names the file and what is wrong with it."""
    assert trust != TRUST
    with pytest.raises(UnusableError, match=reason):
        verify_proof(CASES["available"][0], trust, now_ms=None)


def test_a_proof_at_a_million_quotas_is_short() -> None:
    """Twenty to twenty-two siblings at that size, instead of the few here: at most 2.5 KB."""
    scene = Scene()
    for proof in (scene.available(UNTOUCHED, 8_000_000), scene.not_financed(UNKNOWN)):
        siblings = len(proof.leaves[0].siblings)
        assert len(encode(proof)) + (22 - siblings) * len('"",' + "x" * 44) <= 2_500


def test_the_scene_is_what_the_cases_say() -> None:
    """The amounts in the cases are the quotas' own, so that a right answer is right for the right reason."""
    assert FOUNDING.charter["trust_period_ms"] == TRUST_PERIOD_MS
    assert [hold.lapse_ms > TIME_MS for hold in HELD.holds] == [False, True]
    assert USED.used > 0
    wrong = Scene().prove(AvailableStatement(7_999_999, UNTOUCHED.id))
    assert not is_proven(encode(wrong))
