"""What of the ledger's own records of cases must hold whatever happened, block after block."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, Final

from kouan.simulation.audit.conservation import Read
from kouan.simulation.audit.rows import EVIDENCE
from kouan.simulation.audit.weighing import AGREEMENTS

MOST_DOCUMENTS: Final = 64
_STATED: Final = ("attested", "collected", "limit", "status", "settled", "facts")
"""What a draw leaves as it is."""
Row = dict[str, Any]


class Trades:
    """Remembers the records that it was shown, to tell what became of them."""

    def __init__(self) -> None:
        self._cases: dict[str, Row] = {}
        self._quotas: dict[str, Row] = {}
        self._fingerprints: dict[str, Row] = {}
        self._listed: dict[str, set[str]] = {}
        """The cases that name each document."""
        self._carried: dict[str, set[str]] = {}
        """The fingerprints that lead to each document."""

    def broken(self, read: Read, touched: Iterable[str], *, corrected: bool) -> list[str]:
        """Return what does not hold after a block; ``corrected``: it reversed something, or brought in old loans."""
        before = self._take_in(read, touched)
        old_cases, old_quotas = before["case"], before["quota"]
        told = [f"case/{name}: {what}" for name in old_cases for what in self._case_broken(name, old_cases[name])]
        near = set(old_quotas).union(*(self._cases[name]["documents"] for name in old_cases))
        near |= {self._fingerprints[name]["document"] for name in before["fingerprint"]}
        known = sorted(near & self._quotas.keys())
        told += [f"quota/{name}: {what}" for name in known for what in self._document_broken(name)]
        if not corrected:
            told += self._beyond(old_quotas, old_cases)
        return told

    def _take_in(self, read: Read, touched: Iterable[str]) -> dict[str, dict[str, Row]]:
        """Remember records as they are now; return them as they were, empty where they are new."""
        before: dict[str, dict[str, Row]] = {"case": {}, "fingerprint": {}, "quota": {}}
        tables = {"case": self._cases, "fingerprint": self._fingerprints, "quota": self._quotas}
        for key in touched:
            kind, _, name = key.partition("/")
            raw = read(key) if kind in tables else None
            if raw is None:
                continue
            row, old = json.loads(raw), tables[kind].get(name, {})
            tables[kind][name], before[kind][name] = row, old
            if kind == "case":
                _reindex(self._listed, name, old.get("documents", []), row["documents"])
            if kind == "fingerprint":
                _reindex(self._carried, name, [old["document"]] if old else [], [row["document"]])
        return before

    def _root(self, name: str) -> str:
        while self._cases[name]["merged_into"] is not None:
            name = self._cases[name]["merged_into"]
        return name

    def _case_broken(self, name: str, old: Row) -> Iterator[str]:
        case = self._cases[name]
        documents = case["documents"]
        checks = {
            "documents out of order, or one twice": documents != sorted(set(documents)),
            f"{len(documents)} documents": len(documents) > MOST_DOCUMENTS,
            "documents though it is merged": case["merged_into"] is not None and documents,
            "names what is no document": not self._quotas.keys() >= set(documents),
        }
        if old:
            grown = case["allocations"] - old["allocations"]
            checks |= {
                "fewer allocations than before": grown < 0,
                "allocations without a link in the chain": grown > 0 and case["chain"] == old["chain"],
                "less seen of it than before": case["revision"] < old["revision"],
                "merged again": old["merged_into"] not in {None, case["merged_into"]},
            }
        if case["merged_into"] is not None:
            whole = self._cases[case["merged_into"]]
            checks["allocations lost in a merger"] = whole["allocations"] < case["allocations"]
        yield from (what for what, is_so in checks.items() if is_so)

    def _document_broken(self, name: str) -> Iterator[str]:
        quota = self._quotas[name]
        came_into = quota["facts"].get("case")
        own = set() if came_into is None else {self._root(came_into)}
        if self._listed.get(name, set()) != own:
            yield f"it is of {own}, and named by {self._listed.get(name)}"
        for fingerprint in self._carried.get(name, set()):
            if self._root(self._fingerprints[fingerprint]["case"]) not in own and "detached" not in quota["facts"]:
                yield f"the fingerprint {fingerprint} leads to it out of another case"

    def _beyond(self, old_quotas: dict[str, Row], old_cases: dict[str, Row]) -> Iterator[str]:
        """Tell where draws alone put more on a side of a trade than its documents carry."""
        drawn = {name for name, old in old_quotas.items() if old and old["draws"] < self._quotas[name]["draws"]}
        for case in {case for name in drawn for case in self._listed.get(name, ())}:
            documents = self._cases[case]["documents"]
            if len(documents) == 1 or old_cases.get(case, self._cases[case]).get("documents") != documents:
                continue
            for side in {_side(self._quotas[name]) for name in drawn.intersection(documents)}:
                own = [name for name in documents if _side(self._quotas[name]) == side]
                if any(_is_restated(old_quotas.get(name), self._quotas[name]) for name in own):
                    continue
                shipments = [name for name in own if self._quotas[name]["kind"] not in AGREEMENTS]
                for together, what in ((own, "document"), (shipments, "shipment document")):
                    out = sum(self._quotas[name]["used"] for name in together)
                    if out > self._carry(together, drawn):
                        yield f"case/{case}: {out} of {side} is out, more than any kind of {what} carries"

    def _carry(self, together: list[str], drawn: set[str]) -> float:
        """Return what documents of a side may have drawn on them, as far as anything was drawn on one now."""
        weakest = min((_strength(self._quotas[name]) for name in drawn.intersection(together)), default=None)
        return inf if weakest is None else _carries([self._quotas[name] for name in together], weakest)


def _reindex(index: dict[str, set[str]], name: str, old: Iterable[str], new: Iterable[str]) -> None:
    for document in old:
        index[document].discard(name)
    for document in new:
        index.setdefault(document, set()).add(name)


def _side(quota: Row) -> tuple[str, str]:
    return quota["unit"], quota["facts"].get("purpose", "seller")


def _strength(quota: Row) -> int:
    return EVIDENCE.index(quota["facts"].get("evidence", "attested"))


def _is_restated(old: Row | None, new: Row) -> bool:
    return old is not None and any(old.get(field) != new[field] for field in _STATED)


def _carries(quotas: list[Row], weakest: int) -> int:
    """Return the highest sum of limits of one kind: no less than a draw's cap, since receipts lower that only."""
    sums: dict[str, int] = {}
    for quota in quotas:
        if quota["status"] == "active" and _strength(quota) >= weakest:
            sums[quota["kind"]] = sums.get(quota["kind"], 0) + quota["limit"]
    return max(sums.values(), default=0)
