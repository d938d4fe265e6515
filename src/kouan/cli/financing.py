"""``kouan financing``: a bank's loans against declarations."""

from __future__ import annotations

from typing import Final

from kouan.cli import (
    loans_bank_files,
    loans_notices,
    loans_opening,
    loans_reports,
    loans_servicing,
    loans_substituting,
    loans_trading,
    loans_views,
)
from kouan.cli.calls import group

app: Final = group("Loans against declarations: held, paid out, repaid, looked at, reconciled, reported.")
_PARTS: Final = (
    loans_opening,
    loans_servicing,
    loans_substituting,
    loans_trading,
    loans_views,
    loans_bank_files,
    loans_notices,
    loans_reports,
)
for _part in _PARTS:
    app.add_typer(_part.app)
