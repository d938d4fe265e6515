"""The owner's other papers: kept with a secret each, handed to banks, signed for where they belong to one trade."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from kouan.client.amounts import Amount
from kouan.client.filings import SlipError, is_document
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.paper_secrets import (
    Fields,
    amounts_of,
    kind_of,
    own_texts,
    paper_draw_public,
    paper_draw_seed,
    plain,
    unidentified,
    value_of,
    with_amounts,
)
from kouan.client.paper_slips import PaperContent, RecordedSlip, seal_paper_slip
from kouan.client.places import DRAW_MASTER, Home
from kouan.client.vault import Vault
from kouan.formats.money import money
from kouan.formats.paper_forms import fields_of, paper_of
from kouan.formats.trade_papers import Invoice, TradePaper
from kouan.kernel.encoding import Bytes32, Positive, from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Member, Quota
from kouan.kernel.state import Reader
from kouan.modules.cases.records import Purpose

KIND: Final = "paper"


class KeptPaper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the wallet keeps of a paper."""

    amount: Positive
    """What it is worth, in minor units of ``unit``."""
    earlier: dict[str, Any] | None
    """What it said of amounts when it was recorded; None where it says so still, or other things are new as well."""
    fields: dict[str, Any]
    own_text: str
    """What its draw key is derived from: the text that identified it when it came in."""
    purpose: Purpose
    quotas: list[str]
    """Under which it stands on the ledger, as banks have told."""
    secret: Bytes32
    unit: str

    @property
    def paper(self) -> TradePaper:
        """The paper itself."""
        return paper_of(self.fields, KIND)

    @property
    def number(self) -> str:
        """The paper's own number."""
        return self.names[0]

    @property
    def names(self) -> list[str]:
        """What it may be called, the shortest first: number, kind and number, these and the day, quotas' ids."""
        paper = self.paper
        kind = kind_of(paper)
        return [str(paper.number), f"{kind}:{paper.number}", f"{kind}:{paper.number}:{paper.date}", *self.quotas]

    def is_named(self, name: str) -> bool:
        """Tell whether it may be called so; full-width letters and digits count as plain ones."""
        return plain(name) in map(plain, self.names)


class Drawable(NamedTuple):
    """A document of the wallet's as the ledger has it, with what it takes to draw on it."""

    document: dict[str, Any]
    earlier: dict[str, Any] | None
    number: str
    purpose: Purpose
    quota: Quota
    secret: str
    seed: bytes
    """Of its draw key."""


