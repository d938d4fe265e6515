"""``kouan financing``: the bank's side, on a real ledger."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.cli.conftest import NUMBER, OWNER, Kouan, one_line
from tests.cli.loans import BANK, OTHER_BANK, REGISTERED, SECOND, consent, declare, done, hold, lend, on

TERMS = ("--product", "export-bill", "--maturity", "2099-06-30", "--as", BANK)


def test_the_worked_example(kouan: Kouan) -> None:
    """312,500 attested, 80 % financeable, all of it lent; the buyer pays 311,960 for good; the loan is repaid."""
    declare(kouan)
    slip = consent(kouan, f"{NUMBER}:250000.00 USD")
    placed = done(kouan("financing", "hold", slip, *TERMS, "--pdf", "advice.pdf", "--json")).json
    assert (placed["amount_minor"], placed["currency"], placed["customer"]) == (25_000_000, "USD", OWNER)
    assert placed["declarations"][0]["attested"] == 31_250_000
    assert "受理通知" in _pdf("advice.pdf")
    loan = placed["financing"]

    paid_out = done(on(kouan, BANK, "disburse", loan, *REGISTERED))
    assert "USD 250,000.00" in paid_out.out
    collected = done(
        kouan("financing", "collect", f"--financing={loan}", "--amount", "311960.00 USD", "--final", "--as", BANK)
    )
    assert "USD 311,960.00" in collected.out
    assert "USD 540.00" in collected.out

    repaid = on(
        kouan, BANK, "repay", loan, "--amount", "250,000.00 USD", "--interest", "2812.50 USD", "--payer", "buyer"
    )
    assert "USD 250,000.00" in done(repaid).out
    shown = done(on(kouan, BANK, "show", loan, "--json", "--pdf", "statement.pdf")).json
    assert (shown["state"], shown["outstanding_minor"], shown["interest_minor"]) == ("settled", {"USD": 0}, 281_250)
    assert [entry["kind"] for entry in shown["history"]] == ["disbursement", "repayment"]
    assert [entry["balance_minor"] for entry in shown["history"]] == [{"USD": 25_000_000}, {"USD": 0}]
    statement = _pdf("statement.pdf")
    for text in ("融资明细", "USD 540.00", "USD 2,812.50", NUMBER, OWNER):
        assert text in statement


def test_a_second_bank_is_told_what_is_still_free_and_not_who_lent(kouan: Kouan) -> None:
    """In both languages, with the next step, and with the lender's name nowhere."""
    declare(kouan)
    lend(kouan, f"{NUMBER}:250000.00 USD")
    slip = consent(kouan, f"{NUMBER}:1000.00 USD", bank=OTHER_BANK)
    terms = ("--product", "export-bill", "--maturity", "2099-06-30", "--as", OTHER_BANK)
    refused = kouan("financing", "hold", slip, *terms)
    assert refused.code == 1
    assert "declaration …0101: already financed on this ledger: free USD 0.00 of 250,000.00" in refused.err
    assert "QUOTA_EXCEEDED" in refused.err
    chinese = kouan("financing", "hold", slip, *terms, "--lang", "zh")
    assert "报关单 …0101：已在本账本上融资：可融资余额 USD 0.00，共 250,000.00" in chinese.err
    as_json = kouan("financing", "hold", slip, *terms, "--json")
    assert as_json.json["refused"]["name"] == "QUOTA_EXCEEDED"
    for said in (refused, chinese, as_json):
        assert BANK not in said.out + said.err
    assert done(kouan("financing", "list", "--as", OTHER_BANK, "--json")).json["loans"] == []


def test_more_than_a_fresh_declaration_carries_is_not_called_financed(kouan: Kouan) -> None:
    declare(kouan)
    slip = consent(kouan, f"{NUMBER}:250000.01 USD")
    refused = kouan("financing", "hold", slip, *TERMS)
    assert refused.code == 1
    assert "more than it carries: free USD 250,000.00 of 250,000.00" in refused.err


