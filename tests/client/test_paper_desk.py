"""Papers at a bank: shown to the evaluator, recorded with their owners' word, lent on as one trade."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.client.paper_scene import (
    BANK,
    BILL,
    BUYER,
    CONTRACT,
    CREDIT_NOTE,
    CUSTOMER,
    DOMESTIC,
    INVOICE,
    ORDER,
    OTHER,
    altered,
    at_bank,
    consent,
    lend,
    member,
    recorded,
    signed,
    slip,
    taken_in,
    wanted,
    with_buyer,
)
from tests.client.port_scene import NUMBER, OWNER, Scene

from kouan.client import case_desk
from kouan.client.amounts import Amount
from kouan.client.filings import SlipError
from kouan.client.kept_papers import SEAL, kept, papers, seal_of
from kouan.client.paper_intake import look_at
from kouan.client.paper_secrets import commitments
from kouan.client.paper_slips import open_paper_slip
from kouan.client.showing import LikenessError, UnseenError
from kouan.client.wallet import Part
from kouan.formats.trade_papers import Identifier, Party
from kouan.kernel.encoding import from_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection


def quota_of(scene: Scene, name: str) -> Quota:
    quota = scene.reader.read(Quota, key_of(name))
    assert quota is not None
    return quota


def test_an_order_is_recorded_and_lent_on(scene: Scene) -> None:
    """Its owner's wallet is told where it stands, consents, and the bank pays out."""
    name = recorded(scene, ORDER)
    quota = quota_of(scene, name)
    assert (quota.kind, quota.attested, quota.limit, quota.issuer) == ("order", 59_640_000, 41_748_000, BANK)
    lend(scene, Part(ORDER.number, "USD", 1_000_000))
    assert quota_of(scene, name).used == 1_000_000
    with at_bank(scene) as desks:
        assert desks.bank.book.number_of(name) == ORDER.number
        assert seal_of(desks.bank, quota) == kept(desks.bank, SEAL, name)[0][1]


def test_looking_sends_nothing_and_says_who_must_sign(scene: Scene) -> None:
    order = recorded(scene, ORDER)
    before = scene.engine.status().height
    with at_bank(scene, OTHER) as desks:
        looked = desks.papers.look(slip(scene, INVOICE, bank=OTHER))
    assert scene.engine.status().height == before
    assert (looked.to_sign, looked.problems, looked.recorded) == ([order], [], None)
    assert looked.remarks == ["custodial: a member keeps the draw key for the owner"]
    assert looked.quota is not None
    assert looked.quota.endswith(".USD")


def test_an_unsigned_paper_of_a_known_trade_is_not_sent(scene: Scene) -> None:
    order = recorded(scene, ORDER)
    data = slip(scene, INVOICE)
    with at_bank(scene) as desks, pytest.raises(ValueError, match=f"join slip: none is signed for {order}"):
        desks.papers.record(data)


def test_a_join_slip_for_other_documents_is_not_sent(scene: Scene) -> None:
    recorded(scene, ORDER)
    with at_bank(scene) as desks:
        data = slip(scene, INVOICE)
        request = desks.papers.request(desks.papers.look(data))
        assert request is not None
        joined = signed(scene, request)
        other = slip(scene, altered(INVOICE, number="LN-2019-1108"))
        with pytest.raises(ValueError, match="it does not name the paper itself"):
            desks.papers.record(other, [joined])


def test_one_trade_is_lent_on_once_through_all_its_papers(scene: Scene) -> None:
    """Order, invoice of the first shipment and declaration stand in one case, whichever bank each came to."""
    recorded(scene, ORDER)
    recorded(scene, INVOICE, bank=OTHER)
    lend(scene, Part(ORDER.number, "USD", 40_000_000))
    with at_bank(scene, OTHER) as desks:
        view = desks.papers.case(INVOICE.number)
        assert view is not None
        assert sorted(one.kind for one in view.documents) == ["invoice", "order"]
        parts = Part(INVOICE.number, "USD", 6_000_000)
        placed = desks.lending.hold(consent(scene, parts, bank=OTHER), wanted(scene))
        assert placed.result.code is Rejection.CASE_EXCEEDED


