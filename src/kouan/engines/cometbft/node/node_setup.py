"""Making a node: its keys, and, once the alliance is founded, what CometBFT runs by. And the check before a start."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kouan.engines.cometbft.node.config import config_file
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.genesis import genesis_file
from kouan.engines.cometbft.node.keys import node_file, node_id, read_public, validator_file, write_secret
from kouan.engines.cometbft.node.supervisor import CLOCK_BEHIND, is_future
from kouan.kernel.suites import SEED_BYTES
from kouan.modules.alliance.founding import FoundingError, NetworkFounding, alliance_id
from kouan.modules.alliance.trust import read_trust_file

_NEVER_VOTED: Final = b'{\n  "height": "0",\n  "round": 0,\n  "step": 0\n}\n'


class SetupError(ValueError):
    """The node's directory does not fit its alliance; the text names the file and says what to do."""


class ClockError(SetupError):
    """This machine's clock is behind."""


class Public(NamedTuple):
    """What others may know of a node's keys."""

    node: str
    """How its peers know it."""
    validator: bytes
    """Its consensus key."""


def make_keys(node: NodeDirectory, entropy: Callable[[int], bytes]) -> Public:
    """Make the validator's and the node's key; raises FileExistsError where there are any: never two of them.

    Beside the validator's key stands from the beginning what was signed with it: nothing. Where that is missing later,
    it was lost.
    """
    write_secret(node.validator_key, validator_file(entropy(SEED_BYTES)))
    write_secret(node.last_vote, _NEVER_VOTED)
    write_secret(node.node_key, node_file(entropy(SEED_BYTES)))
    return public_keys(node)


def public_keys(node: NodeDirectory) -> Public:
    """Return what others may know of the keys; raises NodeKeyError."""
    return Public(node_id(read_public(node.node_key)), read_public(node.validator_key))


def install(node: NodeDirectory, trust: bytes, founding: NetworkFounding, peers: Sequence[str]) -> None:
    """Write what CometBFT runs by, and the trust file last; raises SetupError where another alliance's is.

    ``peers`` are ``id@host:port`` of the other members' nodes. What says which votes were signed is never written:
    where it is lost, so that one could be signed twice, SetupError is raised.
    """
    if node.trust_file.exists() and alliance_id(_read(node.trust_file)) != alliance_id(founding):
        raise SetupError(f"{node.trust_file}: belongs to another alliance; a node never changes its own: make another")
    settings = node.settings()
    for directory in (node.home / "data", node.state, node.snapshots):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _must_know_its_last_vote(node)
    node.genesis.write_bytes(genesis_file(founding))
    node.config_file.write_bytes(config_file(settings, node.socket, peers))
    node.trust_file.write_bytes(trust)


def check(node: NodeDirectory) -> NetworkFounding:
    """Return the founding document, after everything that must hold before a node starts.

    Raises FoundingError for a document whose signatures do not hold, SetupError for one that the node did not join by,
    ClockError where it was founded a minute or more from now, NodeKeyError for a lost key.
    """
    node.settings()
    if not node.trust_file.exists():
        raise SetupError(f"{node.trust_file}: is not there: this node has joined no alliance; run `kouan node join`")
    founding = _read(node.trust_file)
    public_keys(node)
    if not node.genesis.exists() or node.genesis.read_bytes() != genesis_file(founding):
        raise SetupError(
            f"{node.genesis}: does not follow from {node.trust_file.name}: one of them was changed; "
            "put the alliance.json back that every member signed, and run `kouan node join` again"
        )
    if not node.config_file.exists():  # CometBFT would go on with its defaults, and never find the application
        raise SetupError(f"{node.config_file}: is lost; put yours back, or run `kouan node join` again")
    _must_know_its_last_vote(node)
    if is_future(founding.founded_ms):
        raise ClockError(f"alliance.json: was founded in the future; {CLOCK_BEHIND}")
    return founding


def make_socket_directory(node: NodeDirectory) -> None:
    """Make the directory of the application's socket where it lies elsewhere; raises SetupError where others may enter.

    Whoever could put a socket of its own there would be asked in the application's place.
    """
    directory = node.socket.parent
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = directory.lstat()
    if directory != node.path and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077):
        raise SetupError(f"{directory}: is open to others; remove it, or give the node a directory with a shorter path")


def _must_know_its_last_vote(node: NodeDirectory) -> None:
    if not node.last_vote.exists():
        raise SetupError(
            f"{node.last_vote}: is lost, and this node may have voted; docs/operating/recovery.md says what to do"
        )


def _read(path: Path) -> NetworkFounding:
    try:
        founding = read_trust_file(path.read_bytes())
    except FoundingError as problem:
        raise FoundingError(f"{path}: {problem}") from None
    if not isinstance(founding, NetworkFounding):
        raise FoundingError(f"{path}: founds a ledger of one operator, which runs by `kouan serve`, not by nodes")
    return founding
