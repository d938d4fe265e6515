"""Which headers of CometBFT are to be believed, starting from a validator set that is trusted: light verification.

A set is followed from header to header. A header that the trusted set itself decided, with more than two thirds of its
power, may stand at any height, for it names the set that follows; so whoever is shown every header at which the set
changes follows them all, however long ago. A header of another set than the trusted one skips what lies between: that
is allowed only while the trusted set can still be held to account (within the trust period, by the verifier's clock),
and only when more than a third of its power signed too, so that an honest validator is among them.

Every vote that a commit brings is verified, as CometBFT's nodes do, those for no block included; only those for the
block count. ``docs/reference/checkpoint.md`` numbers the checks, in the order in which they are made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from kouan.kernel.encoding import Bytes32, Count, Positive, from_text
from kouan.kernel.headers import (
    ChainId,
    Commit,
    Header,
    SignedHeader,
    ValidatorEntry,
    Validators,
    header_hash,
    in_order,
    set_hash,
    sign_bytes,
)
from kouan.kernel.records import Record
from kouan.kernel.suites import verify_zip215

MAX_AHEAD_MS: Final = 5 * 60 * 1000  # by how much the verifier's clock may be behind


class Step(Record, frozen=True):
    """What leads from a trusted set to another: a signed header and the sets that it names."""

    next: Validators
    """The set that the header names for the next height: trusted from there on."""
    signed: SignedHeader
    validators: Validators | None
    """The set that decided the header; null when it is the trusted one. Any other is a skip."""


class Trusted(Record, frozen=True):
    """A validator set that is trusted to decide the blocks from a height on, until a header of it names another."""

    chain_id: ChainId
    """The alliance's id."""
    height: Positive
    time_ms: Count
    """Of the header that named the set, or of the founding. Unix time."""
    validators: Validators


class Reason(Enum):
    """Why a header is not believed."""

    WRONG_CHAIN = "the header is of another alliance"
    HEIGHT_BEFORE = "the header's height is below the one from which the set is trusted"
    TIME_BEFORE = "the header's time is before that from which the set is trusted"
    HEADER_FROM_THE_FUTURE = "the header's time is later than the verifier's clock"
    SET_ORDER = "a validator set is not in order: most power first, then by address, each key once"
    WRONG_SET = "the header was decided by another validator set"
    WRONG_NEXT_SET = "the header names another set for the next height"
    SKIP_ARCHIVAL = "validator sets are left out, which only a clock allows"
    TRUST_EXPIRED = "validator sets are left out, and the trusted one is older than the trust period"
    COMMIT_HEIGHT = "the commit is of another height"
    COMMIT_BLOCK = "the commit is for another block"
    COMMIT_SIZE = "the commit has not as many places as the set has validators"
    DUPLICATE_VOTE = "a validator votes twice in the commit"
    COMMIT_ORDER = "a vote stands in the place of another validator"
    COMMIT_SIGNATURE = "a vote's signature does not hold"
    LITTLE_TRUSTED_POWER = "no more than a third of the trusted set's power signed"
    LITTLE_POWER = "no more than two thirds of the set's power signed"

    @property
    def code(self) -> str:
        """The stable name, as ``commit-order``."""
        return self.name.lower().replace("_", "-")


