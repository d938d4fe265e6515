"""Who plays: traders of Shanghai with invented names and codes, their goods and their buyers.

The members are those of `kouan.client.founding_desk.SHANGHAI`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from stdnum.cn.uscc import calc_check_digit

CUSTOMS: Final = "shanghai-customs"
COMMISSION: Final = "commerce-commission"
LENDER: Final = "bank-of-huangpu"
RIVAL: Final = "pudong-harbour-bank"
SLOW_BANK: Final = "suzhou-creek-bank"
CAREFUL_BANK: Final = "wusong-trade-bank"
OTHER_BANKS: Final = ("yangshan-merchants-bank", "dishui-lake-bank", CAREFUL_BANK, SLOW_BANK)

_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714


class Goods(NamedTuple):
    """What a trader declares."""

    hs_code: str
    name: str
    model: str
    unit: str
    """Customs' code of the unit: 001 set of machinery, 007 piece, 011 item, 015 pair of trousers and the like."""
    price_from: int
    """Cents a unit, the lowest; the highest is three times as much."""
    grams: int
    """Net weight of a unit."""


class Trader(NamedTuple):
    """An enterprise of the port."""

    code: str
    """Unified social credit code."""
    en: str
    zh: str
    goods: Goods
    buyer: str
    """The party abroad."""
    country: str
    destination: str
    """Port abroad, as the declaration names it."""
    imports: bool = False


def social_credit_code(district: str, stem: str) -> str:
    """Return a unified social credit code of a company: district (6 digits), 8 characters, both check characters.

    Sources: GB 32100 and, for the ninth character of the organisation's own code, GB 11714.
    """
    values = [int(character, 36) for character in stem]
    weighted = sum(value * weight for value, weight in zip(values, _ORGANISATION_WEIGHTS, strict=True))
    check = "0123456789X0"[11 - weighted % 11]
    code = f"91{district}{stem}{check}"
    return code + str(calc_check_digit(code))


def _trader(stem: str, names: tuple[str, str], goods: Goods, buyer: tuple[str, str, str]) -> Trader:
    return Trader(social_credit_code("310115", stem), *names, goods, *buyer)


GARMENT_MAKER: Final = _trader(
    "MA1KYJ01",
    ("Yunjin Garments", "云锦服饰"),
    Goods("6204620000", "棉制女式长裤", "机织|棉100%|女式", "015", 1250, 420),
    ("HARBOUR STREET APPAREL INC", "USA", "USA309"),
)
BEARING_MAKER: Final = _trader(
    "MA1KLG02",
    ("Lingang Bearings", "临港轴承"),
    Goods("8482102000", "深沟球轴承", "机械传动用|临轴牌", "007", 420, 610),
    ("NORDLICHT ANTRIEBE GMBH", "DEU", "DEU063"),
)
LAMP_MAKER: Final = _trader(
    "MA1KQP03",
    ("Qingpu Lighting", "青浦灯具"),
    Goods("9405420000", "LED吊灯", "家用|铝制", "007", 930, 1350),
    ("LICHTHUIS BV", "NLD", "NLD060"),
)
PARTS_MAKER: Final = _trader(
    "MA1KJD04",
    ("Jiading Auto Parts", "嘉定汽车零部件"),
    Goods("8708309990", "制动盘", "小轿车用", "007", 1600, 5200),
    ("GREAT LAKES BRAKE CO", "USA", "USA309"),
)
INSTRUMENT_MAKER: Final = _trader(
    "MA1KMH05",
    ("Minhang Instruments", "闵行仪器"),
    Goods("9026100000", "流量计", "测量液体流量用", "001", 8800, 2400),
    ("MERIDIAN CONTROLS LTD", "GBR", "GBR087"),
)
TOY_MAKER: Final = _trader(
    "MA1KFX06",
    ("Fengxian Toys", "奉贤玩具"),
    Goods("9503002100", "毛绒玩具", "填充|涤纶", "007", 310, 260),
    ("PEQUENO MUNDO SA", "ESP", "ESP017"),
)
BICYCLE_MAKER: Final = _trader(
    "MA1KJ507",
    ("Jinshan Bicycles", "金山自行车"),
    Goods("8712003000", "山地自行车", "21速|铝合金车架", "003", 9200, 13800),
    ("FJELL SYKKEL AS", "NOR", "NOR009"),
)
FOOD_IMPORTER: Final = Trader(
    social_credit_code("310105", "MA1KCN08"),
    "Changning Foods",
    "长宁食品",
    Goods("2204210000", "干红葡萄酒", "750毫升", "035", 740, 1000),
    "VINA DEL SUR SPA",
    "CHL",
    "CHL015",
    imports=True,
)
TRADERS: Final = (
    GARMENT_MAKER,
    BEARING_MAKER,
    LAMP_MAKER,
    PARTS_MAKER,
    INSTRUMENT_MAKER,
    TOY_MAKER,
    BICYCLE_MAKER,
    FOOD_IMPORTER,
)
BROKER_CODE: Final = social_credit_code("310101", "MA1KBR09")
"""The customs broker that files for all of them."""


def trader_of(code: str) -> Trader:
    """Return the trader with a code."""
    return next(trader for trader in TRADERS if trader.code == code)
