"""What people type into options and arguments, checked: a wrong word is named, with what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec

from kouan.cli.output import UnusableError
from kouan.engines.cometbft.node.directory import HostPort
from kouan.kernel.encoding import Code
from kouan.modules.alliance.rules import Role


def code(field: str, text: str) -> str:
    """Return a code: a member's id, an alliance's name, a reason; raises UnusableError."""
    try:
        return msgspec.convert(text, Code)
    except msgspec.ValidationError:
        raise UnusableError(
            field, f"{text[:40]!r} is no code; give up to 32 lower-case letters, digits, dots and hyphens"
        ) from None


def must_be_place(field: str, text: str) -> None:
    """Check where something listens or is reached; raises UnusableError."""
    try:
        msgspec.convert(text, HostPort)
    except msgspec.ValidationError:
        raise UnusableError(
            field,
            f"{text[:80]!r} is no HOST:PORT; give it as kouan.huangpu.example:26656, an IPv6 address in brackets, "
            "a port up to 65535",
        ) from None


def roles(named: Sequence[str]) -> list[Role]:
    """Return the roles of ``--role``, each once; raises UnusableError."""
    known = get_args(Role)
    for role in named:
        if role not in known:
            raise UnusableError("--role", f"{role!r} is no role; give one of {', '.join(known)}")
    return msgspec.convert(sorted(set(named)), list[Role])
