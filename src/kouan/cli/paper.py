"""``kouan paper``: the other papers of a trade, from the owner's slip to the trade case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.loans import must_accept, papers_of, read_slip
from kouan.cli.output import Page, UnusableError, fields
from kouan.cli.output import must_accept as must_accept_plainly
from kouan.cli.paper_views import (
    case_document,
    case_page,
    likeness_document,
    likeness_table,
    looked_document,
    looked_page,
    paper_desk,
)
from kouan.cli.seal import overseer_of
from kouan.client.case_desk import CaseDesk, Withdrawal
from kouan.client.enterprises import INBOX, deliver
from kouan.client.openings import Dispute
from kouan.client.paper_desk import Amendment, Sent
from kouan.client.paper_files import read_paper
from kouan.client.places import KEYS
from kouan.formats.money import money
from kouan.modules.cases.records import Grounds
from kouan.modules.cases.rules import FORGED

app: Final = group("The other papers of a trade: looked at, recorded, joined, confirmed, amended, reviewed, disputed.")

SlipArgument = Annotated[Path, typer.Argument(metavar="PAPER.json", help="The slip that the owner's wallet made.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="A paper's or declaration's number, or the id of its quota.")
]
JoinOption = Annotated[
    list[Path] | None, typer.Option("--join", metavar="FILE", help="A join slip of an owner; repeat it.")
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write the join request.")]
ReceiptOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to write the owner's slip; else the wallet's inbox here."),
]


@command(
    app,
    "look",
    signs=True,
    examples=(
        "kouan paper look paper.json --as bank-of-huangpu",
        "kouan paper look paper.json --out join.json --as bank-of-huangpu   (what the owners have to sign)",
    ),
)
def look(call: Call, slip: SlipArgument, out: OutOption = None) -> Page:
    """Look at a paper beside the ledger and the evaluator's answer, and send nothing to the ledger."""
    with papers_of(call) as bank, paper_desk(call, bank) as desk:
        looked = desk.look(read_slip(slip))
        request = desk.request(looked)
        shown = looked_page(call, bank, looked)
    lines = []
    if request is not None and out is not None:
        out.write_bytes(request)
        verb = "link" if looked.recorded else "record"
        sign = f"kouan enterprise join-sign {out} --out joined.json"
        lines.append(call.text("Next: ", "下一步：") + f"{sign}; kouan paper {verb} {slip} --join joined.json")
    elif request is not None:
        lines.append(call.text("Next: ", "下一步：") + f"kouan paper look {slip} --out join.json")
    elif looked.recorded is None and not looked.problems:
        lines.append(call.text("Next: ", "下一步：") + f"kouan paper record {slip}")
    written = str(out) if request is not None and out is not None else None
    document = {**looked_document(looked), "request": written}
    return Page(document, [*shown, *lines], 2 if looked.problems else 0)


@command(
    app,
    "record",
    signs=True,
    examples=(
        "kouan paper record paper.json --as bank-of-huangpu",
        "kouan paper record paper.json --join joined.json --as bank-of-huangpu",
    ),
)
def record(
    call: Call,
    slip: SlipArgument,
    join: JoinOption = None,
    out: ReceiptOption = None,
) -> Page:
    """Put a paper on the ledger, apart from any loan: a refused loan keeps what was recorded."""
    with papers_of(call) as bank, paper_desk(call, bank) as desk:
        sent = desk.record(read_slip(slip), [read_slip(path) for path in join or []])
        receipt = _hand_back(call, sent, out)
        must_accept(call, bank, sent.result, call.text("record", "登记单证"))
    return _sent_page(call, sent, receipt)


@command(
    app,
    "amend",
    signs=True,
    examples=(
        "kouan paper amend paper.json --reason correction --as bank-of-huangpu",
        "kouan paper amend --credit-note credit-note.xml --as bank-of-huangpu",
    ),
)
def amend(
    call: Call,
    slip: Annotated[
        Path | None, typer.Argument(metavar="PAPER.json", help="The owner's newest slip of the paper.")
    ] = None,
    reason: Annotated[Amendment | None, typer.Option("--reason", help="Why it is stated anew.")] = None,
    credit_note: Annotated[
        Path | None, typer.Option("--credit-note", metavar="FILE", help="A credit note: XML, or a form in JSON.")
    ] = None,
) -> Page:
    """State a paper anew; a credit note finds the invoice that it takes something off."""
    if (slip is None) == (credit_note is None):
        raise UnusableError("PAPER.json", "give the owner's newest slip, or --credit-note FILE, and not both")
    what = call.text("amend", "更正单证")
    if credit_note is not None:
        note = read_paper(read_slip(credit_note), str(credit_note))
        with papers_of(call) as bank:
            made = CaseDesk(bank).credit(note)
            must_accept(call, bank, made.result, what)
        unit = made.quota.rpartition(".")[2]
        document = {"amount_minor": made.amount, "invoice": made.number, "quota": made.quota, "unit": unit}
        worth = money(made.amount, unit)
        line = call.text(
            f"Credited: invoice {made.number} is worth {worth}", f"已贷记：发票 {made.number} 现值 {worth}"
        )
        return Page(document, [line])
    if reason is None:
        raise UnusableError("--reason", "is missing; say why: consolidated, correction, credit-note, split")
    with papers_of(call) as bank, paper_desk(call, bank) as desk:
        sent = desk.amend(read_slip(_present(slip)), reason)
        must_accept(call, bank, sent.result, what)
        if sent.linked is not None:
            must_accept(call, bank, sent.linked, call.text("link the amended paper", "关联更正后的单证"))
    page = _sent_page(call, sent, None)
    if not sent.looked.to_sign:
        return page
    step = call.text("Next: ", "下一步：") + f"kouan paper look {slip} --out join.json"
    return page._replace(shown=[*page.shown, step])


