"""``kouan enterprise``: the traders' side, with wallets that are kept here for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.table import Table

from kouan import bootstrap
from kouan.cli import enterprise_papers
from kouan.cli.calls import UNUSABLE_ERRORS, Call, command, group
from kouan.cli.code_words import code_word
from kouan.cli.output import DONE, UNUSABLE, Page, UnusableError, fields, moment, must_accept, table
from kouan.cli.quota_words import free_word, kind_word, kinds_among
from kouan.cli.wallets import WalletOption, owner_of, traders_of, wallet_of
from kouan.client.amounts import parse_amount
from kouan.client.enterprises import INBOX, Custodian, Trader, deliver, make_own_wallet, onboard, traders
from kouan.client.filings import FILING_SUFFIX
from kouan.client.places import KEYS, wallet_home
from kouan.client.reading import LedgerReader
from kouan.client.wallet import Kept, Part
from kouan.client.wallet_papers import KeptPaper
from kouan.formats.identifiers import declaration_number
from kouan.formats.money import money
from kouan.formats.single_window import FormatError, read_files
from kouan.kernel.encoding import Bytes16
from kouan.kernel.quota import available
from kouan.kernel.records import Member
from kouan.modules.alliance.records import Override, member_key
from kouan.modules.customs.queries import Declaration
from kouan.modules.customs.queries import declaration as declaration_at

app: Final = group("Traders: onboarding, filing, and consent to finance.")

DAY_MS: Final = 24 * 3_600_000
CodeArgument = Annotated[str, typer.Argument(metavar="USCC", help="Unified social credit code, 18 characters.")]
NameOption = Annotated[str, typer.Option("--name", help="What the trader is called; it stays off the ledger.")]
OverrideOption = Annotated[
    str | None,
    typer.Option("--override", help="Why a failing check digit is accepted: certificate-seen, registry-confirmed."),
]


@command(
    app,
    "onboard",
    signs=True,
    examples=(
        'kouan enterprise onboard 91310115MA1H7X2P45 --name "Lingang Precision" --as commerce-commission',
        "kouan enterprise onboard 913… --name NAME --override certificate-seen --as commerce-commission",
    ),
)
def onboard_enterprise(
    call: Call,
    code: CodeArgument,
    name: NameOption,
    override: OverrideOption = None,
) -> Page:
    """Onboard a trader: check its code, make the wallet that is kept for it, and put a commitment on the ledger."""
    reason = _named(name, override)
    with call.session() as session:
        made = onboard(call.port, session, code, name.strip(), reason, os.urandom, call.passphrase)
    must_accept(made.result, call.text(f"onboard {code}", f"企业入驻 {code}"))
    document = {"code": code, "commitment": made.trader.commitment, "name": name, "wallet": str(made.home.path)}
    shown = fields(
        [
            (call.text("Enterprise", "企业"), f"{name}  {code}"),
            (call.text("Wallet", "钱包"), f"{made.home.path} {_kept_by(call, made.trader)}"),
            (call.text("On the ledger", "账本"), made.trader.commitment),
        ]
    )
    return Page(document, [shown, call.text("Next: ", "下一步：") + "kouan enterprise file declaration.xml"])


@command(
    app,
    "wallet",
    examples=('kouan enterprise wallet 91310115MA1H7X2P45 --name "Lingang Precision" --passphrase-file secret.txt',),
)
def own_wallet(call: Call, code: CodeArgument, name: NameOption, override: OverrideOption = None) -> Page:
    """Make the wallet of a trader that keeps its own keys: only the trader signs with it, as its quotas then say.

    Back it up: who loses it asks customs for a new draw key, declaration by declaration.
    """
    home = make_own_wallet(call.port, code, name.strip(), _named(name, override), os.urandom, call.passphrase)
    kept = call.text("(the owner's own)", "（企业自持）")
    pairs = [(call.text("Enterprise", "企业"), f"{name}  {code}"), (call.text("Wallet", "钱包"), f"{home.path} {kept}")]
    document = {"code": code, "custodial": False, "name": name, "wallet": str(home.path)}
    return Page(document, [fields(pairs), call.text("Next: ", "下一步：") + "kouan enterprise file declaration.xml"])


@command(app, "list", examples=("kouan enterprise list",))
def list_enterprises(call: Call) -> Page:
    """List the traders whose wallets are kept here."""
    found = list(traders(call.port))
    itself = call.text("itself", "企业自持")
    rows = [[trader.code, trader.name, trader.keeper or itself, trader.override or ""] for trader in found]
    columns = ["USCC", call.text("Name", "名称"), call.text("Kept by", "代管方"), call.text("Override", "放行理由")]
    return Page({"enterprises": found}, [table("", columns, rows)])


@command(
    app,
    "file",
    examples=("kouan enterprise file declaration.xml", "kouan enterprise file filings/*.xml"),
)
def file_declarations(
    call: Call,
    files: Annotated[list[Path], typer.Argument(metavar="XML…", help="Declaration messages of the single window.")],
) -> Page:
    """Write the owner's filing slip beside each declaration: with which key it may be drawn on."""
    rows, documents = [], []
    custodian = Custodian(call.port, call.passphrase, is_owner=True)
    for path, read in read_files(files):
        try:
            if isinstance(read, FormatError):
                raise read  # all of a file's errors are told in one place
            slip = custodian.slip(read.owner_uscc, read.entry_id)
            out = path.with_suffix(FILING_SUFFIX)
            out.write_bytes(msgspec.json.encode(slip))
        except UNUSABLE_ERRORS as error:
            rows.append([str(path), "", str(error)])
            documents.append({"error": str(error), "file": str(path)})
        else:
            rows.append([str(path), read.entry_id, str(out)])
            documents.append({"file": str(path), "number": read.entry_id, "slip": str(out)})
    columns = [call.text("File", "文件"), call.text("Declaration", "报关单"), call.text("Slip", "申报附条")]
    failed = any("error" in document for document in documents)
    return Page({"files": documents}, [table("", columns, rows)], UNUSABLE if failed else DONE)


