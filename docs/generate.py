# ruff: noqa: INP001  # a script that is run by its path, not a module
"""Write the pages of the reference that come from the source: ``python docs/generate.py [--check]``.

``--check`` writes nothing and ends with 1 when a page is not current.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from generator import cli, commands, tables

REFERENCE: Final = Path(__file__).parent / "reference"
PAGES: Final[dict[str, Callable[[], str]]] = {
    "cli.md": cli.page,
    "commands.md": commands.page,
    "parameters.md": tables.parameters,
    "rejections.md": tables.rejections,
}
MARK: Final = "<!-- Written by docs/generate.py: change the source and run `make docs`. -->\n\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or tell which are not current."""
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, MARK + page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"docs/reference/{name}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
