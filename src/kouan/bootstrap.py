"""The one place that wires things together: which modules an alliance runs, and how a ledger is opened.

A *port* is a directory with what one machine keeps of an alliance: ``alliance.json`` (the trust file), ``ledger/``
(the embedded engine's data) and what the client puts beside them.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final, TypeVar

from kouan.client.evaluating import Evaluator
from kouan.client.places import EVALUATOR_MASTER, KEYS, MAIN_KEY, Home, member_home
from kouan.client.reading import LedgerReader, holder_of
from kouan.engines.cometbft.client.node_list import listed
from kouan.engines.cometbft.client.remote import PATIENCE_S, Network
from kouan.engines.embedded import LOG, Embedded, Ledger
from kouan.engines.local_socket import Remote, SocketError
from kouan.engines.port import Engine
from kouan.evaluator import local_socket as evaluator_socket
from kouan.evaluator.memory import MEMORY_FILE, Memory
from kouan.evaluator.prf import Prf
from kouan.evaluator.service import Identity, Service
from kouan.kernel.records import Record
from kouan.kernel.registry import Registry
from kouan.kernel.state import Reader
from kouan.modules.alliance import rules as alliance_rules
from kouan.modules.alliance.commands import commands_for
from kouan.modules.alliance.consensus import CONSENSUS_PARAMETERS
from kouan.modules.alliance.founding import AnyFounding, Founding, NetworkFounding, alliance_id, genesis
from kouan.modules.alliance.offences import begin
from kouan.modules.alliance.trust import read_trust_file
from kouan.modules.cases import admission
from kouan.modules.cases import commands as cases_commands
from kouan.modules.cases import rules as cases_rules
from kouan.modules.customs import commands as customs_commands
from kouan.modules.customs import rules as customs_rules
from kouan.modules.financing import commands as financing_commands
from kouan.modules.financing import rules as financing_rules

TRUST_FILE: Final = "alliance.json"
LEDGER: Final = "ledger"
OPERATOR_SEED: Final = "operator.key"
SOCKET: Final = "socket"
EVALUATOR_SOCKET: Final = "evaluator.socket"
TRUSTED: Final = "trusted.json"
"""What a client of a network has verified, so that the next one need not begin at the founding."""
UNANSWERED: Final = "unanswered"
"""Envelopes that a network did not answer in time."""
SHANGHAI: Final = timezone(timedelta(hours=8), "+08:00")  # without daylight saving since 1991
LOCK: Final = "lock"
LOCK_WAIT_S: Final = 2.0
"""How long a command waits for another that has the ledger open."""
LOCK_POLL_S: Final = 0.02
SEED_BYTES: Final = 32
R = TypeVar("R", bound=Record)
PROTOCOL: Final = 1
"""The newest version of the ledger's rules that this software knows."""
PARAMETERS: Final = (
    *alliance_rules.PARAMETERS,
    *customs_rules.PARAMETERS,
    *financing_rules.PARAMETERS,
    *cases_rules.PARAMETERS,
)
NETWORK_PARAMETERS: Final = (*PARAMETERS, *CONSENSUS_PARAMETERS)
"""Those of a ledger that members run together."""


class PortError(Exception):
    """The port directory cannot be used; the text says why and what to do."""


def now_ms() -> int:
    """Return the machine's clock."""
    return time.time_ns() // 1_000_000


def registry() -> Registry:
    """Return all commands and parameters of this version, whichever way a ledger is run."""
    commands = (
        *commands_for(NETWORK_PARAMETERS),
        *customs_commands.COMMANDS,
        *financing_commands.commands_for(admission),
        *cases_commands.COMMANDS,
    )
    return Registry(commands, NETWORK_PARAMETERS, begin, PROTOCOL)


def read_founding(port: Path) -> AnyFounding:
    """Return the founding document of a port; raises PortError, FoundingError."""
    path = port / TRUST_FILE
    try:
        return read_trust_file(path.read_bytes())
    except OSError as problem:
        raise PortError(f"{path}: {problem.strerror}; found an alliance with `kouan init`") from None


