"""``kouan network``: an alliance of real nodes on this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.live import Live
from rich.table import Table

from kouan import bootstrap
from kouan.cli import entries
from kouan.cli.calls import Call, command, group
from kouan.cli.output import Page, UnusableError, fields, table
from kouan.client import local_founding
from kouan.client.membership import Peer
from kouan.engines.cometbft.node import binary, local_network, network_setup, processes
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.local_network import LocalNode, NetworkFile, node_of, read_network
from kouan.engines.cometbft.node.observing import Observed
from kouan.modules.alliance.founding import alliance_id

app: Final = group("A network of nodes on this machine, to try out an alliance of many.")
READY_S: Final = 120.0
SAMPLE_S: Final = 1.0
STATES_ZH: Final = {"down": "已停止", "paused": "已暂停", "running": "运行中", "starting": "启动中"}
NumberArgument = Annotated[int, typer.Argument(metavar="N", help="The node's number, from 0 on.")]
DirectoryArgument = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="The network's directory; without it, the port directory.")
]


@command(app, "up", examples=("kouan network up demo", "kouan network up demo --validators 7 --base-port 27000"))
def up(
    call: Call,
    directory: DirectoryArgument = None,
    validators: Annotated[
        int, typer.Option("--validators", min=1, max=local_founding.MAX_NODES, help="How many nodes vote.")
    ] = 4,
    base_port: Annotated[
        int | None,
        typer.Option(
            "--base-port", min=1024, max=65_000, metavar="PORT", help="Take the ports from here on, four a node."
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The alliance's name: a code such as shanghai-eport.")] = (
        "shanghai-eport"
    ),
) -> Page:
    """Found the Shanghai cast with a validator for each of the first members, and start it; or start what is there.

    It is ready when the first block is final. Every key of every member lies in DIR: that is for trials alone, see
    `kouan node` for real machines.
    """
    port = directory or call.port
    binary.find()
    is_new = not (port / local_network.FILE).exists()
    if is_new:
        _found(call, port, validators, base_port, name)
    network = read_network(port)
    nodes = _nodes(port, network)
    with call.progress() as bar:
        task = bar.add_task(call.text("Starting nodes", "启动节点"), total=len(nodes))
        local_network.start(nodes)
        bar.update(task, completed=len(nodes), description=call.text("Waiting for a block", "等待出块"))
        local_network.await_height(network, port, 1, READY_S)
    alliance = alliance_id(bootstrap.read_founding(port))
    document = {"alliance": alliance, "new": is_new, "nodes": network.nodes, "port": str(port)}
    rows = [[str(number), node.member, node.rpc, node.http] for number, node in enumerate(network.nodes)]
    columns = [
        call.text("Node", "节点"),
        call.text("Member", "成员"),
        call.text("Clients ask", "客户端接口"),
        call.text("Metrics", "监控指标"),
    ]
    return Page(
        document,
        [
            fields([(call.text("Alliance", "联盟"), alliance)]),
            "",
            table("", columns, rows),
            "",
            call.text("Next: ", "下一步：") + f"export KOUAN_PORT={port}; kouan network status --watch",
        ],
    )


@command(app, "status", examples=("kouan network status demo", "kouan network status demo --watch"))
def status(
    call: Call,
    directory: DirectoryArgument = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second, until Ctrl-C.")] = False,
) -> Page:
    """Show every node: its processes, height, round, peers, power, commands a second, and how far it is behind."""
    port = directory or call.port
    network = read_network(port)
    before = local_network.observe_all(network)
    if watch and not call.as_json:
        _watch(call, port, network, before)
        return Page({})
    time.sleep(SAMPLE_S)
    rows = _rows(port, network, before, local_network.observe_all(network), SAMPLE_S)
    return Page({"nodes": rows}, [_table(call, rows)])


@command(app, "kill", examples=("kouan network kill 1 demo",))
def kill(call: Call, number: NumberArgument, directory: DirectoryArgument = None) -> Page:
    """Kill a node's processes at once, as a power cut would."""
    node = _node(directory or call.port, number)
    if not local_network.kill(node):
        raise _not_running(number)
    return _done(call, node, number, f"node {number} killed", f"节点 {number} 已强制终止")


@command(app, "start", examples=("kouan network start 1 demo",))
def start(call: Call, number: NumberArgument, directory: DirectoryArgument = None) -> Page:
    """Start a node, or let one that was paused go on."""
    node = _node(directory or call.port, number)
    if local_network.start([node]):
        return _done(call, node, number, f"node {number} started", f"节点 {number} 已启动")
    return _done(call, node, number, f"node {number} was running", f"节点 {number} 原已在运行")


