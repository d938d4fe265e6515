"""``kouan financing`` on a bank's first day and every evening, on a real ledger."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.conftest import NUMBER, OWNER, Kouan, Ran, one_line, run
from tests.cli.loans import BANK, OTHER_BANK, SECOND, declare, done, lend, on

from kouan.client.founding_desk import SHANGHAI
from kouan.kernel.encoding import MAX_INTEGER

HEAD = "reference,customer,product,currency,opened,maturity,declaration,outstanding,quota,exported\n"


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A port founded with a charter that lets banks bring loans in; not to be written to."""
    home = tmp_path_factory.mktemp("opened")
    cast = msgspec.structs.replace(SHANGHAI, charter={"financing.bring_in_until_ms": MAX_INTEGER})
    (home / "cast.json").write_bytes(msgspec.json.encode(cast))
    done(run("init", home / "port", "--members", home / "cast.json"))
    onboard = ("enterprise", "onboard", OWNER, "--name", "Lingang Lamps", "--as", "commerce-commission")
    done(run(*onboard, "--port", home / "port"))
    return home / "port"


@pytest.fixture
def day_zero(opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kouan:
    """Run ``kouan`` on such a port of the test's own."""
    shutil.copytree(opened, tmp_path / "port")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def on_port(*arguments: str | Path, env: dict[str, str] | None = None) -> Ran:
        return run(*arguments, env={"KOUAN_PORT": str(tmp_path / "port"), **(env or {})})

    return on_port


def quota_of(kouan: Kouan, number: str = NUMBER) -> str:
    """As the owner's wallet shows it."""
    shown = done(kouan("enterprise", "declarations", "--json")).json["declarations"]
    quota: str = next(one["quota"] for one in shown if one["number"] == number)
    return quota


def line(kouan: Kouan, reference: str = "EB-1", outstanding: str = "200000.00", product: str = "export-bill") -> str:
    end = f"{NUMBER},{outstanding},{quota_of(kouan)},2019-11-12"
    return f"{reference},{OWNER},{product},USD,2019-11-15,2099-06-30,{end}\n"


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def rows(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(path).read_text("utf-8-sig"))))


def test_a_file_is_brought_in_and_conflicts_are_listed(day_zero: Kouan) -> None:
    """Two banks lent on one declaration before the ledger: both stand there, and each sees its own and the rest."""
    declare(day_zero)
    file = write("loans.csv", HEAD + line(day_zero))
    ours = done(day_zero("financing", "bring-in", file, "--as", BANK, "--report", "result.csv"))
    assert ("brought in 1" in ours.out, "No conflicts" in ours.out) == (True, True)
    (row,) = rows("result.csv")
    assert (row["line"], row["reference"], row["result"]) == ("2", "EB-1", "brought in")
    theirs = done(day_zero("financing", "bring-in", file, "--as", OTHER_BANK, "--json")).json
    (conflict,) = theirs["conflicts"]
    assert (conflict["own"], conflict["others"], conflict["beyond"]) == (20_000_000, 20_000_000, 15_000_000)
    listed = done(day_zero("financing", "conflicts", "--as", BANK, "--lang", "zh"))
    for text in ("冲突", NUMBER, "USD 150,000.00"):
        assert text in listed.out
    assert OTHER_BANK not in listed.out
    again = done(day_zero("financing", "bring-in", file, "--as", BANK, "--json")).json
    assert [one["result"] for one in again["lines"]] == ["there"]
    (shown,) = done(day_zero("financing", "list", "--as", BANK, "--json")).json["loans"]
    history = done(on(day_zero, BANK, "show", shown["id"], "--json", "--pdf", "statement.pdf")).json["history"]
    assert [entry["kind"] for entry in history] == ["brought-in"]


def test_a_bad_line_ends_with_two_and_the_others_are_in(day_zero: Kouan) -> None:
    """The report has every line, with the column and what would be right."""
    declare(day_zero)
    file = write("loans.csv", HEAD + line(day_zero, "BAD", product="gold") + line(day_zero))
    ran = day_zero("financing", "bring-in", file, "--as", BANK, "--report", "result.json")
    assert ran.code == 2
    assert "brought in 1, unusable 1" in ran.out
    bad, good = json.loads(Path("result.json").read_text())["lines"]
    assert (bad["line"], bad["column"], good["result"]) == (2, "product", "brought-in")
    assert "give one of export-bill" in bad["why"]


