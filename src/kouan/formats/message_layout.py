"""Which elements the single window's declaration message has, in its order, and what each is read as.

Source: the import interface of the single window's goods declaration, as published in the field tables of several
open-source declaration clients. docs/reference/single-window.md gives the same table for people.
"""

from typing import Final, NamedTuple

from kouan.formats import field_types as t
from kouan.formats.identifiers import declaration_number, uscc

NAMESPACE: Final = "http://www.chinaport.gov.cn/dec"
MAX_LINES: Final = 50
"""Lines of goods on one declaration, the bound that declaration clients enforce before they send."""


class Field(NamedTuple):
    """One element of the message and the record's attribute it becomes."""

    element: str
    attribute: str
    """Attribute of `Declaration` or `Line`; ``freight.rate`` is the rate of the charge `freight`."""
    read: t.Reader
    required: bool = True


def _entry_id(value: str) -> str:
    return str(declaration_number(value))


_OFFICE: Final = t.digits(4, "2248")
_AMOUNT_5: Final = t.decimal(19, 5)
_AMOUNT_4: Final = t.decimal(19, 4)
_MARK: Final = t.code("[123]", "1 (rate), 2 (amount per unit) or 3 (total amount)")

HEAD: Final = (
    Field("SeqNo", "seq_no", t.code("[0-9A-Z]{18}", "18 digits or capital letters"), required=False),
    Field("IEFlag", "ie_flag", t.code("[IE]", "I for import or E for export")),
    Field("AgentCode", "agent_code", t.code("[0-9A-Z]{10}", "10 digits or capital letters")),
    Field("BillNo", "bill_no", t.text(32), required=False),
    Field("ContrNo", "contract_no", t.text(32), required=False),
    Field("CustomMaster", "custom_master", _OFFICE),
    Field("CutMode", "cut_mode", t.digits(3, "101"), required=False),
    Field("DistinatePort", "distinate_port", t.code("[0-9A-Z]{6}", "6 digits or capital letters, such as USA309")),
    Field("FeeCurr", "freight.currency", t.currency, required=False),
    Field("FeeMark", "freight.mark", _MARK, required=False),
    Field("FeeRate", "freight.rate", _AMOUNT_5, required=False),
    Field("GrossWet", "gross_weight_kg", _AMOUNT_5),
    Field("IEDate", "ie_date", t.date),
    Field("IEPort", "ie_port", _OFFICE),
    Field("InsurCurr", "insurance.currency", t.currency, required=False),
    Field("InsurMark", "insurance.mark", _MARK, required=False),
    Field("InsurRate", "insurance.rate", _AMOUNT_5, required=False),
    Field("ManualNo", "manual_no", t.code("[0-9A-Z]{12}", "12 digits or capital letters"), required=False),
    Field("NetWt", "net_weight_kg", _AMOUNT_5),
    Field("OtherCurr", "other_charges.currency", t.currency, required=False),
    Field("OtherMark", "other_charges.mark", _MARK, required=False),
    # The rules for filling in declarations have charges that are deducted from the dutiable value entered as negative.
    Field("OtherRate", "other_charges.rate", t.decimal(19, 5, negative=True), required=False),
    Field("PackNo", "packages", t.count(999_999_999)),
    Field("TradeCountry", "trade_country", t.country),
    Field("TradeMode", "trade_mode", t.digits(4, "0110")),
    Field("TrafMode", "traf_mode", t.code("[0-9A-Z]", "1 digit or capital letter, such as 2 for sea")),
    Field("TrafName", "traf_name", t.text(50), required=False),
    Field("TransMode", "trans_mode", t.digits(1, "3 for FOB")),
    Field("WrapType", "wrap_type", t.code("[0-9A-Z]{2}", "2 digits or capital letters, such as 22")),
    Field("EntryId", "entry_id", _entry_id),
    Field("ChkSurety", "released_on_surety", t.yes_or_no, required=False),
    Field("AgentCodeScc", "agent_uscc", uscc),
    Field("OwnerCodeScc", "end_user_uscc", uscc),
    Field("TradeCoScc", "owner_uscc", uscc),
    Field("PromiseItmes", "price_statements", t.price_statements, required=False),
    Field("TradeAreaCode", "trade_area", t.country),
    Field("OverseasConsignorCode", "overseas_consignor_code", t.text(50), required=False),
    Field("OverseasConsignorEname", "overseas_consignor_name", t.text(100), required=False),
    Field("OverseasConsigneeCode", "overseas_consignee_code", t.text(50), required=False),
    Field("OverseasConsigneeEname", "overseas_consignee_name", t.text(400), required=False),
)

