"""Reading a ledger without a key of one's own: records by key, and who holds which role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from kouan.engines.port import Engine
from kouan.kernel.records import Member, Record
from kouan.kernel.state import Reader, decoder
from kouan.modules.alliance.standing import members_of

R = TypeVar("R", bound=Record)


class LedgerReader:
    """The newest records of a ledger; what `kouan.modules` call a ``Reader``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the newest record at a key, or None."""
        return self.read_many(kind, [key])[0]

    def read_many(self, kind: type[R], keys: Sequence[str]) -> list[R | None]:
        """Return the newest records at some keys, all of one height."""
        values = self._engine.query(keys).values
        return [None if value is None else decoder(kind).decode(value) for value in values]


def holder_of(reader: Reader, role: str) -> Member:
    """Return the member with a role, the first by id of several that are not suspended.

    Raises ValueError when nobody has it.
    """
    holders = [member for member in members_of(reader) if role in member.roles]
    if not holders:
        raise ValueError(f"members: nobody on this ledger has the role {role}")
    return min(holders, key=lambda member: (member.suspended, member.id))


def has_holder(reader: Reader, role: str) -> bool:
    """Tell whether a member has a role."""
    return any(role in member.roles for member in members_of(reader))
