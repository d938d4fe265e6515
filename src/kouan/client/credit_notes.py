"""A credit note 贷项通知单 is no paper of its own: it takes something off the invoice that it names."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from kouan.client.bank import Bank
from kouan.client.commitments import canonical_fields
from kouan.client.kept_papers import CREDIT_NOTE, KeptPaper, keep, kept, papers
from kouan.client.paper_secrets import own_texts
from kouan.client.session import Result
from kouan.formats.paper_forms import fields_of, paper_of
from kouan.formats.trade_papers import Invoice, TradePaper
from kouan.modules.cases.commands.changing import AmendCommand


class Credited(NamedTuple):
    """A credit note, as it was sent."""

    result: Result
    quota: str
    """The invoice's."""
    number: str
    """The invoice's."""
    amount: int
    """What the invoice is worth with it, in minor units of its currency."""


def credit(bank: Bank, note: TradePaper) -> Credited:
    """Take a credit note off the invoice that it names, which this bank has recorded.

    The invoice stays as it was committed to, so consents for it still hold; the note is kept beside it. Raises
    ValueError for what is no credit note of one such invoice, was entered before, or takes back more than there is.
    """
    note = _credit_note(note)
    content, quota = _invoice_of(bank, note)
    before = [paper_of(msgspec.json.decode(data), CREDIT_NOTE) for _, data in kept(bank, CREDIT_NOTE, quota.id)]
    if own_texts(note) in [own_texts(one) for one in before]:
        raise ValueError(f"number: the credit note {note.number} was entered before; it takes off nothing more")
    if note.currency != quota.unit or note.payable_minor > quota.attested:
        raise ValueError(f"payable_minor: the credit note {note.number} takes back more than its invoice is worth now")
    amount = quota.attested - note.payable_minor
    command = AmendCommand(
        amount=amount,
        commitment=quota.commitment,
        fingerprints=quota.fingerprints,
        quota=quota.id,
        reason="credit-note",
    )
    result = bank.send("cases.amend/1", command)
    if result.accepted:
        keep(bank, CREDIT_NOTE, canonical_fields(fields_of(note)), quota.id)
    return Credited(result, quota.id, paper_of(content.fields, "paper").number or "", amount)


def credits_invoice(note: Invoice, paper: TradePaper) -> bool:
    """Tell whether a credit note names a paper: by seller, number and, where it gives it, day."""
    if not isinstance(paper, Invoice) or paper.kind != "invoice":
        return False
    texts = set(own_texts(paper))
    named = (
        replace(note, kind="invoice", number=earlier.number, date=earlier.date or paper.date)
        for earlier in note.credited
    )
    return any(not texts.isdisjoint(own_texts(one)) for one in named)


def _credit_note(paper: TradePaper) -> Invoice:
    if not isinstance(paper, Invoice) or paper.kind != "credit-note":
        raise ValueError("type_code: the paper is no credit note; record it with `kouan paper record`")
    if len(paper.credited) != 1:
        raise ValueError(
            f"credited: the credit note {paper.number} names {len(paper.credited)} invoices, so nobody can say what "
            "it takes off which; amend each with its owner's newest slip: `kouan paper amend SLIP --reason correction`"
        )
    return paper


def _invoice_of(bank: Bank, note: Invoice) -> KeptPaper:
    own = (one for one in papers(bank) if one.quota.issuer == bank.session.member)
    found = [one for one in own if credits_invoice(note, paper_of(one.content.fields, "paper"))]
    if len(found) != 1:
        raise ValueError(
            f"credited: this bank has recorded {len(found)} invoices {note.credited[0].number} of this seller; "
            "the bank that recorded it enters the credit note, or amends it with the owner's newest slip"
        )
    return found[0]
