"""Declaration numbers, container numbers and unified social credit codes."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso6346

from kouan.formats.identifiers import DeclarationNumber, container, declaration_number, uscc, uscc_problem

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_a_declaration_number_is_taken_apart() -> None:
    """Office, year, direction and serial stand in this order."""
    expected = DeclarationNumber(office="2248", year=2019, direction="E", serial="000000101")
    assert declaration_number("224820190000000101") == expected
    assert declaration_number("223320191000000202").direction == "I"


@given(st.from_regex(r"[0-9]{8}[01][0-9]{9}", fullmatch=True))
def test_a_declaration_number_puts_itself_together_again(text: str) -> None:
    """Nothing of the 18 digits is lost, leading zeros included."""
    assert str(declaration_number(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "22482019000000010",
        "2248201900000001011",
        "224820192000000101",
        "２２４８20190000000101",
        "224820190000000101\n",
    ],
)
def test_what_is_no_declaration_number_is_refused_with_the_right_form(text: str) -> None:
    """Length, digit nine, digits of other scripts and line ends are checked."""
    with pytest.raises(ValueError, match="give 18 digits"):
        declaration_number(text)


def test_the_container_number_of_the_standard_is_accepted() -> None:
    """CSQU3054383 is ISO 6346's own example."""
    assert container("CSQU3054383") == "CSQU3054383"


@given(st.from_regex(r"[A-Z]{3}[UJZR][0-9]{6}", fullmatch=True), st.integers(1, 9))
def test_any_other_check_digit_of_a_container_is_refused(body: str, off: int) -> None:
    """One digit is right for a container; every other is named wrong with the right one."""
    right = iso6346.calc_check_digit(body)
    assert container(body + right) == body + right
    with pytest.raises(ValueError, match=f"it would be {right}"):
        container(body + str((int(right) + off) % 10))


@pytest.mark.parametrize(
    "text", ["", "CSQU305438", "CSQX3054383", "csqu3054383", "ÉSQU3054383", "CSQU 305438 3", "123U3054383"]
)
def test_what_is_no_container_number_is_refused(text: str) -> None:
    """Form first: letters outside A to Z, blanks and wrong categories are refused without a crash."""
    with pytest.raises(ValueError, match="is not a container number"):
        container(text)


def test_a_uscc_with_the_right_check_character_has_no_problem() -> None:
    """The code in python-stdnum's documentation passes."""
    assert uscc("91110000600037341L") == "91110000600037341L"
    assert uscc_problem("91110000600037341L") is None


@given(st.text(USCC_ALPHABET, min_size=17, max_size=17))
def test_exactly_one_check_character_has_no_problem(body: str) -> None:
    """Of the 31 last characters one agrees; the others are accepted with a problem that names it."""
    codes = [uscc(body + last) for last in USCC_ALPHABET]
    right = [code for code in codes if uscc_problem(code) is None]
    assert len(right) == 1
    assert all(f"would be {right[0][-1]}" in (uscc_problem(code) or "") for code in codes if code not in right)


@pytest.mark.parametrize(
    "text", ["", "91110000600037341", "91110000600037341LX", "9111000060003734IL", "91110000600037341l"]
)
def test_wrong_length_or_alphabet_of_a_uscc_is_an_error(text: str) -> None:
    """Unlike a failing check character these cannot be overridden."""
    with pytest.raises(ValueError, match="is not a unified social credit code"):
        uscc(text)


@given(st.text())
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    """No input crashes a check, and no message holds characters that cannot be printed."""
    for check in (declaration_number, container, uscc):
        assert message_of(check, text).isprintable()


def message_of(check: Callable[[str], object], text: str) -> str:
    try:
        check(text)
    except ValueError as error:
        return str(error)
    return ""
