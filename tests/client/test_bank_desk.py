"""The bank's desks: slips checked, sums split, lapses computed, and nothing on the ledger that is not in the book."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec
import pytest
from tests.client.port_scene import DAY_MS, EXPORT, NUMBER, OWNER, Scene, in_currencies, numbered

from kouan.client.amounts import Amount
from kouan.client.bank import Bank, open_bank
from kouan.client.bank_desk import CONSENT_KIND, REGISTRATION_KIND, BankDesk, Registration, Wanted
from kouan.client.book import BookedLoan, BookError
from kouan.client.commitments import Subject, is_opening
from kouan.client.consents import Consent, ConsentError, open_consent, seal_consent
from kouan.client.filings import document_of
from kouan.client.loan_statement import loan_statement
from kouan.client.names import Name
from kouan.client.offers import offered_to
from kouan.client.papers import last_day
from kouan.client.payoff import PayOffError, read_pay_off
from kouan.client.portfolio import flags_of, one_loan, overdue_at, portfolio
from kouan.client.refusals import explain
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.wallet import Part
from kouan.client.workdays import end_of_day
from kouan.formats.paper import render
from kouan.kernel.encoding import from_text
from kouan.kernel.records import Member
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.records import member_key
from kouan.modules.financing.records import Financing

BANK, OTHER = "bank-of-huangpu", "wusong-trade-bank"
REGISTRATION = Registration(number="07123456", searched="2019-11-06T10:30:00+08:00", expires="2020-11-06")


def wanted(scene: Scene, **terms: object) -> Wanted:
    return Wanted(**{"product": "export-bill", "maturity_ms": scene.now + 90 * DAY_MS} | terms)  # type: ignore[arg-type]  # a test's terms


@contextmanager
def bank(scene: Scene, member: str = BANK, key: str = "main") -> Iterator[Bank]:
    with open_bank(scene.home(member), scene.session(member, key), scene.entropy) as opened:
        yield opened


def slip(scene: Scene, *parts: Part, member: str = BANK, days: int = 30) -> bytes:
    """A consent of the owner for a bank."""
    record = scene.reader.read(Member, member_key(member))
    assert record is not None
    with scene.wallet() as wallet:
        return wallet.consent(scene.reader, record, parts, scene.now + days * DAY_MS).slip


def lend(scene: Scene, opened: Bank, *parts: Part, **terms: object) -> str:
    """Hold and pay out, and return the loan's id."""
    desk = BankDesk(opened)
    placed = desk.hold(slip(scene, *parts, member=opened.session.member), wanted(scene, **terms))
    assert placed.result.accepted, placed.result
    assert desk.disburse(placed.financing, registration=REGISTRATION).result.accepted
    return placed.financing


def altered(scene: Scene, original: bytes, **changes: object) -> bytes:
    """A slip with something changed inside, sealed anew as a forger could: the bank's key is public."""
    consent = open_consent(scene.home(BANK).keys.hpke_private, original)
    plain = msgspec.to_builtins(consent)
    for name, value in changes.items():
        (plain if name in plain else plain["allocations"][0])[name] = value
    record = scene.reader.read(Member, member_key(BANK))
    assert record is not None
    return seal_consent(msgspec.convert(plain, Consent), from_text(record.sealing), scene.entropy)


def test_a_sound_slip_shows_what_customs_attests(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        consent, (one,) = BankDesk(opened).open_consent(slip(scene, Part(NUMBER, "USD", 9_542_400)))
    assert (one.number, one.owner, one.attested, one.available) == (NUMBER, OWNER, 11_928_000, 9_542_400)
    assert one.problems == []
    assert one.remarks == ["custodial: a member keeps the draw key for the owner"]
    assert consent.drawer == BANK


def test_a_hold_lasts_three_business_days_and_stands_in_the_book(scene: Scene) -> None:
    """Taken on Wednesday 6 November 2019 in Shanghai, it lapses at the end of Monday the 11th."""
    scene.attest()
    with bank(scene) as opened:
        placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 1_000)), wanted(scene))
        assert placed.result.accepted
        assert placed.lapse is not None
        assert (placed.lapse.moment_ms, placed.lapse.warnings) == (1_573_488_000_000, [])
        (held,) = portfolio(opened)
        assert (held.view.state, held.booked.customer, held.numbers) == ("held", OWNER, [NUMBER])
        assert len(opened.vault.by_kind(CONSENT_KIND)) == 1
        scene.now = placed.lapse.moment_ms
        assert portfolio(opened)[0].view.state == "lapsed"


