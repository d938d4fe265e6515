"""Scene 1: the alliance of Shanghai is founded, and its traders are onboarded."""

from __future__ import annotations

from typing import NamedTuple

from kouan.client.enterprises import onboard
from kouan.formats.identifiers import uscc_problem
from kouan.kernel.records import Member
from kouan.modules.alliance.queries import members
from kouan.modules.alliance.records import Enterprise, enterprise_key
from kouan.simulation.cast import COMMISSION, TRADERS, Trader
from kouan.simulation.checks import Checks
from kouan.simulation.port import SeededPort

BANKS = 6


class FoundingShown(NamedTuple):
    """What the scene shows."""

    alliance: str
    members: list[Member]
    traders: list[Trader]
    ratio_bp: int
    """What the charter lets be financed of general trade."""
    height: int


def found_alliance(port: SeededPort, checks: Checks) -> FoundingShown:
    """Found the alliance and onboard the traders; the single window's operator keeps their wallets."""
    founding = port.found()
    session = port.session(COMMISSION)
    seated = members(session)
    roles = [role for member in seated for role in member.roles]
    checks.equal("founding.banks", roles.count("bank"), BANKS)
    checks.holds("founding.authorities", {"customs", "convener", "operator", "overseer", "second-holder"} <= set(roles))
    port.clock.move_to(0, 8, 30)
    for trader in TRADERS:
        name = f"{trader.zh} {trader.en}"
        done = onboard(port.directory, session, trader.code, name, None, port.entropy("onboarding"))
        there = session.read(Enterprise, enterprise_key(done.trader.commitment))
        checks.holds("founding.trader-onboarded", done.result.accepted and there is not None)
        checks.equal("founding.code-is-valid", uscc_problem(trader.code), None)
    return FoundingShown(
        alliance=port.alliance,
        members=seated,
        traders=list(TRADERS),
        ratio_bp=founding.charter["customs.ratio_bp.0110"],
        height=port.engine.status().height,
    )
