"""The SQLite file under a vault: its tables, its opening, and what can go wrong with it.

A rollback journal (not WAL) and ``secure_delete`` are used so that an erased key is overwritten in the file itself;
every write is one transaction, synced before it returns, unless the caller makes one of many. Several processes may
open the file; writers wait their turn.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from kouan.client.aead import DecryptionError, decrypt, encrypt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kouan.client.keymaterial import Entropy

BUSY_TIMEOUT_S: Final = 10.0

_FORMAT: Final = 1
_APPLICATION_ID: Final = 0x4B4F554E  # "KOUN": tells a vault from any other SQLite file
_KEY_CHECK: Final = b"kouan/vault/check/1"
_WHOLE: Final = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
_PART: Final = "SAVEPOINT part", "RELEASE part", "ROLLBACK TO part"
_TABLES: Final = (
    "CREATE TABLE vault (key_check BLOB NOT NULL) STRICT",
    """CREATE TABLE documents (
        id TEXT PRIMARY KEY NOT NULL,
        kind TEXT NOT NULL,
        handle TEXT,
        stored_ms INTEGER NOT NULL,
        encrypted BLOB,
        wrapped_key BLOB,
        erased_ms INTEGER,
        CHECK ((erased_ms IS NULL) = (wrapped_key IS NOT NULL) AND (erased_ms IS NULL) = (encrypted IS NOT NULL))
    ) STRICT""",
    "CREATE INDEX documents_by_kind ON documents (kind)",
    "CREATE INDEX documents_by_handle ON documents (handle)",
    """CREATE TABLE grants (
        document TEXT NOT NULL REFERENCES documents (id),
        to_public BLOB NOT NULL,
        granted_ms INTEGER NOT NULL,
        PRIMARY KEY (document, to_public, granted_ms)
    ) STRICT""",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_FORMAT}",
)


class VaultError(Exception):
    """The vault cannot do what was asked; the text says why."""


class UnknownDocumentError(VaultError):
    """The vault has never held a document with this id."""


class ErasedDocumentError(VaultError):
    """The document was erased: its key is destroyed."""


class DamagedVaultError(VaultError):
    """The file, or one of its rows, is not as the vault wrote it."""


def open_file(path: Path, vault_key: bytes, entropy: Entropy) -> sqlite3.Connection:
    """Open a vault's file, or make it (readable by its owner only) where there is none or an empty one.

    Raises VaultError if the key is not this vault's, DamagedVaultError if the file is no vault of this format.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        with reading():
            for pragma in ("secure_delete = ON", "foreign_keys = ON", "synchronous = FULL", "trusted_schema = OFF"):
                db.execute(f"PRAGMA {pragma}").close()
        with transaction(db):
            _check_file(db, vault_key, entropy)
    except BaseException:
        db.close()
        raise
    return db


def _check_file(db: sqlite3.Connection, vault_key: bytes, entropy: Entropy) -> None:
    if not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        for statement in _TABLES:
            db.execute(statement)
        db.execute("INSERT INTO vault VALUES (?)", (encrypt(vault_key, _KEY_CHECK, b"", entropy),))
    found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if found != [_APPLICATION_ID, _FORMAT]:
        raise DamagedVaultError(f"the file is not a vault of format {_FORMAT}")
    key_checks = [row[0] for row in db.execute("SELECT key_check FROM vault")]
    if len(key_checks) != 1 or not isinstance(key_checks[0], bytes):
        raise DamagedVaultError("the vault's key check is missing")
    try:
        decrypt(vault_key, _KEY_CHECK, key_checks[0])
    except DecryptionError:
        raise VaultError("the vault key is not the one this vault was made with") from None


@contextmanager
def reading() -> Iterator[None]:
    """Turn SQLite's errors into the vault's."""
    try:
        yield
    except sqlite3.DatabaseError as problem:
        code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # it has none for text that is not UTF-8
        if code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}:
            raise DamagedVaultError(f"the vault's file is damaged: {problem}") from problem
        raise VaultError(f"the vault's file: {problem}") from problem


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one transaction that is on disk when it ends, or did not happen.

    Within another one the block is a part of it: undone alone when it fails, on disk when the outer one ends.
    """
    is_part = db.in_transaction
    begin, end, undo = _PART if is_part else _WHOLE
    with reading():
        db.execute(begin)
        try:
            yield
            db.execute(end)
        except BaseException:
            if db.in_transaction:
                db.execute(undo)
                if is_part:
                    db.execute(end)
            raise