def test_the_charters_bound_is_kept_and_said(tmp_path: Path) -> None:
    """Where the charter allows two days, the hold lapses after two days, and the bank is told."""
    scene = Scene(tmp_path / "port", **{"financing__hold_max_ms__export-bill": 2 * DAY_MS})
    scene.attest()
    with bank(scene) as opened:
        placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 1_000)), wanted(scene))
    scene.close()
    assert placed.result.accepted
    assert placed.lapse is not None
    assert placed.lapse.warnings == ["the charter allows no hold of three business days here: it lapses earlier"]


def test_a_refused_hold_is_not_in_the_book_and_says_what_is_free(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        lend(scene, opened, Part(NUMBER, "USD", 9_000_000))
    with bank(scene, OTHER) as opened:
        placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 1_000_000), member=OTHER), wanted(scene))
        assert placed.result.code is Rejection.QUOTA_EXCEEDED
        assert opened.book.loans() == []
        assert opened.vault.by_kind(CONSENT_KIND) == []
        explained = explain(opened, placed.result, "en")
        assert explained is not None
        assert explained.text == "declaration …0101: already financed on this ledger: free USD 5,424.00 of 95,424.00"
        assert (explained.details["free_minor"], explained.details["limit_minor"]) == (542_400, 9_542_400)
        assert BANK not in str(explained)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"number": "224820190000000102"}, "do not lead to the handle"),
        ({"number": "224820199000000101"}, "do not lead to the handle"),
        ({"document": {"entry_id": NUMBER}}, "the document is no declaration"),
        ({"document": document_of(EXPORT) | {"entry_id": "224820190000000102"}}, "of another declaration"),
        ({"document": document_of(EXPORT) | {"contract_no": "FORGED"}}, "not the one that customs attests"),
        ({"amount": 9_542_401}, "signature does not hold"),
        ({"expires_ms": 1}, "has expired"),
        ({"quota": "A" * 43 + ".USD"}, "customs has attested nothing"),
        ({"link_secret": "A" * 43}, "do not lead to the handle"),
    ],
)
def test_an_altered_slip_is_named_and_nothing_is_sent(scene: Scene, changes: dict[str, object], problem: str) -> None:
    scene.attest()
    forged = altered(scene, slip(scene, Part(NUMBER, "USD", 9_542_400)), **changes)
    with bank(scene) as opened:
        height = scene.engine.status().height
        with pytest.raises(ConsentError, match=problem):
            BankDesk(opened).hold(forged, wanted(scene))
        assert scene.engine.status().height == height


def test_a_forged_documents_figures_and_owner_are_said_not_computed_with(scene: Scene) -> None:
    """Sums without end, sums that are none, and owners that are no codes: looked at, named, and nothing sent."""
    scene.attest()
    original = slip(scene, Part(NUMBER, "USD", 1_000))
    plain = document_of(EXPORT)
    (line, *more) = plain["lines"]
    with bank(scene) as opened:
        desk = BankDesk(opened)
        for total in ("Infinity", "NaN", "sNaN", "1E5000", "1E999999999", "1E-400", "-1E30", "9" * 5_000):
            forged = plain | {"lines": [line | {"total": total}, *more]}
            (one,) = desk.open_consent(altered(scene, original, document=forged))[1]
            assert "the document is not the one that customs attests now" in one.problems[-1]
            assert "the document's amounts cannot be added up" in one.remarks
        for owner in ("", "abc", "\x1b[2J", "é" * 18, "91310000-A1FL8TQ32I"):
            (one,) = desk.open_consent(altered(scene, original, document=plain | {"owner_uscc": owner}))[1]
            assert "is not a unified social credit code" in one.remarks[0]
            assert one.remarks[0].isprintable()
        assert opened.book.loans() == []


