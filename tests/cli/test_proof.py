"""``kouan proof make`` and ``kouan verify``: shown outside, checked outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.cli.conftest import NUMBER, OWNER, Kouan, Ran, one_line, run
from tests.cli.loans import BANK, OTHER_BANK, declare, done, hold, lend


@pytest.fixture
def lent(kouan: Kouan) -> str:
    """A declaration with USD 50,000 lent on it and nothing held; the loan's id."""
    declare(kouan)
    return lend(kouan, f"{NUMBER}:50000.00 USD")


def _verify(port: Path, *options: str, proof: str = "proof.json") -> Ran:
    return run("verify", proof, "--trust", port / "alliance.json", *options)


def test_what_is_free_is_proven_offline(kouan: Kouan, port: Path, lent: str) -> None:
    """The sentence names amount and height, the receipt carries the same fingerprint in its code."""
    made = kouan(
        *(
            "proof",
            "make",
            "--declaration",
            NUMBER,
            "--out",
            "proof.json",
            "--pdf",
            "receipt.pdf",
            "--as",
            BANK,
            "--json",
        )
    )
    said = done(made).json
    verified = done(_verify(port))
    assert "USD 200,000.00" in verified.out
    assert "可融资余额为 USD 200,000.00" in done(_verify(port, "--lang", "zh")).out
    verdict = done(_verify(port, "--archival", "--json")).json
    assert (verdict["proven"], verdict["mode"], verdict["height"]) == (True, "archival", said["height"])
    assert verdict["fingerprint"] == said["fingerprint"]
    prefix, alliance, height, kind, subject, fingerprint = said["qr"].split(":")
    trust = json.loads((port / "alliance.json").read_text())
    assert (prefix, kind, int(height), fingerprint) == ("KOUAN1", "available", said["height"], said["fingerprint"])
    assert subject == said["subject"]
    assert len(alliance) == 8
    assert trust["format"] == "kouan/trust/1"
    receipt = "".join("".join(page.extract_text() for page in PdfReader("receipt.pdf").pages).replace("\0", "").split())
    for text in ("核验回单", "USD200,000.00", NUMBER, OWNER, said["qr"], "nothingwider"):
        assert text in receipt


def test_a_claim_that_is_not_true_gives_no_file(kouan: Kouan, lent: str) -> None:
    ran = kouan("proof", "make", "--declaration", NUMBER, "--claim", "not-financed", "--out", "no.json", "--as", BANK)
    assert ran.code == 1
    assert "a part is drawn or held" in ran.out
    assert not Path("no.json").exists()


def test_not_financed_and_financed(kouan: Kouan, port: Path) -> None:
    """A declaration that nobody lent on, and, once lent on, the loan."""
    declare(kouan)
    customs = ("--as", "shanghai-customs")
    done(kouan("proof", "make", "--declaration", NUMBER, "--claim", "not-financed", "--out", "proof.json", *customs))
    assert "is not financed on this ledger at height" in done(_verify(port)).out
    loan = lend(kouan, f"{NUMBER}:50000.00 USD")
    made = ("--claim", "financed", "--out", "loan.json", "--pdf", "loan.pdf", "--as", BANK)
    done(kouan("proof", "make", f"--financing={loan[:8]}", *made))
    receipt = "".join("".join(page.extract_text() for page in PdfReader("loan.pdf").pages).replace("\0", "").split())
    for said in (
        f"融资编号Loan{loan}",
        f"融资银行Lender{BANK}",
        "USD50,000.00",
        f"报关单号Declaration{NUMBER}",
        "放款及未还余额",
    ):
        assert said in receipt
    assert (
        "paid out USD 50,000.00 of USD 50,000.00 agreed, outstanding USD 50,000.00) is not settled"
        in done(_verify(port, proof="loan.json")).out
    )
    done(kouan("proof", "make", f"--financing={loan}", "--claim", "record", "--out", "record.json"))
    assert done(_verify(port, proof="record.json")).code == 0


def test_customs_proves_that_a_number_was_never_attested(kouan: Kouan, port: Path) -> None:
    """It can derive the handle, in the currency it names; a bank that has no slip cannot."""
    number = f"{NUMBER[:-4]}9999"
    make = ("proof", "make", "--declaration", number, "--claim", "not-financed", "--out", "absent.json")
    one_line(kouan(*make, "--as", "shanghai-customs"), "not attested on this ledger", "name the currency")
    one_line(kouan(*make, "--currency", "QQQ", "--as", "shanghai-customs"), "not attested on this ledger")
    one_line(kouan(*make, "--currency", "USD", "--as", BANK), "ask the owner for a slip")
    done(kouan(*make, "--currency", "USD", "--as", "shanghai-customs"))
    assert "is not financed on this ledger at height" in done(_verify(port, proof="absent.json")).out


