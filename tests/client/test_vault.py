"""The vault: documents come back as they were or with a clear refusal, and erased ones never."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kouan.client.grants import Label, seal_grant
from kouan.client.keymaterial import seeded_entropy
from kouan.client.sealing import SealError, new_private_key, public_of, seal
from kouan.client.vault import MAX_DOCUMENT_BYTES, Entry, Grant, Vault
from kouan.client.vault_file import DamagedVaultError, ErasedDocumentError, UnknownDocumentError, VaultError
from kouan.kernel.encoding import encode, to_text

KEY = bytes(range(32))
HANDLE = to_text(bytes(32))
DOCUMENT = "报关单 declaration\0".encode() * 3
NOW_MS = 1_762_000_000_000  # 2025-11-01
BANK = new_private_key(seeded_entropy(b"bank"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "customs.vault"


@pytest.fixture
def vault(path: Path) -> Iterator[Vault]:
    with Vault(path, KEY, seeded_entropy(b"customs")) as opened:
        yield opened


@pytest.fixture
def banks(tmp_path: Path) -> Iterator[Vault]:
    with Vault(tmp_path / "bank.vault", bytes(32), seeded_entropy(b"bank's vault")) as opened:
        yield opened


def change(path: Path, statement: str, *values: object) -> None:
    """Alter the file behind the vault's back."""
    db = sqlite3.connect(path)
    with db:
        db.execute(statement, values)
    db.close()


def test_documents_come_back_and_are_listed_by_kind_and_by_handle(vault: Vault, path: Path) -> None:
    first = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    second = vault.put("invoice", b"", handle=None, time_ms=NOW_MS + 1)
    third = vault.put("declaration", b"third", handle=None, time_ms=NOW_MS - 1)
    with Vault(path, KEY, os.urandom) as reopened:
        assert [reopened.get(document) for document in (first, second, third)] == [DOCUMENT, b"", b"third"]
        assert [entry.id for entry in reopened.by_kind("declaration")] == [third, first]
        assert reopened.by_handle(HANDLE) == [Entry(first, "declaration", HANDLE, NOW_MS, None)]
        assert reopened.by_kind("order") == []


def test_the_file_shows_no_document_and_only_its_owner_may_read_it(vault: Vault, path: Path) -> None:
    vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    assert DOCUMENT[:20] not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_document_never_held_is_unknown(vault: Vault) -> None:
    unknown = to_text(bytes(16))
    with pytest.raises(UnknownDocumentError, match="never held here"):
        vault.get(unknown)
    with pytest.raises(UnknownDocumentError):
        vault.entry(unknown)
    with pytest.raises(UnknownDocumentError):
        vault.erase(unknown, time_ms=NOW_MS)
    with pytest.raises(UnknownDocumentError):
        vault.grant(unknown, public_of(BANK), time_ms=NOW_MS)


def test_an_erased_document_is_gone_and_says_when(vault: Vault, path: Path) -> None:
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    db = sqlite3.connect(path)
    (wrapped_key, encrypted) = db.execute("SELECT wrapped_key, encrypted FROM documents").fetchone()
    db.close()
    assert wrapped_key in path.read_bytes()
    vault.erase(document, time_ms=NOW_MS + 86_400_000)
    assert wrapped_key not in path.read_bytes()
    assert encrypted not in path.read_bytes()
    with pytest.raises(ErasedDocumentError, match="erased on 2025-11-02"):
        vault.get(document)
    with pytest.raises(ErasedDocumentError, match="erased on 2025-11-02"):
        vault.grant(document, public_of(BANK), time_ms=NOW_MS)
    with pytest.raises(ErasedDocumentError, match="erased on 2025-11-02"):
        vault.erase(document, time_ms=NOW_MS + 999)
    assert vault.by_handle(HANDLE) == [Entry(document, "declaration", HANDLE, NOW_MS, NOW_MS + 86_400_000)]


def test_a_granted_document_is_held_by_the_other_party_too_and_stays_there(vault: Vault, banks: Vault) -> None:
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    sealed = vault.grant(document, public_of(BANK), time_ms=NOW_MS + 1)
    assert banks.accept(BANK, sealed, time_ms=NOW_MS + 2) == document
    assert banks.accept(BANK, sealed, time_ms=NOW_MS + 3) == document, "a second time changes nothing"
    assert vault.grants_of(document) == [Grant(public_of(BANK), NOW_MS + 1)]
    vault.erase(document, time_ms=NOW_MS + 4)
    assert banks.get(document) == DOCUMENT
    assert banks.by_handle(HANDLE) == [Entry(document, "declaration", HANDLE, NOW_MS + 2, None)]


def test_what_was_erased_is_not_taken_back_by_an_old_grant(vault: Vault, banks: Vault) -> None:
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    sealed = vault.grant(document, public_of(BANK), time_ms=NOW_MS)
    banks.accept(BANK, sealed, time_ms=NOW_MS)
    banks.erase(document, time_ms=NOW_MS)
    with pytest.raises(ErasedDocumentError):
        banks.accept(BANK, sealed, time_ms=NOW_MS)


