"""Customs' side of a declaration: attesting it and saying what becomes of it.

In customs' vault, under the declaration's handle: the ``seal`` (its hash alone stands on the ledger; kept before the
hash is sent, so that none is ever lost) and the ``declaration`` with what a later slip to its owner needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import msgspec

from kouan.client.filing_seals import Filing, Identity, seal_hash, seal_identity
from kouan.client.filings import (
    Document,
    FilingSlip,
    Received,
    attestation_slip,
    document_commitment,
    document_of,
    fingerprints_commitment,
)
from kouan.client.handles import handle_of, link_secret_from_master
from kouan.client.keymaterial import Entropy
from kouan.client.places import CUSTOMS_MASTER, Home
from kouan.client.reading import holder_of
from kouan.client.session import Order, Result, Session
from kouan.client.vault import Vault
from kouan.formats.code_lists import MINOR_UNIT_DIGITS
from kouan.formats.declaration import Declaration
from kouan.formats.money import money
from kouan.kernel.encoding import MAX_INTEGER, Bytes32, from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota, Record
from kouan.modules.customs.commands.declaration import Amend, Attest, MoveOn, Rekey, Resume, Suspend, Withdraw
from kouan.modules.customs.rules import Reason, Stage, quota_id

SEAL: Final = "seal"
DECLARATION: Final = "declaration"
PROCESSING: Final = "0214"


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What customs keeps of a declaration it attested."""

    document: Document
    """As last committed to."""
    number: str
    sealing: Bytes32
    """The owner's public key, for later slips."""


class QuotaResult(NamedTuple):
    """What the ledger answered about one quota of a declaration."""

    quota: str
    unit: str
    result: Result


class Outcome(NamedTuple):
    """What came of one declaration."""

    number: str
    handle: str
    results: list[QuotaResult]
    slip: bytes | None
    """The attestation slip for the owner, when something was accepted that the owner must have."""


class Prepared(NamedTuple):
    """A declaration ready to be attested."""

    kept: Kept
    handle: str
    seal: bytes
    commands: list[Attest]
    slip: bytes


