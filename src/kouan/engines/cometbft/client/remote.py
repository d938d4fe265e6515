"""The engine as a network of nodes runs it, for clients that trust none of them.

Writing: an envelope is handed to one node, and answered once a verified header vouches for its block's receipts.
Reading: one node answers, with proofs that lead to a verified header; `docs/reference/node-api.md` lists what is asked
and what is checked. A node that does not answer is passed over, one that lies is named and asked no more.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from kouan.engines.cometbft.answers import MAX_KEYS
from kouan.engines.cometbft.client.blocks import BlockReader
from kouan.engines.cometbft.client.chain import Chain
from kouan.engines.cometbft.client.nodes import LyingError, NobodyAnswersError, Nodes
from kouan.engines.cometbft.client.reading import Pair, Reader
from kouan.engines.cometbft.client.rpc import Node, NodeError, RpcNode
from kouan.engines.cometbft.client.underway import Envelopes
from kouan.engines.port import Engine, Found, LoggedBlock, Proven, Status
from kouan.kernel.encoding import encode, to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import app_hash
from kouan.kernel.headers import ValidatorEntry
from kouan.kernel.light import LightError, Reason, trusted_at
from kouan.kernel.proof import NetworkCheckpoint
from kouan.modules.alliance.founding import NetworkFounding, alliance_id
from kouan.modules.alliance.rules import TRUST_PERIOD

PATIENCE_S: Final = 60.0
"""How long an answer to an envelope is waited for."""
LOOK_EVERY_S: Final = 0.1
ANSWERS_KEPT: Final = 4_096
"""Receipts for threads that have not yet come to fetch them."""
STALE_MS: Final = 30_000
"""A network makes an empty block every few seconds: a newest block older than this is asked for at the other nodes."""


class _Timed(Protocol):
    @property
    def time_ms(self) -> int: ...


A = TypeVar("A", bound=_Timed)


class UnansweredError(Exception):
    """An envelope was not answered in time; the text says whether it may have been taken, and how to find out."""


class Network(Engine):
    """A ledger run by its members. Several threads may use it at once."""

    def __init__(
        self,
        urls: Sequence[str],
        founding: NetworkFounding,
        trusted_file: Path | None,
        now_ms: Callable[[], int],
        *,
        warn: Callable[[str], None] = lambda _text: None,
        open_node: Callable[[str], Node] = RpcNode,
        patience_s: float = PATIENCE_S,
        unanswered: Path | None = None,
    ) -> None:
        """``trusted_file``: where what was verified is remembered. ``warn`` is told of nodes that are passed over.

        ``patience_s``: how long an answer is waited for. ``unanswered``: a directory for envelopes that got none.

        Raises ValueError for a URL that is none, and TrustedFileError.
        """
        self._alliance = alliance_id(founding)
        self._now_ms = now_ms
        self._patience_s = patience_s
        self._warn = warn
        self._unanswered = unanswered
        entries = [ValidatorEntry(one.power, one.public) for one in founding.validators.values()]
        founded = trusted_at(self._alliance, founding.founded_ms, entries)
        self._chain = Chain(founded, founding.charter[TRUST_PERIOD], trusted_file, now_ms)
        self._nodes = Nodes([open_node(url) for url in dict.fromkeys(urls)], warn)
        self._reader = Reader(self._chain, self._nodes, founding.founded_ms)
        self._envelopes = Envelopes(self._reader, self._nodes)
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._looking = threading.Condition()
        self._is_looking = False
        self._is_stale_told = False

    def close(self) -> None:
        """Let threads and connections go."""
        self._envelopes.close()
        self._nodes.close()

    def submit(self, envelopes: Sequence[bytes]) -> list[bytes]:
        """See `kouan.engines.port.Engine.submit`; raises NobodyAnswersError, UnansweredError, ForkError.

        An envelope that every node refuses before it comes into a block gets the receipt of a refused envelope.
        """
        names = [envelope_id(raw) for raw in envelopes]
        raws = dict(zip(names, envelopes, strict=True))
        with self._looking:
            for name in names:
                self._answers.pop(name, None)  # an envelope that was refused whole may be tried again
        self.put(envelopes)
        end_s = time.monotonic() + self._patience_s
        answered: dict[str, bytes] = {}
        try:
            while len(answered) < len(set(names)):
                if time.monotonic() >= end_s:
                    raise self._left({name: raws[name] for name in names if name not in answered})
                self._look_in_turn()
                with self._looking:
                    answered.update({name: self._answers[name] for name in names if name in self._answers})
        finally:
            self._envelopes.forget(names)
        return [answered[name] for name in names]

    def put(self, envelopes: Sequence[bytes]) -> None:
        """Hand envelopes in without waiting: `collect` brings their receipts. For who has many on their way at once."""
        self._envelopes.put(envelopes)

    def collect(self) -> dict[str, bytes]:
        """Look once for everything that was `put`; return the receipts that a header vouches for by now, by id."""
        answered = self._envelopes.look()
        if answered:
            self._chain.remember()
        return answered

    def _look_in_turn(self) -> None:
        """Let one of the threads that wait look for all, and the others wait for it."""
        with self._looking:
            if self._is_looking:
                self._looking.wait(LOOK_EVERY_S)
                return
            self._is_looking = True
        answered: dict[str, bytes] = {}
        try:
            with contextlib.suppress(NobodyAnswersError):  # it may come back while there is patience
                answered = self.collect()
        finally:
            with self._looking:
                self._answers.update(answered)
                while len(self._answers) > max(ANSWERS_KEPT, len(answered)):
                    self._answers.popitem(last=False)
                self._is_looking = False
                self._looking.notify_all()
        if not answered:
            time.sleep(LOOK_EVERY_S)

    def _left(self, left: Mapping[str, bytes]) -> UnansweredError:
        """Return the error about envelopes that got no answer, and keep them, so that they can be sent once more."""
        name = next(iter(left))
        is_out, problem = self._envelopes.why(name)
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        taken = "it may be on the ledger, or come there yet" if is_out else "no node has taken it"
        again = "send the very same envelope again"
        if self._unanswered is not None:
            self._unanswered.mkdir(exist_ok=True)
            for one, raw in left.items():
                (self._unanswered / f"{one}.json").write_bytes(raw)
            again += f" with `kouan resend {self._unanswered / name}.json`"
        return UnansweredError(
            f"envelope {name}{more} was not answered in {self._patience_s:g} seconds: {taken} ({problem}). "
            f"To find out, {again}: it is executed once, however often it is sent, and gets its receipt"
        )

    def query(self, keys: Sequence[str]) -> Found:
        """See `kouan.engines.port.Engine.query`; raises NobodyAnswersError, ForkError.

        Never older than what this client, or an earlier run that remembered, has seen.
        """
        found = self._newest(lambda node: self._found(node, keys))
        self._chain.remember()
        return found

    def _found(self, node: Node, keys: Sequence[str]) -> Found:
        records, pair = self._reader.records(node, keys[:MAX_KEYS], 0)
        leaves = list(records.leaves)
        for begin in range(MAX_KEYS, len(keys), MAX_KEYS):
            leaves += self._reader.records(node, keys[begin : begin + MAX_KEYS], records.height)[0].leaves
        values = [None if leaf.value is None else encode(leaf.value) for leaf in leaves]
        return Found(records.height, self._timely(node, pair), values)

    def _timely(self, node: Node, pair: Pair) -> int:
        time_ms = self._reader.time_ms(pair)
        if self._chain.is_too_old(pair.above.header.time.ms):
            raise NodeError(
                node.url, "its newest block is older than the trust period: it stands still, or hides newer ones"
            )
        return time_ms

    def _newest(self, question: Callable[[Node], A]) -> A:
        """Return an answer of now: a node that fell asleep, or hides what is new, is checked against the others."""
        best = self._nodes.ask(question)
        if best.time_ms > self._now_ms() - STALE_MS:
            return best
        for node in self._nodes.in_order()[1:]:
            try:
                other = question(node)
            except NodeError as problem:
                self._nodes.blame(problem)
                self._nodes.tell([problem])
                continue
            if other.time_ms > best.time_ms:
                best = other
                self._nodes.prefer(node)
        behind_s = (self._now_ms() - best.time_ms) // 1000
        if best.time_ms <= self._now_ms() - STALE_MS and not self._is_stale_told:
            self._is_stale_told = True
            self._warn(
                f"the newest block that any node shows is {behind_s} s old: the network may stand still, or this "
                "machine's clock be ahead"
            )
        return best

    def prove(self, keys: Sequence[str], height: int | None = None) -> Proven:
        """See `kouan.engines.port.Engine.prove`; raises NobodyAnswersError, ForkError."""
        proven = self._nodes.ask(lambda node: self._proven(node, keys, height or 0))
        self._chain.remember()
        return proven

    def _proven(self, node: Node, keys: Sequence[str], height: int) -> Proven:
        records, pair = self._reader.records(node, keys, height)
        if pair.at is None:
            raise NodeError(node.url, "only the founding is proven yet, which needs no proof: try again in a moment")
        try:
            steps = self._chain.steps_to(pair.above.header, partial(self._reader.changes, node))
        except LightError as problem:
            if problem.reason is Reason.WRONG_SET:
                raise self._reader.without_changes(node, records.height + 1) from None
            raise LyingError(
                node.url, f"the changes of validators that it shows are not the alliance's: {problem}"
            ) from None
        checkpoint = NetworkCheckpoint(
            alliance=self._alliance,
            commit=pair.above.commit,
            header=pair.above.header,
            previous=pair.at,
            receipts_root=to_text(records.receipts_root),
            state_root=to_text(records.state_root),
            steps=steps,
        )
        return Proven(checkpoint, [], records.leaves)

    def blocks(self, from_height: int = 1) -> Iterator[LoggedBlock]:
        """See `kouan.engines.port.Engine.blocks`, up to the newest block that a header vouches for."""
        yield from BlockReader(self._reader, self._nodes).blocks(from_height)
        self._chain.remember()

    def status(self) -> Status:
        """See `kouan.engines.port.Engine.status`. How many records there are is one node's word; the rest is proven."""
        status = self._newest(self._status)
        self._chain.remember()
        return status

    def _status(self, node: Node) -> Status:
        records, pair = self._reader.records(node, [], 0)
        told = self._reader.query(node, "status", None, Status)
        return Status(
            alliance=self._alliance,
            height=records.height,
            time_ms=self._timely(node, pair),
            app_hash=to_text(app_hash(records.state_root, records.receipts_root)),
            state_root=to_text(records.state_root),
            records=told.records,
            oldest_provable=told.oldest_provable,
            log_bytes=0,
        )
