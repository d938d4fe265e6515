"""The ledger and the auditor, which share no rule, against each other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.simulation.random_commands import DAY_MS, Caller, Choose, Watched
from tests.simulation.random_papers import ATTESTER, SOME

from kouan.kernel.encoding import to_text
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import digest, public_key
from kouan.modules.cases.queries import next_paper_id
from kouan.modules.cases.rules import Carried
from kouan.simulation.audit.conservation import broken
from kouan.simulation.audit.signatures import canonical
from kouan.simulation.audit.trades import Trades

RATIOS = ("cases.ratio_bp.self", "customs.ratio_bp.0110", "customs.provisional_ratio_bp")


def step(ledger: Watched, caller: Caller, choose: Choose) -> list[dict[str, Any]]:
    """One block of one or two envelopes of one to three commands."""
    ledger.advance(int(choose([0, 1000, 1000, 1000, 1000, DAY_MS // 4, DAY_MS])))
    envelopes = []
    for _ in range(choose([1, 1, 1, 2])):
        member, first = caller.command()
        more = [caller.command() for _ in range(choose([0, 0, 0, 2]))]
        together = [first, *(command for sender, command in more if sender == member)]
        mode, key = choose(["each", "each", "all"]), choose(["main", "main", "second"])
        envelopes.append(ledger.envelope(member, *together, mode=mode, key=key))
    return ledger.block(*envelopes)


def vote(ledger: Watched, choose: Choose) -> None:
    """What the alliance may have decided."""
    suspended = [member for member, party in ledger.auditor.parties.items() if party.suspended]
    if suspended:
        ledger.toggle(suspended[0])
        return
    decisions: list[Callable[[], None]] = [
        lambda: ledger.toggle(choose(["bank-a", "bank-b", "customs"])),
        lambda: ledger.set_parameter(choose(RATIOS), choose([5000, 8000, 10_000])),
        lambda: ledger.set_parameter("customs.financeable_from", choose([1, 2, 2])),
        lambda: ledger.set_parameter("financing.bring_in_until_ms", choose([0, ledger.time_ms + 60 * DAY_MS])),
        lambda: ledger.set_parameter("financing.reversal_max_ms", choose([DAY_MS, 30 * DAY_MS])),
    ]
    choose(decisions)()


def play(seed: int, blocks: int) -> tuple[Counter[str], Counter[int]]:
    """Play random blocks; return the accepted commands by type, and all results by code."""
    random = Random(seed)  # noqa: S311  # the same seed plays the same commands
    ledger = Watched()
    caller = Caller(ledger, random.choice)
    accepted: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    for _ in range(blocks):
        if random.randrange(20) == 0:
            vote(ledger, random.choice)
        for receipt in step(ledger, caller, random.choice):
            codes.update(result["code"] for result in receipt["results"])
        assert not ledger.differences
        assert not ledger.unforeseen
        accepted.update(ledger.accepted)
    return accepted, codes


def test_every_receipt_and_every_figure_is_as_the_auditor_predicts() -> None:
    """Every command is accepted at some time, nearly every rejection is met, and the auditor foresaw each of them."""
    accepted: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    for seed in range(20):
        more_accepted, more_codes = play(seed, 400)
        accepted += more_accepted
        codes += more_codes
    assert not Watched().kinds - accepted.keys()
    never = {code for code in Rejection if 40 <= code < 60 or code >= 200} - codes.keys()
    assert len(never) <= 9, sorted(code.name for code in never)


class AgainstEachOther(RuleBasedStateMachine):
    """Hypothesis looks for the shortest way to a receipt or a figure that the auditor did not predict."""

    chosen: Choose

    @initialize()
    def found(self) -> None:
        self.ledger = Watched()
        self.caller = Caller(self.ledger, self._choose)

    def _choose(self, options: Any) -> Any:
        return self.chosen(options)

    def _draw_from(self, data: st.DataObject) -> Choose:
        self.chosen = lambda options: data.draw(st.sampled_from(list(options)))
        return self.chosen

    @rule(data=st.data())
    def block(self, data: st.DataObject) -> None:
        step(self.ledger, self.caller, self._draw_from(data))
        assert not self.ledger.differences
        assert not self.ledger.unforeseen

    @rule(data=st.data())
    def change_what_members_may_do(self, data: st.DataObject) -> None:
        vote(self.ledger, self._draw_from(data))

    @rule(days=st.sampled_from([1, 3, 14]))
    def wait(self, days: int) -> None:
        self.ledger.advance(days * DAY_MS)


TestAgainstEachOther = AgainstEachOther.TestCase
TestAgainstEachOther.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_the_seventeenth_hold() -> None:
    """Sixteen loans may hold on one declaration at a time: the auditor knows, and that a lapse makes room again."""
    ledger = Watched()
    caller = Caller(ledger, lambda options: options[0])
    ledger.block(ledger.envelope(*caller.attest()))
    (quota,) = ledger.auditor.books.documents
    codes = []
    for place in range(18):
        if place == 17:
            ledger.advance(2 * DAY_MS)
        caller.small = True
        bank = "bank-a" if place % 2 else "bank-b"
        terms = caller.terms(bank, caller.fresh(), [quota])
        command = {**terms, "lapse_ms": ledger.time_ms + DAY_MS, "type": "financing.hold/1"}
        (receipt,) = ledger.block(ledger.envelope(bank, command))
        codes.append(receipt["results"][0]["code"])
        assert not ledger.differences
    assert codes == [0] * 16 + [Rejection.HOLDS_TOO_MANY, Rejection.HOLD_THIRD]


ORDER, OTHER_ORDER = (Carried(to_text(digest("test/number", name)), "order") for name in (b"order", b"other"))


def paper_of(caller: Caller, number: int, order: Carried) -> dict[str, Any]:
    """A transport document of a number of its own that names an order; all that the order leads to sign."""
    papers = caller.papers
    own = Carried(to_text(digest("test/number", str(number).encode())), "transport")
    name = next_paper_id(caller.ledger.reader, own.fingerprint, "seller", "USD")
    caller.draw_keys[name] = digest("test/draw", name.encode())
    carried = sorted([order, own], key=lambda one: (one.kind, one.fingerprint))
    return {
        "amount": 1000,
        "commitment": SOME,
        "consents": papers.consents(papers.owners(papers.led_to(carried)), name),
        "custodial": False,
        "draw_key": to_text(public_key(caller.draw_keys[name])),
        "evaluation": papers.evaluation("bank-a", carried, SOME),
        "fingerprints": SOME,
        "kind": "transport",
        "purpose": "seller",
        "seal": SOME,
        "type": "cases.record/1",
        "unit": "USD",
    }


def with_papers(many: int, *, attested: bool = False) -> tuple[Watched, Caller, list[int]]:
    """A ledger with so many papers of one trade, and what was answered to each."""
    ledger = Watched()
    caller = Caller(ledger, lambda options: options[0])
    codes = []
    for number in range(many):
        (receipt,) = ledger.block(ledger.envelope("bank-a", paper_of(caller, number, ORDER)))
        codes.append(receipt["results"][0]["code"])
        assert not ledger.differences
        if attested:
            seen = {"commitment": SOME, "fingerprints": SOME, "quota": [*ledger.auditor.books.documents][-1]}
            ledger.block(ledger.envelope(ATTESTER, {**seen, "type": "cases.confirm/1"}))
            assert not ledger.differences
    return ledger, caller, codes


@pytest.mark.parametrize(("attested", "most"), [(False, 24), (True, 64)])
def test_a_full_case(most: int, *, attested: bool) -> None:
    """A trade has at most 64 documents, and 24 self-declared ones of the seller: the auditor knows."""
    _, _, codes = with_papers(most + 2, attested=attested)
    assert codes == [0] * most + [Rejection.CASE_FULL] * 2


def test_what_does_not_hold_of_a_trade_is_told() -> None:
    """A document is of one case, its numbers lead to it there, and what was lent on it is never uncounted."""
    ledger, caller, _ = with_papers(2)
    loan = caller.fresh()
    one, two = ledger.auditor.books.documents
    hold = {**caller.terms("bank-a", loan, [one]), "lapse_ms": ledger.time_ms + DAY_MS, "type": "financing.hold/1"}
    ledger.block(ledger.envelope("bank-a", hold))
    ledger.block(ledger.envelope("bank-a", paper_of(caller, 7, OTHER_ORDER)))
    read, trades = ledger.state.get, Trades()
    keys = [key for key in ledger.state.values if key.partition("/")[0] in {"case", "fingerprint", "quota"}]
    assert not trades.broken(read, keys, corrected=False)
    (part,) = [name for name, row in ledger.auditor.books.cases.items() if row.merged_into]
    whole, other = (ledger.auditor.books.case_of(quota) for quota in (one, list(ledger.auditor.books.documents)[2]))
    expected: list[tuple[str, str, dict[str, Any]]] = [
        ("one twice", f"case/{whole}", {"documents": [one, one, two]}),
        ("65 documents", f"case/{whole}", {"documents": [f"{number:02}" for number in range(65)]}),
        ("no document", f"case/{whole}", {"documents": [one, "none", two]}),
        ("fewer allocations", f"case/{whole}", {"allocations": 0}),
        ("without a link in the chain", f"case/{whole}", {"allocations": 2}),
        ("less seen", f"case/{whole}", {"revision": 0}),
        ("though it is merged", f"case/{part}", {"documents": [one]}),
        ("merged again", f"case/{part}", {"merged_into": None}),
        ("lost in a merger", f"case/{part}", {"allocations": 9}),
        ("it is of", f"quota/{one}", {"facts": {"evidence": "self", "purpose": "seller"}}),
        ("out of another case", f"fingerprint/{ORDER.fingerprint}", {"case": other}),
        ("any kind of document carries", f"quota/{one}", {"draws": 1, "used": 1401}),
        ("any kind of shipment document carries", f"quota/{one}", {"draws": 1, "used": 1401}),
    ]
    for told, key, changes in expected:
        changed = canonical(json.loads(read(key) or b"") | changes)
        after = deepcopy(trades).broken({key: changed}.get, [key], corrected=False)
        assert any(told in what for what in after), (told, after)


def some_envelope(ledger: Watched, **body: Any) -> bytes:
    return ledger.envelope("customs", {"type": "customs.none/1"}, **body)


def hostile_envelopes(ledger: Watched) -> list[bytes]:
    good = some_envelope(ledger)
    other = b'"number":7,' if b'"number":7,' not in good else b'"number":8,'
    return [
        good,
        good,  # replayed
        b"",
        b"{}",
        b" " + good,
        good.replace(b'"mode":"each"', b'"mode":"EACH"'),
        good.replace(b'"number":1,', other),  # the signature is over another
        b"[" * 20 + b"]" * 20,
        b'{"body":1.5}',
        some_envelope(ledger, expires_ms=ledger.time_ms),
        some_envelope(ledger, expires_ms=ledger.time_ms + DAY_MS + 1),
        some_envelope(ledger, alliance=canonical("x").decode()[:1] + "A" * 42),
        some_envelope(ledger, number=1000),
        some_envelope(ledger, number=744),
        some_envelope(ledger, number=745),
    ]


def test_envelopes_that_are_not_let_in_are_predicted_too() -> None:
    """Damaged, replayed, expired, foreign, forged, and too many of one member."""
    ledger = Watched(envelopes_per_member_and_block=2)
    for raw in hostile_envelopes(ledger):
        ledger.block(raw)
        assert not ledger.differences
    ledger.block(*(some_envelope(ledger, number=2000 + place) for place in range(4)))
    assert not ledger.differences


def test_a_difference_is_told() -> None:
    """A ledger that drew too much, or answered something else, does not pass."""
    ledger = Watched()
    caller = Caller(ledger, lambda options: options[0])
    member, command = caller.attest()
    raw = ledger.envelope(member, command)
    ledger.block(raw)
    (quota,) = ledger.auditor.books.documents
    value = ledger.state.values[f"quota/{quota}"]
    ledger.state.values[f"quota/{quota}"] = value.replace(b'"used":0', b'"used":5')
    ledger.block(ledger.envelope("customs", {"quota": quota, "reason": "inspection", "type": "customs.suspend/1"}))
    assert [(told.about, told.expected, told.found) for told in ledger.differences] == [(f"quota/{quota} used", 0, 5)]


def test_what_is_not_conserved_is_told() -> None:
    """The ledger's own records must agree: loans with what is used and held, the limit with what was attested."""
    ledger = Watched()
    caller = Caller(ledger, lambda options: options[0])
    ledger.block(ledger.envelope(*caller.attest()))
    (quota,) = ledger.auditor.books.documents
    loan = caller.fresh()
    hold = {**caller.terms("bank-a", loan, [quota]), "lapse_ms": ledger.time_ms + DAY_MS, "type": "financing.hold/1"}
    ledger.block(ledger.envelope("bank-a", hold))
    read = ledger.state.get
    assert not broken(read, {quota: [loan]}, ledger.time_ms)
    for field, wrong, told in (("used", 1, "used is 1"), ("limit", 5, "the limit is 5"), ("holds", [], "holds are 0")):
        changed = {"quota": json.loads(read(f"quota/{quota}") or b"") | {field: wrong}}

        def tampered(key: str, changed: dict[str, Any] = changed) -> bytes | None:
            kind = key.partition("/")[0]
            return canonical(changed[kind]) if kind in changed else read(key)

        (only,) = broken(tampered, {quota: [loan]}, ledger.time_ms)
        assert told in only


@pytest.mark.parametrize("kind", ["alliance.onboard/1", "alliance.vote/1"])
def test_the_auditor_says_what_it_does_not_know(kind: str) -> None:
    """It is no judge of the alliance's own commands, and does not guess."""
    ledger = Watched()
    with pytest.raises(ValueError, match="no rules"):
        ledger.auditor.predict(ledger.time_ms, [ledger.envelope("customs", {"type": kind})])
