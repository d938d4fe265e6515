"""Key files: everything comes back, nothing damaged or readable by others is taken, nothing is shown in print."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from kouan.client.keyfile import KeyFileError, Keys, WrongPassphraseError, load_keys, save_keys
from kouan.client.keymaterial import seeded_entropy
from kouan.kernel.encoding import decode, encode, to_text
from kouan.kernel.suites import digest

KEYS = Keys(
    owner="bank-of-the-bund",
    hpke_private=bytes(range(32)),
    signing_seeds={"maker": b"m" * 32, "checker": b"c" * 32},
    secrets={"vault": b"v" * 32, "draw-master": b"d" * 32},
)
PASSPHRASE = "一把好锁 lock"
CHEAP = 4  # scrypt's work, so that hundreds of tries cost nothing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def save(path: Path, passphrase: str | None, keys: Keys = KEYS, *, replace: bool = False) -> None:
    entropy = seeded_entropy(b"keyfile")
    save_keys(path, keys, passphrase=passphrase, entropy=entropy, replace=replace, scrypt_log2_n=CHEAP)


def rewrite(path: Path, **fields: Any) -> None:
    """Change fields of a key file and make its check fit again, as an attacker would."""
    content = {**decode(path.read_bytes()), **fields}
    del content["check"]
    content["check"] = to_text(digest("kouan/keyfile/1", encode(content)))
    path.write_bytes(encode(content))


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_keys_come_back_from_a_file_that_only_the_owner_may_read(path: Path, passphrase: str | None) -> None:
    save(path, passphrase)
    assert load_keys(path, passphrase) == KEYS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"], "no temporary file is left"


def test_the_default_work_of_scrypt_is_written_and_read(path: Path) -> None:
    save_keys(path, KEYS, passphrase=PASSPHRASE, entropy=seeded_entropy(b"keyfile"))
    assert decode(path.read_bytes())["scrypt"]["log2_n"] == 17
    assert load_keys(path, PASSPHRASE) == KEYS


def test_an_encrypted_file_shows_no_secret_and_no_key_name(path: Path) -> None:
    save(path, PASSPHRASE)
    content = path.read_text()
    assert to_text(b"m" * 32) not in content
    assert "maker" not in content


def test_printing_keys_shows_no_secret() -> None:
    assert repr(KEYS) == "Keys(owner='bank-of-the-bund')"


def test_a_wrong_or_missing_or_needless_passphrase_is_named(path: Path) -> None:
    save(path, PASSPHRASE)
    with pytest.raises(WrongPassphraseError, match="wrong passphrase"):
        load_keys(path, "another")
    for nothing in (None, ""):
        with pytest.raises(KeyFileError, match="a passphrase is needed"):
            load_keys(path, nothing)
    save(path, None, replace=True)
    with pytest.raises(KeyFileError, match="not encrypted, although"):
        load_keys(path, PASSPHRASE)


def test_a_passphrase_typed_with_composed_or_decomposed_characters_is_one(path: Path) -> None:
    save(path, "\u00e9")
    assert load_keys(path, "e\u0301") == KEYS


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_every_flipped_or_missing_byte_is_damage_and_not_a_wrong_passphrase(path: Path, passphrase: str | None) -> None:
    save(path, passphrase)
    original = path.read_bytes()
    damaged = [
        original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :] for place in range(len(original))
    ]
    damaged += [original[:size] for size in range(len(original))] + [original + b"\n"]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(KeyFileError, match="damaged"):
            load_keys(path, passphrase)


@pytest.mark.parametrize(
    "fields",
    [
        {"owner": "mallory"},
        {"keys": to_text(bytes(60))},
        {"scrypt": {"log2_n": CHEAP + 1, "p": 1, "r": 8, "salt": to_text(bytes(32))}},
    ],
)
def test_a_rewritten_encrypted_file_does_not_open_even_if_its_check_fits(path: Path, fields: dict[str, Any]) -> None:
    save(path, PASSPHRASE)
    rewrite(path, **fields)
    with pytest.raises(WrongPassphraseError):
        load_keys(path, PASSPHRASE)


@pytest.mark.parametrize(
    "fields",
    [
        {"scrypt": {"log2_n": 40, "p": 1, "r": 8, "salt": to_text(bytes(32))}},
        {"scrypt": {"log2_n": 4, "p": 2**20, "r": 8, "salt": to_text(bytes(32))}},
        {"scrypt": {"log2_n": 4, "p": 1, "r": 2**20, "salt": to_text(bytes(32))}},
        {"scrypt": None},
        {"format": "kouan/keyfile/2"},
        {"keys": 1},
        {"keys": "A"},
        {"keys": {"hpke_private": "", "secrets": {}, "signing_seeds": {}}},
        {"keys": {"hpke_private": to_text(bytes(32)), "secrets": {}, "signing_seeds": {}}},
        {"more": 1},
    ],
)
def test_a_hostile_file_is_refused_before_it_costs_anything(path: Path, fields: dict[str, Any]) -> None:
    save(path, PASSPHRASE)
    rewrite(path, **fields)
    with pytest.raises(KeyFileError, match="damaged"):
        load_keys(path, PASSPHRASE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_file_open_to_group_or_others_is_refused(path: Path, mode: int) -> None:
    save(path, PASSPHRASE)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_keys(path, PASSPHRASE)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_keys(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        load_keys(tmp_path)
    with pytest.raises(KeyFileError, match="not a regular file"):
        load_keys(Path("/dev/null"))


def test_keys_are_overwritten_only_when_asked(path: Path) -> None:
    save(path, None)
    with pytest.raises(KeyFileError, match="exists"):
        save(path, None)
    more = Keys(owner=KEYS.owner, hpke_private=bytes(32), signing_seeds={})
    save(path, PASSPHRASE, more, replace=True)
    assert load_keys(path, PASSPHRASE) == more
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("keys", "passphrase", "field"),
    [
        (Keys(owner="银行", hpke_private=bytes(32), signing_seeds={}), None, "printable ASCII"),
        (Keys(owner="a", hpke_private=bytes(31), signing_seeds={}), None, "hpke_private: must be 32 bytes"),
        (Keys(owner="a", hpke_private=bytes(32), signing_seeds={"k": b""}), None, "signing seed 'k'"),
        (Keys(owner="a", hpke_private=bytes(32), signing_seeds={}, secrets={"主": bytes(32)}), PASSPHRASE, "ASCII"),
        (
            Keys(owner="a", hpke_private=bytes(32), signing_seeds={str(name): bytes(32) for name in range(25_000)}),
            None,
            "keys: .* at most 1048576",
        ),
        (KEYS, "", "passphrase: must not be empty"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(path: Path, keys: Keys, passphrase: str | None, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        save(path, passphrase, keys)
    assert list(path.parent.iterdir()) == []
