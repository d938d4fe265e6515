"""Chains of signed headers such as CometBFT makes, with validators whose keys follow from their names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec.structs import replace
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair
from tests.kernel.proof_scene import DAY_MS, TIME_MS, TRUST_PERIOD_MS, id16, public, secret

from kouan.kernel.encoding import to_text
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
from kouan.kernel.light import Step, Trusted
from kouan.kernel.suites import SUITE, digest
from kouan.modules.alliance.founding import (
    FoundingKey,
    FoundingMember,
    FoundingValidator,
    NetworkFounding,
    alliance_id,
    trusted_at_founding,
)
from kouan.modules.alliance.rules import Role
from kouan.modules.alliance.trust import network_trust_file, sign_founding

FOUNDED_MS = TIME_MS - 100 * DAY_MS
NOTHING = to_text(merkle_root([]))


def entry(name: str, power: int = 10) -> ValidatorEntry:
    return ValidatorEntry(power, public(f"validator/{name}"))


def validators(**powers: int) -> list[ValidatorEntry]:
    return in_order([entry(name, power) for name, power in powers.items()])


FOUR = validators(customs=10, bank_a=10, bank_b=10, port=10)
FIVE = validators(customs=10, bank_a=10, bank_b=10, port=10, bank_c=10)
HEAVY = validators(customs=10, bank_a=10, bank_b=10, port=10, large=50)
OTHERS = validators(bank_c=10, stranger=10, customs=10)
NAMES = {entry(name).public: name for name in ("customs", "bank_a", "bank_b", "port", "bank_c", "stranger", "large")}


def member(name: str, role: Role) -> FoundingMember:
    return FoundingMember(name, {"main": FoundingKey(public(name), SUITE)}, [role], public(name))


FOUNDING = NetworkFounding(
    charter={"trust_period_ms": TRUST_PERIOD_MS},
    engine="cometbft",
    founded_ms=FOUNDED_MS,
    members=[
        member("bank-a", "bank"),
        member("bank-b", "bank"),
        member("customs", "customs"),
        member("port", "convener"),
    ],
    name="vectors",
    nonce=id16("nonce"),
    second_holder="bank-a",
    suite=SUITE,
    validators={
        NAMES[validator.public].replace("_", "-"): FoundingValidator(validator.power, validator.public)
        for validator in FOUR
    },
)


def signed_trust(founding: NetworkFounding) -> bytes:
    """The trust file, signed by every member."""
    signatures = {member.id: sign_founding(founding, member.id, secret(member.id)) for member in founding.members}
    return network_trust_file(founding, signatures)


TRUST = signed_trust(FOUNDING)
CHAIN = alliance_id(FOUNDING)
FOUNDED = trusted_at_founding(FOUNDING)


def time(ms: int) -> Time:
    return Time(ms % 1000 * 1_000_000 + 1, ms // 1000)


def header(height: int, own: Sequence[ValidatorEntry], following: Sequence[ValidatorEntry], **changes: Any) -> Header:
    """A header at a height, decided by ``own``; the chain makes a block each minute from its founding on."""
    plain = Header(
        app_hash=to_text(digest("kouan/app/1", bytes([height % 256]))),
        chain_id=CHAIN,
        consensus_hash=to_text(secret("consensus")),
        data_hash=NOTHING,
        evidence_hash=NOTHING,
        height=height,
        last_block_id=block_id(secret(f"block/{height - 1}")),
        last_commit_hash=to_text(secret(f"commit/{height - 1}")),
        last_results_hash=NOTHING,
        next_validators_hash=to_text(set_hash(following)),
        proposer_address=to_text(own[0].address),
        time=time(FOUNDED_MS + (height - 1) * 60_000),
        validators_hash=to_text(set_hash(own)),
        version=Version(app=1, block=11),
    )
    return replace(plain, **changes)


def block_id(hash_: bytes) -> BlockId:
    return BlockId(to_text(hash_), to_text(digest("kouan/parts/1", hash_)), 1)


def vote(commit: Commit, validator: ValidatorEntry, *, for_block: bool = True, chain: str = CHAIN) -> CommitSignature:
    """A validator's vote in a commit."""
    signer = secret(f"validator/{NAMES[validator.public]}")
    return signed_vote(commit, validator, signer, for_block=for_block, chain=chain)


def signed_vote(
    commit: Commit, validator: ValidatorEntry, seed: bytes, *, for_block: bool = True, chain: str = CHAIN
) -> CommitSignature:
    unsigned = CommitSignature(to_text(validator.address), for_block, "", time(FOUNDED_MS + commit.height * 60_000))
    _, key = crypto_sign_seed_keypair(seed)
    return replace(unsigned, signature=to_text(crypto_sign(sign_bytes(chain, commit, unsigned), key)[:64]))


def signed(
    shown: Header,
    own: Sequence[ValidatorEntry],
    voters: Collection[str] | None = None,
    nil: Collection[str] = (),
    chain: str = CHAIN,
    **changes: Any,
) -> SignedHeader:
    """A header with its commit. ``voters``: those who vote for the block, all by default; ``nil``: for none."""
    empty = replace(Commit(block_id(header_hash(shown)), shown.height, 0, []), **changes)
    votes: list[CommitSignature | None] = []
    for validator in own:
        name = NAMES[validator.public]
        if voters is None or name in voters or name in nil:
            votes.append(vote(empty, validator, for_block=name not in nil, chain=chain))
        else:
            votes.append(None)
    return SignedHeader(replace(empty, signatures=votes), shown)


def change(
    height: int,
    own: Sequence[ValidatorEntry],
    following: Sequence[ValidatorEntry],
    voters: Collection[str] | None = None,
    *,
    skip: bool = False,
    **changes: Any,
) -> Step:
    """A step from ``own`` to ``following`` at a height; ``skip``: with the set that decided the header."""
    shown = header(height, own, following, **changes)
    return Step(list(following), signed(shown, own, voters), list(own) if skip else None)


def at(height: int, own: Sequence[ValidatorEntry]) -> Trusted:
    """Trust in a set from a height on."""
    return Trusted(CHAIN, height, FOUNDED_MS + (height - 2) * 60_000, list(own))
