"""Where a machine keeps what belongs to whom: a port directory with a home for each member and each trader's wallet.

``members/<id>/`` and ``wallets/<code>/`` each hold ``keys.json`` (see `kouan.client.keyfile`), ``vault.db`` and small
files of their own. A real institution has a port directory with its own home alone; a demonstration has them all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kouan.client.keyfile import Keys, load_keys, save_keys
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.sealing import new_private_key
from kouan.client.session import CounterFile, Session
from kouan.client.vault import Vault
from kouan.engines.port import Engine

KEYS = "keys.json"
MAIN_KEY = "main"
VAULT_KEY = "vault"
DRAW_MASTER = "draw-master"
CUSTOMS_MASTER = "customs-master"
EVALUATOR_MASTER = "evaluator-master"


class NoHomeError(Exception):
    """There is no such member or wallet here; the text names those that are."""


class Home:
    """One party's directory. Its keys are read when first needed."""

    def __init__(self, path: Path, passphrase: str | None = None) -> None:
        self.path = path
        self._passphrase = passphrase
        self._keys: Keys | None = None

    @property
    def id(self) -> str:
        """The member's id, or the trader's code."""
        return self.path.name

    @property
    def keys(self) -> Keys:
        """What the key file holds; raises KeyFileError."""
        if self._keys is None:
            self._keys = load_keys(self.path / KEYS, self._passphrase)
        return self._keys

    def vault(self, entropy: Entropy) -> Vault:
        """Open the party's vault; the caller closes it."""
        return Vault(self.path / "vault.db", self.keys.secrets[VAULT_KEY], entropy)

    def session(self, engine: Engine, alliance: str, now_ms: Callable[[], int], key: str = MAIN_KEY) -> Session:
        """Return a session that signs as this member with one of its keys; raises KeyError for an unknown key."""
        numbers = CounterFile(self.path / f"envelopes-{key}")
        return Session(engine, alliance, f"{self.id}/{key}", self.keys.signing_seeds[key], numbers, now_ms)


def make_home(
    path: Path,
    entropy: Entropy,
    *,
    signing: tuple[str, ...] = (),
    secrets: tuple[str, ...] = (),
    passphrase: str | None = None,
) -> Home:
    """Make a party's directory with fresh keys; raises KeyFileError when there are keys already."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = Keys(
        owner=path.name,
        hpke_private=new_private_key(entropy),
        signing_seeds={name: fresh(entropy) for name in signing},
        secrets={name: fresh(entropy) for name in (VAULT_KEY, *secrets)},
    )
    save_keys(path / KEYS, keys, passphrase=passphrase, entropy=entropy)
    return Home(path, passphrase)


def member_home(port: Path, member: str, passphrase: str | None = None) -> Home:
    """Return the home of a member; raises NoHomeError."""
    return _home(port / "members", member, passphrase)


def wallet_home(port: Path, code: str, passphrase: str | None = None) -> Home:
    """Return the wallet of a trader; raises NoHomeError."""
    return _home(port / "wallets", code, passphrase)


def _home(parent: Path, name: str, passphrase: str | None) -> Home:
    path = parent / name
    if not (path / KEYS).is_file():
        there = sorted(home.parent.name for home in parent.glob(f"*/{KEYS}"))
        raise NoHomeError(f"{parent} has no {name!r}; it has {', '.join(there) or 'nobody'}")
    return Home(path, passphrase)
