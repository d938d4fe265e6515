"""``kouan financing``: what buyers and borrowers pay, and what else becomes of a loan that is out."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.loans import AmountOption, LoanArgument, PartOption, amount_of, bank_of, must_accept, one_way, parts_of
from kouan.cli.loans_opening import split_page
from kouan.cli.output import Page, UnusableError, table
from kouan.client.portfolio import one_loan
from kouan.client.servicing_desk import Collection, ServicingDesk
from kouan.formats.money import money
from kouan.modules.financing.records import Answer, Payer, WriteOffReason
from kouan.modules.financing.rules import unit_of

app: Final = group("")


@command(
    app,
    "collect",
    signs=True,
    examples=(
        'kouan financing collect --financing Zk3v --amount "311960.00 USD" --final',
        'kouan financing collect --part "223320260000000001:10000.00 USD"',
    ),
)
def collect(
    call: Call,
    financing: Annotated[str | None, typer.Option("--financing", metavar="LOAN", help="For which loan.")] = None,
    amount: AmountOption = None,
    part: PartOption = None,
    final: Annotated[bool, typer.Option("--final", help="The buyer has paid for good; what is short stays short.")] = (
        False
    ),
) -> Page:
    """Report what a buyer has paid, whether or not there is a loan.

    For a loan, an amount is split over its declarations of that currency in proportion to what is attested of each;
    --part says it declaration by declaration. It is no repayment: report that with `repay`.
    """
    one_way(amount, part)
    with bank_of(call) as bank:
        collection = ServicingDesk(bank).collect(
            name=financing, amount=amount_of("--amount", amount), parts=parts_of(bank, part), final=final
        )
        must_accept(call, bank, collection.result, call.text("collect", "收汇"))
        numbers = [bank.book.number_of(item.quota) for item in collection.items]
    return _collection_page(call, collection, numbers)


@command(
    app,
    "repay",
    signs=True,
    examples=(
        'kouan financing repay Zk3v --amount "250000.00 USD" --interest "2812.50 USD" --payer buyer',
        'kouan financing repay Zk3v --part "223320260000000001:1000.00 USD"',
    ),
)
def repay(
    call: Call,
    loan: LoanArgument,
    amount: AmountOption = None,
    part: PartOption = None,
    interest: Annotated[str | None, typer.Option("--interest", metavar="AMOUNT", help="Paid besides.")] = None,
    payer: Annotated[Payer, typer.Option("--payer", help="Whose money it is; `bank` is an advance.")] = "seller",
) -> Page:
    """Record a repayment. An amount fills the loan's declarations in their order, the oldest first."""
    one_way(amount, part)
    with bank_of(call) as bank:
        repaid = ServicingDesk(bank).repay(
            loan,
            payer,
            amount=amount_of("--amount", amount),
            parts=parts_of(bank, part),
            interest=amount_of("--interest", interest),
        )
        must_accept(call, bank, repaid.result, call.text("repay", "还款"))
        title = call.text("Advanced", "垫款") if payer == "bank" else call.text("Repaid", "还款")
        return split_page(call, bank, repaid.loan, repaid.amounts, title, repaid.interest)


@command(app, "write-off", signs=True, examples=("kouan financing write-off Zk3v --reason buyer-insolvent",))
def write_off(
    call: Call, loan: LoanArgument, reason: Annotated[WriteOffReason, typer.Option("--reason", help="Why.")]
) -> Page:
    """Flag a loan as written off; what is owed stays drawn, and can still be repaid."""
    with bank_of(call) as bank:
        must_accept(call, bank, ServicingDesk(bank).write_off(loan, reason), call.text("write off", "核销"))
        financing = one_loan(bank, loan).view.id
    line = call.text(f"Written off: {financing}", f"已核销：{financing}")
    return Page({"financing": financing, "written_off": reason}, [line])


@command(
    app,
    "review",
    signs=True,
    examples=("kouan financing review Zk3v --declaration 223320260000000001 --answer partial-repayment",),
)
def review(
    call: Call,
    loan: LoanArgument,
    declaration: Annotated[str, typer.Option("--declaration", help="Which declaration was changed.")],
    answer: Annotated[Answer, typer.Option("--answer", help="What the bank does about it.")],
) -> Page:
    """Say what the bank does about a declaration that was changed after it lent on it."""
    with bank_of(call) as bank:
        quota = bank.quota_id(declaration)
        result = ServicingDesk(bank).review(loan, quota, answer)
        must_accept(call, bank, result, call.text("review", "改单处理"))
        view = one_loan(bank, loan).view
    line = call.text(f"Answered: {answer} for {declaration}", f"已答复：{declaration}：{answer}")
    document = {"financing": view.id, "quota": quota, "answer": answer, "under_review": view.is_under_review}
    return Page(document, [line])


@command(
    app,
    "reverse",
    signs=True,
    examples=(
        "kouan financing reverse Zk3v --entry 2 --key checker",
        "kouan financing reverse --collection Qh2s… --key checker",
    ),
)
def reverse(
    call: Call,
    loan: Annotated[str | None, typer.Argument(metavar="LOAN", help="Whose entry it is.")] = None,
    entry: Annotated[int | None, typer.Option("--entry", min=1, help="Its number, as `show` counts.")] = None,
    collection: Annotated[str | None, typer.Option("--collection", metavar="ID", help="Or a collection's id.")] = None,
) -> Page:
    """Take a wrongly keyed entry or collection back: a second person does it, with another key than made it."""
    if (loan is None or entry is None) == (collection is None):
        raise UnusableError("--entry", "give LOAN and --entry NUMBER, or --collection ID alone")
    with bank_of(call) as bank:
        desk = ServicingDesk(bank)
        if collection is not None:
            result = desk.reverse_collection(collection)
        else:
            result = desk.reverse(str(loan), int(entry or 0))
        must_accept(call, bank, result, call.text("reverse", "冲正"))
    what = collection or f"{loan} {entry}"
    return Page({"reversed": what}, [call.text(f"Reversed: {what}", f"已冲正：{what}")])


def _collection_page(call: Call, collection: Collection, numbers: list[str | None]) -> Page:
    rows, parts = [], []
    for item, number in zip(collection.items, numbers, strict=True):
        unit = unit_of(item.quota)
        amounts = (item.amount, item.collected, item.attested, item.short)
        rows.append([number or item.quota, *(money(amount, unit) for amount in amounts)])
        parts.append(
            {
                "declaration": number,
                "quota": item.quota,
                "unit": unit,
                "amount_minor": item.amount,
                "collected_minor": item.collected,
                "attested_minor": item.attested,
                "short_minor": item.short,
            }
        )
    columns = [
        call.text("Declaration", "报关单"),
        call.text("Received", "本次收汇"),
        call.text("In all", "累计收汇"),
        call.text("Attested", "核证金额"),
        call.text("Short", "短付"),
    ]
    shown = table(call.text(f"Collection {collection.id}", f"收汇 {collection.id}"), columns, rows, right=(1, 2, 3, 4))
    return Page({"collection": collection.id, "declarations": parts}, [shown])
