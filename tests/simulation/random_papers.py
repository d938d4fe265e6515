"""Random commands to cases: papers that share numbers, links with and without the owners' word, disputes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from tests.modules.ledger import seed_of

from kouan.kernel.encoding import MAX_INTEGER, to_text
from kouan.kernel.suites import digest, public_key, sign
from kouan.modules.cases.queries import next_paper_id
from kouan.modules.cases.rules import JOIN_TAG, STATEMENT_TAG, Carried, join_message, statement_message
from kouan.simulation.audit import weighing

if TYPE_CHECKING:
    from tests.simulation.random_commands import Caller

KINDS: Final = ("contract", "invoice", "order", "transport")
SOME: Final = to_text(digest("test/some"))
OTHER: Final = to_text(digest("test/other"))
SMALL_ORDER: Final = to_text(bytes([1] + [0] * 31))
EVALUATOR: Final = "window"
ATTESTER: Final = "carrier"
Plain = dict[str, Any]


class Papers:
    """Makes commands to cases, by a caller's chance and on its ledger."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.books = caller.books
        self.choose = caller.choose
        self.own: dict[str, Carried] = {}
        """The number of its own that each paper was made of."""

    def makers(self) -> list[Any]:
        often = [*[self.record] * 4, *[self.link] * 3, *[self.review] * 3]
        stops = self.choose([self.withdraw, self.dispute, self.amend, self.review])
        return [*often, self.join, self.join, self.confirm, self.confirm, self.amend, stops]

    # Choosing.

    def papers(self) -> list[str]:
        return [name for name, row in self.books.documents.items() if row.kind in KINDS]

    def paper(self) -> str:
        living = [name for name in self.papers() if self.books.documents[name].status == "active"]
        return self.caller.some(self.choose([living, living, self.papers()]), self.caller.quota())

    def taken_out(self) -> list[str]:
        return [name for name, row in self.books.documents.items() if "detached" in row.notes and row.case is None]

    def in_cases(self) -> list[str]:
        return [name for name in self.books.documents if self.books.case_of(name) is not None]

    def number(self, kind: str) -> Carried:
        """One of the few numbers of a kind that are in use by now."""
        number = self.caller.made // 50 + int(self.choose([0, 0, 1]))
        return Carried(to_text(digest("test/number", f"{kind} {number}".encode())), kind)  # type: ignore[arg-type]  # one of these

    def numbers(self, *own: Carried) -> list[Carried]:
        named = [self.number(self.choose(KINDS)) for _ in range(self.choose([0, 1, 1, 2] if own else [1, 1, 2, 3]))]
        named = [one for one in named if one.kind not in {mine.kind for mine in own}]
        in_order = sorted({*own, *named}, key=lambda one: (one.kind, one.fingerprint))
        return list(self.caller.rarely(in_order[::-1], in_order))

    def evaluation(self, bank: str, carried: Sequence[Carried], commitment: str) -> Plain:
        """What the evaluator says, or what somebody would have it say."""
        rarely = self.caller.rarely
        stated = rarely(OTHER, commitment)
        message = statement_message(self.caller.ledger.alliance, stated, list(carried), bank)
        return {
            "evaluator": rarely("commerce", EVALUATOR),
            "fingerprints": [{"fingerprint": one.fingerprint, "kind": one.kind} for one in carried],
            "key": rarely("other", "main"),
            "signature": to_text(sign(seed_of(rarely("commerce", EVALUATOR)), STATEMENT_TAG, message)),
        }

    def consents(self, quotas: Iterable[str], *more: str) -> list[Plain]:
        """The owners' signatures, one of them over something else now and then."""
        own = list(quotas)[:16]
        message = join_message(self.caller.ledger.alliance, [*own, *more, *self.caller.rarely([f"{SOME}.USD"], [])])
        seeds = [self.caller.draw_keys.get(quota, bytes(32)) for quota in own]
        signatures = [to_text(sign(seed, JOIN_TAG, message)) for seed in seeds]
        return [{"quota": quota, "signature": one} for quota, one in zip(own, signatures, strict=True)]

    def owners(self, quotas: Iterable[str]) -> list[str]:
        """Documents whose owners must sign, so that the cases of these come together: the best of each purpose."""
        found: list[str] = []
        for quota in quotas:
            case = self.books.case_of(quota)
            best: dict[str, str] = {}
            for one in sorted(self.books.cases[case].documents) if case else [quota]:
                row = self.books.documents[one]
                there = best.get(row.purpose)
                if there is None or self.books.documents[there].strength < row.strength:
                    best[row.purpose] = one
            found += best.values()
        return list(dict.fromkeys(found))

    def led_to(self, carried: Iterable[Carried]) -> list[str]:
        found = [self.books.fingerprints.get(one.fingerprint) for one in carried]
        return [document for _, document in filter(None, found)]

    def together(self) -> list[str]:
        """Documents in a case with others."""
        return [name for name in self.in_cases() if len(self.books.cases[self._case(name)].documents) > 1]

    def edge(self, quota: str) -> int:
        """An amount at the edge of what a document's trade still carries, or its own."""
        row = self.books.documents.get(quota)
        if row is None:
            return 5
        rooms = [self.books.room(quota, self.caller.ledger.time_ms)]
        if quota in self.together():
            side = [one for one in self.books.cases[self._case(quota)].documents if self._side(one) == row.side]
            shipments = weighing.shipments(self.books, side)
            weighed = (side, shipments) if quota in shipments else (side,)
            rooms += [weighing.cap(self.books, group, row.strength) - self._out(group) for group in weighed]
        return min(MAX_INTEGER, max(1, min(rooms) + int(self.choose([0, 0, 0, 1]))))

    # Commands.

    def record(self) -> tuple[str, Plain]:
        bank, kind = self.caller.bank_of_three(), self.choose(KINDS)
        purpose, unit = self.choose(["seller", "seller", "seller", "buyer"]), self.choose(["USD", "USD", "USD", "EUR"])
        own = self.number(kind)
        carried = self.numbers(own)
        name = next_paper_id(self.caller.ledger.reader, own.fingerprint, purpose, unit)
        seed = digest("test/draw", name.encode())
        self.caller.draw_keys.setdefault(name, seed)
        self.own[name] = own
        shown = self.choose([self.owners(self.led_to(carried))] * 3 + [self.led_to(carried), []])
        if self.caller.is_rare():
            shown = [*shown, self.caller.some(list(self.books.documents), f"{SOME}.USD")] * 2
        return bank, {
            "amount": self.choose([10_000_000, 12_000_001, 5_000_000, 99_999, 7_000_000]),
            "commitment": SOME,
            "consents": self.consents(shown, name),
            "custodial": False,
            "draw_key": self.caller.rarely(SMALL_ORDER, to_text(public_key(seed))),
            "evaluation": self.evaluation(bank, carried, SOME),
            "fingerprints": SOME,
            "kind": self.caller.rarely("order", kind),
            "purpose": purpose,
            "seal": SOME,
            "type": "cases.record/1",
            "unit": unit,
        }

    def link(self) -> tuple[str, Plain]:
        alone = [name for name, row in self.books.documents.items() if row.kind == "export" and row.case is None]
        bank = self.caller.bank_of_three()
        one, again = self.caller.some(alone, self.paper()), self.caller.some(self.taken_out(), self.paper())
        quota = self.choose([one, one, one, again, self.paper()])
        row = self.books.documents.get(quota)
        carried = self.numbers()
        shown = [] if row is None or row.kind == "export" else self.owners([quota, *self.led_to(carried)])
        return bank, {
            "consents": self.consents(self.choose([shown, shown, []])),
            "evaluation": self.evaluation(bank, carried, row.fingerprints if row else SOME),
            "quota": quota,
            "type": "cases.link/1",
        }

    def join(self) -> tuple[str, Plain]:
        chosen = [self.caller.some(list(self.books.documents), f"{SOME}.USD") for _ in range(self.choose([2, 2, 3]))]
        known = [quota for quota in chosen if quota in self.books.documents]
        unsigned = [name for name in self.in_cases() if self.books.documents[name].is_unsigned][-1:]
        shown = self.choose([chosen, self.owners(known), [*unsigned, *self.owners(unsigned)] or chosen])
        return self.caller.bank_of_three(), {"consents": self.consents(shown), "type": "cases.join/1"}

    def confirm(self) -> tuple[str, Plain]:
        quota = self.paper()
        row = self.books.documents.get(quota)
        commitment = self.caller.rarely(OTHER, row.commitment if row else SOME)
        fingerprints = self.caller.rarely(OTHER, row.fingerprints if row else SOME)
        sender = self.choose([self.caller.bank_of_three(), self.caller.bank_of_three(), ATTESTER])
        seen = {"commitment": commitment, "fingerprints": fingerprints}
        return sender, {**seen, "quota": quota, "type": "cases.confirm/1"}

    def _of_issuer(self, kind: str, **fields: Any) -> tuple[str, Plain]:
        quota = self.choose([self.paper(), self.paper(), self.caller.some(self.taken_out(), self.paper())])
        row = self.books.documents.get(quota)
        issuer = row.issuer if row and row.kind in KINDS else "bank-a"
        return self.caller.rarely("bank-c", issuer), {"quota": quota, "type": f"cases.{kind}/1", **fields}

    def amend(self) -> tuple[str, Plain]:
        reason = self.choose(["consolidated", "correction", "correction", "credit-note", "split"])
        member, plain = self._of_issuer("amend", reason=reason)
        row = self.books.documents.get(plain["quota"])
        amount = self.caller.near(row.attested, self.books.used(plain["quota"]), row.attested + 1) if row else 5
        own = row.fingerprints if row else SOME
        numbers = self.choose([own, SOME, OTHER])
        stated = {"commitment": self.choose([SOME, OTHER]), "fingerprints": numbers}
        if self.caller.rarely(numbers == own, numbers != own):
            mine = [self.own[plain["quota"]]] if plain["quota"] in self.own else []
            stated["evaluation"] = self.evaluation(member, self.numbers(*self.caller.rarely([], mine)), numbers)
        return member, {**plain, "amount": amount, **stated}

    def withdraw(self) -> tuple[str, Plain]:
        return self._of_issuer("withdraw", reason="cancelled")

    def review(self) -> tuple[str, Plain]:
        quota = self.caller.some(self.together(), self.caller.quota())
        known = quota in self.books.documents and self.books.case_of(quota)
        revision = self.books.cases[self._case(quota)].revision if known else 0
        reason = self.choose(["originals-seen", "pays-other-side-off"])
        fields = {"quota": quota, "reason": reason, "revision": self.caller.rarely(revision + 1, revision)}
        return self.caller.bank_of_three(), {**fields, "type": "cases.review/1"}

    def dispute(self) -> tuple[str, Plain]:
        quota = self.choose([self.caller.some(self.in_cases(), self.caller.quota()), self.caller.quota()])
        reason = self.choose(["forged", "not-same-trade"])
        return "overseer", {"quota": quota, "reason": reason, "type": "cases.dispute/1"}

    def _out(self, quotas: Iterable[str]) -> int:
        return sum(map(self.books.used, quotas))

    def _side(self, quota: str) -> tuple[str, str]:
        return self.books.documents[quota].side

    def _case(self, quota: str) -> str:
        case = self.books.case_of(quota)
        assert case is not None
        return case
