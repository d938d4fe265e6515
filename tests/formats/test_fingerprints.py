"""What is one paper exactly, what only looks alike, and the vectors that pin both for other languages.

Run as a program, this file writes ``vectors/normalisation.json`` anew; its expectations stand in the tables here.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.paper_strategies import contracts, invoices, orders, transport_documents

from kouan.formats.fingerprints import (
    DeclarationNumbers,
    declaration_features,
    declaration_fingerprints,
    exact_fingerprints,
    named_fingerprints,
    soft_features,
)
from kouan.formats.invoices import read_invoice
from kouan.formats.normalisation import exact_identifier, exact_number, loose_name, loose_number
from kouan.formats.paper_forms import read_form
from kouan.formats.single_window import read_declaration
from kouan.formats.trade_papers import (
    Identifier,
    Invoice,
    InvoiceReference,
    Order,
    Party,
    TradePaper,
    TransportDocument,
)

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "papers"
FILES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix != ".md")
VECTORS = ROOT / "vectors" / "normalisation.json"

NUMBERS: tuple[tuple[str, str | None, str | None], ...] = (
    # as written, exactly, loosely
    ("INV-0012", "INV-0012", "INV-12"),
    ("ＩＮＶ－００１２", "INV-0012", "INV-12"),
    ("inv-0012", "INV-0012", "INV-12"),
    ("INV–0012", "INV-0012", "INV-12"),
    ("INV−0012", "INV-0012", "INV-12"),
    (" INV　-\u00a00012 ", "INV-0012", "INV-12"),
    ("inv-12", "INV-12", "INV-12"),
    ("INV0012", "INV0012", "INV-12"),
    ("INV 0012", "INV 0012", "INV-12"),
    ("INV  0012", "INV 0012", "INV-12"),
    ("INV/0012", "INV/0012", "INV-12"),
    ("INV-0012-A", "INV-0012-A", "INV-12"),
    ("INV-0012A", "INV-0012A", "INV-12"),
    ("INV-0012 (copy)", "INV-0012(COPY)", "INV-12"),
    ("INV-0012-AB", "INV-0012-AB", "INV-12-AB"),
    ("INV-0012-1", "INV-0012-1", "INV-12-1"),
    ("1-23", "1-23", "1-23"),
    ("12-3", "12-3", "12-3"),
    ("1 23", "1 23", "1-23"),
    ("123", "123", "123"),
    ("A", None, None),
    ("100-0", "100-0", "100-0"),
    ("沪字第００７号", "沪字第007号", "沪字第-7-号"),
    ("№ 7", "NO 7", "NO-7"),
    ("straße-1", "STRASSE-1", "STRASSE-1"),
    ("", None, None),
    ("　", None, None),
    ("-", None, None),
    ("N/A", None, None),
    ("无", None, None),
    ("0000", None, None),
)
IDENTIFIERS: tuple[tuple[str, str | None], ...] = (
    ("91310115MA1K0LNG14", "91310115MA1K0LNG14"),
    ("９１３１０１１５ma1k0lng14", "91310115MA1K0LNG14"),
    ("DE 999 999.990", "DE999999990"),
    ("007", "007"),
    ("XX", None),
    ("000", None),
    ("", None),
)
NAMES: tuple[tuple[str, str | None], ...] = (
    ("Harbour Lamp Co., Ltd.", "HARBOURLAMP"),
    ("HARBOUR LAMP COMPANY LIMITED", "HARBOURLAMP"),
    ("Ｈａｒｂｏｕｒ　Ｌａｍｐ", "HARBOURLAMP"),
    ("Harbour-Lamp S. A.", "HARBOURLAMP"),
    ("Müller & Söhne GmbH", "MÜLLERSÖHNE"),
    ("上海远灯贸易有限公司", "上海远灯贸易"),
    ("上海远灯贸易股份有限公司", "上海远灯贸易"),
    ("远灯（上海）贸易有限公司", "远灯上海贸易"),
    ("Visa", "VISA"),
    ("A B Trading", "ABTRADING"),
    ("Co., Ltd.", "COLTD"),
    ("公司", "公司"),
    ("…", None),
    ("", None),
)


DECLARATIONS: tuple[DeclarationNumbers, ...] = (
    DeclarationNumbers("91310115MA1K0LNG14", "LN-2019-0417", "SHHAM1911012"),
    DeclarationNumbers("91310115MA1K0LNG14", None, "00012345675_DFF00219"),
    DeclarationNumbers("91310115MA1K0LNG14", "N/A", ""),
)


def _pairs(found: list[tuple[str, bytes]]) -> list[dict[str, str]]:
    return [{"kind": kind, "text": text.decode()} for kind, text in found]


def make_vectors() -> dict[str, Any]:
    papers = []
    for name in FILES:
        paper = example(name)
        papers.append(
            {
                "file": f"examples/papers/{name}",
                "exact": _pairs(exact_fingerprints(paper)),
                "named": _pairs(named_fingerprints(paper)),
                "soft": _pairs(soft_features(paper)),
            }
        )
    return {
        "exact_number": [{"text": text, "is": exact} for text, exact, _ in NUMBERS],
        "loose_number": [{"text": text, "is": loose} for text, _, loose in NUMBERS],
        "exact_identifier": [{"text": text, "is": exact} for text, exact in IDENTIFIERS],
        "loose_name": [{"text": text, "is": loose} for text, loose in NAMES],
        "papers": papers,
        "declarations": [
            {
                "numbers": numbers._asdict(),
                "named": _pairs(declaration_fingerprints(numbers)),
                "soft": _pairs(declaration_features(numbers)),
            }
            for numbers in DECLARATIONS
        ],
    }


def example(name: str) -> TradePaper:
    data = (EXAMPLES / name).read_bytes()
    return read_invoice(data, name) if name.endswith(".xml") else read_form(data, name)


@pytest.fixture
def invoice() -> Invoice:
    paper = example("invoice-ubl.xml")
    assert isinstance(paper, Invoice)
    return paper


def test_the_vectors_hold_what_the_code_makes() -> None:
    assert json.loads(VECTORS.read_text("utf-8")) == make_vectors()


@pytest.mark.parametrize(("text", "exact", "loose"), NUMBERS)
def test_numbers(text: str, exact: str | None, loose: str | None) -> None:
    """Exactly: one spelling of the same characters. Loosely: what an alteration leaves."""
    assert exact_number(text) == exact
    assert loose_number(text) == loose


@pytest.mark.parametrize(("text", "exact"), IDENTIFIERS)
def test_identifiers(text: str, exact: str | None) -> None:
    """Punctuation never tells two numbers of one register apart; zeros in front do."""
    assert exact_identifier(text) == exact


@pytest.mark.parametrize(("text", "loose"), NAMES)
def test_names(text: str, loose: str | None) -> None:
    """The legal form goes, whatever language names it."""
    assert loose_name(text) == loose


@pytest.mark.parametrize("normalise", [exact_number, exact_identifier, loose_number, loose_name])
@settings(max_examples=200)
@given(text=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("019aZ-－　Ａｂ公司./")))
def test_normalising_twice_changes_nothing(normalise: Any, text: str) -> None:
    """What is normal stays as it is, holds no line break, and is never the empty text."""
    once = normalise(text)
    assert once is None or (once and normalise(once) == once and "\n" not in once)
    assert normalise(None) is None


@settings(max_examples=200)
@given(first=st.text("01aA-/ ", max_size=6), second=st.text("01aA-/ ", max_size=6))
def test_what_is_exactly_equal_differs_only_in_case_and_idle_blanks(first: str, second: str) -> None:
    """No two numbers that differ in a letter, a digit, a sign, or a blank between letters and digits are one."""
    if exact_number(first) is None or exact_number(first) != exact_number(second):
        return
    assert first.upper().replace(" ", "") == second.upper().replace(" ", "")
    assert loose_number(first) == loose_number(second)


def test_one_invoice_from_three_sources_has_one_exact_fingerprint(invoice: Invoice) -> None:
    """UBL, CII, and typed by a person in full-width letters with the seller's English name."""
    expected = [("invoice", b"kouan/invoice/1\nuscc:91310115MA1K0LNG14\nLN-2019-1107\n2019-11-07")]
    assert exact_fingerprints(invoice) == expected
    assert exact_fingerprints(example("invoice-cii.xml")) == expected
    assert exact_fingerprints(example("typed-invoice.json")) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"number": "LN-2019-1107-A"},
        {"number": "LN-2019-01107"},
        {"number": "LN/2019/1107"},
        {"number": "LN20191107"},
        {"date": dt.date(2020, 11, 7)},
        {"date": dt.date(2019, 11, 8)},
        {"kind": "credit-note"},
        {"seller": Party(name="Other", identifiers=(Identifier(scheme="uscc", value="91310115MA1K0LNG22"),))},
        {"seller": Party(name="Other", identifiers=(Identifier(scheme="0088", value="91310115MA1K0LNG14"),))},
    ],
)
def test_two_real_invoices_are_never_equal_exactly(invoice: Invoice, change: dict[str, Any]) -> None:
    """Another number, day, kind, seller or register is another invoice; last year's same number too."""
    assert not set(exact_fingerprints(invoice)) & set(exact_fingerprints(msgspec.structs.replace(invoice, **change)))


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"number": "LN-2019-1107-A"}, {"altered-number", "contract-number", "order-number", "parties-amount-month"}),
        ({"number": "ln 2019 01107"}, {"altered-number", "contract-number", "order-number", "parties-amount-month"}),
        ({"number": "7", "order_number": None, "contract_number": None}, {"parties-amount-month"}),
        ({"number": "7", "total_minor": 1, "order_number": "nl po 04471", "contract_number": None}, {"order-number"}),
        ({"number": "7", "total_minor": 1, "order_number": None, "contract_number": "ln2019417"}, set()),
        ({"number": "7", "total_minor": 1, "order_number": None, "contract_number": "ln2019/417"}, {"contract-number"}),
        ({"date": dt.date(2019, 12, 1), "order_number": None, "contract_number": None}, {"altered-number"}),
        ({"date": dt.date(2020, 11, 7), "order_number": None, "contract_number": None}, set()),
        ({"number": "7", "total_minor": 1, "order_number": "n/a", "contract_number": "无"}, set()),
        ({"number": "7", "currency": "EUR", "order_number": None, "contract_number": None}, set()),
    ],
)
def test_what_a_person_should_compare(invoice: Invoice, change: dict[str, Any], kinds: set[str]) -> None:
    """An altered number, the same order or contract, the same amount between the same parties in the same month."""
    other = msgspec.structs.replace(invoice, **change)
    assert {kind for kind, _ in set(soft_features(invoice)) & set(soft_features(other))} == kinds


