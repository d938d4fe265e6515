"""Amounts as people read them: minor units in, "USD 250,000.00" out, the same in every locale."""

import pycountry

# ISO 4217, list one: every currency in use has two decimals except these. Not taken from CLDR (Babel), which
# records what is in everyday use and gives 0 instead of 2 for LAK, MMK, RSD and ten others.
_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = {code: decimals for decimals, codes in _BY_EXPONENT.items() for code in codes.split()}
_WITHOUT_MINOR_UNIT = frozenset(
    ["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"]
)
"""Metals, accounting units and test codes, for which ISO 4217 gives "N.A."."""


class MoneyError(ValueError):
    """A currency that ISO 4217 does not know or that has no minor unit."""


def exponent(currency: str) -> int:
    """Decimals of the currency by ISO 4217, 2 for "USD"; MoneyError for a code that has no minor unit."""
    known = pycountry.currencies.get(alpha_3=currency)  # finds "usd" too
    if known is None or known.alpha_3 != currency or currency in _WITHOUT_MINOR_UNIT:
        raise MoneyError(f'currency: {currency!r} is not an ISO 4217 currency with a minor unit, such as "USD"')
    return _EXPONENTS.get(currency, 2)


def money(amount_minor: int, currency: str) -> str:
    """Write minor units with their currency, thousands by comma: 25 000 000 of "USD" are "USD 250,000.00"."""
    decimals = exponent(currency)
    whole, part = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{currency} {sign}{whole:,}{fraction}"
