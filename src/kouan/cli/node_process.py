"""``kouan node start`` and ``kouan node application``: a node's processes. They load nothing else of the command line.

A node has two of them, and a machine may have several nodes: they must start soon and stay small.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from kouan.cli.errors import JsonCommand, told
from kouan.engines.cometbft.node import binary, exits, node_setup, observing
from kouan.engines.cometbft.node.directory import NodeDirectory
from kouan.engines.cometbft.node.journal import Journal
from kouan.engines.cometbft.node.processes import InUseError, registered
from kouan.engines.cometbft.node.supervisor import Commands, Supervisor
from kouan.engines.cometbft.sync.changes import ChangesError
from kouan.engines.store import StoreError

app: Final = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich")
BEHIND_ENGINE: Final = 5
"""The application's niceness: where processors are few, CometBFT goes first, for what it does is short and others wait
for it."""
NodeArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The node's directory.")]


@app.command("start", cls=JsonCommand, epilog="Examples: kouan node start /srv/kouan")
def start(
    directory: NodeArgument,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="Log there, at most 32 MiB, in place of standard output."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print as a JSON document why it does not start; what it logs is JSON anyway."),
    ] = False,
) -> None:
    """Run a node until SIGTERM or SIGINT: the application and CometBFT, both up or both down. Logs JSON lines.

    It refuses to start on a founding document whose hash or signatures differ. Exit codes: 2 the directory cannot be
    used, 70 a block cannot be executed, 78 this software is too old for the next block, 79 this machine's clock is a
    minute or more behind; after these a person must act before it is started again.
    """
    node = NodeDirectory(directory)
    try:
        journal = Journal(log_file)
        program = binary.find()
        node_setup.check(node)
        settings = node.settings()
        with registered(node.processes_file) as register:
            commands = Commands(
                application=[sys.executable, "-m", "kouan", "node", "application", str(node.path)],
                engine=[str(program), "start", "--home", str(node.home)],
            )
            node_setup.make_socket_directory(node)

            async def run() -> int:
                supervisor = Supervisor(
                    commands, node.socket, register, journal, lambda: observing.block_time_ms(settings.rpc)
                )
                return await supervisor.run()

            code = asyncio.run(run())
    except node_setup.ClockError as problem:
        _unusable(problem, exits.EXIT_CLOCK, as_json=as_json)
    except (binary.BinaryError, InUseError, OSError, ValueError) as problem:
        _unusable(problem, exits.EXIT_UNUSABLE, as_json=as_json)
    raise typer.Exit(code)


@app.command("application", cls=JsonCommand, hidden=True)
def application(directory: NodeArgument) -> None:
    """Be a node's application, as `kouan node start` has it: CometBFT asks it over a socket. Logs JSON lines."""
    from kouan import bootstrap  # noqa: PLC0415  # every module of the ledger, which the supervisor does not need
    from kouan.engines.cometbft.application import http, metrics, serving, skipping  # noqa: PLC0415  # as above
    from kouan.engines.cometbft.sync import keeping  # noqa: PLC0415  # as above

    os.nice(BEHIND_ENGINE)
    node = NodeDirectory(directory)
    tell = Journal()
    try:
        settings = node.settings()
        founding = node_setup.check(node)
        measured = metrics.Metrics()
        with http.served(settings.http, measured, settings.rpc):
            ledger = bootstrap.ledger_of(founding)
            keeps = keeping.of_node(node, settings, founding, tell)
            skipped = skipping.skipping(node.skip_file, ledger.alliance)
            opened = metrics.MeteredApplication(node.path, ledger, measured, tell, keeps, skipped)
            try:
                code = serving.serve(opened, node.socket, tell)
            finally:
                opened.close()
    except (ChangesError, OSError, StoreError, ValueError) as problem:
        tell("failed", problem=str(problem))
        raise typer.Exit(_code_of(problem)) from None
    raise typer.Exit(code)


def _code_of(problem: Exception) -> int:
    if isinstance(problem, StoreError | ChangesError):
        return exits.EXIT_BROKEN
    return exits.EXIT_PASSING if isinstance(problem, OSError) else exits.EXIT_UNUSABLE


def _unusable(problem: Exception, code: int, *, as_json: bool) -> None:
    said = told(problem)
    if as_json:
        typer.echo(msgspec.json.encode(said.document))
    typer.echo(said.line, err=True)
    raise typer.Exit(code)
