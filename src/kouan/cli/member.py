"""``kouan member``: who the members are, their keys, and the proposals by which they change the alliance."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from kouan.cli import entries, proposals, skip, validators
from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import role_words
from kouan.cli.output import Page, UnusableError, fields, moment, must_accept, table
from kouan.cli.proposals import KeyArgument, MemberArgument, done
from kouan.client import alliance_desk as desk
from kouan.client.places import MAIN_KEY, make_home
from kouan.client.reading import LedgerReader
from kouan.kernel.records import Member
from kouan.modules.alliance.records import (
    member_key,
)
from kouan.modules.alliance.standing import members_of

app: Final = group("Members, their keys, and what they decide.")
app.add_typer(proposals.app)
app.add_typer(validators.app)
skip.mount(app)


@command(app, "list", examples=("kouan member list", "kouan member list --lang zh"))
def list_members(call: Call) -> Page:
    """List the members with their names, roles and keys."""
    with call.engine() as engine:
        members = members_of(LedgerReader(engine))
    names = call.names()
    rows = [
        [
            member.id,
            names.of(member.id, call.lang),
            role_words(member.roles, call.lang),
            ", ".join(name for name, key in sorted(member.keys.items()) if not key.revoked_ms),
            call.text("suspended", "已暂停") if member.suspended else "",
        ]
        for member in members
    ]
    columns = [
        call.text("Member", "成员"),
        call.text("Name", "名称"),
        call.text("Roles", "角色"),
        call.text("Keys", "密钥"),
        "",
    ]
    return Page({"members": members}, [table("", columns, rows)])


@command(app, "show", examples=("kouan member show peoples-bank",))
def show(call: Call, member: MemberArgument) -> Page:
    """Show one member: its roles and every key it ever had."""
    with call.engine() as engine:
        found = LedgerReader(engine).read(Member, member_key(member))
    if found is None:
        raise UnusableError("MEMBER", f"{member!r} is no member; `kouan member list` names them")
    rows = [[name, key.suite, key.public, moment(key.revoked_ms)] for name, key in sorted(found.keys.items())]
    heading = fields(
        [
            (call.text("Member", "成员"), found.id),
            (call.text("Name", "名称"), call.names().of(found.id, call.lang)),
            (call.text("Roles", "角色"), role_words(found.roles, call.lang)),
            (call.text("Suspended", "已暂停"), call.text(*(("yes", "是") if found.suspended else ("no", "否")))),
            (call.text("Sealing key", "封装公钥"), found.sealing),
        ]
    )
    columns = [
        call.text("Key", "密钥"),
        call.text("Suite", "算法"),
        call.text("Public", "公钥"),
        call.text("Revoked", "吊销于"),
    ]
    return Page(found, [heading, "", table("", columns, rows)])


@command(app, "add-key", signs=True, examples=("kouan member add-key night-desk --as bank-of-huangpu",))
def add_key(call: Call, name: KeyArgument) -> Page:
    """Make one more signing key for the member that acts, and put it on the ledger."""
    with call.session() as session:
        result = desk.add_key(call.home(), session, name, os.urandom, call.passphrase)
    must_accept(result, call.text(f"add key {name}", f"添加密钥 {name}"))
    return done(call, {"key": name, "member": call.member}, f"key {name} added", f"已添加密钥 {name}")


@command(
    app, "rotate-key", signs=True, examples=("kouan member rotate-key main main-2027 --as bank-of-huangpu --key main",)
)
def rotate_key(
    call: Call, old: KeyArgument, new: Annotated[str, typer.Argument(metavar="NEW", help="The new key's name.")]
) -> Page:
    """Replace a signing key by a new one, in one step. Names of keys are never used twice."""
    with call.session() as session:
        result = desk.rotate_key(call.home(), session, old, new, os.urandom, call.passphrase)
    must_accept(result, call.text(f"replace key {old}", f"更换密钥 {old}"))
    document = {"key": new, "member": call.member, "old": old}
    return done(call, document, f"key {old} replaced by {new}: use --key {new}", f"密钥 {old} 已更换为 {new}")


@command(app, "revoke-key", signs=True, examples=("kouan member revoke-key night-desk --as bank-of-huangpu",))
def revoke_key(call: Call, name: KeyArgument) -> Page:
    """Revoke one of the keys of the member that acts, never the last good one."""
    with call.session() as session:
        result = desk.revoke_key(session, name)
    must_accept(result, call.text(f"revoke key {name}", f"吊销密钥 {name}"))
    return done(call, {"key": name, "member": call.member}, f"key {name} revoked", f"已吊销密钥 {name}")


@command(app, "prepare", examples=("kouan member prepare east-gate-bank --out east-gate-bank.json",))
def prepare(
    call: Call,
    member: MemberArgument,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write the application.")] = None,
) -> Page:
    """Make keys for an institution that wants to join, and its application for `kouan member propose add`."""
    entries.code("MEMBER", member)
    home = make_home(call.port / "members" / member, os.urandom, signing=(MAIN_KEY,), passphrase=call.passphrase)
    application = desk.application(home)
    path = out or Path(f"{member}.application.json")
    path.write_bytes(msgspec.json.format(msgspec.json.encode(application), indent=2) + b"\n")
    document = {"application": str(path), "member": member}
    return done(call, document, f"application written to {path}", f"申请文件已写入 {path}")
