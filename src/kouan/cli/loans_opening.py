"""``kouan financing``: from the owner's consent to the money."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.loans import (
    AmountOption,
    ExpiresOption,
    LoanArgument,
    PartOption,
    PdfOption,
    RegistrationOption,
    SearchedOption,
    amount_of,
    bank_name,
    bank_of,
    day_end,
    held_until,
    must_accept,
    one_way,
    parts_of,
    read_slip,
    registration_of,
    write_pdf,
)
from kouan.cli.output import Page, UnusableError, fields, table
from kouan.cli.paper_views import evaluator_of
from kouan.cli.quota_words import free_word, kinds_among
from kouan.client.amounts import parse_rate
from kouan.client.bank import Bank
from kouan.client.bank_desk import BankDesk, Placed, Wanted
from kouan.client.intake import Examined
from kouan.client.loan_statement import history
from kouan.client.papers import acceptance_advice, last_day
from kouan.client.payoff import read_pay_off
from kouan.client.portfolio import one_loan
from kouan.client.servicing_desk import ServicingDesk
from kouan.formats.money import money
from kouan.modules.financing.records import Financing, Product, ReleaseReason
from kouan.modules.financing.rules import KINDS, unit_of

app: Final = group("")

SlipArgument = Annotated[Path, typer.Argument(metavar="CONSENT.json", help="The slip that the owner's wallet made.")]
ProductOption = Annotated[Product, typer.Option("--product", help="What kind of loan it is.")]
MaturityOption = Annotated[str, typer.Option("--maturity", metavar="DAY", help="The last day of the loan.")]
CurrencyOption = Annotated[
    str | None, typer.Option("--currency", help="Of the loan; without it, that of the declarations.")
]
RateOption = Annotated[
    list[str] | None,
    typer.Option("--rate", metavar="USD=7.1234", help="What one unit of another currency is in the loan's; repeat it."),
]


@command(
    app,
    "check",
    signs=True,
    examples=("kouan financing check consent.json --as bank-of-huangpu",),
)
def check(call: Call, slip: SlipArgument) -> Page:
    """Look at an owner's slip beside the ledger, and send nothing."""
    with bank_of(call) as bank:
        consent, examined = BankDesk(bank).open_consent(read_slip(slip))
    document = {"financing": consent.financing, "declarations": examined}
    is_sound = not any(one.problems for one in examined)
    return Page(document, [_examined_table(call, examined), *_said(examined)], 0 if is_sound else 2)


@command(
    app,
    "hold",
    signs=True,
    examples=(
        "kouan financing hold consent.json --product export-bill --maturity 2027-02-19 --as bank-of-huangpu",
        "kouan financing hold consent.json --product order --maturity 2027-02-19 --currency CNY --rate USD=7.1234",
    ),
)
def hold(
    call: Call,
    slip: SlipArgument,
    product: ProductOption,
    maturity: MaturityOption,
    currency: CurrencyOption = None,
    rate: RateOption = None,
    pdf: PdfOption = None,
) -> Page:
    """Set aside what the owner's slip consents to, for three business days: all of it or nothing.

    A declaration that the bank has not shown to the evaluator yet is shown now, and linked to the papers that it names.
    """
    wanted = _wanted(product, maturity, currency, rate)
    with bank_of(call) as bank:
        with evaluator_of(call, bank) as evaluator:
            placed = BankDesk(bank, evaluator).hold(read_slip(slip), wanted)
        must_accept(call, bank, placed.result, call.text("hold", "占用"))
        now_ms = bank.session.now_ms()
    written = None
    if pdf is not None:
        written = write_pdf(pdf, acceptance_advice(placed, bank_name(call), product, wanted.maturity_ms, now_ms))
    return _placed_page(call, placed, written)


