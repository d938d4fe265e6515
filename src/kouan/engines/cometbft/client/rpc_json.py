"""What CometBFT's JSON-RPC answers, as records: headers and commits, blocks, what the application answers.

Its JSON has 64-bit numbers as texts, hashes in hex, everything else in base64. A ValueError says that an answer is not
of its shape; what it says is judged elsewhere.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from kouan.engines.cometbft.client.evidence_json import evidence
from kouan.engines.cometbft.client.rpc import Call
from kouan.kernel.encoding import to_text
from kouan.kernel.execution import Evidence
from kouan.kernel.headers import BlockId, Commit, CommitSignature, Header, SignedHeader, Time, Version

_HEX: Final = Meta(pattern=r"^(?:[0-9A-Fa-f]{2})*\Z")
_DIGITS: Final = Meta(pattern=r"^[0-9]{1,19}\Z")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_ABSENT, _FOR_BLOCK, _FOR_NIL = 1, 2, 3  # BlockIDFlag
Hex = Annotated[str, _HEX]
Digits = Annotated[str, _DIGITS]
T = TypeVar("T")


class QueryRefusedError(ValueError):
    """The application refuses a question; ``code`` is one of `kouan.engines.cometbft.answers`."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(f"it refuses the question: {problem or code}")
        self.code = code


class _Parts(msgspec.Struct):
    total: int
    hash: Hex


class _BlockId(msgspec.Struct):
    hash: Hex
    parts: _Parts

    def record(self) -> BlockId:
        return BlockId(hash=_text(self.hash), parts_hash=_text(self.parts.hash), parts_total=self.parts.total)


class _Version(msgspec.Struct):
    block: Digits
    app: Digits = "0"


class _Header(msgspec.Struct):
    app_hash: Hex
    chain_id: str
    consensus_hash: Hex
    data_hash: Hex
    evidence_hash: Hex
    height: Digits
    last_block_id: _BlockId
    last_commit_hash: Hex
    last_results_hash: Hex
    next_validators_hash: Hex
    proposer_address: Hex
    time: str
    validators_hash: Hex
    version: _Version

    def record(self) -> Header:
        return Header(
            app_hash=_text(self.app_hash),
            chain_id=self.chain_id,
            consensus_hash=_text(self.consensus_hash),
            data_hash=_text(self.data_hash),
            evidence_hash=_text(self.evidence_hash),
            height=int(self.height),
            last_block_id=self.last_block_id.record(),
            last_commit_hash=_text(self.last_commit_hash),
            last_results_hash=_text(self.last_results_hash),
            next_validators_hash=_text(self.next_validators_hash),
            proposer_address=_text(self.proposer_address),
            time=_time(self.time),
            validators_hash=_text(self.validators_hash),
            version=Version(app=int(self.version.app), block=int(self.version.block)),
        )


class _Vote(msgspec.Struct):
    block_id_flag: int
    validator_address: Hex
    timestamp: str
    signature: str | None

    def record(self) -> CommitSignature | None:
        if self.block_id_flag == _ABSENT:
            return None
        if self.block_id_flag not in {_FOR_BLOCK, _FOR_NIL}:
            raise ValueError(f"a vote has the flag {self.block_id_flag}")
        return CommitSignature(
            address=_text(self.validator_address),
            for_block=self.block_id_flag == _FOR_BLOCK,
            signature=to_text(from_base64(self.signature or "")),
            time=_time(self.timestamp),
        )


class _Commit(msgspec.Struct):
    block_id: _BlockId
    height: Digits
    round: int
    signatures: list[_Vote]

    def record(self) -> Commit:
        votes = [vote.record() for vote in self.signatures]
        return Commit(block_id=self.block_id.record(), height=int(self.height), round=self.round, signatures=votes)


class _Signed(msgspec.Struct):
    commit: _Commit
    header: _Header


class _CommitAnswer(msgspec.Struct):
    signed_header: _Signed


class _HeaderAnswer(msgspec.Struct):
    header: _Header


class _Data(msgspec.Struct):
    txs: list[str] | None = None


class _Evidence(msgspec.Struct):
    evidence: list[Any] | None = None


