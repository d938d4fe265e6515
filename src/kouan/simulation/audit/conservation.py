"""What of the ledger's own records must agree with each other, whatever happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

Read = Callable[[str], bytes | None]


def broken(read: Read, loans_on: dict[str, list[str]], time_ms: int) -> list[str]:
    """Return what is not conserved on some quotas; ``loans_on`` names every loan that ever stood on each."""
    told = []
    for name, loans in loans_on.items():
        quota = _record(read, f"quota/{name}")
        parts = list(_parts(read, name, loans))
        outstanding = sum(part["drawn"] - part["repaid"] for _, part in parts)
        held = sum(part["held"] for loan, part in parts if loan["lapse_ms"] > time_ms)
        living = [hold for hold in quota["holds"] if hold["lapse_ms"] > time_ms]
        on_quota = sum(hold["amount"] for hold in living)
        ratio = max(0, quota["attested"] - quota["collected"]) * quota["ratio_bp"] // 10_000
        checks = {
            f"loans owe {outstanding}, used is {quota['used']}": outstanding == quota["used"],
            f"loans hold {held}, the quota's holds are {on_quota}": held == on_quota,
            f"the limit is {quota['limit']}, not {ratio} or nothing": quota["limit"]
            == (0 if quota["settled"] else ratio),
            f"spent is {quota['spent']} though nothing spends": quota["spent"] == 0,
            "a figure is negative": min(quota["used"], quota["limit"], quota["collected"], quota["draws"]) >= 0,
            "more holds than 16": len(living) <= 16,
            "a loan was repaid more than was drawn": all(part["repaid"] <= part["drawn"] for _, part in parts),
        }
        told += [f"quota/{name}: {what}" for what, is_so in checks.items() if not is_so]
    return told


def _parts(read: Read, quota: str, loans: list[str]) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    for name in loans:
        loan = _record(read, f"financing/{name}")
        for part in loan["allocations"]:
            if part["quota"] == quota:
                yield loan, part


def _record(read: Read, key: str) -> dict[str, Any]:
    raw = read(key)
    if raw is None:
        raise AssertionError(f"{key} is not on the ledger")
    record: dict[str, Any] = json.loads(raw)
    return record
