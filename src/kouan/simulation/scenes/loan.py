"""Scene 3: one loan close up, from six declarations to the buyer's payment, and a second bank that is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kouan.client.amounts import Amount
from kouan.client.bank_desk import Wanted
from kouan.client.papers import Asked, acceptance_advice, verification_receipt
from kouan.client.portfolio import one_loan
from kouan.client.proofs import prove_loan
from kouan.client.refusals import explain
from kouan.client.verifier import Verdict
from kouan.client.wallet import Part
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_files
from kouan.kernel.quota import available, held
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.modules.financing.queries import LoanView, short_of
from kouan.simulation.cast import GARMENT_MAKER, LENDER, RIVAL
from kouan.simulation.checks import Checks
from kouan.simulation.clock import DAY_MS
from kouan.simulation.declarations import LC_CONTRACT
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.attesting import MESSAGES
from kouan.simulation.scenes.business import Deal, of_contract, registration, settle_due

USANCE_DAYS: Final = 90
PAYMENT_DAY: Final = 88
PAYMENT: Final = Amount(311_960_00, "USD")
INTEREST: Final = Amount(3_116_67, "USD")
"""As the bank reckons it: USD 250,000 for 88 days of 360 at 5.10 %."""


class Bars(NamedTuple):
    """What stands on some declarations of one currency, in minor units: from the ledger's quotas."""

    unit: str
    attested: int
    limit: int
    available: int
    held: int
    used: int
    collected: int


class RefusedShown(NamedTuple):
    """A refusal as the bank is told it."""

    bank: str
    asked: Amount
    code: Rejection
    text_en: str
    text_zh: str


class LendingShown(NamedTuple):
    """From the application to the money, on one day."""

    financing: str
    lapse_ms: int
    """Until when the declarations were held."""
    advice: Path
    while_held: Bars
    registration: str
    """Its number in the movables register."""
    lent_ms: int
    """When it was paid out."""
    lent: LoanView
    after: Bars


class ReceiptShown(NamedTuple):
    """The verification receipt and the proof behind it."""

    paper: Path
    proof: Path
    verdict: Verdict
    qr: str
    """What the paper's code says."""


class PaymentShown(NamedTuple):
    """What became of the loan when the buyer paid."""

    paid_ms: int
    after: Bars
    short: int
    """What the buyer paid too little for good, in minor units."""
    settled: LoanView


class LoanShown(NamedTuple):
    """What the scene shows."""

    declarations: list[Declaration]
    before: Bars
    lending: LendingShown
    receipt: ReceiptShown
    second_bank: RefusedShown
    payment: PaymentShown | None = None
    """None where the story ends before the buyer pays."""
    once_more: RefusedShown | None = None


def lend_and_collect(port: SeededPort, checks: Checks, deals: list[Deal]) -> LoanShown:
    """Lend on six declarations, try a second bank, let the buyer pay, try once more."""
    port.clock.move_to(0, 10, 20)
    shown = lend(port, checks)
    shipped = of_contract(port, GARMENT_MAKER.code, LC_CONTRACT)
    settle_due(port, checks, deals, PAYMENT_DAY)
    port.clock.move_to(PAYMENT_DAY, 10)
    payment = _pay(port, checks, shown.lending.lent, shipped)
    return shown._replace(payment=payment, once_more=_try_at(port, checks, RIVAL, shipped))


def lend(port: SeededPort, checks: Checks) -> LoanShown:
    """Lend on six declarations, and try a second bank."""
    shipped = of_contract(port, GARMENT_MAKER.code, LC_CONTRACT)
    numbers = [number for number, _ in shipped]
    before = bars(port, [quota for _, quota in shipped])
    checks.equal("loan.declarations", len(shipped), 6)
    checks.equal("loan.attested", before.attested, 312_500_00)
    checks.equal("loan.financeable", before.available, 250_000_00)
    lending = _lend(port, checks, shipped)
    receipt = _receipt(port, checks, lending.financing, numbers)
    port.clock.move_to(0, 15, 30)
    second_bank = _try_at(port, checks, RIVAL, shipped)
    return LoanShown(_messages(port, numbers), before, lending, receipt, second_bank)


def _lend(port: SeededPort, checks: Checks, shipped: Sequence[tuple[str, Quota]]) -> LendingShown:
    """Accept in the morning, pay out in the afternoon."""
    quotas, bank, maturity_ms = [quota for _, quota in shipped], port.bank(LENDER), port.clock.at(USANCE_DAYS, 24)
    given = port.consent(GARMENT_MAKER.code, LENDER, _all_of(shipped))
    placed = bank.lending.hold(given.slip, Wanted("export-bill", maturity_ms))
    checks.holds("loan.held", placed.result.accepted)
    paper = acceptance_advice(placed, port.names[LENDER], "export-bill", maturity_ms, port.clock.now_ms())
    advice, while_held = port.keep_paper("acceptance-advice", paper), bars(port, quotas)
    checks.equal("loan.all-held", (while_held.held, while_held.available), (250_000_00, 0))

    port.clock.move_to(0, 14, 40)
    registered = registration(port)
    drawn = bank.lending.disburse(given.financing, registration=registered)
    checks.holds("loan.paid-out", drawn.result.accepted)
    lent, after = one_loan(bank.bank, given.financing).view, bars(port, quotas)
    checks.equal("loan.lent", lent.outstanding, {"USD": 250_000_00})
    checks.equal("loan.used", (after.used, after.available), (250_000_00, 0))
    return LendingShown(
        financing=given.financing,
        lapse_ms=lent.lapse_ms,
        advice=advice,
        while_held=while_held,
        registration=registered.number,
        lent_ms=port.clock.now_ms(),
        lent=lent,
        after=after,
    )


