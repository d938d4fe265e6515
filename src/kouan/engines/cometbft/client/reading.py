"""What nodes answer, checked: nothing leaves this file that a verified header does not vouch for.

The state after height H, and the receipts of block H, are vouched for by header H+1; when block H was, by header H.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from kouan.engines.cometbft.answers import QUERY_NOT_KEPT, BlockAnswer, Records
from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.chain import Chain
from kouan.engines.cometbft.client.nodes import BehindError, LyingError, Nodes
from kouan.engines.cometbft.client.rpc import Node, NodeError, RpcError, UnreachableError
from kouan.engines.cometbft.client.rpc_json import QueryRefusedError
from kouan.kernel.encoding import from_text
from kouan.kernel.execution import NO_RECEIPTS, app_hash, receipts_root
from kouan.kernel.headers import Header, SignedHeader, merkle_root
from kouan.kernel.light import LightError, Reason, Step
from kouan.kernel.proof import LeafError, check_leaf

PAIRS_KEPT: Final = 512
RECENT: Final = 20
"""No node forgets a block that is less than so many below the newest."""
_AHEAD: Final = "must be less than or equal to"  # CometBFT's words for a height that does not exist yet
T = TypeVar("T")


class Pair(NamedTuple):
    """What vouches for a height."""

    at: Header | None
    """The height's own header; None at height 0, which has no block."""
    above: SignedHeader
    """The next one's, verified."""


