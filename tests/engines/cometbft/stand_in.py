"""A stand-in for the application or for CometBFT: does what its arguments say, one after the other.

serve PATH: listen there; say TEXT: print a line; exit CODE: end so; deaf: ignore SIGTERM; wait: until a signal.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

words = iter(sys.argv[1:])
for word in words:
    if word == "serve":
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(next(words))
        listening.listen()
    elif word == "say":
        os.write(1, next(words).encode() + b"\n")
    elif word == "exit":
        os._exit(int(next(words)))
    elif word == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif word == "wait":
        while True:
            signal.pause()
