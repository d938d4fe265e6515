"""A small ledger with one of each: what proofs are made of in tests and in ``vectors/proof``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from kouan.kernel.encoding import encode, to_text
from kouan.kernel.proof import (
    AvailableStatement,
    Checkpoint,
    FinancedStatement,
    Handover,
    Leaf,
    NotFinancedStatement,
    Proof,
    RecordStatement,
    Statement,
    leaf_keys,
    make_checkpoint,
    make_leaf,
    sign_handover,
)
from kouan.kernel.quota import key_of
from kouan.kernel.records import Hold, Quota
from kouan.kernel.suites import digest, public_key
from kouan.kernel.tree import Tree, leaf_hash, path_of, walk
from kouan.modules.alliance.founding import Founding, FoundingKey, FoundingMember, alliance_id
from kouan.modules.alliance.trust import trust_file

TIME_MS: Final = 1_793_779_200_000
DAY_MS: Final = 24 * 3600 * 1000
TRUST_PERIOD_MS: Final = 14 * DAY_MS
HEIGHT: Final = 42


def secret(name: str) -> bytes:
    """32 bytes that are always the same for a name."""
    return digest("kouan/vectors/1", name.encode())


def public(name: str) -> str:
    return to_text(public_key(secret(name)))


def id16(name: str) -> str:
    return to_text(secret(name)[:16])


FOUNDING: Final = Founding(
    charter={"trust_period_ms": TRUST_PERIOD_MS},
    engine="embedded",
    founded_ms=TIME_MS - 100 * DAY_MS,
    members=[
        FoundingMember("bank-a", {"main": FoundingKey(public("bank-a"), "ed25519-sha256")}, ["bank"], public("bank-a"))
    ],
    name="vectors",
    nonce=id16("nonce"),
    operator=public("operator-0"),
    second_holder="bank-a",
    suite="ed25519-sha256",
)
ALLIANCE: Final = alliance_id(FOUNDING)
TRUST: Final = trust_file(FOUNDING)


def quota(name: str, **changes: Any) -> Quota:
    """An export declaration of USD 100,000.00 of which 80 % may be financed."""
    unit = changes.get("unit", "USD")
    plain = Quota(
        attested=10_000_000,
        collected=0,
        commitment=to_text(secret(f"{name}/commitment")),
        custodial=False,
        draw_key=public(f"{name}/draw"),
        draws=0,
        facts={"mode": "0110", "provisional": "no", "stage": "closed"},
        fingerprints=to_text(secret(f"{name}/fingerprints")),
        holds=[],
        id=f"{to_text(secret(name))}.{unit}",
        issuer="customs",
        kind="export",
        lapses={},
        limit=8_000_000,
        ratio_bp=8_000,
        revision=0,
        seal=to_text(secret(f"{name}/seal")),
        settled=False,
        spent=0,
        status="active",
        unit="USD",
        used=0,
    )
    return replace(plain, **changes)


def hold(name: str, amount: int, lapse_ms: int) -> Hold:
    return Hold(amount, "bank-a", drawn=False, extended=False, financing=id16(name), lapse_ms=lapse_ms)


def loan(name: str, *quotas: Quota, lapse_ms: int = 0, **amounts: int) -> dict[str, Any]:
    """A loan as the ledger holds it, with the fields that a proof is about and two more.

    ``amounts``: of each allocation; one that is not given is fully drawn.
    """
    part = {"amount": 2_000_000, "drawn": 2_000_000, "held": 0, "repaid": 0} | amounts
    return {
        "allocations": [part | {"quota": quota.id} for quota in quotas],
        "amount": 2_000_000 * len(quotas),
        "bank": "bank-a",
        "currency": "USD",
        "id": id16(name),
        "lapse_ms": lapse_ms,
        "product": "export-bill",
        "state": "disbursed",
    }


UNTOUCHED: Final = quota("untouched")
HELD: Final = quota("held", holds=[hold("loan-lapsed", 1_000, TIME_MS), hold("loan-held", 2_000_000, TIME_MS + 1)])
LAPSED: Final = quota("lapsed", holds=[hold("loan-lapsed", 1_000, TIME_MS)])
USED: Final = quota("used", used=2_000_000, draws=1)
RETURNED: Final = quota("returned", draws=2)
CUSTODIAL: Final = quota("custodial", custodial=True, unit="JPY", kind="import")
SUSPENDED: Final = quota("suspended", status="suspended", unit="BHD")
OVERDRAWN: Final = quota("overdrawn", limit=1_000_000, used=2_000_000, draws=1)
QUOTAS: Final = (UNTOUCHED, HELD, LAPSED, USED, RETURNED, CUSTODIAL, SUSPENDED, OVERDRAWN)
UNKNOWN: Final = f"{to_text(secret('unknown'))}.USD"
LOANS: Final = {
    "loan-held": loan("loan-held", HELD, drawn=0, held=2_000_000, lapse_ms=TIME_MS + 1),
    "loan-disbursed": loan("loan-disbursed", USED, CUSTODIAL),
    "loan-settled": loan("loan-settled", RETURNED, repaid=2_000_000),
    "loan-partly": loan("loan-partly", USED, drawn=1, held=1_999_999, lapse_ms=TIME_MS + 1),
    "loan-partly-repaid": loan("loan-partly-repaid", USED, repaid=500_000),
    "loan-rest-held": loan("loan-rest-held", USED, drawn=1, held=1_999_999, repaid=1, lapse_ms=TIME_MS + 1),
    "loan-rest-lapsed": loan("loan-rest-lapsed", USED, drawn=1, held=1_999_999, repaid=1, lapse_ms=TIME_MS),
}


class Scene:
    """A state with its tree, and proofs about it."""

    def __init__(self, fillers: int = 40, depth: int = 4, more: dict[str, Any] | None = None) -> None:
        records: dict[str, Any] = {key_of(quota.id): quota for quota in QUOTAS}
        records |= {f"financing/{loan['id']}": loan for loan in LOANS.values()}
        records |= {f"member/filler-{number}": {"n": number} for number in range(fillers)}
        self._fill(records | (more or {}), depth)

    @classmethod
    def of(cls, records: dict[str, Any]) -> Scene:
        """A state of just these records."""
        scene = cls.__new__(cls)
        scene._fill(records, 4)
        return scene

    def _fill(self, records: dict[str, Any], depth: int) -> None:
        self.values = {key: encode(record) for key, record in records.items()}
        self.by_path = {path_of(key): value for key, value in self.values.items()}
        self.tree = Tree(depth)
        if records:
            leaves = {path: (leaf_hash(path, value), 0) for path, value in self.by_path.items()}
            self.tree.apply(self.tree.change(leaves))

    def leaf(self, key: str) -> Leaf:
        way = walk(path_of(key), self.tree.depth, self.tree.ref, self.tree.bucket)
        return make_leaf(key, way, self.by_path[way.entry[:32]] if way.entry else None)

    def checkpoint(self, signer: str = "operator-0", **changes: Any) -> Checkpoint:
        fields: dict[str, Any] = {
            "alliance": ALLIANCE,
            "height": HEIGHT,
            "incarnation": 0,
            "receipts_root": digest("kouan/receipts/1"),
            "state_root": self.tree.root,
            "time_ms": TIME_MS,
        }
        return make_checkpoint(secret(signer), **(fields | changes))

    def prove(
        self,
        statement: Statement,
        quotas: Sequence[Quota] = (),
        handovers: Sequence[Handover] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Proof:
        leaves = [self.leaf(key) for key in leaf_keys(statement, [quota.id for quota in quotas])]
        return Proof(checkpoint or self.checkpoint(), "kouan/proof/1", list(handovers), leaves, statement)

    def available(self, quota: Quota, amount: int) -> Proof:
        return self.prove(AvailableStatement(amount, quota.id))

    def not_financed(self, quota_id: str) -> Proof:
        return self.prove(NotFinancedStatement(quota_id))

    def financed(self, name: str, *quotas: Quota) -> Proof:
        return self.prove(FinancedStatement(id16(name)), quotas)

    def record(self, key: str) -> Proof:
        return self.prove(RecordStatement(key))


def handover(index: int, **changes: Any) -> Handover:
    """The change from operator-<index> to operator-<index + 1>, at height 10 × (index + 1)."""
    fields: dict[str, Any] = {
        "alliance": ALLIANCE,
        "from_height": 10 * (index + 1),
        "incarnation": 0,
        "index": index,
        "public": public(f"operator-{index + 1}"),
        "signature": "",
    }
    signer = changes.pop("signer", f"operator-{index}")
    return sign_handover(secret(signer), Handover(**(fields | changes)))
