"""What is one document, however it is shown, and what the ledger takes from the evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evaluator.scene import (
    BILL,
    BUYER,
    CONTRACT,
    DAY,
    DECLARATION,
    GLN,
    INVOICE,
    ORDER,
    SELLER,
    STRANGER,
    Scene,
    changed,
    credit_note,
)
from tests.modules.customs import port

from kouan.client.commitments import Subject, commit
from kouan.client.evaluating import EvaluationError
from kouan.formats.paper_forms import fields_of
from kouan.formats.trade_papers import InvoiceReference, Party, TransportDocument
from kouan.kernel.encoding import to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.commands.recording import LinkCommand, RecordCommand
from kouan.modules.cases.joining import case_of
from kouan.modules.cases.queries import next_paper_id


@pytest.mark.parametrize(
    "change",
    [
        {"number": "ＬＮ－２０１９－１１０７"},
        {"number": "ln-2019 - 1107"},
        {"seller": changed(SELLER, name="Shanghai Lingang Precision Co., Ltd.")},
        {"total_minor": 1, "payable_minor": 1},
    ],
)
def test_one_invoice_in_two_spellings_has_one_fingerprint(scene: Scene, change: dict[str, Any]) -> None:
    """Whoever shows it, under whatever salt."""
    first = scene.carried("bank-a", INVOICE)
    assert scene.carried("bank-b", changed(INVOICE, **change), b"s" * 32)["invoice"] == first["invoice"]


def test_a_paper_shown_by_another_number_of_its_seller_meets_itself(scene: Scene) -> None:
    """Once somebody has shown it with both numbers: the social credit code is the one that counts."""
    by_gln = changed(INVOICE, seller=Party(name="Lingang", identifiers=(GLN,)))
    by_both = changed(INVOICE, seller=Party(name="Lingang", identifiers=(GLN, *SELLER.identifiers)))
    assert scene.own("bank-b", by_both) == scene.own("bank-b", by_gln) == scene.own("bank-a", INVOICE)


def test_two_papers_that_were_given_out_stay_two(scene: Scene) -> None:
    """Two fingerprints are on the ledger already; that they look alike is told."""
    by_gln = changed(INVOICE, seller=Party(name="Lingang", identifiers=(GLN,)))
    by_both = changed(INVOICE, seller=Party(name="Lingang", identifiers=(GLN, *SELLER.identifiers)))
    first = scene.own("bank-a", by_gln)
    scene.ledger.advance(1)
    assert scene.own("bank-b", by_both) == scene.own("bank-a", INVOICE) != first
    assert scene.own("bank-b", by_gln) == first
    assert any("altered-number" in kinds for kinds in scene.kinds("bank-b", by_both))


def test_a_number_that_was_named_keeps_its_meaning(scene: Scene) -> None:
    """Whoever shows the named paper with an invented number besides moves neither it nor what named it."""
    with_gln = changed(CONTRACT, seller=Party(name="Lingang", identifiers=(GLN, *SELLER.identifiers)))
    declaration = scene.carried("bank-a", DECLARATION)["contract"]
    assert scene.own("bank-b", with_gln) == declaration
    assert scene.carried("bank-a", DECLARATION)["contract"] == scene.own("bank-b", CONTRACT) == declaration
    order = scene.carried("bank-a", INVOICE)["order"]
    buyer = Party(name="Nordlicht", identifiers=(GLN, *BUYER.identifiers))
    assert scene.own("bank-b", changed(ORDER, buyer=buyer)) == order


def test_a_paper_with_the_numbers_of_two_sellers_brings_nobodys_papers_together(scene: Scene) -> None:
    """No party has two social credit codes: a stranger's contract that claims both moves the other's to nowhere."""
    strangers = scene.own("bank-c", changed(CONTRACT, seller=STRANGER))
    both = Party(name="Both", identifiers=(*STRANGER.identifiers, *SELLER.identifiers))
    scene.ask("bank-c", changed(CONTRACT, seller=both))
    assert scene.own("bank-a", CONTRACT) != strangers
    assert scene.own("bank-a", CONTRACT) == scene.carried("bank-a", DECLARATION)["contract"]


def test_what_a_paper_merely_names_makes_no_two_numbers_one(scene: Scene) -> None:
    """Else an invented invoice that names two buyers would make their orders one document."""
    two = Party(name="Two", identifiers=(*BUYER.identifiers, GLN))
    evaluation = scene.ask("bank-a", changed(INVOICE, buyer=two, contract_number=None)).evaluation
    assert evaluation is not None
    assert [one.kind for one in evaluation.fingerprints] == ["invoice", "order", "order"]
    by_gln = changed(ORDER, buyer=Party(name="Two", identifiers=(GLN,)))
    own = {scene.carried("bank-b", ORDER)["order"], scene.carried("bank-b", by_gln)["order"]}
    assert own == {one.fingerprint for one in evaluation.fingerprints if one.kind == "order"}


def test_an_invoice_carries_its_order_and_contract(scene: Scene) -> None:
    """By the fingerprints that these have as their own; so does a declaration, its transport document too."""
    invoice = scene.carried("bank-a", INVOICE)
    assert invoice["order"] == scene.carried("bank-b", ORDER)["order"]
    assert invoice["contract"] == scene.carried("bank-b", CONTRACT)["contract"]
    declaration = scene.carried("bank-c", DECLARATION)
    assert declaration["contract"] == invoice["contract"]
    sea_bill = TransportDocument(kind="sea-bill", date=DAY, consignor=SELLER, number="m-77")
    assert declaration["transport"] == scene.carried("bank-c", sea_bill)["transport"]
    assert set(scene.carried("bank-c", BILL)) == {"transport"}


def test_a_credit_note_carries_the_invoice_that_it_credits(scene: Scene) -> None:
    """By it a bank finds the paper to amend; one that names no day leads nowhere."""
    assert scene.carried("bank-a", credit_note()) == {"invoice": scene.own("bank-b", INVOICE)}
    undated = credit_note(credited=(InvoiceReference(number=INVOICE.number),))
    assert scene.ask("bank-a", undated).evaluation is None
    many = tuple(InvoiceReference(number=f"LN-{one}", date=DAY) for one in range(1, 18))
    with pytest.raises(EvaluationError, match="names 17 papers"):
        scene.ask("bank-a", credit_note(credited=many))


@pytest.mark.parametrize("number", ["N/A", "无", "-", "000"])
def test_an_empty_field_never_matches(scene: Scene, number: str) -> None:
    """A paper without a number, or of a seller without a registered one, is nobody's double and is not known."""
    nameless = changed(INVOICE, number=number, order_number=number, contract_number=number)
    other = changed(nameless, seller=STRANGER, total_minor=7)
    assert scene.ask("bank-a", nameless).evaluation is None
    answer = scene.ask("bank-b", other)
    assert answer.evaluation is None
    assert answer.likenesses == []
    unregistered = changed(INVOICE, seller=Party(name="Lingang"))
    assert scene.ask("bank-b", unregistered).evaluation is None
    empty = DECLARATION | {"bill_no": number, "contract_no": None}
    for bank, fields in (("bank-a", empty), ("bank-b", empty | {"bill_no": None})):
        answer = scene.ask(bank, fields)
        assert (answer.evaluation, answer.likenesses) == (None, [])


