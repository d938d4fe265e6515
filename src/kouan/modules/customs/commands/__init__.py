"""The commands of customs, by theme: a declaration's life, and the opening of seals."""

from __future__ import annotations

from typing import Final

from kouan.kernel.registry import Command
from kouan.modules.customs.commands import declaration, opening

COMMANDS: Final[tuple[Command, ...]] = (*declaration.COMMANDS, *opening.COMMANDS)
