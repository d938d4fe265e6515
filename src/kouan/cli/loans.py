"""What the commands on loans have in common: a bank's desk, what people type of loans, and how a loan is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kouan import bootstrap
from kouan.cli.calls import Call
from kouan.cli.output import RefusedError, UnusableError
from kouan.client.amounts import Amount, parse_amount
from kouan.client.bank import Bank, open_bank
from kouan.client.bank_desk import Registration
from kouan.client.names import Name
from kouan.client.papers import last_day
from kouan.client.portfolio import Held, flags_of
from kouan.client.refusals import explain
from kouan.client.session import Result
from kouan.client.workdays import SHANGHAI, end_of_day
from kouan.formats.paper import Paper, render
from kouan.kernel.records import Member
from kouan.modules.alliance.records import member_key

LoanArgument = Annotated[
    str,
    typer.Argument(
        metavar="LOAN", help="The loan's id, or an unambiguous beginning of it; write -- before one with a dash."
    ),
]
AmountOption = Annotated[str | None, typer.Option("--amount", metavar="AMOUNT", help='Such as "250000.00 USD".')]
PartOption = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="DECLARATION:AMOUNT", help="How much of it is for one declaration; repeat it."),
]
PdfOption = Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Also write the paper as PDF.")]
RegistrationOption = Annotated[
    str | None,
    typer.Option("--registration", metavar="NUMBER", help="Of the receivables in the movables register 中登网."),
]
SearchedOption = Annotated[
    str | None, typer.Option("--searched", metavar="TIME", help="When the register was searched, ISO 8601.")
]
ExpiresOption = Annotated[
    str | None, typer.Option("--registered-until", metavar="DAY", help="Until when the registration holds.")
]


@contextmanager
def bank_of(call: Call) -> Iterator[Bank]:
    """Open the acting bank's vault and book, at the ledger; raises UnusableError for a member that is no bank."""
    home = call.home()
    with call.session() as session:
        member = session.read(Member, member_key(home.id))
        roles = [] if member is None else member.roles
        if "bank" not in roles:
            what = ", ".join(roles) or "no member yet"
            raise UnusableError("--as", f"{home.id} is no bank but {what}; name the bank whose loans are meant")
        with open_bank(home, session, os.urandom) as bank:
            yield bank


@contextmanager
def papers_of(call: Call) -> Iterator[Bank]:
    """Open the acting member's vault and book, at the ledger: attesters and overseers look at papers too."""
    with call.session() as session, open_bank(call.home(), session, os.urandom) as bank:
        yield bank


def bank_name(call: Call) -> Name:
    """Return what the acting bank is called."""
    member = call.home().id
    return call.names().get(member) or Name(member, member)


def must_accept(call: Call, bank: Bank, result: Result, what: str, *, paid_out: str | None = None) -> None:
    """Raise RefusedError unless the ledger accepted; say what it is about in the bank's own terms."""
    if not result.accepted:
        explained = explain(bank, result, call.lang, paid_out=paid_out)
        if explained is None:
            raise RefusedError(result, what)
        raise RefusedError(result, f"{what}: {explained.text}", explained.details)


def day_end(option: str, text: str) -> int:
    """Read a day such as 2026-12-31; return its end in Shanghai, in milliseconds since 1970."""
    try:
        return end_of_day(date.fromisoformat(text))
    except (OverflowError, ValueError):
        raise UnusableError(option, f"{text!r} is no day; write it like 2026-12-31") from None


def amount_of(option: str, text: str | None) -> Amount | None:
    """Read an amount with its currency."""
    if text is None:
        return None
    try:
        return parse_amount(text)
    except ValueError as problem:
        raise UnusableError(option, str(problem)) from None


