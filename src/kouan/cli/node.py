"""``kouan node``: one member's node on a machine of its own."""

from __future__ import annotations

from typing import Final

from kouan.cli import node_process
from kouan.cli.calls import group

app: Final = group("A member's node: found an alliance of many, join it, run it.")
app.add_typer(node_process.app)
