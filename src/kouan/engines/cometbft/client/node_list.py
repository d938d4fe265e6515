"""Which nodes a client asks when nobody names any: ``network.json`` beside the trust file lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

FILE: Final = "network.json"


class NodeListError(ValueError):
    """The list of nodes cannot be used; the text says why and what to do."""


class _Node(msgspec.Struct):
    rpc: str


class _List(msgspec.Struct):
    nodes: Annotated[list[_Node], msgspec.Meta(min_length=1)]


def listed(port: Path) -> list[str]:
    """Return the URLs of the nodes that a port directory lists; raises NodeListError."""
    path = port / FILE
    try:
        return [node.rpc for node in msgspec.json.decode(path.read_bytes(), type=_List).nodes]
    except OSError:
        raise NodeListError(
            f"--node: {path} is not there, so no node is known; name some with --node URL[,URL…] or in KOUAN_NODE"
        ) from None
    except msgspec.MsgspecError as problem:
        raise NodeListError(f"{path}: {problem}; name nodes with --node URL[,URL…]") from None
