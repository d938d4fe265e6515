"""The frauds that a list of numbers misses, and the lawful business that must not be mistaken for them."""

from __future__ import annotations

import pytest
from tests.modules.cases.trade import DAY_MS, EMPTY, Trade, draw_key, loan_id, some32

from kouan.kernel.rejections import Rejection
from kouan.modules.cases.queries import case_view
from kouan.modules.cases.rules import NO_LOANS, chained, merged_chain
from kouan.modules.financing.rules import BRING_IN_UNTIL

ORDER = ("order", "PO-1")


@pytest.fixture
def trade() -> Trade:
    return Trade()


def test_five_loans_on_an_order_survive_its_first_small_shipment_which_cannot_be_financed_again(trade: Trade) -> None:
    """The order carries 700 of 1000; the shipment of 200 joins, is over-drawn by nothing and carries nothing more."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    loans = [trade.lend("bank-a", f"loan {n}", {order: 140}) for n in range(5)]
    shipment = trade.linked("first", 200, ORDER)
    assert trade.case(order).documents == sorted([order, shipment])
    assert [trade.view(loan).state for loan in loans] == ["disbursed"] * 5
    assert not any(trade.view(loan).is_under_review for loan in loans)
    assert trade.case_view(order).concerns == ["beyond-stronger"]
    assert trade.try_hold("bank-b", "again", {shipment: 1}) == (Rejection.CASE_EXCEEDED, shipment)
    # The order itself goes on within its own limit: a repayment makes room on it, and none on the shipment.
    trade.accept("bank-a", trade.repay(loans[0], 140))
    assert trade.try_hold("bank-b", "again", {shipment: 1}) == (Rejection.CASE_EXCEEDED, shipment)
    assert trade.try_hold("bank-a", "more", {order: 140}) == (0, "")
    assert trade.try_hold("bank-a", "too much", {order: 1}) == (Rejection.QUOTA_EXCEEDED, order)


def test_as_shipments_are_declared_the_trade_carries_what_better_evidence_carries(trade: Trade) -> None:
    """The order carries 700; five shipments of 200 together carry 800: 100 more than was lent on the order."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    trade.lend("bank-a", "order loan", {order: 700})
    shipments = [trade.linked(f"shipment {n}", 200, ORDER) for n in range(4)]
    assert trade.try_hold("bank-b", "early", {shipments[0]: 1}) == (Rejection.CASE_EXCEEDED, shipments[0])
    last = trade.linked("shipment 4", 200, ORDER)
    assert trade.try_hold("bank-b", "beyond", {last: 101}) == (Rejection.CASE_EXCEEDED, last)
    assert trade.try_hold("bank-b", "rest", {last: 100}) == (0, "")
    assert trade.case_view(order).sides[0].caps == {"self": 800, "attested": 800}


def test_an_invoice_cannot_be_financed_beside_the_declaration_of_the_same_trade(trade: Trade) -> None:
    invoice_names = [("invoice", "INV-1"), ORDER]
    declared = trade.linked("declared", 1000, *invoice_names)
    trade.lend("bank-a", "bill", {declared: 800})
    invoice = trade.recorded("bank-b", "invoice", "INV-1", 1000, names=[ORDER], signed=[declared])
    assert trade.try_hold("bank-b", "invoice loan", {invoice: 1}) == (Rejection.CASE_EXCEEDED, invoice)


def test_the_owner_who_will_not_sign_gets_no_quota_for_its_second_paper(trade: Trade) -> None:
    """So the link cannot be withheld: without it the invoice is not on the ledger, and carries no loan."""
    declared = trade.linked("declared", 1000, ("invoice", "INV-1"))
    command = trade.record("bank-b", "invoice", "INV-1", 1000)
    assert trade.refused("bank-b", command) == (Rejection.JOIN_UNSIGNED, declared)
    assert trade.case(declared).documents == [declared]


