"""Errors in plain words: which field is meant and what is wrong with it, as one line and as a JSON document.

Loads nothing of the ledger: `kouan verify` uses it too, and starts at once.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

import msgspec
import typer
from typer.core import TyperCommand, TyperGroup

Lang = Literal["en", "zh"]

_NAMED: Final = re.compile(r"^([^\s:]+(?: file| slip)?): (.+)$")
_FILE_PROBLEMS: Final = (
    (FileNotFoundError, "no such file or directory; check the path", "没有这个文件或目录；请核对路径"),
    (FileExistsError, "exists already; name another, nothing is overwritten", "已存在；请另行命名，不会覆盖任何文件"),
    (IsADirectoryError, "is a directory; name a file", "是目录；请指定文件"),
    (NotADirectoryError, "lies below a file; name a path below a directory", "在文件之下；请指定目录之下的路径"),
    (PermissionError, "this user may not read or write it; check its owner and mode", "无权读写；请核对属主和权限"),
)
_USAGE_ZH: Final = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"No such option: (.+)", "没有选项 {}"),
        (r"No such command (.+)\.", "没有命令 {}"),
        (r"Missing (?:argument|option|parameter) (.+)\.", "缺少 {}"),
        (r"Invalid value for (.+?): (.+)", "{} 的值有误：{}"),
        (r"Option (.+) requires an argument\.", "选项 {} 缺少值"),
        (r"Got unexpected extra argument\(s\) \((.+)\)", "多出参数 {}"),
    )
)
"""What Typer says of most mistakes; any other stands in its English."""


class Told(NamedTuple):
    """An error as it is told."""

    field: str | None
    """The option, file or field meant, where the error names one."""
    problem: str
    line: str
    """Both, for people."""

    @property
    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {"error": {"field": self.field, "problem": self.problem}}


def told(error: Exception, lang: Lang = "en") -> Told:
    """Return what to tell of an error: never a library's own words for a file that is not there.

    What the error itself says is English; in Chinese stand the words around it and what is wrong with a file.
    """
    prefix = "输入不可用：" if lang == "zh" else ""
    if isinstance(error, OSError) and error.filename is not None:
        known = ((en, zh) for kind, en, zh in _FILE_PROBLEMS if isinstance(error, kind))
        other = (error.strerror or type(error).__name__).lower()
        problem = next(known, (other, other))[lang == "zh"]
        return Told(str(error.filename), problem, f"{prefix}{error.filename}: {problem}")
    line = " ".join(str(error).split()) or type(error).__name__
    if hasattr(error, "field") and hasattr(error, "problem"):
        return Told(error.field, error.problem, prefix + line)
    named = _NAMED.match(line)
    return Told(named[1], named[2], prefix + line) if named else Told(None, line, prefix + line)


class JsonGroup(TyperGroup):
    """A group whose usage mistakes are told like any other, as a JSON document too, and in the reader's language."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run it; exits unless ``standalone_mode`` is off."""
        return _main(super().main, args, *rest, standalone_mode=standalone_mode, **extra)


class JsonCommand(TyperCommand):
    """The same for a command that is a program's only one."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run it; exits unless ``standalone_mode`` is off."""
        return _main(super().main, args, *rest, standalone_mode=standalone_mode, **extra)


def _main(main: Callable[..., Any], args: Sequence[str] | None, *rest: Any, standalone_mode: bool, **extra: Any) -> Any:
    words = sys.argv[1:] if args is None else list(args)
    if not standalone_mode:
        return main(words, *rest, standalone_mode=False, **extra)
    lang = _lang(words)
    try:
        code = main(words, *rest, standalone_mode=False, **extra)  # returns the code that a command exits with
    except typer.Abort:
        typer.echo("已中止。" if lang == "zh" else "Aborted.", err=True)
        sys.exit(1)
    except typer.TyperException as mistake:
        _tell(mistake, lang, as_json="--json" in words)
        sys.exit(mistake.exit_code)
    sys.exit(code)


def _lang(words: Sequence[str]) -> Lang:
    """Return the language asked for by words that were not understood, or by the environment."""
    asked = os.environ.get("KOUAN_LANG")
    for word, after in pairwise([*words, ""]):
        if word == "--lang":
            asked = after
        elif word.startswith("--lang="):
            asked = word.removeprefix("--lang=")
    return "zh" if asked == "zh" else "en"


def _tell(mistake: typer.TyperException, lang: Lang, *, as_json: bool) -> None:
    """Print a usage mistake, how the command is used, and where to read more."""
    problem = mistake.format_message()
    if not problem:  # nothing was typed where a command belongs: Typer has shown the help
        return
    if as_json:
        said = {"error": {"field": _field(mistake), "problem": (mistake.message or problem)}}
        typer.echo(msgspec.json.format(msgspec.json.encode(said), indent=2))
    context = getattr(mistake, "ctx", None)
    typer.echo(("用法有误：" + _chinese(problem)) if lang == "zh" else problem, err=True)
    if context is not None:
        usage = context.get_usage()
        typer.echo(usage.replace("Usage: ", "用法：", 1) if lang == "zh" else usage, err=True)
        typer.echo(("下一步：" if lang == "zh" else "Next: ") + f"{context.command_path} --help", err=True)


def _chinese(problem: str) -> str:
    for pattern, said in _USAGE_ZH:
        found = pattern.fullmatch(problem)
        if found:
            return said.format(*found.groups())
    return problem


def _field(mistake: typer.TyperException) -> str | None:
    """Return the option or argument that a usage mistake is about, where Typer names one."""
    option = getattr(mistake, "option_name", None)
    if option is not None:
        return str(option)
    parameter, hint = getattr(mistake, "param", None), getattr(mistake, "param_hint", None)
    if parameter is None:
        return hint if isinstance(hint, str) else None
    names, metavar = parameter.opts, getattr(parameter, "metavar", None)
    return str(names[0] if names[0].startswith("-") else metavar or names[0])
