"""``kouan evaluator``: serve the evaluator, and show who asked it how often."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.csv_output import csv_text
from kouan.cli.output import Page, UnusableError, error_console, moment, table
from kouan.client.reading import LedgerReader
from kouan.evaluator.asked import NOBODY, Asked, read_log
from kouan.evaluator.local_socket import is_served
from kouan.evaluator.local_socket import serve as serve_evaluator
from kouan.evaluator.memory import MEMORY_FILE

app: Final = group("The evaluator 比对方: which papers are the same, and which look alike.")
_COLUMNS: Final = ("hour", "member", "asked", "refused")


@command(app, "serve", examples=("kouan evaluator serve --port demo",))
def serve(call: Call) -> Page:
    """Answer the banks' questions on a Unix socket until SIGTERM or SIGINT.

    It runs where the evaluator has its home, beside `kouan serve`, from which it reads whose keys are good. Without it
    a bank that has the evaluator's home in its own port directory is answered in its own process: for demonstrations.
    """
    socket = call.port / bootstrap.EVALUATOR_SOCKET
    with (
        bootstrap.standing_reader(call.port, call.nodes, call.warn) as reader,
        bootstrap.own_evaluator(call.port, reader, call.passphrase) as service,
    ):
        if is_served(socket):
            raise UnusableError("--port", f"an evaluator answers at {socket} already; end it first")
        serving = call.text(f"serving at {socket}", f"正在提供服务：{socket}")
        asyncio.run(serve_evaluator(service, socket, lambda: error_console().print(serving, soft_wrap=True)))
    return Page({"stopped": True}, [call.text("stopped", "已停止")])


@command(app, "log", examples=("kouan evaluator log --port demo", "kouan evaluator log --csv > asked.csv"))
def log(
    call: Call,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")] = False,
) -> Page:
    """Show who asked the evaluator how often, hour by hour, newest first.

    Of what was asked it knows nothing: no document, number or name is kept. Questions that carry no valid signature
    of a bank count as nobody's.
    """
    with call.engine() as engine:
        home = bootstrap.evaluator_home(call.port, LedgerReader(engine))
    path = home.path / MEMORY_FILE
    asked = read_log(path) if path.exists() else []
    document = {"asked": [one._asdict() for one in asked], "evaluator": home.id}
    if as_csv:
        return Page(document, [csv_text(_COLUMNS, [_row(one, "nobody") for one in asked])])
    if not asked:
        en, zh = f"{home.id} has no {MEMORY_FILE} here", f"{home.id} 在此没有 {MEMORY_FILE}"
        english, chinese = ("", "") if path.exists() else (f": {en}", f"：{zh}")
        return Page(document, [call.text(f"nobody has asked yet{english}", f"尚无查询{chinese}")])
    columns = [
        call.text("Hour", "时段"),
        call.text("Member", "成员"),
        call.text("Asked", "查询次数"),
        call.text("Refused", "被拒次数"),
    ]
    rows = [_row(one, call.text("nobody", "无有效签名")) for one in asked]
    return Page(document, [table(call.text(f"Asked of {home.id}", f"向 {home.id} 查询"), columns, rows, right=(2, 3))])


def _row(one: Asked, nobody: str) -> list[str]:
    member = nobody if one.member == NOBODY else one.member
    return [moment(one.hour_ms), member, str(one.asked), str(one.refused)]
