"""``kouan proof``: a file that shows somebody outside what the ledger holds. ``kouan verify`` checks it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.output import REFUSED, Page, UnusableError, fields
from kouan.client.book import BOOK_FILE, Book
from kouan.client.finding import quotas_named
from kouan.client.names import Name
from kouan.client.papers import Asked, verification_receipt
from kouan.client.places import Home
from kouan.client.proofs import (
    LoanClaim,
    Made,
    QuotaClaim,
    kind_of,
    prove_loan,
    prove_quota,
    qr_text,
    subject_of,
)
from kouan.client.reading import LedgerReader
from kouan.engines.port import Engine
from kouan.formats.paper import Paper, render
from kouan.kernel.encoding import Bytes16
from kouan.kernel.proof import QuotaId, read_proof

app: Final = group("Proof files, which anybody can verify offline.")

LOAN_ID_CHARACTERS: Final = 22

Claim = Literal["available", "financed", "not-financed", "record"]


@app.callback()
def _group() -> None:
    """Keep `make` a command of its own while it is the only one."""


@command(
    app,
    "make",
    signs=True,
    examples=(
        "kouan proof make --declaration 223320260000000001 --out proof.json --pdf receipt.pdf --as bank-of-huangpu",
        "kouan proof make --quota 3q2-7wAA…hk4.USD --claim not-financed --out proof.json",
        "kouan proof make --declaration 223320260000000009 --currency USD --claim not-financed … --as shanghai-customs",
        "kouan proof make --financing Zk3v --out proof.json --as bank-of-huangpu",
    ),
)
def make(
    call: Call,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the proof goes.")],
    declaration: Annotated[
        str | None, typer.Option("--declaration", help="About a declaration, by its number.")
    ] = None,
    quota: Annotated[str | None, typer.Option("--quota", help="About a quota, by its id.")] = None,
    financing: Annotated[str | None, typer.Option("--financing", help="About a loan.")] = None,
    unit: Annotated[
        str | None,
        typer.Option("--currency", help="Where a declaration has several or, for customs, none."),
    ] = None,
    claim: Annotated[
        Claim | None,
        typer.Option("--claim", help="What to prove; without it, `available`, and `financed` of a loan."),
    ] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Also write the receipt 核验回单.")] = None,
) -> Page:
    """Make a proof of what is free of a declaration, that it is not financed, what of a loan is paid out, or a record.

    A claim that is not true on this ledger gives no file, and exit code 1. The file shows the whole record that it
    rests on to whoever gets it.
    """
    if sum(given is not None for given in (declaration, quota, financing)) != 1:
        raise UnusableError("--declaration", "give exactly one of --declaration, --quota and --financing")
    trust = (call.port / bootstrap.TRUST_FILE).read_bytes()
    home = call.home() if call.member else None
    with call.engine() as engine:
        if financing is not None:
            made = prove_loan(engine, trust, _loan_id(financing, home), _loan_claim(claim))
        else:
            made = prove_quota(engine, trust, _quota(engine, home, declaration, quota, unit), _quota_claim(claim))
    if not made.verdict.proven:
        return _not_true(call, made)
    out.write_bytes(made.proof)
    if pdf is not None:
        pdf.write_bytes(render(_receipt(call, home, made)))
    return _made_page(call, made, out, pdf)


def _quota_claim(claim: Claim | None) -> QuotaClaim:
    if claim == "financed":
        raise UnusableError("--claim", "financed is about a loan; give --financing, or another claim")
    return claim or "available"


def _loan_claim(claim: Claim | None) -> LoanClaim:
    if claim == "available" or claim == "not-financed":  # noqa: PLR1714  # the type checker follows this form
        raise UnusableError("--claim", f"{claim} is about a declaration; give --declaration, or another claim")
    return claim or "financed"


def _loan_id(name: str, home: Home | None) -> str:
    """Return a loan's full id: as given, or by its beginning from the bank's book."""
    is_full = len(name) == LOAN_ID_CHARACTERS
    if is_full or home is None or not (home.path / BOOK_FILE).exists():
        return _checked("--financing", name, Bytes16, "a loan's full id, 22 characters; or say with --as whose book")
    with Book(home.path / BOOK_FILE) as book:
        return book.loan(name).id


def _quota(engine: Engine, home: Home | None, number: str | None, quota: str | None, unit: str | None) -> str:
    if quota is not None:
        return _checked("--quota", quota, QuotaId, "a quota's id, such as `kouan quota show` names")
    found = quotas_named(str(number), home, LedgerReader(engine), unit)
    fitting = [name for name in found if unit is None or name.endswith(f".{unit}")]
    if len(fitting) != 1:
        units = ", ".join(name.rpartition(".")[2] for name in found)
        raise UnusableError("--currency", f"the declaration is in {units}; give one of them")
    return _checked("--declaration", fitting[0], QuotaId, "a declaration's number")


def _checked(option: str, text: str, kind: Any, what: str) -> str:
    try:
        return str(msgspec.convert(text, kind))
    except msgspec.ValidationError:
        raise UnusableError(option, f"{text!r} is not {what}") from None


def _receipt(call: Call, home: Home | None, made: Made) -> Paper:
    """Return the receipt, with what the bank knows of the declaration."""
    member = home.id if home else ""
    bank = call.names().get(member) or Name(member or "anybody", member or "未具名")
    number = owner = None
    numbers: dict[str, str] = {}
    if home is not None and (home.path / BOOK_FILE).exists():
        with Book(home.path / BOOK_FILE) as book:
            subject = subject_of(made.verdict.statement).removeprefix("quota/")
            number, owner = book.number_of(subject), book.owner_of(subject)
            shown = [leaf.key.removeprefix("quota/") for leaf in read_proof(made.proof).leaves]
            numbers = {quota: known for quota in shown if (known := book.number_of(quota))}
    return verification_receipt(made.proof, made.verdict, Asked(bank, number, owner, numbers), bootstrap.now_ms())


def _made_page(call: Call, made: Made, out: Path, pdf: Path | None) -> Page:
    verdict = made.verdict
    document = {
        "claim": kind_of(verdict.statement),
        "fingerprint": verdict.fingerprint,
        "height": verdict.height,
        "pdf": str(pdf) if pdf else None,
        "proof": str(out),
        "qr": qr_text(made.proof, verdict),
        "says": verdict.zh if call.lang == "zh" else verdict.en,
        "subject": subject_of(verdict.statement),
        "time_ms": verdict.time_ms,
    }
    pairs = [
        (call.text("Proof", "证明文件"), str(out)),
        (call.text("Fingerprint", "指纹"), verdict.fingerprint),
        *([(call.text("Receipt", "核验回单"), str(pdf))] if pdf else []),
    ]
    return Page(document, [str(document["says"]), fields(pairs)])


def _not_true(call: Call, made: Made) -> Page:
    """Return the page of a claim that the ledger does not bear out."""
    verdict = made.verdict
    says = verdict.zh if call.lang == "zh" else verdict.en
    document = {"claim": kind_of(verdict.statement), "failure": verdict.failure, "proven": False, "says": says}
    nothing = call.text(
        "No file was written: the claim is not true on this ledger now.", "该陈述目前在本账本上不成立，未生成文件。"
    )
    return Page(document, [says, nothing], REFUSED)
