"""``kouan financing notices``: what a lender should know that happened elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.loans import bank_of
from kouan.cli.output import Page, moment, table
from kouan.client.names import Names
from kouan.client.notices import Notice, read_notices
from kouan.formats.money import money

app: Final = group("")

_KINDS: Final = {
    "diversion": ("buyer's money at another bank", "回款至他行"),
    "diversion-reversed": ("that report was taken back", "他行收汇已冲正"),
    "amended": ("declaration amended", "改单"),
    "withdrawn": ("declaration withdrawn", "撤单"),
    "suspended": ("declaration suspended", "暂停"),
    "resumed": ("declaration resumed", "恢复"),
    "rekeyed": ("draw key replaced", "更换支用密钥"),
    "offer": ("a loan is offered", "转让要约"),
}


@command(
    app,
    "notices",
    signs=True,
    examples=("kouan financing notices --as bank-of-huangpu", "kouan financing notices --since 1 --json"),
)
def notices(
    call: Call,
    since: Annotated[
        int | None,
        typer.Option("--since", metavar="HEIGHT", min=1, help="Read the blocks from here on once more."),
    ] = None,
) -> Page:
    """Tell the lender what happened to its declarations elsewhere, in the blocks since it last looked.

    Money that a buyer paid to another bank for a declaration under an open loan 回款至他行; declarations under such
    loans that customs amended, withdrew, suspended, resumed, or gave a new draw key; loans offered to this bank.
    """
    with bank_of(call) as bank:
        read = read_notices(bank, since)
        if since is None:
            bank.book.read_blocks(read.to_height)
    names = call.names()
    columns = [
        call.text("When", "时间"),
        call.text("What", "事项"),
        call.text("By", "经办机构"),
        call.text("Declaration", "报关单"),
        call.text("Amount", "金额"),
        call.text("Reason", "原因"),
        call.text("Loans", "相关融资"),
    ]
    rows = [row for notice in read.notices for row in _rows(call, names, notice)]
    span = call.text(
        f"blocks {read.from_height} to {read.to_height}: {len(read.notices)} notices",
        f"区块 {read.from_height} 至 {read.to_height}：{len(read.notices)} 条通知",
    )
    document = {
        "from_height": read.from_height,
        "to_height": read.to_height,
        "notices": [_document(notice) for notice in read.notices],
    }
    return Page(document, [table("", columns, rows, right=(4,)), span] if rows else [span])


def _rows(call: Call, names: Names, notice: Notice) -> list[list[str]]:
    start = [moment(notice.time_ms), call.text(*_KINDS[notice.kind]), names.of(notice.by, call.lang)]
    loans = " ".join(notice.loans) or (notice.subject if notice.kind == "offer" else "")
    if not notice.declarations:
        return [[*start, "", "", notice.reason, loans]]
    return [
        [
            *start,
            one.number or one.quota,
            "" if one.amount is None else money(one.amount, one.unit),
            notice.reason,
            loans,
        ]
        for one in notice.declarations
    ]


def _document(notice: Notice) -> dict[str, Any]:
    declarations = [
        {"declaration": one.number, "quota": one.quota, "unit": one.unit, "amount_minor": one.amount}
        for one in notice.declarations
    ]
    return {**notice._asdict(), "declarations": declarations}
