"""Who may bring documents together, who may not, and what becomes of their cases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.modules.cases.trade import DAY_MS, Trade, loan_id, some32
from tests.modules.ledger import seed_of

from kouan.kernel.records import Member
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.joining import carrier, case_of
from kouan.modules.cases.records import MAX_DOCUMENTS, Case
from kouan.modules.cases.rules import NO_LOANS, case_key, chained, merged_chain

ORDER, CONTRACT = ("order", "PO-1"), ("contract", "C-1")


@pytest.fixture
def trade() -> Trade:
    return Trade()


def leads_to(trade: Trade, kind: str, name: str) -> str | None:
    found = carrier(trade.ledger.reader, trade.carried([(kind, name)])[0].fingerprint)
    return None if found is None else found.id


def test_a_stranger_cannot_bring_a_paper_into_anothers_trade(trade: Trade) -> None:
    """It knows the numbers, and even has the evaluator's signature on them: what it lacks is the owner's."""
    theirs = trade.linked("theirs", 1000, ORDER)
    command = trade.record("bank-b", "invoice", "FAKE", 1000, names=[ORDER])
    assert trade.refused("bank-b", command) == (Rejection.JOIN_UNSIGNED, theirs)
    forged = trade.record("bank-b", "invoice", "FAKE", 1000, names=[ORDER], signed=[theirs])
    forged["consents"][0]["signature"] = "A" * 86
    assert trade.refused("bank-b", forged) == (Rejection.JOIN_BAD_SIGNATURE, theirs)


def test_an_owner_signs_for_just_these_documents(trade: Trade) -> None:
    """What it signed for one paper does not carry another."""
    theirs = trade.linked("theirs", 1000, ORDER)
    signed = trade.record("bank-a", "invoice", "INV-1", 1000, names=[ORDER], signed=[theirs])
    other = trade.record("bank-b", "invoice", "FAKE", 1000, names=[ORDER]) | {"consents": signed["consents"]}
    assert trade.refused("bank-b", other) == (Rejection.JOIN_BAD_SIGNATURE, theirs)


def test_a_strangers_own_papers_do_not_speak_for_the_trade_it_got_one_into(trade: Trade) -> None:
    """A fake order that was recorded first draws the declaration in; it cannot sign further papers in after it."""
    fake = trade.recorded("bank-c", "order", "PO-1", 1000)
    theirs = trade.linked("theirs", 1000, ORDER)
    assert trade.case(fake) == trade.case(theirs)
    more = trade.record("bank-c", "invoice", "FAKE", 1000, names=[ORDER], signed=[fake])
    assert trade.refused("bank-c", more) == (Rejection.JOIN_UNSIGNED, theirs)
    other = trade.recorded("bank-c", "invoice", "FAKE-2", 1000)
    assert trade.refused("bank-c", trade.join(fake, other)) == (Rejection.JOIN_UNSIGNED, theirs)
    linked = trade.link("bank-c", fake, ("invoice", "FAKE-2"), signed=[fake, other])
    assert trade.refused("bank-c", linked) == (Rejection.JOIN_UNSIGNED, theirs)


def test_a_forged_evaluation_records_nothing(trade: Trade) -> None:
    """Signed by somebody else, for another bank, or by a member that is no evaluator."""
    theirs = trade.linked("theirs", 1000, ORDER)
    good = trade.record("bank-b", "invoice", "INV-1", 1000, names=[ORDER], signed=[theirs])
    forged = trade.evaluation("bank-b", [("invoice", "INV-1"), ORDER], signer="bank-b")
    for_another = trade.evaluation("bank-c", [("invoice", "INV-1"), ORDER])
    by_a_bank = forged | {"evaluator": "bank-b"}
    for evaluation, code in (
        (forged, Rejection.EVALUATION_BAD_SIGNATURE),
        (for_another, Rejection.EVALUATION_BAD_SIGNATURE),
        (by_a_bank, Rejection.EVALUATOR_UNKNOWN),
        (forged | {"key": "none"}, Rejection.EVALUATOR_UNKNOWN),
        (forged | {"evaluator": "nobody"}, Rejection.EVALUATOR_UNKNOWN),
    ):
        assert trade.refused("bank-b", good | {"evaluation": evaluation}) == (code, "evaluation")
    assert seed_of("bank-b") != seed_of("window")
    trade.accept("bank-b", good)


def test_a_revoked_key_of_the_evaluator_signs_no_more(trade: Trade) -> None:
    member = trade.ledger.must(Member, "member/window")
    key = replace(member.keys["main"], revoked_ms=trade.now)
    trade.put("member/window", replace(member, keys=member.keys | {"main": key}))
    command = trade.record("bank-a", "invoice", "INV-1", 1000)
    assert trade.refused("bank-a", command) == (Rejection.EVALUATOR_UNKNOWN, "evaluation")


def test_a_self_declared_paper_merges_no_two_trades_with_attested_documents(trade: Trade) -> None:
    """Not even when both owners sign."""
    one, two = trade.linked("one", 1000, ORDER), trade.linked("two", 1000, CONTRACT)
    signed = trade.record("bank-a", "invoice", "INV", 1, names=[ORDER, CONTRACT], signed=[one, two])
    assert trade.refused("bank-a", signed)[0] == Rejection.JOIN_NEEDS_AUTHORITY
    assert trade.case(one).id != trade.case(two).id
    # Recorded with one of them, it cannot be linked to the other afterwards either.
    paper = trade.recorded("bank-a", "invoice", "INV", 1, names=[ORDER], signed=[one])
    later = trade.link("bank-a", paper, CONTRACT, signed=[paper, one, two])
    assert trade.refused("bank-a", later) == (Rejection.JOIN_NEEDS_AUTHORITY, two)


def test_an_attested_paper_merges_them(trade: Trade) -> None:
    """A carrier attests its transport document, which names both orders."""
    one, two = trade.linked("one", 1000, ORDER), trade.linked("two", 1000, CONTRACT)
    bill = trade.recorded("bank-a", "transport", "BL-1", 2000)
    trade.accept("carrier", trade.confirm(bill))
    trade.accept("bank-a", trade.link("bank-a", bill, ORDER, CONTRACT))
    assert trade.case(one).documents == sorted([one, two, bill])


def test_an_attested_paper_that_was_amended_to_other_numbers_merges_nothing(trade: Trade) -> None:
    """The carrier has not seen them: the bank alone would merge strangers' trades."""
    one, two = trade.linked("one", 1000, ORDER), trade.linked("two", 1000, CONTRACT)
    bill = trade.recorded("bank-c", "transport", "BL-1", 500)
    trade.accept("carrier", trade.confirm(bill))
    trade.accept("bank-c", trade.renumber(bill, ("transport", "BL-1"), ORDER, CONTRACT))
    assert trade.quota(bill).facts["evidence"] == "self"
    link = trade.link("bank-c", bill, ORDER, CONTRACT)
    assert trade.refused("bank-c", link)[0] == Rejection.JOIN_UNSIGNED
    assert trade.case(one).id != trade.case(two).id


