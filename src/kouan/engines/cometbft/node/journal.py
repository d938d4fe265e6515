"""What happens at a node, as JSON lines: to standard output, or to a file that is kept small."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

MAX_BYTES: Final = 16 << 20
"""When a log file has as many, it is put aside as ``.1``, in place of the one before."""


class Journal:
    """Takes what happens: an event's name and what belongs to it."""

    def __init__(self, path: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        """Write to a file, or to standard output; raises OSError."""
        self._path = path
        self._max_bytes = max_bytes
        self._file: BinaryIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = path.open("ab")

    def __call__(self, event: str, **about: Any) -> None:
        """Write one line."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.pass_on(msgspec.json.encode({"time": time, "event": event, **about}))

    def pass_on(self, line: bytes) -> None:
        """Write a line that is a JSON document already."""
        if self._file is None:
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
            return
        self._file.write(line + b"\n")
        self._file.flush()
        if self._path is not None and self._file.tell() >= self._max_bytes:
            self._file.close()
            self._path.replace(self._path.with_suffix(self._path.suffix + ".1"))
            self._file = self._path.open("ab")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