def parts_of(bank: Bank, texts: Sequence[str] | None) -> dict[str, int] | None:
    """Read what is for which declaration, each ``NUMBER:AMOUNT`` or ``QUOTA:AMOUNT``; None when nothing is given."""
    if not texts:
        return None
    parts: dict[str, int] = {}
    for text in texts:
        name, colon, typed = text.rpartition(":")
        amount = amount_of("--part", typed) if colon else None
        if amount is None:
            problem = f"{text!r} is not a part; write it like 223320260000000001:250000.00 USD"
            raise UnusableError("--part", problem)
        quota = bank.quota_id(name.strip(), amount.currency)
        if not quota.endswith(f".{amount.currency}"):
            raise UnusableError("--part", f"{text!r}: that declaration's amounts are in {quota.rpartition('.')[2]}")
        if quota in parts:
            raise UnusableError("--part", f"{name} is given twice; add its amounts up")
        parts[quota] = amount.minor
    return parts


def one_way(amount: str | None, parts: Sequence[str] | None) -> None:
    """Refuse an amount and parts together."""
    if amount is not None and parts:
        raise UnusableError("--amount", "is given together with --part; give one of them")


def registration_of(number: str | None, searched: str | None, expires: str | None) -> Registration | None:
    """Read the registration of the receivables: all of it, or nothing; searched before now, holding still."""
    if number is None and searched is None and expires is None:
        return None
    if not number or searched is None or expires is None:
        problem = "is incomplete; give --registration NUMBER --searched TIME --registered-until DAY"
        raise UnusableError("--registration", problem)
    try:
        at = datetime.fromisoformat(searched)
    except ValueError:
        raise UnusableError("--searched", f"{searched!r} is no time; write it like 2026-11-22T10:30") from None
    at = at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
    now_ms = bootstrap.now_ms()
    if at.timestamp() * 1000 > now_ms:
        raise UnusableError("--searched", f"{searched} is in the future; give when the register was searched")
    if day_end("--registered-until", expires) <= now_ms:
        raise UnusableError(
            "--registered-until", f"{expires} is past; renew the registration and give its new last day"
        )
    moment = at.isoformat(timespec="seconds")
    return Registration(number=number, searched=moment, expires=date.fromisoformat(expires).isoformat())


def held_until(call: Call, lapse_ms: int) -> tuple[str, str]:
    """Return the line that says until when something is held: the last day, as it is agreed."""
    day = last_day(lapse_ms)
    return call.text("Held until", "占用至"), call.text(f"end of {day}", f"{day} 终了")


def read_slip(path: Path) -> bytes:
    """Return a slip's bytes."""
    if path.stat().st_size > 2**24:
        raise UnusableError(str(path), "is far too large for a slip; name the file that the owner's wallet made")
    return path.read_bytes()


def write_pdf(path: Path, paper: Paper) -> str:
    """Write a paper and return the line that says so."""
    path.write_bytes(render(paper))
    return str(path)


def loan_document(held: Held) -> dict[str, Any]:
    """Return a loan for programs."""
    view = held.view
    return {
        "id": view.id,
        "bank": view.bank,
        "customer": held.booked.customer,
        "product": view.product,
        "state": view.state,
        "flags": flags_of(view),
        "currency": view.currency,
        "amount_minor": view.amount,
        "held_minor": view.held,
        "outstanding_minor": view.outstanding,
        "owed_minor": held.owed,
        "repaid_minor": view.repaid,
        "interest_minor": view.interest,
        "opened_ms": view.opened_ms,
        "lapse_ms": view.lapse_ms,
        "maturity_ms": view.maturity_ms,
        "maturity": last_day(view.maturity_ms),
        "predecessor": view.predecessor,
        "successor": view.successor,
        "declarations": [
            {
                "declaration": number if number != part.quota else None,
                "quota": part.quota,
                "unit": part.unit,
                "amount_minor": part.amount,
                "held_minor": part.held,
                "drawn_minor": part.drawn,
                "repaid_minor": part.repaid,
                "outstanding_minor": part.outstanding,
                "under_review": part.is_under_review,
                "answer": part.answer,
            }
            for number, part in zip(held.numbers, view.allocations, strict=True)
        ],
    }
