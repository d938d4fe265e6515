"""``execute_block``: from a pre-state and a block to a difference, receipts and roots.

The same function under every engine. It reads the pre-state, writes overlays and returns the difference; the engine
commits it, once, atomically. Bad input is a receipt with a number, never an exception; an exception is a broken
invariant and stops the node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from kouan.kernel.admitting import Letter, claims_of, envelope_claim, out_of_place, read_envelope, signer_of
from kouan.kernel.encoding import encode
from kouan.kernel.envelope import envelope_id, use_number, window_key
from kouan.kernel.records import Member, Window
from kouan.kernel.registry import Claim, Command, Context, Registry, Verifier, protocol_at, verify_in_turn
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import PreState, State
from kouan.kernel.suites import digest
from kouan.kernel.tree import TreeChange, leaf_hash, path_of

ENVELOPES_PER_BLOCK: Final = "envelopes_per_member_and_block"
NO_RECEIPTS: Final = digest("kouan/receipts/1")
PLACE_BITS: Final = 24
Reading = Callable[[bytes, Registry], Letter | None]


class TooOldError(Exception):
    """The block is to be executed by a protocol version that this software does not know; the text says what to do."""


class Evidence(NamedTuple):
    """Proof, checked by the consensus engine, that a validator broke the rules of consensus."""

    address: bytes
    """Of the validator's key: the first 20 bytes of SHA-256 over it."""
    height: int
    """Of the block about which it signed two things."""
    kind: str
    """duplicate-vote or light-client-attack."""
    power: int
    """What it had at that height."""
    time_ms: int
    """Block time of that height."""


class Block(NamedTuple):
    """What is executed: nothing else enters, so any engine can replay any other's blocks."""

    alliance: str
    height: int
    time_ms: int
    envelopes: list[bytes]
    skipped: frozenset[str] = frozenset()
    """Ids of envelopes that two thirds of the operators agreed not to execute."""
    evidence: tuple[Evidence, ...] = ()


class Write(NamedTuple):
    """One record of the difference."""

    key: str
    path: bytes
    value: bytes
    place: int
    """height << 24 | ordinal within the block: where the store keeps this version of the value."""


class BlockOutcome(NamedTuple):
    """The difference a block makes."""

    writes: list[Write]
    tree: TreeChange
    receipts: list[bytes]
    """For each envelope its receipt, canonical JSON."""
    state_root: bytes
    receipts_root: bytes
    app_hash: bytes


def app_hash(state_root: bytes, receipts_root: bytes) -> bytes:
    """Return what the ledger's runners agree on after a block."""
    return digest("kouan/app/1", state_root, receipts_root)


def receipts_root(receipts: list[bytes]) -> bytes:
    """Return the hash over a block's receipts, each by its own hash, in order."""
    return digest("kouan/receipts/1", *(digest("kouan/receipt/1", receipt) for receipt in receipts))


def execute_block(
    pre: PreState,
    block: Block,
    registry: Registry,
    verify_many: Verifier = verify_in_turn,
    read: Reading = read_envelope,
) -> BlockOutcome:
    """Execute a block on a pre-state.

    ``verify_many`` may check signatures in any way (threads, a cache) as long as its answers are those of
    `kouan.kernel.suites.verify`; ``read`` may remember what it read as long as it answers as
    `kouan.kernel.admitting.read_envelope` does. Raises TooOldError, before anything else, for a block of a later
    protocol version.
    """
    state = State(pre)
    _check_protocol(state, block, registry)
    if block.evidence and registry.begin is not None:
        registry.begin(state, block)
        state.keep()
    letters = [_read(raw, block, read, registry) for raw in block.envelopes]
    checked = _check_ahead(state, letters, registry, verify_many)
    sent: dict[str, int] = {}
    receipts: list[bytes] = []
    for raw, letter in zip(block.envelopes, letters, strict=True):
        code, results = _execute_envelope(state, block, letter, registry, checked, sent)
        receipts.append(encode({"code": code, "envelope": envelope_id(raw), "results": results}))
    return _outcome(pre, block.height, state.writes(), receipts)


def _check_ahead(
    state: State, letters: list[Letter | Rejection], registry: Registry, verify_many: Verifier
) -> dict[Claim, bool]:
    """Return the signatures that the block will ask for, as far as the pre-state tells, with whether they hold."""
    checked: dict[Claim, bool] = {}
    unknown: dict[Claim, None] = {}
    for letter in letters:
        if isinstance(letter, Rejection):
            continue
        if letter.checked:
            checked.update(letter.checked)
        else:
            unknown.update(dict.fromkeys(claims_of(state, letter, registry)))
    claims = list(unknown)
    checked.update(zip(claims, verify_many(claims), strict=True))
    return checked


def found(pre: PreState, records: list[tuple[str, bytes]]) -> BlockOutcome:
    """Return the difference from nothing to the state that a founding document describes, at height 0."""
    return _outcome(pre, 0, records, [])


