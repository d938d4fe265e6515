"""A bank's desk for the papers of a trade 单证登记: looked at, recorded, stated anew.

A paper is shown to the evaluator; what looks like it stays in the book until a second person clears it. What the ledger
answers is returned as it is; only what cannot be sent at all raises an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from kouan.client import showing
from kouan.client.bank import Bank
from kouan.client.case_desk import CaseDesk
from kouan.client.consents import ConsentPart
from kouan.client.evaluating import Evaluator
from kouan.client.filing_seals import seal_hash
from kouan.client.kept_papers import SEAL, keep, keep_paper
from kouan.client.likeness_book import BookedLikeness
from kouan.client.paper_intake import Looked, look_at, must_be_recordable, signatures
from kouan.client.paper_seals import PaperIdentity, RecordedPaper, seal_paper
from kouan.client.paper_secrets import kind_of
from kouan.client.paper_slips import RecordedSlip, join_request, open_paper_slip, read_join_slips
from kouan.client.reading import holder_of
from kouan.client.session import Result
from kouan.kernel.encoding import encode, from_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.modules.cases.commands.changing import AmendCommand
from kouan.modules.cases.commands.recording import Evaluation, LinkCommand, OwnerConsent, RecordCommand

Amendment = Literal["consolidated", "correction", "credit-note", "split"]
"""Why a paper is stated anew."""


class Sent(NamedTuple):
    """A command on a paper, as it was sent."""

    result: Result
    looked: Looked
    receipt: bytes | None
    """The recorded slip for the owner, where the paper stands on the ledger with the owner's draw key."""
    linked: Result | None = None
    """What became of linking an amended paper to what it names now; None where that was not sent."""


