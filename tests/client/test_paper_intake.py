"""What a bank refuses of papers in slips, and what it is told: the ledger decides, not the slip."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.client.paper_scene import (
    BANK,
    BILL,
    BUYER,
    CONTRACT,
    CREDIT_NOTE,
    INVOICE,
    ORDER,
    OTHER,
    altered,
    at_bank,
    consent,
    example,
    member,
    recorded,
    signed,
    slip,
    wanted,
)
from tests.client.port_scene import NUMBER, Scene, in_currencies, numbered

from kouan.client.amounts import Amount
from kouan.client.consents import Consent, ConsentError, open_consent, seal_consent
from kouan.client.filings import SlipError, document_of
from kouan.client.paper_slips import PaperContent, open_paper_slip, seal_paper_slip
from kouan.client.wallet import Part
from kouan.formats.paper_forms import fields_of
from kouan.formats.trade_papers import Identifier, Party
from kouan.kernel.encoding import from_text
from kouan.kernel.records import Charter
from kouan.kernel.registry import CHARTER_KEY


def forged_consent(scene: Scene, data: bytes, **changes: Any) -> bytes:
    """A consent slip with something changed inside, sealed anew: the bank's key is public."""
    plain = msgspec.to_builtins(open_consent(scene.home(BANK).keys.hpke_private, data))
    for name, value in changes.items():
        (plain if name in plain else plain["allocations"][0])[name] = value
    return seal_consent(msgspec.convert(plain, Consent), from_text(member(scene, BANK).sealing), scene.entropy)


def forged_paper(scene: Scene, data: bytes, **changes: Any) -> bytes:
    """A paper slip with something changed inside."""
    content = open_paper_slip(scene.home(BANK).keys.hpke_private, data)
    plain = msgspec.to_builtins(content) | changes
    sealing = from_text(member(scene, BANK).sealing)
    return seal_paper_slip(msgspec.convert(plain, PaperContent), sealing, scene.entropy)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"document": {"format": "kouan/order/1"}}, "the document is no paper that Kouan reads"),
        ({"document": document_of(numbered(1))}, "the document is no paper that Kouan reads"),
        (
            {"document": fields_of(ORDER)},
            "the document is of the kind order; on the ledger stands one of the kind invoice",
        ),
        ({"document": fields_of(altered(INVOICE, number="X-1"))}, "the document is that of another paper, X-1"),
        ({"document": fields_of(altered(INVOICE, lines=()))}, "the document is not the version on the ledger"),
        ({"link_secret": "A" * 43}, "the document is not the version on the ledger"),
        ({"number": "X-1"}, "the document is that of another paper, LN-2019-1107"),
        ({"purpose": "buyer"}, "it is recorded for the seller, the slip is for the buyer"),
        ({"amount": 2}, "the owner's signature does not hold"),
        ({"expires_ms": 1}, "the owner's signature has expired"),
    ],
)
def test_a_deceitful_consent_is_not_sent(scene: Scene, changes: dict[str, Any], problem: str) -> None:
    recorded(scene, INVOICE)
    data = forged_consent(scene, consent(scene, Part(INVOICE.number, "USD", 1_000)), **changes)
    with at_bank(scene) as desks:
        _, (one,) = desks.lending.open_consent(data)
        assert any(problem in found for found in one.problems), one.problems
        with pytest.raises(ConsentError, match="document "):
            desks.lending.hold(data, wanted(scene))


def test_a_declaration_serves_the_seller_alone(scene: Scene) -> None:
    scene.attest()
    data = forged_consent(scene, consent(scene, Part(NUMBER, "USD", 1_000)), purpose="buyer")
    with at_bank(scene) as desks:
        _, (one,) = desks.lending.open_consent(data)
    assert one.problems[0] == "a declaration is the seller's: the buyer's finance stands on other papers"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"amount": 9_542_401}, "amount: the slip states USD 95,424.01, the paper USD 95,424.00"),
        ({"unit": "EUR"}, "unit: the slip is in EUR, the paper in USD"),
        ({"fields": fields_of(CREDIT_NOTE)}, "it is a credit note, which amends its invoice"),
        ({"fields": fields_of(example("truck.json"))}, "by which it could be told from others"),
    ],
)
def test_a_paper_that_cannot_be_recorded_is_not_sent(scene: Scene, changes: dict[str, Any], problem: str) -> None:
    data = forged_paper(scene, slip(scene, INVOICE), **changes)
    with at_bank(scene) as desks:
        assert problem in desks.papers.look(data).problems[0]
        with pytest.raises(ValueError, match="paper "):
            desks.papers.record(data)


def test_a_slip_that_names_another_bank_inside_is_refused(scene: Scene) -> None:
    content = open_paper_slip(scene.home(BANK).keys.hpke_private, slip(scene, INVOICE))
    other = msgspec.structs.replace(content, bank=OTHER)
    data = seal_paper_slip(other, from_text(member(scene, BANK).sealing), scene.entropy)
    with at_bank(scene) as desks, pytest.raises(SlipError, match=f"it is for {OTHER}"):
        desks.papers.look(data)