def test_an_altered_number_never_refuses_on_the_ledger(trade: Trade) -> None:
    """To the ledger INV-1-A is another paper: likeness is the evaluator's to tell, off the ledger."""
    first = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    trade.lend("bank-a", "first", {first: 700})
    altered = trade.recorded("bank-b", "invoice", "INV-1-A", 1000)
    assert trade.try_hold("bank-b", "second", {altered: 700}) == (0, "")
    assert case_view(trade.ledger.reader, first, trade.now) != case_view(trade.ledger.reader, altered, trade.now)


def test_a_paper_is_recorded_once_whoever_brings_it(trade: Trade) -> None:
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    again = trade.record("bank-b", "invoice", "INV-1", 900)
    assert trade.refused("bank-b", again) == (Rejection.DOCUMENT_KNOWN, invoice)
    # Another bank lends on the one that is there, with its owner's signature.
    assert trade.try_hold("bank-b", "loan", {invoice: 700}) == (0, "")


def both_sides(trade: Trade) -> tuple[str, str]:
    """One invoice, recorded for the seller by bank-a and for the buyer by bank-b."""
    seller = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    buyer = trade.recorded("bank-b", "invoice", "INV-1", 1000, purpose="buyer")
    assert trade.case(seller) == trade.case(buyer)
    return seller, buyer


def test_buyer_and_seller_cannot_both_be_financed_on_one_invoice_unseen(trade: Trade) -> None:
    """The buyer's bank is stopped until it has looked at the trade; then the buyer's purpose has its own amount."""
    seller, buyer = both_sides(trade)
    trade.accept("bank-b", trade.join(seller, buyer))
    assert trade.try_hold("bank-b", "while nothing is out", {buyer: 1}) == (0, "")
    trade.lend("bank-a", "seller", {seller: 700})
    assert trade.try_hold("bank-b", "buyer", {buyer: 699}) == (Rejection.CASE_TO_REVIEW, buyer)
    held = trade.disburse(loan_id("while nothing is out"), 1)
    assert trade.refused("bank-b", held) == (Rejection.CASE_TO_REVIEW, buyer)
    assert trade.case_view(buyer).needs_review("bank-b")
    trade.accept("bank-b", trade.review(buyer, "pays-other-side-off"))
    assert not trade.case_view(buyer).needs_review("bank-b")
    # What it does itself, it has seen: hold and payout need no second review.
    trade.lend("bank-b", "buyer", {buyer: 699})
    # Now the seller's bank has something to look at.
    assert trade.case_view(seller).concerns == ["both-sides"]
    trade.accept("bank-a", trade.repay(loan_id("seller"), 100))
    assert trade.try_hold("bank-a", "seller again", {seller: 100}) == (Rejection.CASE_TO_REVIEW, seller)


def test_a_review_is_of_the_case_as_it_stands(trade: Trade) -> None:
    """Whatever another bank does afterwards has to be looked at again."""
    seller, buyer = both_sides(trade)
    trade.lend("bank-a", "seller", {seller: 100})
    stale = trade.review(buyer)
    trade.accept("bank-b", stale)
    trade.lend("bank-a", "seller more", {seller: 100})
    assert trade.try_hold("bank-b", "buyer", {buyer: 1}) == (Rejection.CASE_TO_REVIEW, buyer)
    assert trade.refused("bank-b", stale) == (Rejection.REVISION_STALE, "revision")


def test_money_owed_again_is_to_be_looked_at_again(trade: Trade) -> None:
    """A repayment that was none puts money back on the seller's side; the bank that did it has seen that."""
    seller, buyer = both_sides(trade)
    loan = trade.lend("bank-a", "seller", {seller: 700})
    trade.accept("bank-a", trade.repay(loan, 690))
    for bank in ("bank-a", "bank-b"):
        trade.accept(bank, trade.review(buyer))
    trade.accept("bank-a", {"type": "financing.reverse/1", "entry": 2, "financing": loan}, key="second")
    assert trade.try_hold("bank-b", "buyer", {buyer: 1}) == (Rejection.CASE_TO_REVIEW, buyer)
    case = trade.case(seller)
    assert case.reviews["bank-a"].revision == case.revision


