"""The commands of the module, by theme."""

from __future__ import annotations

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
from kouan.modules.financing.trade import Cases


def commands_for(cases: Cases) -> tuple[Command, ...]:
    """Return the commands, for an alliance that knows in this way which documents describe one trade."""
    return (
        *holding.commands_for(cases),
        *servicing.COMMANDS,
        *collecting.COMMANDS,
        *refinancing.commands_for(cases),
        *selling.COMMANDS,
        *substituting.commands_for(cases),
        *reversing.commands_for(cases),
        *bringing_in.commands_for(cases),
    )
