"""How documents come together: the case of a document, whom a fingerprint leads to, and merging by a link.

A link is an authority's when both documents that carry the fingerprint are attested, or the attested one is shown
together with what it names. Any other link needs the owners: of each purpose that both trades have documents of, one
of the best evidenced documents on either side must have signed. So nobody brings a paper into a stranger's trade.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.records import Quota
from kouan.kernel.registry import Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import Reader
from kouan.kernel.suites import digest
from kouan.modules.cases import rules, unsigned
from kouan.modules.cases.records import MAX_DOCUMENTS, MAX_SELF_DECLARED, Case, Fingerprint, Purpose
from kouan.modules.cases.rules import Carried

_FACT: Final = "case"


def case_of(state: Reader, quota: Quota) -> Case | None:
    """Return the case that a document belongs to, or None."""
    name = quota.facts.get(_FACT)
    return None if name is None else _root(state, name)


def _root(state: Reader, name: str) -> Case:
    """Follow the merges; each at least doubles the documents, so there are at most six."""
    while True:
        case = state.read(Case, rules.case_key(name))
        if case is None:
            raise AssertionError(f"the case {name} does not exist")
        if case.merged_into is None:
            return case
        name = case.merged_into


def documents_of(state: Reader, case: Case) -> list[Quota]:
    """Return the documents of a case."""
    return [document(state, name) for name in case.documents]


def document(state: Reader, name: str) -> Quota:
    """Return a document that a case names."""
    quota = state.read(Quota, quotas.key_of(name))
    if quota is None:
        raise AssertionError(f"a case names the quota {name}, which does not exist")
    return quota


def is_detached(quota: Quota) -> bool:
    """Tell whether the overseer took a document, as it stands, out of its trade."""
    return quota.facts.get("detached") == quota.fingerprints


def carrier(state: Reader, fingerprint: str) -> Quota | None:
    """Return the document that a fingerprint leads to, or None."""
    found = state.read(Fingerprint, rules.fingerprint_key(fingerprint))
    if found is None:
        return None
    quota = document(state, found.document)
    case = case_of(state, quota)
    return quota if case is not None and case.id == _root(state, found.case).id else None


def carry(ctx: Context, quota: Quota, case: Case, fingerprints: Iterable[Carried]) -> None:
    """Let fingerprints lead to a document in its case, unless they lead to one that is evidenced as well."""
    for one in fingerprints:
        there = carrier(ctx.state, one.fingerprint)
        if there is None or rules.strength(there) < rules.strength(quota):
            ctx.state.write(rules.fingerprint_key(one.fingerprint), Fingerprint(case.id, quota.id))


def bind(
    ctx: Context, quota: Quota, others: Iterable[Quota], signed: frozenset[str], *, by_owners: bool = False
) -> Case | Refusal:
    """Bring a document and others into one case, because it was shown that they belong together.

    Returns that case. ``signed``: the documents whose owners have signed. ``by_owners``: their word is all there is.
    A link that would merge two trades which both hold attested documents, and that no authority vouches for, is
    refused; where it is an attested document that names a weaker one, the link is left out and counted as a conflict.
    """
    by_authority = rules.is_attested(quota) and not by_owners
    case = _case_for(ctx, quota)
    for other in others:
        there = _case_for(ctx, document(ctx.state, other.id))  # as it stands by now: it may be named twice
        if there.id == case.id:
            continue
        case_documents, there_documents = documents_of(ctx.state, case), documents_of(ctx.state, there)
        if not by_owners and _both_attested(case_documents, there_documents):
            if not by_authority:
                return Refusal(Rejection.JOIN_NEEDS_AUTHORITY, other.id)
            if not rules.is_attested(other):
                case = _conflict(ctx, case)
                _conflict(ctx, there)
                continue
        silent = None if by_authority else _silent(case_documents, there_documents, signed)
        if silent is not None:
            return Refusal(Rejection.JOIN_UNSIGNED, silent)
        if _is_full(case_documents, there_documents, by_authority=by_authority):
            return Refusal(Rejection.CASE_FULL, other.id)
        case = _merge(ctx, case, there, _undisturbed(ctx, case, there, signed))
    if unsigned.clear(ctx, documents_of(ctx.state, case), signed):
        case = look_again(ctx, case)
    return case


def _is_full(one: Iterable[Quota], other: Iterable[Quota], *, by_authority: bool) -> bool:
    """Tell whether two cases hold too many documents together, or too many that only their owners vouch for."""
    documents = [*one, *other]
    if len(documents) > MAX_DOCUMENTS:
        return True
    if by_authority:
        return False
    for purpose in get_args(Purpose):
        self_declared = [
            [quota for quota in part if rules.purpose_of(quota) == purpose and not rules.strength(quota)]
            for part in (one, other)
        ]
        if all(self_declared) and sum(map(len, self_declared)) > MAX_SELF_DECLARED:
            return True
    return False


def _both_attested(one: Iterable[Quota], other: Iterable[Quota]) -> bool:
    return any(map(rules.is_attested, one)) and any(map(rules.is_attested, other))


def _silent(one: list[Quota], other: list[Quota], signed: frozenset[str]) -> str | None:
    """Return a document whose owner would have to sign, or None."""
    for purpose in sorted({rules.purpose_of(quota) for quota in one} & {rules.purpose_of(quota) for quota in other}):
        for documents in (other, one):
            best = rules.best([quota for quota in documents if rules.purpose_of(quota) == purpose])
            if signed.isdisjoint(best):
                return best[0]
    return None


def _case_for(ctx: Context, quota: Quota) -> Case:
    """Return a document's case; one that has none begins with what is held on it now."""
    there = case_of(ctx.state, quota)
    if there is not None:
        return there
    held = [hold.financing for hold in quota.holds if hold.lapse_ms > ctx.time_ms]
    chain = rules.NO_LOANS
    for financing in held:
        chain = rules.chained(chain, financing)
    case = Case(
        allocations=len(held),
        chain=chain,
        conflicts=0,
        documents=[quota.id],
        id=_fresh_id(ctx.state, quota.id),
        merged_into=None,
        reviews={},
        revision=0,
    )
    _write(ctx, case)
    ctx.state.write(quotas.key_of(quota.id), replace(quota, facts=quota.facts | {_FACT: case.id}))
    return case


