"""``kouan quota``: what is free of a declaration, as each party may see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import EXAMPLES, NUMBER, OWNER, Kouan, one_line
from tests.cli.loans import BANK, OTHER_BANK, declare, done, hold, lend

CUSTOMS = "shanghai-customs"
IMPORT = "223320191000000202", "91310000MA1FL2QX71"


def test_customs_and_the_bank_find_a_declaration_by_its_number(kouan: Kouan) -> None:
    """Customs derives the handle; the bank knows it once it had the owner's slip, and not before."""
    declare(kouan)
    (by_customs,) = done(kouan("quota", "show", NUMBER, "--as", CUSTOMS, "--json")).json["quotas"]
    assert (by_customs["attested"], by_customs["available"], by_customs["unit"]) == (31_250_000, 25_000_000, "USD")
    one_line(kouan("quota", "show", NUMBER, "--as", BANK), "ask the owner for a slip")
    hold(kouan, f"{NUMBER}:100000.00 USD")
    (by_bank,) = done(kouan("quota", "show", NUMBER, "--as", BANK, "--json")).json["quotas"]
    assert (by_bank["quota"], by_bank["available"]) == (by_customs["quota"], 15_000_000)
    by_id = done(kouan("quota", "show", "--json", "--", by_customs["quota"])).json["quotas"]
    assert by_id[0]["held"] == 10_000_000


def test_another_banks_holds_are_a_sum_without_a_name(kouan: Kouan) -> None:
    declare(kouan)
    lend(kouan, f"{NUMBER}:50000.00 USD")
    hold(kouan, f"{NUMBER}:100000.00 USD")
    hold(kouan, f"{NUMBER}:70000.00 USD", bank=OTHER_BANK)
    shown = done(kouan("quota", "show", NUMBER, "--as", OTHER_BANK))
    (quota,) = done(kouan("quota", "show", NUMBER, "--as", OTHER_BANK, "--json")).json["quotas"]
    assert (quota["held"], quota["held_own"], quota["used"]) == (17_000_000, 7_000_000, 5_000_000)
    for amount in ("USD 70,000.00", "USD 100,000.00", "USD 30,000.00"):
        assert amount in shown.out
    assert BANK not in shown.out
    assert "可融资余额" in done(kouan("quota", "show", NUMBER, "--as", OTHER_BANK, "--lang", "zh")).out


def test_a_buyers_final_payment_leaves_nothing_free(kouan: Kouan) -> None:
    declare(kouan)
    loan = hold(kouan, f"{NUMBER}:1.00 USD")
    received = ("financing", "collect", "--part", f"{NUMBER}:311960.00 USD", "--final", "--as", BANK)
    assert "lends on this declaration" in kouan(*received).err
    done(kouan(*received, f"--financing={loan}"))
    assert "(final)" in done(kouan("quota", "show", NUMBER, "--as", BANK)).out


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("1", "18 digits"),
        ("../../etc/passwd", "ledger has none"),
        ("224820191000000101", "knows nothing of it"),
        ("A" * 43 + ".USD", "ledger has none"),
        ("", "18 digits"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_line(kouan: Kouan, name: str, part: str) -> None:
    one_line(kouan("quota", "show", name, "--as", BANK), part)


def test_a_number_needs_somebody_who_knows_it(kouan: Kouan) -> None:
    one_line(kouan("quota", "show", NUMBER), "--as")


def test_an_import_is_never_said_to_be_financeable(kouan: Kouan, attested: str) -> None:
    """In a list with an export it has a column of its own; alone, every view calls its free part payable abroad."""
    message = (EXAMPLES / "import-provisional-price.xml").read_text()
    number, owner = IMPORT
    Path("import.xml").write_text(message.replace(owner, OWNER))
    told = kouan("customs", "attest", "import.xml", "--as", "shanghai-customs", "--report", "r.json")
    assert told.code == 0, told.err
    assert "import " in told.out
    assert json.loads(Path("r.json").read_text())[0]["kind"] == "import"
    assert kouan("enterprise", "receive").code == 0
    mixed = kouan("enterprise", "declarations").out
    assert "May be financed" in mixed
    assert "May be paid abroad" in mixed
    lines = {name: next(line for line in mixed.splitlines() if name in line) for name in (attested, number)}
    ends = {title: mixed.splitlines()[0].index(title) + len(title) for title in ("financed", "abroad")}
    assert lines[attested][: ends["financed"]].endswith("95,424.00")
    assert lines[number][: ends["financed"]].endswith("  ")
    assert lines[number][: ends["abroad"]].rstrip()[-1].isdecimal()
    for lang, free, never in (("en", "May be paid abroad", "financed"), ("zh", "可付款余额", "可融资")):
        for shown in (
            kouan("customs", "show", number, "--as", "shanghai-customs", "--lang", lang),
            kouan("quota", "show", number, "--as", "shanghai-customs", "--lang", lang),
        ):
            assert free in shown.out, shown
            assert never not in shown.out
    slip = Path("consent.json")
    named = ("--declaration", f"{number}:1.00 JPY", "--bank", BANK, "--out", slip)
    done(kouan("enterprise", "consent", *named))
    for lang, free, never in (("en", "May be paid abroad, before", "financed,"), ("zh", "此前可付款余额", "可融资")):
        looked = kouan("financing", "check", slip, "--as", BANK, "--lang", lang)
        assert looked.code == 2, "nobody lends on an import"
        assert free in looked.out
        assert never not in looked.out
