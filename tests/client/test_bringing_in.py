"""A bank's file of outstanding loans: every line gets a result, nothing half done, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.client.port_scene import DAY_MS, NUMBER, OWNER, Scene, in_currencies, numbered
from tests.client.test_bank_desk import OTHER, bank

from kouan.client.bank import Bank
from kouan.client.bring_in_file import COLUMNS, Loan, loan_id, read_loan
from kouan.client.bringing_in import LineResult, bring_in
from kouan.client.conflicts import conflicts
from kouan.client.loan_statement import history
from kouan.client.portfolio import one_loan, portfolio
from kouan.client.servicing_desk import ServicingDesk
from kouan.formats.errors import FormatError
from kouan.formats.table_file import Line
from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection

SECOND = numbered(102)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A port on which loans may be brought in, with two declarations of USD 119,280.00, 80 % of it financeable."""
    made = Scene(tmp_path / "port", financing__bring_in_until_ms=MAX_INTEGER)
    made.attest()
    made.attest(SECOND)
    yield made
    made.close()


def quota_of(scene: Scene, number: str = NUMBER, unit: str = "USD") -> str:
    """What the owner's wallet shows."""
    with scene.wallet() as wallet:
        kept = {one.number: one for one in wallet.declarations()}[number]
    return next(quota for quota in kept.quotas if quota.endswith(unit))


def row(scene: Scene, reference: str = "EB-1", **cells: str) -> str:
    """A line of the file; a sound one unless told otherwise."""
    number = cells.get("declaration", NUMBER)
    sound = {
        "reference": reference,
        "customer": OWNER,
        "product": "export-bill",
        "currency": "USD",
        "opened": "2019-10-01",
        "maturity": "2020-01-31",
        "declaration": number,
        "outstanding": "50000.00",
        "quota": quota_of(scene, number if number in {NUMBER, SECOND.entry_id} else NUMBER),
        "exported": "2019-09-20",
    }
    return ",".join((sound | cells).get(column.name, "") for column in COLUMNS)


def table(*rows: str) -> bytes:
    return "\n".join([",".join(column.name for column in COLUMNS), *rows]).encode()


def outcomes(results: list[LineResult]) -> list[tuple[int, str, str]]:
    return [(result.line, result.outcome, result.column) for result in results]


def quota(scene: Scene, name: str) -> Quota:
    found = scene.reader.read(Quota, key_of(name))
    assert found is not None
    return found


def test_a_loan_on_two_declarations_is_one_command(scene: Scene) -> None:
    """It stands in the book with its customer, its numbers and the bank's reference, and in the list as any other."""
    file = table(row(scene), row(scene, declaration=SECOND.entry_id, outstanding="1000.00"))
    with bank(scene) as opened:
        results = bring_in(opened, file, "loans.csv")
        assert outcomes(results) == [(2, "brought-in", ""), (3, "brought-in", "")]
        (held,) = portfolio(opened)
        assert (held.view.state, held.view.outstanding) == ("disbursed", {"USD": 5_100_000})
        assert held.booked.customer == OWNER
        assert held.numbers == [NUMBER, SECOND.entry_id]
        assert opened.book.references() == {"EB-1": held.view.id}
        assert results[0].loan == held.view.id == loan_id(opened.private_key, "EB-1")
        (line,) = history(opened, held)
        assert (line.entry.kind, line.balance) == ("brought-in", {"USD": 5_100_000})
    assert (quota(scene, quota_of(scene)).used, quota(scene, quota_of(scene)).draws) == (5_000_000, 1)


def test_the_same_file_again_brings_nothing_in_twice(scene: Scene) -> None:
    """Nor after a break that left some of it undone, nor with other figures: those are said to differ."""
    first, both = table(row(scene)), table(row(scene), row(scene, "EB-2", declaration=SECOND.entry_id))
    with bank(scene) as opened:
        bring_in(opened, first, "a.csv")
        assert outcomes(bring_in(opened, both, "a.csv")) == [(2, "there", ""), (3, "brought-in", "")]
        assert outcomes(bring_in(opened, both, "a.csv")) == [(2, "there", ""), (3, "there", "")]
        (changed,) = bring_in(opened, table(row(scene, outstanding="40000")), "a.csv")
        assert (changed.outcome, "other amounts" in changed.why) == ("there", True)
        assert len(portfolio(opened)) == 2
        opened.book.strike(loan_id(opened.private_key, "EB-1"))
        bring_in(opened, first, "a.csv")
        assert len(portfolio(opened)) == 2
    assert quota(scene, quota_of(scene)).used == 5_000_000


