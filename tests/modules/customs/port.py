"""A port for the tests of customs: two customs offices, declarations, and draws without a loan around them.

Loans are another module's; here a declaration is drawn on, collected and held by commands that do nothing but call the
kernel. Names are invented.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace
from tests.modules.ledger import MEMBERS, Ledger

from kouan.kernel import quota as quotas
from kouan.kernel.encoding import Code, Count, Positive, to_text
from kouan.kernel.records import Hold, Member, Quota, Record
from kouan.kernel.registry import Command, Context
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.suites import digest, public_key
from kouan.modules.customs.commands import COMMANDS
from kouan.modules.customs.rules import PARAMETERS

MINUTE_MS: Final = 60_000


def some32(name: str) -> str:
    """32 bytes that stand for something the test is not about."""
    return to_text(digest("test/customs", name.encode()))


def some16(name: str) -> str:
    return to_text(digest("test/customs", name.encode())[:16])


def draw_key(name: str) -> str:
    return to_text(public_key(digest("test/draw-key", name.encode())))


HANDLE: Final = some32("handle")
QUOTA: Final = f"{HANDLE}.USD"


class Draw(Record, frozen=True):
    amount: Positive
    quota: str


class SetAside(Record, frozen=True):
    amount: Positive
    lapse_ms: Positive
    quota: str


class Collect(Record, frozen=True):
    collected: Count
    quota: str
    settled: bool = False


class SuspendMember(Record, frozen=True):
    member: Code


def _change(ctx: Context, name: str, changed: Quota | Rejection) -> Refusal | None:
    if isinstance(changed, Rejection):
        return Refusal(changed, name)
    ctx.state.write(quotas.key_of(name), changed)
    return None


def _quota(ctx: Context, name: str) -> Quota:
    quota = ctx.state.read(Quota, quotas.key_of(name))
    assert quota is not None
    return quota


def _draw(ctx: Context, cmd: Draw) -> Refusal | None:
    return _change(ctx, cmd.quota, quotas.draw(_quota(ctx, cmd.quota), cmd.amount, ctx.time_ms))


def _set_aside(ctx: Context, cmd: SetAside) -> Refusal | None:
    hold = Hold(cmd.amount, ctx.member.id, drawn=False, extended=False, financing="test", lapse_ms=cmd.lapse_ms)
    return _change(ctx, cmd.quota, quotas.hold(_quota(ctx, cmd.quota), hold, ctx.time_ms))


def _collect(ctx: Context, cmd: Collect) -> Refusal | None:
    quota = _quota(ctx, cmd.quota)
    rebased = quotas.rebase(
        quota, attested=quota.attested, collected=cmd.collected, ratio_bp=quota.ratio_bp, settled=cmd.settled
    )
    return _change(ctx, cmd.quota, rebased)


def _suspend_member(ctx: Context, cmd: SuspendMember) -> None:
    member = ctx.state.read(Member, f"member/{cmd.member}")
    assert member is not None
    ctx.state.write(f"member/{cmd.member}", replace(member, suspended=True))


_TEST_COMMANDS: Final = (
    Command("test.draw/1", Draw, _draw, frozenset(), starts=False),
    Command("test.hold/1", SetAside, _set_aside, frozenset(), starts=False),
    Command("test.collect/1", Collect, _collect, frozenset(), starts=False),
    Command("test.suspend-member/1", SuspendMember, _suspend_member, frozenset(), starts=False),
)


def port(**charter: int) -> Ledger:
    """An alliance with two customs offices and two overseers; ``charter`` names customs' parameters without prefix."""
    return Ledger(
        (*COMMANDS, *_TEST_COMMANDS),
        PARAMETERS,
        charter={f"customs.{name}": value for name, value in charter.items()},
        members={**MEMBERS, "customs-b": ["customs"], "overseer-b": ["overseer"]},
    )


def attest(**fields: Any) -> dict[str, Any]:
    """A closed export of 100,000.00 US dollars in general trade; ``fields`` override."""
    return {
        "attested": 10_000_000,
        "commitment": some32("commitment"),
        "custodial": False,
        "draw_key": draw_key("owner"),
        "fingerprints": some32("fingerprints"),
        "handle": HANDLE,
        "kind": "export",
        "mode": "0110",
        "provisional": False,
        "seal": some32("seal"),
        "stage": "closed",
        "type": "customs.attest/1",
        "unit": "USD",
    } | fields


def move_on(stage: str, **fields: Any) -> dict[str, Any]:
    return {"quota": QUOTA, "stage": stage, "type": "customs.stage/1"} | fields


def amend(attested: int, reason: str, **fields: Any) -> dict[str, Any]:
    return {
        "attested": attested,
        "commitment": some32("amended commitment"),
        "fingerprints": some32("amended fingerprints"),
        "quota": QUOTA,
        "reason": reason,
        "type": "customs.amend/1",
    } | fields


def withdraw(**fields: Any) -> dict[str, Any]:
    return {"quota": QUOTA, "reason": "not-shipped", "type": "customs.withdraw/1"} | fields


def suspend(**fields: Any) -> dict[str, Any]:
    return {"quota": QUOTA, "reason": "inspection", "type": "customs.suspend/1"} | fields


def resume(**fields: Any) -> dict[str, Any]:
    return {"quota": QUOTA, "reason": "cleared", "type": "customs.resume/1"} | fields


def rekey(**fields: Any) -> dict[str, Any]:
    return {"custodial": False, "draw_key": draw_key("new"), "quota": QUOTA, "type": "customs.rekey/1"} | fields


def draw(amount: int) -> dict[str, Any]:
    return {"amount": amount, "quota": QUOTA, "type": "test.draw/1"}


def collect(collected: int, *, settled: bool = False) -> dict[str, Any]:
    return {"collected": collected, "quota": QUOTA, "settled": settled, "type": "test.collect/1"}


def quota_of(ledger: Ledger, quota_id: str = QUOTA) -> Quota:
    return ledger.must(Quota, quotas.key_of(quota_id))
