"""The second verifier, in JavaScript, gives the first one's answers: on the vectors and on damaged files."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pycountry
import pytest
from tests.kernel.proof_cases import LAST_MOMENT_MS, proofs
from tests.kernel.proof_scene import TIME_MS, TRUST, Scene, quota
from tests.kernel.test_encoding import REFUSED

from kouan.client.verifier import UnusableError, verify_proof
from kouan.kernel.encoding import MAX_INTEGER, decode, encode, to_text
from kouan.kernel.proof import RecordStatement
from kouan.modules.alliance.founding import Founding, alliance_id
from kouan.modules.alliance.rules import Role

HERE = Path(__file__).parent
VECTORS = HERE.parents[1] / "vectors"
SCRIPT = HERE.parents[1] / "verifier" / "kouan-verify.js"
ISO = datetime.fromtimestamp(TIME_MS // 1000, UTC).isoformat()
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="Node, which runs the second verifier, is not installed")


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [str(NODE), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=300, **options)


def call(*calls: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Run many calls in one process of Node."""
    done = run(str(HERE / "batch.js"), input=json.dumps({"calls": calls}))
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def text(data: bytes) -> str:
    return b64encode(data).decode()


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_bytes())


def first_verifier(raw: bytes, trust: bytes, now_ms: int | None) -> dict[str, Any]:
    """The first verifier's answer in the form of the second's."""
    try:
        return {"value": msgspec.to_builtins(verify_proof(raw, trust, now_ms=now_ms))}
    except UnusableError:
        return {"error": "UnusableError"}


def test_every_case_of_the_vectors_has_the_same_verdict() -> None:
    """Word for word, in both languages."""
    folder = VECTORS / "proof"
    cases = vectors("proof/cases")
    files = [[text((folder / case[name]).read_bytes()) for name in ("file", "trust")] for case in cases]
    answers = call(*(("verify", *some, case["now_ms"]) for some, case in zip(files, cases, strict=True)))
    for case, answer in zip(cases, answers, strict=True):
        expected = {"error": "UnusableError"} if case["exit"] == 2 else {"value": case["verdict"]}
        assert answer == expected, case["file"]


def damaged() -> list[bytes]:
    """Proofs with each byte changed in one bit, and cut off at every length."""
    files = {name: raw for name, raw, _, _ in proofs()}
    some = []
    for name in ("available-beside-a-hold", "not-financed-unknown", "handover-incarnation"):
        raw = files[name]
        for at in range(len(raw)):
            mutated = bytearray(raw)
            mutated[at] ^= 1 << at % 7  # the eighth bit never makes ASCII
            some.append(bytes(mutated))
    raw = files["available"]
    return some + [raw[:length] for length in range(len(raw))]


def test_damaged_files_have_the_same_verdict_and_none_is_proven() -> None:
    """Thousands of them, in one process."""
    files = damaged()
    answers = call(*(("verify", text(raw), text(TRUST), None) for raw in files))
    for raw, answer in zip(files, answers, strict=True):
        assert answer == first_verifier(raw, TRUST, None), raw
        assert not answer.get("value", {}).get("proven"), raw


def odd_shapes() -> list[tuple[bytes, bytes]]:
    """A good proof and trust file, one of them with a value that only looks like the right one."""
    proof, trust = encode(Scene().record("member/filler-1")), decode(TRUST)
    founding = trust["founding"]
    member = founding["members"][0]
    statement = decode(proof)["statement"]
    statements: list[Any] = [statement | {"kind": kind} for kind in (["record"], [["record"]], "toString", None, True)]
    key = member["keys"]["main"]
    members: list[Any] = [
        {},
        [],
        member | {"more": 1},
        member | {"keys": {}},
        member | {"keys": {"Main": key}},
        member | {"keys": {"main": key | {"public": "x"}}},
        member | {"keys": {f"k{number}": key for number in range(257)}},
        member | {"roles": ["bank", "pirate"]},
        member | {"roles": {"bank": 1}},
        member | {"sealing": None},
    ]
    lists = [[one] for one in members] + [[], [member] * 257, {"0": member}]
    return [(encode(decode(proof) | {"statement": one}), TRUST) for one in statements] + [
        (proof, encode(trust | {"founding": founding | {"members": some}})) for some in lists
    ]


def test_odd_shapes_are_unusable_in_both() -> None:
    """A statement's kind in an array, members that are none: neither verifier reads on."""
    files = odd_shapes()
    for (proof, trust), answer in zip(
        files, call(*(("verify", text(proof), text(trust), None) for proof, trust in files)), strict=True
    ):
        assert answer == first_verifier(proof, trust, None) == {"error": "UnusableError"}, (proof, trust)


def test_an_alliance_with_every_role_is_known_to_both() -> None:
    """Neither keeps a list of roles that is shorter than the alliance's."""
    trust = decode(TRUST)
    member = trust["founding"]["members"][0]
    trust["founding"]["members"] = [member | {"id": f"some-{role}", "roles": [role]} for role in get_args(Role)]
    alliance = alliance_id(msgspec.convert(trust["founding"], Founding))
    scene = Scene()
    raw = encode(scene.prove(RecordStatement("operator"), checkpoint=scene.checkpoint(alliance=alliance)))
    (answer,) = call(("verify", text(raw), text(encode(trust)), None))
    assert answer == first_verifier(raw, encode(trust), None)
    assert answer["value"]["proven"]


def test_the_end_of_the_calendar_is_told_alike() -> None:
    """Up to the last moment of the year 9999, which is the last that a proof may name."""
    scene = Scene()
    raw = encode(scene.prove(RecordStatement("operator"), checkpoint=scene.checkpoint(time_ms=LAST_MOMENT_MS)))
    (answer,) = call(("verify", text(raw), text(TRUST), None))
    assert answer == first_verifier(raw, TRUST, None)
    assert "(9999-12-31 23:59:59 UTC)" in answer["value"]["en"]


