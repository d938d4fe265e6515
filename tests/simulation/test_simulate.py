"""Simulated days: written the same for the same seed, played as predicted, and the same in every environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from tests.simulation import chaos
from typer.testing import CliRunner

from kouan.cli.main import app
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_files
from kouan.formats.trade_papers import Invoice, TransportDocument
from kouan.kernel.encoding import encode
from kouan.simulation.day.deals import STORIES
from kouan.simulation.day.frauds import KINDS
from kouan.simulation.day.generate import Day, generate
from kouan.simulation.day.paper_frauds import EVASIONS
from kouan.simulation.day.papers import PAPERS
from kouan.simulation.day.play import Run, Summary, script_of
from kouan.simulation.day.script import EVENTS, MESSAGES, AnyEvent, Apply, Link, Record
from kouan.simulation.day.trade import declare

SEEDS = range(1, 21)
ON_PAPERS = {
    "altered-invoice-number/another-number": "told",
    "altered-invoice-number/separator": "told",
    "altered-invoice-number/spelling": "refused",
    "altered-invoice-number/suffix": "told",
    "altered-invoice-number/zeros": "told",
    "another-paper-of-the-trade/beside-another-shipment": "to_review",
    "another-paper-of-the-trade/bill": "refused",
    "another-paper-of-the-trade/contract": "refused",
    "another-paper-of-the-trade/corrected-number": "refused",
    "another-paper-of-the-trade/declaration": "refused",
    "another-paper-of-the-trade/full-case": "refused",
    "another-paper-of-the-trade/invoice-of-an-order": "told",
    "another-paper-of-the-trade/shipment-of-an-order": "refused",
    "another-paper-of-the-trade/under-a-larger-contract": "refused",
    "buyer-and-seller-both/declaration": "to_review",
    "buyer-and-seller-both/invoice": "to_review",
    "cancelled-and-declared-anew/altered-numbers": "told",
    "cancelled-and-declared-anew/same-numbers": "refused",
}
"""How each is stopped: refused or to be reviewed by the ledger, told by the evaluator."""
ROOT = Path(__file__).parents[2]
runner = CliRunner()


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*.*"))}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_plays_as_predicted(seed: int) -> None:
    """Honest business is accepted, every fraud refused, and the auditor foresaw every receipt and figure."""
    summary = chaos.play(seed)
    assert summary.ok, (summary.differences, summary.innocent_refused, summary.frauds)
    assert summary.conserved
    assert summary.receipts_predicted == summary.commands > 60
    assert summary.receipts_wrong == 0


def test_the_files_follow_from_the_seed(tmp_path: Path) -> None:
    """The same seed gives the same bytes, another seed others; every message is one that the parser takes."""
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        arguments = ["simulate", "--seed", seed, "--declarations", "30", "--out", str(tmp_path / name)]
        assert runner.invoke(app, arguments).exit_code == 0
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a") != files_of(tmp_path / "c")
    read = [declaration for _, declaration in read_files(sorted((tmp_path / "a" / MESSAGES).iterdir()))]
    assert len(read) >= 30
    assert all(isinstance(declaration, Declaration) for declaration in read)


def test_the_command_plays_what_it_wrote(tmp_path: Path) -> None:
    """Played from its files a seed leads to the same hashes as without them; shown as JSON and as tables."""
    day = tmp_path / "day"
    arguments = ["simulate", "--seed", "2", "--declarations", str(chaos.DECLARATIONS), "--out", str(day), "--json"]
    about = json.loads(runner.invoke(app, arguments).stdout)
    played = runner.invoke(app, ["simulate", "--run", str(day), "--json"])
    assert played.exit_code == 0
    summary = json.loads(played.stdout)
    assert summary["hashes"] == chaos.play(2).hashes
    assert {kind: count["tried"] for kind, count in summary["frauds"].items()} == about["frauds"]
    assert {kind: count["met"] for kind, count in summary["lookalikes"].items()} == about["lookalikes"]
    shown = runner.invoke(app, ["simulate", "--run", str(day), "--lang", "zh"]).stdout
    assert summary["state_root"] in shown
    assert "额度守恒" in shown


def test_a_fraud_that_passes_is_told(tmp_path: Path) -> None:
    """A script whose fraud is none, and one whose honest event is refused, end with 1 and name it."""
    day = tmp_path / "day"
    runner.invoke(app, ["simulate", "--seed", "2", "--declarations", "40", "--out", str(day)])
    events = [json.loads(line) for line in (day / EVENTS).read_bytes().splitlines()]
    honest = next(event for event in events if event["event"] == "apply" and event["fraud"] is None)
    honest["fraud"] = "none-at-all"
    (day / EVENTS).write_bytes(b"".join(encode(event) + b"\n" for event in [*events, {**events[0], "at_ms": 2**42}]))
    played = runner.invoke(app, ["simulate", "--run", str(day), "--json"])
    summary = json.loads(played.stdout)
    assert played.exit_code == 1
    assert summary["frauds"]["none-at-all"] == {"tried": 1, "stopped": 0, "refused": 0, "to_review": 0, "told": 0}
    assert summary["innocent_refused"][0].startswith("QUOTA_EXISTS")
    shown = runner.invoke(app, ["simulate", "--run", str(day)])
    assert shown.stdout.splitlines()[-1] == "Frauds that passed: none-at-all"


def test_an_option_that_would_change_nothing_is_refused(tmp_path: Path) -> None:
    """What is played was written with its seed; what is only written has no ledger."""
    for arguments in (["--run", "day", "--seed", "5"], ["--run", "day", "--fraud-rate", "5"]):
        refused = runner.invoke(app, ["simulate", *arguments])
        assert (refused.exit_code, refused.stderr.startswith(f"{arguments[2]}: goes with --out")) == (2, True)
    refused = runner.invoke(app, ["simulate", "--out", str(tmp_path / "day"), "--ledger", "kept"])
    assert (refused.exit_code, refused.stderr.startswith("--ledger: goes with --run")) == (2, True)


def test_a_kept_ledger_is_a_port_that_other_commands_open(tmp_path: Path) -> None:
    """It can be examined and exported."""
    day, port = tmp_path / "day", tmp_path / "port"
    runner.invoke(app, ["simulate", "--declarations", "10", "--out", str(day)])
    assert runner.invoke(app, ["simulate", "--run", str(day), "--ledger", str(port)]).exit_code == 0
    assert runner.invoke(app, ["doctor", "--full", "--port", str(port)]).exit_code == 0
    assert runner.invoke(app, ["export", "--port", str(port), str(tmp_path / "export")]).exit_code == 0


def test_a_loan_on_declarations_stands_on_three_or_four() -> None:
    """Whatever its story; only in a trade with papers has a loan as many as the trade has shipments."""
    for seed in (1, 2):
        loans = [event for event in generate(seed, 300).events if isinstance(event, Apply)]
        sizes = {len(loan.parts) for loan in loans if loan.loan.startswith("L") and loan.fraud is None}
        assert sizes == {3, 4}


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda day: (day / EVENTS).write_text('{"event":"none"}\n'), "line 1"),
        (lambda day: (day / "simulation.json").write_text("{}"), "simulation.json"),
        (lambda day: (day / EVENTS).unlink(), EVENTS),
        (lambda day: next((day / MESSAGES).iterdir()).unlink(), "no message"),
        (lambda day: next((day / MESSAGES).iterdir()).write_text("<x/>"), ".xml"),
        (lambda day: next((day / PAPERS).glob("*.xml")).write_text("<x/>"), "Invoice or CreditNote"),
        (lambda day: next((day / PAPERS).glob("*.json")).write_text("{}"), "format"),
    ],
)
def test_a_spoilt_directory_is_refused(tmp_path: Path, spoil: object, named: str) -> None:
    """What cannot be played is named, with exit code 2."""
    day = tmp_path / "day"
    runner.invoke(app, ["simulate", "--declarations", "5", "--out", str(day)])
    assert callable(spoil)
    spoil(day)
    refused = runner.invoke(app, ["simulate", "--run", str(day)])
    assert refused.exit_code == 2
    assert named in refused.stderr.replace("\n", "")
    assert runner.invoke(app, ["simulate", "--out", str(day)]).exit_code == 2
    assert runner.invoke(app, ["simulate"]).exit_code == 2


def _without_paper(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"paper": "lost"} if event["event"] == "record" else event


def _confirmed_before(event: dict[str, Any]) -> dict[str, Any]:
    if event["event"] != "record":
        return event
    return {"event": "confirm", **{name: event[name] for name in ("at_ms", "by", "document")}}


@pytest.mark.parametrize(
    ("change", "named"),
    [(_without_paper, "there is no paper lost"), (_confirmed_before, "was not recorded before")],
)
def test_a_script_that_names_no_paper_is_refused(tmp_path: Path, change: Callable[[Any], Any], named: str) -> None:
    """What its events call a paper must be there, or recorded before."""
    day = tmp_path / "day"
    runner.invoke(app, ["simulate", "--seed", "3", "--declarations", "40", "--out", str(day)])
    events = [json.loads(line) for line in (day / EVENTS).read_bytes().splitlines()]
    (day / EVENTS).write_bytes(b"".join(encode(change(event)) + b"\n" for event in events))
    refused = runner.invoke(app, ["simulate", "--run", str(day)])
    assert refused.exit_code == 2
    assert named in refused.stderr.replace("\n", " ")


def test_every_story_and_every_fraud_is_told() -> None:
    """A large day has every kind of fraud and of look-alike, and events of every kind."""
    day = generate(8, 2000)
    assert len({one.number for one in day.declared}) == len(day.declared) >= 2000
    assert len(day.about.frauds) == len(set(KINDS)) + len(ON_PAPERS)
    assert len(day.about.lookalikes) == 21
    assert len({story.__name__ for story, _ in STORIES}) == len(STORIES)
    assert {type(event) for event in day.events} == set(get_args(AnyEvent))
    assert len({getattr(event, "do", None) for event in day.events}) == 10
    assert not generate(1, 300, 0).about.frauds


def play_day(day: Day, ledger: Path) -> Summary:
    run = Run(script_of(day), ledger)
    try:
        return run.play()
    finally:
        run.close()


def test_every_fraud_on_papers_is_stopped(tmp_path: Path) -> None:
    """The ledger refuses each where the numbers are the same, or the evaluator tells that two papers are alike."""
    summary = play_day(generate(1, 500, 10_000), tmp_path)
    assert summary.ok, (summary.differences, summary.innocent_refused, summary.frauds)
    stopped = {
        kind: "".join(by for by in ("refused", "to_review", "told") if getattr(summary.frauds[kind], by))
        for kind in ON_PAPERS
    }
    assert stopped == ON_PAPERS


def test_every_look_alike_is_accepted(tmp_path: Path) -> None:
    """So is all honest business on papers; what a checker had to clear is what is alike, and nothing else."""
    summary = play_day(generate(1, 500, 0), tmp_path)
    assert summary.ok, (summary.differences, summary.innocent_refused)
    assert all(count.accepted == count.met for count in summary.lookalikes.values())
    assert {kind for kind, count in summary.lookalikes.items() if count.told} == {
        "buyers-finance-after-review",
        "equal-invoices-of-a-month",
        "invoice-and-bill-of-two-shipments",
        "neighbours-in-a-container",
        "order-joined-by-its-owner",
    }
    assert summary.told_otherwise == 0


def test_what_shows_nothing_alike_is_lent_on(tmp_path: Path) -> None:
    """What the evaluator cannot see is known: a paper that names nothing, under numbers that are all new."""
    summary = play_day(generate(1, 100, 10_000, EVASIONS), tmp_path)
    evasions = {
        kind: count for kind, count in summary.frauds.items() if kind.partition("/")[2] in {"all-new", "naming-nothing"}
    }
    assert len(evasions) == 3
    assert all(count.stopped == 0 < count.tried for count in evasions.values())
    assert not summary.differences


def test_papers_agree_with_the_declarations() -> None:
    """An invoice says the amount, the currency, the parties and the contract of its declaration, a bill its number."""
    day = generate(1, 60, 0)
    exports = [one for one in day.declared if one.declaration.is_export]
    for one in exports:
        bill = day.shelf[f"{one.number}-bill"]
        assert isinstance(bill, TransportDocument)
        assert {bill.number, bill.master_number} & {one.declaration.bill_no}
        invoice = day.shelf.get(f"{one.number}-invoice")
        assert isinstance(invoice, Invoice)
        assert (invoice.currency, invoice.total_minor) == (one.unit, one.attested)
        assert invoice.contract_number == one.declaration.contract_no
        assert invoice.seller.identifiers[0].value == one.declaration.owner_uscc
        assert invoice.buyer.name == one.declaration.overseas_consignee_name
    assert len(exports) > 45


def test_amounts_are_log_normal() -> None:
    """The median is near 40,000, and some are many times that."""
    worth = sorted(
        one.attested
        for one in declare(Random(1), 2000)  # noqa: S311  # the same declarations each time
        if one.unit != "JPY"
    )
    assert 3_500_000 < worth[len(worth) // 2] < 4_500_000
    assert worth[-1] > 10 * worth[len(worth) // 2]


def test_the_same_hashes_everywhere() -> None:
    """Hash seed, locale, time zone and the number of processes change the app hash of no height."""
    environments = (
        ({"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}, 1),
        ({"PYTHONHASHSEED": "12345", "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Chatham"}, 2),
        ({"PYTHONHASHSEED": "77", "LC_ALL": "zh_CN.GB18030", "TZ": "Asia/Shanghai", "PYTHONOPTIMIZE": "1"}, 1),
    )
    for seed in (1, 2, 3):
        events = generate(seed, chaos.DECLARATIONS).events
        assert {type(event) for event in events} >= {Link, Record}  # papers and the evaluator's word are among them
    printed = set()
    for changed, processes in environments:
        command = [sys.executable, "-m", "tests.simulation.chaos", "--seeds", "3", "--processes", str(processes)]
        played = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **changed}, capture_output=True, check=True, text=True
        )
        printed.add(played.stdout)
    assert len(printed) == 1
    assert "3 seeds, 0 failed" in printed.pop()


def test_every_height_has_its_hash(tmp_path: Path) -> None:
    """What is compared between runs is the app hash of each block."""
    run = Run(script_of(generate(1, 12)), tmp_path)
    summary = run.play()
    assert len(set(run.hashes())) == summary.blocks
    run.close()