class Reader:
    """Asks one node at a time and checks what it answers. Several threads may use it."""

    def __init__(self, chain: Chain, nodes: Nodes, founded_ms: int) -> None:
        self.chain = chain
        self._nodes = nodes
        self._founded_ms = founded_ms
        self._pairs: OrderedDict[int, Pair] = OrderedDict()
        self._lock = threading.Lock()

    def query(self, node: Node, path: str, question: Any, kind: type[T], *, about: int = 0) -> T:
        """Return what a node's application answers, its shape alone checked.

        ``about``: a height that is asked about. Of a recent one every node knows that has come so far.
        """
        call = rpc_json.query(path, msgspec.msgpack.encode(question))
        try:
            return msgspec.msgpack.decode(rpc_json.value_of(node.call(call.method, **call.params)), type=kind)
        except QueryRefusedError as problem:
            if problem.code == QUERY_NOT_KEPT and about > self.chain.height - RECENT:
                raise BehindError(node.url, f"it is behind: {problem}") from None
            raise RpcError(node.url, f"it does not answer to {path!r}: {problem}") from None
        except (ValueError, msgspec.MsgspecError) as problem:
            raise RpcError(node.url, f"its answer to {path!r} is of no use: {problem}") from None

    def records(self, node: Node, keys: Sequence[str], height: int) -> tuple[Records, Pair]:
        """Return what stands at some keys, proven; ``height`` 0: the newest height that can be proven.

        Never older than what this client has seen: else BehindError.
        """
        found = self.query(node, "records", (list(keys), height), Records, about=height)
        if height not in {0, found.height}:
            raise LyingError(node.url, f"asked for height {height} it answers with {found.height}")
        if not height and found.height < self.chain.height - 1:
            seen = f"{self.chain.height - 1} is proven already"
            raise BehindError(node.url, f"it is behind: its newest provable height is {found.height}, and {seen}")
        pair = self.pair(node, found.height)
        self._vouched(node, pair, found.height, found.state_root, found.receipts_root)
        if [leaf.key for leaf in found.leaves] != list(keys):
            raise LyingError(node.url, "it answers with other keys than it was asked for")
        for leaf in found.leaves:
            try:
                check_leaf(leaf, found.state_root)
            except LeafError as problem:
                text = (
                    f"the record at {leaf.key} that it shows is not on the ledger at height {found.height}: {problem}"
                )
                raise LyingError(node.url, text) from None
        return found, pair

    def time_ms(self, pair: Pair) -> int:
        """Return the block time of the height that a pair vouches for."""
        return self._founded_ms if pair.at is None else pair.at.time.ms

    def pair(self, node: Node, height: int) -> Pair:
        """Return the headers that vouch for a height, verified."""
        with self._lock:
            known = self._pairs.get(height)
        if known:
            return known
        calls = [rpc_json.at("commit", height + 1), *([rpc_json.at("header", height)] if height else [])]
        results = [self._answered(node, result) for result in node.call_many(calls)]
        try:
            signed = rpc_json.signed_header(results[0])
            at = rpc_json.header(results[1]) if height else None
        except ValueError as problem:
            raise LyingError(node.url, f"the headers that it shows cannot be read: {problem}") from None
        if signed.header.height != height + 1:
            raise LyingError(node.url, f"asked for block {height + 1} it answers with {signed.header.height}")
        self.believe(node, signed)
        if at is not None:
            self.link(node, at, signed.header)
        pair = Pair(at, signed)
        with self._lock:
            self._pairs[height] = pair
            while len(self._pairs) > PAIRS_KEPT:
                self._pairs.popitem(last=False)
        return pair

    def believe(self, node: Node, signed: SignedHeader) -> None:
        """Verify a header. The first in a trust period is compared with what the other nodes show; raises ForkError."""
        was_fresh = self.chain.is_fresh
        try:
            self.chain.verify(signed, node.url, partial(self.changes, node))
        except LightError as problem:
            text = f"the block of height {signed.header.height} that it shows is not the alliance's: {problem}"
            if problem.reason is Reason.WRONG_SET:
                raise self.without_changes(node, signed.header.height) from None
            if problem.reason is Reason.HEADER_FROM_THE_FUTURE:
                raise NodeError(node.url, f"{text}; is this machine's clock right?") from None
            raise LyingError(node.url, text) from None
        if not was_fresh:
            self._ask_witnesses(node, signed.header.height)

    def without_changes(self, node: Node, height: int) -> BehindError:
        """Return the error about a node that does not show how a block's validators became validators.

        That is no lie: nodes put a change into their archives a moment after it is decided.
        """
        return BehindError(node.url, f"it does not show how those who decided block {height} became validators")

    def link(self, node: Node, header: Header, above: Header) -> None:
        """Check that a header is the one below a verified one."""
        try:
            self.chain.link(header, above)
        except LightError:
            text = f"the header of height {header.height} that it shows is not the one below {above.height}"
            raise LyingError(node.url, text) from None

    def changes(self, node: Node) -> list[Step]:
        """Return all changes of the validator set that a node knows, unchecked: they prove themselves when followed."""
        return self.query(node, "changes", None, list[Step])

    def block_answer(self, node: Node, height: int) -> BlockAnswer:
        """Return what a block led to and its receipts, all vouched for."""
        pair = self.pair(node, height)  # before the block itself: it is often asked for too early
        found = self.query(node, "block", height, BlockAnswer, about=height)
        self._vouched(node, pair, height, found.state_root, found.receipts_root)
        receipts = found.receipts or self.older_receipts(node, pair)
        if (receipts_root(receipts) if receipts else NO_RECEIPTS) != found.receipts_root:
            raise LyingError(node.url, f"the receipts that it shows are not those of block {height}")
        return msgspec.structs.replace(found, receipts=receipts)

    def older_receipts(self, node: Node, pair: Pair) -> list[bytes]:
        """Return a block's receipts from CometBFT's own store, where they stay longer than with the application.

        The next header vouches for them too, by CometBFT's own hash over results (``types/results.go``).
        """
        above = pair.above.header
        call = rpc_json.at("block_results", above.height - 1)
        try:
            receipts = rpc_json.receipts(node.call(call.method, **call.params))
        except ValueError as problem:
            raise LyingError(node.url, f"the receipts that it shows cannot be read: {problem}") from None
        if merkle_root([rpc_json.result_bytes(receipt) for receipt in receipts]) != from_text(above.last_results_hash):
            raise LyingError(node.url, f"the receipts that it shows are not those of block {above.height - 1}")
        return receipts

    def _vouched(self, node: Node, pair: Pair, height: int, state: bytes, receipts: bytes) -> None:
        if app_hash(state, receipts) != from_text(pair.above.header.app_hash):
            text = f"the state that it shows of height {height} is not the one that header {height + 1} vouches for"
            raise LyingError(node.url, text)

    def _ask_witnesses(self, node: Node, height: int) -> None:
        """Let the other nodes show the same block: whoever trusts anew could be shown a history of his own.

        What a node cannot show, or cannot prove, says nothing; a second block that is proven too is a fork.
        """
        for witness in self._nodes.in_order():
            if witness is node:
                continue
            try:
                signed = rpc_json.signed_header(witness.call("commit", height=str(height)))
                self.chain.verify(signed, witness.url, partial(self.changes, witness))
            except UnreachableError as problem:
                self._nodes.blame(problem)
                self._nodes.tell([problem])
            except (NodeError, LightError, ValueError):
                continue

    def _answered(self, node: Node, result: Any) -> Any:
        if isinstance(result, RpcError):
            if _AHEAD in result.problem:
                raise BehindError(node.url, f"it is behind: {result.problem}")
            raise result
        return result
