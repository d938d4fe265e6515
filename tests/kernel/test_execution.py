"""`execute_block` with two toy commands: what is admitted, in which order it is refused, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kouan.kernel.encoding import Bytes64, Code, Count, encode, from_text, to_text
from kouan.kernel.envelope import MAX_AHEAD_MS, Body, envelope_id, make
from kouan.kernel.execution import (
    ENVELOPES_PER_BLOCK,
    NO_RECEIPTS,
    PLACE_BITS,
    Block,
    BlockOutcome,
    Evidence,
    TooOldError,
    app_hash,
    execute_block,
    found,
    receipts_root,
)
from kouan.kernel.records import Charter, Key, Member, Protocol, Record, Window
from kouan.kernel.registry import CHARTER_KEY, Claim, Command, Context, Parameter, Registry, Verifier, verify_in_turn
from kouan.kernel.rejections import Refusal, Rejection
from kouan.kernel.state import State
from kouan.kernel.suites import SUITE, digest, public_key, sign, verify
from kouan.kernel.tree import Tree, leaf_hash, path_of

ALLIANCE: Final = to_text(digest("test/alliance"))
TIME_MS: Final = 1_000_000_000
BOUND: Final = 3
NOTE_SEED: Final = digest("test/seed", b"note")
NOTE_KEY: Final = to_text(public_key(NOTE_SEED))
NOTE_TAG: Final = "test/note/1"


class Note(Record, frozen=True):
    amount: Count


class Put(Record, frozen=True):
    """Add to a note, and refuse afterwards when it has grown above 100."""

    add: Count
    note: Code
    signature: Bytes64 | None = None


class Rekey(Record, frozen=True):
    """Give the signer's key another public half."""

    public: str


class Become(Record, frozen=True):
    """Change what the signing member is."""

    revoked_ms: Count
    roles: list[Code]
    suspended: bool


def put(ctx: Context, cmd: Put) -> Refusal | None:
    if cmd.note == "crash":
        raise AssertionError("broken invariant")
    note = ctx.state.read(Note, f"note/{cmd.note}") or Note(0)
    ctx.state.write(f"note/{cmd.note}", Note(note.amount + cmd.add))
    if note.amount + cmd.add > 100:
        return Refusal(Rejection.QUOTA_EXCEEDED, cmd.note)
    if cmd.signature is not None and not ctx.is_signed(NOTE_KEY, NOTE_TAG, cmd.note.encode(), cmd.signature):
        return Refusal(Rejection.DRAW_BAD_SIGNATURE)
    return None


def put_claims(_state: State, _alliance: str, _member: str, cmd: Put) -> Iterable[Claim]:
    if cmd.signature is not None:
        yield Claim(from_text(NOTE_KEY), NOTE_TAG, cmd.note.encode(), from_text(cmd.signature))


def rekey(ctx: Context, cmd: Rekey) -> Refusal | None:
    keys = {**ctx.member.keys, ctx.key: Key(0, cmd.public, 0, SUITE)}
    ctx.state.write(f"member/{ctx.member.id}", replace(ctx.member, keys=keys))
    return None


def become(ctx: Context, cmd: Become) -> Refusal | None:
    keys = {**ctx.member.keys, ctx.key: replace(ctx.member.keys[ctx.key], revoked_ms=cmd.revoked_ms)}
    ctx.state.write(f"member/{ctx.member.id}", replace(ctx.member, keys=keys, roles=cmd.roles, suspended=cmd.suspended))
    return None


REGISTRY: Final = Registry(
    [
        Command("toy.become/1", Become, become, frozenset(), starts=False),
        Command("toy.put/1", Put, put, frozenset(), starts=True, claims=put_claims),
        Command("toy.put/2", Put, put, frozenset({"customs"}), starts=True, since=2),
        Command("toy.rekey/1", Rekey, rekey, frozenset(), starts=False),
    ],
    [],
    protocol=2,
)


def seed_of(signer: str) -> bytes:
    return digest("test/seed", signer.encode())


def key_of(signer: str, revoked_ms: int = 0, suite: str = SUITE) -> Key:
    return Key(0, to_text(public_key(seed_of(signer))), revoked_ms, suite)


