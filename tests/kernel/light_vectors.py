"""What light verification computes, believes and refuses: ``vectors/light``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair
from tests.kernel.light_scene import (
    CHAIN,
    FIVE,
    FOUNDED,
    FOUR,
    HEAVY,
    NOTHING,
    OTHERS,
    at,
    header,
    signed,
    vote,
)
from tests.kernel.network_cases import NOW_MS, cases, forged_commits
from tests.kernel.proof_scene import TRUST_PERIOD_MS, public, secret
from tests.kernel.small_order import ORDER, crafted, small_order_encodings

from kouan.kernel.encoding import MAX_INTEGER, from_text, to_text
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
    set_hash,
    sign_bytes,
)
from kouan.kernel.light import LightError, Step, Trusted, advance, check_header
from kouan.kernel.suites import verify_zip215

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "light"
RECORDED: Final = VECTORS / "recorded.json"
ZCASH: Final = b"Zcash"  # the message of the published vectors for ZIP-215


def light_vectors() -> dict[str, Any]:
    return {
        "headers": headers(),
        "network": network(),
        "sets": sets(),
        "signed": list(signed_headers()),
        "steps": list(steps()),
        "votes": votes(),
        "zip215": list(signatures()),
    }


def headers() -> list[dict[str, Any]]:
    plain = header(7, FOUR, FIVE)
    none = BlockId("", "", 0)
    shown = (
        plain,
        header(1, FOUR, FOUR, app_hash="", last_block_id=none, last_commit_hash=NOTHING, version=Version(0, 11)),
        replace(plain, height=MAX_INTEGER, version=Version(MAX_INTEGER, MAX_INTEGER)),
        replace(plain, time=Time(0, 0)),
        replace(plain, time=Time(999_999_999, 253_402_300_799)),
        replace(plain, time=Time(128, 127)),
        replace(plain, consensus_hash="", data_hash="", evidence_hash="", last_results_hash=""),
        replace(plain, app_hash=to_text(bytes(range(42)))),
        replace(plain, last_block_id=replace(plain.last_block_id, parts_total=2**32 - 1)),
    )
    return [{"hash_hex": header_hash(one).hex(), "header": one} for one in shown]


def sets() -> list[dict[str, Any]]:
    """Sets in their order, and how the members would be ordered from any other."""
    many = in_order([ValidatorEntry(1 + number % 5, public(f"validator/{number}")) for number in range(33)])
    single = [ValidatorEntry(MAX_INTEGER, public("validator/customs"))]
    return [
        {
            "addresses_hex": [entry.address.hex() for entry in members],
            "hash_hex": set_hash(members).hex(),
            "validators": members,
        }
        for members in (single, FOUR, FIVE, HEAVY, OTHERS, many)
    ]


def votes() -> list[dict[str, Any]]:
    commit = signed(header(7, FOUR, FOUR), FOUR).commit
    empty = replace(commit, signatures=[])
    shown: list[tuple[str, Commit, CommitSignature]] = [
        (CHAIN, commit, vote(commit, FOUR[0])),
        (CHAIN, commit, vote(commit, FOUR[0], for_block=False)),
        ("c", replace(empty, height=MAX_INTEGER, round=2**31 - 1), vote(commit, FOUR[1])),
        (CHAIN, replace(empty, height=1, round=1), replace(vote(commit, FOUR[2]), time=Time(0, 0))),
        ("c" * 50, replace(empty, block_id=BlockId(commit.block_id.hash, "", 0)), vote(commit, FOUR[3])),
    ]
    return [
        {
            "block_id": one.block_id,
            "chain_id": chain,
            "for_block": voted.for_block,
            "height": one.height,
            "round": one.round,
            "sign_bytes_hex": sign_bytes(chain, one, voted).hex(),
            "time": voted.time,
        }
        for chain, one, voted in shown
    ]


def signed_headers() -> Iterator[dict[str, Any]]:
    """Headers against a trusted set: believed, or by what name they are refused."""
    good = signed(header(7, FOUR, FOUR), FOUR)
    cases_: list[tuple[str, Trusted, SignedHeader, int | None]] = [
        ("believed", FOUNDED, good, None),
        ("believed, live", FOUNDED, good, NOW_MS),
        ("at the height from which the set is trusted", at(7, FOUR), good, None),
        ("believed at exactly five minutes ahead", FOUNDED, good, good.header.time.ms - 5 * 60_000),
        ("later than the clock", FOUNDED, good, good.header.time.ms - 5 * 60_000 - 1),
        ("below the height from which the set is trusted", at(8, FOUR), good, None),
        ("before the time from which the set is trusted", replace(FOUNDED, time_ms=NOW_MS), good, None),
        ("of another chain", replace(FOUNDED, chain_id="another"), good, None),
        ("of another set", at(2, FIVE), good, None),
        ("three of four", FOUNDED, signed(good.header, FOUR, ("customs", "bank_a", "port")), None),
        ("one for no block", FOUNDED, signed(good.header, FOUR, nil=("customs",)), None),
        ("two thirds exactly", at(2, OTHERS), signed(header(7, OTHERS, OTHERS), OTHERS, ("customs", "bank_c")), None),
        ("all of three", at(2, OTHERS), signed(header(7, OTHERS, OTHERS), OTHERS), None),
        *(
            (name.removeprefix("commit-").replace("-", " "), FOUNDED, forged, None)
            for name, forged in forged_commits(good)
        ),
    ]
    for what, trusted, shown, now_ms in cases_:
        case = {"now_ms": now_ms, "signed": shown, "trusted": trusted, "what": what}
        try:
            check_header(trusted, shown, now_ms=now_ms)
        except LightError as problem:
            yield case | {"reason": problem.reason.code}
        else:
            yield case


def steps() -> Iterator[dict[str, Any]]:
    """The first step from the founding's set in each of the proofs of ``proof-network``, and what it leads to."""
    seen: list[bytes] = []
    for case in cases():
        proof = msgspec.json.decode(case.proof)
        if case.trust != "alliance.json" or case.name.startswith("unusable") or "steps" not in proof["checkpoint"]:
            continue
        trusted = FOUNDED
        for plain in proof["checkpoint"]["steps"]:
            step = msgspec.convert(plain, Step)
            shown = {"now_ms": case.now_ms, "step": step, "trust_period_ms": TRUST_PERIOD_MS, "trusted": trusted}
            try:
                after = advance(trusted, step, now_ms=case.now_ms, trust_period_ms=TRUST_PERIOD_MS)
            except LightError as problem:
                answer: dict[str, Any] = {"reason": problem.reason.code}
            else:
                answer = {"leads_to": after}
                trusted = after
            if msgspec.json.encode(shown) not in seen:
                seen.append(msgspec.json.encode(shown))
                yield shown | answer | {"what": case.name}
            if "reason" in answer:
                break