def test_papers_in_two_languages_meet_by_register_and_those_without_numbers_by_name(invoice: Invoice) -> None:
    """Either is enough for a soft feature; only a register's number makes an exact one."""
    nameless = Party(name="Lingang Precision", identifiers=invoice.seller.identifiers)
    unregistered = Party(name="上海临港精密制造股份有限公司")
    for seller in (nameless, unregistered):
        other = msgspec.structs.replace(invoice, seller=seller)
        assert {kind for kind, _ in set(soft_features(invoice)) & set(soft_features(other))} >= {"altered-number"}
    assert exact_fingerprints(msgspec.structs.replace(invoice, seller=unregistered)) == []


def test_a_number_from_a_list_that_a_sender_made_up_identifies_nobody(invoice: Invoice) -> None:
    """Two sellers may be "7" in two lists of the same name."""
    seller = Party(name="Lingang", identifiers=(Identifier(scheme="sellerlist", value="7"),))
    assert exact_fingerprints(msgspec.structs.replace(invoice, seller=seller)) == []


def test_each_register_makes_a_fingerprint_of_its_own(invoice: Invoice) -> None:
    """An invoice shown once with one number of the seller and once with another still meets itself."""
    both = (Identifier(scheme="0088", value="5790000436101"), *invoice.seller.identifiers)
    other = msgspec.structs.replace(invoice, seller=Party(name="Lingang", identifiers=both))
    assert len(exact_fingerprints(other)) == 2
    assert set(exact_fingerprints(invoice)) < set(exact_fingerprints(other))