def test_a_loan_brought_in_is_to_be_looked_at(trade: Trade) -> None:
    """It was out before anybody looked, and nobody weighs it."""
    trade = Trade(**{BRING_IN_UNTIL: trade.now + DAY_MS})
    order = trade.recorded("bank-b", "order", "PO-1", 1000, unit="EUR")
    declared = trade.linked("declared", 900, ORDER)
    trade.accept("bank-b", trade.review(order, "other-currency"))
    trade.accept("bank-a", trade.bring_in(loan_id("old"), {declared: 100}))
    held = trade.hold("bank-b", loan_id("new"), {order: 1}, currency="EUR")
    assert trade.refused("bank-b", held) == (Rejection.CASE_TO_REVIEW, order)


def test_the_buyers_loan_that_pays_the_sellers_off_leaves_nothing_to_review(trade: Trade) -> None:
    seller, buyer = both_sides(trade)
    loan = trade.lend("bank-a", "seller", {seller: 700})
    trade.accept("bank-a", trade.repay(loan, 700))
    assert trade.try_hold("bank-b", "buyer", {buyer: 700}) == (0, "")


def test_a_loan_stands_on_papers_of_its_own_purpose(trade: Trade) -> None:
    seller, buyer = both_sides(trade)
    mixed = trade.hold("bank-a", loan_id("mixed"), {seller: 1, buyer: 1})
    assert trade.refused("bank-a", mixed) == (Rejection.QUOTA_WRONG_KIND, buyer)
    receipt = trade.collect("receipt", buyer, 1)
    assert trade.refused("bank-a", receipt) == (Rejection.QUOTA_WRONG_KIND, buyer)


