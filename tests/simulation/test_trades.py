"""The demonstration's scene of one trade with many papers: what each story came to."""

from __future__ import annotations

from tests.simulation.played import Played

from kouan.kernel.rejections import Rejection
from kouan.simulation.scenes.one_trade import ORDER_LOAN
from kouan.simulation.scenes.trades import TradesShown


def test_altered_number_is_told_to_both_banks_and_nothing_is_lent(played: Played) -> None:
    """The second bank's clerk reads whom to call; the first bank finds the same pair; the ledger has no second loan."""
    shown = played.scene(TradesShown).altered
    assert shown.found.pair == shown.found_by_lender.pair
    assert shown.found.pair in shown.told
    assert shown.lender in shown.told
    assert "kouan paper clear" in shown.told
    assert shown.found.cleared_ms is None
    assert shown.held == 0


def test_neighbours_are_cleared_by_a_second_person_with_a_reason(played: Played) -> None:
    """The innocent match stops the clerk, and the checker's reason lets the bank go on."""
    shown = played.scene(TradesShown).neighbours
    assert shown.found.cleared_ms is None
    assert (shown.cleared.id, shown.cleared.cleared_by) == (shown.found.id, "checker")
    assert shown.lent.minor > 0


def test_order_loan_survives_its_first_shipment_and_is_refinanced(played: Played) -> None:
    """Paid out in full beside a small attested shipment; once all is shipped it stands on the declarations alone."""
    shown = played.scene(TradesShown).order
    assert shown.refused is Rejection.CASE_EXCEEDED
    lent = {one.kind: one.used for one in shown.after_first.documents}
    assert lent == {"order": ORDER_LOAN.minor, "invoice": 0, "export": 0}
    after = [(one.kind, one.used) for one in shown.after.documents]
    assert sum(used for kind, used in after if kind == "export") == ORDER_LOAN.minor
    assert sum(used for kind, used in after if kind != "export") == 0


def test_what_is_refused(played: Played) -> None:
    """A stranger, the buyer beside the seller, and goods declared anew are each refused by the ledger itself."""
    shown = played.scene(TradesShown)
    assert shown.stranger.by_hand is Rejection.JOIN_UNSIGNED
    assert shown.both_sides.refused is Rejection.CASE_TO_REVIEW
    assert shown.cancelled.refused is Rejection.CASE_EXCEEDED
