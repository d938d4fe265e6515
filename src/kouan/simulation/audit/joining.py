"""How documents come into one case; written from `kouan/modules/cases/README.md`."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from kouan.kernel.rejections import Rejection
from kouan.simulation.audit.books import RefusedError
from kouan.simulation.audit.rows import Case
from kouan.simulation.audit.rules import Said
from kouan.simulation.audit.signatures import octets, tagged_hash, text_of
from kouan.simulation.audit.weighing import chained

MOST_DOCUMENTS: Final = 64
MOST_SELF_DECLARED: Final = 24
"""Of each purpose, on their owners' word."""


def bring_together(
    said: Said, shown: str, others: Iterable[str], signed: Container[str], *, by_owners: bool = False
) -> None:
    """Bring a document and others into one case, one link after the other.

    ``signed``: the documents whose owners have signed; ``by_owners``: nothing but their word was shown.
    """
    books = said.books
    by_authority = books.documents[shown].evidence == "attested" and not by_owners
    own_case(said, shown)
    for other in others:
        here, there = own_case(said, shown), own_case(said, other)
        if here == there:
            continue
        if not by_owners and _has_attested(said, here) and _has_attested(said, there):
            if not by_authority:
                raise RefusedError(Rejection.JOIN_NEEDS_AUTHORITY, other)
            if books.documents[other].evidence != "attested":
                _leave_out(said, here)
                _leave_out(said, there)
                continue
        if not by_authority:
            _check_signed(said, here, there, signed)
        if _is_too_much(said, here, there, by_authority=by_authority):
            raise RefusedError(Rejection.CASE_FULL, other)
        _merge(said, here, there, _stays_seen(said, here, there, signed))
    _hear(said, own_case(said, shown), signed)


def own_case(said: Said, quota: str) -> str:
    """Return the case of a document; one that has none begins with what is held on it."""
    there = said.books.case_of(quota)
    if there is not None:
        return there
    name = text_of(tagged_hash("kouan/case/1", quota.encode()))
    while name in said.books.cases:  # it was in others before
        name = text_of(tagged_hash("kouan/case/1", octets(name)))
    holders = said.books.living(quota, said.time_ms)
    chain = text_of(bytes(32))
    for loan in holders:
        chain = chained(chain, loan)
    case = Case(
        allocations=len(holders),
        chain=chain,
        conflicts=0,
        documents=frozenset({quota}),
        merged_into=None,
        reviews={},
        revision=0,
    )
    said.books.put_case(name, case)
    said.books.put_document(quota, said.books.documents[quota]._replace(case=name))
    return name


def carrier(said: Said, fingerprint: str) -> str | None:
    """Return the document that a fingerprint leads to: one that is still in the trade where it carried it."""
    case, quota = said.books.fingerprints.get(fingerprint, ("", ""))
    return quota if quota and said.books.case_of(quota) == said.books.part_of[case] else None


def carry(said: Said, quota: str, fingerprints: Iterable[str]) -> None:
    """Let fingerprints lead to a document, unless they lead to one that is evidenced as well."""
    rows = said.books.documents
    for fingerprint in fingerprints:
        there = carrier(said, fingerprint)
        if there is None or rows[there].strength < rows[quota].strength:
            said.books.put_fingerprint(fingerprint, own_case(said, quota), quota)


def take_out(said: Said, quota: str) -> None:
    """Take a document out of its case, until it is corrected."""
    name, row = said.books.case_of(quota), said.books.documents[quota]
    if name is None:
        raise RefusedError(Rejection.CASE_UNKNOWN, quota)
    case = said.books.cases[name]
    said.books.put_case(name, case._replace(documents=case.documents - {quota}, revision=case.revision + 1))
    notes = {what: note for what, note in row.notes.items() if what != "unsigned"} | {"detached": row.fingerprints}
    said.books.put_document(quota, row._replace(case=None, notes=notes, revision=row.revision + 1))


def _has_attested(said: Said, case: str) -> bool:
    return any(said.books.documents[one].evidence == "attested" for one in said.books.cases[case].documents)


def _is_too_much(said: Said, here: str, there: str, *, by_authority: bool) -> bool:
    parts = [said.books.cases[name].documents for name in (here, there)]
    if len(parts[0] | parts[1]) > MOST_DOCUMENTS:
        return True
    for purpose in ("buyer", "seller"):
        rows = [[said.books.documents[one] for one in part] for part in parts]
        counts = [sum((row.evidence, row.purpose) == ("self", purpose) for row in part) for part in rows]
        if not by_authority and min(counts) and sum(counts) > MOST_SELF_DECLARED:
            return True
    return False