def test_repayments_fill_the_declarations_in_order_and_receipts_go_by_what_is_attested(kouan: Kouan) -> None:
    declare(kouan)
    declare(kouan, SECOND, 100_000)
    loan = lend(kouan, f"{SECOND}:80000.00 USD", f"{NUMBER}:250000.00 USD")
    repaid = done(on(kouan, BANK, "repay", loan, "--amount", "100000.00 USD", "--json")).json
    parts = {part["declaration"]: part["amount_minor"] for part in repaid["declarations"]}
    assert parts == {SECOND: 8_000_000, NUMBER: 2_000_000}
    too_much = on(kouan, BANK, "repay", loan, "--amount", "230000.01 USD")
    one_line(too_much, "more than what is outstanding, USD 230,000.00")
    explicit = done(on(kouan, BANK, "repay", loan, "--part", f"{NUMBER}:30000.00 USD", "--json")).json
    assert {part["declaration"]: part["outstanding_minor"] for part in explicit["declarations"]} == {
        SECOND: 0,
        NUMBER: 20_000_000,
    }
    collected = kouan(
        *("financing", "collect", f"--financing={loan}", "--amount", "41250.00 USD", "--as", BANK, "--json")
    )
    amounts = {part["declaration"]: part["amount_minor"] for part in done(collected).json["declarations"]}
    assert amounts == {SECOND: 1_000_000, NUMBER: 3_125_000}


def test_a_loan_in_another_currency(kouan: Kouan) -> None:
    """The rate is recorded at the hold; a repayment in the loan's currency leads back by it."""
    declare(kouan)
    loan = hold(kouan, f"{NUMBER}:100000.00 USD", more=("--currency", "CNY", "--rate", "USD=7.1234"))
    done(on(kouan, BANK, "disburse", loan, *REGISTERED))
    repaid = done(on(kouan, BANK, "repay", loan, "--amount", "712340.00 CNY", "--json")).json
    assert (repaid["state"], repaid["declarations"][0]["amount_minor"]) == ("settled", 10_000_000)


def test_a_loan_in_another_currency_owes_and_shows_its_own(kouan: Kouan) -> None:
    """Two payments that add up to what is owed settle it, and what was paid stands there to the cent."""
    declare(kouan)
    loan = hold(kouan, f"{NUMBER}:70000.00 USD", more=("--currency", "CNY", "--rate", "USD=7.1234"))
    part = done(on(kouan, BANK, "disburse", loan, *REGISTERED, "--amount", "1000.01 CNY", "--json")).json
    assert (part["own_minor"], part["owed_minor"], part["declarations"][0]["amount_minor"]) == (
        100_001,
        100_001,
        14_039,
    )
    done(on(kouan, BANK, "disburse", loan))
    assert "CNY 498,638.00 (USD 70,000.00)" in " ".join(done(on(kouan, BANK, "show", loan)).out.split())
    repaid = done(on(kouan, BANK, "repay", loan, "--amount", "100000.55 CNY"))
    assert "CNY 398,637.45" in repaid.out
    one_line(on(kouan, BANK, "repay", loan, "--amount", "398637.46 CNY"), "what is outstanding, CNY 398,637.45")
    one_line(on(kouan, BANK, "repay", loan, "--amount", "0.01 CNY"), "CNY 0.01 is below USD 0.01")
    done(on(kouan, BANK, "repay", loan, "--amount", "398637.45 CNY"))
    shown = done(on(kouan, BANK, "show", loan, "--json", "--pdf", "statement.pdf")).json
    assert (shown["state"], shown["outstanding_minor"], shown["owed_minor"]) == ("settled", {"USD": 0}, 0)
    assert [entry["own_minor"] for entry in shown["history"]] == [100_001, 49_763_799, 10_000_055, 39_863_745]
    assert [entry["own_balance_minor"] for entry in shown["history"]] == [100_001, 49_863_800, 39_863_745, 0]
    statement = " ".join(_pdf("statement.pdf").split())
    assert "CNY 100,000.55" in statement