def member(name: str, *, suspended: bool = False) -> Member:
    keys = {
        "main": key_of(f"{name}/main"),
        "other-suite": key_of(f"{name}/other-suite", suite="sm2-sm3-sm4"),
        "revoked": key_of(f"{name}/revoked", revoked_ms=1),
        "second": key_of(f"{name}/second"),
    }
    return Member(name, keys, ["bank"], to_text(bytes(32)), suspended)


class Memory:
    """A pre-state in memory that takes outcomes in."""

    def __init__(self) -> None:
        self.tree = Tree(4)
        self.values: dict[str, bytes] = {}
        records: list[tuple[str, Record]] = [
            (CHARTER_KEY, Charter({ENVELOPES_PER_BLOCK: BOUND}, 0)),
            *((f"member/{name}", member(name)) for name in ("bank-a", "bank-b")),
            ("member/idle", member("idle", suspended=True)),
            ("protocol", Protocol(before=1, from_height=10, version=2)),
            ("window/bank-a/main", Window(highest=7, seen=f"{1:064x}")),
        ]
        self.commit(found(self, [(key, encode(record)) for key, record in records]))

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def commit(self, outcome: BlockOutcome) -> None:
        self.tree.apply(outcome.tree)
        self.values |= {write.key: write.value for write in outcome.writes}
        assert self.tree.root == outcome.state_root


def envelope(*commands: dict[str, Any], seed: bytes | None = None, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "alliance": ALLIANCE,
        "commands": list(commands or (PUT,)),
        "expires_ms": TIME_MS + 1,
        "mode": "each",
        "number": 8,
        "signer": "bank-a/main",
    }
    body = Body(**(fields | changes))
    return make(body, seed or seed_of(body.signer))


def block(*envelopes: bytes, height: int = 1, time_ms: int = TIME_MS, skipped: Iterable[str] = ()) -> Block:
    return Block(ALLIANCE, height, time_ms, list(envelopes), frozenset(skipped))


def receipts(outcome: BlockOutcome) -> list[dict[str, Any]]:
    return [json.loads(receipt) for receipt in outcome.receipts]


def results(outcome: BlockOutcome, at: int = -1) -> list[int]:
    return [result["code"] for result in receipts(outcome)[at]["results"]]


def written(outcome: BlockOutcome) -> dict[str, bytes]:
    return {write.key: write.value for write in outcome.writes}


PUT: Final[dict[str, Any]] = {"add": 60, "note": "n", "type": "toy.put/1"}
REFUSED: Final[dict[str, Any]] = {"add": 101, "note": "big", "type": "toy.put/1"}


# Envelopes: the table is the order of precedence.

FAULTS: Final[list[tuple[Rejection, dict[str, Any]]]] = [
    (Rejection.ENVELOPE_SKIPPED, {"skip": True}),
    (Rejection.ENVELOPE_MALFORMED, {"number": 0}),
    (Rejection.ENVELOPE_WRONG_ALLIANCE, {"alliance": to_text(bytes(32))}),
    (Rejection.ENVELOPE_EXPIRED, {"expires_ms": TIME_MS}),
    (Rejection.ENVELOPE_EXPIRY_TOO_FAR, {"expires_ms": TIME_MS + MAX_AHEAD_MS + 1}),
    (Rejection.ENVELOPE_UNKNOWN_SIGNER, {"signer": "bank-a/nobody"}),
    (Rejection.ENVELOPE_REVOKED_KEY, {"signer": "bank-a/revoked"}),
    (Rejection.ENVELOPE_BAD_SIGNATURE, {"seed": bytes(32)}),
    (Rejection.ENVELOPE_REPLAYED, {"number": 7}),
    (Rejection.ENVELOPE_OVER_BOUND, {"before": BOUND}),
]


def code_of(faults: dict[str, Any]) -> tuple[int, dict[str, bytes]]:
    """Return the code of an envelope with these faults, and what it left behind."""
    faults = dict(faults)
    before = [envelope(signer="bank-a/second", number=n + 1) for n in range(faults.pop("before", 0))]
    skip = faults.pop("skip", False)
    raw = envelope(**faults)
    alone = execute_block(Memory(), block(*before), REGISTRY)
    outcome = execute_block(Memory(), block(*before, raw, skipped=[envelope_id(raw)] if skip else []), REGISTRY)
    receipt = receipts(outcome)[-1]
    assert receipt["envelope"] == envelope_id(raw)
    if receipt["code"]:
        assert receipt["results"] == []
        assert written(outcome) == written(alone)
        assert outcome.state_root == alone.state_root
    return receipt["code"], written(outcome)


