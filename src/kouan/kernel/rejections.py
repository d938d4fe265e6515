"""Every reason to refuse, as one table of stable numbers.

A number is never given to another meaning. The order within a group is the order in which a command is tested, so the
first that applies is the one that is told; each module's README shows its commands' precedence and its tests walk
through it. Plain sentences for people stand in `kouan.client.sentences`, outside the ledger.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Rejection(IntEnum):
    """Numbered reasons; 0 is kept for "accepted"."""

    # The envelope as a whole: none of its commands is looked at.
    ENVELOPE_SKIPPED = 1
    ENVELOPE_MALFORMED = 2
    ENVELOPE_WRONG_ALLIANCE = 3
    ENVELOPE_EXPIRED = 4
    ENVELOPE_EXPIRY_TOO_FAR = 5
    ENVELOPE_UNKNOWN_SIGNER = 6
    ENVELOPE_REVOKED_KEY = 7
    ENVELOPE_BAD_SIGNATURE = 8
    ENVELOPE_REPLAYED = 9
    ENVELOPE_OVER_BOUND = 10

    # Any command, before its module looks at it.
    COMMAND_UNKNOWN = 20
    COMMAND_NOT_ACTIVE = 21
    COMMAND_MALFORMED = 22
    COMMAND_FELL_WITH_OTHERS = 23
    ROLE_NOT_PERMITTED = 24
    MEMBER_SUSPENDED = 25

    # A quota.
    QUOTA_EXISTS = 40
    QUOTA_UNKNOWN = 41
    QUOTA_NOT_ISSUER = 42
    QUOTA_WRONG_KIND = 43
    DRAW_EXPIRED = 44
    DRAW_BAD_SIGNATURE = 45
    QUOTA_WITHDRAWN = 46
    QUOTA_SUSPENDED = 47
    QUOTA_ALREADY_THERE = 48
    HOLD_TOO_LONG = 49
    HOLD_UNKNOWN = 50
    HOLD_LAPSED = 51
    HOLD_EXTENDED_ALREADY = 52
    HOLD_SMALLER = 53
    HOLDS_TOO_MANY = 54
    HOLD_THIRD = 55
    QUOTA_EXCEEDED = 56
    QUOTA_LESS_USED = 57
    QUOTA_NUMBER_TOO_LARGE = 58

    # Customs: declarations and the opening of seals.
    DRAW_KEY_UNSOUND = 200
    DRAW_KEY_UNCHANGED = 201
    STAGE_NOT_FORWARD = 202
    AMENDMENT_NOT_LOWER = 203
    AMENDMENT_PRICE_OPEN = 204
    AMENDMENT_RAISES_WHILE_SUSPENDED = 205
    DECLARATION_SUSPENDED_ALREADY = 206
    DECLARATION_NOT_SUSPENDED = 207
    OPENING_EXISTS = 220
    OPENING_UNKNOWN = 221
    OPENING_ANSWERED = 222
    OPENING_NOT_REQUESTER = 223
    OPENING_DISCLOSED = 224
    OPENING_STILL_SEALED = 225
    OPENING_WRONG_COMMITMENT = 226


class Refusal(NamedTuple):
    """Why a command is refused, and what in it the reason is about."""

    code: Rejection
    at: str = ""
    """The id or the field concerned, as it stands in the command; empty when it is the command as a whole."""
