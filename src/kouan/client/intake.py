"""What a bank checks of a consent slip before it sends anything: each document is what the owner says it is.

Checked against the ledger: a declaration's number leads to the handle, the document is the one that is attested or
recorded, the owner's signature holds. What would be refused or shows a deceit is a problem; what a bank should know is
a remark. What is peculiar to papers stands in `kouan.client.paper_parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kouan.client import paper_parts
from kouan.client.consents import Consent, ConsentError, ConsentPart
from kouan.client.filings import is_document
from kouan.client.handles import handle_of
from kouan.client.paper_secrets import code_of, party_of
from kouan.formats.declaration import Declaration
from kouan.formats.money import money
from kouan.kernel.encoding import from_text
from kouan.kernel.quota import available, key_of
from kouan.kernel.records import Quota
from kouan.kernel.state import Reader
from kouan.kernel.suites import verify
from kouan.modules.cases.rules import PAPERS
from kouan.modules.financing.rules import DRAW_TAG, KIND, draw_message


class Examined(msgspec.Struct, frozen=True):
    """One document of a slip, as slip and ledger show it together."""

    number: str
    quota: str
    amount: int
    """What the owner lets the loan draw, in minor units of ``unit``."""
    unit: str
    owner: str
    """The code of whose finance it is, as the document gives it."""
    kind: str
    """Of the quota: "export", "import" or a kind of paper; empty when nothing is on the ledger."""
    attested: int
    available: int
    """What a new draw could still get."""
    problems: list[str]
    remarks: list[str]


def examine(consent: Consent, reader: Reader, alliance: str, bank: str, now_ms: int) -> list[Examined]:
    """Check every document of a slip; raises ConsentError when the slip as a whole is not for this bank here."""
    if consent.alliance != alliance:
        raise ConsentError("the slip is for another alliance; ask the owner for one for this ledger")
    if consent.drawer != bank:
        raise ConsentError(f"the slip lets {consent.drawer} draw, not {bank}; ask the owner for one for this bank")
    return [_examine(consent, part, reader, now_ms) for part in consent.allocations]


def must_be_sound(examined: Sequence[Examined]) -> None:
    """Raise ConsentError, naming every problem, unless there are none."""
    problems = [f"document {one.number}: {problem}" for one in examined for problem in one.problems]
    if problems:
        raise ConsentError("; ".join(problems))


def _examine(consent: Consent, part: ConsentPart, reader: Reader, now_ms: int) -> Examined:
    quota = reader.read(Quota, key_of(part.quota))
    if quota is not None and quota.kind in PAPERS:
        return _examine_paper(consent, part, quota, now_ms)
    document = _declaration(part.document)
    problems = [*_slip_problems(part, document), *_expiry(part, now_ms)]
    remarks: list[str] = []
    if quota is None:
        problems.append("customs has attested nothing under this handle and currency; ask the owner when it was filed")
    else:
        problems += [*_declaration_problems(consent, part, quota), *_signature(consent, part, quota)]
        remarks += [*_document_remarks(quota, document), *_remarks(part, quota)] if document else _remarks(part, quota)
    return Examined(
        number=part.number,
        quota=part.quota,
        amount=part.amount,
        unit=part.quota.rpartition(".")[2],
        owner=document.owner_uscc if document else "",
        kind=quota.kind if quota else "",
        attested=quota.attested if quota else 0,
        available=available(quota, now_ms) if quota else 0,
        problems=problems,
        remarks=remarks,
    )


def _examine_paper(consent: Consent, part: ConsentPart, quota: Quota, now_ms: int) -> Examined:
    paper = paper_parts.paper_in(part)
    problems = [*paper_parts.problems(consent, part, paper, quota), *_expiry(part, now_ms)]
    return Examined(
        number=part.number,
        quota=part.quota,
        amount=part.amount,
        unit=quota.unit,
        owner=code_of(party_of(paper, consent.purpose)) if paper else "",
        kind=quota.kind,
        attested=quota.attested,
        available=available(quota, now_ms),
        problems=[*problems, *_signature(consent, part, quota)],
        remarks=[*(paper_parts.remarks(paper, quota) if paper else []), *_remarks(part, quota)],
    )


def _declaration(document: dict[str, Any]) -> Declaration | None:
    try:
        return msgspec.convert(document, Declaration, strict=False)
    except msgspec.ValidationError:
        return None


def _slip_problems(part: ConsentPart, document: Declaration | None) -> list[str]:
    problems = []
    if not _leads_to_handle(part):
        problems.append("the number and its link secret do not lead to the handle on the ledger")
    if document is None:
        problems.append("the document is no declaration")
    elif document.entry_id != part.number:
        problems.append(f"the document is that of another declaration, {document.entry_id}")
    return problems


def _expiry(part: ConsentPart, now_ms: int) -> list[str]:
    return ["the owner's signature has expired; ask for a new slip"] if part.expires_ms <= now_ms else []


def _leads_to_handle(part: ConsentPart) -> bool:
    try:
        return handle_of(part.number, from_text(part.link_secret)) == part.quota.rpartition(".")[0]
    except ValueError:  # no declaration has such a number
        return False


def _declaration_problems(consent: Consent, part: ConsentPart, quota: Quota) -> list[str]:
    problems = []
    if consent.purpose != "seller":
        problems.append("a declaration is the seller's: the buyer's finance stands on other papers")
    if quota.kind != KIND:
        problems.append("an import: only the receivable of an export can be financed")
    if not is_document(quota.commitment, part.document, from_text(part.link_secret)):
        problems.append("the document is not the one that customs attests now; ask the owner for the amended one")
    return problems


def _signature(consent: Consent, part: ConsentPart, quota: Quota) -> list[str]:
    message = draw_message(
        consent.alliance,
        consent.drawer,
        consent.financing,
        part.quota,
        part.amount,
        part.expires_ms,
        consent.purpose,
    )
    if verify(from_text(quota.draw_key), DRAW_TAG, message, from_text(part.signature)):
        return []
    return ["the owner's signature does not hold, or its draw key was replaced; ask for a new slip"]


def _remarks(part: ConsentPart, quota: Quota) -> list[str]:
    facts, remarks = quota.facts, list[str]()
    if quota.status != "active":
        stage = f" (stage {facts['stage']})" if "stage" in facts else ""
        remarks.append(f"{quota.status}{stage}: nothing can be drawn on it now")
    if facts.get("provisional") == "yes":
        remarks.append(f"the price is provisional: only {quota.ratio_bp / 100:g} % may be drawn on")
    if "amended" in facts:
        remarks.append(f"amended: {facts['amended']}")
    if "rekeyed" in facts:
        remarks.append(f"the draw key was replaced {facts['rekeyed']} time(s)")
    if quota.custodial:
        remarks.append("custodial: a member keeps the draw key for the owner")
    if quota.collected:
        remarks.append(f"the buyer has paid {money(quota.collected, quota.unit)}")
    if part.amount > quota.limit:
        remarks.append(f"the slip is over more than may be drawn on in all, {money(quota.limit, quota.unit)}")
    return remarks


def _document_remarks(quota: Quota, document: Declaration) -> list[str]:
    remarks = [document.owner_uscc_problem] if document.owner_uscc_problem else []
    try:
        declared = document.total_by_currency().get(quota.unit, 0)
    except (KeyError, ValueError):  # a currency that nobody has, an amount that nobody can pay
        return [*remarks, "the document's amounts cannot be added up"]
    if declared != quota.attested:
        sums = f"{money(declared, quota.unit)}, customs attests {money(quota.attested, quota.unit)}"
        remarks.append(f"the document declares {sums}")
    return remarks
