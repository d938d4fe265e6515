"""What became of frauds, look-alikes and honest business, counted by applications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kouan.client.evaluating import Likeness
from kouan.kernel.rejections import Rejection
from kouan.simulation.day.script import AnyEvent, Apply, Link, Look, Record, attempt_of


class Tried(msgspec.Struct):
    """Frauds of one kind."""

    tried: int = 0
    stopped: int = 0
    """Refused, to be reviewed, or told."""
    refused: int = 0
    """By the ledger, for good."""
    to_review: int = 0
    """By the ledger, until somebody has looked at the trade: an honest bank that does goes no further."""
    told: int = 0
    """By the evaluator, as like another document: the bank goes no further."""


class Met(msgspec.Struct):
    """Honest applications of one kind that look like a fraud."""

    met: int = 0
    accepted: int = 0
    told: int = 0
    """By the evaluator, or to be reviewed by the ledger's rule: a false alarm. A checker clears it, and it goes on."""


@dataclass
class _Attempt:
    kind: str
    is_fraud: bool
    refused: bool = False
    to_review: bool = False
    told: bool = False

    @property
    def is_stopped(self) -> bool:
        return self.refused or self.to_review or self.told


class Tally:
    """Counts as a play goes on."""

    def __init__(self) -> None:
        self.shown = 0
        """How often a document was shown to the evaluator."""
        self.told_otherwise = 0
        """How often a likeness was told of honest documents that were not made to look like anything."""
        self.refused: list[str] = []
        """Honest events that were refused."""
        self._attempts: dict[str, _Attempt] = {}

    def hear(self, event: Link | Record, likenesses: Sequence[Likeness]) -> None:
        """Take note of what the evaluator says of a document."""
        self.shown += 1
        if not likenesses:
            return
        attempt = self._attempt(event)
        if attempt is None:
            self.told_otherwise += 1
        else:
            attempt.told = True

    def is_over(self, event: AnyEvent) -> bool:
        """Tell whether an event's fraud was stopped: after the ledger's no nothing follows, once told no money."""
        attempt = self._attempt(event)
        if attempt is None or not attempt.is_fraud:
            return False
        return attempt.refused or attempt.to_review or (attempt.told and isinstance(event, Apply))

    def judge(self, event: AnyEvent, code: int) -> None:
        """Take note of what the ledger says to an event."""
        attempt = self._attempt(event)
        if attempt is not None:
            is_to_review = code == Rejection.CASE_TO_REVIEW or (code == Rejection.CASE_FULL and isinstance(event, Link))
            # Who fills a case with junk goes on when it is full.
            is_filling = code == Rejection.CASE_FULL and isinstance(event, Record) and attempt.is_fraud
            attempt.to_review |= is_to_review
            attempt.refused |= code != 0 and not is_to_review and not is_filling
            attempt.told |= isinstance(event, Look)
        if code and event.fraud is None:
            what = msgspec.json.encode(event).decode()
            self.refused.append(f"{Rejection(code).name}: {what[:200]}")

    def _attempt(self, event: AnyEvent) -> _Attempt | None:
        kind = event.fraud or event.lookalike
        if kind is None:
            return None
        return self._attempts.setdefault(attempt_of(event), _Attempt(kind, is_fraud=event.fraud is not None))

    def frauds(self) -> dict[str, Tried]:
        """Return the counts by kind of fraud."""
        counts: dict[str, Tried] = {}
        for attempt in self._of(is_fraud=True):
            count = counts.setdefault(attempt.kind, Tried())
            count.tried += 1
            count.stopped += attempt.is_stopped
            count.refused += attempt.refused
            count.to_review += attempt.to_review
            count.told += attempt.told
        return counts

    def lookalikes(self) -> dict[str, Met]:
        """Return the counts by kind of look-alike."""
        counts: dict[str, Met] = {}
        for attempt in self._of(is_fraud=False):
            count = counts.setdefault(attempt.kind, Met())
            count.met += 1
            count.accepted += not (attempt.refused or attempt.to_review)
            count.told += attempt.told
        return counts

    def _of(self, *, is_fraud: bool) -> list[_Attempt]:
        return sorted(
            (attempt for attempt in self._attempts.values() if attempt.is_fraud == is_fraud), key=lambda one: one.kind
        )
