"""Whether CometBFT begins the ledger that the application has: its genesis.json against alliance.json."""

from __future__ import annotations

from kouan.engines.cometbft.application.consensus import milliseconds
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.embedded import Ledger
from kouan.kernel.encoding import to_text
from kouan.modules.alliance.records import Validators
from kouan.modules.alliance.validators import validator_updates


class GenesisError(Exception):
    """CometBFT begins another ledger than this one; the text says where they differ."""


def check_genesis(request: abci.RequestInitChain, ledger: Ledger, validators: Validators, height: int) -> None:
    """Compare with the ledger, which stands at a height; raises GenesisError."""
    if request.chain_id != ledger.alliance:
        raise GenesisError(f"genesis.json is of {request.chain_id}, alliance.json of {ledger.alliance}")
    if milliseconds(request.time) != ledger.founded_ms:
        raise GenesisError(f"genesis.json has the time {milliseconds(request.time)}, alliance.json {ledger.founded_ms}")
    if height:
        raise GenesisError(
            f"CometBFT begins at height 1, but the state here is at height {height}: one of them was lost"
        )
    theirs = sorted((to_text(one.pub_key.ed25519), one.power) for one in request.validators)
    if theirs != validator_updates(None, validators):
        raise GenesisError("genesis.json has other validators than alliance.json")
