"""The demonstration's story: its figures, that they are checked, and that one seed makes one ledger everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest
from tests.simulation.conftest import quick_directory
from tests.simulation.played import DECLARATIONS, Played, play_story

from kouan.client.amounts import Amount
from kouan.client.verifier import verify_proof
from kouan.kernel.rejections import Rejection
from kouan.simulation.scenes import loan
from kouan.simulation.scenes.attesting import AttestingShown
from kouan.simulation.scenes.business import LOANS
from kouan.simulation.scenes.changes import ChangesShown
from kouan.simulation.scenes.loan import LoanShown

ELSEWHERE = {"LC_ALL": "C", "PYTHONHASHSEED": "4711", "TZ": "America/Lima"}
PRINT_ROOT = """
import sys
from pathlib import Path
from tests.simulation.played import play_story
print(play_story(Path(sys.argv[1]), int(sys.argv[2])).summary.state_root)
"""


def root_elsewhere(seed: int) -> str:
    """The state root that another process finds, with other hashes, another time zone and another locale."""
    with quick_directory() as directory:
        run = subprocess.run(
            [sys.executable, "-c", PRINT_ROOT, directory, str(seed)],
            env={**os.environ, **ELSEWHERE},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
    return run.stdout.strip()


def test_same_seed_same_root(played: Played) -> None:
    """The same seed leads to the same state root in another process, hash seed, time zone and locale."""
    assert root_elsewhere(5) == played.summary.state_root


def test_other_seed_other_root(played: Played) -> None:
    """Another seed leads to another ledger, and its story holds together as well."""
    with quick_directory() as directory:
        other = play_story(Path(directory), seed=6).summary
    assert (other.ok, other.failed) == (True, [])
    assert other.state_root != played.summary.state_root


def test_summary(played: Played) -> None:
    """The summary counts what is on the ledger."""
    summary = played.summary
    assert (summary.ok, summary.failed) == (True, [])
    assert summary.declarations == DECLARATIONS
    assert (
        summary.financings == LOANS + 10
    )  # the amended one, the close-up, the one after the lapsed hold, seven on other papers
    assert summary.refused_double_financings == 8
    assert summary.proofs_verified == 0  # the scene that verifies is left out here
    assert summary.expectations > 60


def test_loan_in_figures(played: Played) -> None:
    """Of USD 312,500 attested, 250,000 are lent at once; 311,960 come in, 540 short, and nothing more can be lent."""
    shown = played.scene(LoanShown)
    paid = shown.payment
    assert paid is not None
    assert (shown.before.attested, shown.before.available) == (312_500_00, 250_000_00)
    assert shown.lending.lent.outstanding == {"USD": 250_000_00}
    assert 0 < shown.lending.lent_ms - shown.lending.lent.opened_ms < 24 * 3_600_000
    assert (paid.after.collected, paid.short, paid.after.available) == (311_960_00, 540_00, 0)
    assert paid.settled.repaid == {"USD": 250_000_00}
    assert shown.once_more is not None
    assert shown.second_bank.code is shown.once_more.code is Rejection.QUOTA_EXCEEDED
    text = played.text("en")
    assert all(figure in text for figure in ("USD 250,000.00", "USD 311,960.00", "USD 540.00", "USD 3,116.67"))


def test_amendment_in_figures(played: Played) -> None:
    """A quantity cut by 12 % leaves more lent than the declaration carries; its bank is told and is paid the rest."""
    shown = played.scene(ChangesShown).amendment
    assert (shown.before.attested, shown.after.attested) == (84_000_00, 73_920_00)
    assert shown.flags == ["under-review"]
    assert shown.overdrawn == 67_200_00 - 59_136_00
    assert (shown.remedied.used, shown.remedied.limit) == (59_136_00, 59_136_00)


def test_lapse_and_month_end(played: Played) -> None:
    """A hold is given back with no block written for it; the overdue list shows the longest due first."""
    shown = played.scene(ChangesShown)
    assert (shown.lapse.held.held, shown.lapse.lapsed.available) == (47_840_00, 47_840_00)
    assert shown.lapse.blocks_between == 0
    assert shown.lapse.too_late is Rejection.HOLD_LAPSED
    due = [held.view.maturity_ms for held in shown.month_end.overdue]
    assert len(due) == 2
    assert due == sorted(due)
    assert all(moment < shown.month_end.time_ms for moment in due)


def test_messages_are_read_from_disk(played: Played) -> None:
    """Every attested declaration has its message file in the port."""
    messages = sorted((played.directory / "messages").glob("*.xml"))
    assert len(messages) == played.scene(AttestingShown).files == DECLARATIONS
    assert messages[0].read_bytes().startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<DecMessage')


def test_receipt_carries_the_proof(played: Played) -> None:
    """The printed receipt cites the fingerprint of the proof file, which verifies with the trust file alone."""
    shown = played.scene(LoanShown).receipt
    verdict = verify_proof(shown.proof.read_bytes(), (played.directory / "alliance.json").read_bytes(), now_ms=None)
    assert verdict.proven
    pages = pypdf.PdfReader(shown.paper).pages
    printed = "".join("".join(page.extract_text().split()).replace("\0", "") for page in pages)
    assert verdict.fingerprint in printed
    assert shown.qr.endswith(verdict.fingerprint)


def test_expectations_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buyer who pays a dollar less makes the demonstration fail, and the summary says where."""
    monkeypatch.setattr(loan, "PAYMENT", Amount(311_959_00, "USD"))
    with quick_directory() as directory:
        summary = play_story(Path(directory), seed=5).summary
    assert not summary.ok
    assert [failed.partition(":")[0] for failed in summary.failed] == ["loan.collected", "loan.short"]


def test_a_broken_story_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a part refuses what the story does, the demonstration fails instead of ending in a traceback."""
    monkeypatch.setattr(loan, "PAYMENT", Amount(311_960_00, "XYZ"))
    with quick_directory() as directory:
        summary = play_story(Path(directory), seed=5).summary
    assert not summary.ok
    assert [failed.partition(":")[0] for failed in summary.failed] == ["story.goes-on"]
