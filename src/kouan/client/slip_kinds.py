"""What the files are that parties hand each other, told by the format they name: for errors about the wrong file."""

from __future__ import annotations

from typing import Final

import msgspec

KINDS: Final = {
    "kouan/application/1": "a new member's application, made by `kouan member apply`",
    "kouan/attestation/1": "an attestation slip, made by `kouan customs attest` for `kouan enterprise receive`",
    "kouan/consent/1": "a consent slip, made by `kouan enterprise consent` for `kouan financing hold`",
    "kouan/filing/1": "a filing slip, made by `kouan enterprise file` for `kouan customs attest`",
    "kouan/join-request/1": "a join request, made by `kouan paper look` for `kouan enterprise join-sign`",
    "kouan/join/1": "a join slip, made by `kouan enterprise join-sign` for `kouan paper record` or `join`",
    "kouan/opening-answer/1": "an answered request, made by `kouan seal answer` for `kouan seal open`",
    "kouan/opening-request/1": "a recorded request, made by `kouan seal request` for `kouan seal answer`",
    "kouan/paper/1": "a paper slip, made by `kouan enterprise paper-slip` for `kouan paper look` or `record`",
    "kouan/payoff/1": "a pay-off slip, made by `kouan financing payoff` for `kouan financing refinance`",
    "kouan/proof/1": "a proof, made by `kouan proof make` for `kouan verify`",
    "kouan/proof/2": "a network's proof, made by `kouan proof make` for `kouan verify`",
    "kouan/recorded/1": "a recorded slip, made by `kouan paper record` for `kouan enterprise receive`",
    "kouan/seal/1": "a document's seal, made by `kouan seal hand-over` for `kouan seal request`",
    "kouan/trust/1": "an alliance's trust file, made by `kouan init` for `kouan verify --trust`",
    "kouan/trust/2": "a network's trust file, alliance.json, for `kouan verify --trust`",
}


class _Format(msgspec.Struct):
    format: str


def wrong_file(data: bytes, wanted: str, problem: Exception) -> str:
    """Say what a file is that cannot be read as the format ``wanted``, and which one is to be given."""
    try:
        found = msgspec.json.decode(data, type=_Format).format
    except msgspec.ValidationError:
        return f"is no file of Kouan's; give {KINDS[wanted]}"
    except (RecursionError, ValueError):  # whatever it is, it is not the file that is wanted
        return f"is not whole JSON; give {KINDS[wanted]}, and ask its maker for it again if it came damaged"
    if found == wanted:
        return f"is damaged: {problem}; ask its maker for it again ({KINDS[wanted]})"
    return f"is {KINDS.get(found, 'a file of another format')}; give {KINDS[wanted]}"
