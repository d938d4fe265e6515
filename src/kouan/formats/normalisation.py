"""Numbers and names of papers brought to one spelling: exactly, and loosely.

*Exact* may make a bank refuse, so it unites only spellings of the same characters: width, case, kinds of dash, blanks
beside punctuation. *Loose* only makes people look, so it also unites what a forger or a tired clerk would change. Every
function is pure and returns None for what is empty: an empty field never matches. docs/reference/trade-papers.md gives
every rule with an example, and vectors/normalisation.json pins them for other languages.
"""

import re
import unicodedata
from typing import Final

_DASHES: Final = re.compile("[\u2010-\u2015\u2212]")
"""Hyphens, dashes and the minus sign, which typesetting puts in place of the hyphen-minus."""
_BLANKS: Final = re.compile("[\t-\r \x85\u1680\u2028\u2029]+")
"""Unicode's white space as far as NFKC leaves it."""
_SUFFIX_WORDS: Final = frozenset(["BIS", "COPY", "DUP", "REV"])
_COMPANY_WORDS: Final = frozenset(
    """
    AB AG AS BV CO COMPANY CORP CORPORATION GMBH INC INCORPORATED JSC KG KK LIMITED LLC LLP LTD MBH NV OY PLC PTE PTY
    SA SARL SAS SPA SRL
    """.split()  # noqa: SIM905 - thirty words in a list would be thirty lines
)
_COMPANY_ENDINGS: Final = (
    "股份有限公司",
    "有限责任公司",
    "有限責任公司",
    "株式会社",
    "有限公司",
    "公司",
)
"""Longest first: only one of them goes."""
_SOME_DIGIT: Final = re.compile("[1-9]")


def exact_number(text: str | None) -> str | None:
    """Return the number of a paper in its one exact spelling, or None when it has no digit from 1 to 9.

    ``INV－００１２`` and ``inv - 0012`` are ``INV-0012``; ``INV-12``, ``INV0012`` and ``INV/0012`` are other numbers.
    Without a digit it is no number but a remark in its place, such as ``N/A``, ``无`` or ``000``.
    """
    characters = _BLANKS.sub(" ", _one_width_and_case(text or ""))
    kept = [
        character
        for place, character in enumerate(characters)
        if character != " "
        or (_is_word(characters[max(place - 1, 0) : place]) and _is_word(characters[place + 1 : place + 2]))
    ]
    number = "".join(kept)
    return number if _SOME_DIGIT.search(number) else None


def exact_identifier(text: str | None) -> str | None:
    """Return a register's number of a party without blanks and punctuation, or None when it has no digit from 1 to 9.

    ``DE 123 456 789`` is ``DE123456789``: within one register punctuation never tells two numbers apart.
    """
    identifier = _joined(_words(text or "").split())
    return identifier if _SOME_DIGIT.search(identifier) else None


def loose_number(text: str | None) -> str | None:
    """Return the number of a paper as its runs of letters and digits, or None when it has no digit from 1 to 9.

    Zeros in front of a run of digits go, and so does a last run that is one letter or the word BIS, COPY, DUP or REV
    behind digits: ``INV0012-A``, ``inv/12`` and ``INV 12 copy`` are all ``INV-12``. ``1-23`` and ``12-3`` stay apart.
    """
    runs = re.findall("[0-9]+|[^0-9]+", _words(text or ""))
    runs = [word for run in runs for word in run.split()]
    if len(runs) > 1 and runs[-2].isdigit() and (re.fullmatch("[A-Z]", runs[-1]) or runs[-1] in _SUFFIX_WORDS):
        runs.pop()
    number = "-".join(run.lstrip("0") or "0" if run.isdigit() else run for run in runs)
    return number if _SOME_DIGIT.search(number) else None


def loose_name(text: str | None) -> str | None:
    """Return a company's name without blanks, punctuation and the words for its legal form, or None when it is empty.

    ``Harbour Lamp Co., Ltd.`` and ``HARBOUR LAMP COMPANY LIMITED`` are ``HARBOURLAMP``; ``上海远灯贸易有限公司`` is
    ``上海远灯贸易``. A name of nothing but such words is kept whole.
    """
    words = _with_initials_joined(_words(text or "").split())
    kept = list(words)
    while kept and kept[-1] in _COMPANY_WORDS:
        kept.pop()
    if kept:
        for ending in _COMPANY_ENDINGS:
            if kept[-1].endswith(ending):
                kept[-1] = kept[-1].removesuffix(ending)
                break
    return _joined(kept) or _joined(words) or None


def _one_width_and_case(text: str) -> str:
    """Return compatibility characters (full-width, ligatures) as plain ones, in capitals, with one kind of dash."""
    capitals = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    return _DASHES.sub("-", capitals)


def _words(text: str) -> str:
    """Return letters, digits and their marks; everything else becomes a blank."""
    return "".join(character if _is_word(character) else " " for character in _one_width_and_case(text))


def _joined(words: list[str]) -> str:
    """Return the words as one; accents that stood alone settle on the letter before them."""
    return unicodedata.normalize("NFKC", "".join(words))


def _is_word(character: str) -> bool:
    """Whether a character is a letter, a mark or a number (Unicode categories L, M and N); the empty text is not."""
    return bool(character) and unicodedata.category(character)[0] in "LMN"


def _with_initials_joined(words: list[str]) -> list[str]:
    """Return the words with neighbouring single Latin letters made one word: S.A. is SA."""
    joined: list[str] = []
    in_initials = False
    for word in words:
        is_initial = re.fullmatch("[A-Z]", word) is not None
        if is_initial and in_initials:
            joined[-1] += word
        else:
            joined.append(word)
        in_initials = is_initial
    return joined
