"""``kouan resend``: send an envelope that was not answered once more, unchanged, and show what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.output import REFUSED, Page, UnusableError, refusal_line, table
from kouan.client.session import results_of
from kouan.kernel.encoding import EncodingError
from kouan.kernel.envelope import open_envelope

app: Final = group("Send an envelope again.")


@command(app, "resend", examples=("kouan resend port/unanswered/3q2-7w….json --port port",))
def resend(
    call: Call,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An envelope that a command kept because none answered.")
    ],
) -> Page:
    """Send an envelope again, unchanged, and show its receipt.

    However often it is sent, it is executed once: if it was taken the first time, this is the receipt of that time. The
    file is deleted once the ledger has answered. Exits with 1 when the ledger refused any of its commands.
    """
    raw = file.read_bytes()
    try:
        kinds = [str(one.get("type")) for one in open_envelope(raw).body.commands]
    except EncodingError as problem:
        raise UnusableError("FILE", f"{file} is no envelope ({problem})") from None
    with call.engine() as engine:
        (receipt,) = engine.submit([raw])
    file.unlink()
    results = results_of(receipt, len(kinds))
    accepted = call.text("accepted", "已接受")
    rows = [
        [kind, accepted if result.accepted else refusal_line(result, call.lang), result.at]
        for kind, result in zip(kinds, results, strict=True)
    ]
    columns = [call.text("Command", "指令"), call.text("Result", "结果"), call.text("About", "涉及")]
    document = msgspec.json.decode(receipt)
    refused = not all(result.accepted for result in results)
    return Page(document, [table("", columns, rows)], exit_code=REFUSED if refused else 0)