def test_a_weak_link_between_attested_trades_is_left_out_and_counted(trade: Trade) -> None:
    """A fake order names a stranger's contract; that stranger's declaration is not merged, nor is it stopped."""
    other = trade.linked("other", 1000, ("transport", "BL-1"))
    order = trade.recorded("bank-c", "order", "PO-1", 9, names=[("transport", "BL-1"), CONTRACT], signed=[other])
    theirs = trade.linked("theirs", 1000, CONTRACT)
    assert trade.case(theirs).documents == [theirs]
    assert trade.case(order).documents == sorted([order, other])
    assert (trade.case(theirs).conflicts, trade.case(order).conflicts) == (1, 1)
    assert trade.case_view(theirs).concerns == ["conflict"]
    # The number leads to the attested declaration from now on, so its next shipment finds it.
    assert leads_to(trade, *CONTRACT) == theirs
    second = trade.linked("second shipment", 500, CONTRACT)
    assert trade.case(theirs).documents == sorted([theirs, second])


def test_a_mere_hold_on_weaker_evidence_blocks_nothing_and_is_shown(trade: Trade) -> None:
    fake = trade.recorded("bank-c", "order", "PO-1", 100_000)
    theirs = trade.linked("theirs", 1000, ORDER)
    held = trade.hold("bank-c", loan_id("fake"), {fake: 70_000})
    trade.accept("bank-c", held)
    assert trade.case_view(theirs).concerns == ["weaker-hold"]
    trade.lend("bank-a", "honest", {theirs: 800})
    # The weaker one counts the stronger, held or out.
    assert trade.refused("bank-c", trade.disburse(loan_id("fake"), 69_201)) == (Rejection.CASE_EXCEEDED, fake)


