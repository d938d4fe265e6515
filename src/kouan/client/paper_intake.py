"""What a bank finds when it looks at a paper slip: whether it is sound, where it stands, who has to sign for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kouan.client.bank import Bank
from kouan.client.evaluating import Evaluator
from kouan.client.filings import SlipError
from kouan.client.likeness_book import BookedLikeness
from kouan.client.paper_secrets import (
    Commitments,
    Fields,
    code_of,
    commitments,
    kind_of,
    numbered_version,
    party_of,
    unidentified,
    uscc_of,
    value_of,
)
from kouan.client.paper_slips import JoinSlip, PaperContent
from kouan.client.showing import Document, show
from kouan.formats.money import money
from kouan.formats.paper_forms import paper_of
from kouan.formats.trade_papers import Invoice, TradePaper
from kouan.kernel.encoding import from_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.state import Reader
from kouan.modules.cases.commands.recording import Evaluation, OwnerConsent
from kouan.modules.cases.joining import carrier, case_of, documents_of
from kouan.modules.cases.queries import CaseView, case_view, next_paper_id
from kouan.modules.cases.records import Purpose
from kouan.modules.cases.rules import is_attested, purpose_of, strength


class Looked(NamedTuple):
    """A paper slip beside the ledger and the evaluator's answer."""

    content: PaperContent
    paper: TradePaper
    commitments: Commitments
    evaluation: Evaluation | None
    """None for a paper without a number that the ledger could know it by."""
    quota: str | None
    """The id under which the paper stands, or would be recorded."""
    recorded: Quota | None
    """The paper as it stands on the ledger."""
    cases: list[CaseView]
    """The trades that it belongs to, or would."""
    to_sign: list[str]
    """The documents whose owners must sign before it can be recorded, or linked once it is."""
    likenesses: list[BookedLikeness]
    """What of it is to be reviewed."""
    problems: list[str]
    """Why it cannot be recorded."""
    remarks: list[str]

    @property
    def number(self) -> str:
        """The paper's own number; empty for carriage by road, which has none."""
        return self.paper.number or ""


def look_at(bank: Bank, evaluator: Evaluator, content: PaperContent) -> Looked:
    """Show a paper to the evaluator and find where it stands.

    Raises SlipError for a slip that is not for this bank here, FormatError where it holds no paper, EvaluationError.
    """
    session = bank.session
    must_be_for(bank, content)
    paper = paper_of(content.fields, "paper slip")
    secret = from_text(content.secret)
    numbered = _numbered(session, content)
    made = commitments(content.fields, secret, numbered)
    problems = _problems(paper, content)
    document = Document(kind_of(paper), paper.number or "", made.fingerprints, secret, numbered)
    # What cannot be recorded is not shown: nobody else is told of it, and it makes no numbers one.
    evaluation = None if problems else show(bank, evaluator, document)
    if evaluation is None and not problems:
        problems.append(unidentified(paper))
    quota, recorded, cases, signers = None, None, list[CaseView](), list[str]()
    if evaluation is not None and not problems:
        own = next(one.fingerprint for one in evaluation.fingerprints if one.kind == kind_of(paper))
        quota = next_paper_id(session, own, content.purpose, content.unit)
        recorded = session.read(Quota, key_of(quota))
        found = [carrier(session, one.fingerprint) for one in evaluation.fingerprints]
        leads = [one for one in found if one is not None]
        views = [case_view(session, one.id, session.now_ms()) for one in (recorded, *leads) if one is not None]
        cases = list({view.id: view for view in views if view is not None}.values())
        signers = to_sign(session, leads, content.purpose, recorded)
        if recorded is None and sum(_has_attested(view) for view in cases) > 1:
            problems.append("it would merge trades that each hold an attested document; an authority must attest it")
    return Looked(
        content=content,
        paper=paper,
        commitments=made,
        evaluation=evaluation,
        quota=quota,
        recorded=recorded,
        cases=cases,
        to_sign=signers,
        likenesses=[one for one in bank.book.likenesses.of({made.fingerprints}) if one.cleared_ms is None],
        problems=problems,
        remarks=_remarks(paper, content, made, recorded),
    )


def _numbered(reader: Reader, content: PaperContent) -> Fields:
    """Return the version of a paper to whose numbers to commit: that on the ledger, where amounts alone are lower.

    What is worth more than before is committed to anew, and so compared anew.
    """
    stands = None if content.quota is None else reader.read(Quota, key_of(content.quota))
    if stands is None or content.amount > stands.attested:
        return content.fields
    return numbered_version(content.fields, content.earlier, from_text(content.secret), stands.fingerprints)