def _fresh_id(state: Reader, name: str) -> str:
    """Return the id of a document's case; it has had others when it was taken out of them."""
    own = to_text(digest("kouan/case/1", name.encode()))
    while state.read(Case, rules.case_key(own)) is not None:
        own = to_text(digest("kouan/case/1", from_text(own)))
    return own


def _undisturbed(ctx: Context, one: Case, other: Case, signed: frozenset[str]) -> Case | None:
    """Mark what joins unsigned; where that is all that joins, return the case that it joins: nobody need look again.

    The weaker evidenced joins the other, and of equals the one that was shown.
    """
    mine, theirs = documents_of(ctx.state, one), documents_of(ctx.state, other)
    if max(map(rules.strength, mine)) > max(map(rules.strength, theirs)):
        return one if unsigned.mark(ctx, theirs, mine, signed) else None
    return other if unsigned.mark(ctx, mine, theirs, signed) else None


def _merge(ctx: Context, one: Case, other: Case, undisturbed: Case | None) -> Case:
    """Make one case of two: the one with fewer documents becomes a part of the other.

    ``undisturbed``: the one of them that nobody need look at again who has seen it as it was.
    """
    larger, smaller = (one, other) if len(one.documents) >= len(other.documents) else (other, one)
    whole = replace(
        larger,
        allocations=larger.allocations + smaller.allocations,
        chain=rules.merged_chain(larger.chain, smaller.chain),
        conflicts=larger.conflicts + smaller.conflicts,
        documents=sorted(larger.documents + smaller.documents),
        reviews=smaller.reviews | larger.reviews,
        revision=larger.revision + smaller.revision + 1,  # beyond what anybody has seen of either
    )
    if undisturbed is not None:
        revision, seen = max(larger.revision, smaller.revision), undisturbed.revision
        reviews = {
            bank: replace(review, revision=revision) if review.revision == seen else review
            for bank, review in undisturbed.reviews.items()
        }
        whole = replace(whole, reviews=reviews, revision=revision)
    _write(ctx, whole)
    _write(ctx, replace(smaller, documents=[], merged_into=whole.id))
    return whole


def _conflict(ctx: Context, case: Case) -> Case:
    return look_again(ctx, replace(case, conflicts=case.conflicts + 1))


def look_again(ctx: Context, case: Case) -> Case:
    """Write a case as another than the one that anybody has seen."""
    changed = replace(case, revision=case.revision + 1)
    _write(ctx, changed)
    return changed


def detach(ctx: Context, quota: Quota, case: Case) -> Quota:
    """Take a document out of its case and return it alone; what stands on it goes with it."""
    kept = [name for name in case.documents if name != quota.id]
    look_again(ctx, replace(case, documents=kept))
    facts = {name: fact for name, fact in quota.facts.items() if name not in {_FACT, rules.UNSIGNED}}
    return replace(quota, facts=facts | {"detached": quota.fingerprints}, revision=quota.revision + 1)


def _write(ctx: Context, case: Case) -> None:
    ctx.state.write(rules.case_key(case.id), case)