def test_money_out_on_weaker_evidence_blocks_until_the_overseer_takes_it_out(trade: Trade) -> None:
    fake = trade.recorded("bank-c", "order", "PO-1", 100_000)
    trade.lend("bank-c", "fake", {fake: 70_000})
    theirs = trade.linked("theirs", 1000, ORDER)
    assert trade.try_hold("bank-a", "honest", {theirs: 1}) == (Rejection.CASE_EXCEEDED, theirs)
    trade.accept("overseer", trade.dispute(fake, "forged"))
    assert trade.try_hold("bank-a", "honest", {theirs: 800}) == (0, "")
    assert trade.quota(fake).status == "withdrawn"
    trade.accept("bank-c", trade.repay(loan_id("fake"), 70_000))


def test_a_forged_paper_frees_its_number_for_the_true_one(trade: Trade) -> None:
    fake = trade.recorded("bank-c", "invoice", "INV-1", 100_000, names=[ORDER])
    true = trade.record("bank-a", "invoice", "INV-1", 1000, names=[ORDER])
    assert trade.refused("bank-a", true) == (Rejection.DOCUMENT_KNOWN, fake)
    trade.accept("overseer", trade.dispute(fake, "forged"))
    recorded = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[ORDER])
    assert recorded != fake
    assert trade.case(recorded).documents == [recorded]
    assert leads_to(trade, *ORDER) == recorded


def test_a_detached_document_stands_alone_until_it_is_corrected(trade: Trade) -> None:
    """Also its fingerprints lead to it no more, until it is linked again; and then only the new ones do."""
    one, two = trade.linked("one", 1000, ORDER, CONTRACT), trade.linked("two", 1000, ORDER)
    trade.accept("overseer", trade.dispute(one))
    assert case_of(trade.ledger.reader, trade.quota(one)) is None
    assert trade.case(two).documents == [two]
    assert leads_to(trade, *CONTRACT) is None
    trade.lend("bank-a", "alone", {one: 800})
    again = trade.link("bank-a", one, ORDER)
    assert trade.refused("bank-a", again) == (Rejection.DOCUMENT_DETACHED, one)
    assert trade.refused("bank-a", trade.join(one, two)) == (Rejection.DOCUMENT_DETACHED, one)
    trade.edit_quota(one, fingerprints=some32("corrected"))
    trade.accept("bank-a", trade.link("bank-a", one, ("transport", "BL-1")))
    assert trade.case(one).documents == [one]
    assert leads_to(trade, *CONTRACT) is None
    third = trade.linked("three", 1000, CONTRACT)
    assert trade.case(third).documents == [third]


