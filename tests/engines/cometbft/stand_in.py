"""A stand-in for the application or for CometBFT: does what its arguments say, one after the other.

serve PATH: listen there; leave: listen no more; say TEXT: print a line; sleep S: do nothing; exit CODE: end so;
deaf: ignore SIGTERM; told: go on at SIGUSR1; wait: until a signal.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # it may come before it is waited for
words = iter(sys.argv[1:])
for word in words:
    if word == "serve":
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(next(words))
        listening.listen()
    elif word == "leave":
        listening.close()
    elif word == "say":
        os.write(1, next(words).encode() + b"\n")
    elif word == "sleep":
        time.sleep(float(next(words)))
    elif word == "exit":
        os._exit(int(next(words)))
    elif word == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif word == "told":
        signal.sigwait({signal.SIGUSR1})
    elif word == "wait":
        while True:
            signal.pause()