def test_the_table_is_the_whole_group_in_order() -> None:
    """Every rejection of an envelope has a row, in the order of the numbers; without a fault it is accepted."""
    assert [code for code, _ in FAULTS] == [code for code in Rejection if code < 20]
    code, writes = code_of({})
    assert code == 0
    assert writes["note/n"] == encode(Note(60))


@pytest.mark.parametrize(("code", "fault"), FAULTS, ids=lambda value: getattr(value, "name", ""))
def test_each_fault_alone_is_refused_and_leaves_nothing_but_its_receipt(code: Rejection, fault: dict[str, Any]) -> None:
    """A refused envelope writes nothing, not even its number."""
    assert code_of(fault)[0] == code


@pytest.mark.parametrize("first", range(len(FAULTS)), ids=lambda at: FAULTS[at][0].name)
def test_of_several_faults_the_first_in_the_table_is_told(first: int) -> None:
    """With a fault and each later one, and with all later ones together, the earlier is the answer."""
    code, fault = FAULTS[first]
    later = [other for _, other in FAULTS[first + 1 :]]
    together: dict[str, Any] = {}
    for other in reversed(later):
        together |= other
    for others in [*later, together]:
        assert code_of(others | fault)[0] == code


@pytest.mark.parametrize("signer", ["nobody/main", "bank-a/nobody", "bank-a/other-suite"])
def test_a_signer_is_known_by_member_key_and_suite(signer: str) -> None:
    """No such member, no such key, or a key for another algorithm: the signature is not looked at."""
    assert code_of({"signer": signer})[0] == Rejection.ENVELOPE_UNKNOWN_SIGNER


@pytest.mark.parametrize("ahead_ms", [1, MAX_AHEAD_MS])
def test_the_bounds_of_expiry_are_inside(ahead_ms: int) -> None:
    """One millisecond ahead and just 24 h ahead are accepted."""
    assert code_of({"expires_ms": TIME_MS + ahead_ms})[0] == 0


def test_the_bound_counts_each_members_envelopes_and_one_over_it_may_come_in_the_next_block() -> None:
    """Another member is not affected, and the number of the one that was too many is still unused."""
    memory = Memory()
    many = [envelope(number=n, signer="bank-a/main") for n in range(8, 8 + BOUND + 1)]
    outcome = execute_block(memory, block(*many, envelope(signer="bank-b/main")), REGISTRY)
    assert [receipt["code"] for receipt in receipts(outcome)] == [0] * BOUND + [Rejection.ENVELOPE_OVER_BOUND, 0]
    memory.commit(outcome)
    again = execute_block(memory, block(many[-1], height=2), REGISTRY)
    assert receipts(again)[0]["code"] == 0


def test_bad_envelopes_do_not_count_against_the_member_they_name() -> None:
    """Somebody who cannot sign for a member cannot use up its share of the block."""
    forged = [envelope(number=n, seed=bytes(32)) for n in range(8, 8 + BOUND)]
    replayed = [envelope(number=7)] * BOUND
    outcome = execute_block(Memory(), block(*forged, *replayed, envelope()), REGISTRY)
    assert receipts(outcome)[-1]["code"] == 0


def test_a_key_that_changes_within_a_block_counts_from_then_on() -> None:
    """The new key's signature was not announced, so it is verified in its turn; the old one's no longer holds."""
    rekeyed = envelope({"public": to_text(public_key(bytes(32))), "type": "toy.rekey/1"})
    outcome = execute_block(Memory(), block(rekeyed, envelope(number=9, seed=bytes(32)), envelope(number=10)), REGISTRY)
    assert [receipt["code"] for receipt in receipts(outcome)] == [0, 0, Rejection.ENVELOPE_BAD_SIGNATURE]


# Commands.

COMMAND_FAULTS: Final[list[tuple[Rejection, dict[str, Any], int, str]]] = [
    (Rejection.COMMAND_UNKNOWN, {"type": "toy.no/1"}, 10, "bank-a/main"),
    (Rejection.COMMAND_NOT_ACTIVE, {"add": -1, "type": "toy.put/2"}, 9, "idle/main"),
    (Rejection.COMMAND_MALFORMED, {"add": -1, "note": "n", "type": "toy.put/2"}, 10, "idle/main"),
    (Rejection.ROLE_NOT_PERMITTED, {"add": 101, "note": "n", "type": "toy.put/2"}, 10, "idle/main"),
    (Rejection.MEMBER_SUSPENDED, {"add": 101, "note": "n", "type": "toy.put/1"}, 10, "idle/main"),
    (Rejection.QUOTA_EXCEEDED, {"add": 101, "note": "n", "type": "toy.put/1"}, 10, "bank-a/main"),
]