@command(
    app,
    "link",
    signs=True,
    examples=("kouan paper link paper.json --join joined.json --as bank-of-huangpu",),
)
def link(call: Call, slip: SlipArgument, join: JoinOption = None) -> Page:
    """Link a recorded paper to what it names now, after it was amended to other numbers."""
    with papers_of(call) as bank, paper_desk(call, bank) as desk:
        sent = desk.link_paper(read_slip(slip), [read_slip(path) for path in join or []])
        must_accept(call, bank, sent.result, call.text("link", "关联单证"))
    return _sent_page(call, sent, None)


@command(
    app,
    "confirm",
    signs=True,
    examples=("kouan paper confirm paper.json --for DE999999990 --as wusong-trade-bank",),
)
def confirm(
    call: Call,
    slip: SlipArgument,
    customer: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="CODE",
            help="The bank's customer on the paper's other side, by a registered number; an attester names none.",
        ),
    ] = None,
) -> Page:
    """Vouch for a paper that another bank has recorded: for the counterparty, or as an authority."""
    with papers_of(call) as bank:
        made = CaseDesk(bank).confirm(read_slip(slip), customer)
        must_accept(call, bank, made.result, call.text("confirm", "确认单证"))
        number = bank.book.number_of(made.quota)
    line = call.text(f"Confirmed: {number}", f"已确认：{number}")
    return Page({"for": customer, "number": number, "quota": made.quota}, [line])


@command(app, "withdraw", signs=True, ids=True, examples=("kouan paper withdraw LN-2019-1107 --reason cancelled",))
def withdraw(
    call: Call,
    document: NameArgument,
    reason: Annotated[Withdrawal, typer.Option("--reason", help="Why it ends.")],
) -> Page:
    """End a paper for good; it stays in its case, with what was ever lent on it."""
    with papers_of(call) as bank:
        must_accept(call, bank, CaseDesk(bank).withdraw(document, reason), call.text("withdraw", "作废单证"))
    return Page({"document": document, "reason": reason}, [call.text(f"Withdrawn: {document}", f"已作废：{document}")])


