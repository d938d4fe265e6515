"""Invoices, orders and transport documents between the traders of the cast and their buyers."""

from __future__ import annotations

import datetime as dt
from typing import Final

from kouan.client.amounts import Amount
from kouan.formats.trade_papers import Identifier, Invoice, Order, Party, TransportDocument
from kouan.simulation.cast import INSTRUMENT_MAKER, LAMP_MAKER, PARTS_MAKER, TOY_MAKER, Trader

_ABROAD: Final = {
    INSTRUMENT_MAKER.buyer: Identifier(scheme="vat", value="GB999999973"),
    LAMP_MAKER.buyer: Identifier(scheme="vat", value="NL999999990B01"),
    PARTS_MAKER.buyer: Identifier(scheme="0060", value="809999990"),
    TOY_MAKER.buyer: Identifier(scheme="vat", value="ESA99999990"),
}
"""By which register's number a buyer abroad stands on papers; invented."""


def seller_of(trader: Trader) -> Party:
    """Return a trader as its papers name it."""
    return Party(name=f"{trader.en} Co., Ltd.", identifiers=(Identifier(scheme="uscc", value=trader.code),))


def buyer_of(trader: Trader) -> Party:
    """Return the party abroad that buys from a trader."""
    return Party(name=trader.buyer, identifiers=(_ABROAD[trader.buyer],))


def invoice(
    parties: tuple[Party, Party],
    number: str,
    day: dt.date,
    total: Amount,
    *,
    order: str | None = None,
    contract: str | None = None,
) -> Invoice:
    """Return the invoice of a seller to a buyer."""
    seller, buyer = parties
    return Invoice(
        kind="invoice",
        type_code="380",
        number=number,
        date=day,
        seller=seller,
        buyer=buyer,
        currency=total.currency,
        total_minor=total.minor,
        payable_minor=total.minor,
        order_number=order,
        contract_number=contract,
    )


def order(parties: tuple[Party, Party], number: str, day: dt.date, total: Amount) -> Order:
    """Return a buyer's order to a seller."""
    seller, buyer = parties
    return Order(number=number, date=day, buyer=buyer, seller=seller, currency=total.currency, total_minor=total.minor)


def house_bill(trader: Trader, number: str, master: str, day: dt.date) -> TransportDocument:
    """Return a forwarder's bill for one of the shippers in a container."""
    return TransportDocument(
        kind="house-bill",
        date=day,
        consignor=seller_of(trader),
        consignee=buyer_of(trader),
        number=number,
        master_number=master,
        containers=("MSKU1234565",),
    )
