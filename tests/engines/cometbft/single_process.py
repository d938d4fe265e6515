"""A network in one process: real headers and commits signed by test validators' keys, and nodes that may lie.

It answers what CometBFT's JSON-RPC would, behind the seam of `kouan.engines.cometbft.client.rpc.Node`. A block is
made when somebody looks for answers while envelopes wait, and an empty one after it, which vouches for it.
"""

from __future__ import annotations

import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from kouan import bootstrap
from kouan.engines.cometbft.answers import QUERY_NOT_KEPT, Answer, BlockAnswer, Records
from kouan.engines.cometbft.client.evidence_json import evidence
from kouan.engines.cometbft.client.rpc import Call, NodeError, RpcError, UnreachableError
from kouan.engines.cometbft.client.rpc_json import result_bytes
from kouan.engines.port import Status
from kouan.engines.store import Store, StoreError
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.execution import Block, app_hash, execute_block, found
from kouan.kernel.headers import (
    BlockId,
    Commit,
    CommitSignature,
    Header,
    SignedHeader,
    Time,
    ValidatorEntry,
    Version,
    header_hash,
    in_order,
    merkle_root,
    set_hash,
    sign_bytes,
)
from kouan.kernel.light import Step
from kouan.kernel.suites import public_key
from kouan.modules.alliance.founding import NetworkFounding, alliance_id, genesis

NOBODY: Final = BlockId(hash="", parts_hash="", parts_total=0)
Lie = Callable[[Call, Any], Any]
"""Given a call and its true result, the result that is told."""


class Made(msgspec.Struct):
    """A block of the network with all that belongs to it."""

    signed: SignedHeader
    envelopes: list[bytes]
    receipts: list[bytes] = []
    state_root: bytes = b""
    receipts_root: bytes = b""
    evidence: list[Any] = []
    """As CometBFT's JSON has it."""


