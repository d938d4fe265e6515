"""``kouan quota``: what a declaration carries, and what of it is still free."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import RenderableType

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.output import Page, UnusableError, fields, moment
from kouan.cli.quota_words import free_word, kind_word, limit_word, used_word
from kouan.client.finding import quotas_named
from kouan.client.reading import LedgerReader
from kouan.formats.money import money
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.modules.customs.queries import Declaration, declaration

app: Final = group("What a declaration carries, and what of it is still free.")


@app.callback()
def _group() -> None:
    """Keep `show` a command of its own while it is the only one."""


@command(
    app,
    "show",
    signs=True,
    examples=(
        "kouan quota show 223320260000000001 --as bank-of-huangpu",
        "kouan quota show 3q2-7wAA…hk4.USD",
    ),
)
def show(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NUMBER|QUOTA", help="A declaration's number, or a quota's id.")],
) -> Page:
    """Show what is attested, drawn, held and free, in every currency of the declaration.

    Banks other than the one that acts are not named: their holds are one sum.
    """
    home = call.home() if call.member else None
    with call.engine() as engine:
        reader = LedgerReader(engine)
        status = engine.status()
        documents, shown = [], list[RenderableType]()
        for quota_id in quotas_named(name, home, reader):
            quota, view = reader.read(Quota, key_of(quota_id)), declaration(reader, quota_id, bootstrap.now_ms())
            if quota is None or view is None:
                raise UnusableError("quota", f"the ledger has none with the id {quota_id}; check number and currency")
            own = _own_holds(quota, call.member, bootstrap.now_ms())
            documents.append({**msgspec.to_builtins(view), "held_own": own, "height": status.height})
            shown += [fields(_pairs(call, view, own)), ""]
    at = call.text(f"At height {status.height}, block of {moment(status.time_ms)}", f"账本高度 {status.height}")
    return Page({"quotas": documents}, [*shown, at])


def _own_holds(quota: Quota, member: str | None, time_ms: int) -> int:
    return sum(hold.amount for hold in quota.holds if hold.drawer == member and hold.lapse_ms > time_ms)


def _pairs(call: Call, view: Declaration, own: int) -> list[tuple[str, str]]:
    def of(amount: int) -> str:
        return money(amount, view.unit)

    kind = kind_word(view.kind, call.lang)
    received = [(call.text("Collected", "已收汇"), of(view.collected) + (" (final)" if view.settled else ""))]
    pairs: list[tuple[Any, str]] = [
        (call.text("Quota", "编号"), view.quota),
        (
            call.text("Declaration", "报关单"),
            f"{kind} {view.mode}, {view.stage}, {view.status}",
        ),
        (call.text("Attested", "核证金额"), of(view.attested)),
        *(received if view.kind == "export" else []),
        (limit_word(view.kind, call.lang), f"{of(view.limit)} ({view.ratio_bp / 100:g} %)"),
        (used_word(view.kind, call.lang), of(view.used)),
        (call.text("Held by this bank", "本行占用"), of(own)),
        (call.text("Held by others", "他行占用"), of(view.held - own)),
        (free_word(view.kind, call.lang), of(view.available)),
    ]
    keeper = call.text("custodial", "代管") if view.custodial else call.text("the owner's own", "企业自持")
    minded = {
        call.text("Over-drawn by", "超支用"): of(view.overdrawn) if view.overdrawn else "",
        call.text("Suspended", "暂停"): view.suspension or "",
        call.text("Cancelled", "撤单"): view.withdrawal or "",
        call.text("Last amendment", "最近改单"): view.amendment or "",
        call.text("Price", "价格"): call.text("provisional", "暂定") if view.provisional else "",
        call.text("Draw key", "支用密钥"): keeper,
    }
    return pairs + [(name, text) for name, text in minded.items() if text]
