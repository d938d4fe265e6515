"""Onboarding of enterprises."""

from __future__ import annotations

from typing import Final

from kouan.kernel.encoding import Bytes32
from kouan.kernel.records import Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.modules.alliance.records import Enterprise, Override, enterprise_key


class Onboard(Record, frozen=True):
    """alliance.onboard/1: the sender has looked at the enterprise's papers.

    The code's check digits are the client's affair: the ledger sees a commitment only.
    """

    commitment: Bytes32
    override: Override | None


def onboard(ctx: Context, cmd: Onboard) -> Refusal | None:
    """Put an enterprise on the ledger."""
    key = enterprise_key(cmd.commitment)
    if ctx.state.read(Enterprise, key) is not None:
        return Refusal(Rejection.ENTERPRISE_ONBOARDED, cmd.commitment)
    ctx.state.write(key, Enterprise(ctx.member.id, cmd.commitment, ctx.time_ms, cmd.override))
    return None


COMMANDS: Final = (
    Command("alliance.onboard/1", Onboard, onboard, frozenset({"bank", "convener", "customs"}), starts=True),
)
