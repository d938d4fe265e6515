"""A ledger in memory for tests of modules: real envelopes, real signatures, real blocks, no disk.

    ledger = Ledger(customs.COMMANDS, customs.PARAMETERS)
    ledger.accept("customs", {"type": "customs.attest/1", …})       # raises unless accepted
    ledger.code("bank-a", {"type": "financing.hold/1", …})          # Rejection, or 0
    ledger.advance(DAY_MS)
    ledger.read(Quota, "quota/…")

A command is a dict as on the wire, or a command record whose type the registry knows. Each call is one block.
The alliance's own commands and parameters are always there. After every block the quotas it wrote are checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from kouan.kernel.encoding import encode, to_text
from kouan.kernel.envelope import Body, make
from kouan.kernel.execution import Block, BlockOutcome, Evidence, Write, execute_block, found
from kouan.kernel.quota import limit_of
from kouan.kernel.records import MAX_HOLDS, Charter, Quota, Record
from kouan.kernel.registry import Command, Parameter, Registry
from kouan.kernel.rejections import Rejection
from kouan.kernel.state import StateReader, decoder
from kouan.kernel.suites import SUITE, digest, public_key
from kouan.kernel.tree import Tree
from kouan.modules.alliance import commands_for
from kouan.modules.alliance import founding as alliance
from kouan.modules.alliance.consensus import CONSENSUS_PARAMETERS
from kouan.modules.alliance.founding_rules import check
from kouan.modules.alliance.offences import begin
from kouan.modules.alliance.rules import PARAMETERS, Role

R = TypeVar("R", bound=Record)
Wire = Mapping[str, Any] | Record
Result = dict[str, Any]

START_MS: Final = 1_700_000_000_000
OPERATOR_SEED: Final = digest("test/operator")
MEMBERS: Final[dict[str, list[Role]]] = {
    "bank-a": ["bank"],
    "bank-b": ["bank"],
    "bank-c": ["bank"],
    "commerce": ["convener", "operator"],
    "customs": ["customs"],
    "overseer": ["overseer"],
}
SECOND_HOLDER: Final = "commerce"


def seed_of(member: str, key: str = "main") -> bytes:
    """The signing seed of a member's key: every founding member has the keys ``main`` and ``second``."""
    return digest("test/seed", f"{member}/{key}".encode())


def public_of(member: str, key: str = "main") -> str:
    return to_text(public_key(seed_of(member, key)))


def founding_of(
    parameters: Iterable[Parameter], members: Mapping[str, list[Role]] = MEMBERS, **charter: int
) -> alliance.Founding:
    """A sound founding document: defaults for what ``charter`` does not name."""
    return alliance.Founding(
        charter={parameter.name: parameter.default for parameter in parameters} | charter,
        engine="embedded",
        founded_ms=START_MS,
        members=[_founding_member(member, roles) for member, roles in members.items()],
        name="test",
        nonce=to_text(bytes(16)),
        operator=to_text(public_key(OPERATOR_SEED)),
        second_holder=SECOND_HOLDER if SECOND_HOLDER in members else next(iter(members)),
        suite=SUITE,
    )


def _founding_member(member: str, roles: list[Role]) -> alliance.FoundingMember:
    keys = {name: alliance.FoundingKey(public_of(member, name), SUITE) for name in ("main", "second")}
    return alliance.FoundingMember(member, keys, roles, to_text(digest("test/sealing", member.encode())))


