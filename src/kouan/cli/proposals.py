"""``kouan member propose`` and what follows: votes, and their enactment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from kouan import bootstrap
from kouan.cli import entries
from kouan.cli.calls import Call, command, group
from kouan.cli.output import Page, UnusableError, moment, must_accept, table
from kouan.client import alliance_desk as desk
from kouan.client.filings import read_slip
from kouan.client.reading import LedgerReader
from kouan.kernel.encoding import Bytes32
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance import queries
from kouan.modules.alliance.queries import ProposalView
from kouan.modules.alliance.records import (
    OPERATOR_KEY,
    AddMember,
    AddMemberKey,
    Change,
    ChangeOperator,
    Operator,
    ResumeMember,
    RevokeMemberKey,
    SetParameter,
    SetProtocol,
    SetRoles,
    SetSealing,
    SetValidator,
    SuspendMember,
)
from kouan.modules.alliance.rules import MAX_POWER

app: Final = group("Proposals.")
propose_app: Final = group("Put a change to the vote.")
app.add_typer(propose_app, name="propose")

MemberArgument = Annotated[str, typer.Argument(metavar="MEMBER", help="The member's id.")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The key's name.")]
ProposalArgument = Annotated[str, typer.Argument(metavar="PROPOSAL", help="The proposal's id.")]
RoleOption = Annotated[list[str], typer.Option("--role", help="A role; give the option once for each.")]


@command(app, "proposals", examples=("kouan member proposals", "kouan member proposals --json"))
def proposals(call: Call) -> Page:
    """List the proposals, newest first, with their votes."""
    with call.engine() as engine:
        views = list(queries.proposals(LedgerReader(engine), bootstrap.now_ms()))
    rows = [
        [
            view.proposal.id,
            _change_text(view.proposal.change),
            view.proposal.proposer,
            f"{view.tally.yes}/{view.tally.electorate}",
            str(view.tally.no),
            _state_text(call, view),
        ]
        for view in views
    ]
    columns = [
        call.text("Proposal", "提案"),
        call.text("Change", "内容"),
        call.text("By", "提出方"),
        call.text("Yes", "赞成"),
        call.text("No", "反对"),
        call.text("State", "状态"),
    ]
    shown = [table("", columns, rows, right=(3, 4))] if rows else [call.text("no proposals", "没有提案")]
    return Page({"proposals": [_document(view) for view in views]}, shown)


@command(app, "vote", signs=True, ids=True, examples=("kouan member vote ID --yes --as peoples-bank",))
def vote(
    call: Call,
    proposal: ProposalArgument,
    yes: Annotated[bool | None, typer.Option("--yes/--no", help="How the member votes.")] = None,
) -> Page:
    """Vote on a proposal; a later vote replaces an earlier one."""
    if yes is None:
        raise UnusableError("--yes/--no", "no vote is given; say --yes or --no")
    with call.session() as session:
        result = desk.vote(session, proposal, yes=yes)
        must_accept(result, call.text("vote", "投票"))
        view = desk.proposal_of(session, proposal, bootstrap.now_ms())
    said = f"{view.tally.yes}/{view.tally.electorate}"
    state = _state_text(call, view)
    return done(call, _document(view), f"voted; yes {said}, {state}", f"已投票；赞成 {said}，{state}")


@command(app, "enact", signs=True, ids=True, examples=("kouan member enact ID --as commerce-commission",))
def enact(call: Call, proposal: ProposalArgument) -> Page:
    """Let a carried change take effect. A change of the operator is run where the present operator's key is kept."""
    with call.session() as session:
        found = desk.proposal_of(session, proposal, bootstrap.now_ms()).proposal
        result = desk.enact(session, found, bootstrap.operator_seed(call.port))
        view = desk.proposal_of(session, proposal, bootstrap.now_ms())
    what = call.text("enact", "生效")
    if result.code is Rejection.PROPOSAL_TOO_EARLY:
        at = moment(view.enactable_from_ms)
        what = call.text(f"enact (possible from {at})", f"生效（不早于 {at}）")
    must_accept(result, what)
    return done(call, {"proposal": proposal}, f"{_change_text(found.change)}: in effect", "变更已生效")