def test_finance_in_another_currency_is_not_added_up_but_looked_at(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    trade.lend("bank-a", "order loan", {order: 700})
    euros = trade.linked("declared", 900, ORDER, unit="EUR")
    hold = trade.hold("bank-b", loan_id("euros"), {euros: 720}, currency="EUR")
    assert trade.refused("bank-b", hold) == (Rejection.CASE_TO_REVIEW, euros)
    trade.accept("bank-b", trade.review(euros, "other-currency"))
    assert trade.refused("bank-b", hold) == (0, "")
    assert trade.case_view(euros).concerns == ["currencies"]


def test_cancel_and_refinance_keeps_count_and_chain(trade: Trade) -> None:
    """A hold given back, a paper withdrawn and another recorded in its place: the case remembers every loan."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    first = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[ORDER], signed=[order])
    one, two = loan_id("one"), loan_id("two")
    trade.accept("bank-a", trade.hold("bank-a", one, {first: 700}))
    trade.accept("bank-a", {"type": "financing.release/1", "financing": one, "reason": "withdrawn"})
    trade.accept("bank-a", {"type": "cases.withdraw/1", "quota": first, "reason": "cancelled"})
    second = trade.recorded("bank-b", "invoice", "INV-2", 1000, names=[ORDER], signed=[order])
    trade.accept("bank-b", trade.hold("bank-b", two, {second: 700}))
    view = trade.case_view(second)
    start = merged_chain(merged_chain(NO_LOANS, NO_LOANS), NO_LOANS)
    assert trade.try_hold("bank-b", "third", {order: 1}) == (Rejection.CASE_EXCEEDED, order)
    assert view.allocations == 2
    assert view.chain == chained(merged_chain(chained(merged_chain(NO_LOANS, NO_LOANS), one), NO_LOANS), two) != start
    again = trade.record("bank-c", "invoice", "INV-1", 1000)
    assert trade.refused("bank-c", again) == (Rejection.DOCUMENT_KNOWN, first)


def test_a_case_begins_with_what_is_held_on_its_document(trade: Trade) -> None:
    """What was held, and has lapsed, before the document was linked stands only in the quota's own record."""
    declared = trade.declare("declared", 1000)
    trade.accept("bank-a", trade.hold("bank-a", loan_id("lapsed"), {declared: 10}))
    trade.ledger.advance(4 * 24 * 3_600_000)
    trade.accept("bank-a", trade.hold("bank-a", loan_id("living"), {declared: 10}))
    trade.accept("bank-a", trade.link("bank-a", declared, ORDER))
    case = trade.case(declared)
    assert (case.allocations, case.chain) == (1, chained(NO_LOANS, loan_id("living")))


def test_an_order_loan_is_refinanced_after_shipment_by_another_bank_in_one_step(trade: Trade) -> None:
    """The shipment alone is full; with the pay-off in the same step its part is free for the new draw."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    old = trade.lend("bank-a", "packing loan", {order: 700})
    shipment = trade.linked("shipment", 1000, ORDER)
    assert trade.try_hold("bank-b", "beside it", {shipment: 101}) == (Rejection.CASE_EXCEEDED, shipment)
    new = loan_id("export bill")
    too_much = trade.refinance("bank-b", new, old, {shipment: 801})
    assert trade.refused("bank-b", too_much) == (Rejection.QUOTA_EXCEEDED, shipment)
    trade.accept("bank-b", trade.refinance("bank-b", new, old, {shipment: 800}))
    assert (trade.quota(order).used, trade.quota(shipment).used) == (0, 800)
    assert trade.try_hold("bank-a", "order again", {order: 1}) == (Rejection.CASE_EXCEEDED, order)


def test_a_refinancing_that_the_trade_does_not_carry_is_refused_whole(trade: Trade) -> None:
    """A second loan stays on the order: only the part that is paid off is free."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    old, other = trade.lend("bank-a", "first", {order: 300}), trade.lend("bank-a", "second", {order: 400})
    shipment = trade.linked("shipment", 1000, ORDER)
    refused = trade.refinance("bank-b", loan_id("new"), old, {shipment: 401})
    assert trade.refused("bank-b", refused) == (Rejection.CASE_EXCEEDED, shipment)
    assert trade.view(old).outstanding == {"USD": 300}
    trade.accept("bank-b", trade.refinance("bank-b", loan_id("new"), old, {shipment: 400}))
    assert trade.view(other).outstanding == {"USD": 400}


def test_a_substitution_within_a_trade_moves_and_adds_nothing(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    loan = trade.lend("bank-a", "loan", {order: 700})
    small, full = trade.linked("small", 100, ORDER), trade.linked("full", 800, ORDER)
    beyond = trade.substitute("bank-a", loan, {order: 80}, {small: 80})
    trade.accept("bank-a", beyond)
    trade.accept("bank-a", trade.substitute("bank-a", loan, {order: 620}, {full: 620}))
    assert trade.case_view(order).sides[0].used == 700


def test_a_substitution_that_the_trade_does_not_carry_is_refused(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    trade.lend("bank-a", "loan", {order: 700})
    shipment, elsewhere = trade.linked("shipment", 200, ORDER), trade.declare("elsewhere", 1000)
    loan = trade.lend("bank-b", "other trade", {elsewhere: 100})
    moved = trade.substitute("bank-b", loan, {elsewhere: 100}, {shipment: 100})
    assert trade.refused("bank-b", moved) == (Rejection.CASE_EXCEEDED, shipment)


def test_one_loan_on_two_documents_of_a_trade_is_weighed_as_one(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    shipment = trade.linked("shipment", 1000, ORDER)
    both = {order: 401, shipment: 400}
    assert trade.try_hold("bank-a", "both", both) == (Rejection.CASE_EXCEEDED, shipment)
    loan = trade.lend("bank-a", "fits", {order: 400, shipment: 400})
    assert trade.case(order).allocations == 2
    assert trade.view(loan).outstanding == {"USD": 800}


def test_a_hold_is_paid_out_in_parts_within_the_trade(trade: Trade) -> None:
    """Each payout is weighed without the rest of its own hold, and with all that others hold or have out."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    shipment = trade.linked("shipment", 200, ORDER)
    loan = loan_id("loan")
    trade.accept("bank-a", trade.hold("bank-a", loan, {order: 700}))
    trade.accept("bank-b", trade.hold("bank-b", loan_id("other"), {shipment: 160}))
    trade.accept("bank-a", trade.disburse(loan, 300))
    trade.accept("bank-a", trade.disburse(loan, 240))
    assert trade.refused("bank-a", trade.disburse(loan, 1)) == (Rejection.CASE_EXCEEDED, order)
    assert trade.case_view(order).sides[0].used == 540


def test_what_the_buyer_paid_on_the_declaration_is_paid_on_the_order_too(trade: Trade) -> None:
    """Of 1000 ordered 200 were shipped and paid: 800 x 70 % are left to lend on the order."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    shipment = trade.linked("shipment", 200, ORDER)
    trade.accept("bank-b", trade.collect("receipt", shipment, 190, final=True))
    assert trade.case_view(order).sides[0].caps["self"] == 560
    assert trade.try_hold("bank-a", "beyond", {order: 561}) == (Rejection.CASE_EXCEEDED, order)
    assert trade.try_hold("bank-a", "fits", {order: 560}) == (0, "")


def test_a_receipt_on_weaker_evidence_does_not_count_against_stronger(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    shipment = trade.linked("shipment", 1000, ORDER)
    trade.accept("bank-c", trade.collect("receipt", order, 1000))
    assert trade.case_view(order).sides[0].caps == {"self": 0, "attested": 800}
    assert trade.try_hold("bank-b", "loan", {shipment: 800}) == (0, "")


def test_a_withdrawn_paper_carries_nothing_and_what_is_out_on_it_counts(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    trade.lend("bank-a", "loan", {order: 300})
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 500, names=[ORDER], signed=[order])
    trade.accept("bank-a", {"type": "cases.withdraw/1", "quota": order, "reason": "replaced"})
    assert trade.try_hold("bank-a", "beyond", {invoice: 51}) == (Rejection.CASE_EXCEEDED, invoice)
    assert trade.try_hold("bank-a", "fits", {invoice: 50}) == (0, "")


def test_what_a_document_carries_is_bound_to_the_version_that_was_seen(trade: Trade) -> None:
    """Customs amended the declaration: the evaluator's statement on the version before holds no more."""
    declared = trade.declare("declared", 1000)
    command = trade.link("bank-a", declared, ORDER)
    trade.edit_quota(declared, fingerprints=some32("amended"))
    assert trade.refused("bank-a", command)[0] == Rejection.EVALUATION_BAD_SIGNATURE
    trade.accept("bank-a", trade.link("bank-a", declared, ORDER))


def test_customs_goes_on_with_a_declaration_that_is_in_a_case(trade: Trade) -> None:
    """Attested, linked, amended: the fact that it has a case stays, and the cap follows the amendment."""
    handle = some32("handle")
    declared = f"{handle}.USD"
    attest = {"attested": 1000, "commitment": EMPTY, "custodial": False, "draw_key": draw_key(declared)}
    attest |= {"fingerprints": EMPTY, "handle": handle, "kind": "export", "mode": "0110", "provisional": False}
    attest |= {"seal": EMPTY, "stage": "closed", "type": "customs.attest/1", "unit": "USD"}
    trade.accept("customs", attest)
    trade.accept("bank-a", trade.link("bank-a", declared, ORDER))
    amend = {"attested": 500, "commitment": EMPTY, "fingerprints": EMPTY, "quota": declared}
    trade.accept("customs", amend | {"reason": "short-shipment", "type": "customs.amend/1"})
    assert trade.case_view(declared).sides[0].caps == {"attested": 400}
