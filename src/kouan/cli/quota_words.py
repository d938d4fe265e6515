"""What the free part of a quota is called: an export's may be financed, an import's may be paid abroad, never both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kouan.cli.output import Lang

KINDS: Final = ("export", "import")
_KIND: Final = {"en": {"export": "export", "import": "import"}, "zh": {"export": "出口", "import": "进口"}}
_FREE: Final = {
    "en": {"export": "May be financed", "import": "May be paid abroad"},
    "zh": {"export": "可融资余额", "import": "可付款余额"},
}
_LIMIT: Final = {
    "en": {"export": "May be financed in all", "import": "May be paid abroad in all"},
    "zh": {"export": "可融资总额", "import": "可付款总额"},
}
_USED: Final = {"en": {"export": "Lent", "import": "Paid abroad"}, "zh": {"export": "已融资", "import": "已付款"}}


def kind_word(kind: str, lang: Lang) -> str:
    """Return what a kind of declaration is called; an unknown kind as it stands."""
    return _KIND[lang].get(kind, kind)


def free_word(kind: str, lang: Lang) -> str:
    """Return what may still be done with a quota's free part."""
    return _FREE[lang][kind]


def limit_word(kind: str, lang: Lang) -> str:
    """Return what a quota's limit is called."""
    return _LIMIT[lang][kind]


def used_word(kind: str, lang: Lang) -> str:
    """Return what a quota's outstanding part is called."""
    return _USED[lang][kind]


def kinds_among(kinds: Collection[str]) -> list[str]:
    """Return which kinds a list has, so that it shows one column for each."""
    return [kind for kind in KINDS if kind in kinds]