def network() -> dict[str, Any]:
    """What a real network decided, as records: made from ``recorded.json``."""
    recorded = json.loads(RECORDED.read_bytes())
    genesis = recorded["genesis"]
    blocks = []
    for block in recorded["blocks"]:
        own = [ValidatorEntry(int(v["voting_power"]), base64(v["pub_key"]["value"])) for v in block["validators"]]
        shown = SignedHeader(rpc_commit(block["commit"]["commit"]), rpc_header(block["commit"]["header"]))
        blocks.append({"signed": shown, "validators": own})
    founders = [ValidatorEntry(int(v["power"]), base64(v["pub_key"]["value"])) for v in genesis["validators"]]
    return {
        "blocks": blocks,
        "chain_id": genesis["chain_id"],
        "founders": founders,
        "genesis_time": rpc_time(genesis["genesis_time"]),
        "source": recorded["source"],
    }


def rpc_header(plain: dict[str, Any]) -> Header:
    return Header(
        app_hash=hexadecimal(plain["app_hash"]),
        chain_id=plain["chain_id"],
        consensus_hash=hexadecimal(plain["consensus_hash"]),
        data_hash=hexadecimal(plain["data_hash"]),
        evidence_hash=hexadecimal(plain["evidence_hash"]),
        height=int(plain["height"]),
        last_block_id=rpc_block_id(plain["last_block_id"]),
        last_commit_hash=hexadecimal(plain["last_commit_hash"]),
        last_results_hash=hexadecimal(plain["last_results_hash"]),
        next_validators_hash=hexadecimal(plain["next_validators_hash"]),
        proposer_address=hexadecimal(plain["proposer_address"]),
        time=rpc_time(plain["time"]),
        validators_hash=hexadecimal(plain["validators_hash"]),
        version=Version(app=int(plain["version"].get("app", 0)), block=int(plain["version"]["block"])),
    )


