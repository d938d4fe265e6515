"""Proof files of a ledger that validators run, good and bad, with the answers: ``vectors/proof-network``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace
from tests.kernel.light_scene import (
    CHAIN,
    FIVE,
    FOUNDED_MS,
    FOUNDING,
    FOUR,
    HEAVY,
    OTHERS,
    TRUST,
    block_id,
    change,
    entry,
    header,
    signed,
    signed_trust,
    time,
    validators,
    vote,
)
from tests.kernel.proof_cases import TRUSTS as OPERATOR_TRUSTS
from tests.kernel.proof_scene import (
    ALLIANCE,
    CUSTODIAL,
    DAY_MS,
    HELD,
    TRUST_PERIOD_MS,
    UNKNOWN,
    UNTOUCHED,
    USED,
    Scene,
    id16,
    secret,
)
from tests.kernel.small_order import ORDER, scalar

from kouan.kernel.encoding import decode, encode, from_text, to_text
from kouan.kernel.execution import app_hash
from kouan.kernel.headers import SignedHeader, ValidatorEntry, header_hash, in_order
from kouan.kernel.light import Step
from kouan.kernel.proof import (
    AvailableStatement,
    FinancedStatement,
    NetworkCheckpoint,
    NetworkProof,
    NotFinancedStatement,
    RecordStatement,
    Statement,
    leaf_keys,
)
from kouan.kernel.suites import digest
from kouan.modules.alliance.trust import network_trust_file

HEIGHT: Final = 42
NOW_MS: Final = FOUNDED_MS + HEIGHT * 60_000
RECEIPTS: Final = digest("kouan/receipts/1")
SCENE: Final = Scene()
ABOUT: Final = RecordStatement("member/filler-1")
FIRST: Final = change(7, FOUR, FIVE)
SECOND: Final = change(20, FIVE, OTHERS)
RECORDED: Final = Path(__file__).parents[2] / "vectors" / "proof-network"
UNSIGNED: Final = network_trust_file(FOUNDING, {})
TRUSTS: Final = {
    "alliance.json": TRUST,
    "recorded-alliance.json": (RECORDED / "recorded-alliance.json").read_bytes(),
    "operator.json": OPERATOR_TRUSTS["alliance.json"],
    "other-alliance.json": signed_trust(replace(FOUNDING, name="others")),
    "unsigned.json": UNSIGNED,
}


class Case(NamedTuple):
    """A proof file, the trust file's name, and the verifier's clock (None: archival mode)."""

    name: str
    proof: bytes
    now_ms: int | None = None
    trust: str = "alliance.json"


def checkpoint(
    own: list[ValidatorEntry] = FOUR,
    steps: tuple[Step, ...] = (),
    scene: Scene = SCENE,
    height: int = HEIGHT,
    signing: dict[str, Any] | None = None,
    **changes: Any,
) -> NetworkCheckpoint:
    """The checkpoint at a height. ``signing``: of `light_scene.signed`; ``changes``: of the header that vouches."""
    previous = header(height, own, own)
    fields = {
        "app_hash": to_text(app_hash(scene.tree.root, RECEIPTS)),
        "last_block_id": block_id(header_hash(previous)),
    }
    shown = signed(header(height + 1, own, own, **(fields | changes)), own, **(signing or {}))
    return NetworkCheckpoint(
        alliance=CHAIN,
        commit=shown.commit,
        header=shown.header,
        previous=previous,
        receipts_root=to_text(RECEIPTS),
        state_root=to_text(scene.tree.root),
        steps=list(steps),
    )


def prove(statement: Statement, quotas: tuple[Any, ...] = (), shown: NetworkCheckpoint | None = None) -> NetworkProof:
    leaves = [SCENE.leaf(key) for key in leaf_keys(statement, [quota.id for quota in quotas])]
    return NetworkProof(shown or checkpoint(), "kouan/proof/2", leaves, statement)


def about(*steps: Step, own: list[ValidatorEntry] = FOUR, **changes: Any) -> bytes:
    return encode(prove(ABOUT, shown=checkpoint(own, steps, **changes)))


def cases() -> Iterator[Case]:
    yield from good()
    yield from bad_steps()
    yield from bad_headers()
    yield from unusable()


def good() -> Iterator[Case]:
    yield Case("available", encode(prove(AvailableStatement(8_000_000, UNTOUCHED.id))))
    yield Case("not-financed-unknown", encode(prove(NotFinancedStatement(UNKNOWN))))
    yield Case("financed", encode(prove(FinancedStatement(id16("loan-disbursed")), (USED, CUSTODIAL))))
    yield Case("record", about())
    yield Case("live", about(), NOW_MS)
    yield Case("live-last-moment", about(), checkpoint().time_ms + TRUST_PERIOD_MS - 1)
    yield Case("clock-behind", about(), checkpoint().header.time.ms - 5 * 60_000)
    yield Case("followed", about(FIRST, SECOND, own=OTHERS))
    yield Case("followed-live", about(FIRST, SECOND, own=OTHERS), NOW_MS)
    recorded = (RECORDED / "recorded.json").read_bytes().strip()  # of a real network, after a validator changed its key
    yield Case("recorded", recorded, trust="recorded-alliance.json")
    late = 1_000 * 24 * 60  # the chain makes a block each minute, so this is the thousandth day
    yield Case("followed-long-after", about(FIRST, SECOND, own=OTHERS, height=late), FOUNDED_MS + late * 60_000)
    yield Case("same-set-written-out", about(change(7, FOUR, FIVE, skip=True), own=FIVE))
    yield Case("one-absent", about(signing={"voters": ("customs", "bank_a", "bank_b")}))
    yield Case("one-for-no-block", about(signing={"nil": ("port",)}))
    yield Case("later-round", about(signing={"round": 3}))
    yield Case("skip", about(change(20, FIVE, FIVE, skip=True), own=FIVE), NOW_MS)
    half = validators(customs=10, bank_a=10, bank_c=10, stranger=10)
    yield Case("skip-with-half-the-trusted", about(change(20, half, half, skip=True), own=half), NOW_MS)


def bad_steps() -> Iterator[Case]:
    other = to_text(secret("other chain"))
    elsewhere = header(7, FOUR, FIVE, chain_id=other)
    yield Case("wrong-chain", about(Step(FIVE, signed(elsewhere, FOUR, chain=other), None), own=FIVE))
    yield Case("step-twice", about(change(7, FOUR, FOUR), change(7, FOUR, FOUR)))
    yield Case("steps-reordered", about(SECOND, FIRST, own=OTHERS))
    yield Case("step-time-falls", about(change(7, FOUR, FIVE, time=time(FOUNDED_MS - 1)), own=FIVE))
    future = change(7, FOUR, FIVE, time=time(NOW_MS + 5 * 60_000 + 1))
    yield Case("step-from-the-future", about(future, own=FIVE), NOW_MS)
    yield Case("step-left-out", about(SECOND, own=OTHERS))
    yield Case("forged-set", about(change(7, FOUR, FIVE), replace(SECOND, validators=HEAVY), own=OTHERS), NOW_MS)
    yield Case("forged-next-set", about(replace(FIRST, next=HEAVY), own=HEAVY))
    yield Case("set-reordered", about(replace(FIRST, next=FIVE[::-1]), own=FIVE[::-1]))
    twice = in_order([entry("customs", 20), entry("customs", 10), entry("bank_a", 10)])
    yield Case("set-names-one-twice", about(change(7, FOUR, twice), own=twice))
    skip = change(20, FIVE, FIVE, skip=True)
    yield Case("skip-archival", about(skip, own=FIVE))
    yield Case("skip-expired", about(skip, own=FIVE), FOUNDED_MS + TRUST_PERIOD_MS)
    few = change(20, HEAVY, HEAVY, ("large", "customs"), skip=True)
    yield Case("skip-by-too-few", about(few, own=HEAVY), NOW_MS)
    weak = change(20, HEAVY, HEAVY, ("customs", "bank_a"), skip=True)
    yield Case("skip-with-little-power", about(weak, own=HEAVY), NOW_MS)
    yield Case("skip-to-strangers", about(change(20, OTHERS, OTHERS, skip=True), own=OTHERS), NOW_MS)
    yield Case("skip-at-once", about(FIRST, change(8, OTHERS, OTHERS, skip=True), own=OTHERS), NOW_MS)
    yield from (
        Case(f"step-{name}", about(replace(FIRST, signed=forged), own=FIVE))
        for name, forged in forged_commits(FIRST.signed)
    )


def forged_commits(good: SignedHeader) -> Iterator[tuple[str, SignedHeader]]:
    """What can be wrong with a commit of four. The last of each name is what is wrong."""
    commit, shown = good.commit, good.header
    votes: list[Any] = commit.signatures
    scalar_ = int.from_bytes(from_text(votes[0].signature)[32:], "little")
    beyond = from_text(votes[0].signature)[:32] + scalar(scalar_ + ORDER)

    def put(*places: Any) -> SignedHeader:
        return SignedHeader(replace(commit, signatures=list(places)), shown)

    yield "commit-of-another-height", signed(shown, FOUR, height=shown.height + 1)
    yield "commit-for-another-block", signed(shown, FOUR, block_id=block_id(secret("other block")))
    yield "commit-too-short", put(*votes[:3])
    yield "commit-too-long", put(*votes, None)
    yield "commit-duplicate-vote", put(votes[0], votes[0], votes[2], votes[3])
    yield "commit-reordered", put(votes[1], votes[0], votes[2], votes[3])
    yield "commit-by-a-stranger", put(vote(commit, entry("stranger")), *votes[1:])
    yield "commit-of-another-alliance", signed(shown, FOUR, chain=to_text(secret("other chain")))
    yield "commit-of-another-round", SignedHeader(replace(commit, round=1), shown)
    yield "commit-signature-empty", put(replace(votes[0], signature=to_text(bytes(64))), *votes[1:])
    yield "commit-vote-for-none-turned", put(replace(votes[0], for_block=False), *votes[1:])
    yield "commit-with-little-power", signed(shown, FOUR, ("customs", "bank_a"))
    yield "commit-two-for-no-block", signed(shown, FOUR, nil=("customs", "bank_a"))
    yield "commit-scalar-not-reduced", put(replace(votes[0], signature=to_text(beyond)), *votes[1:])


def bad_headers() -> Iterator[Case]:
    plain = checkpoint()
    for name, forged in forged_commits(SignedHeader(plain.commit, plain.header)):
        yield Case(f"header-{name}", encode(prove(ABOUT, shown=replace(plain, commit=forged.commit))))
    yield Case("header-of-a-forged-set", about(own=HEAVY))
    yield Case("header-of-a-former-set", about(FIRST, own=FOUR))
    yield Case("header-before-the-set", about(change(50, FOUR, FIVE), own=FIVE))
    yield Case("header-of-another-chain", about(chain_id=to_text(secret("other chain"))))
    yield Case("header-from-the-future", about(), plain.header.time.ms - 5 * 60_000 - 1)
    yield Case("too-old", about(), plain.time_ms + TRUST_PERIOD_MS)
    moved = header(HEIGHT, FOUR, FOUR, time=time(NOW_MS + DAY_MS))
    yield Case("previous-forged", encode(prove(ABOUT, shown=replace(plain, previous=moved))))
    yield Case(
        "previous-is-another", encode(prove(ABOUT, shown=replace(plain, previous=header(HEIGHT - 1, FOUR, FOUR))))
    )
    yield Case("state-root-forged", encode(prove(ABOUT, shown=replace(plain, state_root=to_text(secret("root"))))))
    receipts = replace(plain, receipts_root=to_text(secret("root")))
    yield Case("receipts-root-forged", encode(prove(ABOUT, shown=receipts)))
    swapped = replace(plain, receipts_root=plain.state_root, state_root=plain.receipts_root)
    yield Case("roots-swapped", encode(prove(ABOUT, shown=swapped)))
    yield Case("app-hash-of-another", about(app_hash=to_text(secret("app"))))
    yield Case("app-hash-cut-off", about(app_hash=to_text(bytes(8))))
    yield Case("drawn", encode(prove(NotFinancedStatement(HELD.id))))
    yield Case("leaf-of-another", encode(replace(prove(ABOUT), leaves=[SCENE.leaf("operator")])))
    yield Case("wrong-alliance", about(), trust="other-alliance.json")
    yield Case("of-an-operator", encode(prove(ABOUT, shown=replace(plain, alliance=ALLIANCE))), trust="operator.json")
    by_operator = SCENE.prove(ABOUT, checkpoint=SCENE.checkpoint(alliance=CHAIN))
    yield Case("operator-of-a-network", encode(by_operator))


def unusable() -> Iterator[Case]:
    plain = decode(about(FIRST, own=FIVE))

    def put(change: Callable[[dict[str, Any]], Any]) -> bytes:
        copy = decode(encode(plain))
        change(copy["checkpoint"])
        return encode(copy)

    yield Case("unusable-handovers", encode(plain | {"handovers": []}))
    yield Case("unusable-format", encode(plain | {"format": "kouan/proof/3"}))
    yield Case("unusable-unknown-field", put(lambda shown: shown.update(more=1)))
    yield Case("unusable-no-votes", put(lambda shown: shown["commit"].update(signatures=[])))
    yield Case("unusable-address", put(lambda shown: shown["commit"]["signatures"][0].update(address="")))
    yield Case("unusable-nanos", put(lambda shown: shown["header"]["time"].update(nanos=1_000_000_000)))
    yield Case("unusable-seconds", put(lambda shown: shown["previous"]["time"].update(seconds=253_402_300_800)))
    yield Case("unusable-round", put(lambda shown: shown["commit"].update(round=2**31)))
    yield Case("unusable-app-hash", put(lambda shown: shown["header"].update(app_hash="AB")))
    yield Case("unusable-empty-set", put(lambda shown: shown["steps"][0].update(next=[])))
    yield Case("unusable-power", put(lambda shown: shown["steps"][0]["next"][0].update(power=0)))
    yield Case("unusable-previous", put(lambda shown: shown.update(previous=None)))
    yield Case("unusable-trust-unsigned", about(), trust="unsigned.json")
