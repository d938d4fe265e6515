"""Several processes submit while the server is killed again and again, at random.

`python -m tests.engines.chaos --rounds 20 --seed 7` runs it for longer; a round is some kills and takes seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random
from time import sleep
from typing import NamedTuple

import pytest
from tests.engines import scene, serving

from kouan.engines.local_socket import SocketError


class Outcome(NamedTuple):
    """What became of the envelopes of a round."""

    refused: int
    """Answers that were not what an undisturbed day gives."""
    twice: int
    """Envelopes that are more than once in the log."""
    missing: int
    """Envelopes that were answered and are not in the log."""
    root: str
    expected_root: str

    @property
    def good(self) -> bool:
        return not (self.refused or self.twice or self.missing) and self.root == self.expected_root


def expected_root(envelopes: list[bytes]) -> str:
    """The state root after these envelopes, if nothing happens."""
    with tempfile.TemporaryDirectory() as directory:
        engine = scene.open_engine(Path(directory))
        engine.submit(envelopes)
        root = engine.status().state_root
        scene.kill(engine)
    return root


def submit_all(directory: Path, envelopes: list[bytes], answers: Path) -> None:
    """A client: sends one envelope after the other, again and again until each is answered; notes the answers."""
    with answers.open("wb") as noted:
        remote = serving.must_reach(directory)
        for raw in envelopes:
            while True:
                try:
                    receipt = remote.submit([raw])[0]
                except SocketError:  # killed: whether it was applied is not known, so it is sent again
                    remote.close()
                    remote = serving.must_reach(directory)
                    continue
                noted.write(receipt + b"\n")
                break
        remote.close()


def rounds(directory: Path, rng: Random, kills: int, declarations: int) -> Outcome:
    """One round: a client for each bank, a server that is killed some times."""
    names = [f"d{number}" for number in range(1, declarations + 1)]
    attested = scene.attest(1, *names)
    shares = {bank: [scene.hold(bank, number, name) for number, name in enumerate(names, 1)] for bank in scene.BANKS}
    server = serving.start(directory)
    submit_all(directory, [attested], directory / "customs.answers")
    context = serving.processes()
    clients = [
        context.Process(target=submit_all, args=(directory, share, directory / f"{bank}.answers"), daemon=True)
        for bank, share in shares.items()
    ]
    for client in clients:
        client.start()
    for _ in range(kills):
        sleep(rng.uniform(0.0, 0.15))
        server.kill()
        server.join()
        server = serving.start(directory, flush_values=rng.choice((1, 7, 1000)))
    for client in clients:
        client.join(serving.WAIT_S)
    serving.must_reach(directory).close()
    serving.stop(server)
    return _judge(directory, [attested, *(raw for share in shares.values() for raw in share)])


def _judge(directory: Path, envelopes: list[bytes]) -> Outcome:
    answers = [line for path in directory.glob("*.answers") for line in path.read_bytes().splitlines()]
    engine = scene.open_engine(directory)
    executed = [raw for block in engine.blocks() for raw in block.envelopes]
    root = engine.status().state_root
    engine.close()
    return Outcome(
        refused=len(envelopes) - sum(map(scene.accepted, answers)),
        twice=len(executed) - len(set(executed)),
        missing=len(set(envelopes) - set(executed)),
        root=root,
        expected_root=expected_root(executed),  # in the order in which they came
    )


def main() -> None:
    """Run rounds until one goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    scene.shallow_tree(pytest.MonkeyPatch())
    for number in range(asked.seed, asked.seed + asked.rounds):
        with tempfile.TemporaryDirectory() as directory:
            outcome = rounds(Path(directory), Random(number), kills=8, declarations=100)  # noqa: S311  # repeatable
        sys.stdout.write(f"seed {number}: {outcome}\n")
        if not outcome.good:
            sys.exit(1)


if __name__ == "__main__":
    main()
