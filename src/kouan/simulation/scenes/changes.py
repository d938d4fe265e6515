"""Scene 4: what comes up later: an amended declaration, a hold that lapses, overdue loans, papers for the file."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, get_args

from kouan.client.amounts import Amount
from kouan.client.bank_desk import Wanted
from kouan.client.loan_statement import loan_statement
from kouan.client.papers import Asked, verification_receipt
from kouan.client.portfolio import Held, flags_of, one_loan, overdue_at
from kouan.client.proofs import prove_loan
from kouan.client.wallet import Part
from kouan.client.workdays import day_of
from kouan.formats.single_window import read_files
from kouan.kernel.quota import is_overdrawn
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.queries import LoanView
from kouan.modules.financing.records import Answer
from kouan.simulation.cast import BEARING_MAKER, CAREFUL_BANK, LAMP_MAKER, OTHER_BANKS, SLOW_BANK
from kouan.simulation.checks import Checks
from kouan.simulation.declarations import AMENDED_CONTRACT, LAPSED_CONTRACT, Filed, amended, write_messages
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.attesting import MESSAGES, receive
from kouan.simulation.scenes.business import BusinessShown, of_contract, registration, settle_due
from kouan.simulation.scenes.loan import Bars, bars

AMENDMENT_DAY: Final = 91
CUT_PERCENT: Final = 12
MONTH_END_DAY: Final = 110
AMENDMENTS: Final = "amendments"


class AmendmentShown(NamedTuple):
    """An amendment under a running loan."""

    number: str
    quantity: str
    """Before."""
    quantity_amended: str
    bank: str
    before: Bars
    after: Bars
    told: LoanView
    """The loan as its bank finds it the same moment."""
    flags: list[str]
    overdrawn: int
    """By how much more is outstanding than the declaration carries, in minor units."""
    choices: list[Answer]
    answer: Answer
    answered: LoanView
    remedied: Bars


class LapseShown(NamedTuple):
    """A hold that nobody used."""

    number: str
    bank: str
    held: Bars
    placed_ms: int
    lapse_ms: int
    lapsed: Bars
    """After it, without a command from anybody."""
    blocks_between: int
    too_late: Rejection
    """What the slow bank is told when it wants to pay out after all."""
    other_bank: str
    lent: LoanView
    """The loan of the bank that came next."""
    after: Bars
    """With that loan."""


class MonthEndShown(NamedTuple):
    """A bank's overdue loans."""

    bank: str
    time_ms: int
    overdue: list[Held]


class ChangesShown(NamedTuple):
    """What the scene shows."""

    amendment: AmendmentShown
    lapse: LapseShown
    month_end: MonthEndShown
    receipt: Path
    statement: Path


def live_on(port: SeededPort, checks: Checks, business: BusinessShown) -> ChangesShown:
    """Play the months after the loan."""
    settle_due(port, checks, business.deals, AMENDMENT_DAY - 1)
    port.clock.move_to(AMENDMENT_DAY, 9, 30)
    amendment = _amend(port, checks, business.amended_loan)
    lapse = _let_lapse(port, checks)
    settle_due(port, checks, business.deals, MONTH_END_DAY)
    port.clock.move_to(MONTH_END_DAY, 17)
    month_end = _overdue(port, checks)
    receipt, statement = _papers(port, checks, business.amended_loan)
    return ChangesShown(amendment, lapse, month_end, receipt, statement)


def _amend(port: SeededPort, checks: Checks, financing: str) -> AmendmentShown:
    """Let customs cut a quantity, and the bank see it, take a partial repayment and say so."""
    ((number, quota),) = of_contract(port, BEARING_MAKER.code, AMENDED_CONTRACT)
    before = bars(port, [quota])
    ((_, declaration),) = read_files([port.directory / MESSAGES / f"{number}.xml"])
    if isinstance(declaration, Exception):
        raise declaration
    paths = write_messages(port.directory / AMENDMENTS, [Filed(amended(declaration, CUT_PERCENT), "closed")])
    ((_, changed),) = read_files(paths)
    if isinstance(changed, Exception):
        raise changed
    outcome = port.customs().amend(number, "short-shipment", changed.total_by_currency(), declaration=changed)
    checks.holds("amendment.accepted", all(one.result.accepted for one in outcome.results))
    receive(port, BEARING_MAKER.code, outcome.slip)
    after = bars(port, [quota])
    checks.equal("amendment.attested", after.attested * 100, before.attested * (100 - CUT_PERCENT))
    side = port.bank(CAREFUL_BANK)
    found = one_loan(side.bank, financing)
    checks.equal("amendment.flags", flags_of(found.view), ["under-review"])
    checks.holds("amendment.overdrawn", is_overdrawn(port.quota(quota.id)))
    overdrawn = after.used - after.limit
    port.clock.move_to(AMENDMENT_DAY, 16)
    repaid = side.servicing.repay(financing, "seller", amount=Amount(overdrawn, quota.unit))
    answer: Answer = "partial-repayment"
    reviewed = side.servicing.review(financing, quota.id, answer)
    checks.holds("amendment.answered", repaid.result.accepted and reviewed.accepted)
    answered = one_loan(side.bank, financing)
    checks.equal("amendment.no-flags-left", flags_of(answered.view), [])
    remedied = bars(port, [quota])
    checks.equal("amendment.not-overdrawn", remedied.used, remedied.limit)
    return AmendmentShown(
        number=number,
        quantity=f"{declaration.lines[0].quantity.normalize():,f}",
        quantity_amended=f"{changed.lines[0].quantity.normalize():,f}",
        bank=CAREFUL_BANK,
        before=before,
        after=after,
        told=found.view,
        flags=flags_of(found.view),
        overdrawn=overdrawn,
        choices=list(get_args(Answer)),
        answer=answer,
        answered=answered.view,
        remedied=remedied,
    )