class CustomsDesk:
    """A customs office at the ledger, with its vault open."""

    def __init__(self, home: Home, session: Session, vault: Vault, entropy: Entropy) -> None:
        """Open the desk; raises ValueError when the home has no customs master key."""
        master = home.keys.secrets.get(CUSTOMS_MASTER)
        if master is None:
            raise ValueError(f"member: {home.id} keeps no customs master key here; act as customs")
        self._master = master
        self._session = session
        self._vault = vault
        self._entropy = entropy
        self._holders: tuple[bytes, bytes] | None = None
        self._prepared: dict[str, tuple[Document, set[str]]] = {}
        """By handle: the first document of a number at this sitting, and its currencies."""

    def handle(self, number: str) -> str:
        """Return a number's handle; raises ValueError for a bad number."""
        return handle_of(number, self._secret(number))

    def prepare(
        self, declaration: Declaration, slip: FilingSlip, stage: Stage, attested: Mapping[str, int] | None = None
    ) -> Prepared:
        """Make all that is sent and kept for a declaration.

        ``attested`` replaces the declared totals (minor units by currency), and is never above them; trade mode 0214
        needs it, because of processing only the fee counts. Raises ValueError, naming the field, also for a number that
        was attested in other currencies with another document: that one is to be amended.
        """
        number = declaration.entry_id
        if slip.number != number:
            raise ValueError(f"filing slip: is for {slip.number}, not for {number}")
        if attested is None and declaration.trade_mode == PROCESSING:
            raise ValueError("trade mode 0214: of processing only the fee counts; state it as the amount to attest")
        totals = declaration.total_by_currency() if attested is None else _within(declaration, attested)
        _check_totals(totals)
        secret, document = self._secret(number), document_of(declaration)
        filing = Filing(self._session.alliance, handle_of(number, secret))
        self._must_be_one_document(number, filing.handle, document, totals)
        sealed = self._seal(filing, Identity(number, declaration.owner_uscc, to_text(secret)))
        commands = [
            Attest(
                attested=amount,
                commitment=document_commitment(document, secret),
                custodial=slip.custodial,
                draw_key=slip.draw_key,
                fingerprints=fingerprints_commitment(document, secret),
                handle=filing.handle,
                kind="export" if declaration.is_export else "import",
                mode=declaration.trade_mode,
                provisional=declaration.provisional_price,
                seal=seal_hash(sealed),
                stage=stage,
                unit=unit,
            )
            for unit, amount in sorted(totals.items())
        ]
        kept = Kept(document, number, slip.sealing)
        return Prepared(kept, filing.handle, sealed, commands, self._slip(kept, list(totals)))

    def _must_be_one_document(self, number: str, handle: str, document: Document, units: Iterable[str]) -> None:
        """Raise ValueError where other currencies of a number stand on the ledger, or come, with another document."""
        earlier, coming = self._prepared.get(handle, (document, set(units)))
        kept = self._find(handle)
        theirs = coming if earlier != document else set()
        if kept is not None and kept.document != document:
            possible = sorted({line["currency"] for line in kept.document["lines"]})
            found = self._session.read_many(Quota, [key_of(quota_id(handle, unit)) for unit in possible])
            theirs = theirs | {quota.unit for quota in found if quota is not None}
        added = set(units) - theirs
        if theirs and added:
            raise ValueError(
                f"declaration {number}: attested in {', '.join(sorted(theirs))} with another document, so nothing can "
                f"be added in {', '.join(sorted(added))}; use `kouan customs amend` on what stands"
            )
        self._prepared.setdefault(handle, (document, set(units)))

    def attest(self, prepared: Sequence[Prepared]) -> list[Outcome]:
        """Attest declarations; each has its own outcome, one result for each currency.

        What stands on the ledger exactly so already is refused, but its slip is made again for the same owner, in case
        an earlier attempt broke off before the slip was handed out.
        """
        quotas = [quota_id(one.handle, command.unit) for one in prepared for command in one.commands]
        found = self._session.read_many(Quota, [key_of(name) for name in quotas])
        there = {quota.id: quota for quota in found if quota is not None}
        with self._vault.together():  # on disk before anything is sent
            before = [self._keep_ahead(one, there) for one in prepared]
        orders = [Order("customs.attest/1", command) for one in prepared for command in one.commands]
        answers = iter(self._session.send(orders))
        outcomes = []
        with self._vault.together():
            for one, kept in zip(prepared, before, strict=True):
                results = [
                    QuotaResult(quota_id(one.handle, command.unit), command.unit, next(answers))
                    for command in one.commands
                ]
                is_new = any(result.result.accepted for result in results)
                if is_new and kept != one.kept:
                    self._keep(one.handle, one.kept)
                is_owners = is_new or (kept == one.kept and _stands_so(one, there))
                outcomes.append(Outcome(one.kept.number, one.handle, results, one.slip if is_owners else None))
        return outcomes

    def _keep_ahead(self, one: Prepared, there: Mapping[str, Quota]) -> Kept | None:
        """Keep what must not be lost once the ledger has accepted; return what is kept of the declaration, if it is."""
        kept = self._find(one.handle)
        if any(quota_id(one.handle, command.unit) not in there for command in one.commands):
            self._vault.put(SEAL, one.seal, handle=one.handle, time_ms=self._session.now_ms())
            if kept is None:
                self._keep(one.handle, one.kept)
                return one.kept
        return kept

    def quotas(self, number: str) -> list[Quota]:
        """Return a declaration's quotas; raises ValueError when it has none."""
        handle = self.handle(number)
        keys = [key_of(quota_id(handle, unit)) for unit in sorted(MINOR_UNIT_DIGITS)]
        found = [quota for quota in self._session.read_many(Quota, keys) if quota is not None]
        if not found:
            raise ValueError(f"declaration {number}: not attested on this ledger")
        return found

    def stage(self, numbers: Sequence[str], stage: Stage) -> list[Outcome]:
        """Say that declarations have reached a later stage."""
        return self._send(numbers, "customs.stage/1", lambda quota: MoveOn(quota.id, stage))

    def withdraw(self, numbers: Sequence[str], reason: str) -> list[Outcome]:
        """Cancel declarations, for good; the reason is a code."""
        return self._send(numbers, "customs.withdraw/1", lambda quota: Withdraw(quota.id, reason))

    def suspend(self, numbers: Sequence[str], reason: str) -> list[Outcome]:
        """Let nothing more be drawn until customs resumes; the reason is a code."""
        return self._send(numbers, "customs.suspend/1", lambda quota: Suspend(quota.id, reason))

    def resume(self, numbers: Sequence[str], reason: str) -> list[Outcome]:
        """End customs' suspension; the reason is a code."""
        return self._send(numbers, "customs.resume/1", lambda quota: Resume(quota.id, reason))

    def rekey(self, slip: FilingSlip) -> Outcome:
        """Replace a declaration's draw key by that of a new filing slip."""
        (outcome,) = self._send(
            [slip.number], "customs.rekey/1", lambda quota: Rekey(slip.custodial, slip.draw_key, quota.id), mode="all"
        )
        if not all(result.result.accepted for result in outcome.results):
            return outcome
        kept = msgspec.structs.replace(self._kept(slip.number), sealing=slip.sealing)
        self._keep(outcome.handle, kept)
        return outcome._replace(slip=self._slip(kept, [result.unit for result in outcome.results]))

    def amend(
        self,
        number: str,
        reason: Reason,
        attested: Mapping[str, int],
        *,
        declaration: Declaration | None = None,
        provisional: bool | None = None,
    ) -> Outcome:
        """State anew what a declaration carries: whole values in minor units by currency; the rest stay as they are.

        ``declaration`` is the amended message; without one the amendment is noted in the document kept. All currencies
        stand or fall together. Raises ValueError, naming the field.
        """
        quotas = self.quotas(number)
        units = {quota.unit for quota in quotas}
        if not attested.keys() <= units:
            raise ValueError(f"amount: declaration {number} was attested in {', '.join(sorted(units))} alone")
        _check_totals(attested, lowest=0)
        kept = self._kept(number)
        document = _amended(kept.document, reason, attested) if declaration is None else document_of(declaration)
        if document.get("entry_id") != number:
            raise ValueError(f"declaration: the amended message is {document.get('entry_id')}, not {number}")
        secret = self._secret(number)
        commands = [
            Amend(
                attested=attested.get(quota.unit, quota.attested),
                commitment=document_commitment(document, secret),
                fingerprints=fingerprints_commitment(document, secret),
                provisional=provisional,
                quota=quota.id,
                # A currency that stays as it is gets the new commitment all the same, as a mere correction.
                reason=reason if quota.unit in attested else "correction",
            )
            for quota in quotas
        ]
        results = self._session.send([Order("customs.amend/1", command) for command in commands], "all")
        answers = [QuotaResult(quota.id, quota.unit, one) for quota, one in zip(quotas, results, strict=True)]
        handle = self.handle(number)
        if not all(result.accepted for result in results):
            return Outcome(number, handle, answers, None)
        changed = msgspec.structs.replace(kept, document=document)
        self._keep(handle, changed)
        return Outcome(number, handle, answers, self._slip(changed, sorted(units)))

    def seal_of(self, quota: Quota) -> bytes:
        """Return the seal whose hash stands in a quota, to be handed to the overseer; raises ValueError."""
        for entry in self._vault.by_handle(quota.id.partition(".")[0]):
            if entry.kind == SEAL and entry.erased_ms is None:
                sealed = self._vault.get(entry.id)
                if seal_hash(sealed) == quota.seal:
                    return sealed
        raise ValueError(f"quota {quota.id}: its seal is not in this vault")

    def owner_of(self, number: str) -> str:
        """Return the owner's code of a declaration that was attested here; raises ValueError."""
        return str(self._kept(number).document["owner_uscc"])

    def _secret(self, number: str) -> bytes:
        return link_secret_from_master(self._master, number)

    def _seal(self, filing: Filing, identity: Identity) -> bytes:
        if self._holders is None:
            overseer, second = (holder_of(self._session, role) for role in ("overseer", "second-holder"))
            self._holders = from_text(overseer.sealing), from_text(second.sealing)
        overseer_key, second_key = self._holders
        return seal_identity(identity, filing, overseer=overseer_key, second_holder=second_key, entropy=self._entropy)

    def _slip(self, kept: Kept, units: Sequence[str]) -> bytes:
        secret = self._secret(kept.number)
        filing = Filing(self._session.alliance, handle_of(kept.number, secret))
        quotas = [quota_id(filing.handle, unit) for unit in units]
        content = Received(kept.number, secret, kept.document)
        return attestation_slip(filing, quotas, content, from_text(kept.sealing), self._entropy)

    def _keep(self, handle: str, kept: Kept) -> None:
        time_ms = self._session.now_ms()
        older = [entry for entry in self._vault.by_handle(handle) if entry.kind == DECLARATION and not entry.erased_ms]
        self._vault.put(DECLARATION, msgspec.json.encode(kept), handle=handle, time_ms=time_ms)
        for entry in older:
            self._vault.erase(entry.id, time_ms=time_ms)

    def _kept(self, number: str) -> Kept:
        kept = self._find(self.handle(number))
        if kept is None:
            raise ValueError(f"declaration {number}: its document is not in this vault")
        return kept

    def _find(self, handle: str) -> Kept | None:
        for entry in reversed(self._vault.by_handle(handle)):
            if entry.kind == DECLARATION and entry.erased_ms is None:
                return msgspec.json.decode(self._vault.get(entry.id), type=Kept)
        return None

    def _send(
        self,
        numbers: Sequence[str],
        kind: str,
        command: Callable[[Quota], Record],
        mode: Literal["all", "each"] = "each",
    ) -> list[Outcome]:
        """Send one command for each quota of some declarations."""
        found = [(number, quota) for number in numbers for quota in self.quotas(number)]
        orders = [Order(kind, _checked(command(quota))) for _, quota in found]
        outcomes = {number: Outcome(number, self.handle(number), [], None) for number in numbers}
        for (number, quota), result in zip(found, self._session.send(orders, mode), strict=True):
            outcomes[number].results.append(QuotaResult(quota.id, quota.unit, result))
        return list(outcomes.values())


