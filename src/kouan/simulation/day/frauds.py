"""Frauds that declarations alone can show, each as one application that must be refused.

Those that need another paper to be seen stand in `paper_frauds`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kouan.simulation.cast import CUSTOMS
from kouan.simulation.clock import DAY_MS
from kouan.simulation.day.deals import Deal, main_key
from kouan.simulation.day.script import Amend, AnyEvent, Apply, Part, Signed, Withdraw
from kouan.simulation.day.trade import Declared


class Chance(NamedTuple):
    """What a fraud is made of: a loan that is out, and a declaration that nobody has drawn on."""

    deal: Deal
    spare: Declared | None
    name: str


def _apply(chance: Chance, kind: str, at_ms: int, parts: list[Part], signed: Signed | None = None) -> Apply:
    consent = signed or Signed(expires_ms=at_ms + 5 * DAY_MS)
    bank = chance.deal.other_bank()
    return chance.deal.application(at_ms, chance.name, bank, parts, signed=consent, fraud=kind)


def _part(one: Declared, amount: int) -> list[Part]:
    return [Part(one.number, one.unit, max(1, amount))]


def second_bank(chance: Chance) -> list[AnyEvent]:
    """Show the same declarations at a second bank, with a good consent."""
    deal = chance.deal
    amounts = [one.limit for one in deal.on] if deal.share <= 60 else deal.amounts
    return [_apply(chance, "second-bank", deal.at(4), deal.parts(amounts))]


def copied_consent(chance: Chance) -> list[AnyEvent]:
    """Show the consent to an earlier loan for a new one."""
    at_ms = chance.deal.at(5)
    signed = Signed(expires_ms=at_ms + DAY_MS, how="copied", of=chance.deal.name)
    return [_apply(chance, "copied-consent", at_ms, chance.deal.parts(), signed)]


def expired_consent(chance: Chance) -> list[AnyEvent]:
    """Show a consent whose time is over."""
    at_ms = chance.deal.at(5)
    part = _part(chance.spare, chance.spare.limit) if chance.spare else chance.deal.parts()
    return [_apply(chance, "expired-consent", at_ms, part, Signed(expires_ms=at_ms - DAY_MS))]


def same_application(chance: Chance) -> list[AnyEvent]:
    """Use the id of a loan that exists, for a second draw under the same consent."""
    deal = chance.deal
    again = deal.application(deal.at(5), chance.name, "", [], named=deal.name, fraud="same-application")
    return [again]


def forged_signature(chance: Chance) -> list[AnyEvent]:
    """Show a signature that is nobody's."""
    at_ms = chance.deal.at(6)
    part = _part(chance.spare, chance.spare.limit) if chance.spare else chance.deal.parts()
    return [_apply(chance, "forged-signature", at_ms, part, Signed(expires_ms=at_ms + DAY_MS, how="forged"))]


def never_declared(chance: Chance) -> list[AnyEvent]:
    """Name a declaration that customs never saw."""
    one = chance.deal.on[0]
    part = Part(one.number[:9] + "999" + one.number[12:], one.unit, one.limit)
    return [_apply(chance, "never-declared", chance.deal.at(6), [part])]


def strangers_declaration(chance: Chance) -> list[AnyEvent]:
    """Show another trader's declaration, signed with a key of the applicant's own."""
    if chance.spare is None:
        return []
    at_ms = chance.deal.at(6)
    signed = Signed(expires_ms=at_ms + DAY_MS, how="stranger", of=chance.deal.on[0].number)
    return [_apply(chance, "strangers-declaration", at_ms, _part(chance.spare, chance.spare.limit), signed)]


def over_attested(chance: Chance) -> list[AnyEvent]:
    """Ask for more than may be lent on what was attested."""
    if chance.spare is None:
        return []
    part = _part(chance.spare, chance.spare.limit + 1 + chance.spare.attested // 10)
    return [_apply(chance, "over-attested", chance.deal.at(6), part)]


def cancelled(chance: Chance) -> list[AnyEvent]:
    """Show a declaration that was cancelled in the meantime."""
    one = chance.spare
    if one is None:
        return []
    event = Withdraw(
        at_ms=chance.deal.at(3, 5), by=main_key(CUSTOMS), number=one.number, unit=one.unit, reason="not-shipped"
    )
    return [event, _apply(chance, "cancelled", chance.deal.at(6), _part(one, one.limit))]


def returned_goods(chance: Chance) -> list[AnyEvent]:
    """Ask for the value of before, after most of the goods came back."""
    one = chance.spare
    if one is None:
        return []
    event = Amend(
        at_ms=chance.deal.at(3, 5),
        by=main_key(CUSTOMS),
        number=one.number,
        unit=one.unit,
        attested=one.attested // 10,
        reason="goods-returned",
    )
    return [event, _apply(chance, "returned-goods", chance.deal.at(6), _part(one, one.limit))]


def paid_receivable(chance: Chance) -> list[AnyEvent]:
    """Ask for what the buyer has paid already."""
    deal = chance.deal
    if not deal.paid_ms:
        return []
    return [_apply(chance, "paid-receivable", deal.paid_ms + 30 * DAY_MS, deal.parts())]


KINDS: Final[tuple[Callable[[Chance], list[AnyEvent]], ...]] = (
    second_bank,
    second_bank,  # the commonest
    copied_consent,
    expired_consent,
    same_application,
    forged_signature,
    never_declared,
    strangers_declaration,
    over_attested,
    cancelled,
    returned_goods,
    paid_receivable,
)