class LightError(ValueError):
    """A header is not to be believed; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def trusted_at(chain_id: ChainId, time_ms: int, validators: Sequence[ValidatorEntry]) -> Trusted:
    """Return the trust with which a chain begins: its first set, in any order, and its genesis time (Unix time)."""
    return Trusted(chain_id, 1, time_ms, in_order(validators))


def check_header(trusted: Trusted, signed: SignedHeader, *, now_ms: int | None) -> None:
    """Check a header that the trusted set decided; raises LightError.

    ``now_ms``: the verifier's clock (Unix time), or None for archival mode. How old the header may be is the caller's
    question.
    """
    _check_place(trusted, signed.header, now_ms)
    _require(from_text(signed.header.validators_hash) == set_hash(trusted.validators), Reason.WRONG_SET)
    _check_commit(signed, trusted.validators)
    _check_power(signed.commit, trusted.validators)


def advance(trusted: Trusted, step: Step, *, now_ms: int | None, trust_period_ms: int) -> Trusted:
    """Return the trust that a step leads to; raises LightError.

    ``now_ms``: the verifier's clock (Unix time), or None for archival mode, in which no set may be left out.
    """
    header = step.signed.header
    if step.validators is None or step.validators == trusted.validators:
        check_header(trusted, step.signed, now_ms=now_ms)
    else:
        _check_place(trusted, header, now_ms)
        _require(header.height > trusted.height, Reason.WRONG_SET)
        _check_set(step.validators, header.validators_hash, Reason.WRONG_SET)
        if now_ms is None:
            raise LightError(Reason.SKIP_ARCHIVAL)
        _require(trusted.time_ms > now_ms - trust_period_ms, Reason.TRUST_EXPIRED)
        _check_commit(step.signed, step.validators)
        _require(
            3 * _signed_power(step.signed.commit, trusted.validators) > _total(trusted.validators),
            Reason.LITTLE_TRUSTED_POWER,
        )
        _check_power(step.signed.commit, step.validators)
    _check_set(step.next, header.next_validators_hash, Reason.WRONG_NEXT_SET)
    return Trusted(trusted.chain_id, header.height + 1, header.time.ms, step.next)


def _check_place(trusted: Trusted, header: Header, now_ms: int | None) -> None:
    _require(header.chain_id == trusted.chain_id, Reason.WRONG_CHAIN)
    _require(header.height >= trusted.height, Reason.HEIGHT_BEFORE)
    _require(header.time.ms >= trusted.time_ms, Reason.TIME_BEFORE)
    _require(now_ms is None or header.time.ms <= now_ms + MAX_AHEAD_MS, Reason.HEADER_FROM_THE_FUTURE)


def _check_set(validators: Validators, named: Bytes32, otherwise: Reason) -> None:
    addresses = [entry.address for entry in validators]
    ordered = validators == in_order(validators) and len(dict.fromkeys(addresses)) == len(addresses)
    _require(ordered, Reason.SET_ORDER)
    _require(set_hash(validators) == from_text(named), otherwise)


def _check_commit(signed: SignedHeader, validators: Validators) -> None:
    """Check that a commit is for its header and that every vote in it is by the validator in whose place it stands."""
    header, commit = signed.header, signed.commit
    _require(commit.height == header.height, Reason.COMMIT_HEIGHT)
    _require(from_text(commit.block_id.hash) == header_hash(header), Reason.COMMIT_BLOCK)
    _require(len(commit.signatures) == len(validators), Reason.COMMIT_SIZE)
    votes = [(vote, entry) for vote, entry in zip(commit.signatures, validators, strict=True) if vote is not None]
    voters = [vote.address for vote, _ in votes]
    _require(len(dict.fromkeys(voters)) == len(voters), Reason.DUPLICATE_VOTE)
    for vote, entry in votes:
        _require(from_text(vote.address) == entry.address, Reason.COMMIT_ORDER)
    for vote, entry in votes:
        message = sign_bytes(header.chain_id, commit, vote)
        signature = from_text(vote.signature)
        _require(verify_zip215(from_text(entry.public), message, signature), Reason.COMMIT_SIGNATURE)


def _check_power(commit: Commit, validators: Validators) -> None:
    _require(3 * _signed_power(commit, validators) > 2 * _total(validators), Reason.LITTLE_POWER)


def _signed_power(commit: Commit, validators: Validators) -> int:
    """Return the power of those of a set who voted for the block, in a commit that was checked."""
    signers = frozenset(from_text(vote.address) for vote in commit.signatures if vote is not None and vote.for_block)
    return sum(entry.power for entry in validators if entry.address in signers)


def _total(validators: Validators) -> int:
    return sum(entry.power for entry in validators)


def _require(holds: bool, otherwise: Reason) -> None:  # noqa: FBT001  # the condition is the point of the call
    if not holds:
        raise LightError(otherwise)
