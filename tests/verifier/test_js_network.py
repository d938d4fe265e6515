"""The second verifier gives the first one's answers on a network's headers and proofs, and on damaged files."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kernel.light_scene import TRUST
from tests.kernel.network_cases import NOW_MS, cases
from tests.verifier.test_js import HERE, NODE, SCRIPT, VECTORS, call, first_verifier, run, text, vectors

from kouan.client.verifier import MAX_BYTES, MAX_NETWORK_BYTES
from kouan.kernel.encoding import decode, encode, to_text

pytestmark = pytest.mark.skipif(NODE is None, reason="Node, which runs the second verifier, is not installed")
FILES = {case.name: case for case in cases()}


def test_every_case_of_the_vectors_has_the_same_verdict() -> None:
    """Word for word, in both languages."""
    folder = VECTORS / "proof-network"
    told = vectors("proof-network/cases")
    files = [[text((folder / case[name]).read_bytes()) for name in ("file", "trust")] for case in told]
    answers = call(*(("verify", *some, case["now_ms"]) for some, case in zip(files, told, strict=True)))
    for case, answer in zip(told, answers, strict=True):
        expected = {"error": "UnusableError"} if case["exit"] == 2 else {"value": case["verdict"]}
        assert answer == expected, case["file"]


def test_hashes_and_signed_bytes_are_the_same() -> None:
    """Of made-up headers, sets and votes, and of a real network's."""
    headers, sets, votes, network = (vectors(f"light/{name}") for name in ("headers", "sets", "votes", "network"))
    real = [block["signed"] for block in network["blocks"]]
    asked: list[tuple[Any, ...]] = [
        *(("headerHash", case["header"]) for case in headers),
        *(("setHash", case["validators"]) for case in sets),
        *(("signBytes", case["chain_id"], case, case) for case in votes),
    ]
    told = [case["hash_hex"] for case in headers + sets] + [case["sign_bytes_hex"] for case in votes]
    assert [answer["value"] for answer in call(*asked)] == told
    hashes = [answer["value"] for answer in call(*(("headerHash", one["header"]) for one in real))]
    assert [to_text(bytes.fromhex(value)) for value in hashes] == [one["commit"]["block_id"]["hash"] for one in real]
    trusted = {"chain_id": network["chain_id"], "height": 1, "time_ms": 0}
    checks = [
        ("checkHeader", trusted | {"validators": block["validators"]}, block["signed"], None)
        for block in network["blocks"]
    ]
    assert call(*checks) == [{}] * len(checks)


def test_votes_are_judged_alike() -> None:
    """Every edge case of ZIP-215."""
    signatures = vectors("light/zip215")
    asked = [
        ("isVoteSigned", *(case[name] for name in ("key_hex", "message_hex", "signature_hex"))) for case in signatures
    ]
    for case, answer in zip(signatures, call(*asked), strict=True):
        assert answer == {"value": case["valid"]}, case


def test_headers_and_steps_are_believed_or_refused_alike() -> None:
    """By the same name."""
    signed, steps = vectors("light/signed"), vectors("light/steps")
    asked: list[tuple[Any, ...]] = [("checkHeader", case["trusted"], case["signed"], case["now_ms"]) for case in signed]
    asked += [("advance", case["trusted"], case["step"], case["now_ms"], case["trust_period_ms"]) for case in steps]
    for case, answer in zip(signed + steps, call(*asked), strict=True):
        if "reason" in case:
            assert answer == {"error": "NotProven", "failure": case["reason"]}, case["what"]
        else:
            assert answer == ({"value": case["leads_to"]} if "leads_to" in case else {}), case["what"]


def damaged() -> list[bytes]:
    """A proof with a step, every nineteenth byte of it changed in one bit; and cut off here and there."""
    raw = FILES["skip"].proof
    some = []
    for at in range(0, len(raw), 19):
        mutated = bytearray(raw)
        mutated[at] ^= 1 << at % 6
        some.append(bytes(mutated))
    return some + [raw[:length] for length in range(0, len(raw), 97)]


def test_damaged_files_have_the_same_verdict_and_none_is_proven() -> None:
    """The statement's own text aside, every byte counts."""
    files = damaged()
    answers = call(*(("verify", text(raw), text(TRUST), NOW_MS) for raw in files))
    for raw, answer in zip(files, answers, strict=True):
        assert answer == first_verifier(raw, TRUST, NOW_MS), raw
        assert not answer.get("value", {}).get("proven"), raw


def test_both_refuse_the_same_trust_files() -> None:
    """Signatures that are missing, wrong, by a stranger or by a key that nobody has; validators that are none."""
    proof, trust = FILES["record"].proof, decode(TRUST)
    founding, signatures = trust["founding"], trust["signatures"]
    own, other = signatures["customs"], signatures["port"]
    validator = founding["validators"]["customs"]
    sets: list[Any] = [
        {},
        [],
        {"Customs": validator},
        {"customs": validator | {"power": 0}},
        {"customs": validator | {"power": 1_000_001}},
        {"customs": validator | {"public": "x"}},
        {f"v{number}": validator for number in range(65)},
    ]
    odd = [
        trust | {"signatures": {}},
        trust | {"signatures": {name: one for name, one in signatures.items() if name != "port"}},
        trust | {"signatures": signatures | {"customs": other}},
        trust | {"signatures": signatures | {"customs": own | {"key": "spare"}}},
        trust | {"signatures": signatures | {"customs": own | {"key": "constructor"}}},
        trust | {"signatures": signatures | {"stranger": own}},
        trust | {"format": "kouan/trust/1"},
        trust | {"founding": founding | {"operator": validator["public"]}},
        trust | {"founding": founding | {"engine": "embedded"}},
        *(trust | {"founding": founding | {"validators": some}} for some in sets),
    ]
    files = [encode(one) for one in odd]
    for file, answer in zip(files, call(*(("verify", text(proof), text(one), None) for one in files)), strict=True):
        assert answer == first_verifier(proof, file, None) == {"error": "UnusableError"}, file


def test_size_limits_are_those_of_the_format() -> None:
    """A network's proof may have eight times the bytes of an operator's."""
    raw = FILES["record"].proof
    operators = (VECTORS / "proof" / "available.json").read_bytes()
    trust = (VECTORS / "proof" / "alliance.json").read_bytes()
    for proof, against, limit in ((raw, TRUST, MAX_NETWORK_BYTES), (operators, trust, MAX_BYTES)):
        for more in (0, 1):
            padded = proof + b" " * (limit + more - len(proof))
            (answer,) = call(("verify", text(padded), text(against), None))
            assert answer == first_verifier(padded, against, None)
            assert answer.get("value", {}).get("proven", False) == (more == 0)


def test_the_command_verifies_them_too() -> None:
    """With the file that judges votes beside it."""
    done = run(str(SCRIPT), "followed.json", "--trust", "alliance.json", "--archival", cwd=VECTORS / "proof-network")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Mode: archival" in done.stdout


def test_a_page_that_loads_both_scripts_can_verify() -> None:
    """And one that forgot the first is told so."""
    folder = VECTORS / "proof-network"
    files = [folder / "followed.json", folder / "alliance.json"]
    both = run(str(HERE / "page.js"), str(SCRIPT), *map(str, files), str(SCRIPT.parent / "noble-ed25519.js"))
    assert (both.stdout, both.stderr) == ("true\n", "")
    alone = run(str(HERE / "page.js"), str(SCRIPT), *map(str, files))
    assert "noble-ed25519.js must be loaded before" in alone.stderr