def test_a_declaration_is_linked_before_it_is_first_held(scene: Scene) -> None:
    """It names contract and bill of lading: whoever recorded these, the hold is weighed with them."""
    recorded(scene, CONTRACT)
    recorded(scene, BILL, bank=OTHER, worth=Amount(11_928_000, "USD"))
    kept_declaration = scene.attest()
    with at_bank(scene) as desks:
        placed = desks.lending.hold(consent(scene, Part(NUMBER, "USD", 1_000)), wanted(scene))
        assert placed.result.accepted
        view = desks.papers.case(NUMBER)
    assert view is not None
    assert sorted(one.kind for one in view.documents) == ["contract", "export", "transport"]
    (name,) = kept_declaration.quotas
    assert "case" in quota_of(scene, name).facts


def test_a_linked_declaration_is_neither_linked_nor_asked_about_again(scene: Scene) -> None:
    recorded(scene, CONTRACT)
    scene.attest()
    with at_bank(scene) as desks:
        for _ in range(2):
            data = consent(scene, Part(NUMBER, "USD", 1_000))
            height = scene.engine.status().height
            assert desks.lending.hold(data, wanted(scene)).result.accepted
            sent = scene.engine.status().height - height
    assert sent == 1
    assert desks.papers is not None


def test_without_an_evaluator_a_declaration_is_held_on_its_own(scene: Scene) -> None:
    scene.attest()
    with at_bank(scene) as desks:
        alone = type(desks.lending)(desks.bank)
        assert alone.hold(consent(scene, Part(NUMBER, "USD", 1_000)), wanted(scene)).result.accepted
        assert desks.papers.case(NUMBER) is None


def test_what_looks_alike_stops_a_hold_until_a_second_person_clears_it(scene: Scene) -> None:
    """The same invoice with -A behind its number at another bank: both are told, each decides for itself."""
    recorded(scene, INVOICE)
    again = altered(INVOICE, number="LN-2019-1107-A", order_number=None, contract_number=None)
    recorded(scene, again, bank=OTHER)
    parts = Part(again.number, "USD", 1_000)
    with at_bank(scene, OTHER) as desks:
        with pytest.raises(
            LikenessError, match=rf"{again.number}: looks like a document of {BANK} \(altered-number"
        ) as told:
            desks.lending.hold(consent(scene, parts, bank=OTHER), wanted(scene))
        assert "kouan paper clear 1 --reason" in str(told.value)
        assert INVOICE.number + " " not in str(told.value)
        with pytest.raises(ValueError, match="--key: main took the document in"):
            desks.papers.clear(1, "looked at both")
    with at_bank(scene, OTHER, "checker") as desks:
        with pytest.raises(ValueError, match="reason: must be 1 to 500"):
            desks.papers.clear(1, "  ")
        cleared = desks.papers.clear(1, "a second shipment, bill seen")
        assert (cleared.cleared_by, cleared.reason) == ("checker", "a second shipment, bill seen")
        with pytest.raises(ValueError, match="was cleared by the key checker"):
            desks.papers.clear(1, "again")
        with pytest.raises(ValueError, match="the book has no 9"):
            desks.papers.clear(9, "what")
    with at_bank(scene, OTHER) as desks:
        assert desks.lending.hold(consent(scene, parts, bank=OTHER), wanted(scene)).result.accepted
    with at_bank(scene) as desks:
        (own,) = desks.papers.likenesses()
        assert (own.number, own.other_member) == (INVOICE.number, OTHER)
        with pytest.raises(LikenessError, match=OTHER):
            desks.lending.hold(consent(scene, Part(INVOICE.number, "USD", 1_000)), wanted(scene))
        assert len(desks.papers.likenesses()) == 1


