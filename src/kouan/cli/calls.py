"""One run of a command: the options that every command has, and the one place where its errors become exit codes."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kouan import bootstrap
from kouan.cli.output import (
    REFUSED,
    UNUSABLE,
    Lang,
    Page,
    RefusedError,
    UnusableError,
    error_console,
    show,
    show_refused,
    show_unusable,
)
from kouan.client.keyfile import KeyFileError
from kouan.client.names import Names, read_names
from kouan.client.places import MAIN_KEY, Home, NoHomeError, member_home
from kouan.client.session import Session
from kouan.client.vault_file import VaultError
from kouan.engines.cometbft.client.chain import ForkError
from kouan.engines.cometbft.client.nodes import NobodyAnswersError
from kouan.engines.cometbft.client.remote import UnansweredError
from kouan.engines.embedded import ReplayError
from kouan.engines.local_socket import SocketError
from kouan.engines.log_format import LogError
from kouan.engines.port import Engine
from kouan.engines.store import StoreError
from kouan.kernel.execution import TooOldError
from kouan.modules.alliance.founding import alliance_id

UNUSABLE_ERRORS: Final = (
    UnusableError,
    bootstrap.PortError,
    ForkError,
    KeyFileError,
    LogError,
    NobodyAnswersError,
    NoHomeError,
    OSError,
    ReplayError,
    SocketError,
    StoreError,
    TooOldError,
    UnansweredError,
    ValueError,  # what client and formats raise for a bad field, naming it
    VaultError,
)
"""What a command may raise for unusable input: its text is printed as one line. Anything else is a defect."""


@dataclass(frozen=True)
class Call:
    """Where a command runs, as whom, and how its answer is shown."""

    port: Path
    as_json: bool
    lang: Lang
    passphrase: str | None
    member: str | None = None
    key: str = MAIN_KEY
    nodes: tuple[str, ...] = ()
    """URLs of the network's nodes; empty: those that the port directory lists."""

    def text(self, english: str, chinese: str) -> str:
        """Return the one in the reader's language."""
        return chinese if self.lang == "zh" else english

    @property
    def alliance(self) -> str:
        """The id of the port's alliance; raises PortError, FoundingError."""
        return alliance_id(bootstrap.read_founding(self.port))

    def names(self) -> Names:
        """Return how people call the members of this port."""
        return read_names(self.port)

    def home(self) -> Home:
        """Return the home of the member that acts; raises UnusableError, NoHomeError."""
        if not self.member:
            raise UnusableError("--as", "nobody is named; give the member that acts, or set KOUAN_AS")
        return member_home(self.port, self.member, self.passphrase)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Reach the port's ledger."""
        with bootstrap.connect(self.port, self.nodes, self.warn) as engine:
            yield engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Reach the port's ledger as the member that acts."""
        home = self.home()
        if self.key not in home.keys.signing_seeds:
            there = ", ".join(sorted(home.keys.signing_seeds)) or "none"
            raise UnusableError("--key", f"{home.id} has no key {self.key!r} here; it has {there}")
        with self.engine() as engine:
            yield home.session(engine, self.alliance, bootstrap.now_ms, self.key)

    def warn(self, text: str) -> None:
        """Print what a person should know, and the answer goes on, to standard error."""
        error_console().print(self.text("Note: ", "注意：") + text, soft_wrap=True)

    def progress(self) -> Progress:
        """Return a progress bar on standard error, for work that takes a while."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = error_console()
        return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


# Without short options: an id that begins with a hyphen would be searched for them, letter by letter.
_AN_ID_MAY_COME: Final = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def _option(name: str, kind: Any, default: Any, **declared: Any) -> inspect.Parameter:
    flags = declared.pop("flags")
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*flags, rich_help_panel="Every command", **declared)],
    )


_COMMON: Final = (
    _option(
        "port",
        Path,
        Path(),
        flags=["--port"],
        envvar="KOUAN_PORT",
        metavar="DIR",
        help="The port directory, made by `kouan init`.",
    ),
    _option(
        "node",
        str | None,
        None,
        flags=["--node"],
        envvar="KOUAN_NODE",
        metavar="URL[,URL…]",
        help="Nodes of the network that runs the ledger; without it, those listed in DIR/network.json.",
    ),
    _option(
        "passphrase_file",
        Path | None,
        None,
        flags=["--passphrase-file"],
        metavar="FILE",
        help="The passphrase of members' and wallets' key files, on the first line; or set KOUAN_PASSPHRASE.",
    ),
    _option("as_json", bool, False, flags=["--json"], help="Print one JSON document."),  # its default
    _option("lang", Lang, "en", flags=["--lang"], envvar="KOUAN_LANG", help="The language of the answer."),
)
_SIGNING: Final = (
    _option("as_member", str | None, None, flags=["--as"], envvar="KOUAN_AS", metavar="MEMBER", help="Who acts."),
    _option("with_key", str, MAIN_KEY, flags=["--key"], metavar="NAME", help="Which of its keys signs."),
)


def group(help_text: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)


def command(
    into: typer.Typer, name: str, *, signs: bool = False, ids: bool = False, examples: tuple[str, ...] = ()
) -> Callable[[Callable[..., Page]], Callable[..., None]]:
    """Register ``function(call, …) -> Page`` as a command of the group ``into``, with the common options.

    ``signs`` adds ``--as`` and ``--key``. ``ids``: an argument is an id or a key, and one in 64 of those begins with a
    hyphen; it is then not taken for an option. The docstring is the help text; ``examples`` are shown below it.
    """

    def register(function: Callable[..., Page]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            _run(function, given)

        common = [*(_SIGNING if signs else ()), *_COMMON]
        run.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]  # read by inspect
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *common)}
        del run.__wrapped__  # or inspect would look behind the signature just set
        into.command(name, help=_help(function, examples), context_settings=_AN_ID_MAY_COME if ids else None)(run)
        return run

    return register


def _run(function: Callable[..., Page], given: dict[str, Any]) -> None:
    as_json, lang = given["as_json"], given["lang"]
    try:
        passphrase = _passphrase(given.pop("passphrase_file"))
        call = Call(
            port=given.pop("port"),
            as_json=given.pop("as_json"),
            lang=given.pop("lang"),
            passphrase=passphrase,
            member=given.pop("as_member", None),
            key=given.pop("with_key", MAIN_KEY),
            nodes=tuple(filter(None, (given.pop("node") or "").replace(" ", "").split(","))),
        )
        page = function(call, **given)
    except RefusedError as error:
        show_refused(error, lang, as_json=as_json)
        raise typer.Exit(REFUSED) from None
    except UNUSABLE_ERRORS as error:
        show_unusable(error, lang, as_json=as_json)
        raise typer.Exit(UNUSABLE) from None
    show(page, as_json=as_json)
    if page.exit_code:
        raise typer.Exit(page.exit_code)


def _passphrase(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get("KOUAN_PASSPHRASE") or None
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise UnusableError("--passphrase-file", f"{file} has nothing on its first line; write the passphrase there")
    return lines[0]


def _help(function: Callable[..., Page], examples: tuple[str, ...]) -> str:
    text = inspect.cleandoc(function.__doc__ or "")
    if not examples:
        return text
    return text + "\n\nExamples:\n\n" + "\n\n".join(f"  {example}" for example in examples)