def test_owners_join_documents_that_share_no_number(trade: Trade) -> None:
    """A split shipment without an order number on it: the owner says that it belongs to the order."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    first, second = trade.linked("first", 200, ORDER), trade.declare("second", 300)
    assert trade.refused("bank-a", trade.join(order, second)) == (Rejection.JOIN_UNSIGNED, first)
    trade.accept("bank-a", trade.join(first, second))
    assert trade.case(order).documents == sorted([order, first, second])
    assert trade.case_view(order).sides[0].caps["attested"] == 400


def test_joining_what_is_joined_changes_nothing(trade: Trade) -> None:
    one, two = trade.linked("one", 1000, ORDER), trade.linked("two", 1000, ORDER)
    before = trade.case(one)
    trade.accept("bank-a", trade.join(one, two))
    assert trade.case(two) == before


def test_a_document_named_twice_stands_in_its_case_once(trade: Trade) -> None:
    """Counted twice it would carry twice: as two consents of a join, or of a paper that is recorded."""
    joined, shown = trade.declare("joined", 1000), trade.declare("shown", 1000)
    trade.accept("bank-a", trade.join(joined, joined))
    assert trade.case(joined).documents == [joined]
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, signed=[shown, shown])
    assert trade.case(shown).documents == sorted([invoice, shown])
    assert trade.case_view(shown).sides[0].caps == {"self": 800, "attested": 800}


def test_a_consolidated_shipment_brings_two_orders_together(trade: Trade) -> None:
    """One declaration names both; totals, limits and history add up."""
    first = trade.recorded("bank-a", "order", "PO-1", 1000)
    second = trade.recorded("bank-b", "order", "PO-2", 500)
    trade.lend("bank-a", "first", {first: 300})
    trade.lend("bank-b", "second", {second: 200})
    shipment = trade.linked("consolidated", 1500, ORDER, ("order", "PO-2"))
    view = trade.case_view(shipment)
    assert [one.quota for one in view.documents] == sorted([first, second, shipment])
    assert (view.sides[0].used, view.sides[0].caps) == (500, {"self": 1200, "attested": 1200})
    assert view.allocations == 2
    assert trade.try_hold("bank-a", "beyond", {shipment: 701}) == (Rejection.CASE_EXCEEDED, shipment)
    assert trade.try_hold("bank-a", "fits", {shipment: 700}) == (0, "")


def test_the_smaller_case_becomes_a_part_of_the_larger(trade: Trade) -> None:
    """Counts add up, the chain binds both histories, and every document still finds its case."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[ORDER], signed=[order])
    alone = trade.recorded("bank-a", "contract", "C-1", 1000)
    for number, paper in enumerate((order, alone)):
        trade.accept("bank-a", trade.hold("bank-a", loan_id(str(number)), {paper: 1}))
    larger, smaller = trade.case(order), trade.case(alone)
    trade.accept("bank-a", trade.join(alone, order))
    whole = trade.case(alone)
    assert whole.id == larger.id
    assert trade.ledger.must(Case, case_key(smaller.id)).merged_into == whole.id
    assert whole.allocations == 2
    assert smaller.chain == chained(NO_LOANS, loan_id("1"))
    assert whole.chain == merged_chain(larger.chain, smaller.chain)
    assert whole.revision > larger.revision + smaller.revision


def test_a_case_has_at_most_64_documents(trade: Trade) -> None:
    """Neither an authority's link nor the owners' word adds one more, and a full case still lends."""
    shipments = [trade.linked(f"shipment {n}", 10, ORDER) for n in range(MAX_DOCUMENTS)]
    assert len(trade.case(shipments[0]).documents) == MAX_DOCUMENTS
    more = trade.declare("one more", 10)
    assert trade.refused("bank-a", trade.link("bank-a", more, ORDER))[0] == Rejection.CASE_FULL
    joined = trade.join(shipments[0], more)
    assert trade.refused("bank-a", joined) == (Rejection.CASE_FULL, joined["consents"][1]["quota"])
    parts = dict.fromkeys(shipments, 8)
    trade.lend("bank-a", "all of it", parts)
    assert trade.case_view(shipments[9]).sides[0].used == 512


