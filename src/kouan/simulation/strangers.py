"""Verification by whoever was handed a proof: a process of its own with the proof, the trust file, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kouan.simulation.crash import KOUAN, environment

AT_ONCE: Final = 2
"""Verifying processes side by side."""


class ProofShown(NamedTuple):
    """A proof file as a stranger verified it."""

    name: str
    path: Path
    proven: bool
    en: str
    zh: str
    fingerprint: str


class _Said(msgspec.Struct, frozen=True):
    """What of the answer of ``kouan verify --json`` is shown."""

    proven: bool
    en: str
    zh: str
    fingerprint: str


def verify_apart(
    trust: Path, files: Sequence[tuple[str, Path]], workshop: Path, watch: Callable[[str, int, int], None]
) -> list[ProofShown]:
    """Verify each named proof in a directory of its own; raises AssertionError when there is no answer."""

    def verify(file: tuple[str, Path]) -> ProofShown:
        name, path = file
        room = workshop / f"verify-{name}"
        room.mkdir()
        shutil.copy(path, room / "proof.json")
        shutil.copy(trust, room / "alliance.json")
        said = _run_verify(room)
        return ProofShown(name, path, said.proven, said.en, said.zh, said.fingerprint)

    shown = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done, one in enumerate(pool.map(verify, files), 1):
            shown.append(one)
            watch("verify", done, len(files))
    return shown


def _run_verify(room: Path) -> _Said:
    command = [*KOUAN, "verify", "proof.json", "--trust", "alliance.json", "--archival", "--json"]
    run = subprocess.run(command, cwd=room, env=environment(), capture_output=True, check=False)  # noqa: S603  # our own
    try:
        return msgspec.json.decode(run.stdout, type=_Said)
    except msgspec.DecodeError:
        raise AssertionError(f"`kouan verify` gives no verdict: {run.stderr.decode()}") from None
