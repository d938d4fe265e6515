"""What the network's figures are taken from: holds that the application takes, and processors' time that was spent."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import pytest
from bench.accounting import Account

from bench import network_parts


def test_a_validators_application_takes_every_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request that CometBFT makes has its share, every fourth block's proposal too."""
    monkeypatch.setattr(gc, "freeze", lambda: None)
    figures = network_parts.measure(tmp_path, quotas=40, blocks=4, envelopes=2, commands=5)
    asked = {"CheckTx", "PrepareProposal", "ProcessProposal", "FinalizeBlock", "Commit"}
    assert figures.keys() == asked | {"in all"}
    assert figures["in all"] == pytest.approx(sum(figures[name] for name in asked))
    assert gc.isenabled()


def test_an_account_counts_what_was_spent_since_it_was_opened() -> None:
    """A process that is gone counts up to the last look; one that never was counts nothing."""
    account = Account({"mine": [os.getpid()], "nobody": [2**22 + 1]})
    until_s = time.process_time() + 0.05
    while time.process_time() < until_s:
        pass
    spent = account.spent()
    assert spent["mine"] > 0
    assert spent["nobody"] == 0
