"""The offline verifier: what a proof file proves to somebody who has nothing but an alliance's trust file.

The procedure; `docs/reference/proof.md` explains it, and `verifier/kouan-verify.js` follows the same numbers:

1. Read: proof and trust file are canonical JSON of at most 512 KiB each, a network's proof of at most 4 MiB.
2. Format: both have the fields of their formats and no others, each within its bounds.
3. Alliance: the checkpoint's alliance is the hash of the trust file's founding document.
4. Operator: starting with the founding operator, each handover is signed by the operator before it; the last one's
   key and incarnation are the checkpoint's. In a network, validators: starting with the founding set, each step leads
   to the next by the rules of `kouan.kernel.light`; archival, no set is left out.
5. Checkpoint: its signature holds. In a network: more than two thirds of the power reached in step 4 signed its
   header, which follows the block's own header and vouches for both roots.
6. Paths: each leaf leads to the checkpoint's state root.
7. Keys: the leaves are those that the statement is about, and no others.
8. Statement: it follows from the leaves' records, holds judged at the checkpoint's time.
9. Mode: live, the checkpoint is younger than the trust period by the verifier's clock; archival, no clock.

Files that fail steps 1 or 2 are unusable: that is an error, not a verdict. A statement that fails a later step is not
proven, which does not prove its contrary. What no proof can show, in either mode: that no later handover exists. The
key of an operator that was replaced can still sign a checkpoint of any state with the time of today, and so can
the keys of former validators together that had more than two thirds of the power.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from kouan.client.checkpoints import check_checkpoint
from kouan.client.failures import Failure, NotProvenError
from kouan.client.slip_kinds import wrong_file
from kouan.client.statements import Finding, follow
from kouan.kernel.encoding import EncodingError, from_text
from kouan.kernel.light import MAX_AHEAD_MS
from kouan.kernel.proof import (
    NETWORK_PROOF_FORMAT,
    PROOF_FORMAT,
    AnyProof,
    Checkpoint,
    LeafError,
    NetworkCheckpoint,
    Proof,
    Statement,
    check_leaf,
    fingerprint,
    read_proof,
)
from kouan.kernel.suites import SUITE
from kouan.modules.alliance.founding import AnyFounding, FoundingError
from kouan.modules.alliance.rules import TRUST_PERIOD
from kouan.modules.alliance.trust import read_trust_file

MAX_BYTES: Final = 512 * 1024
MAX_NETWORK_BYTES: Final = 4 * 1024 * 1024  # a network's proof carries the changes of its validators
_NETWORK: Final = f'"format":"{NETWORK_PROOF_FORMAT}"'.encode()
Mode = Literal["archival", "live"]


class UnusableError(ValueError):
    """A file cannot be judged at all: it is not what it should be. The text names the file and says why."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of a verification."""

    proven: bool
    mode: Mode
    statement: Statement
    """What the proof claims; true only if ``proven``."""
    en: str
    zh: str
    fingerprint: str
    """Hash of the proof file, for citing it."""
    custodial: bool = False
    """The draw key of a quota concerned is kept for its owner by a member."""
    failed_step: int | None = None
    failure: str | None = None
    """Name of the reason, as ``leaf-path``; the list stands in docs/reference/proof.md."""
    height: int | None = None
    """Of the checkpoint, once proven."""
    time_ms: int | None = None


def verify_proof(proof: bytes, trust: bytes, *, now_ms: int | None) -> Verdict:
    """Verify a proof file against a trust file.

    ``now_ms``: the verifier's clock (Unix time) for live mode; None for archival mode. Raises UnusableError.
    White space around either file is ignored.
    """
    founding = _read_trust(trust)  # steps 1 and 2
    shown = _read_proof(proof)  # steps 1 and 2
    mode: Mode = "archival" if now_ms is None else "live"
    name = fingerprint(proof.strip())
    try:
        finding = _check(shown, founding, now_ms)
    except NotProvenError as problem:
        step, (_, en, zh) = problem.step, problem.failure.value
        return Verdict(
            proven=False,
            mode=mode,
            statement=shown.statement,
            en=f"Not proven: step {step} failed: {en}. This does not prove the contrary. Mode: {mode}.",
            zh=f"未能证明:第 {step} 步未通过:{zh}。这并不证明相反的情况。核验方式:{_MODES_ZH[mode][0]}。",
            fingerprint=name,
            failed_step=step,
            failure=problem.failure.code,
        )
    checkpoint = shown.checkpoint
    return Verdict(
        proven=True,
        mode=mode,
        statement=shown.statement,
        en=_sentence_en(finding, checkpoint, mode),
        zh=_sentence_zh(finding, checkpoint, mode),
        fingerprint=name,
        custodial=finding.custodial,
        height=checkpoint.height,
        time_ms=checkpoint.time_ms,
    )


