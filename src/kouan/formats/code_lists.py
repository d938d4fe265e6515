"""Currencies and countries as the declaration names them."""

from typing import Final

import pycountry

COUNTRIES: Final = frozenset(country.alpha_3 for country in pycountry.countries)
"""ISO 3166-1 alpha-3 codes of countries and regions."""

# One code a line, as the formatter would have lists, hides that these are three short rows of ISO 4217.
_NO_MINOR_UNIT: Final = frozenset("XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split())  # noqa: SIM905 - as above
"""ISO 4217 entries with no minor unit: metals, units of account, testing, no currency."""

_OTHER_DIGITS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),  # noqa: SIM905 - as above
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
# Babel's currency digits are no substitute: CLDR counts the digits in daily use, so that it gives
# the Iraqi dinar 0 where ISO 4217 gives 3.
MINOR_UNIT_DIGITS: Final = {
    currency.alpha_3: _OTHER_DIGITS.get(currency.alpha_3, 2)
    for currency in pycountry.currencies
    if currency.alpha_3 not in _NO_MINOR_UNIT
}
"""Digits of the minor unit by ISO 4217 currency (list one): a cent is 2, a yen has 0, a fils 3."""

CUSTOMS_CURRENCIES: Final = {"142": "CNY", "300": "EUR", "502": "USD"}
"""Customs' numeric codes from before August 2018, still found in old files. Only codes that several
published converters agree on stand here; others are refused, because a wrong guess changes an amount."""