def ledger_of(founding: AnyFounding) -> Ledger:
    """Return what a ledger of this alliance begins with and can execute; raises FoundingError."""
    return Ledger(
        alliance=alliance_id(founding),
        operator=founding.operator if isinstance(founding, Founding) else None,
        founded_ms=founding.founded_ms,
        genesis=genesis(founding),
        registry=registry(),
        keep_versions=founding.charter[alliance_rules.PROVABLE_BLOCKS],
    )


def operator_seed(port: Path) -> bytes | None:
    """Return the seed that signs checkpoints, if it is kept here; raises PortError."""
    path = port / LEDGER / OPERATOR_SEED
    if not path.exists():
        return None
    try:
        seed = bytes.fromhex(path.read_text().strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise PortError(f"{path} is damaged: it holds the operator's seed as 64 hexadecimal digits")
    return seed


def open_ledger(
    port: Path,
    clock: Callable[[], int] = now_ms,
    *,
    accept_loss: bool = False,
    check_signatures: bool = False,
    progress: Callable[[int, int], None] = lambda _height, _last: None,
    begin: bool = False,
) -> Embedded:
    """Open a port's ledger in this process, which must hold its lock.

    Only who founds it may ``begin`` a ledger that is not there: anybody else would begin a second history.
    """
    directory = port / LEDGER
    if not begin and not (directory / LOG).exists():
        raise PortError(f"{directory / LOG} is not there: restore it from a backup with `kouan restore`")
    return Embedded(
        directory,
        ledger_of(read_founding(port)),
        clock,
        operator_seed=operator_seed(port),
        accept_loss=accept_loss,
        check_signatures=check_signatures,
        progress=progress,
    )


@contextmanager
def lock(port: Path, wait_s: float = 0) -> Iterator[None]:
    """Hold a port's ledger for this process; raises PortError that tells who has it after ``wait_s`` seconds."""
    directory = port / LEDGER
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end_s = time.monotonic() + wait_s
        while not _is_locked(descriptor):
            if time.monotonic() >= end_s:
                raise PortError(f"{directory} is in use by {_holder(os.pread(descriptor, 4096, 0))}")
            time.sleep(LOCK_POLL_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since_ms": now_ms()}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(written: bytes) -> str:
    try:
        held = json.loads(written)
        since = datetime.fromtimestamp(held["since_ms"] / 1000, SHANGHAI).isoformat(" ", "seconds")
        return f"process {held['pid']} since {since}"
    except (ValueError, LookupError, TypeError):  # it is just being written
        return "another process"


@contextmanager
def connect(
    port: Path, nodes: Sequence[str] = (), warn: Callable[[str], None] = lambda _text: None
) -> Iterator[Engine]:
    """Reach a port's ledger.

    One operator's: through the process that serves it, or by opening it here when nobody does; another process that has
    it open is waited for, up to two seconds. A network's: through its nodes, by ``nodes`` (URLs) or as listed beside
    the trust file; ``warn`` is told of those that are passed over. Raises SocketError, PortError, LogError, StoreError,
    ReplayError, NodeListError, TrustedFileError.
    """
    remote = served(port)
    if remote:
        try:
            yield remote
        finally:
            remote.close()
        return
    founding = read_founding(port)  # before anything is made in a directory that is no port
    if isinstance(founding, NetworkFounding):
        with closing(open_network(port, founding, nodes, warn)) as network:
            yield network
        return
    if nodes:
        raise PortError(
            "--node: one operator runs this port's ledger, so there are no nodes; leave --node and KOUAN_NODE away"
        )
    with ExitStack() as opened:
        try:
            opened.enter_context(lock(port, LOCK_WAIT_S))
        except PortError as problem:
            way_on = "try again, or run `kouan serve`, beside which many commands run at once"
            raise PortError(f"{problem}; {way_on}") from None
        yield opened.enter_context(closing(open_ledger(port)))


def open_network(
    port: Path,
    founding: NetworkFounding,
    nodes: Sequence[str] = (),
    warn: Callable[[str], None] = lambda _text: None,
    patience_s: float = PATIENCE_S,
) -> Network:
    """Return the ledger of a network, by its nodes' URLs or by the list in ``network.json``; the caller closes it."""
    urls = list(nodes) or listed(port)
    kept = port / UNANSWERED
    return Network(urls, founding, port / TRUSTED, now_ms, warn=warn, patience_s=patience_s, unanswered=kept)


def operators(port: Path, way_on: str) -> Founding:
    """Return the founding document of a port whose ledger one operator runs; raises PortError with the ``way_on``."""
    founding = read_founding(port)
    if isinstance(founding, NetworkFounding):
        raise PortError(
            f"{port / TRUST_FILE}: members run this ledger together, there is no operator's ledger here; {way_on}"
        )
    return founding


def served(port: Path) -> Remote | None:
    """Return the way to the process that serves a port's ledger, or None; the caller closes it."""
    try:
        return Remote(port / LEDGER / SOCKET)
    except SocketError:  # nobody serves; a socket that is there was left by a process that was killed
        return None


@contextmanager
def evaluator(
    port: Path, reader: Reader, passphrase: str | None = None, clock: Callable[[], int] = now_ms
) -> Iterator[Evaluator]:
    """Reach the evaluator: the process that serves it, or else its home in this port directory.

    ``reader`` reads the ledger as this process has it open; a session is one. Raises PortError, KeyFileError,
    MemoryFileError.
    """
    socket = port / EVALUATOR_SOCKET
    if evaluator_socket.is_served(socket):
        yield evaluator_socket.Remote(socket)
        return
    with own_evaluator(port, reader, passphrase, clock) as own:
        yield own


@contextmanager
def own_evaluator(
    port: Path, reader: Reader, passphrase: str | None = None, clock: Callable[[], int] = now_ms
) -> Iterator[Service]:
    """Be the evaluator, with the keys in its home; raises PortError, KeyFileError, MemoryFileError."""
    home = evaluator_home(port, reader, passphrase)
    master, seed = home.keys.secrets.get(EVALUATOR_MASTER), home.keys.signing_seeds.get(MAIN_KEY)
    if master is None or seed is None:
        wanted = f"{EVALUATOR_MASTER} and the signing key {MAIN_KEY}"
        raise PortError(f"{home.path / KEYS} lacks {wanted}: only the key file of who founded as evaluator has them")
    prf = Prf(master)
    identity = Identity(alliance_id(read_founding(port)), home.id, MAIN_KEY, seed)
    with Memory(home.path / MEMORY_FILE, prf.check()) as memory:
        yield Service(identity, prf, memory, reader, clock)


def evaluator_home(port: Path, reader: Reader, passphrase: str | None = None) -> Home:
    """Return the home of the member that is the evaluator; raises PortError when it is not in this port directory."""
    try:
        member = holder_of(reader, cases_rules.EVALUATOR).id
    except ValueError as problem:
        raise PortError(f"{problem}; the members vote one with `kouan member propose`") from None
    if not (port / "members" / member / KEYS).is_file():
        way_on = f"run `kouan evaluator serve` where {member} has its home"
        raise PortError(f"no evaluator answers at {port / EVALUATOR_SOCKET}, and {member} has no home here; {way_on}")
    return member_home(port, member, passphrase)


class ServedReader:
    """Reads one operator's ledger through the process that serves it, which may be started anew between questions."""

    def __init__(self, port: Path) -> None:
        self._socket = port / LEDGER / SOCKET

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the newest record at a key, or None; raises SocketError when nobody serves."""
        with closing(Remote(self._socket)) as engine:
            return LedgerReader(engine).read(kind, key)


@contextmanager
def standing_reader(
    port: Path, nodes: Sequence[str] = (), warn: Callable[[str], None] = lambda _text: None
) -> Iterator[Reader]:
    """Return who reads a port's ledger for as long as a service runs beside it."""
    founding = read_founding(port)
    if isinstance(founding, NetworkFounding):
        with closing(open_network(port, founding, nodes, warn)) as network:
            yield LedgerReader(network)
    else:
        yield ServedReader(port)
