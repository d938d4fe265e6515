"""Who is answered, how often, and what a question must show."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evaluator.scene import BILL, DECLARATION, HOUR_MS, INVOICE, ORDER, Scene, changed
from tests.modules.ledger import seed_of

from kouan.client import evaluating
from kouan.client.commitments import Subject, commit
from kouan.client.evaluating import FRESH_MS, LOOK_TAG, MAX_QUESTION_BYTES, QUESTION_TAG, EvaluationError
from kouan.evaluator.asked import NOBODY, Asked, read_log
from kouan.formats.paper_forms import fields_of
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.records import Charter
from kouan.kernel.state import StateReader
from kouan.kernel.suites import digest, sign


def altered(question: bytes, **change: Any) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(question), **change}, order="sorted")


def refused(scene: Scene, question: bytes, signature: bytes) -> str:
    with pytest.raises(EvaluationError) as caught:
        scene.service.evaluate(question, signature)
    return str(caught.value)


def signed(question: bytes, member: str = "bank-a", key: str = "main") -> tuple[bytes, bytes]:
    return question, sign(seed_of(member, key), QUESTION_TAG, question)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alliance": to_text(digest("another"))}, "alliance: is another one"),
        ({"member": "bank-z"}, "key: bank-z/main is no living key of a bank"),
        ({"member": "customs"}, "key: customs/main is no living key of a bank"),
        ({"key": "third"}, "key: bank-a/third is no living key of a bank"),
        ({"member": "bank-b"}, "signature: is not that of bank-b/main"),
        ({"key": "second"}, "signature: is not that of bank-a/second"),
        ({"time_ms": -1}, "question: Expected `int` >= 0"),
        ({"note": 1}, "question: Object contains unknown field `note`"),
        ({"kind": "credit-note"}, "question: Invalid enum value 'credit-note'"),
        ({"commitment": "short"}, "question: Expected `str` matching regex"),
    ],
)
def test_each_fault_of_a_question_is_named(scene: Scene, change: dict[str, Any], says: str) -> None:
    """And counted as nobody's: whoever sends it has shown no member's signature over it."""
    question, _ = scene.question("bank-a", INVOICE)
    assert says in refused(scene, *signed(altered(question, **change)))
    assert read_log(scene.path) == [Asked(scene.now - scene.now % HOUR_MS, NOBODY, 1, 1)]


def test_a_signature_over_other_bytes_does_not_hold(scene: Scene) -> None:
    """A question changed on its way, or one that asks something else, is not the bank's."""
    question, signature = scene.question("bank-a", INVOICE)
    assert "signature: is not that of" in refused(scene, altered(question, kind="order"), signature)
    assert "signature: is not that of" in refused(scene, question, b"")
    look, _ = evaluating.look(scene.asker("bank-a"), 0)
    with pytest.raises(EvaluationError, match="signature"):
        scene.service.likenesses(look, sign(seed_of("bank-a"), QUESTION_TAG, look))
    with pytest.raises(EvaluationError, match="signature"):
        scene.service.evaluate(question, sign(seed_of("bank-a"), LOOK_TAG, question))


def test_a_revoked_key_is_not_answered(scene: Scene) -> None:
    """What counts is the member's record on the ledger as it stands."""
    scene.ledger.accept("bank-a", {"type": "alliance.revoke-key/1", "key": "main"}, key="second")
    assert "no living key" in refused(scene, *scene.question("bank-a", INVOICE))


