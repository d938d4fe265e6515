"""The auditor: predicts every receipt of a block and every figure after it, from rules of its own.

It shares nothing that computes with the kernel or the modules: records' types and the table of rejections are all it
takes from them. It watches the alliance as it was founded: its own commands (votes, new members) are not its affair.
Another module joins by a table of rules beside those of `audit.drawing`, and by what it adds to `audit.books.Books`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.founding import AnyFounding
from kouan.simulation.audit import bringing_in, cases, customs, drawing, figures, servicing
from kouan.simulation.audit.books import Books, RefusedError
from kouan.simulation.audit.conservation import Read, broken
from kouan.simulation.audit.envelopes import Letter, Numbers, read
from kouan.simulation.audit.rules import Party, Rule, Said
from kouan.simulation.audit.trades import Trades

RULES: Final[Mapping[str, Rule]] = {
    **bringing_in.RULES,
    **cases.RULES,
    **customs.RULES,
    **drawing.RULES,
    **servicing.RULES,
}
_DRAWS: Final = frozenset(drawing.RULES) - {"financing.extend/1"}
_CORRECTIONS: Final = frozenset({"financing.bring-in/1", "financing.reverse/1"})
"""What may put more on a trade than it carries, because it records a fact."""


class Result(NamedTuple):
    """What is answered to one command: 0 or a rejection, and what that is about."""

    code: int
    at: str = ""


class Receipt(NamedTuple):
    """What is answered to an envelope."""

    code: int
    results: list[Result]


class Difference(NamedTuple):
    """Something on the ledger that the auditor did not expect."""

    height: int
    about: str
    """A receipt, a record's field, or what is not conserved."""
    expected: Any
    found: Any