@command(
    app,
    "receive",
    examples=("kouan enterprise receive", "kouan enterprise receive slip.json --wallet 91310115MA1H7X2P45"),
)
def receive(
    call: Call,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Slips of customs and banks; without any, the inbox.")
    ] = None,
    wallet: WalletOption = None,
) -> Page:
    """Take in what customs attested, and under which quotas banks recorded papers."""
    taken: list[tuple[str, Kept | KeptPaper]] = []
    failures: list[dict[str, str]] = []
    if files and wallet is None:
        raise UnusableError("--wallet", "nobody is named; say whose slips these are")
    with call.engine() as engine:
        reader = LedgerReader(engine)
        for trader in traders_of(call, wallet):
            inbox = wallet_home(call.port, trader.code).path / INBOX
            slips = files or sorted(inbox.glob("*.json"))
            if not slips:
                continue
            done: list[Path] = []
            with wallet_of(call, trader) as opened, opened.together():
                for path in slips:
                    try:
                        taken.append((trader.code, opened.take_in(reader, path.read_bytes(), str(path))))
                    except UNUSABLE_ERRORS as error:
                        failures.append({"error": str(error), "file": str(path)})
                        continue
                    done.append(path)
            if not files:
                for path in done:  # only now are they in the wallet for good
                    path.unlink()
    rows = [[code, kept.number, _units(kept.quotas)] for code, kept in taken]
    columns = ["USCC", call.text("Document", "单证"), call.text("Currencies", "币种")]
    documents = [{"number": kept.number, "quotas": kept.quotas, "wallet": code} for code, kept in taken]
    shown: list[Any] = [table("", columns, rows)] if rows else [call.text("nothing new", "没有新的回执")]
    shown += [failure["error"] for failure in failures]
    return Page({"failures": failures, "received": documents}, shown, UNUSABLE if failures else DONE)


