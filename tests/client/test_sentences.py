"""What rejections say to people."""

from __future__ import annotations

import re

import pytest

from kouan.client.sentences import SENTENCES, rejections_table, sentence_of
from kouan.client.sentences_alliance import ALLIANCE
from kouan.client.sentences_cases import CASES
from kouan.client.sentences_customs import CUSTOMS
from kouan.client.sentences_financing import FINANCING
from kouan.client.sentences_kernel import KERNEL
from kouan.kernel.rejections import Rejection

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_every_rejection_has_its_sentence_and_no_table_has_another_s() -> None:
    assert set(SENTENCES) == set(Rejection)
    assert sum(map(len, (KERNEL, ALLIANCE, CUSTOMS, FINANCING, CASES))) == len(SENTENCES)
    bounds = ((KERNEL, 1, 99), (ALLIANCE, 100, 199), (CUSTOMS, 200, 299), (FINANCING, 300, 399), (CASES, 400, 499))
    for group, first, last in bounds:
        assert all(first <= code <= last for code in group)


@pytest.mark.parametrize("code", Rejection, ids=lambda code: code.name)
def test_a_sentence_is_a_whole_sentence_in_its_own_language(code: Rejection) -> None:
    """English in ASCII with a full stop, Chinese with Chinese characters and stop, and never the credit line's word."""
    said = SENTENCES[code]
    for english in (said.en, said.next_en):
        assert english.endswith(".")
        assert english[0].isupper() or english[0] == "`"
        assert not CHINESE.search(english.replace("中登网", ""))
    for chinese in (said.zh, said.next_zh):
        assert chinese.endswith("。")
        assert CHINESE.search(chinese)
        assert "额度" not in chinese


def test_sentences_are_distinct() -> None:
    """No two reasons say the same."""
    for field in ("en", "zh"):
        said = [getattr(sentence, field) for sentence in SENTENCES.values()]
        assert len(set(said)) == len(said)


def test_a_sentence_comes_in_the_readers_language() -> None:
    said = SENTENCES[Rejection.QUOTA_EXCEEDED]
    assert sentence_of(Rejection.QUOTA_EXCEEDED) == (said.en, said.next_en)
    assert sentence_of(Rejection.QUOTA_EXCEEDED, "zh") == (said.zh, said.next_zh)


def test_the_table_for_the_reference_has_a_row_for_each_in_order() -> None:
    """Six columns each, by number, and nothing in a cell breaks the table."""
    rows = rejections_table().splitlines()[2:]
    assert [int(row.split("|")[1]) for row in rows] == sorted(Rejection)
    assert all(row.count("|") == 7 for row in rows)
