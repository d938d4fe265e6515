"""How a node is, asked over its loopback addresses: for people who watch, nothing is verified."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

ANSWER_S: Final = 2.0
MAX_ANSWER: Final = 16 << 20
COMMANDS: Final = re.compile(rb"^kouan_commands_total(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
T = TypeVar("T")
_http: Final = urllib3.PoolManager(retries=False, timeout=ANSWER_S, maxsize=4)


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself."""

    catching_up: bool
    commands: int | None = None
    """How many it has executed since its application started, accepted or not; None when that does not answer."""
    height: int
    """Of its newest block."""
    moniker: str
    node: str
    peers: int = 0
    power: int
    """Of its validator; 0 for one that does not vote."""
    round: int | None = None
    """Of the block that is being agreed on; more than 0 means that a proposer was late or refused."""
    time_ms: int
    """Of its newest block; 0 before the first."""


def observe(rpc: str, http: str) -> Observed | None:
    """Ask a node at its ``host:port`` addresses; None when CometBFT does not answer."""
    observed = observe_rpc(rpc)
    if observed is None:
        return None
    answered = _get(f"http://{http}/metrics")
    commands = None if answered is None else sum(int(float(one)) for one in COMMANDS.findall(answered))
    peers = _asked(rpc, "net_info", lambda result: int(result["n_peers"])) or 0
    return msgspec.structs.replace(
        observed, commands=commands, peers=peers, round=_asked(rpc, "consensus_state", _round)
    )


def observe_rpc(rpc: str) -> Observed | None:
    """Ask CometBFT alone, in one question: the fields with defaults stay so."""
    return _asked(rpc, "status", _status)


def block_time_ms(rpc: str) -> int | None:
    """Return the time of a node's newest block, None when it does not say."""
    observed = observe_rpc(rpc)
    return None if observed is None else observed.time_ms


def _status(result: dict[str, Any]) -> Observed:
    sync, validator = result["sync_info"], result["validator_info"]
    height = int(sync["latest_block_height"])
    return Observed(
        catching_up=sync["catching_up"],
        height=height,
        moniker=result["node_info"]["moniker"],
        node=result["node_info"]["id"],
        power=int(validator["voting_power"]),
        time_ms=_ms(sync["latest_block_time"]) if height else 0,
    )


def _round(result: dict[str, Any]) -> int:
    return int(result["round_state"]["height/round/step"].split("/")[1])


def _asked(rpc: str, method: str, read: Callable[[dict[str, Any]], T]) -> T | None:
    answered = _get(f"http://{rpc}/{method}")
    if answered is None:
        return None
    try:
        return read(msgspec.json.decode(answered)["result"])
    except (LookupError, TypeError, ValueError):  # it is not CometBFT that answers
        return None


def _get(url: str) -> bytes | None:
    try:
        answer = _http.request("GET", url, preload_content=False)
        try:
            return answer.read(MAX_ANSWER) if answer.status == 200 else None
        finally:
            answer.release_conn()
    except (HTTPError, OSError):
        return None


def _ms(time: str) -> int:
    """Return the milliseconds of a time as Go writes it, with up to nine digits of the second."""
    whole, _, rest = time.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 1000 + int(rest[:3].ljust(3, "0"))
