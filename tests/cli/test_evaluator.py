"""``kouan evaluator`` as a process and in this one: who is answered where, the log, what stops it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Kouan
from tests.evaluator.scene import INVOICE, changed

from kouan import bootstrap
from kouan.client import evaluating
from kouan.client.commitments import Subject, commit
from kouan.client.evaluating import Answer, Asker, EvaluationError
from kouan.client.places import MAIN_KEY, member_home
from kouan.client.reading import LedgerReader
from kouan.engines.local_socket import Remote, SocketError
from kouan.evaluator.local_socket import MAX_FRAME, is_served
from kouan.formats.paper_forms import fields_of
from kouan.formats.trade_papers import Invoice
from kouan.kernel.encoding import to_text
from kouan.kernel.state import Reader
from kouan.modules.alliance.founding import alliance_id

WAIT_S = 60.0
EVALUATOR = "commerce-commission"


def asker(port: Path, bank: str = "bank-of-huangpu") -> Asker:
    seed = member_home(port, bank).keys.signing_seeds[MAIN_KEY]
    return Asker(alliance_id(bootstrap.read_founding(port)), f"{bank}/{MAIN_KEY}", seed, bootstrap.now_ms)


def ask(port: Path, reader: Reader, bank: str, invoice: Invoice = INVOICE) -> Answer:
    fields = fields_of(invoice)
    commitment = commit(Subject.FINGERPRINTS, bytes(32), fields)
    with bootstrap.evaluator(port, reader) as evaluator:
        return evaluator.evaluate(*evaluating.ask(asker(port, bank), "invoice", commitment, to_text(bytes(32)), fields))


@contextmanager
def process(port: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-c", "from kouan.cli.start import main; main()", *words, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@pytest.fixture
def ledger(port: Path) -> Iterator[Path]:
    """A port whose ledger another process serves."""
    with process(port, "serve") as serving:
        deadline = time.monotonic() + WAIT_S
        while serving.poll() is None and time.monotonic() < deadline:
            try:
                Remote(port / bootstrap.LEDGER / bootstrap.SOCKET).close()
                break
            except SocketError:
                time.sleep(0.02)
        yield port


def wait_until_served(port: Path, serving: subprocess.Popen[str]) -> Path:
    path = port / bootstrap.EVALUATOR_SOCKET
    deadline = time.monotonic() + WAIT_S
    while not is_served(path):
        assert serving.poll() is None, serving.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path


def test_a_served_evaluator_answers_as_one_in_this_process_does(ledger: Path, kouan: Kouan) -> None:
    """The same fingerprints, one memory; no bytes whatever stop it; SIGTERM does, and the socket is gone."""
    with bootstrap.connect(ledger) as engine:
        reader = LedgerReader(engine)
        here = ask(ledger, reader, "bank-of-huangpu")
        with process(ledger, "evaluator", "serve") as serving:
            path = wait_until_served(ledger, serving)
            assert path.stat().st_mode & 0o777 == 0o600
            for junk in (b"", b"\0", b"\0\0\0\1\xc1", b"\0\0\0\2\x93\1", (MAX_FRAME + 1).to_bytes(4)):
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(str(path))
                    connection.sendall(junk)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1000)
            assert ask(ledger, reader, "bank-of-huangpu") == here
            told = ask(ledger, reader, "dishui-lake-bank", changed(INVOICE, number="LN-2019-1107-A")).likenesses
            assert [one.other_member for one in told] == ["bank-of-huangpu"]
            with bootstrap.evaluator(ledger, reader) as evaluator:
                assert len(evaluator.likenesses(*evaluating.look(asker(ledger), 0))) == 1
                with pytest.raises(EvaluationError, match="question: "):
                    evaluator.evaluate(b"junk", b"")
            second = kouan("evaluator", "serve")
            assert (second.code, "an evaluator answers at" in second.err) == (2, True)
            serving.terminate()
            out, err = serving.communicate(timeout=WAIT_S)
        assert (serving.returncode, out.strip(), not path.exists()) == (0, "stopped", True)
        assert str(path) in err
        assert ask(ledger, reader, "bank-of-huangpu").evaluation == here.evaluation


def test_the_log_shows_who_asked_how_often(port: Path, kouan: Kouan) -> None:
    """As a table, in Chinese, as JSON and as CSV; before anybody asked it is empty."""
    assert kouan("evaluator", "log", "--json").json == {"asked": [], "evaluator": EVALUATOR}
    assert f"nobody has asked yet: {EVALUATOR} has no evaluator.db here" in kouan("evaluator", "log").out
    with bootstrap.connect(port) as engine:
        reader = LedgerReader(engine)
        ask(port, reader, "bank-of-huangpu")
        ask(port, reader, "bank-of-huangpu")
        with bootstrap.evaluator(port, reader) as evaluator, pytest.raises(EvaluationError):
            evaluator.evaluate(b"junk", b"")
    asked = kouan("evaluator", "log", "--json").json["asked"]
    assert {(one["member"], one["asked"], one["refused"]) for one in asked} == {("", 1, 1), ("bank-of-huangpu", 2, 0)}
    lines = kouan("evaluator", "log", "--csv").out.splitlines()
    assert lines[0] == "hour,member,asked,refused"
    assert any(line.endswith(",nobody,1,1") for line in lines)
    assert "Refused" in kouan("evaluator", "log").out
    assert "无有效签名" in kouan("evaluator", "log", "--lang", "zh").out


def test_without_the_evaluators_home_or_a_socket_it_says_what_to_do(port: Path) -> None:
    """A bank on another machine than the evaluator's has neither."""
    keys = port / "members" / EVALUATOR / "keys.json"
    keys.rename(keys.with_suffix(".away"))
    (port / bootstrap.EVALUATOR_SOCKET).write_bytes(b"")  # left by a process that was killed
    with (
        bootstrap.connect(port) as engine,
        pytest.raises(bootstrap.PortError, match=r"run `kouan evaluator serve` where commerce-commission has its home"),
    ):
        ask(port, LedgerReader(engine), "bank-of-huangpu")


def test_it_serves_only_beside_a_served_ledger(kouan: Kouan) -> None:
    """Whose keys are good stands there."""
    answer = kouan("evaluator", "serve")
    assert answer.code == 2
    assert "start it with `kouan serve`" in answer.err


def test_a_key_file_without_the_master_secret_is_refused(port: Path) -> None:
    """A bank's home cannot become the evaluator's by its name alone."""
    keys = port / "members" / EVALUATOR / "keys.json"
    keys.write_bytes((port / "members" / "dishui-lake-bank" / "keys.json").read_bytes())
    with (
        bootstrap.connect(port) as engine,
        pytest.raises(bootstrap.PortError, match="lacks evaluator-master"),
        bootstrap.own_evaluator(port, LedgerReader(engine)),
    ):
        pass
