"""The one primitive: each function's rejections in their order, and what holds after any sequence of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import MAX_INTEGER, to_text
from kouan.kernel.records import MAX_HOLDS, Hold, Quota
from kouan.kernel.rejections import Rejection

NOW: Final = 1_000
LATER: Final = 2_000
OWN: Final = "own"
Change = Callable[[Quota], Quota]


def a_hold(amount: int, financing: str = OWN, lapse_ms: int = LATER, drawer: str = "bank-a") -> Hold:
    return Hold(amount, drawer, drawn=False, extended=False, financing=financing, lapse_ms=lapse_ms)


def a_quota(*holds: Hold, attested: int = 1_000, used: int = 0, ratio_bp: int = 8_000) -> Quota:
    """A quota of 800 of 1,000 attested, of which nothing is used."""
    empty = to_text(bytes(32))
    return Quota(
        attested=attested,
        collected=0,
        commitment=empty,
        custodial=False,
        draw_key=empty,
        draws=0,
        facts={},
        fingerprints=empty,
        holds=list(holds),
        id="quota",
        issuer="customs",
        kind="export",
        lapses={},
        limit=quotas.limit_of(attested, 0, ratio_bp, settled=False),
        ratio_bp=ratio_bp,
        revision=0,
        seal=empty,
        settled=False,
        spent=0,
        status="active",
        unit="USD",
        used=used,
    )


def must(result: Quota | Rejection) -> Quota:
    assert isinstance(result, Quota)
    return result


def change(**fields: Any) -> Change:
    return lambda quota: replace(quota, **fields)


def with_own(**fields: Any) -> Change:
    """Change the loan's own hold."""
    return lambda quota: replace(
        quota, holds=[replace(hold, **fields) if hold.financing == OWN else hold for hold in quota.holds]
    )


def joined(*holds: Hold) -> Change:
    return lambda quota: replace(quota, holds=[*quota.holds, *holds])


CROWD: Final = [a_hold(1, f"crowd {n}") for n in range(MAX_HOLDS)]
WITHDRAWN: Final = (Rejection.QUOTA_WITHDRAWN, change(status="withdrawn"))
SUSPENDED: Final = (Rejection.QUOTA_SUSPENDED, change(status="suspended"))
NO_HOLD: Final = (Rejection.HOLD_UNKNOWN, change(holds=[]))
LAPSED: Final = (Rejection.HOLD_LAPSED, with_own(lapse_ms=NOW))
SMALL: Final = change(limit=99)

Table = tuple[Quota, Callable[[Quota], Quota | Rejection], list[tuple[Rejection, Change]]]
TABLES: Final[dict[str, Table]] = {
    "hold": (
        a_quota(),
        lambda quota: quotas.hold(quota, a_hold(100), NOW),
        [
            WITHDRAWN,
            SUSPENDED,
            (Rejection.QUOTA_ALREADY_THERE, joined(a_hold(1))),
            (Rejection.HOLDS_TOO_MANY, joined(*CROWD)),
            (Rejection.HOLD_THIRD, change(lapses={"bank-a": 2})),
            (Rejection.QUOTA_EXCEEDED, SMALL),
        ],
    ),
    "extend": (
        a_quota(a_hold(100)),
        lambda quota: quotas.extend(quota, OWN, LATER + 1, NOW),
        [NO_HOLD, LAPSED, (Rejection.HOLD_EXTENDED_ALREADY, with_own(extended=True))],
    ),
    "confirm": (
        a_quota(a_hold(100)),
        lambda quota: quotas.confirm(quota, OWN, 100, NOW),
        [
            NO_HOLD,
            LAPSED,
            (Rejection.HOLD_SMALLER, with_own(amount=99)),
            WITHDRAWN,
            SUSPENDED,
            (Rejection.QUOTA_EXCEEDED, SMALL),
        ],
    ),
    "draw": (
        a_quota(),
        lambda quota: quotas.draw(quota, 100, NOW),
        [WITHDRAWN, SUSPENDED, (Rejection.QUOTA_EXCEEDED, SMALL)],
    ),
    "release": (a_quota(a_hold(100)), lambda quota: quotas.release(quota, OWN, NOW), [NO_HOLD, LAPSED]),
    "pass on": (
        a_quota(a_hold(100)),
        lambda quota: quotas.pass_on(quota, OWN, "bank-b", NOW),
        [NO_HOLD, LAPSED],
    ),
    "repay": (
        a_quota(used=100),
        lambda quota: quotas.repay(quota, 100),
        [(Rejection.QUOTA_LESS_USED, change(used=99))],
    ),
    "restore": (
        a_quota(),
        lambda quota: quotas.restore(quota, 1),
        [(Rejection.QUOTA_NUMBER_TOO_LARGE, change(used=MAX_INTEGER))],
    ),
}
# A quota cannot be both, and a hold that is not there cannot lapse.
IMPOSSIBLE: Final = {
    (Rejection.QUOTA_WITHDRAWN, Rejection.QUOTA_SUSPENDED),
    (Rejection.HOLD_UNKNOWN, Rejection.HOLD_LAPSED),
}


