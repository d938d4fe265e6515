"""Whatever banks send, in whatever order: nothing is lent twice and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.modules.financing.book import DAY_MS, Book, Wire, loan_id

from kouan.kernel.quota import held
from kouan.modules.financing.queries import entries
from kouan.modules.financing.records import Collection
from kouan.modules.financing.rules import collection_key

BANKS: Final = ("bank-a", "bank-b", "bank-c")
QUOTAS: Final = 4
bank = st.sampled_from(BANKS)
amount = st.integers(1, 120)
fraction = st.integers(0, 4)
"""Quarters of what is there."""
parts = st.dictionaries(st.integers(0, QUOTAS - 1), amount, min_size=1, max_size=3)
pick = st.integers(0, 10**6)


class Banks(RuleBasedStateMachine):
    """Three banks on four declarations of 200 each, one of them in another currency."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.loans: list[str] = []
        self.collections: list[str] = []
        self.quotas: list[str] = []

    @initialize()
    def declare(self) -> None:
        self.quotas = [self.book.declare(f"d{n}", 250, "EUR" if n == 3 else "USD") for n in range(QUOTAS)]
        self.lend("bank-a", {0: 100, 1: 50})
        self.lend("bank-b", {1: 50, 2: 100, 3: 30})

    def _send(self, sender: str, command: Wire, key: str = "main") -> bool:
        """Send a command; if it drew on declarations, they must carry what is on them."""
        accepted = self.book.refused(sender, command, key=key)[0] == 0
        drawn = [draw["quota"] for draw in command.get("allocations", [])]
        if command["type"] == "financing.disburse/1" and accepted:
            on = self.book.loan(command["financing"]).allocations
            drawn = [part.quota for part, value in zip(on, command["amounts"], strict=True) if value]
        for quota in drawn if accepted else []:
            own = self.book.quota(quota)
            # After an amendment the rest of a hold may have no room: it is tested when it is paid out.
            rest = sum(hold.amount for hold in own.holds if hold.drawn and hold.financing == command["financing"])
            assert own.used + own.spent + held(own, self.book.now) - rest <= own.limit
        return accepted

    def _loan(self, number: int) -> str:
        return self.loans[number % len(self.loans)]

    def _owing(self, number: int) -> str:
        """A loan that owes something, where there is one."""
        owing = [loan for loan in self.loans if any(self.book.view(loan).outstanding.values())]
        return owing[number % len(owing)] if owing else self._loan(number)

    def _lender(self, loan: str) -> str:
        return self.book.loan(loan).bank

    def _terms(self, wanted: Mapping[int, int]) -> tuple[dict[str, int], Wire]:
        chosen = {self.quotas[n]: value for n, value in wanted.items()}
        rates = {"EUR": 110_000_000} if 3 in wanted else {}
        worth = sum(value * 11 // 10 if n == 3 else value for n, value in wanted.items())
        return chosen, {"rates": rates, "amount": worth}

    @rule(sender=bank, wanted=parts, days=st.integers(1, 13))
    def hold(self, sender: str, wanted: dict[int, int], days: int) -> None:
        chosen, terms = self._terms(wanted)
        new = loan_id(f"loan {len(self.loans)}")
        if self._send(sender, self.book.hold(sender, new, chosen, lapse_ms=self.book.now + days * DAY_MS, **terms)):
            self.loans.append(new)

    @rule(sender=bank, wanted=parts)
    def lend(self, sender: str, wanted: dict[int, int]) -> None:
        """Hold and pay a part out at once."""
        self.hold(sender, wanted, 3)
        self.disburse(len(self.loans) - 1, [4, 3] * 4)

    @precondition(lambda self: self.loans)
    @rule(which=pick, quarters=st.lists(fraction, min_size=8, max_size=8))
    def disburse(self, which: int, quarters: list[int]) -> None:
        if not self.loans:
            return
        loan = self._loan(which)
        allocations = self.book.loan(loan).allocations
        amounts = [part.held * quarter // 4 for part, quarter in zip(allocations, quarters, strict=False)]
        self._send(self._lender(loan), self.book.disburse(loan, *amounts))

    @precondition(lambda self: self.loans)
    @rule(
        which=pick,
        quarters=st.lists(fraction, min_size=8, max_size=8),
        interest=st.integers(0, 9),
        payer=st.sampled_from(["buyer", "bank"]),
    )
    def repay(self, which: int, quarters: list[int], interest: int, payer: str) -> None:
        loan = self._owing(which)
        allocations = self.book.loan(loan).allocations
        owed = [(part.drawn - part.repaid) * quarter // 4 for part, quarter in zip(allocations, quarters, strict=False)]
        self._send(self._lender(loan), self.book.repay(loan, *owed, interest=interest, payer=payer))

    @precondition(lambda self: self.loans)
    @rule(which=pick, verb=st.sampled_from(["extend", "prolong", "release", "write-off", "review", "cancel-offer"]))
    def service(self, which: int, verb: str) -> None:
        loan = self._loan(which) if verb in {"extend", "release"} else self._owing(which)
        quota = self.book.loan(loan).allocations[0].quota
        fields: dict[str, dict[str, Any]] = {
            "extend": {"lapse_ms": self.book.loan(loan).lapse_ms + DAY_MS},
            "prolong": {"maturity_ms": self.book.loan(loan).maturity_ms + DAY_MS},
            "release": {"reason": "withdrawn"},
            "write-off": {"reason": "fraud"},
            "review": {"answer": "no-action", "quota": quota, "revision": self.book.quota(quota).revision},
        }
        command = {"type": f"financing.{verb}/1", "financing": loan, **fields.get(verb, {})}
        self._send(self._lender(loan), command)

    @rule(
        sender=bank, n=st.integers(0, QUOTAS - 1), value=st.integers(0, 40), final=st.sampled_from([False, False, True])
    )
    def collect(self, sender: str, n: int, value: int, *, final: bool) -> None:
        name = f"receipt {len(self.collections)}"
        quota = self.quotas[n]
        own = (loan for loan in self.loans if self._lender(loan) == sender)
        on_it = (loan for loan in own if any(part.quota == quota for part in self.book.loan(loan).allocations))
        if self._send(sender, self.book.collect(name, quota, value, final=final, loan=next(on_it, None))):
            self.collections.append(loan_id(name))

    @precondition(lambda self: self.loans)
    @rule(which=pick, sender=bank, wanted=parts)
    def refinance(self, which: int, sender: str, wanted: dict[int, int]) -> None:
        chosen, terms = self._terms(wanted)
        new = loan_id(f"loan {len(self.loans)}")
        before = self._outstanding()
        old = self._owing(which)
        owed = {part.quota: part.drawn - part.repaid for part in self.book.loan(old).allocations}
        if self._send(sender, self.book.refinance(sender, new, old, chosen, **terms)):
            self.loans.append(new)
            before.subtract(owed)
            before.update(chosen)
            assert +self._outstanding() == +before

    @precondition(lambda self: self.loans)
    @rule(which=pick, to=bank, is_bought=st.booleans())
    def sell(self, which: int, to: str, *, is_bought: bool) -> None:
        loan = self._owing(which)
        before = self._outstanding()
        offer = {"type": "financing.offer/1", "financing": loan, "lapse_ms": self.book.now + DAY_MS, "to": to}
        if self._send(self._lender(loan), offer) and is_bought:
            assert self._send(to, {"type": "financing.accept/1", "financing": loan})
            assert self._lender(loan) == to
        assert self._outstanding() == before

    @precondition(lambda self: self.loans)
    @rule(which=pick, out=st.integers(0, 3), into=st.integers(0, QUOTAS - 1), value=amount)
    def substitute(self, which: int, out: int, into: int, value: int) -> None:
        loan = self._owing(which)
        allocations = self.book.loan(loan).allocations
        gone = allocations[out % len(allocations)]
        value = min(value, max(1, gone.drawn - gone.repaid))
        before = self._owed_in_units()
        lender = self._lender(loan)
        self._send(lender, self.book.substitute(lender, loan, {gone.quota: value}, {self.quotas[into]: value}))
        assert self._owed_in_units() == before

    @precondition(lambda self: self.loans)
    @rule(which=pick, ago=st.integers(0, 3))
    def reverse(self, which: int, ago: int) -> None:
        loan = self._loan(which)
        number = max(1, self.book.loan(loan).entries - ago)
        command = {"type": "financing.reverse/1", "entry": number, "financing": loan}
        self._send(self._lender(loan), command, key="second")

    @precondition(lambda self: self.collections)
    @rule(which=pick)
    def reverse_collection(self, which: int) -> None:
        collection = self.collections[which % len(self.collections)]
        sender = self.book.ledger.must(Collection, collection_key(collection)).by.partition("/")[0]
        command = {"type": "financing.reverse-collection/1", "collection": collection}
        self._send(sender, command, key="second")

    @rule(n=st.integers(0, QUOTAS - 1), attested=st.integers(0, 400))
    def amend(self, n: int, attested: int) -> None:
        self.book.amend(self.quotas[n], attested)

    @rule(n=st.integers(0, QUOTAS - 1), status=st.sampled_from(["active", "active", "suspended"]))
    def change_status(self, n: int, status: str) -> None:
        own = self.book.quota(self.quotas[n])
        self.book.edit_quota(self.quotas[n], status=status, revision=own.revision + 1)

    @rule(days=st.integers(1, 3))
    def wait(self, days: int) -> None:
        self.book.ledger.advance(days * DAY_MS)

    def _outstanding(self) -> Counter[str]:
        owed: Counter[str] = Counter()
        for loan in self.loans:
            for part in self.book.loan(loan).allocations:
                owed[part.quota] += part.drawn - part.repaid
        return owed

    def _owed_in_units(self) -> Counter[str]:
        owed: Counter[str] = Counter()
        for quota, value in self._outstanding().items():
            owed[quota[-3:]] += value
        return owed

    @invariant()
    def what_is_used_is_what_loans_owe(self) -> None:
        owed = self._outstanding()
        for quota in self.quotas:
            assert self.book.quota(quota).used == owed[quota]

    @invariant()
    def what_is_held_is_what_loans_hold(self) -> None:
        """Also by whom: no part belongs to two loans."""
        on_quotas = {
            (quota, hold.financing, hold.drawer): hold.amount
            for quota in self.quotas
            for hold in self.book.quota(quota).holds
            if hold.lapse_ms > self.book.now
        }
        in_loans = {
            (part.quota, view.id, view.bank): part.held
            for view in map(self.book.view, self.loans)
            for part in view.allocations
            if part.held
        }
        assert on_quotas == in_loans

    @invariant()
    def what_is_collected_is_what_was_reported(self) -> None:
        reported: Counter[str] = Counter()
        final: set[str] = set()
        for collection in self.collections:
            record = self.book.ledger.must(Collection, collection_key(collection))
            for item in record.items if record.reversed_by is None else []:
                reported[item.quota] += item.amount
                final |= {item.quota} if item.final else set()
        for quota in self.quotas:
            own = self.book.quota(quota)
            assert (own.collected, own.settled) == (reported[quota], quota in final)

    @invariant()
    def the_history_adds_up_to_the_loan(self) -> None:
        """What stands in the entries and was not reversed gives every figure of the loan."""
        for loan in self.loans:
            record = self.book.loan(loan)
            signs = {"disbursement": (1, 0), "refinancing": (1, 0), "moved-in": (1, 0), "moved-out": (-1, 0)}
            signs |= {"repayment": (0, 1), "pay-off": (0, 1)}
            figures = [(0, 0)] * len(record.allocations)
            interest = 0
            for entry in entries(self.book.ledger.reader, loan):
                if entry.reversed_by is None and entry.kind in signs:
                    drawn, repaid = signs[entry.kind]
                    interest += entry.interest
                    for n, value in enumerate(entry.amounts):
                        figures[n] = (figures[n][0] + drawn * value, figures[n][1] + repaid * value)
            assert [(part.drawn, part.repaid) for part in record.allocations] == figures
            assert record.interest == interest

    @invariant()
    def the_state_says_what_the_figures_say(self) -> None:
        for view in map(self.book.view, self.loans):
            owed, living = any(view.outstanding.values()), any(view.held.values())
            assert (view.state in {"settled", "released", "lapsed"}) == (not owed and not living)
            assert (view.state == "held") == (living and not any(part.drawn for part in view.allocations))


TestBanks = Banks.TestCase
TestBanks.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