def test_after_a_reversal_the_corrected_loan_comes_in_under_another_id(scene: Scene) -> None:
    with bank(scene) as opened:
        (wrong,) = bring_in(opened, table(row(scene)), "a.csv")
    with bank(scene, key="checker") as opened:
        assert wrong.loan is not None
        assert ServicingDesk(opened).reverse(wrong.loan, 1).accepted
        (right,) = bring_in(opened, table(row(scene, outstanding="40000")), "a.csv")
        assert (right.outcome, right.loan == wrong.loan) == ("brought-in", False)
        assert outcomes(bring_in(opened, table(row(scene, outstanding="40000")), "a.csv")) == [(2, "there", "")]
    assert quota(scene, quota_of(scene)).used == 4_000_000


def test_two_banks_have_other_ids_for_one_reference(scene: Scene) -> None:
    """And nobody without the bank's key can tell the reference from the id."""
    with bank(scene) as ours, bank(scene, OTHER) as theirs:
        assert loan_id(ours.private_key, "EB-1") != loan_id(theirs.private_key, "EB-1")
        ids = [loan_id(ours.private_key, f"EB-{n}") for n in range(300)]
        assert not any(one.startswith("-") for one in ids)
        assert len(set(ids)) == 300


def test_a_loan_in_another_currency_has_its_rate(scene: Scene) -> None:
    line = row(scene, currency="CNY", unit="USD", rate="7.1234", outstanding="100.00")
    with bank(scene) as opened:
        assert outcomes(bring_in(opened, table(line), "a.csv")) == [(2, "brought-in", "")]
        (held,) = portfolio(opened)
    assert (held.view.currency, held.view.amount, held.view.outstanding) == ("CNY", 71_234, {"USD": 10_000})


def test_an_odd_customer_is_brought_in_with_a_warning(scene: Scene) -> None:
    """A code with a wrong check character, and a borrower who is not the owner that the bank was told of."""
    wrong = OWNER[:-1] + ("5" if OWNER[-1] != "5" else "6")
    with bank(scene) as opened:
        (line,) = bring_in(opened, table(row(scene, customer=wrong)), "a.csv")
        assert (line.outcome, line.column) == ("brought-in", "customer")
        assert "by GB 32100 its check character would be" in line.why
        opened.book.know(quota_of(scene, SECOND.entry_id), SECOND.entry_id, OWNER)
        stranger = "91310000MA1FL0AA1" + "0"
        for _ in range(2):  # what the bank was told stays, so the same file again says it again
            (line,) = bring_in(
                opened, table(row(scene, "EB-2", declaration=SECOND.entry_id, customer=stranger)), "b.csv"
            )
            assert f"the declaration is {OWNER}'s" in line.why
        assert opened.book.owner_of(quota_of(scene, SECOND.entry_id)) == OWNER


def test_a_file_in_chinese(scene: Scene) -> None:
    """Names of columns and products, GB18030, a day in characters."""
    head = ",".join(column.chinese for column in COLUMNS)
    line = row(scene, product="出口押汇", opened="2019年10月1日")
    with bank(scene) as opened:
        results = bring_in(opened, f"{head}\r\n{line}\r\n".encode("gb18030"), "a.csv")
    assert outcomes(results) == [(2, "brought-in", "")]


