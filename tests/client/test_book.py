"""A bank's own list of its loans."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kouan.client.book import Book, BookedCollection, BookedLoan, BookError

QUOTA = "A" * 43 + ".USD"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book.db")


def test_a_loan_is_named_by_as_much_of_its_id_as_is_unambiguous(book: Book) -> None:
    """Also where ids hold what a pattern would read as a wildcard."""
    ids = ["abcd", "abxy", "a_zz", "-dash"]
    for financing in ids:
        book.add(BookedLoan(financing, "customer", 1))
    assert [book.loan(name).id for name in ("abc", "abxy", "a_", "-")] == ["abcd", "abxy", "a_zz", "-dash"]
    with pytest.raises(BookError, match="fits 2 loans; give more of the id: abcd, abxy"):
        book.loan("ab")
    for name in ("", "%", "_", "abcde", "' OR 1=1 --"):
        with pytest.raises(BookError, match="the book has none"):
            book.loan(name)


def test_an_id_that_begins_another_is_still_named_by_itself(book: Book) -> None:
    """Not by the ids that wallets make, which are all of one length, but by any book."""
    book.add(BookedLoan("ab", "", 1))
    book.add(BookedLoan("abc", "", 1))
    assert book.loan("ab").id == "ab"


def test_what_is_entered_survives_and_is_listed_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    with Book(path) as book:
        book.add(BookedLoan("late", "x", 2))
        book.add(BookedLoan("early", "x", 1))
        book.add(BookedLoan("early", "other", 3))
        book.know(QUOTA, "224820190000000101", "x")
        book.add_collection(BookedCollection("c", "late", "USD 1.00", 5))
        book.add_collection(BookedCollection("d", None, "USD 2.00", 4))
    with Book(path) as book:
        assert book.loans() == [BookedLoan("early", "x", 1), BookedLoan("late", "x", 2)]
        assert (book.number_of(QUOTA), book.owner_of(QUOTA)) == ("224820190000000101", "x")
        assert book.quotas_of("224820190000000101") == [QUOTA]
        assert (book.number_of("other"), book.owner_of("other"), book.quotas_of("other")) == (None, None, [])
        assert [one.id for one in book.collections()] == ["d", "c"]
        assert [one.id for one in book.collections("late")] == ["c"]
        book.strike("late")
        book.strike_collection("c")
        assert ([loan.id for loan in book.loans()], book.collections("late")) == (["early"], [])


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with Book(tmp_path / "book.db"):
        assert stat.S_IMODE((tmp_path / "book.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"not a database, but some text" * 40, b"x" * 100])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "book.db"
    path.write_bytes(content)
    with pytest.raises(BookError, match=r"book\.db: not a book"):
        Book(path)


def test_what_is_entered_together_stands_or_falls_together(book: Book) -> None:
    """References, days of export and how far the blocks were read are kept beside the loans."""
    with book.together():
        book.refer("EB-1", "loan")
        book.know_export(QUOTA, "2019-11-12")
        book.read_blocks(7)

    def broken_off() -> None:
        with book.together():
            book.refer("EB-1", "other")
            book.read_blocks(9)
            raise KeyError

    with pytest.raises(KeyError):
        broken_off()
    assert (book.references(), book.exports(), book.blocks_read()) == ({"EB-1": "loan"}, {QUOTA: "2019-11-12"}, 7)