def test_the_counterpartys_bank_confirms_what_it_was_shown(scene: Scene) -> None:
    """Not the bank that recorded it, and not before the owner knows where the paper stands."""
    data = slip(scene, INVOICE)
    with at_bank(scene) as desks:
        sent = desks.papers.record(data)
    with at_bank(scene, OTHER) as desks, pytest.raises(SlipError, match="does not say where the paper stands"):
        desks.papers.confirm(slip(scene, INVOICE, bank=OTHER), CUSTOMER)
    name = taken_in(scene, sent)
    with at_bank(scene) as desks:
        assert desks.papers.confirm(slip(scene, INVOICE), CUSTOMER).result.code is Rejection.CONFIRMED_BY_RECORDER
    with at_bank(scene, OTHER) as desks:
        assert desks.papers.confirm(slip(scene, INVOICE, bank=OTHER), CUSTOMER).result.accepted
    assert quota_of(scene, name).facts["evidence"] == "confirmed"


@pytest.mark.parametrize(
    ("customer", "message"),
    [
        (OWNER, rf"--for: {OWNER} is not the paper's buyer, which is {CUSTOMER}"),
        ("Nordlicht Leuchten GmbH", "is not the paper's buyer"),
        (None, "--for: is missing; name the customer that this bank vouches for: the paper's buyer"),
    ],
)
def test_a_bank_confirms_for_the_other_side_alone(scene: Scene, customer: str | None, message: str) -> None:
    """The seller's own word is no second one, and a name may be anybody's."""
    name = recorded(scene, INVOICE)
    data = slip(scene, INVOICE, bank=OTHER)
    with at_bank(scene, OTHER) as desks, pytest.raises(ValueError, match=message):
        desks.papers.confirm(data, customer)
    assert quota_of(scene, name).facts["evidence"] == "self"


