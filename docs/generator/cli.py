"""``docs/reference/cli.md``: every command of the command line, from what it tells Typer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

import typer

from kouan.cli.main import app

COMMON: Final = "Every command"

HEAD: Final = """\
# Command line

`kouan GROUP COMMAND --help` says the same on the screen. Every answer can be had as one JSON document on standard
output (`--json`) and in Chinese (`--lang zh`).

| exit code | meaning |
|---:|---|
| 0 | done |
| 1 | refused by the ledger, not proven, not reconciled; the message says which [rejection](rejections.md) or what |
| 2 | unusable input: the message names the field and says what would be right |

Amounts are written with their currency, `"312500.00 USD"`; days as `2026-12-31`; ids as they are printed.
"""


def page() -> str:
    """Return the page."""
    commands = list(_commands(typer.main.get_command(app), "kouan"))
    common: dict[str, Any] = {}
    for _, command in commands:
        common.update({one.name: one for one in command.params if _is_common(one)})
    parts = [HEAD, "## Options of most commands", _table(list(common.values()))]
    group = ""
    for path, command in commands:
        own_group = path.rpartition(" ")[0]
        if own_group != group:
            group = own_group
            parts.append(f"## {'`kouan` itself' if group == 'kouan' else f'`{group}`'}")
        parts += _section(path, command)
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the commands with their full names, those of a group before its groups."""
    inner = getattr(command, "commands", None)
    if getattr(command, "hidden", False):
        return
    if inner is None:
        yield path, command
        return
    for name, one in sorted(inner.items(), key=lambda item: hasattr(item[1], "commands")):
        yield from _commands(one, f"{path} {name}")


def _section(path: str, command: Any) -> list[str]:
    text, _, examples = inspect.cleandoc(command.help or "").partition("Examples:")
    own = [one for one in command.params if not _is_common(one) and one.name not in {"help", "version"}]
    common = sorted(f"`{one.opts[0]}`" for one in command.params if _is_common(one))
    usage = " ".join([path, *(_argument(one) for one in own if _is_argument(one)), "[OPTIONS]"])
    lines = [re.sub(r" {2,}\((.*)\)$", r"  # \1", line.strip()) for line in examples.splitlines() if line.strip()]
    return [
        f"### `{path}`",
        " ".join(text.split()),
        f"Usage: `{usage}`",
        _table(own) if own else "",
        f"Also: {', '.join(common)}." if common else "",
        "\n".join(["```console", *(f"$ {line}" for line in lines), "```"]) if lines else "",
    ]


def _table(params: list[Any]) -> str:
    rows = [f"| {_name(one)} | {_type(one)} | {_meaning(one)} |" for one in params]
    return "\n".join(["| | takes | meaning |", "|---|---|---|", *rows])


def _name(one: Any) -> str:
    if _is_argument(one):
        return f"`{_argument(one)}`"
    return ", ".join(f"`{option}`" for option in (*one.opts, *one.secondary_opts))


def _argument(one: Any) -> str:
    name = one.metavar or one.name.upper()
    return name if one.required else f"[{name}]"


def _type(one: Any) -> str:
    if getattr(one, "is_flag", False):
        return "nothing"
    choices = list(_choices(one.type_descriptor.annotation))
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if _is_argument(one):
        return ""
    named = one.metavar or {"Path": "FILE", "int": "NUMBER"}.get(_plain(one), "TEXT")
    return f"`{named}`"


def _plain(one: Any) -> str:
    return str(getattr(one.type_descriptor.annotation, "__name__", ""))


def _choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
        return
    for inner in get_args(annotation):
        yield from _choices(inner)


def _meaning(one: Any) -> str:
    said = [(one.help or "").replace("|", "\\|")]
    if one.required and not _is_argument(one):
        said.append("Required.")
    if getattr(one, "multiple", False):
        said.append("May be given several times.")
    default = one.default
    if default not in (None, False, ()) and not callable(default):
        said.append(f"Default: `{default}`.")
    if one.envvar:
        said.append(f"Or set `{one.envvar}`.")
    return " ".join(filter(None, said))


def _is_argument(one: Any) -> bool:
    return not hasattr(one, "is_flag")


def _is_common(one: Any) -> bool:
    return getattr(one, "rich_help_panel", None) == COMMON
