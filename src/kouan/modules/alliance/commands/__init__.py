"""Every command of the alliance."""

from __future__ import annotations

from collections.abc import Iterable

from kouan.kernel.registry import Command, Parameter
from kouan.modules.alliance.commands import enterprises, keys, proposals, validators


def commands_for(parameters: Iterable[Parameter]) -> tuple[Command, ...]:
    """Return the commands. ``parameters`` are all modules' together: a proposal may change any within its bounds."""
    return (*enterprises.COMMANDS, *keys.COMMANDS, *validators.COMMANDS, *proposals.commands_for(parameters))
