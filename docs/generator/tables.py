"""``docs/reference/rejections.md`` and ``docs/reference/parameters.md``: the two tables of the ledger."""

from __future__ import annotations

from typing import Final

from kouan import bootstrap
from kouan.client.sentences import SENTENCES
from kouan.kernel.registry import Parameter
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.records import SetParameter
from kouan.modules.alliance.votes import is_critical

REJECTIONS_HEAD: Final = """\
# Rejections

Every reason to refuse, as one table of stable numbers. 0 is kept for "accepted". A number is never given to another
meaning. Within a group the order of the numbers is the order in which a command is tested, except where a module's page
says otherwise; the first that applies is the one that is told, together with `at`, the id or the field concerned.

On the ledger stands the number alone. The sentences are what the command line says (`--lang en`, `--lang zh`).
"""

_GROUPS: Final = (
    (
        1,
        19,
        "The envelope",
        "It is refused as a whole: none of its commands is looked at, and its number stays unused.",
    ),
    (20, 39, "Any command", "Before its module looks at it."),
    (40, 99, "A quota", "The one rule: what is drawn never exceeds what was attested, and no part is drawn twice."),
    (100, 199, "Alliance", ""),
    (200, 299, "Customs", ""),
    (300, 399, "Financing", ""),
    (400, 499, "Cases", "One trade, many documents."),
)

PARAMETERS_HEAD: Final = """\
# Parameters of the charter

Numbers on which the members have agreed. The founding document carries a value for each of them
(`kouan init --members FILE` takes other values than the defaults under `charter`); afterwards a vote changes them:
`kouan member propose parameter NAME VALUE`, `kouan member vote`, `kouan member enact`.

An **ordinary** change is carried by more than half of the members, a **critical** one by three quarters and by the
customs' and the overseers' consent. Either takes effect once `alliance.delay_ms` has passed and somebody enacts it. A
changed ratio reaches a declaration when customs next changes it, not before.
"""

_DAY_MS: Final = 24 * 3_600_000
_HOUR_MS: Final = 3_600_000


def rejections() -> str:
    """Return the page of rejections."""
    parts = [REJECTIONS_HEAD]
    head = "| | name | what it says | what to do | 说明 | 处理办法 |\n|---:|---|---|---|---|---|"
    for first, last, title, about in _GROUPS:
        own = [_row(code) for code in Rejection if first <= code <= last]
        parts += [f"## {first} to {last}: {title[0].lower()}{title[1:]}", about, "\n".join([head, *own])]
    if sum(part.count("\n| ") for part in parts[1:]) < len(Rejection):
        raise AssertionError("a rejection lies in no group")
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _row(code: Rejection) -> str:
    said = SENTENCES[code]
    cells = (str(int(code)), f"`{code.name}`", said.en, said.next_en, said.zh, said.next_zh)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def parameters() -> str:
    """Return the page of parameters."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in bootstrap.NETWORK_PARAMETERS:
        prefix, dot, _ = parameter.name.partition(".")
        groups.setdefault(prefix.capitalize() if dot else "The ledger as a whole", []).append(parameter)
    parts = [PARAMETERS_HEAD]
    for title, own in groups.items():
        head = "| name | default | least | most | unit | meaning | change |\n|---|---:|---:|---:|---|---|---|"
        parts += [f"## {title}", "\n".join([head, *map(_parameter_row, own)])]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _parameter_row(parameter: Parameter) -> str:
    numbers = [_number(value, parameter.unit) for value in (parameter.default, parameter.lowest, parameter.highest)]
    meaning = parameter.meaning[0].upper() + parameter.meaning[1:].removesuffix(".")
    weight = "critical" if _needs_consent(parameter.name) else "ordinary"
    return f"| `{parameter.name}` | {' | '.join(numbers)} | {parameter.unit} | {meaning} | {weight} |"


def _number(value: int, unit: str) -> str:
    if unit == "ms" and value:
        for size, name in ((_DAY_MS, "d"), (_HOUR_MS, "h")):
            if value % size == 0:
                return f"{value} ({value // size} {name})"
    return str(value)


class _Unread:
    """A ledger that is not asked: for a parameter the name alone decides."""

    def read(self, kind: type[object], key: str) -> None:
        """Refuse to be asked."""
        raise AssertionError(f"{kind.__name__} at {key} was asked for")


def _needs_consent(name: str) -> bool:
    return is_critical(_Unread(), SetParameter(name, 0))
