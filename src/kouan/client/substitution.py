"""The bank puts other declarations under a loan, in the place of those that no longer carry it 置换报关单.

What is lent stays as it is. The owner of the new declarations lets the bank draw on them with a consent slip for this
very loan, which says what the loan then draws on each in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kouan.client.bank import Bank, by_allocation
from kouan.client.bank_desk import CONSENT_KIND, BankDesk
from kouan.client.evaluating import Evaluator
from kouan.client.intake import Examined, must_be_sound
from kouan.client.session import Result
from kouan.modules.financing.commands.opening import Draw
from kouan.modules.financing.commands.substituting import Part, SubstituteCommand


class Substituted(NamedTuple):
    """A substitution, as it was sent."""

    result: Result
    financing: str
    into: list[Examined]
    """The declarations that the loan now stands on besides."""


def substitute(
    bank: Bank, name: str, slip: bytes, replaced: Mapping[str, int], evaluator: Evaluator | None = None
) -> Substituted:
    """Move outstanding principal from the quotas ``replaced`` (minor units by quota) to the slip's declarations.

    ``evaluator``: None in an alliance that has none. Raises BookError, ConsentError for a slip that is unsound or for
    another loan, LikenessError, EvaluationError, ValueError.
    """
    loan = bank.loan(name)
    by_allocation(loan, replaced)
    desk = BankDesk(bank, evaluator)
    consent, examined = desk.open_consent(slip)
    if consent.financing != loan.id:
        raise ValueError(
            f"consent slip: it is for the loan {consent.financing}, not {loan.id}; "
            f"ask the owner for one with `kouan enterprise consent --financing {loan.id}`"
        )
    must_be_sound(examined)
    refused = desk.admit(consent)
    if refused is not None:
        return Substituted(refused, loan.id, examined)
    there = {allocation.quota: allocation.amount for allocation in loan.allocations}
    draws = [
        Draw(part.amount - there.get(part.quota, 0), part.expires_ms, part.quota, part.signature)
        for part in consent.allocations
    ]
    parts = [Part(amount, quota) for quota, amount in replaced.items()]
    result = bank.send("financing.substitute/1", SubstituteCommand(draws, loan.id, parts))
    for one in examined:
        bank.book.know(one.quota, one.number, one.owner)
    if result.accepted:
        bank.vault.put(CONSENT_KIND, slip, handle=None, time_ms=bank.session.now_ms())
    return Substituted(result, loan.id, examined)
