"""``kouan seal``: who stands behind a declaration, opened by two holders together and never unrecorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.output import Page, fields, moment, must_accept, table
from kouan.client.customs_desk import CustomsDesk
from kouan.client.filings import read_slip
from kouan.client.openings import AnswerSlip, OverseerDesk, RequestSlip, SealSlip, answer, hand_over
from kouan.kernel.rejections import Rejection

app: Final = group("Opening seals: asked for by the overseer, answered by the second holder, recorded on the ledger.")

SlipArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The slip of the step before.")]


def _out(default: str) -> object:
    return typer.Option("--out", metavar="FILE", help=f"Where to write the slip for the next party ({default}).")


@command(
    app,
    "hand-over",
    signs=True,
    ids=True,
    examples=("kouan seal hand-over HANDLE.USD --out seal.json --as shanghai-customs",),
)
def hand_over_seal(
    call: Call,
    quota: Annotated[str, typer.Argument(metavar="QUOTA", help="The quota's id on the ledger, such as HANDLE.USD.")],
    out: Annotated[Path, _out("seal.json")] = Path("seal.json"),
) -> Page:
    """Step 1, customs: give the overseer the seal of a quota, as a file."""
    home = call.home()
    with call.session() as session, home.vault(os.urandom) as vault:
        desk = CustomsDesk(home, session, vault, os.urandom)
        out.write_bytes(hand_over(desk, session, quota))
    return _written(call, {"quota": quota, "slip": str(out)}, out, f"kouan seal request {out} --as OVERSEER")


@command(app, "request", signs=True, examples=("kouan seal request seal.json --out request.json --as peoples-bank",))
def request(call: Call, file: SlipArgument, out: Annotated[Path, _out("request.json")] = Path("request.json")) -> Page:
    """Step 2, overseer: open the outer layer, and record a request that hides which declaration is meant."""
    slip: SealSlip = read_slip(file.read_bytes(), SealSlip, str(file))
    with _overseer(call) as desk:
        step = desk.request(slip)
    must_accept(step.result, call.text("request the opening", "申请拆封"))
    out.write_bytes(step.slip or b"")
    document = {"quota": slip.quota, "request": step.request, "slip": str(out)}
    return _written(call, document, out, f"kouan seal answer {out} --as SECOND-HOLDER")


@command(app, "answer", signs=True, examples=("kouan seal answer request.json --as commerce-commission",))
def answer_request(
    call: Call, file: SlipArgument, out: Annotated[Path, _out("answer.json")] = Path("answer.json")
) -> Page:
    """Step 3, second holder: check the recorded request, record the answer, and give the overseer the identity."""
    slip: RequestSlip = read_slip(file.read_bytes(), RequestSlip, str(file))
    with call.session() as session:
        step = answer(call.home(), session, slip, os.urandom)
    must_accept(step.result, call.text("answer the request", "答复申请"))
    out.write_bytes(step.slip or b"")
    return _written(call, {"request": step.request, "slip": str(out)}, out, f"kouan seal open {out} --as OVERSEER")


@command(app, "open", signs=True, examples=("kouan seal open answer.json --as peoples-bank",))
def open_answer(call: Call, file: SlipArgument) -> Page:
    """Step 4, overseer: see the declaration number and its owner."""
    slip: AnswerSlip = read_slip(file.read_bytes(), AnswerSlip, str(file))
    with _overseer(call) as desk:
        identity = desk.open(slip)
    shown = fields(
        [
            (call.text("Declaration", "报关单"), identity.number),
            (call.text("Owner", "境内收发货人"), identity.owner),
            (call.text("Quota", "编号"), slip.quota),
        ]
    )
    next_step = f"kouan seal disclose {slip.request}"
    document = {"number": identity.number, "owner": identity.owner, "quota": slip.quota, "request": slip.request}
    return Page(
        document, [shown, call.text("Later, when the charter allows it: ", "章程规定的期限届满后：") + next_step]
    )


@command(app, "disclose", signs=True, ids=True, examples=("kouan seal disclose REQUEST --as peoples-bank",))
def disclose(
    call: Call, request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]
) -> Page:
    """Step 5, overseer: show everybody which declaration a request meant."""
    with _overseer(call) as desk:
        result = desk.disclose(request_id)
        what = call.text("disclose", "公开")
        if result.code is Rejection.OPENING_STILL_SEALED:
            at = moment(desk.disclosable_ms(request_id))
            what = call.text(f"disclose (possible from {at})", f"公开（不早于 {at}）")
    must_accept(result, what)
    return Page({"request": request_id}, [call.text("disclosed", "已公开")])


@command(app, "list", signs=True, examples=("kouan seal list --as peoples-bank",))
def list_requests(call: Call) -> Page:
    """List the overseer's own requests and how they stand."""
    with _overseer(call) as desk:
        found = desk.requests()
    rows = [
        [
            asked.request,
            asked.quota,
            moment(asked.requested_ms),
            (opening.answered_by or "") if opening else call.text("not on the ledger", "账本上没有"),
            moment(opening.disclosed_ms) if opening else "",
        ]
        for asked, opening in found
    ]
    columns = [
        call.text("Request", "申请"),
        call.text("Quota", "编号"),
        call.text("Asked", "申请于"),
        call.text("Answered by", "答复方"),
        call.text("Disclosed", "公开于"),
    ]
    documents = [{"asked": {"quota": asked.quota, "request": asked.request}, "opening": one} for asked, one in found]
    return Page({"requests": documents}, [table("", columns, rows)])


@contextmanager
def _overseer(call: Call) -> Iterator[OverseerDesk]:
    home = call.home()
    with call.session() as session, home.vault(os.urandom) as vault:
        yield OverseerDesk(home, session, vault, os.urandom)


def _written(call: Call, document: dict[str, str], out: Path, next_step: str) -> Page:
    return Page(document, [call.text(f"written: {out}", f"已写入：{out}"), call.text("Next: ", "下一步：") + next_step])
