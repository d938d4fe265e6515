"""What is shown to somebody outside: a signed checkpoint, leaves that lead to its state root, and a statement.

A proof file is the canonical JSON of a `Proof`, where one operator runs the ledger, or of a `NetworkProof`, where
validators do. This file holds their records and what can be checked of each of them alone; `kouan.client.verifier`
goes through a whole file, `docs/reference/proof.md` says the same for other languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from kouan.kernel.encoding import (
    Bytes16,
    Bytes32,
    Bytes64,
    Count,
    Moment,
    Positive,
    decode,
    encode,
    from_text,
    to_text,
)
from kouan.kernel.headers import Commit, Header
from kouan.kernel.light import Step
from kouan.kernel.quota import key_of
from kouan.kernel.records import Record
from kouan.kernel.suites import digest, public_key, sign, verify
from kouan.kernel.tree import EMPTY, INNER_KIND, Path, leaf_hash, path_of, root_from, value_hash

CHECKPOINT_TAG: Final = "kouan/checkpoint/1"
HANDOVER_TAG: Final = "kouan/handover/1"
PROOF_TAG: Final = "kouan/proof/1"  # of both formats, so that a file's name does not hang on what it is
PROOF_FORMAT: Final = "kouan/proof/1"
NETWORK_PROOF_FORMAT: Final = "kouan/proof/2"
MAX_STEPS: Final = 1_000
MAX_LEAVES: Final = 65  # a loan and its at most 64 quotas

Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/-]{1,128}\Z")]
QuotaId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\.[A-Z0-9]{3,8}\Z")]
Reference = Annotated[str, Meta(pattern=r"^(?:A[Q-Za-v][A-Za-z0-9_-]{42})?\Z")]
"""A subtree's 33-byte reference of kind 1 or 2; the empty text stands for that of kind 0."""


class Checkpoint(Record, frozen=True):
    """The state after a block, signed by who runs the ledger."""

    alliance: Bytes32
    """Hash of the founding document."""
    height: Count
    incarnation: Count
    """Raised when a restore lost a tail of the ledger."""
    operator: Bytes32
    """The public key that signed."""
    receipts_root: Bytes32
    signature: Bytes64
    """Tag ``kouan/checkpoint/1``, over the canonical JSON of the other fields."""
    state_root: Bytes32
    time_ms: Moment
    """The block's time."""


class Handover(Record, frozen=True):
    """From ``from_height`` on, another key or incarnation signs the checkpoints."""

    alliance: Bytes32
    from_height: Positive
    incarnation: Count
    index: Count
    """Handovers are counted from 0."""
    public: Bytes32
    """The new operator's key."""
    signature: Bytes64
    """By the previous operator's key, tag ``kouan/handover/1``, over the canonical JSON of the other fields."""


class NetworkCheckpoint(Record, frozen=True):
    """The state after a block of a network: the next block's header carries it, and validators decided that header."""

    alliance: Bytes32
    """Hash of the founding document; the chain's id."""
    commit: Commit
    """Of ``header``."""
    header: Header
    """Of the block after: its ``app_hash`` is that of the two roots."""
    previous: Header
    """Of the block itself."""
    receipts_root: Bytes32
    state_root: Bytes32
    steps: Annotated[list[Step], Meta(max_length=MAX_STEPS)]
    """From the founding's validators to those who decided ``header``."""

    @property
    def height(self) -> int:
        """The block's height."""
        return self.previous.height

    @property
    def time_ms(self) -> int:
        """The block's time, Unix time."""
        return self.previous.time.ms


class OtherLeaf(Record, frozen=True):
    """The one leaf of the subtree in which a key would stand: another key's, so this key is absent."""

    path: Bytes32
    value_hash: Bytes32


class Leaf(Record, frozen=True):
    """What the ledger holds at a key, with the way from there to the state root."""

    key: Key
    other: OtherLeaf | None
    siblings: Annotated[list[Reference], Meta(max_length=256)]
    """The references beside the way, from the root down."""
    value: dict[str, Any] | None
    """The record; null when there is none at this key."""


class RecordStatement(Record, frozen=True, tag_field="kind", tag="record"):
    """The ledger holds this record at a key, or none."""

    key: Key


class AvailableStatement(Record, frozen=True, tag_field="kind", tag="available"):
    """Just this amount of a quota is free."""

    amount: Count
    """Minor units of the quota's unit."""
    quota: QuotaId


class NotFinancedStatement(Record, frozen=True, tag_field="kind", tag="not-financed"):
    """Nothing of a quota is drawn or set aside, or there is no such quota."""

    quota: QuotaId


class FinancedStatement(Record, frozen=True, tag_field="kind", tag="financed"):
    """Something of a loan is paid out."""

    financing: Bytes16


Statement = RecordStatement | AvailableStatement | NotFinancedStatement | FinancedStatement


class Proof(Record, frozen=True):
    """A proof file."""

    checkpoint: Checkpoint
    format: Literal["kouan/proof/1"]
    handovers: Annotated[list[Handover], Meta(max_length=1_000)]
    """Every change of operator up to the checkpoint, in order."""
    leaves: Annotated[list[Leaf], Meta(min_length=1, max_length=MAX_LEAVES)]
    statement: Statement


class NetworkProof(Record, frozen=True):
    """A proof file of a ledger that validators run."""

    checkpoint: NetworkCheckpoint
    format: Literal["kouan/proof/2"]
    leaves: Annotated[list[Leaf], Meta(min_length=1, max_length=MAX_LEAVES)]
    statement: Statement