def _read_trust(data: bytes) -> AnyFounding:
    if len(data) > MAX_BYTES:
        raise UnusableError(f"trust file: it has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        founding = read_trust_file(data)
    except FoundingError as problem:
        raise UnusableError(f"trust file: {problem}") from None
    if founding.suite != SUITE:
        raise UnusableError(f"trust file: suite must be {SUITE}, the only one that this verifier knows")
    if founding.charter.get(TRUST_PERIOD, 0) <= 0:
        raise UnusableError(f"trust file: charter.{TRUST_PERIOD} must be there and above 0")
    return founding


def _read_proof(data: bytes) -> AnyProof:
    form, limit = (NETWORK_PROOF_FORMAT, MAX_NETWORK_BYTES) if _NETWORK in data else (PROOF_FORMAT, MAX_BYTES)
    if len(data) > limit:
        raise UnusableError(f"proof: it has {len(data)} bytes; at most {limit} are read")
    try:
        proof = read_proof(data.strip())
    except (EncodingError, msgspec.ValidationError) as problem:
        raise UnusableError(f"proof: the file {wrong_file(data, form, problem)}") from None
    if isinstance(proof, Proof) and len(data) > MAX_BYTES:
        raise UnusableError(f"proof: it has {len(data)} bytes; of {PROOF_FORMAT} at most {MAX_BYTES} are read")
    return proof


def _check(proof: AnyProof, founding: AnyFounding, now_ms: int | None) -> Finding:
    checkpoint = proof.checkpoint
    check_checkpoint(proof, founding, now_ms)  # steps 3 to 5
    root = from_text(checkpoint.state_root)
    try:
        for leaf in proof.leaves:  # step 6
            check_leaf(leaf, root)
    except LeafError:
        raise NotProvenError(Failure.LEAF_PATH) from None
    finding = follow(proof.statement, proof.leaves, checkpoint.time_ms)  # steps 7 and 8
    if now_ms is not None:  # step 9
        if checkpoint.time_ms > now_ms + MAX_AHEAD_MS:
            raise NotProvenError(Failure.FROM_THE_FUTURE)
        if checkpoint.time_ms <= now_ms - founding.charter[TRUST_PERIOD]:
            raise NotProvenError(Failure.TOO_OLD)
    return finding


_MODES_ZH: Final = {
    "live": ("实时", "检查点在信任期内"),
    "archival": ("存档", "对此后的高度不作说明"),
}
_MODES_EN: Final = {
    "live": "the checkpoint is within the trust period",
    "archival": "it says nothing about later heights",
}


def _sentence_en(finding: Finding, checkpoint: Checkpoint | NetworkCheckpoint, mode: Mode) -> str:
    custodial = " Custodial: a member keeps the draw key for its owner." if finding.custodial else ""
    return (
        f"Proven: {finding.en} on this ledger at height {checkpoint.height} ({_time(checkpoint)} UTC){finding.en_more}."
        f"{custodial} Mode: {mode}, {_MODES_EN[mode]}."
    )


def _sentence_zh(finding: Finding, checkpoint: Checkpoint | NetworkCheckpoint, mode: Mode) -> str:
    custodial = "代管:支用密钥由成员代所有人保管。" if finding.custodial else ""
    name, meaning = _MODES_ZH[mode]
    return (
        f"已证明:在本账本高度 {checkpoint.height}(UTC {_time(checkpoint)}),{finding.zh}{finding.zh_more}。"
        f"{custodial}核验方式:{name},{meaning}。"
    )


def _time(checkpoint: Checkpoint | NetworkCheckpoint) -> str:
    return datetime.fromtimestamp(checkpoint.time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