def test_an_alliance_older_than_the_bound_has_its_default(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its charter names no such parameter."""
    read = StateReader.read

    def of_old(self: StateReader, kind: type[Any], key: str) -> Any:
        return Charter({}, 0) if kind is Charter else read(self, kind, key)

    monkeypatch.setattr(StateReader, "read", of_old)
    assert scene.ask("bank-a", INVOICE).evaluation is not None


@pytest.mark.parametrize("late_ms", [FRESH_MS + 1, -FRESH_MS - 1])
def test_a_stale_question_is_refused(scene: Scene, late_ms: int) -> None:
    """Sent again ten minutes later it gets nothing, and is not counted as the bank's; within them it is the same."""
    question = scene.question("bank-a", INVOICE)
    answer = scene.service.evaluate(*question)
    assert scene.service.evaluate(*question) == answer
    scene.ledger.advance(late_ms)
    assert "time_ms: is more than 10 minutes" in refused(scene, *question)
    assert {(one.member, one.asked, one.refused) for one in read_log(scene.path)} == {
        ("bank-a", 2, 0),
        (NOBODY, 1, 1),
    }


def test_a_bank_asks_as_often_as_the_charter_allows(tmp_path: Path) -> None:
    """Then it is told when to ask again; another bank is not held up by it, nor by what others send in its name."""
    scene = Scene(tmp_path / "evaluator.db", **{"cases.evaluations_per_hour": 2})
    for _ in range(5):
        refused(scene, scene.question("bank-a", INVOICE)[0], bytes(64))
    scene.ask("bank-a", INVOICE)
    scene.look("bank-a")
    assert refused(scene, *scene.question("bank-a", ORDER)) == (
        "member: bank-a has asked 2 times this hour, as often as the charter allows; ask again at 2023-11-14T23:00:00Z"
    )
    scene.ask("bank-b", ORDER)
    scene.ledger.advance(HOUR_MS)
    scene.ask("bank-a", ORDER)
    hour = scene.now - scene.now % HOUR_MS
    assert read_log(scene.path) == [
        Asked(hour, "bank-a", 1, 0),
        Asked(hour - HOUR_MS, NOBODY, 5, 5),
        Asked(hour - HOUR_MS, "bank-a", 3, 1),
        Asked(hour - HOUR_MS, "bank-b", 1, 0),
    ]
    scene.stop()


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("order", fields_of(INVOICE), "kind: is order, but the fields are those of kouan/typed-invoice/1"),
        ("invoice", fields_of(INVOICE) | {"currency": "usd"}, "fields: currency is 'usd'; give an ISO 4217"),
        ("invoice", fields_of(INVOICE) | {"kind": "invoice"}, "fields: 'kind' is not a field of the form"),
        ("invoice", {}, "fields: format is missing"),
        ("transport", fields_of(BILL) | {"containers": 7}, "fields: containers is a number; give a list"),
        ("export", {}, "fields: owner_uscc is missing"),
        ("export", DECLARATION | {"bill_no": 7}, "fields: bill_no is no text"),
    ],
)
def test_fields_that_open_their_commitment_must_be_a_document(
    scene: Scene, kind: Any, fields: dict[str, Any], says: str
) -> None:
    """The error names the field; the question counts as the bank's."""
    commitment = commit(Subject.FINGERPRINTS, bytes(32), fields)
    question = evaluating.ask(scene.asker("bank-a"), kind, commitment, to_text(bytes(32)), fields)
    assert says in refused(scene, *question)
    assert [(one.member, one.asked, one.refused) for one in read_log(scene.path)] == [("bank-a", 1, 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"salt": to_text(b"s" * 32)},
        {"commitment": to_text(bytes(32))},
        {"fields": fields_of(changed(INVOICE, number="LN-8"))},
        {"fields": fields_of(INVOICE) | {"total_minor": 1.5}},
        {"fields": fields_of(INVOICE) | {"lines": json.loads("[" * 40 + "]" * 40)}},
        {"fields": fields_of(INVOICE) | {"number": "\x00"}},
    ],
)
def test_what_does_not_open_the_commitment_is_not_evaluated(scene: Scene, change: dict[str, Any]) -> None:
    """A bank gets fingerprints only of what it was shown and the ledger will hold it to."""
    question, _ = scene.question("bank-a", INVOICE)
    says = refused(scene, *signed(altered(question, **change)))
    assert says == "commitment: salt and fields do not open it; show what was committed to"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One evaluator for many hostile questions."""
    made = Scene(tmp_path_factory.mktemp("shared") / "evaluator.db", **{"cases.evaluations_per_hour": 1_000_000})
    yield made
    made.stop()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HOSTILE = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@HOSTILE
@given(question=st.binary(max_size=200), signature=st.binary(max_size=80))
def test_no_bytes_whatever_get_more_than_an_error(shared: Scene, question: bytes, signature: bytes) -> None:
    """Neither as a question nor as a look."""
    for ask in (shared.service.evaluate, shared.service.likenesses):
        with pytest.raises(EvaluationError):
            ask(question, signature)


@HOSTILE
@given(
    document=st.sampled_from([INVOICE, ORDER, BILL, DECLARATION]),
    field=st.sampled_from(["number", "date", "seller", "kind", "total_minor", "credited", "bill_no", "owner_uscc"]),
    value=VALUES,
)
def test_no_value_in_any_field_stops_the_evaluator(shared: Scene, document: Any, field: str, value: Any) -> None:
    """Signed by a bank, opening its commitment where that can be: the answer is an answer or an error."""
    fields = (document if isinstance(document, dict) else fields_of(document)) | {field: value}
    question, _ = shared.question("bank-a", document)
    try:
        commitment = commit(Subject.FINGERPRINTS, bytes(32), fields)
    except ValueError:
        commitment = to_text(bytes(32))
    try:
        data = altered(question, fields=fields, commitment=commitment)
    except (ValueError, OverflowError):  # no JSON can say that
        return
    with contextlib.suppress(EvaluationError):
        answer = shared.service.evaluate(*signed(data))
        assert answer.evaluation is None or len(from_text(answer.evaluation.signature)) == 64


@pytest.mark.parametrize("question", [b"[" * 100_000, b'{"fields":' * 10_000, b" " * (MAX_QUESTION_BYTES + 1)])
def test_deep_and_large_questions_are_refused(scene: Scene, question: bytes) -> None:
    """Before they cost anything."""
    assert refused(scene, question, bytes(64)).startswith("question: ")