@command(
    propose_app,
    "parameter",
    signs=True,
    examples=("kouan member propose parameter customs.ratio_bp.0110 7000 --as peoples-bank",),
)
def propose_parameter(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The parameter of the charter.")],
    value: Annotated[int, typer.Argument(metavar="NUMBER", help="Its new value, in the parameter's unit.")],
) -> Page:
    """Propose another number for a parameter of the charter."""
    declared = {parameter.name: parameter for parameter in bootstrap.NETWORK_PARAMETERS}
    if name not in declared:
        near = ", ".join(sorted(other for other in declared if other.split(".")[0] == name.split(".")[0])) or "none"
        raise UnusableError("NAME", f"{name!r} is no parameter; those of the same group are: {near}")
    lowest, highest = declared[name].lowest, declared[name].highest
    if not lowest <= value <= highest:
        raise UnusableError(
            "NUMBER", f"{value} is outside {name}'s bounds; give {lowest} to {highest} {declared[name].unit}"
        )
    return _propose(call, SetParameter(name, value))


@command(
    propose_app,
    "add",
    signs=True,
    examples=("kouan member propose add east-gate-bank.json --role bank --as commerce-commission",),
)
def propose_add(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The application, by `kouan member prepare`.")],
    role: RoleOption,
) -> Page:
    """Propose to admit an institution."""
    applied: desk.Application = read_slip(file.read_bytes(), desk.Application, str(file))
    return _propose(call, AddMember(applied.key, applied.member, applied.public, entries.roles(role), applied.sealing))


@command(propose_app, "suspend", signs=True, examples=("kouan member propose suspend ID --as peoples-bank",))
def propose_suspend(call: Call, member: MemberArgument) -> Page:
    """Propose that a member starts nothing new."""
    return _propose(call, SuspendMember(member))


@command(propose_app, "resume", signs=True, examples=("kouan member propose resume ID --as peoples-bank",))
def propose_resume(call: Call, member: MemberArgument) -> Page:
    """Propose to end a member's suspension."""
    return _propose(call, ResumeMember(member))


@command(
    propose_app,
    "roles",
    signs=True,
    examples=("kouan member propose roles commerce-commission --role convener --as peoples-bank",),
)
def propose_roles(call: Call, member: MemberArgument, role: RoleOption) -> Page:
    """Propose what a member may do: all its roles, not only new ones."""
    return _propose(call, SetRoles({member: entries.roles(role)}))


@command(
    propose_app,
    "sealing-key",
    signs=True,
    ids=True,
    examples=("kouan member propose sealing-key peoples-bank PUBLIC --as shanghai-customs",),
)
def propose_sealing(
    call: Call,
    member: MemberArgument,
    public: Annotated[str, typer.Argument(metavar="PUBLIC", help="43 characters of base64url.")],
) -> Page:
    """Propose the key to which secrets for a member are sealed."""
    return _propose(call, SetSealing(member, _public(public)))


@command(propose_app, "key", signs=True, examples=("kouan member propose key bank.application.json --as peoples-bank",))
def propose_key(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The application, by `kouan member prepare`.")],
) -> Page:
    """Propose a new key for a member that lost all of its own."""
    applied: desk.Application = read_slip(file.read_bytes(), desk.Application, str(file))
    return _propose(call, AddMemberKey(applied.key, applied.member, applied.public))


@command(
    propose_app,
    "revoke-key",
    signs=True,
    examples=("kouan member propose revoke-key bank-of-huangpu main --as peoples-bank",),
)
def propose_revoke(call: Call, member: MemberArgument, name: KeyArgument) -> Page:
    """Propose to revoke a member's key, its last one too: it was stolen."""
    return _propose(call, RevokeMemberKey(name, member))