@pytest.mark.parametrize(
    ("cells", "column", "says"),
    [
        ({"reference": ""}, "reference", "empty"),
        ({"customer": "123"}, "customer", "is not a unified social credit code"),
        ({"product": "gold"}, "product", "no product; give one of export-bill"),
        ({"currency": "XXX"}, "currency", "not an ISO 4217 currency"),
        ({"opened": "1.10.2019"}, "opened", "is no day; write it like"),
        ({"opened": "2020-02-01"}, "opened", "after the maturity"),
        ({"opened": "0001-01-01"}, "opened", "before 1970"),
        ({"maturity": "9999-12-31"}, "maturity", ""),
        ({"declaration": "2.2482E+17"}, "declaration", "spreadsheet"),
        ({"declaration": NUMBER[:8] + "1" + NUMBER[9:]}, "declaration", "is an import"),
        ({"outstanding": "0"}, "outstanding", "is 0"),
        ({"outstanding": "-5"}, "outstanding", "is not an amount"),
        ({"outstanding": "5.001"}, "outstanding", "at most 2 decimals"),
        ({"outstanding": "5 EUR"}, "outstanding", "not in USD"),
        ({"outstanding": "=1+1"}, "outstanding", "is not an amount"),
        ({"outstanding": "9" * 39}, "outstanding", "more than the ledger can hold"),
        ({"rate": "7"}, "rate", "needless"),
        ({"unit": "EUR"}, "rate", "empty; give what one EUR is in USD"),
        ({"unit": "eur"}, "unit", "ISO 4217"),
        ({"unit": "EUR", "rate": "0"}, "rate", "above 0"),
        ({"unit": "EUR", "rate": "1.1"}, "quota", "is in USD, not in EUR"),
        ({"quota": "x"}, "quota", "no quota's id"),
        ({"quota": ""}, "quota", "no slip told this bank"),
        ({"exported": "soon"}, "exported", "is no day"),
        ({"reference": "x" * 201}, "reference", "longer than"),
    ],
)
def test_a_bad_line_is_named_by_line_and_column(scene: Scene, cells: dict[str, str], column: str, says: str) -> None:
    """And the line beside it is brought in all the same."""
    file = table(row(scene, **{"reference": "BAD"} | cells), row(scene, "GOOD", declaration=SECOND.entry_id))
    with bank(scene) as opened:
        bad, good = bring_in(opened, file, "a.csv")
        assert (bad.line, bad.outcome, bad.column, good.outcome) == (2, "unusable", column, "brought-in"), bad.why
        assert says in bad.why
        assert len(opened.book.loans()) == 1


def test_whatever_stands_in_the_cells_is_a_loan_or_a_problem(scene: Scene) -> None:
    """Never an error that nobody expected."""
    sound = dict(zip((column.name for column in COLUMNS), row(scene).split(","), strict=True))
    odd = ["0", "1e9", "USD", "９９", "2019-01-01", NUMBER, "\u2028", "'", "=1"]
    cell = st.text(max_size=40) | st.sampled_from(odd)

    with bank(scene) as opened:

        @given(st.dictionaries(st.sampled_from(sorted(sound)), cell, max_size=3))
        @settings(deadline=None, max_examples=200)
        def check(cells: dict[str, str]) -> None:
            read = read_loan(opened, [Line(2, sound | cells, [])])
            assert isinstance(read, Loan) or list(read) == [2]

        check()


def test_no_part_of_a_loan_is_brought_in_alone(scene: Scene) -> None:
    """A bad line takes the loan's other lines with it, and they say so."""
    file = table(row(scene), row(scene, declaration=SECOND.entry_id, outstanding="x"))
    with bank(scene) as opened:
        good, bad = bring_in(opened, file, "a.csv")
        assert (good.outcome, good.column, good.why) == ("unusable", "", "not sent; mend line 3 of the same loan")
        assert (bad.outcome, bad.column) == ("unusable", "outstanding")
        other = bring_in(opened, table(row(scene), row(scene, maturity="2020-02-01")), "a.csv")
        assert [(one.column, one.why.partition(" of")[0]) for one in other] == [
            ("", "not sent; mend line 3"),
            ("maturity", "differs from line 2"),
        ]
        (_, again) = bring_in(opened, table(row(scene), row(scene)), "a.csv")
        assert (again.column, "add the amounts up" in again.why) == ("declaration", True)
    assert quota(scene, quota_of(scene)).draws == 0


def test_a_loan_as_a_whole_may_be_impossible(scene: Scene) -> None:
    """Two rates for one currency, a rate that leaves nothing of it, more lines than a loan has room for."""
    with bank(scene) as opened:
        yuan = {"currency": "CNY", "unit": "USD"}
        rates = [row(scene, rate="7.1", **yuan), row(scene, declaration=SECOND.entry_id, rate="7.2", **yuan)]
        assert [one.why for one in bring_in(opened, table(*rates), "a.csv")] == [
            "line 3 has another for USD; give one rate",
            "not sent; mend line 2 of the same loan",
        ]
        (nothing,) = bring_in(opened, table(row(scene, rate="0.00000001", outstanding="1", **yuan)), "a.csv")
        assert (nothing.column, "makes the loan 0 minor units" in nothing.why) == ("rate", True)
        numbers = [f"{NUMBER[:9]}{serial:09}" for serial in range(65)]
        many = [row(scene, declaration=one, quota=f"{serial:043}.USD") for serial, one in enumerate(numbers)]
        assert "at most 64 declarations" in bring_in(opened, table(*many), "a.csv")[0].why
        assert opened.book.loans() == []