def test_a_mistake_is_reversed_by_a_second_person(kouan: Kouan) -> None:
    declare(kouan)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    done(on(kouan, BANK, "repay", loan, "--amount", "1000.00 USD"))
    alone = on(kouan, BANK, "reverse", loan, "--entry", "2")
    assert alone.code == 1
    assert "REVERSAL_SAME_KEY" in alone.err
    done(on(kouan, BANK, "reverse", loan, "--entry", "2", "--key", "checker"))
    shown = done(on(kouan, BANK, "show", loan, "--json")).json
    assert shown["outstanding_minor"] == {"USD": 25_000_000}
    assert [entry["balance_minor"]["USD"] for entry in shown["history"]] == [25_000_000, 24_900_000, 25_000_000]
    wrong = done(kouan("financing", "collect", "--part", f"{NUMBER}:5.00 USD", "--as", BANK, "--json")).json
    back = ("financing", "reverse", f"--collection={wrong['collection']}", "--as", BANK)
    done(kouan(*back, "--key", "checker"))


def test_csv_and_json_together_are_refused(kouan: Kouan) -> None:
    ran = kouan("financing", "list", "--csv", "--json", "--as", "bank-of-huangpu")
    assert (ran.code, ran.json["error"]["field"]) == (2, "--csv")


def test_hold_extend_release(kouan: Kouan) -> None:
    """A hold is extended once; released, it frees the declaration and the loan stays as released."""
    declare(kouan)
    loan = hold(kouan, f"{NUMBER}:250000.00 USD")
    before = done(on(kouan, BANK, "show", loan, "--json")).json["lapse_ms"]
    assert done(on(kouan, BANK, "extend", loan, "--json")).json["lapse_ms"] > before
    again = on(kouan, BANK, "extend", loan)
    assert (again.code, "HOLD_EXTENDED_ALREADY" in again.err) == (1, True)
    assert "released" in done(on(kouan, BANK, "release", loan, "--reason", "withdrawn")).out
    hold(kouan, f"{NUMBER}:250000.00 USD")


def test_money_needs_a_registration_first(kouan: Kouan) -> None:
    declare(kouan)
    loan = hold(kouan, f"{NUMBER}:250000.00 USD")
    refused = on(kouan, BANK, "disburse", loan)
    assert (refused.code, "REGISTRATION_MISSING" in refused.err) == (1, True)
    partly = on(kouan, BANK, "disburse", loan, "--registration", "071")
    one_line(partly, "--registration", "--searched TIME")
    number = ("--registration", "071")
    early = (*number, "--searched", "2099-11-22T10:30", "--registered-until", "2099-12-31")
    one_line(on(kouan, BANK, "disburse", loan, *early), "--searched", "is in the future")
    late = (*number, "--searched", "2019-11-22T10:30", "--registered-until", "2020-11-21")
    one_line(on(kouan, BANK, "disburse", loan, *late), "--registered-until", "is past")
    done(on(kouan, BANK, "disburse", loan, *REGISTERED, "--amount", "100000.00 USD"))
    rest = done(on(kouan, BANK, "disburse", loan, "--json")).json
    assert rest["declarations"][0]["outstanding_minor"] == 25_000_000


