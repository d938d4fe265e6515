"""The bank's lending desk: takes an owner's consent in, holds, pays out, gives back, refinances.

It checks what a careful clerk would check before anything is sent, computes what the ledger wants exactly (sums at
their rates, lapses), and keeps what the ledger does not: who the customer is, the slip, the registration. Before a loan
is put on a document it shows it to the evaluator, links a declaration to the papers that it names, and stops while
something that looks like it is to be reviewed. What the ledger answers is returned as it is; only what cannot be sent
at all raises an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from kouan.client.amounts import Amount
from kouan.client.bank import Bank, by_allocation
from kouan.client.book import BookedLoan
from kouan.client.commitments import Subject, commit
from kouan.client.consents import Consent, open_consent
from kouan.client.evaluating import Evaluator
from kouan.client.intake import Examined, examine, must_be_sound
from kouan.client.keymaterial import fresh
from kouan.client.loan_currency import drawable, sides_of
from kouan.client.payoff import PayOffError, PayOffSlip
from kouan.client.session import Result
from kouan.client.showing import link, must_be_cleared, must_be_seen, pull, stops
from kouan.client.splits import Split, in_order
from kouan.client.workdays import after_business_days
from kouan.kernel.encoding import MAX_INTEGER, to_text
from kouan.kernel.records import Charter
from kouan.kernel.registry import CHARTER_KEY, parameter_of
from kouan.modules.financing.commands.holding import DisburseCommand, ExtendCommand, HoldCommand, ReleaseCommand
from kouan.modules.financing.commands.opening import Draw, Terms
from kouan.modules.financing.commands.refinancing import RefinanceCommand
from kouan.modules.financing.records import Financing, Product, ReleaseReason
from kouan.modules.financing.rules import EXTENSION_MAX, HOLD_MAX, PARAMETERS, outstanding, unit_of, worth

CONSENT_KIND: Final = "consent"
REGISTRATION_KIND: Final = "registration"


class Wanted(NamedTuple):
    """What the bank decides about a new loan; the rest stands in the owner's slip."""

    product: Product
    maturity_ms: int
    currency: str | None = None
    """Of the loan; None for that of the declarations when they have one only."""
    rates: Mapping[str, int] = {}  # a NamedTuple's default, and nobody writes to it
    """For each other currency, as the ledger wants it: see `kouan.client.amounts.parse_rate`."""


class Lapse(NamedTuple):
    """Until when something is held."""

    moment_ms: int
    warnings: list[str]
    """Why it may not be three business days."""


class Placed(NamedTuple):
    """A new loan, as it was sent."""

    result: Result
    financing: str
    customer: str
    lent: Amount
    lapse: Lapse | None
    """None for a loan that was paid out at once."""
    declarations: list[Examined]


class Drawn(NamedTuple):
    """A drawdown, as it was sent."""

    result: Result
    loan: Financing
    """As it stood before."""
    amounts: list[int]
    """For each allocation, in minor units of its unit."""


class Registration(msgspec.Struct, frozen=True):
    """The registration of the receivables in the movables register 中登网; the ledger has a commitment to it."""

    number: str
    searched: str
    """When the register was searched, ISO 8601."""
    expires: str
    """The day until which it holds, ISO 8601."""


