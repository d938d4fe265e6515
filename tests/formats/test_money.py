"""Amounts: the exponent is ISO 4217's, the writing depends on no locale."""

import pytest

from kouan.formats.money import MoneyError, exponent, money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (25_000_000, "USD", "USD 250,000.00"),
        (5, "CNY", "CNY 0.05"),
        (0, "EUR", "EUR 0.00"),
        (-123_456, "USD", "USD -1,234.56"),
        (1_234_567, "JPY", "JPY 1,234,567"),
        (1_234_567, "KWD", "KWD 1,234.567"),
        (12_345, "CLF", "CLF 1.2345"),
        (2**53 - 1, "CNY", "CNY 90,071,992,547,409.91"),
    ],
)
def test_writes_minor_units_with_their_currency(amount_minor: int, currency: str, written: str) -> None:
    """Shows thousands, sign and as many decimals as the currency has."""
    assert money(amount_minor, currency) == written


@pytest.mark.parametrize("currency", ["LAK", "MMK", "RSD", "AFN", "IRR", "KPW", "LBP", "MGA", "SYP"])
def test_currencies_whose_coins_went_out_of_use_keep_iso_4217s_two_decimals(currency: str) -> None:
    """Shows that CLDR's figures for daily use, a factor of a hundred off, are not taken."""
    assert exponent(currency) == 2


@pytest.mark.parametrize("currency", ["usd", "", "XYZ", "XAU", "XXX", "US", "USD "])
def test_refuses_what_is_no_currency(currency: str) -> None:
    """Shows that a code ISO 4217 does not know, or that has no minor unit, is named in the error."""
    with pytest.raises(MoneyError, match="currency"):
        money(1, currency)
