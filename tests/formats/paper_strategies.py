"""Hypothesis strategies for the other papers of a trade, as forms and UBL can carry them."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal, TypeVar

from hypothesis import strategies as st
from stdnum import iso6346
from tests.formats.strategies import currencies, texts, usccs

from kouan.formats.errors import FormatError
from kouan.formats.trade_papers import (
    MAX_AMOUNT,
    TYPE_CODES,
    Contract,
    Identifier,
    Invoice,
    InvoiceLine,
    InvoiceReference,
    Order,
    Party,
    TransportDocument,
)

T = TypeVar("T")
days = st.dates(dt.date(1, 1, 1))
amounts = st.integers(0, MAX_AMOUNT)
quantities = st.decimals(-(10**14), 10**14, places=10, allow_nan=False, allow_infinity=False)


def optional(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


def words(longest: int) -> st.SearchStrategy[str]:
    """Printable text with single blanks, as readers keep it."""
    return texts(longest).map(lambda text: re.sub(" +", " ", text))


@st.composite
def identifiers(draw: st.DrawFn) -> Identifier:
    scheme = draw(st.sampled_from(["uscc", "vat", "0088", "0199", "house-list"]))
    values = {"uscc": usccs(), "vat": st.from_regex("[A-Z]{2}[0-9A-Z]{2,10}", fullmatch=True)}
    return Identifier(scheme=scheme, value=draw(values.get(scheme, words(30))))


@st.composite
def parties(draw: st.DrawFn) -> Party:
    found = draw(st.sets(identifiers(), max_size=4))
    return Party(name=draw(words(400)), identifiers=tuple(sorted(found)))


@st.composite
def invoices(draw: st.DrawFn, *, for_ubl: bool = False) -> Invoice:
    type_code = draw(st.sampled_from(sorted(TYPE_CODES)))
    line = st.builds(
        InvoiceLine,
        description=optional(words(60)),
        quantity=quantities if for_ubl else optional(quantities),
        unit=optional(st.sampled_from(["C62", "KGM", "件"])),
        amount_minor=st.integers(-MAX_AMOUNT, MAX_AMOUNT) if for_ubl else optional(amounts),
    )
    return Invoice(
        kind=TYPE_CODES[type_code],
        type_code=type_code,
        number=draw(words(100)),
        date=draw(days),
        seller=draw(parties()),
        buyer=draw(parties()),
        currency=draw(currencies),
        total_minor=draw(amounts),
        payable_minor=draw(amounts),
        order_number=draw(optional(words(100))),
        contract_number=draw(optional(words(100))),
        credited=tuple(draw(st.lists(st.builds(InvoiceReference, number=words(100), date=optional(days)), max_size=2))),
        lines=tuple(draw(st.lists(line, min_size=1 if for_ubl else 0, max_size=3))),
    )


def _sales(kind: type[T]) -> st.SearchStrategy[T]:
    return st.builds(
        kind,
        number=words(100),
        date=days,
        buyer=parties(),
        seller=parties(),
        currency=currencies,
        total_minor=amounts,
    )


contracts = _sales(Contract)
orders = _sales(Order)


@st.composite
def transport_documents(draw: st.DrawFn) -> TransportDocument:
    kinds: list[Literal["sea-bill", "house-bill", "airway-bill", "truck"]]
    kinds = ["sea-bill", "house-bill", "airway-bill", "truck"]
    kind = draw(st.sampled_from(kinds))
    number, master = None if kind == "truck" else draw(words(60)), None
    if kind == "house-bill":
        master = draw(optional(words(60)))
    if kind == "airway-bill":
        serial = draw(st.integers(0, 9_999_999))
        master = f"{draw(st.integers(0, 999)):03}{serial:07}{serial % 7}"
        number = draw(st.sampled_from([master, f"{master}_{number}"]))
    stems = draw(st.sets(st.from_regex("[A-Z]{3}[UJZR][0-9]{6}", fullmatch=True), max_size=3))
    return TransportDocument(
        kind=kind,
        date=draw(days),
        consignor=draw(parties()),
        number=number,
        master_number=master,
        consignee=draw(optional(parties())),
        carrier=draw(optional(parties())),
        vessel=draw(optional(words(50))),
        voyage=draw(optional(words(50))),
        containers=tuple(stem + iso6346.calc_check_digit(stem) for stem in sorted(stems)),
        gross_weight_kg=draw(optional(st.decimals(0, Decimal(10) ** 13, places=5))),
    )


def damaged(data: bytes, pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    """The file after one to four edits: bytes overwritten, cut out, doubled, put in."""
    piece = st.binary(max_size=4) | st.sampled_from(pieces)
    edit = st.tuples(st.integers(0, len(data)), st.integers(0, 60), piece, st.integers(0, 2))

    def apply(edits: list[tuple[int, int, bytes, int]]) -> bytes:
        changed = data
        for at, length, put, times in edits:
            changed = changed[:at] + changed[at : at + length] * times + put + changed[at + length :]
        return changed

    return st.lists(edit, min_size=1, max_size=4).map(apply)


def result_of(read: Callable[[bytes, str], T], data: bytes) -> T | FormatError:
    """What reading gives: a paper, or an error that a person can read; anything else fails the test."""
    try:
        return read(data, "a.file")
    except FormatError as error:
        refusal = error
    assert refusal.line >= 1
    assert "; " in refusal.problem
    assert str(refusal).isprintable()
    return refusal