def test_list_and_overdue(kouan: Kouan) -> None:
    """At a later day what is owed is overdue, in the table, as CSV and as JSON."""
    declare(kouan)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    assert loan in done(kouan("financing", "list", "--as", BANK)).out
    assert done(kouan("financing", "overdue", "--as", BANK, "--json")).json["loans"] == []
    assert done(kouan("financing", "overdue", "--at", "2099-06-29", "--as", BANK, "--json")).json["loans"] == []
    month_end = ("financing", "overdue", "--at", "2099-07-31", "--as", BANK)
    (late,) = done(kouan(*month_end, "--json")).json["loans"]
    assert (late["id"], late["days_overdue"], late["flags"]) == (loan, 31, ["overdue"])
    (row,) = csv.DictReader(io.StringIO(done(kouan(*month_end, "--csv")).out))
    assert (row["id"], row["outstanding_minor"], row["maturity"]) == (loan, "25000000", "2099-06-30")
    done(on(kouan, BANK, "extend", loan, "--maturity", "2099-12-31"))
    assert done(kouan(*month_end, "--json")).json["loans"] == []


def test_an_amended_declaration_is_reviewed(kouan: Kouan) -> None:
    """Customs lowers what is attested below what is lent: the loan is flagged until the bank answers."""
    declare(kouan)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    done(
        kouan(
            *("customs", "amend", NUMBER, "--reason", "short-shipment", "--amount", "200000.00 USD"),
            *("--as", "shanghai-customs"),
        )
    )
    (listed,) = done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"]
    assert listed["flags"] == ["under-review"]
    done(on(kouan, BANK, "review", loan, "--declaration", NUMBER, "--answer", "other-security"))
    assert done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"][0]["flags"] == []
    done(on(kouan, BANK, "write-off", loan, "--reason", "fraud"))
    assert done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"][0]["flags"] == ["written-off"]


def test_another_declaration_takes_the_place_of_one_that_was_cut(kouan: Kouan) -> None:
    """What it no longer carries moves to the other one, with the owner's consent; nobody pays, and the flag is gone."""
    declare(kouan)
    declare(kouan, SECOND)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    cut = ("--reason", "short-shipment", "--amount", "200000.00 USD", "--as", "shanghai-customs")
    done(kouan("customs", "amend", NUMBER, *cut))
    done(kouan("enterprise", "receive"))
    of = ("--declaration", f"{SECOND}:90000.00 USD", "--out", "new.json")
    asked = done(kouan("enterprise", "consent", "--bank", BANK, f"--financing={loan}", *of))
    assert f"kouan financing substitute {loan} new.json" in asked.out
    unequal = kouan("financing", "substitute", "--part", f"{NUMBER}:80000 USD", "--as", BANK, "--", loan, "new.json")
    assert (unequal.code, "SUBSTITUTE_UNEQUAL" in unequal.err) == (1, True)
    moved = done(
        kouan(
            "financing", "substitute", "--part", f"{NUMBER}:90000 USD", "--as", BANK, "--json", "--", loan, "new.json"
        )
    )
    stands = {one["declaration"]: one["outstanding_minor"] for one in moved.json["declarations"]}
    assert stands == {NUMBER: 160_000_00, SECOND: 90_000_00}
    (listed,) = done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"]
    assert listed["flags"] == []
    assert [one["declaration"] for one in listed["declarations"]] == [NUMBER, SECOND]


def test_a_second_substitution_onto_the_same_declaration_counts_what_stands_there(kouan: Kouan) -> None:
    """The owner signs what the loan draws on it in all, so the slip is over the sum."""
    declare(kouan)
    declare(kouan, SECOND)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    for total in ("50000", "80000"):
        of = ("--declaration", f"{SECOND}:{total} USD", "--out", f"{total}.json")
        done(kouan("enterprise", "consent", "--bank", BANK, f"--financing={loan}", *of))
    for off, slip, left in (("50000", "50000.json", 200_000_00), ("30000", "80000.json", 170_000_00)):
        at = ("--part", f"{NUMBER}:{off} USD", "--as", BANK, "--json", "--", loan, slip)
        stands = done(kouan("financing", "substitute", *at)).json["declarations"]
        assert stands[0]["outstanding_minor"] == left
    assert stands[1]["outstanding_minor"] == 80_000_00


