"""What an owner keeps of a paper, what is committed to of it on the ledger, and the draw key that goes with it.

One secret of 32 random bytes belongs to each paper. The salts of both commitments follow from it, so whoever holds the
secret and the paper's fields can open them: the owner, and every bank that was handed the paper.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from unicodedata import normalize

from kouan.client.amounts import Amount
from kouan.client.commitments import Subject, commit, is_opening
from kouan.client.filings import document_commitment
from kouan.client.keymaterial import derive
from kouan.formats.fingerprints import exact_fingerprints, registered
from kouan.formats.identifiers import shown
from kouan.formats.normalisation import exact_identifier, exact_number
from kouan.formats.trade_papers import Contract, Invoice, Order, Party, TradePaper, TransportDocument
from kouan.kernel.suites import public_key
from kouan.modules.cases.records import PaperKind, Purpose

Fields = dict[str, Any]
"""A paper as its form writes it: `kouan.formats.paper_forms.fields_of`."""

_AMOUNTS: Final = frozenset({"lines", "payable_minor", "total_minor"})
"""The fields of a paper that say what it is worth. All others say which paper it is, and whose."""
_KINDS: Final[dict[type, PaperKind]] = {
    Contract: "contract",
    Invoice: "invoice",
    Order: "order",
    TransportDocument: "transport",
}


class Commitments(NamedTuple):
    """Both commitments of a paper, as they stand on the ledger."""

    document: str
    fingerprints: str


def kind_of(paper: TradePaper) -> PaperKind:
    """Return a paper's kind on the ledger. A credit note is an invoice's amendment, not a paper of its own."""
    return _KINDS[type(paper)]


def value_of(paper: TradePaper) -> Amount | None:
    """Return what is owed or ordered by a paper; None for a transport document, which names no amount."""
    match paper:
        case Invoice():
            return Amount(paper.payable_minor, paper.currency)
        case TransportDocument():
            return None
        case _:
            return Amount(paper.total_minor, paper.currency)


def party_of(paper: TradePaper, purpose: Purpose) -> Party | None:
    """Return the party that a purpose finances; None where a transport document does not name its consignee."""
    if isinstance(paper, TransportDocument):
        return paper.consignor if purpose == "seller" else paper.consignee
    return paper.seller if purpose == "seller" else paper.buyer


def code_of(party: Party | None) -> str:
    """Return a party's unified social credit code, else its first number, else its name; empty for nobody."""
    if party is None:
        return ""
    by_scheme = {one.scheme: one.value for one in reversed(party.identifiers)}
    return by_scheme.get("uscc") or next((one.value for one in party.identifiers), party.name)


def uscc_of(party: Party | None) -> list[str]:
    """Return a party's unified social credit codes, spelled plainly: one, or none."""
    found = [] if party is None else [key.partition(":") for key in registered(party)]
    return [number for scheme, _, number in found if scheme == "uscc"]


def is_party(code: str, party: Party | None) -> bool:
    """Tell whether a register gave this number to a party."""
    numbers = [] if party is None else [key.partition(":")[2] for key in registered(party)]
    return exact_identifier(code) in numbers


def plain(number: str) -> str:
    """Return a number as people type it: full-width letters, digits and hyphens as plain ones (Unicode NFKC)."""
    return normalize("NFKC", number)


def own_texts(paper: TradePaper) -> list[str]:
    """Return the texts that identify a paper, one for each number of the party that numbers it; often one."""
    return [text.decode() for _, text in exact_fingerprints(paper)]


def unidentified(paper: TradePaper) -> str:
    """Say why nothing identifies a paper, naming the field and what would be right; for one without `own_texts`."""
    if isinstance(paper, TransportDocument) and paper.kind == "truck":
        return (
            "kind: a truck's paper has no number by which it could be told from others, and cannot be registered; "
            "register the invoice, the order or the contract of the same trade"
        )
    if exact_number(paper.number) is None:
        return (
            f"number: {shown(paper.number or '')} has no digit from 1 to 9, so it is no number; "
            "give the number that the paper bears"
        )
    match paper:
        case Order():
            parties = {"buyer": paper.buyer, "seller": paper.seller}
        case TransportDocument():
            parties = {"consignor": paper.consignor}
        case _:
            parties = {"seller": paper.seller}
    for role, party in parties.items():
        if not registered(party):
            return (
                f"{role}: {shown(party.name)} has no registered number, and names tell nobody apart; give one among "
                "its identifiers, with the scheme uscc, vat or four digits of ISO 6523"
            )
    raise AssertionError("the paper has a number, and who numbers it a registered one")


def paper_draw_seed(master_seed: bytes, purpose: Purpose, own_text: str) -> bytes:
    """Return the signing seed (32 bytes) for draws on a paper, of the wallet's master and the paper's own text."""
    info = b"kouan/paper-draw-key/1\0" + purpose.encode() + b"\0" + own_text.encode()
    return derive("wallet master seed", master_seed, info)


def paper_draw_public(master_seed: bytes, purpose: Purpose, own_text: str) -> bytes:
    """Return the public half of a paper's draw key."""
    return public_key(paper_draw_seed(master_seed, purpose, own_text))


def fingerprints_salt(secret: bytes) -> bytes:
    """Return the salt of the commitment to the numbers, of a paper's secret or a declaration's link secret."""
    return derive("secret", secret, b"kouan/salt/fingerprints/1")


def commitments(fields: Fields, secret: bytes, numbered: Fields | None = None) -> Commitments:
    """Return the commitments to a paper: both are to its fields, under salts and tags of their own.

    ``numbered``: the version that the commitment to the numbers is to, where that is an earlier one.
    """
    numbers = commit(Subject.FINGERPRINTS, fingerprints_salt(secret), fields if numbered is None else numbered)
    return Commitments(document_commitment(fields, secret), numbers)


def amounts_of(fields: Fields) -> Fields:
    """Return the fields of a paper that say what it is worth."""
    return {name: value for name, value in fields.items() if name in _AMOUNTS}


def with_amounts(fields: Fields, amounts: Fields) -> Fields:
    """Return a paper as it was when it was worth something else: all that says which paper it is stays."""
    return {name: value for name, value in fields.items() if name not in _AMOUNTS} | amounts_of(amounts)


def numbered_version(fields: Fields, earlier: Fields | None, secret: bytes, commitment: str) -> Fields:
    """Return which version of a paper the recorded commitment to its numbers is to, so that it can be opened.

    That is the paper with the amounts it had ``earlier``, if it opens the commitment; else the paper as it is.
    """
    older = fields if earlier is None else with_amounts(fields, earlier)
    return older if is_opening(commitment, Subject.FINGERPRINTS, fingerprints_salt(secret), older) else fields
