"""Currencies and countries as the declaration names them."""

from typing import Final

import pycountry

COUNTRIES: Final = frozenset(country.alpha_3 for country in pycountry.countries)
"""ISO 3166-1 alpha-3 codes of countries and regions."""

_NO_MINOR_UNIT: Final = frozenset(
    ["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"]
)
"""ISO 4217 entries with no minor unit: metals, units of account, testing, no currency."""

# Every currency in use has two digits except these. Not taken from CLDR (Babel), which records what is in everyday
# use: it gives 0 instead of 3 for IQD, 0 instead of 2 for LAK, MMK and ten others.
_OTHER_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS: Final = {code: digits for digits, codes in _OTHER_DIGITS.items() for code in codes.split()}
MINOR_UNIT_DIGITS: Final = {
    currency.alpha_3: _DIGITS.get(currency.alpha_3, 2)
    for currency in pycountry.currencies
    if currency.alpha_3 not in _NO_MINOR_UNIT
}
"""Digits of the minor unit by ISO 4217 currency (list one): a cent is 2, a yen has 0, a fils 3."""

CUSTOMS_CURRENCIES: Final = {"142": "CNY", "300": "EUR", "502": "USD"}
"""Customs' numeric codes from before August 2018, still found in old files. Only codes that
public converters show stand here; others are refused, because a wrong guess changes an amount."""
