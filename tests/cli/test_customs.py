"""``kouan customs``: batches with bad files among them, and a declaration's life by its number."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pytest
from tests.cli.conftest import EXAMPLES, NUMBER, OWNER, Kouan, one_line

from kouan.client.keymaterial import seeded_entropy
from kouan.client.places import DRAW_MASTER, make_home
from kouan.client.wallet import filing_slip
from kouan.formats.single_window import read_declaration, write_declaration

CUSTOMS = ("--as", "shanghai-customs")
EXPORT = read_declaration((EXAMPLES / "export-general-trade.xml").read_bytes(), "x")


def folder_of(count: int) -> Path:
    """A folder with that many good declarations, the first numbered 1."""
    folder = Path.cwd() / "filings"
    folder.mkdir()
    for serial in range(1, count + 1):
        declaration = msgspec.structs.replace(EXPORT, entry_id=f"{NUMBER[:9]}{serial:09}")
        (folder / f"{serial:04}.xml").write_bytes(write_declaration(declaration))
    return folder


def test_a_folder_with_bad_files_among_good_ones(kouan: Kouan) -> None:
    """Bad XML in the middle, an unknown owner, a slip for another number, an empty file: each named, the rest done."""
    folder = folder_of(6)
    (folder / "0002.xml").write_text("<DecMessage")
    (folder / "0003.xml").write_bytes((EXAMPLES / "import-exhibits.xml").read_bytes())
    (folder / "0004.filing.json").write_text('{"format": "kouan/filing/1"}')
    (folder / "0005.xml").write_text("")
    ran = kouan("customs", "attest", folder, *CUSTOMS, "--report", "r.csv")
    assert ran.code == 2
    assert "2 attested, 0 refused, 4 unusable" in ran.out
    assert "Traceback" not in ran.err
    with Path("r.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    assert {name: row["result"] for name, row in rows.items()} == {
        "0001.xml": "attested",
        "0002.xml": "unusable",
        "0003.xml": "unusable",
        "0004.xml": "unusable",
        "0005.xml": "unusable",
        "0006.xml": "attested",
    }
    assert rows["0001.xml"]["amount"] == "USD 119,280.00"
    assert "91310118MA1JN9UW2K has no wallet here" in rows["0003.xml"]["why"]
    assert "0004.filing.json" in rows["0004.xml"]["why"]


def test_what_was_attested_before_is_refused_and_the_report_says_why(kouan: Kouan) -> None:
    folder = folder_of(2)
    assert kouan("customs", "attest", folder / "0001.xml", *CUSTOMS).code == 0
    ran = kouan("customs", "attest", folder, *CUSTOMS, "--report", "r.json", "--json")
    assert ran.code == 1
    documents = json.loads(Path("r.json").read_text())
    assert [document["result"] for document in documents] == ["refused", "attested"]
    assert documents[0]["quotas"][0]["refused"]["name"] == "QUOTA_EXISTS"
    assert ran.json["results"] == documents


def test_an_owner_without_a_wallet_is_named_with_file_line_and_field(kouan: Kouan, export: Path) -> None:
    """Its code's failing check character is told, and what to do; other traders are not."""
    declaration = msgspec.structs.replace(EXPORT, owner_uscc="91310115MA1K0LNG15")
    export.write_bytes(write_declaration(declaration))
    line = export.read_text().split("TradeCoScc")[0].count("\n") + 1
    ran = kouan("customs", "attest", export, *CUSTOMS)
    assert ran.code == 2
    assert f"{export}:{line}: DecHead/TradeCoScc: " in ran.out
    for said in ("check", "no wallet here", "kouan enterprise onboard 91310115MA1K0LNG15", ".filing.json"):
        assert said in ran.out
    assert OWNER not in ran.out


def test_more_files_than_one_step_takes(kouan: Kouan) -> None:
    """Two hundred and fifty files go in several steps; all of them arrive, and the screen does not list them."""
    ran = kouan("customs", "attest", folder_of(250), *CUSTOMS)
    assert ran.code == 0
    assert ran.out.strip().splitlines()[0] == "250 attested, 0 refused, 0 unusable"
    assert len(kouan("enterprise", "receive", "--json").json["received"]) == 250


def test_an_owner_with_a_wallet_elsewhere_gets_a_slip_as_a_file(kouan: Kouan, export: Path, tmp_path: Path) -> None:
    """Its filing slip lies beside the declaration; no wallet here is asked."""
    home = make_home(tmp_path / "elsewhere" / OWNER, seeded_entropy(b"own wallet"), secrets=(DRAW_MASTER,))
    declaration = msgspec.structs.replace(EXPORT, owner_uscc="91310000MA1FL2QX71")
    export.write_bytes(write_declaration(declaration))
    slip = filing_slip(home, NUMBER, custodial=False)
    export.with_suffix(".filing.json").write_bytes(msgspec.json.encode(slip))
    assert kouan("customs", "attest", export, *CUSTOMS, "--out", Path.cwd()).code == 0
    assert json.loads(Path(f"{NUMBER}.attestation.json").read_text())["format"] == "kouan/attestation/1"
    shown = kouan("customs", "show", NUMBER, *CUSTOMS, "--json").json
    assert shown["quotas"][0]["custodial"] is False