class MemoryState:
    """A pre-state held in a dict."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.tree = Tree(depth=8)

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def apply(self, outcome: BlockOutcome) -> None:
        self.tree.apply(outcome.tree)
        self.values.update((write.key, write.value) for write in outcome.writes)


class Ledger:
    """An alliance in memory. ``charter`` overrides parameters, ``members`` the cast (id to roles).

    ``founding``: another document than the one that these make, a network's for example.
    """

    def __init__(
        self,
        commands: Iterable[Command] = (),
        parameters: Iterable[Parameter] = (),
        *,
        charter: Mapping[str, int] | None = None,
        members: Mapping[str, list[Role]] = MEMBERS,
        founding: alliance.AnyFounding | None = None,
        protocol: int = 1,
    ) -> None:
        declared = (*PARAMETERS, *parameters)
        known = (*declared, *CONSENSUS_PARAMETERS)
        self.registry = Registry((*commands_for(known), *commands), known, begin, protocol)
        self._types = {command.record: command.type for command in self.registry.commands.values()}
        self.founding = founding or founding_of(declared, members, **(charter or {}))
        check(self.founding, declared)
        self.alliance = alliance.alliance_id(self.founding)
        self.state = MemoryState()
        self.state.apply(found(self.state, alliance.genesis(self.founding)))
        self.height = 0
        self.time_ms = START_MS
        self.seeds = {
            f"{member}/{key}": seed_of(member, key) for member in members for key in ("main", "second")
        }  # signer to seed; a test that adds a key puts its seed here
        self._number = 0

    def advance(self, ms: int) -> None:
        """Let time pass; the next block has the later time."""
        self.time_ms += ms

    def envelope(
        self, member: str, *commands: Wire, mode: Literal["all", "each"] = "each", key: str = "main", **body: Any
    ) -> bytes:
        """Return a signed envelope with the next number; ``body`` overrides fields of what is signed."""
        self._number += 1
        signed = Body(
            alliance=self.alliance,
            commands=[self._wire(command) for command in commands],
            expires_ms=self.time_ms + 3_600_000,
            mode=mode,
            number=self._number,
            signer=f"{member}/{key}",
        )
        return make(msgspec.structs.replace(signed, **body), self.seeds[f"{member}/{key}"])

    def block(self, *envelopes: bytes) -> list[dict[str, Any]]:
        """Execute one block and return its receipts, after checking every quota it wrote."""
        return self._execute(Block(self.alliance, self.height + 1, self.time_ms, list(envelopes)))

    def accuse(self, *evidence: Evidence) -> None:
        """Execute a block that brings evidence against validators, and nothing else."""
        self._execute(Block(self.alliance, self.height + 1, self.time_ms, [], evidence=evidence))

    def _execute(self, block: Block) -> list[dict[str, Any]]:
        outcome = execute_block(self.state, block, self.registry)
        for write in outcome.writes:
            if write.key.startswith("quota/"):
                self._check_quota(write)
        self.state.apply(outcome)
        if self.state.tree.root != outcome.state_root:
            raise AssertionError("the tree does not have the root that the block announced")
        self.height += 1
        return [msgspec.json.decode(receipt) for receipt in outcome.receipts]

    def send(
        self, member: str, *commands: Wire, mode: Literal["all", "each"] = "each", key: str = "main"
    ) -> list[Result]:
        """Send one envelope in a block of its own and return each command's result: ``{"code": …, "at": …}``."""
        receipt = self.block(self.envelope(member, *commands, mode=mode, key=key))[0]
        if receipt["code"]:
            raise AssertionError(f"the envelope was refused: {Rejection(receipt['code'])!r}")
        results: list[Result] = receipt["results"]
        return results

    def code(self, member: str, command: Wire, *, key: str = "main") -> int:
        """Send one command and return its code: 0, or a Rejection."""
        code = self.send(member, command, key=key)[0]["code"]
        return Rejection(code) if code else 0

    def accept(self, member: str, *commands: Wire, key: str = "main") -> None:
        """Send commands that must all be accepted."""
        for command, result in zip(commands, self.send(member, *commands, key=key), strict=True):
            if result["code"]:
                raise AssertionError(f"{Rejection(result['code'])!r} at {result.get('at')!r}: {command}")

    def read(self, kind: type[R], key: str) -> R | None:
        """Return the record at a key, or None."""
        return self.reader.read(kind, key)

    def must(self, kind: type[R], key: str) -> R:
        """Return the record at a key, which must be there."""
        record = self.read(kind, key)
        if record is None:
            raise AssertionError(f"nothing at {key}")
        return record

    @property
    def reader(self) -> StateReader:
        """What queries read from."""
        return StateReader(self.state)

    def _wire(self, command: Wire) -> dict[str, Any]:
        if isinstance(command, Record):
            plain: dict[str, Any] = msgspec.json.decode(encode(command))
            return {"type": self._types[type(command)], **plain}
        return dict(command)

    def _bring_in_closed(self) -> bool:
        """Whether a draw must fit: while banks bring in what they lent before the ledger, it need not."""
        charter = self.must(Charter, "charter")
        return charter.parameters.get("financing.bring_in_until_ms", 0) <= self.time_ms

    def _check_quota(self, write: Write) -> None:
        quota: Quota = decoder(Quota).decode(write.value)
        before = self.read(Quota, write.key)
        broken = {
            "a negative amount": min(quota.used, quota.spent, quota.limit, quota.draws) < 0,
            "too many holds": len(quota.holds) > MAX_HOLDS,
            "a limit that does not follow": quota.limit
            != limit_of(quota.attested, quota.collected, quota.ratio_bp, settled=quota.settled),
            "a draw beyond the limit": before is not None
            and self._bring_in_closed()
            and _is_drawn_beyond(quota, before, self.time_ms),
            "a draw forgotten": before is not None and quota.draws < before.draws,
            "a value not canonical": encode(quota) != write.value,
        }
        for what, is_so in broken.items():
            if is_so:
                raise AssertionError(f"{write.key} has {what}: {quota}")


def _is_drawn_beyond(quota: Quota, before: Quota, time_ms: int) -> bool:
    """Whether the block drew more on the quota than it has, and did nothing else that could leave it over-drawn."""
    if quota.status != "active" or (quota.limit, quota.revision) != (before.limit, before.revision):
        return False
    living = {hold.financing: hold.amount for hold in quota.holds if hold.lapse_ms > time_ms}
    held_before = {hold.financing: hold.amount for hold in before.holds}
    rests = {loan for loan, amount in living.items() if amount < held_before.get(loan, 0)}
    # What is left of a hold after a payout need not fit: only the payout itself was to.
    taken = quota.used + quota.spent + sum(amount for loan, amount in living.items() if loan not in rests)
    is_drawn_on = quota.draws > before.draws or not living.keys() <= held_before.keys()
    return is_drawn_on and taken > quota.limit
