"""What an application asks the CometBFT beside it, over its RPC: headers with votes, and validator sets.

What it answers is checked like anybody's: it may be a CometBFT that was begun from a snapshot, or not the one it seems.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final, Protocol

import msgspec

from kouan.engines.cometbft.client import rpc_json
from kouan.engines.cometbft.client.rpc import NodeError, RpcNode
from kouan.kernel.encoding import to_text
from kouan.kernel.headers import Header, SignedHeader, ValidatorEntry

PER_PAGE: Final = 100
"""As many validators as CometBFT tells in one answer (rpc/core/env.go, maxPerPage)."""


class NotYetError(Exception):
    """CometBFT has not, or no longer, got what it was asked for; the text says what."""


class Asked(Protocol):
    """A CometBFT that can be asked."""

    def signed(self, height: int) -> SignedHeader:
        """Return a header with the votes that the next block carries; raises NotYetError."""

    def header(self, height: int) -> Header:
        """Return a header; raises NotYetError."""

    def validators(self, height: int) -> list[ValidatorEntry]:
        """Return who decides the block of a height; raises NotYetError."""


class _Key(msgspec.Struct):
    value: str


class _Validator(msgspec.Struct):
    pub_key: _Key
    voting_power: str


class _Set(msgspec.Struct):
    total: str
    validators: list[_Validator]


class _Canonical(msgspec.Struct):
    canonical: bool


class OwnNode:
    """See `Asked`."""

    def __init__(self, address: str) -> None:
        """``address``: ``host:port`` of its RPC."""
        self._node = RpcNode(f"http://{address}")

    def signed(self, height: int) -> SignedHeader:
        """See `Asked.signed`. Other votes than the next block's may differ from node to node: they are not taken."""
        result = self._ask("commit", height=str(height))
        if not msgspec.convert(result, _Canonical).canonical:
            raise NotYetError(f"block {height + 1} is not there yet")
        return rpc_json.signed_header(result)

    def header(self, height: int) -> Header:
        """See `Asked.header`."""
        return rpc_json.header(self._ask("header", height=str(height)))

    def validators(self, height: int) -> list[ValidatorEntry]:
        """See `Asked.validators`."""
        found: list[ValidatorEntry] = []
        page = 1
        while True:
            result = self._ask("validators", height=str(height), page=str(page), per_page=str(PER_PAGE))
            told = msgspec.convert(result, _Set)
            found += [
                ValidatorEntry(int(one.voting_power), to_text(b64decode(one.pub_key.value))) for one in told.validators
            ]
            if len(found) >= int(told.total) or not told.validators:
                return found
            page += 1

    def _ask(self, method: str, **params: Any) -> Any:
        try:
            return self._node.call(method, **params)
        except NodeError as problem:
            raise NotYetError(str(problem)) from None