def _pairs() -> Iterator[Any]:
    for name, (good, act, rows) in TABLES.items():
        for (code, earlier), (later_code, later) in pairwise(rows):
            if (code, later_code) not in IMPOSSIBLE:
                yield pytest.param(earlier(later(good)), act, code, id=f"{name}-{code.name}-{later_code.name}")


SINGLES: Final = [
    pytest.param(fault(good), act, code, id=f"{name}-{code.name}")
    for name, (good, act, rows) in TABLES.items()
    for code, fault in rows
]


@pytest.mark.parametrize("name", TABLES)
def test_without_a_fault_it_is_done(name: str) -> None:
    good, act, _ = TABLES[name]
    assert isinstance(act(good), Quota)


@pytest.mark.parametrize(("quota", "act", "code"), SINGLES)
def test_each_fault_has_its_rejection(quota: Quota, act: Callable[[Quota], object], code: Rejection) -> None:
    assert act(quota) == code


@pytest.mark.parametrize(("quota", "act", "code"), [*_pairs()])
def test_of_two_faults_the_earlier_is_told(quota: Quota, act: Callable[[Quota], object], code: Rejection) -> None:
    assert act(quota) == code


@pytest.mark.parametrize(
    ("attested", "collected", "ratio_bp", "settled", "limit"),
    [
        (1_000, 0, 8_000, False, 800),
        (1_001, 0, 8_000, False, 800),
        (1_000, 400, 8_000, False, 480),
        (1_000, 1_000, 10_000, False, 0),
        (1_000, 1_001, 10_000, False, 0),
        (1_000, 0, 0, False, 0),
        (1_000, 0, 8_000, True, 0),
    ],
)
def test_the_limit_is_the_ratio_of_what_is_not_collected(
    attested: int, collected: int, ratio_bp: int, *, settled: bool, limit: int
) -> None:
    """Rounded down, never negative, and nothing once the buyer has paid for good."""
    assert quotas.limit_of(attested, collected, ratio_bp, settled=settled) == limit
    quota = quotas.rebase(a_quota(), attested=attested, collected=collected, ratio_bp=ratio_bp, settled=settled)
    assert must(quota).limit == limit


@pytest.mark.parametrize("field", ["attested", "collected"])
def test_a_quota_too_large_to_encode_is_refused(field: str) -> None:
    values = {"attested": 1, "collected": 1} | {field: MAX_INTEGER + 1}
    assert quotas.rebase(a_quota(), ratio_bp=1, settled=False, **values) == Rejection.QUOTA_NUMBER_TOO_LARGE


def test_a_quota_is_rebased_below_what_is_drawn() -> None:
    """That stops draws and undoes none: over-drawn, nothing available, and still repayable."""
    quota = must(quotas.rebase(a_quota(used=800), attested=500, collected=0, ratio_bp=8_000, settled=False))
    assert (quotas.is_overdrawn(quota), quotas.available(quota, NOW), quota.used) == (True, 0, 800)
    assert not quotas.is_overdrawn(must(quotas.repay(quota, 400)))


def test_only_an_active_quota_has_anything_available() -> None:
    assert quotas.available(a_quota(), NOW) == 800
    assert quotas.available(replace(a_quota(), status="suspended"), NOW) == 0


def test_a_hold_counts_until_its_lapse_and_is_cleared_at_the_next_touch() -> None:
    """The millisecond of the lapse is the first at which it no longer counts."""
    quota = a_quota(a_hold(300))
    assert (quotas.held(quota, LATER - 1), quotas.available(quota, LATER - 1)) == (300, 500)
    assert (quotas.held(quota, LATER), quotas.available(quota, LATER)) == (0, 800)
    touched = must(quotas.draw(quota, 1, LATER))
    assert (touched.holds, touched.lapses) == ([], {"bank-a": 1})


def test_a_third_hold_after_two_lapses_is_refused_to_that_drawer_alone() -> None:
    """Lapses count when they are found, also those found by the third hold itself."""
    quota = a_quota(a_hold(1, "one"), a_hold(1, "two"))
    assert quotas.hold(quota, a_hold(1, lapse_ms=LATER + 1), LATER) == Rejection.HOLD_THIRD
    other = must(quotas.hold(quota, a_hold(1, lapse_ms=LATER + 1, drawer="bank-b"), LATER))
    assert other.lapses == {"bank-a": 2}


def test_the_rest_of_a_drawn_hold_lapses_without_being_counted() -> None:
    quota = must(quotas.confirm(a_quota(a_hold(300)), OWN, 100, NOW))
    assert (quota.used, quota.draws, quotas.held(quota, NOW)) == (100, 1, 200)
    assert must(quotas.draw(quota, 1, LATER)).lapses == {}


def test_an_extension_never_shortens() -> None:
    assert must(quotas.extend(a_quota(a_hold(1)), OWN, LATER - 1, NOW)).holds[0].lapse_ms == LATER


def test_a_hold_that_is_passed_on_belongs_to_the_other_drawer() -> None:
    quota = must(quotas.pass_on(a_quota(a_hold(5), a_hold(7, "other")), OWN, "bank-b", NOW))
    assert [(hold.financing, hold.drawer, hold.amount) for hold in quota.holds] == [
        (OWN, "bank-b", 5),
        ("other", "bank-a", 7),
    ]


