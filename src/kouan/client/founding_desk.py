"""Founding an alliance on one machine: keys for every member, the founding document, and the operator's key."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from kouan.client.keyfile import Keys
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.names import Name, write_names
from kouan.client.places import CUSTOMS_MASTER, EVALUATOR_MASTER, MAIN_KEY, Home, make_home
from kouan.client.sealing import public_of
from kouan.kernel.encoding import Code, to_text
from kouan.kernel.registry import Parameter
from kouan.kernel.suites import SUITE, public_key
from kouan.modules.alliance.founding import Founding, FoundingKey, FoundingMember
from kouan.modules.alliance.founding_rules import check
from kouan.modules.alliance.rules import Role
from kouan.modules.alliance.trust import trust_file

CHECKER_KEY: Final = "checker"
"""Every member gets a second key: what one key entered, another reverses."""


_MASTERS: Final[tuple[tuple[Role, str], ...]] = (("customs", CUSTOMS_MASTER), ("evaluator", EVALUATOR_MASTER))
"""Which role makes values that only a secret of its own can make again."""


class Founder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An institution that founds the alliance."""

    id: Code
    en: Annotated[str, Meta(min_length=1, max_length=200)]
    zh: Annotated[str, Meta(min_length=1, max_length=200)]
    roles: list[Role]


class Files(NamedTuple):
    """Where the port keeps what a founding makes besides the members' homes."""

    trust: Path
    operator_key: Path


class Cast(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who founds the alliance, and what in its charter differs from the defaults."""

    members: Annotated[list[Founder], Meta(min_length=1)]
    second_holder: Code
    charter: dict[str, int] = {}


def _bank(member: str, en: str, zh: str) -> Founder:
    return Founder(member, en, zh, ["bank"])


SHANGHAI: Final = Cast(
    members=[
        Founder("shanghai-customs", "Shanghai Customs", "上海海关", ["customs"]),
        Founder(
            "commerce-commission",
            "Shanghai Municipal Commission of Commerce",
            "上海市商务委",
            ["convener", "evaluator", "operator"],
        ),
        Founder("peoples-bank", "People's Bank of China, Shanghai", "中国人民银行上海总部", ["overseer"]),
        _bank("bank-of-huangpu", "Bank of Huangpu", "黄浦银行"),
        _bank("pudong-harbour-bank", "Pudong Harbour Bank", "浦东港湾银行"),
        _bank("suzhou-creek-bank", "Suzhou Creek Bank", "苏州河银行"),
        _bank("wusong-trade-bank", "Wusong Trade Bank", "吴淞贸易银行"),
        _bank("yangshan-merchants-bank", "Yangshan Merchants Bank", "洋山商人银行"),
        _bank("dishui-lake-bank", "Dishui Lake Bank", "滴水湖银行"),
    ],
    second_holder="commerce-commission",
)
"""Who signed in Shanghai in November 2019, with banks of invented names."""


def read_cast(path: Path) -> Cast:
    """Return the cast in a file; raises ValueError, naming the field, for a wrong one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Cast)
    except ValueError as problem:  # msgspec's errors are ValueErrors
        raise ValueError(f"{path}: {problem}") from None


def found(
    port: Path,
    files: Files,
    name: str,
    cast: Cast,
    parameters: Iterable[Parameter],
    *,
    entropy: Entropy,
    now_ms: int,
    passphrase: str | None = None,
) -> Founding:
    """Make a home with keys for each member in ``port``, the operator's key and, last, the trust file.

    Raises FoundingError, before anything is written, for a cast that cannot found an alliance, and ValueError when
    the directory holds an alliance or members' homes already.
    """
    declared = tuple(parameters)
    charter = {parameter.name: parameter.default for parameter in declared} | cast.charter
    if files.trust.exists() or (port / "members").exists():
        raise ValueError(f"{port}: holds an alliance already, or the rest of one; give another directory")
    operator_seed = fresh(entropy)

    def founding(members: list[FoundingMember]) -> Founding:
        made = Founding(
            charter=charter,
            engine="embedded",
            founded_ms=now_ms,
            members=members,
            name=name,
            nonce=to_text(fresh(entropy, 16)),
            operator=to_text(public_key(operator_seed)),
            second_holder=cast.second_holder,
            suite=SUITE,
        )
        check(made, declared)
        return made

    founding([_member(founder, _trial_keys(founder, entropy)) for founder in cast.members])
    port.mkdir(parents=True, exist_ok=True)
    homes = [make_founders_home(port, founder.id, founder.roles, entropy, passphrase) for founder in cast.members]
    members = [_member(founder, home.keys) for founder, home in zip(cast.members, homes, strict=True)]
    document = founding(members)
    write_names(port, {founder.id: Name(founder.en, founder.zh) for founder in cast.members})
    write_secret(files.operator_key, operator_seed.hex() + "\n")
    files.trust.write_bytes(trust_file(document))
    return document


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read; raises FileExistsError, an OSError, when there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def make_founders_home(
    port: Path, member: str, roles: Iterable[Role], entropy: Entropy, passphrase: str | None
) -> Home:
    """Make a founding member's home in a port directory, with the keys that its roles need; raises KeyFileError."""
    secrets = tuple(secret for role, secret in _MASTERS if role in roles)
    path = port / "members" / member
    return make_home(path, entropy, signing=(MAIN_KEY, CHECKER_KEY), secrets=secrets, passphrase=passphrase)


def _trial_keys(founder: Founder, entropy: Entropy) -> Keys:
    return Keys(founder.id, fresh(entropy), {name: fresh(entropy) for name in (MAIN_KEY, CHECKER_KEY)})


def _member(founder: Founder, keys: Keys) -> FoundingMember:
    return FoundingMember(
        id=founder.id,
        keys={name: FoundingKey(to_text(public_key(seed)), SUITE) for name, seed in keys.signing_seeds.items()},
        roles=sorted(founder.roles),
        sealing=to_text(public_of(keys.hpke_private)),
    )
