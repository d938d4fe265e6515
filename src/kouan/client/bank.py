"""What a bank's desks work with: its session at the ledger, its vault, its book; and what all of them ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import msgspec

from kouan.client.book import BOOK_FILE, Book, BookedPayment, BookError
from kouan.client.evaluating import Asker
from kouan.client.keymaterial import Entropy
from kouan.client.places import Home
from kouan.client.session import Order, Result, Session
from kouan.client.splits import Split
from kouan.client.vault import Vault
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota, Record
from kouan.modules.financing.records import Financing
from kouan.modules.financing.rules import financing_key

R = TypeVar("R", bound=Record)


class Bank(NamedTuple):
    """One bank with everything it keeps, opened."""

    session: Session
    private_key: bytes
    """Opens what others seal to the bank (32 bytes, X25519)."""
    vault: Vault
    book: Book
    entropy: Entropy
    asker: Asker
    """Signs what the evaluator is asked."""

    def loan(self, name: str) -> Financing:
        """Return a loan by its id or an unambiguous beginning of it; raises BookError."""
        booked = self.book.loan(name)
        loan = self.session.read(Financing, financing_key(booked.id))
        if loan is None:
            raise BookError(f"loan: {booked.id} is in the book but not on the ledger: its hold was never accepted")
        return loan

    def quotas_of(self, loan: Financing) -> list[Quota]:
        """Return the quotas that a loan stands on, in the order of its allocations."""
        return self.quotas([allocation.quota for allocation in loan.allocations])

    def quotas(self, names: list[str]) -> list[Quota]:
        """Return quotas by their ids; raises ValueError for one that the ledger does not have."""
        found = self.session.read_many(Quota, [key_of(name) for name in names])
        missing = [name for name, quota in zip(names, found, strict=True) if quota is None]
        if missing:
            raise ValueError(f"quota: the ledger has none with the id {missing[0]}")
        return [quota for quota in found if quota is not None]

    def send(self, kind: str, command: Record) -> Result:
        """Send one command once its fields have their forms; raises ValueError, naming the field."""
        checked = msgspec.convert(msgspec.to_builtins(command), type(command))
        return self.session.send([Order(kind, checked)])[0]

    def send_payment(self, kind: str, command: Record, loan: Financing, split: Split) -> Result:
        """Send a command that makes a loan's next entry; book first what it is in the loan's own currency."""
        entry = loan.entries + 1
        if split.own is not None:
            self.book.add_payment(loan.id, entry, BookedPayment(split.parts, split.own))
        result = self.send(kind, command)
        if not result.accepted:
            self.book.strike_payment(loan.id, entry)
        return result

    def quota_id(self, name: str, unit: str | None = None) -> str:
        """Return the quota that a document's number, or a quota's own id, names; raises ValueError.

        ``unit`` chooses the currency where a declaration has several.
        """
        known = self.book.quotas_of(name)
        if not known and "." in name:
            return name
        fitting = [quota for quota in known if unit is None or quota.endswith(f".{unit}")]
        if not known:
            raise ValueError(f"document {name}: this bank has no slip for it; give the quota's id from its owner")
        if len(fitting) > 1 and unit is not None:
            raise ValueError(f"document {name}: several have this number; give the id of one: {', '.join(fitting)}")
        if len(fitting) != 1:
            units = ", ".join(quota.rpartition(".")[2] for quota in known)
            raise ValueError(f"document {name}: it is in {units}; name one of these currencies")
        return fitting[0]


@contextmanager
def open_bank(home: Home, session: Session, entropy: Entropy) -> Iterator[Bank]:
    """Open a bank's vault and book; raises KeyFileError, VaultError, BookError."""
    with home.vault(entropy) as vault, Book(home.path / BOOK_FILE) as book:
        seed = home.keys.signing_seeds[session.key]
        asker = Asker(session.alliance, session.signer, seed, session.now_ms)
        yield Bank(session, home.keys.hpke_private, vault, book, entropy, asker)


def by_allocation(loan: Financing, parts: Mapping[str, int]) -> list[int]:
    """Return amounts by quota in the order of a loan's allocations; raises ValueError for a quota that is not its."""
    foreign = parts.keys() - {allocation.quota for allocation in loan.allocations}
    if foreign:
        raise ValueError(f"declaration: the loan {loan.id} does not stand on {min(foreign)}")
    return [parts.get(allocation.quota, 0) for allocation in loan.allocations]
