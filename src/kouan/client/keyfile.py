"""Key files: a party's private keys and master seeds in one small file that only its owner can read.

The file is canonical JSON. Its ``check`` tells damage from a wrong passphrase. With a passphrase the keys are encrypted
by AES-256-GCM under a key from scrypt (RFC 7914), whose parameters stand in the file; without one they are readable to
whoever can read the file.
"""

from __future__ import annotations

import os
import stat
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kouan.client.aead import DecryptionError, decrypt, encrypt
from kouan.client.keymaterial import KEY_BYTES, Entropy, fresh, sized
from kouan.kernel.encoding import Bytes32, decode, encode, from_text, to_text
from kouan.kernel.suites import digest

MAX_FILE_BYTES: Final = 2**20
SCRYPT_LOG2_N: Final = 17  # 128 MiB of memory, some tenths of a second
MAX_SCRYPT_LOG2_N: Final = 20  # so that a hostile file cannot ask for all memory

_FORMAT: Final = "kouan/keyfile/1"


class KeyFileError(Exception):
    """The key file cannot be read or written as asked; the text says why."""


class WrongPassphraseError(KeyFileError):
    """The file is whole, but this passphrase does not open it."""


@dataclass(frozen=True)
class Keys:
    """What a party's wallet holds; every secret is 32 bytes, and none is shown when this is printed."""

    owner: str
    """Whose keys these are: the party's id, printable ASCII."""
    hpke_private: bytes = field(repr=False)
    """The private key that opens what others seal to this party."""
    signing_seeds: Mapping[str, bytes] = field(repr=False)
    """Seeds of its signing keys, by key name."""
    secrets: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    """Other secrets by name: master seed, vault key, customs' master key …"""


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hpke_private: Bytes32
    secrets: dict[str, Bytes32]
    signing_seeds: dict[str, Bytes32]


class _Scrypt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log2_n: Annotated[int, msgspec.Meta(ge=1, le=MAX_SCRYPT_LOG2_N)]
    p: Literal[1]
    r: Literal[8]
    salt: Bytes32


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    check: Bytes32
    format: Literal["kouan/keyfile/1"]
    keys: _Stored | str
    owner: str
    scrypt: _Scrypt | None


def save_keys(
    path: Path,
    keys: Keys,
    *,
    passphrase: str | None,
    entropy: Entropy,
    replace: bool = False,
    scrypt_log2_n: int = SCRYPT_LOG2_N,
) -> None:
    """Write a key file of mode 0600, at once or not at all; ``passphrase=None`` leaves it unencrypted.

    Raises KeyFileError if the file exists and ``replace`` is not set, ValueError for a bad field.
    """
    if passphrase is None:
        content: dict[str, Any] = {"format": _FORMAT, "keys": _to_texts(keys), "owner": keys.owner, "scrypt": None}
    else:
        scrypt = {"log2_n": scrypt_log2_n, "p": 1, "r": 8, "salt": to_text(fresh(entropy))}
        content = {"format": _FORMAT, "owner": keys.owner, "scrypt": scrypt}
        key = _passphrase_key(passphrase, msgspec.convert(scrypt, _Scrypt))
        content["keys"] = to_text(encrypt(key, encode(content), encode(_to_texts(keys)), entropy))
    data = encode({**content, "check": _check(content)})
    decode(data)  # an owner or a name outside printable ASCII is refused here
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"keys: {len(data)} bytes; a key file has at most {MAX_FILE_BYTES}")
    _write(path, data, replace=replace)


def load_keys(path: Path, passphrase: str | None = None) -> Keys:
    """Read a key file.

    Raises WrongPassphraseError, KeyFileError if the file is damaged, open to group or others, or encrypted exactly when
    no passphrase is given, OSError if it cannot be read at all.
    """
    content = _read(path)
    try:
        plain: dict[str, Any] = decode(content)
        file = msgspec.convert(plain, _File)
    except ValueError as problem:
        raise KeyFileError(f"{path}: damaged, or no key file: {problem}") from None
    if plain.pop("check") != _check(plain):
        raise KeyFileError(f"{path}: damaged: the check does not fit the content")
    stored = _stored(path, file, plain, passphrase)
    return Keys(
        owner=file.owner,
        hpke_private=from_text(stored.hpke_private),
        signing_seeds={name: from_text(text) for name, text in stored.signing_seeds.items()},
        secrets={name: from_text(text) for name, text in stored.secrets.items()},
    )


def _stored(path: Path, file: _File, plain: dict[str, Any], passphrase: str | None) -> _Stored:
    """Return the keys' texts, decrypted if need be."""
    if isinstance(file.keys, _Stored) and file.scrypt is None:
        if passphrase is not None:
            raise KeyFileError(f"{path}: not encrypted, although a passphrase was given")
        return file.keys
    if isinstance(file.keys, _Stored) or file.scrypt is None:
        raise KeyFileError(f"{path}: damaged: scrypt's parameters belong to encrypted keys, and only to them")
    if not passphrase:
        raise KeyFileError(f"{path}: encrypted: a passphrase is needed")
    bound_to = encode({name: value for name, value in plain.items() if name != "keys"})
    try:
        return msgspec.convert(
            decode(decrypt(_passphrase_key(passphrase, file.scrypt), bound_to, from_text(file.keys))), _Stored
        )
    except DecryptionError:
        raise WrongPassphraseError(f"{path}: wrong passphrase") from None
    except ValueError as problem:
        raise KeyFileError(f"{path}: damaged: {problem}") from None


def _to_texts(keys: Keys) -> dict[str, Any]:
    def texts(kind: str, named: Mapping[str, bytes]) -> dict[str, str]:
        return {name: to_text(sized(f"{kind} {name!r}", secret)) for name, secret in named.items()}

    stored = {
        "hpke_private": to_text(sized("hpke_private", keys.hpke_private)),
        "secrets": texts("secret", keys.secrets),
        "signing_seeds": texts("signing seed", keys.signing_seeds),
    }
    decode(encode(stored))  # refuses a name outside printable ASCII also where it will be encrypted
    return stored


def _check(content: dict[str, Any]) -> str:
    return to_text(digest(_FORMAT, encode(content)))


def _passphrase_key(passphrase: str, parameters: _Scrypt) -> bytes:
    if not passphrase:
        raise ValueError("passphrase: must not be empty; pass None for a file without encryption")
    typed = unicodedata.normalize("NFC", passphrase).encode()  # keyboards compose the same characters differently
    n, salt = 2**parameters.log2_n, from_text(parameters.salt)
    return Scrypt(salt=salt, length=KEY_BYTES, n=n, r=parameters.r, p=parameters.p).derive(typed)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileError(f"{path}: not a regular file")
        if mode & 0o077:
            raise KeyFileError(f"{path}: open to group or others (mode {mode & 0o777:04o}); run: chmod 600 {path}")
        return file.read(MAX_FILE_BYTES + 1)


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a whole synced file beside ``path``, then give it that name in one step."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(path)
        else:
            os.link(temporary, path)
    except FileExistsError:
        raise KeyFileError(f"{path}: exists; keys are never overwritten unasked") from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
