"""Several nodes of which any may be down, behind or lying: whom to ask, and whom not to ask any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from kouan.engines.cometbft.client.rpc import Node, NodeError, UnreachableError

REST_S: Final = 15.0
"""How long a node that did not answer is asked only when no other is left."""
BEHIND_S: Final = 10.0
"""How long nodes are waited for that are all behind what this client has seen."""
PAUSE_S: Final = 0.1
T = TypeVar("T")


class LyingError(NodeError):
    """What the node answered is refuted by its own proof, or has none. It is not asked again."""


class BehindError(NodeError):
    """The node does not know yet what this client has seen proven; it may in a moment."""


class NobodyAnswersError(Exception):
    """No node could answer; the text says of each one why."""

    def __init__(self, text: str, *, is_behind: bool = False) -> None:
        super().__init__(text)
        self.is_behind = is_behind
        """All that is wrong with some node is that it does not know yet."""


class Nodes:
    """The nodes, the one that answered last in front. Several threads may use it."""

    def __init__(self, nodes: Sequence[Node], warn: Callable[[str], None]) -> None:
        """``warn`` is told, once a node, that it lies or is passed over."""
        self._nodes = list(nodes)
        self._warn = warn
        self._lock = threading.Lock()
        self._rest_until_s: dict[str, float] = {}
        self._lied: dict[str, LyingError] = {}
        self._warned: set[str] = set()

    @property
    def names(self) -> str:
        """All nodes' URLs, for a text."""
        return ", ".join(node.url for node in self._nodes)

    def close(self) -> None:
        """Let all connections go."""
        for node in self._nodes:
            node.close()

    def in_order(self) -> list[Node]:
        """Return whom to ask, in this order: those that lied never, those that did not answer last."""
        now_s = time.monotonic()
        with self._lock:
            honest = [node for node in self._nodes if node.url not in self._lied]
            return sorted(honest, key=lambda node: self._rest_until_s.get(node.url, 0.0) > now_s)

    def ask(self, question: Callable[[Node], T], *, patience_s: float = BEHIND_S, alone: bool = False) -> T:
        """Return the first node's answer that is one; raises NobodyAnswersError.

        ``patience_s``: for how long nodes are asked again that are behind. ``alone``: once one is behind, no other is
        asked.
        """
        end_s = time.monotonic() + patience_s
        while True:
            problems: list[NodeError] = []
            for node in self.in_order():
                try:
                    answer = question(node)
                except NodeError as problem:
                    self.blame(problem)
                    problems.append(problem)
                    if alone and isinstance(problem, BehindError):
                        raise self.failure(problems) from None
                    continue
                self.prefer(node)
                self.tell(problems)
                return answer
            if time.monotonic() >= end_s or not any(isinstance(problem, BehindError) for problem in problems):
                raise self.failure(problems)
            time.sleep(PAUSE_S)

    def prefer(self, node: Node) -> None:
        """Ask this node first from now on."""
        with self._lock:
            self._rest_until_s.pop(node.url, None)
            if self._nodes[0] is not node:
                self._nodes.remove(node)
                self._nodes.insert(0, node)

    def rests(self, url: str) -> bool:
        """Tell whether a node did not answer a moment ago."""
        with self._lock:
            return self._rest_until_s.get(url, 0.0) > time.monotonic()

    def blame(self, problem: NodeError) -> None:
        """Note what is wrong with a node, so that it is asked later or no more."""
        with self._lock:
            if isinstance(problem, LyingError):
                self._lied[problem.node] = problem
            elif isinstance(problem, UnreachableError):
                self._rest_until_s[problem.node] = time.monotonic() + REST_S

    def tell(self, problems: Sequence[NodeError]) -> None:
        """Say of nodes that were passed over why, once of each. Who got no answer at all is told by an error."""
        for problem in problems:
            with self._lock:
                is_known = problem.node in self._warned
                if not isinstance(problem, BehindError):
                    self._warned.add(problem.node)
            if not is_known and not isinstance(problem, BehindError):
                self._warn(f"{problem}; asking another node")

    def failure(self, problems: Sequence[NodeError]) -> NobodyAnswersError:
        """Return the error that says what is wrong with each node."""
        with self._lock:
            last = {**self._lied, **{problem.node: problem for problem in problems}}
        each = "; ".join(str(problem) for problem in last.values()) or "there is no node"
        behind = any(isinstance(problem, BehindError) for problem in problems)
        return NobodyAnswersError(f"no node can answer: {each}. Name others with --node URL[,URL…]", is_behind=behind)
