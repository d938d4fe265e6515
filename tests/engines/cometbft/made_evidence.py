"""Evidence of both kinds as CometBFT's JSON-RPC shows it, with its hash: `make_evidence.go` made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

MADE: Final[dict[str, Any]] = msgspec.json.decode(Path(__file__).with_name("evidence.json").read_bytes())
