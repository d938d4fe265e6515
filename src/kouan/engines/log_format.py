"""The bytes of the block log, as docs/reference/block-log.md defines them, and everything that can be wrong with them.

This file does not touch a disk.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Final, NamedTuple

MAGIC: Final = b"KOUANLOG"
VERSION: Final = 1
ALLIANCE_BYTES: Final = 32
DIGEST_BYTES: Final = 32
HEADER_BYTES: Final = 76
RECORD_MAGIC: Final = b"KREC"
HEAD_BYTES: Final = 64
SMALLEST_RECORD_BYTES: Final = HEAD_BYTES + DIGEST_BYTES
MAX_BODY_BYTES: Final = 2**32 - 1

_HEADER_TAG: Final = b"kouan/log/header/1\0"
_HEAD_TAG: Final = b"kouan/log/head/1\0"
_RECORD_TAG: Final = b"kouan/log/record/1\0"
_HEADER: Final = struct.Struct(">8sI32s")
_HEAD: Final = struct.Struct(">4sQIQ32s")
_OFFSET: Final = struct.Struct(">Q")


class LogError(Exception):
    """What can be wrong with a block log.

    - NotALogError: another kind of file
    - UnknownVersionError: written by a later Kouan
    - WrongAllianceError: another alliance's log
    - DamagedLogError: bytes that were once written are not what they were
    - LogFailedError: the disk failed; the log takes nothing more until it is opened anew
    """


class NotALogError(LogError):
    """The file does not begin as a block log does."""


class UnknownVersionError(LogError):
    """The log's format has a version that this Kouan does not know."""


class WrongAllianceError(LogError):
    """The log belongs to another alliance."""


class DamagedLogError(LogError):
    """Bytes that may have been answered for are not what they were.

    `offset`: where in the file the damaged record begins. `height`: of the record that is expected there, 0 for the
    header. `cuttable`: nothing behind proves that the record had been on disk, so that a person may accept its loss.
    `remembered`: that it had been on disk is known from the stored state alone; a person may accept that loss too.
    """

    def __init__(
        self, name: str, offset: int, height: int, reason: str, *, cuttable: bool, remembered: bool = False
    ) -> None:
        what = f"block {height} is expected, but" if height else "in the header,"
        self.says = f"{name} is damaged at offset {offset}: {what} {reason}"
        self.can_be_accepted = cuttable or remembered
        if self.can_be_accepted:
            self.way_on = (
                "Restore the log from a backup or a peer. Only who has neither accepts that this block and what "
                f"follows may be lost, with `kouan doctor --accept-loss`; {quarantine_name(name, offset)} then keeps "
                "the bytes that are cut off."
            )
        else:
            self.way_on = (
                "It had been on disk before, so it cannot be cut off: restore the log from a backup or a peer."
            )
        super().__init__(f"{self.says}. {self.way_on}")
        self.name = name
        self.offset = offset
        self.height = height
        self.reason = reason
        self.cuttable = cuttable


class LogFailedError(LogError):
    """The disk failed a read, a write or a sync; `bytes_wanted` says how many bytes the call was about (0: a sync)."""

    def __init__(self, message: str, bytes_wanted: int) -> None:
        super().__init__(message)
        self.bytes_wanted = bytes_wanted


class Position(NamedTuple):
    """Where a record lies and what it is: enough to read it again, or to go on behind it, and to notice a change.

    An empty log's last position has height 0, lies in the header (0 to 76), and has the header's checksum as digest.
    """

    height: int
    start: int
    end: int
    digest: bytes


class Head(NamedTuple):
    """The fixed part before a record's body.

    `length`: of the body in bytes. `synced`: the log's size that was known to be on disk when the record was written.
    `previous`: digest of the record before, for the first record the header's checksum.
    """

    height: int
    length: int
    synced: int
    previous: bytes


def quarantine_name(name: str, offset: int) -> str:
    """Return the file that takes the damaged bytes cut off at `offset`."""
    return f"{name}.quarantine-{offset}"


def encode_header(alliance: bytes) -> bytes:
    """Return the first 76 bytes of the log of this alliance (its 32-byte id)."""
    if len(alliance) != ALLIANCE_BYTES:
        raise ValueError(f"alliance: an id has {ALLIANCE_BYTES} bytes, this one {len(alliance)}")
    fields = _HEADER.pack(MAGIC, VERSION, alliance)
    return fields + sha256(_HEADER_TAG + fields).digest()


def check_header(name: str, header: bytes, alliance: bytes) -> Position:
    """Return the position before the first record, if these first bytes of the file are this alliance's header."""
    expected = encode_header(alliance)
    if header[: len(MAGIC)] != MAGIC:
        raise NotALogError(f"{name} is not a block log: it does not begin with {MAGIC.decode()}")
    if len(header) < HEADER_BYTES:
        raise DamagedLogError(name, 0, 0, f"the file ends after {len(header)} bytes of {HEADER_BYTES}", cuttable=False)
    _, version, found = _HEADER.unpack_from(header)
    if version != VERSION:
        raise UnknownVersionError(
            f"{name} has format version {version}, this Kouan knows version {VERSION}: use the Kouan that wrote it, or "
            "a later one; if none ever did, the header is damaged"
        )
    checksum = header[_HEADER.size :]
    if checksum != sha256(_HEADER_TAG + header[: _HEADER.size]).digest():
        raise DamagedLogError(name, 0, 0, "the checksum does not match", cuttable=False)
    if header != expected:
        raise WrongAllianceError(f"{name} is the log of alliance {found.hex()}, not of {alliance.hex()}")
    return Position(0, 0, HEADER_BYTES, checksum)


def encode_record(offset: int, head: Head, body: bytes) -> tuple[bytes, bytes]:
    """Return the record's bytes as they stand at `offset`, and its digest."""
    fields = _HEAD.pack(RECORD_MAGIC, *head)
    packed = fields + sha256(_HEAD_TAG + _OFFSET.pack(offset) + fields).digest()[:8]
    digest = record_digest(packed, body)
    return b"".join((packed, body, digest)), digest


def decode_head(offset: int, packed: bytes) -> Head | None:
    """Return the head that these 64 bytes at `offset` are, or None: wrong magic, wrong checksum, or another place's."""
    fields = packed[: _HEAD.size]
    if (
        packed[:4] != RECORD_MAGIC
        or packed[_HEAD.size :] != sha256(_HEAD_TAG + _OFFSET.pack(offset) + fields).digest()[:8]
    ):
        return None
    return Head._make(_HEAD.unpack(fields)[1:])


def record_digest(packed_head: bytes, body: bytes) -> bytes:
    """Return the digest that closes a record and that the next one names as its previous."""
    digest = sha256(_RECORD_TAG + packed_head)
    digest.update(body)
    return digest.digest()