def test_while_it_is_closed_the_ledger_refuses(kouan: Kouan) -> None:
    """Exit code 1, the reason in the report and on the screen."""
    declare(kouan)
    ran = kouan("financing", "bring-in", write("loans.csv", HEAD + line(kouan)), "--as", BANK, "--json")
    assert ran.code == 1
    assert ran.json["lines"][0]["refused"]["name"] == "BRINGING_IN_CLOSED"
    assert ran.json["conflicts"] == []


@pytest.mark.parametrize(
    ("command", "data", "says"),
    [
        ("bring-in", b"\xff\xfea\0", "UTF-16"),
        ("bring-in", b"", "reference: the column is missing"),
        ("reconcile", b"reference,sum\n", "sum: there is no such column"),
        ("reconcile", b"\0", "no text"),
    ],
)
def test_a_file_that_is_no_table(kouan: Kouan, command: str, data: bytes, says: str) -> None:
    Path("bad.csv").write_bytes(data)
    one_line(kouan("financing", command, "bad.csv", "--as", BANK), "bad.csv:1", says)


def test_what_else_cannot_be_used(kouan: Kouan) -> None:
    """A report of an unknown kind, a file that is not there, a day that is none, a class of nobody."""
    write("a.csv", "reference\n")
    one_line(kouan("financing", "bring-in", "a.csv", "--as", BANK, "--report", "a.xls"), "--report", ".csv or .json")
    one_line(kouan("financing", "reconcile", "a.csv", "--as", BANK, "--csv", "a.json"), "--csv", ".csv")
    one_line(kouan("financing", "reconcile", "none.csv", "--as", BANK), "none.csv")
    one_line(kouan("financing", "reconcile", "a.csv", "--at", "soon", "--as", BANK), "--at", "2026-12-31")
    report = ("financing", "report", "trade-credit", "--as", BANK, "--at", "2020-01-31")
    one_line(kouan(*report, "--class", "B"), "--class", "--customer")
    one_line(kouan(*report, "--customer", "x"), "social credit code")


def test_only_a_bank_has_loans(kouan: Kouan, port: Path) -> None:
    """Customs is told so, and gets no book."""
    ran = kouan("financing", "report", "overdue", "--at", "2026-11-30", "--as", "shanghai-customs")
    one_line(ran, "--as", "shanghai-customs is no bank but customs")
    assert not (port / "members" / "shanghai-customs" / "book.db").exists()


def test_reconciling_ends_with_what_was_found(kouan: Kouan) -> None:
    """0 all matched, 1 differences, 2 a line that cannot be used; as a table, CSV and JSON."""
    declare(kouan)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    head = "业务编号,币种,未还余额,到期日\n"
    sound = f"{loan},USD,250000.00,2099-06-30\n"
    done(kouan("financing", "reference", "--as", BANK, "--", loan, "EB-7"))
    assert kouan("financing", "reconcile", write("own.csv", head + "EB-7" + sound[22:]), "--as", BANK).code == 0
    good = kouan("financing", "reconcile", write("loans.csv", head + sound), "--as", BANK)
    assert (good.code, good.out.strip()) == (0, "matched 1")
    other = sound.replace("2099-06-30", "2099-07-01")
    wrong = kouan("financing", "reconcile", write("loans.csv", head + other), "--as", BANK, "--csv", "out.csv")
    assert (wrong.code, "different 1" in wrong.out) == (1, True)
    (row,) = rows("out.csv")
    assert (row["field"], row["file"], row["ledger"]) == ("maturity", "2099-07-01", "2099-06-30")
    less = sound.replace("250000.00", "59000.00")
    kouan("financing", "reconcile", write("loans.csv", head + less), "--as", BANK, "--csv", "out.csv")
    (row,) = rows("out.csv")
    assert (row["field"], row["currency"]) == ("outstanding", "USD")
    assert (row["file"], row["ledger"]) == ("59000.00", "250000.00")
    both = write("loans.csv", head + "EB-9,USD,1,soon\nEB-8,USD,1,2099-06-30\n")
    bad = kouan("financing", "reconcile", both, "--as", BANK, "--json")
    assert bad.code == 2
    assert [one["result"] for one in bad.json["loans"]] == ["unusable", "missing-here", "missing-there"]
    assert bad.json["loans"][0]["problem"]["column"] == "maturity"
    chinese = kouan("financing", "reconcile", both, "--as", BANK, "--lang", "zh")
    assert "文件无此笔" in chinese.out


