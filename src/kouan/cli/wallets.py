"""The wallets that are kept here, as commands open them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from kouan import bootstrap
from kouan.cli.calls import Call
from kouan.cli.output import UnusableError
from kouan.client.enterprises import Trader, read_trader, traders
from kouan.client.places import wallet_home
from kouan.client.wallet import Wallet

WalletOption = Annotated[
    str | None, typer.Option("--wallet", metavar="USCC", help="Whose wallet; without it, all that are kept here.")
]


@contextmanager
def wallet_of(call: Call, trader: Trader) -> Iterator[Wallet]:
    """Open a trader's wallet."""
    home = wallet_home(call.port, trader.code, call.passphrase)
    with home.vault(os.urandom) as vault:
        yield Wallet(home, vault, call.alliance, os.urandom, bootstrap.now_ms, custodial=trader.custodial)


def traders_of(call: Call, wallet: str | None) -> list[Trader]:
    """Return the traders that are meant: one, or all whose wallets are kept here; raises UnusableError for no port."""
    if not (call.port / bootstrap.TRUST_FILE).is_file():
        raise UnusableError(
            "--port", f"there is no port at {call.port}; set KOUAN_PORT to the directory that `kouan init` made"
        )
    return list(traders(call.port)) if wallet is None else [read_trader(call.port, wallet)]


def only_trader(call: Call, wallet: str | None) -> Trader:
    """Return the one trader that is meant; raises UnusableError where several wallets are kept here."""
    found = traders_of(call, wallet)
    if len(found) != 1:
        raise UnusableError("--wallet", f"{len(found)} wallets are kept here; say whose is meant")
    return found[0]


def owner_of(call: Call, name: str, wallet: str | None, option: str) -> Trader:
    """Return the trader in whose wallet a declaration or a paper is; raises UnusableError."""
    for trader in traders_of(call, wallet):
        with wallet_of(call, trader) as opened:
            numbers = {kept.number for kept in opened.declarations()}
            if name in numbers or any(kept.is_named(name) for kept in opened.papers()):
                return trader
    way_on = {
        "--declaration": "run `kouan enterprise receive` once customs has attested it",
        "--paper": "add it with `kouan enterprise paper-add`",
    }
    raise UnusableError(option, f"{name} is in no wallet here; {way_on[option]}")
