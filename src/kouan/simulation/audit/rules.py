"""How a rule of the auditor looks: what it may see besides the command, and who may send that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kouan.simulation.audit.books import Books


@dataclass
class Party:
    """A member, as the founding document has it."""

    keys: dict[str, str]
    """Public key by name."""
    roles: frozenset[str]
    suspended: bool = False
    keyed_ms: int = 0
    """Since when it has its keys: they are those it was founded with."""


class Said(NamedTuple):
    """Who said something, when, and the books it is judged by."""

    alliance: str
    books: Books
    key: str
    member: str
    parties: Mapping[str, Party]
    suspended: bool
    time_ms: int

    @property
    def signer(self) -> str:
        """Return who signed, as member/key."""
        return f"{self.member}/{self.key}"


class Rule(NamedTuple):
    """What the auditor knows of one command."""

    record: Any
    """The command's record type."""
    roles: frozenset[str]
    """Who may send it: a member with one of them."""
    starts: bool
    """A suspended member may not send it."""
    predict: Callable[[Said, Any], None]
    """Writes the books, or raises RefusedError."""