def must_be_for(bank: Bank, content: PaperContent) -> None:
    """Raise SlipError unless a slip is for this member at this ledger."""
    session = bank.session
    if (content.alliance, content.bank) != (session.alliance, session.member):
        raise SlipError(f"paper slip: it is for {content.bank} in its alliance, not for {session.member} in this one")


def must_be_recordable(looked: Looked) -> str:
    """Return the paper's quota id; raises ValueError, naming every problem, when it can have none."""
    if looked.problems or looked.quota is None:
        raise ValueError(f"paper {looked.number}: {'; '.join(looked.problems)}")
    return looked.quota


def to_sign(reader: Reader, leads: Sequence[Quota], purpose: Purpose, recorded: Quota | None) -> list[str]:
    """Return one of the best evidenced documents of each trade that a paper leads to: their owners must sign.

    Documents of the other purpose only need no signature, as the ledger's rule on joining says, nor does the trade that
    the paper is in already; and nobody need sign for a paper that an authority attested.
    """
    if recorded is not None and is_attested(recorded):
        return []
    there = None if recorded is None else case_of(reader, recorded)
    found: dict[str, str] = {}
    for lead in leads:
        case = case_of(reader, lead)
        if case is None:
            raise AssertionError(f"a fingerprint leads to {lead.id}, which is in no case")
        if there is not None and case.id == there.id:
            continue
        own = [one for one in documents_of(reader, case) if purpose_of(one) == purpose]
        if own:
            best = max(own, key=lambda one: (strength(one), one.id == lead.id))
            found.setdefault(case.id, best.id)
    return sorted(found.values())


def signatures(
    slips: Sequence[JoinSlip], alliance: str, documents: Sequence[str], *, unsigned: str | None = None
) -> list[OwnerConsent]:
    """Return the owners' signatures on documents belonging together; raises ValueError for one that is missing.

    ``unsigned``: the paper that is being recorded, for which nobody signs.
    """
    wanted = sorted(documents)
    for slip in slips:
        if (slip.alliance, sorted(slip.documents)) != (alliance, wanted):
            raise ValueError("join slip: it was signed for other documents; send the owners the new join request")
    if unsigned is not None and unsigned not in wanted:
        raise ValueError(f"join slip: it does not name the paper itself, {unsigned}; send the owners the new request")
    given = {consent.quota: consent for slip in slips for consent in slip.consents}
    missing = [name for name in wanted if name not in given and name != unsigned]
    if missing:
        raise ValueError(
            f"join slip: none is signed for {', '.join(missing)}; its owner signs the join request of `kouan paper "
            "look --out FILE` with `kouan enterprise join-sign FILE`"
        )
    return [given[name] for name in wanted if name != unsigned]


def _has_attested(view: CaseView) -> bool:
    return any(document.evidence == "attested" for document in view.documents)


def _problems(paper: TradePaper, content: PaperContent) -> list[str]:
    if isinstance(paper, Invoice) and paper.kind == "credit-note":
        return ["it is a credit note, which amends its invoice: `kouan paper amend --credit-note FILE`"]
    party = party_of(paper, content.purpose)
    codes = uscc_of(party)
    if codes and content.owner not in codes:
        whose = f"the slip is of {content.owner}, but the paper's {content.purpose} is {code_of(party)}"
        return [f"owner: {whose}; a paper is recorded for its own seller or buyer alone"]
    worth = value_of(paper)
    if worth is not None and worth.currency != content.unit:
        return [f"unit: the slip is in {content.unit}, the paper in {worth.currency}"]
    if worth is not None and content.amount > worth.minor:
        stated = money(content.amount, content.unit)
        return [f"amount: the slip states {stated}, the paper {money(*worth)}; ask the owner for a right one"]
    return []


def _remarks(paper: TradePaper, content: PaperContent, made: Commitments, recorded: Quota | None) -> list[str]:
    remarks = []
    party = code_of(party_of(paper, content.purpose))
    if party != content.owner:
        remarks.append(f"the slip is of {content.owner}, but the paper's {content.purpose} is {party or 'not named'}")
    if value_of(paper) is None:
        remarks.append("the paper names no amount: what it is worth, its owner states")
    if content.custodial:
        remarks.append("custodial: a member keeps the draw key for the owner")
    if recorded is None:
        return remarks
    if recorded.draw_key != content.draw_key:
        remarks.append("it stands on the ledger with another wallet's draw key: this owner cannot draw on it")
    if recorded.commitment != made.document:
        remarks.append("it stands on the ledger in another version")
    if recorded.status != "active":
        remarks.append(f"on the ledger it is {recorded.status}: nothing can be drawn on it")
    if recorded.attested != content.amount:
        stands = money(recorded.attested, recorded.unit)
        remarks.append(f"on the ledger it is worth {stands}, the slip states {money(content.amount, content.unit)}")
    return remarks