@pytest.mark.parametrize(
    "differing",
    [("declaration", HANDLE, b"other"), ("invoice", HANDLE, DOCUMENT), ("declaration", None, DOCUMENT)],
)
def test_a_grant_replaces_nothing_that_is_held(vault: Vault, differing: tuple[str, str | None, bytes]) -> None:
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    kind, handle, content = differing
    sealed = seal_grant(public_of(BANK), Label(document, kind, handle), content, os.urandom)
    with pytest.raises(VaultError, match="differs from what is held"):
        vault.accept(BANK, sealed, time_ms=NOW_MS)
    assert vault.get(document) == DOCUMENT


def test_no_altered_or_misdirected_grant_is_accepted(vault: Vault, banks: Vault) -> None:
    document = vault.put("declaration", DOCUMENT, handle=None, time_ms=NOW_MS)
    sealed = vault.grant(document, public_of(BANK), time_ms=NOW_MS)
    for place in range(len(sealed)):
        altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(SealError):
            banks.accept(BANK, altered, time_ms=NOW_MS)
    with pytest.raises(SealError):
        banks.accept(KEY, sealed, time_ms=NOW_MS)
    assert banks.by_kind("declaration") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"no zero byte",
        b"[]\0document",
        encode({"handle": None, "id": to_text(bytes(16)), "kind": "declaration"}),
        encode({"handle": None, "id": "short", "kind": "declaration"}) + b"\0",
        encode({"handle": "short", "id": to_text(bytes(16)), "kind": "declaration"}) + b"\0",
        encode({"handle": None, "id": to_text(bytes(16)), "kind": "No Code"}) + b"\0",
        encode({"handle": None, "id": to_text(bytes(16)), "kind": "a", "more": 1}) + b"\0",
        encode({"id": to_text(bytes(16)), "kind": "a"}) + b"\0",
        b' {"handle":null}\0',
    ],
)
def test_a_well_sealed_grant_with_a_bad_label_is_refused(banks: Vault, content: bytes) -> None:
    sealed = seal(public_of(BANK), b"kouan/vault/grant/1", b"", content, os.urandom)
    with pytest.raises(SealError, match="its label is wrong"):
        banks.accept(BANK, sealed, time_ms=NOW_MS)


def test_another_vault_key_opens_nothing(vault: Vault, path: Path) -> None:
    with pytest.raises(VaultError, match="vault key is not the one"):
        Vault(path, bytes(32), os.urandom)
    with pytest.raises(ValueError, match="vault key: must be 32 bytes"):
        Vault(path, b"short", os.urandom)


@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("SELECT wrapped_key FROM documents", "UPDATE documents SET wrapped_key = ?"),
        ("SELECT encrypted FROM documents", "UPDATE documents SET encrypted = ?"),
    ],
)
def test_every_altered_byte_of_a_row_is_noticed(vault: Vault, path: Path, read: str, write: str) -> None:
    document = vault.put("declaration", b"short", handle=None, time_ms=NOW_MS)
    db = sqlite3.connect(path)
    original = db.execute(read).fetchone()[0]
    db.close()
    altered = [
        original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :] for place in range(len(original))
    ]
    for blob in [*altered, original[:20], b""]:
        change(path, write, blob)
        with pytest.raises(DamagedVaultError, match="damaged row"):
            vault.get(document)
    change(path, write, original)
    assert vault.get(document) == b"short"


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE documents SET kind = 'invoice' WHERE id = ?1",
        "UPDATE documents SET handle = NULL WHERE id = ?1",
        "UPDATE documents SET stored_ms = stored_ms - 1 WHERE id = ?1",
        "UPDATE documents SET encrypted = (SELECT encrypted FROM documents WHERE id <> ?1) WHERE id = ?1",
        "UPDATE documents SET wrapped_key = (SELECT wrapped_key FROM documents WHERE id <> ?1) WHERE id = ?1",
        """UPDATE documents SET (wrapped_key, encrypted) =
            (SELECT wrapped_key, encrypted FROM documents WHERE id <> ?1) WHERE id = ?1""",
    ],
)
def test_rows_cannot_be_relabelled_or_swapped(vault: Vault, path: Path, swap: str) -> None:
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    vault.put("declaration", b"another", handle=HANDLE, time_ms=NOW_MS)
    change(path, swap, document)
    with pytest.raises(DamagedVaultError, match="damaged row"):
        vault.get(document)


def test_a_column_of_another_type_is_noticed(vault: Vault, path: Path) -> None:
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    change(path, "ALTER TABLE documents RENAME TO original")
    columns = "id, kind, handle, stored_ms, encrypted, 'text' AS wrapped_key, erased_ms"
    change(path, f"CREATE TABLE documents AS SELECT {columns} FROM original")  # noqa: S608 - a constant
    with pytest.raises(DamagedVaultError, match="damaged row"):
        vault.get(document)
    change(path, "UPDATE documents SET stored_ms = 'yesterday'")
    with pytest.raises(DamagedVaultError, match="damaged row"):
        vault.entry(document)


