"""``kouan financing``: between banks: a loan offered and bought, and a loan that another bank may pay off."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.loans import LoanArgument, amount_of, bank_of, day_end, must_accept
from kouan.cli.output import Page, UnusableError, fields, moment, table
from kouan.client.offers import offered_to
from kouan.client.papers import last_day
from kouan.client.portfolio import one_loan, sums
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.workdays import after_business_days

app: Final = group("")

ToOption = Annotated[str | None, typer.Option("--to", metavar="BANK", help="The other bank, by its member id.")]


@command(
    app,
    "offer",
    signs=True,
    examples=(
        "kouan financing offer Zk3v --to wusong-trade-bank --until 2026-12-01",
        "kouan financing offer Zk3v --cancel",
    ),
)
def offer(
    call: Call,
    loan: LoanArgument,
    to: ToOption = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Its last day; without it, three business days.")
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take the offer back.")] = False,
) -> Page:
    """Offer a loan for sale to one bank, or take the offer back."""
    if cancel == (to is not None):
        raise UnusableError("--to", "give --to BANK, or --cancel")
    with bank_of(call) as bank:
        desk = ServicingDesk(bank)
        if to is None:
            must_accept(call, bank, desk.cancel_offer(loan), call.text("cancel the offer", "撤回要约"))
        else:
            now_ms = bank.session.now_ms()
            lapse_ms = after_business_days(now_ms).moment_ms if until is None else day_end("--until", until)
            must_accept(call, bank, desk.offer(loan, to, lapse_ms), call.text("offer", "转让要约"))
        view = one_loan(bank, loan).view
    next_step = call.text("Next: the buyer runs ", "下一步：受让行执行 ") + f"kouan financing accept {view.id}"
    document = {"financing": view.id, "offer": view.offer}
    return Page(document, [next_step] if view.offer else [call.text("The offer is taken back.", "要约已撤回。")])


@command(app, "offers", signs=True, examples=("kouan financing offers --as wusong-trade-bank",))
def offers(call: Call) -> Page:
    """List the loans that other banks offer to this one now: read from the ledger's blocks since it last looked."""
    with bank_of(call) as bank:
        found = [(view, view.offer) for view in offered_to(bank) if view.offer is not None]
    documents = [
        {
            "financing": view.id,
            "lapse_ms": offer.lapse_ms,
            "maturity": last_day(view.maturity_ms),
            "outstanding_minor": view.outstanding,
            "product": view.product,
            "seller": view.bank,
        }
        for view, offer in found
    ]
    columns = [
        call.text("Loan", "融资"),
        call.text("Seller", "转让行"),
        call.text("Product", "产品"),
        call.text("Outstanding", "未还余额"),
        call.text("Due", "到期日"),
        call.text("Offer until", "要约有效期至"),
    ]
    rows = [
        [
            *(view.id, call.names().of(view.bank, call.lang), view.product, sums(view.outstanding)),
            *(last_day(view.maturity_ms), moment(offer.lapse_ms)),
        ]
        for view, offer in found
    ]
    shown = table("", columns, rows, right=(3,)) if rows else call.text("nothing is offered", "没有转让要约")
    return Page({"offers": documents}, [shown])


@command(app, "accept", signs=True, examples=("kouan financing accept Zk3vR0h1Q2mXc8YtLwPzAg --as wusong-trade-bank",))
def accept(call: Call, financing: Annotated[str, typer.Argument(metavar="ID", help="The loan's full id.")]) -> Page:
    """Buy a loan that was offered to this bank."""
    with bank_of(call) as bank:
        must_accept(call, bank, ServicingDesk(bank).accept(financing), call.text("accept", "受让"))
        view = one_loan(bank, financing).view
    line = call.text(f"Bought: {view.id}", f"已受让：{view.id}")
    return Page({"financing": view.id, "outstanding_minor": view.outstanding}, [line])


@command(
    app,
    "payoff",
    signs=True,
    examples=("kouan financing payoff Zk3v --to wusong-trade-bank --successor 9fXq… --out payoff.json",),
)
def payoff(
    call: Call,
    loan: LoanArgument,
    successor: Annotated[str, typer.Option("--successor", metavar="ID", help="The new loan, as that bank names it.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the slip goes.")],
    to: ToOption = None,
    interest: Annotated[str | None, typer.Option("--interest", metavar="AMOUNT", help="To be paid with it.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Its last day; without it, three business days.")
    ] = None,
) -> Page:
    """Make the slip with which another bank may pay a loan off by a new one. Nothing goes to the ledger yet."""
    if to is None:
        raise UnusableError("--to", "is missing; give the bank that pays off")
    with bank_of(call) as bank:
        now_ms = bank.session.now_ms()
        expires_ms = after_business_days(now_ms).moment_ms if until is None else day_end("--until", until)
        slip = ServicingDesk(bank).pay_off_slip(
            loan,
            to=to,
            successor=successor,
            expires_ms=expires_ms,
            seed=call.home().keys.signing_seeds[call.key],
            interest=amount_of("--interest", interest),
        )
        financing = one_loan(bank, loan).view.id
    out.write_bytes(slip)
    document = {"financing": financing, "successor": successor, "expires_ms": expires_ms, "slip": str(out)}
    return Page(document, [fields([(call.text("Pay-off slip", "清偿同意书"), str(out))])])