def test_a_maturity_and_an_offer_at_the_calendars_end_do_not_stop_a_listing(scene: Scene) -> None:
    """The last moment of 9999 in UTC is none any more in Shanghai: papers and listings show it as it is."""
    scene.attest()
    latest_ms = 253_402_300_799_999
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000), maturity_ms=latest_ms)
        assert ServicingDesk(opened).offer(loan, OTHER, latest_ms).accepted
        (held,) = portfolio(opened)
        assert last_day(held.view.maturity_ms) == f"{latest_ms} ms"
        assert render(loan_statement(opened, held, Name(BANK, BANK), scene.now)).startswith(b"%PDF")
    with bank(scene, OTHER) as opened:
        (view,) = offered_to(opened)
        assert view.offer is not None
        assert view.offer.lapse_ms == latest_ms


def test_a_slip_for_another_bank_or_alliance_is_refused(scene: Scene) -> None:
    scene.attest()
    original = slip(scene, Part(NUMBER, "USD", 1_000))
    with bank(scene) as opened:
        with pytest.raises(ConsentError, match="lets wusong-trade-bank draw, not bank-of-huangpu"):
            BankDesk(opened).hold(altered(scene, original, drawer=OTHER), wanted(scene))
        with pytest.raises(ConsentError, match="another alliance"):
            BankDesk(opened).hold(altered(scene, original, alliance="A" * 43), wanted(scene))


def test_a_payout_after_an_amendment_is_told_how_much_of_the_hold_is_left(scene: Scene) -> None:
    """The bank's own hold is not in its way; what others lent is, and nobody is named."""
    scene.attest()
    with bank(scene, OTHER) as opened:
        lend(scene, opened, Part(NUMBER, "USD", 100_000))
    with bank(scene) as opened:
        desk = BankDesk(opened)
        placed = desk.hold(slip(scene, Part(NUMBER, "USD", 4_000_000)), wanted(scene))
        with scene.customs() as customs:
            customs.amend(NUMBER, "short-shipment", {"USD": 1_125_000})
        drawn = desk.disburse(placed.financing, registration=REGISTRATION)
        assert drawn.result.code is Rejection.QUOTA_EXCEEDED
        english, chinese = (explain(opened, drawn.result, lang, paid_out=drawn.loan.id) for lang in ("en", "zh"))
        assert english is not None
        assert chinese is not None
        assert english.text == (
            "declaration …0101: customs amended it: at most USD 8,000.00 of what you hold can be paid out"
        )
        assert chinese.text == "报关单 …0101：海关已改单：本行占用中最多可放款 USD 8,000.00"
        assert english.details["payable_minor"] == 800_000
        most = desk.disburse(placed.financing, registration=REGISTRATION, amount=Amount(800_000, "USD"))
        assert most.result.accepted


def test_an_amended_declaration_needs_a_new_slip(scene: Scene) -> None:
    """The old slip's document is no longer the one that customs attests; the new one says what was amended."""
    scene.attest()
    old = slip(scene, Part(NUMBER, "USD", 1_000))
    with scene.customs() as customs:
        scene.receive(customs.amend(NUMBER, "short-shipment", {"USD": 10_000_000}).slip)
    with bank(scene) as opened:
        with pytest.raises(ConsentError, match="ask the owner for the amended one"):
            BankDesk(opened).hold(old, wanted(scene))
        _, (one,) = BankDesk(opened).open_consent(slip(scene, Part(NUMBER, "USD", 1_000)))
    assert one.problems == []
    assert "the document declares USD 119,280.00, customs attests USD 100,000.00" in one.remarks
    assert "amended: short-shipment" in one.remarks


