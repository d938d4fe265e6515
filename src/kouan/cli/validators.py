"""``kouan member validators`` and what belongs to it: who runs a network, with which power, and what they did wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from kouan import bootstrap
from kouan.cli.calls import Call, command, group
from kouan.cli.output import Page, UnusableError, fields, moment, must_accept, table
from kouan.client import validator_desk
from kouan.client.keymaterial import fresh
from kouan.client.reading import LedgerReader
from kouan.engines.cometbft.node.keys import validator_file, write_secret
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import public_key
from kouan.modules.alliance import queries
from kouan.modules.alliance.records import Offence

app: Final = group("Validators.")

_OFFENCES: Final = {
    "duplicate-vote": ("signed two votes where one is allowed", "在同一轮中签署了两票"),
    "light-client-attack": ("signed another block of the same height", "在同一高度签署了另一区块"),
}


@command(app, "validators", examples=("kouan member validators", "kouan member validators --json"))
def validators(call: Call) -> Page:
    """List who runs the ledger: power, share of all power, consensus key, and who is suspended for what."""
    with call.engine() as engine:
        found = queries.validators(LedgerReader(engine))
    document = {"validators": [row._asdict() for row in found]}
    if not found:
        return Page(document, [call.text("one operator runs this ledger", "本账本由单一运营方运行")])
    rows = [
        [
            row.member,
            call.names().of(row.member, call.lang),
            f"{row.power:,}",
            f"{row.share_bp // 100}.{row.share_bp % 100:02} %",
            row.public,
            moment(row.suspended_ms),
            "" if row.offence is None else _offence_words(call, row.offence),
        ]
        for row in found
    ]
    columns = [
        call.text("Member", "成员"),
        call.text("Name", "名称"),
        call.text("Power", "权重"),
        call.text("Share", "占比"),
        call.text("Key", "共识密钥"),
        call.text("Suspended", "暂停于"),
        call.text("Why", "原因"),
    ]
    return Page(document, [table("", columns, rows, right=(2, 3))])


@command(app, "evidence", examples=("kouan member evidence",))
def evidence(call: Call) -> Page:
    """List the evidence against validators, newest first."""
    with call.engine() as engine:
        found = list(queries.offences(LedgerReader(engine)))
    if not found:
        return Page({"evidence": []}, [call.text("no evidence", "没有违规证据")])
    rows = [
        [
            moment(offence.at_ms),
            offence.member or call.text("unknown", "未知"),
            f"{offence.height:,}",
            _offence_words(call, offence),
            call.text(*(("suspended", "已暂停") if offence.suspended else ("noted", "仅记录"))),
            offence.address,
        ]
        for offence in found
    ]
    columns = [
        call.text("At", "时间"),
        call.text("Member", "成员"),
        call.text("Block", "区块"),
        call.text("What", "事项"),
        call.text("Then", "处置"),
        call.text("Address", "地址"),
    ]
    return Page({"evidence": found}, [table("", columns, rows, right=(2,))])


@command(app, "protocol", examples=("kouan member protocol",))
def protocol(call: Call) -> Page:
    """Show which version of the ledger's rules holds, which is agreed on next, and what this software knows."""
    with call.engine() as engine:
        found = queries.protocol(LedgerReader(engine), engine.status().height)
    pairs = [(call.text("In force", "现行版本"), str(found.version))]
    if found.next_version:
        said = call.text(
            f"{found.next_version}, from block {found.from_height:,}",
            f"{found.next_version}，自区块 {found.from_height:,} 起",
        )
        pairs.append((call.text("Agreed next", "已定下一版本"), said))
    pairs.append((call.text("Known here", "本软件支持至"), str(bootstrap.PROTOCOL)))
    shown: list[Any] = [fields(pairs)]
    if found.next_version > bootstrap.PROTOCOL:
        english = "This Kouan is too old: install the agreed one before that block."
        shown.append(call.text(english, "本软件版本过旧：请在该区块之前安装约定版本。"))
    return Page({"known": bootstrap.PROTOCOL, **found._asdict()}, shown)


@command(
    app,
    "rotate-validator-key",
    signs=True,
    examples=("kouan member rotate-validator-key new_validator_key.json --as bank-of-huangpu",),
)
def rotate_validator_key(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the new key, in CometBFT's format.")],
) -> Page:
    """Make a new consensus key for the member's own validator, and put it on the ledger.

    Two blocks later the old key signs no more: stop the node, put the file in the place of its priv_validator_key.json,
    and start it again. Leave priv_validator_state.json as it is.
    """
    seed = fresh(os.urandom)
    public = to_text(public_key(seed))
    with call.session() as session:
        _write(file, seed)  # before it is sent: a key on the ledger that nobody kept would be lost for good
        result = validator_desk.rotate_validator_key(session, call.home().id, seed)
    if not result.accepted:
        file.unlink()
    must_accept(result, call.text("rotate the validator's key", "轮换验证节点密钥"))
    english = f"the validator's key is {public} from the second block on; put {file} into the node and start it anew"
    chinese = f"验证节点密钥自第二个区块起为 {public}；请将 {file} 放入节点并重新启动"
    return Page({"file": str(file), "member": call.member, "public": public}, [call.text(english, chinese)])


def _write(file: Path, seed: bytes) -> None:
    try:
        write_secret(file, validator_file(seed))
    except FileExistsError:
        raise UnusableError("FILE", f"{file} is there already; give the new key another file") from None


def _offence_words(call: Call, offence: Offence) -> str:
    return call.text(*_OFFENCES.get(offence.kind, (offence.kind, offence.kind)))
