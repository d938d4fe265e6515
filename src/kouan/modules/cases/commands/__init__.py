"""The commands of the module, by theme."""

from __future__ import annotations

from typing import Final

from kouan.kernel.registry import Command
from kouan.modules.cases.commands import changing, judging, recording

COMMANDS: Final[tuple[Command, ...]] = (*recording.COMMANDS, *changing.COMMANDS, *judging.COMMANDS)
