"""What the evaluator keeps, through restarts and crashes, and what it never keeps."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.evaluator.scene import (
    BILL,
    CONTRACT,
    DECLARATION,
    GLN,
    INVOICE,
    MASTER,
    ORDER,
    SELLER,
    Scene,
    changed,
    credit_note,
)

from kouan.client.evaluating import EvaluationError
from kouan.evaluator import memory
from kouan.evaluator.asked import read_log
from kouan.evaluator.memory import Memory, MemoryFileError
from kouan.evaluator.prf import Prf
from kouan.formats.trade_papers import Party
from kouan.kernel.suites import digest

BY_BOTH = changed(INVOICE, seller=Party(name="Lingang", identifiers=(GLN, *SELLER.identifiers)))
BY_GLN = changed(INVOICE, seller=Party(name="Lingang", identifiers=(GLN,)))


def test_a_restart_keeps_what_was_given_out(scene: Scene) -> None:
    """Aliases, likenesses and the hour's count."""
    first = scene.own("bank-a", INVOICE)
    scene.own("bank-a", BY_BOTH)
    scene.kinds("bank-b", changed(INVOICE, number="LN-2019-1107-A"))
    told, log = scene.look("bank-a"), read_log(scene.path)
    scene.stop()
    scene.start()
    assert scene.own("bank-b", BY_GLN) == first
    assert scene.look("bank-a") == told
    assert read_log(scene.path)[0].asked > log[0].asked


def test_another_master_secret_is_refused(scene: Scene) -> None:
    """It would give every paper a second fingerprint, and nobody would notice."""
    scene.ask("bank-a", INVOICE)
    scene.stop()
    with pytest.raises(MemoryFileError, match="made with another master secret"):
        scene.start(digest("another"))
    scene.start()


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    """With its name; nothing of it is changed."""
    path = tmp_path / "evaluator.db"
    path.write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(MemoryFileError, match="not an evaluator's file"):
        Memory(path, Prf(MASTER).check())
    with pytest.raises(MemoryFileError, match="not an evaluator's file"):
        read_log(path)
    assert path.read_bytes().startswith(b"not a database")
    with closing(sqlite3.connect(other := tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE features (feature BLOB)")
    with pytest.raises(MemoryFileError, match="not an evaluator's file: no such column"):
        Memory(other, Prf(MASTER).check())


def test_only_its_owner_can_read_the_file(scene: Scene) -> None:
    """Fingerprints and members' habits are no one else's."""
    assert scene.path.stat().st_mode & 0o777 == 0o600


def test_no_text_of_a_document_is_in_the_file(scene: Scene) -> None:
    """No number, name, day or amount of any paper, in any spelling that the evaluator makes of them."""
    documents: list[Any] = [INVOICE, ORDER, CONTRACT, BILL, DECLARATION, BY_BOTH, credit_note()]
    for document in documents:
        scene.ask("bank-a", document)
        scene.ask("bank-b", document, b"s" * 32)
    words = {text for document in documents for text in texts_in(msgspec.to_builtins(document)) if len(text) > 3}
    words |= {"LN2019", "LN-2019", "PO-4471", "91310115", "11928000", "NORDLICHT", "上海临港精密制造"}
    kinds = {"export", "invoice", "credit-note", "house-bill"}  # what kind of paper it was is kept
    kept = b"".join(path.read_bytes() for path in scene.path.parent.iterdir())
    assert len(kept) > 10_000
    found = [word for word in words - kinds if word.encode() in kept or word.encode("utf-16-le") in kept]
    assert found == []


def texts_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {text for inner in value.values() for text in texts_in(inner)}
    if isinstance(value, list | tuple):
        return {text for inner in value for text in texts_in(inner)}
    return set() if value is None else {str(value)}


@pytest.mark.parametrize("statement", ["aliases", "showings", "features", "carried", "likenesses"])
def test_a_failure_at_any_write_leaves_nothing_half_done(scene: Scene, statement: str) -> None:
    """The question is answered the same afterwards, as if it had not been asked before."""
    scene.ask("bank-a", changed(BY_GLN, number="LN-2019-1107-A"))
    before = dump(scene)
    scene.memory.db.execute(
        f"CREATE TEMP TRIGGER broken BEFORE INSERT ON {statement} BEGIN SELECT RAISE(ABORT, 'disk'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="disk"):
        scene.ask("bank-b", BY_BOTH)
    scene.memory.db.execute("DROP TRIGGER broken")
    assert dump(scene) == before
    assert scene.kinds("bank-b", BY_BOTH) == [["altered-number", "order-number", "parties-amount-month"]]


def dump(scene: Scene) -> list[str]:
    return [line for line in scene.memory.db.iterdump() if '"log"' not in line]


def ask_for_ever(path: str, ready: Any) -> None:
    scene = Scene(Path(path), **{"cases.evaluations_per_hour": 1_000_000})
    ready.send("ready")
    for one in range(1, 1_000_000):
        ready.send((one, scene.own("bank-a", changed(BY_BOTH, number=f"LN-{one}"))))


def test_a_kill_loses_no_answer(tmp_path: Path) -> None:
    """What was answered when the process was killed is answered the same, by either of the seller's numbers."""
    path = tmp_path / "evaluator.db"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=ask_for_ever, args=(str(path), there))
    process.start()
    there.close()
    assert here.recv() == "ready"
    answered = [here.recv() for _ in range(20)]
    time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while True:
        try:
            answered.append(here.recv())
        except EOFError:
            break
    scene = Scene(path)
    for one, fingerprint in answered:
        assert scene.own("bank-b", changed(BY_GLN, number=f"LN-{one}")) == fingerprint
    assert scene.memory.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    scene.stop()


def test_a_locked_file_is_an_answer_that_says_what_to_do(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup that holds the file refuses questions for a while; afterwards they are answered."""
    scene.ask("bank-a", INVOICE)
    scene.memory.db.execute("PRAGMA busy_timeout = 0")
    monkeypatch.setattr(memory, "BUSY_S", 0.0)
    with closing(sqlite3.connect(scene.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for ask in (lambda: scene.ask("bank-a", INVOICE), lambda: scene.look("bank-a")):
            with pytest.raises(EvaluationError, match=r"evaluator: its file cannot be used now .*; ask again"):
                ask()
        with pytest.raises(MemoryFileError, match="in use by another process"):
            Memory(scene.path, Prf(MASTER).check())
        other.execute("ROLLBACK")
    assert scene.ask("bank-a", INVOICE).likenesses == []