@pytest.mark.parametrize("number", ["", "-", "N/A", "无", "000"])
def test_an_empty_field_never_matches(invoice: Invoice, number: str) -> None:
    """Neither exactly nor softly: two papers without a number have nothing in common."""
    other = msgspec.structs.replace(invoice, number=number)
    assert exact_fingerprints(other) == []
    assert "altered-number" not in {kind for kind, _ in soft_features(other)}
    truck = example("truck.json")
    assert exact_fingerprints(truck) == soft_features(truck) == []


def test_consignors_that_share_a_master_bill_are_alike_and_not_the_same() -> None:
    """Two shippers in one consolidated container; and the same house number from another shipper."""
    house = example("house-bill.json")
    assert isinstance(house, TransportDocument)
    other_shipper = Party(name="Other", identifiers=(Identifier(scheme="uscc", value="91310115MA1K0LNG22"),))
    other = msgspec.structs.replace(house, consignor=other_shipper, number="DFF-SH-00219")
    assert not set(exact_fingerprints(house)) & set(exact_fingerprints(other))
    assert {kind for kind, _ in set(soft_features(house)) & set(soft_features(other))} == {"master-number"}
    copied = msgspec.structs.replace(house, consignor=other_shipper, master_number=None)
    assert not set(exact_fingerprints(house)) & set(exact_fingerprints(copied))
    assert {kind for kind, _ in set(soft_features(house)) & set(soft_features(copied))} == {"transport-number"}


