"""CometBFT's ``config.toml``: only what differs from its defaults, which it takes for everything else.

Its meaning is documented in config/toml.go of v0.39.4. The file is written once, when a node joins, and is its
operator's from then on: peers, timeouts and addresses are changed there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kouan.engines.cometbft.node.directory import Settings
from kouan.kernel.envelope import MAX_BYTES

LOG_LEVEL: Final = "main:info,blocksync:info,statesync:info,*:error"
"""At `info` the consensus module writes dozens of lines a block."""
BODY_BYTES: Final = 2_000_000
"""An envelope of 512 KiB is 700,000 bytes in base64, and a client sends several at once."""
POOL_BYTES: Final = 8 << 20
"""What waits to get into a block, at most: some ten full blocks. What comes beyond is refused before anybody looks at
it, so that a node that is offered more than it carries still has time to make blocks. CometBFT's default is 1 GiB."""
POOL_ENVELOPES: Final = 1_000
"""The same for envelopes of few commands: what a block can take of them in about a second. All that waits is looked at
again after each block, and before a proposal. CometBFT's default is 5,000."""
CACHED: Final = 50_000
"""Envelopes that were seen lately and are not checked again."""
RATE: Final = 20_000_000
"""Bytes a second to and from a peer: CometBFT's default of 5 MB would make catching up slow."""
EMPTY_BLOCK_EVERY: Final = "4400ms"
"""A block's time is that of the votes for the one before: on an idle ledger it would go stale. With the pause after a
block, and the votes, this makes one every 5 s."""
COMMIT_PAUSE: Final = "300ms"
"""After a block, how long to wait for the votes of the slower ones before the next begins."""
PROPOSAL_AWAITED: Final = "700ms"
"""For so long another's block is waited for: that is what a stopped validator costs the others whenever its turn comes.
With 300 ms on every way between nodes as many blocks come as at 1 s. CometBFT's default is 3 s."""
PROPOSAL_AWAITED_MORE: Final = "1500ms"
"""So much longer in each further round: where the processor is overwhelmed, the second proposer has the time it needs,
and rounds without a block do not pile up. CometBFT's default is 500 ms."""
VOTES_AWAITED: Final = "500ms"
"""The same for votes, once more than two thirds are there that do not agree; the default is 1 s."""
GOSSIP_PAUSE: Final = "25ms"
"""How soon a peer is sent the part of a block or the vote that it has not; by default 100 ms, up to 0.3 s a block."""

Table = Mapping[str, Any]


def config_file(settings: Settings, socket: Path, peers: Sequence[str] = ()) -> bytes:
    """Return the bytes of ``config.toml``; ``peers`` are ``id@host:port`` of the nodes to stay connected to."""
    top: dict[str, Any] = {
        "proxy_app": f"unix://{socket}",
        "moniker": settings.member,
        "log_level": LOG_LEVEL,
        "log_format": "json",
    }
    p2p: dict[str, Any] = {
        "laddr": f"tcp://{settings.listen}",
        "external_address": settings.address,
        "persistent_peers": ",".join(peers),
        "send_rate": RATE,
        "recv_rate": RATE,
    }
    if settings.local:
        p2p |= {"addr_book_strict": False, "allow_duplicate_ip": True, "persistent_peers_max_dial_period": "2s"}
    tables: dict[str, Table] = {
        "rpc": {"laddr": f"tcp://{settings.rpc}", "max_body_bytes": BODY_BYTES},
        "p2p": p2p,
        "mempool": {
            "size": POOL_ENVELOPES,
            "max_txs_bytes": POOL_BYTES,
            "cache_size": CACHED,
            "max_tx_bytes": MAX_BYTES,
        },
        "consensus": {
            "timeout_propose": PROPOSAL_AWAITED,
            "timeout_propose_delta": PROPOSAL_AWAITED_MORE,
            "timeout_prevote": VOTES_AWAITED,
            "timeout_precommit": VOTES_AWAITED,
            "timeout_commit": COMMIT_PAUSE,
            "create_empty_blocks_interval": EMPTY_BLOCK_EVERY,
            "peer_gossip_sleep_duration": GOSSIP_PAUSE,
        },
        "tx_index": {"indexer": "null"},
        "instrumentation": {"prometheus": True, "prometheus_listen_addr": settings.engine_metrics},
    }
    lines = ["# What differs from CometBFT's defaults.", *_lines(top)]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    return ("\n".join(lines) + "\n").encode()


def _lines(table: Table) -> list[str]:
    return [
        f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in table.items()
    ]  # TOML writes the same
