"""Proof files that each show one thing, good and bad, with what a verifier must answer: ``vectors/proof``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from tests.kernel.proof_scene import (
    CUSTODIAL,
    HELD,
    LAPSED,
    OVERDRAWN,
    RETURNED,
    SUSPENDED,
    TIME_MS,
    TRUST,
    TRUST_PERIOD_MS,
    UNKNOWN,
    UNTOUCHED,
    USED,
    Scene,
    handover,
    id16,
    loan,
    quota,
)

from kouan.client.verifier import UnusableError, verify_proof
from kouan.kernel.encoding import MAX_INTEGER, decode, encode, to_text
from kouan.kernel.proof import AvailableStatement, Leaf, NotFinancedStatement, OtherLeaf, Proof, RecordStatement
from kouan.kernel.tree import leaf_hash, path_of, value_hash

LAST_MOMENT_MS: Final = 253_402_300_799_999  # the end of the year 9999

TRUSTS: Final = {
    "alliance.json": TRUST,
    "other-alliance.json": TRUST.replace(b'"name":"vectors"', b'"name":"others"'),
}


def proofs() -> Iterator[tuple[str, bytes, str, int | None]]:
    """Name, proof file, trust file and clock (None: archival mode) of each case."""
    scene = Scene()
    for name, proof in (*statements(scene), *operators(scene), *forgeries(scene)):
        yield name, encode(proof), "alliance.json", None
    good = encode(scene.available(UNTOUCHED, 8_000_000))
    yield "wrong-alliance", good, "other-alliance.json", None
    yield "live", good, "alliance.json", TIME_MS + TRUST_PERIOD_MS - 1
    yield "live-too-old", good, "alliance.json", TIME_MS + TRUST_PERIOD_MS
    yield "live-clock-behind", good, "alliance.json", TIME_MS - 5 * 60_000
    yield "live-from-the-future", good, "alliance.json", TIME_MS - 5 * 60_000 - 1
    plain = decode(good)
    yield "unusable-unknown-field", encode(plain | {"more": 1}), "alliance.json", None
    yield "unusable-format", encode(plain | {"format": "kouan/proof/2"}), "alliance.json", None
    yield "unusable-not-canonical", good.replace(b":", b": ", 1), "alliance.json", None
    yield "unusable-cut-off", good[:-1], "alliance.json", None
    yield "unusable-no-leaf", encode(plain | {"leaves": []}), "alliance.json", None
    late = replace(scene.record("operator"), checkpoint=scene.checkpoint(time_ms=LAST_MOMENT_MS + 1))
    yield "unusable-beyond-the-year-9999", encode(late), "alliance.json", None


def statements(scene: Scene) -> Iterator[tuple[str, Proof]]:
    yield "available", scene.available(UNTOUCHED, 8_000_000)
    yield "available-beside-a-hold", scene.available(HELD, 6_000_000)
    yield "available-custodial", scene.available(CUSTODIAL, 8_000_000)
    yield "available-suspended", scene.available(SUSPENDED, 0)
    yield "available-overdrawn", scene.available(OVERDRAWN, 0)
    yield "available-other-amount", scene.available(HELD, 8_000_000)
    yield "available-no-quota", scene.prove(AvailableStatement(0, UNKNOWN))
    yield "not-financed-unknown", scene.not_financed(UNKNOWN)
    yield "not-financed-untouched", scene.not_financed(UNTOUCHED.id)
    yield "not-financed-lapsed", scene.not_financed(LAPSED.id)
    yield "not-financed-returned", scene.not_financed(RETURNED.id)
    yield "not-financed-custodial", scene.not_financed(CUSTODIAL.id)
    yield "not-financed-held", scene.not_financed(HELD.id)
    yield "not-financed-used", scene.not_financed(USED.id)
    yield "financed", scene.financed("loan-disbursed", USED, CUSTODIAL)
    yield "financed-settled", scene.financed("loan-settled", RETURNED)
    yield "financed-partly", scene.financed("loan-partly", USED)
    yield "financed-partly-repaid", scene.financed("loan-partly-repaid", USED)
    yield "financed-rest-held", scene.financed("loan-rest-held", USED)
    yield "financed-rest-lapsed", scene.financed("loan-rest-lapsed", USED)
    yield "financed-not-paid-out", scene.financed("loan-held", HELD)
    yield "financed-no-loan", scene.financed("loan-unknown")
    yield "financed-quota-missing", scene.financed("loan-disbursed", USED)
    yield "financed-other-quota", scene.financed("loan-disbursed", USED, RETURNED)
    yield "record", scene.record("member/filler-1")
    yield "record-absent", scene.record("member/nobody")


def operators(scene: Scene) -> Iterator[tuple[str, Proof]]:
    about = RecordStatement("member/filler-1")

    def chain(by: str, *handovers: Any, **changes: Any) -> Proof:
        return scene.prove(about, handovers=handovers, checkpoint=scene.checkpoint(by, **changes))

    yield "handovers", chain("operator-2", handover(0), handover(1))
    restored = handover(1, incarnation=1, from_height=5)
    yield "handover-incarnation", chain("operator-2", handover(0), restored, incarnation=1)
    yield "handover-missing", chain("operator-2", handover(1))
    yield "handover-reordered", chain("operator-2", handover(1), handover(0))
    yield "handover-by-another", chain("operator-2", handover(0), handover(1, signer="operator-0"))
    yield "handover-other-alliance", chain("operator-1", handover(0, alliance=to_text(bytes(32))))
    yield "handover-incarnation-falls", chain("operator-2", handover(0, incarnation=1), handover(1))
    yield "handover-height-falls", chain("operator-2", handover(0), handover(1, from_height=9))
    yield "handover-not-yet", chain("operator-1", handover(0, from_height=43))
    yield "operator-former", chain("operator-0", handover(0))
    yield "operator-stranger", chain("bank-a")
    yield "operator-incarnation", chain("operator-0", incarnation=1)


def forgeries(scene: Scene) -> Iterator[tuple[str, Proof]]:
    good = scene.not_financed(USED.id)
    own = scene.leaf(f"quota/{USED.id}")
    ref = to_text(b"\1" + leaf_hash(path_of(own.key), scene.values[own.key]))
    yield "forged-absence", replace(good, leaves=[replace(own, siblings=[*own.siblings, ref], value=None)])
    bit = path_of(own.key)[0] >> 7
    stranger = next(key for key in scene.values if path_of(key)[0] >> 7 != bit)
    there = scene.leaf(stranger)
    other = OtherLeaf(to_text(path_of(stranger)), to_text(value_hash(scene.values[stranger])))
    yield "forged-other-leaf", replace(good, leaves=[Leaf(own.key, other, there.siblings, None)])
    better = msgspec.to_builtins(replace(USED, used=0))
    yield "forged-record", replace(good, leaves=[replace(own, value=better)])
    yield "forged-key", replace(good, leaves=[scene.leaf(f"quota/{UNTOUCHED.id}")])
    yield "forged-renamed-key", replace(good, leaves=[replace(scene.leaf(f"quota/{UNTOUCHED.id}"), key=own.key)])
    yield "forged-more-leaves", replace(scene.record("operator"), leaves=[scene.leaf("operator"), own])
    root = replace(scene.checkpoint(), state_root=to_text(bytes(32)))
    yield "forged-state-root", replace(good, checkpoint=root)
    marked = msgspec.to_builtins(quota("marked")) | {"more": True}
    moved = quota("moved")
    odd = Scene(more={f"quota/{marked['id']}": marked, f"quota/{UNKNOWN}": moved})
    yield "record-shape", odd.prove(NotFinancedStatement(marked["id"]))
    yield "record-of-another", odd.prove(NotFinancedStatement(UNKNOWN))
    lost = quota("lost")
    large = loan("loan-large", USED, RETURNED, amount=MAX_INTEGER, drawn=MAX_INTEGER)
    strange = Scene(
        more={
            f"financing/{id16('loan-lost')}": loan("loan-lost", lost),
            f"financing/{id16('loan-moved')}": loan("loan-other", USED),
            f"financing/{id16('loan-odd')}": loan("loan-odd", USED, repaid=2_000_001),
            f"financing/{id16('loan-large')}": large,
        }
    )
    yield "financed-no-quota", strange.financed("loan-lost", lost)
    yield "financed-of-another", strange.financed("loan-moved", USED)
    yield "financed-repaid-too-much", strange.financed("loan-odd", USED)
    yield "financed-large", strange.financed("loan-large", USED, RETURNED)


def expected(raw: bytes, trust: bytes, now_ms: int | None) -> dict[str, Any]:
    try:
        verdict = verify_proof(raw, trust, now_ms=now_ms)
    except UnusableError:
        return {"exit": 2}
    return {"exit": 0 if verdict.proven else 1, "verdict": msgspec.to_builtins(verdict)}