def test_an_order_meets_the_invoice_that_names_it(invoice: Invoice) -> None:
    """Softly, by buyer and order number: one trade through two papers."""
    order = example("order.json")
    assert isinstance(order, Order)
    text = b"kouan/order/1\nvat:DE999999990\nuscc:91310115MA1K0LNG14\nNL-PO-4471"
    assert exact_fingerprints(order) == [("order", text)]
    assert {kind for kind, _ in set(soft_features(order)) & set(soft_features(invoice))} == {"order-number"}


@pytest.mark.parametrize("name", ["order.json", "contract.json"])
def test_what_an_invoice_names_is_the_papers_own_fingerprint(invoice: Invoice, name: str) -> None:
    """The ledger joins them by one text; an order and a contract themselves name nothing."""
    (own,) = exact_fingerprints(example(name))
    assert own in named_fingerprints(invoice)
    assert named_fingerprints(example(name)) == []
    assert named_fingerprints(msgspec.structs.replace(invoice, order_number="N/A", contract_number=None)) == []


def test_a_strangers_invoice_names_no_order_of_another_seller(invoice: Invoice) -> None:
    """The number of a competitor's order leads nobody to it, whatever buyer stands on the invented invoice."""
    stranger = Party(name="Other", identifiers=(Identifier(scheme="uscc", value="91310115MA1K0LNG22"),))
    invented = msgspec.structs.replace(invoice, seller=stranger)
    order = example("order.json")
    assert not set(exact_fingerprints(order)) & set(named_fingerprints(invented))
    assert not set(soft_features(order)) & set(soft_features(invented))
    nameless = msgspec.structs.replace(invoice, seller=Party(name="Other"), contract_number=None)
    assert named_fingerprints(nameless) == []


