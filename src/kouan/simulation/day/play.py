"""``kouan simulate --run``: play a script on an embedded ledger, with the auditor watching every block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kouan import bootstrap
from kouan.client.places import MAIN_KEY
from kouan.engines.embedded import Embedded
from kouan.evaluator.memory import MEMORY_FILE, Memory
from kouan.evaluator.prf import Prf
from kouan.evaluator.service import Identity, Service
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_declaration, read_files, write_declaration
from kouan.kernel.encoding import to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.execution import app_hash
from kouan.kernel.state import StateReader
from kouan.kernel.suites import digest
from kouan.modules.alliance.founding import alliance_id
from kouan.modules.alliance.trust import trust_file
from kouan.simulation.auditor import Auditor, Difference, receipt_of
from kouan.simulation.cast import COMMISSION
from kouan.simulation.day.generate import Day, generate
from kouan.simulation.day.keys import KeyRing
from kouan.simulation.day.orders import Clerk
from kouan.simulation.day.papers import PAPERS, Shelf, read_papers
from kouan.simulation.day.script import MESSAGES, About, AnyEvent, read_script
from kouan.simulation.day.showing import Counter, Surroundings
from kouan.simulation.day.tally import Met, Tally, Tried

MOST_COMMANDS: Final = 200
EXPIRES_MS: Final = 10 * 60_000
SHOWN: Final = 20
Watch = Callable[[int, int], None]


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
    """By kind."""
    hashes: str
    """Digest of the app hashes of all heights."""
    innocent_refused: list[str]
    """Honest events that were refused, the first of them."""
    lookalikes: dict[str, Met]
    """By kind."""
    ok: bool
    receipts_predicted: int
    receipts_wrong: int
    seconds: float
    seed: int
    shown: int
    """How often a document was shown to the evaluator."""
    state_root: str
    told_otherwise: int
    """False alarms on honest documents that were not made to look like anything."""


class Script(NamedTuple):
    """What is played."""

    about: About
    events: Sequence[AnyEvent]
    declarations: Mapping[str, Declaration]
    papers: Shelf


class Run:
    """One play of a script."""

    def __init__(self, day: Script, port: Path) -> None:
        """Found a new ledger in the port directory ``port``; without its operator's key nothing can be added later."""
        about = self.about = day.about
        self._events = day.events
        self._keys = KeyRing(about.seed)
        founding = self._keys.founding(about.start_ms)
        self.alliance = alliance_id(founding)
        self._auditor = Auditor(founding, self.alliance)
        self._now_ms = about.start_ms
        ledger = port / bootstrap.LEDGER
        ledger.mkdir(parents=True, exist_ok=True)
        (port / bootstrap.TRUST_FILE).write_bytes(trust_file(founding))
        self.engine = Embedded(
            ledger, bootstrap.ledger_of(founding), lambda: self._now_ms, operator_seed=self._keys.secret("operator")
        )
        self._tally = Tally()
        reader = StateReader(self)
        prf = Prf(self._keys.secret("evaluator"))
        self._memory = Memory(port / MEMORY_FILE, prf.check())
        self._memory.db.execute("PRAGMA synchronous = OFF")  # it need not outlast the play
        seed = self._keys.signing_seed(f"{COMMISSION}/{MAIN_KEY}")
        identity = Identity(self.alliance, COMMISSION, MAIN_KEY, seed)
        evaluator = Service(identity, prf, self._memory, reader, lambda: self._now_ms)
        surroundings = Surroundings(evaluator, self._tally.hear, lambda: self._now_ms, reader)
        counter = Counter(self._keys, self.alliance, day.declarations, day.papers, surroundings)
        self._clerk = Clerk(self._keys, self.alliance, day.declarations, counter)
        self._numbers: dict[str, int] = {}
        self._engine_ns = 0
        self._commands = 0
        self._wrong = 0
        self.differences: list[Difference] = []

    def close(self) -> None:
        """Close the ledger and the evaluator's memory."""
        self._memory.db.close()
        self.engine.close()

    def play(self, watch: Watch = lambda _done, _of: None) -> Summary:
        """Play all events; ``watch`` is told how many are done, of how many."""
        began_s = time.monotonic()
        done = 0
        for at_ms, group in groupby(self._events, key=lambda event: event.at_ms):
            together = list(group)
            going_on = [event for event in together if not self._tally.is_over(event)]
            if going_on:
                self._block(at_ms, going_on)
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
        told = self._auditor.watch(status.height, status.time_ms, envelopes, receipts, self.get)
        self._wrong += sum(difference.about.startswith("envelope") for difference in told)
        self.differences += told
        for (_, batch), raw in zip(batches, receipts, strict=True):
            answer = receipt_of(raw)
            codes = [result.code for result in answer.results] or [answer.code] * len(batch)
            for event, code in zip(batch, codes, strict=True):
                self._tally.judge(event, code)

    def _envelope(self, by: str, events: list[AnyEvent]) -> bytes:
        number = self._numbers[by] = self._numbers.get(by, 0) + 1
        commands = [self._clerk.command(event) for event in events]
        expires_ms = self._now_ms + EXPIRES_MS
        body = Body(self.alliance, commands, expires_ms=expires_ms, mode="each", number=number, signer=by)
        return make(body, self._keys.signing_seed(by))

    def get(self, key: str) -> bytes | None:
        """Return the record at a key of the ledger."""
        return self.engine.query([key]).values[0]

    def hashes(self) -> Iterator[bytes]:
        """Yield the app hash of every height."""
        for block in self.engine.blocks(1):
            yield app_hash(block.state_root, block.receipts_root)

    def _summary(self, seconds: float) -> Summary:
        status = self.engine.status()
        frauds, tally = self._tally.frauds(), self._tally
        stopped = all(count.tried == count.stopped for count in frauds.values())
        return Summary(
            alliance=self.alliance,
            blocks=status.height,
            commands=self._commands,
            commands_per_second=self._commands * 10**9 // max(1, self._engine_ns),
            conserved=not any(difference.expected == "conserved" for difference in self.differences),
            declarations=self.about.declarations,
            differences=self.differences[:SHOWN],
            frauds=frauds,
            hashes=to_text(digest("kouan/simulation/1", *self.hashes())),
            innocent_refused=tally.refused[:SHOWN],
            lookalikes=tally.lookalikes(),
            ok=not self.differences and not tally.refused and stopped,
            receipts_predicted=self._auditor.predicted,
            receipts_wrong=self._wrong,
            seconds=round(seconds, 2),
            seed=self.about.seed,
            shown=tally.shown,
            state_root=status.state_root,
            told_otherwise=tally.told_otherwise,
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
    day = Script(about, events, _messages(directory), read_papers(directory / PAPERS))
    return _played(day, ledger, watch)


def _played(day: Script, ledger: Path, watch: Watch = lambda _done, _of: None) -> Summary:
    run = Run(day, ledger)
    try:
        return run.play(watch)
    finally:
        run.close()


def _messages(directory: Path) -> dict[str, Declaration]:
    declarations = {}
    for path, read in read_files(sorted((directory / MESSAGES).glob("*.xml"))):
        if not isinstance(read, Declaration):
            raise ValueError(f"{path}: {read}")  # noqa: TRY004  # it is the message that is wrong, not its type
        declarations[read.entry_id] = read
    return declarations


def script_of(day: Day) -> Script:
    """Return what is played of a simulation that was not written out."""
    # What is committed to is what the message says, which may spell a number otherwise than the record it came from.
    read = {one.number: read_declaration(write_declaration(one.declaration), one.number) for one in day.declared}
    return Script(day.about, day.events, read, day.shelf)


def play_seed(seed: int, declarations: int, ledger: Path) -> Summary:
    """Play a seed without its files."""
    return _played(script_of(generate(seed, declarations)), ledger)
