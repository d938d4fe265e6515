"""What a bank keeps of papers in its vault, each under the handle of the paper's quota."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from kouan.client.bank import Bank
from kouan.client.commitments import canonical_fields
from kouan.client.filing_seals import seal_hash
from kouan.client.paper_slips import PaperContent
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.modules.cases.rules import PAPERS

PAPER: Final = "paper"
SEAL: Final = "paper-seal"
CREDIT_NOTE: Final = "credit-note"


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    content: PaperContent
    quota: str


class KeptPaper(NamedTuple):
    """A paper that the bank was shown and that stands on the ledger."""

    content: PaperContent
    quota: Quota


def keep(bank: Bank, kind: str, document: bytes, quota: str) -> str:
    """Keep something of a paper, and return its id in the vault."""
    return bank.vault.put(kind, document, handle=quota.partition(".")[0], time_ms=bank.session.now_ms())


def kept(bank: Bank, kind: str, quota: str) -> list[tuple[str, bytes]]:
    """Return what is kept of a kind under a paper's handle, oldest first, with its ids in the vault."""
    entries = bank.vault.by_handle(quota.partition(".")[0])
    living = [entry.id for entry in entries if entry.kind == kind and entry.erased_ms is None]
    return [(document, bank.vault.get(document)) for document in living]


def keep_paper(bank: Bank, content: PaperContent, quota: str) -> None:
    """Keep a paper as its owner's newest slip has it, in the place of an older version."""
    older = [
        document for document, data in kept(bank, PAPER, quota) if msgspec.json.decode(data, type=_Kept).quota == quota
    ]
    keep(bank, PAPER, canonical_fields(msgspec.to_builtins(_Kept(content, quota))), quota)
    for document in older:
        bank.vault.erase(document, time_ms=bank.session.now_ms())


def papers(bank: Bank) -> Iterator[KeptPaper]:
    """Yield the papers that are kept, as the ledger has them now."""
    living = [entry.id for entry in bank.vault.by_kind(PAPER) if entry.erased_ms is None]
    for document in living:
        found = msgspec.json.decode(bank.vault.get(document), type=_Kept)
        quota = bank.session.read(Quota, key_of(found.quota))
        if quota is not None:
            yield KeptPaper(found.content, quota)


def seal_of(bank: Bank, quota: Quota) -> bytes:
    """Return the seal whose hash stands in a paper's quota; raises ValueError when it is not kept here."""
    if quota.kind not in PAPERS:
        raise ValueError(f"quota {quota.id}: a declaration's; its seal is with customs")
    for _, sealed in kept(bank, SEAL, quota.id):
        if seal_hash(sealed) == quota.seal:
            return sealed
    raise ValueError(f"quota {quota.id}: its seal is not in this vault; the bank that recorded the paper has it")
