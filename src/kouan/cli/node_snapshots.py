"""``kouan node sync``, ``snapshot`` and ``restore``: beginning from a snapshot, and carrying one by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.output import Page, UnusableError, fields, moment
from kouan.engines.cometbft.client.rpc import checked_url
from kouan.engines.cometbft.node import node_setup
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.processes import SUPERVISOR, InUseError, registered
from kouan.engines.cometbft.sync.carried import Live, copy_snapshot, restore_snapshot
from kouan.engines.cometbft.sync.snapshot_format import Metadata
from kouan.engines.cometbft.sync.start import newest_header, with_state_sync
from kouan.kernel.encoding import to_text
from kouan.kernel.headers import header_hash
from kouan.modules.alliance.founding import trusted_at_founding
from kouan.modules.alliance.rules import TRUST_PERIOD

app: Final = group("")
DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The node's directory.")]
_BLOCKS: Final = "blockstore.db"


@command(app, "sync", examples=("kouan node sync /srv/kouan --node http://10.1.2.3:26657,http://10.1.2.4:26657",))
def sync(call: Call, directory: DirectoryArgument) -> Page:
    """Let a node that has no block yet begin from a snapshot of its peers, not from the founding.

    The newest block of the nodes named by --node is verified from the founding document on, and CometBFT is told to
    trust that one. Run it after `kouan node join` and before the first start, or after what CometBFT had was lost.
    """
    node = NodeDirectory(directory)
    founding = node_setup.check(node)
    if not call.nodes:
        raise UnusableError("--node", "name nodes of the alliance that have snapshots, better two: URL,URL")
    with _stopped(node):
        if (node.home / "data" / _BLOCKS).exists():
            problem = f"{node.home / 'data'} has blocks already: the node goes on from those"
            way_on = "if those are lost or never came, delete all that is there but priv_validator_state.json"
            raise UnusableError("DIR", f"{problem}; {way_on}")
        urls = [checked_url(url) for url in call.nodes]
        header = newest_header(urls, founding, bootstrap.now_ms)
        config = with_state_sync(node.config_file.read_text(), urls, header, founding.charter[TRUST_PERIOD])
        node.config_file.write_text(config)
    hashed = to_text(header_hash(header))
    shown = fields(
        [
            (call.text("Trusts block", "信任区块"), f"{header.height}  {moment(header.time.ms)}"),
            (call.text("Its hash", "区块哈希"), hashed),
        ]
    )
    then = call.text(f"Next: kouan node start {directory}", f"下一步：kouan node start {directory}")
    return Page({"hash": hashed, "height": header.height, "time_ms": header.time.ms}, [shown, "", then])


@command(app, "snapshot", examples=("kouan node snapshot /srv/kouan /mnt/usb/snapshot",))
def snapshot(
    call: Call,
    directory: DirectoryArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new directory.")],
    height: Annotated[
        int | None, typer.Option("--height", min=1, help="Of which height; without it, the newest.")
    ] = None,
) -> Page:
    """Copy a snapshot that the node has, to be carried by hand; every part of the copy is checked.

    Nodes take snapshots by themselves: `snapshot_every_s` in node.json says how often.
    """
    node = NodeDirectory(directory)
    founded = trusted_at_founding(node_setup.check(node))
    metadata = copy_snapshot(node.path, out, founded, height)
    return _page(call, metadata, out, "")


@command(app, "restore", examples=("kouan node restore /srv/kouan /mnt/usb/snapshot",))
def restore(
    call: Call,
    directory: DirectoryArgument,
    source: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="The directory of a snapshot.")],
    archival: Annotated[
        bool, typer.Option("--archival", help="Take one older than the trust period, because its origin is known.")
    ] = False,
) -> Page:
    """Put a snapshot in the place of a stopped node's state, after all of it was checked from the founding on.

    CometBFT's blocks stay, and must reach back to the snapshot's height: it plays those after it. Where they are lost
    too, use `kouan node sync`.
    """
    node = NodeDirectory(directory)
    founding = node_setup.check(node)
    live = None if archival else Live(bootstrap.now_ms(), founding.charter[TRUST_PERIOD])
    with _stopped(node), call.progress() as bar:
        task = bar.add_task(call.text("Checking", "正在核对"), total=None)
        metadata = restore_snapshot(
            node.path,
            source,
            trusted_at_founding(founding),
            live,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    then = call.text(f"Next: kouan node start {directory}", f"下一步：kouan node start {directory}")
    return _page(call, metadata, node.state, then)


@contextmanager
def _stopped(node: NodeDirectory) -> Iterator[None]:
    """Hold a node that does not run; raises UnusableError."""
    with ExitStack() as held:
        try:
            register = held.enter_context(registered(node.processes_file))
        except InUseError as problem:
            raise UnusableError("DIR", str(problem)) from None
        try:
            yield
        finally:
            register.note(SUPERVISOR, None)


def _page(call: Call, metadata: Metadata, place: Path, then: str) -> Page:
    document = {
        "height": metadata.height,
        "path": str(place),
        "state_root": metadata.state_root,
        "time_ms": metadata.time_ms,
    }
    shown = fields(
        [
            (call.text("Height", "高度"), f"{metadata.height}  {moment(metadata.time_ms)}"),
            (call.text("State root", "状态根"), metadata.state_root),
            (call.text("Written to", "已写入"), str(place)),
        ]
    )
    return Page(document, [shown, *(["", then] if then else [])])