@command(
    app,
    "refinance",
    signs=True,
    examples=(
        "kouan financing refinance consent.json --predecessor Zk3v --product export-bill --maturity 2027-02-19 …",
        "kouan financing refinance consent.json --predecessor ID --payoff payoff.json …   (another bank's loan)",
    ),
)
def refinance(
    call: Call,
    slip: SlipArgument,
    predecessor: Annotated[
        str, typer.Option("--predecessor", metavar="LOAN", help="The loan to pay off; another bank's by its full id.")
    ],
    product: ProductOption,
    maturity: MaturityOption,
    registration: RegistrationOption = None,
    searched: SearchedOption = None,
    registered_until: ExpiresOption = None,
    payoff: Annotated[Path | None, typer.Option("--payoff", metavar="FILE", help="The old lender's slip.")] = None,
    currency: CurrencyOption = None,
    rate: RateOption = None,
) -> Page:
    """Pay an old loan off by a new one in one step, at the same bank or another."""
    registered = registration_of(registration, searched, registered_until)
    if registered is None:
        problem = "is missing; give --registration NUMBER --searched TIME --registered-until DAY"
        raise UnusableError("--registration", problem)
    theirs = None if payoff is None else read_pay_off(read_slip(payoff))
    wanted = _wanted(product, maturity, currency, rate)
    with bank_of(call) as bank:
        with evaluator_of(call, bank) as evaluator:
            desk = BankDesk(bank, evaluator)
            placed = desk.refinance(read_slip(slip), wanted, predecessor, registered, theirs)
        must_accept(call, bank, placed.result, call.text("refinance", "融资置换"))
    return _placed_page(call, placed, None)


@command(
    app,
    "extend",
    signs=True,
    examples=("kouan financing extend Zk3v", "kouan financing extend Zk3v --maturity 2027-05-19"),
)
def extend(
    call: Call,
    loan: LoanArgument,
    maturity: Annotated[str | None, typer.Option("--maturity", metavar="DAY", help="The loan's new last day.")] = None,
) -> Page:
    """Let a hold lapse three business days later, once; with --maturity, let a loan fall due later."""
    with bank_of(call) as bank:
        if maturity is not None:
            maturity_ms = day_end("--maturity", maturity)
            result, warnings = ServicingDesk(bank).prolong(loan, maturity_ms), []
            must_accept(call, bank, result, call.text("extend the maturity", "展期"))
        else:
            result, lapse = BankDesk(bank).extend(loan)
            warnings = lapse.warnings
            must_accept(call, bank, result, call.text("extend the hold", "延长占用"))
        view = one_loan(bank, loan).view
    document = {"financing": view.id, "lapse_ms": view.lapse_ms, "maturity_ms": view.maturity_ms, "warnings": warnings}
    pairs = [(call.text("Loan", "融资"), view.id)]
    if view.held:
        pairs.append(held_until(call, view.lapse_ms))
    pairs.append((call.text("Maturity", "到期日"), last_day(view.maturity_ms)))
    return Page(document, [fields(pairs), *(f"! {warning}" for warning in warnings)])


@command(
    app,
    "disburse",
    signs=True,
    examples=(
        "kouan financing disburse Zk3v --registration 07123 --searched 2026-11-22T10:30 --registered-until 2027-11-21",
        'kouan financing disburse Zk3v --amount "100000.00 USD"',
        'kouan financing disburse Zk3v --part "223320260000000001:100000.00 USD"',
    ),
)
def disburse(
    call: Call,
    loan: LoanArgument,
    amount: AmountOption = None,
    part: PartOption = None,
    registration: RegistrationOption = None,
    searched: SearchedOption = None,
    registered_until: ExpiresOption = None,
) -> Page:
    """Pay out what is held, or a part of it; everything is checked again."""
    one_way(amount, part)
    registered = registration_of(registration, searched, registered_until)
    with bank_of(call) as bank:
        drawn = BankDesk(bank).disburse(
            loan, registration=registered, amount=amount_of("--amount", amount), parts=parts_of(bank, part)
        )
        must_accept(call, bank, drawn.result, call.text("disburse", "放款"), paid_out=drawn.loan.id)
        return split_page(call, bank, drawn.loan, drawn.amounts, call.text("Paid out", "放款"))


@command(app, "release", signs=True, examples=("kouan financing release Zk3v --reason withdrawn",))
def release(
    call: Call,
    loan: LoanArgument,
    reason: Annotated[ReleaseReason, typer.Option("--reason", help="Why it is given back.")],
) -> Page:
    """Give back what is held and not paid out."""
    with bank_of(call) as bank:
        must_accept(call, bank, BankDesk(bank).release(loan, reason), call.text("release", "解除占用"))
        view = one_loan(bank, loan).view
    line = call.text(f"Released: {view.id} is {view.state}", f"已解除占用：{view.id}")
    return Page({"financing": view.id, "state": view.state}, [line])


