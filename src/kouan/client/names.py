"""How people call the members of a port: the ledger carries codes alone, the names stand in ``names.json`` beside it.

The file is ``{"<member>": {"en": "…", "zh": "…"}}``. It is a convenience: nothing is proven by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

NAMES_FILE: Final = "names.json"
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's name in English and Chinese."""

    en: _Text
    zh: _Text


class Names(dict[str, Name]):
    """Names by member id."""

    def of(self, member: str, lang: Literal["en", "zh"]) -> str:
        """Return a member's name, or its id where no name is known."""
        name = self.get(member)
        if name is None:
            return member
        return name.zh if lang == "zh" else name.en


def read_names(port: Path) -> Names:
    """Return the names kept in a port directory, none when there is no file; raises ValueError for a damaged one."""
    path = port / NAMES_FILE
    try:
        return Names(msgspec.json.decode(path.read_bytes(), type=dict[str, Name]))
    except FileNotFoundError:
        return Names()
    except ValueError as problem:  # msgspec's errors are ValueErrors
        raise ValueError(f"{path}: damaged: {problem}") from None


def write_names(port: Path, names: dict[str, Name]) -> None:
    """Keep names in a port directory."""
    data = msgspec.json.format(msgspec.json.encode(names, order="sorted"), indent=2)
    (port / NAMES_FILE).write_bytes(data + b"\n")
