"""Loans that other banks offer to this one, found on the ledger.

An offer stands in the loan's record, and the ledger lists no loans: so the blocks since the book last looked are read
for offers to this bank. Nothing of the borrower is known from that; seller and buyer talk about it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from kouan.client.bank import Bank
from kouan.kernel.encoding import EncodingError
from kouan.kernel.envelope import open_envelope
from kouan.modules.financing.commands.selling import OfferCommand
from kouan.modules.financing.queries import LoanView, loan_view

OFFER: Final = "financing.offer/1"


def offered_to(bank: Bank) -> list[LoanView]:
    """Return the loans that are offered to the bank now, the offer that lapses first at the top."""
    session = bank.session
    height, named = bank.book.looked_to(), list[str]()
    for block in session.engine.blocks(height + 1):
        named += [loan for envelope in block.envelopes for loan in _named(envelope, session.member)]
        height = block.height
    bank.book.saw_offers(named, height)
    now_ms = session.now_ms()
    views = [loan_view(session, financing, now_ms) for financing in bank.book.offers()]
    standing = [(view.offer, view) for view in views if view is not None and view.offer is not None]
    mine = [(offer.lapse_ms, view.id, view) for offer, view in standing if offer.to == session.member]
    return [view for _, _, view in sorted(mine)]


def _named(envelope: bytes, buyer: str) -> Iterator[str]:
    """Yield the loans that an envelope offers to a buyer; whether the ledger took the offer, the loan's record says."""
    if OFFER.encode() not in envelope:
        return
    try:
        commands = open_envelope(envelope).body.commands
    except EncodingError:  # answered as unreadable, and kept in the block all the same
        return
    for command in commands:
        if command.get("type") != OFFER:
            continue
        try:
            offer = msgspec.convert({name: command[name] for name in command.keys() - {"type"}}, OfferCommand)
        except msgspec.ValidationError:  # refused for its form, and kept in the block too
            continue
        if offer.to == buyer:
            yield offer.financing
