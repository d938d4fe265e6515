"""What has happened on the ledger: the commands in its blocks that took effect, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from kouan.engines.port import Engine

COLLECT: Final = "financing.collect/1"
REVERSE_COLLECTION: Final = "financing.reverse-collection/1"
OFFER: Final = "financing.offer/1"


class Happened(NamedTuple):
    """A command that was accepted."""

    height: int
    time_ms: int
    """The block's."""
    by: str
    """The member that signed it."""
    type: str
    command: dict[str, Any]


def happened(engine: Engine, types: Collection[str], from_height: int = 1) -> Iterator[Happened]:
    """Yield the accepted commands of some types in the blocks from a height on."""
    wanted = [kind.encode() for kind in types]
    for block in engine.blocks(from_height):
        for envelope, receipt in zip(block.envelopes, block.receipts, strict=True):
            if not any(kind in envelope for kind in wanted):  # most are not: they need not be decoded
                continue
            answer = msgspec.json.decode(receipt)
            if answer["code"]:  # it may not even be an envelope
                continue
            body = msgspec.json.decode(envelope)["body"]
            member = body["signer"].partition("/")[0]
            for command, result in zip(body["commands"], answer["results"], strict=True):
                if not result["code"] and command["type"] in types:
                    yield Happened(block.height, block.time_ms, member, command["type"], command)
