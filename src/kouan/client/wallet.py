"""The owner's side: filing declarations with a draw key, taking in what customs attested, consenting to draws.

A wallet keeps one document of kind ``declaration`` for each number in its vault, and one of kind ``paper`` for each
other paper (`kouan.client.wallet_papers`). It signs and reads; it sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

import msgspec

from kouan.client.amounts import Amount
from kouan.client.consents import Consent, ConsentPart, seal_consent
from kouan.client.drawkeys import draw_key, draw_seed
from kouan.client.filings import AttestationSlip, Document, FilingSlip, is_document, open_attestation, read_slip
from kouan.client.handles import handle_of
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.paper_slips import JoinRequest, JoinSlip, RecordedSlip
from kouan.client.places import DRAW_MASTER, Home
from kouan.client.sealing import public_of
from kouan.client.vault import Vault
from kouan.client.wallet_papers import Drawable, KeptPaper, WalletPapers
from kouan.formats.trade_papers import TradePaper
from kouan.kernel.encoding import Bytes32, from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Member, Quota
from kouan.kernel.state import Reader
from kouan.kernel.suites import sign
from kouan.modules.cases.commands.recording import OwnerConsent
from kouan.modules.cases.records import Purpose
from kouan.modules.cases.rules import JOIN_TAG, join_message
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
    """How much of a document a loan may draw on."""

    number: str
    """A declaration's, or what names a paper in the wallet: see `kouan.client.wallet_papers.WalletPapers.named`."""
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
        self._papers = WalletPapers(home, vault, alliance, entropy, now_ms, custodial=custodial)

    def add_paper(self, paper: TradePaper, purpose: Purpose, value: Amount | None = None) -> KeptPaper:
        """Keep a paper other than a declaration: see `kouan.client.wallet_papers.WalletPapers.add`."""
        return self._papers.add(paper, purpose, value)

    def papers(self) -> list[KeptPaper]:
        """Return the papers that are kept, by kind, number and day."""
        return self._papers.all()

    def paper_slip(self, bank: Member, name: str) -> bytes:
        """Return a paper as a slip that one bank alone can read; raises ValueError."""
        return self._papers.slip(bank, name)

    def receive_paper(self, reader: Reader, slip: RecordedSlip) -> KeptPaper:
        """Take in under which quota a bank has recorded a paper; raises SlipError."""
        return self._papers.receive(reader, slip)

    def take_in(self, reader: Reader, data: bytes, name: str) -> Kept | KeptPaper:
        """Take in a slip of customs or of a bank; ``name`` is what an error calls the file. Raises SlipError."""
        if b'"kouan/recorded/1"' in data:  # no field of the other slip can hold it
            return self.receive_paper(reader, read_slip(data, RecordedSlip, name))
        return self.receive(read_slip(data, AttestationSlip, name))

    def owns_any(self, reader: Reader, request: JoinRequest) -> bool:
        """Tell whether a document of a join request is this wallet's."""
        return bool(self._seeds(reader, request.documents))

    def sign_join(self, reader: Reader, request: JoinRequest) -> JoinSlip:
        """Sign for the wallet's own documents among those that belong to one trade; raises ValueError for none."""
        if request.alliance != self._alliance:
            raise ValueError("join request: it is of another alliance than this port's")
        message = join_message(self._alliance, request.documents)
        seeds = self._seeds(reader, request.documents)
        if not seeds:
            raise ValueError(f"join request: none of its documents is in the wallet {self._home.id}")
        consents = [OwnerConsent(name, to_text(sign(seed, JOIN_TAG, message))) for name, seed in seeds.items()]
        return JoinSlip(self._alliance, consents, request.documents, "kouan/join/1")

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
        """Return a consent slip with which a bank may draw for one loan; the parts may be of several documents.

        ``financing``: an existing loan that is to stand on these documents 置换; each part is then what it draws on
        one in all. Without it the loan is a new one. Whose finance it is, seller's or buyer's, the documents say.

        Raises ValueError for what is not in the wallet or does not stand on the ledger as it does here.
        """
        if "bank" not in bank.roles:
            raise ValueError(f"bank: {bank.id} is no bank of this alliance; it is {', '.join(bank.roles)}")
        names = [(part.number, part.unit) for part in parts]
        if not parts or len(set(names)) != len(names):
            raise ValueError("declaration: name each declaration and currency once, and at least one")
        financing = self._new_financing() if financing is None else financing
        known = {kept.number: kept for kept in self.declarations()}
        found = [self._drawable(reader, known, part) for part in parts]
        purposes = {one.purpose for one in found}
        if len(purposes) > 1:
            raise ValueError("purpose: some of the documents are the seller's, some the buyer's; one loan is for one")
        purpose = found[0].purpose
        allocations = []
        for part, one in zip(parts, found, strict=True):
            name = one.quota.id
            message = draw_message(self._alliance, bank.id, financing, name, part.amount, expires_ms, purpose)
            allocations.append(
                ConsentPart(
                    amount=part.amount,
                    document=one.document,
                    earlier=one.earlier,
                    expires_ms=expires_ms,
                    link_secret=one.secret,
                    number=one.number,
                    quota=name,
                    signature=to_text(sign(one.seed, DRAW_TAG, message)),
                )
            )
        consent = Consent(self._alliance, allocations, bank.id, financing, "kouan/consent/1", purpose)
        slip = seal_consent(consent, from_text(bank.sealing), self._entropy)
        return Given(financing, slip, [one.quota for one in found])

    def _drawable(self, reader: Reader, known: Mapping[str, Kept], part: Part) -> Drawable:
        if part.amount < 1:
            raise ValueError(f"document {part.number}: the amount must be more than zero")
        kept = known.get(part.number)
        if kept is None:
            return self._papers.drawable(reader, part.number, part.unit)
        quota = _attested(reader, kept, part.unit)
        return Drawable(
            kept.document, None, kept.number, "seller", quota, kept.link_secret, self._draw_seed(quota, kept.number)
        )

    def _seeds(self, reader: Reader, quotas: Sequence[str]) -> dict[str, bytes]:
        """Return the draw keys' seeds of those quotas that are of this wallet's documents."""
        numbers = {name: kept.number for kept in self.declarations() for name in kept.quotas}
        papers = {self._papers.draw_key(kept): kept for kept in self._papers.all()}
        seeds = {}
        for name in quotas:
            quota = reader.read(Quota, key_of(name))
            if quota is not None and name in numbers:
                seeds[name] = self._draw_seed(quota, numbers[name])
            elif quota is not None and quota.draw_key in papers:
                seeds[name] = self._papers.draw_seed(papers[quota.draw_key])
        return seeds

    def _draw_seed(self, quota: Quota, number: str) -> bytes:
        master = self._home.keys.secrets[DRAW_MASTER]
        for generation in range(int(quota.facts.get("rekeyed", "0")), -1, -1):
            if draw_key(master, number, generation) == quota.draw_key:
                return draw_seed(master, number, generation)
        raise ValueError(
            f"declaration {number}: its draw key is not of the wallet {self._home.id}; ask customs to rekey"
        )


def _attested(reader: Reader, kept: Kept, unit: str) -> Quota:
    """Return a declaration's quota as the ledger has it; raises ValueError unless the wallet knows it so."""
    secret = from_text(kept.link_secret)
    name = quota_id(handle_of(kept.number, secret), unit)
    if name not in kept.quotas:
        units = ", ".join(quota.rpartition(".")[2] for quota in kept.quotas)
        raise ValueError(f"declaration {kept.number}: nothing attested in {unit}; it is in {units}")
    quota = reader.read(Quota, key_of(name))
    if quota is None or not is_document(quota.commitment, kept.document, secret):
        raise ValueError(f"declaration {kept.number}: changed since; take in customs' newest slip first")
    return quota


def filing_slip(home: Home, number: str, generation: int = 0, *, custodial: bool) -> FilingSlip:
    """Return the filing slip of a number from a wallet's keys alone."""
    return FilingSlip(
        custodial=custodial,
        draw_key=draw_key(home.keys.secrets[DRAW_MASTER], number, generation),
        format="kouan/filing/1",
        number=number,
        sealing=to_text(public_of(home.keys.hpke_private)),
    )
