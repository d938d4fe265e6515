"""Answering questions: who asks, may it ask now, does what it shows open the commitment, what does it carry."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

import msgspec

from kouan.client.commitments import Subject, is_opening
from kouan.client.evaluating import (
    FRESH_MS,
    LOOK_TAG,
    MAX_QUESTION_BYTES,
    QUESTION_TAG,
    Answer,
    EvaluationError,
    Likeness,
    Look,
    Question,
)
from kouan.evaluator import alike
from kouan.evaluator.alike import Keyed, Showing
from kouan.evaluator.asked import NOBODY, note
from kouan.evaluator.documents import Shown, shown_in
from kouan.evaluator.memory import HOUR_MS, Memory
from kouan.evaluator.prf import Prf
from kouan.formats.fingerprints import scheme_of
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.records import Charter, Member
from kouan.kernel.registry import CHARTER_KEY, parameter_of
from kouan.kernel.state import Reader
from kouan.kernel.suites import SUITE, sign, verify
from kouan.modules.cases.commands.recording import MAX_FINGERPRINTS, Evaluation
from kouan.modules.cases.rules import (
    BANK,
    EVALUATIONS_PER_HOUR,
    PAPERS,
    PARAMETERS,
    STATEMENT_TAG,
    Carried,
    statement_message,
)

T = TypeVar("T", Question, Look)
_TAGS: Final = {Question: QUESTION_TAG, Look: LOOK_TAG}


class Identity(NamedTuple):
    """As whom the evaluator signs."""

    alliance: str
    member: str
    key: str
    """The name of its key."""
    seed: bytes
    """The key's signing seed, 32 bytes."""


