"""The last page of a network's demonstration: the killed node, proofs in strangers' hands, and what was not played."""

from __future__ import annotations

from rich.console import RenderableType

from kouan.simulation.pages.operator import proofs_panel
from kouan.simulation.pages.parts import Say, facts, panel
from kouan.simulation.scenes.killed_node import KilledNodeShown


def killed_node_page(say: Say, shown: KilledNodeShown) -> list[RenderableType]:
    """Draw the scene."""
    node = say.name(shown.member)
    return [
        panel(
            say(f"The node of {node} is killed (SIGKILL) under load", f"{node}的节点于负载中被强制终止"),
            facts(
                (say("Envelopes sent", "发出报文"), str(shown.sent)),
                (say("Answered before the kill", "终止前已答复"), str(shown.before)),
                (say("Answered by the other three", "其余三个节点答复"), str(shown.without)),
                (say("Answered once it was back", "恢复后答复"), str(shown.later)),
                (say("Longest wait for an answer", "最长答复等待"), f"{shown.longest_ms / 1000:.1f} s"),
                (say("Lost", "丢失"), str(shown.lost)),
                (say("In a block twice", "重复入块"), str(shown.twice)),
                (say("What that node alone proves now", "该节点独自可证明的高度"), str(shown.height)),
                (say("Its state root there", "该高度状态根"), shown.state_root),
            ),
            *(say("The client noted: ", "客户端提示：") + note for note in shown.notes),
            say(
                "Nothing lost, nothing applied twice: three of four validators go on, the fourth catches up. What was "
                "sent again got the same receipts.",
                "无一丢失，无一重复执行：四个验证节点中的三个继续运行，第四个随后追平。重复发送得到相同回执。",
            ),
        ),
        proofs_panel(say, shown.proofs, shown.forged),
        panel(
            say("Not played here", "此处未演示"),
            say(
                "The blocks of real nodes carry the machines' clocks, so what lies days apart is left out: the buyer's "
                "payment, an amendment, a hold that lapses, overdue loans, the many papers of one trade. The kernel is "
                "the same: `kouan demo` plays them all, on a ledger of one operator.",
                "真实节点的区块使用机器时钟，故不演示相隔数日的事项：买方付款、报关单修改、占用到期、逾期融资、"
                "同一贸易的多种单证。内核相同：`kouan demo` 在单一运营方账本上演示全部场景。",
            ),
        ),
    ]