def test_a_seller_stands_in_an_order_by_one_number() -> None:
    """A social credit code before a VAT number before those of ISO 6523, whichever the paper writes first."""
    order = example("order.json")
    assert isinstance(order, Order)
    gln, duns, vat = (
        Identifier(scheme=scheme, value=value)
        for scheme, value in (("0088", "5790000436101"), ("0060", "150483782"), ("vat", "IE6388047V"))
    )
    for identifiers, first in (
        ((gln, duns, vat, *order.seller.identifiers), b"uscc:91310115MA1K0LNG14"),
        ((gln, duns, vat), b"vat:IE6388047V"),
        ((gln, duns), b"0060:150483782"),
    ):
        (made,) = exact_fingerprints(
            msgspec.structs.replace(order, seller=Party(name="Lingang", identifiers=identifiers))
        )
        assert made[1].split(b"\n")[2] == first


def test_a_credit_note_names_the_invoices_it_credits(invoice: Invoice) -> None:
    """Where it gives their day: without it the number alone recurs every year. It names no order of its own."""
    dated = InvoiceReference(number="ln-2019-1107", date=dt.date(2019, 11, 7))
    undated = InvoiceReference(number="LN-2019-1106")
    credit_note = msgspec.structs.replace(
        invoice, kind="credit-note", type_code="381", number="CN-1", credited=(dated, undated)
    )
    assert named_fingerprints(credit_note) == exact_fingerprints(invoice)


def test_a_declaration_names_contract_and_transport_document() -> None:
    """Its owner is the seller and the consignor; the texts are those papers' own."""
    data = (ROOT / "examples" / "declarations" / "export-general-trade.xml").read_bytes()
    declaration = read_declaration(data, "a.xml")
    numbers = DeclarationNumbers(declaration.owner_uscc, declaration.contract_no, declaration.bill_no)
    papers = [example("contract.json"), example("sea-bill.json")]
    own = [one for paper in papers for one in exact_fingerprints(paper)]
    assert declaration_fingerprints(numbers) == own
    common = {kind for paper in papers for kind, _ in set(soft_features(paper)) & set(declaration_features(numbers))}
    assert common == {"contract-number", "master-number", "transport-number"}


def test_a_declaration_by_air_has_its_master_number_in_its_full_one() -> None:
    """It is exact with the house number, alike by the master alone; what is empty names nothing."""
    by_air = DECLARATIONS[1]
    assert declaration_fingerprints(by_air) == exact_fingerprints(example("airway-bill.json"))
    other = DeclarationNumbers("91310115MA1K0LNG22", None, "00012345675_DFF00220")
    assert {kind for kind, _ in set(declaration_features(by_air)) & set(declaration_features(other))} == {
        "master-number"
    }
    assert declaration_fingerprints(DECLARATIONS[2]) == declaration_features(DECLARATIONS[2]) == []


def test_a_credit_note_is_not_like_its_invoice_for_its_amount(invoice: Invoice) -> None:
    """It has parties, amount and perhaps month in common by its nature."""
    credit_note = msgspec.structs.replace(
        invoice, kind="credit-note", type_code="381", order_number=None, contract_number=None
    )
    assert not set(soft_features(invoice)) & set(soft_features(credit_note))


@settings(max_examples=100, deadline=None)
@given(contracts | invoices() | orders | transport_documents())
def test_any_paper_has_few_clean_texts(paper: TradePaper) -> None:
    """Every text begins with its kind, is UTF-8, stands once, and there are at most four exact and 60 soft ones."""
    exact, soft = exact_fingerprints(paper), soft_features(paper)
    assert len(exact) == len(set(exact)) <= 4
    assert len(soft) == len(set(soft)) <= 60
    assert len(named_fingerprints(paper)) <= 8
    for kind, text in [*exact, *named_fingerprints(paper), *soft]:
        assert text.decode().split("\n")[0] == f"kouan/{kind}/1"


def test_the_reference_page_names_every_kind() -> None:
    """In English and in Chinese, with its example."""
    page = (ROOT / "docs" / "reference" / "trade-papers.md").read_text("utf-8")
    papers = [example(name) for name in FILES]
    made = [feature for paper in papers for feature in (*exact_fingerprints(paper), *soft_features(paper))]
    assert [kind for kind in sorted({kind for kind, _ in made}) if f"| `{kind}` |" not in page] == []


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(make_vectors(), ensure_ascii=False, indent=2) + "\n", "utf-8")
