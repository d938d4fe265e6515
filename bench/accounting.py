"""What processes cost: CPU seconds from /proc (proc(5), stat), by kind of process."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the processor's time that a process has used, of all its threads, in user and in kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Account:
    """CPU seconds of groups of processes since it was opened. Who ends meanwhile counts up to the last look."""

    def __init__(self, groups: Mapping[str, list[int]]) -> None:
        self._groups = {name: list(pids) for name, pids in groups.items()}
        self._first = self._look()
        self._last = dict(self._first)
        self._began = time.perf_counter()

    def _look(self) -> dict[int, float]:
        seen: dict[int, float] = {}
        for pids in self._groups.values():
            for pid in pids:
                try:
                    seen[pid] = cpu_seconds(pid)
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return seen

    def spent(self) -> dict[str, float]:
        """Return the CPU seconds of each group so far."""
        self._last.update(self._look())
        return {
            name: sum(self._last[pid] - self._first[pid] for pid in pids if pid in self._first)
            for name, pids in self._groups.items()
        }

    @property
    def seconds(self) -> float:
        """How long the account has been open."""
        return time.perf_counter() - self._began