class BankDesk:
    """The desk of one bank."""

    def __init__(self, bank: Bank, evaluator: Evaluator | None = None) -> None:
        """Open the desk; ``evaluator``: None in an alliance that has none, where no trade case is ever found."""
        self._bank = bank
        self._evaluator = evaluator

    def open_consent(self, slip: bytes) -> tuple[Consent, list[Examined]]:
        """Open an owner's slip and check it against the ledger; raises ConsentError when it is not for this bank."""
        consent = open_consent(self._bank.private_key, slip)
        session = self._bank.session
        return consent, examine(consent, session, session.alliance, session.member, session.now_ms())

    def hold(self, slip: bytes, wanted: Wanted) -> Placed:
        """Set aside what a slip consents to 占用.

        Raises ConsentError for an unsound slip, ValueError for bad terms, LikenessError while something like one of
        its documents is to be reviewed, EvaluationError.
        """
        consent, examined = self.open_consent(slip)
        must_be_sound(examined)
        terms = _terms(consent, wanted)
        refused = self.admit(consent)
        if refused is not None:
            return _refused(refused, terms, examined)
        now_ms = self._bank.session.now_ms()
        lapse = self._lapse(now_ms, now_ms + self._parameter(HOLD_MAX[wanted.product]))
        command = HoldCommand(**_fields(terms), lapse_ms=lapse.moment_ms)
        return self._place(slip, terms, examined, lapse, command)

    def refinance(
        self, slip: bytes, wanted: Wanted, predecessor: str, registration: Registration, pay_off: PayOffSlip | None
    ) -> Placed:
        """Open a loan that pays an old one off in the same step 融资置换.

        ``predecessor``: an own loan by its name in the book, or, with another bank's slip, that loan's full id. Raises
        ConsentError, PayOffError, BookError, LikenessError, EvaluationError, ValueError.
        """
        consent, examined = self.open_consent(slip)
        must_be_sound(examined)
        terms = _terms(consent, wanted)
        if pay_off is None:
            old = self._bank.loan(predecessor)
            amounts, interest, theirs = [outstanding(part) for part in old.allocations], 0, None
            predecessor = old.id
        else:
            self._check_pay_off(pay_off, predecessor, consent)
            amounts, interest, theirs = pay_off.amounts, pay_off.interest, pay_off.consent
        refused = self.admit(consent)
        if refused is not None:
            return _refused(refused, terms, examined)
        command = RefinanceCommand(
            **_fields(terms),
            consent=theirs,
            interest=interest,
            payoff=amounts,
            predecessor=predecessor,
            registration=self._register(consent.financing, registration),
        )
        return self._place(slip, terms, examined, None, command)

    def admit(self, consent: Consent) -> Result | None:
        """Show a consent's documents to the evaluator where this bank has not, and link those that are not linked.

        Returns a refusal of a link that stops the loan. Raises LikenessError and UnseenError while something is to be
        reviewed, EvaluationError, ValueError.
        """
        quotas = self._bank.quotas([part.quota for part in consent.allocations])
        if self._evaluator is not None:
            for part, quota in zip(consent.allocations, quotas, strict=True):
                linked = link(self._bank, self._evaluator, part, quota)
                if stops(quota, linked):
                    return linked
            pull(self._bank, self._evaluator)
        must_be_cleared(self._bank, quotas)
        must_be_seen(self._bank, quotas, self._bank.session.now_ms())
        return None

    def extend(self, name: str) -> tuple[Result, Lapse]:
        """Let what is held lapse three business days later, once; raises BookError."""
        loan = self._bank.loan(name)
        lapse = self._lapse(loan.lapse_ms - 1, loan.lapse_ms + self._parameter(EXTENSION_MAX))
        return self._bank.send("financing.extend/1", ExtendCommand(loan.id, lapse.moment_ms)), lapse

    def disburse(
        self,
        name: str,
        *,
        registration: Registration | None = None,
        amount: Amount | None = None,
        parts: Mapping[str, int] | None = None,
    ) -> Drawn:
        """Pay out 放款: all that is held, or an amount filled in over the declarations in order, or parts by quota.

        Without a registration the one that is recorded stays. Raises BookError, ValueError.
        """
        loan = self._bank.loan(name)
        if parts is not None:
            split = Split(by_allocation(loan, parts), None)
        elif amount is not None:
            rooms = drawable(loan, sides_of(self._bank.session, self._bank.book, loan))
            split = in_order(amount, rooms, loan.currency, "what is held")
        else:
            split = Split([part.held for part in loan.allocations], None)
        commitment = None if registration is None else self._register(loan.id, registration)
        command = DisburseCommand(split.parts, loan.id, commitment)
        return Drawn(self._bank.send_payment("financing.disburse/1", command, loan, split), loan, split.parts)

    def release(self, name: str, reason: ReleaseReason) -> Result:
        """Give back what is held and not drawn 解除占用; raises BookError."""
        return self._bank.send("financing.release/1", ReleaseCommand(self._bank.loan(name).id, reason))

    def _place(
        self,
        slip: bytes,
        terms: Terms,
        examined: Sequence[Examined],
        lapse: Lapse | None,
        command: HoldCommand | RefinanceCommand,
    ) -> Placed:
        """Book a loan, then send it, so that none can be on the ledger and not in the book."""
        bank, now_ms = self._bank, self._bank.session.now_ms()
        is_known = any(loan.id == terms.financing for loan in bank.book.loans())
        customer = examined[0].owner
        bank.book.add(BookedLoan(terms.financing, customer, now_ms))
        for one in examined:
            bank.book.know(one.quota, one.number, one.owner)
        kind = "financing.hold/1" if isinstance(command, HoldCommand) else "financing.refinance/1"
        result = bank.send(kind, command)
        if result.accepted:
            bank.vault.put(CONSENT_KIND, slip, handle=None, time_ms=now_ms)
        elif not is_known:
            bank.book.strike(terms.financing)
        lent = Amount(terms.amount, terms.currency)
        return Placed(result, terms.financing, customer, lent, lapse, list(examined))

    def _check_pay_off(self, slip: PayOffSlip, predecessor: str, consent: Consent) -> None:
        expected = {
            "alliance": (slip.alliance, self._bank.session.alliance),
            "drawer": (slip.drawer, self._bank.session.member),
            "predecessor": (slip.predecessor, predecessor),
            "successor": (slip.successor, consent.financing),
        }
        for field, (given, right) in expected.items():
            if given != right:
                raise PayOffError(
                    f"pay-off slip: {field} is {given}, not {right}; ask the lender for one for this loan"
                )

    def _register(self, financing: str, registration: Registration) -> str:
        """Keep a registration, and return the commitment to it."""
        fields, salt = msgspec.to_builtins(registration), fresh(self._bank.entropy)
        kept = msgspec.json.encode({"fields": fields, "financing": financing, "salt": to_text(salt)})
        self._bank.vault.put(REGISTRATION_KIND, kept, handle=None, time_ms=self._bank.session.now_ms())
        return commit(Subject.DOCUMENT, salt, fields)

    def _lapse(self, from_ms: int, latest_ms: int) -> Lapse:
        deadline = after_business_days(from_ms)
        warnings = [deadline.warning] if deadline.warning else []
        if deadline.moment_ms > latest_ms:
            warnings.append("the charter allows no hold of three business days here: it lapses earlier")
        return Lapse(min(deadline.moment_ms, latest_ms), warnings)

    def _parameter(self, name: str) -> int:
        charter = self._bank.session.read(Charter, CHARTER_KEY)
        if charter is None:
            raise AssertionError("the ledger has no charter")
        return parameter_of(charter, name, PARAMETERS)


