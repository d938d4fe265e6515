"""Random commands to customs, financing and cases, likely and unlikely ones, for a ledger that the auditor watches.

``choose`` is the one source of chance: hypothesis' draw, or a seeded random's choice. The auditor's books are looked
into only to choose amounts and ids that are on the edge of what is possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from tests.modules.ledger import Ledger, seed_of
from tests.simulation.random_papers import ATTESTER, EVALUATOR, OTHER, SMALL_ORDER, SOME, Papers

from kouan.kernel.encoding import MAX_INTEGER, encode, to_text
from kouan.kernel.records import Charter, Member
from kouan.kernel.suites import digest, public_key, sign
from kouan.modules.cases import admission
from kouan.modules.cases import commands as cases
from kouan.modules.cases import rules as cases_rules
from kouan.modules.customs import commands as customs
from kouan.modules.customs import rules as customs_rules
from kouan.modules.financing import commands as financing
from kouan.modules.financing import rules as financing_rules
from kouan.modules.financing.records import Purpose
from kouan.modules.financing.rules import PayOffConsent, draw_message
from kouan.simulation.audit.rows import Loan
from kouan.simulation.audit.signatures import canonical
from kouan.simulation.auditor import Auditor, Difference

DAY_MS: Final = 24 * 3_600_000
BANKS: Final = ("bank-a", "bank-b", "bank-c")
SEEN: Final = ("case", "collection", "financing", "fingerprint", "quota")
Choose = Callable[[Sequence[Any]], Any]


def owing(row: Loan) -> bool:
    """Whether principal is outstanding."""
    return any(row.owed_in_order())


class Watched(Ledger):
    """A ledger each block of which the auditor sees."""

    def __init__(self, **charter: int) -> None:
        commands = (*cases.COMMANDS, *customs.COMMANDS, *financing.commands_for(admission))
        parameters = (*cases_rules.PARAMETERS, *customs_rules.PARAMETERS, *financing_rules.PARAMETERS)
        members = {**{bank: ["bank"] for bank in BANKS}, "commerce": ["convener", "operator"]}
        members |= {"customs": ["customs"], "customs-b": ["customs"], "overseer": ["overseer"]}
        members |= {ATTESTER: ["attester"], EVALUATOR: ["evaluator"]}
        charter = {"customs.opening_sealed_ms": 10 * DAY_MS, **charter}
        super().__init__(commands, parameters, charter=charter, members=members)  # type: ignore[arg-type]  # plain strings
        self.auditor = Auditor(self.founding, self.alliance)
        self.differences: list[Difference] = []
        self.accepted: list[str] = []
        """The types of what the last block accepted."""
        self.kinds = {command.type for command in commands}
        self.unforeseen: set[str] = set()
        """What the last block wrote though the auditor had expected nothing of it."""

    def block(self, *envelopes: bytes) -> list[dict[str, Any]]:
        before = dict(self.state.values)
        receipts = super().block(*envelopes)
        raw = [canonical(receipt) for receipt in receipts]
        self.differences = self.auditor.watch(self.height, self.time_ms, envelopes, raw, self.state.get)
        written = {key for key, value in self.state.values.items() if before.get(key) != value}
        self.unforeseen = {key for key in written if key.partition("/")[0] in SEEN} - self.auditor.books.touched
        self.accepted = [
            kind
            for envelope, receipt in zip(envelopes, receipts, strict=True)
            for kind, result in zip(_kinds(envelope), receipt["results"], strict=False)
            if not result["code"]
        ]
        return receipts

    def set_parameter(self, name: str, value: int) -> None:
        """Change the charter as a vote would, before the next block."""
        charter = self.must(Charter, "charter")
        self.state.values["charter"] = encode(replace(charter, parameters={**charter.parameters, name: value}))
        self.auditor.books.charter[name] = value

    def toggle(self, member: str) -> None:
        """Suspend a member as a vote would, or end that."""
        party = self.auditor.parties[member]
        party.suspended = not party.suspended
        row = replace(self.must(Member, f"member/{member}"), suspended=party.suspended)
        self.state.values[f"member/{member}"] = encode(row)


def _kinds(envelope: bytes) -> list[Any]:
    try:
        return [command.get("type") for command in msgspec.json.decode(envelope)["body"]["commands"]]
    except (msgspec.DecodeError, LookupError, TypeError):
        return []


class Caller:
    """Makes commands."""

    def __init__(self, ledger: Watched, choose: Choose) -> None:
        self.ledger = ledger
        self.choose = choose
        self.books = ledger.auditor.books
        self.draw_keys: dict[str, bytes] = {}
        self.count = 0
        self.made = 0
        self.papers = Papers(self)
        self.small = False
        """For a while amounts are small, so that many loans find room on one declaration."""

    def command(self) -> tuple[str, dict[str, Any]]:
        """Return who sends what."""
        if self.made % 80 == 0:
            self.small = bool(self.choose([0, 0, 1]))
        self.made += 1
        if len(self.good()) < 5 and self.choose([True, True, False]):
            return self.attest()
        if any(row.offer for row in self.books.loans.values()) and self.choose([True, False, False, False]):
            answer: Callable[[], tuple[str, dict[str, Any]]] = self.choose([*[self.accept] * 4, self.cancel_offer])
            return answer()
        maker: Callable[[], tuple[str, dict[str, Any]]] = self.choose(self._makers())
        return maker()

    def _makers(self) -> list[Callable[[], tuple[str, dict[str, Any]]]]:
        often = [*[self.hold] * 12, *[self.disburse] * 8, self.repay, self.collect, self.collect]
        customs = [
            self.attest,
            self.stage,
            self.amend,
            self.amend,
            self.withdraw,
            self.suspend,
            self.resume,
            self.rekey,
        ]
        rest = [self.extend, self.release, self.prolong, self.write_off, self.review, self.reverse, self.reverse]
        trade = [self.refinance, self.refinance, self.substitute, self.substitute, self.offer, self.accept]
        stops = [self.choose([self.withdraw, self.suspend, self.resume, self.resume, self.stage])]
        return [
            *often,
            *self.papers.makers(),
            *stops,
            *customs,
            *rest,
            *trade,
            self.cancel_offer,
            self.reverse_collection,
            self.bring_in,
            self.opening,
            self.broken,
        ]

    # Choosing.

    def fresh(self) -> str:
        self.count += 1
        return to_text(digest("test/id", str(self.count).encode())[:16])

    def rarely(self, rare: Any, usual: Any) -> Any:
        return self.choose([usual] * 24 + [rare])

    def is_rare(self) -> bool:
        return bool(self.rarely(1, 0))

    def some(self, names: Sequence[str], otherwise: str) -> str:
        return str(self.choose([*names[-3:], *names[-3:], *names[-3:], *names[-6:], otherwise])) if names else otherwise

    def quota(self) -> str:
        good = self.good()
        return self.some(self.choose([good, good, good, list(self.books.documents)]), f"{SOME}.USD")

    def good(self) -> list[str]:
        """Return the documents that can still be drawn on."""
        rows = self.books.documents.items()
        return [name for name, row in rows if row.status == "active" and self.books.limit(name) > 10]

    def loan(self) -> str:
        return self.some(list(self.books.loans), to_text(bytes(16)))

    def bank(self, loan: str) -> str:
        return str(self.rarely("bank-b", self.books.loans[loan].bank)) if loan in self.books.loans else "bank-a"

    def bank_of_three(self) -> str:
        return str(self.choose(BANKS))

    def purpose(self, quota: str) -> Purpose:
        row = self.books.documents.get(quota)
        return "buyer" if row and row.purpose == "buyer" else "seller"

    def later(self, *days: int) -> int:
        return max(1, self.ledger.time_ms + int(self.choose(days)) * DAY_MS)

    def near(self, *figures: int) -> int:
        if self.small:
            return min(MAX_INTEGER, int(self.choose(range(1, 6))) + int(self.rarely(figures[0], 0)))
        edges = [
            edge for figure in figures for edge in (figure, figure, figure // 2, figure // 5, figure // 5, figure // 3)
        ]
        return min(MAX_INTEGER, max(0, int(self.choose([*edges, figures[0] + 1]))))

    def some_large(self) -> int:
        return int(self.choose([MAX_INTEGER, 50_000_000, 50_000_000]))

    # Customs.

    def attest(self) -> tuple[str, dict[str, Any]]:
        self.count += 1
        handle = to_text(digest("test/handle", str(self.rarely(1, self.count)).encode()))
        unit = str(self.choose(["USD", "USD", "USD", "EUR", "JPY"]))
        seed = digest("test/draw", f"{handle}.{unit}".encode())
        self.draw_keys.setdefault(f"{handle}.{unit}", seed)
        fields = {
            "attested": self.choose([10_000_000, 10_000_001, 10_000_000, 9_999_999, 100_000, 77, self.some_large()]),
            "commitment": SOME,
            "custodial": False,
            "draw_key": self.rarely(SMALL_ORDER, to_text(public_key(seed))),
            "fingerprints": self.choose([SOME, OTHER]),
            "handle": handle,
            "kind": self.rarely("import", "export"),
            "mode": self.choose(["0110", "0110", "0110", "0110", "2600", "9999"]),
            "provisional": self.is_rare(),
            "seal": SOME,
            "stage": self.choose(["closed", "closed", "closed", "closed", "filed", "released"]),
            "type": "customs.attest/1",
            "unit": unit,
        }
        return self.rarely("customs-b", "customs"), fields

    def _of_customs(self, kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
        declarations = [name for name, row in self.books.documents.items() if row.stage]
        quota = self.some(declarations, self.quota())
        issuer = self.books.documents[quota].issuer if quota in declarations else "customs"
        return self.rarely("customs-b", issuer), {"quota": quota, "type": f"customs.{kind}/1", **fields}

    def stage(self) -> tuple[str, dict[str, Any]]:
        return self._of_customs("stage", stage=self.choose(["closed", "closed", "released", "filed"]))

    def amend(self) -> tuple[str, dict[str, Any]]:
        member, plain = self._of_customs("amend", commitment=SOME, fingerprints=self.choose([SOME, OTHER]))
        quota = plain["quota"]
        row = self.books.documents.get(quota)
        attested = self.near(row.attested, self.books.used(quota)) if row else 5
        stated = self.choose([{}, {}, {}, {"provisional": True}, {"provisional": False}, {"provisional": None}])
        reason = self.choose(["correction", "correction", "goods-returned", "short-shipment", "price-settled"])
        return member, {**plain, "attested": attested, "reason": reason, **stated}

    def withdraw(self) -> tuple[str, dict[str, Any]]:
        return self._of_customs("withdraw", reason="not-shipped")

    def suspend(self) -> tuple[str, dict[str, Any]]:
        return self._of_customs("suspend", reason="inspection")

    def resume(self) -> tuple[str, dict[str, Any]]:
        return self._of_customs("resume", reason="cleared")

    def rekey(self) -> tuple[str, dict[str, Any]]:
        member, plain = self._of_customs("rekey", custodial=True)
        quota = plain["quota"]
        seed = digest("test/draw-again", f"{quota}{self.count}".encode())
        key = self.rarely(SMALL_ORDER, to_text(public_key(seed)))
        if key != SMALL_ORDER and member.startswith("customs"):
            self.draw_keys[quota] = self.choose([seed, self.draw_keys.get(quota, seed)])
            key = to_text(public_key(self.draw_keys[quota]))
        return member, {**plain, "draw_key": key}

    def opening(self) -> tuple[str, dict[str, Any]]:
        request = self.some(list(self.books.openings), self.fresh())
        salt, quota = to_text(bytes(32)), f"{SOME}.USD"
        hidden = to_text(digest("kouan/commitment/opening/1", bytes(32), quota.encode()))
        return self.choose(  # type: ignore[no-any-return]  # one of these
            [
                ("overseer", {"commitment": hidden, "request": self.fresh(), "type": "customs.request-opening/1"}),
                ("overseer", {"commitment": SOME, "request": request, "type": "customs.request-opening/1"}),
                ("commerce", {"request": request, "type": "customs.answer-opening/1"}),
                (
                    "overseer",
                    {"quota": quota, "request": request, "salt": salt, "type": "customs.disclose-opening/1"},
                ),
            ]
        )

    # Loans.

    def draws(
        self, bank: str, loan: str, already: dict[str, int], quotas: Sequence[str] = (), purpose: Purpose | None = None
    ) -> list[dict[str, Any]]:
        chosen = list(quotas) or [self.quota() for _ in range(self.choose([1, 1, 2, 3]))]
        purpose = purpose or self.purpose(chosen[0])
        if not self.is_rare():
            chosen = [quota for quota in chosen if self.purpose(quota) == purpose] or chosen[:1]
        parts = []
        for quota in chosen if self.is_rare() else dict.fromkeys(chosen):
            known = quota in self.books.documents
            room = max(1, self.books.room(quota, self.ledger.time_ms)) if known else 5
            at_edge = not self.small and self.choose([True, False])
            amount = max(1, self.papers.edge(quota) if at_edge else self.near(room, room, room // 3))
            expires_ms = self.rarely(self.ledger.time_ms, self.later(1))
            in_all = min(MAX_INTEGER, already.get(quota, 0) + amount)
            message = draw_message(self.ledger.alliance, bank, loan, quota, self.rarely(7, in_all), expires_ms, purpose)
            seed = self.draw_keys.get(quota, bytes(32))
            signature = to_text(sign(seed, "kouan/draw/1", message))
            parts.append({"amount": amount, "expires_ms": expires_ms, "quota": quota, "signature": signature})
        return parts

    def terms(self, bank: str, loan: str, quotas: Sequence[str] = ()) -> dict[str, Any]:
        parts = self.draws(bank, loan, {}, quotas)
        currency = str(self.rarely("CNY", parts[0]["quota"].rpartition(".")[2]))
        rate = self.choose([10**8, 12_345_678, 3 * 10**8])
        units = {part["quota"].rpartition(".")[2] for part in parts} - {currency}
        rates = dict.fromkeys(sorted(units), rate)
        worth = sum(part["amount"] * rates.get(part["quota"].rpartition(".")[2], 10**8) // 10**8 for part in parts)
        return {
            "allocations": parts,
            "amount": min(MAX_INTEGER, max(1, worth + self.rarely(1, 0))),
            "currency": currency,
            "financing": loan,
            "maturity_ms": self.rarely(self.ledger.time_ms, self.later(2, 90)),
            "product": self.choose(["export-bill", "factoring"]),
            "purpose": self.purpose(parts[0]["quota"]),
            "rates": self.rarely({"XAU": 1}, rates),
        }

    def hold(self) -> tuple[str, dict[str, Any]]:
        bank = self.choose(BANKS)
        loan = self.rarely(self.loan(), self.fresh())
        lapse_ms = self.later(1, 3, 3, 3, 14, 14) + self.rarely(DAY_MS, 0)
        return bank, {**self.terms(bank, loan), "lapse_ms": lapse_ms, "type": "financing.hold/1"}

    def bring_in(self) -> tuple[str, dict[str, Any]]:
        bank = self.choose(BANKS)
        terms = self.terms(bank, self.rarely(self.loan(), self.fresh()))
        parts = [{"amount": part["amount"], "quota": part["quota"]} for part in terms["allocations"]]
        opened_ms = self.ledger.time_ms + int(self.choose([-DAY_MS, -DAY_MS, -1, -1, 0, 0, 1]))
        return bank, {**terms, "allocations": parts, "opened_ms": opened_ms, "type": "financing.bring-in/1"}

    def refinance(self) -> tuple[str, dict[str, Any]]:
        old = self.fitting(owing)
        row = self.books.loans.get(old)
        bank, loan = self.choose(BANKS), self.fresh()
        owed = row.owed_in_order() if row else [1]
        payoff = self.rarely([*owed[:-1], owed[-1] + 1], owed)
        interest, expires_ms = self.choose([0, 12]), self.later(1, 1, 1, 0)
        consent = PayOffConsent(self.ledger.alliance, payoff, bank, expires_ms, old, interest, loan)
        signature = to_text(sign(seed_of(row.bank if row else "bank-a"), "kouan/consent/1", encode(consent)))
        agreed = {"expires_ms": expires_ms, "key": self.choose(["main", "main", "main", "second", "other"])}
        return bank, {
            **self.terms(bank, loan, row.quotas if row and self.choose([True, False]) else ()),
            "consent": self.rarely(None, {**agreed, "signature": signature}),
            "interest": interest,
            "payoff": payoff,
            "predecessor": old,
            "registration": self.rarely(None, SOME),
            "type": "financing.refinance/1",
        }

    def substitute(self) -> tuple[str, dict[str, Any]]:
        loan = self.fitting(owing)
        row, bank = self.books.loans.get(loan), self.bank(loan)
        quotas = row.quotas if row else ()
        from_one = self.some(list(quotas), self.quota())
        already = {quota: row.may_draw(quota) for quota in quotas} if row else {}
        if row and from_one in already and self.choose([True, False]):
            already[from_one] -= 1
        purpose: Purpose = "buyer" if row and row.purpose == "buyer" else "seller"
        parts = self.draws(bank, loan, already, purpose=purpose)
        amount = self.choose([sum(part["amount"] for part in parts), row.owed(from_one) if row else 1])
        if row and self.choose([True, True, False]):  # equal amounts, signed anew
            moved = max(1, min(parts[0]["amount"], row.owed(from_one)))
            part = parts[0]
            in_all = already.get(part["quota"], 0) + moved
            message = draw_message(self.ledger.alliance, bank, loan, part["quota"], in_all, part["expires_ms"], purpose)
            seed = self.draw_keys.get(part["quota"], bytes(32))
            parts, amount = (
                [{**part, "amount": moved, "signature": to_text(sign(seed, "kouan/draw/1", message))}],
                moved,
            )
        replaced = [{"amount": min(MAX_INTEGER, max(1, amount)), "quota": from_one}]
        return bank, {
            "allocations": parts,
            "financing": loan,
            "replaced": replaced,
            "type": "financing.substitute/1",
        }

    def fitting(self, fits: Callable[[Loan], object]) -> str:
        """Return a loan that the command fits, mostly."""
        names = [name for name, row in self.books.loans.items() if fits(row)]
        return self.some(self.choose([names, names, names, list(self.books.loans)]), self.loan())

    def held(self, row: Loan) -> bool:
        return row.is_held(self.ledger.time_ms)

    def _on_loan(self, kind: str, fits: Callable[[Loan], object], **fields: Any) -> tuple[str, dict[str, Any]]:
        loan = self.fitting(fits)
        return self.bank(loan), {"financing": loan, "type": f"financing.{kind}/1", **fields}

    def extend(self) -> tuple[str, dict[str, Any]]:
        bank, plain = self._on_loan("extend", self.held)
        row = self.books.loans.get(plain["financing"])
        lapse_ms = row.lapse_ms if row else self.ledger.time_ms
        return bank, {**plain, "lapse_ms": max(1, lapse_ms + self.choose([0, 1, 2, 3, 14, 15]) * DAY_MS)}

    def disburse(self) -> tuple[str, dict[str, Any]]:
        bank, plain = self._on_loan("disburse", self.held, registration=self.rarely(None, SOME))
        row = self.books.loans.get(plain["financing"])
        aside = row.set_aside() if row else {}
        amounts = [
            self.near(aside[quota].amount) if quota in aside else self.rarely(1, 0)
            for quota in (row.quotas if row else "x")
        ]
        return bank, {**plain, "amounts": self.rarely([*amounts, 0], amounts)[:64]}

    def release(self) -> tuple[str, dict[str, Any]]:
        return self._on_loan("release", self.held, reason="withdrawn")

    def repay(self) -> tuple[str, dict[str, Any]]:
        payer = self.choose(["buyer", "buyer", "seller", "bank"])
        bank, plain = self._on_loan("repay", owing, interest=self.choose([0, 3, MAX_INTEGER]), payer=payer)
        row = self.books.loans.get(plain["financing"])
        amounts = [self.near(row.owed(quota)) for quota in row.quotas] if row else [1]
        return bank, {**plain, "amounts": self.rarely([*amounts, 0], amounts)[:64]}

    def prolong(self) -> tuple[str, dict[str, Any]]:
        return self._on_loan("prolong", owing, maturity_ms=self.later(0, 1, 120, 200))

    def write_off(self) -> tuple[str, dict[str, Any]]:
        return self._on_loan("write-off", owing, reason="uncollectible")

    def review(self) -> tuple[str, dict[str, Any]]:
        bank, plain = self._on_loan("review", owing, answer="no-action")
        row = self.books.loans.get(plain["financing"])
        quota = self.some(list(row.quotas) if row else [], self.quota())
        revision = self.books.documents[quota].revision if quota in self.books.documents else 0
        return bank, {**plain, "quota": quota, "revision": self.rarely(revision + 1, revision)}

    def reverse(self) -> tuple[str, dict[str, Any]]:
        bank, plain = self._on_loan("reverse", lambda row: row.entries)
        row = self.books.loans.get(plain["financing"])
        return bank, {**plain, "entry": self.choose(range(1, (len(row.entries) if row else 0) + 2))}

    def collect(self) -> tuple[str, dict[str, Any]]:
        items = []
        for _ in range(self.choose([1, 1, 2])):
            ended = [name for name in self.books.documents if self.books.is_settled(name)]
            quota = self.choose([self.quota(), self.some(self.choose([self.papers.together(), ended]), self.quota())])
            row = self.books.documents.get(quota)
            left = max(0, row.attested - self.books.collected(quota)) if row else 5
            amount = self.near(left, row.attested // 10 if row else 0, left // 3, 0)
            items.append({"amount": amount, "final": self.choose([True] + [False] * 4), "quota": quota})
        collection = self.rarely(self.some(list(self.books.moneys), self.fresh()), self.fresh())
        fields = {"collection": collection, "items": items, "type": "financing.collect/1"}
        lending = [name for name, row in self.books.loans_on(items[0]["quota"]) if owing(row) or self.held(row)]
        if lending and self.choose([True, False]):
            loan = self.some(lending, self.loan())
            return self.bank(loan), {**fields, "financing": loan}
        return self.bank_of_three(), {**fields, "financing": self.choose([None, self.loan()])}

    def reverse_collection(self) -> tuple[str, dict[str, Any]]:
        collection = self.some(list(self.books.moneys), self.fresh())
        money = self.books.moneys.get(collection)
        bank = self.rarely("bank-c", money.by.partition("/")[0] if money else "bank-a")
        return bank, {"collection": collection, "type": "financing.reverse-collection/1"}

    def offer(self) -> tuple[str, dict[str, Any]]:
        to = self.choose([*BANKS, *BANKS, "customs", "nobody"])
        fits = self.choose([owing, lambda row: owing(row) and self.held(row)])
        return self._on_loan("offer", fits, lapse_ms=self.later(2, 2, 0), to=to)

    def cancel_offer(self) -> tuple[str, dict[str, Any]]:
        return self._on_loan("cancel-offer", lambda row: row.offer)

    def accept(self) -> tuple[str, dict[str, Any]]:
        offered = {name: row.offer[0] for name, row in self.books.loans.items() if row.offer is not None}
        loan = self.some(list(offered), self.loan())
        bank = self.rarely("bank-a", offered.get(loan, "bank-b"))
        fields = {"financing": loan, "type": "financing.accept/1"}
        return bank if bank in BANKS else "bank-c", fields

    def broken(self) -> tuple[str, dict[str, Any]]:
        """A command that is none, or comes from one who may not send it."""
        member, plain = self.choose([self.attest, self.hold, self.collect])()
        name = self.choose([field for field in plain if field != "type"])
        return self.choose(  # type: ignore[no-any-return]  # one of these
            [
                (member, {**plain, name: None}),
                (member, {**plain, "more": 1}),
                (member, {**plain, "type": "financing.lend/1"}),
                (member, {**plain, "type": 7}),
                ("overseer", plain),
            ]
        )
