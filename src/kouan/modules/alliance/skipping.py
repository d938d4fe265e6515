"""The skip list: ids of envelopes that crash every node, and the signatures by which all nodes pass them over alike.

``docs/reference/skip-list.md`` is its format. It is judged without a ledger that runs: by the validators and the
members' keys as some state has them, the last one that a node could execute or the one at the founding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from kouan.kernel.encoding import Bytes32, Bytes64, Code, EncodingError, decode, encode, from_text, to_text
from kouan.kernel.records import Member, Record
from kouan.kernel.state import Reader
from kouan.kernel.suites import sign, verify
from kouan.modules.alliance.records import Validators, member_key
from kouan.modules.alliance.standing import validators_of
from kouan.modules.alliance.validators import total_power

SKIP_FORMAT: Final = "kouan/skip/1"
SKIP_TAG: Final = "kouan/skip/1"
MAX_SKIPPED: Final = 1_000
MAX_SKIP_BYTES: Final = 262_144


class SkipListError(ValueError):
    """The file is no skip list, or not one that counts; the text names the field and what would be right."""


class SkipSignature(Record, frozen=True):
    """A member's word that these envelopes are not to be executed."""

    key: Code
    """The name of one of its signing keys."""
    signature: Bytes64
    """Tag ``kouan/skip/1``, over the canonical JSON of the list without its signatures."""


class SkipList(Record, frozen=True):
    """A skip list, perhaps with some signatures still missing."""

    alliance: Bytes32
    envelopes: Annotated[list[Bytes32], Meta(min_length=1, max_length=MAX_SKIPPED)]
    """Ids, sorted, each once: all that were ever skipped, so that the ledger can be executed anew from block 1."""
    format: Literal["kouan/skip/1"]
    signatures: dict[Code, SkipSignature]
    """By member."""


class Standing(NamedTuple):
    """How much of the power stands behind a skip list."""

    signed: int
    total: int

    @property
    def counts(self) -> bool:
        """Whether it is two thirds or more."""
        return 3 * self.signed >= 2 * self.total


def skip_list(alliance: str, envelopes: Iterable[str]) -> SkipList:
    """Return a list of envelopes (ids) that nobody has signed yet."""
    return SkipList(alliance, sorted(dict.fromkeys(envelopes)), SKIP_FORMAT, {})


def read_skip_list(data: bytes) -> SkipList:
    """Return the skip list in a file's bytes; raises SkipListError. Its signatures are not looked at."""
    if len(data) > MAX_SKIP_BYTES:
        raise SkipListError(f"skip list: it has {len(data)} bytes; at most {MAX_SKIP_BYTES} are read")
    try:
        listed = msgspec.convert(decode(data.strip()), SkipList)
    except (EncodingError, msgspec.ValidationError) as problem:
        raise SkipListError(f"not a skip list: {problem}") from None
    if listed.envelopes != sorted(dict.fromkeys(listed.envelopes)):
        raise SkipListError("envelopes: must be sorted and each named once")
    return listed


def skip_file(listed: SkipList) -> bytes:
    """Return the bytes of the file."""
    return encode(listed)


def sign_skip_list(listed: SkipList, member: str, key: str, seed: bytes) -> SkipList:
    """Return the list with a member's signature by one of its keys (its seed, 32 bytes)."""
    signature = SkipSignature(key, to_text(sign(seed, SKIP_TAG, _signed_part(listed))))
    return replace(listed, signatures=listed.signatures | {member: signature})


def standing_of(listed: SkipList, alliance: str, state: Reader) -> Standing:
    """Return how much power has signed, by the validators and the members' keys of a state.

    Raises SkipListError for another alliance's list, for a ledger without validators, and, naming the member, for a
    signature that does not hold or comes from no validator: a list is right as a whole.
    """
    if listed.alliance != alliance:
        raise SkipListError(f"alliance: the list is for {listed.alliance}, this is {alliance}")
    validators = validators_of(state)
    if validators is None:
        raise SkipListError("alliance: one operator runs this ledger, and decides alone by its own skip.json")
    signed = sum(_power_behind(listed, member, validators, state) for member in sorted(listed.signatures))
    return Standing(signed, total_power(validators))


def skipped_by(listed: SkipList, alliance: str, state: Reader) -> frozenset[str]:
    """Return the ids that are not to be executed; raises SkipListError unless two thirds of the power signed."""
    standing = standing_of(listed, alliance, state)
    if not standing.counts:
        raise SkipListError(
            f"signatures: {standing.signed} of {standing.total} of the validators' power signed; "
            "at least two thirds must"
        )
    return frozenset(listed.envelopes)


def _power_behind(listed: SkipList, member: str, validators: Validators, state: Reader) -> int:
    given, validator = listed.signatures[member], validators.members.get(member)
    found = state.read(Member, member_key(member))
    key = None if found is None else found.keys.get(given.key)
    if validator is None or key is None:
        raise SkipListError(f"signatures.{member}: is by no key {given.key} of a member that runs a validator")
    if key.revoked_ms:
        raise SkipListError(f"signatures.{member}.key: {given.key} is revoked; sign with a good key")
    if not verify(from_text(key.public), SKIP_TAG, _signed_part(listed), from_text(given.signature)):
        raise SkipListError(f"signatures.{member}.signature: is not by {member}'s key {given.key} over this list")
    return validator.power


def _signed_part(listed: SkipList) -> bytes:
    return encode({"alliance": listed.alliance, "envelopes": listed.envelopes, "format": listed.format})
