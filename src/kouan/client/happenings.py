"""What has happened on the ledger: the commands in its blocks that took effect, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from kouan.engines.port import Engine


class Happened(NamedTuple):
    """A command that was accepted."""

    height: int
    time_ms: int
    """The block's."""
    by: str
    """The member that signed it."""
    type: str
    command: dict[str, Any]


def happened(engine: Engine, from_height: int = 1) -> Iterator[Happened]:
    """Yield the accepted commands of the blocks from a height on."""
    for block in engine.blocks(from_height):
        for envelope, receipt in zip(block.envelopes, block.receipts, strict=True):
            answer = msgspec.json.decode(receipt)
            if answer["code"]:
                continue
            body = msgspec.json.decode(envelope)["body"]
            member = body["signer"].partition("/")[0]
            for command, result in zip(body["commands"], answer["results"], strict=True):
                if not result["code"]:
                    yield Happened(block.height, block.time_ms, member, command["type"], command)
