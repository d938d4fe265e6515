"""Documents agree with the repository: links lead somewhere, commands exist, words are fit to be published."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from kouan.cli.main import app
from kouan.formats.identifiers import uscc_problem

ROOT = Path(__file__).parents[2]
README, README_ZH = ROOT / "README.md", ROOT / "README.zh.md"
_FENCE = re.compile(r"^( *)(```+)([a-z]*)\n(.*?)^\1\2$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^()\s]+)\)")
_FORBIDDEN = {
    "a path outside the repository": re.compile(r"\.\./shared"),
    "an absolute path of one machine": re.compile(r"(?<![\w.])/(?:work|root|home|tmp)/"),
    "who wrote it": re.compile(r"(?<!filing )\bagents?\b|\bsessions? \d|\bhelpers?\b", re.IGNORECASE),
    "the number of an issue": re.compile(r"(?<![\w&#/(])#\d+\b"),
    "an unfinished place": re.compile(r"\b(?:TODO|FIXME|TBD|XXX)\b"),
}


def _documents() -> list[Path]:
    patterns = ("*.md", "bench/*.md", "docs/**/*.md", "examples/**/*.md", "src/**/*.md", "vectors/**/*.md")
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_document = pytest.mark.parametrize("path", _documents(), ids=_name)


def _prose(text: str) -> str:
    return _FENCE.sub("", text)


def _anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *$", _prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = found.get(anchor, 0)
        found[anchor] = count + 1
        if count:
            found[f"{anchor}-{count}"] = 1
    return set(found)


@every_document
def test_credit_codes_pass_their_check_digit(path: Path) -> None:
    """A reader who copies a code out of an example is not told that it is mistyped."""
    for code in re.findall(r"(?<!\w)9[1-3]\d{6}(?=\w*[A-Z])[0-9A-Z]{10}(?!\w)", path.read_text()):
        assert uscc_problem(code) is None, code


@every_document
def test_links_lead_somewhere(path: Path) -> None:
    """A link within the repository names a file that is there, and a heading that is in it."""
    for link in _LINK.findall(_prose(path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.is_relative_to(ROOT), link
        assert file.exists(), link
        if anchor:
            assert anchor in _anchors(file.read_text()), link


@every_document
def test_words_are_fit_to_be_published(path: Path) -> None:
    """Nothing that only its writer could follow."""
    text = path.read_text()
    for what, forbidden in _FORBIDDEN.items():
        found = forbidden.search(text)
        assert found is None, f"{what}: {text[max(0, found.start() - 40) : found.end() + 40]!r}"


@every_document
def test_blocks_are_fenced(path: Path) -> None:
    """Every fence that opens closes, and a Mermaid diagram stands in a fence that names it."""
    text = path.read_text()
    assert not re.search(r"^ *```", _prose(text), re.MULTILINE)
    for _, _, language, body in _FENCE.findall(text):
        first = body.split(maxsplit=1)[0] if body.split() else ""
        diagram = first in {"flowchart", "graph", "sequenceDiagram", "stateDiagram-v2", "classDiagram", "erDiagram"}
        assert diagram == (language == "mermaid"), body[:60]


def _shell_lines(text: str) -> Iterator[str]:
    """Yield the commands in a document: lines of shell blocks, not their answers, and `code` that begins with kouan."""
    for _, _, language, body in _FENCE.findall(text):
        if language in {"console", "sh", "shell", "bash"}:
            lines = body.replace("\\\n", " ").splitlines()
            typed = [line.strip() for line in lines if language != "console" or line.lstrip().startswith("$ ")]
            yield from (line.removeprefix("$ ") for line in typed)
    yield from re.findall(r"`(kouan [^`\n]+)`", _prose(text))


def _kouan_commands(text: str) -> Iterator[list[str]]:
    for line in _shell_lines(text):
        reader = shlex.shlex(line, posix=True, punctuation_chars=";|&()<>")
        reader.whitespace_split = True
        command: list[str] | None = None
        for word in [*reader, ";"]:
            if re.fullmatch(r"[;|&()<>]+", word):
                if command is not None:
                    yield command
                command = None
            elif command is not None:
                command.append(word)
            elif word == "kouan" or word.endswith("/kouan"):
                command = []


@cache
def _kouan() -> Any:
    return typer.main.get_command(app)


def _check_command(words: list[str]) -> None:
    command, path = _kouan(), "kouan"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0].isupper():  # GROUP COMMAND: any of them
            return
        assert words[0] in command.commands, f"{path} has no command {words[0]!r}"
        command, path, words = command.commands[words[0]], f"{path} {words[0]}", words[1:]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
    for word in words:
        option = word.partition("=")[0]
        if re.match(r"--[a-z]", option):
            assert option in known, f"{path} has no option {option}"


@every_document
def test_commands_exist(path: Path) -> None:
    """What a document says to type is a command of this version, with options that it takes."""
    for words in _kouan_commands(path.read_text()):
        _check_command(words)


@pytest.mark.parametrize("words", [["member", "nothing"], ["init", "demo", "--nothing"], ["nothing"]])
def test_a_wrong_command_would_be_found(words: list[str]) -> None:
    """The check above notices what is not there."""
    with pytest.raises(AssertionError):
        _check_command(words)


def test_both_readmes_are_the_same() -> None:
    """The Chinese README has the headings' levels and the commands of the English one."""
    texts = [README.read_text(), README_ZH.read_text()]
    levels = [[len(level) for level in re.findall(r"^(#+) ", _prose(text), re.MULTILINE)] for text in texts]
    assert levels[0] == levels[1]
    blocks = [[body for _, _, language, body in _FENCE.findall(text) if language == "console"] for text in texts]
    without_answers = [[_typed(body) for body in found] for found in blocks]
    assert without_answers[0] == without_answers[1]


def _typed(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("$ ")] or lines


def test_chinese_never_calls_a_quota_a_credit_line() -> None:
    """额度 alone is a credit line to a Chinese reader; what customs' guarantee covers is 税款担保额度."""
    for path in _documents():
        for line in path.read_text().splitlines():
            if "额度" in line.replace("税款担保额度", "").replace("免税额度", ""):
                assert "never" in line or "not " in line or "不" in line, f"{_name(path)}: {line}"


def test_every_page_of_the_reference_can_be_found() -> None:
    """The documents' own index names every page."""
    linked: set[Path] = set()
    for path in _documents():
        for link in _LINK.findall(path.read_text()):
            if not re.match(r"[a-z]+:", link):
                linked.add((path.parent / link.partition("#")[0]).resolve())
    lonely = [_name(path) for path in _documents() if path not in linked and path.name != "README.md"]
    assert not lonely


@every_document
def test_tests_that_are_pointed_to_exist(path: Path) -> None:
    """A document that says a test shows something names one that is there."""
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", path.read_text()):
        assert (ROOT / file).is_file(), file
        assert not name or re.search(rf"^def {name}\b", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"
