"""What a proposed block may be made of. One function judges, for who proposes and for who is asked to agree.

It looks at the state before the block, at the block's time and at nothing else: so whatever a correct node proposes,
every correct node accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from kouan.kernel.admitting import Letter, envelope_claim, out_of_place, signer_of
from kouan.kernel.envelope import envelope_id, use_number, window_key
from kouan.kernel.execution import ENVELOPES_PER_BLOCK, Reading
from kouan.kernel.records import Charter, Window
from kouan.kernel.registry import CHARTER_KEY, Claim, Registry, Verifier, parameter_of
from kouan.kernel.rejections import Rejection
from kouan.kernel.state import State

MAX_COMMANDS: Final = 2_000
MAX_BYTES: Final = 1_500_000
BLOCK_FULL: Final = "BLOCK_FULL"
FRAMING: Final = 6
"""Bytes that CometBFT adds to a transaction in a block, at most, for one of this size."""


class Rules(NamedTuple):
    """By what proposals are judged on this node."""

    alliance: str
    registry: Registry
    read: Reading
    verify: Verifier
    skipped: frozenset[str]
    """Ids of envelopes that are not to be executed: they are not proposed, but may stand in others' proposals."""


class Proposal:
    """A block that is being put together or gone through: what it holds so far."""

    def __init__(self, rules: Rules, state: State, time_ms: int, max_bytes: int = MAX_BYTES) -> None:
        self._rules = rules
        self._state = state
        self._time_ms = time_ms
        self._room = min(MAX_BYTES, max_bytes)
        self._commands = 0
        self._sent: dict[str, int] = {}
        self._windows: dict[str, Window] = {}
        self._signed: dict[Claim, bool] = {}
        charter = state.read(Charter, CHARTER_KEY)
        if charter is None:
            raise AssertionError("the state has no charter")
        self._per_member = parameter_of(charter, ENVELOPES_PER_BLOCK, rules.registry.parameters.values())

    def read(self, envelopes: Sequence[bytes]) -> list[Letter | None]:
        """Read envelopes, and check together their own signatures that are not known yet."""
        letters = [None if self.skips(raw) else self._rules.read(raw, self._rules.registry) for raw in envelopes]
        own = ((letter, claim) for letter in letters if letter for claim in self._claim(letter))
        claims = [claim for letter, claim in own if claim not in letter.checked]
        self._signed = dict(zip(claims, self._rules.verify(claims), strict=True))
        return letters

    def skips(self, raw: bytes) -> bool:
        """Tell whether an envelope is on the skip list."""
        return bool(self._rules.skipped) and envelope_id(raw) in self._rules.skipped

    def _claim(self, letter: Letter) -> Iterable[Claim]:
        signer = signer_of(self._state, letter)
        return () if isinstance(signer, Rejection) else (envelope_claim(letter, signer),)

    def refuses(self, raw: bytes, letter: Letter | None) -> str:
        """Take an envelope in and return nothing, or return why it is not admissible."""
        size = len(raw) + FRAMING
        commands = len(letter.commands) if letter else 0
        if size > self._room or self._commands + commands > MAX_COMMANDS:
            return BLOCK_FULL
        if letter is not None:
            problem = self._problem(letter)
            if problem is not None:
                return problem.name
        elif not self.skips(raw):
            return Rejection.ENVELOPE_MALFORMED.name
        self._room -= size
        self._commands += commands
        return ""

    def _problem(self, letter: Letter) -> Rejection | None:
        problem = out_of_place(letter, self._rules.alliance, self._time_ms)
        if problem is not None:
            return problem
        signer = signer_of(self._state, letter)
        if isinstance(signer, Rejection):
            return signer
        claim = envelope_claim(letter, signer)
        if not (self._signed if claim in self._signed else letter.checked).get(claim):
            return Rejection.ENVELOPE_BAD_SIGNATURE
        return self._count(letter)

    def _count(self, letter: Letter) -> Rejection | None:
        """Use the envelope's number up, unless it was used before or its sender has too many in the block."""
        key = window_key(letter.member, letter.key)
        window = use_number(self._windows.get(key) or self._state.read(Window, key), letter.number)
        if window is None:
            return Rejection.ENVELOPE_REPLAYED
        sent = self._sent.get(letter.member, 0) + 1
        if sent > self._per_member:
            return Rejection.ENVELOPE_OVER_BOUND
        self._windows[key] = window
        self._sent[letter.member] = sent
        return None


def choose(proposal: Proposal, envelopes: Sequence[bytes]) -> list[bytes]:
    """Return what of the mempool goes into the proposal, in the order in which it came, but each key's by number.

    A key's envelopes may overtake each other on their way here; by number none of them falls out of the window of
    numbers that are still told apart.
    """
    letters = proposal.read(envelopes)
    places: dict[tuple[str, str], list[int]] = {}
    for place, letter in enumerate(letters):
        if letter is not None:
            places.setdefault((letter.member, letter.key), []).append(place)
    order = list(range(len(envelopes)))
    for own in places.values():
        for place, source in zip(own, sorted(own, key=lambda at: _number(letters[at])), strict=True):
            order[place] = source
    return [
        envelopes[at]
        for at in order
        if not proposal.skips(envelopes[at]) and not proposal.refuses(envelopes[at], letters[at])
    ]


def _number(letter: Letter | None) -> int:
    return letter.number if letter else 0


def problem_of(proposal: Proposal, envelopes: Sequence[bytes]) -> str:
    """Return why a proposal is not to be agreed to, or nothing."""
    letters = proposal.read(envelopes)
    for place, (raw, letter) in enumerate(zip(envelopes, letters, strict=True)):
        problem = proposal.refuses(raw, letter)
        if problem:
            return f"envelope {place} ({envelope_id(raw)}): {problem}"
    return ""