def test_the_amount_of_processing_is_typed(kouan: Kouan, export: Path) -> None:
    export.write_bytes(write_declaration(msgspec.structs.replace(EXPORT, trade_mode="0214")))
    refused = kouan("customs", "attest", export, *CUSTOMS)
    assert refused.code == 2
    assert "0214: of processing only the fee counts" in refused.out
    assert kouan("customs", "attest", export, "--amount", "12,000.50 USD", *CUSTOMS).code == 0
    assert kouan("customs", "show", NUMBER, *CUSTOMS, "--json").json["quotas"][0]["attested"] == 12_000_50


def test_a_declarations_life_by_its_number(kouan: Kouan, export: Path) -> None:
    def status() -> str:
        found: str = kouan("customs", "show", NUMBER, *CUSTOMS, "--json").json["quotas"][0]["status"]
        return found

    assert kouan("customs", "attest", export, "--stage", "filed", *CUSTOMS).code == 0
    assert status() == "suspended"
    assert kouan("customs", "stage", NUMBER, "--to", "closed", *CUSTOMS).code == 0
    assert status() == "active"
    assert kouan("customs", "suspend", NUMBER, "--reason", "document-check", *CUSTOMS).code == 0
    assert kouan("customs", "resume", NUMBER, "--reason", "check-passed", *CUSTOMS).code == 0
    again = kouan("customs", "resume", NUMBER, "--reason", "check-passed", *CUSTOMS)
    assert again.code == 1
    assert "DECLARATION_NOT_SUSPENDED" in again.out
    amend = ("customs", "amend", NUMBER, "--reason", "goods-returned", *CUSTOMS)
    assert kouan(*amend, "--amount", "100000 USD").code == 0
    assert kouan(*amend, "--amount", "USD 100,000.00").code == 1
    assert kouan("customs", "rekey", NUMBER, *CUSTOMS).code == 0
    assert "USD 100,000.00" in kouan("customs", "show", NUMBER, *CUSTOMS).out
    assert kouan("customs", "withdraw", NUMBER, "--reason", "not-exported", *CUSTOMS).code == 0
    assert status() == "withdrawn"


def test_an_amended_message_is_read_from_a_file(kouan: Kouan, attested: str) -> None:
    Path("amended.xml").write_bytes(write_declaration(msgspec.structs.replace(EXPORT, bill_no="CORRECTED-1")))
    amend = ("customs", "amend", attested, "--reason", "correction", *CUSTOMS)
    assert kouan(*amend, "--file", "amended.xml").code == 0
    assert kouan("enterprise", "receive").code == 0
    Path("amended.xml").write_text("<DecMessage")
    one_line(kouan(*amend, "--file", "amended.xml"), "amended.xml")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["attest", "missing.xml", "--stage", "gone"], ["--stage", "filed, released or closed"]),
        (["attest", "missing.xml", "--report", "r.xlsx"], ["--report", ".csv or .json"]),
        (["attest", "."], ["FILE", "no .xml file"]),
        (["attest", "a.xml", "b.xml", "--amount", "5 USD"], ["--amount", "one file"]),
        (["attest", "a.xml", "--amount", "five"], ["amount", "312500.00 USD"]),
        (["attest", "a.xml", "--amount", "5.001 USD"], ["at most 2 decimals"]),
        (["attest", "a.xml", "--amount", "5 USD", "--amount", "6 USD"], ["twice"]),
        (["stage", "123", "--to", "closed"], ["'123'", "18 digits"]),
        (["stage", NUMBER, "--to", "closed"], [NUMBER, "not attested"]),
        (["suspend", NUMBER, "--reason", "Not A Code"], ["--reason"]),
        (["amend", NUMBER, "--reason", "whim", "--amount", "5 USD"], ["--reason", "goods-returned"]),
        (["amend", NUMBER, "--reason", "correction"], ["--amount"]),
        (["amend", NUMBER, "--reason", "correction", "--amount", "5 XXX"], ["XXX"]),
        (["amend", NUMBER, "--reason", "correction", "--file", "none.xml"], ["none.xml"]),
        (["rekey", NUMBER, "--filing", "none.json"], ["none.json"]),
        (["show", "२२४८२०१९००००००१०१"], ["not a declaration number"]),
    ],
)
def test_unusable_input_is_one_line(kouan: Kouan, arguments: list[str], parts: list[str]) -> None:
    one_line(kouan("customs", *arguments, *CUSTOMS), *parts)


def test_a_missing_file_is_a_result_like_any_other(kouan: Kouan, export: Path) -> None:
    ran = kouan("customs", "attest", "missing.xml", export, *CUSTOMS, "--json")
    assert ran.code == 2
    assert [one["result"] for one in ran.json["results"]] == ["unusable", "attested"]


def test_only_customs_attests(kouan: Kouan, export: Path) -> None:
    one_line(kouan("customs", "attest", export, "--as", "bank-of-huangpu"), "act as customs")
    one_line(kouan("customs", "attest", export), "--as")


def test_a_report_cannot_plant_a_formula(kouan: Kouan) -> None:
    """A file whose name a spreadsheet would compute arrives as text."""
    Path("=1+1.xml").write_text("")
    kouan("customs", "attest", "=1+1.xml", *CUSTOMS, "--report", "r.csv")
    assert "\n'=1+1.xml," in Path("r.csv").read_text(encoding="utf-8-sig")