class WalletPapers:
    """The papers of one wallet."""

    def __init__(
        self, home: Home, vault: Vault, alliance: str, entropy: Entropy, now_ms: Callable[[], int], *, custodial: bool
    ) -> None:
        self._home = home
        self._vault = vault
        self._alliance = alliance
        self._entropy = entropy
        self._now_ms = now_ms
        self._custodial = custodial

    def all(self) -> list[KeptPaper]:
        """Return what is kept, by kind, number and day."""
        return sorted((kept for _, kept in self._entries()), key=lambda kept: kept.names[2])

    def add(self, paper: TradePaper, purpose: Purpose, value: Amount | None = None) -> KeptPaper:
        """Keep a paper that is financed for the seller or the buyer; a newer version takes the older one's place.

        ``value``: what it is worth, where it does not say so itself or only a part counts. Raises ValueError, naming
        the field, for a paper that cannot stand on the ledger or whose worth is not known.
        """
        texts = own_texts(paper)
        if isinstance(paper, Invoice) and paper.kind == "credit-note":
            raise ValueError(
                "type_code: a credit note goes to the bank as it is: `kouan paper amend --credit-note FILE`"
            )
        if not texts:
            raise ValueError(unidentified(paper))
        amount, unit = _worth(paper, value)
        older = [(document, kept) for document, kept in self._entries() if kept.own_text in texts]
        for _, kept in older:
            if (kept.purpose, kept.unit) != (purpose, unit):
                raise ValueError(f"purpose: {paper.number} is kept for the {kept.purpose} in {kept.unit} already")
        fields = fields_of(paper)
        made = KeptPaper(
            amount=amount,
            earlier=_earlier(older[0][1], fields) if older else None,
            fields=fields,
            own_text=older[0][1].own_text if older else texts[0],
            purpose=purpose,
            quotas=older[0][1].quotas if older else [],
            secret=older[0][1].secret if older else to_text(fresh(self._entropy)),
            unit=unit,
        )
        self._replace(made, [document for document, _ in older])
        return made

    def named(self, name: str) -> KeptPaper:
        """Return the paper with a name: see `KeptPaper.names`. Raises ValueError for none, and for several."""
        found = [kept for kept in self.all() if kept.is_named(name)]
        if not found:
            raise ValueError(f"document {name}: not in the wallet {self._home.id}; add the paper, or take in its slip")
        if len(found) > 1:
            names = ", ".join(kept.names[2] for kept in found)
            raise ValueError(f"document {name}: several papers have this number; name one of {names}")
        return found[0]

    def slip(self, bank: Member, name: str) -> bytes:
        """Return a paper as a slip that one bank, or attester, alone can read; raises ValueError."""
        if not {"attester", "bank"} & set(bank.roles):
            raise ValueError(f"bank: {bank.id} is no bank of this alliance; it is {', '.join(bank.roles)}")
        kept = self.named(name)
        content = PaperContent(
            alliance=self._alliance,
            amount=kept.amount,
            bank=bank.id,
            custodial=self._custodial,
            draw_key=self.draw_key(kept),
            earlier=kept.earlier,
            fields=kept.fields,
            format="kouan/paper/1",
            owner=self._home.id,
            purpose=kept.purpose,
            quota=kept.quotas[-1] if kept.quotas else None,
            secret=kept.secret,
            unit=kept.unit,
        )
        return seal_paper_slip(content, from_text(bank.sealing), self._entropy)

    def receive(self, reader: Reader, slip: RecordedSlip) -> KeptPaper:
        """Take in under which quota a paper stands; raises SlipError when it is no paper of this wallet's."""
        if slip.alliance != self._alliance:
            raise SlipError("recorded slip: it is of another alliance than this port's")
        quota = reader.read(Quota, key_of(slip.quota))
        for document, kept in self._entries():
            if quota is not None and self.draw_key(kept) == quota.draw_key:
                made = msgspec.structs.replace(kept, quotas=sorted({*kept.quotas, quota.id}))
                if made != kept:
                    self._replace(made, [document])
                return made
        raise SlipError(f"recorded slip: nothing in the wallet {self._home.id} stands under {slip.quota}")

    def drawable(self, reader: Reader, name: str, unit: str) -> Drawable:
        """Return a paper as the ledger has it; raises ValueError unless it stands there as it does here."""
        kept = self.named(name)
        number = kept.number
        if not kept.quotas:
            raise ValueError(f"document {number}: not on the ledger yet; a bank records it: `kouan paper record`")
        found = [name for name in kept.quotas if name.endswith(f".{unit}")]
        if not found:
            raise ValueError(f"document {number}: nothing recorded in {unit}; it is in {kept.unit}")
        quota = reader.read(Quota, key_of(found[-1]))
        if quota is None or not is_document(quota.commitment, kept.fields, from_text(kept.secret)):
            raise ValueError(
                f"document {number}: on the ledger stands another version; hand the newest to the bank that recorded it"
            )
        return Drawable(kept.fields, kept.earlier, number, kept.purpose, quota, kept.secret, self.draw_seed(kept))

    def draw_seed(self, kept: KeptPaper) -> bytes:
        """Return the signing seed of a paper's draw key (32 bytes)."""
        return paper_draw_seed(self._home.keys.secrets[DRAW_MASTER], kept.purpose, kept.own_text)

    def draw_key(self, kept: KeptPaper) -> str:
        """Return the public half of a paper's draw key."""
        return to_text(paper_draw_public(self._home.keys.secrets[DRAW_MASTER], kept.purpose, kept.own_text))

    def _entries(self) -> list[tuple[str, KeptPaper]]:
        living = [entry.id for entry in self._vault.by_kind(KIND) if entry.erased_ms is None]
        return [(document, msgspec.json.decode(self._vault.get(document), type=KeptPaper)) for document in living]

    def _replace(self, kept: KeptPaper, older: list[str]) -> None:
        time_ms = self._now_ms()
        self._vault.put(KIND, msgspec.json.encode(kept), handle=None, time_ms=time_ms)
        for document in older:
            self._vault.erase(document, time_ms=time_ms)


def _earlier(older: KeptPaper, fields: Fields) -> Fields | None:
    """Return the amounts of the version that was recorded, where the newest differs from it in nothing else."""
    recorded = older.fields if older.earlier is None else with_amounts(older.fields, older.earlier)
    is_same_but_amounts = with_amounts(fields, recorded) == recorded
    return amounts_of(recorded) if older.quotas and is_same_but_amounts and fields != recorded else None


def _worth(paper: TradePaper, value: Amount | None) -> Amount:
    """Return what a paper is worth; raises ValueError where that is not known, or more than the paper says."""
    stated = value_of(paper)
    worth = value or stated
    if worth is None:
        raise ValueError("value: the paper names no amount; say what it is worth")
    if stated is not None and (worth.currency != stated.currency or worth.minor > stated.minor):
        raise ValueError(
            f"value: {money(*worth)} is more than the paper says, or in another currency: {money(*stated)}"
        )
    if worth.minor < 1:
        raise ValueError("value: must be more than zero")
    return worth
