"""From an event of the script to the command that goes to the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kouan.client.filings import document_commitment, document_of, fingerprints_commitment
from kouan.formats.declaration import Declaration
from kouan.kernel.encoding import encode, to_text
from kouan.kernel.suites import public_key, sign
from kouan.modules.financing.rules import CONSENT_TAG, DRAW_TAG, PayOffConsent, draw_message
from kouan.simulation.day import script
from kouan.simulation.day.keys import KeyRing
from kouan.simulation.day.showing import Counter

Wire = dict[str, Any]


class Clerk:
    """Writes the commands of one simulation."""

    def __init__(self, keys: KeyRing, alliance: str, declarations: Mapping[str, Declaration], counter: Counter) -> None:
        self._keys = keys
        self._alliance = alliance
        self._declarations = declarations
        self._counter = counter
        self._granted: dict[str, tuple[str, int]] = {}
        """For each loan, who drew and until when its consents were good: what a copied one says."""

    def command(self, event: script.AnyEvent) -> Wire:
        """Return the command of an event; raises ValueError for one that names what is not there."""
        match event:
            case script.Attest():
                wire = self._attest(event)
            case script.Move():
                wire = self._of_customs("stage", event, stage=event.stage)
            case script.Amend():
                wire = self._amend(event)
            case script.Withdraw():
                wire = self._of_customs("withdraw", event, reason=event.reason)
            case script.Apply():
                wire = self._apply(event)
            case script.Act():
                wire = self._act(event)
            case script.Review():
                quota = self._counter.quota(event.number, event.unit)
                fields = {"answer": "partial-repayment", "quota": quota, "revision": event.revision}
                wire = self._on_loan("review", event.loan, **fields)
            case script.Substitute():
                wire = self._substitute(event)
            case script.Collect():
                wire = self._collect(event)
            case _:
                wire = self._counter.command(event)
        return wire

    def _of_customs(self, verb: str, event: script.Move | script.Amend | script.Withdraw, **fields: Any) -> Wire:
        return {"quota": self._keys.quota(event.number, event.unit), "type": f"customs.{verb}/1", **fields}

    def _on_loan(self, verb: str, loan: str, **fields: Any) -> Wire:
        return {"financing": self._keys.id16(loan), "type": f"financing.{verb}/1", **fields}

    def _attest(self, event: script.Attest) -> Wire:
        declaration = self._declarations.get(event.number)
        if declaration is None:
            raise ValueError(f"declaration {event.number} has no message")
        ((unit, attested),) = declaration.total_by_currency().items()
        document, secret = document_of(declaration), self._keys.link_secret(event.number)
        return {
            "attested": attested,
            "commitment": document_commitment(document, secret),
            "custodial": True,
            "draw_key": to_text(public_key(self._keys.draw_seed(event.number))),
            "fingerprints": fingerprints_commitment(document, secret),
            "handle": self._keys.handle(event.number),
            "kind": "export" if declaration.is_export else "import",
            "mode": declaration.trade_mode,
            "provisional": declaration.provisional_price,
            "seal": self._keys.text32(f"seal/{event.number}"),
            "stage": event.stage,
            "type": "customs.attest/1",
            "unit": unit,
        }

    def _amend(self, event: script.Amend) -> Wire:
        again = self._counter.amended(event.number, event.contract_no)
        return self._of_customs("amend", event, attested=event.attested, reason=event.reason, **again)

    def _apply(self, event: script.Apply) -> Wire:
        drawer = event.by.partition("/")[0]
        loan = self._keys.id16(event.named or event.loan)
        self._granted.setdefault(event.loan, (drawer, event.signed.expires_ms))
        terms = {
            "allocations": [self._draw(event, loan, part, part.amount) for part in event.parts],
            "amount": event.terms.amount,
            "currency": event.terms.currency,
            "financing": loan,
            "maturity_ms": event.terms.maturity_ms,
            "product": event.terms.product,
            "purpose": event.purpose,
            "rates": event.terms.rates,
        }
        if event.pays_off is None:
            return {**terms, "lapse_ms": event.lapse_ms, "type": "financing.hold/1"}
        return {**terms, **self._pay_off(event, event.pays_off, drawer, loan), "type": "financing.refinance/1"}

    def _pay_off(self, event: script.Apply, off: script.PayOff, drawer: str, loan: str) -> Wire:
        old, expires_ms = self._keys.id16(off.loan), event.signed.expires_ms
        consent = None
        if off.consent_by is not None:
            said = PayOffConsent(self._alliance, off.amounts, drawer, expires_ms, old, off.interest, loan)
            signature = to_text(sign(self._keys.signing_seed(off.consent_by), CONSENT_TAG, encode(said)))
            consent = {"expires_ms": expires_ms, "key": off.consent_by.partition("/")[2], "signature": signature}
        registration = self._keys.text32(f"registration/{event.loan}")
        fields = {"consent": consent, "interest": off.interest, "payoff": off.amounts}
        return {**fields, "predecessor": old, "registration": registration}

    def _draw(self, event: script.Apply | script.Substitute, loan: str, part: script.Part, in_all: int) -> Wire:
        drawer, signed = event.by.partition("/")[0], event.signed
        purpose = event.purpose if isinstance(event, script.Apply) else "seller"
        quota, expires_ms = self._counter.quota(part.number, part.unit), signed.expires_ms
        owner, of_loan, of_drawer = part.number, loan, drawer
        if signed.how == "stranger":
            owner = signed.of or ""
        if signed.how == "copied":
            of_loan = self._keys.id16(signed.of or "")
            of_drawer, expires_ms = self._granted.get(signed.of or "", (drawer, expires_ms))
        message = draw_message(self._alliance, of_drawer, of_loan, quota, in_all, expires_ms, purpose)
        signature = to_text(sign(self._counter.draw_seed(owner), DRAW_TAG, message))
        if signed.how == "forged":
            signature = to_text(self._keys.secret(f"forged/{quota}") * 2)
        # A copied consent is shown for a time in which it would be good.
        return {"amount": part.amount, "expires_ms": signed.expires_ms, "quota": quota, "signature": signature}

    def _act(self, event: script.Act) -> Wire:
        fields = dict(event.fields)
        if fields.get("registration") is not None:
            fields["registration"] = self._keys.text32(f"registration/{event.loan}")
        return self._on_loan(event.do, event.loan, **fields)

    def _substitute(self, event: script.Substitute) -> Wire:
        draw = self._draw(event, self._keys.id16(event.loan), event.by_part, event.by_part.amount)
        old = event.replaced
        replaced = {"amount": old.amount, "quota": self._counter.quota(old.number, old.unit)}
        return self._on_loan("substitute", event.loan, allocations=[draw], replaced=[replaced])

    def _collect(self, event: script.Collect) -> Wire:
        items = [
            {"amount": item.amount, "final": item.final, "quota": self._counter.quota(item.number, item.unit)}
            for item in event.items
        ]
        return {
            "collection": self._keys.id16(f"collection/{event.collection}"),
            "financing": None if event.loan is None else self._keys.id16(event.loan),
            "items": items,
            "type": "financing.collect/1",
        }
