"""The other papers of a trade 同一贸易背景 as records: contract, order, invoice, transport document.

What a paper says, whatever file carried it; docs/reference/trade-papers.md lists where each field stands in UBL, in CII
and in Kouan's own forms. Amounts are whole minor units (cents, fils) of the paper's currency, 0 to 2⁵³-1.
"""

import datetime as dt
from decimal import Decimal
from typing import Final, Literal

import msgspec

MAX_AMOUNT: Final = 2**53 - 1
"""The largest amount in minor units: the ledger's integers end there."""
MAX_IDENTIFIERS: Final = 4
"""Identifiers of one party. Each makes fingerprints of its own, so their number is bounded."""

TYPE_CODES: Final[dict[str, Literal["invoice", "credit-note"]]] = {
    "380": "invoice",  # commercial invoice
    "326": "invoice",  # partial invoice
    "384": "invoice",  # corrected invoice
    "386": "invoice",  # prepayment invoice
    "388": "invoice",  # tax invoice
    "393": "invoice",  # factored invoice: the claim is already assigned
    "875": "invoice",  # partial construction invoice
    "876": "invoice",  # partial final construction invoice
    "877": "invoice",  # final construction invoice
    "381": "credit-note",
    "396": "credit-note",  # factored credit note
}
"""Kinds of invoice (UN/CEFACT code list 1001) that are read. Left out are papers that claim no money (325 pro forma,
751 for accounting) and self-billed ones (389, 261), whose number is the buyer's: seller + number + date would not tell
two of them apart."""


class Identifier(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A number that a register gave a party."""

    scheme: str
    """``uscc``, ``vat`` (with the country's two letters in front), a four-digit ISO 6523 code such as ``0088`` (GLN),
    ``0060`` (D-U-N-S) or ``0199`` (LEI), or another scheme's own name in small letters."""
    value: str
    """The number as the paper writes it."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A side of a trade, as the paper names it."""

    name: str
    """Name in the paper's own language 名称."""
    identifiers: tuple[Identifier, ...] = ()
    """Its numbers, in order, each once. Numbers without a scheme are not kept: nobody can say whose they are."""


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an invoice; what a paper leaves out is None."""

    description: str | None = None
    """Name of the goods 货物名称."""
    quantity: Decimal | None = None
    """Quantity 数量 in `unit`; below zero where the line takes something back."""
    unit: str | None = None
    """Unit of the quantity, by UN/ECE recommendation 20 in UBL and CII, such as ``C62`` for pieces."""
    amount_minor: int | None = None
    """Net amount of the line 金额, without tax; below zero where the line takes something back."""


class InvoiceReference(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier invoice that this one credits or corrects 被冲减发票."""

    number: str
    """Number of the earlier invoice."""
    date: dt.date | None = None
    """Its day of issue, where the paper names it."""


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice 发票 or a credit note 贷项通知单."""

    kind: Literal["invoice", "credit-note"]
    """Whether the buyer owes the amount or the seller gives it back; follows from `type_code`."""
    type_code: str
    """UN/CEFACT code of the kind of invoice, one of `TYPE_CODES`, such as 380."""
    number: str
    """Number of the invoice 发票号. For a Chinese fapiao that has a code and a number, both: ``CODE-NUMBER``."""
    date: dt.date
    """Day of issue 开票日期."""
    seller: Party
    """Who sells 销售方."""
    buyer: Party
    """Who buys 购买方."""
    currency: str
    """ISO 4217 currency of every amount 币种."""
    total_minor: int
    """Total with tax 价税合计, before what was paid in advance."""
    payable_minor: int
    """What remains to be paid 应付金额."""
    order_number: str | None = None
    """The buyer's order 订单号."""
    contract_number: str | None = None
    """The contract 合同号."""
    credited: tuple[InvoiceReference, ...] = ()
    """Earlier invoices that this one credits or corrects."""
    lines: tuple[InvoiceLine, ...] = ()
    """What is invoiced, in the paper's order."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's order 订单."""

    number: str
    """The buyer's number of the order 订单号."""
    date: dt.date
    """Day of the order 订单日期."""
    buyer: Party
    """Who orders 买方."""
    seller: Party
    """Who is to deliver 卖方."""
    currency: str
    """ISO 4217 currency of the total 币种."""
    total_minor: int
    """Total of the order 订单总额."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract of sale 合同."""

    number: str
    """The seller's number of the contract 合同号."""
    date: dt.date
    """Day on which it was signed 签订日期."""
    seller: Party
    """Who sells, and whose number it bears 卖方."""
    buyer: Party
    """Who buys 买方."""
    currency: str
    """ISO 4217 currency of the total 币种."""
    total_minor: int
    """Total of the contract 合同总额."""


TransportKind = Literal["sea-bill", "house-bill", "airway-bill", "truck"]


class TransportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A transport document 运输单据."""

    kind: TransportKind
    """``sea-bill`` a carrier's bill of lading 海运提单, ``house-bill`` a forwarder's 货代提单, ``airway-bill``
    航空运单, ``truck`` carriage by road, which has no number 公路运输."""
    date: dt.date
    """Day of issue 签发日期."""
    consignor: Party
    """Who sends the goods 发货人."""
    number: str | None = None
    """The document's full number 提运单号: None for a truck, ``master_house`` or the master alone for air."""
    master_number: str | None = None
    """Number of the master document above a house document 主单号; several consignors may share it."""
    consignee: Party | None = None
    """Who receives the goods 收货人."""
    carrier: Party | None = None
    """Who carries them 承运人."""
    vessel: str | None = None
    """Vessel, flight or vehicle 运输工具."""
    voyage: str | None = None
    """Voyage 航次."""
    containers: tuple[str, ...] = ()
    """Container numbers 集装箱号 by ISO 6346, each once."""
    gross_weight_kg: Decimal | None = None
    """Gross weight 毛重 in kilograms, up to 5 decimals."""


TradePaper = Contract | Invoice | Order | TransportDocument