def test_the_ledger_takes_the_statement(scene: Scene) -> None:
    """An invoice recorded by one bank is known when the other shows it; a declaration joins by its contract."""
    ledger = scene.ledger
    command = record_of(scene, "bank-a")
    own = next(one.fingerprint for one in command.evaluation.fingerprints if one.kind == "invoice")
    quota = next_paper_id(ledger.reader, own, "seller", "USD")
    ledger.accept("bank-a", command)
    other = record_of(scene, "bank-b", b"s" * 32)
    assert ledger.send("bank-b", other)[0] == {"at": quota, "code": Rejection.DOCUMENT_KNOWN}
    stolen = record_of(scene, "bank-a", number="LN-8")
    assert ledger.code("bank-b", stolen) == Rejection.EVALUATION_BAD_SIGNATURE

    commitment = commit(Subject.FINGERPRINTS, bytes(32), DECLARATION)
    ledger.accept("customs", port.attest(attested=11_928_000, fingerprints=commitment))
    evaluation = scene.ask("bank-b", DECLARATION).evaluation
    assert evaluation is not None
    ledger.accept("bank-b", LinkCommand(consents=[], evaluation=evaluation, quota=port.QUOTA))
    case = case_of(ledger.reader, ledger.must(Quota, key_of(port.QUOTA)))
    assert case is not None
    assert case.documents == sorted([port.QUOTA, quota])


def record_of(scene: Scene, bank: str, salt: bytes = bytes(32), **change: Any) -> RecordCommand:
    """Recording the invoice, with what the evaluator says of it."""
    invoice = changed(INVOICE, **change)
    evaluation = scene.ask(bank, invoice, salt).evaluation
    assert evaluation is not None
    return RecordCommand(
        amount=invoice.payable_minor,
        commitment=to_text(bytes(32)),
        consents=[],
        custodial=False,
        draw_key=port.draw_key("invoice"),
        evaluation=evaluation,
        fingerprints=commit(Subject.FINGERPRINTS, salt, fields_of(invoice)),
        kind="invoice",
        purpose="seller",
        seal=to_text(bytes(32)),
        unit="USD",
    )
