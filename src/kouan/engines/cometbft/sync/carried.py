"""Snapshots that are carried by hand: copied off a node's shelf, and put into a node whose state is lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from kouan.engines.cometbft.sync.keeping import NEW_STATE, SNAPSHOTS
from kouan.engines.cometbft.sync.restoring import finish, put_in_place
from kouan.engines.cometbft.sync.snapshot_format import (
    ChunkError,
    Metadata,
    SnapshotError,
    checkpoint_hash,
    read_metadata,
    read_subtree,
    unpack,
)
from kouan.engines.cometbft.sync.snapshot_shelf import METADATA, chunk_file, sync_tree
from kouan.engines.cometbft.sync.state_sync import Restoring
from kouan.engines.cometbft.sync.vouching import check_vouched
from kouan.engines.embedded import STATE
from kouan.kernel.encoding import from_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kouan.kernel.light import Trusted


class CarriedError(ValueError):
    """The snapshot cannot be copied or used; the text says why and what would be right."""


class Live(NamedTuple):
    """What makes a restore a live one: how old a snapshot may be by this machine's clock."""

    now_ms: int
    trust_period_ms: int


def copy_snapshot(node: Path, destination: Path, founded: Trusted, height: int | None = None) -> Metadata:
    """Copy the newest snapshot of a node, or that of a height, and check the copy; raises CarriedError, OSError."""
    if destination.exists():
        raise CarriedError(f"{destination}: exists already; give a new directory")
    kept = sorted(int(path.name) for path in (node / SNAPSHOTS).glob("*") if path.name.isdecimal())
    if height is None and not kept:
        raise CarriedError(
            f"{node / SNAPSHOTS}: there is no snapshot yet; the log tells `snapshot-taken` when there is"
        )
    if height is not None and height not in kept:
        there = ", ".join(map(str, kept)) or "none"
        raise CarriedError(f"--height: there is no snapshot of height {height}; there are: {there}")
    unborn = destination.with_name(f"{destination.name}.unfinished")
    shutil.rmtree(unborn, ignore_errors=True)
    unborn.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(node / SNAPSHOTS / str(height or kept[-1]), unborn)
    try:
        metadata = check_snapshot(unborn, founded)
    except CarriedError:
        shutil.rmtree(unborn)
        raise
    sync_tree(unborn)
    unborn.rename(destination)
    return metadata


def check_snapshot(place: Path, founded: Trusted) -> Metadata:
    """Check everything in a snapshot's directory from the founding on; raises CarriedError."""
    try:
        metadata, references = read_metadata(_bytes(place / METADATA))
        _check_checkpoint(place, metadata, founded)
        for number, reference in enumerate(references):
            path = chunk_file(place, 1 + number)
            try:
                read_subtree(_bytes(path), metadata.level, number, reference)
            except ChunkError as problem:
                raise CarriedError(f"{path}: {problem}; use another copy") from None
    except SnapshotError as problem:
        raise CarriedError(f"{place}: {problem}; use another snapshot") from None
    return metadata


def restore_snapshot(
    node: Path, place: Path, founded: Trusted, live: Live | None, progress: Callable[[int, int], None]
) -> Metadata:
    """Make a snapshot the state of a node that does not run; what was its state is set aside.

    Nothing is in place before all is checked. ``live`` None: it may be as old as it likes, and stolen keys of former
    validators could have made it up. Raises CarriedError, StoreError, OSError.
    """
    try:
        read = read_metadata(_bytes(place / METADATA))
    except SnapshotError as problem:
        raise CarriedError(f"{place}: {problem}; use another snapshot") from None
    metadata = read.metadata
    if metadata.alliance != founded.chain_id:
        raise CarriedError(f"{place}: is of another alliance, {metadata.alliance}")
    if live is not None and metadata.time_ms <= live.now_ms - live.trust_period_ms:
        raise CarriedError(
            f"{place}: is older than the trust period, so whoever made it up could no longer be held to account; "
            "use a newer one, or, if you know where it comes from, --archival"
        )
    restoring = Restoring(node / NEW_STATE, read, lambda raw, stated: check_vouched(raw, stated, founded))
    try:
        while not restoring.is_complete:
            path = chunk_file(place, restoring.next)
            try:
                restoring.take(_bytes(path))
            except (ChunkError, SnapshotError) as problem:
                raise CarriedError(f"{path}: {problem}; use another copy") from None
            progress(restoring.next, metadata.chunks)
    except CarriedError:
        restoring.abandon()
        raise
    put_in_place(finish(restoring), node / STATE, keep=(node / STATE).exists())
    return metadata


def _check_checkpoint(place: Path, metadata: Metadata, founded: Trusted) -> None:
    path = chunk_file(place, 0)
    try:
        checkpoint = unpack(_bytes(path))
    except ChunkError as problem:
        raise CarriedError(f"{path}: {problem}; use another copy") from None
    if checkpoint_hash(checkpoint) != from_text(metadata.checkpoint):
        raise CarriedError(f"{path}: is not the checkpoint that {METADATA} names; use another copy")
    check_vouched(checkpoint, metadata, founded)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise CarriedError(f"{path}: {problem.strerror}; give the directory of a snapshot") from None