def test_for_whom_a_bank_confirmed_is_in_its_book(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the number is spelled; an authority names nobody."""
    name = recorded(scene, INVOICE)
    order = recorded(scene, ORDER)
    with at_bank(scene, OTHER) as desks:
        assert desks.papers.confirm(slip(scene, INVOICE, bank=OTHER), "de 999 999 990").result.accepted
        assert desks.bank.book.vouched() == {name: "de 999 999 990"}
        monkeypatch.setattr(case_desk, "member_of", lambda *_: replace(member(scene, OTHER), roles=["attester"]))
        assert desks.papers.confirm(slip(scene, ORDER, bank=OTHER), None).result.accepted
        assert desks.bank.book.vouched()[order] is None


def test_a_paper_recorded_twice_leads_to_the_one_that_is_there(scene: Scene) -> None:
    """The other bank's clerk gets the recorded slip, so that the owner can consent to it there as well."""
    name = recorded(scene, INVOICE)
    with at_bank(scene, OTHER) as desks:
        sent = desks.papers.record(slip(scene, INVOICE, bank=OTHER))
        assert (sent.result.code, sent.result.at) == (Rejection.DOCUMENT_KNOWN, name)
        assert sent.receipt is not None
        assert kept(desks.bank, SEAL, name) == []
        parts = Part(INVOICE.number, "USD", 1_000)
        assert desks.lending.hold(consent(scene, parts, bank=OTHER), wanted(scene)).result.accepted


def test_a_credit_note_finds_its_invoice_and_counts_once(scene: Scene) -> None:
    name = recorded(scene, INVOICE)
    with at_bank(scene) as desks:
        made = desks.papers.credit(CREDIT_NOTE)
        assert made.result.accepted
        assert (made.quota, made.number, made.amount) == (name, INVOICE.number, 9_542_400 - 92_000)
        with pytest.raises(ValueError, match="was entered before"):
            desks.papers.credit(CREDIT_NOTE)
        with pytest.raises(ValueError, match="takes back more than its invoice is worth"):
            desks.papers.credit(altered(CREDIT_NOTE, number="LN-CN-2", payable_minor=9_542_400))
    assert quota_of(scene, name).attested == 9_450_400
    with at_bank(scene) as desks:
        _, (one,) = desks.lending.open_consent(consent(scene, Part(INVOICE.number, "USD", 1_000)))
    assert one.problems == []
    assert "it is over USD 95,424.00, on the ledger it is worth USD 94,504.00" in one.remarks


@pytest.mark.parametrize(
    ("note", "message"),
    [
        (INVOICE, "type_code: the paper is no credit note"),
        (altered(CREDIT_NOTE, credited=()), "names 0 invoices"),
        (altered(CREDIT_NOTE, credited=CREDIT_NOTE.credited * 2), "names 2 invoices"),
        (CREDIT_NOTE, "this bank has recorded 0 invoices LN-2019-1107"),
    ],
)
def test_a_credit_note_that_fits_nothing_is_told(scene: Scene, note: Any, message: str) -> None:
    with at_bank(scene) as desks, pytest.raises(ValueError, match=message):
        desks.papers.credit(note)


def test_a_credit_note_without_the_invoices_day_finds_it_by_number(scene: Scene) -> None:
    name = recorded(scene, INVOICE)
    (earlier,) = CREDIT_NOTE.credited
    undated = altered(CREDIT_NOTE, credited=(type(earlier)(number=earlier.number),))
    with at_bank(scene) as desks:
        assert desks.papers.credit(undated).quota == name


def test_an_amended_paper_stays_the_same_paper(scene: Scene) -> None:
    """Its secret and draw key stay, the older version leaves wallet and vault, consents follow the newest."""
    name = recorded(scene, INVOICE)
    corrected = altered(INVOICE, total_minor=9_000_000, payable_minor=9_000_000, lines=())
    with at_bank(scene) as desks:
        sent = desks.papers.amend(slip(scene, corrected), "correction")
        assert sent.result.accepted
        assert [one.quota.id for one in papers(desks.bank)] == [name]
        _, (one,) = desks.lending.open_consent(consent(scene, Part(INVOICE.number, "USD", 1_000)))
    assert (one.attested, one.problems) == (9_000_000, [])
    with scene.wallet() as wallet:
        assert [kept_paper.amount for kept_paper in wallet.papers()] == [9_000_000]


def test_a_lowered_paper_keeps_its_evidence_and_its_commitment(scene: Scene) -> None:
    """Only amounts are new: what was confirmed stays so, and other banks still open the commitment to its numbers."""
    name = recorded(scene, INVOICE)
    with at_bank(scene, OTHER) as desks:
        assert desks.papers.confirm(slip(scene, INVOICE, bank=OTHER), CUSTOMER).result.accepted
    before = quota_of(scene, name)
    lowered = altered(INVOICE, total_minor=9_000_000, payable_minor=9_000_000, lines=())
    with at_bank(scene) as desks:
        sent = desks.papers.amend(slip(scene, lowered), "correction")
        assert (sent.result.accepted, sent.linked) == (True, None)
    after = quota_of(scene, name)
    assert (after.fingerprints, after.facts["evidence"], after.attested) == (
        before.fingerprints,
        "confirmed",
        9_000_000,
    )
    assert after.commitment != before.commitment
    with at_bank(scene, OTHER) as desks:
        assert (
            desks.papers.confirm(slip(scene, lowered, bank=OTHER), CUSTOMER).result.code
            is Rejection.EVIDENCE_NOT_STRONGER
        )
        parts = Part(INVOICE.number, "USD", 1_000)
        assert desks.lending.hold(consent(scene, parts, bank=OTHER), wanted(scene)).result.accepted


@pytest.mark.parametrize("change", [{"payable_minor": 9_542_400}, {"order_number": "NL-PO-1"}], ids=["raised", "named"])
def test_a_paper_raised_or_renumbered_is_self_declared_again(scene: Scene, change: dict[str, Any]) -> None:
    """And committed to anew, so that the evaluator compares what it says now."""
    name = recorded(scene, altered(INVOICE, payable_minor=9_000_000))
    with at_bank(scene, OTHER) as desks:
        data = slip(scene, altered(INVOICE, payable_minor=9_000_000), bank=OTHER)
        assert desks.papers.confirm(data, CUSTOMER).result.accepted
    before = quota_of(scene, name)
    with at_bank(scene) as desks:
        newest = altered(INVOICE, payable_minor=9_000_000)
        assert desks.papers.amend(slip(scene, altered(newest, **change)), "correction").result.accepted
    after = quota_of(scene, name)
    assert after.facts["evidence"] == "self"
    assert after.fingerprints != before.fingerprints
    with at_bank(scene, OTHER) as desks:
        assert desks.papers.confirm(slip(scene, altered(newest, **change), bank=OTHER), CUSTOMER).result.accepted


def test_earlier_amounts_that_were_never_recorded_are_not_committed_to(scene: Scene) -> None:
    """Else a paper would be compared by amounts that it does not have."""
    recorded(scene, ORDER)
    with scene.wallet() as wallet:
        slips = [wallet.add_paper(INVOICE, "seller"), wallet.add_paper(altered(INVOICE, total_minor=1), "seller")]
    assert slips[1].earlier is None
    lowered = open_paper_slip(scene.home(BANK).keys.hpke_private, slip(scene, altered(INVOICE, lines=())))
    forged = replace(lowered, earlier={"total_minor": 1}, quota=None)
    with at_bank(scene) as desks:
        looked = look_at(desks.bank, desks.evaluator, forged)
    assert looked.commitments == commitments(forged.fields, from_text(forged.secret))


def test_an_amended_paper_is_linked_to_what_it_names_now(scene: Scene) -> None:
    """At once where nobody must sign for it; with the owners' word where it leads into a trade."""
    recorded(scene, altered(INVOICE, order_number=None, contract_number=None))
    recorded(scene, ORDER)
    unknown = altered(INVOICE, order_number="NL-PO-1", contract_number=None)
    with at_bank(scene) as desks:
        sent = desks.papers.amend(slip(scene, unknown), "correction")
        assert sent.linked is not None
        assert sent.linked.accepted
        data = slip(scene, INVOICE)
        sent = desks.papers.amend(data, "correction")
        assert (sent.result.accepted, sent.linked) == (True, None)
        with pytest.raises(ValueError, match="join slip: none is signed for"):
            desks.papers.link_paper(data)
        request = desks.papers.request(desks.papers.look(data))
        assert request is not None
        assert desks.papers.link_paper(data, [signed(scene, request)]).result.accepted
        view = desks.papers.case(ORDER.number)
        assert view is not None
        assert sorted(one.kind for one in view.documents) == ["invoice", "order"]
        assert desks.papers.look(data).to_sign == []


def test_a_paper_renumbered_and_not_linked_yet_is_not_lent_on(scene: Scene) -> None:
    """Once it names another trade, that trade's owner has to sign first; until then it would be weighed alone."""
    recorded(scene, ORDER)
    recorded(scene, altered(INVOICE, order_number=None, contract_number=None))
    with at_bank(scene, key="checker") as desks:
        for one in desks.papers.likenesses():
            desks.papers.clear(one.id, "seen")
    part = Part(INVOICE.number, "USD", 1_000)
    data = slip(scene, altered(INVOICE, contract_number=None))
    with at_bank(scene) as desks:
        sent = desks.papers.amend(data, "correction")
        assert (sent.result.accepted, sent.linked) == (True, None)
        assert desks.lending.hold(consent(scene, part), wanted(scene)).result.code is Rejection.JOIN_UNSIGNED
        request = desks.papers.request(sent.looked)
        assert request is not None
        assert desks.papers.link_paper(data, [signed(scene, request)]).result.accepted
        assert desks.lending.hold(consent(scene, part), wanted(scene)).result.accepted


def test_another_wallets_slip_amends_nothing(scene: Scene) -> None:
    """Whoever else holds the same invoice cannot make the bank restate it under a secret of theirs.

    Its seller has no social credit code on it, so nobody can see at once whose it is.
    """
    seller = Party(name="Lingang", identifiers=(Identifier(scheme="0088", value="5790000436101"),))
    paper = altered(INVOICE, seller=seller)
    recorded(scene, paper)
    with_buyer(scene)
    with at_bank(scene) as desks:
        looked = desks.papers.look(slip(scene, paper, owner=BUYER))
        assert "it stands on the ledger with another wallet's draw key: this owner cannot draw on it" in looked.remarks
        with pytest.raises(ValueError, match="another wallet"):
            desks.papers.amend(slip(scene, paper, owner=BUYER), "correction")


def test_a_withdrawn_paper_is_lent_on_no_more(scene: Scene) -> None:
    recorded(scene, INVOICE)
    with at_bank(scene) as desks:
        assert desks.papers.withdraw(INVOICE.number, "cancelled").accepted
        _, (one,) = desks.lending.open_consent(consent(scene, Part(INVOICE.number, "USD", 1_000)))
    assert "withdrawn: nothing can be drawn on it now" in one.remarks


def test_owners_join_what_no_fingerprint_joins(scene: Scene) -> None:
    """An order and an invoice that does not name it."""
    recorded(scene, ORDER)
    recorded(scene, altered(INVOICE, order_number=None, contract_number=None))
    with at_bank(scene) as desks:
        request = desks.papers.join_request([ORDER.number, INVOICE.number])
        assert desks.papers.join([signed(scene, request)]).accepted
        view = desks.papers.case(ORDER.number)
        assert view is not None
        assert len(view.documents) == 2
        for names in ([ORDER.number], [ORDER.number, ORDER.number]):
            with pytest.raises(ValueError, match="name at least two"):
                desks.papers.join_request(names)
        with pytest.raises(ValueError, match="join slip: none is given"):
            desks.papers.join([])


def test_buyer_and_seller_both_need_a_review(scene: Scene) -> None:
    """The buyer's bank is refused until it has recorded that it looked, and why it goes on."""
    with_buyer(scene)
    domestic = altered(INVOICE, buyer=DOMESTIC, order_number=None, contract_number=None)
    recorded(scene, domestic)
    recorded(scene, domestic, bank=OTHER, owner=BUYER, side="buyer")
    lend(scene, Part(INVOICE.number, "USD", 1_000))
    part = Part(INVOICE.number, "USD", 1_000)
    with at_bank(scene, OTHER) as desks:
        data = consent(scene, part, bank=OTHER, owner=BUYER)
        assert desks.lending.open_consent(data)[0].purpose == "buyer"
        assert desks.lending.open_consent(data)[1][0].owner == BUYER
        placed = desks.lending.hold(data, wanted(scene))
        assert placed.result.code is Rejection.CASE_TO_REVIEW
        assert desks.papers.review(INVOICE.number, "pays-other-side-off", 99).code is Rejection.REVISION_STALE
        assert desks.papers.review(INVOICE.number, "pays-other-side-off").accepted
        placed = desks.lending.hold(consent(scene, part, bank=OTHER, owner=BUYER), wanted(scene))
        assert placed.result.accepted, placed.result


def test_unsigned_finance_of_the_other_side_is_looked_at_before_a_hold(scene: Scene) -> None:
    """The buyer is financed first, unsigned: the seller's bank looks once; the ledger alone would not stop it."""
    with_buyer(scene)
    domestic = altered(INVOICE, buyer=DOMESTIC, order_number=None, contract_number=None)
    recorded(scene, domestic)
    recorded(scene, domestic, bank=OTHER, owner=BUYER, side="buyer")
    lend(scene, Part(INVOICE.number, "USD", 1_000), bank=OTHER, owner=BUYER)
    data = consent(scene, Part(INVOICE.number, "USD", 1_000))
    with at_bank(scene) as desks:
        with pytest.raises(
            UnseenError, match=rf"the buyer has finance on the same trade.*kouan paper review {INVOICE.number}"
        ):
            desks.lending.hold(data, wanted(scene))
        assert desks.papers.review(INVOICE.number, "part-of-amount").accepted
        assert desks.lending.hold(data, wanted(scene)).result.accepted


def test_one_loan_is_for_one_side(scene: Scene) -> None:
    with_buyer(scene)
    recorded(scene, ORDER)
    mine = altered(INVOICE, seller=DOMESTIC, buyer=INVOICE.seller, number="LF-7", order_number=None)
    recorded(scene, mine, side="buyer")
    with pytest.raises(ValueError, match="purpose: some of the documents are the seller's, some the buyer's"):
        consent(scene, Part(ORDER.number, "USD", 1), Part("LF-7", "USD", 1))


@pytest.mark.parametrize(
    ("paper", "message"),
    [
        (CREDIT_NOTE, "type_code: a credit note goes to the bank as it is"),
        (
            altered(INVOICE, seller=type(INVOICE.seller)(name="Nobody")),
            "seller: 'Nobody' has no registered number.*uscc",
        ),
        (altered(INVOICE, number="N/A"), "number: 'N/A' has no digit from 1 to 9"),
        (replace(ORDER, seller=type(INVOICE.seller)(name="Nobody")), "seller: 'Nobody' has no registered number"),
        (replace(BILL, kind="truck", number=None), "kind: a truck's paper has no number"),
        (BILL, "value: the paper names no amount"),
        (altered(INVOICE, payable_minor=0), "value: must be more than zero"),
    ],
)
def test_a_wallet_names_what_a_paper_lacks(scene: Scene, paper: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        slip(scene, paper)


@pytest.mark.parametrize("worth", [Amount(9_542_401, "USD"), Amount(1, "EUR")])
def test_a_paper_is_worth_no_more_than_it_says(scene: Scene, worth: Amount) -> None:
    with pytest.raises(ValueError, match=r"value: .* is more than the paper says, or in another currency"):
        slip(scene, INVOICE, worth=worth)


def test_two_papers_of_one_number_are_told_apart_by_kind_and_day(scene: Scene) -> None:
    """Invoice numbers recur every year."""
    recorded(scene, INVOICE)
    recorded(scene, altered(INVOICE, date=INVOICE.date.replace(year=2018), order_number=None, contract_number=None))
    with pytest.raises(ValueError, match="several papers have this number; name one of invoice:LN-2019-1107:2018"):
        consent(scene, Part(INVOICE.number, "USD", 1))
    consent(scene, Part("invoice:LN-2019-1107:2019-11-07", "USD", 1))
    with pytest.raises(ValueError, match="not in the wallet"):
        consent(scene, Part("LN-1", "USD", 1))
    with pytest.raises(ValueError, match="nothing recorded in EUR; it is in USD"):
        consent(scene, Part("invoice:LN-2019-1107:2019-11-07", "EUR", 1))


def test_a_paper_is_drawn_on_once_it_is_recorded_as_it_is(scene: Scene) -> None:
    slip(scene, INVOICE)
    with pytest.raises(ValueError, match="not on the ledger yet"):
        consent(scene, Part(INVOICE.number, "USD", 1))
    recorded(scene, INVOICE)
    slip(scene, altered(INVOICE, lines=()))
    with pytest.raises(ValueError, match="on the ledger stands another version"):
        consent(scene, Part(INVOICE.number, "USD", 1))


def test_a_slip_for_another_bank_is_not_taken(scene: Scene) -> None:
    with at_bank(scene, OTHER) as desks, pytest.raises(SlipError, match="another bank's key"):
        desks.papers.look(slip(scene, INVOICE))


def test_the_owner_is_named_by_its_code(scene: Scene) -> None:
    recorded(scene, INVOICE)
    with at_bank(scene) as desks:
        _, (one,) = desks.lending.open_consent(consent(scene, Part(INVOICE.number, "USD", 1_000)))
    assert (one.owner, one.kind, one.number) == (OWNER, "invoice", INVOICE.number)
    assert one.remarks[0] == "self-declared: nobody but the owner vouches for it"