class SingleProcess:
    """The network; its nodes are made by `node`."""

    def __init__(
        self, directory: Path, founding: NetworkFounding, seeds: dict[str, bytes], now_ms: Callable[[], int]
    ) -> None:
        """``seeds``: of the validators' consensus keys, by member."""
        self.founding = founding
        self.alliance = alliance_id(founding)
        self.now_ms = now_ms
        self.seeds = {public_key(seed): seed for seed in seeds.values()}
        self.validators = in_order([ValidatorEntry(one.power, one.public) for one in founding.validators.values()])
        self.next_validators = self.validators
        self.steps: list[Step] = []
        self.store = Store(directory, keep_versions=1000)
        self.registry = bootstrap.registry()
        outcome = found(self.store, genesis(founding))
        self.store.apply(0, outcome)
        self.roots = [(outcome.state_root, outcome.receipts_root)]
        self.blocks: list[Made] = []
        self.pool: dict[str, bytes] = {}
        self.evidence: list[Any] = []
        """What the next block brings, as CometBFT's JSON has it."""
        self.where: dict[str, Answer] = {}
        self.nodes: dict[str, TestNode] = {}
        self.is_halted = False
        self.lock = threading.Lock()
        self.make_block()

    @property
    def height(self) -> int:
        """Of the newest block."""
        return len(self.blocks)

    def node(self, url: str) -> TestNode:
        """Return the node of a URL, made on first use."""
        return self.nodes.setdefault(url, TestNode(self, url))

    def close(self) -> None:
        """Let the store go."""
        self.store.close()

    def change_validators(self, seeds: Sequence[tuple[bytes, int]]) -> None:
        """Let other keys (seed and power) decide from the block after the next on."""
        self.seeds.update({public_key(seed): seed for seed, _ in seeds})
        self.next_validators = in_order([ValidatorEntry(power, to_text(public_key(seed))) for seed, power in seeds])

    def make_block(self) -> None:
        """Decide and execute a block of what waits."""
        envelopes, self.pool = list(self.pool.values()), {}
        signed = self.sign(self.header(envelopes))
        self.add(signed, envelopes)

    def header(self, envelopes: Sequence[bytes], **changed: Any) -> Header:
        """Return the header of the next block; ``changed``: fields to put otherwise."""
        now_ms = self.now_ms()
        results = [result_bytes(receipt) for receipt in self.blocks[-1].receipts] if self.blocks else []
        header = Header(
            app_hash=to_text(app_hash(*self.roots[-1])),
            chain_id=self.alliance,
            consensus_hash=to_text(sha256(b"consensus").digest()),
            data_hash=to_text(merkle_root([sha256(raw).digest() for raw in envelopes])),
            evidence_hash=to_text(evidence(self.evidence).hash),
            height=self.height + 1,
            last_block_id=self.blocks[-1].signed.commit.block_id if self.blocks else NOBODY,
            last_commit_hash=to_text(sha256(b"commit").digest()),
            last_results_hash=to_text(merkle_root(results)),
            next_validators_hash=to_text(set_hash(self.next_validators)),
            proposer_address=to_text(self.validators[0].address),
            time=Time(nanos=now_ms % 1000 * 1_000_000 + 123, seconds=now_ms // 1000),
            validators_hash=to_text(set_hash(self.validators)),
            version=Version(app=1, block=11),
        )
        return replace(header, **changed)

    def sign(self, header: Header, silent: Sequence[int] = ()) -> SignedHeader:
        """Return a header with the votes of its validators but the ``silent`` ones, by their place."""
        block_id = BlockId(
            hash=to_text(header_hash(header)), parts_hash=to_text(sha256(b"parts").digest()), parts_total=1
        )
        votes = [
            None
            if place in silent
            else CommitSignature(
                address=to_text(entry.address), for_block=True, signature=to_text(bytes(64)), time=header.time
            )
            for place, entry in enumerate(self.validators)
        ]
        commit = Commit(block_id=block_id, height=header.height, round=0, signatures=votes)
        signatures = [
            None if vote is None else replace(vote, signature=self._signature(header.chain_id, commit, vote, entry))
            for vote, entry in zip(votes, self.validators, strict=True)
        ]
        return SignedHeader(commit=replace(commit, signatures=signatures), header=header)

    def _signature(self, chain_id: str, commit: Commit, vote: CommitSignature, entry: ValidatorEntry) -> str:
        _, secret = crypto_sign_seed_keypair(self.seeds[from_text(entry.public)])
        return to_text(bytes(crypto_sign(sign_bytes(chain_id, commit, vote), secret)[:64]))

    def add(self, signed: SignedHeader, envelopes: list[bytes]) -> None:
        """Execute a decided block."""
        header = signed.header
        pieces, self.evidence = self.evidence, []
        block = Block(self.alliance, header.height, header.time.ms, envelopes, evidence=evidence(pieces).records)
        outcome = execute_block(self.store, block, self.registry)
        self.store.apply(header.height, outcome)
        roots = outcome.state_root, outcome.receipts_root
        self.roots.append(roots)
        self.blocks.append(Made(signed, envelopes, outcome.receipts, *roots, pieces))
        for index, raw in enumerate(envelopes):
            self.where[envelope_id(raw)] = Answer(header.height, index)
        if self.next_validators != self.validators:
            self.steps.append(Step(next=self.next_validators, signed=signed, validators=None))
            self.validators = self.next_validators

    def check(self, raw: bytes) -> int:
        """Return what CheckTx would say: 0 or the rejection's number."""
        block = Block(self.alliance, self.height + 1, self.now_ms(), [raw])
        code: int = msgspec.json.decode(execute_block(self.store, block, self.registry).receipts[0])["code"]
        return code


class TestNode:
    """One node, with switches."""

    __test__ = False

    def __init__(self, network: SingleProcess, url: str) -> None:
        self.url = url
        self.network = network
        self.is_down = False
        self.dies_after_taking = False
        """Takes the next envelope and answers nothing any more."""
        self.lag = 0
        """By how many blocks it is behind."""
        self.lie: Lie | None = None
        self.refuses: int = 0
        """The code with which it refuses every envelope."""
        self.forgets_before = 0
        """The application keeps nothing of blocks below this height."""
        self.ignores = False
        """It takes envelopes, tells nobody, and denies that they are in blocks."""
        self.calls: list[Call] = []

    @property
    def height(self) -> int:
        return self.network.height - self.lag

    def call(self, method: str, **params: Any) -> Any:
        (result,) = self.call_many([Call(method, params)])
        if isinstance(result, NodeError):
            raise result
        return result

    def call_many(self, calls: Sequence[Call]) -> list[Any]:
        with self.network.lock:
            results = [self._told(call) for call in calls]
        if self.is_down:
            raise UnreachableError(self.url, "cannot be reached (down)", may_be_done=self.dies_after_taking)
        return results

    def close(self) -> None:
        """It holds nothing open."""

    def _told(self, call: Call) -> Any:
        if self.is_down:
            return None
        self.calls.append(call)
        try:
            result = getattr(self, f"_{call.method}")(**call.params)
        except KeyError as problem:
            return RpcError(self.url, str(problem.args[0]))
        return self.lie(call, result) if self.lie else result

    def _broadcast_tx_sync(self, tx: str) -> Any:
        raw = b64decode(tx)
        name = envelope_id(raw)
        if self.refuses:
            return {"code": self.refuses, "log": "refused"}
        if name in self.network.pool:
            raise KeyError("tx already exists in cache")
        code = self.network.check(raw)
        if code == 0 and not self.ignores:
            self.network.pool[name] = raw
        if self.dies_after_taking:
            self.is_down = True
        return {"code": code, "log": ""}

    def _abci_query(self, path: str, data: str) -> Any:
        asked = msgspec.msgpack.decode(bytes.fromhex(data))
        try:
            value = getattr(self, f"_query_{path}")(asked)
        except StoreError as problem:
            return {"response": {"code": QUERY_NOT_KEPT, "log": str(problem), "value": None}}
        return {"response": {"code": 0, "value": b64encode(msgspec.msgpack.encode(value)).decode()}}

    def _query_records(self, asked: tuple[list[str], int]) -> Records:
        keys, height = asked
        height = height or self.height - 1
        state, receipts = self.network.roots[height]
        return Records(height, receipts, state, [self.network.store.at(height).leaf(key) for key in keys])

    def _query_answers(self, asked: list[str]) -> list[Answer | None]:
        if self.network.pool and not self.network.is_halted:
            self.network.make_block()
            self.network.make_block()
        found = [self.network.where.get(name) for name in asked]
        return [None if one is None or one.height > self.height or self.ignores else one for one in found]

    def _query_block(self, height: int) -> BlockAnswer:
        if height < self.forgets_before:
            raise StoreError(f"nothing is kept of block {height}")
        if height > self.height:
            raise StoreError(f"nothing is kept of block {height}; the last is {self.height}")
        made = self._made(height)
        return BlockAnswer(height, made.signed.header.time.ms, made.state_root, made.receipts_root, made.receipts)

    def _query_changes(self, _asked: None) -> list[Step]:
        return self.network.steps

    def _query_status(self, _asked: None) -> Status:
        state, receipts = self.network.roots[self.height]
        header = self._made(self.height).signed.header
        root = to_text(app_hash(state, receipts))
        return Status(self.network.alliance, self.height, header.time.ms, root, to_text(state), 1, 0, 0)

    def _commit(self, height: str = "") -> Any:
        return {"canonical": True, "signed_header": signed_json(self._made(int(height or self.height)).signed)}

    def _header(self, height: str) -> Any:
        return {"header": header_json(self._made(int(height)).signed.header)}

    def _blockchain(self, minHeight: str, maxHeight: str) -> Any:  # noqa: N803  # CometBFT's names
        heights = range(int(maxHeight), int(minHeight) - 1, -1)
        return {"block_metas": [{"header": header_json(self._made(height).signed.header)} for height in heights]}

    def _block(self, height: str) -> Any:
        made = self._made(int(height))
        block = {
            "header": header_json(made.signed.header),
            "data": {"txs": [b64encode(raw).decode() for raw in made.envelopes]},
            "evidence": {"evidence": made.evidence},
        }
        return {"block": block}

    def _block_results(self, height: str) -> Any:
        made = self._made(int(height))
        return {"txs_results": [{"code": 0, "data": b64encode(one).decode()} for one in made.receipts] or None}

    def _made(self, height: int) -> Made:
        if height > self.height:
            text = f"height {height} must be less than or equal to the current blockchain height {self.height}"
            raise KeyError(text)
        return self.network.blocks[height - 1]


def signed_json(signed: SignedHeader) -> dict[str, Any]:
    """A signed header as CometBFT's JSON has it."""
    commit = signed.commit
    votes = [
        {"block_id_flag": 1, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z", "signature": None}
        if vote is None
        else {
            "block_id_flag": 2 if vote.for_block else 3,
            "validator_address": _hex(vote.address),
            "timestamp": _time_json(vote.time),
            "signature": b64encode(from_text(vote.signature)).decode(),
        }
        for vote in commit.signatures
    ]
    told = {
        "height": str(commit.height),
        "round": commit.round,
        "block_id": _block_id_json(commit.block_id),
        "signatures": votes,
    }
    return {"header": header_json(signed.header), "commit": told}


def header_json(header: Header) -> dict[str, Any]:
    """A header as CometBFT's JSON has it."""
    hashes = [name for name in header.__struct_fields__ if name.endswith(("_hash", "_address"))]
    return {
        **{name: _hex(getattr(header, name)) for name in hashes},
        "chain_id": header.chain_id,
        "height": str(header.height),
        "last_block_id": _block_id_json(header.last_block_id),
        "time": _time_json(header.time),
        "version": {"block": str(header.version.block), "app": str(header.version.app)},
    }


def _block_id_json(block_id: BlockId) -> dict[str, Any]:
    return {
        "hash": _hex(block_id.hash),
        "parts": {"total": block_id.parts_total, "hash": _hex(block_id.parts_hash)},
    }


def _hex(text: str) -> str:
    return from_text(text).hex().upper()


def _time_json(time: Time) -> str:
    second = datetime.fromtimestamp(time.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{second}.{time.nanos:09}".rstrip("0").rstrip(".") + "Z"