def test_a_loan_only_held_is_not_financed_by_it(kouan: Kouan) -> None:
    declare(kouan)
    loan = hold(kouan, f"{NUMBER}:50000.00 USD")
    ran = kouan("proof", "make", f"--financing={loan}", "--out", "no.json", "--as", BANK)
    assert (ran.code, Path("no.json").exists()) == (1, False)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ((), "exactly one"),
        (("--declaration", NUMBER, "--financing", "x"), "exactly one"),
        (("--declaration", "123"), "18 digits"),
        (("--quota", "x"), "--quota"),
        (("--quota", "A" * 43 + ".USD"), "ledger has none"),
        (("--financing", "x" * 21), "book has none"),
        (("--financing", "A" * 22), "ledger has none"),
        (("--quota", "A" * 43 + ".USD", "--claim", "financed"), "--claim"),
        (("--financing", "A" * 22, "--claim", "available"), "--claim"),
        (("--declaration", NUMBER, "--currency", "EUR"), "--currency"),
    ],
)
def test_bad_input_is_one_line(kouan: Kouan, lent: str, options: tuple[str, ...], part: str) -> None:
    one_line(kouan("proof", "make", *options, "--out", "no.json", "--as", BANK), part)


def test_verifying_names_the_step_that_failed(kouan: Kouan, port: Path, lent: str) -> None:
    """A changed amount fails at the statement, a late clock at the mode; both exit 1."""
    done(kouan("proof", "make", "--declaration", NUMBER, "--out", "proof.json", "--as", BANK))
    proof = json.loads(Path("proof.json").read_text())
    proof["statement"]["amount"] += 1
    Path("forged.json").write_text(json.dumps(proof, sort_keys=True, separators=(",", ":")))
    forged = _verify(port, "--json", proof="forged.json")
    assert (forged.code, forged.json["failure"], forged.json["failed_step"]) == (1, "other-amount", 8)
    late = _verify(port, "--now", "2099-01-01T00:00:00Z")
    assert (late.code, "step 9" in late.out) == (1, True)
    assert _verify(port, "--archival").code == 0


@pytest.mark.parametrize(
    ("content", "options", "part"),
    [
        (b"", (), "proof:"),
        (b"{}", (), "proof:"),
        (b"\xff", (), "proof:"),
        (b"[" * 100_000, (), "proof:"),
        (b" " * 600_000, (), "proof:"),
        (b"{}", ("--now", "yesterday"), "--now"),
        (b"{}", ("--now", "2026-01-01T00:00"), "time zone"),
        (b"{}", ("--now", "2026-01-01T00:00Z", "--archival"), "--now"),
    ],
)
def test_unusable_files_are_one_line(port: Path, content: bytes, options: tuple[str, ...], part: str) -> None:
    Path("bad.json").write_bytes(content)
    one_line(_verify(port, *options, proof="bad.json"), part)
    one_line(_verify(port, proof="missing.json"), "missing.json")
    one_line(run("verify", "bad.json", "--trust", "bad.json"), "trust file" if content.strip() else "")


def test_verification_loads_no_engine_and_needs_no_port() -> None:
    """What ``kouan verify`` imports before it reads a file, in a process of its own."""
    code = (
        "import sys; sys.argv = ['kouan', 'verify', 'none.json', '--trust', 'none.json']\n"
        "from kouan.cli.start import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n"
        "    loaded = [name for name in sys.modules if name.startswith(('kouan.engines', 'kouan.bootstrap', 'lmdb'))]\n"
        "    print(end.code, loaded)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "2 []"
    assert "none.json" in ran.stderr


def test_the_other_banks_book_knows_nothing_of_it(kouan: Kouan, lent: str) -> None:
    one_line(
        kouan("proof", "make", "--declaration", NUMBER, "--out", "no.json", "--as", OTHER_BANK),
        "ask the owner for a slip",
    )


@pytest.mark.parametrize(
    ("name", "options", "code", "said"),
    [
        ("followed", ["--archival"], 0, "Mode: archival"),
        ("followed", ["--now", "2026-08-01T00:00:00Z"], 0, "Mode: live"),
        ("followed", [], 1, "step 9 failed"),
        ("skip", ["--archival"], 1, "step 4 failed: validator sets are left out"),
        ("header-commit-with-little-power", ["--archival"], 1, "step 5 failed"),
        ("unusable-trust-unsigned", ["--archival"], 0, "Proven"),
        ("unusable-handovers", ["--archival"], 2, "proof: the file"),
    ],
)
def test_a_networks_proof_is_verified_with_the_same_exit_codes(
    name: str, options: list[str], code: int, said: str
) -> None:
    """0: proven, 1: not proven, 2: unusable; the sentence names the mode, or the step that failed."""
    folder = Path(__file__).parents[2] / "vectors" / "proof-network"
    ran = run("verify", folder / f"{name}.json", "--trust", folder / "alliance.json", "--lang", "en", *options)
    assert ran.code == code
    assert said in " ".join((ran.err if code == 2 else ran.out).split())
