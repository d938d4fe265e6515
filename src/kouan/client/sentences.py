"""What every rejection says to people, in English and Chinese: a sentence, and the step that comes next.

The tables stand in `sentences_kernel`, `sentences_alliance`, `sentences_customs`, `sentences_financing` and
`sentences_cases`, by groups of numbers; here they come together. Commands, pages and the reference take their words
from here alone.
"""

from __future__ import annotations

from typing import Final, Literal

from kouan.client.sentences_alliance import ALLIANCE
from kouan.client.sentences_cases import CASES
from kouan.client.sentences_customs import CUSTOMS
from kouan.client.sentences_financing import FINANCING
from kouan.client.sentences_kernel import KERNEL, Sentence
from kouan.kernel.rejections import Rejection

__all__ = ["SENTENCES", "Sentence", "rejections_table", "sentence_of"]

SENTENCES: Final[dict[Rejection, Sentence]] = {**KERNEL, **ALLIANCE, **CUSTOMS, **FINANCING, **CASES}


def sentence_of(code: Rejection, lang: Literal["en", "zh"] = "en") -> tuple[str, str]:
    """Return the sentence of a rejection and its next step."""
    said = SENTENCES[code]
    return (said.zh, said.next_zh) if lang == "zh" else (said.en, said.next_en)


def rejections_table() -> str:
    """Return every rejection as a table in Markdown, by number."""
    lines = [
        "| code | name | what it says | 说明 | next step | 下一步 |",
        "|---|---|---|---|---|---|",
        *(
            f"| {int(code)} | `{code.name}` | {said.en} | {said.zh} | {said.next_en} | {said.next_zh} |"
            for code, said in sorted(SENTENCES.items())
        ),
    ]
    return "\n".join(lines) + "\n"
