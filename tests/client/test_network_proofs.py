"""Proofs of a ledger that validators run: what the offline verifier calls proven, and why it refuses the rest.

The files are those of ``vectors/proof-network``; what they share with an operator's stands in test_verifier.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from tests.kernel.light_scene import CHAIN, TRUST
from tests.kernel.network_cases import HEIGHT, NOW_MS, SCENE, TRUSTS, Case, cases, checkpoint
from tests.kernel.proof_scene import HELD, UNTOUCHED

from kouan.client.failures import Failure
from kouan.client.names import Name
from kouan.client.papers import Asked, verification_receipt
from kouan.client.proofs import prove_quota, qr_text
from kouan.client.verifier import UnusableError, Verdict, verify_proof
from kouan.engines.port import Found, LoggedBlock, Proven, Status
from kouan.formats.paper import render
from kouan.kernel.encoding import decode, encode
from kouan.kernel.light import Reason
from kouan.kernel.proof import NetworkCheckpoint, NetworkProof, fingerprint, read_proof

CASES = {case.name: case for case in cases()}
PROVEN = [
    "available",
    "not-financed-unknown",
    "financed",
    "record",
    "recorded",
    "live",
    "live-last-moment",
    "clock-behind",
    "followed",
    "followed-live",
    "followed-long-after",
    "same-set-written-out",
    "one-absent",
    "one-for-no-block",
    "later-round",
    "skip",
    "skip-with-half-the-trusted",
]
COMMITS = {
    "commit-of-another-height": Failure.COMMIT_HEIGHT,
    "commit-for-another-block": Failure.COMMIT_BLOCK,
    "commit-too-short": Failure.COMMIT_SIZE,
    "commit-too-long": Failure.COMMIT_SIZE,
    "commit-duplicate-vote": Failure.DUPLICATE_VOTE,
    "commit-reordered": Failure.COMMIT_ORDER,
    "commit-by-a-stranger": Failure.COMMIT_ORDER,
    "commit-of-another-alliance": Failure.COMMIT_SIGNATURE,
    "commit-of-another-round": Failure.COMMIT_SIGNATURE,
    "commit-signature-empty": Failure.COMMIT_SIGNATURE,
    "commit-vote-for-none-turned": Failure.COMMIT_SIGNATURE,
    "commit-scalar-not-reduced": Failure.COMMIT_SIGNATURE,
    "commit-with-little-power": Failure.LITTLE_POWER,
    "commit-two-for-no-block": Failure.LITTLE_POWER,
}
NOT_PROVEN = {
    "wrong-alliance": (3, Failure.WRONG_ALLIANCE),
    "of-an-operator": (3, Failure.WRONG_ALLIANCE),
    "operator-of-a-network": (3, Failure.WRONG_ALLIANCE),
    "wrong-chain": (4, Failure.WRONG_CHAIN),
    "step-twice": (4, Failure.HEIGHT_BEFORE),
    "steps-reordered": (4, Failure.WRONG_SET),
    "step-time-falls": (4, Failure.TIME_BEFORE),
    "step-from-the-future": (4, Failure.HEADER_FROM_THE_FUTURE),
    "step-left-out": (4, Failure.WRONG_SET),
    "forged-set": (4, Failure.WRONG_SET),
    "forged-next-set": (4, Failure.WRONG_NEXT_SET),
    "set-reordered": (4, Failure.SET_ORDER),
    "set-names-one-twice": (4, Failure.SET_ORDER),
    "skip-archival": (4, Failure.SKIP_ARCHIVAL),
    "skip-expired": (4, Failure.TRUST_EXPIRED),
    "skip-by-too-few": (4, Failure.LITTLE_TRUSTED_POWER),
    "skip-with-little-power": (4, Failure.LITTLE_POWER),
    "skip-to-strangers": (4, Failure.LITTLE_TRUSTED_POWER),
    "skip-at-once": (4, Failure.WRONG_SET),
    **{f"step-{name}": (4, failure) for name, failure in COMMITS.items()},
    **{f"header-{name}": (5, failure) for name, failure in COMMITS.items()},
    "header-of-a-forged-set": (5, Failure.WRONG_SET),
    "header-of-a-former-set": (5, Failure.WRONG_SET),
    "header-before-the-set": (5, Failure.HEIGHT_BEFORE),
    "header-of-another-chain": (5, Failure.WRONG_CHAIN),
    "header-from-the-future": (5, Failure.HEADER_FROM_THE_FUTURE),
    "previous-forged": (5, Failure.PREVIOUS_HEADER),
    "previous-is-another": (5, Failure.PREVIOUS_HEADER),
    "state-root-forged": (5, Failure.OTHER_ROOTS),
    "receipts-root-forged": (5, Failure.OTHER_ROOTS),
    "roots-swapped": (5, Failure.OTHER_ROOTS),
    "app-hash-of-another": (5, Failure.OTHER_ROOTS),
    "app-hash-cut-off": (5, Failure.OTHER_ROOTS),
    "leaf-of-another": (7, Failure.LEAF_KEY),
    "drawn": (8, Failure.DRAWN),
    "too-old": (9, Failure.TOO_OLD),
}


def verdict_of(case: Case) -> Verdict:
    return verify_proof(case.proof, TRUSTS[case.trust], now_ms=case.now_ms)


def test_the_lists_name_every_case_and_every_failure_of_a_header() -> None:
    """No case without its answer here, and each reason for which a header is refused is shown by one."""
    unusable = {name for name in CASES if name.startswith("unusable-")}
    assert {*PROVEN, *NOT_PROVEN, *unusable} == CASES.keys()
    of_headers = {Failure[reason.name] for reason in Reason} | {Failure.PREVIOUS_HEADER, Failure.OTHER_ROOTS}
    assert of_headers <= {failure for _, failure in NOT_PROVEN.values()}


@pytest.mark.parametrize("name", PROVEN)
def test_proven(name: str) -> None:
    """The verdict cites the file, the block before the header that vouches, and the mode."""
    case = CASES[name]
    verdict, shown = verdict_of(case), read_proof(case.proof).checkpoint
    assert verdict.proven
    assert (verdict.height, verdict.time_ms, verdict.fingerprint) == (
        shown.height,
        shown.time_ms,
        fingerprint(case.proof),
    )
    assert verdict.height == {"followed-long-after": 1_440_000, "recorded": 31}.get(name, HEIGHT)
    mode = "archival" if case.now_ms is None else "live"
    assert f"on this ledger at height {verdict.height} (" in verdict.en
    assert (verdict.mode, f"Mode: {mode}" in verdict.en) == (mode, True)


@pytest.mark.parametrize(("name", "answer"), NOT_PROVEN.items())
def test_not_proven(name: str, answer: tuple[int, Failure]) -> None:
    """The verdict names the step and the reason, and claims nothing of the checkpoint."""
    verdict = verdict_of(CASES[name])
    step, failure = answer
    assert (verdict.proven, verdict.failed_step, verdict.failure) == (False, step, failure.code)
    assert (verdict.height, verdict.time_ms) == (None, None)
    assert f"step {step} failed: {failure.value[1]}" in verdict.en
    assert f"第 {step} 步未通过:{failure.value[2]}" in verdict.zh


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("unusable-")])
def test_unusable(name: str) -> None:
    """Files that are not what they should be: no verdict."""
    with pytest.raises(UnusableError):
        verdict_of(CASES[name])


def test_the_error_says_what_is_wrong_with_the_file() -> None:
    """Damaged is damaged, whichever the format; and a trust file is no proof."""
    for raw, said in (
        (CASES["unusable-nanos"].proof, r"is damaged: .*nanos.*a network's proof"),
        (CASES["record"].proof[:-1], "is not whole JSON"),
        (TRUST, "is a network's trust file"),
    ):
        with pytest.raises(UnusableError, match=said):
            verify_proof(raw, TRUST, now_ms=None)


def is_proven(raw: bytes, now_ms: int | None) -> bool:
    try:
        return verify_proof(raw, TRUST, now_ms=now_ms).proven
    except UnusableError:
        return False


@given(st.sampled_from(["skip", "one-for-no-block", "followed"]), st.data())
@settings(max_examples=150, deadline=None)
def test_no_changed_byte_leaves_anything_proven(name: str, data: st.DataObject) -> None:
    """In steps, sets, headers, commits, roots and leaves alike: there is no byte at which nobody looks."""
    raw = CASES[name].proof
    place, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    changed = raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
    assert not is_proven(changed, CASES[name].now_ms)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_value_put_elsewhere_leaves_anything_proven(data: st.DataObject) -> None:
    """A field with what another one says: never proven, never a crash. A vote can be left out, if enough remain."""
    proof = decode(CASES["followed"].proof)
    places = list(leaves_of(proof["checkpoint"]))
    holder, name = data.draw(st.sampled_from(places))
    other_holder, other = data.draw(st.sampled_from(places))
    before = holder[name]
    holder[name] = data.draw(st.sampled_from([other_holder[other], None, [], {}, -1, "", 2**53 - 1]))
    same = holder[name] == before and type(holder[name]) is type(before)
    is_vote_left_out = isinstance(before, dict) and "for_block" in before and holder[name] is None
    assert is_vote_left_out or is_proven(encode(proof), None) == same


def leaves_of(value: Any) -> Iterator[tuple[Any, Any]]:
    for name, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(part, dict | list):
            yield from leaves_of(part)


def test_steps_that_change_nothing_do_no_harm() -> None:
    """Shown, followed, and the answer is the same."""
    plain = decode(CASES["followed"].proof)
    steps = plain["checkpoint"]["steps"]
    plain["checkpoint"]["steps"] = [steps[0] | {"validators": decode(encode(steps[0]["next"]))[::-1]}, steps[1]]
    assert not is_proven(encode(plain), None)
    assert verdict_of(CASES["same-set-written-out"]).proven


class Nodes:
    """A network's engine as far as proofs go."""

    def prove(self, keys: Sequence[str], height: int | None = None) -> Proven:
        return Proven(checkpoint(), [], [SCENE.leaf(key) for key in keys])

    def submit(self, envelopes: Sequence[bytes]) -> list[bytes]:
        raise NotImplementedError

    def query(self, keys: Sequence[str]) -> Found:
        raise NotImplementedError

    def blocks(self, from_height: int = 1) -> Iterator[LoggedBlock]:
        raise NotImplementedError

    def status(self) -> Status:
        raise NotImplementedError


def test_making_a_proof_works_on_a_network_as_on_an_operators_ledger() -> None:
    """File, code and receipt: only the format differs."""
    made = prove_quota(Nodes(), TRUST, HELD.id, "available")
    proof = read_proof(made.proof)
    assert isinstance(proof, NetworkProof)
    assert isinstance(proof.checkpoint, NetworkCheckpoint)
    assert made.verdict.proven
    code = qr_text(made.proof, made.verdict)
    assert code == f"KOUAN1:{CHAIN[:8]}:{HEIGHT}:available:{HELD.id}:{made.verdict.fingerprint}"
    paper = render(verification_receipt(made.proof, made.verdict, Asked(Name("Bank", "银行"), None, None), NOW_MS))
    text = "".join(
        "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages).replace("\0", "").split()
    )
    assert code in text
    assert not prove_quota(Nodes(), TRUST, HELD.id, "not-financed").verdict.proven
    assert prove_quota(Nodes(), TRUST, UNTOUCHED.id, "not-financed").verdict.proven