def _stands_so(one: Prepared, there: Mapping[str, Quota]) -> bool:
    """Tell whether the ledger has a declaration with this document and draw key in all its currencies."""
    found = [(there.get(quota_id(one.handle, command.unit)), command) for command in one.commands]
    return all(
        quota is not None and (quota.commitment, quota.draw_key) == (command.commitment, command.draw_key)
        for quota, command in found
    )


def _checked(record: Record) -> Record:
    """Return a command once its fields have their forms; raises ValueError."""
    checked: Record = msgspec.convert(msgspec.to_builtins(record), type(record))
    return checked


def _check_totals(totals: Mapping[str, int], lowest: int = 1) -> None:
    for unit, amount in totals.items():
        if unit not in MINOR_UNIT_DIGITS:
            raise ValueError(f"currency: {unit} is not an ISO 4217 currency with a minor unit")
        if not lowest <= amount <= MAX_INTEGER:
            raise ValueError(f"amount: the total in {unit} is {amount} minor units; it must be {lowest} to 2⁵³-1")


def _within(declaration: Declaration, attested: Mapping[str, int]) -> dict[str, int]:
    """Return what is to be attested instead of the declared totals; raises ValueError for what was not declared."""
    declared: dict[str, Decimal] = {}
    for line in declaration.lines:
        declared[line.currency] = declared.get(line.currency, Decimal(0)) + line.total
    for unit, amount in attested.items():
        if unit not in declared:
            raise ValueError(
                f"amount: {unit} is not in the message, which declares {', '.join(sorted(declared))}; give it in that"
            )
        if not declared[unit].is_finite() or Decimal(amount).scaleb(-MINOR_UNIT_DIGITS[unit]) > declared[unit]:
            raise ValueError(
                f"amount: {money(amount, unit)} is above what the message declares, {unit} {declared[unit]:,f}; "
                "give at most that"
            )
    return dict(attested)


def _amended(document: Document, reason: str, attested: Mapping[str, int]) -> Document:
    """Return a document with an amendment noted that came without an amended message."""
    notes: list[dict[str, Any]] = [
        {"attested_minor": amount, "currency": unit, "reason": reason} for unit, amount in sorted(attested.items())
    ]
    return {**document, "amendments": [*document.get("amendments", []), *notes]}
