"""Hypothesis strategies for declarations that the single window's message can carry."""

import datetime as dt
from decimal import Decimal
from typing import Literal

from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc

from kouan.formats.code_lists import COUNTRIES, MINOR_UNIT_DIGITS
from kouan.formats.declaration import Charge, Declaration, Line, PriceStatements

CAPITALS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def codes(count: int) -> st.SearchStrategy[str]:
    return st.text(CAPITALS, min_size=count, max_size=count)


def texts(longest: int) -> st.SearchStrategy[str]:
    """What people write: any printable text, markup characters and rare Chinese included, without outer blanks."""
    characters = st.one_of(
        st.characters(exclude_categories=("C", "Zl", "Zp")),
        st.sampled_from("<>&\"'　龘𠮷口岸]]>"),
    )
    return st.text(characters, min_size=1, max_size=min(longest, 40)).map(str.strip).filter(bool)


def decimals(scale: int, *, negative: bool = False) -> st.SearchStrategy[Decimal]:
    largest = Decimal(10) ** (19 - scale) - Decimal(10) ** -scale
    return st.decimals(-largest if negative else 0, largest, places=scale, allow_nan=False, allow_infinity=False)


def optional(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


@st.composite
def usccs(draw: st.DrawFn) -> str:
    body = draw(st.text(USCC_ALPHABET, min_size=17, max_size=17))
    return draw(st.sampled_from([body + stdnum_uscc.calc_check_digit(body), body + "0"]))


@st.composite
def charges(draw: st.DrawFn, *, negative: bool = False) -> Charge | None:
    marks: list[Literal["1", "2", "3"] | None] = [None, "1", "2", "3"]
    mark = draw(st.sampled_from(marks))
    if mark is None:
        return None
    currency = None if mark == "1" else draw(currencies)
    return Charge(mark=mark, rate=draw(decimals(5, negative=negative)), currency=currency)


currencies = st.sampled_from(sorted(MINOR_UNIT_DIGITS))
countries = st.sampled_from(sorted(COUNTRIES))
flags = st.sampled_from([True, False, None])


@st.composite
def lines(draw: st.DrawFn, number: int) -> Line:
    return Line(
        number=number,
        hs_code=draw(digits(10)),
        name=draw(texts(255)),
        model=draw(optional(texts(255))),
        quantity=draw(decimals(5)),
        unit=draw(digits(3)),
        first_quantity=draw(decimals(5)),
        first_unit=draw(digits(3)),
        unit_price=draw(decimals(4)),
        total=draw(decimals(4)),
        currency=draw(currencies),
        duty_mode=draw(digits(1)),
        origin_country=draw(countries),
        destination_country=draw(countries),
        district_code=draw(codes(5)),
    )


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    directions: list[Literal["I", "E"]] = ["I", "E"]
    ie_flag = draw(st.sampled_from(directions))
    return Declaration(
        version=draw(st.sampled_from(["3.1", "4.8", "5.0"])),
        seq_no=draw(optional(codes(18))),
        entry_id=draw(digits(8)) + ("1" if ie_flag == "I" else "0") + draw(digits(9)),
        ie_flag=ie_flag,
        ie_port=draw(digits(4)),
        custom_master=draw(digits(4)),
        ie_date=draw(st.dates(dt.date(1, 1, 1))),
        owner_uscc=draw(usccs()),
        end_user_uscc=draw(usccs()),
        agent_uscc=draw(usccs()),
        agent_code=draw(codes(10)),
        overseas_consignor_code=draw(optional(texts(50))),
        overseas_consignor_name=draw(optional(texts(100))),
        overseas_consignee_code=draw(optional(texts(50))),
        overseas_consignee_name=draw(optional(texts(400))),
        trade_mode=draw(digits(4)),
        cut_mode=draw(optional(digits(3))),
        trans_mode=draw(digits(1)),
        traf_mode=draw(codes(1)),
        traf_name=draw(optional(texts(50))),
        bill_no=draw(optional(texts(32))),
        contract_no=draw(optional(texts(32))),
        manual_no=draw(optional(codes(12))),
        trade_country=draw(countries),
        trade_area=draw(countries),
        distinate_port=draw(codes(6)),
        freight=draw(charges()),
        insurance=draw(charges()),
        other_charges=draw(charges(negative=True)),
        packages=draw(st.integers(1, 999_999_999)),
        wrap_type=draw(codes(2)),
        gross_weight_kg=draw(decimals(5)),
        net_weight_kg=draw(decimals(5)),
        price_statements=PriceStatements(
            special_relationship=draw(flags),
            price_influence=draw(flags),
            royalty=draw(flags),
            formula_price=draw(flags),
            provisional_price=draw(flags),
        ),
        released_on_surety=draw(flags),
        lines=tuple(draw(lines(number)) for number in range(1, draw(st.integers(1, 3)) + 1)),
    )
