"""What becomes of a declaration's quota when customs attests, moves on, amends, suspends, withdraws or rekeys it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.modules.customs.port import (
    HANDLE,
    MINUTE_MS,
    QUOTA,
    amend,
    attest,
    collect,
    draw,
    draw_key,
    move_on,
    port,
    quota_of,
    rekey,
    resume,
    some32,
    suspend,
    withdraw,
)

from kouan.kernel.encoding import MAX_INTEGER, encode
from kouan.kernel.quota import available, is_overdrawn
from kouan.kernel.records import Charter
from kouan.kernel.rejections import Rejection
from kouan.modules.customs.queries import declaration
from kouan.modules.customs.rules import FINANCEABLE_FROM, PARAMETERS, status_of


def test_attesting_opens_a_quota_with_everything_that_was_attested() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    quota = quota_of(ledger)
    assert (quota.id, quota.issuer, quota.kind, quota.unit) == (QUOTA, "customs", "export", "USD")
    assert (quota.attested, quota.collected, quota.ratio_bp, quota.limit) == (10_000_000, 0, 8000, 8_000_000)
    assert (quota.used, quota.spent, quota.draws, quota.revision, quota.settled) == (0, 0, 0, 0, False)
    assert (quota.commitment, quota.fingerprints) == (some32("commitment"), some32("fingerprints"))
    assert (quota.draw_key, quota.custodial, quota.seal) == (draw_key("owner"), False, some32("seal"))
    assert quota.facts == {"mode": "0110", "provisional": "no", "stage": "closed"}


@pytest.mark.parametrize(
    ("fields", "ratio_bp"),
    [
        ({"mode": "0110"}, 8000),
        ({"mode": "0214"}, 8000),
        ({"mode": "9610"}, 8000),
        *(({"mode": mode}, 0) for mode in ("1300", "2600", "2700", "3010", "3039", "3339", "4561")),
        ({"mode": "9999"}, 0),
        ({"mode": "0110", "provisional": True}, 5000),
        ({"mode": "2700", "provisional": True}, 0),
        ({"kind": "import", "mode": "0110"}, 10_000),
        ({"kind": "import", "mode": "2600"}, 10_000),
        ({"kind": "import", "mode": "0110", "provisional": True}, 5000),
    ],
)
def test_the_ratio_comes_from_the_charter_by_kind_mode_and_provisional_price(
    fields: dict[str, Any], ratio_bp: int
) -> None:
    ledger = port()
    ledger.accept("customs", attest(**fields))
    quota = quota_of(ledger)
    assert quota.ratio_bp == ratio_bp
    assert quota.limit == 10_000_000 * ratio_bp // 10_000


def test_the_charter_sets_each_ratio_that_a_mode_or_the_rest_of_them_gets() -> None:
    ledger = port(**{"ratio_bp.0110": 7000, "ratio_bp.other": 1000, "provisional_ratio_bp": 0})
    ledger.accept(
        "customs",
        attest(handle=some32("a")),
        attest(handle=some32("b"), mode="9999"),
        attest(handle=some32("c"), provisional=True),
    )
    limits = [quota_of(ledger, f"{some32(handle)}.USD").limit for handle in "abc"]
    assert limits == [7_000_000, 1_000_000, 0]


@pytest.mark.parametrize(("financeable_from", "active_at"), [(0, "filed"), (1, "released"), (2, "closed")])
def test_a_declaration_can_be_drawn_on_from_the_charters_stage_on(financeable_from: int, active_at: str) -> None:
    ledger = port(financeable_from=financeable_from)
    stages = ("filed", "released", "closed")
    ledger.accept("customs", attest(stage="filed"))
    for stage in stages:
        if stage != "filed":
            ledger.accept("customs", move_on(stage))
        open_for_draws = stages.index(stage) >= stages.index(active_at)
        assert quota_of(ledger).status == ("active" if open_for_draws else "suspended")
        assert ledger.code("bank-a", draw(1)) == (0 if open_for_draws else Rejection.QUOTA_SUSPENDED)


def test_a_stage_may_be_skipped() -> None:
    ledger = port()
    ledger.accept("customs", attest(stage="filed"), move_on("closed"))
    assert quota_of(ledger).status == "active"


@pytest.mark.parametrize("withdrawn", [False, True])
def test_attesting_the_same_number_twice_collides_even_after_withdrawal(withdrawn: bool) -> None:  # noqa: FBT001  # a table column
    ledger = port()
    ledger.accept("customs", attest())
    if withdrawn:
        ledger.accept("customs", withdraw())
    assert ledger.send("customs", attest(attested=1))[0] == {"at": QUOTA, "code": Rejection.QUOTA_EXISTS}
    assert ledger.code("customs-b", attest()) == Rejection.QUOTA_EXISTS
    assert quota_of(ledger).attested == 10_000_000


def test_a_declaration_in_two_currencies_has_a_quota_in_each() -> None:
    ledger = port()
    ledger.accept("customs", attest(), attest(unit="EUR", attested=500))
    assert quota_of(ledger, f"{HANDLE}.EUR").limit == 400
    assert quota_of(ledger).limit == 8_000_000


def test_one_bad_attestation_in_a_batch_stops_none_of_the_others() -> None:
    ledger = port()
    batch = [attest(handle=some32(str(number))) for number in range(40)]
    batch[7] = batch[6]
    batch[20] = attest(handle=some32("20"), attested=-1)
    batch[30] = attest(handle=some32("30"), draw_key="A" * 43)
    codes = [result["code"] for result in ledger.send("customs", *batch)]
    expected = {7: Rejection.QUOTA_EXISTS, 20: Rejection.COMMAND_MALFORMED, 30: Rejection.DRAW_KEY_UNSOUND}
    assert codes == [expected.get(number, 0) for number in range(40)]
    assert quota_of(ledger, f"{some32('39')}.USD").limit == 8_000_000


def test_an_amendment_keeps_what_was_collected_and_recomputes_the_limit() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", collect(1_000_000))
    ledger.accept("customs", amend(6_000_001, "short-shipment"))
    quota = quota_of(ledger)
    assert (quota.attested, quota.collected, quota.limit) == (6_000_001, 1_000_000, 4_000_000)
    assert (quota.commitment, quota.fingerprints) == (some32("amended commitment"), some32("amended fingerprints"))
    assert (quota.revision, quota.facts["amended"]) == (1, "short-shipment")


def test_an_amendment_below_what_is_drawn_is_accepted_stops_draws_and_undoes_no_loan() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", draw(5_000_000))
    ledger.accept("customs", amend(5_000_000, "goods-returned"))
    quota = quota_of(ledger)
    assert (quota.limit, quota.used, quota.status) == (4_000_000, 5_000_000, "active")
    assert is_overdrawn(quota)
    assert ledger.code("bank-b", draw(1)) == Rejection.QUOTA_EXCEEDED
    view = declaration(ledger.reader, QUOTA, ledger.time_ms)
    assert view is not None
    assert (view.overdrawn, view.available) == (1_000_000, 0)


def test_an_amendment_below_what_is_held_leaves_the_hold_and_lets_no_other_in() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    lapse_ms = ledger.time_ms + MINUTE_MS
    ledger.accept("bank-a", {"amount": 8_000_000, "lapse_ms": lapse_ms, "quota": QUOTA, "type": "test.hold/1"})
    ledger.accept("customs", amend(1_000_000, "short-shipment"))
    assert [hold.amount for hold in quota_of(ledger).holds] == [8_000_000]
    assert ledger.code("bank-b", draw(1)) == Rejection.QUOTA_EXCEEDED
    ledger.advance(MINUTE_MS)
    assert ledger.code("bank-b", draw(800_000)) == 0


def test_all_goods_returned_leaves_nothing_and_less_than_was_collected_is_no_debt() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", collect(4_000_000))
    ledger.accept("customs", amend(0, "goods-returned"))
    assert (quota_of(ledger).limit, quota_of(ledger).collected) == (0, 4_000_000)
    ledger.accept("customs", amend(5_000_000, "correction"))
    assert quota_of(ledger).limit == 800_000


def test_a_settled_declaration_can_be_amended_but_gives_nothing_to_draw() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", collect(9_900_000, settled=True))
    ledger.accept("customs", amend(20_000_000, "correction"))
    quota = quota_of(ledger)
    assert (quota.settled, quota.limit, quota.attested, quota.revision) == (True, 0, 20_000_000, 1)


@pytest.mark.parametrize(
    ("before", "reason", "stated", "after"),
    [
        (True, "price-settled", {}, False),
        (True, "price-settled", {"provisional": None}, False),
        (True, "price-settled", {"provisional": False}, False),
        (True, "correction", {}, True),
        (True, "correction", {"provisional": False}, False),
        (True, "short-shipment", {}, True),
        (False, "correction", {"provisional": True}, True),
        (False, "goods-returned", {}, False),
        (False, "price-settled", {}, False),
    ],
)
def test_an_amendment_sets_clears_or_keeps_the_provisional_price_and_its_ratio(
    before: bool,  # noqa: FBT001  # a table column
    reason: str,
    stated: dict[str, bool | None],
    after: bool,  # noqa: FBT001  # a table column
) -> None:
    ledger = port()
    ledger.accept("customs", attest(provisional=before))
    ledger.accept("customs", amend(9_000_000, reason, **stated))
    quota = quota_of(ledger)
    assert quota.facts["provisional"] == ("yes" if after else "no")
    assert (quota.ratio_bp, quota.limit) == ((5000, 4_500_000) if after else (8000, 7_200_000))


def test_the_largest_amounts_neither_overflow_nor_crash() -> None:
    ledger = port(**{"ratio_bp.0110": 10_000})
    ledger.accept("customs", attest(attested=MAX_INTEGER), amend(MAX_INTEGER, "correction"))
    assert quota_of(ledger).limit == MAX_INTEGER


def test_withdrawal_is_final_stops_draws_and_keeps_running_loans() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", draw(3_000_000))
    ledger.accept("customs", withdraw())
    quota = quota_of(ledger)
    assert (quota.status, quota.used, quota.facts["withdrawn"], quota.revision) == (
        "withdrawn",
        3_000_000,
        "not-shipped",
        1,
    )
    assert available(quota, ledger.time_ms) == 0
    assert ledger.code("bank-b", draw(1)) == Rejection.QUOTA_WITHDRAWN
    for change in (withdraw(), move_on("closed"), amend(1, "correction"), suspend(), resume(), rekey()):
        assert ledger.code("customs", change) == Rejection.QUOTA_WITHDRAWN


def test_a_suspension_by_customs_outlives_stages_and_amendments() -> None:
    ledger = port()
    ledger.accept("customs", attest(stage="filed"), suspend(), move_on("closed"))
    ledger.accept("customs", amend(5_000_000, "short-shipment"), rekey())
    assert (quota_of(ledger).status, quota_of(ledger).facts["suspended"]) == ("suspended", "inspection")
    ledger.accept("customs", resume())
    quota = quota_of(ledger)
    assert (quota.status, quota.revision, quota.facts["resumed"]) == ("active", 5, "cleared")
    assert "suspended" not in quota.facts


def test_resuming_before_the_financeable_stage_leaves_the_quota_suspended_by_its_stage() -> None:
    ledger = port()
    ledger.accept("customs", attest(stage="released"), suspend(), resume())
    assert quota_of(ledger).status == "suspended"
    ledger.accept("customs", move_on("closed"))
    assert quota_of(ledger).status == "active"


def test_rekeying_replaces_the_draw_key_and_is_counted_for_all_to_see() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", draw(100))
    ledger.accept("customs", rekey(custodial=True))
    quota = quota_of(ledger)
    assert (quota.draw_key, quota.custodial, quota.used) == (draw_key("new"), True, 100)
    assert (quota.revision, quota.facts["rekeyed"]) == (1, "1")
    ledger.accept("customs", rekey(draw_key=draw_key("third")))
    assert (quota_of(ledger).revision, quota_of(ledger).facts["rekeyed"]) == (2, "2")


def test_a_suspended_office_may_take_room_away_but_gives_no_new_room() -> None:
    ledger = port()
    ledger.accept("customs", attest())
    ledger.accept("bank-a", {"member": "customs", "type": "test.suspend-member/1"})
    for starting in (attest(handle=some32("other")), move_on("closed"), resume(), rekey()):
        assert ledger.code("customs", starting) == Rejection.MEMBER_SUSPENDED
    assert ledger.code("customs", amend(10_000_000, "correction")) == 0
    assert ledger.code("customs", amend(10_000_001, "correction")) == Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED
    for lessening in (amend(9_000_000, "short-shipment"), suspend(), withdraw()):
        assert ledger.code("customs", lessening) == 0


def test_a_suspended_office_opens_nothing_by_amending_after_the_charter_has_changed() -> None:
    """An earlier financeable stage would make the quota active: even downwards, that waits for the resumed office."""
    ledger = port()
    ledger.accept("customs", attest(stage="released"))
    charter = ledger.must(Charter, "charter")
    parameters = charter.parameters | {FINANCEABLE_FROM: 1}
    ledger.state.values["charter"] = encode(replace(charter, parameters=parameters))
    ledger.accept("bank-a", {"member": "customs", "type": "test.suspend-member/1"})
    amendment = amend(9_000_000, "short-shipment")
    assert ledger.code("customs", amendment) == Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED
    assert quota_of(ledger).status == "suspended"
    ledger.accept("customs", suspend(), amendment)
    assert (quota_of(ledger).status, quota_of(ledger).attested) == ("suspended", 9_000_000)


@pytest.mark.parametrize(
    "raising", [amend(10_000_001, "correction"), amend(9_000_000, "price-settled")], ids=["value", "ratio"]
)
def test_a_suspended_office_raises_nothing_that_a_reversed_collection_would_set_free(raising: dict[str, Any]) -> None:
    """Once a buyer has paid for good the limit is nothing; were that reversed, the raised value would be there."""
    ledger = port()
    ledger.accept("customs", attest(provisional=True))
    ledger.accept("bank-a", collect(0, settled=True), {"member": "customs", "type": "test.suspend-member/1"})
    assert ledger.code("customs", raising) == Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED
    assert ledger.code("customs", amend(9_000_000, "correction")) == 0


def test_a_broken_invariant_is_a_crash_and_not_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = port()
    ledger.accept("customs", attest())
    monkeypatch.setattr("kouan.kernel.quota.rebase", lambda *_, **__: Rejection.QUOTA_NUMBER_TOO_LARGE)
    with pytest.raises(AssertionError, match="QUOTA_NUMBER_TOO_LARGE"):
        ledger.send("customs", amend(1, "correction"))
    with pytest.raises(AssertionError, match="cleared"):
        status_of({"stage": "cleared"}, 0)


def test_the_default_of_every_parameter_lies_within_its_bounds() -> None:
    assert all(parameter.lowest <= parameter.default <= parameter.highest for parameter in PARAMETERS)
    assert len({parameter.name for parameter in PARAMETERS}) == len(PARAMETERS)
