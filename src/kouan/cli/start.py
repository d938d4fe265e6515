"""Where ``kouan`` starts: a verification loads the verifier alone, everything else the whole command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["verify"]:
        from kouan.cli.verify import app as verify_app  # noqa: PLC0415  # loads no engine, so it starts at once

        verify_app(args=sys.argv[2:], prog_name="kouan verify")
    from kouan.cli.main import app  # noqa: PLC0415  # loads every group of commands

    app(prog_name="kouan")