def test_currencies_and_rates(scene: Scene) -> None:
    """A loan in yuan on dollars and euros records both rates; a missing or needless rate cannot be sent."""
    scene.attest(in_currencies(("1000.00", "USD"), ("500.00", "EUR")))
    both = (Part(NUMBER, "USD", 80_000), Part(NUMBER, "EUR", 40_000))
    with bank(scene) as opened:
        desk = BankDesk(opened)
        with pytest.raises(ValueError, match="currency: the documents are in EUR, USD"):
            desk.hold(slip(scene, *both), wanted(scene))
        with pytest.raises(ValueError, match="rate: none for EUR"):
            desk.hold(slip(scene, *both), wanted(scene, currency="CNY", rates={"USD": 7 * 10**8}))
        with pytest.raises(ValueError, match="rate: JPY needs none"):
            desk.hold(slip(scene, both[0]), wanted(scene, rates={"JPY": 10**8}))
        rates = {"USD": 712_340_000, "EUR": 785_000_000}
        loan = lend(scene, opened, *both, currency="CNY", rates=rates)
        view = one_loan(opened, loan).view
        assert (view.amount, view.outstanding) == (569_872 + 314_000, {"USD": 80_000, "EUR": 40_000})
        repaid = ServicingDesk(opened).repay(loan, "seller", amount=Amount(569_872 + 157_000, "CNY"))
        assert (repaid.result.code, repaid.amounts) == (None, [80_000, 20_000])


def test_a_disbursement_keeps_the_registration_and_commits_to_it(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        record = opened.session.read(Financing, f"financing/{loan}")
        (entry,) = opened.vault.by_kind(REGISTRATION_KIND)
        kept = msgspec.json.decode(opened.vault.get(entry.id))
    assert record is not None
    assert kept["fields"]["number"] == "07123456"
    assert record.registration is not None
    assert is_opening(record.registration, Subject.DOCUMENT, from_text(kept["salt"]), kept["fields"])


def test_collections_are_split_and_can_be_reversed(scene: Scene) -> None:
    """By what is attested of each, the odd cent included; reversed by a second person, all is as before."""
    other = numbered(202)
    scene.attest()
    scene.attest(other)
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000_000), Part(other.entry_id, "USD", 1_000_000))
        desk = ServicingDesk(opened)
        collection = desk.collect(name=loan, amount=Amount(10_001, "USD"), final=False)
        assert [item.amount for item in collection.items] == [5_001, 5_000]
        assert [item.short for item in collection.items] == [0, 0]
        with pytest.raises(ValueError, match="in USD, not in EUR"):
            desk.collect(name=loan, amount=Amount(1, "EUR"), final=False)
        with pytest.raises(ValueError, match="name a loan and the amount"):
            desk.collect(amount=Amount(1, "USD"), final=False)
        assert [one.id for one in opened.book.collections(loan)] == [collection.id]
        assert desk.reverse_collection(collection.id).code is Rejection.REVERSAL_SAME_KEY
    with bank(scene, key="checker") as opened:
        assert ServicingDesk(opened).reverse_collection(collection.id).accepted
        final = ServicingDesk(opened).collect(name=loan, amount=Amount(23_000_000, "USD"), final=True)
        assert sum(item.short for item in final.items) == 2 * 11_928_000 - 23_000_000
        refused = ServicingDesk(opened).collect(name=loan, amount=Amount(1, "USD"), final=True)
        assert refused.result.code is Rejection.COLLECTION_FINAL_ALREADY
        assert len(opened.book.collections(loan)) == 2


def test_overdue_at_the_months_end(scene: Scene) -> None:
    """The last day still counts as in time; the day after, what is owed is overdue."""
    scene.attest()
    with bank(scene) as opened:
        maturity_ms = end_of_day(_day("2019-11-30"))
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000), maturity_ms=maturity_ms)
        assert overdue_at(opened, maturity_ms) == []
        (late,) = overdue_at(opened, end_of_day(_day("2019-12-31")))
        assert (late.view.id, flags_of(late.view)) == (loan, ["overdue"])
        assert ServicingDesk(opened).repay(loan, "buyer", amount=Amount(1_000, "USD")).result.accepted
        assert overdue_at(opened, end_of_day(_day("2019-12-31"))) == []


