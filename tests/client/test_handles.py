"""Handles and link secrets: equal for equal numbers, unfindable without the secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.client.handles import handle_of, link_secret, link_secret_from_master, office_year_key
from kouan.kernel.encoding import from_text
from kouan.kernel.suites import digest

MASTER = bytes(range(32))
NUMBER = "223320250123456789"
numbers = st.from_regex(r"[0-9]{8}[01][0-9]{9}", fullmatch=True).filter(str.isascii)


def handle(number: str, master: bytes = MASTER) -> str:
    return handle_of(number, link_secret_from_master(master, number))


def test_the_same_number_gives_the_same_handle_of_43_characters() -> None:
    assert handle(NUMBER) == handle(NUMBER)
    assert len(handle(NUMBER)) == 43
    assert len(from_text(handle(NUMBER))) == 32


def test_no_two_of_ten_thousand_neighbouring_numbers_share_a_handle() -> None:
    sample = [f"22332025{serial % 2}{serial:09d}" for serial in range(10_000)]
    assert len({handle(number) for number in sample}) == len(sample)


@given(numbers, numbers)
def test_handles_are_equal_exactly_for_equal_numbers(one: str, other: str) -> None:
    assert (handle(one) == handle(other)) == (one == other)


def test_a_handle_cannot_be_found_from_the_number_without_the_secret() -> None:
    """A searcher who has every number, but not customs' key, meets the handle with none of the hashes he can make."""
    candidates = {from_text(handle_of(NUMBER, guess)) for guess in (bytes(32), b"\xff" * 32)}
    candidates |= {digest("kouan/handle/1", NUMBER.encode()), digest("kouan/handle/1", NUMBER.encode(), bytes(32))}
    assert from_text(handle(NUMBER)) not in candidates
    assert handle(NUMBER) != handle(NUMBER, bytes(32))


@given(st.integers(0, 255))
def test_any_changed_bit_of_the_master_key_or_secret_changes_the_handle(bit: int) -> None:
    def flipped(data: bytes) -> bytes:
        return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(32, "big")

    assert handle(NUMBER, flipped(MASTER)) != handle(NUMBER)
    assert handle_of(NUMBER, flipped(link_secret_from_master(MASTER, NUMBER))) != handle(NUMBER)


def test_offices_and_years_have_unrelated_keys_and_each_office_can_link_its_own() -> None:
    keys = {office_year_key(MASTER, office, year) for office in ("2233", "2248") for year in ("2025", "2026")}
    assert len(keys) == 4
    own = office_year_key(MASTER, "2233", "2025")
    assert link_secret(own, NUMBER) == link_secret_from_master(MASTER, NUMBER)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "2233202501234567",
        NUMBER + "0",
        NUMBER + "\n",
        " " + NUMBER[1:],
        "223320252123456789",
        "22332025O123456789",
        "２２３３２０２５０123456789",
    ],
)
def test_what_is_no_declaration_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="declaration number"):
        handle_of(number, bytes(32))
    with pytest.raises(ValueError, match="declaration number"):
        link_secret_from_master(MASTER, number)


def test_keys_of_another_length_are_refused_by_name_and_never_shown() -> None:
    with pytest.raises(ValueError, match=r"customs master key: must be 32 bytes, not 31$"):
        link_secret_from_master(MASTER[:31], NUMBER)
    with pytest.raises(ValueError, match="key of office and year"):
        link_secret(b"", NUMBER)
    with pytest.raises(ValueError, match="link secret"):
        handle_of(NUMBER, MASTER * 2)
    with pytest.raises(ValueError, match="year: must be 4 digits"):
        office_year_key(MASTER, "2233", "25")