def test_a_slip_for_another_loan_or_no_part_substitutes_nothing(kouan: Kouan) -> None:
    """Each is one line that says what would be right."""
    declare(kouan)
    declare(kouan, SECOND)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    slip = consent(kouan, f"{SECOND}:90000 USD")
    part = ("--part", f"{NUMBER}:90000 USD")
    one_line(kouan("financing", "substitute", *part, "--as", BANK, "--", loan, slip), f"--financing {loan}")
    one_line(kouan("financing", "substitute", "--as", BANK, "--", loan, slip), "--part")
    foreign = ("--bank", BANK, "--declaration", f"{SECOND}:1 USD", "--financing", "Zk3v", "--out", "x.json")
    one_line(kouan("enterprise", "consent", *foreign), "--financing", "22 characters")


def test_a_loan_is_sold(kouan: Kouan) -> None:
    """Both banks sign; from then on it stands in the buyer's list and not in the seller's."""
    declare(kouan)
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    early = on(kouan, OTHER_BANK, "accept", loan)
    assert (early.code, "OFFER_UNKNOWN" in early.err) == (1, True)
    done(on(kouan, BANK, "offer", loan, "--to", OTHER_BANK))
    done(on(kouan, OTHER_BANK, "accept", loan))
    assert done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"] == []
    (bought,) = done(kouan("financing", "list", "--as", OTHER_BANK, "--json")).json["loans"]
    assert (bought["id"], bought["customer"]) == (loan, "")
    assert f"Sold to {OTHER_BANK}" in " ".join(done(on(kouan, BANK, "show", loan)).out.split())
    one_line(on(kouan, BANK, "repay", loan, "--amount", "1.00 USD"), f"was sold to {OTHER_BANK}")


def test_a_bank_finds_what_is_offered_to_it(kouan: Kouan) -> None:
    """And nobody else does; an offer that is taken back or accepted is not shown, and one made anew is again."""

    def offered(to: str) -> list[str]:
        told = done(kouan("financing", "offers", "--as", to, "--json")).json["offers"]
        return [one["financing"] for one in told]

    declare(kouan)
    assert "nothing is offered" in done(kouan("financing", "offers", "--as", OTHER_BANK)).out
    loan = lend(kouan, f"{NUMBER}:250000.00 USD")
    refused = on(kouan, BANK, "offer", loan, "--to", "peoples-bank")
    assert (refused.code, offered(OTHER_BANK)) == (1, [])
    for _ in range(2):
        done(on(kouan, BANK, "offer", loan, "--to", OTHER_BANK))
        assert (offered(OTHER_BANK), offered(BANK)) == ([loan], [])
        done(on(kouan, BANK, "offer", loan, "--cancel"))
        assert offered(OTHER_BANK) == []
    done(on(kouan, BANK, "offer", loan, "--to", OTHER_BANK))
    shown = done(kouan("financing", "offers", "--as", OTHER_BANK)).out
    assert loan in shown
    assert "USD 250,000.00" in shown
    done(on(kouan, OTHER_BANK, "accept", loan))
    assert offered(OTHER_BANK) == []


def test_another_bank_refinances_with_the_old_lenders_slip(kouan: Kouan) -> None:
    """Pay-off and new draw are one step; without the slip there is nothing to pay off in one's own book."""
    declare(kouan)
    old = lend(kouan, f"{NUMBER}:250000.00 USD")
    slip = consent(kouan, f"{NUMBER}:250000.00 USD", bank=OTHER_BANK)
    new = json.loads(slip.read_text())["financing"]
    terms = ("--product", "order", "--maturity", "2099-06-30", f"--predecessor={old}", *REGISTERED, "--as", OTHER_BANK)
    one_line(kouan("financing", "refinance", slip, *terms), "the book has none")
    done(
        on(
            kouan,
            BANK,
            "payoff",
            old,
            "--to",
            OTHER_BANK,
            f"--successor={new}",
            "--interest",
            "10 USD",
            "--out",
            "p.json",
        )
    )
    done(kouan("financing", "refinance", slip, *terms, "--payoff", "p.json"))
    shown = done(on(kouan, BANK, "show", old, "--json")).json
    assert (shown["state"], shown["successor"], shown["interest_minor"]) == ("settled", new, 1000)
    assert done(on(kouan, OTHER_BANK, "show", new, "--json")).json["outstanding_minor"] == {"USD": 25_000_000}


