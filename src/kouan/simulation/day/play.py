"""``kouan simulate --run``: play a script on an embedded ledger, with the auditor watching every block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from kouan import bootstrap
from kouan.engines.embedded import Embedded
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_declaration, read_files, write_declaration
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.execution import app_hash
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import digest
from kouan.modules.alliance.founding import alliance_id
from kouan.simulation.auditor import Auditor, Difference, receipt_of
from kouan.simulation.day.generate import generate
from kouan.simulation.day.keys import KeyRing
from kouan.simulation.day.orders import Clerk
from kouan.simulation.day.script import MESSAGES, About, AnyEvent, read_script

MOST_COMMANDS: Final = 200
EXPIRES_MS: Final = 10 * 60_000
SHOWN: Final = 20
Watch = Callable[[int, int], None]


class Tried(msgspec.Struct):
    """How many of a kind there were, and how many of them ended as they must."""

    tried: int = 0
    right: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to; all but ``seconds`` and ``commands_per_second`` follow from the seed."""

    alliance: str
    blocks: int
    commands: int
    commands_per_second: int
    """Executed, on disk and answered, in blocks as the script's times cut them; without signing and auditing."""
    conserved: bool
    declarations: int
    differences: list[Difference]
    """What the auditor did not expect, the first of it."""
    frauds: dict[str, Tried]
    """By kind: tried, and refused."""
    hashes: str
    """Digest of the app hashes of all heights."""
    innocent_refused: list[str]
    """Honest events that were refused, the first of them."""
    left_to_cases: list[str]
    lookalikes: dict[str, Tried]
    """By kind: tried, and accepted."""
    ok: bool
    receipts_predicted: int
    receipts_wrong: int
    seconds: float
    seed: int
    state_root: str