@command(app, "declarations", examples=("kouan enterprise declarations --wallet 91310115MA1H7X2P45",))
def declarations(call: Call, wallet: WalletOption = None) -> Page:
    """List the declarations in the wallets, with what may still be financed or, of an import, be paid abroad."""
    listed: list[tuple[str, str, Declaration]] = []
    with call.engine() as engine:
        reader, time_ms = LedgerReader(engine), bootstrap.now_ms()
        for trader in traders_of(call, wallet):
            with wallet_of(call, trader) as opened:
                kept = opened.declarations()
            for one in kept:
                for name in one.quotas:
                    found = declaration_at(reader, name, time_ms)
                    if found is None:
                        raise UnusableError(
                            "declaration", f"{one.number} is not on this ledger, though it is in a wallet"
                        )
                    listed.append((trader.code, one.number, found))
    documents = [{"number": number, "wallet": code, **msgspec.to_builtins(found)} for code, number, found in listed]
    if not listed:
        waiting = call.text(
            "no declaration yet: `kouan enterprise receive` takes in what customs attested",
            "尚无报关单：请运行 `kouan enterprise receive` 接收海关核证的回执",
        )
        return Page({"declarations": []}, [waiting])
    return Page({"declarations": documents}, [_table_of(call, listed)])


def _table_of(call: Call, listed: Sequence[tuple[str, str, Declaration]]) -> Table:
    """Show declarations; what is free stands in a column for its kind, for it can be used in one way alone."""
    kinds = kinds_among([found.kind for _, _, found in listed])
    rows = [
        [
            code,
            number,
            kind_word(found.kind, call.lang),
            money(found.attested, found.unit),
            *(money(found.available, found.unit) if found.kind == kind else "" for kind in kinds),
            code_word("stage", found.stage, call.lang),
            code_word("status", found.status, call.lang),
        ]
        for code, number, found in listed
    ]
    columns = [
        "USCC",
        call.text("Declaration", "报关单"),
        call.text("Kind", "进出口"),
        call.text("Attested", "核证金额"),
        *(free_word(kind, call.lang) for kind in kinds),
        call.text("Stage", "阶段"),
        call.text("Status", "状态"),
    ]
    return table("", columns, rows, right=range(3, 4 + len(kinds)))