def test_amounts_are_written_alike() -> None:
    """Every currency with its decimals, units that are no currency, and the largest number."""
    amounts = [0, 5, 99, 100, 12_345, 1_234_567, MAX_INTEGER]
    units = ["JPY", "USD", "BHD", "CLF", "PIECES", "KG1"]
    shown = [(unit, amount) for unit in units for amount in amounts]
    shown += [(currency.alpha_3, 123_456_789) for currency in pycountry.currencies]
    made = [quota(f"{unit} {amount}", unit=unit, limit=amount) for unit, amount in shown]
    scene = Scene(more={f"quota/{one.id}": one for one in made})
    files = [encode(scene.available(one, one.limit)) for one in made]
    answers = call(*(("verify", text(raw), text(TRUST), TIME_MS) for raw in files))
    for raw, answer in zip(files, answers, strict=True):
        assert answer == first_verifier(raw, TRUST, TIME_MS)
        assert answer["value"]["proven"]


def test_both_agree_on_canonical_json() -> None:
    """What the encoding refuses is refused; what it allows comes back as the same bytes."""
    allowed = [example["text"].encode() for example in vectors("encoding")["canonical"]]
    refused = [example["text"].encode() for example in vectors("encoding")["refused"]]
    refused += [parameters.values[0] for parameters in REFUSED]
    answers = call(*(("recode", text(data)) for data in allowed + refused))
    for data, answer in zip(allowed, answers, strict=False):
        assert b64decode(answer["value"]) == data
    for data, answer in zip(refused, answers[len(allowed) :], strict=True):
        # White space around a file is not part of it.
        assert answer == ({"error": "UnusableError"} if data.strip() == data else {"value": text(data.strip())}), data


def test_both_agree_on_signatures() -> None:
    """The edge cases on which libraries differ are refused here too."""
    suite = vectors("suite")
    examples = suite["signature"] + suite["accepted"] + suite["refused"]
    answers = call(
        *(
            (
                "isSigned",
                to_text(bytes.fromhex(example["key_hex"])),
                example["tag"],
                bytes.fromhex(example["message_hex"]).decode(),
                to_text(bytes.fromhex(example["signature_hex"])),
            )
            for example in examples
        )
    )
    for example, answer in zip(examples, answers, strict=True):
        assert answer == {"value": "why" not in example}, example


def test_both_agree_on_the_state_tree() -> None:
    """Every leaf of the vectors leads to its root, and the forged ones to none."""
    tree = vectors("tree")
    leaves = [(leaf, case["state_root"]) for case in tree["cases"] for leaf in case["leaves"]]
    forged = [(example["leaf"], example["state_root"]) for example in tree["refused"]]
    answers = call(*(("root", leaf) for leaf, _ in leaves + forged))
    for (leaf, root), answer in zip(leaves, answers, strict=False):
        assert to_text(b64decode(answer["value"])) == root, leaf
    for (leaf, root), answer in zip(forged, answers[len(leaves) :], strict=True):
        assert "error" in answer or to_text(b64decode(answer["value"])) != root, leaf


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["available.json", "--archival"], 0, "Proven: "),
        (["available.json", "--now", str(TIME_MS)], 0, "Mode: live"),
        (["available.json", "--now", str(2 * TIME_MS)], 1, "未能证明"),
        (["available.json"], 1, "step 9 failed"),
        (["not-financed-used.json", "--archival"], 1, "step 8 failed"),
        (["unusable-cut-off.json", "--archival"], 2, "proof: "),
        (["no-such-file.json", "--archival"], 2, "no-such-file.json"),
        (["available.json", "--archival", "--now", "1"], 2, "--now"),
        (["available.json", "--now", "soon"], 2, "--now"),
        (["available.json", "--now", "2026-11-22T10:30:00"], 2, "--now"),
        (["available.json", "--now", ISO], 0, "Mode: live"),
        (["available.json", "--now", ISO, "--json"], 0, '"proven": true'),
        (["available.json", "--frobnicate"], 2, "usage: "),
        ([], 2, "usage: "),
    ],
)
def test_exit_codes_of_the_command(arguments: list[str], code: int, said: str) -> None:
    """0: proven, 1: not proven, 2: unusable; a verdict goes to standard output, an error to standard error."""
    done = run(str(SCRIPT), *arguments, "--trust", "alliance.json", cwd=VECTORS / "proof")
    assert done.returncode == code
    assert said in (done.stderr if code == 2 else done.stdout)
    assert (done.stdout if code == 2 else done.stderr) == ""


@pytest.mark.parametrize(
    ("name", "field"), [("no-such-file.json", "no-such-file.json"), ("unusable-cut-off.json", "proof")]
)
def test_with_json_an_error_is_a_document_too(name: str, field: str) -> None:
    """In the shape of `kouan verify`."""
    done = run(str(SCRIPT), name, "--trust", "alliance.json", "--archival", "--json", cwd=VECTORS / "proof")
    said = json.loads(done.stdout)["error"]
    assert (done.returncode, said["field"], set(said)) == (2, field, {"field", "problem"})


def test_a_page_can_use_it() -> None:
    """As a plain script, without Node's modules, it offers one name."""
    proofs_folder = VECTORS / "proof"
    files = [SCRIPT, proofs_folder / "available.json", proofs_folder / "alliance.json"]
    done = run(str(HERE / "page.js"), *map(str, files))
    assert (done.stdout, done.stderr) == ("true\n", "")
