"""A CometBFT whose clock is wrong, for tests alone: a Linux process cannot be given a wall clock of its own.

It is built from the pinned module with one function of Go's standard library changed on the way to the compiler
(`go build -overlay`): `time.Now` adds the seconds of KOUAN_SKEW_S. Nothing monotonic changes, as with a real clock
that is wrong, so timers keep their pace.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from kouan.engines.cometbft.node import binary

SKEW: Final = "KOUAN_SKEW_S"
_COMMAND: Final = "github.com/cometbft/cometbft/cmd/cometbft"
_BUILT: Final = Path(sys.prefix) / "share" / "kouan-tests" / "cometbft-skewed"
_READ: Final = "sec, nsec, mono := runtimeNow()"
_OFFSET: Final = f"""
package time

import "syscall"

var skew = func() int64 {{
	text, _ := syscall.Getenv("{SKEW}")
	sign, seconds := int64(1), int64(0)
	for _, digit := range text {{
		if digit == '-' {{
			sign = -1
			continue
		}}
		seconds = 10*seconds + int64(digit-'0')
	}}
	return sign * seconds
}}()
"""


def reason_against() -> str | None:
    """Why it cannot be built here, or None."""
    return None if _BUILT.exists() or shutil.which("go") else "Go is not installed, and builds the skewed CometBFT"


def build() -> Path:
    """Return the program, built when it is not there yet: minutes the first time."""
    if _BUILT.exists():
        return _BUILT
    with tempfile.TemporaryDirectory() as work:
        _build(Path(work))
    return _BUILT


def _build(work: Path) -> None:
    library = Path(_go(work, "env", "GOROOT")) / "src" / "time"
    clock = (library / "time.go").read_text()
    if clock.count(_READ) != 1:
        raise AssertionError(f"{library / 'time.go'} does not read the clock as it did: change tests/network/skewed.py")
    (work / "time.go").write_text(clock.replace(_READ, f"{_READ}\n\tsec += skew"))
    (work / "skew.go").write_text(_OFFSET)
    replaced = {str(library / "time.go"): str(work / "time.go"), str(library / "skew.go"): str(work / "skew.go")}
    (work / "overlay.json").write_text(json.dumps({"Replace": replaced}))
    (work / "go.mod").write_text("module skewed\n")
    _go(work, "get", f"{_COMMAND}@v{binary.VERSION}")
    _go(work, "build", "-overlay", str(work / "overlay.json"), "-o", str(work / "cometbft"), _COMMAND)
    _BUILT.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(work / "cometbft", _BUILT)


def _go(work: Path, *arguments: str) -> str:
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    done = subprocess.run(["go", *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"go {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()