def _let_lapse(port: SeededPort, checks: Checks) -> LapseShown:
    """Let a bank set a declaration aside and forget it; three business days later it is free again."""
    ((number, quota),) = of_contract(port, LAMP_MAKER.code, LAPSED_CONTRACT)
    parts = [Part(number, quota.unit, quota.limit)]
    slow = port.bank(SLOW_BANK).lending
    given = port.consent(LAMP_MAKER.code, SLOW_BANK, parts)
    maturity_ms = port.clock.at(150, 24)
    placed = slow.hold(given.slip, Wanted("invoice", maturity_ms))
    checks.holds("lapse.held", placed.result.accepted)
    held, placed_ms, height = bars(port, [quota]), port.clock.now_ms(), port.engine.status().height
    lapse_ms = port.loan(given.financing).lapse_ms
    port.clock.move_to(AMENDMENT_DAY + 4, 9)
    checks.equal("lapse.after-three-business-days", day_of(lapse_ms - 1), port.clock.day_of(AMENDMENT_DAY + 3))
    lapsed, between = bars(port, [quota]), port.engine.status().height - height
    checks.equal("lapse.by-itself", (between, lapsed.held, lapsed.available), (0, 0, held.held))
    late = slow.disburse(given.financing, registration=registration(port))
    checks.equal("lapse.too-late", late.result.code, Rejection.HOLD_LAPSED)
    other = OTHER_BANKS[0]
    next_given, desk = port.consent(LAMP_MAKER.code, other, parts), port.bank(other)
    taken = desk.lending.hold(next_given.slip, Wanted("invoice", maturity_ms))
    drawn = desk.lending.disburse(next_given.financing, registration=registration(port))
    checks.holds("lapse.next-bank-lends", taken.result.accepted and drawn.result.accepted)
    return LapseShown(
        number=number,
        bank=SLOW_BANK,
        held=held,
        placed_ms=placed_ms,
        lapse_ms=lapse_ms,
        lapsed=lapsed,
        blocks_between=between,
        too_late=late.result.code or Rejection.COMMAND_UNKNOWN,
        other_bank=other,
        lent=one_loan(desk.bank, next_given.financing).view,
        after=bars(port, [quota]),
    )


def _overdue(port: SeededPort, checks: Checks) -> MonthEndShown:
    now_ms = port.clock.now_ms()
    found = overdue_at(port.bank(CAREFUL_BANK).bank, now_ms)
    checks.equal(
        "month-end.overdue", [held.view.maturity_ms for held in found], [port.clock.at(60, 24), port.clock.at(75, 24)]
    )
    checks.holds("month-end.owed", all(sum(held.view.outstanding.values()) for held in found))
    return MonthEndShown(CAREFUL_BANK, now_ms, found)


def _papers(port: SeededPort, checks: Checks, financing: str) -> tuple[Path, Path]:
    """Print what a credit officer asks for: the receipt of a verification, and the loan's statement."""
    side, name, now_ms = port.bank(CAREFUL_BANK), port.names[CAREFUL_BANK], port.clock.now_ms()
    loan = one_loan(side.bank, financing)
    made = prove_loan(port.engine, port.trust, financing, "financed")
    checks.holds("papers.proven", made.verdict.proven)
    port.keep_proof("amended-loan-financed", made)
    numbers = {part.quota: number for number, part in zip(loan.numbers, loan.view.allocations, strict=True)}
    asked = Asked(name, ", ".join(loan.numbers), loan.booked.customer, numbers)
    receipt = port.keep_paper("amended-loan-receipt", verification_receipt(made.proof, made.verdict, asked, now_ms))
    statement = port.keep_paper("amended-loan-statement", loan_statement(side.bank, loan, name, now_ms))
    checks.holds("papers.are-pdf", all(path.read_bytes().startswith(b"%PDF-") for path in (receipt, statement)))
    return receipt, statement