def test_a_confirmation_leaves_the_others_their_holds() -> None:
    """After an amendment there is room for one of two holds only in part."""
    quota = replace(a_quota(a_hold(300), a_hold(300, "other")), limit=500)
    assert quotas.confirm(quota, OWN, 201, NOW) == Rejection.QUOTA_EXCEEDED
    assert must(quotas.confirm(quota, OWN, 200, NOW)).used == 200


def test_a_repayment_that_never_was_is_restored_beyond_the_limit() -> None:
    """Only when that leaves it over-drawn does the revision tell the others."""
    within = must(quotas.restore(a_quota(used=790), 10))
    assert (within.used, quotas.is_overdrawn(within), within.revision) == (800, False, 0)
    beyond = must(quotas.restore(within, 5))
    assert (beyond.used, quotas.is_overdrawn(beyond), beyond.revision) == (805, True, 1)


def test_a_drawdown_that_never_was_leaves_its_living_hold_undrawn() -> None:
    """The others' holds keep what they had, and one that has lapsed was judged when it lapsed."""
    drawn = replace(a_hold(100), drawn=True)
    other, lapsed = replace(drawn, financing="other"), replace(drawn, lapse_ms=NOW)
    assert quotas.undraw(a_quota(drawn, other), OWN, NOW).holds == [a_hold(100), other]
    assert quotas.undraw(a_quota(lapsed, other), OWN, NOW).holds == [lapsed, other]


def test_what_was_drawn_before_the_ledger_counts_as_a_draw_and_may_be_beyond_the_limit() -> None:
    quota = must(quotas.bring_in(a_quota(used=800), 5))
    assert (quota.used, quota.draws, quotas.is_overdrawn(quota)) == (805, 1, True)
    assert quotas.bring_in(quota, MAX_INTEGER) is Rejection.QUOTA_NUMBER_TOO_LARGE


amounts = st.integers(1, 400)
loans = st.sampled_from(["one", "two", "three"])
steps = st.one_of(
    st.tuples(st.just("hold"), loans, amounts),
    st.tuples(st.just("confirm"), loans, amounts),
    st.tuples(st.just("draw"), loans, amounts),
    st.tuples(st.just("release"), loans, amounts),
    st.tuples(st.just("repay"), loans, amounts),
    st.tuples(st.just("extend"), loans, amounts),
    st.tuples(st.just("pass on"), loans, amounts),
    st.tuples(st.just("wait"), loans, amounts),
    st.tuples(st.just("rebase"), loans, st.integers(0, 1_200)),
)


def _act(quota: Quota, verb: str, loan: str, amount: int, now: int) -> Quota | Rejection:
    acts: dict[str, Callable[[], Quota | Rejection]] = {
        "hold": lambda: quotas.hold(quota, a_hold(amount, loan, now + 500, drawer=loan), now),
        "confirm": lambda: quotas.confirm(quota, loan, amount, now),
        "draw": lambda: quotas.draw(quota, amount, now),
        "release": lambda: quotas.release(quota, loan, now),
        "repay": lambda: quotas.repay(quota, amount),
        "extend": lambda: quotas.extend(quota, loan, now + 700, now),
        "pass on": lambda: quotas.pass_on(quota, loan, "three", now),
        "rebase": lambda: quotas.rebase(quota, attested=amount, collected=0, ratio_bp=8_000, settled=False),
    }
    return acts[verb]()


def _sums(verb: str, loan: str, amount: int, before: Quota, now: int) -> tuple[int, int]:
    """What is used and what is held after an accepted step, reckoned apart from the module."""
    living = {hold.financing: hold.amount for hold in before.holds if hold.lapse_ms > now}
    used, held = before.used, sum(living.values())
    return {
        "hold": (used, held + amount),
        "confirm": (used + amount, held - amount),
        "draw": (used + amount, held),
        "release": (used, held - living.get(loan, 0)),
        "repay": (used - amount, held),
    }.get(verb, (used, held))


@given(st.lists(steps, max_size=40))
def test_nothing_is_made_or_lost(sequence: list[tuple[str, str, int]]) -> None:
    """Used and held change by exactly what was asked for, and an accepted draw never exceeds the limit."""
    quota, now = a_quota(), NOW
    for verb, loan, amount in sequence:
        if verb == "wait":
            now += amount
            continue
        changed = _act(quota, verb, loan, amount, now)
        if isinstance(changed, Rejection):
            continue
        assert (changed.used, quotas.held(changed, now)) == _sums(verb, loan, amount, quota, now)
        if verb in {"hold", "confirm", "draw"}:
            # After an amendment the rest of a hold may have no room; what is paid out and others hold must have it.
            rest = sum(hold.amount for hold in changed.holds if verb == "confirm" and hold.financing == loan)
            assert changed.used + changed.spent + quotas.held(changed, now) - rest <= changed.limit
        assert changed.draws >= quota.draws
        assert len(changed.holds) <= MAX_HOLDS
        assert quotas.available(changed, now) >= 0
        quota = changed