@command(
    propose_app,
    "operator",
    signs=True,
    examples=(
        "kouan member propose operator --incarnation 1 --as commerce-commission",
        "kouan member propose operator --public PUBLIC --as commerce-commission",
    ),
)
def propose_operator(
    call: Call,
    public: Annotated[
        str | None, typer.Option("--public", metavar="PUBLIC", help="The new operator's key; without it, the present.")
    ] = None,
    incarnation: Annotated[
        int | None, typer.Option("--incarnation", min=0, help="To be raised after a restore that lost a tail.")
    ] = None,
) -> Page:
    """Propose another key, or a higher incarnation, for the operator that signs checkpoints."""
    if public is None and incarnation is None:
        raise UnusableError("--public", "nothing would change; give --public, --incarnation or both")
    with call.engine() as engine:
        operator = LedgerReader(engine).read(Operator, OPERATOR_KEY)
    if operator is None:
        raise UnusableError("operator", "members run this ledger together; propose a validator instead")
    key = operator.public if public is None else _public(public)
    return _propose(call, ChangeOperator(operator.incarnation if incarnation is None else incarnation, key))


@command(
    propose_app,
    "validator",
    signs=True,
    ids=True,
    examples=(
        "kouan member propose validator wusong-trade-bank 10 --public PUBLIC --as peoples-bank",
        "kouan member propose validator wusong-trade-bank 0 --as peoples-bank",
    ),
)
def propose_validator(
    call: Call,
    member: MemberArgument,
    power: Annotated[int, typer.Argument(metavar="POWER", min=0, max=MAX_POWER, help="Its power; 0: none any more.")],
    public: Annotated[
        str | None,
        typer.Option("--public", metavar="PUBLIC", help="The consensus key, for a new one or one that gets another."),
    ] = None,
) -> Page:
    """Propose that a member runs a validator, that it is weighed anew, gets another key, or goes."""
    return _propose(call, SetValidator(member, power, None if public is None else _public(public)))


@command(
    propose_app, "protocol", signs=True, examples=("kouan member propose protocol 2 1500000 --as commerce-commission",)
)
def propose_protocol(
    call: Call,
    number: Annotated[int, typer.Argument(metavar="VERSION", min=2, help="The next protocol version.")],
    height: Annotated[int, typer.Argument(metavar="HEIGHT", min=1, help="The block from which it holds.")],
) -> Page:
    """Propose from which block the next version of the ledger's rules holds: every node must know it by then."""
    return _propose(call, SetProtocol(height, number))


def _propose(call: Call, change: Change) -> Page:
    with call.session() as session:
        proposal, result = desk.propose(session, change, os.urandom)
        must_accept(result, call.text(f"propose {_change_text(change)}", f"提案 {_change_text(change)}"))
    document = {"change": change, "proposal": proposal}
    return Page(
        document,
        [
            call.text(f"proposed: {_change_text(change)}", f"已提案：{_change_text(change)}"),
            call.text("Next: ", "下一步：") + f"kouan member vote {proposal} --yes --as MEMBER",
        ],
    )


def _change_text(change: Change) -> str:
    plain = msgspec.to_builtins(change)
    kind = plain.pop("kind")
    return f"{kind} " + ", ".join(f"{name} {_value_text(value)}" for name, value in plain.items() if value is not None)


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_value_text(inner)}" for name, inner in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _state_text(call: Call, view: ProposalView) -> str:
    from_time, enacted = moment(view.enactable_from_ms), moment(view.proposal.enacted_ms)
    said = {
        "open": call.text("open", "表决中"),
        "carried": call.text(f"carried, in effect from {from_time}", f"已通过，生效时间不早于 {from_time}"),
        "enactable": call.text(f"carried, can be enacted since {from_time}", f"已通过，自 {from_time} 起可生效"),
        "enacted": call.text(f"in effect since {enacted}", f"已生效 {enacted}"),
        "expired": call.text("expired", "已过期"),
    }
    return said[view.state]


def _document(view: ProposalView) -> dict[str, Any]:
    return {
        "enactable_ms": view.enactable_from_ms,
        "proposal": view.proposal,
        "state": view.state,
        "tally": view.tally._asdict(),
    }


def _public(text: str) -> str:
    try:
        return msgspec.convert(text, Bytes32)
    except msgspec.ValidationError:
        raise UnusableError("PUBLIC", "is no public key; give 32 bytes as 43 characters of base64url") from None


def done(call: Call, document: Any, english: str, chinese: str) -> Page:
    """Return the page of a command that has little to show."""
    return Page(document, [call.text(english, chinese)])
