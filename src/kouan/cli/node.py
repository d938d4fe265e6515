"""``kouan node``: one member's node on a machine of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from kouan import bootstrap
from kouan.cli import founding, node_process, node_snapshots
from kouan.cli.calls import Call, command, group
from kouan.cli.network import STATES_ZH
from kouan.cli.output import REFUSED, Page, fields, moment
from kouan.engines.cometbft.application.http import unready
from kouan.engines.cometbft.node import processes
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.observing import Observed, observe
from kouan.modules.alliance.founding import alliance_id

app: Final = group("A member's node: found an alliance of many, join it, run it.")
app.add_typer(founding.app)
app.add_typer(node_process.app)
app.add_typer(node_snapshots.app)
GIB: Final = 1 << 30


@command(app, "status", examples=("kouan node status /srv/kouan", "kouan node status /srv/kouan --json"))
def status(call: Call, directory: Annotated[Path, typer.Argument(metavar="DIR", help="The node's directory.")]) -> Page:
    """Show how a node is: processes, height, peers, power, catching up, disk and clock; exit code 1: not ready."""
    node = NodeDirectory(directory)
    settings = node.settings()
    observed = observe(settings.rpc, settings.http)
    now_ms = bootstrap.now_ms()
    problem = unready(observed, now_ms / 1000)
    state = processes.state(node.processes_file)
    free = shutil.disk_usage(directory).free
    alliance = alliance_id(bootstrap.read_founding(directory)) if node.trust_file.exists() else None
    document: dict[str, Any] = {
        "alliance": alliance,
        "disk_free_bytes": free,
        "member": settings.member,
        "observed": observed,
        "problem": problem,
        "ready": problem is None,
        "state": state,
    }
    ready = call.text("yes", "是") if problem is None else call.text(f"no: {problem}", f"否：{problem}")
    shown = fields(
        [
            (call.text("Member", "成员"), settings.member),
            (call.text("Alliance", "联盟"), alliance or call.text("joined none yet", "尚未加入")),
            (call.text("Processes", "进程"), call.text(state, STATES_ZH[state])),
            (call.text("Ready", "可用"), ready),
            *_seen(call, observed, now_ms),
            (call.text("Free disk", "磁盘可用空间"), f"{free / GIB:.1f} GiB"),
        ]
    )
    return Page(document, [shown], exit_code=0 if problem is None else REFUSED)


def _seen(call: Call, observed: Observed | None, now_ms: int) -> list[tuple[str, str]]:
    if observed is None:
        return []
    age_s = (now_ms - observed.time_ms) / 1000
    behind = call.text(f"block {-age_s:.1f} s ahead of it", f"区块时间超前 {-age_s:.1f} 秒")
    clock = behind if age_s < 0 else call.text(f"newest block {age_s:.1f} s old", f"最新区块距今 {age_s:.1f} 秒")
    return [
        (call.text("Height", "高度"), f"{observed.height}  {moment(observed.time_ms)}"),
        (call.text("Clock", "时钟"), clock),
        (
            call.text("Catching up", "追赶区块"),
            call.text("yes", "是") if observed.catching_up else call.text("no", "否"),
        ),
        (call.text("Peers", "对等节点"), str(observed.peers)),
        (call.text("Power", "权重"), str(observed.power)),
    ]
