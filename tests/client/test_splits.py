"""How one sum is spread over the declarations of a loan, and how sums and rates are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.client.amounts import Amount, parse_amount, parse_rate
from kouan.client.splits import Room, in_order, in_proportion


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("312500.00 USD", Amount(31_250_000, "USD")),
        ("USD 312,500.5", Amount(31_250_050, "USD")),
        (" 1 JPY ", Amount(1, "JPY")),
        ("1.005 KWD", Amount(1_005, "KWD")),
        ("0 USD", Amount(0, "USD")),
    ],
)
def test_an_amount_is_read_with_its_currencys_decimals(text: str, amount: Amount) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("312500", "no currency"),
        ("1,00 USD", "write it like"),
        ("1.001 USD", "at most 2 decimals"),
        ("1.5 JPY", "at most 0 decimals"),
        ("-1 USD", "write it like"),
        ("1e5 USD", "write it like"),
        ("１ USD", "write it like"),
        ("NaN USD", "write it like"),
        ("1 XAU", "ISO 4217"),
        ("1 QQQ", "ISO 4217"),
        ("1 usd", "write it like"),
        ("USD 1 USD", "write it like"),
        ("9" * 30 + " USD", "more than the ledger"),
        ("9" * 10_000 + " USD", "write it like"),
        ("", "write it like"),
    ],
)
def test_what_is_no_amount_is_said(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_amount(text)


def test_a_default_currency_is_for_amounts_without_one() -> None:
    assert parse_amount("5", "USD") == Amount(500, "USD")
    assert parse_amount("5 EUR", "USD") == Amount(500, "EUR")


@pytest.mark.parametrize(
    ("text", "currency", "rate"),
    [
        ("USD=7.1234", "CNY", ("USD", 712_340_000)),
        ("JPY=0.0487", "CNY", ("JPY", 487_000_000)),
        ("CNY=20.5", "JPY", ("CNY", 20_500_000)),
        ("USD=1", "USD", ("USD", 100_000_000)),
    ],
)
def test_a_rate_counts_minor_units(text: str, currency: str, rate: tuple[str, int]) -> None:
    assert parse_rate(text, currency) == rate


@pytest.mark.parametrize(
    "text", ["", "7.1234", "USD=", "USD=0", "USD=-7", "USD=7,1", "usd=7", "USD=0.0000000001", "USD=1e3"]
)
def test_what_is_no_rate_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="rate:"):
        parse_rate(text, "CNY")


@pytest.mark.parametrize(
    ("text", "currency", "problem"),
    [
        ("USD=150.1234567", "JPY", "from USD to JPY give at most 6 decimals"),
        ("USD=7.123456789", "CNY", "from USD to CNY give at most 8 decimals"),
        ("JPY=0.00123456789", "CNY", "from JPY to CNY give at most 10 decimals"),
        ("USD=999999999", "KWD", "at most 9007199.2"),
    ],
)
def test_the_bounds_of_a_rate_are_those_of_its_currencies(text: str, currency: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_rate(text, currency)


def test_a_sum_fills_the_declarations_in_order() -> None:
    """One in the loan's currency fills all of them, at the loan's rates; one in another, those of that currency."""
    usd, eur, more = (Room("USD", 100, 100, int), Room("EUR", 50, 100, lambda own: own // 2), Room("USD", 30, 30, int))
    rooms = [usd, eur, more]
    assert in_order(Amount(50, "EUR"), rooms, "USD", "what is outstanding") == ([0, 50, 0], None)
    assert in_order(Amount(141, "USD"), rooms, "USD", "what is outstanding") == ([100, 20, 0], [100, 41, 0])
    assert in_order(Amount(230, "USD"), rooms, "USD", "what is outstanding") == ([100, 50, 30], [100, 100, 30])
    with pytest.raises(ValueError, match=r"USD 1\.31 is more than what is outstanding, USD 1\.30"):
        in_order(Amount(131, "USD"), [usd, more], "USD", "what is outstanding")
    with pytest.raises(ValueError, match="give it in EUR, USD"):
        in_order(Amount(1, "CNY"), rooms, "USD", "what is outstanding")


def test_what_moves_no_minor_unit_of_a_declaration_is_said() -> None:
    with pytest.raises(ValueError, match=r"JPY 1 is below USD 0\.01, .* with the next payment"):
        in_order(Amount(1, "JPY"), [Room("USD", 100, 150, lambda own: own * 2 // 3)], "JPY", "what is outstanding")


@given(total=st.integers(0, 10**15), weights=st.lists(st.integers(0, 10**15), min_size=1, max_size=64))
def test_a_sum_in_proportion_is_whole_and_fair(total: int, weights: list[int]) -> None:
    """Nothing is lost, and no part is off by a whole minor unit."""
    if not any(weights):
        with pytest.raises(ValueError, match="none of the declarations carries anything"):
            in_proportion(total, weights)
        return
    parts = in_proportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
