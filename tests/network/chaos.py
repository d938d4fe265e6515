"""A fault campaign against real networks of four validators: `python -m tests.network.chaos --seed 1 --rounds 2`.

A round tries every fault once, in an order by chance. It prints a table, and writes every outcome to ``--json``.
Ends with 1 when a fault was not survived, with 2 when none has the words of ``--only``, with 3 when no campaign can run
here (the reason is printed).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
from tests.network import isolation

INSIDE: Final = "KOUAN_FAULTS_INSIDE"
UNUSABLE: Final = 2
CANNOT: Final = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6, help="no fault begins later")
    parser.add_argument("--short", action="store_true", help="the short set, as the tests run it")
    parser.add_argument("--only", default="", help="only faults with these words in their names, separated by commas")
    parser.add_argument("--json", type=Path, help="where to write every outcome")
    given = parser.parse_args()
    reason = isolation.reason_against()
    if reason is not None:
        sys.stderr.write(f"no fault campaign can run here: {reason}\n")
        return CANNOT
    if not os.environ.get(INSIDE):
        command = isolation.isolated([sys.executable, "-m", "tests.network.chaos", *sys.argv[1:]])
        os.execvpe(command[0], command, {**os.environ, INSIDE: "1"})  # noqa: S606  # the same program, isolated
    return _run(given)


def _run(given: argparse.Namespace) -> int:
    from tests.network import campaign  # noqa: PLC0415  # what it needs is loaded once, inside
    from tests.network.faults import FAULTS  # noqa: PLC0415

    words = [word for word in given.only.split(",") if word]
    chosen = [fault for fault in FAULTS if fault.is_short or not given.short]
    chosen = [fault for fault in chosen if not words or any(word in fault.name for word in words)]
    if not chosen:
        sys.stderr.write(f"--only: no fault has these words; there are: {'; '.join(fault.name for fault in FAULTS)}\n")
        return UNUSABLE
    running = campaign.Campaign(given.seed)
    until_s = time.monotonic() + 60 * given.minutes
    try:
        for number in range(given.rounds):
            running.run(campaign.in_order(chosen, given.seed, number), until_s)
    finally:
        if given.json:
            given.json.write_bytes(msgspec.json.format(msgspec.json.encode(running.outcomes), indent=1) + b"\n")
        campaign.show(running.outcomes)
        running.close()  # last: whoever interrupts a campaign has ended the wire too
    return 0 if running.outcomes and all(outcome.survived for outcome in running.outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
