"""The owner's side of a declaration: filing it with a draw key, taking in what customs attested, consenting to draws.

A wallet keeps one document of kind ``declaration`` for each number in its vault. It signs and reads; it sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

import msgspec

from kouan.client.consents import Consent, ConsentPart, seal_consent
from kouan.client.drawkeys import draw_key, draw_seed
from kouan.client.filings import AttestationSlip, Document, FilingSlip, is_document, open_attestation
from kouan.client.handles import handle_of
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.places import DRAW_MASTER, Home
from kouan.client.sealing import public_of
from kouan.client.vault import Vault
from kouan.kernel.encoding import Bytes32, from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Member, Quota
from kouan.kernel.state import Reader
from kouan.kernel.suites import sign
from kouan.modules.customs.rules import quota_id
from kouan.modules.financing.rules import DRAW_TAG, draw_message

KIND: Final = "declaration"


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the wallet keeps of a declaration."""

    document: Document
    link_secret: Bytes32
    number: str
    quotas: list[str]


class Part(NamedTuple):
    """How much of a declaration a loan may draw on."""

    number: str
    unit: str
    amount: int
    """Minor units of ``unit``."""


class Given(NamedTuple):
    """A consent slip that was made."""

    financing: str
    """The id of the loan, picked here."""
    slip: bytes
    quotas: Sequence[Quota]
    """What the parts draw on as the ledger has it, part by part."""


class Wallet:
    """One owner's wallet, with its vault open."""

    def __init__(
        self, home: Home, vault: Vault, alliance: str, entropy: Entropy, now_ms: Callable[[], int], *, custodial: bool
    ) -> None:
        """Open a wallet; ``custodial``: somebody else keeps it for the owner."""
        self._home = home
        self._vault = vault
        self._alliance = alliance
        self._entropy = entropy
        self._now_ms = now_ms
        self._custodial = custodial

    def file(self, number: str, generation: int = 0) -> FilingSlip:
        """Return the slip that goes to customs with a declaration, or, with the next generation, for a new draw key."""
        return filing_slip(self._home, number, generation, custodial=self._custodial)

    def together(self) -> AbstractContextManager[None]:
        """Take in many slips in one transaction: what the block received is kept when it ends, not before."""
        return self._vault.together()

    def receive(self, slip: AttestationSlip) -> Kept:
        """Take in what customs attested; an amended declaration takes the place of what was kept before.

        Raises SlipError when the slip is another owner's, ValueError when it is of another alliance.
        """
        if slip.alliance != self._alliance:
            raise ValueError("attestation slip: it is of another alliance than this port's")
        content = open_attestation(self._home.keys.hpke_private, slip)
        kept = Kept(content.document, to_text(content.link_secret), content.number, slip.quotas)
        older = [entry.id for entry in self._vault.by_handle(slip.handle) if entry.erased_ms is None]
        time_ms = self._now_ms()
        self._vault.put(KIND, msgspec.json.encode(kept), handle=slip.handle, time_ms=time_ms)
        for document_id in older:
            self._vault.erase(document_id, time_ms=time_ms)
        return kept

    def declarations(self) -> list[Kept]:
        """Return what is kept, by number."""
        living = (entry for entry in self._vault.by_kind(KIND) if entry.erased_ms is None)
        found = [msgspec.json.decode(self._vault.get(entry.id), type=Kept) for entry in living]
        return sorted({kept.number: kept for kept in found}.values(), key=lambda kept: kept.number)

    def _new_financing(self) -> str:
        """Draw an id that nobody has used, and that no command line takes for an option."""
        while (financing := to_text(fresh(self._entropy, 16))).startswith("-"):
            pass
        return financing

    def consent(
        self, reader: Reader, bank: Member, parts: Sequence[Part], expires_ms: int, financing: str | None = None
    ) -> Given:
        """Return a consent slip with which a bank may draw for one loan; the parts may be of several declarations.

        ``financing``: an existing loan that is to stand on these declarations 置换; each part is then what it draws on
        one in all. Without it the loan is a new one.

        Raises ValueError for what is not in the wallet or does not stand on the ledger as it does here.
        """
        if "bank" not in bank.roles:
            raise ValueError(f"bank: {bank.id} is no bank of this alliance; it is {', '.join(bank.roles)}")
        names = [(part.number, part.unit) for part in parts]
        if not parts or len(set(names)) != len(names):
            raise ValueError("declaration: name each declaration and currency once, and at least one")
        financing = self._new_financing() if financing is None else financing
        known = {kept.number: kept for kept in self.declarations()}
        allocations, quotas = [], []
        for part in parts:
            if part.number not in known:
                raise ValueError(
                    f"declaration {part.number}: not in the wallet {self._home.id}; take in customs' slip first"
                )
            name, quota = _checked_part(reader, known[part.number], part)
            quotas.append(quota)
            message = draw_message(self._alliance, bank.id, financing, name, part.amount, expires_ms)
            allocations.append(
                ConsentPart(
                    amount=part.amount,
                    document=known[part.number].document,
                    expires_ms=expires_ms,
                    link_secret=known[part.number].link_secret,
                    number=part.number,
                    quota=name,
                    signature=to_text(sign(self._draw_seed(quota, part.number), DRAW_TAG, message)),
                )
            )
        consent = Consent(self._alliance, allocations, bank.id, financing, "kouan/consent/1", "seller")
        return Given(financing, seal_consent(consent, from_text(bank.sealing), self._entropy), quotas)

    def _draw_seed(self, quota: Quota, number: str) -> bytes:
        master = self._home.keys.secrets[DRAW_MASTER]
        for generation in range(int(quota.facts.get("rekeyed", "0")), -1, -1):
            if draw_key(master, number, generation) == quota.draw_key:
                return draw_seed(master, number, generation)
        raise ValueError(
            f"declaration {number}: its draw key is not of the wallet {self._home.id}; ask customs to rekey"
        )


def _checked_part(reader: Reader, kept: Kept, part: Part) -> tuple[str, Quota]:
    """Return the quota that a part draws on, as the ledger has it; raises ValueError unless the wallet knows it so."""
    secret = from_text(kept.link_secret)
    name = quota_id(handle_of(part.number, secret), part.unit)
    if part.amount < 1:
        raise ValueError(f"declaration {part.number}: the amount must be more than zero")
    if name not in kept.quotas:
        units = ", ".join(quota.rpartition(".")[2] for quota in kept.quotas)
        raise ValueError(f"declaration {part.number}: nothing attested in {part.unit}; it is in {units}")
    quota = reader.read(Quota, key_of(name))
    if quota is None or not is_document(quota.commitment, kept.document, secret):
        raise ValueError(f"declaration {part.number}: changed since; take in customs' newest slip first")
    return name, quota


def filing_slip(home: Home, number: str, generation: int = 0, *, custodial: bool) -> FilingSlip:
    """Return the filing slip of a number from a wallet's keys alone."""
    return FilingSlip(
        custodial=custodial,
        draw_key=draw_key(home.keys.secrets[DRAW_MASTER], number, generation),
        format="kouan/filing/1",
        number=number,
        sealing=to_text(public_of(home.keys.hpke_private)),
    )
