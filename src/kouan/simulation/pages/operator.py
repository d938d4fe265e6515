"""Page 5: the killed server, and proofs in strangers' hands."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from kouan.simulation.pages.parts import Say, facts, panel, table
from kouan.simulation.scenes.operator import OperatorShown
from kouan.simulation.strangers import ProofShown


def operator_page(say: Say, shown: OperatorShown) -> list[RenderableType]:
    """Draw the operator's scene."""
    kill = shown.kill
    return [
        panel(
            say(
                "kouan serve is killed (SIGKILL) under load, on a copy of the ledger",
                "在账本副本上，服务进程于负载中被强制终止",
            ),
            facts(
                (say("Envelopes sent", "发出报文"), str(kill.sent)),
                (say("Answered before the kill", "终止前已答复"), str(kill.answered)),
                (say("Of these lost", "其中丢失"), str(kill.lost)),
                (say("Sent again after the restart", "重启后补发"), str(kill.sent_again)),
                (say("State root in the end", "最终状态根"), kill.state_root),
                (say("A copy that nobody killed", "未受干扰的副本"), kill.undisturbed_root),
            ),
            say("Nothing lost, nothing applied twice.", "无一丢失，无一重复执行。"),
        ),
        proofs_panel(say, shown.proofs, shown.forged),
    ]


def proofs_panel(say: Say, proofs: Sequence[ProofShown], forged: ProofShown) -> RenderableType:
    """Draw what strangers made of proof files."""
    return panel(
        say(
            "Proofs, each verified by a process that has the file and alliance.json alone",
            "证明文件：由仅持有该文件与 alliance.json 的独立进程核验",
        ),
        table(
            [say("file", "文件"), say("result", "结果"), say("says", "结论")],
            [_row(say, proof) for proof in (*proofs, forged)],
        ),
    )


def _row(say: Say, proof: ProofShown) -> tuple[str, ...]:
    result = say("proven", "已证明") if proof.proven else say("not proven", "未能证明")
    return proof.path.name, result, say(proof.en, proof.zh)