@pytest.mark.parametrize(
    ("code", "command", "height", "signer"), COMMAND_FAULTS, ids=[code.name for code, *_ in COMMAND_FAULTS]
)
def test_commands_are_refused_in_this_order(code: Rejection, command: dict[str, Any], height: int, signer: str) -> None:
    """Each row also has every fault of the rows below it; only the envelope's number is kept."""
    outcome = execute_block(Memory(), block(envelope(command, signer=signer), height=height), REGISTRY)
    assert receipts(outcome)[0]["code"] == 0
    assert results(outcome) == [code]
    assert list(written(outcome)) == [f"window/{signer}"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param({"add": 1, "note": "n"}, id="no type"),
        pytest.param({"add": 1, "note": "n", "type": 1}, id="type no text"),
        pytest.param({"add": 1, "note": "n", "type": "x" * 5_000}, id="endless type"),
    ],
)
def test_a_command_without_a_known_type_is_unknown(command: dict[str, Any]) -> None:
    """Whatever stands for the type, it is a result and no crash, and the receipt stays small."""
    outcome = execute_block(Memory(), block(envelope(command)), REGISTRY)
    assert results(outcome) == [Rejection.COMMAND_UNKNOWN]
    assert len(outcome.receipts[0]) < 300


@pytest.mark.parametrize(
    "changes", [{"more": 1}, {"add": "1"}, {"add": None}, {"note": ""}, {"note": "N"}, {"signature": "x"}]
)
def test_a_command_of_another_shape_is_malformed(changes: dict[str, Any]) -> None:
    """Unknown fields, other types and values out of bounds."""
    assert results(execute_block(Memory(), block(envelope(PUT | changes)), REGISTRY)) == [Rejection.COMMAND_MALFORMED]


def test_with_each_the_good_commands_stay() -> None:
    """Every command has its own result, and a refused one's writes are dropped although it wrote before refusing."""
    outcome = execute_block(Memory(), block(envelope(PUT, REFUSED, PUT, PUT | {"note": "m"})), REGISTRY)
    assert results(outcome) == [0, Rejection.QUOTA_EXCEEDED, Rejection.QUOTA_EXCEEDED, 0]
    assert receipts(outcome)[0]["results"][1] == {"at": "big", "code": Rejection.QUOTA_EXCEEDED}
    assert written(outcome).keys() == {"note/n", "note/m", "window/bank-a/main"}
    assert written(outcome)["note/n"] == encode(Note(60))


def test_with_all_they_stand_together() -> None:
    """Each command sees what those before it wrote."""
    outcome = execute_block(Memory(), block(envelope(PUT, PUT | {"add": 40}, mode="all")), REGISTRY)
    assert results(outcome) == [0, 0]
    assert written(outcome)["note/n"] == encode(Note(100))


@pytest.mark.parametrize("guilty", [0, 1, 2])
def test_with_all_they_fall_together(guilty: int) -> None:
    """The receipt names the guilty one; the others fell with it; nothing but the number is written."""
    commands = [PUT, PUT | {"note": "m"}, PUT | {"note": "o"}]
    commands[guilty] = REFUSED
    outcome = execute_block(Memory(), block(envelope(*commands, mode="all")), REGISTRY)
    expected: list[int] = [Rejection.COMMAND_FELL_WITH_OTHERS] * 3
    expected[guilty] = Rejection.QUOTA_EXCEEDED
    assert results(outcome) == expected
    assert list(written(outcome)) == ["window/bank-a/main"]


def test_a_broken_invariant_stops_the_block() -> None:
    """A crash in a handler is no rejection; skipping the envelope lets the block pass."""
    raw = envelope(PUT | {"note": "crash"})
    with pytest.raises(AssertionError, match="broken invariant"):
        execute_block(Memory(), block(raw), REGISTRY)
    outcome = execute_block(Memory(), block(raw, skipped=[envelope_id(raw)]), REGISTRY)
    assert receipts(outcome)[0]["code"] == Rejection.ENVELOPE_SKIPPED