def _stays_seen(said: Said, here: str, there: str, signed: Container[str]) -> str | None:
    """Note which documents join unsigned; return the case that who has looked at it has seen still, if there is one."""
    rows, cases = said.books.documents, said.books.cases
    best = {name: max(rows[one].strength for one in cases[name].documents) for name in (here, there)}
    joining, joined = (there, here) if best[here] > best[there] else (here, there)
    known = {rows[one].purpose for one in cases[joined].documents if not rows[one].is_unsigned}
    for one in cases[joining].documents:
        row = rows[one]
        is_stranger = row.evidence == "self" and known and row.purpose not in known
        if is_stranger and not _is_spoken_for(said, one, joined, signed):
            said.books.put_document(one, row._replace(notes={**row.notes, "unsigned": "yes"}))
    return joined if all(rows[one].is_unsigned for one in cases[joining].documents) else None


def _is_spoken_for(said: Said, quota: str, case: str, signed: Container[str]) -> bool:
    """Tell whether a document has signed, and with it one of the best evidenced of the other side."""
    rows = said.books.documents
    others = [one for one in said.books.cases[case].documents if rows[one].purpose != rows[quota].purpose]
    most = max((rows[one].strength for one in others), default=0)
    return quota in signed and any(one in signed for one in others if rows[one].strength == most)


def _hear(said: Said, name: str, signed: Container[str]) -> None:
    """Let documents that have signed together with the other side be unsigned no more."""
    rows = said.books.documents
    unsigned = [one for one in said.books.cases[name].documents if rows[one].is_unsigned]
    heard = [one for one in unsigned if _is_spoken_for(said, one, name, signed)]
    for one in heard:
        speak_for(said, one)
    if heard:
        is_another(said, name)


def speak_for(said: Said, quota: str) -> None:
    """Let a document be unsigned no more."""
    row = said.books.documents[quota]
    kept = {what: note for what, note in row.notes.items() if what != "unsigned"}
    said.books.put_document(quota, row._replace(notes=kept))


def is_another(said: Said, name: str) -> None:
    """Let a case be another than the one that anybody has seen."""
    case = said.books.cases[name]
    said.books.put_case(name, case._replace(revision=case.revision + 1))


def _leave_out(said: Said, name: str) -> None:
    case = said.books.cases[name]
    said.books.put_case(name, case._replace(conflicts=case.conflicts + 1, revision=case.revision + 1))


def _check_signed(said: Said, here: str, there: str, signed: Container[str]) -> None:
    """Check that of each purpose on both sides one of the best evidenced documents on either has signed."""
    rows, cases = said.books.documents, said.books.cases
    for purpose in ("buyer", "seller"):
        sides = [[one for one in cases[name].documents if rows[one].purpose == purpose] for name in (there, here)]
        for own in sides if all(sides) else ():
            most = max(rows[one].strength for one in own)
            best = [one for one in own if rows[one].strength == most]
            if not any(one in signed for one in best):
                raise RefusedError(Rejection.JOIN_UNSIGNED, min(best))


def _merge(said: Said, here: str, there: str, stays_seen: str | None) -> None:
    """Let the case with fewer documents become a part of the other."""
    cases = said.books.cases
    large, small = (here, there) if len(cases[here].documents) >= len(cases[there].documents) else (there, here)
    one, other = cases[large], cases[small]
    whole = Case(
        allocations=one.allocations + other.allocations,
        chain=text_of(tagged_hash("kouan/case-merge/1", octets(one.chain), octets(other.chain))),
        conflicts=one.conflicts + other.conflicts,
        documents=one.documents | other.documents,
        merged_into=None,
        reviews={**other.reviews, **one.reviews},
        revision=one.revision + other.revision + 1,
    )
    if stays_seen is not None:
        seen, revision = cases[stays_seen], max(one.revision, other.revision)
        lasting = {bank: (why, revision) for bank, (why, _) in seen.reviews.items() if seen.is_seen_by(bank)}
        whole = whole._replace(reviews={**seen.reviews, **lasting}, revision=revision)
    said.books.put_case(large, whole)
    said.books.put_case(small, other._replace(documents=frozenset(), merged_into=large))