class Service:
    """The evaluator itself; see `kouan.client.evaluating.Evaluator`."""

    def __init__(self, identity: Identity, prf: Prf, memory: Memory, reader: Reader, now_ms: Callable[[], int]) -> None:
        """``reader`` reads the ledger's members and charter."""
        self._identity = identity
        self._prf = prf
        self._memory = memory
        self._reader = reader
        self._now_ms = now_ms

    def evaluate(self, question: bytes, signature: bytes) -> Answer:
        """Say what a document carries and what it is like; raises EvaluationError."""
        with _own_file():
            asked = self._admitted(Question, question, signature)
            with self._refusals_of(asked.member):
                if not is_opening(asked.commitment, Subject.FINGERPRINTS, from_text(asked.salt), asked.fields):
                    raise EvaluationError("commitment: salt and fields do not open it; show what was committed to")
                shown = shown_in(asked)
                with self._memory.together():
                    return self._answer(asked, shown)

    def likenesses(self, look: bytes, signature: bytes) -> list[Likeness]:
        """Return what was found alike to the asking bank's documents; raises EvaluationError."""
        with _own_file():
            asked = self._admitted(Look, look, signature)
            return alike.told_to(self._memory.db, asked.member, asked.since_ms)

    def _answer(self, asked: Question, shown: Shown) -> Answer:
        now_ms = self._now_ms()
        own = self._own(shown, asked.member, now_ms)
        document = from_text(asked.commitment) if own is None else own
        is_known_by_number = own is not None or shown.kind not in PAPERS
        named = self._named(shown, asked.member, now_ms) if is_known_by_number else []
        carried = sorted({*named, (shown.kind, document)} if own else set(named))
        fingerprints = [(kind, value) for kind, value in carried if kind in PAPERS]
        if len(fingerprints) > MAX_FINGERPRINTS:
            raise EvaluationError(f"fields: names {len(fingerprints)} papers; an evaluation has at most 16")
        name = self._prf.of(("document", asked.member.encode() + b"\n" + document))
        showing = Showing(
            carried=carried,
            document=document,
            features=[(text[0], self._prf.of(text)) for text in shown.soft],
            kind=shown.kind,
            member=asked.member,
            name=name,
            shown_ms=now_ms,
        )
        evaluation = self._evaluation(asked, fingerprints) if fingerprints else None
        return Answer(to_text(name), evaluation, alike.enter(self._memory.db, showing))

    def _own(self, shown: Shown, member: str, now_ms: int) -> bytes | None:
        """Return the fingerprint by which a document goes; None for one without a number of its own.

        The numbers of other registers lead to the preferred one. Two of one register do not: no party has two, so a
        paper with both may be one that somebody made to bring two strangers' papers together.
        """
        if not shown.own:
            return None
        preferred, *others = shown.own
        aliases = [self._prf.of(one) for one in others if scheme_of(one) != scheme_of(preferred)]
        return self._memory.one_of(self._prf.of(preferred), aliases, member, now_ms)

    def _named(self, shown: Shown, member: str, now_ms: int) -> list[Keyed]:
        return [(text[0], self._memory.named(self._prf.of(text), member, now_ms)) for text in shown.named]

    def _evaluation(self, asked: Question, keyed: list[Keyed]) -> Evaluation:
        named = sorted((kind, to_text(value)) for kind, value in keyed)
        fingerprints = [Carried(fingerprint, kind) for kind, fingerprint in named]  # type: ignore[arg-type]  # of PAPERS
        message = statement_message(self._identity.alliance, asked.commitment, fingerprints, asked.member)
        signature = to_text(sign(self._identity.seed, STATEMENT_TAG, message))
        return Evaluation(self._identity.member, fingerprints, self._identity.key, signature)

    def _admitted(self, kind: type[T], message: bytes, signature: bytes) -> T:
        """Return a question once it is a bank's, fresh, and within what the bank may ask in an hour."""
        with self._refusals_of(NOBODY, asked=1):
            asked = self._signed(kind, message, signature)
        charter = self._reader.read(Charter, CHARTER_KEY)
        if charter is None:
            raise AssertionError("the ledger has no charter")
        most = parameter_of(charter, EVALUATIONS_PER_HOUR, PARAMETERS)
        with self._refusals_of(asked.member):
            now_ms = self._now_ms()
            if note(self._memory.db, asked.member, now_ms, asked=1, refused=0) > most:
                next_hour = datetime.fromtimestamp((now_ms // HOUR_MS + 1) * HOUR_MS // 1000, UTC)
                raise EvaluationError(
                    f"member: {asked.member} has asked {most} times this hour, as often as the charter allows; "
                    f"ask again at {next_hour.isoformat().replace('+00:00', 'Z')}"
                )
        return asked

    def _signed(self, kind: type[T], message: bytes, signature: bytes) -> T:
        if len(message) > MAX_QUESTION_BYTES:
            raise EvaluationError(f"question: {len(message)} bytes; give at most {MAX_QUESTION_BYTES}")
        try:
            asked = msgspec.json.decode(message, type=kind)
        except (RecursionError, ValueError) as problem:  # msgspec's errors are ValueErrors
            raise EvaluationError(f"question: {problem}") from None
        if asked.alliance != self._identity.alliance:
            raise EvaluationError("alliance: is another one than this evaluator's")
        member = self._reader.read(Member, f"member/{asked.member}")
        key = member.keys.get(asked.key) if member and BANK & set(member.roles) else None
        if key is None or key.revoked_ms or key.suite != SUITE:
            raise EvaluationError(f"key: {asked.member}/{asked.key} is no living key of a bank on this ledger")
        if not verify(from_text(key.public), _TAGS[kind], message, signature):
            raise EvaluationError(f"signature: is not that of {asked.member}/{asked.key} over the question")
        if abs(asked.time_ms - self._now_ms()) > FRESH_MS:
            raise EvaluationError("time_ms: is more than 10 minutes from the evaluator's clock; ask anew")
        return asked

    @contextmanager
    def _refusals_of(self, member: str, *, asked: int = 0) -> Iterator[None]:
        try:
            yield
        except EvaluationError:
            note(self._memory.db, member, self._now_ms(), asked=asked, refused=1)
            raise


@contextmanager
def _own_file() -> Iterator[None]:
    """Say what to do when the evaluator's file cannot be read or written now: another process holds it, or no room."""
    try:
        yield
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a statement that is wrong: nothing that passes
            raise
        raise EvaluationError(
            f"evaluator: its file cannot be used now ({problem}); ask again in a minute, and end a second evaluator "
            "or a backup that holds it"
        ) from None
