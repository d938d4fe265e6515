"""The arithmetic of limits, and a declaration's life against a model of a few lines."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.modules.customs.port import (
    QUOTA,
    amend,
    attest,
    collect,
    draw,
    draw_key,
    move_on,
    port,
    rekey,
    resume,
    suspend,
    withdraw,
)
from tests.modules.ledger import Ledger

from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.quota import limit_of
from kouan.kernel.rejections import Rejection
from kouan.modules.customs.queries import Declaration, declaration

AMOUNTS = st.integers(0, MAX_INTEGER)
RATIOS_BP = st.integers(0, 10_000)


@given(attested=AMOUNTS, collected=AMOUNTS, ratio_bp=RATIOS_BP)
def test_the_limit_is_the_floor_of_the_ratio_of_what_is_still_to_come_and_never_negative(
    attested: int, collected: int, ratio_bp: int
) -> None:
    limit = limit_of(attested, collected, ratio_bp, settled=False)
    assert 0 <= limit <= attested
    if attested <= collected:
        assert limit == 0
    else:
        assert limit * 10_000 <= ratio_bp * (attested - collected) < (limit + 1) * 10_000
    assert limit_of(attested, collected, ratio_bp, settled=True) == 0


@settings(max_examples=30, deadline=None)
@given(
    attested=st.integers(1, MAX_INTEGER),
    collected=AMOUNTS,
    amended=AMOUNTS,
    ratio_bp=RATIOS_BP,
    provisional_bp=RATIOS_BP,
    provisional=st.booleans(),
)
def test_attested_collected_and_amended_amounts_give_the_same_limit_through_commands(
    attested: int,
    collected: int,
    amended: int,
    ratio_bp: int,
    provisional_bp: int,
    provisional: bool,  # noqa: FBT001  # hypothesis passes by name
) -> None:
    ledger = port(**{"ratio_bp.0110": ratio_bp, "provisional_ratio_bp": provisional_bp})
    ratio = min(ratio_bp, provisional_bp) if provisional else ratio_bp
    ledger.accept("customs", attest(attested=attested, provisional=provisional))
    assert _view(ledger).limit == attested * ratio // 10_000
    ledger.accept("bank-a", collect(collected))
    ledger.accept("customs", amend(amended, "correction"))
    assert _view(ledger).limit == max(0, amended - collected) * ratio // 10_000


STAGES = ["filed", "released", "closed"]
STEPS = st.one_of(
    st.tuples(st.just("stage"), st.sampled_from(STAGES)),
    st.tuples(st.just("amend"), st.integers(0, 1_000), st.sampled_from([None, False, True])),
    st.tuples(st.just("draw"), st.integers(1, 600)),
    st.tuples(st.just("collect"), st.integers(0, 1_000)),
    st.tuples(st.sampled_from(["suspend", "resume", "rekey"])),
    st.tuples(st.sampled_from(["suspend", "resume", "rekey", "withdraw"])),
)


class Model:
    """What a declaration should be, told without any of the ledger's code."""

    def __init__(self, stage: str, financeable_from: int) -> None:
        self.stage = STAGES.index(stage)
        self.financeable_from = financeable_from
        self.attested, self.collected, self.used = 1_000, 0, 0
        self.provisional = self.suspended = self.withdrawn = False
        self.rekeyed = self.revision = 0

    @property
    def status(self) -> str:
        if self.withdrawn:
            return "withdrawn"
        return "suspended" if self.suspended or self.stage < self.financeable_from else "active"

    @property
    def limit(self) -> int:
        return max(0, self.attested - self.collected) * (5 if self.provisional else 8) // 10

    def step(self, step: tuple[Any, ...]) -> tuple[str, dict[str, Any], int]:
        """Take a step; return who sends what, and the code that is due."""
        verb, *values = step
        if verb == "draw":
            return "bank-a", draw(values[0]), self._draw(values[0])
        if verb == "collect":
            self.collected = values[0]
            return "bank-a", collect(values[0]), 0
        command = self._command(verb, values)
        code = Rejection.QUOTA_WITHDRAWN if self.withdrawn else self._change(verb, values)
        self.revision += code == 0
        return "customs", command, code

    def _command(self, verb: str, values: list[Any]) -> dict[str, Any]:
        if verb == "stage":
            return move_on(values[0])
        if verb == "amend":
            return amend(values[0], "correction", provisional=values[1])
        if verb == "rekey":
            return rekey(draw_key=draw_key(f"key {self.rekeyed}"))
        return {"suspend": suspend, "resume": resume, "withdraw": withdraw}[verb]()

    def _draw(self, amount: int) -> int:
        if self.status != "active":
            return Rejection.QUOTA_WITHDRAWN if self.withdrawn else Rejection.QUOTA_SUSPENDED
        if self.used + amount > self.limit:
            return Rejection.QUOTA_EXCEEDED
        self.used += amount
        return 0

    def _change(self, verb: str, values: list[Any]) -> int:
        code = 0
        if verb == "stage" and STAGES.index(values[0]) <= self.stage:
            code = Rejection.STAGE_NOT_FORWARD
        elif verb == "stage":
            self.stage = STAGES.index(values[0])
        elif verb == "amend":
            self.attested = values[0]
            self.provisional = self.provisional if values[1] is None else values[1]
        elif verb == "suspend" and self.suspended:
            code = Rejection.DECLARATION_SUSPENDED_ALREADY
        elif verb == "resume" and not self.suspended:
            code = Rejection.DECLARATION_NOT_SUSPENDED
        elif verb in {"suspend", "resume"}:
            self.suspended = verb == "suspend"
        elif verb == "withdraw":
            self.withdrawn = True
        else:
            self.rekeyed += 1
        return code


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(STAGES), st.integers(0, 2), st.lists(STEPS, max_size=14))
def test_any_sequence_of_changes_and_draws_ends_where_a_tiny_model_says(
    stage: str, financeable_from: int, steps: list[tuple[Any, ...]]
) -> None:
    ledger = port(financeable_from=financeable_from)
    ledger.accept("customs", attest(attested=1_000, stage=stage))
    model = Model(stage, financeable_from)
    for step in steps:
        sender, command, code = model.step(step)
        assert ledger.code(sender, command) == code
        view = _view(ledger)
        assert (view.status, view.stage, view.limit) == (model.status, STAGES[model.stage], model.limit)
        assert (view.attested, view.collected, view.used) == (model.attested, model.collected, model.used)
        assert (view.provisional, view.rekeyed, view.revision) == (model.provisional, model.rekeyed, model.revision)
        free = max(0, model.limit - model.used) if model.status == "active" else 0
        assert (view.available, view.overdrawn) == (free, max(0, model.used - model.limit))


def _view(ledger: Ledger) -> Declaration:
    view = declaration(ledger.reader, QUOTA, ledger.time_ms)
    assert view is not None
    return view
