"""Making a proof file: a claim about one quota or one loan, the leaves behind it, and the checkpoint they lead to.

What is made is verified here before it is handed out, in the way in which its reader will: a proof that does not prove
its claim must not leave the house.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from kouan.client.verifier import Verdict, verify_proof
from kouan.engines.port import Engine, Proven
from kouan.kernel.encoding import encode
from kouan.kernel.proof import (
    NETWORK_PROOF_FORMAT,
    PROOF_FORMAT,
    AnyProof,
    AvailableStatement,
    Checkpoint,
    FinancedStatement,
    NetworkProof,
    NotFinancedStatement,
    Proof,
    RecordStatement,
    Statement,
    leaf_keys,
    read_proof,
)
from kouan.kernel.quota import available, key_of
from kouan.kernel.records import Quota
from kouan.kernel.state import decoder
from kouan.modules.financing.records import Financing
from kouan.modules.financing.rules import financing_key

QR_PREFIX = "KOUAN1"
ALLIANCE_CHARACTERS = 8

QuotaClaim = Literal["available", "not-financed", "record"]
LoanClaim = Literal["financed", "record"]


class Made(NamedTuple):
    """A proof file with what it proves."""

    proof: bytes
    verdict: Verdict
    """In archival mode, by the port's own trust file. Do not hand a proof out that is not proven."""


def prove_quota(engine: Engine, trust: bytes, quota: str, claim: QuotaClaim) -> Made:
    """Return a proof about a quota, by its id: what of it is free now, that nothing of it is financed, or its record.

    Raises ValueError when its free amount is asked and there is no such quota.
    """
    proven = engine.prove([key_of(quota)])
    statement: Statement = RecordStatement(key_of(quota))
    if claim == "not-financed":
        statement = NotFinancedStatement(quota)
    elif claim == "available":
        if proven.leaves[0].value is None:
            raise ValueError(f"quota: the ledger has none with the id {quota}; check number and currency")
        record = msgspec.convert(proven.leaves[0].value, Quota)
        statement = AvailableStatement(available(record, proven.checkpoint.time_ms), quota)
    return _made(proven, statement, trust)


def prove_loan(engine: Engine, trust: bytes, financing: str, claim: LoanClaim) -> Made:
    """Return a proof about a loan, by its full id: what of it is paid out and owed, or its record.

    Raises ValueError when the former is asked and there is no such loan.
    """
    if claim == "record":
        statement: Statement = RecordStatement(financing_key(financing))
        return _made(engine.prove(leaf_keys(statement)), statement, trust)
    found = engine.query([financing_key(financing)])
    if found.values[0] is None:
        raise ValueError(f"loan: the ledger has none with the id {financing}; check the id")
    loan: Financing = decoder(Financing).decode(found.values[0])
    statement = FinancedStatement(financing)
    keys = leaf_keys(statement, [allocation.quota for allocation in loan.allocations])
    return _made(engine.prove(keys, found.height), statement, trust)


def qr_text(proof: bytes, verdict: Verdict) -> str:
    """Return what a paper's QR code says of a proof: ``KOUAN1:alliance:height:kind:subject:fingerprint``.

    ``alliance``: the first eight characters of its id; ``kind`` and ``subject``: of the statement; ``fingerprint``: the
    hash of the proof file, by which whoever has the file can tell that it is the one. The code proves nothing itself.
    """
    checkpoint = read_proof(proof).checkpoint
    alliance = checkpoint.alliance[:ALLIANCE_CHARACTERS]
    parts = (alliance, str(checkpoint.height), kind_of(verdict.statement), subject_of(verdict.statement))
    return ":".join((QR_PREFIX, *parts, verdict.fingerprint))


def subject_of(statement: Statement) -> str:
    """Return what a statement is about: a quota's or a loan's id, or a record's key."""
    match statement:
        case RecordStatement(key=key):
            return key
        case FinancedStatement(financing=financing):
            return financing
        case AvailableStatement(quota=quota) | NotFinancedStatement(quota=quota):
            return quota


def kind_of(statement: Statement) -> str:
    """Return the kind of a statement as it stands in the proof file."""
    return str(statement.__struct_config__.tag)


def proof_of(proven: Proven, statement: Statement) -> AnyProof:
    """Return the proof file of a statement, in the format of whoever runs the ledger."""
    checkpoint = proven.checkpoint
    if isinstance(checkpoint, Checkpoint):
        return Proof(checkpoint, PROOF_FORMAT, proven.handovers, proven.leaves, statement)
    return NetworkProof(checkpoint, NETWORK_PROOF_FORMAT, proven.leaves, statement)


def _made(proven: Proven, statement: Statement, trust: bytes) -> Made:
    proof = encode(proof_of(proven, statement))
    return Made(proof, verify_proof(proof, trust, now_ms=None))
