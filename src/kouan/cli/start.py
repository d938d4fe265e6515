"""Where ``kouan`` starts: a verification and a node load what they need, everything else the whole command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["verify"]:
        from kouan.cli.verify import app as verify_app  # noqa: PLC0415  # loads no engine, so it starts at once

        verify_app(args=sys.argv[2:], prog_name="kouan verify")
    if sys.argv[1:2] == ["node"] and sys.argv[2:3] in (["start"], ["application"]):
        from kouan.cli.node_process import app as node_app  # noqa: PLC0415  # a machine may run several nodes

        node_app(args=sys.argv[2:], prog_name="kouan node")
    from kouan.cli.main import app  # noqa: PLC0415  # loads every group of commands

    app(prog_name="kouan")
