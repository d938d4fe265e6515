"""Envelopes on their way: handed to a node, looked for in the blocks, answered once a header vouches for the receipt.

All that wait are looked for together, so a block costs a few calls however many envelopes of it are waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

import msgspec

from kouan.engines.cometbft.answers import CODE_NAMES, MAX_KEYS, Answer
from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.nodes import LyingError, NobodyAnswersError, Nodes
from kouan.engines.cometbft.client.reading import Reader
from kouan.engines.cometbft.client.rpc import MAX_CALLS, Node, NodeError, RpcError, UnreachableError
from kouan.kernel.encoding import encode
from kouan.kernel.envelope import envelope_id
from kouan.kernel.rejections import Rejection

OFFER_AGAIN_S: Final = 3.0
"""An envelope that is in no block after so long is handed to the next node too: that does no harm."""
USUAL_TIMES: Final = 2.0
"""But not before so many times as long as answers usually take: what waits its turn is not helped by a second copy."""
USUAL_SHARE: Final = 0.1
"""How much of what is usual the newest answer makes up."""
VOUCHED_WITHIN_S: Final = 1.0
"""The next header usually comes within this: until then one node alone is asked for it."""
ROOM_AGAIN_S: Final = 0.5
"""One that no node had room for is offered again after so long."""
LONGEST_PAUSE_S: Final = 24.0
"""Each time the pause is twice the one before, up to this: a network that carries no more is not helped by haste."""
OFFERED_AGAIN: Final = 16
"""So many are offered again at once."""
OFFERING_S: Final = 0.5
"""For so long a look waits for that; a busy network takes longer, and meanwhile others are answered."""
SLICES: Final = 4
"""Requests at once to one node, when many envelopes are handed in."""
_IN_CACHE: Final = "already exists in cache"  # CometBFT's words for an envelope that it has had


class _Receipt(msgspec.Struct):
    envelope: str


_receipt: Final = msgspec.json.Decoder(_Receipt)


class _Waiting:
    """One envelope."""

    __slots__ = (
        "at",
        "height",
        "is_out",
        "named_by",
        "named_s",
        "problem",
        "put_s",
        "raw",
        "refused",
        "repeats",
        "tried_s",
    )

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.height = 0
        """Of the block that it is said to be in."""
        self.named_by = ""
        """The node that says so."""
        self.named_s = 0.0
        self.at = ""
        """The node that took it last. When that one falls silent, the envelope may have died with it."""
        self.is_out = False
        """Whether a node has taken it, or may have."""
        self.problem = "it was not offered yet"
        self.refused = 0
        """The rejection of every node that could be asked last time."""
        self.repeats = 0
        """How often it was offered again."""
        self.put_s = self.tried_s = time.monotonic()

    def pause_s(self, usual_s: float) -> float:
        """After how long it is offered again, where an answer usually takes so long."""
        first_s = max(OFFER_AGAIN_S, USUAL_TIMES * usual_s) if self.is_out else ROOM_AGAIN_S
        return min(first_s * (1 << min(self.repeats, 8)), LONGEST_PAUSE_S)


class Envelopes:
    """What this client waits for. Several threads may use it: whoever looks, looks for all."""

    def __init__(self, reader: Reader, nodes: Nodes) -> None:
        self._reader = reader
        self._nodes = nodes
        self._waiting: dict[str, _Waiting] = {}
        self._usual_s = 0.0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(SLICES, "offering")
        self._again = ThreadPoolExecutor(1, "offering again")
        self._offering: Future[list[NodeError]] | None = None
        """What is being offered again, or was last."""

    def put(self, envelopes: Sequence[bytes]) -> None:
        """Hand envelopes to a node and wait for them; raises NobodyAnswersError when none of them can be out."""
        fresh = {envelope_id(raw): _Waiting(raw) for raw in envelopes}
        with self._lock:
            for name, waiting in fresh.items():
                self._waiting.setdefault(name, waiting)
        problems = self._offer(list(fresh))
        with self._lock:
            is_any_out = any(waiting.is_out for waiting in fresh.values())
        if problems and not is_any_out:
            self.forget(list(fresh))
            raise self._nodes.failure(problems)

    def forget(self, names: Sequence[str]) -> None:
        """Wait no longer for some envelopes."""
        with self._lock:
            for name in names:
                self._waiting.pop(name, None)

    def why(self, name: str) -> tuple[bool, str]:
        """Tell of an envelope that is waited for whether it may be out, and what is known of it."""
        with self._lock:
            waiting = self._waiting.get(name)
            return (False, "") if waiting is None else (waiting.is_out, waiting.problem)

    def close(self) -> None:
        """Let the threads go."""
        self._again.shutdown()
        self._pool.shutdown(cancel_futures=True)

    def look(self) -> dict[str, bytes]:
        """Look once for everything that waits; return the receipts of what is answered, which waits no longer.

        Raises NobodyAnswersError when no node can be asked.
        """
        with self._lock:
            names = [name for name, waiting in self._waiting.items() if not waiting.height]
            refused = {name: self._waiting[name].refused for name in names if self._waiting[name].refused}
        if names:
            self._nodes.ask(lambda node: self._locate(node, names), patience_s=0)
        answered: dict[str, bytes] = {}
        for height in self._heights():
            answered.update(self._collect(height))
        self._note_times(list(answered))
        answered.update(self._refusals(refused))
        self.forget(list(answered))
        self._offer_again()
        return answered

    def _offer_again(self) -> None:
        """Have what is overdue offered again, unless that is still going on."""
        if self._offering is not None:
            if not self._offering.done():
                return
            self._offering.result()  # raises what it raised
        self._offering = None
        overdue = self._overdue()
        if overdue:
            self._offering = self._again.submit(self._offer, overdue, again=True)
            wait([self._offering], OFFERING_S)

    def _note_times(self, names: list[str]) -> None:
        now_s = time.monotonic()
        with self._lock:
            for took_s in [now_s - self._waiting[name].put_s for name in names if name in self._waiting]:
                self._usual_s += USUAL_SHARE * (took_s - self._usual_s)

    def _locate(self, node: Node, names: list[str]) -> None:
        """Ask in which blocks envelopes are."""
        for begin in range(0, len(names), MAX_KEYS):
            asked = names[begin : begin + MAX_KEYS]
            found = self._reader.query(node, "answers", asked, list[Answer | None])
            if len(found) != len(asked):
                raise LyingError(node.url, "it answers for other envelopes than it was asked for")
            with self._lock:
                for name, answer in zip(asked, found, strict=True):
                    waiting = self._waiting.get(name)
                    if answer is not None and waiting is not None:
                        waiting.height, waiting.named_by, waiting.named_s = answer.height, node.url, time.monotonic()

    def _heights(self) -> list[int]:
        with self._lock:
            return sorted({waiting.height for waiting in self._waiting.values() if waiting.height})

    def _collect(self, height: int) -> dict[str, bytes]:
        """Return the receipts of a block for those that wait for them; none while nothing vouches for it yet."""
        young_s = time.monotonic() - VOUCHED_WITHIN_S
        with self._lock:
            is_young = any(one.named_s > young_s for one in self._waiting.values() if one.height == height)
        try:
            receipts = self._nodes.ask(lambda node: self._receipts(node, height), patience_s=0, alone=is_young)
        except NobodyAnswersError as problem:
            if not problem.is_behind:
                raise
            receipts = None
        late_s = time.monotonic() - OFFER_AGAIN_S
        with self._lock:
            expected = {name: waiting for name, waiting in self._waiting.items() if waiting.height == height}
            wrong = [
                waiting
                for name, waiting in expected.items()
                if (waiting.named_s < late_s if receipts is None else name not in receipts)
            ]
            for waiting in wrong:
                waiting.height = 0
        if receipts is None:
            return {}
        for waiting in wrong[:1]:
            lie = LyingError(waiting.named_by, f"it names block {height} for an envelope that is not in it")
            self._nodes.blame(lie)
            self._nodes.tell([lie])
        return {name: receipts[name] for name in expected if name in receipts}

    def _receipts(self, node: Node, height: int) -> dict[str, bytes]:
        receipts = self._reader.block_answer(node, height).receipts
        return {_receipt.decode(receipt).envelope: receipt for receipt in receipts}

    def _refusals(self, refused: dict[str, int]) -> dict[str, bytes]:
        """Return what every node had refused before it was looked for in vain, as the ledger would answer it."""
        with self._lock:
            return {
                name: encode({"code": code, "envelope": name, "results": []})
                for name, code in refused.items()
                if name in self._waiting and not self._waiting[name].height
            }

    def _overdue(self) -> list[str]:
        """Return what is to be offered again."""
        now_s = time.monotonic()
        with self._lock:
            overdue = [
                name
                for name, waiting in self._waiting.items()
                if not waiting.height
                and (self._nodes.rests(waiting.at) or now_s - waiting.tried_s >= waiting.pause_s(self._usual_s))
            ]
            del overdue[OFFERED_AGAIN:]
            for name in overdue:
                self._waiting[name].repeats += 1
        return overdue

    def _offer(self, names: list[str], *, again: bool = False) -> list[NodeError]:
        """Hand envelopes to the first node that takes them; ``again``: begin with another one than last time.

        A refusal counts only when every node that can be asked refuses. Returns what is wrong with nodes.
        """
        nodes = self._nodes.in_order()
        if again and names and len(nodes) > 1:
            nodes = [*nodes[1:], nodes[0]]
            self._nodes.prefer(nodes[0])
        problems: list[NodeError] = []
        refused: dict[str, int] = {}
        full: dict[str, str] = {}
        rest = names
        for node in nodes if names else []:
            try:
                rest = self._hand(node, rest, refused, full)
            except NodeError as problem:
                self._nodes.blame(problem)
                problems.append(problem)
                self._may_be_out(rest, problem)
            if not rest:
                break
        with self._lock:
            for name in rest:
                waiting = self._waiting.get(name)
                if waiting is not None and name in full:
                    waiting.problem = full[name]
                elif waiting is not None:
                    waiting.refused = refused.get(name, 0)
        if len(problems) < len(nodes):
            self._nodes.tell(problems)
            return []
        return problems

    def _hand(self, node: Node, names: list[str], refused: dict[str, int], full: dict[str, str]) -> list[str]:
        """Hand envelopes to one node; return those that it does not take, and note why."""
        with self._lock:
            known = [(name, self._waiting[name].raw) for name in names if name in self._waiting]
        size = max(1, -(-len(known) // SLICES), MAX_CALLS)
        slices = [known[begin : begin + size] for begin in range(0, len(known), size)]
        work = self._pool.map if len(slices) > 1 else map
        results = [one for part in work(lambda part: _hand_all(node, part), slices) for one in part]
        left: list[str] = []
        now_s = time.monotonic()
        with self._lock:
            for (name, _), result in zip(known, results, strict=True):
                waiting = self._waiting.get(name)
                if waiting is None:
                    continue
                waiting.tried_s = now_s
                code = _verdict(result)
                if code == 0:
                    waiting.at, waiting.is_out, waiting.refused = node.url, True, 0
                    waiting.problem = f"node {node.url} took it and no node has it in a block"
                elif isinstance(code, str):
                    full[name] = f"node {node.url} has no room for it ({code})"
                    left.append(name)
                else:
                    refused[name] = code
                    left.append(name)
        return left

    def _may_be_out(self, names: Sequence[str], problem: NodeError) -> None:
        with self._lock:
            for name in names:
                waiting = self._waiting.get(name)
                if waiting is not None:
                    waiting.problem = str(problem)
                    waiting.is_out = waiting.is_out or (isinstance(problem, UnreachableError) and problem.may_be_done)


def _hand_all(node: Node, part: Sequence[tuple[str, bytes]]) -> list[Any]:
    return node.call_many([rpc_json.broadcast(raw) for _, raw in part])


def _verdict(result: Any) -> int | str:
    """Return 0 for a node that takes an envelope, else the rejection's number, or its words when it has no room."""
    if isinstance(result, RpcError):
        if _IN_CACHE in result.problem:
            return 0
        return result.problem
    try:
        code = rpc_json.verdict_of(result)
        if code in CODE_NAMES:
            return CODE_NAMES[code]
        return Rejection(code) if code else 0
    except ValueError as problem:
        return f"it answers with what is no verdict: {problem}"
