"""Scene 2: the day's declarations are read from message files and attested by customs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from kouan.client.customs_desk import Prepared
from kouan.client.filings import AttestationSlip, read_slip
from kouan.formats.declaration import Declaration
from kouan.formats.errors import FormatError
from kouan.formats.single_window import read_files
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.simulation.cast import CUSTOMS
from kouan.simulation.checks import Checks
from kouan.simulation.declarations import declarations, write_messages
from kouan.simulation.port import SeededPort

MESSAGES: Final = "messages"
Watch = Callable[[str, int, int], None]
"""Told how far a long step is: its code, steps done, steps in all."""


class AttestingShown(NamedTuple):
    """What the scene shows."""

    files: int
    example: str
    """The path of one of them."""
    declarations: int
    by_status: dict[str, int]
    """Quotas by their status on the ledger."""
    financeable: dict[str, int]
    """What may be financed of all active exports, in minor units by currency."""
    repeated: str
    """The rejection's name when a declaration is attested twice."""
    height: int


def attest_declarations(port: SeededPort, checks: Checks, watch: Watch, count: int) -> AttestingShown:
    """Write the messages, read them back as a user's files are read, attest them, deliver the slips."""
    port.clock.move_to(0, 9)
    filed = declarations(port.seed, count)
    stages = {one.declaration.entry_id: one.stage for one in filed}
    paths = write_messages(port.directory / MESSAGES, filed)
    desk = port.customs()
    prepared: list[Prepared] = []
    for number, (_, declaration) in enumerate(read_files(paths), 1):
        if isinstance(declaration, FormatError):
            raise declaration
        slip = port.wallet(declaration.owner_uscc).file(declaration.entry_id)
        prepared.append(desk.prepare(declaration, slip, stages[declaration.entry_id]))
        watch("prepare", number, count)
    outcomes = desk.attest(prepared)
    accepted = [outcome for outcome in outcomes if all(one.result.accepted for one in outcome.results)]
    checks.equal("attesting.accepted", len(accepted), count)
    for number, outcome in enumerate(accepted, 1):
        receive(port, desk.owner_of(outcome.number), outcome.slip)
        watch("deliver", number, len(accepted))
    again = desk.attest(prepared[:1])[0].results[0].result
    checks.equal("attesting.twice", again.code and again.code.name, "QUOTA_EXISTS")
    quotas = _quotas(port, [one.quota for outcome in accepted for one in outcome.results])
    exports = [quota for quota in quotas if quota.kind == "export" and quota.status == "active"]
    financeable: Counter[str] = Counter()
    for quota in exports:
        financeable[quota.unit] += quota.limit
    return AttestingShown(
        files=len(paths),
        example=str(paths[0]),
        declarations=len(accepted),
        by_status=dict(sorted(Counter(f"{quota.kind}.{quota.status}" for quota in quotas).items())),
        financeable=dict(sorted(financeable.items())),
        repeated=again.code.name if again.code else "",
        height=port.engine.status().height,
    )


def receive(port: SeededPort, owner: str, slip: bytes | None) -> None:
    """Hand customs' slip to its owner's wallet."""
    if slip is None:
        raise AssertionError("customs attested and made no slip for the owner")
    port.wallet(owner).receive(read_slip(slip, AttestationSlip, "attestation slip"))


def attested(port: SeededPort) -> list[Declaration]:
    """Return the declarations whose message files are in the port, by number."""
    found = [declaration for _, declaration in read_files(sorted((port.directory / MESSAGES).glob("*.xml")))]
    return [declaration for declaration in found if isinstance(declaration, Declaration)]


def _quotas(port: SeededPort, names: list[str]) -> list[Quota]:
    found = port.session(CUSTOMS).read_many(Quota, [key_of(name) for name in names])
    return [quota for quota in found if quota is not None]
