"""``kouan init``: found an alliance on this machine."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer

from kouan import bootstrap
from kouan.cli import entries
from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import role_words
from kouan.cli.output import Page, fields, table
from kouan.client.founding_desk import SHANGHAI, Files, found, read_cast
from kouan.modules.alliance.founding import alliance_id

app: Final = group("Found an alliance.")


@command(
    app,
    "init",
    examples=(
        "kouan init demo",
        "kouan init /srv/port --name ningbo-eport --members members.json --passphrase-file secret.txt",
    ),
)
def init(
    call: Call,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new port directory.")],
    name: Annotated[str, typer.Option("--name", help="The alliance's name: a code such as shanghai-eport.")] = (
        "shanghai-eport"
    ),
    members: Annotated[
        Path | None,
        typer.Option("--members", metavar="FILE", help="Who founds it, as JSON; without it, the Shanghai cast."),
    ] = None,
) -> Page:
    """Found an alliance: keys for every member, the founding document, the ledger.

    FILE is {"members": [{"id", "en", "zh", "roles"}, …], "second_holder": ID, "charter": {NAME: NUMBER}}. With a
    passphrase the members' keys are encrypted, and those of wallets made later; every later command then needs it too.
    The operator's key, ledger/operator.key, is never encrypted, so that `kouan serve` can start unattended: only its
    file mode guards it.
    """
    entries.code("--name", name)
    cast = SHANGHAI if members is None else read_cast(members)
    files = Files(directory / bootstrap.TRUST_FILE, directory / bootstrap.LEDGER / bootstrap.OPERATOR_SEED)
    founding = found(
        directory,
        files,
        name,
        cast,
        bootstrap.PARAMETERS,
        entropy=os.urandom,
        now_ms=bootstrap.now_ms(),
        passphrase=call.passphrase,
    )
    with bootstrap.lock(directory), closing(bootstrap.open_ledger(directory, begin=True)) as engine:
        status = engine.status()
    document = {
        "alliance": alliance_id(founding),
        "members": [{"id": founder.id, "roles": founder.roles} for founder in cast.members],
        "name": name,
        "operator_key": str(files.operator_key),
        "port": str(directory),
        "second_holder": cast.second_holder,
        "state_root": status.state_root,
        "trust_file": str(files.trust),
    }
    rows = [
        [founder.id, call.text(founder.en, founder.zh), role_words(founder.roles, call.lang)]
        for founder in cast.members
    ]
    return Page(
        document,
        [
            fields(
                [
                    (call.text("Alliance", "联盟"), f"{name}  {document['alliance']}"),
                    (call.text("Trust file", "信任文件"), str(files.trust)),
                    (
                        call.text("Operator's key", "运营方密钥"),
                        call.text(f"{files.operator_key} (not encrypted)", f"{files.operator_key}（未加密）"),
                    ),
                ]
            ),
            "",
            table("", [call.text("Member", "成员"), call.text("Name", "名称"), call.text("Roles", "角色")], rows),
            "",
            call.text("Next: ", "下一步：")
            + f"export KOUAN_PORT={directory}; kouan enterprise onboard USCC --name NAME --as {cast.second_holder}",
        ],
    )
