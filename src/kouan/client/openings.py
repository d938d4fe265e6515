"""Opening a seal: the overseer asks on the ledger, the second holder answers, and only then number and owner are seen.

1. Customs, or the bank that recorded a paper, hands the seal to the overseer (`SealSlip`); its hash is on the ledger.
2. The overseer opens the outer layer, records a request that hides which document is meant, and gives the second
   holder the rest (`RequestSlip`).
3. The second holder checks that the recorded request is this one, records its answer, and gives the overseer the
   identity, sealed (`AnswerSlip`).
4. The overseer may take what turns out false out of its trade.
5. After the charter's time the overseer discloses which document it was.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from kouan.client.bank import Bank
from kouan.client.commitments import canonical_fields
from kouan.client.customs_desk import CustomsDesk
from kouan.client.filing_seals import Filing, Identity, Sealed, open_as_overseer, open_as_second_holder
from kouan.client.kept_papers import seal_of
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.paper_seals import PaperIdentity, RecordedPaper
from kouan.client.places import Home
from kouan.client.sealing import SealError, open_sealed, seal
from kouan.client.session import Order, Result, Session
from kouan.client.vault import Vault
from kouan.kernel.encoding import Bytes16, Bytes32, decode, encode, from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Charter, Member, Quota
from kouan.kernel.registry import CHARTER_KEY, parameter_of
from kouan.modules.alliance.standing import member_of
from kouan.modules.cases.commands.judging import DisputeCommand
from kouan.modules.cases.rules import PAPERS
from kouan.modules.customs.commands.opening import AnswerOpening, DiscloseOpening, RequestOpening
from kouan.modules.customs.records import Opening
from kouan.modules.customs.rules import OPENING_SEALED, PARAMETERS, QuotaId, opening_commitment

KIND: Final = "opening"
_Sealed = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]
_TO_OVERSEER: Final = b"kouan/opening-answer/1"

Dispute = Literal["forged", "not-same-trade"]
"""Why a document is taken out of its trade."""


class SealSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Customs, or the bank that recorded a paper, to overseer: the seal of a quota."""

    alliance: Bytes32
    format: Literal["kouan/seal/1"]
    quota: QuotaId
    seal: _Sealed


class RequestSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Overseer to second holder: which document the recorded request means, and the inner layer of its seal."""

    alliance: Bytes32
    format: Literal["kouan/opening-request/1"]
    inner: _Sealed
    quota: QuotaId
    request: Bytes16
    salt: Bytes32


class AnswerSlip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Second holder to overseer: the identity, sealed to it."""

    alliance: Bytes32
    format: Literal["kouan/opening-answer/1"]
    identity_sealed: _Sealed
    quota: QuotaId
    request: Bytes16


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the overseer keeps of a request in its vault."""

    quota: QuotaId
    request: Bytes16
    requested_ms: int
    salt: Bytes32


class Step(NamedTuple):
    """What the ledger answered to a step, and the slip for the next party when it accepted."""

    result: Result
    request: str
    slip: bytes | None


def hand_over(desk: CustomsDesk, session: Session, quota_id: str) -> bytes:
    """Return a declaration's seal as a slip for the overseer; raises ValueError when it is not kept here."""
    sealed = desk.seal_of(_quota(session, quota_id))
    return encode(SealSlip(session.alliance, "kouan/seal/1", quota_id, to_text(sealed)))


def hand_over_paper(bank: Bank, name: str) -> bytes:
    """Return the seal of a paper that this bank recorded, by number or quota id; raises ValueError as `hand_over`."""
    quota = _quota(bank.session, bank.quota_id(name))
    return encode(SealSlip(bank.session.alliance, "kouan/seal/1", quota.id, to_text(seal_of(bank, quota))))


