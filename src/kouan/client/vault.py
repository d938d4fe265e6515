"""The vault: the documents that one party holds off the ledger, in one SQLite file.

Each document is encrypted under a key of its own, and that key under the vault key, which the caller keeps elsewhere
(a key file, an HSM). Erasing a document destroys its key. What a row says of a document (id, kind, handle, time) is
bound into both ciphertexts, so rows cannot be swapped or relabelled unnoticed.

A vault is used by the thread that opened it; other threads and processes open their own on the same file.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, Self

import msgspec

from kouan.client.aead import DecryptionError, decrypt, encrypt
from kouan.client.grants import Label, open_grant, seal_grant
from kouan.client.keymaterial import Entropy, fresh, sized
from kouan.client.vault_file import (
    DamagedVaultError,
    ErasedDocumentError,
    UnknownDocumentError,
    VaultError,
    open_file,
    reading,
    transaction,
)
from kouan.kernel.encoding import encode, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

MAX_DOCUMENT_BYTES: Final = 16 * 2**20


Time = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800_000)]
"""Milliseconds since 1970 UTC, before the year 10000."""


class Entry(NamedTuple):
    """What the vault tells of a document without opening it; not authenticated until ``get`` opens it."""

    id: str
    kind: str
    handle: str | None
    stored_ms: Time
    erased_ms: Time | None


class Grant(NamedTuple):
    """One time a document was given to another party."""

    to_public: bytes
    granted_ms: Time


class Vault:
    """One party's vault, opened with its vault key (32 bytes), made if there is none; a context manager.

    Raises VaultError when the key is not this vault's, DamagedVaultError when the file is no vault.
    """

    def __init__(self, path: Path, vault_key: bytes, entropy: Entropy) -> None:
        self._key = sized("vault key", vault_key)
        self._entropy = entropy
        self._db = open_file(path, vault_key, entropy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all that the block writes: on disk when the block ends, or undone when it raises.

        Two hundred documents are then synced once. It does not nest, so who opens it knows when it is on disk.
        """
        if self._db.in_transaction:
            raise AssertionError("the vault is writing documents together already")
        with transaction(self._db):
            yield

    def put(self, kind: str, document: bytes, *, handle: str | None, time_ms: int) -> str:
        """Keep a document and return its new id (16 random bytes in base64url).

        ``kind`` is a code such as ``declaration``; ``handle`` is that of the filing it belongs to, if any. Raises
        ValueError for a bad kind or handle, or a document beyond MAX_DOCUMENT_BYTES.
        """
        label = Label(to_text(fresh(self._entropy, 16)), kind, handle)
        with transaction(self._db):
            self._insert(label, document, time_ms)
        return label.id

    def get(self, document_id: str) -> bytes:
        """Return a document. Raises UnknownDocumentError, ErasedDocumentError or DamagedVaultError."""
        entry = self.entry(document_id)
        with reading():
            row = self._db.execute(
                "SELECT wrapped_key, encrypted FROM documents WHERE id = ? AND erased_ms IS NULL", (document_id,)
            ).fetchone()
        if row is None:
            raise _erased(self.entry(document_id))
        if not all(isinstance(value, bytes) for value in row):
            raise DamagedVaultError(f"document {document_id}: damaged row")
        try:
            key = decrypt(self._key, _bound_to("kouan/vault/key/1", entry), row[0])
            return decrypt(key, _bound_to("kouan/vault/document/1", entry), row[1])
        except DecryptionError as problem:
            raise DamagedVaultError(f"document {document_id}: damaged row ({problem})") from None

    def entry(self, document_id: str) -> Entry:
        """Return what is known of a document, erased or not. Raises UnknownDocumentError."""
        found = self._entries("id", document_id)
        if not found:
            raise UnknownDocumentError(f"document {document_id}: never held here")
        return found[0]

    def by_kind(self, kind: str) -> list[Entry]:
        """Return the documents of a kind, erased ones too, oldest first."""
        return self._entries("kind", kind)

    def by_handle(self, handle: str) -> list[Entry]:
        """Return the documents of a filing, erased ones too, oldest first."""
        return self._entries("handle", handle)

    def grant(self, document_id: str, to_public: bytes, *, time_ms: int) -> bytes:
        """Return a document sealed to another party's public key (32 bytes), and record that it was given.

        Raises as ``get`` does.
        """
        with transaction(self._db):
            document = self.get(document_id)
            sealed = seal_grant(to_public, Label(*self.entry(document_id)[:3]), document, self._entropy)
            self._db.execute(
                "INSERT OR IGNORE INTO grants VALUES (?, ?, ?)", (document_id, to_public, _checked(time_ms))
            )
        return sealed

    def grants_of(self, document_id: str) -> list[Grant]:
        """Return to whom a document was given, first to last: those who must hear of its erasure."""
        with reading():
            rows = self._db.execute(
                "SELECT to_public, granted_ms FROM grants WHERE document = ? ORDER BY granted_ms, to_public",
                (document_id,),
            ).fetchall()
        return [Grant(*row) for row in rows]

    def accept(self, private_key: bytes, sealed: bytes, *, time_ms: int) -> str:
        """Keep a document that another party granted, and return its id, which is the same as there.

        Accepting twice changes nothing. A grant does not say who made it: check the document against its commitment on
        the ledger. Raises SealError if the grant cannot be opened, ErasedDocumentError if the document was held and
        erased, VaultError if its id stands for another document here.
        """
        label, document = open_grant(private_key, sealed)
        with transaction(self._db):
            if not self._entries("id", label.id):
                self._insert(label, document, time_ms)
            elif (self.get(label.id), Label(*self.entry(label.id)[:3])) != (document, label):
                raise VaultError(f"document {label.id}: the grant differs from what is held here under this id")
        return label.id

    def erase(self, document_id: str, *, time_ms: int) -> None:
        """Destroy a document's key, for good. That it was held, and when it was erased, stays on record.

        Raises UnknownDocumentError, or ErasedDocumentError if that was done before.
        """
        with transaction(self._db):
            entry = self.entry(document_id)
            if entry.erased_ms is not None:
                raise _erased(entry)
            self._db.execute(
                "UPDATE documents SET wrapped_key = NULL, encrypted = NULL, erased_ms = ? WHERE id = ?",
                (_checked(time_ms), document_id),
            )

    def _insert(self, label: Label, document: bytes, time_ms: int) -> None:
        label.check()
        if len(document) > MAX_DOCUMENT_BYTES:
            raise ValueError(f"document: {len(document)} bytes; at most {MAX_DOCUMENT_BYTES} are kept")
        entry = Entry(label.id, label.kind, label.handle, _checked(time_ms), None)
        key = fresh(self._entropy)
        encrypted = encrypt(key, _bound_to("kouan/vault/document/1", entry), document, self._entropy)
        wrapped_key = encrypt(self._key, _bound_to("kouan/vault/key/1", entry), key, self._entropy)
        self._db.execute(
            "INSERT INTO documents (id, kind, handle, stored_ms, wrapped_key, encrypted) VALUES (?, ?, ?, ?, ?, ?)",
            (*entry[:4], wrapped_key, encrypted),
        )

    def _entries(self, column: str, value: str) -> list[Entry]:
        with reading():
            rows = self._db.execute(
                "SELECT id, kind, handle, stored_ms, erased_ms FROM documents"  # noqa: S608 - the column is a constant
                f" WHERE {column} = ? ORDER BY stored_ms, id",
                (value,),
            ).fetchall()
        return [_entry(row) for row in rows]


def _entry(row: tuple[object, ...]) -> Entry:
    """Return a row's entry; raises DamagedVaultError unless each column has its type, and times are times."""
    try:
        return msgspec.convert(row, Entry)
    except msgspec.ValidationError:
        raise DamagedVaultError(f"document {row[0]!r}: damaged row") from None


def _checked(time_ms: int) -> int:
    try:
        return msgspec.convert(time_ms, Time)
    except msgspec.ValidationError as problem:
        raise ValueError(f"time_ms: must be milliseconds since 1970: {problem}") from None


def _bound_to(tag: str, entry: Entry) -> bytes:
    label = {"handle": entry.handle, "id": entry.id, "kind": entry.kind, "stored_ms": entry.stored_ms}
    return tag.encode() + b"\0" + encode(label)


def _erased(entry: Entry) -> ErasedDocumentError:
    day = datetime.fromtimestamp((entry.erased_ms or 0) / 1000, UTC).date().isoformat()
    return ErasedDocumentError(f"document {entry.id}: erased on {day}")
