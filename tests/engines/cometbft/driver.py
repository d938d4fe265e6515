"""Drives an application as CometBFT does, without CometBFT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from tests.engines.cometbft import scene

from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.consensus import updates
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.modules.alliance.records import VALIDATORS_KEY, Validators
from kouan.modules.alliance.standing import present


def timestamp(time_ms: int) -> Timestamp:
    return Timestamp(seconds=time_ms // 1000, nanos=time_ms % 1000 * 1_000_000 + 999_999)


def open_application(directory: Path, **options: Any) -> Application:
    return Application(directory, scene.LEDGER, **options)


def genesis(application: Application, **changes: Any) -> abci.RequestInitChain:
    about: dict[str, Any] = {
        "chain_id": scene.ALLIANCE,
        "time": timestamp(scene.LEDGER.founded_ms),
        "validators": updates(None, present(application._now.state, Validators, VALIDATORS_KEY)),
        "initial_height": 1,
    }
    return abci.RequestInitChain(**(about | changes))


def begin(directory: Path, **options: Any) -> Application:
    application = open_application(directory, **options)
    application.init_chain(genesis(application))
    return application


def finalize(
    application: Application, envelopes: Sequence[bytes], height: int = 0, time_ms: int = scene.NOW_MS, **more: Any
) -> abci.ResponseFinalizeBlock:
    height = height or application.height + 1
    return application.finalize_block(
        abci.RequestFinalizeBlock(height=height, time=timestamp(time_ms), txs=envelopes, **more)
    )


def block(
    application: Application, *envelopes: bytes, time_ms: int = scene.NOW_MS, **more: Any
) -> abci.ResponseFinalizeBlock:
    """One block, from FinalizeBlock to Commit."""
    answer = finalize(application, envelopes, time_ms=time_ms, **more)
    application.commit(abci.RequestCommit())
    return answer


def check(application: Application, *envelopes: bytes) -> list[str]:
    """The names of CheckTx's answers; nothing where one is let in."""
    answers = application.check_txs([abci.RequestCheckTx(tx=raw) for raw in envelopes])
    return [answer.log for answer in answers]


def check_again(application: Application, *envelopes: bytes) -> list[str]:
    answers = application.check_txs([abci.RequestCheckTx(tx=raw, type=abci.RECHECK) for raw in envelopes])
    return [answer.log for answer in answers]


def propose(
    application: Application, envelopes: Sequence[bytes], time_ms: int = scene.NOW_MS, max_tx_bytes: int = 2_000_000
) -> list[bytes]:
    request = abci.RequestPrepareProposal(
        height=application.height + 1, time=timestamp(time_ms), txs=envelopes, max_tx_bytes=max_tx_bytes
    )
    return list(application.prepare_proposal(request).txs)


def agrees(application: Application, envelopes: Sequence[bytes], time_ms: int = scene.NOW_MS) -> bool:
    request = abci.RequestProcessProposal(height=application.height + 1, time=timestamp(time_ms), txs=envelopes)
    return application.process_proposal(request).status == abci.ResponseProcessProposal.ACCEPT


def info(application: Application) -> tuple[int, bytes]:
    answer = application.info(abci.RequestInfo())
    return answer.last_block_height, answer.last_block_app_hash


def kill(application: Application) -> None:
    """What a kill leaves: everything is let go, nothing is flushed."""
    application._opened.close()
