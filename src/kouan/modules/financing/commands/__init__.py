"""The commands of the module, by theme."""

from __future__ import annotations

from typing import Final

from kouan.kernel.registry import Command
from kouan.modules.financing.commands import (
    bringing_in,
    collecting,
    holding,
    refinancing,
    reversing,
    selling,
    servicing,
    substituting,
)

COMMANDS: Final[tuple[Command, ...]] = (
    *holding.COMMANDS,
    *servicing.COMMANDS,
    *collecting.COMMANDS,
    *refinancing.COMMANDS,
    *selling.COMMANDS,
    *substituting.COMMANDS,
    *reversing.COMMANDS,
    *bringing_in.COMMANDS,
)
