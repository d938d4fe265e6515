"""Whatever documents come, join and are drawn on, in whatever order: a trade is never drawn on beyond what it carries.

Beside the ledger runs a model that knows nothing of its records: papers in sets, loans as plain numbers. It predicts
every answer, and after every step both must show the same.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Final

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.modules.cases.trade import DAY_MS, Trade, Wire, loan_id

from kouan.kernel.rejections import Rejection
from kouan.modules.cases.joining import case_of
from kouan.modules.financing.rules import state_of

BANKS: Final = ("bank-a", "bank-b")
KINDS: Final = ("order", "invoice", "transport")
RATIOS: Final = (70, 80, 80)
bank = st.sampled_from(BANKS)
pick = st.integers(0, 10**6)
value = st.integers(1, 1000)
eighths = st.integers(1, 9)
"""Of the room that a document has left: nine are more than it has."""


class Paper:
    """A document as the model sees it."""

    def __init__(self, quota: str, kind: str, level: int, purpose: str, amount: int, issuer: str) -> None:
        self.quota, self.kind, self.level, self.purpose, self.amount = quota, kind, level, purpose, amount
        self.issuer = issuer
        self.collected, self.final, self.gone, self.unsigned = 0, False, False, False
        self.used: dict[str, int] = {}
        self.held: dict[str, int] = {}
        self.trade: Together | None = None

    @property
    def ratio(self) -> int:
        return 80 if self.kind == "export" else RATIOS[self.level]

    @property
    def limit(self) -> int:
        return 0 if self.final else max(0, self.amount - self.collected) * self.ratio // 100

    @property
    def paid(self) -> int:
        return max(self.amount, self.collected) if self.final else self.collected

    def out(self) -> int:
        return sum(self.used.values())


class Together:
    """Papers of one trade, and the banks that have seen it as it is."""

    def __init__(self, paper: Paper) -> None:
        self.papers = [paper]
        self.seen: set[str] = set()
        paper.trade = self

    def best(self) -> int:
        return max(paper.level for paper in self.papers)

    def add(self, other: Together, signed: set[str]) -> None:
        """Bring another in: the weaker joins, the other one of equals, and what nobody here spoke for is unsigned."""
        joining, there = (other, self) if self.best() > other.best() else (self, other)
        known = {paper.purpose for paper in there.papers if not paper.unsigned}
        for paper in joining.papers:
            if not paper.level and known and paper.purpose not in known:
                paper.unsigned = paper.unsigned or not _spoken_for(paper, there.papers, signed)
        self.seen = there.seen if all(paper.unsigned for paper in joining.papers) else set()
        self.papers += other.papers
        for paper in other.papers:
            paper.trade = self

    def changed(self, by: str, on: Paper) -> None:
        if not on.unsigned:
            self.seen &= {by}

    def hear(self, signed: set[str]) -> None:
        """Those that have signed together with the other side count from now on, and are to be looked at."""
        heard = [paper for paper in self.papers if paper.unsigned and _spoken_for(paper, self.papers, signed)]
        for paper in heard:
            paper.unsigned = False
        self.seen = set() if heard else self.seen


def _spoken_for(paper: Paper, among: list[Paper], signed: set[str]) -> bool:
    others = [other for other in among if other.purpose != paper.purpose]
    best = max((other.level for other in others), default=0)
    return paper.quota in signed and any(other.quota in signed for other in others if other.level == best)


def _sides(paper: Paper) -> list[Paper]:
    assert paper.trade is not None
    return [one for one in paper.trade.papers if one.purpose == paper.purpose]


def _carries(papers: list[Paper], paper: Paper) -> int:
    """The most that papers of one kind, as good as this one, carry."""
    as_good = [one for one in papers if one.level >= paper.level]
    kinds = {one.kind for one in as_good}
    paid = {kind: sum(one.paid for one in as_good if one.kind == kind) for kind in kinds}
    carried = []
    for kind in kinds:
        own = [one for one in as_good if one.kind == kind]
        elsewhere = (max(paid.values()) - paid[kind]) * max(one.ratio for one in own)
        carried.append(sum(one.limit for one in own if not one.gone) - ceil(elsewhere / 100))
    return max(0, *carried)


class Trades(RuleBasedStateMachine):
    """Two banks, papers and declarations that share numbers, loans on them."""

    def __init__(self) -> None:
        super().__init__()
        self.trade = Trade()
        self.papers: list[Paper] = []
        self.loans: dict[str, tuple[str, Paper]] = {}
        self.numbers: dict[tuple[str, str], Paper] = {}
        self.detached: set[str] = set()
        self.receipts = 0

    @initialize()
    def begin(self) -> None:
        self.record("bank-a", "order", 0, 1000, [], signs=False)
        self.declare(1000, [0])
        self.record("bank-b", "invoice", 3, 800, [0], signs=True)
        self.record("bank-b", "invoice", 0, 800, [0], signs=True)
        self.lend("bank-a", 0, 4)

    def _send(self, sender: str, command: Wire) -> int:
        return self.trade.refused(sender, command)[0]

    def _paper(self, which: int) -> Paper:
        return self.papers[which % len(self.papers)]

    def _number(self, which: int) -> tuple[str, str]:
        known = list(self.numbers)
        return known[which % len(known)]

    # Papers come and go.

    @precondition(lambda self: len(self.papers) < 14)
    @rule(
        sender=bank,
        kind=st.sampled_from(KINDS),
        for_buyer=st.integers(0, 3),
        amount=value,
        named=st.lists(pick, max_size=2),
        signs=st.booleans(),
    )
    def record(self, sender: str, kind: str, for_buyer: int, amount: int, named: list[int], *, signs: bool) -> None:
        """A paper that names others' numbers; the owners of what they lead to sign, or do not."""
        own = (kind, f"number {len(self.papers)}")
        purpose = "buyer" if for_buyer == 3 else "seller"
        names = sorted({self._number(one) for one in named} if self.numbers else [])
        names = [name for name in names if name[0] != kind]
        led_to = [self.numbers[name] for name in self._in_order(names)]
        signed = sorted({one.quota for one in led_to}) if signs else []
        quota = self.trade.paper(*own, purpose)
        command = self.trade.record(sender, *own, amount, names=names, signed=signed, purpose=purpose)
        paper = Paper(quota, kind, 0, purpose, amount, sender)
        others = led_to + [one for name in signed for one in self.papers if one.quota == name]
        expected = self._bound(Together(paper), paper, others, {quota, *signed})
        assert self._send(sender, command) == expected
        if expected == 0:
            self._bind(paper, others, {quota, *signed})
            self.papers.append(paper)
            self._carry(paper, [own, *names])

    @precondition(lambda self: len(self.papers) < 14)
    @rule(amount=value, named=st.lists(pick, min_size=1, max_size=2))
    def declare(self, amount: int, named: list[int]) -> None:
        """A declaration that customs has committed to naming these numbers."""
        if not self.numbers:
            return
        names = sorted({self._number(one) for one in named})
        quota = self.trade.declare(f"declaration {len(self.papers)}", amount)
        paper = Paper(quota, "export", 2, "seller", amount, "customs")
        Together(paper)
        self.papers.append(paper)
        assert self._send("bank-a", self.trade.link("bank-a", quota, *names)) == 0
        self._bind(paper, [self.numbers[name] for name in self._in_order(names)], set())
        self._carry(paper, names)

    @rule(sender=bank, one=pick, other=pick)
    def join(self, sender: str, one: int, other: int) -> None:
        first, second = self._paper(one), self._paper(other)
        if first is second:
            return
        code = self._send(sender, self.trade.join(first.quota, second.quota))
        if {first.quota, second.quota} & self.detached:
            assert code == Rejection.DOCUMENT_DETACHED
            return
        assert first.trade is not None
        expected = self._bound(first.trade, first, [second], {first.quota, second.quota}, by_owners=True)
        assert code == expected
        if expected == 0:
            self._merge(first, second, {first.quota, second.quota})
            first.trade.hear({first.quota, second.quota})

    @rule(which=pick, to=st.sampled_from(["bank-a", "bank-b", "carrier"]))
    def confirm(self, which: int, to: str) -> None:
        paper = self._paper(which)
        level = 2 if to == "carrier" else 1
        fit = paper.kind != "export" and not paper.gone and paper.issuer != to and paper.level < level
        assert (self._send(to, self.trade.confirm(paper.quota)) == 0) == fit
        if fit and paper.unsigned and paper.trade is not None:
            paper.unsigned, paper.trade.seen = False, set()
        paper.level = level if fit else paper.level

    @rule(which=pick, amount=value)
    def amend(self, which: int, amount: int) -> None:
        paper = self._paper(which)
        if paper.kind == "export":
            self.trade.amend(paper.quota, amount)
        else:
            code = self._send(paper.issuer, self.trade.amend_paper(paper.quota, amount, "correction"))
            assert code == (Rejection.QUOTA_WITHDRAWN if paper.gone else 0)
            if code:
                return
            paper.level = 0 if amount > paper.amount else paper.level
        paper.amount = amount

    @rule(which=pick, forged=st.booleans())
    def take_out(self, which: int, *, forged: bool) -> None:
        """One in eight documents goes, and with it what is out on it."""
        paper = self._paper(which)
        if which % 8 or paper.trade is None or paper.quota in self.detached:
            return
        reason = "forged" if forged and paper.kind != "export" else "not-same-trade"
        assert self._send("overseer", self.trade.dispute(paper.quota, reason)) == 0
        paper.trade.papers.remove(paper)
        paper.trade.seen = set()
        paper.trade, paper.unsigned = None, False
        paper.gone = paper.gone or reason == "forged"
        self.detached.add(paper.quota)
        self.numbers = {name: one for name, one in self.numbers.items() if one is not paper}

    @rule(which=pick, cents=st.integers(0, 300), final=st.sampled_from([False, False, True]))
    def collect(self, which: int, cents: int, *, final: bool) -> None:
        paper = self._paper(which)
        self.receipts += 1
        receipt = self.trade.collect(f"receipt {self.receipts}", paper.quota, cents, final=final)
        if self._send("bank-a", receipt) == 0:
            paper.collected += cents
            paper.final = paper.final or final

    # Loans.

    @rule(sender=bank, which=pick, part=eighths)
    def hold(self, sender: str, which: int, part: int) -> None:
        paper = self._paper(which)
        amount = self._room(paper, part)
        loan = loan_id(f"loan {len(self.loans)}")
        code = self._send(sender, self.trade.hold(sender, loan, {paper.quota: amount}))
        if code in {Rejection.HOLD_THIRD, Rejection.HOLDS_TOO_MANY}:
            return
        paper.held[loan] = amount
        expected = self._drawn(sender, paper, loan, paying=False)
        assert code == expected
        if expected:
            del paper.held[loan]
        else:
            self.loans[loan] = sender, paper
            if paper.trade is not None:
                paper.trade.changed(sender, paper)

    def _room(self, paper: Paper, part: int) -> int:
        return max(1, (paper.limit - paper.out() - sum(paper.held.values())) * part // 8)

    @rule(sender=bank, which=pick, part=eighths)
    def lend(self, sender: str, which: int, part: int) -> None:
        """Hold and pay out at once."""
        before = len(self.loans)
        self.hold(sender, which, part)
        if len(self.loans) > before:
            self.disburse(before, 4)

    @precondition(lambda self: self.loans)
    @rule(which=pick, quarters=st.integers(1, 4))
    def disburse(self, which: int, quarters: int) -> None:
        loan = list(self.loans)[which % len(self.loans)]
        sender, paper = self.loans[loan]
        amount = paper.held.get(loan, 0) * quarters // 4
        if not amount:
            return
        code = self._send(sender, self.trade.disburse(loan, amount))
        paper.held[loan] -= amount
        paper.used[loan] = paper.used.get(loan, 0) + amount
        rest = paper.held.pop(loan)
        expected = self._drawn(sender, paper, loan, paying=True)
        assert code == expected
        paper.held[loan] = rest
        if expected:
            paper.held[loan] += amount
            paper.used[loan] -= amount
        elif paper.trade is not None and len(paper.trade.papers) > 1:
            paper.trade.changed(sender, paper)

    @precondition(lambda self: self.loans)
    @rule(which=pick, quarters=st.integers(1, 4))
    def repay(self, which: int, quarters: int) -> None:
        loan = list(self.loans)[which % len(self.loans)]
        sender, paper = self.loans[loan]
        amount = paper.used.get(loan, 0) * quarters // 4
        if amount:
            assert self._send(sender, self.trade.repay(loan, amount)) == 0
            paper.used[loan] -= amount

    @precondition(lambda self: self.loans)
    @rule(which=pick, sender=bank, into=pick, part=eighths)
    def refinance(self, which: int, sender: str, into: int, part: int) -> None:
        """Pay a loan off by another on any document, in one step."""
        old = list(self.loans)[which % len(self.loans)]
        _, paper = self.loans[old]
        new, target = loan_id(f"loan {len(self.loans)}"), self._paper(into)
        if not paper.used.get(old):
            return
        amount = self._room(target, part)
        code = self._send(sender, self.trade.refinance(sender, new, old, {target.quota: amount}))
        used, held = paper.used.pop(old), paper.held.pop(old, 0)
        target.used[new] = amount
        expected = self._drawn(sender, target, new, paying=True)
        assert code == expected
        if expected:
            del target.used[new]
            paper.used[old], paper.held[old] = used, held
        else:
            self.loans[new] = sender, target
            if target.trade is not None:
                target.trade.changed(sender, target)

    @rule(sender=bank, which=pick)
    def review(self, sender: str, which: int) -> None:
        paper = self._paper(which)
        if paper.trade is not None:
            assert self._send(sender, self.trade.review(paper.quota)) == 0
            paper.trade.seen.add(sender)

    @rule(days=st.integers(1, 2))
    def wait(self, days: int) -> None:
        """Holds last three days."""
        self.trade.ledger.advance(days * DAY_MS)
        for loan, (_, paper) in self.loans.items():
            if self.trade.loan(loan).lapse_ms <= self.trade.now:
                paper.held.pop(loan, None)

    # What the model expects.

    def _drawn(self, sender: str, paper: Paper, loan: str, *, paying: bool) -> int:
        """What must be answered to a draw that the model has already put on the paper."""
        if paper.gone:
            return Rejection.QUOTA_WITHDRAWN
        if paper.out() + sum(paper.held.values()) > paper.limit:
            return Rejection.QUOTA_EXCEEDED
        if paper.trade is None or len(paper.trade.papers) == 1:
            return 0
        shipments = [one for one in _sides(paper) if one.kind != "order"]
        for papers in (_sides(paper), shipments if paper in shipments else []):
            total = sum(one.out() for one in papers) + sum(
                amount
                for one in papers
                for name, amount in one.held.items()
                if (not paying if name == loan else one.level >= paper.level)
            )
            if papers and total > _carries(papers, paper):
                return Rejection.CASE_EXCEEDED
        lent = [one for one in paper.trade.papers if one.out()]
        across = any(one.purpose != paper.purpose and not one.unsigned for one in lent)
        other_kind = paper in shipments and any(one in shipments and one.kind != paper.kind for one in lent)
        return Rejection.CASE_TO_REVIEW if (across or other_kind) and sender not in paper.trade.seen else 0

    def _in_order(self, names: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The order in which the ledger looks at numbers."""
        carried = [(one.kind, one.fingerprint) for one in self.trade.carried(names)]
        by_print = {(kind, self.trade.carried([(kind, name)])[0].fingerprint): (kind, name) for kind, name in names}
        return [by_print[one] for one in carried]

    def _bound(
        self, mine: Together, paper: Paper, others: list[Paper], signed: set[str], *, by_owners: bool = False
    ) -> int:
        """What must be answered when a paper that no authority vouches for is brought together with others."""
        together = list(mine.papers)
        for other in others:
            assert other.trade is not None
            if other in together:
                continue
            theirs = other.trade.papers
            both = any(one.level == 2 for one in together) and any(one.level == 2 for one in theirs)
            if both and not by_owners:
                return Rejection.JOIN_NEEDS_AUTHORITY
            for purpose in ("buyer", "seller"):
                sides = [[one for one in papers if one.purpose == purpose] for papers in (together, theirs)]
                if not all(sides):
                    continue
                for side in sides:
                    best = max(one.level for one in side)
                    if not any(one.level == best and one.quota in signed for one in side):
                        return Rejection.JOIN_UNSIGNED
            together += theirs
        if paper not in self.papers:
            paper.trade = None
        return 0

    def _bind(self, paper: Paper, others: list[Paper], signed: set[str]) -> None:
        if paper.trade is None:
            Together(paper)
        for other in others:
            assert paper.trade is not None
            assert other.trade is not None
            attested = [any(one.level == 2 for one in each.papers) for each in (paper.trade, other.trade)]
            if paper.trade is not other.trade and all(attested) and min(paper.level, other.level) < 2:
                paper.trade.seen, other.trade.seen = set(), set()
            else:
                self._merge(paper, other, signed)
        assert paper.trade is not None
        paper.trade.hear(signed)

    def _merge(self, one: Paper, other: Paper, signed: set[str]) -> None:
        assert one.trade is not None
        assert other.trade is not None
        if one.trade is not other.trade:
            one.trade.add(other.trade, signed)

    def _carry(self, paper: Paper, names: list[tuple[str, str]]) -> None:
        for name in names:
            there = self.numbers.get(name)
            if there is None or there.level < paper.level:
                self.numbers[name] = paper

    # What must hold.

    @invariant()
    def the_ledger_has_the_models_trades(self) -> None:
        for paper in self.papers:
            case = case_of(self.trade.ledger.reader, self.trade.quota(paper.quota))
            assert (case is None) == (paper.trade is None)
            assert ("unsigned" in self.trade.quota(paper.quota).facts) == paper.unsigned
            if case is not None and paper.trade is not None:
                assert case.documents == sorted(one.quota for one in paper.trade.papers)

    @invariant()
    def totals_are_what_loans_owe_and_hold(self) -> None:
        for paper in self.papers:
            quota = self.trade.quota(paper.quota)
            living = {hold.financing: hold.amount for hold in quota.holds if hold.lapse_ms > self.trade.now}
            assert quota.used == paper.out()
            assert living == {loan: amount for loan, amount in paper.held.items() if amount}
            assert quota.limit == paper.limit

    @invariant()
    def what_people_see_is_the_sum_over_the_loans(self) -> None:
        for paper in self.papers:
            if paper.trade is None:
                continue
            for side in self.trade.case_view(paper.quota).sides:
                own = [one for one in paper.trade.papers if one.purpose == side.side.purpose]
                assert side.used == sum(one.out() for one in own)
                assert side.held == sum(sum(one.held.values()) for one in own)

    @invariant()
    def no_history_is_forgotten(self) -> None:
        """Each loan that was put on a document of a trade is counted there for ever."""
        counts: dict[str, Any] = {}
        for paper in self.papers:
            case = case_of(self.trade.ledger.reader, self.trade.quota(paper.quota))
            if case is not None:
                counts[case.id] = case.allocations
        on_trades = sum(1 for _, paper in self.loans.values() if paper.trade is not None)
        assert sum(counts.values()) >= on_trades
        assert all(state_of(self.trade.loan(loan), self.trade.now) for loan in self.loans)


TestTrades = Trades.TestCase
TestTrades.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