def rpc_commit(plain: dict[str, Any]) -> Commit:
    votes_ = [
        None
        if one["block_id_flag"] == 1
        else CommitSignature(
            address=hexadecimal(one["validator_address"]),
            for_block=one["block_id_flag"] == 2,
            signature=base64(one["signature"]),
            time=rpc_time(one["timestamp"]),
        )
        for one in plain["signatures"]
    ]
    return Commit(rpc_block_id(plain["block_id"]), int(plain["height"]), plain["round"], votes_)


def rpc_block_id(plain: dict[str, Any]) -> BlockId:
    return BlockId(hexadecimal(plain["hash"]), hexadecimal(plain["parts"]["hash"]), plain["parts"]["total"])


def rpc_time(text: str) -> Time:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return Time(int(fraction.ljust(9, "0")), int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()))


def hexadecimal(text: str) -> str:
    return to_text(bytes.fromhex(text))


def base64(text: str) -> str:
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def signatures() -> Iterator[dict[str, Any]]:
    """Edge cases of ZIP-215. Those of small order: each of the 14 encodings as key and as R, S zero, all accepted."""
    for number, key in enumerate(small_order_encodings()):
        for other, r in enumerate(small_order_encodings()):
            yield judged(f"small order, key {number}, R {other}", key, ZCASH, r + bytes(32))
    seed = secret("suite")
    key, secret_key = crypto_sign_seed_keypair(seed)
    good = crypto_sign(ZCASH, secret_key)[:64]
    yield judged("plain", key, ZCASH, good)
    yield judged("another message", key, b"zcash", good)
    yield judged("another key", from_text(public("other")), ZCASH, good)
    scalar = int.from_bytes(good[32:], "little")
    for more in (1, 2):
        yield judged(
            f"S beyond the order by {more}", key, ZCASH, good[:32] + (scalar + more * ORDER).to_bytes(32, "little")
        )
    identity = b"\1" + bytes(31)
    yield judged("S is the order", identity, ZCASH, identity + ORDER.to_bytes(32, "little"))
    yield judged("S with its highest bit set", identity, ZCASH, identity + bytes(31) + b"\x80")
    yield judged("key on no point", b"\2" + bytes(31), ZCASH, identity + bytes(32))
    yield judged("R on no point", identity, ZCASH, b"\2" + bytes(31) + bytes(32))
    yield judged("R of small order for another key", key, ZCASH, identity + bytes(32))
    for r_part in range(8):
        for key_part, rests in ((0, [r_part]), (4, [r_part, (r_part + 4) % 8]), (1, range(8))):
            for rest in rests:
                what = f"R with {r_part} of order 8, key with {key_part}, the sides differ by {rest}"
                made, signature = crafted(seed, ZCASH, r_part, key_part, rest)
                yield judged(what, made, ZCASH, signature)


def judged(what: str, key: bytes, message: bytes, signature: bytes) -> dict[str, Any]:
    return {
        "key_hex": key.hex(),
        "message_hex": message.hex(),
        "signature_hex": signature.hex(),
        "valid": verify_zip215(key, message, signature),
        "what": what,
    }