def test_an_advance_leaves_the_loan_outstanding(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        assert ServicingDesk(opened).repay(loan, "bank", amount=Amount(1_000, "USD")).result.accepted
        view = one_loan(opened, loan).view
        assert (view.outstanding, flags_of(view)) == ({"USD": 1_000}, ["advanced"])
        interest = Amount(1, "EUR")
        with pytest.raises(ValueError, match=r"interest: EUR 0\.01 is not in the loan's currency"):
            ServicingDesk(opened).repay(loan, "seller", interest=interest)


def test_a_pay_off_slip_is_for_one_loan_and_one_bank(scene: Scene) -> None:
    """The other bank's refinancing carries it; for any other loan it is refused before it is sent."""
    scene.attest()
    part = Part(NUMBER, "USD", 9_000_000)
    with bank(scene) as old_bank, bank(scene, OTHER) as new_bank:
        old = lend(scene, old_bank, part)
        consent = slip(scene, part, member=OTHER)
        new = open_consent(new_bank.private_key, consent).financing
        pay_off = read_pay_off(
            ServicingDesk(old_bank).pay_off_slip(
                old,
                to=OTHER,
                successor=new,
                expires_ms=scene.now + DAY_MS,
                seed=scene.home(BANK).keys.signing_seeds["main"],
            )
        )
        desk = BankDesk(new_bank)
        with pytest.raises(PayOffError, match="successor"):
            desk.refinance(slip(scene, part, member=OTHER), wanted(scene), old, REGISTRATION, pay_off)
        placed = desk.refinance(consent, wanted(scene), old, REGISTRATION, pay_off)
        assert placed.result.accepted
        assert one_loan(old_bank, old).view.successor == new
        assert one_loan(new_bank, new).view.predecessor == old
        with pytest.raises(ValueError, match="nothing is owed"):
            ServicingDesk(old_bank).pay_off_slip(old, to=OTHER, successor=new, expires_ms=1, seed=bytes(32))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"{" * 70_000])
def test_what_is_no_pay_off_slip_is_said(data: bytes) -> None:
    with pytest.raises(PayOffError, match="pay-off slip"):
        read_pay_off(data)


def test_a_bank_refinances_its_own_loan(scene: Scene) -> None:
    scene.attest()
    part = Part(NUMBER, "USD", 9_000_000)
    with bank(scene) as opened:
        old = lend(scene, opened, part, product="order")
        placed = BankDesk(opened).refinance(slip(scene, part), wanted(scene), old[:6], REGISTRATION, None)
        assert placed.result.accepted
        assert {held.view.state for held in portfolio(opened)} == {"settled", "disbursed"}


def test_a_third_hold_after_two_lapses_is_refused(scene: Scene) -> None:
    """Who lets two holds lapse undrawn gets no third, and the sentence is about the declaration."""
    scene.attest()
    with bank(scene) as opened:
        for _ in range(2):
            placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 1_000)), wanted(scene))
            assert placed.lapse is not None
            scene.now = placed.lapse.moment_ms
        placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 1_000)), wanted(scene))
        assert placed.result.code is Rejection.HOLD_THIRD
        explained = explain(opened, placed.result, "zh")
        assert explained is not None
        assert explained.text == "报关单 …0101"


def test_a_loan_that_never_reached_the_ledger_is_said_to(scene: Scene) -> None:
    """After a break between the book and the ledger."""
    with bank(scene) as opened:
        with pytest.raises(BookError, match="the book has none"):
            opened.loan("x")
        opened.book.add(BookedLoan("A" * 22, OWNER, 0))
        assert portfolio(opened) == []
        with pytest.raises(BookError, match="not on the ledger"):
            opened.loan("A")


def _day(text: str) -> date:
    return date.fromisoformat(text)


def test_offers_that_are_no_offers_are_passed_over(scene: Scene) -> None:
    """Commands that were refused for their form stand in the blocks as well, and must not stop a bank's look."""
    hostile: tuple[dict[str, object], ...] = (
        {},
        {"financing": 7, "to": BANK},
        {"financing": "../x" * 400, "lapse_ms": 1, "to": BANK},
    )
    session = scene.session("wusong-trade-bank")
    scene.engine.submit([session.sign([{"type": "financing.offer/1", **fields}]) for fields in hostile])
    scene.engine.submit([b'{"financing.offer/1":'])
    with bank(scene) as opened:
        assert offered_to(opened) == []
        assert opened.book.looked_to() == scene.engine.status().height
