"""What the story expects of the ledger, checked as it goes: one unmet expectation and the demonstration has failed."""

from __future__ import annotations

from typing import Any, NamedTuple


class Check(NamedTuple):
    """An expectation and what was found."""

    name: str
    """A code such as ``loan.lent``."""
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        """Whether it was met."""
        return bool(self.expected == self.found)


class Checks:
    """The expectations so far."""

    def __init__(self) -> None:
        self.made: list[Check] = []

    def equal(self, name: str, found: Any, expected: Any) -> None:
        """Expect what was found to be just this."""
        self.made.append(Check(name, expected, found))

    def holds(self, name: str, found: object) -> None:
        """Expect something to be so."""
        self.made.append(Check(name, expected=True, found=bool(found)))

    @property
    def failed(self) -> list[Check]:
        """The expectations that were not met."""
        return [check for check in self.made if not check.holds]