class _Block(msgspec.Struct):
    header: _Header
    data: _Data = msgspec.field(default_factory=_Data)
    evidence: _Evidence = msgspec.field(default_factory=_Evidence)


class _BlockResult(msgspec.Struct):
    block: _Block


class BlockJson(NamedTuple):
    """A block as a node tells it."""

    header: Header
    envelopes: list[bytes]
    evidence: tuple[Evidence, ...]
    evidence_hash: bytes
    """Of the evidence as it is told; the header's is to be the same."""


class _Meta(msgspec.Struct):
    header: _Header


class _Blockchain(msgspec.Struct):
    block_metas: list[_Meta]


class _TxResult(msgspec.Struct):
    data: str | None = None


class _Results(msgspec.Struct):
    txs_results: list[_TxResult] | None = None


class _Response(msgspec.Struct):
    code: int = 0
    log: str = ""
    value: str | None = None


class _QueryAnswer(msgspec.Struct):
    response: _Response


class _Taken(msgspec.Struct):
    code: int
    log: str = ""


def query(path: str, data: bytes) -> Call:
    """Return the call that asks the application."""
    return Call("abci_query", {"path": path, "data": data.hex()})


def broadcast(envelope: bytes) -> Call:
    """Return the call that hands an envelope in and waits for the node's first look at it."""
    return Call("broadcast_tx_sync", {"tx": b64encode(envelope).decode()})


def at(method: str, height: int) -> Call:
    """Return the call that asks something of a height."""
    return Call(method, {"height": str(height)})


def value_of(result: Any) -> bytes:
    """Return what the application answered; raises ValueError, also (QueryRefusedError) when it refused to."""
    response = _read(result, _QueryAnswer).response
    if response.code:
        raise QueryRefusedError(response.code, response.log)
    return from_base64(response.value or "")


def verdict_of(result: Any) -> int:
    """Return the code with which a node took (0) or refused an envelope."""
    return _read(result, _Taken).code


def signed_header(result: Any) -> SignedHeader:
    """Return what ``commit`` answered."""
    signed = _read(result, _CommitAnswer).signed_header
    return _checked(SignedHeader(commit=signed.commit.record(), header=signed.header.record()))


def header(result: Any) -> Header:
    """Return what ``header`` answered."""
    return _checked(_read(result, _HeaderAnswer).header.record())


def headers(result: Any) -> list[Header]:
    """Return what ``blockchain`` answered, lowest first."""
    return [_checked(meta.header.record()) for meta in reversed(_read(result, _Blockchain).block_metas)]


def block(result: Any) -> BlockJson:
    """Return what ``block`` answered."""
    found = _read(result, _BlockResult).block
    envelopes = [from_base64(text) for text in found.data.txs or []]
    told = evidence(found.evidence.evidence or [])
    return BlockJson(_checked(found.header.record()), envelopes, told.records, told.hash)


def receipts(result: Any) -> list[bytes]:
    """Return the receipts that ``block_results`` answered."""
    return [from_base64(one.data or "") for one in _read(result, _Results).txs_results or []]


def result_bytes(receipt: bytes) -> bytes:
    """Return what CometBFT hashes of an envelope's result: the protobuf of a code 0, left out, and the receipt."""
    if not receipt:
        return b""
    size, length = len(receipt), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([0x12, *length, size]) + receipt


def from_base64(text: str) -> bytes:
    """Return the bytes of a base64 text; raises ValueError."""
    try:
        return b64decode(text, validate=True)
    except Base64Error as problem:
        raise ValueError(f"not base64: {text[:40]!r} ({problem})") from None


def _read(result: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(result, kind)
    except msgspec.ValidationError as problem:
        raise ValueError(str(problem)) from None


def _checked(record: T) -> T:
    """Return a record whose fields are within their bounds."""
    return _read(msgspec.to_builtins(record), type(record))


def _text(hexadecimal: str) -> str:
    return to_text(bytes.fromhex(hexadecimal))


def _time(text: str) -> Time:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"not a time: {text[:40]!r}")
    moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return Time(nanos=int((found[2] or "0").ljust(9, "0")), seconds=int(moment.timestamp()))
