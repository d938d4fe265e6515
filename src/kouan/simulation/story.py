"""The whole demonstration: the scenes in their order, and what came of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from kouan.client.founding_desk import SHANGHAI
from kouan.client.portfolio import portfolio
from kouan.kernel.rejections import Rejection
from kouan.simulation.checks import Checks
from kouan.simulation.declarations import COUNT
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.attesting import AttestingShown, Watch, attest_declarations
from kouan.simulation.scenes.business import BusinessShown, do_business
from kouan.simulation.scenes.changes import ChangesShown, live_on
from kouan.simulation.scenes.founding import FoundingShown, found_alliance
from kouan.simulation.scenes.killed_node import KilledNodeShown
from kouan.simulation.scenes.loan import LoanShown, lend_and_collect
from kouan.simulation.scenes.operator import OperatorShown, operate
from kouan.simulation.scenes.trades import TradesShown, trade_on

Shown = (
    FoundingShown
    | AttestingShown
    | BusinessShown
    | LoanShown
    | ChangesShown
    | TradesShown
    | OperatorShown
    | KilledNodeShown
)
OnScene = Callable[[SeededPort, Shown], None]


class Summary(msgspec.Struct, frozen=True):
    """What ``kouan demo --json`` prints."""

    alliance: str
    declarations: int
    """Attested."""
    expectations: int
    """Checked."""
    failed: list[str]
    """Those that were not met, each with what was expected and what was found."""
    financings: int
    """Loans that were paid out."""
    height: int
    ok: bool
    proofs_verified: int
    """By separate processes."""
    refused_double_financings: int
    seconds: float
    seed: int
    state_root: str
    """The same for the same seed and version, wherever it is played."""


class Told:
    """Counts what the scenes bring."""

    declarations = refused = verified = 0

    def take(self, shown: Shown) -> None:
        """Take in what a scene brings."""
        match shown:
            case AttestingShown():
                self.declarations = shown.declarations
            case BusinessShown():
                self.refused += shown.refused
            case LoanShown():
                self.refused += shown.second_bank.code is Rejection.QUOTA_EXCEEDED
            case TradesShown():
                refused = (shown.order.refused, shown.both_sides.refused, shown.cancelled.refused)
                self.refused += sum(code is not None for code in refused)
            case OperatorShown() | KilledNodeShown():
                self.verified = sum(proof.proven for proof in shown.proofs)
            case _:
                pass


def play(
    directory: Path,
    seed: int,
    on_scene: OnScene,
    watch: Watch,
    *,
    declarations: int = COUNT,
    processes: bool = True,
) -> Summary:
    """Play the story in a new port directory; ``on_scene`` is told what each scene shows.

    ``processes``: play the last scene, the only one that starts other processes; it leaves the port's state as it is.
    Raises ValueError when the directory holds an alliance.
    """
    began_s = time.monotonic()
    checks, told = Checks(), Told()

    def show(shown: Shown) -> None:
        told.take(shown)
        on_scene(port, shown)

    with SeededPort(directory, seed) as port:
        show(found_alliance(port, checks))
        try:
            _live(port, checks, watch, show, declarations, processes=processes)
        except (AssertionError, ValueError) as problem:  # a part refuses what the story does: the summary says so
            checks.equal("story.goes-on", f"{type(problem).__name__}: {problem}", "")
        return summary_of(port, checks, told, began_s)


def summary_of(port: SeededPort, checks: Checks, told: Told, began_s: float) -> Summary:
    """Return what came of a story that began at a time of the monotonic clock."""
    status = port.engine.status()
    financings = sum(
        held.view.state in {"disbursed", "settled"}
        for founder in SHANGHAI.members
        if "bank" in founder.roles
        for held in portfolio(port.bank(founder.id).bank)
    )
    return Summary(
        alliance=port.alliance,
        declarations=told.declarations,
        expectations=len(checks.made),
        failed=[f"{check.name}: {check.expected!r} != {check.found!r}" for check in checks.failed],
        financings=financings,
        height=status.height,
        ok=not checks.failed,
        proofs_verified=told.verified,
        refused_double_financings=told.refused,
        seconds=round(time.monotonic() - began_s, 2),
        seed=port.seed,
        state_root=status.state_root,
    )


def _live(
    port: SeededPort, checks: Checks, watch: Watch, show: Callable[[Shown], None], count: int, *, processes: bool
) -> None:
    show(attest_declarations(port, checks, watch, count))
    business = do_business(port, checks, watch)
    show(business)
    loan = lend_and_collect(port, checks, business.deals)
    show(loan)
    show(live_on(port, checks, business))
    show(trade_on(port, checks))
    if processes:
        with tempfile.TemporaryDirectory(prefix="kouan-") as workshop:
            show(operate(port, checks, watch, Path(workshop), loan.lending.financing))
