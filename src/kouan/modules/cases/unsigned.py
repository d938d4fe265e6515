"""Documents of buyer and seller that came into one case without a word of the other side.

Neither needs the other's signature to be on the ledger, so a stranger that knows a number may join a trade for the
purpose that it has no document of. Its finance is weighed in full; but it stops nobody on the other side, until the
other side has signed, or a counterparty or an authority vouches for the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.records import Quota
from kouan.kernel.registry import Context
from kouan.modules.cases import rules


def mark(ctx: Context, joining: Iterable[Quota], there: Sequence[Quota], signed: frozenset[str]) -> bool:
    """Mark what joins other documents without a word of the other side; tell whether all that joins is unsigned.

    Who joins documents of its own purpose needed the signature of one of them, or an authority's word.
    """
    heard = {rules.purpose_of(quota) for quota in there if not rules.is_unsigned(quota)}
    are_unsigned = True
    for quota in joining:
        if rules.is_unsigned(quota):
            continue
        is_vouched = not heard or rules.purpose_of(quota) in heard or _is_signed_for(quota, there, signed)
        if rules.strength(quota) or is_vouched:
            are_unsigned = False
        else:
            _write(ctx, quota, quota.facts | {rules.UNSIGNED: "yes"})
    return are_unsigned


def clear(ctx: Context, documents: Sequence[Quota], signed: frozenset[str]) -> bool:
    """Clear the documents of a case that have signed together with the other side; tell whether there are any."""
    cleared = [quota for quota in documents if rules.is_unsigned(quota) and _is_signed_for(quota, documents, signed)]
    for quota in cleared:
        _write(ctx, quota, {name: fact for name, fact in quota.facts.items() if name != rules.UNSIGNED})
    return bool(cleared)


def _is_signed_for(quota: Quota, documents: Iterable[Quota], signed: frozenset[str]) -> bool:
    others = [other for other in documents if rules.purpose_of(other) != rules.purpose_of(quota)]
    return quota.id in signed and bool(others) and not signed.isdisjoint(rules.best(others))


def _write(ctx: Context, quota: Quota, facts: dict[str, str]) -> None:
    ctx.state.write(quotas.key_of(quota.id), replace(quota, facts=facts))
