"""What a bank checks of a paper in a consent slip: problems, and what it should know."""

from __future__ import annotations

from kouan.client.amounts import Amount
from kouan.client.consents import Consent, ConsentPart
from kouan.client.filings import is_document
from kouan.client.paper_secrets import kind_of, value_of
from kouan.formats.errors import FormatError
from kouan.formats.money import money
from kouan.formats.paper_forms import paper_of
from kouan.formats.trade_papers import TradePaper
from kouan.kernel.encoding import from_text
from kouan.kernel.records import Quota
from kouan.modules.cases.rules import evidence_of, purpose_of

_EVIDENCE = {
    "self": "self-declared: nobody but the owner vouches for it",
    "confirmed": "confirmed by the counterparty through another bank",
    "attested": "attested by an authority",
}


def paper_in(part: ConsentPart) -> TradePaper | None:
    """Return the paper in a consent's part; None when it holds none."""
    try:
        return paper_of(part.document, "consent slip")
    except FormatError:
        return None


def problems(consent: Consent, part: ConsentPart, paper: TradePaper | None, quota: Quota) -> list[str]:
    """Return what of a paper would be refused or shows a deceit."""
    found = []
    if paper is None:
        found.append("the document is no paper that Kouan reads")
    elif kind_of(paper) != quota.kind:
        found.append(f"the document is of the kind {kind_of(paper)}; on the ledger stands one of the kind {quota.kind}")
    elif paper.number != part.number:
        found.append(f"the document is that of another paper, {paper.number}")
    if not is_document(quota.commitment, part.document, from_text(part.link_secret)):
        found.append("the document is not the version on the ledger; ask the owner for the newest")
    if purpose_of(quota) != consent.purpose:
        found.append(f"it is recorded for the {purpose_of(quota)}, the slip is for the {consent.purpose}")
    return found


def remarks(paper: TradePaper, quota: Quota) -> list[str]:
    """Return what a bank should know of a paper."""
    found = [_EVIDENCE[evidence_of(quota)]]
    worth = value_of(paper)
    if worth is None:
        found.append(f"it names no amount itself; its owner states {money(quota.attested, quota.unit)}")
    elif worth != Amount(quota.attested, quota.unit):
        found.append(f"it is over {money(*worth)}, on the ledger it is worth {money(quota.attested, quota.unit)}")
    return found
