"""What a whole trade says to a draw on one of its documents; written from `kouan/modules/cases/README.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil
from typing import Final

from kouan.kernel.rejections import Rejection
from kouan.simulation.audit.books import WHOLE_BP, Books, RefusedError
from kouan.simulation.audit.rows import Document
from kouan.simulation.audit.rules import Said
from kouan.simulation.audit.signatures import octets, tagged_hash, text_of

AGREEMENTS: Final = ("contract", "order")


def chained(chain: str, loan: str) -> str:
    """Return a case's chain with one allocation of a loan more."""
    return text_of(tagged_hash("kouan/case-loan/1", octets(chain), octets(loan)))


def place(said: Said, quota: str, loan: str) -> None:
    """Judge a loan that the books already show on a document, and put it down in the case's chain."""
    name = said.books.case_of(quota)
    if name is None:
        return
    _weigh(said, name, quota, loan, is_paid_out=False)
    case = said.books.cases[name]
    said.books.put_case(name, case._replace(allocations=case.allocations + 1, chain=chained(case.chain, loan)))
    _has_drawn(said, name, quota)


def pay_out(said: Said, quota: str, loan: str) -> None:
    """Judge what the books show as paid out of a loan's hold on a document."""
    name = said.books.case_of(quota)
    if name is not None and len(said.books.cases[name].documents) > 1:
        _weigh(said, name, quota, loan, is_paid_out=True)
        _has_drawn(said, name, quota)


def note(said: Said, quota: str) -> None:
    """Put down money that is out on a document and that nobody weighs: brought in, or a repayment that was none."""
    name = said.books.case_of(quota)
    if name is not None and len(said.books.cases[name].documents) > 1:
        _has_drawn(said, name, quota)


def _has_drawn(said: Said, name: str, quota: str) -> None:
    """Let the case be another than before; whoever drew knows of it, where it had seen the case as it was.

    What happens on an unsigned document is nothing to look at.
    """
    if said.books.documents[quota].is_unsigned:
        return
    case = said.books.cases[name]
    reviews = dict(case.reviews)
    if case.is_seen_by(said.member):
        reviews[said.member] = (reviews[said.member][0], case.revision + 1)
    said.books.put_case(name, case._replace(reviews=reviews, revision=case.revision + 1))


def _weigh(said: Said, name: str, quota: str, loan: str, *, is_paid_out: bool) -> None:
    books, case = said.books, said.books.cases[name]
    if len(case.documents) == 1:
        return
    row = books.documents[quota]
    side = [one for one in case.documents if books.documents[one].side == row.side]
    _check_carried(said, side, quota, loan, is_paid_out=is_paid_out)
    if row.kind not in AGREEMENTS:
        _check_carried(said, shipments(books, side), quota, loan, is_paid_out=is_paid_out)
    if not case.is_seen_by(said.member) and any(
        _is_beside(row, books.documents[one]) for one in case.documents if books.used(one)
    ):
        raise RefusedError(Rejection.CASE_TO_REVIEW, quota)


def shipments(books: Books, documents: Iterable[str]) -> list[str]:
    """Return the documents that are of goods shipped, and of no agreement to ship any."""
    return [one for one in documents if books.documents[one].kind not in AGREEMENTS]


def _is_beside(row: Document, other: Document) -> bool:
    """Tell whether money out on another document may be lent on the same goods, in a way that no sum shows."""
    if row.purpose != other.purpose:
        return not other.is_unsigned
    may_be_same_shipment = row.kind != other.kind and row.kind not in AGREEMENTS and other.kind not in AGREEMENTS
    return row.unit != other.unit or may_be_same_shipment


def _check_carried(said: Said, side: Sequence[str], quota: str, loan: str, *, is_paid_out: bool) -> None:
    books = said.books
    out = sum(books.used(one) for one in side)
    aside = 0
    for one in side:
        is_weaker = books.documents[one].strength < books.documents[quota].strength
        for holder, hold in books.living(one, said.time_ms).items():
            counts = not is_paid_out if holder == loan else not is_weaker
            aside += hold.amount if counts else 0
    if out + aside > cap(books, side, books.documents[quota].strength):
        raise RefusedError(Rejection.CASE_EXCEEDED, quota)


def cap(books: Books, side: Sequence[str], strength: int) -> int:
    """Return what the documents of a side carry together, those of some strength at least."""
    kinds: dict[str, list[str]] = {}
    for one in side:
        if books.documents[one].strength >= strength:
            kinds.setdefault(books.documents[one].kind, []).append(one)
    paid = {kind: sum(_paid(books, one) for one in group) for kind, group in kinds.items()}
    carried = [0]
    for kind, group in kinds.items():
        limits = sum(books.limit(one) for one in group if books.documents[one].status == "active")
        ratio = Fraction(max(books.documents[one].ratio_bp for one in group), WHOLE_BP)
        carried.append(limits - ceil((max(paid.values()) - paid[kind]) * ratio))
    return max(carried)


def _paid(books: Books, quota: str) -> int:
    """Return what of a document the buyer has paid, or need pay no more."""
    collected = books.collected(quota)
    return max(collected, books.documents[quota].attested) if books.is_settled(quota) else collected
