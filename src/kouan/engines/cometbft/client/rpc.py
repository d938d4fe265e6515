"""Calls to one node: CometBFT's JSON-RPC over HTTP.

What comes back is only decoded here. Whether it is true is for `kouan.engines.cometbft.client.chain` and the proofs
to say.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError, NewConnectionError
from urllib3.util import parse_url

CONNECT_S: Final = 2.0
ANSWER_S: Final = 10.0
MAX_ANSWER: Final = 32 << 20
"""Bytes of one answer: a full block with its receipts has a few million."""
MAX_CALLS: Final = 10
"""Calls in one request; CometBFT's ``max_request_batch_size`` is 10 unless set."""
MAX_REQUEST: Final = 900_000
"""Bytes of one request; CometBFT's ``max_body_bytes`` is 1,000,000 unless set."""
CONNECTIONS: Final = 16
"""Kept open to one node."""


class NodeError(Exception):
    """A node is of no use for a question; the text names it and says why. Another node may be."""

    def __init__(self, node: str, problem: str) -> None:
        super().__init__(f"node {node}: {problem}")
        self.node = node
        self.problem = problem


class UnreachableError(NodeError):
    """It does not answer, or not with JSON-RPC."""

    def __init__(self, node: str, problem: str, *, may_be_done: bool = True) -> None:
        super().__init__(node, problem)
        self.may_be_done = may_be_done
        """What it was asked to do it may have done; not if it was never reached."""


class RpcError(NodeError):
    """It answered that it cannot do what it was asked."""


class Call(NamedTuple):
    """One question."""

    method: str
    params: dict[str, Any]
    """As CometBFT's JSON has them: 64-bit numbers as texts, a transaction in base64, a query's data in hex."""


class Node(Protocol):
    """One node that can be asked."""

    @property
    def url(self) -> str:
        """What the node is called in errors."""

    def call(self, method: str, **params: Any) -> Any:
        """Return the result of a call; raises NodeError."""

    def call_many(self, calls: Sequence[Call]) -> list[Any]:
        """Return for each call its result, or the RpcError that the node answered; raises UnreachableError."""

    def close(self) -> None:
        """Let the connections go."""


class _Error(msgspec.Struct):
    message: str = ""
    data: str = ""


class _Answer(msgspec.Struct):
    id: int | None = None
    result: Any = None
    error: _Error | None = None


_ERRNO: Final = re.compile(r"(?:\[Errno -?\d+\] |Error\(\d+, ['\"])([^\[\]'\")]+)")
_answers: Final = msgspec.json.Decoder(list[_Answer] | _Answer)


class RpcNode:
    """A node by its URL. Several threads may use it at once; connections are kept open and used again."""

    def __init__(self, url: str, *, answer_s: float = ANSWER_S) -> None:
        """``answer_s``: how many seconds an answer may take. Raises ValueError for what is no address of a node."""
        self.url = checked_url(url)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=CONNECTIONS,
            block=False,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=answer_s),
            headers={"Content-Type": "application/json"},
        )
        self._lock = threading.Lock()
        self._last_id = 0

    def call(self, method: str, **params: Any) -> Any:
        """See `Node.call`."""
        (result,) = self.call_many([Call(method, params)])
        if isinstance(result, RpcError):
            raise result
        return result

    def call_many(self, calls: Sequence[Call]) -> list[Any]:
        """See `Node.call_many`. Few and large requests are made of them, not one for each."""
        results: list[Any] = []
        batch: list[bytes] = []
        for call in calls:
            packed = self._pack(call)
            if batch and (len(batch) == MAX_CALLS or sum(map(len, batch)) + len(packed) > MAX_REQUEST):
                results += self._ask(batch)
                batch = []
            batch.append(packed)
        return results + (self._ask(batch) if batch else [])

    def close(self) -> None:
        """Let the connections go."""
        self._pool.clear()

    def _pack(self, call: Call) -> bytes:
        with self._lock:
            self._last_id += 1
            number = self._last_id
        return msgspec.json.encode({"id": number, "jsonrpc": "2.0", "method": call.method, "params": call.params})

    def _ask(self, batch: list[bytes]) -> list[Any]:
        body = b"[" + b",".join(batch) + b"]"  # one alone too: CometBFT tries to read a list first
        try:
            answer = _answers.decode(self._post(body))
        except msgspec.MsgspecError as problem:
            raise UnreachableError(self.url, f"what it answers is no JSON-RPC ({problem})") from None
        found = answer if isinstance(answer, list) else [answer]
        by_id = {one.id: one for one in found}
        return [self._result(by_id.get(msgspec.json.decode(one, type=_Answer).id)) for one in batch]

    def _result(self, answer: _Answer | None) -> Any:
        if answer is None:
            return RpcError(self.url, "one of several questions stayed without an answer")
        if answer.error is not None:
            return RpcError(self.url, answer.error.data or answer.error.message or "it answers with an empty error")
        return answer.result

    def _post(self, body: bytes) -> bytes:
        try:
            answer = self._pool.request("POST", self.url, body=body, preload_content=False, redirect=False)
            try:
                data = answer.read(MAX_ANSWER + 1)
            finally:
                answer.release_conn()
        except (HTTPError, OSError) as problem:
            reached = not isinstance(problem, NewConnectionError | ConnectTimeoutError)
            raise UnreachableError(self.url, f"cannot be reached ({_plain(problem)})", may_be_done=reached) from None
        if len(data) > MAX_ANSWER:
            answer.close()
            raise UnreachableError(self.url, f"its answer has more than {MAX_ANSWER} bytes")
        return data


def checked_url(url: str) -> str:
    """Return the address of a node as it is asked; raises ValueError, naming the option and what would be right."""
    try:
        parsed = parse_url(url.strip())
    except LocationParseError:
        parsed = None
    if (
        parsed is None
        or parsed.scheme not in {"http", "https"}
        or not parsed.host
        or parsed.path not in {None, "", "/"}
    ):
        raise ValueError(f"--node: {url[:80]!r} is no node's address; give one such as http://127.0.0.1:26657")
    return f"{parsed.scheme}://{parsed.netloc}"


def _plain(problem: Exception) -> str:
    """Return a library's error without the names of its objects."""
    text = str(getattr(problem, "reason", None) or problem)
    told = _ERRNO.search(text)
    return told[1].lower() if told else text.rpartition(">: ")[2].rpartition("): ")[2] or type(problem).__name__
