"""What a record of the ledger must say, by the auditor's books; compared field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kouan.simulation.audit.books import Books
from kouan.simulation.audit.rows import Document


def differences(books: Books, key: str, raw: bytes | None, time_ms: int) -> Iterator[tuple[str, Any, Any]]:
    """Yield (what, expected, found) for every field of a record that is not as it should be."""
    kind, _, name = key.partition("/")
    expected, found = _expected(books, kind, name, time_ms), _found(kind, raw, time_ms)
    if expected is None or found is None:
        if expected is not found:
            yield key, expected, found
        return
    for field, want in expected.items():
        if found[field] != want:
            yield f"{key} {field}", want, found[field]


def _expected(books: Books, kind: str, name: str, time_ms: int) -> dict[str, Any] | None:
    if kind == "quota":
        return _quota(books, name, time_ms) if name in books.documents else None
    if kind == "financing":
        return _loan(books, name) if name in books.loans else None
    if kind == "case":
        return _case(books, name) if name in books.cases else None
    if kind == "fingerprint":
        found = books.fingerprints.get(name)
        return None if found is None else dict(zip(("case", "document"), found, strict=True))
    return _money(books, name) if name in books.moneys else None


def _money(books: Books, name: str) -> dict[str, Any]:
    money = books.moneys[name]
    return {
        "by": money.by,
        "financing": money.financing,
        "items": [{"amount": amount, "final": final, "quota": quota} for quota, (amount, final) in money.items.items()],
        "reversed_by": money.undone_by,
    }


def _case(books: Books, name: str) -> dict[str, Any]:
    case = books.cases[name]
    return {
        "allocations": case.allocations,
        "chain": case.chain,
        "conflicts": case.conflicts,
        "documents": sorted(case.documents),
        "id": name,
        "merged_into": case.merged_into,
        "reviews": {bank: {"reason": reason, "revision": seen} for bank, (reason, seen) in case.reviews.items()},
        "revision": case.revision,
    }


def _facts(row: Document) -> dict[str, str]:
    """Return what else a quota says of its document."""
    if row.stage:
        own = {"mode": row.mode, "provisional": "yes" if row.provisional else "no", "stage": row.stage}
    else:
        own = {"evidence": row.evidence, "purpose": row.purpose}
    return {**own, **row.notes} | ({} if row.case is None else {"case": row.case})


def _quota(books: Books, name: str, time_ms: int) -> dict[str, Any]:
    row = books.documents[name]
    return {
        "attested": row.attested,
        "collected": books.collected(name),
        "commitment": row.commitment,
        "custodial": row.custodial,
        "draw_key": row.draw_key,
        "draws": books.draws(name),
        "facts": _facts(row),
        "fingerprints": row.fingerprints,
        "holds": {
            loan: {"amount": hold.amount, "drawer": hold.drawer, "drawn": hold.drawn, "extended": hold.extended}
            for loan, hold in books.living(name, time_ms).items()
        },
        "issuer": row.issuer,
        "kind": row.kind,
        "lapses": books.lapses(name, time_ms),
        "limit": books.limit(name),
        "ratio_bp": row.ratio_bp,
        "revision": row.revision,
        "seal": row.seal,
        "settled": books.is_settled(name),
        "spent": 0,
        "status": row.status,
        "unit": row.unit,
        "used": books.used(name),
    }


def _loan(books: Books, name: str) -> dict[str, Any]:
    loan = books.loans[name]
    set_aside = loan.set_aside()
    return {
        "advances": loan.advances,
        "allocations": [
            {
                "amount": loan.may_draw(quota),
                "answer": loan.answers.get(quota),
                "drawn": loan.drawn(quota),
                "held": set_aside[quota].amount if quota in set_aside else 0,
                "quota": quota,
                "repaid": loan.repaid(quota),
                "revision": loan.seen[quota],
            }
            for quota in loan.quotas
        ],
        "amount": loan.amount,
        "bank": loan.bank,
        "currency": loan.currency,
        "entries": len(loan.entries),
        "interest": loan.interest(),
        "lapse_ms": loan.lapse_ms,
        "maturity_ms": loan.maturity_ms,
        "offer": None if loan.offer is None else {"lapse_ms": loan.offer[1], "to": loan.offer[0]},
        "predecessor": loan.predecessor,
        "purpose": loan.purpose,
        "rates": loan.rates,
        "reason": loan.reason,
        "registration": loan.registration,
        "state": loan.state,
        "successor": loan.successor,
        "written_off": loan.written_off,
    }


def _found(kind: str, raw: bytes | None, time_ms: int) -> dict[str, Any] | None:
    if raw is None:
        return None
    record: dict[str, Any] = json.loads(raw)
    if kind == "quota":
        lapses = dict(record["lapses"])
        living = {}
        for hold in record["holds"]:
            if hold["lapse_ms"] > time_ms:
                living[hold["financing"]] = {field: hold[field] for field in ("amount", "drawer", "drawn", "extended")}
            elif not hold["drawn"]:
                lapses[hold["drawer"]] = lapses.get(hold["drawer"], 0) + 1
        record |= {"holds": living, "lapses": lapses}
    return record
