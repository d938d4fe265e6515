"""What a lender is told that nobody sends it: found by reading the blocks since its book last looked.

A buyer's money that another bank received for a declaration under a loan of this bank (diversion 回款至他行), changes
of such a declaration, and loans that are offered to this bank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

from kouan.client.bank import Bank
from kouan.client.happenings import COLLECT, OFFER, REVERSE_COLLECTION, Happened, happened
from kouan.client.portfolio import Held, portfolio
from kouan.modules.financing.records import Collection, Financing
from kouan.modules.financing.rules import collection_key, financing_key, unit_of

Kind = Literal["diversion", "diversion-reversed", "amended", "withdrawn", "suspended", "resumed", "rekeyed", "offer"]

_CUSTOMS: Final[dict[str, Kind]] = {
    "customs.amend/1": "amended",
    "customs.rekey/1": "rekeyed",
    "customs.resume/1": "resumed",
    "customs.suspend/1": "suspended",
    "customs.withdraw/1": "withdrawn",
}

_TOLD: Final = (COLLECT, REVERSE_COLLECTION, OFFER, *_CUSTOMS)


class Concerned(NamedTuple):
    """One declaration that a notice is about."""

    quota: str
    number: str | None
    unit: str
    amount: int | None
    """What was received, or what is attested now, in minor units; None where no amount is told."""


class Notice(NamedTuple):
    """One thing that a lender should know."""

    kind: Kind
    height: int
    time_ms: int
    by: str
    """The member that did it: who received the money, changed the declaration, offers the loan."""
    subject: str
    """The collection's id, the quota's, or the loan's."""
    reason: str
    """A code, such as an amendment's; ``final`` for a buyer's last payment, ``open`` or ``closed`` for an offer."""
    declarations: list[Concerned]
    loans: list[str]
    """This bank's loans on them that are held or outstanding now."""


class Read(NamedTuple):
    """What was read."""

    from_height: int
    to_height: int
    notices: list[Notice]


def read_notices(bank: Bank, since: int | None = None) -> Read:
    """Return the notices in the blocks from a height on, or in those that the book has not read.

    Nothing is remembered: the caller does that, with `Book.read_blocks`, once the notices are shown.
    """
    engine = bank.session.engine
    height = engine.status().height
    known = bank.book.blocks_read()
    # A ledger that was restored from a backup may have fewer blocks than were read: then all are read again.
    start = since if since is not None else known + 1 if known <= height else 1
    own = _Own(bank)
    found = [notice for one in happened(engine, _TOLD, start) if one.height <= height for notice in own.notices(one)]
    return Read(start, height, found)


class _Own:
    """This bank's loans that are open, by the declarations they stand on."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._by_quota: dict[str, list[Held]] = {}
        self._open: dict[str, Held] = {}
        for held in portfolio(bank):
            if held.view.state not in {"held", "disbursed"}:
                continue
            self._open[held.view.id] = held
            for part in held.view.allocations:
                if part.outstanding or part.held:
                    self._by_quota.setdefault(part.quota, []).append(held)

    def notices(self, one: Happened) -> Iterator[Notice]:
        """Yield what of a command this bank should know."""
        theirs = one.by != self._bank.session.member
        kinds: dict[str, Callable[[Happened], Notice | None]] = {
            COLLECT: self._diversion,
            REVERSE_COLLECTION: self._diversion_reversed,
            OFFER: self._offer,
        }
        make = kinds.get(one.type, self._change)
        notice = make(one) if theirs else None
        if notice is not None:
            yield notice

    def _loans(self, quota: str, time_ms: int) -> list[str]:
        return [held.view.id for held in self._by_quota.get(quota, []) if held.view.opened_ms <= time_ms]

    def _concerned(self, quota: str, amount: int | None) -> Concerned:
        return Concerned(quota, self._bank.book.number_of(quota), unit_of(quota), amount)

    def _diversion(self, one: Happened) -> Notice | None:
        command = one.command
        return self._received("diversion", one, command["items"], command["financing"])

    def _diversion_reversed(self, one: Happened) -> Notice | None:
        collection = self._bank.session.read(Collection, collection_key(one.command["collection"]))
        if collection is None:
            raise AssertionError("a collection that was reversed is not on the ledger")
        items = [{"amount": item.amount, "final": item.final, "quota": item.quota} for item in collection.items]
        return self._received("diversion-reversed", one, items, collection.financing)

    def _received(self, kind: Kind, one: Happened, items: list[dict[str, Any]], meant: str | None) -> Notice | None:
        loans: dict[str, None] = {}
        concerned = []
        for item in items:
            own = self._loans(item["quota"], one.time_ms)
            if own or meant in self._open:
                concerned.append(self._concerned(item["quota"], item["amount"]))
            loans.update(dict.fromkeys(own))
        if not concerned:
            return None
        if meant in self._open:
            loans[meant] = None
        final = "final" if any(item["final"] for item in items) else ""
        return Notice(kind, one.height, one.time_ms, one.by, one.command["collection"], final, concerned, list(loans))

    def _change(self, one: Happened) -> Notice | None:
        command = one.command
        loans = self._loans(command["quota"], one.time_ms)
        if not loans:
            return None
        concerned = [self._concerned(command["quota"], command.get("attested"))]
        reason = command.get("reason", "custodial" if command.get("custodial") else "")
        return Notice(_CUSTOMS[one.type], one.height, one.time_ms, one.by, command["quota"], reason, concerned, loans)

    def _offer(self, one: Happened) -> Notice | None:
        member = self._bank.session.member
        if one.command["to"] != member:
            return None
        loan = self._bank.session.read(Financing, financing_key(one.command["financing"]))
        if loan is None:
            raise AssertionError("a loan that was offered is not on the ledger")
        offer = loan.offer
        stands = offer is not None and offer.to == member and offer.lapse_ms > self._bank.session.now_ms()
        reason = "open" if stands else "closed"
        return Notice("offer", one.height, one.time_ms, one.by, loan.id, reason, [], [])