class OverseerDesk:
    """The overseer's side, with its vault open."""

    def __init__(self, home: Home, session: Session, vault: Vault, entropy: Entropy) -> None:
        self._home = home
        self._session = session
        self._vault = vault
        self._entropy = entropy

    def request(self, slip: SealSlip) -> Step:
        """Open the outer layer and record a request; raises SealError when the seal is not the ledger's."""
        _check_alliance(self._session, slip.alliance)
        quota = _quota(self._session, slip.quota)
        sealed = from_text(slip.seal)
        inner = open_as_overseer(self._home.keys.hpke_private, _bound(self._session, quota), sealed, quota.seal)
        request, salt = to_text(fresh(self._entropy, 16)), fresh(self._entropy)
        asked = Asked(quota.id, request, self._session.now_ms(), to_text(salt))
        # Kept first: without the salt the request could never be disclosed.
        kept = self._vault.put(KIND, encode(asked), handle=None, time_ms=asked.requested_ms)
        command = RequestOpening(to_text(opening_commitment(salt, quota.id)), request)
        (result,) = self._session.send([Order("customs.request-opening/1", command)])
        if not result.accepted:
            self._vault.erase(kept, time_ms=self._session.now_ms())
            return Step(result, request, None)
        content = RequestSlip(
            alliance=self._session.alliance,
            format="kouan/opening-request/1",
            inner=to_text(inner),
            quota=quota.id,
            request=request,
            salt=asked.salt,
        )
        return Step(result, request, encode(content))

    def open(self, slip: AnswerSlip) -> Identity | PaperIdentity:
        """Return number and owner, a declaration's checked against the handle; raises SealError, ValueError."""
        _check_alliance(self._session, slip.alliance)
        asked = self._asked(slip.request)
        if asked.quota != slip.quota:
            raise ValueError("answer: it is about another document than was asked for")
        bound = _bound(self._session, _quota(self._session, slip.quota))
        content = open_sealed(
            self._home.keys.hpke_private, _TO_OVERSEER, _aad(bound, slip.request), from_text(slip.identity_sealed)
        )
        try:
            return bound.identity_in(content)
        except (RecursionError, ValueError) as problem:  # msgspec's and the decoder's errors are ValueErrors
            raise SealError(f"answer: it opens, but names nobody behind this handle: {problem}") from None

    def dispute(self, quota_id: str, reason: Dispute) -> Result:
        """Take a document out of its trade 异议, a forged one for good; ValueError if its seal is shut."""
        opened = [one.quota for one, opening in self.requests() if opening is not None and opening.answered_by]
        if _quota(self._session, quota_id).id not in opened:
            raise ValueError(
                f"quota: the seal of {quota_id} was not opened from here; ask for it first: `kouan seal hand-over`"
            )
        return self._session.send([Order("cases.dispute/1", DisputeCommand(quota_id, reason))])[0]

    def disclose(self, request: str) -> Result:
        """Show which document a request meant; raises ValueError when it was not made here."""
        asked = self._asked(request)
        command = DiscloseOpening(asked.quota, request, asked.salt)
        return self._session.send([Order("customs.disclose-opening/1", command)])[0]

    def disclosable_ms(self, request: str) -> int:
        """Return from when a recorded request may be disclosed; raises ValueError when it is not on the ledger."""
        opening = self._session.read(Opening, _opening_key(request))
        charter = self._session.read(Charter, CHARTER_KEY)
        if opening is None or charter is None:
            raise ValueError(f"request: {request[:40]!r} is not on the ledger")
        return opening.requested_ms + parameter_of(charter, OPENING_SEALED, PARAMETERS)

    def requests(self) -> list[tuple[Asked, Opening | None]]:
        """Return what was asked for from here, oldest first, with what stands on the ledger of it."""
        living = [entry.id for entry in self._vault.by_kind(KIND) if entry.erased_ms is None]
        asked = [msgspec.json.decode(self._vault.get(document), type=Asked) for document in living]
        found = self._session.read_many(Opening, [_opening_key(one.request) for one in asked])
        return list(zip(asked, found, strict=True))

    def _asked(self, request: str) -> Asked:
        for asked, _ in self.requests():
            if asked.request == request:
                return asked
        raise ValueError(f"request: {request[:40]!r} was not made by {self._home.id} here")


def answer(home: Home, session: Session, slip: RequestSlip, entropy: Entropy) -> Step:
    """Answer a request as the second holder: first on the ledger, then to the overseer.

    A slip that was answered before is answered again without a second record, in case the first answer was lost.
    Raises ValueError when the recorded request is not this one, SealError when the inner layer does not open.
    """
    _check_alliance(session, slip.alliance)
    opening = session.read(Opening, _opening_key(slip.request))
    if opening is None:
        raise ValueError(f"request: {slip.request} is not on the ledger; an unrecorded one is never answered")
    if to_text(opening_commitment(from_text(slip.salt), slip.quota)) != opening.commitment:
        raise ValueError("request: the one on the ledger is about another document; it is not answered")
    bound = _bound(session, _quota(session, slip.quota))
    identity = open_as_second_holder(home.keys.hpke_private, bound, from_text(slip.inner))
    result = Result(None, "")
    if opening.answered_by != session.member:
        (result,) = session.send([Order("customs.answer-opening/1", AnswerOpening(slip.request))])
        if not result.accepted:
            return Step(result, slip.request, None)
    overseer: Member = member_of(session, opening.requester)
    content = canonical_fields(msgspec.to_builtins(identity))
    sealed = seal(from_text(overseer.sealing), _TO_OVERSEER, _aad(bound, slip.request), content, entropy)
    made = AnswerSlip(session.alliance, "kouan/opening-answer/1", to_text(sealed), slip.quota, slip.request)
    return Step(result, slip.request, encode(made))


def _check_alliance(session: Session, alliance: str) -> None:
    if alliance != session.alliance:
        raise ValueError("alliance: the slip is of another alliance than this port's")


def _quota(session: Session, quota_id: str) -> Quota:
    quota = session.read(Quota, key_of(quota_id))
    if quota is None:
        raise ValueError(f"quota: {quota_id[:60]!r} is not on this ledger; give an id such as HANDLE.USD")
    return quota


def _bound(session: Session, quota: Quota) -> Sealed[Identity | PaperIdentity]:
    """Return what a quota's seal is bound to."""
    if quota.kind in PAPERS:
        return RecordedPaper(session.alliance, quota.id, quota.kind)
    return Filing(session.alliance, quota.id.partition(".")[0])


def _aad(bound: Sealed[object], request: str) -> bytes:
    return encode({**decode(bound.aad()), "request": request})


def _opening_key(request: str) -> str:
    return f"opening/{request}"
