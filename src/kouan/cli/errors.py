"""Errors in plain words: which field is meant and what is wrong with it, as one line and as a JSON document.

Loads nothing of the ledger: `kouan verify` uses it too, and starts at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import typer
from typer._click.core import Context
from typer._click.exceptions import BadOptionUsage, NoSuchOption, UsageError  # Typer's own Click, nowhere public
from typer.core import TyperCommand, TyperGroup

_NAMED: Final = re.compile(r"^([^\s:]+(?: file| slip)?): (.+)$")
_FILE_PROBLEMS: Final = (
    (FileNotFoundError, "no such file or directory; check the path"),
    (FileExistsError, "exists already; name another, nothing is overwritten"),
    (IsADirectoryError, "is a directory; name a file"),
    (NotADirectoryError, "lies below a file; name a path below a directory"),
    (PermissionError, "this user may not read or write it; check its owner and mode"),
)
_WORD: Final = "--json"
_META: Final = "kouan.as_json"


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


def told(error: Exception) -> Told:
    """Return what to tell of an error: never a library's own words for a file that is not there."""
    if isinstance(error, OSError) and error.filename is not None:
        known = (words for kind, words in _FILE_PROBLEMS if isinstance(error, kind))
        problem = next(known, (error.strerror or type(error).__name__).lower())
        return Told(str(error.filename), problem, f"{error.filename}: {problem}")
    line = " ".join(str(error).split()) or type(error).__name__
    if hasattr(error, "field") and hasattr(error, "problem"):
        return Told(error.field, error.problem, line)
    named = _NAMED.match(line)
    return Told(named[1], named[2], line) if named else Told(None, line, line)


class JsonGroup(TyperGroup):
    """A group whose usage mistakes are a JSON document too, when ``--json`` was among the words typed."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Context | None = None, **extra: Any
    ) -> Context:
        """See `click.Command.make_context`."""
        as_json = _WORD in args
        with _told_as_json(as_json=as_json):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_META] = as_json
        return context

    def invoke(self, ctx: Context) -> Any:
        """See `click.Command.invoke`."""
        with _told_as_json(as_json=ctx.meta[_META]):
            return super().invoke(ctx)


class JsonCommand(TyperCommand):
    """The same for a command that is a program's only one."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Context | None = None, **extra: Any
    ) -> Context:
        """See `click.Command.make_context`."""
        with _told_as_json(as_json=_WORD in args and parent is None):  # else the group above tells it
            return super().make_context(info_name, args, parent, **extra)


@contextmanager
def _told_as_json(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except UsageError as mistake:  # Click shows it on standard error and exits with 2
        if as_json:
            problem = (mistake.message or mistake.format_message()).removeprefix("Value error, ")
            said = {"error": {"field": _field(mistake), "problem": problem}}
            typer.echo(msgspec.json.format(msgspec.json.encode(said), indent=2))
        raise


def _field(mistake: UsageError) -> str | None:
    if isinstance(mistake, NoSuchOption | BadOptionUsage):
        return mistake.option_name
    if not isinstance(mistake, typer.BadParameter):
        return None
    if mistake.param is None:
        return mistake.param_hint if isinstance(mistake.param_hint, str) else None
    names, metavar = mistake.param.opts, getattr(mistake.param, "metavar", None)
    return names[0] if names[0].startswith("-") else metavar or names[0]
