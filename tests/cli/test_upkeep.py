"""Doctor, backup, restore, export: damage is named with the way on, copies are checked, nothing is overwritten."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest
from tests.cli.conftest import Ran, run
from tests.engines import scene
from tests.engines.test_local_socket import Served

from kouan import bootstrap
from kouan.engines.embedded import LOG, STATE
from kouan.kernel.encoding import decode, encode, from_text
from kouan.kernel.tree import Tree, leaf_hash, path_of

pytestmark = pytest.mark.usefixtures("shallow")

LOG_PATH = Path(bootstrap.LEDGER) / LOG
STATE_PATH = Path(bootstrap.LEDGER) / STATE


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    scene.shallow_tree(monkeypatch)


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """A port with four blocks."""
    made = tmp_path / "port"
    scene.make_port(made)
    with bootstrap.connect(made) as engine:
        for raw in scene.day(2, now_ms=bootstrap.now_ms()):
            assert scene.accepted(engine.submit([raw])[0])
    return made


@contextmanager
def served(port: Path) -> Iterator[None]:
    """Another process's service, in a thread."""
    with bootstrap.lock(port):
        engine = bootstrap.open_ledger(port)
        server = Served(port / bootstrap.LEDGER / bootstrap.SOCKET, engine)
        try:
            yield
        finally:
            server.stop()
            engine.close()


def doctor(port: Path, *options: str) -> Ran:
    return run("doctor", "--port", port, "--json", *options)


def verdicts(ran: Ran) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in ran.json["findings"]:
        found.setdefault(finding["about"], []).append(finding["verdict"])
    return found


