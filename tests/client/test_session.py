"""Sessions: envelope numbers are never used twice, whatever became of the file that counts them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.client.port_scene import EXPORT, Scene, numbered

from kouan.client.session import CounterFile
from kouan.kernel.envelope import WINDOW, window_key
from kouan.kernel.records import Window

CUSTOMS = "shanghai-customs"


def attest(scene: Scene, serial: int) -> bool:
    """Attest one declaration in a session of its own; whether the ledger took it."""
    with scene.customs() as desk:
        (outcome,) = desk.attest([scene.prepared(desk, numbered(serial))])
    return all(result.result.accepted for result in outcome.results)


@pytest.mark.parametrize("restored", [None, "2\n", ""])
def test_a_lost_or_old_counter_goes_on_from_where_the_ledger_is(scene: Scene, restored: str | None) -> None:
    """More numbers were used than the ledger's window tells apart, so none of the old ones would pass."""
    session = scene.session(CUSTOMS)
    for _ in range(WINDOW + 3):
        session.sign([])
    assert attest(scene, 1)
    counter = scene.home(CUSTOMS).path / "envelopes-main"
    highest = int(counter.read_text())
    if restored is None:
        counter.unlink()
    else:
        counter.write_text(restored)
    assert attest(scene, 2)
    assert int(counter.read_text()) == highest + 1
    window = scene.reader.read(Window, window_key(CUSTOMS, "main"))
    assert window is not None
    assert window.highest == highest + 1


def test_a_counter_ahead_of_the_ledger_stays_ahead(scene: Scene) -> None:
    """Numbers of envelopes that never arrived are not used again; the ledger is asked once for each session."""
    counter = scene.home(CUSTOMS).path / "envelopes-main"
    counter.write_text("1000\n")
    with scene.customs() as desk:
        for serial in (1, 2):
            desk.attest([scene.prepared(desk, numbered(serial))])
    assert counter.read_text() == "1002\n"


def test_a_damaged_counter_is_named(scene: Scene) -> None:
    """It may be a typing error of somebody who restored it: nothing is guessed."""
    (scene.home(CUSTOMS).path / "envelopes-main").write_text("about 7")
    with scene.customs() as desk, pytest.raises(ValueError, match="holds 'about 7', not the number"):
        desk.attest([scene.prepared(desk, EXPORT)])


def test_a_counter_file_gives_each_number_once_to_many_at_once(tmp_path: Path) -> None:
    """Even when some of them know of higher numbers than others."""
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda above: CounterFile(tmp_path / "counter").take(above), [0, 0, 40, 0, 7] * 8))
    assert len(set(taken)) == len(taken)
    assert max(taken) < 40 + len(taken) + 1