def _outcome(pre: PreState, height: int, written: list[tuple[str, bytes]], receipts: list[bytes]) -> BlockOutcome:
    writes = [
        Write(key, path_of(key), value, height << PLACE_BITS | ordinal) for ordinal, (key, value) in enumerate(written)
    ]
    change = pre.tree.change({write.path: (leaf_hash(write.path, write.value), write.place) for write in writes})
    receipts_hash = receipts_root(receipts) if receipts else NO_RECEIPTS
    return BlockOutcome(writes, change, receipts, change.root, receipts_hash, app_hash(change.root, receipts_hash))


def _check_protocol(state: State, block: Block, registry: Registry) -> None:
    version = protocol_at(state, block.height)
    if version > registry.protocol:
        raise TooOldError(
            f"block {block.height} is to be executed by protocol version {version}, and this Kouan knows versions up "
            f"to {registry.protocol}. Nothing of the block was written: install the Kouan that the members agreed on, "
            "and start again"
        )


def _read(raw: bytes, block: Block, read: Reading, registry: Registry) -> Letter | Rejection:
    if block.skipped and envelope_id(raw) in block.skipped:
        return Rejection.ENVELOPE_SKIPPED
    letter = read(raw, registry)
    if letter is None:
        return Rejection.ENVELOPE_MALFORMED
    return out_of_place(letter, block.alliance, block.time_ms) or letter


def _execute_envelope(  # what a block and one of its envelopes bring
    state: State,
    block: Block,
    letter: Letter | Rejection,
    registry: Registry,
    checked: dict[Claim, bool],
    sent: dict[str, int],
) -> tuple[int, list[dict[str, Any]]]:
    if isinstance(letter, Rejection):
        return letter, []
    context = _admit(state, block, letter, registry, checked, sent)
    if isinstance(context, Rejection):
        return context, []
    together = letter.mode == "all"
    refusals: list[Refusal | None] = []
    for kind, record in letter.commands:
        refusal = _execute_command(context, kind, record, registry)
        refusals.append(refusal)
        if together:
            if refusal is not None:
                break
        elif refusal is None:
            state.keep()
        else:
            state.drop()
    if together:
        if refusals[-1] is None:
            state.keep()
        else:
            state.drop()
            guilty, refusal = len(refusals) - 1, refusals[-1]
            refusals = [Refusal(Rejection.COMMAND_FELL_WITH_OTHERS) for _ in letter.commands]
            refusals[guilty] = refusal
    return 0, [_result(refusal) for refusal in refusals]


def _result(refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return {"code": 0}
    return {"at": refusal.at, "code": refusal.code} if refusal.at else {"code": refusal.code}


def _admit(  # as above
    state: State, block: Block, letter: Letter, registry: Registry, checked: dict[Claim, bool], sent: dict[str, int]
) -> Context | Rejection:
    """Check who signed and whether the number is new; what passes has used its number up."""
    member = signer_of(state, letter)
    if isinstance(member, Rejection):
        return member
    claim = envelope_claim(letter, member)
    signed = checked.get(claim)
    if not (verify_in_turn([claim])[0] if signed is None else signed):
        return Rejection.ENVELOPE_BAD_SIGNATURE
    key = window_key(letter.member, letter.key)
    window = use_number(state.read(Window, key), letter.number)
    if window is None:
        return Rejection.ENVELOPE_REPLAYED
    context = Context(
        state, block.alliance, block.height, block.time_ms, member, letter.key, checked, registry.parameters
    )
    sent[letter.member] = sent.get(letter.member, 0) + 1
    if sent[letter.member] > context.parameter(ENVELOPES_PER_BLOCK):
        return Rejection.ENVELOPE_OVER_BOUND
    state.write(key, window)
    state.keep()
    return context


def _execute_command(context: Context, kind: str, record: Any, registry: Registry) -> Refusal | None:
    command = registry.commands.get(kind)
    if command is None:
        return Refusal(Rejection.COMMAND_UNKNOWN, kind[:64])
    if protocol_at(context.state, context.height) < command.since:
        return Refusal(Rejection.COMMAND_NOT_ACTIVE)
    if record is None:
        return Refusal(Rejection.COMMAND_MALFORMED)
    context.member = _sender(context)
    barred = _barred(context, command)
    return command.handle(context, record) if barred is None else barred


def _barred(context: Context, command: Command) -> Refusal | None:
    """Tell why the sender may not send this, as it stands now: an earlier command of its envelope counts already."""
    if command.roles and command.roles.isdisjoint(context.member.roles):
        return Refusal(Rejection.ROLE_NOT_PERMITTED)
    if command.starts and context.member.suspended:
        return Refusal(Rejection.MEMBER_SUSPENDED)
    if context.member.keys[context.key].revoked_ms:
        return Refusal(Rejection.SIGNING_KEY_REVOKED)
    return None


def _sender(context: Context) -> Member:
    member = context.state.read(Member, f"member/{context.member.id}")
    if member is None:
        raise AssertionError(f"the member {context.member.id} is gone, and members stay for ever")
    return member
