"""``kouan enterprise``: the traders' other papers, handed to banks and signed for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import code_word
from kouan.cli.output import Page, UnusableError, fields, table
from kouan.cli.wallets import WalletOption, only_trader, owner_of, traders_of, wallet_of
from kouan.client.amounts import parse_amount
from kouan.client.enterprises import INBOX, deliver
from kouan.client.filings import read_slip
from kouan.client.paper_files import read_paper
from kouan.client.paper_secrets import kind_of, value_of
from kouan.client.paper_slips import JoinRequest, JoinSlip, merged
from kouan.client.places import KEYS
from kouan.client.reading import LedgerReader
from kouan.client.wallet_papers import KeptPaper
from kouan.formats.money import money
from kouan.kernel.encoding import encode
from kouan.kernel.records import Member
from kouan.modules.alliance.records import member_key
from kouan.modules.cases.records import Purpose

app: Final = group("")


@command(
    app,
    "paper-add",
    examples=(
        "kouan enterprise paper-add invoice.xml --wallet 91310115MA1K0LNG14",
        'kouan enterprise paper-add bill.json --value "119280.00 USD" --wallet 91310115MA1K0LNG14',
        "kouan enterprise paper-add order.json --side buyer --wallet 91310115MA1K0LNG14",
    ),
)
def paper_add(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An invoice in XML, or a form of Kouan's in JSON.")],
    wallet: WalletOption = None,
    side: Annotated[Purpose, typer.Option("--side", help="Whose finance it is for.")] = "seller",
    value: Annotated[
        str | None,
        typer.Option("--value", metavar="AMOUNT", help="What it is worth, where it does not say so or a part counts."),
    ] = None,
) -> Page:
    """Keep an order, contract, invoice or transport document in a wallet; a newer version replaces the older."""
    paper = read_paper(file.read_bytes(), str(file))
    worth = None if value is None else parse_amount(value)
    if worth is None and value_of(paper) is None:
        raise UnusableError("--value", f'{file} names no amount; say what it is worth, such as --value "119280.00 USD"')
    trader = only_trader(call, wallet)
    with wallet_of(call, trader) as opened:
        kept = opened.add_paper(paper, side, worth)
    name = kept.number
    document = {"amount_minor": kept.amount, "number": name, "purpose": side, "unit": kept.unit, "wallet": trader.code}
    pairs = [
        (call.text("Paper", "单证"), f"{code_word('paper', kind_of(paper), call.lang)} {name}"),
        (call.text("Worth", "金额"), money(kept.amount, kept.unit)),
    ]
    step = f"kouan enterprise paper-slip {name} --bank MEMBER"
    return Page(document, [fields(pairs), call.text("Next: ", "下一步：") + step])


@command(
    app,
    "paper-slip",
    ids=True,
    examples=(
        "kouan enterprise paper-slip LN-2019-1107 --bank bank-of-huangpu",
        "kouan enterprise paper-slip invoice:LN-2019-1107 --bank bank-of-huangpu --out paper.json",
    ),
)
def paper_slip(
    call: Call,
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Its number, or KIND:NUMBER, or KIND:NUMBER:DAY.")],
    bank: Annotated[str, typer.Option("--bank", metavar="MEMBER", help="The bank that may read it.")],
    wallet: WalletOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write the slip; else the bank's inbox here.")
    ] = None,
) -> Page:
    """Hand a paper to a bank: a slip that only this bank can read."""
    inbox = call.port / "members" / bank / INBOX
    if out is None and not (inbox.parent / KEYS).exists():
        raise UnusableError("--out", f"{bank} is not kept here; name the file to hand over")
    with call.engine() as engine:
        member = LedgerReader(engine).read(Member, member_key(bank))
    if member is None:
        raise UnusableError("--bank", f"{bank!r} is no member; `kouan member list` names them")
    with wallet_of(call, owner_of(call, paper, wallet, "--paper")) as opened:
        slip = opened.paper_slip(member, paper)
    path = out or inbox / f"paper-{_safe(paper)}.json"
    if out is None:
        deliver(inbox, path.name, slip)
    else:
        out.write_bytes(slip)
    step = call.text("Next: ", "下一步：") + f"kouan paper look {path} --as {bank}"
    return Page({"bank": bank, "paper": paper, "slip": str(path)}, [step])


@command(app, "papers", examples=("kouan enterprise papers --wallet 91310115MA1K0LNG14",))
def papers(call: Call, wallet: WalletOption = None) -> Page:
    """List the papers in the wallets, and under which quotas banks have recorded them."""
    listed: list[tuple[str, KeptPaper]] = []
    for trader in traders_of(call, wallet):
        with wallet_of(call, trader) as opened:
            listed += [(trader.code, kept) for kept in opened.papers()]
    rows = [
        [
            code,
            code_word("paper", kind_of(kept.paper), call.lang),
            kept.number,
            money(kept.amount, kept.unit),
            call.text(kept.purpose, {"buyer": "买方", "seller": "卖方"}[kept.purpose]),
            " ".join(kept.quotas),
        ]
        for code, kept in listed
    ]
    columns = [
        "USCC",
        call.text("Kind", "种类"),
        call.text("Number", "编号"),
        call.text("Worth", "金额"),
        call.text("Side", "融资方"),
        call.text("Recorded under", "登记为"),
    ]
    documents = [
        {
            "amount_minor": kept.amount,
            "kind": kind_of(kept.paper),
            "number": kept.number,
            "purpose": kept.purpose,
            "quotas": kept.quotas,
            "unit": kept.unit,
            "wallet": code,
        }
        for code, kept in listed
    ]
    none = call.text(
        "no paper yet: `kouan enterprise paper-add` keeps one", "尚无单证：请用 `kouan enterprise paper-add` 添加"
    )
    return Page({"papers": documents}, [table("", columns, rows, right=(3,)) if rows else none])


@command(app, "join-sign", examples=("kouan enterprise join-sign join.json --out joined.json",))
def join_sign(
    call: Call,
    request: Annotated[Path, typer.Argument(metavar="REQUEST.json", help="The bank's join request.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the join slip for the bank.")],
    wallet: WalletOption = None,
) -> Page:
    """Sign that own documents belong to one trade with others that the bank names."""
    asked = read_slip(request.read_bytes(), JoinRequest, str(request))
    slips: list[JoinSlip] = []
    with call.engine() as engine:
        reader = LedgerReader(engine)
        for trader in traders_of(call, wallet):
            with wallet_of(call, trader) as opened:
                if opened.owns_any(reader, asked):
                    slips.append(opened.sign_join(reader, asked))
    if not slips:
        raise UnusableError(
            str(request), "names no document of a wallet that is kept here; give it to the other owners"
        )
    slip = merged(slips)
    out.write_bytes(encode(slip))
    signed = [one.quota for one in slip.consents]
    pairs = [(call.text("Signed for", "已签名"), name) for name in signed]
    return Page({"documents": asked.documents, "signed": signed, "slip": str(out)}, [fields(pairs)])


def _safe(name: str) -> str:
    """Return a name as a file may bear it."""
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in name)
