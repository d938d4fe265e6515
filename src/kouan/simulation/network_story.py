"""The demonstration on a network of real nodes: the scenes that fit into minutes, and a node that is killed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kouan.engines.cometbft.client.nodes import NobodyAnswersError
from kouan.engines.cometbft.client.remote import UnansweredError
from kouan.simulation.checks import Checks
from kouan.simulation.network_port import NetworkPort
from kouan.simulation.scenes.attesting import Watch, attest_declarations
from kouan.simulation.scenes.founding import found_alliance
from kouan.simulation.scenes.killed_node import kill_a_node
from kouan.simulation.scenes.loan import lend
from kouan.simulation.scenes.operator import prove_to_strangers
from kouan.simulation.story import OnScene, Shown, Summary, Told, summary_of

DECLARATIONS: Final = 40


def play_on_network(
    directory: Path, seed: int, on_scene: OnScene, watch: Watch, *, declarations: int = DECLARATIONS
) -> Summary:
    """Play the story in a new port directory, on nodes that are gone when this returns.

    Raises ValueError when the directory holds an alliance or the nodes do not start.
    """
    began_s = time.monotonic()
    checks, told = Checks(), Told()

    def show(shown: Shown) -> None:
        told.take(shown)
        on_scene(port, shown)

    with NetworkPort(directory, seed) as port:
        show(found_alliance(port, checks))
        try:
            _live(port, checks, watch, show, declarations)
        except (AssertionError, ValueError, NobodyAnswersError, UnansweredError) as problem:  # the summary says so
            checks.equal("story.goes-on", f"{type(problem).__name__}: {problem}", "")
        return summary_of(port, checks, told, began_s)


def _live(port: NetworkPort, checks: Checks, watch: Watch, show: Callable[[Shown], None], count: int) -> None:
    show(attest_declarations(port, checks, watch, count))
    loan = lend(port, checks)
    show(loan)
    with tempfile.TemporaryDirectory(prefix="kouan-") as workshop:
        show(
            kill_a_node(
                port,
                checks,
                watch,
                lambda: prove_to_strangers(port, checks, watch, Path(workshop), loan.lending.financing),
            )
        )
