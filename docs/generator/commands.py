"""``docs/reference/commands.md``: every command of the ledger, from the registry and the records' own docstrings."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec.inspect import type_info

from kouan import bootstrap
from kouan.kernel import encoding
from kouan.kernel.registry import Command
from kouan.modules.cases import records as cases_records
from kouan.modules.cases.commands import recording as cases_recording
from kouan.modules.customs import rules as customs_rules
from kouan.modules.financing import records as financing_records

HEAD: Final = """\
What can be sent to the ledger, module by module. An envelope carries each command as a JSON object with its `type` and
the fields below, in [canonical encoding](encoding.md). Amounts are integers in minor units, times in milliseconds since
1970 UTC (`_ms`), ratios in basis points (`_bp`).

*Starts something new*: a suspended member may not send it. For the refusals of each command, in the order in which they
are tested, see the module's own page: [alliance](../../src/kouan/modules/alliance/README.md),
[customs](../../src/kouan/modules/customs/README.md), [financing](../../src/kouan/modules/financing/README.md),
[cases](../../src/kouan/modules/cases/README.md). What each number says stands in [rejections](rejections.md).
"""

_NAMED: Final = {
    encoding.Bytes16: "16 bytes",
    encoding.Bytes32: "32 bytes",
    encoding.Bytes64: "64 bytes",
    encoding.Code: "code",
    encoding.Unit: "unit",
    customs_rules.Currency: "currency",
    customs_rules.Mode: "4 digits",
    customs_rules.QuotaId: "quota id",
    financing_records.QuotaId: "quota id",
    cases_records.QuotaId: "quota id",
    cases_recording.Currency: "currency",
}

TYPES: Final = """\
| type | is |
|---|---|
| 16, 32, 64 bytes | base64url without padding, unused bits zero |
| code | 1 to 32 lower-case letters, digits, dots and hyphens |
| unit | 3 to 8 capital letters and digits; `currency`: the 3 letters of ISO 4217 |
| quota id | `<handle>.<unit>` |
| integer | within ±(2⁵³−1) |
| moment | integer, 0 to 253,402,300,799,999: a time to the end of the year 9999 |
"""


def page() -> str:
    """Return the page."""
    commands = bootstrap.registry().commands.values()
    modules = list(dict.fromkeys(command.type.partition(".")[0] for command in commands))
    parts = ["# Commands", HEAD, TYPES]
    for module in modules:
        own = [command for command in commands if command.type.startswith(f"{module}.")]
        parts += [f"## {module.capitalize()}", *map(_command, own)]
        parts += [_record(kind) for kind in _nested(own)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _command(command: Command) -> str:
    roles = " or ".join(sorted(command.roles)) or "any member"
    starts = "; starts something new" if command.starts else ""
    handler = command.handle.func if isinstance(command.handle, functools.partial) else command.handle
    lines = [f"### `{command.type}`", f"Sent by: {roles}{starts}.", _prose(command.record), _prose(handler)]
    if command.since > 1:
        lines.append(f"Part of the ledger since protocol version {command.since}.")
    return "\n\n".join([*lines, _fields(command.record)])


def _record(kind: type[Any]) -> str:
    return "\n\n".join([f"### {kind.__name__}", _prose(kind), _fields(kind)])


def _prose(thing: Any) -> str:
    """Return a docstring as one paragraph, without the command's name that some begin with."""
    text = " ".join(inspect.cleandoc(thing.__doc__ or "").split())
    name, colon, rest = text.partition(": ")
    text = rest if colon and name.count("/") == 1 and " " not in name else text
    return (text[:1].upper() + text[1:]).replace("``", "`")


def _fields(kind: type[Any]) -> str:
    info = _struct(kind)
    said = _said_of_fields(kind)
    tag = [] if info.tag is None else [f'| `{info.tag_field}` | `"{info.tag}"` | |']
    rows = [
        f"| `{field.encode_name}` | {_type(field.type)}{'' if field.required else ', may be left out'} "
        f"| {said.get(field.name, '')} |"
        for field in sorted(info.fields, key=lambda field: field.encode_name)
    ]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *tag, *rows])


def _struct(kind: type[Any]) -> msgspec.inspect.StructType:
    info = type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType):
        raise TypeError(f"{kind} is no record")
    return info


def _type(kind: msgspec.inspect.Type) -> str:  # noqa: PLR0911  # one answer for each kind of type
    match kind:
        case msgspec.inspect.UnionType(types=types):
            return " or ".join("null" if isinstance(one, msgspec.inspect.NoneType) else _type(one) for one in types)
        case msgspec.inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case msgspec.inspect.IntType(ge=lowest):
            if kind == type_info(encoding.Moment):
                return "moment"
            return "integer" if lowest is None or lowest < 0 else f"integer, {lowest} or more"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.StrType(pattern=pattern):
            named = (name for known, name in _NAMED.items() if type_info(known) == kind)
            return next(named, f"text, `{pattern}`")
        case msgspec.inspect.ListType(item_type=item, min_length=fewest, max_length=most):
            bounds = f", {fewest or 0} to {most}" if most else ""
            return f"list of {_type(item)}{bounds}"
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return f"object: {_type(key)} to {_type(value)}"
        case msgspec.inspect.StructType(cls=record):
            return f"[{record.__name__}](#{record.__name__.lower()})"
        case _:
            raise TypeError(f"no words for {kind}")


def _nested(commands: list[Command]) -> list[type[Any]]:
    """Return the records that commands contain, in the order in which they are met."""
    found: dict[type[Any], None] = {}

    def visit(kind: Any) -> None:
        match kind:
            case msgspec.inspect.StructType(cls=record, fields=fields):
                found.setdefault(record)
                for field in fields:
                    visit(field.type)
            case msgspec.inspect.UnionType(types=types):
                for one in types:
                    visit(one)
            case msgspec.inspect.ListType(item_type=inner) | msgspec.inspect.DictType(value_type=inner):
                visit(inner)

    for command in commands:
        for field in _struct(command.record).fields:
            visit(field.type)
    return list(found)


def _said_of_fields(kind: type[Any]) -> dict[str, str]:
    """Return the docstrings below a record's fields, its bases' included; else that of the field's named type."""
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("kouan.") or base.__module__ == "kouan.kernel.records":
            continue
        (declared,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        if not isinstance(declared, ast.ClassDef):
            raise TypeError(f"{base} is not declared as a class")
        types = _said_in(ast.parse(inspect.getsource(sys.modules[base.__module__])).body)
        types |= {name: text for name, text in _imported_types(base.__module__).items() if name not in types}
        texts = _said_in(declared.body)
        for line in declared.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                said[line.target.id] = texts.get(line.target.id) or types.get(ast.unparse(line.annotation), "")
    return said


def _imported_types(module: str) -> dict[str, str]:
    """Return what is said of named types in the module's `records`, from where its commands take them."""
    records = sys.modules.get(".".join(module.split(".")[:3]) + ".records")
    return {} if records is None else _said_in(ast.parse(inspect.getsource(records)).body)


def _said_in(body: list[ast.stmt]) -> dict[str, str]:
    said: dict[str, str] = {}
    for line, following in pairwise(body):
        if not isinstance(following, ast.Expr) or not isinstance(following.value, ast.Constant):
            continue
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        if isinstance(target, ast.Name) and isinstance(following.value.value, str):
            said[target.id] = " ".join(following.value.value.split()).replace("``", "`").replace("|", "\\|")
    return said
