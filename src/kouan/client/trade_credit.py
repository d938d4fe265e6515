"""Which receivables an enterprise has to report as trade credit 贸易信贷报告, as far as this ledger can tell.

Within 30 days of the export or the receipt an enterprise reports what is deferred beyond a term, or was paid in advance
of the export by more than one. The terms are those of the foreign-exchange rules for trade in goods: 90 and 30 days for
class A; for classes B and C deferrals beyond 30 days and every advance. They are defaults: rules change, and the class
is not on the ledger.

Only the export side is known here, and only what customs attested and banks reported. The payment term agreed in the
contract is not known; where a loan on the declaration falls due later than the term after the export, a deferral is
*expected*. A receipt counts as of the block that recorded it, so an advance is seen only when the declaration was on
the ledger before the goods left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from kouan.client.bank import Bank
from kouan.client.bank_desk import CONSENT_KIND
from kouan.client.book import BookedDeclaration
from kouan.client.consents import open_consent
from kouan.client.happenings import COLLECT, REVERSE_COLLECTION, Happened, happened
from kouan.client.portfolio import portfolio
from kouan.client.workdays import day_of
from kouan.engines.port import Engine
from kouan.kernel.records import Quota
from kouan.modules.financing.rules import unit_of

Class = Literal["A", "B", "C"]
Kind = Literal["deferred", "expected", "advance", "unknown"]


class Terms(NamedTuple):
    """From when on something is to be reported; days."""

    deferred: int
    """A receivable still open more than that long after the export."""
    advance: int
    """A receipt more than that long before the export."""
    report: int = 30
    """How long after the export or the receipt the report may be made."""


TERMS: Final[Mapping[Class, Terms]] = {"A": Terms(90, 30), "B": Terms(30, 0), "C": Terms(30, 0)}


class Credit(NamedTuple):
    """One receivable in one currency; amounts in minor units of it."""

    kind: Kind
    declaration: BookedDeclaration
    unit: str
    attested: int
    collected: int
    """By the end of the day of the report."""
    amount: int
    """What is to be reported: what is open, or what was received in advance."""
    exported: date | None
    """None where the bank was not told: then nothing else is known either."""
    days: int
    """From the export to the day of the report; for an advance, from the receipt to the export."""
    expected: date | None
    """The latest maturity of this bank's loans on it."""
    report_by: date | None


class _Receipt(NamedTuple):
    """A part of a collection."""

    amount: int
    time_ms: int
    reversed_ms: int | None

    def counts(self, at_ms: int) -> bool:
        """Tell whether it was recorded by a time and not taken back by then."""
        return self.time_ms <= at_ms and (self.reversed_ms is None or self.reversed_ms > at_ms)


def trade_credit(
    bank: Bank, at: date, at_ms: int, classes: Mapping[str, Class], terms: Mapping[Class, Terms] = TERMS
) -> list[Credit]:
    """Return what the bank's customers have to report at the end of a day, by customer and declaration.

    ``classes``: of the customers that are not of class A, by their codes.
    """
    declarations = bank.book.declarations()
    exports = _exports(bank)
    receipts = _receipts(bank.session.engine)
    maturities = _maturities(bank, at_ms)
    quotas = bank.quotas([one.quota for one in declarations])
    found: list[Credit] = []
    for one, quota in zip(declarations, quotas, strict=True):
        own = terms[classes.get(one.owner, "A")]
        if quota.status != "withdrawn" and quota.kind == "export":
            found += _credits(one, quota, own, at, at_ms, exports.get(one.quota), receipts[one.quota], maturities)
    return sorted(found, key=lambda credit: (credit.declaration.owner, credit.declaration.number, credit.unit))


def _credits(  # what is known of one receivable
    one: BookedDeclaration,
    quota: Quota,
    terms: Terms,
    at: date,
    at_ms: int,
    exported: date | None,
    receipts: Sequence[_Receipt],
    maturities: Mapping[str, date],
) -> Iterator[Credit]:
    collected = sum(receipt.amount for receipt in receipts if receipt.counts(at_ms))
    is_open = max(0, quota.attested - collected) if not quota.settled else 0
    expected = maturities.get(quota.id)
    unit = unit_of(quota.id)

    def credit(kind: Kind, amount: int, days: int, since: date | None) -> Credit:
        report_by = None if since is None else since + timedelta(days=terms.report)
        return Credit(kind, one, unit, quota.attested, collected, amount, exported, days, expected, report_by)

    if exported is None:
        if is_open:
            yield credit("unknown", is_open, 0, None)
        return
    for receipt in receipts:
        received = day_of(receipt.time_ms)
        if receipt.counts(at_ms) and receipt.amount and (exported - received).days > terms.advance:
            yield credit("advance", receipt.amount, (exported - received).days, received)
    days = (at - exported).days
    if is_open and days > terms.deferred:
        yield credit("deferred", is_open, days, exported)
    elif is_open and days >= 0 and expected is not None and (expected - exported).days > terms.deferred:
        yield credit("expected", is_open, days, exported)


def _exports(bank: Bank) -> dict[str, date]:
    """Return the days of export by quota: from the owners' slips, and what the bank's own file said."""
    days = {quota: date.fromisoformat(text) for quota, text in bank.book.exports().items()}
    for entry in sorted(bank.vault.by_kind(CONSENT_KIND), key=lambda entry: entry.stored_ms):
        if entry.erased_ms is not None:
            continue
        for part in open_consent(bank.private_key, bank.vault.get(entry.id)).allocations:
            text = part.document.get("ie_date")
            if isinstance(text, str):
                days[part.quota] = date.fromisoformat(text)
    return days


def _receipts(engine: Engine) -> dict[str, list[_Receipt]]:
    """Return what was received by quota, whichever bank reported it."""
    collections: dict[str, Happened] = {}
    reversals: dict[str, int] = {}
    for one in happened(engine, (COLLECT, REVERSE_COLLECTION)):
        if one.type == COLLECT:
            collections[one.command["collection"]] = one
        else:
            reversals[one.command["collection"]] = one.time_ms
    received: defaultdict[str, list[_Receipt]] = defaultdict(list)
    for name, one in collections.items():
        for item in one.command["items"]:
            received[item["quota"]].append(_Receipt(item["amount"], one.time_ms, reversals.get(name)))
    return received


def _maturities(bank: Bank, at_ms: int) -> dict[str, date]:
    """Return the latest maturity by quota of this bank's loans that are held or outstanding."""
    latest: dict[str, date] = {}
    for held in portfolio(bank, at_ms):
        if held.view.state in {"held", "disbursed"}:
            last = day_of(held.view.maturity_ms - 1)
            for part in held.view.allocations:
                latest[part.quota] = max(last, latest.get(part.quota, last))
    return latest
