"""What an alliance can execute: each command type with its record, its handler and the protocol version it is part of.

An activated handler never changes: a change of rules is a new version of the command, part of a later protocol version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kouan.kernel.encoding import from_text
from kouan.kernel.records import Charter, Member, Protocol
from kouan.kernel.rejections import Refusal
from kouan.kernel.state import Reader, State
from kouan.kernel.suites import verify

if TYPE_CHECKING:
    from kouan.kernel.execution import Block

CHARTER_KEY = "charter"
PROTOCOL_KEY: Final = "protocol"


class Parameter(NamedTuple):
    """One number in the charter."""

    name: str
    unit: str
    """What it counts: ms, basis points, minor units, …"""
    default: int
    lowest: int
    highest: int
    meaning: str


def parameter_of(charter: Charter, name: str, declared: Iterable[Parameter]) -> int:
    """Return a parameter of the charter as it stands; its default where the charter is older than it."""
    value = charter.parameters.get(name)
    return next(one.default for one in declared if one.name == name) if value is None else value


def protocol_at(state: Reader, height: int) -> int:
    """Return the protocol version by which a block of this height is executed, as far as the state tells."""
    protocol = state.read(Protocol, PROTOCOL_KEY)
    if protocol is None:
        return 1
    return protocol.version if height >= protocol.from_height else protocol.before


class Claim(NamedTuple):
    """A signature to be checked."""

    key: bytes
    tag: str
    message: bytes
    signature: bytes


Verifier = Callable[[list[Claim]], list[bool]]


def verify_in_turn(claims: list[Claim]) -> list[bool]:
    """Check signatures one after the other."""
    return [verify(*claim) for claim in claims]


class Context:
    """What a handler may see besides its command. There is no clock: ``time_ms`` is the block's."""

    __slots__ = ("_checked", "_parameters", "alliance", "height", "key", "member", "state", "time_ms")

    def __init__(  # a plain record of what one envelope brings
        self,
        state: State,
        alliance: str,
        height: int,
        time_ms: int,
        member: Member,
        key: str,
        checked: Mapping[Claim, bool],
        parameters: Mapping[str, Parameter],
    ) -> None:
        self.state = state
        self.alliance = alliance
        """Hash of the founding document, base64url."""
        self.height = height
        self.time_ms = time_ms
        self.member = member
        """The signing member as it stands before the command: an earlier one may have changed it."""
        self.key = key
        """The name of the signing key."""
        self._checked = checked
        self._parameters = parameters

    @property
    def signer(self) -> str:
        """Who signed, as member/key."""
        return f"{self.member.id}/{self.key}"

    def parameter(self, name: str) -> int:
        """Return a parameter of the charter as it stands; its default where the charter is older than it."""
        charter = self.state.read(Charter, CHARTER_KEY)
        if charter is None:
            raise AssertionError("the state has no charter")
        return parameter_of(charter, name, self._parameters.values())

    def is_signed(self, key: str, tag: str, message: bytes, signature: str) -> bool:
        """Tell whether a signature (base64url) holds. Those announced by the command are checked already."""
        claim = Claim(from_text(key), tag, message, from_text(signature))
        known = self._checked.get(claim)
        return verify(*claim) if known is None else known


class Command(NamedTuple):
    """One version of one command."""

    type: str
    """module.verb/version"""
    record: Any
    handle: Callable[[Context, Any], Refusal | None]
    roles: frozenset[str]
    """The signer must have one of these; empty: any member."""
    starts: bool
    """It starts something new, so a suspended member may not send it."""
    claims: Callable[[State, str, str, Any], Iterable[Claim]] | None = None
    """The signatures a command carries: (state, alliance, signing member, command) → what to check ahead."""
    since: int = 1
    """The protocol version that it is part of; below it the command is refused."""


Begin = Callable[[State, "Block"], None]
"""What happens before a block's envelopes when the block brings evidence; what it writes is kept."""


class Registry:
    """The commands and parameters of all modules together."""

    def __init__(
        self,
        commands: Iterable[Command],
        parameters: Iterable[Parameter],
        begin: Begin | None = None,
        protocol: int = 1,
    ) -> None:
        self.commands = {command.type: command for command in commands}
        self.parameters = {parameter.name: parameter for parameter in parameters}
        self.begin = begin
        self.protocol = protocol
        """The newest protocol version that this software knows."""

    def lacks(self, state: Reader) -> Protocol | None:
        """Return the protocol version that is agreed on and that this software does not know, or None."""
        agreed = state.read(Protocol, PROTOCOL_KEY)
        return agreed if agreed is not None and agreed.version > self.protocol else None
