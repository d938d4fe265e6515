"""What a member does about papers and trade cases that are on the ledger: confirm, amend, withdraw, join, review.

Banks and attesters use it. What the ledger answers is returned as it is; only what cannot be sent at all raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from kouan.client import credit_notes, showing
from kouan.client.bank import Bank
from kouan.client.credit_notes import Credited
from kouan.client.filings import SlipError
from kouan.client.kept_papers import keep_paper
from kouan.client.likeness_book import BookedLikeness
from kouan.client.paper_intake import must_be_for, signatures
from kouan.client.paper_secrets import code_of, commitments, is_party, numbered_version, party_of
from kouan.client.paper_slips import PaperContent, join_request, open_paper_slip, read_join_slips
from kouan.client.session import Result
from kouan.formats.paper_forms import paper_of
from kouan.formats.trade_papers import TradePaper
from kouan.kernel.encoding import from_text
from kouan.modules.alliance.standing import member_of
from kouan.modules.cases.commands.changing import ConfirmCommand, WithdrawCommand
from kouan.modules.cases.commands.judging import ReviewCommand
from kouan.modules.cases.commands.recording import JoinCommand
from kouan.modules.cases.queries import CaseView, case_view
from kouan.modules.cases.records import Grounds, Purpose
from kouan.modules.cases.rules import ATTESTER

Withdrawal = Literal["cancelled", "keyed-wrongly", "replaced"]
"""Why a paper ends."""


class Confirmed(NamedTuple):
    """A confirmation, as it was sent."""

    result: Result
    quota: str
    content: PaperContent


class CaseDesk:
    """The desk of one member, without the evaluator."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def confirm(self, slip: bytes, customer: str | None) -> Confirmed:
        """Vouch for a paper 确认单证 that another bank has recorded: for the counterparty, or as an authority.

        ``customer``: the counterparty, by a number that a register gave it; None for an authority, which vouches for
        what it knows itself. Raises SlipError, FormatError, and ValueError for anybody else's customer, and where the
        owner's wallet does not know yet where the paper stands.
        """
        content = open_paper_slip(self._bank.private_key, slip)
        must_be_for(self._bank, content)
        paper = paper_of(content.fields, "paper slip")
        self._must_be_counterparty(customer, paper, content.purpose)
        if content.quota is None:
            raise SlipError(
                "paper slip: it does not say where the paper stands; its owner takes in the recorded slip with "
                "`kouan enterprise receive` and makes a new one"
            )
        (stands,), secret = self._bank.quotas([content.quota]), from_text(content.secret)
        numbered = numbered_version(content.fields, content.earlier, secret, stands.fingerprints)
        made = commitments(content.fields, secret, numbered)
        result = self._bank.send("cases.confirm/1", ConfirmCommand(made.document, made.fingerprints, content.quota))
        if result.accepted:
            self._bank.book.know(content.quota, paper.number or "", content.owner)
            self._bank.book.vouch(content.quota, customer)
            keep_paper(self._bank, content, content.quota)
        return Confirmed(result, content.quota, content)

    def credit(self, note: TradePaper) -> Credited:
        """Take a credit note off the invoice that it names: see `kouan.client.credit_notes.credit`."""
        return credit_notes.credit(self._bank, note)

    def withdraw(self, name: str, reason: Withdrawal) -> Result:
        """End a paper for good 作废单证; ``name`` is its number or its quota's id. Raises ValueError."""
        command = WithdrawCommand(self._bank.quota_id(name), reason)
        return self._bank.send("cases.withdraw/1", command)

    def join_request(self, names: Sequence[str]) -> bytes:
        """Return the request to the owners of documents to bring them into one case; raises ValueError."""
        quotas = sorted({self._bank.quota_id(name) for name in names})
        if len(quotas) < len(names) or len(quotas) < 2:
            raise ValueError("document: name at least two, each once")
        self._bank.quotas(quotas)
        return join_request(self._bank.session.alliance, quotas)

    def join(self, joins: Sequence[bytes]) -> Result:
        """Bring documents into one case 并案 on their owners' word; raises SlipError, ValueError."""
        slips = read_join_slips(joins)
        if not slips:
            raise ValueError("join slip: none is given; name the files that the owners' wallets signed")
        consents = signatures(slips, self._bank.session.alliance, slips[0].documents)
        return self._bank.send("cases.join/1", JoinCommand(consents))

    def case(self, name: str) -> CaseView | None:
        """Return the trade that a document belongs to, by its number or quota id; None for one on its own."""
        quota = self._bank.quota_id(name)
        self._bank.quotas([quota])
        return case_view(self._bank.session, quota, self._bank.session.now_ms())

    def review(self, name: str, reason: Grounds, revision: int | None = None) -> Result:
        """Record why the bank goes on although a trade has concerns 人工复核.

        ``revision``: of the case as it was looked at; without it, as it stands now. Raises ValueError.
        """
        view = self.case(name)
        seen = revision if revision is not None or view is None else view.revision
        command = ReviewCommand(self._bank.quota_id(name), reason, seen or 0)
        return self._bank.send("cases.review/1", command)

    def clear(self, likeness: int, reason: str) -> BookedLikeness:
        """Record why a second person goes on although a document looks like another; raises ValueError."""
        return showing.clear(self._bank, likeness, reason)

    def _must_be_counterparty(self, customer: str | None, paper: TradePaper, purpose: Purpose) -> None:
        other: Purpose = "buyer" if purpose == "seller" else "seller"
        if customer is None:
            if ATTESTER in member_of(self._bank.session, self._bank.session.member).roles:
                return
            raise ValueError(f"--for: is missing; name the customer that this bank vouches for: the paper's {other}")
        party = party_of(paper, other)
        if not is_party(customer, party):
            raise ValueError(
                f"--for: {customer} is not the paper's {other}, which is {code_of(party) or 'not named'}; "
                "a bank confirms for its own customer, on the other side of the paper"
            )
