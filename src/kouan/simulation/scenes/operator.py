"""Scene 5: the operator's. A serving process is killed under load, and proofs are verified by whoever has the files.

The kill is played on a copy of the ledger, so the port's own state does not depend on when the kill falls. The copy's
does not either: in the end it must be the state of another copy that took the same load undisturbed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from kouan import bootstrap
from kouan.client.places import MAIN_KEY, member_home
from kouan.client.proofs import Made, prove_loan, prove_quota
from kouan.client.session import Counter, Order, Session
from kouan.engines.embedded import Embedded
from kouan.kernel.envelope import window_key
from kouan.kernel.proof import read_proof
from kouan.kernel.quota import available, key_of
from kouan.kernel.records import Quota, Window
from kouan.simulation.cast import CUSTOMS
from kouan.simulation.checks import Checks
from kouan.simulation.crash import Load, copy_ledger, remote, serving
from kouan.simulation.declarations import declarations
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.attesting import Watch, attested
from kouan.simulation.strangers import ProofShown, verify_apart

LOAD: Final = 240
LOAD_SERIALS: Final = 500_000


class KillShown(NamedTuple):
    """What became of the killed process's ledger."""

    sent: int
    answered: int
    """Before the kill."""
    lost: int
    """Answered and not there afterwards."""
    sent_again: int
    height: int
    state_root: str
    undisturbed_root: str
    """That of the copy that nobody killed."""


class OperatorShown(NamedTuple):
    """What the scene shows."""

    kill: KillShown
    proofs: list[ProofShown]
    forged: ProofShown
    """One of them with an amount altered."""


def operate(port: SeededPort, checks: Checks, watch: Watch, workshop: Path, financing: str) -> OperatorShown:
    """Make proofs and let separate processes verify them; kill a server of a copy. ``workshop``: an empty directory."""
    *proofs, forged = prove_to_strangers(port, checks, watch, workshop, financing)
    return OperatorShown(_kill(port, checks, workshop), proofs, forged)


def prove_to_strangers(
    port: SeededPort, checks: Checks, watch: Watch, workshop: Path, financing: str
) -> list[ProofShown]:
    """Make proofs, the last one forged, and let separate processes verify them."""
    files = _proofs(port, checks, financing)
    shown = verify_apart(port.directory / bootstrap.TRUST_FILE, files, workshop, watch)
    checks.holds("proofs.verified", all(proof.proven for proof in shown[:-1]))
    checks.holds("proofs.forged-refused", not shown[-1].proven)
    return shown


def _proofs(port: SeededPort, checks: Checks, financing: str) -> list[tuple[str, Path]]:
    """Write the proof files, the last one forged."""
    untouched = _untouched(port)
    unknown = f"{port.customs().handle('224820250999999999')}.USD"
    made = {
        "loan-paid-out": prove_loan(port.engine, port.trust, financing, "financed"),
        "still-available": prove_quota(port.engine, port.trust, untouched.id, "available"),
        "never-financed": prove_quota(port.engine, port.trust, untouched.id, "not-financed"),
        "never-attested": prove_quota(port.engine, port.trust, unknown, "not-financed"),
    }
    checks.holds("proofs.proven-here", all(one.verdict.proven for one in made.values()))
    absent = read_proof(made["never-attested"].proof)
    checks.equal("proofs.absence-has-no-record", absent.leaves[0].value, None)
    files = [(name, port.keep_proof(name, one)) for name, one in made.items()]
    genuine = made["still-available"]
    forged = genuine.proof.replace(f'"used":{untouched.used}'.encode(), b'"used":1')
    checks.holds("proofs.forgery-differs", forged != genuine.proof)
    return [*files, ("forged", port.keep_proof("forged", Made(forged, genuine.verdict)))]


def _untouched(port: SeededPort) -> Quota:
    """Return the first declaration, by number, that may be drawn on and never was."""
    now_ms = port.clock.now_ms()
    for declaration in attested(port):
        for quota in port.customs().quotas(declaration.entry_id):
            if quota.kind == "export" and not quota.draws and available(quota, now_ms):
                return quota
    raise AssertionError("every declaration of the story is drawn on")


def _kill(port: SeededPort, checks: Checks, workshop: Path) -> KillShown:
    """Kill a server half way through a load; start it again; send again what was not answered."""
    if not isinstance(port.engine, Embedded):
        raise AssertionError("the kill is played on a copy of an operator's ledger")  # noqa: TRY004  # broken invariant
    port.engine.flush()
    killed, undisturbed = workshop / "killed", workshop / "undisturbed"
    copy_ledger(port.directory, killed)
    copy_ledger(port.directory, undisturbed)
    quotas, envelopes = load_of(port, LOAD)
    with serving(killed) as process:
        load = Load(killed, envelopes)
        load.kill_half_way(process)
    rest = [number for number in range(len(envelopes)) if number not in load.answers]
    with serving(killed), remote(killed) as engine:
        there = engine.query([key_of(quotas[number]) for number in sorted(load.answers)]).values
        lost = there.count(None)
        engine.submit([envelopes[number] for number in rest])
        status = engine.status()
        found = engine.query([key_of(quota) for quota in quotas]).values
    with bootstrap.lock(undisturbed):
        straight = bootstrap.open_ledger(undisturbed)
        straight.submit(envelopes)
        undisturbed_root = straight.status().state_root
        straight.close()
    checks.holds("kill.under-load", rest)
    checks.equal("kill.nothing-lost", lost, 0)
    checks.equal("kill.all-there", len(found) - found.count(None), LOAD)
    checks.equal("kill.same-state", status.state_root, undisturbed_root)
    return KillShown(
        sent=len(envelopes),
        answered=len(load.answers),
        lost=lost,
        sent_again=len(rest),
        height=status.height,
        state_root=status.state_root,
        undisturbed_root=undisturbed_root,
    )


def load_of(port: SeededPort, count: int) -> tuple[list[str], list[bytes]]:
    """Return the quotas of more declarations, and for each the signed envelope that attests it."""
    session = port.session(CUSTOMS)
    window = session.read(Window, window_key(CUSTOMS, MAIN_KEY))
    seed = member_home(port.directory, CUSTOMS).keys.signing_seeds[MAIN_KEY]

    def now_ms() -> int:
        return max(bootstrap.now_ms(), port.clock.now_ms())

    signer = Session(port.engine, port.alliance, session.signer, seed, Counter(window.highest if window else 0), now_ms)
    quotas, envelopes = [], []
    for filed in declarations(port.seed, count, LOAD_SERIALS):
        slip = port.wallet(filed.declaration.owner_uscc).file(filed.declaration.entry_id)
        prepared = port.customs().prepare(filed.declaration, slip, filed.stage)
        (command,) = prepared.commands
        quotas.append(f"{command.handle}.{command.unit}")
        envelopes.append(signer.sign([Order("customs.attest/1", command).wire()]))
    return quotas, envelopes
