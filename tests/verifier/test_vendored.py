"""The part of the second verifier that is not ours is what its README says."""

from __future__ import annotations

import hashlib
from pathlib import Path

VERIFIER = Path(__file__).parents[2] / "verifier"
EXPORTS = (
    "// !! Remove the export to easily use in REPL / browser console\n"
    "export { etc, getPublicKey, getPublicKeyAsync, hash, hashes, keygen, keygenAsync, Point, sign, signAsync, utils, "
    "verify, verifyAsync, };\n"
)


def test_noble_is_the_published_file() -> None:
    """Between the marks, byte for byte, but for the exports."""
    text = (VERIFIER / "noble-ed25519.js").read_text(encoding="utf-8")
    index = text.split("// <index.js>\n")[1].split("// </index.js>\n")[0]
    assert hashlib.sha256((index + EXPORTS).encode()).hexdigest() in (VERIFIER / "README.md").read_text(
        encoding="utf-8"
    )
