"""A ledger with declarations and loans on it, and commands as banks would send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace
from tests.kernel.test_quota import a_quota
from tests.modules.ledger import Ledger, seed_of

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import encode, to_text
from kouan.kernel.records import Quota, Record
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import digest, public_key, sign
from kouan.modules.cases import admission
from kouan.modules.financing.commands import commands_for
from kouan.modules.financing.queries import LoanView, loan_view
from kouan.modules.financing.records import Financing
from kouan.modules.financing.rules import (
    CONSENT_TAG,
    DRAW_TAG,
    PARAMETERS,
    PayOffConsent,
    draw_message,
    financing_key,
)

DAY_MS: Final = 24 * 3_600_000
COMMANDS: Final = commands_for(admission)
REGISTRATION: Final = to_text(digest("test/registration"))
Wire = dict[str, Any]


def loan_id(name: str) -> str:
    return to_text(digest("test/loan", name.encode())[:16])


def quota_id(name: str, unit: str = "USD") -> str:
    return f"{to_text(digest('test/handle', name.encode()))}.{unit}"


def draw_seed(quota: str) -> bytes:
    return digest("test/draw", quota.encode())


class Book:
    """The ledger, with shorthand. Declarations are put into its state as customs would leave them."""

    def __init__(self, **charter: int) -> None:
        self.ledger = Ledger(COMMANDS, PARAMETERS, charter=charter)

    @property
    def now(self) -> int:
        return self.ledger.time_ms

    def put(self, key: str, record: Record) -> None:
        self.ledger.state.values[key] = encode(record)

    def declare(self, name: str, attested: int = 312_500_00, unit: str = "USD", ratio_bp: int = 8000) -> str:
        """A closed export declaration, with nothing drawn on it."""
        own = quota_id(name, unit)
        plain = a_quota(attested=attested, ratio_bp=ratio_bp)
        quota = replace(plain, draw_key=to_text(public_key(draw_seed(own))), id=own, unit=unit)
        self.put(quotas.key_of(own), quota)
        return own

    def quota(self, quota: str) -> Quota:
        return self.ledger.must(Quota, quotas.key_of(quota))

    def loan(self, loan: str) -> Financing:
        return self.ledger.must(Financing, financing_key(loan))

    def view(self, loan: str) -> LoanView:
        view = loan_view(self.ledger.reader, loan, self.now)
        assert view is not None
        return view

    def edit_quota(self, quota: str, **changes: Any) -> None:
        self.put(quotas.key_of(quota), replace(self.quota(quota), **changes))

    def edit_loan(self, loan: str, **changes: Any) -> None:
        self.put(financing_key(loan), replace(self.loan(loan), **changes))

    def amend(self, quota: str, attested: int) -> None:
        """What customs.amend does to a quota."""
        own = self.quota(quota)
        limit = quotas.limit_of(attested, own.collected, own.ratio_bp, settled=own.settled)
        self.edit_quota(quota, attested=attested, limit=limit, revision=own.revision + 1)

    def draws(self, bank: str, loan: str, parts: Mapping[str, int]) -> list[Wire]:
        """Parts of a loan, each signed by its owner."""
        return [
            self.signed(bank, loan, {"amount": amount, "expires_ms": self.now + DAY_MS, "quota": quota}, amount)
            for quota, amount in parts.items()
        ]

    def signed(self, bank: str, loan: str, draw: Wire, amount: int) -> Wire:
        """A draw with its owner's signature over ``amount``."""
        message = draw_message(self.ledger.alliance, bank, loan, draw["quota"], amount, draw["expires_ms"])
        return {**draw, "signature": to_text(sign(draw_seed(draw["quota"]), DRAW_TAG, message))}

    def terms(self, bank: str, loan: str, parts: Mapping[str, int]) -> Wire:
        return {
            "allocations": self.draws(bank, loan, parts),
            "amount": sum(parts.values()),
            "currency": "USD",
            "financing": loan,
            "maturity_ms": self.now + 90 * DAY_MS,
            "product": "export-bill",
            "purpose": "seller",
            "rates": {},
        }

    def hold(self, bank: str, loan: str, parts: Mapping[str, int], **terms: Any) -> Wire:
        own = {"type": "financing.hold/1", **self.terms(bank, loan, parts), "lapse_ms": self.now + 3 * DAY_MS}
        return own | terms

    def disburse(self, loan: str, *amounts: int, registration: str | None = REGISTRATION) -> Wire:
        return {
            "type": "financing.disburse/1",
            "amounts": list(amounts),
            "financing": loan,
            "registration": registration,
        }

    def repay(self, loan: str, *amounts: int, interest: int = 0, payer: str = "buyer") -> Wire:
        return {
            "type": "financing.repay/1",
            "amounts": list(amounts),
            "financing": loan,
            "interest": interest,
            "payer": payer,
        }

    def collect(self, name: str, quota: str, amount: int, *, final: bool = False, loan: str | None = None) -> Wire:
        item = {"amount": amount, "final": final, "quota": quota}
        return {"type": "financing.collect/1", "collection": loan_id(name), "financing": loan, "items": [item]}

    def refinance(
        self, bank: str, loan: str, old: str, parts: Mapping[str, int], *, interest: int = 0, **terms: Any
    ) -> Wire:
        owed = [part.drawn - part.repaid for part in self.loan(old).allocations]
        own: Wire = {
            "type": "financing.refinance/1",
            **self.terms(bank, loan, parts),
            "consent": None,
            "interest": interest,
            "payoff": owed,
            "predecessor": old,
            "registration": REGISTRATION,
        }
        return own | {"consent": self.consent(bank, own, self.loan(old).bank)} | terms

    def bring_in(self, loan: str, parts: Mapping[str, int], **terms: Any) -> Wire:
        """A loan that was paid out thirty days before now."""
        own: Wire = {
            "type": "financing.bring-in/1",
            "allocations": [{"amount": amount, "quota": quota} for quota, amount in parts.items()],
            "amount": sum(parts.values()),
            "currency": "USD",
            "financing": loan,
            "maturity_ms": self.now + 60 * DAY_MS,
            "opened_ms": self.now - 30 * DAY_MS,
            "product": "export-bill",
            "purpose": "seller",
            "rates": {},
        }
        return own | terms

    def consent(self, bank: str, refinance: Wire, lender: str) -> Wire:
        """The old lender's signature on being paid off by a bank."""
        message = PayOffConsent(
            alliance=self.ledger.alliance,
            amounts=refinance["payoff"],
            drawer=bank,
            expires_ms=self.now + DAY_MS,
            financing=refinance["predecessor"],
            interest=refinance["interest"],
            successor=refinance["financing"],
        )
        signature = sign(seed_of(lender, "second"), CONSENT_TAG, encode(message))
        return {"expires_ms": self.now + DAY_MS, "key": "second", "signature": to_text(signature)}

    def substitute(self, bank: str, loan: str, out: Mapping[str, int], into: Mapping[str, int]) -> Wire:
        there = {part.quota: part.amount for part in self.loan(loan).allocations}
        expires_ms = self.now + DAY_MS
        return {
            "type": "financing.substitute/1",
            "allocations": [
                self.signed(
                    bank,
                    loan,
                    {"amount": amount, "expires_ms": expires_ms, "quota": quota},
                    there.get(quota, 0) + amount,
                )
                for quota, amount in into.items()
            ],
            "financing": loan,
            "replaced": [{"amount": amount, "quota": quota} for quota, amount in out.items()],
        }

    def accept(self, bank: str, command: Wire, *, key: str = "main") -> None:
        self.ledger.accept(bank, command, key=key)

    def refused(self, bank: str, command: Wire, *, key: str = "main") -> tuple[int, str]:
        """Send a command and return its code and what the code is about."""
        result = self.ledger.send(bank, command, key=key)[0]
        return Rejection(result["code"]) if result["code"] else 0, result.get("at", "")