class PaperDesk(CaseDesk):
    """The desk of one bank, with the evaluator at hand; see `kouan.client.case_desk` for what needs none."""

    def __init__(self, bank: Bank, evaluator: Evaluator) -> None:
        super().__init__(bank)
        self._evaluator = evaluator

    def look(self, slip: bytes) -> Looked:
        """Look at a paper beside the ledger and the evaluator's answer, and send nothing to the ledger.

        Raises SlipError, FormatError, EvaluationError.
        """
        return look_at(self._bank, self._evaluator, open_paper_slip(self._bank.private_key, slip))

    def request(self, looked: Looked) -> bytes | None:
        """Return the join request for the owners that must sign before a paper is recorded or linked; None if none."""
        if looked.quota is None or not looked.to_sign:
            return None
        return join_request(self._bank.session.alliance, [looked.quota, *looked.to_sign])

    def record(self, slip: bytes, joins: Sequence[bytes] = ()) -> Sent:
        """Record a paper 登记单证, with the join slips of those that must sign.

        Raises as `look` does, and ValueError for a paper that cannot be recorded, or that somebody has not signed for.
        """
        looked = self.look(slip)
        quota = must_be_recordable(looked)
        if looked.evaluation is None:
            raise AssertionError("a paper has a quota id, and the evaluator has signed nothing")
        consents = [] if looked.recorded else _consents(looked, quota, joins, unsigned=quota)
        sealed = self._seal(looked, quota)
        command = record_command(looked, looked.evaluation, consents, seal_hash(sealed))
        # Kept first: the seal cannot be made again, and its hash is on the ledger for good.
        kept = keep(self._bank, SEAL, sealed, quota)
        result = self._bank.send("cases.record/1", command)
        if not result.accepted:
            self._bank.vault.erase(kept, time_ms=self._bank.session.now_ms())
        return self._sent(result, looked, quota)

    def amend(self, slip: bytes, reason: Amendment) -> Sent:
        """State a paper anew 更正单证 as its owner's newest slip has it; raises as `record` does.

        Other numbers are linked at once where nobody must sign for that; else `link_paper` does it.
        """
        looked = self.look(slip)
        quota = must_be_recordable(looked)
        if looked.recorded is not None and looked.recorded.draw_key != looked.content.draw_key:
            raise ValueError(f"paper {looked.number}: the slip is of another wallet than the paper that was recorded")
        command = AmendCommand(
            amount=looked.content.amount,
            commitment=looked.commitments.document,
            evaluation=looked.evaluation,
            fingerprints=looked.commitments.fingerprints,
            quota=quota,
            reason=reason,
        )
        sent = self._sent(self._bank.send("cases.amend/1", command), looked, quota)
        renumbered = looked.recorded is not None and looked.recorded.fingerprints != looked.commitments.fingerprints
        if not sent.result.accepted or not renumbered or looked.to_sign:
            return sent
        return sent._replace(linked=self._link(looked, quota, []))

    def link_paper(self, slip: bytes, joins: Sequence[bytes] = ()) -> Sent:
        """Link a recorded paper to what it names now 关联单证: after it was amended; raises as `record` does."""
        looked = self.look(slip)
        quota = must_be_recordable(looked)
        return self._sent(self._link(looked, quota, _consents(looked, quota, joins)), looked, quota)

    def link(self, part: ConsentPart) -> Result | None:
        """Link a declaration 关联单证 as a consent slip shows it; None where nothing is to be linked.

        Raises ValueError for a quota that the ledger does not have, EvaluationError.
        """
        (quota,) = self._bank.quotas([part.quota])
        return showing.link(self._bank, self._evaluator, part, quota)

    def likenesses(self, *, is_open: bool = True) -> list[BookedLikeness]:
        """Ask the evaluator what it found since, and return what is to be reviewed, or all; raises EvaluationError."""
        showing.pull(self._bank, self._evaluator)
        return self._bank.book.likenesses.all(is_open=is_open)

    def _link(self, looked: Looked, quota: str, consents: list[OwnerConsent]) -> Result:
        if looked.evaluation is None:
            raise AssertionError("a paper has a quota id, and the evaluator has signed nothing")
        return self._bank.send("cases.link/1", LinkCommand(consents, looked.evaluation, quota))

    def _sent(self, result: Result, looked: Looked, quota: str) -> Sent:
        """Keep what was shown once the ledger has taken it, and make the owner's receipt."""
        bank = self._bank
        stands = bank.session.read(Quota, key_of(quota))
        if stands is None or stands.draw_key != looked.content.draw_key:
            return Sent(result, looked, None)
        bank.book.know(quota, looked.number, looked.content.owner)
        if result.accepted:
            keep_paper(bank, looked.content, quota)
        return Sent(result, looked, encode(RecordedSlip(bank.session.alliance, "kouan/recorded/1", quota)))

    def _seal(self, looked: Looked, quota: str) -> bytes:
        session, content, kind = self._bank.session, looked.content, kind_of(looked.paper)
        identity = PaperIdentity(kind, looked.number, content.owner, content.secret)
        paper = RecordedPaper(session.alliance, quota, kind)
        overseer, second = (from_text(holder_of(session, role).sealing) for role in ("overseer", "second-holder"))
        return seal_paper(identity, paper, overseer=overseer, second_holder=second, entropy=self._bank.entropy)


def _consents(looked: Looked, quota: str, joins: Sequence[bytes], unsigned: str | None = None) -> list[OwnerConsent]:
    """Return the owners' signatures on a paper and what it leads to; raises SlipError, ValueError."""
    slips = read_join_slips(joins)
    documents = slips[0].documents if slips else [quota, *looked.to_sign]
    return signatures(slips, looked.content.alliance, documents, unsigned=unsigned) if len(documents) > 1 else []


def record_command(
    looked: Looked, evaluation: Evaluation, consents: list[OwnerConsent], sealed_hash: str
) -> RecordCommand:
    """Return the command that records a paper as it was looked at."""
    content = looked.content
    return RecordCommand(
        amount=content.amount,
        commitment=looked.commitments.document,
        consents=consents,
        custodial=content.custodial,
        draw_key=content.draw_key,
        evaluation=evaluation,
        fingerprints=looked.commitments.fingerprints,
        kind=kind_of(looked.paper),
        purpose=content.purpose,
        seal=sealed_hash,
        unit=content.unit,
    )
