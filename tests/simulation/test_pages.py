"""The story's pages, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulation.played import Played

from kouan.client.names import Names
from kouan.simulation.pages.parts import BAR_CELLS, Say, money_bar
from kouan.simulation.scenes.killed_node import KilledNodeShown
from kouan.simulation.scenes.loan import Bars
from kouan.simulation.scenes.operator import KillShown, OperatorShown
from kouan.simulation.strangers import ProofShown

ENGLISH_SENTENCE = re.compile(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}")
"""Three words of small letters in a row: names, codes and paths have none."""


def _verified(name: str, en: str, zh: str, *, proven: bool) -> ProofShown:
    return ProofShown(name=name, path=Path(f"{name}.json"), proven=proven, en=en, zh=zh, fingerprint="B" * 43)


OPERATOR = OperatorShown(
    KillShown(240, 122, 0, 118, 200, "A" * 43, "A" * 43),
    [_verified("never-attested", "Proven: it is not there.", "已证明。", proven=True)],
    _verified("forged", "Not proven.", "未能证明。", proven=False),
)
KILLED_NODE = KilledNodeShown(
    member="shanghai-customs",
    sent=160,
    before=31,
    without=89,
    later=40,
    longest_ms=5_100,
    lost=0,
    twice=0,
    height=106,
    state_root="A" * 43,
    notes=[],
    proofs=OPERATOR.proofs,
    forged=OPERATOR.forged,
)


def test_chinese_is_chinese(played: Played) -> None:
    """The Chinese pages hold no English sentence, and never call a quota 额度."""
    text = played.text("zh", [*played.shown, OPERATOR, KILLED_NODE])
    assert not ENGLISH_SENTENCE.findall(text)
    assert "额度" not in text
    words = ("可融资余额", "占用", "到期自动释放", "核验回单", "受理通知", "收汇", "短装", "改单", "代管")
    assert all(word in text for word in words)


def test_english_is_english(played: Played) -> None:
    """The English pages hold Chinese only where a paper's own name and the goods on a declaration are."""
    text = played.text("en", [*played.shown, OPERATOR, KILLED_NODE])
    chinese = set(re.findall(r"[\u4e00-\u9fff]{3,}", text))
    assert chinese <= {"核验回单", "棉制女式长裤"}


def test_pages_show_the_scenes(played: Played) -> None:
    """Each scene has its page with what it is about."""
    text = played.text("en", [*played.shown, OPERATOR, KILLED_NODE])
    for said in ("People's Bank of China", "Yunjin Garments", "under review", "56 QUOTA_EXCEEDED", "51 HOLD_LAPSED"):
        assert said in text
    for said in (
        "1  The alliance",
        "2  Customs attests",
        "3  One loan",
        "4  What comes up",
        "5  One trade",
        "6  The operator",
        "4  A node is killed",
        "The node of Shanghai Customs is killed",
    ):
        assert said in text


def test_money_bar_adds_up() -> None:
    """The bar always has its full width, whatever share of the whole each part is."""
    say = Say("en", Names())
    cases = (
        Bars("USD", 100, 80, 80, 0, 0, 0),
        Bars("USD", 100, 80, 0, 0, 80, 60),  # collected beside what is still lent: more than attested
        Bars("USD", 3, 2, 1, 1, 0, 0),
        Bars("USD", 0, 0, 0, 0, 0, 0),
    )
    for bars in cases:
        bar = str(money_bar(say, bars).renderables[0])
        assert len(bar) == BAR_CELLS
