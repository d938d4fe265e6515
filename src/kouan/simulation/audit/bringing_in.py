"""What the rules say to loans from before the ledger; written from `kouan/modules/financing/README.md`."""

from __future__ import annotations

from typing import Final

from kouan.kernel.rejections import Rejection
from kouan.modules.financing.commands.bringing_in import BringInCommand
from kouan.simulation.audit import weighing
from kouan.simulation.audit.books import RefusedError
from kouan.simulation.audit.drawing import LARGEST, check_worth, new_loan, tell_overdrawn, with_entry, write_loan
from kouan.simulation.audit.rules import Rule, Said


def _bring_in(said: Said, cmd: BringInCommand) -> None:
    if said.time_ms >= said.books.charter["financing.bring_in_until_ms"]:
        raise RefusedError(Rejection.BRINGING_IN_CLOSED)
    if cmd.financing in said.books.loans:
        raise RefusedError(Rejection.FINANCING_EXISTS, "financing")
    if not cmd.opened_ms <= min(said.time_ms, cmd.maturity_ms - 1):
        raise RefusedError(Rejection.OPENED_MISFIT, "opened_ms")
    owed: dict[str, int] = {}
    for part in cmd.allocations:
        if part.quota in owed:
            raise RefusedError(Rejection.ALLOCATION_TWICE, part.quota)
        row = said.books.documents.get(part.quota)
        if row is None:
            raise RefusedError(Rejection.QUOTA_UNKNOWN, part.quota)
        if row.kind != "export":
            raise RefusedError(Rejection.QUOTA_WRONG_KIND, part.quota)
        if said.books.used(part.quota) + part.amount > LARGEST:
            raise RefusedError(Rejection.QUOTA_NUMBER_TOO_LARGE, part.quota)
        owed[part.quota] = part.amount
    check_worth(said, cmd)
    loan = with_entry(said, new_loan(said, cmd, owed), "brought-in", owed)
    write_loan(said, cmd.financing, loan)
    tell_overdrawn(said, owed)
    for quota in owed:
        weighing.note(said, quota)
    # The bank has seen the revision that its own loan raised.
    loan = said.books.loans[cmd.financing]
    seen = {quota: said.books.documents[quota].revision for quota in owed}
    said.books.put_loan(cmd.financing, loan._replace(seen=seen))


RULES: Final = {"financing.bring-in/1": Rule(BringInCommand, frozenset({"bank"}), starts=True, predict=_bring_in)}