def test_a_slip_is_looked_at_before_it_is_used(kouan: Kouan) -> None:
    declare(kouan)
    slip = consent(kouan, f"{NUMBER}:250000.00 USD")
    looked = done(kouan("financing", "check", slip, "--as", BANK))
    assert "custodial" in looked.out
    assert done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"] == []
    one_line(kouan("financing", "hold", slip, *TERMS[:-1], OTHER_BANK), "sealed to another bank's key")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"\xff\xfe", b'{"format":"kouan/consent/1"}', b"9" * 70_000])
def test_what_is_no_slip_is_one_line(kouan: Kouan, content: bytes) -> None:
    Path("bad.json").write_bytes(content)
    one_line(kouan("financing", "hold", "bad.json", *TERMS), "consent")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--maturity", "tomorrow"), "--maturity"),
        (("--maturity", "9999-12-31"), "--maturity"),
        (("--maturity", "2099-06-30", "--rate", "USD=7"), "--currency"),
        (("--maturity", "2099-06-30", "--currency", "CNY"), "rate: none for USD"),
        (("--maturity", "2099-06-30", "--currency", "CNY", "--rate", "USD=0"), "rate:"),
        (("--maturity", "2099-06-30", "--currency", "CNY", "--rate", "USD=7", "--rate", "USD=7"), "--rate"),
        (("--maturity", "2099-06-30", "--currency", "CNY", "--rate", "USD=7", "--rate", "EUR=8"), "rate: EUR"),
        (("--maturity", "2099-06-30", "--currency", "XAU", "--rate", "USD=7"), "currency"),
    ],
)
def test_bad_terms_are_one_line(kouan: Kouan, options: tuple[str, ...], part: str) -> None:
    declare(kouan)
    slip = consent(kouan, f"{NUMBER}:250000.00 USD")
    one_line(kouan("financing", "hold", slip, "--product", "export-bill", *options, "--as", BANK), part)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("repay", "nobody", "--amount", "1 USD"), "book has none"),
        (("repay", "", "--amount", "1 USD"), "book has none"),
        (("repay", "%", "--amount", "1 USD"), "book has none"),
        (("repay", "x", "--amount", "1.001 USD"), "at most 2 decimals"),
        (("repay", "x", "--amount", "-1 USD"), "--amount"),
        (("repay", "x", "--amount", "1"), "no currency"),
        (("repay", "x", "--amount", "1 USD", "--part", f"{NUMBER}:1 USD"), "--part"),
        (("collect", "--amount", "1 USD"), "name a loan"),
        (("collect", "--part", "1 USD"), "--part"),
        (("collect", "--part", f"{NUMBER}:1 USD"), "no slip for it"),
        (("reverse", "x"), "--entry"),
        (("offer", "x"), "--to"),
        (("overdue", "--at", "2026-02-30"), "--at"),
    ],
)
def test_bad_input_is_one_line(kouan: Kouan, arguments: tuple[str, ...], part: str) -> None:
    one_line(kouan("financing", *arguments, "--as", BANK), part)


def test_nobody_acts_without_a_name(kouan: Kouan) -> None:
    one_line(kouan("financing", "list"), "--as")


@pytest.mark.parametrize("verb", ["hold", "repay", "collect", "show", "overdue", "refinance", "substitute"])
def test_help_shows_examples(kouan: Kouan, verb: str) -> None:
    assert f"kouan financing {verb}" in done(kouan("financing", verb, "--help")).out


def _pdf(path: str) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(path).pages)
    return text.replace("\0", "")  # what the reader makes of two-byte glyph codes
