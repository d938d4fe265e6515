"""A node's directory: what is where, and its settings (``node.json``).

==============================  =======================================================================
``node.json``                   the settings below
``alliance.json``               the trust file, checked at every start
``skip.json``                   the skip list, if the members ever agreed on one; judged at every start
``cometbft/config/``            CometBFT's configuration, genesis and keys
``cometbft/data/``              CometBFT's blocks, state and the last vote that was signed
``state/``, ``snapshots/``      the application's
``logs/node.jsonl``             what happened, where the supervisor is told to keep it
``supervisor.pid``              the processes that run it (`kouan.engines.cometbft.node.processes`)
``app.sock``                    between CometBFT and the application
==============================  =======================================================================
"""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from kouan.engines.local_socket import MAX_PATH
from kouan.kernel.encoding import Code

FORMAT: Final = "kouan/node/1"
_PORT: Final = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST_PORT: Final = rf"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):{_PORT}\Z"
HostPort = Annotated[str, msgspec.Meta(pattern=_HOST_PORT, max_length=260)]
"""Where something listens, ``host:port``; an IPv6 address stands in brackets."""


class SettingsError(ValueError):
    """``node.json`` cannot be used; the text names the field and what would be right."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``node.json``: how one node of one member runs. Addresses are ``host:port``."""

    format: Literal["kouan/node/1"] = FORMAT
    member: Code
    """Whose node it is."""
    address: HostPort
    """Where the other members' nodes reach it."""
    listen: HostPort
    """Where it listens for them."""
    rpc: HostPort
    """Where clients ask it; loopback, unless something guards it."""
    http: HostPort
    """/metrics, /healthz and /readyz of the application; loopback."""
    engine_metrics: HostPort
    """CometBFT's own metrics; loopback."""
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 30
    """How long blocks are kept; never less than the trust period, nor more than the oldest snapshot leaves over."""
    snapshot_every_s: Annotated[int, msgspec.Meta(ge=0, le=31_536_000)] = 3_600
    """By the blocks' times; all members set the same, so that a newcomer can fetch from all. 0: no snapshots."""
    snapshots_kept: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    """CometBFT offers at most ten."""
    local: bool = False
    """All nodes are on this machine: private addresses are believed, and several nodes share one."""


class NodeDirectory:
    """Where a node keeps what."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def settings_file(self) -> Path:
        """``node.json``."""
        return self.path / "node.json"

    @property
    def trust_file(self) -> Path:
        """``alliance.json``, absent until the node has joined."""
        return self.path / "alliance.json"

    @property
    def skip_file(self) -> Path:
        """``skip.json``, absent where no envelope ever crashed the nodes."""
        return self.path / "skip.json"

    @property
    def home(self) -> Path:
        """CometBFT's home."""
        return self.path / "cometbft"

    @property
    def config_file(self) -> Path:
        """CometBFT's ``config.toml``."""
        return self.home / "config" / "config.toml"

    @property
    def genesis(self) -> Path:
        """CometBFT's ``genesis.json``."""
        return self.home / "config" / "genesis.json"

    @property
    def node_key(self) -> Path:
        """By which the node's peers know it."""
        return self.home / "config" / "node_key.json"

    @property
    def validator_key(self) -> Path:
        """What signs votes."""
        return self.home / "config" / "priv_validator_key.json"

    @property
    def last_vote(self) -> Path:
        """CometBFT's, of what was signed last: never put back from a copy."""
        return self.home / "data" / "priv_validator_state.json"

    @property
    def state(self) -> Path:
        """The application's state."""
        return self.path / "state"

    @property
    def snapshots(self) -> Path:
        """What other nodes may begin from."""
        return self.path / "snapshots"

    @property
    def log_file(self) -> Path:
        """What the supervisor writes when it is told to keep a log."""
        return self.path / "logs" / "node.jsonl"

    @property
    def processes_file(self) -> Path:
        """Who runs the node."""
        return self.path / "supervisor.pid"

    @property
    def socket(self) -> Path:
        """Between CometBFT and the application: a short path elsewhere where this directory's is too long (unix(7))."""
        here = self.path / "app.sock"
        if len(os.fsencode(here)) <= MAX_PATH:
            return here
        named = sha256(os.fsencode(self.path)).hexdigest()[:24]
        return Path(tempfile.gettempdir()) / f"kouan-{os.getuid()}" / f"{named}.sock"

    def settings(self) -> Settings:
        """Return the settings; raises SettingsError."""
        path = self.settings_file
        try:
            return msgspec.json.decode(path.read_bytes(), type=Settings)
        except OSError as problem:
            way_on = "name a directory that `kouan node init` made"
            raise SettingsError(f"{path}: {problem.strerror}; {way_on}") from None
        except ValueError as problem:  # msgspec's errors are ValueErrors
            raise SettingsError(f"{path}: {problem}") from None

    def write_settings(self, settings: Settings) -> None:
        """Write ``node.json``; raises SettingsError for a wrong value."""
        data = msgspec.json.encode(settings)
        try:
            msgspec.json.decode(data, type=Settings)
        except msgspec.ValidationError as problem:
            raise SettingsError(str(problem)) from None
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings_file.write_bytes(msgspec.json.format(data, indent=2) + b"\n")
