"""What becomes of a link when the numbers change, when a document is taken out, and when a case is full."""

from __future__ import annotations

import pytest
from tests.modules.cases.trade import EMPTY, Trade, some32

from kouan.kernel.rejections import Rejection
from kouan.modules.cases.joining import case_of
from kouan.modules.cases.records import MAX_DOCUMENTS, MAX_SELF_DECLARED

CONTRACT, TYPO, ORDER = ("contract", "C-1"), ("contract", "TYPO"), ("order", "PO-1")


@pytest.fixture
def trade() -> Trade:
    return Trade()


def linked(trade: Trade, quota: str) -> str | None:
    return trade.quota(quota).facts.get("linked")


def test_a_document_says_with_which_numbers_it_was_linked(trade: Trade) -> None:
    """So whoever is to lend on it sees that an amended one must be linked again."""
    invoice, declared = trade.recorded("bank-a", "invoice", "INV-1", 1000), trade.declare("declared", 1000)
    assert (linked(trade, invoice), linked(trade, declared)) == (EMPTY, None)
    trade.accept("bank-a", trade.link("bank-a", declared, CONTRACT))
    assert linked(trade, declared) == EMPTY
    trade.edit_quota(declared, fingerprints=some32("corrected"))
    trade.accept("bank-a", trade.renumber(invoice, ("invoice", "INV-1"), CONTRACT))
    assert (linked(trade, invoice), linked(trade, declared)) == (EMPTY, EMPTY)
    for quota in (invoice, declared):
        trade.accept("bank-a", trade.link("bank-a", quota, CONTRACT, signed=[invoice, declared]))
        assert linked(trade, quota) == trade.quota(quota).fingerprints != EMPTY


def test_a_corrected_declaration_is_linked_into_the_trade_it_names_now(trade: Trade) -> None:
    """Filed with a wrong contract, lent on nowhere, corrected: with the link it meets the invoice that is lent on."""
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[CONTRACT])
    trade.lend("bank-a", "invoice", {invoice: 700})
    declared = trade.linked("declared", 1000, TYPO)
    trade.edit_quota(declared, fingerprints=some32("corrected"))
    trade.accept("bank-b", trade.link("bank-b", declared, CONTRACT))
    assert trade.case(declared).documents == sorted([declared, invoice])
    assert trade.try_hold("bank-b", "bill", {declared: 101}) == (Rejection.CASE_EXCEEDED, declared)
    # What it came from stays with it: nobody leaves a trade by correcting a number.
    assert trade.case(trade.linked("by the old number", 10, TYPO)) == trade.case(declared)


def test_a_paper_with_other_numbers_is_still_the_same_paper(trade: Trade) -> None:
    """Amended to another paper's number, that one could be recorded again beside it and lent on twice."""
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    unseen = trade.amend_paper(invoice, 1000, "correction", fingerprints=some32("numbers of INV-2"))
    other = trade.renumber(invoice, ("invoice", "INV-2"), CONTRACT)
    two = trade.renumber(invoice, ("invoice", "INV-1"), ("invoice", "INV-2"))
    none = trade.renumber(invoice, CONTRACT)
    for command in (unseen, other, two, none):
        assert trade.refused("bank-a", command) == (Rejection.FINGERPRINTS_MISFIT, "evaluation")
    old = trade.renumber(invoice, ("invoice", "INV-1"), CONTRACT) | {"fingerprints": some32("others again")}
    assert trade.refused("bank-a", old) == (Rejection.EVALUATION_BAD_SIGNATURE, "evaluation")
    trade.accept("bank-a", trade.renumber(invoice, ("invoice", "INV-1"), CONTRACT))
    trade.accept("bank-a", trade.amend_paper(invoice, 900, "credit-note", fingerprints=some32("other numbers")))


def test_a_true_paper_beside_a_forgery_of_its_number_is_amended(trade: Trade) -> None:
    """Its quota is of the same number, as the second one."""
    fake = trade.recorded("bank-c", "invoice", "INV-1", 1000)
    trade.accept("overseer", trade.dispute(fake, "forged"))
    true = trade.recorded("bank-a", "invoice", "INV-1", 1000)
    trade.accept("bank-a", trade.renumber(true, ("invoice", "INV-1"), CONTRACT))


