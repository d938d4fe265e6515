"""How the application's process ends, for whoever supervises it: its exit codes."""

from __future__ import annotations

from typing import Final

EXIT_PASSING: Final = 1
"""The system refused something, a port that is taken perhaps. Start again in a while."""
EXIT_UNUSABLE: Final = 2
"""The node's directory cannot be used as it is: a person must put it right. The log names the file."""
EXIT_BROKEN: Final = 70
"""A block cannot be executed, or the state cannot be used: a person must look. The log names block and envelopes."""
EXIT_TOO_OLD: Final = 78
"""The next block needs a newer version of this software. Starting again does not help: install it first."""
EXIT_CLOCK: Final = 79
"""The supervisor's own: this machine's clock is a minute or more behind. Set it first."""
