"""Scene 5: one trade has many papers, and each of them could be lent on."""

from __future__ import annotations

from typing import NamedTuple

from kouan.simulation.checks import Checks
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.likeness import AlteredShown, NeighboursShown, show_altered_number, show_neighbours
from kouan.simulation.scenes.one_trade import (
    BothSidesShown,
    CancelledShown,
    OrderShown,
    StrangerShown,
    ask_from_both_sides,
    cancel_and_declare_anew,
    join_strangers_trade,
    lend_on_order,
)


class TradesShown(NamedTuple):
    """What the scene shows."""

    altered: AlteredShown
    neighbours: NeighboursShown
    order: OrderShown
    stranger: StrangerShown
    both_sides: BothSidesShown
    cancelled: CancelledShown


def trade_on(port: SeededPort, checks: Checks) -> TradesShown:
    """Play what a list of declaration numbers would miss."""
    return TradesShown(
        show_altered_number(port, checks),
        show_neighbours(port, checks),
        lend_on_order(port, checks),
        join_strangers_trade(port, checks),
        ask_from_both_sides(port, checks),
        cancel_and_declare_anew(port, checks),
    )
