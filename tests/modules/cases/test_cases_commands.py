"""What all commands of the module have in common, and what people see of a case."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from tests.modules.cases.test_cases_precedence import SCENES, Scene, trade
from tests.modules.cases.trade import Trade, Wire, fingerprint, loan_id
from tests.modules.financing.test_commands import HOSTILE

from kouan.kernel import registry
from kouan.kernel.execution import Block, execute_block
from kouan.kernel.registry import Claim, verify_in_turn
from kouan.modules.cases.queries import CONCERNS, Concern, case_view, next_paper_id
from kouan.modules.cases.rules import PARAMETERS, Side

ORDER = ("order", "PO-1")
every_command = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.make(trade())["type"])


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a command, nested ones too."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path and path != ("type",) else []
    for key, inner in inside:
        found += _paths(inner, (*path, key))
    return found


def _put(command: Wire, path: tuple[Any, ...], value: Any) -> None:
    at: Any = command
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value


@every_command
def test_no_value_in_any_place_stops_the_node(scene: Scene) -> None:
    """Whatever stands in a field, the answer is a result; what is refused leaves nothing behind."""
    port = trade()
    for path in _paths(scene.make(port)):
        for value in HOSTILE:
            command = scene.make(port)
            _put(command, path, value)
            before = dict(port.ledger.state.values)
            code, _ = port.refused(scene.sender, command)
            if code == 0:
                port = trade()
                continue
            changed = {key for key, raw in port.ledger.state.values.items() if before.get(key) != raw}
            assert changed <= {f"window/{scene.sender}/main"}


@pytest.mark.parametrize(("n", "signatures"), [(0, 2), (1, 3), (2, 2), (4, 1)], ids=["record", "link", "join", "amend"])
def test_every_signature_is_announced(n: int, signatures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an engine can check them ahead, on all its cores: the handler itself verifies none."""
    port = trade()
    raw = port.ledger.envelope("bank-a", SCENES[n].make(port))
    block = Block(port.ledger.alliance, port.ledger.height + 1, port.now, [raw])
    announced: list[Claim] = []

    def ahead(claims: list[Claim]) -> list[bool]:
        announced.extend(claims)
        return verify_in_turn(claims)

    outcome = execute_block(port.ledger.state, block, port.ledger.registry, ahead)
    assert len(announced) == 1 + signatures
    monkeypatch.setattr(registry, "verify", lambda *_: pytest.fail("a signature was not announced"))
    again = execute_block(port.ledger.state, block, port.ledger.registry, lambda claims: [True] * len(claims))
    assert again.receipts == outcome.receipts


def test_a_loan_on_a_document_without_a_case_reads_and_writes_no_case() -> None:
    """What it costs stays what it was: only quota and loan are written."""
    port = Trade()
    alone = port.declare("alone", 1000)
    before = dict(port.ledger.state.values)
    loan = port.lend("bank-a", "loan", {alone: 800})
    changed = {key.partition("/")[0] for key, raw in port.ledger.state.values.items() if before.get(key) != raw}
    assert changed == {"window", "quota", "financing", "entry"}
    assert port.view(loan).outstanding == {"USD": 800}
    assert case_view(port.ledger.reader, alone, port.now) is None
    assert case_view(port.ledger.reader, "none.USD", port.now) is None


def test_what_people_see_of_a_case() -> None:
    port = Trade()
    order = port.recorded("bank-a", "order", "PO-1", 1000)
    shipment = port.linked("shipment", 500, ORDER)
    port.lend("bank-a", "packing loan", {order: 300})
    port.accept("bank-b", port.hold("bank-b", loan_id("bill"), {shipment: 100}))
    view = port.case_view(shipment)
    seller = Side("USD", "seller")
    shown = {one.quota: one for one in view.documents}
    assert (shown[order].evidence, shown[order].used, shown[order].held, shown[order].limit) == ("self", 300, 0, 700)
    assert (shown[shipment].kind, shown[shipment].held, shown[shipment].status) == ("export", 100, "active")
    assert [(one.side, one.used, one.held, one.caps) for one in view.sides] == [
        (seller, 300, 100, {"self": 700, "attested": 400})
    ]
    assert (view.allocations, view.concerns, view.needs_review("bank-a")) == (2, [], False)
    assert set(CONCERNS) == set(get_args(Concern))


def test_a_paper_is_found_by_its_own_number() -> None:
    port = Trade()
    expected = next_paper_id(port.ledger.reader, fingerprint(*ORDER), "seller", "USD")
    assert port.recorded("bank-a", "order", "PO-1", 1000) == expected
    assert next_paper_id(port.ledger.reader, fingerprint(*ORDER), "seller", "USD") == expected


def test_parameters_lie_within_their_bounds() -> None:
    assert all(one.lowest <= one.default <= one.highest for one in PARAMETERS)