@command(app, "pause", examples=("kouan network pause 1 demo",))
def pause(call: Call, number: NumberArgument, directory: DirectoryArgument = None) -> Page:
    """Stop a node's processes where they are, as a machine that hangs; `kouan network start` lets them go on."""
    node = _node(directory or call.port, number)
    if not local_network.pause(node):
        raise _not_running(number)
    return _done(call, node, number, f"node {number} paused", f"节点 {number} 已暂停")


@command(app, "down", examples=("kouan network down demo",))
def down(call: Call, directory: DirectoryArgument = None) -> Page:
    """Stop all nodes and see that nothing of them is left; `kouan network up` goes on with what they wrote."""
    port = directory or call.port
    network = read_network(port)
    stopped = local_network.down(_nodes(port, network))
    said = call.text(f"Nodes stopped: {stopped}; none is left running", f"已停止 {stopped} 个节点，无残留进程")
    return Page({"stopped": stopped}, [said])


def _not_running(number: int) -> UnusableError:
    return UnusableError("N", f"node {number} is not running; start it with `kouan network start {number}`")


def _found(call: Call, port: Path, validators: int, base_port: int | None, name: str) -> None:
    if (port / bootstrap.TRUST_FILE).exists() or (port / "members").exists():
        raise UnusableError("DIR", f"{port} holds an alliance already, or the rest of one; give another directory")
    entries.code("--name", name)
    cast = local_founding.cast_for(validators)
    members = [founder.id for founder in cast.members[:validators]]
    ports = local_network.choose_ports(validators, base_port)
    made = network_setup.make_nodes(port, members, ports, os.urandom)
    founding, trust = local_founding.found(
        port,
        name,
        cast,
        {one.listed.member: (Peer(one.listed.p2p, one.public.node), one.public.validator) for one in made},
        bootstrap.NETWORK_PARAMETERS,
        entropy=os.urandom,
        now_ms=bootstrap.now_ms(),
        passphrase=call.passphrase,
    )
    (port / bootstrap.TRUST_FILE).write_bytes(trust)
    network_setup.install(port, made, trust, founding)


def _node(port: Path, number: int) -> NodeDirectory:
    return node_of(port, read_network(port), number)


def _nodes(port: Path, network: NetworkFile) -> list[NodeDirectory]:
    return [node_of(port, network, number) for number in range(len(network.nodes))]


def _done(call: Call, node: NodeDirectory, number: int, english: str, chinese: str) -> Page:
    state = processes.state(node.processes_file)
    return Page({"node": number, "state": state}, [call.text(english, chinese)])


def _rows(
    port: Path,
    network: NetworkFile,
    before: list[Observed | None],
    now: list[Observed | None],
    seconds: float,
) -> list[dict[str, Any]]:
    highest = max((one.height for one in now if one is not None), default=0)
    return [
        _row(
            number,
            listed,
            processes.state(node_of(port, network, number).processes_file),
            earlier,
            later,
            highest,
            seconds,
        )
        for number, (listed, earlier, later) in enumerate(zip(network.nodes, before, now, strict=True))
    ]


def _row(
    number: int,
    listed: LocalNode,
    state: processes.State,
    earlier: Observed | None,
    later: Observed | None,
    highest: int,
    seconds: float,
) -> dict[str, Any]:
    row: dict[str, Any] = {"node": number, "member": listed.member, "state": state}
    if later is None:
        return {**row, "height": None, "round": None, "peers": None, "power": None, "rate": None, "behind": None}
    counts = [one.commands for one in (earlier, later) if one is not None]
    first, last = counts if len(counts) == 2 else (None, None)
    return {
        **row,
        "height": later.height,
        "round": later.round,
        "peers": later.peers,
        "power": later.power,
        "rate": None if first is None or last is None else round(max(0, last - first) / seconds, 1),
        "behind": highest - later.height,
    }


def _table(call: Call, rows: list[dict[str, Any]]) -> Table:
    columns = [
        call.text("Node", "节点"),
        call.text("Member", "成员"),
        call.text("State", "状态"),
        call.text("Height", "高度"),
        call.text("Round", "轮次"),
        call.text("Peers", "对等节点"),
        call.text("Power", "权重"),
        call.text("Commands/s", "指令/秒"),
        call.text("Behind", "落后区块"),
    ]
    shown = [
        [
            STATES_ZH[value] if name == "state" and call.lang == "zh" else "–" if value is None else str(value)
            for name, value in row.items()
        ]
        for row in rows
    ]
    return table("", columns, shown, right=range(3, len(columns)))


def _watch(call: Call, port: Path, network: NetworkFile, before: list[Observed | None]) -> None:
    with Live(auto_refresh=False) as live:
        try:
            while True:
                time.sleep(SAMPLE_S)
                now = local_network.observe_all(network)
                live.update(_table(call, _rows(port, network, before, now, SAMPLE_S)), refresh=True)
                before = now
        except KeyboardInterrupt:
            return
