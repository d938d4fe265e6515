"""Whether this machine's clock is behind, seen from what CometBFT says.

CometBFT refuses a block whose time is 60 s or more ahead of the clock (``block_time_tolerance``). A node whose clock is
that far behind refuses what all others agree on, and starting it anew does not help: its clock must be set.

A block that two thirds signed and this node finds too far in the future proves it. A mere proposal proves nothing: one
hostile proposer could write any time into it. Then the time of the newest block that was agreed on decides, which is a
median of the members' clocks.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

TOLERANCE_S: Final = 60
"""CometBFT's ``block_time_tolerance``."""
BEHIND_S: Final = 30
"""How far the newest agreed block may be ahead of the clock before a refused proposal is the clock's fault."""
_REFUSED: Final = "is too far in the future"
_FAILED: Final = "CONSENSUS FAILURE!!!"
_PROVEN: Final = frozenset({_FAILED, "Error in validation"})  # consensus/state.go, blocksync/reactor.go

Sign = Literal["behind", "maybe behind", "failed"]


class _Line(msgspec.Struct, rename={"message": "_msg"}):
    message: str = ""
    err: str = ""


_decode: Final = msgspec.json.Decoder(_Line).decode


def sign_of(line: bytes) -> Sign | None:
    """Return what a line of CometBFT's log (JSON) says of the clock, or that its consensus has stopped (``failed``)."""
    if b"too far" not in line and b"FAILURE" not in line:
        return None
    try:
        said = _decode(line)
    except msgspec.MsgspecError:  # a stack trace
        return None
    if _REFUSED in said.err:
        return "behind" if said.message in _PROVEN else "maybe behind"
    return "failed" if said.message == _FAILED else None