def _refused(result: Result, terms: Terms, examined: Sequence[Examined]) -> Placed:
    """Return a loan of which nothing was sent, because a declaration under it could not be linked."""
    lent = Amount(terms.amount, terms.currency)
    return Placed(result, terms.financing, examined[0].owner, lent, None, list(examined))


def _terms(consent: Consent, wanted: Wanted) -> Terms:
    """Return what is to be lent: the sum of the slip's parts at their rates; raises ValueError for misfit rates."""
    units = {unit_of(part.quota) for part in consent.allocations}
    if wanted.currency is None and len(units) > 1:
        raise ValueError(f"currency: the documents are in {', '.join(sorted(units))}; say which the loan is in")
    currency = wanted.currency or min(units)
    missing, needless = units - {currency} - wanted.rates.keys(), wanted.rates.keys() - (units - {currency})
    if missing:
        raise ValueError(f"rate: none for {min(missing)}; give what one {min(missing)} is in {currency}")
    if needless:
        raise ValueError(f"rate: {min(needless)} needs none; no declaration of another currency than {currency} has it")
    amount = sum(worth(part.amount, unit_of(part.quota), currency, wanted.rates) for part in consent.allocations)
    if not 1 <= amount <= MAX_INTEGER:
        raise ValueError(f"amount: at these rates the loan is over {amount} minor units; it must be 1 to 2⁵³-1")
    draws = [Draw(part.amount, part.expires_ms, part.quota, part.signature) for part in consent.allocations]
    return Terms(
        allocations=draws,
        amount=amount,
        currency=currency,
        financing=consent.financing,
        maturity_ms=wanted.maturity_ms,
        product=wanted.product,
        purpose=consent.purpose,
        rates=dict(wanted.rates),
    )


def _fields(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.__struct_fields__}
