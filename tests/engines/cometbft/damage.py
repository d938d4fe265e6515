"""A state on the disk that is not what was written."""

from __future__ import annotations

from pathlib import Path

from kouan.engines.store import open_environment


def damage(state: Path, prefix: bytes) -> int:
    """Change the last byte of every stored value whose key begins so; return how many there were."""
    environment = open_environment(state, "")
    values = environment.open_db(b"values")
    with environment.begin(write=True) as txn:
        found = [(place, value) for place, value in txn.cursor(values) if value.startswith(prefix)]
        for place, value in found:
            txn.put(place, value[:-1] + b" ", db=values)
    environment.close()
    return len(found)
