"""``kouan financing``: a bank's loans against declarations."""

from __future__ import annotations

from typing import Final

from kouan.cli import loans_opening, loans_servicing, loans_substituting, loans_trading, loans_views
from kouan.cli.calls import group

app: Final = group("Loans against declarations: held, paid out, repaid, looked at.")
for _part in (loans_opening, loans_servicing, loans_substituting, loans_trading, loans_views):
    app.add_typer(_part.app)
