"""Where a new node begins when it begins from a snapshot: a header that this software has verified from the founding.

CometBFT's light client wants a height and a hash that somebody vouches for (``[statesync]`` in ``config.toml``); people
need not copy them from anywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.chain import Chain
from kouan.engines.cometbft.client.rpc import NodeError, RpcNode
from kouan.kernel.headers import header_hash
from kouan.kernel.light import LightError, Step
from kouan.modules.alliance.founding import trusted_at_founding
from kouan.modules.alliance.rules import TRUST_PERIOD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kouan.engines.cometbft.client.rpc import Node
    from kouan.kernel.headers import Header
    from kouan.modules.alliance.founding import NetworkFounding

_SECTION: Final = re.compile(r"(?ms)^\[statesync\]\n.*?(?=^\[|\Z)")


class BeginningError(ValueError):
    """No header to begin from; the text says of each node why."""


def newest_header(
    urls: Sequence[str],
    founding: NetworkFounding,
    now_ms: Callable[[], int],
    open_node: Callable[[str], Node] = RpcNode,
) -> Header:
    """Return the newest header of the first node that shows one that verifies; raises BeginningError."""
    problems = []
    for url in urls:
        chain = Chain(trusted_at_founding(founding), founding.charter[TRUST_PERIOD], None, now_ms)
        node = open_node(url)
        try:
            signed = rpc_json.signed_header(node.call("commit"))
            header = chain.verify(signed, url, lambda node=node: _changes(node))  # type: ignore[misc]  # bound at once
        except (NodeError, LightError, ValueError) as problem:
            problems.append(f"{url}: {problem}")
            continue
        if not chain.is_too_old(header.time.ms):
            return header
        problems.append(f"{url}: its newest block is older than the trust period")
    raise BeginningError(f"--node: no node shows a block to begin from: {'; '.join(problems)}")


def with_state_sync(config: str, urls: Sequence[str], header: Header, trust_period_ms: int) -> str:
    """Return a ``config.toml`` by which CometBFT begins from a snapshot, if it has no block yet."""
    servers = [url.removeprefix("http://") for url in urls]
    if len(servers) == 1:
        servers *= 2  # CometBFT wants a second one to compare the first with
    lines = [
        "[statesync]",
        "enable = true",
        f'rpc_servers = "{",".join(servers)}"',
        f"trust_height = {header.height}",
        f'trust_hash = "{header_hash(header).hex().upper()}"',
        f'trust_period = "{trust_period_ms // 1000}s"',
        "",
    ]
    return _SECTION.sub("", config).rstrip("\n") + "\n\n" + "\n".join(lines)


def _changes(node: Node) -> list[Step]:
    call = rpc_json.query("changes", msgspec.msgpack.encode(None))
    raw = rpc_json.value_of(node.call(call.method, **call.params))
    return msgspec.msgpack.decode(raw, type=list[Step])