@command(
    app,
    "consent",
    examples=(
        'kouan enterprise consent --bank bank-of-huangpu --declaration "223320250000000001:200000.00 USD"',
        'kouan enterprise consent --bank bank-of-huangpu --declaration "NUMBER:5000 USD" --out consent.json',
        'kouan enterprise consent --bank bank-of-huangpu --paper "LN-2019-1107:5000 USD"',
        'kouan enterprise consent --bank bank-of-huangpu --declaration "NUMBER:5000 USD" --financing ID',
    ),
)
def consent(
    call: Call,
    bank: Annotated[str, typer.Option("--bank", metavar="MEMBER", help="The bank that may draw.")],
    declaration: Annotated[
        list[str] | None,
        typer.Option("--declaration", metavar="NUMBER:AMOUNT", help="What it may draw on; once for each declaration."),
    ] = None,
    paper: Annotated[
        list[str] | None,
        typer.Option("--paper", metavar="PAPER:AMOUNT", help="The same for another paper: KIND:NUMBER or its number."),
    ] = None,
    wallet: WalletOption = None,
    financing: Annotated[
        str | None,
        typer.Option("--financing", metavar="ID", help="A loan that these declarations are to carry instead; its id."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="How long the consent holds.")] = 7,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write the slip; else the bank's inbox here.")
    ] = None,
) -> Page:
    """Let one bank draw on declarations and papers for one loan: a slip that only this bank can read."""
    parts = [_part(text) for text in declaration or []] + [_paper_part(text) for text in paper or []]
    if not parts:
        raise UnusableError("--declaration", "is missing; name what the bank may draw on, or a --paper")
    expires_ms = bootstrap.now_ms() + days * DAY_MS
    inbox = call.port / "members" / bank / INBOX
    if out is None and not (inbox.parent / KEYS).exists():
        raise UnusableError("--out", f"{bank} is not kept here; name the file to hand over")
    with call.engine() as engine:
        reader = LedgerReader(engine)
        member = reader.read(Member, member_key(bank))
        if member is None:
            raise UnusableError("--bank", f"{bank!r} is no member; `kouan member list` names them")
        with wallet_of(
            call, owner_of(call, parts[0].number, wallet, "--declaration" if declaration else "--paper")
        ) as opened:
            given = opened.consent(reader, member, parts, expires_ms, _loan_id(financing))
    if out is None:
        path = deliver(inbox, f"{given.financing}.json", given.slip)
    else:
        out.write_bytes(given.slip)
        path = out
    document = {"bank": bank, "expires_ms": expires_ms, "financing": given.financing, "slip": str(path)}
    shown = fields(
        [
            (call.text("Loan", "融资编号"), given.financing),
            (call.text("Bank", "银行"), f"{call.names().of(bank, call.lang)}  {bank}"),
            *((part.number, money(part.amount, part.unit)) for part in parts),
            (call.text("Valid until", "有效期至"), moment(expires_ms)),
            (call.text("Slip", "授权文件"), str(path)),
        ]
    )
    over = [
        call.text(
            f"! {part.number}: only {money(free, part.unit)} is free now; the ledger refuses to hold more",
            f"! {part.number}：现仅余 {money(free, part.unit)} 可用；超出部分账本将拒绝占用",
        )
        for part, quota in zip(parts, given.quotas, strict=True)
        if part.amount > (free := available(quota, bootstrap.now_ms()))
    ]
    step = f"hold {path}" if financing is None else f"substitute {financing} {path} --part NUMBER:AMOUNT"
    return Page(document, [shown, *over, call.text("Next: ", "下一步：") + f"kouan financing {step} --as {bank}"])


def _loan_id(text: str | None) -> str | None:
    try:
        return msgspec.convert(text, Bytes16 | None)
    except msgspec.ValidationError:
        raise UnusableError("--financing", f"{text!r} is no loan's id; give all 22 characters of it") from None


def _named(name: str, override: str | None) -> Override | None:
    """Check what a trader is called; return why its code is accepted all the same."""
    if not name.strip() or len(name) > 200:
        raise UnusableError("--name", "must be 1 to 200 characters")
    try:
        reason: Override | None = msgspec.convert(override, Override | None)
    except msgspec.ValidationError:
        problem = f"{override!r} is no reason; give certificate-seen or registry-confirmed"
        raise UnusableError("--override", problem) from None
    return reason


def _kept_by(call: Call, trader: Trader) -> str:
    return call.text("(custodial)", "（代管）") if trader.custodial else call.text("(the owner's own)", "（企业自持）")


def _part(text: str) -> Part:
    number, colon, typed = text.partition(":")
    if not colon:
        raise UnusableError("--declaration", f"{text[:60]!r} names no amount; write it like NUMBER:200000.00 USD")
    amount = parse_amount(typed)
    return Part(str(declaration_number(number.strip())), amount.currency, amount.minor)


def _paper_part(text: str) -> Part:
    name, colon, typed = text.rpartition(":")
    if not colon or not name.strip():
        raise UnusableError("--paper", f"{text[:60]!r} names no amount; write it like LN-2019-1107:5000.00 USD")
    amount = parse_amount(typed)
    return Part(name.strip(), amount.currency, amount.minor)


def _units(quotas: Sequence[str]) -> str:
    return ", ".join(name.rpartition(".")[2] for name in quotas)


app.add_typer(enterprise_papers.app)