@command(
    app,
    "join-request",
    signs=True,
    ids=True,
    examples=("kouan paper join-request NL-PO-4471 LN-2019-1107 --out join.json --as bank-of-huangpu",),
)
def join_request(
    call: Call,
    documents: Annotated[list[str], typer.Argument(metavar="DOCUMENT…", help="Numbers, or ids of quotas.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
) -> Page:
    """Ask the owners of documents to sign that they belong to one trade."""
    with papers_of(call) as bank:
        out.write_bytes(CaseDesk(bank).join_request(documents))
    step = call.text("Next: ", "下一步：") + f"kouan enterprise join-sign {out} --out joined.json"
    return Page({"documents": documents, "request": str(out)}, [step])


@command(app, "join", signs=True, examples=("kouan paper join joined.json --as bank-of-huangpu",))
def join(
    call: Call,
    slips: Annotated[list[Path], typer.Argument(metavar="JOIN.json…", help="What the owners' wallets signed.")],
) -> Page:
    """Bring documents into one case on their owners' word."""
    with papers_of(call) as bank:
        result = CaseDesk(bank).join([read_slip(path) for path in slips])
        must_accept(call, bank, result, call.text("join", "并案"))
    return Page({"joined": True}, [call.text("Joined into one case", "已并案")])


@command(app, "case", signs=True, ids=True, examples=("kouan paper case LN-2019-1107 --as bank-of-huangpu",))
def case(call: Call, document: NameArgument) -> Page:
    """Show the trade that a document belongs to: its documents, what is out on it, what it carries, what to look at."""
    with papers_of(call) as bank:
        view = CaseDesk(bank).case(document)
        if view is None:
            alone = call.text(f"{document} belongs to no trade case", f"{document} 不属于任何贸易案卷")
            return Page({"case": None}, [alone])
        return Page({"case": case_document(bank, view)}, case_page(call, bank, view))


@command(
    app,
    "review",
    signs=True,
    ids=True,
    examples=("kouan paper review LN-2019-1107 --reason pays-other-side-off --revision 7 --as bank-of-huangpu",),
)
def review(
    call: Call,
    document: NameArgument,
    reason: Annotated[Grounds, typer.Option("--reason", help="Why the bank goes on.")],
    revision: Annotated[
        int | None,
        typer.Option("--revision", min=0, help="Of the case as `kouan paper case` showed it; else as it stands now."),
    ] = None,
) -> Page:
    """Record on the ledger that the bank has looked at a trade, and why it goes on."""
    with papers_of(call) as bank:
        result = CaseDesk(bank).review(document, reason, revision)
        must_accept(call, bank, result, call.text("review", "人工复核"))
    return Page({"document": document, "reason": reason}, [call.text(f"Reviewed: {document}", f"已复核：{document}")])


@command(
    app,
    "dispute",
    signs=True,
    ids=True,
    examples=(
        "kouan paper dispute HANDLE.USD --reason forged --as peoples-bank",
        "kouan paper dispute HANDLE.USD --reason not-same-trade --as peoples-bank",
    ),
)
def dispute(
    call: Call,
    document: Annotated[str, typer.Argument(metavar="QUOTA", help="The id of the document's quota on the ledger.")],
    reason: Annotated[Dispute, typer.Option("--reason", help="What the opened seal showed.")],
) -> Page:
    """Take a document out of its trade, as the overseer, once its seal was opened; a forged paper ends for good."""
    with overseer_of(call) as desk:
        must_accept_plainly(desk.dispute(document, reason), call.text("dispute", "异议"))
    lines = [call.text(f"Taken out of its trade: {document}", f"已移出案卷：{document}")]
    if reason == FORGED:
        lines.append(call.text("Withdrawn; its number is free for the true paper", "已作废；其编号可供真实单证登记"))
    return Page({"quota": document, "reason": reason}, lines)


@command(
    app,
    "likenesses",
    signs=True,
    examples=("kouan paper likenesses --as bank-of-huangpu", "kouan paper likenesses --all --json"),
)
def likenesses(
    call: Call,
    every: Annotated[bool, typer.Option("--all", help="Those that were cleared too.")] = False,  # its default
) -> Page:
    """List what looks like this bank's documents, here or at another bank; the evaluator is asked what is new."""
    with papers_of(call) as bank, paper_desk(call, bank) as desk:
        found = desk.likenesses(is_open=not every)
    none = call.text("nothing is to be reviewed", "没有待人工复核的事项")
    shown: list[Any] = [likeness_table(call, found)] if found else [none]
    return Page({"likenesses": [likeness_document(one) for one in found]}, shown)


@command(
    app,
    "clear",
    signs=True,
    examples=('kouan paper clear 3 --reason "two shipments, both bills seen" --key checker --as bank-of-huangpu',),
)
def clear(
    call: Call,
    likeness: Annotated[int, typer.Argument(metavar="NUMBER", help="As `kouan paper likenesses` lists it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What was seen, and why the bank goes on.")],
) -> Page:
    """Record why a second person goes on although a document looks like another; it stays in the bank's own book."""
    with papers_of(call) as bank:
        cleared = CaseDesk(bank).clear(likeness, reason)
    line = call.text(f"Cleared: {likeness} ({cleared.reason})", f"已放行：{likeness}（{cleared.reason}）")
    return Page(likeness_document(cleared), [line])


def _hand_back(call: Call, sent: Sent, out: Path | None) -> str | None:
    """Give the owner the recorded slip: into the wallet's inbox here, or as a file."""
    if sent.receipt is None:
        return None
    wallet = call.port / "wallets" / sent.looked.content.owner
    name = f"{sent.looked.quota}.recorded.json"
    if out is None and (wallet / KEYS).exists():
        return str(deliver(wallet / INBOX, name, sent.receipt))
    path = out or Path(name)
    path.write_bytes(sent.receipt)
    return str(path)


def _sent_page(call: Call, sent: Sent, receipt: str | None) -> Page:
    content, looked = sent.looked.content, sent.looked
    document = {**looked_document(looked), "receipt": receipt}
    pairs = [
        (call.text("Paper", "单证"), f"{looked.number}"),
        (call.text("Worth", "金额"), money(content.amount, content.unit)),
        (call.text("On the ledger", "账本"), str(looked.quota)),
    ]
    if receipt is not None:
        pairs.append((call.text("Owner's slip", "登记回执"), receipt))
    lines = [f"! {remark}" for remark in looked.remarks]
    return Page(document, [fields(pairs), *lines])


def _present(slip: Path | None) -> Path:
    if slip is None:
        raise AssertionError("a slip or a credit note is given")
    return slip
