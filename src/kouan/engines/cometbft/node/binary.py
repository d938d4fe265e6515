"""Where CometBFT's program is, and whether it is the version that this engine was built for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VERSION: Final = "0.39.4"
NAME: Final = "cometbft"
VARIABLE: Final = "KOUAN_COMETBFT"
PACKAGE: Final = f"github.com/cometbft/cometbft/cmd/cometbft@v{VERSION}"
_WAY_ON: Final = (
    f"run `make engine`, or `go install {PACKAGE}`, or set {VARIABLE} to the path of CometBFT {VERSION} built elsewhere"
)
_ASK_S: Final = 20.0


class BinaryError(ValueError):
    """There is no CometBFT here, or not the right one; the text says which, and what to do."""


def find(environment: Mapping[str, str] = os.environ, prefix: Path = Path(sys.prefix)) -> Path:
    """Return the path of CometBFT's program: KOUAN_COMETBFT, else beside this Python, else on PATH; raises BinaryError.

    What it answers to `cometbft version` must be exactly `VERSION`: nodes of other versions may decide differently.
    """
    path = _path(environment, prefix)
    found = _version(path)
    if found != VERSION:
        raise BinaryError(f"{path}: is version {found}, and this engine needs {VERSION}; {_WAY_ON}")
    return path


def _path(environment: Mapping[str, str], prefix: Path) -> Path:
    named = environment.get(VARIABLE)
    if named:
        path = Path(named)
        if not os.access(path, os.X_OK) or not path.is_file():
            raise BinaryError(f"{VARIABLE}: {path} is no program that this user may run; {_WAY_ON}")
        return path.absolute()
    beside = prefix / "bin" / NAME
    if beside.is_file():
        return beside
    there = shutil.which(NAME, path=environment.get("PATH", os.defpath))
    if there is None:
        raise BinaryError(f"CometBFT {VERSION} is not installed: {_WAY_ON}")
    return Path(there)


def _version(path: Path) -> str:
    try:
        said = subprocess.run(  # noqa: S603  # the program that the operator installed
            [path, "version"], capture_output=True, text=True, timeout=_ASK_S, check=True, errors="replace"
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise BinaryError(f"{path}: does not say its version ({problem}); {_WAY_ON}") from None
    return said.stdout.strip()[:40]


def main() -> int:
    """Say where CometBFT is, or what to do."""
    try:
        sys.stdout.write(f"CometBFT {VERSION}: {find()}\n")
    except BinaryError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
