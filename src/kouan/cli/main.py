"""The command ``kouan``: the one place where the groups of commands come together."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated, Final

import typer

from kouan.cli import (
    customs,
    demo,
    enterprise,
    evaluator,
    financing,
    member,
    network,
    node,
    paper,
    port,
    proof,
    quota,
    resend,
    seal,
    serve,
    simulate,
    upkeep,
    verify,
)
from kouan.cli.errors import JsonGroup

app: Final = typer.Typer(
    name="kouan",
    cls=JsonGroup,
    help="A ledger that a port's customs, banks and authorities run together.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

# One line a group: (name, app); an app without a name adds its commands to `kouan` itself.
GROUPS: Final[tuple[tuple[str | None, typer.Typer], ...]] = (
    (None, port.app),
    (None, serve.app),
    (None, resend.app),
    (None, upkeep.app),
    ("member", member.app),
    ("network", network.app),
    ("node", node.app),
    ("enterprise", enterprise.app),
    ("customs", customs.app),
    ("seal", seal.app),
    ("paper", paper.app),
    ("financing", financing.app),
    ("evaluator", evaluator.app),
    ("quota", quota.app),
    ("proof", proof.app),
    (None, verify.app),
    (None, demo.app),
    (None, simulate.app),
)

for _name, _group in GROUPS:
    app.add_typer(_group, name=_name)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kouan {version_of('kouan')}")
        raise typer.Exit


@app.callback()
def kouan(
    version: Annotated[  # answered by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Take the options of the command as a whole."""
