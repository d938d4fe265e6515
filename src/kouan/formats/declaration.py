"""The customs declaration 报关单 as a record: what a declaration says, whatever message carried it.

Fields stand in the order and under the meaning of the single window's message; docs/reference/single-window.md
lists the message's own names, types and lengths next to these.
"""

import datetime as dt
from decimal import Decimal
from typing import Final, Literal

import msgspec

from kouan.formats.code_lists import MINOR_UNIT_DIGITS
from kouan.formats.identifiers import DeclarationNumber, declaration_number, uscc, uscc_problem

_MOST_DIGITS: Final = 20
"""Before and after the point; a message has at most 19 in all."""


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Freight 运费, insurance 保费 or other charges 杂费."""

    mark: Literal["1", "2", "3"]
    """``1`` a rate in percent of the goods' value, ``2`` an amount per unit of weight, ``3`` a total amount."""
    rate: Decimal
    """The percentage or the amount, up to 5 decimals. Only other charges may be negative: they are deducted then."""
    currency: str | None = None
    """ISO 4217 currency of an amount; None where `mark` is ``1``."""


class PriceStatements(msgspec.Struct, frozen=True, kw_only=True):
    """What the declarant confirms about the price 价格说明: True yes, False no, None left open."""

    special_relationship: bool | None = None
    """Buyer and seller are related 特殊关系确认."""
    price_influence: bool | None = None
    """The relation influenced the price 价格影响确认."""
    royalty: bool | None = None
    """Royalties are paid for the goods 支付特许权使用费确认."""
    formula_price: bool | None = None
    """The price follows from a formula 公式定价确认."""
    provisional_price: bool | None = None
    """The price is not final and will be settled later 暂定价格确认."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of goods 商品项."""

    number: int
    """Number of the line in the declaration 商品序号, from 1."""
    hs_code: str
    """Commodity code 商品编号, 10 digits."""
    name: str
    """Name of the goods 商品名称."""
    model: str | None = None
    """Specification and model 规格型号."""
    quantity: Decimal
    """Quantity sold 成交数量, up to 5 decimals."""
    unit: str
    """Customs' 3-digit code of the unit of `quantity` 成交计量单位."""
    first_quantity: Decimal
    """Quantity in the first statutory unit 第一法定数量, up to 5 decimals."""
    first_unit: str
    """Customs' 3-digit code of the first statutory unit 第一法定单位."""
    unit_price: Decimal
    """Declared price of one `unit` 申报单价, up to 4 decimals, in `currency`."""
    total: Decimal
    """Declared total of the line 申报总价, up to 4 decimals, in `currency`."""
    currency: str
    """ISO 4217 currency of the prices 成交币制."""
    duty_mode: str
    """How duty is levied on the line 征免方式, 1 digit."""
    origin_country: str
    """Where the goods were made 原产国, ISO 3166-1 alpha-3. True on exports too, where the message swaps it."""
    destination_country: str
    """Where the goods finally go 最终目的国, ISO 3166-1 alpha-3. True on exports too, where the message swaps it."""
    district_code: str
    """District of destination in, or of origin within, China 境内目的地/境内货源地, 5 characters."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """A customs declaration as customs accepted it."""

    version: str
    """Version of the message it came in, such as ``4.8``."""
    seq_no: str | None = None
    """The single window's own number 统一编号, 18 characters."""
    entry_id: str
    """The declaration number 报关单号, 18 digits; `number` takes it apart."""
    ie_flag: Literal["I", "E"]
    """``I`` import, ``E`` export 进出口标志."""
    ie_port: str
    """Customs office where the goods cross the border 进出境关别, 4 digits."""
    custom_master: str
    """Customs office declared at 申报地海关, 4 digits."""
    ie_date: dt.date
    """Day of import or export 进出口日期."""
    owner_uscc: str
    """Domestic consignor or consignee 境内收发货人: the enterprise whose receivable or debt this is."""
    end_user_uscc: str
    """Who consumes or makes the goods 消费使用/生产销售单位; often the same enterprise."""
    agent_uscc: str
    """Who filed the declaration 申报单位."""
    agent_code: str
    """Customs' 10-character registration of the filing agent 申报单位海关代码."""
    overseas_consignor_code: str | None = None
    """Code of the party abroad that sends an import 境外发货人代码."""
    overseas_consignor_name: str | None = None
    """Name of the party abroad that sends an import 境外发货人名称."""
    overseas_consignee_code: str | None = None
    """Code of the party abroad that receives an export 境外收货人代码."""
    overseas_consignee_name: str | None = None
    """Name of the party abroad that receives an export 境外收货人名称."""
    trade_mode: str
    """Customs procedure 监管方式, 4 digits, such as 0110 for general trade."""
    cut_mode: str | None = None
    """Nature of the levy or exemption 征免性质, 3 digits."""
    trans_mode: str
    """Terms of sale 成交方式, 1 digit: 1 CIF, 2 C&F, 3 FOB …"""
    traf_mode: str
    """Means of transport 运输方式, 1 character."""
    traf_name: str | None = None
    """Name of the vessel, flight or vehicle 运输工具名称."""
    bill_no: str | None = None
    """Number of the transport document 提运单号; an air waybill comes as ``master_house``."""
    contract_no: str | None = None
    """Number of the contract 合同协议号."""
    manual_no: str | None = None
    """Number of the processing or bonded record 备案号, 12 characters."""
    trade_country: str
    """Country of departure or arrival 启运国/运抵国, ISO 3166-1 alpha-3."""
    trade_area: str
    """Country of the trading partner 贸易国, ISO 3166-1 alpha-3."""
    distinate_port: str
    """Port of transit or destination 经停港/指运港, 6 characters."""
    freight: Charge | None = None
    """Freight 运费."""
    insurance: Charge | None = None
    """Insurance 保险费."""
    other_charges: Charge | None = None
    """Other charges 杂费."""
    packages: int
    """Number of packages 件数, from 1."""
    wrap_type: str
    """Kind of packaging 包装种类, 2 characters."""
    gross_weight_kg: Decimal
    """Gross weight 毛重 in kilograms, up to 5 decimals."""
    net_weight_kg: Decimal
    """Net weight 净重 in kilograms, up to 5 decimals."""
    price_statements: PriceStatements = PriceStatements()
    """The declarant's statements about the price."""
    released_on_surety: bool | None = None
    """Released against security 担保验放."""
    lines: tuple[Line, ...]
    """The goods, in the message's order."""

    @property
    def number(self) -> DeclarationNumber:
        """The declaration number, taken apart."""
        return declaration_number(self.entry_id)

    @property
    def office(self) -> str:
        """The customs office in the declaration number, 4 digits."""
        return self.number.office

    @property
    def year(self) -> int:
        """The year in the declaration number."""
        return self.number.year

    @property
    def is_export(self) -> bool:
        """Whether goods leave the country."""
        return self.ie_flag == "E"

    @property
    def provisional_price(self) -> bool:
        """Whether the declarant says that the price is not final; a statement left open counts as no."""
        return self.price_statements.provisional_price is True

    @property
    def overseas_party(self) -> str | None:
        """Name of the buyer of an export or the seller of an import, where the message gives it."""
        return self.overseas_consignee_name if self.is_export else self.overseas_consignor_name

    @property
    def owner_uscc_problem(self) -> str | None:
        """A warning when the owner's code fails its check character, or is none at all; else None.

        A few codes in real use fail: whoever goes on records the reason.
        """
        try:
            return uscc_problem(uscc(self.owner_uscc))
        except ValueError as problem:  # only in a record that was not read from a message
            return str(problem)

    def total_by_currency(self) -> dict[str, int]:
        """Return the sum of the lines' totals in minor units (cents, fils) by ISO 4217 currency, in currency order.

        Raises `ValueError` for a line whose total is finer than its currency's minor unit (rounding
        would attest an amount that nobody declared), and for one that is no amount at all, such as Infinity.
        """
        totals: dict[str, int] = {}
        for line in self.lines:
            digits = MINOR_UNIT_DIGITS[line.currency]
            if not _is_amount(line.total):
                raise ValueError(f"{self.entry_id}: DecList[{line.number}]/DeclTotal: is no amount of money")
            numerator, denominator = line.total.as_integer_ratio()
            amount_minor, finer = divmod(numerator * 10**digits, denominator)
            if finer:
                raise ValueError(
                    f"{self.entry_id}: DecList[{line.number}]/DeclTotal: {line.total} {line.currency} is finer than "
                    f"the currency's minor unit; declare at most {digits} decimals"
                )
            totals[line.currency] = totals.get(line.currency, 0) + amount_minor
        return dict(sorted(totals.items()))


def _is_amount(total: Decimal) -> bool:
    """Tell whether a number can be a sum of money: exact arithmetic with 1E999999 would not come to an end."""
    if not total.is_finite() or not -_MOST_DIGITS < total.adjusted() < _MOST_DIGITS:
        return False
    return len(total.as_tuple().digits) < 2 * _MOST_DIGITS
