"""Serving the application until it is told to stop, or cannot go on."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

from kouan.engines.cometbft.application.abci_server import AbciServer
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.node.exits import EXIT_BROKEN, EXIT_TOO_OLD
from kouan.engines.service import SIGNALS, Tell
from kouan.kernel.execution import TooOldError


def serve(application: Application, path: Path, tell: Tell) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code of the process (`kouan.engines.cometbft.node.exits`).

    Events: ``serving``, ``hung-up``, ``refused``, ``proposal-refused``, ``too-old``, ``failed``, ``stopped``. The
    caller closes the application, and calls this in the main thread.
    """
    gc.collect()
    gc.freeze()  # what is there now stays: no collection need look through it again
    gc.disable()  # the server collects when it is idle
    server = AbciServer(application, tell)
    before = {number: signal.signal(number, lambda *_: server.stop()) for number in SIGNALS}
    try:
        server.run(path, lambda: tell("serving", socket=str(path), height=application.height))
    except TooOldError as problem:
        tell("too-old", height=application.height, problem=str(problem))
        return EXIT_TOO_OLD
    except Exception as problem:  # noqa: BLE001  # whatever it is, it is told, and the process ends
        notes = getattr(problem, "__notes__", [])
        tell("failed", height=application.height, problem=f"{type(problem).__name__}: {problem}", about=" ".join(notes))
        return EXIT_BROKEN
    finally:
        gc.enable()
        for number, handler in before.items():
            signal.signal(number, handler)
    tell("stopped", height=application.height)
    return 0