def test_a_context_tells_who_signed_and_what_the_charter_says() -> None:
    """As member/key; a parameter younger than the charter has its default; a state without charter is a defect."""
    state = State(Memory())
    context = Context(state, ALLIANCE, 1, TIME_MS, member("bank-a"), "main", {}, {})
    assert context.signer == "bank-a/main"
    assert context.parameter(ENVELOPES_PER_BLOCK) == BOUND
    later = Parameter("later", "ms", 7, 0, 9, "declared after the founding")
    older = Context(state, ALLIANCE, 1, TIME_MS, member("bank-a"), "main", {}, {"later": later})
    assert older.parameter("later") == later.default
    memory = Memory()
    memory.values.clear()
    with pytest.raises(AssertionError, match="no charter"):
        Context(State(memory), ALLIANCE, 1, TIME_MS, member("bank-a"), "main", {}, {}).parameter(ENVELOPES_PER_BLOCK)


BECOME: Final[dict[str, Any]] = {"revoked_ms": 0, "roles": ["bank"], "suspended": False, "type": "toy.become/1"}
AS_CUSTOMS: Final[dict[str, Any]] = PUT | {"type": "toy.put/2"}


@pytest.mark.parametrize("mode", ["each", "all"])
@pytest.mark.parametrize(
    ("changes", "later", "code"),
    [
        ({}, PUT, 0),
        ({"suspended": True}, PUT, Rejection.MEMBER_SUSPENDED),
        ({"revoked_ms": 1}, PUT, Rejection.SIGNING_KEY_REVOKED),
        ({"revoked_ms": 1, "suspended": True}, PUT, Rejection.MEMBER_SUSPENDED),
        ({}, AS_CUSTOMS, Rejection.ROLE_NOT_PERMITTED),
        ({"roles": ["customs"]}, AS_CUSTOMS, 0),
    ],
)
def test_what_becomes_of_the_sender_holds_for_the_rest_of_its_envelope(
    changes: dict[str, Any], later: dict[str, Any], code: int, mode: str
) -> None:
    """A role given or taken, a suspension and a revoked key count from the very next command."""
    outcome = execute_block(Memory(), block(envelope(BECOME | changes, later, mode=mode), height=10), REGISTRY)
    assert results(outcome)[1] == code


# Protocol versions and evidence.


def test_a_block_of_a_later_protocol_version_stops_the_node_before_anything_happens() -> None:
    memory = Memory()
    older = Registry(REGISTRY.commands.values(), [], protocol=1)
    assert execute_block(memory, block(envelope(), height=9), older) == execute_block(
        memory, block(envelope(), height=9), REGISTRY
    )
    with pytest.raises(TooOldError, match=r"block 10 is to be executed by protocol version 2, and .* up to 1"):
        execute_block(memory, block(envelope(), height=10), older)


EVIDENCE: Final = Evidence(bytes(20), 3, "duplicate-vote", 10, TIME_MS - 1)


def note(state: State, begun: Block) -> None:
    state.write("evidence", Note(len(begun.evidence)))


def test_what_evidence_does_is_done_before_the_envelopes_and_stands_whatever_they_do() -> None:
    noting = Registry(REGISTRY.commands.values(), [], begin=note, protocol=2)
    outcome = execute_block(Memory(), block(envelope(REFUSED))._replace(evidence=(EVIDENCE, EVIDENCE)), noting)
    assert next(iter(written(outcome).items())) == ("evidence", b'{"amount":2}')


def test_without_evidence_nothing_begins() -> None:
    noting = Registry(REGISTRY.commands.values(), [], begin=note, protocol=2)
    assert execute_block(Memory(), block(envelope()), noting) == execute_block(Memory(), block(envelope()), REGISTRY)


# Outcomes.


def test_the_same_block_has_the_same_outcome_and_is_refused_after_itself() -> None:
    """Execution is a function; the numbers it used make its envelopes replays from then on."""
    memory = Memory()
    busy = block(envelope(PUT, REFUSED), envelope(signer="bank-b/main"), b"junk")
    outcome = execute_block(memory, busy, REGISTRY)
    assert execute_block(memory, busy, REGISTRY) == outcome
    assert execute_block(Memory(), busy, REGISTRY) == outcome
    memory.commit(outcome)
    again = execute_block(memory, busy._replace(height=2), REGISTRY)
    codes = [receipt["code"] for receipt in receipts(again)]
    assert codes == [Rejection.ENVELOPE_REPLAYED] * 2 + [Rejection.ENVELOPE_MALFORMED]
    assert again.state_root == outcome.state_root