def test_a_strangers_paper_is_not_even_shown_to_the_evaluator(scene: Scene) -> None:
    """Or whoever knows a competitor's invoice could record it first, and so block it."""
    data = forged_paper(scene, slip(scene, INVOICE), owner=BUYER)
    with at_bank(scene) as desks:
        looked = desks.papers.look(data)
        whose = f"owner: the slip is of {BUYER}, but the paper's seller is 91310115MA1K0LNG14"
        assert looked.problems == [f"{whose}; a paper is recorded for its own seller or buyer alone"]
        with pytest.raises(ValueError, match=whose):
            desks.papers.record(data)
        assert desks.bank.book.likenesses.shown(looked.commitments.fingerprints) is None
        assert looked.quota is None


@pytest.mark.parametrize("owner", ["../members/bank-of-huangpu", "..", ".hidden", "a/b", "a\\b", "", "a b", "远灯"])
def test_an_owner_that_could_be_a_path_is_refused(scene: Scene, owner: str) -> None:
    """Receipts are delivered to the directory of the owner's wallet."""
    data = slip(scene, INVOICE)
    content = open_paper_slip(scene.home(BANK).keys.hpke_private, data)
    hostile = seal_paper_slip(replace(content, owner=owner), from_text(member(scene, BANK).sealing), scene.entropy)
    with at_bank(scene) as desks, pytest.raises(SlipError, match=r"paper slip: .*owner"):
        desks.papers.look(hostile)


def test_what_a_bank_should_know_of_a_slip_is_said(scene: Scene) -> None:
    """A party without a social credit code, and a paper that names no amount itself."""
    consignor = Party(name="Lingang", identifiers=(Identifier(scheme="0088", value="5790000436101"),))
    data = slip(scene, replace(BILL, consignor=consignor), worth=Amount(500, "USD"))
    with at_bank(scene) as desks:
        remarks = desks.papers.look(data).remarks
    assert "the slip is of 91310115MA1K0LNG14, but the paper's seller is 5790000436101" in remarks
    assert "the paper names no amount: what it is worth, its owner states" in remarks


def test_a_paper_that_would_merge_two_attested_trades_is_told_before_it_is_sent(scene: Scene) -> None:
    """Only an authority may do that; the ledger would refuse it."""
    other = msgspec.structs.replace(numbered(2), contract_no="OTHER-1", bill_no=None)
    recorded(scene, CONTRACT)
    recorded(scene, msgspec.structs.replace(CONTRACT, number="OTHER-1"))
    recorded(scene, ORDER)
    scene.attest()
    scene.attest(other)
    with at_bank(scene, key="checker") as desks:
        for one in desks.papers.likenesses():
            desks.papers.clear(one.id, "two contracts of one sale")
    with at_bank(scene) as desks:
        for number in (NUMBER, other.entry_id):
            assert desks.lending.hold(consent(scene, Part(number, "USD", 1_000)), wanted(scene)).result.accepted
        request = desks.papers.join_request(["OTHER-1", ORDER.number, other.entry_id])
        assert desks.papers.join([signed(scene, request)]).accepted
        data = slip(scene, INVOICE)
        problem = "it would merge trades that each hold an attested document"
        assert problem in desks.papers.look(data).problems[0]
        with pytest.raises(ValueError, match=problem):
            desks.papers.record(data)


def test_every_currency_of_a_declaration_is_linked(scene: Scene) -> None:
    """They are quotas of their own, and one trade."""
    recorded(scene, CONTRACT)
    scene.attest(in_currencies(("1000.00", "USD"), ("500.00", "EUR")))
    with at_bank(scene) as desks:
        data = consent(scene, Part(NUMBER, "USD", 80_000))
        assert desks.lending.hold(data, wanted(scene)).result.accepted
        data = consent(scene, Part(NUMBER, "EUR", 40_000))
        assert desks.lending.hold(data, wanted(scene)).result.accepted
        view = desks.papers.case(CONTRACT.number or "")
    assert view is not None
    assert sorted(one.kind for one in view.documents) == ["contract", "export", "export"]


def test_a_declaration_that_names_nothing_is_held_on_its_own(scene: Scene) -> None:
    plain = msgspec.structs.replace(numbered(3), contract_no=None, bill_no=None)
    scene.attest(plain)
    with at_bank(scene) as desks:
        data = consent(scene, Part(plain.entry_id, "USD", 1_000))
        assert desks.lending.hold(data, wanted(scene)).result.accepted
        assert desks.papers.case(plain.entry_id) is None


def test_a_parameter_younger_than_the_charter_has_its_default(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alliance that was founded before a bound was declared still holds."""
    scene.attest()
    with at_bank(scene) as desks:
        read = type(desks.bank.session).read

        def older(session: Any, kind: Any, key: str) -> Any:
            found = read(session, kind, key)
            return Charter({}, 0) if key == CHARTER_KEY and found is not None else found

        monkeypatch.setattr(type(desks.bank.session), "read", older)
        alone = type(desks.lending)(desks.bank)
        assert alone.hold(consent(scene, Part(NUMBER, "USD", 1_000)), wanted(scene)).result.accepted