def split_page(call: Call, bank: Bank, loan: Financing, amounts: list[int], title: str, interest: int = 0) -> Page:
    """Return the page of a sum that was spread over a loan's declarations."""
    held = one_loan(bank, loan.id)
    view, newest = held.view, history(bank, held)[-1]
    rows, parts = [], []
    for was, amount, now in zip(loan.allocations, amounts, view.allocations, strict=True):
        number, unit = bank.book.number_of(was.quota), unit_of(was.quota)
        rows.append([number or was.quota, money(amount, unit), money(now.outstanding, unit)])
        parts.append(
            {
                "declaration": number,
                "quota": was.quota,
                "unit": unit,
                "amount_minor": amount,
                "outstanding_minor": now.outstanding,
            }
        )
    columns = [call.text("Declaration", "报关单"), title, call.text("Outstanding", "未还余额")]
    document = {"financing": loan.id, "state": view.state, "interest_minor": interest, "declarations": parts}
    document |= {"currency": loan.currency, "own_minor": newest.own, "owed_minor": held.owed}
    shown = [table(f"{loan.id}", columns, rows, right=(1, 2))]
    received = [f"{call.text('Interest', '利息')}: {money(interest, loan.currency)}"] if interest else []
    if held.is_foreign:
        owed = f"{call.text('Outstanding', '未还余额')}: {money(held.owed, loan.currency)}"
        received = [f"{title}: {money(newest.own, loan.currency)}", *received, owed]
    return Page(document, [*shown, *received])


def _wanted(product: Product, maturity: str, currency: str | None, rates: list[str] | None) -> Wanted:
    if rates and currency is None:
        raise UnusableError("--currency", "is missing; a rate is into the loan's currency, such as CNY")
    parsed: dict[str, int] = {}
    for text in rates or []:
        unit, rate_e8 = parse_rate(text, str(currency))
        if unit in parsed:
            raise UnusableError("--rate", f"{unit} is given twice; give one rate for each currency")
        parsed[unit] = rate_e8
    return Wanted(product, day_end("--maturity", maturity), currency, parsed)


def _placed_page(call: Call, placed: Placed, pdf: str | None) -> Page:
    lapse_ms = placed.lapse.moment_ms if placed.lapse else None
    warnings = placed.lapse.warnings if placed.lapse else []
    document: dict[str, Any] = {
        "financing": placed.financing,
        "customer": placed.customer,
        "amount_minor": placed.lent.minor,
        "currency": placed.lent.currency,
        "lapse_ms": lapse_ms,
        "warnings": warnings,
        "declarations": placed.declarations,
        "pdf": pdf,
    }
    pairs = [
        (call.text("Loan", "融资"), placed.financing),
        (call.text("Customer", "企业"), placed.customer),
        (call.text("Amount", "金额"), money(*placed.lent)),
    ]
    if placed.lapse is not None:
        pairs.append(held_until(call, placed.lapse.moment_ms))
    if pdf is not None:
        pairs.append((call.text("Advice", "受理通知"), pdf))
    lines = [f"! {warning}" for warning in warnings]
    return Page(
        document,
        [fields(pairs), "", _examined_table(call, placed.declarations), *_said(placed.declarations), *lines],
    )


def _examined_table(call: Call, examined: list[Examined]) -> Any:
    kinds = kinds_among([_side(one.kind) for one in examined])
    columns = [
        call.text("Document", "单证"),
        call.text("Owner", "企业"),
        call.text("Attested", "核证金额"),
        *(call.text(f"{free_word(kind, 'en')}, before", f"此前{free_word(kind, 'zh')}") for kind in kinds),
        call.text("This loan", "本笔"),
    ]
    rows = [
        [
            one.number,
            one.owner,
            money(one.attested, one.unit),
            *(money(one.available, one.unit) if _side(one.kind) == kind else "" for kind in kinds),
            money(one.amount, one.unit),
        ]
        for one in examined
    ]
    return table("", columns, rows, right=range(2, len(columns)))


def _side(kind: str) -> str:
    """Return what a free part may be used for: papers are financed as exports are."""
    return "export" if kind in KINDS else kind


def _said(examined: list[Examined]) -> list[str]:
    problems = [f"x {one.number}: {problem}" for one in examined for problem in one.problems]
    return problems + [f"! {one.number}: {remark}" for one in examined for remark in one.remarks]