def test_empty_blocks_have_one_app_hash() -> None:
    """Neither height nor time enters, or an idle ledger would make blocks for ever."""
    memory = Memory()
    first = execute_block(memory, block(), REGISTRY)
    memory.commit(first)
    later = execute_block(memory, block(height=9, time_ms=TIME_MS + 5), REGISTRY)
    assert first.app_hash == later.app_hash == app_hash(memory.tree.root, NO_RECEIPTS)
    assert receipts_root([]) == NO_RECEIPTS == digest("kouan/receipts/1")
    assert (later.writes, later.receipts) == ([], [])


def test_roots_are_those_of_the_writes_and_receipts() -> None:
    """The state root is that of a tree with the writes in it; a receipt that differs shows in the app hash."""
    memory = Memory()
    outcome = execute_block(memory, block(envelope(), height=5), REGISTRY)
    for ordinal, write in enumerate(outcome.writes):
        assert (write.path, write.place) == (path_of(write.key), 5 << PLACE_BITS | ordinal)
    everything = memory.values | written(outcome)
    tree = Tree(8)
    tree.apply(tree.change({path_of(key): (leaf_hash(path_of(key), raw), 0) for key, raw in everything.items()}))
    assert outcome.state_root == tree.root
    hashed = digest("kouan/receipts/1", *(digest("kouan/receipt/1", raw) for raw in outcome.receipts))
    assert outcome.receipts_root == hashed
    assert outcome.app_hash == digest("kouan/app/1", tree.root, hashed)
    junk = execute_block(memory, block(b"junk"), REGISTRY)
    assert junk.state_root == memory.tree.root
    assert junk.app_hash != execute_block(memory, block(), REGISTRY).app_hash


def backwards(claims: list[Claim]) -> list[bool]:
    return verify_in_turn(claims[::-1])[::-1]


def caching(memory: dict[Claim, bool]) -> Verifier:
    def verify_many(claims: list[Claim]) -> list[bool]:
        return [memory.setdefault(claim, verify(*claim)) for claim in claims]

    return verify_many


@given(st.data())
def test_how_signatures_are_verified_does_not_show(data: st.DataObject) -> None:
    """In turn, backwards or from a cache of earlier blocks: the same outcome, good and bad signatures mixed."""
    good = to_text(sign(NOTE_SEED, NOTE_TAG, b"n"))
    signatures = st.sampled_from([None, good, to_text(bytes(64)), to_text(sign(NOTE_SEED, "other", b"n"))])
    signed = st.lists(signatures, min_size=1, max_size=3)
    numbers, seeds = st.integers(6, 10), st.sampled_from([None, bytes(32)])
    envelopes = [
        envelope(
            *({"add": 10, "note": "n", "signature": signature, "type": "toy.put/1"} for signature in some),
            number=number,
            seed=seed,
        )
        for some, number, seed in data.draw(st.lists(st.tuples(signed, numbers, seeds), max_size=6))
    ]
    plain = execute_block(Memory(), block(*envelopes), REGISTRY)
    cache: dict[Claim, bool] = {}
    for verifier in (backwards, caching(cache), caching(cache)):
        assert execute_block(Memory(), block(*envelopes), REGISTRY, verifier) == plain


def test_signatures_are_asked_for_once_and_ahead() -> None:
    """Those of envelopes and those that commands announce come in one list without repetition."""
    asked: list[list[Claim]] = []

    def verify_many(claims: list[Claim]) -> list[bool]:
        asked.append(claims)
        return verify_in_turn(claims)

    signed = PUT | {"add": 1, "signature": to_text(sign(NOTE_SEED, NOTE_TAG, b"n"))}
    outcome = execute_block(
        Memory(), block(envelope(signed, signed), envelope(signed, number=9)), REGISTRY, verify_many
    )
    assert results(outcome, 0) == [0, 0]
    assert [claim.tag for claim in asked[0]] == ["kouan/envelope/1", NOTE_TAG, "kouan/envelope/1"]
    assert len(asked) == 1
