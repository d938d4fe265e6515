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

    # The alliance.
    ENTERPRISE_ONBOARDED = 100
    PROPOSAL_EXISTS = 110
    PROPOSAL_UNKNOWN = 111
    PROPOSAL_ENACTED = 112
    PROPOSAL_EXPIRED = 113
    VOTE_CONCERNED = 114
    PROPOSAL_NOT_CARRIED = 115
    PROPOSAL_TOO_EARLY = 116
    PARAMETER_UNKNOWN = 120
    PARAMETER_OUT_OF_BOUNDS = 121
    MEMBER_UNKNOWN = 122
    MEMBER_EXISTS = 123
    MEMBERS_TOO_MANY = 124
    CHANGE_WITHOUT_EFFECT = 125
    ROLES_UNSOUND = 126
    ROLE_TAKEN = 127
    ROLE_LEFT_EMPTY = 128
    INCARNATION_TOO_LOW = 129
    KEY_UNKNOWN = 140
    KEY_REVOKED_ALREADY = 141
    KEY_LAST = 142
    KEY_NOT_LOST = 143
    KEY_NAME_TAKEN = 144
    KEYS_TOO_MANY = 145
    KEY_UNSOUND = 146
    KEY_PUBLIC_IN_USE = 147
    KEY_BAD_SIGNATURE = 148
    POWER_MOVED_TOO_FAST = 150
    HANDOVER_NOT_FITTING = 160
    HANDOVER_BAD_HEIGHT = 161
    HANDOVER_BAD_SIGNATURE = 162

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

    # Financing.
    COLLECTION_EXISTS = 300
    COLLECTION_UNKNOWN = 301
    FINANCING_EXISTS = 302
    FINANCING_UNKNOWN = 303
    FINANCING_NOT_LENDER = 304
    MATURITY_PAST = 305
    NOTHING_HELD = 306
    NOTHING_OUTSTANDING = 307
    FINANCING_WRITTEN_OFF = 308
    PAYOFF_MISFIT = 309
    CONSENT_MISSING = 310
    CONSENT_EXPIRED = 311
    CONSENT_BAD_SIGNATURE = 312
    OFFER_UNKNOWN = 313
    OFFER_BAD_BUYER = 314
    OFFER_LAPSED = 315
    DATE_NOT_LATER = 316
    AMOUNTS_MISFIT = 317
    REGISTRATION_MISSING = 318
    ALLOCATION_UNKNOWN = 319
    ALLOCATION_TWICE = 320
    ALLOCATIONS_TOO_MANY = 321
    REPAID_TOO_MUCH = 322
    SUBSTITUTE_UNEQUAL = 323
    REVISION_STALE = 324
    COLLECTION_FINAL_ALREADY = 325
    COLLECTED_TOO_MUCH = 326
    RATES_MISFIT = 327
    AMOUNT_NOT_SUM = 328
    ENTRY_UNKNOWN = 329
    ENTRY_NOT_REVERSIBLE = 330
    ENTRY_REVERSED_ALREADY = 331
    REVERSAL_OTHER_BANK = 332
    REVERSAL_SAME_KEY = 333
    ENTRY_BUILT_UPON = 334


class Refusal(NamedTuple):
    """Why a command is refused, and what in it the reason is about."""

    code: Rejection
    at: str = ""
    """The id or the field concerned, as it stands in the command; empty when it is the command as a whole."""
