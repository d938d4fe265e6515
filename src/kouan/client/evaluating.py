"""What a bank asks the evaluator 比对方, and what it is answered: the narrow interface between them.

The evaluator is shown what a document commits to, and says which exact fingerprints it carries and what else looks
like it. docs/reference/evaluator.md tells what it keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from kouan.client.commitments import canonical_fields
from kouan.kernel.encoding import Bytes32, Code, Moment
from kouan.kernel.suites import sign
from kouan.modules.cases.commands.recording import Evaluation

QUESTION_TAG: Final = "kouan/evaluation/1"
LOOK_TAG: Final = "kouan/likenesses/1"
FRESH_MS: Final = 10 * 60 * 1000
"""How far the clocks of who asks and who answers may lie apart."""
MAX_QUESTION_BYTES: Final = 2 * 2**20

DocumentKind = Literal["contract", "export", "invoice", "order", "transport"]
"""An export declaration, or a paper; a credit note is asked about as an invoice."""


class EvaluationError(ValueError):
    """The evaluator does not answer; the text names the field, or says when to ask again."""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What does this document carry, and what is it like? Signed by who asks, under ``kouan/evaluation/1``."""

    alliance: Bytes32
    commitment: Bytes32
    """The document's commitment to its fingerprints, which ``salt`` and ``fields`` open."""
    fields: dict[str, Any]
    """Of a declaration `kouan.client.filings.fingerprints_of`; of a paper `kouan.formats.paper_forms.fields_of`."""
    key: Code
    """The name of the key that signs."""
    kind: DocumentKind
    member: Code
    """Who asks."""
    salt: Bytes32
    time_ms: Moment


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which likenesses concern my documents, found since a time? Signed under ``kouan/likenesses/1``."""

    alliance: Bytes32
    key: Code
    member: Code
    since_ms: Moment
    time_ms: Moment


class Likeness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two documents look alike: to be reviewed by a person, at both banks. It says nothing of the other's customer."""

    kinds: Annotated[list[str], Meta(min_length=1)]
    """What they share, sorted: the soft kinds of docs/reference/trade-papers.md."""
    other: Bytes32 | None
    """The name of the other document where the asking bank showed it itself; None for another bank's."""
    other_member: Code
    """The bank that showed the other document; it may be the asking one."""
    own: Bytes32
    """The name of the asking bank's own document: ``Answer.document``."""
    pair: Annotated[str, Meta(pattern=r"^[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}\Z")]
    """What both banks call these two documents when they speak of them."""
    time_ms: Moment
    """When it was found."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the evaluator says of a document."""

    document: Bytes32
    """The evaluator's name of the document for this bank alone, the same under whatever salt it is shown."""
    evaluation: Evaluation | None
    """For `cases.record/1` or `cases.link/1`; None when the document has no number that the ledger could know it by."""
    likenesses: list[Likeness]
    """Other banks' first, then by age. The same document is answered with the same ones again: keep each pair once."""


class Evaluator(Protocol):
    """Who answers. Both raise EvaluationError."""

    def evaluate(self, question: bytes, signature: bytes) -> Answer:
        """Say what a document carries and what it is like; takes a signed ``Question``."""

    def likenesses(self, look: bytes, signature: bytes) -> list[Likeness]:
        """Return what was found alike to the asking bank's documents; takes a signed ``Look``."""


class Asker(NamedTuple):
    """A bank's key, as far as questions need it."""

    alliance: str
    signer: str
    """member/key"""
    seed: bytes
    """The key's signing seed, 32 bytes."""
    now_ms: Callable[[], int]


def ask(asker: Asker, kind: DocumentKind, commitment: str, salt: str, fields: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a question and its signature, for `Evaluator.evaluate`; raises ValueError for fields JSON cannot have."""
    member, _, key = asker.signer.partition("/")
    question = Question(asker.alliance, commitment, fields, key, kind, member, salt, asker.now_ms())
    return _signed(asker, QUESTION_TAG, question)


def look(asker: Asker, since_ms: int) -> tuple[bytes, bytes]:
    """Return the question what was found alike since a time, and its signature, for `Evaluator.likenesses`."""
    member, _, key = asker.signer.partition("/")
    return _signed(asker, LOOK_TAG, Look(asker.alliance, key, member, since_ms, asker.now_ms()))


def _signed(asker: Asker, tag: str, question: Question | Look) -> tuple[bytes, bytes]:
    message = canonical_fields(msgspec.to_builtins(question))
    return message, sign(asker.seed, tag, message)