def test_those_that_stay_are_linked_again_after_a_dispute(trade: Trade) -> None:
    """The number led to the declaration that was taken out; else the next one would not meet the invoice."""
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[CONTRACT])
    wrong = trade.linked("wrong", 1000, CONTRACT)
    trade.lend("bank-a", "invoice", {invoice: 700})
    trade.accept("overseer", trade.dispute(wrong))
    assert case_of(trade.ledger.reader, trade.quota(wrong)) is None
    trade.accept("bank-a", trade.link("bank-a", invoice, ("invoice", "INV-1"), CONTRACT))
    right = trade.linked("right", 1000, CONTRACT)
    assert trade.case(right).documents == sorted([invoice, right])
    assert trade.try_hold("bank-b", "bill", {right: 101}) == (Rejection.CASE_EXCEEDED, right)


def test_where_another_came_first_after_a_dispute_both_owners_sign(trade: Trade) -> None:
    invoice = trade.recorded("bank-a", "invoice", "INV-1", 1000, names=[CONTRACT])
    trade.accept("overseer", trade.dispute(trade.linked("wrong", 1000, CONTRACT)))
    right = trade.linked("right", 1000, CONTRACT)
    late = trade.link("bank-a", invoice, CONTRACT)
    assert trade.refused("bank-a", late) == (Rejection.JOIN_UNSIGNED, right)
    trade.accept("bank-a", trade.link("bank-a", invoice, CONTRACT, signed=[invoice, right]))
    assert trade.case(invoice) == trade.case(right)


def heap(trade: Trade, contract: str, name: str, purpose: str = "seller") -> list[str]:
    """As many papers as one owner's word brings together."""
    papers: list[str] = []
    for number in range(MAX_SELF_DECLARED):
        names, signed = [("contract", contract)], papers[:1]
        own = f"{name} {number}"
        papers.append(trade.recorded("bank-c", "invoice", own, 1, names=names, signed=signed, purpose=purpose))
    return papers


def test_a_heap_of_invented_papers_keeps_no_declaration_out(trade: Trade) -> None:
    """Neither its owner's own nor a stranger's: of each purpose 24 come in, which leaves room for better evidence."""
    sellers = heap(trade, "C-1", "seller's")
    full = trade.record("bank-c", "invoice", "one more", 1, names=[CONTRACT], signed=sellers[:1])
    assert trade.refused("bank-c", full) == (Rejection.CASE_FULL, sellers[0])
    heap(trade, "C-1", "buyer's", "buyer")
    assert len(trade.case(sellers[0]).documents) == 2 * MAX_SELF_DECLARED
    late = [trade.linked(f"declared {n}", 1000, CONTRACT) for n in range(MAX_DOCUMENTS - 2 * MAX_SELF_DECLARED)]
    assert trade.case(late[-1]) == trade.case(sellers[0])
    more = trade.declare("more", 1000)
    assert trade.refused("bank-a", trade.link("bank-a", more, CONTRACT))[0] == Rejection.CASE_FULL


def test_two_heaps_keep_no_declaration_out_that_names_both(trade: Trade) -> None:
    """An authority's word brings them together, and the declaration with them; their owners' word does not."""
    first, second = heap(trade, "C-1", "first"), heap(trade, "C-2", "second")
    assert trade.refused("bank-c", trade.join(first[0], second[0])) == (Rejection.CASE_FULL, second[0])
    declared = trade.linked("declared", 1000, CONTRACT, ("contract", "C-2"))
    assert len(trade.case(declared).documents) == 2 * MAX_SELF_DECLARED + 1


def test_a_confirmed_paper_makes_room_for_another(trade: Trade) -> None:
    papers = heap(trade, "C-1", "own")
    trade.accept("bank-a", trade.confirm(papers[3]))
    signed = [papers[3], papers[0]]
    trade.recorded("bank-c", "invoice", "one more", 1, names=[CONTRACT], signed=signed)
