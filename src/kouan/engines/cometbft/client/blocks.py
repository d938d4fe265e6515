"""Reading a network's blocks from the beginning: CometBFT's block store is their log, verified headers vouch for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Final

from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.nodes import LyingError, Nodes
from kouan.engines.cometbft.client.reading import Reader
from kouan.engines.cometbft.client.rpc import Node, RpcError
from kouan.engines.cometbft.client.rpc_json import BlockJson
from kouan.engines.port import LoggedBlock
from kouan.kernel.encoding import from_text
from kouan.kernel.headers import Header, merkle_root

HEADERS_AT_ONCE: Final = 20
"""More than that CometBFT does not tell in one answer."""


class BlockReader:
    """Reads blocks in order, from any node that has them.

    What an old block led to nodes do not keep: its roots are empty then, and whoever executes the blocks finds them.
    """

    def __init__(self, reader: Reader, nodes: Nodes) -> None:
        self._reader = reader
        self._nodes = nodes

    def blocks(self, from_height: int) -> Iterator[LoggedBlock]:
        """Yield the blocks from a height on, up to the newest that a header vouches for; raises NobodyAnswersError."""
        newest = self._nodes.ask(lambda node: self._reader.records(node, [], 0))[0].height
        low = max(1, from_height)
        while low <= newest:
            high = min(low + HEADERS_AT_ONCE - 1, newest)
            headers = self._nodes.ask(partial(self._headers, low=low, high=high))
            for header in headers:
                yield self._nodes.ask(partial(self._block, header=header))
            low = high + 1

    def _headers(self, node: Node, low: int, high: int) -> list[Header]:
        """Return the headers of some heights in order, each named by the one above it, the last by a verified one."""
        above = self._reader.pair(node, high).above.header
        result = node.call("blockchain", minHeight=str(low), maxHeight=str(high))
        try:
            headers = rpc_json.headers(result)
        except ValueError as problem:
            raise LyingError(node.url, f"the headers that it shows cannot be read: {problem}") from None
        if [header.height for header in headers] != list(range(low, high + 1)):
            raise LyingError(node.url, f"asked for the headers {low} to {high} it answers with others")
        for header in reversed(headers):
            self._reader.link(node, header, above)
            above = header
        return headers

    def _block(self, node: Node, header: Header) -> LoggedBlock:
        found = self._told(node, header)
        try:
            answer = self._reader.block_answer(node, header.height)
        except RpcError:
            receipts, roots = self._reader.older_receipts(node, self._reader.pair(node, header.height)), (b"", b"")
        else:
            receipts, roots = answer.receipts, (answer.state_root, answer.receipts_root)
        if len(receipts) != len(found.envelopes):
            raise LyingError(node.url, f"block {header.height} as it shows it has not as many envelopes as receipts")
        return LoggedBlock(header.height, header.time.ms, found.envelopes, receipts, *roots, found.evidence)

    def _told(self, node: Node, header: Header) -> BlockJson:
        """Return a block whose envelopes and evidence are those that its header names."""
        try:
            found = rpc_json.block(node.call("block", height=str(header.height)))
        except ValueError as problem:
            raise LyingError(node.url, f"block {header.height} as it shows it cannot be read: {problem}") from None
        envelopes = merkle_root([sha256(raw).digest() for raw in found.envelopes])
        if found.header != header or envelopes != from_text(header.data_hash):
            raise LyingError(node.url, f"block {header.height} as it shows it is not the one that was decided")
        if found.evidence_hash != from_text(header.evidence_hash):
            raise LyingError(node.url, f"the evidence that it shows is not that in block {header.height}")
        return found
