"""Makes the files in ``vectors/`` that pin the kernel's formats: ``python -m tests.kernel.make_vectors``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from tests.kernel import network_cases
from tests.kernel.light_vectors import RECORDED, light_vectors
from tests.kernel.proof_cases import TRUSTS, expected, proofs
from tests.kernel.proof_scene import (
    ALLIANCE,
    DAY_MS,
    HELD,
    LAPSED,
    RETURNED,
    TIME_MS,
    UNTOUCHED,
    USED,
    Scene,
    handover,
    hold,
    id16,
    public,
    secret,
)
from tests.kernel.small_order import ORDER, crafted, scalar, secret_scalar

from kouan.kernel import quota as rules
from kouan.kernel.encoding import MAX_INTEGER, EncodingError, decode, encode, from_text, to_text
from kouan.kernel.envelope import TAG, WINDOW, Body, envelope_id, make, open_envelope, use_number
from kouan.kernel.proof import (
    CHECKPOINT_TAG,
    HANDOVER_TAG,
    OtherLeaf,
    check_leaf,
    signed_part,
)
from kouan.kernel.records import MAX_HOLDS, Quota, Window
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import digest, public_key, sign, verify
from kouan.kernel.tree import leaf_hash, path_of, value_hash

VECTORS: Final = Path(__file__).parents[2] / "vectors"


def make_vectors() -> dict[str, bytes]:
    """Return every file by its path below ``vectors/``."""
    formats: dict[str, Callable[[], Any]] = {
        "checkpoint": checkpoint,
        "encoding": encoding,
        "envelope": envelope,
        "quota": quotas,
        "suite": suite,
        "tree": tree,
    }
    files = {f"{name}.json": pretty(build()) for name, build in formats.items()}
    cases = []
    for name, raw, trust, now_ms in proofs():
        files[f"proof/{name}.json"] = raw
        cases.append({"file": f"{name}.json", "now_ms": now_ms, "trust": trust} | expected(raw, TRUSTS[trust], now_ms))
    files |= {f"proof/{name}": data for name, data in TRUSTS.items()} | {"proof/cases.json": pretty(cases)}
    files |= {f"light/{name}.json": pretty(msgspec.to_builtins(part)) for name, part in light_vectors().items()}
    return files | network_proofs() | {"light/recorded.json": RECORDED.read_bytes()}


def network_proofs() -> dict[str, bytes]:
    files = {f"proof-network/{name}": data for name, data in network_cases.TRUSTS.items()}
    cases = []
    for case in network_cases.cases():
        files[f"proof-network/{case.name}.json"] = case.proof
        answer = expected(case.proof, network_cases.TRUSTS[case.trust], case.now_ms)
        cases.append({"file": f"{case.name}.json", "now_ms": case.now_ms, "trust": case.trust} | answer)
    return files | {"proof-network/cases.json": pretty(cases)}


def pretty(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def encoding() -> dict[str, Any]:
    values: list[Any] = [
        {"literals": [None, True, False]},
        {"b": 2, "a": 1, "A": 0, "": [], "a-b": {}, "aa": -1},
        {'quote"': "back\\slash", "slash": "/", "~": " "},
        [MAX_INTEGER, -MAX_INTEGER, 0],
        "",
    ]
    deepest = "[" * 16 + "]" * 16
    refused = {
        '{"a": 1}': "white space",
        '{"b":1,"a":2}': "keys not sorted",
        '{"a":1,"a":1}': "a key twice",
        '"\\u0061"': "needless escape",
        '"\\n"': "control character",
        '"\u00e9"': "not ASCII",
        "-0": "minus zero",
        "1.0": "fraction",
        "1e2": "exponent",
        "01": "leading zero",
        "9007199254740992": "beyond 2^53-1 (RFC 8785 appendix B)",
        f"[{deepest}]": "nested 17 deep",
        "[1,]": "trailing comma",
        "": "nothing",
    }
    for text in refused:
        must_refuse(EncodingError, decode, text.encode())
    bad_texts = ("Zg==", "Zh", "Zm+v", "Zm9vY", "Zm9v\n")
    for text in bad_texts:
        must_refuse(EncodingError, from_text, text)
    return {
        "base64url": [
            # RFC 4648 section 10, without the padding.
            {"bytes_hex": data.encode().hex(), "text": text}
            for data, text in (("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"))
        ]
        + [{"bytes_hex": "fbff", "text": "-_8"}],
        "base64url_refused": list(bad_texts),
        "canonical": [{"text": encode(value).decode(), "value": value} for value in values]
        + [{"text": deepest, "value": decode(deepest.encode())}],
        "refused": [{"text": text, "why": why} for text, why in refused.items()],
    }


# RFC 8032 section 7.1, tests 1 to 3: seed, public key, message, signature; no tag.
RFC_8032: Final = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
)
# FIPS 180-4, examples of NIST ("SHA256.pdf") and the empty message; no tag.
FIPS_180_4: Final = (
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
)


def suite() -> dict[str, Any]:
    seed, message, tag = secret("suite"), b"message", "kouan/test/1"
    tagged = tag.encode() + b"\0" + message
    key = public_key(seed)
    good = sign(seed, tag, message)
    beyond = good[:32] + (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    identity = b"\1" + bytes(31)
    base_point = bytes.fromhex("58" + "66" * 31)
    half = secret_scalar(seed)
    challenge = int.from_bytes(hashlib.sha512(identity + key + tag.encode() + b"\0" + message).digest(), "little")
    refused = {
        "another tag": (key, sign(seed, "kouan/other/1", message)),
        "another key": (public_key(secret("other")), good),
        "scalar not reduced": (key, beyond),
        "key of small order, equation satisfied": (identity, base_point + b"\1" + bytes(31)),
        "key of small order, not reduced": (b"\xee" + b"\xff" * 30 + b"\x7f", base_point + b"\1" + bytes(31)),
        "R of small order, equation satisfied": (key, identity + scalar(challenge * half % ORDER)),
        "63 bytes": (key, good[:63]),
    } | {
        f"{what}, equation satisfied only with the cofactor": crafted(seed, tagged, r_part, key_part, rest)
        for what, r_part, key_part, rest in (
            ("R with a part of order 2", 4, 0, 4),
            ("R with a part of order 4", 2, 0, 2),
            ("R with a part of order 8", 1, 0, 1),
            ("key with a part of order 2", 0, 4, 4),
            ("key with a part of order 8", 0, 1, 3),
            ("key and R with parts that do not cancel", 3, 1, 4),
        )
    }
    accepted = {
        "key with a part of order 2, which the challenge cancels": crafted(seed, tagged, 0, 4, 0),
        "key with a part of order 8, which the challenge cancels": crafted(seed, tagged, 0, 1, 0),
        "key and R with parts of order 8 that cancel": crafted(seed, tagged, 3, 1, 0),
    }
    for name, (public_half, signature) in (refused | accepted).items():
        if verify(public_half, tag, message, signature) != (name in accepted):
            raise AssertionError(name)
    return {
        "accepted": [
            {
                "key_hex": public_half.hex(),
                "message_hex": message.hex(),
                "signature_hex": signature.hex(),
                "tag": tag,
                "what": what,
            }
            for what, (public_half, signature) in accepted.items()
        ],
        "digest": [
            {"digest_hex": digest(tag, data).hex(), "message_hex": data.hex(), "tag": tag} for data in (b"", message)
        ],
        "fips_180_4": [{"message": message, "sha256_hex": hashed} for message, hashed in FIPS_180_4],
        "refused": [
            {
                "key_hex": public_half.hex(),
                "message_hex": message.hex(),
                "signature_hex": signature.hex(),
                "tag": tag,
                "why": why,
            }
            for why, (public_half, signature) in refused.items()
        ],
        "rfc_8032": [
            {"key_hex": key, "message_hex": message, "seed_hex": seed, "signature_hex": signature}
            for seed, key, message, signature in RFC_8032
        ],
        "signature": [
            {
                "key_hex": key.hex(),
                "message_hex": message.hex(),
                "seed_hex": seed.hex(),
                "signature_hex": good.hex(),
                "tag": tag,
            }
        ],
    }


def envelope() -> dict[str, Any]:
    seed = secret("bank-a")
    command = {"add": 1, "note": "n", "type": "toy.put/1"}
    body = Body(ALLIANCE, [command], TIME_MS + DAY_MS, "each", 1, "bank-a/main")
    accepted = [make(body, seed), make(replace(body, commands=[command] * 2, mode="all", number=MAX_INTEGER), seed)]
    plain = decode(accepted[0])
    refused = {
        "unknown field": plain | {"more": 1},
        "no signature": {"body": plain["body"]},
        "unknown mode": plain | {"body": plain["body"] | {"mode": "some"}},
        "no command": plain | {"body": plain["body"] | {"commands": []}},
        "number zero": plain | {"body": plain["body"] | {"number": 0}},
        "signer without key": plain | {"body": plain["body"] | {"signer": "bank-a"}},
    }
    wires = {why: encode(value).decode() for why, value in refused.items()} | {
        "not canonical": accepted[0].decode().replace(":", ": ", 1)
    }
    for wire in wires.values():
        must_refuse(EncodingError, open_envelope, wire.encode())
    return {
        "accepted": [
            {
                "envelope_id": envelope_id(wire),
                "key": public("bank-a"),
                "seed_hex": seed.hex(),
                "signed": open_envelope(wire).signed.decode(),
                "tag": TAG,
                "wire": wire.decode(),
            }
            for wire in accepted
        ],
        "malformed": [{"why": why, "wire": wire} for why, wire in wires.items()],
        "window": list(window_steps()),
    }


def window_steps() -> Iterator[dict[str, Any]]:
    window: Window | None = None
    for number in (1_000, 1_000, 999, 1_001, 1_001 - WINDOW + 1, 1_001 - WINDOW, 1_100, 1_050, 1_050, 9_000, 1_101):
        after = use_number(window, number)
        yield {"accepted": after is not None, "number": number, "window": msgspec.to_builtins(after or window)}
        window = after or window


def tree() -> dict[str, Any]:
    names = [f"key/{number}" for number in range(400)]
    first, second = close_pair(names)
    groups: tuple[list[str], ...] = (
        [],
        ["key/0"],
        ["key/0", "key/1"],
        [first, second],
        names[:9],
        [*names[:40], first, second],
    )
    cases = []
    for group in groups:
        scene = Scene.of({name: {"is": name} for name in group})
        asked = dict.fromkeys([*group[:9], first, second, "absent/0", "absent/1", "absent/2", "absent/3"])
        leaves = [msgspec.to_builtins(scene.leaf(key)) for key in asked]
        records = {name: {"is": name} for name in group}
        cases.append({"leaves": leaves, "records": records, "state_root": to_text(scene.tree.root)})
    return {"cases": cases, "refused": list(forged_leaves(names)), "steps": hash_steps()}


def close_pair(names: list[str]) -> tuple[str, str]:
    """Two keys whose paths share more leading bits than any other two."""
    ordered = sorted(names, key=path_of)
    return min(
        pairwise(ordered),
        key=lambda pair: int.from_bytes(path_of(pair[0])) ^ int.from_bytes(path_of(pair[1])),
    )


def hash_steps() -> dict[str, str]:
    """Every hash on the way from a record to the root of a tree that holds just that record."""
    key, value = "key/0", encode({"is": "key/0"})
    return {
        "key": key,
        "leaf_hash_hex": leaf_hash(path_of(key), value).hex(),
        "path_hex": path_of(key).hex(),
        "value": value.decode(),
        "value_hash_hex": value_hash(value).hex(),
    }


def forged_leaves(names: list[str]) -> Iterator[dict[str, Any]]:
    scene = Scene.of({name: {"is": name} for name in names[:9]})
    key = names[0]
    good = scene.leaf(key)
    own = to_text(b"\1" + leaf_hash(path_of(key), encode(good.value)))
    passed_by = replace(good, siblings=[*good.siblings, own], value=None)
    drawn_out = replace(good, siblings=[*good.siblings, ""])
    itself = OtherLeaf(to_text(path_of(key)), to_text(value_hash(encode(good.value))))
    elsewhere = next(name for name in names[9:] if path_of(name)[0] >> 7 != path_of(key)[0] >> 7)
    forged = {
        "the key's own leaf passed by as a sibling": passed_by,
        "an empty sibling below the leaf": drawn_out,
        "the key's own leaf as the other leaf": replace(good, other=itself, value=None),
        "another leaf that does not stand where the key would": replace(good, key=elsewhere, other=itself, value=None),
        "another key's leaf": replace(good, key=names[1]),
        "another record": replace(good, value={"is": "other"}),
    }
    for why, leaf in forged.items():
        must_refuse(ValueError, check_leaf, leaf, scene.tree.root)
        yield {"leaf": msgspec.to_builtins(leaf), "state_root": to_text(scene.tree.root), "why": why}


def quotas() -> list[dict[str, Any]]:
    new = hold("loan-new", 6_000_000, TIME_MS + DAY_MS)
    full = replace(UNTOUCHED, holds=[hold(f"loan-{n}", 1, TIME_MS + 1) for n in range(MAX_HOLDS)])
    tried = replace(UNTOUCHED, lapses={"bank-a": 1}, holds=LAPSED.holds)
    held, lapsed, unknown = id16("loan-held"), id16("loan-lapsed"), id16("loan-unknown")
    half = {"collected": 5_000_000, "ratio_bp": 8_000}
    steps: list[tuple[str, Quota, dict[str, Any]]] = [
        ("hold", UNTOUCHED, {"new": new}),
        ("hold", HELD, {"new": new}),
        ("hold", HELD, {"new": replace(new, amount=6_000_001)}),
        ("hold", HELD, {"new": replace(new, financing=held)}),
        ("hold", replace(UNTOUCHED, status="suspended"), {"new": new}),
        ("hold", replace(UNTOUCHED, status="withdrawn"), {"new": new}),
        ("hold", full, {"new": new}),
        ("hold", tried, {"new": new}),
        ("extend", HELD, {"financing": held, "lapse_ms": TIME_MS + DAY_MS}),
        ("extend", HELD, {"financing": lapsed, "lapse_ms": TIME_MS + DAY_MS}),
        ("extend", HELD, {"financing": unknown, "lapse_ms": TIME_MS + DAY_MS}),
        ("confirm", HELD, {"amount": 2_000_000, "financing": held}),
        ("confirm", HELD, {"amount": 500_000, "financing": held}),
        ("confirm", HELD, {"amount": 2_000_001, "financing": held}),
        ("confirm", replace(HELD, limit=1_999_999), {"amount": 2_000_000, "financing": held}),
        ("draw", USED, {"amount": 6_000_000}),
        ("draw", USED, {"amount": 6_000_001}),
        ("release", HELD, {"financing": held}),
        ("release", HELD, {"financing": lapsed}),
        ("repay", USED, {"amount": 2_000_000}),
        ("repay", USED, {"amount": 2_000_001}),
        ("restore", RETURNED, {"amount": 1}),
        ("restore", USED, {"amount": MAX_INTEGER}),
        ("rebase", USED, {"attested": 10_000_000, **half, "settled": False}),
        ("rebase", USED, {"attested": 1_000_001, "collected": 0, "ratio_bp": 9_999, "settled": False}),
        ("rebase", USED, {"attested": 10_000_000, **half, "settled": True}),
        ("rebase", USED, {"attested": MAX_INTEGER + 1, **half, "settled": False}),
    ]
    timed = {"hold", "extend", "confirm", "draw", "release"}
    return [quota_step(name, pre, arguments, timed=name in timed) for name, pre, arguments in steps]


def quota_step(name: str, pre: Quota, arguments: dict[str, Any], *, timed: bool) -> dict[str, Any]:
    given = arguments | ({"time_ms": TIME_MS} if timed else {})
    post = getattr(rules, name)(pre, **given)
    step: dict[str, Any] = {"arguments": given, "operation": name, "pre": pre}
    if isinstance(post, Rejection):
        step["rejection"] = {"code": int(post), "name": post.name}
    else:
        step["post"] = post
        step["available_after"] = rules.available(post, TIME_MS)
    built: dict[str, Any] = msgspec.to_builtins(step)
    return built


def checkpoint() -> dict[str, Any]:
    signed = Scene().checkpoint()
    change = handover(0)
    return {
        "checkpoint": msgspec.to_builtins(signed),
        "checkpoint_signed": signed_part(signed).decode(),
        "checkpoint_tag": CHECKPOINT_TAG,
        "handover": msgspec.to_builtins(change),
        "handover_signed": signed_part(change).decode(),
        "handover_signed_by": public("operator-0"),
        "handover_tag": HANDOVER_TAG,
        "operator_seed_hex": secret("operator-0").hex(),
    }


def must_refuse(error: type[Exception], function: Callable[..., Any], *arguments: Any) -> None:
    try:
        function(*arguments)
    except error:
        return
    raise AssertionError(f"{function.__name__} accepted {arguments}")


if __name__ == "__main__":
    for name, data in make_vectors().items():
        path = VECTORS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
