"""What came of each file of a batch that was to be attested: on the screen, and as a report in CSV or JSON."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import RenderableType

from kouan.cli.csv_output import harmless
from kouan.cli.output import DONE, REFUSED, UNUSABLE, Lang, refusal, refusal_line, table
from kouan.cli.quota_words import kind_word
from kouan.client.customs_desk import Outcome
from kouan.formats.money import money

SHOWN: Final = 20
"""Files that went well are listed on the screen up to this many; those that did not are listed all."""
_COLUMNS: Final = ("file", "number", "kind", "amount", "quota", "result", "why", "note")


@dataclass(frozen=True)
class FileResult:
    """What came of one file."""

    path: Path
    number: str | None
    problem: str | None = None
    """Why the file was unusable; then there is no outcome."""
    outcome: Outcome | None = None
    kind: str = ""
    """export or import, once the file was read."""
    amounts: dict[str, int] = field(default_factory=dict)
    note: str | None = None
    """What is odd about it all the same."""

    @property
    def exit_code(self) -> int:
        """What the file alone would have ended with."""
        if self.outcome is None:
            return UNUSABLE
        return DONE if all(result.result.accepted for result in self.outcome.results) else REFUSED

    def document(self, lang: Lang) -> dict[str, Any]:
        """Return it for programs."""
        quotas = [
            {
                "amount_minor": self.amounts[result.unit],
                "quota": result.quota,
                "refused": None if result.result.accepted else refusal(result.result, lang),
                "unit": result.unit,
            }
            for result in (self.outcome.results if self.outcome else ())
        ]
        status = {DONE: "attested", REFUSED: "refused", UNUSABLE: "unusable"}[self.exit_code]
        return {
            "file": str(self.path),
            "kind": self.kind or None,
            "note": self.note,
            "number": self.number,
            "problem": self.problem,
            "quotas": quotas,
            "result": status,
        }

    def rows(self, lang: Lang) -> list[list[str]]:
        """Return it as lines of ``file, number, kind, amount, quota, result, why, note``: one for each currency."""
        said = {"en": ("attested", "refused", "unusable"), "zh": ("已核证", "账本拒绝", "不可用")}[lang]
        head, note = [str(self.path), self.number or "", kind_word(self.kind, lang)], self.note or ""
        if self.outcome is None:
            return [[*head, "", "", said[2], self.problem or "", note]]
        rows = []
        for quota, unit, result in self.outcome.results:
            why = "" if result.accepted else refusal_line(result, lang)
            rows.append([*head, money(self.amounts[unit], unit), quota, said[not result.accepted], why, note])
        return rows


def summary(results: Sequence[FileResult], lang: Lang) -> list[RenderableType]:
    """Return what the screen shows: a table, and how many of each."""
    good = [result for result in results if result.exit_code == DONE]
    listed = [result for result in results if result.exit_code != DONE or len(good) <= SHOWN]
    columns = {
        "en": ("File", "Declaration", "Kind", "Amount", "Result"),
        "zh": ("文件", "报关单", "进出口", "金额", "结果"),
    }[lang]
    rows = [[*row[:4], row[5]] for result in listed for row in result.rows(lang)]
    why = [_line(row[0], said) for result in listed for row in result.rows(lang) for said in row[6:] if said]
    counts = Counter(result.exit_code for result in results)
    line = {
        "en": f"{counts[DONE]} attested, {counts[REFUSED]} refused, {counts[UNUSABLE]} unusable",
        "zh": f"已核证 {counts[DONE]}，账本拒绝 {counts[REFUSED]}，不可用 {counts[UNUSABLE]}",
    }[lang]
    return [table("", columns, rows, right=(3,)), *dict.fromkeys(why), line] if rows else [line]


def write_report(path: Path, results: Sequence[FileResult], lang: Lang) -> None:
    """Write every file's result, as CSV (with a mark by which spreadsheets know UTF-8) or JSON, by the name's end."""
    if path.suffix.lower() == ".json":
        documents = [result.document(lang) for result in results]
        path.write_bytes(msgspec.json.format(msgspec.json.encode(documents), indent=2) + b"\n")
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for result in results:
            writer.writerows([harmless(cell) for cell in row] for row in result.rows(lang))


def _line(file: str, said: str) -> str:
    """Return what is said of a file, with the file's name once."""
    return said if said.startswith(f"{file}:") else f"{file}: {said}"