def test_a_lender_reads_what_happened_elsewhere(kouan: Kouan) -> None:
    """Money that reached another bank, an amendment; once, unless asked again."""
    declare(kouan)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    part = f"{quota_of(kouan)}:1000.00 USD"
    done(kouan("financing", "collect", "--part", part, "--as", OTHER_BANK))
    amend = ("customs", "amend", NUMBER, "--reason", "short-shipment", "--amount", "300000.00 USD")
    done(kouan(*amend, "--as", "shanghai-customs"))
    said = done(kouan("financing", "notices", "--as", BANK))
    for text in ("buyer's money at another bank", "USD 1,000.00", NUMBER, loan, "Wusong Trade Bank", "short-shipment"):
        assert text in said.out
    assert done(kouan("financing", "notices", "--as", BANK, "--json")).json["notices"] == []
    again = done(kouan("financing", "notices", "--since", "1", "--as", BANK, "--json")).json
    assert [(one["kind"], one["loans"]) for one in again["notices"]] == [("diversion", [loan]), ("amended", [loan])]
    assert "回款至他行" in done(kouan("financing", "notices", "--since", "1", "--as", BANK, "--lang", "zh")).out
    assert done(kouan("financing", "notices", "--as", OTHER_BANK, "--json")).json["notices"] == []
    done(on(kouan, BANK, "offer", loan, "--to", OTHER_BANK))
    offered = done(kouan("financing", "notices", "--as", OTHER_BANK)).out
    assert ("a loan is offered" in offered, loan in offered) == (True, True)


def test_reports_as_table_csv_and_json(kouan: Kouan) -> None:
    """Of one loan due on 30 June 2099."""
    declare(kouan)
    declare(kouan, SECOND, 100_000)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")

    def report(name: str, at: str, *more: str) -> Ran:
        return done(kouan("financing", "report", name, "--at", at, "--as", BANK, *more))

    (late,) = csv.DictReader(io.StringIO(report("overdue", "2099-08-01", "--csv").out))
    assert (late["loan"], late["days"], late["span"], late["outstanding"]) == (loan, "32", "31-90", "250000.00")
    assert report("overdue", "2099-06-30", "--json").json["loans"] == []
    coming: Any = report("maturities", "2099-06-30", "--json").json
    assert [(one["loan"], one["days"], one["outstanding_minor"]) for one in coming["loans"]] == [(loan, 0, 25_000_000)]
    assert coming["totals"] == [{"span": "0-7", "currency": "USD", "loans": 1, "outstanding_minor": 25_000_000}]
    assert "到期" in report("maturities", "2099-06-30", "--lang", "zh").out

    customer = ("--customer", OWNER)
    (credit,) = report("trade-credit", "2020-06-30", *customer, "--json").json["receivables"]
    assert (credit["kind"], credit["declaration"], credit["amount_minor"]) == ("deferred", NUMBER, 31_250_000)
    assert (credit["report_by"], credit["late"]) == ("2019-12-12", True)
    (row,) = csv.DictReader(io.StringIO(report("trade-credit", "2019-12-13", *customer, "--class", "B", "--csv").out))
    assert (row["kind"], row["days"], row["amount"]) == ("deferred", "31", "312500.00")
    assert "预计延期收款" in report("trade-credit", "2019-12-01", "--lang", "zh").out
    assert report("trade-credit", "2020-06-30", "--deferred-days", "40000", "--json").json["receivables"] == []
