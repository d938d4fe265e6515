"""The state store: older versions as they were, damage named, nothing kept longer than wanted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest
from tests.engines import scene

from kouan.engines import store
from kouan.engines.embedded import STATE, Embedded
from kouan.engines.scrub import Scrubber
from kouan.engines.store import Store, StoreError
from kouan.kernel.encoding import from_text
from kouan.kernel.quota import key_of

pytestmark = pytest.mark.usefixtures("shallow_tree")

DAY = scene.day(5)
QUOTA = key_of(scene.quota_id("d1"))
KEPT = scene.LEDGER.keep_versions


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Embedded]:
    opened = scene.open_engine(tmp_path)
    yield opened
    scene.kill(opened)


def submit(engine: Embedded, envelopes: list[bytes] = DAY) -> None:
    for raw in envelopes:
        assert scene.accepted(engine.submit([raw])[0])


def everything(opened: Store) -> dict[str, bytes]:
    return dict(opened.records())


@pytest.mark.parametrize("flush_every", [1, 2, 100])
def test_an_older_version_is_the_state_as_it_was_then(engine: Embedded, flush_every: int) -> None:
    """However much of it was flushed: record by record and by its root."""
    then = {0: (engine.status().state_root, everything(engine.store))}
    for raw in DAY:
        submit(engine, [raw])
        status = engine.status()
        then[status.height] = (status.state_root, everything(engine.store))
        if status.height % flush_every == 0:
            engine.flush()
    keys = set(everything(engine.store))
    for height in range(engine.store.oldest, len(DAY) + 1):
        root, records = then[height]
        version = engine.store.at(height)
        assert version.root == from_text(root)
        assert {key: value for key in keys if (value := version.get(key)) is not None} == records


def test_just_the_wanted_versions_are_kept(engine: Embedded) -> None:
    submit(engine)
    engine.flush()
    height = len(DAY)
    assert engine.store.oldest == height - KEPT
    assert engine.store.at(height - KEPT).get(QUOTA)
    for gone in (height - KEPT - 1, height + 1):
        with pytest.raises(StoreError, match=f"kept are {height - KEPT} to {height}"):
            engine.store.at(gone)


def test_what_no_kept_version_needs_is_deleted(tmp_path: Path, engine: Embedded) -> None:
    """Values on disk are those of the newest state and of the kept versions, no more."""
    numbers = range(1, 21)
    submit(engine, [scene.attest(1, "d1"), *(scene.hold(bank, 1, "d1") for bank in scene.BANKS)])
    for number in numbers:
        engine.submit([scene.attest(number + 1, "d1")])  # refused, but a number of customs is used up
        if number % 3 == 0:
            engine.flush()
    engine.flush()
    needed = engine.store.tree.entries + KEPT  # one record changed in each of the kept blocks
    scene.kill(engine)
    with lmdb.open(str(tmp_path / STATE), max_dbs=5, readonly=True, lock=False) as env, env.begin() as txn:
        assert txn.stat(env.open_db(b"values", txn))["entries"] == needed
        assert txn.stat(env.open_db(b"undo", txn))["entries"] == KEPT


def test_what_can_be_read_does_not_grow_again_after_a_restart(tmp_path: Path, engine: Embedded) -> None:
    submit(engine)
    engine.close()
    again = scene.open_engine(tmp_path)
    assert again.store.oldest == len(DAY) - KEPT
    assert again.store.at(again.store.oldest).get(QUOTA)
    again.close()


def _damage(directory: Path, key: str, change: bytes | None) -> None:
    """Change or delete the stored values of a key, as a failing disk may."""
    with lmdb.open(str(directory / STATE), max_dbs=5, lock=False) as env, env.begin(write=True) as txn:
        cursor = txn.cursor(env.open_db(b"values", txn))
        for place, value in list(cursor):
            if value.startswith(key.encode() + b"\0"):
                if change is None:
                    txn.delete(place, db=env.open_db(b"values", txn))
                else:
                    txn.put(place, value[: -len(change)] + change, db=env.open_db(b"values", txn))


@pytest.mark.parametrize(
    ("change", "says"),
    [(b"!", "not the one that the state tree holds"), (b"\xff\xfe", "not the one"), (None, "is missing")],
)
def test_a_changed_value_is_neither_shown_nor_executed_on_but_named(
    tmp_path: Path, engine: Embedded, change: bytes | None, says: str
) -> None:
    submit(engine)
    engine.close()
    _damage(tmp_path, QUOTA, change)
    damaged = scene.open_engine(tmp_path)
    with pytest.raises(StoreError, match=says):
        damaged.query([QUOTA])
    with pytest.raises(StoreError, match=says):
        damaged.submit([scene.hold("bank-b", 1, "d1")])
    assert damaged.query(["charter"]).values[0]
    assert says in (damaged.store.scrub(0, 1 << 20) or "")
    found: list[str] = []
    scrubber = Scrubber(damaged.store, damaged.log, found.append)
    while not scrubber.passes:
        scrubber.step()
    assert len(found) == 1
    assert "kouan doctor --rebuild-state" in found[0]
    scene.kill(damaged)


def test_the_scrub_passes_over_a_sound_ledger_without_a_word(engine: Embedded) -> None:
    submit(engine)
    found: list[str] = []
    scrubber = Scrubber(engine.store, engine.log, found.append)
    while scrubber.passes < 2:
        scrubber.step()
    assert found == []


def test_a_value_under_another_keys_name_is_found_by_the_scrub(tmp_path: Path, engine: Embedded) -> None:
    submit(engine)
    engine.close()
    other = key_of(scene.quota_id("d2"))
    with lmdb.open(str(tmp_path / STATE), max_dbs=5, lock=False) as env, env.begin(write=True) as txn:
        values = env.open_db(b"values", txn)
        for place, value in list(txn.cursor(values)):
            txn.put(place, value.replace(QUOTA.encode() + b"\0", other.encode() + b"\0"), db=values)
    damaged = scene.open_engine(tmp_path)
    assert "another key's" in (damaged.store.scrub(0, 1 << 20) or "")
    scene.kill(damaged)


def test_a_store_whose_tree_has_another_root_is_refused(tmp_path: Path, engine: Embedded) -> None:
    submit(engine)
    engine.close()
    with lmdb.open(str(tmp_path / STATE), max_dbs=5, lock=False) as env, env.begin(write=True) as txn:
        parts = env.open_db(b"parts", txn)
        number, part = next(iter(txn.cursor(parts)))
        txn.put(number, part[:40] + bytes([part[40] ^ 1]) + part[41:], db=parts)
    with pytest.raises(StoreError, match="does not have the root"):
        scene.open_engine(tmp_path)
    shutil.rmtree(tmp_path / STATE)  # what the doctor does
    scene.open_engine(tmp_path).close()


@pytest.mark.parametrize("content", [b"", b"not LMDB" * 1000], ids=["empty", "junk"])
def test_a_file_that_is_no_store_is_refused_in_plain_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE).mkdir()
    (tmp_path / STATE / "data.mdb").write_bytes(content)
    if not content:  # LMDB takes an empty file for a new one
        Store(tmp_path / STATE, keep_versions=1).close()
        return
    with pytest.raises(StoreError, match="kouan doctor --rebuild-state"):
        Store(tmp_path / STATE, keep_versions=1)


def test_a_mark_that_cannot_be_read_is_refused_in_plain_words(tmp_path: Path, engine: Embedded) -> None:
    engine.close()
    with lmdb.open(str(tmp_path / STATE), max_dbs=5, lock=False) as env, env.begin(write=True) as txn:
        txn.put(b"mark", b"\xc1", db=env.open_db(b"meta", txn))
    with pytest.raises(StoreError, match="cannot be read"):
        scene.open_engine(tmp_path)


def test_when_the_state_does_not_fit_on_the_disk_nothing_answered_is_lost(
    tmp_path: Path, engine: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed write of the state stops the engine, says why, and costs nothing but a replay."""
    engine.close()
    monkeypatch.setattr(store, "MAP_BYTES", 1 << 17)  # LMDB refuses as it does on a full disk
    monkeypatch.setattr(store, "FLUSH_VALUES", 100)
    full = scene.open_engine(tmp_path)
    with pytest.raises(StoreError, match="make room"):
        submit(full, [scene.attest(1, *(f"n{number}" for number in range(300)))])
    with pytest.raises(StoreError, match="make room"):
        full.close()
    monkeypatch.setattr(store, "MAP_BYTES", 1 << 30)
    again = scene.open_engine(tmp_path)
    assert again.status().height == 1
    assert scene.accepted(again.submit([scene.attest(1, *(f"n{number}" for number in range(300)))])[0])
    assert again.status().height == 1
    again.close()
