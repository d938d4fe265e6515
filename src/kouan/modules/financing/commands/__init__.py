"""The commands of the module, by theme."""

from __future__ import annotations

from kouan.kernel.registry import Command
from kouan.modules.financing.commands import holding

COMMANDS: tuple[Command, ...] = (*holding.COMMANDS,)