class Run:
    """One play of a script."""

    def __init__(
        self, about: About, events: Sequence[AnyEvent], declarations: Mapping[str, Declaration], ledger: Path
    ) -> None:
        """Found a new ledger in the directory ``ledger``."""
        self.about = about
        self._events = events
        self._keys = KeyRing(about.seed)
        founding = self._keys.founding(about.start_ms)
        self.alliance = alliance_id(founding)
        self._clerk = Clerk(self._keys, self.alliance, declarations)
        self._auditor = Auditor(founding, self.alliance)
        self._now_ms = about.start_ms
        ledger.mkdir(parents=True, exist_ok=True)
        self.engine = Embedded(
            ledger, bootstrap.ledger_of(founding), lambda: self._now_ms, operator_seed=self._keys.secret("operator")
        )
        self._numbers: dict[str, int] = {}
        self._engine_ns = 0
        self._commands = 0
        self._wrong = 0
        self.differences: list[Difference] = []
        self._frauds: dict[str, Tried] = {}
        self._lookalikes: dict[str, Tried] = {}
        self._refused: list[str] = []

    def play(self, watch: Watch = lambda _done, _of: None) -> Summary:
        """Play all events; ``watch`` is told how many are done, of how many."""
        began_s = time.monotonic()
        done = 0
        for at_ms, group in groupby(self._events, key=lambda event: event.at_ms):
            together = list(group)
            self._block(at_ms, together)
            done += len(together)
            watch(done, len(self._events))
        return self._summary(time.monotonic() - began_s)

    def _block(self, at_ms: int, events: list[AnyEvent]) -> None:
        """Send what happens at one time: an envelope or more for each who signs."""
        self._now_ms = at_ms
        batches = list(_batches(events))
        envelopes = [self._envelope(by, batch) for by, batch in batches]
        began_ns = time.perf_counter_ns()
        receipts = self.engine.submit(envelopes)
        self._engine_ns += time.perf_counter_ns() - began_ns
        status = self.engine.status()
        self._commands += len(events)
        told = self._auditor.watch(status.height, status.time_ms, envelopes, receipts, self._read)
        self._wrong += sum(difference.about.startswith("envelope") for difference in told)
        self.differences += told
        for (_, batch), raw in zip(batches, receipts, strict=True):
            answer = receipt_of(raw)
            codes = [result.code for result in answer.results] or [answer.code] * len(batch)
            for event, code in zip(batch, codes, strict=True):
                self._judge(event, code)

    def _envelope(self, by: str, events: list[AnyEvent]) -> bytes:
        number = self._numbers[by] = self._numbers.get(by, 0) + 1
        commands = [self._clerk.command(event) for event in events]
        expires_ms = self._now_ms + EXPIRES_MS
        body = Body(self.alliance, commands, expires_ms=expires_ms, mode="each", number=number, signer=by)
        return make(body, self._keys.signing_seed(by))

    def _read(self, key: str) -> bytes | None:
        return self.engine.query([key]).values[0]

    def _judge(self, event: AnyEvent, code: int) -> None:
        """Count what became of an event, by what it is."""
        if event.fraud is not None:
            count = self._frauds.setdefault(event.fraud, Tried())
            count.tried += 1
            count.right += code != 0
            return
        if event.lookalike is not None:
            count = self._lookalikes.setdefault(event.lookalike, Tried())
            count.tried += 1
            count.right += code == 0
        if code:
            what = msgspec.json.encode(event).decode()
            self._refused.append(f"{Rejection(code).name}: {what[:200]}")

    def hashes(self) -> Iterator[bytes]:
        """Yield the app hash of every height."""
        for block in self.engine.blocks(1):
            yield app_hash(block.state_root, block.receipts_root)

    def _summary(self, seconds: float) -> Summary:
        status = self.engine.status()
        frauds_refused = all(count.tried == count.right for count in self._frauds.values())
        return Summary(
            alliance=self.alliance,
            blocks=status.height,
            commands=self._commands,
            commands_per_second=self._commands * 10**9 // max(1, self._engine_ns),
            conserved=not any(difference.expected == "conserved" for difference in self.differences),
            declarations=self.about.declarations,
            differences=self.differences[:SHOWN],
            frauds=dict(sorted(self._frauds.items())),
            hashes=to_text(digest("kouan/simulation/1", *self.hashes())),
            innocent_refused=self._refused[:SHOWN],
            left_to_cases=self.about.left_to_cases,
            lookalikes=dict(sorted(self._lookalikes.items())),
            ok=not self.differences and not self._refused and frauds_refused,
            receipts_predicted=self._auditor.predicted,
            receipts_wrong=self._wrong,
            seconds=round(seconds, 2),
            seed=self.about.seed,
            state_root=status.state_root,
        )


def _batches(events: list[AnyEvent]) -> Iterator[tuple[str, list[AnyEvent]]]:
    """Yield each signer's events, in the order in which the signers begin."""
    by_signer: dict[str, list[AnyEvent]] = {}
    for event in events:
        by_signer.setdefault(event.by, []).append(event)
    for by, own in by_signer.items():
        for first in range(0, len(own), MOST_COMMANDS):
            yield by, own[first : first + MOST_COMMANDS]


def play(directory: Path, ledger: Path, watch: Watch = lambda _done, _of: None) -> Summary:
    """Play what a directory holds on a new ledger; raises OSError, and ValueError for what cannot be used."""
    about, events = read_script(directory)
    run = Run(about, events, _messages(directory), ledger)
    try:
        return run.play(watch)
    finally:
        run.engine.close()


def _messages(directory: Path) -> dict[str, Declaration]:
    declarations = {}
    for path, read in read_files(sorted((directory / MESSAGES).glob("*.xml"))):
        if not isinstance(read, Declaration):
            raise ValueError(f"{path}: {read}")  # noqa: TRY004  # it is the message that is wrong, not its type
        declarations[read.entry_id] = read
    return declarations


def play_seed(seed: int, declarations: int, ledger: Path) -> Summary:
    """Play a seed without its files."""
    about, declared, events = generate(seed, declarations)
    # What is committed to is what the message says, which may spell a number otherwise than the record it came from.
    read = {one.number: read_declaration(write_declaration(one.declaration), one.number) for one in declared}
    run = Run(about, events, read, ledger)
    try:
        return run.play()
    finally:
        run.engine.close()