class Auditor:
    """Watches one ledger from its founding on, block by block."""

    def __init__(self, founding: AnyFounding, alliance: str, rules: Mapping[str, Rule] = RULES) -> None:
        self.alliance = alliance
        self.books = Books(founding.charter)
        self.parties = {
            member.id: Party(
                {name: key.public for name, key in member.keys.items()},
                frozenset(member.roles) | ({"second-holder"} if member.id == founding.second_holder else set()),
                keyed_ms=founding.founded_ms,
            )
            for member in founding.members
        }
        self.predicted = 0
        """Results predicted so far."""
        self._rules = rules
        self._accepted: set[str] = set()
        """The kinds of command that the block accepted, or rolled back after."""
        self._numbers = Numbers()
        self._trades = Trades()

    def predict(self, time_ms: int, envelopes: Sequence[bytes]) -> list[Receipt]:
        """Return what a block's receipts must say, and put down what it does."""
        self.books.begin()
        self._accepted.clear()
        sent: dict[str, int] = {}
        return [self._predict(raw, time_ms, sent) for raw in envelopes]

    def watch(
        self, height: int, time_ms: int, envelopes: Sequence[bytes], receipts: Sequence[bytes], read: Read
    ) -> list[Difference]:
        """Compare a block with what was to be expected of it; ``read`` gives the ledger's records after it."""
        expected = self.predict(time_ms, envelopes)
        told = [
            Difference(height, f"envelope {number}, command {place}", want, got)
            for number, (receipt, raw) in enumerate(zip(expected, receipts, strict=True))
            for place, want, got in _compare(receipt, receipt_of(raw))
        ]
        self.predicted += sum(max(1, len(receipt.results)) for receipt in expected)
        touched = sorted(self.books.touched)
        told += [
            Difference(height, about, want, got)
            for key in touched
            for about, want, got in figures.differences(self.books, key, read(key), time_ms)
        ]
        if told:
            return told
        quotas = [key.partition("/")[2] for key in touched if key.startswith("quota/")]
        loans_on = {quota: [name for name, _ in self.books.loans_on(quota)] for quota in quotas}
        loans_on = {quota: loans for quota, loans in loans_on.items() if quota in self.books.documents}
        lost = broken(read, loans_on, time_ms)
        lost += self._trades.broken(read, touched, corrected=not _CORRECTIONS.isdisjoint(self._accepted))
        return [Difference(height, what, "conserved", "broken") for what in lost]

    def _predict(self, raw: bytes, time_ms: int, sent: dict[str, int]) -> Receipt:
        letter = read(raw, self.alliance, time_ms, self.parties)
        if isinstance(letter, Rejection):
            return Receipt(letter, [])
        signer = f"{letter.member}/{letter.key}"
        if not self._numbers.is_free(signer, letter.number):
            return Receipt(Rejection.ENVELOPE_REPLAYED, [])
        sent[letter.member] = sent.get(letter.member, 0) + 1
        if sent[letter.member] > self.books.charter["envelopes_per_member_and_block"]:
            return Receipt(Rejection.ENVELOPE_OVER_BOUND, [])
        self._numbers.use(signer, letter.number)
        party = self.parties[letter.member]
        said = Said(self.alliance, self.books, letter.key, letter.member, self.parties, party.suspended, time_ms)
        return Receipt(0, self._together(said, letter) if letter.together else self._each(said, letter))

    def _each(self, said: Said, letter: Letter) -> list[Result]:
        return [self._command(said, plain) for plain in letter.commands]

    def _together(self, said: Said, letter: Letter) -> list[Result]:
        mark = self.books.mark()
        results = []
        for plain in letter.commands:
            results.append(self._command(said, plain))
            if results[-1].code:
                self.books.back_to(mark)
                fallen = [Result(Rejection.COMMAND_FELL_WITH_OTHERS)] * len(letter.commands)
                fallen[len(results) - 1] = results[-1]
                return fallen
        return results

    def _command(self, said: Said, plain: dict[str, Any]) -> Result:
        mark = self.books.mark()
        kind = plain.get("type")
        try:
            cmd, rule = self._admitted(said, kind, plain)
            rule.predict(said, cmd)
        except RefusedError as refused:
            self.books.back_to(mark)
            return Result(refused.code, refused.at)
        self._accepted.add(str(kind))
        if kind in _DRAWS:
            self._check_drawn(said, cmd)
        return Result(0)

    def _admitted(self, said: Said, kind: Any, plain: dict[str, Any]) -> tuple[Any, Rule]:
        """Return a command that its signer may send, and its rule."""
        name = kind if isinstance(kind, str) else ""
        rule = self._rules.get(name)
        if rule is None:
            if name.partition(".")[0] == "alliance":
                raise ValueError(f"the auditor has no rules for {name}")
            raise RefusedError(Rejection.COMMAND_UNKNOWN, name[:64])
        try:
            cmd = msgspec.convert({field: value for field, value in plain.items() if field != "type"}, rule.record)
        except msgspec.ValidationError:
            raise RefusedError(Rejection.COMMAND_MALFORMED) from None
        if rule.roles.isdisjoint(self.parties[said.member].roles):
            raise RefusedError(Rejection.ROLE_NOT_PERMITTED)
        if rule.starts and said.suspended:
            raise RefusedError(Rejection.MEMBER_SUSPENDED)
        return cmd, rule

    def _check_drawn(self, said: Said, cmd: Any) -> None:
        """Crash when an accepted draw leaves something over-drawn: the auditor's own rules would be wrong."""
        loan = self.books.loans[cmd.financing]
        drawn = [draw.quota for draw in cmd.allocations] if hasattr(cmd, "allocations") else _paid(loan.quotas, cmd)
        for quota in drawn:
            rest = loan.holds[quota].amount if quota in loan.set_aside() and not hasattr(cmd, "allocations") else 0
            if self.books.room(quota, said.time_ms) + rest < 0:  # a payout needs room for itself, not for what is left
                raise AssertionError(f"an accepted draw over-draws {quota}")


def _paid(quotas: tuple[str, ...], cmd: Any) -> list[str]:
    return [quota for quota, amount in zip(quotas, cmd.amounts, strict=True) if amount]


def receipt_of(raw: bytes) -> Receipt:
    """Return a ledger's receipt as the auditor would write it."""
    plain = json.loads(raw)
    return Receipt(plain["code"], [Result(result["code"], result.get("at", "")) for result in plain["results"]])


def _compare(expected: Receipt, found: Receipt) -> list[tuple[int, Any, Any]]:
    if expected.code != found.code or len(expected.results) != len(found.results):
        return [(-1, expected, found)]
    pairs = enumerate(zip(expected.results, found.results, strict=True))
    return [(place, want, got) for place, (want, got) in pairs if want != got]
