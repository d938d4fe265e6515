"""Page 1: members and traders."""

from __future__ import annotations

from typing import Final

from rich.console import RenderableType

from kouan.simulation.pages.parts import Say, facts, panel, table
from kouan.simulation.scenes.founding import FoundingShown

_ROLES: Final = {
    "attester": ("attests papers", "核证方"),
    "bank": ("lends", "银行"),
    "convener": ("convenes", "召集人"),
    "customs": ("attests", "海关"),
    "evaluator": ("compares papers", "比对方"),
    "operator": ("runs the ledger", "运营方"),
    "overseer": ("oversees", "监管机构"),
    "second-holder": ("second holder of seals", "第二持有人"),
}


def founding_page(say: Say, shown: FoundingShown) -> list[RenderableType]:
    """Draw the founding."""
    members = [
        (member.id, say.name(member.id), say(", ", "、").join(say(*_ROLES[role]) for role in member.roles))
        for member in sorted(shown.members, key=lambda member: ("bank" in member.roles, member.id))
    ]
    traders = [(trader.code, say(trader.en, trader.zh)) for trader in shown.traders]
    ratio = f"{shown.ratio_bp / 100:g} %"
    return [
        panel(
            say("Members", "成员"),
            table([say("id", "编号"), say("name", "名称"), say("role", "角色")], members),
        ),
        panel(
            say("Traders onboarded", "已入网企业"),
            table([say("credit code", "统一社会信用代码"), say("name", "名称")], traders),
            say(
                "On the ledger stands a salted commitment to each code, never the code. The operator of the single "
                "window keeps the traders' keys: custodial, and every proof says so.",
                "账本上只有各代码的加盐承诺，没有代码本身。企业密钥由单一窗口运营方代管，每份证明均注明“代管”。",
            ),
        ),
        facts(
            (say("Alliance", "联盟"), shown.alliance),
            (say("Financeable of general trade", "一般贸易融资比例"), ratio),
            (say("Height", "账本高度"), str(shown.height)),
        ),
    ]
