"""The skip list (``docs/reference/skip-list.md``): signed from hand to hand, and judged, while the ledger stands still.

The commands are put into a group by whoever mounts them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command
from kouan.cli.output import Page, UnusableError, fields
from kouan.client.reading import LedgerReader
from kouan.kernel.encoding import Bytes32
from kouan.kernel.state import Reader, StateReader
from kouan.modules.alliance.founding import genesis
from kouan.modules.alliance.skipping import (
    SkipList,
    Standing,
    read_skip_list,
    sign_skip_list,
    skip_file,
    skip_list,
    standing_of,
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The skip list, handed from member to member.")]
EnvelopesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ENVELOPE...", help="Ids, for a file that is not there yet.")
]
FoundingOption = Annotated[
    bool, typer.Option("--founding", help="Judge by the founding document, when no node can be reached.")
]


def mount(into: typer.Typer) -> None:
    """Put the commands into a group."""
    command(
        into,
        "skip-sign",
        signs=True,
        ids=True,
        examples=(
            "kouan member skip-sign skip.json ID --as bank-of-huangpu",
            "kouan member skip-sign skip.json --as peoples-bank",
        ),
    )(skip_sign)
    command(into, "skip-check", examples=("kouan member skip-check skip.json",))(skip_check)


def skip_sign(call: Call, file: FileArgument, envelopes: EnvelopesArgument = None) -> Page:
    """Sign that envelopes which crash every node are not executed. Who signs first names them, others sign the file."""
    home = call.home()
    seed = home.keys.signing_seeds.get(call.key)
    if seed is None:
        raise UnusableError("--key", f"{home.id} has no key {call.key!r} here")
    listed = sign_skip_list(_listed(call, file, envelopes or []), home.id, call.key, seed)
    file.write_bytes(skip_file(listed))
    said = ", ".join(sorted(listed.signatures))
    return Page(listed, [call.text(f"{file}: signed by {said}", f"{file}：已由 {said} 签署")])


def skip_check(
    call: Call, file: FileArgument, founding: FoundingOption = False
) -> Page:  # an option of the command line
    """Tell whether a skip list counts: whether at least two thirds of the validators' power signed it."""
    listed = read_skip_list(file.read_bytes())
    if founding:
        reader: Reader = StateReader(dict(genesis(bootstrap.read_founding(call.port))))
        return _checked(call, listed, reader)
    with call.engine() as engine:
        return _checked(call, listed, LedgerReader(engine))


def _checked(call: Call, listed: SkipList, reader: Reader) -> Page:
    standing = standing_of(listed, call.alliance, reader)
    document = {"counts": standing.counts, "envelopes": listed.envelopes, **standing._asdict()}
    signers = ", ".join(sorted(listed.signatures))
    shown = fields(
        [
            *((call.text("Envelope", "报文"), envelope) for envelope in listed.envelopes),
            (call.text("Signed by", "签署方"), signers),
            (call.text("Power", "权重"), f"{standing.signed}/{standing.total}"),
            (call.text("It counts", "是否有效"), _counts(call, standing)),
        ]
    )
    return Page(document, [shown], exit_code=0 if standing.counts else 1)


def _counts(call: Call, standing: Standing) -> str:
    if standing.counts:
        return call.text("yes", "是")
    return call.text("no: at least two thirds of the power must sign", "否：须有至少三分之二的权重签署")


def _listed(call: Call, file: Path, envelopes: list[str]) -> SkipList:
    for envelope in envelopes:
        try:
            msgspec.convert(envelope, Bytes32)
        except msgspec.ValidationError:
            raise UnusableError("ENVELOPE", f"{envelope[:50]!r} is no envelope's id; give its 43 characters") from None
    if not file.exists():
        if not envelopes:
            raise UnusableError("ENVELOPE", f"{file} is not there; name the envelopes to begin a skip list")
        return skip_list(call.alliance, envelopes)
    listed = read_skip_list(file.read_bytes())
    if listed.alliance != call.alliance:
        raise UnusableError("FILE", f"{file} is for the alliance {listed.alliance}, this is {call.alliance}")
    if envelopes and sorted(envelopes) != listed.envelopes:
        raise UnusableError("ENVELOPE", f"{file} names other envelopes; sign it as it is, or begin another file")
    return listed
