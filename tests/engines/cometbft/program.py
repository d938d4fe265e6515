"""Tests that need CometBFT itself: where it is, or why they are skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from kouan.engines.cometbft.node import binary


def _found() -> tuple[Path, str]:
    try:
        return binary.find(), ""
    except binary.BinaryError as problem:
        return Path(binary.NAME), str(problem)


COMETBFT: Final[Path] = _found()[0]
MISSING: Final[str] = _found()[1]
needs_cometbft: Final = pytest.mark.skipif(bool(MISSING), reason=MISSING)