def test_no_flipped_byte_of_the_file_yields_a_wrong_document(vault: Vault, path: Path) -> None:
    """Whatever a disk does to the file: the right document, or an error of the vault's, never anything else."""
    document = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
    vault.grant(document, public_of(BANK), time_ms=NOW_MS)
    vault.close()
    original = path.read_bytes()
    refused = 0
    for place in [place for place, byte in enumerate(original) if byte]:
        path.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        try:
            with Vault(path, KEY, os.urandom) as damaged:
                damaged.by_kind("declaration")
                damaged.grants_of(document)
                assert damaged.get(document) == DOCUMENT
        except VaultError:
            refused += 1
    assert refused > len(DOCUMENT) + 32


def test_a_file_that_is_no_vault_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"not a database, but long enough to be looked at" * 50)
    other = tmp_path / "other.db"
    change(other, "CREATE TABLE documents (id TEXT)")
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(DamagedVaultError):
            Vault(path, KEY, os.urandom)
        assert path.read_bytes() == before


def test_what_cannot_be_filed_is_refused_and_leaves_nothing(vault: Vault) -> None:
    for kind, handle, document, time_ms, field in (
        ("No Code", HANDLE, b"", NOW_MS, "kind"),
        ("declaration", "short", b"", NOW_MS, "handle"),
        ("declaration", HANDLE, bytes(MAX_DOCUMENT_BYTES + 1), NOW_MS, "document: 16777217 bytes"),
        ("declaration", HANDLE, b"", -1, "time_ms"),
    ):
        with pytest.raises(ValueError, match=field):
            vault.put(kind, document, handle=handle, time_ms=time_ms)
    assert vault.by_kind("declaration") == []


def test_an_entropy_source_that_repeats_itself_overwrites_nothing(vault: Vault, path: Path) -> None:
    document = vault.put("declaration", DOCUMENT, handle=None, time_ms=NOW_MS)
    with Vault(path, KEY, seeded_entropy(b"vault")) as one:
        one.put("declaration", b"first", handle=None, time_ms=NOW_MS)
    with Vault(path, KEY, seeded_entropy(b"vault")) as again, pytest.raises(VaultError, match="UNIQUE"):
        again.put("declaration", b"second", handle=None, time_ms=NOW_MS)
    assert vault.get(document) == DOCUMENT


def test_two_processes_write_to_one_vault(vault: Vault, path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from kouan.client.vault import Vault
with Vault(Path(sys.argv[1]), bytes(range(32)), os.urandom) as vault:
    for number in range(20):
        vault.put("invoice", sys.argv[2].encode(), handle=None, time_ms=number)
"""
    others = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("one", "two")]
    for number in range(20):
        vault.put("invoice", b"here", handle=None, time_ms=number)
    assert [other.wait(timeout=60) for other in others] == [0, 0]
    held = [vault.get(entry.id) for entry in vault.by_kind("invoice")]
    assert sorted(held) == sorted([b"one", b"two", b"here"] * 20)


def test_a_process_killed_in_the_middle_of_a_write_leaves_the_vault_as_it_was(vault: Vault, path: Path) -> None:
    document = vault.put("declaration", DOCUMENT, handle=None, time_ms=NOW_MS)
    script = """
import os, sys
from pathlib import Path
from kouan.client.vault import Vault
from kouan.client.vault_file import transaction
vault = Vault(Path(sys.argv[1]), bytes(range(32)), os.urandom)
vault._db.execute("PRAGMA cache_size = 1")  # so that changed pages reach the file before the commit
with transaction(vault._db):
    vault._db.execute("UPDATE documents SET wrapped_key = zeroblob(60), encrypted = zeroblob(100000)")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 9
    assert path.with_name("customs.vault-journal").exists(), "the write was under way"
    assert vault.get(document) == DOCUMENT


def test_what_is_written_together_is_there_all_or_not_at_all(vault: Vault, path: Path) -> None:
    """Another connection sees nothing of it before the end; a failed part is undone alone; a failed block wholly."""
    with Vault(path, KEY, os.urandom) as other:
        with vault.together():
            first = vault.put("declaration", DOCUMENT, handle=HANDLE, time_ms=NOW_MS)
            with pytest.raises(UnknownDocumentError):
                vault.erase("A" * 22, time_ms=NOW_MS)
            second = vault.put("declaration", b"second", handle=HANDLE, time_ms=NOW_MS + 1)
            assert other.by_handle(HANDLE) == []
        assert [entry.id for entry in other.by_handle(HANDLE)] == [first, second]

        def erase_one_and_fail() -> None:
            with vault.together():
                vault.erase(first, time_ms=NOW_MS)
                vault.erase("A" * 22, time_ms=NOW_MS)

        with pytest.raises(UnknownDocumentError):
            erase_one_and_fail()
        assert other.get(first) == DOCUMENT


def test_writing_together_does_not_nest(vault: Vault) -> None:
    """Whoever opens it may rely on the disk at its end: customs sends a seal's hash only then."""
    with vault.together(), pytest.raises(AssertionError, match="together already"), vault.together():
        pass