AnyProof = Proof | NetworkProof


class LeafError(ValueError):
    """A leaf does not prove what it says; the text says why."""


def read_proof(data: bytes) -> AnyProof:
    """Return what a proof file says, in the format that it names.

    Raises EncodingError or msgspec.ValidationError for bytes that are none. Nothing of what it says is checked.
    """
    plain = decode(data)
    is_network = isinstance(plain, dict) and plain.get("format") == NETWORK_PROOF_FORMAT
    return msgspec.convert(plain, NetworkProof) if is_network else msgspec.convert(plain, Proof)


def signed_part(record: Checkpoint | Handover) -> bytes:
    """Return what a checkpoint's or handover's signature covers: the canonical JSON of its other fields."""
    return encode({name: getattr(record, name) for name in record.__struct_fields__ if name != "signature"})


def make_checkpoint(  # the fields of a checkpoint, each by its name
    seed: bytes,
    *,
    alliance: str,
    height: int,
    incarnation: int,
    receipts_root: bytes,
    state_root: bytes,
    time_ms: int,
) -> Checkpoint:
    """Return a checkpoint signed with the operator's seed."""
    unsigned = Checkpoint(
        alliance=alliance,
        height=height,
        incarnation=incarnation,
        operator=to_text(public_key(seed)),
        receipts_root=to_text(receipts_root),
        signature="",
        state_root=to_text(state_root),
        time_ms=time_ms,
    )
    return msgspec.structs.replace(unsigned, signature=to_text(sign(seed, CHECKPOINT_TAG, signed_part(unsigned))))


def sign_handover(seed: bytes, unsigned: Handover) -> Handover:
    """Return the handover signed with the previous operator's seed."""
    return msgspec.structs.replace(unsigned, signature=to_text(sign(seed, HANDOVER_TAG, signed_part(unsigned))))


def is_checkpoint_signed(checkpoint: Checkpoint) -> bool:
    """Tell whether the signature is by the key that the checkpoint names. Whose key that is, is another question."""
    key, signature = from_text(checkpoint.operator), from_text(checkpoint.signature)
    return verify(key, CHECKPOINT_TAG, signed_part(checkpoint), signature)


def is_handover_signed(handover: Handover, previous: str) -> bool:
    """Tell whether the previous operator's key (base64url) signed the handover."""
    return verify(from_text(previous), HANDOVER_TAG, signed_part(handover), from_text(handover.signature))


def make_leaf(key: str, way: Path, value: bytes | None) -> Leaf:
    """Return the proof of what stands at a key.

    ``way``: what `kouan.kernel.tree.walk` returned for the key's path. ``value``: the canonical bytes of the record
    that ``way.entry`` points to, be it the key's own or another's; None when the way ends at no leaf.
    """
    if (way.entry is None) != (value is None):
        raise AssertionError(f"{key}: a way that ends at a leaf comes with that leaf's value, and no other way does")
    siblings = [to_text(ref) if ref != EMPTY else "" for ref in way.siblings]
    if way.entry is None or value is None:
        return Leaf(key, None, siblings, None)
    path = way.entry[:32]
    if way.entry[32:64] != leaf_hash(path, value):
        raise AssertionError(f"{key}: the value is not the one that the tree holds")
    if path == path_of(key):
        return Leaf(key, None, siblings, msgspec.json.decode(value))
    return Leaf(key, OtherLeaf(to_text(path), to_text(value_hash(value))), siblings, None)


def check_leaf(leaf: Leaf, state_root: bytes) -> None:
    """Check that the leaf leads to the state root; raises LeafError.

    Only ways that the tree itself would take are accepted: on the last step neither half of a subtree may stand for
    the whole, or a way could be made that passes an existing leaf by and proves its absence.
    """
    path = path_of(leaf.key)
    siblings = [from_text(text) if text else EMPTY for text in leaf.siblings]
    end = _end(leaf, path)
    if siblings and siblings[-1][0] != INNER_KIND and EMPTY in (end, siblings[-1]):
        raise LeafError("the way goes on below a subtree that holds a single leaf, or none")
    if root_from(path, siblings, end) != state_root:
        raise LeafError("the way does not lead to the state root")


def _end(leaf: Leaf, path: bytes) -> bytes:
    """Return the reference in which the way ends."""
    if leaf.value is not None:
        if leaf.other is not None:
            raise LeafError("a leaf has its own value or another leaf in its place, not both")
        return b"\1" + leaf_hash(path, encode(leaf.value))
    if leaf.other is None:
        return EMPTY
    other = from_text(leaf.other.path)
    shared = 256 - len(leaf.siblings)
    if other == path or int.from_bytes(other) >> shared != int.from_bytes(path) >> shared:
        raise LeafError("the other leaf does not stand where this key would")
    return b"\1" + digest("kouan/leaf/1", other, from_text(leaf.other.value_hash))


def leaf_keys(statement: Statement, quotas: Sequence[str] = ()) -> list[str]:
    """Return the keys whose leaves a statement rests on, in their order; ``quotas``: those that a loan stands on."""
    match statement:
        case RecordStatement(key=key):
            return [key]
        case AvailableStatement(quota=quota) | NotFinancedStatement(quota=quota):
            return [key_of(quota)]
        case FinancedStatement(financing=financing):
            return [f"financing/{financing}", *map(key_of, quotas)]


def fingerprint(proof: bytes) -> str:
    """Return the hash by which a proof file (its canonical bytes) is cited."""
    return to_text(digest(PROOF_TAG, proof))