def test_what_the_ledger_refuses_is_not_in_the_book(scene: Scene) -> None:
    """Nor is what the file says of its number: it may be the very mistake."""
    unknown = "A" * 43 + ".USD"
    with bank(scene) as opened:
        (refused,) = bring_in(opened, table(row(scene, quota=unknown)), "a.csv")
        assert refused.outcome == "refused"
        assert refused.result is not None
        assert (refused.result.code, refused.result.at) == (Rejection.QUOTA_UNKNOWN, unknown)
        assert (opened.book.loans(), opened.book.references(), opened.book.quotas_of(NUMBER)) == ([], {}, [])


def test_a_number_that_the_book_knows_needs_no_quota_and_brooks_no_other(scene: Scene) -> None:
    with bank(scene) as opened:
        bring_in(opened, table(row(scene)), "a.csv")
        assert outcomes(bring_in(opened, table(row(scene, "EB-2", quota="")), "a.csv")) == [(2, "brought-in", "")]
        second = quota_of(scene, SECOND.entry_id)
        (wrong,) = bring_in(opened, table(row(scene, "EB-3", quota=second)), "a.csv")
        assert (wrong.column, "correct the quota" in wrong.why) == ("quota", True)
        swapped = row(scene, "EB-3", declaration=SECOND.entry_id, quota=quota_of(scene))
        (other,) = bring_in(opened, table(swapped), "a.csv")
        assert (other.column, f"it is the declaration {NUMBER}" in other.why) == ("quota", True)


def test_while_it_is_closed_the_ledger_refuses_every_loan(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "port")
    scene.attest()
    with bank(scene) as opened:
        (refused,) = bring_in(opened, table(row(scene)), "a.csv")
    scene.close()
    assert refused.result is not None
    assert refused.result.code is Rejection.BRINGING_IN_CLOSED


def test_a_file_that_is_none(scene: Scene) -> None:
    with bank(scene) as opened, pytest.raises(FormatError, match=r"a\.csv:1: maturity: the column is missing"):
        bring_in(opened, b"reference,customer,product,currency,opened\n", "a.csv")


def test_conflicts_show_own_figures_and_the_sum_of_others(scene: Scene) -> None:
    """Two banks financed one declaration; alone on it, within the limit, is no conflict."""

    def brought(opened: Bank, *rows: str) -> None:
        assert {result.outcome for result in bring_in(opened, table(*rows), "a.csv")} == {"brought-in"}

    shared = row(scene, outstanding="60000.00")
    with bank(scene) as opened:
        brought(opened, shared, row(scene, "EB-2", declaration=SECOND.entry_id))
        assert conflicts(opened) == []
    with bank(scene, OTHER) as opened:
        brought(opened, shared)
        (theirs,) = conflicts(opened)
    with bank(scene) as opened:
        (ours,) = conflicts(opened)
    assert ours.loans != theirs.loans
    assert ours._replace(loans=[]) == theirs._replace(loans=[])
    assert (ours.number, ours.limit, ours.own, ours.others, ours.beyond) == (
        NUMBER,
        9_542_400,
        6_000_000,
        6_000_000,
        2_457_600,
    )
    assert OTHER not in str(ours)


def test_one_bank_alone_beyond_the_limit_is_a_conflict(scene: Scene) -> None:
    with bank(scene) as opened:
        bring_in(opened, table(row(scene, outstanding="100000")), "a.csv")
        (found,) = conflicts(opened)
    assert (found.others, found.beyond) == (0, 457_600)


def test_a_declaration_in_two_currencies_is_two_lines(tmp_path: Path) -> None:
    made = Scene(tmp_path / "port", financing__bring_in_until_ms=MAX_INTEGER)
    made.attest(in_currencies(("1000.00", "USD"), ("2000.00", "EUR")))
    euro: dict[str, Any] = {"unit": "EUR", "rate": "1.1", "quota": quota_of(made, unit="EUR")}
    with bank(made) as opened:
        file = table(row(made, outstanding="100"), row(made, outstanding="100", **euro))
        assert {one.outcome for one in bring_in(opened, file, "a.csv")} == {"brought-in"}
        made.now += DAY_MS
        (held,) = portfolio(opened)
        assert one_loan(opened, held.view.id).view.outstanding == {"EUR": 10_000, "USD": 10_000}
        assert held.view.amount == 21_000
    made.close()
