"""``kouan seal``: who stands behind a declaration or a paper, opened by two together and never unrecorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import code_word
from kouan.cli.output import Page, fields, moment, must_accept, table
from kouan.client.bank import open_bank
from kouan.client.customs_desk import CustomsDesk
from kouan.client.filings import read_slip
from kouan.client.openings import (
    AnswerSlip,
    OverseerDesk,
    RequestSlip,
    SealSlip,
    answer,
    hand_over,
    hand_over_paper,
)
from kouan.client.paper_seals import PaperIdentity
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.standing import member_of
from kouan.modules.cases.rules import BANK

app: Final = group("Opening seals: asked for by the overseer, answered by the second holder, recorded on the ledger.")

SlipArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The slip of the step before.")]


def _out(default: str) -> object:
    return typer.Option("--out", metavar="FILE", help=f"Where to write the slip for the next party ({default}).")


@command(
    app,
    "hand-over",
    signs=True,
    ids=True,
    examples=(
        "kouan seal hand-over HANDLE.USD --out seal.json --as shanghai-customs",
        "kouan seal hand-over HANDLE.USD --out seal.json --as bank-of-huangpu   (a paper that this bank recorded)",
    ),
)
def hand_over_seal(
    call: Call,
    quota: Annotated[str, typer.Argument(metavar="QUOTA", help="The quota's id on the ledger, such as HANDLE.USD.")],
    out: Annotated[Path, _out("seal.json")] = Path("seal.json"),
) -> Page:
    """Step 1, customs, or the bank that recorded a paper: give the overseer the seal of a quota, as a file."""
    home = call.home()
    with call.session() as session:
        if BANK & set(member_of(session, home.id).roles):
            with open_bank(home, session, os.urandom) as bank:
                slip = hand_over_paper(bank, quota)
        else:
            with home.vault(os.urandom) as vault:
                slip = hand_over(CustomsDesk(home, session, vault, os.urandom), session, quota)
    out.write_bytes(slip)
    return _written(call, {"quota": quota, "slip": str(out)}, out, f"kouan seal request {out} --as OVERSEER")


@command(app, "request", signs=True, examples=("kouan seal request seal.json --out request.json --as peoples-bank",))
def request(call: Call, file: SlipArgument, out: Annotated[Path, _out("request.json")] = Path("request.json")) -> Page:
    """Step 2, overseer: open the outer layer, and record a request that hides which document is meant."""
    slip: SealSlip = read_slip(file.read_bytes(), SealSlip, str(file))
    with overseer_of(call) as desk:
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
    """Step 4, overseer: see the document's number and its owner."""
    slip: AnswerSlip = read_slip(file.read_bytes(), AnswerSlip, str(file))
    with overseer_of(call) as desk:
        identity = desk.open(slip)
    kind = identity.kind if isinstance(identity, PaperIdentity) else "declaration"
    what = call.text("Declaration", "报关单") if kind == "declaration" else code_word("paper", kind, call.lang)
    shown = fields(
        [
            (what.capitalize(), identity.number),
            (call.text("Owner", "所有人"), identity.owner),
            (call.text("Quota", "编号"), slip.quota),
        ]
    )
    later = (
        call.text("Later, when the charter allows it: ", "章程规定的期限届满后：")
        + f"kouan seal disclose {slip.request}"
    )
    if_false = call.text("If it is false: ", "如属不实：") + f"kouan paper dispute {slip.quota} --reason forged"
    document = {
        "kind": kind,
        "number": identity.number,
        "owner": identity.owner,
        "quota": slip.quota,
        "request": slip.request,
    }
    return Page(document, [shown, *([] if kind == "declaration" else [if_false]), later])


@command(app, "disclose", signs=True, ids=True, examples=("kouan seal disclose REQUEST --as peoples-bank",))
def disclose(
    call: Call, request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]
) -> Page:
    """Step 5, overseer: show everybody which document a request meant."""
    with overseer_of(call) as desk:
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
    with overseer_of(call) as desk:
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
def overseer_of(call: Call) -> Iterator[OverseerDesk]:
    """Open the overseer's vault, at the ledger."""
    home = call.home()
    with call.session() as session, home.vault(os.urandom) as vault:
        yield OverseerDesk(home, session, vault, os.urandom)


def _written(call: Call, document: dict[str, str], out: Path, next_step: str) -> Page:
    return Page(document, [call.text(f"written: {out}", f"已写入：{out}"), call.text("Next: ", "下一步：") + next_step])
