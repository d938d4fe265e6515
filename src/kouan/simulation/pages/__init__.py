"""How each scene looks in the terminal, in English and Chinese. Nothing is computed here: scenes bring the figures."""

from __future__ import annotations

from rich.console import RenderableType
from rich.rule import Rule

from kouan.simulation.pages.attesting import attesting_page, business_page
from kouan.simulation.pages.changes import changes_page
from kouan.simulation.pages.founding import founding_page
from kouan.simulation.pages.killed_node import killed_node_page
from kouan.simulation.pages.loan import loan_page
from kouan.simulation.pages.operator import operator_page
from kouan.simulation.pages.parts import Say
from kouan.simulation.pages.trades import trades_page
from kouan.simulation.scenes.attesting import AttestingShown
from kouan.simulation.scenes.business import BusinessShown
from kouan.simulation.scenes.changes import ChangesShown
from kouan.simulation.scenes.founding import FoundingShown
from kouan.simulation.scenes.killed_node import KilledNodeShown
from kouan.simulation.scenes.loan import LoanShown
from kouan.simulation.scenes.operator import OperatorShown
from kouan.simulation.scenes.trades import TradesShown
from kouan.simulation.story import Shown


def page_of(say: Say, shown: Shown) -> list[RenderableType]:
    """Return what a scene shows, drawn."""
    match shown:
        case FoundingShown():
            title, parts = say("1  The alliance of Shanghai is founded", "一  上海联盟成立"), founding_page(say, shown)
        case AttestingShown():
            title = say("2  Customs attests the day's declarations", "二  海关核证当日报关单")
            parts = attesting_page(say, shown)
        case BusinessShown():
            return business_page(say, shown)  # goes on with scene 2
        case LoanShown():
            title, parts = say("3  One loan, close up", "三  一笔融资的始末"), loan_page(say, shown)
        case ChangesShown():
            title, parts = say("4  What comes up later", "四  贷后事项"), changes_page(say, shown)
        case TradesShown():
            title, parts = say("5  One trade, many papers", "五  同一贸易，多种单证"), trades_page(say, shown)
        case OperatorShown():
            title, parts = say("6  The operator's scene", "六  运营方场景"), operator_page(say, shown)
        case KilledNodeShown():
            title = say("4  A node is killed and comes back", "四  节点被强制终止后恢复")
            parts = killed_node_page(say, shown)
    return [Rule(title), *parts]