def test_a_document_is_amended_inside_its_case(trade: Trade) -> None:
    """A credit note lowers what the trade carries even below what is out; what raises it is self-declared again."""
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[ORDER], signed=[order])
    trade.accept("bank-b", trade.confirm(invoice))
    loan = trade.lend("bank-a", "loan", {invoice: 700})
    trade.accept("bank-a", trade.amend_paper(invoice, 500, "credit-note"))
    assert trade.case_view(invoice).sides[0].caps == {"self": 700, "confirmed": 400}
    assert trade.view(loan).is_under_review
    assert trade.try_hold("bank-a", "more", {order: 1}) == (Rejection.CASE_EXCEEDED, order)
    trade.accept("bank-a", trade.amend_paper(invoice, 2000, "consolidated"))
    assert trade.quota(invoice).facts["evidence"] == "self"
    assert trade.case_view(order).sides[0].caps == {"self": 1400}


def test_a_suspended_bank_amends_only_downwards(trade: Trade) -> None:
    """Also a paper that the buyer has paid for good: that receipt may be reversed."""
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    trade.edit_quota(invoice, settled=True, limit=0)
    trade.put("member/bank-a", replace(trade.ledger.must(Member, "member/bank-a"), suspended=True))
    higher = trade.amend_paper(invoice, 1001, "correction")
    assert trade.refused("bank-a", higher) == (Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED, "amount")
    trade.accept("bank-a", trade.amend_paper(invoice, 999, "correction"))


def test_a_split_invoice_carries_in_two_what_it_carried_in_one(trade: Trade) -> None:
    first = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    trade.lend("bank-a", "first", {first: 600})
    trade.accept("bank-a", trade.amend_paper(first, 600, "split"))
    second = trade.recorded("bank-a", "invoice", "INV-2", 400, signed=[first])
    assert trade.case_view(first).sides[0].caps == {"self": 700}
    assert trade.try_hold("bank-b", "beyond", {second: 101}) == (Rejection.CASE_EXCEEDED, second)
    assert trade.try_hold("bank-b", "fits", {second: 100}) == (0, "")


def test_confirmation_raises_the_ratio_and_what_draws_are_weighed_with(trade: Trade) -> None:
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    trade.accept("bank-b", trade.confirm(invoice))
    assert (trade.quota(invoice).limit, trade.quota(invoice).facts["confirmed-by"]) == (800, "bank-b")
    trade.accept("carrier", trade.confirm(invoice))
    assert trade.quota(invoice).facts["evidence"] == "attested"


def test_who_confirms_vouches_for_the_numbers_too(trade: Trade) -> None:
    """A carrier that saw another bill of lading's numbers than those the bank committed to vouches for neither."""
    bill = trade.recorded("bank-c", "transport", "BL-1", 500)
    seen = trade.confirm(bill) | {"fingerprints": some32("what the carrier has seen")}
    assert trade.refused("carrier", seen) == (Rejection.DOCUMENT_CHANGED, "fingerprints")


def test_lapsed_holds_weigh_nothing(trade: Trade) -> None:
    order = trade.recorded("bank-a", "order", "PO-1", 1000)
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[ORDER], signed=[order])
    trade.accept("bank-a", trade.hold("bank-a", loan_id("held"), {order: 700}))
    assert trade.try_hold("bank-b", "loan", {invoice: 1}) == (Rejection.CASE_EXCEEDED, invoice)
    trade.ledger.advance(4 * DAY_MS)
    assert trade.try_hold("bank-b", "loan", {invoice: 700}) == (0, "")


def test_what_a_case_names_is_there() -> None:
    """A case without its record, a document without its quota: the node stops."""
    trade = Trade()
    paper = trade.recorded("bank-a", "order", "PO-1", 1000)
    quota, case = trade.quota(paper), trade.case(paper)
    missing = replace(quota, facts=quota.facts | {"case": some32("none")})
    with pytest.raises(AssertionError, match="does not exist"):
        case_of(trade.ledger.reader, missing)
    trade.put(case_key(case.id), replace(case, documents=[f"{some32('none')}.USD"]))
    with pytest.raises(AssertionError, match="names the quota"):
        trade.case_view(paper)