def damage_of(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 1, ran
    assert ran.json["damaged"]
    return [finding for finding in ran.json["findings"] if finding["verdict"] == "damaged"]


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def height_of(port: Path) -> int:
    with bootstrap.connect(port) as engine:
        return engine.status().height


@pytest.mark.parametrize("options", [[], ["--full"]])
def test_a_sound_ledger_is_found_sound(port: Path, options: list[str]) -> None:
    ran = doctor(port, *options)
    assert ran.code == 0, ran
    assert verdicts(ran) == {name: ["good"] for name in ("log", "state", "operator", "clock", "disk", "keys")}
    assert "DAMAGED" not in run("doctor", "--port", port).out


def test_a_served_ledger_can_be_examined_too(port: Path) -> None:
    with served(port):
        ran = doctor(port, "--full")
    assert ran.code == 0, ran
    assert verdicts(ran)["lock"] == ["note"]
    assert verdicts(ran)["log"] == ["good"]


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--rebuild-state"), ("backup", "OUT"), ("export", "OUT")])
def test_another_command_is_waited_for(
    port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """As every command waits for another; so nothing is refused, and nothing left unexamined, for a moment's sake."""
    with ExitStack() as held:
        held.enter_context(bootstrap.lock(port))
        monkeypatch.setattr(time, "sleep", lambda _s: held.close())  # the other one ends while we wait
        ran = run(*(str(tmp_path / "out") if word == "OUT" else word for word in words), "--port", port, "--json")
    assert ran.code == 0, ran
    if words == ("doctor",):
        assert "lock" not in verdicts(ran)


def test_examining_changes_nothing(port: Path) -> None:
    before = {path: path.read_bytes() for path in port.rglob("*") if path.is_file() and path.name != bootstrap.LOCK}
    doctor(port, "--full")
    after = {path: path.read_bytes() for path in port.rglob("*") if path.is_file() and path.name != bootstrap.LOCK}
    assert before == after


def test_a_flipped_byte_in_the_log_is_named_and_a_backup_asked_for(port: Path) -> None:
    overwrite(port / LOG_PATH, 300, b"\xff\xfe\xfd")
    (finding,) = damage_of(doctor(port))
    assert "block 1 is expected" in finding["says"]
    assert "kouan restore" in finding["way_on"]


def test_a_log_written_by_somebody_else_is_found_by_executing_it(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hash in it is right; only the members' signatures are not."""
    shutil.rmtree(port / bootstrap.LEDGER)
    scene.make_port(port.with_name("other"))
    (port.with_name("other") / bootstrap.LEDGER).rename(port / bootstrap.LEDGER)
    raw = scene.day(1, now_ms=bootstrap.now_ms())[0]
    forged = raw[:-20] + (b"A" if raw[-20:-19] != b"A" else b"B") + raw[-19:]
    with bootstrap.lock(port):
        engine = bootstrap.open_ledger(port)
        with monkeypatch.context() as careless:
            careless.setattr(engine, "_verify", lambda claims: [True] * len(claims))
            engine.submit([forged])
        scene.kill(engine)
    assert doctor(port).code == 0
    (finding,) = damage_of(doctor(port, "--full"))
    assert finding["about"] == "execution"
    assert "block 1" in finding["says"]


def test_a_damaged_state_is_named_and_rebuilt(port: Path) -> None:
    with lmdb.open(str(port / STATE_PATH), max_dbs=5, lock=False) as env, env.begin(write=True) as txn:
        values = env.open_db(b"values", txn)
        for place, value in list(txn.cursor(values)):
            if value.startswith(b"charter\0"):
                txn.put(place, value[:-1] + b"!", db=values)
    (finding,) = damage_of(doctor(port))
    assert "charter" in finding["says"]
    assert "--rebuild-state" in finding["way_on"]
    rebuilt = doctor(port, "--rebuild-state")
    assert rebuilt.code == 0, rebuilt
    assert "up to height 4" in rebuilt.json["findings"][0]["says"]
    assert not list((port / bootstrap.LEDGER).glob("state.aside-*"))


def test_a_state_cut_short_is_named_without_touching_it(port: Path) -> None:
    data = port / STATE_PATH / "data.mdb"
    with data.open("r+b") as file:
        file.truncate(data.stat().st_size // 2)
    (finding,) = damage_of(doctor(port))
    assert "cut short" in finding["says"]
    assert doctor(port, "--rebuild-state").code == 0


def test_a_missing_state_is_no_damage(port: Path) -> None:
    shutil.rmtree(port / STATE_PATH)
    ran = doctor(port)
    assert (ran.code, verdicts(ran)["state"]) == (0, ["note"])


def test_a_missing_log_is_named_and_a_rebuild_keeps_the_only_witness(port: Path) -> None:
    (port / LOG_PATH).unlink()
    (finding,) = damage_of(doctor(port))
    assert "is missing" in finding["says"]
    before = (port / STATE_PATH / "data.mdb").read_bytes()
    with pytest.MonkeyPatch.context() as patch:  # a rebuild that fails half-way puts the state back
        patch.setattr(bootstrap, "open_ledger", _failing)
        assert doctor(port, "--rebuild-state").code == 2
    assert (port / STATE_PATH / "data.mdb").read_bytes() == before


def _failing(*_: object, **__: object) -> None:
    raise OSError("no more disk")


def _lose_the_end(port: Path) -> None:
    """Change a byte of the last block: it may have been answered."""
    size = (port / LOG_PATH).stat().st_size
    overwrite(port / LOG_PATH, size - 40, b"\x00\x01")


def test_a_damaged_end_is_cut_off_at_a_persons_word_alone_and_the_incarnation_asked_for(
    port: Path, tmp_path: Path
) -> None:
    _lose_the_end(port)
    assert "block 4" in str(damage_of(doctor(port)))
    assert run("backup", tmp_path / "safe", "--port", port).code == 2
    unasked = doctor(port, "--accept-loss")
    assert unasked.code == 2
    assert "--yes" in unasked.err
    accepted = doctor(port, "--accept-loss", "--yes")
    assert accepted.code == 0, accepted
    first = accepted.json["findings"][0]
    assert "ends at height 3" in first["says"]
    assert "kouan member propose operator --incarnation 1" in first["way_on"]
    assert "leftovers" in verdicts(accepted)
    later = doctor(port)  # and it is not forgotten
    assert verdicts(later)["operator"] == ["good", "warning"]
    assert height_of(port) == 3


def test_accepting_a_loss_where_there_is_none_cuts_nothing(port: Path) -> None:
    ran = doctor(port, "--accept-loss", "--yes")
    assert ran.code == 0
    assert "not damaged" in ran.json["findings"][0]["says"]
    assert height_of(port) == 4


def test_a_torn_end_is_a_note_for_the_next_start_cuts_it_off(port: Path) -> None:
    with (port / LOG_PATH).open("ab") as file:
        file.write(b"KREC" + bytes(10))
    ran = doctor(port)
    assert (ran.code, verdicts(ran)["log"]) == (0, ["good", "note"])
    assert height_of(port) == 4


def test_a_log_cut_within_a_block_that_was_on_disk_is_damage_and_the_command_that_helps_is_named(port: Path) -> None:
    """What doctor says, what the next start says and what --accept-loss does are one story."""
    with (port / LOG_PATH).open("r+b") as file:
        file.truncate(file.seek(0, 2) - 7)
    ran = doctor(port)
    (finding,) = damage_of(ran)
    assert "blocks are missing" in finding["says"]
    assert "the next start cuts them off" not in ran.out
    start = run("export", port.with_name("everything"), "--port", port)
    assert start.code == 2
    assert "kouan doctor --accept-loss" in start.err + finding["way_on"]
    assert "缺少区块" in doctor(port, "--lang", "zh").out
    accepted = doctor(port, "--accept-loss", "--yes")
    assert accepted.code == 0, accepted
    assert height_of(port) == 3


def test_key_files_clock_and_missing_operators_key_are_warned_of(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = port / bootstrap.LEDGER / bootstrap.OPERATOR_SEED
    seed.chmod(0o644)
    ran = doctor(port)
    assert verdicts(ran)["keys"] == ["warning"]
    assert any(f"chmod 600 {seed}" == finding["way_on"] for finding in ran.json["findings"])
    seed.unlink()
    ahead = bootstrap.now_ms() - 3 * 3_600_000
    monkeypatch.setattr(bootstrap, "now_ms", lambda: ahead)
    ran = doctor(port)
    assert (verdicts(ran)["operator"], verdicts(ran)["clock"]) == (["warning"], ["warning"])


def test_an_operators_key_that_is_none_is_refused_in_plain_words(port: Path) -> None:
    (port / bootstrap.LEDGER / bootstrap.OPERATOR_SEED).write_text("not hexadecimal\n")
    ran = doctor(port)
    assert ran.code == 2
    assert "64 hexadecimal digits" in ran.err


def _homes(port: Path) -> None:
    home = port / "members" / "bank-a"
    home.mkdir(parents=True)
    (home / "keys.json").write_text("keys")
    with sqlite3.connect(home / "vault.db") as vault:
        vault.execute("create table kept (what text)")
        vault.execute("insert into kept values ('a document')")
    vault.close()


def test_a_backup_taken_while_serving_is_restored_whole(port: Path, tmp_path: Path) -> None:
    _homes(port)
    with served(port):
        made = run("backup", tmp_path / "safe", "--with-keys", "--port", port, "--json")
    assert made.code == 0, made
    assert made.json["height"] == 4
    shutil.rmtree(port)
    restored = run("restore", tmp_path / "safe", "--port", port, "--json")
    assert restored.code == 0, restored
    assert restored.json["height"] == 4
    assert "--incarnation 1" in restored.json["if_later_blocks_were_answered"]
    assert doctor(port, "--full").code == 0
    assert (port / "members/bank-a/keys.json").read_text() == "keys"
    with sqlite3.connect(port / "members/bank-a/vault.db") as vault:
        assert vault.execute("select what from kept").fetchall() == [("a document",)]
    vault.close()
    with bootstrap.connect(port) as engine:
        assert scene.accepted(engine.submit([scene.attest(3, "d3", now_ms=bootstrap.now_ms())])[0])


def test_a_backup_without_keys_holds_none(port: Path, tmp_path: Path) -> None:
    _homes(port)
    assert run("backup", tmp_path / "safe", "--port", port).code == 0
    there = sorted(path.relative_to(tmp_path / "safe").as_posix() for path in (tmp_path / "safe").rglob("*.*"))
    assert there == ["alliance.json", "ledger/blocks.log", "manifest.json"]


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(port: Path, tmp_path: Path) -> None:
    (tmp_path / "safe").mkdir()
    refused = run("backup", tmp_path / "safe", "--port", port)
    assert (refused.code, "exists already" in refused.err) == (2, True)
    overwrite(port / LOG_PATH, 300, b"\xff\xfe\xfd")
    damaged = run("backup", tmp_path / "new", "--port", port)
    assert (damaged.code, "damaged at offset" in damaged.err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["port", "safe"]


def _changed(name: str, offset: int) -> Any:
    return lambda safe: overwrite(safe / name, offset, b"\xff")


def _manifest(**changes: Any) -> Any:
    def change(safe: Path) -> None:
        path = safe / "manifest.json"
        path.write_bytes(encode({**decode(path.read_bytes()), **changes}))

    return change


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_changed("ledger/blocks.log", 500), "is not what was backed up"),
        (_changed("alliance.json", 100), "is not what was backed up"),
        (lambda safe: (safe / "alliance.json").unlink(), "is missing"),
        (_changed("manifest.json", 10), "is damaged"),
        (lambda safe: (safe / "manifest.json").unlink(), "give the directory of a backup"),
        (_manifest(height=3), "leads to height 4"),
        (_manifest(alliance="A" * 43), "of alliance"),
        (_manifest(files=[{"bytes": 1, "path": "../../etc/passwd", "sha256": "0" * 64}]), "belongs in no port"),
        (_manifest(files=[{"bytes": 1, "path": "/etc/passwd", "sha256": "0" * 64}]), "belongs in no port"),
        (_manifest(files=[{"bytes": 1, "path": "elsewhere/x", "sha256": "0" * 64}]), "belongs in no port"),
    ],
)
def test_a_harmed_backup_puts_nothing_in_place(port: Path, tmp_path: Path, harm: Any, says: str) -> None:
    assert run("backup", tmp_path / "safe", "--port", port).code == 0
    harm(tmp_path / "safe")
    ran = run("restore", tmp_path / "safe", "--port", tmp_path / "new")
    assert ran.code == 2, ran
    assert says in ran.err
    assert not (tmp_path / "new").exists() or list((tmp_path / "new").iterdir()) == []


def test_a_restore_overwrites_nothing(port: Path, tmp_path: Path) -> None:
    assert run("backup", tmp_path / "safe", "--port", port).code == 0
    ran = run("restore", tmp_path / "safe", "--port", port)
    assert (ran.code, "exists already" in ran.err) == (2, True)
    assert height_of(port) == 4


def test_a_restore_beside_homes_that_are_still_there_puts_the_ledger_back(port: Path, tmp_path: Path) -> None:
    _homes(port)
    assert run("backup", tmp_path / "safe", "--port", port).code == 0
    shutil.rmtree(port / bootstrap.LEDGER)
    (port / bootstrap.TRUST_FILE).unlink()
    assert run("restore", tmp_path / "safe", "--port", port).code == 0
    assert (port / "members/bank-a/keys.json").exists()
    assert verdicts(doctor(port))["operator"] == ["warning"]  # its key was not in the backup


def test_an_export_has_the_same_bytes_served_or_not_and_rebuilds_the_root(port: Path, tmp_path: Path) -> None:
    assert run("export", tmp_path / "one", "--port", port).code == 0
    with served(port):
        assert run("export", tmp_path / "two", "--port", port).code == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    index = json.loads(files["export.json"])
    assert index["height"] == 4
    assert {file["path"] for file in index["files"]} == set(files) - {"export.json"}
    tree = Tree(depth=8)
    leaves = {}
    for line in files["state.jsonl"].splitlines():
        record = decode(line)
        path = path_of(record["key"])
        leaves[path] = (leaf_hash(path, encode(record["value"])), 0)
    assert tree.change(leaves).root == from_text(index["state_root"])


def test_an_export_tells_what_happened(port: Path, tmp_path: Path) -> None:
    with bootstrap.connect(port) as engine:
        engine.submit([b"\x00 junk"])
    assert run("export", tmp_path / "out", "--port", port).code == 0
    blocks = [decode(line) for line in (tmp_path / "out/blocks.jsonl").read_bytes().splitlines()]
    assert [block["height"] for block in blocks] == [1, 2, 3, 4, 5]
    entry = blocks[0]["envelopes"][0]
    assert entry["envelope"]["body"]["commands"][0]["type"] == "customs.attest/1"
    assert entry["receipt"]["results"] == [{"code": 0}]
    assert from_text(blocks[4]["envelopes"][0]["bytes"]) == b"\x00 junk"
    quotas = list(csv.DictReader(io.StringIO((tmp_path / "out/quotas.csv").read_text())))
    assert sorted(row["quota"] for row in quotas) == sorted(map(scene.quota_id, ("d1", "d2")))
    assert {(row["limit"], row["held"], row["available"], row["custodial"]) for row in quotas} == {
        ("8000000", "10000", "7990000", "false")
    }
    loans = list(csv.DictReader(io.StringIO((tmp_path / "out/loans.csv").read_text())))
    assert {(row["bank"], row["amount"], row["state"]) for row in loans} == {("bank-a", "10000", "held")}
    allocations = list(csv.DictReader(io.StringIO((tmp_path / "out/allocations.csv").read_text())))
    assert sorted(row["financing"] for row in allocations) == sorted(row["financing"] for row in loans)


def test_an_export_overwrites_nothing(port: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ran = run("export", tmp_path / "out", "--port", port)
    assert (ran.code, "exists already" in ran.err) == (2, True)