LINE: Final = (
    Field("CodeTS", "hs_code", t.digits(10, "8517130000")),
    Field("DeclPrice", "unit_price", _AMOUNT_4),
    Field("DeclTotal", "total", _AMOUNT_4),
    Field("DutyMode", "duty_mode", t.digits(1, "1")),
    Field("FirstUnit", "first_unit", t.digits(3, "035")),
    Field("FirstQty", "first_quantity", _AMOUNT_5),
    Field("GUnit", "unit", t.digits(3, "007")),
    Field("GModel", "model", t.text(255), required=False),
    Field("GName", "name", t.text(255)),
    Field("GNo", "number", t.count(MAX_LINES)),
    Field("GQty", "quantity", _AMOUNT_5),
    Field("OriginCountry", "origin_country", t.country),
    Field("TradeCurr", "currency", t.currency),
    Field("DestinationCountry", "destination_country", t.country),
    Field("DistrictCode", "district_code", t.code("[0-9A-Z]{5}", "5 digits or capital letters, such as 31222")),
)

# Elements that are the message's own and are passed over: Kouan neither keeps nor writes them. Several
# name natural persons, which is one more reason not to keep them. (Sixty names in a list would be sixty lines.)
NOT_READ_IN_HEAD: Final = frozenset(
    """
    Type AgentName ApprNo CopCode CopName DataSource DeclTrnRel EdiId EntryType InputerName LicenseNo NoteS
    OwnerCode OwnerName PDate PartenerID PreEntryId Risk TgdNo TradeCode TradeName TypistNo BillType CopCodeScc
    CheckFlow TaxAaminMark MarkNo DespPortCode EntyPortCode GoodsPlace BLNo InspOrgCode SpecDeclFlag PurpOrgCode
    DespDate CmplDschrgDt CorrelationReasonFlag VsaOrgCode OrigBoxFlag DeclareName NoOtherPack OrgCode
    OverseasConsignorCname OverseasConsignorAddr DomesticConsigneeEname CorrelationNo EdiRemark EdiRemark2
    TradeCiqCode OwnerCiqCode DeclCiqCode
    """.split()  # noqa: SIM905 - as above
)
NOT_READ_IN_LINE: Final = frozenset(
    """
    ClassMark ContrItem ExgNo ExgVersion Factor SecondUnit SecondQty UseTo WorkUsd CiqCode DeclGoodsEname
    OrigPlaceCode Purpose ProdValidDt ProdQgp GoodsAttr Stuff Uncode DangName DangPackType DangPackSpec
    EngManEntCnm NoDangFlag DestCode GoodsSpec GoodsModel GoodsBrand ProduceDate ProdBatchNo CiqName
    MnufctrRegNo MnufctrRegName RcepOrigPlaceCode ControlExplainCode DecGoodsLimits
    """.split()  # noqa: SIM905 - as above
)
NOT_READ_SECTIONS: Final = frozenset(
    """
    DecContainers DecLicenseDocus DecRequestCerts DecOtherPacks DecCopLimits DecUsers DecMarkLobs DecFreeTxt DecSign
    DecCopPromises TrnHead TrnList TrnContainers TrnContaGoodsList EdocRealation EcoRelation SddTax DecRisk
    """.split()  # noqa: SIM905 - as above
)