def _receipt(port: SeededPort, checks: Checks, financing: str, numbers: list[str]) -> ReceiptShown:
    """Prove the loan, and print the receipt with the proof's fingerprint in its code."""
    made = prove_loan(port.engine, port.trust, financing, "financed")
    checks.holds("loan.proven", made.verdict.proven)
    parts = one_loan(port.bank(LENDER).bank, financing)
    by_quota = {part.quota: number for number, part in zip(parts.numbers, parts.view.allocations, strict=True)}
    asked = Asked(port.names[LENDER], ", ".join(numbers), GARMENT_MAKER.code, by_quota)
    paper = verification_receipt(made.proof, made.verdict, asked, port.clock.now_ms())
    qr = paper.qr_text or ""
    checks.holds("loan.code-carries-fingerprint", qr.endswith(made.verdict.fingerprint))
    kept, proof = port.keep_paper("verification-receipt", paper), port.keep_proof("loan-financed", made)
    return ReceiptShown(kept, proof, made.verdict, qr)


def _pay(port: SeededPort, checks: Checks, lent: LoanView, shipped: Sequence[tuple[str, Quota]]) -> PaymentShown:
    """Let the buyer pay for good: collected on the declarations, and the loan repaid out of it."""
    quotas, bank = [quota for _, quota in shipped], port.bank(LENDER)
    collected = bank.servicing.collect(name=lent.id, amount=PAYMENT, final=True)
    repaid = bank.servicing.repay(lent.id, "buyer", amount=Amount(lent.amount, lent.currency), interest=INTEREST)
    checks.holds("loan.collected-and-repaid", collected.result.accepted and repaid.result.accepted)
    after, settled = bars(port, quotas), one_loan(bank.bank, lent.id).view
    short = sum(short_of(port.quota(quota.id)) for quota in quotas)
    checks.equal("loan.collected", after.collected, 311_960_00)
    checks.equal("loan.short", short, 540_00)
    checks.equal("loan.interest", settled.interest, INTEREST.minor)
    checks.equal("loan.settled", (settled.state, settled.outstanding), ("settled", {"USD": 0}))
    checks.equal("loan.nothing-left", (after.limit, after.available), (0, 0))
    return PaymentShown(port.clock.now_ms(), after, short, settled)


def bars(port: SeededPort, quotas: Sequence[Quota]) -> Bars:
    """Return what stands on some declarations of one currency now."""
    now = [port.quota(quota.id) for quota in quotas]
    now_ms = port.clock.now_ms()
    return Bars(
        unit=now[0].unit,
        attested=sum(quota.attested for quota in now),
        limit=sum(quota.limit for quota in now),
        available=sum(available(quota, now_ms) for quota in now),
        held=sum(held(quota, now_ms) for quota in now),
        used=sum(quota.used for quota in now),
        collected=sum(quota.collected for quota in now),
    )


def _all_of(shipped: Sequence[tuple[str, Quota]]) -> list[Part]:
    return [Part(number, quota.unit, quota.limit) for number, quota in shipped]


def _try_at(port: SeededPort, checks: Checks, bank: str, shipped: Sequence[tuple[str, Quota]]) -> RefusedShown:
    """Let the owner ask a bank for a loan on the same declarations; the bank is told why it is refused."""
    given, side = port.consent(GARMENT_MAKER.code, bank, _all_of(shipped)), port.bank(bank)
    placed = side.lending.hold(given.slip, Wanted("export-bill", port.clock.now_ms() + USANCE_DAYS * DAY_MS))
    checks.equal("loan.refused", placed.result.code, Rejection.QUOTA_EXCEEDED)
    told = [explain(side.bank, placed.result, lang) for lang in ("en", "zh")]
    checks.holds("loan.refusal-explained", all(told))
    texts = [one.text if one else "" for one in told]
    return RefusedShown(bank, placed.lent, placed.result.code or Rejection.COMMAND_UNKNOWN, *texts)


def _messages(port: SeededPort, numbers: Sequence[str]) -> list[Declaration]:
    found = read_files(port.directory / MESSAGES / f"{number}.xml" for number in numbers)
    return [declaration for _, declaration in found if isinstance(declaration, Declaration)]
