"""``kouan financing``: other declarations under a loan, in the place of one that no longer carries it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.loans import LoanArgument, bank_of, must_accept, parts_of, read_slip
from kouan.cli.output import Page, UnusableError, table
from kouan.cli.paper_views import evaluator_of
from kouan.client.portfolio import one_loan
from kouan.client.substitution import substitute as put_in_place
from kouan.formats.money import money

app: Final = group("")


@command(
    app,
    "substitute",
    signs=True,
    examples=(
        'kouan enterprise consent --bank bank-of-huangpu --financing ID --declaration "NEW:90000 USD" --out new.json',
        'kouan financing substitute Zk3v new.json --part "223320260000000001:90000.00 USD" --as bank-of-huangpu',
    ),
)
def substitute(
    call: Call,
    loan: LoanArgument,
    slip: Annotated[
        Path, typer.Argument(metavar="CONSENT.json", help="The owner's slip for this loan: what it may stand on.")
    ],
    part: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="DECLARATION:AMOUNT", help="What is taken off one of its own; repeat it."),
    ] = None,
) -> Page:
    """Put other declarations in the place of one whose value was cut; what is lent stays as it is.

    What is taken off and what the slip lets the loan draw anew must be equal in each currency.
    """
    with bank_of(call) as bank:
        replaced = parts_of(bank, part)
        if replaced is None:
            raise UnusableError("--part", "is missing; give what is taken off, like 223320260000000001:90000.00 USD")
        with evaluator_of(call, bank) as evaluator:
            made = put_in_place(bank, loan, read_slip(slip), replaced, evaluator)
        must_accept(call, bank, made.result, call.text("substitute", "置换报关单"))
        held = one_loan(bank, made.financing)
    stands = list(zip(held.numbers, held.view.allocations, strict=True))
    document = {
        "financing": made.financing,
        "declarations": [
            {"declaration": number, "quota": one.quota, "unit": one.unit, "outstanding_minor": one.outstanding}
            for number, one in stands
        ],
    }
    title = call.text(f"Loan {made.financing}", f"融资 {made.financing}")
    columns = [call.text("Declaration", "报关单"), call.text("Outstanding", "未还余额")]
    rows = [[number, money(one.outstanding, one.unit)] for number, one in stands]
    return Page(document, [table(title, columns, rows, right=(1,))])
