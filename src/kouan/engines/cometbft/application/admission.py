"""CheckTx: what is let into the mempool, and so to the other nodes. It refuses what could not be executed now.

Signatures of a batch are checked together, those inside the commands (owners') too, so that they are known when the
block comes. Asked again after a block, a look at what is known suffices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kouan.engines.cometbft.answers import CODE_NAMES, SHARE_TAKEN
from kouan.engines.cometbft.application.waiting import WaitingRoom
from kouan.kernel.admitting import Letter, claims_of, envelope_claim, out_of_place, signer_of
from kouan.kernel.envelope import use_number, window_key
from kouan.kernel.execution import Reading
from kouan.kernel.records import Member, Window
from kouan.kernel.registry import Claim, Registry, Verifier
from kouan.kernel.rejections import Rejection
from kouan.kernel.state import State


class Moment(NamedTuple):
    """The ledger as it stands after the last block."""

    state: State
    height: int
    time_ms: int


class Named(NamedTuple):
    """An envelope and its id, 32 bytes."""

    name: bytes
    raw: bytes


class Admission:
    """The door of the mempool."""

    def __init__(self, alliance: str, registry: Registry, read: Reading, verify: Verifier) -> None:
        self._alliance = alliance
        self._registry = registry
        self._read = read
        self._verify = verify
        self.waiting = WaitingRoom()

    def check(self, envelopes: Sequence[Named], now: Moment) -> list[int]:
        """Return a code for each new envelope: 0, a rejection's number, or that its sender's share is taken."""
        looked = [self._look(named, now) for named in envelopes]
        signed = self._signed([letter for letter, _ in looked if letter is not None], now.state)
        carried = [list(claims_of(now.state, letter, self._registry)) for letter in signed]
        known = self._known(claim for own in carried for claim in own)
        for letter, own in zip(signed, carried, strict=True):
            letter.checked.update((claim, known[claim]) for claim in own)
        return [self._decide(named, *found, now) for named, found in zip(envelopes, looked, strict=True)]

    def _signed(self, letters: list[Letter], state: State) -> list[Letter]:
        """Return the letters whose own signature holds: of no others are those in the commands worth a look."""
        signers = [signer_of(state, letter) for letter in letters]
        claims = [
            envelope_claim(letter, signer)
            for letter, signer in zip(letters, signers, strict=True)
            if not isinstance(signer, Rejection)
        ]
        known = self._known(claims)
        for letter, claim in zip(letters, claims, strict=True):
            letter.checked[claim] = known[claim]
        return [letter for letter, claim in zip(letters, claims, strict=True) if known[claim]]

    def _known(self, claims: Iterable[Claim]) -> dict[Claim, bool]:
        distinct = list(dict.fromkeys(claims))
        return dict(zip(distinct, self._verify(distinct), strict=True))

    def check_again(self, named: Named, now: Moment) -> int:
        """Return the code of an envelope that was let in before."""
        waiting = self.waiting.find(named.name)
        if waiting is None:  # it was let in before this process began
            return self.check([named], now)[0]
        code = 0
        if waiting.expires_ms <= now.time_ms:
            code = Rejection.ENVELOPE_EXPIRED
        elif use_number(now.state.read(Window, window_key(waiting.member, waiting.key)), waiting.number) is None:
            code = Rejection.ENVELOPE_REPLAYED
        else:
            member = now.state.read(Member, f"member/{waiting.member}")
            if member is None or waiting.key not in member.keys or member.keys[waiting.key].revoked_ms:
                code = Rejection.ENVELOPE_REVOKED_KEY
        if code:
            self.waiting.leave(named.name)
        else:
            self.waiting.stay(named.name, now.height)
        return code

    def _look(self, named: Named, now: Moment) -> tuple[Letter | None, int]:
        """Return the envelope as it was read, or why it is refused before any signature is looked at."""
        letter = self._read(named.raw, self._registry)
        if letter is None:
            return None, Rejection.ENVELOPE_MALFORMED
        code: int | None = out_of_place(letter, self._alliance, now.time_ms)
        if code is None:
            signer = signer_of(now.state, letter)
            if isinstance(signer, Rejection):
                code = signer
            elif use_number(now.state.read(Window, window_key(letter.member, letter.key)), letter.number) is None:
                code = Rejection.ENVELOPE_REPLAYED
            elif not self.waiting.has_room(letter.member, len(named.raw)):
                code = SHARE_TAKEN
        return (letter, 0) if code is None else (None, code)

    def _decide(self, named: Named, letter: Letter | None, code: int, now: Moment) -> int:
        if letter is None:
            return code
        member = signer_of(now.state, letter)
        if isinstance(member, Rejection) or not letter.checked[envelope_claim(letter, member)]:
            return Rejection.ENVELOPE_BAD_SIGNATURE
        if not self.waiting.has_room(letter.member, len(named.raw)):  # others of the batch took it
            return SHARE_TAKEN
        self.waiting.admit(named.name, letter, len(named.raw), now.height)
        return 0


def commands_in(raw: bytes) -> int:
    """Return about how many commands an envelope holds, without reading it."""
    return raw.count(b'"type":"')


def name_of(code: int) -> str:
    """Return a code's name, for people; nothing for 0."""
    if not code:
        return ""
    return CODE_NAMES.get(code) or Rejection(code).name
