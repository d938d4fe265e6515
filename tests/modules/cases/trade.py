"""A ledger with declarations, papers and loans on it, and commands as banks, evaluator and overseer would send them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.modules.financing.book import DAY_MS, Book, Wire, draw_seed, loan_id
from tests.modules.ledger import MEMBERS, Ledger, seed_of

from kouan.kernel.encoding import to_text
from kouan.kernel.quota import key_of
from kouan.kernel.suites import digest, public_key, sign
from kouan.modules.cases import admission
from kouan.modules.cases import rules as cases_rules
from kouan.modules.cases.commands import COMMANDS
from kouan.modules.cases.joining import case_of
from kouan.modules.cases.queries import CaseView, case_view, next_paper_id
from kouan.modules.cases.records import Case
from kouan.modules.cases.rules import JOIN_TAG, STATEMENT_TAG, Carried, join_message, statement_message
from kouan.modules.customs import commands as customs
from kouan.modules.customs import rules as customs_rules
from kouan.modules.financing import rules as financing_rules
from kouan.modules.financing.commands import commands_for
from kouan.modules.financing.rules import DRAW_TAG, draw_message

__all__ = ["DAY_MS", "EMPTY", "Named", "Trade", "Wire", "draw_key", "fingerprint", "loan_id", "some32"]

Named = tuple[str, str]
"""A number: of which kind of paper, and what it is."""
EVALUATOR: Final = "window"
EMPTY: Final = to_text(bytes(32))


def some32(name: str) -> str:
    return to_text(digest("test/cases", name.encode()))


def fingerprint(kind: str, name: str) -> str:
    """What the evaluator computes from a number."""
    return some32(f"{kind}/{name}")


def draw_key(quota: str) -> str:
    return to_text(public_key(draw_seed(quota)))


class Trade(Book):
    """The ledger of a port, with shorthand."""

    def __init__(self, **charter: int) -> None:
        self.ledger = Ledger(
            (*customs.COMMANDS, *commands_for(admission), *COMMANDS),
            (*customs_rules.PARAMETERS, *financing_rules.PARAMETERS, *cases_rules.PARAMETERS),
            charter=charter,
            members={**MEMBERS, EVALUATOR: ["evaluator"], "carrier": ["attester"]},
        )

    def carried(self, names: Iterable[Named]) -> list[Carried]:
        found = [Carried(fingerprint(kind, name), kind) for kind, name in names]  # type: ignore[arg-type]  # kinds
        return sorted(found, key=lambda one: (one.kind, one.fingerprint))

    def evaluation(self, bank: str, names: Iterable[Named], commitment: str = EMPTY, signer: str = EVALUATOR) -> Wire:
        carried = self.carried(names)
        message = statement_message(self.ledger.alliance, commitment, carried, bank)
        return {
            "evaluator": EVALUATOR,
            "fingerprints": [{"fingerprint": one.fingerprint, "kind": one.kind} for one in carried],
            "key": "main",
            "signature": to_text(sign(seed_of(signer), STATEMENT_TAG, message)),
        }

    def consents(self, quotas: Iterable[str], *more: str) -> list[Wire]:
        """The owners' signatures on these documents, and ``more``, belonging together."""
        own = list(quotas)
        message = join_message(self.ledger.alliance, [*own, *more])
        return [{"quota": one, "signature": to_text(sign(draw_seed(one), JOIN_TAG, message))} for one in own]

    def paper(self, kind: str, name: str, purpose: str = "seller", unit: str = "USD") -> str:
        """The quota id that a paper has, or would have."""
        return next_paper_id(self.ledger.reader, fingerprint(kind, name), purpose, unit)

    def record(
        self,
        bank: str,
        kind: str,
        name: str,
        amount: int,
        *,
        names: Iterable[Named] = (),
        signed: Iterable[str] = (),
        purpose: str = "seller",
        unit: str = "USD",
        **fields: Any,
    ) -> Wire:
        """A paper, what other numbers it names, and the documents whose owners signed for it."""
        own = self.paper(kind, name, purpose, unit)
        return {
            "type": "cases.record/1",
            "amount": amount,
            "commitment": EMPTY,
            "consents": self.consents(signed, own),
            "custodial": False,
            "draw_key": draw_key(own),
            "evaluation": self.evaluation(bank, [(kind, name), *names]),
            "fingerprints": EMPTY,
            "kind": kind,
            "purpose": purpose,
            "seal": EMPTY,
            "unit": unit,
        } | fields

    def recorded(self, bank: str, kind: str, name: str, amount: int, **how: Any) -> str:
        """Record a paper, which must be accepted, and return its quota id."""
        own = self.paper(kind, name, how.get("purpose", "seller"), how.get("unit", "USD"))
        self.accept(bank, self.record(bank, kind, name, amount, **how))
        return own

    def link(self, bank: str, quota: str, *names: Named, signed: Iterable[str] = ()) -> Wire:
        return {
            "type": "cases.link/1",
            "consents": self.consents(signed),
            "evaluation": self.evaluation(bank, names, self.quota(quota).fingerprints),
            "quota": quota,
        }

    def linked(self, name: str, attested: int, *names: Named, **how: Any) -> str:
        """A declaration that is on the ledger and shown by bank-a to name these numbers."""
        own = self.declare(name, attested, **how)
        self.accept("bank-a", self.link("bank-a", own, *names))
        return own

    def join(self, *quotas: str) -> Wire:
        return {"type": "cases.join/1", "consents": self.consents(quotas)}

    def confirm(self, quota: str, commitment: str = EMPTY) -> Wire:
        return {"type": "cases.confirm/1", "commitment": commitment, "fingerprints": EMPTY, "quota": quota}

    def amend_paper(self, quota: str, amount: int, reason: str, **fields: Any) -> Wire:
        command = {"type": "cases.amend/1", "amount": amount, "quota": quota, "reason": reason}
        return command | {"commitment": EMPTY, "fingerprints": EMPTY} | fields

    def renumber(self, quota: str, *names: Named, to: str = "other numbers") -> Wire:
        """An amendment that changes what a paper names, as its bank and the evaluator see it: these numbers now."""
        paper = self.quota(quota)
        evaluation = self.evaluation(paper.issuer, names, some32(to))
        return self.amend_paper(quota, paper.attested, "correction", evaluation=evaluation, fingerprints=some32(to))

    def review(self, quota: str, reason: str = "originals-seen") -> Wire:
        case = self.case(quota)
        return {"type": "cases.review/1", "quota": quota, "reason": reason, "revision": case.revision}

    def dispute(self, quota: str, reason: str = "not-same-trade") -> Wire:
        return {"type": "cases.dispute/1", "quota": quota, "reason": reason}

    def case(self, quota: str) -> Case:
        """The case of a document, which must have one."""
        case = case_of(self.ledger.reader, self.quota(quota))
        assert case is not None
        return case

    def case_view(self, quota: str) -> CaseView:
        view = case_view(self.ledger.reader, quota, self.now)
        assert view is not None
        return view

    def lend(self, bank: str, name: str, parts: Mapping[str, int]) -> str:
        """Hold and pay out a loan, which must be accepted."""
        self.accept(bank, self.hold(bank, loan_id(name), parts))
        self.accept(bank, self.disburse(loan_id(name), *parts.values()))
        return loan_id(name)

    def try_hold(self, bank: str, name: str, parts: Mapping[str, int]) -> tuple[int, str]:
        return self.refused(bank, self.hold(bank, loan_id(name), parts))

    def _purpose(self, quota: str) -> Any:
        return (
            self.quota(quota).facts.get("purpose", "seller") if key_of(quota) in self.ledger.state.values else "seller"
        )

    def terms(self, bank: str, loan: str, parts: Mapping[str, int]) -> Wire:
        return super().terms(bank, loan, parts) | {"purpose": self._purpose(next(iter(parts)))}

    def signed(self, bank: str, loan: str, draw: Wire, amount: int) -> Wire:
        own = draw["quota"]
        message = draw_message(self.ledger.alliance, bank, loan, own, amount, draw["expires_ms"], self._purpose(own))
        return {**draw, "signature": to_text(sign(draw_seed(own), DRAW_TAG, message))}
