"""Wrapping: nothing is lost, no line is too wide, marks stay with their characters."""

from hypothesis import given
from hypothesis import strategies as st

from kouan.formats.lines import wrap

_TEXTS = st.text(st.sampled_from("ab 口岸核验，。（）《.,-  1"), max_size=60)


@given(text=_TEXTS, width=st.integers(1, 12))
def test_lines_hold_the_whole_text_and_are_not_too_wide(text: str, width: int) -> None:
    """Shows that only white space at breaks goes, and that `width` holds whatever the text."""
    lines = wrap(text, width, len)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(line) <= width for line in lines)


def test_words_stay_whole_and_chinese_breaks_between_characters() -> None:
    """Shows both scripts in one text."""
    assert wrap("Harbour Bank 浦江港湾银行", 12, len) == ["Harbour Bank", "浦江港湾银行"]
    assert wrap("Harbour 浦江港湾银行", 10, len) == ["Harbour 浦江", "港湾银行"]


def test_no_line_begins_with_a_closing_mark() -> None:
    """Shows that a comma goes to the next line together with the character before it."""
    assert wrap("口岸核验，回单", 4, len) == ["口岸核", "验，回单"]


def test_a_word_wider_than_the_line_is_broken() -> None:
    """Shows that a fingerprint without spaces wraps."""
    assert wrap("a" * 10, 4, len) == ["aaaa", "aaaa", "aa"]
