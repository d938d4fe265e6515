"""``kouan node init``, ``found``, ``sign-founding`` and ``join``: an alliance founded across organisations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import RenderableType

from kouan import bootstrap
from kouan.cli import entries
from kouan.cli.calls import Call, command, group
from kouan.cli.code_words import role_words
from kouan.cli.output import Page, UnusableError, fields, table
from kouan.cli.proposals import RoleOption
from kouan.client import alliance_desk, membership, network_founding
from kouan.client.founding_desk import make_founders_home
from kouan.client.membership import Peer
from kouan.client.names import Name, write_names
from kouan.client.places import member_home
from kouan.engines.cometbft.node import node_setup
from kouan.engines.cometbft.node.directory import NodeDirectory, Settings
from kouan.engines.cometbft.node.local_network import LocalNode, write_network
from kouan.kernel.encoding import to_text
from kouan.modules.alliance.founding import FoundingError, FoundingValidator, NetworkFounding, alliance_id
from kouan.modules.alliance.trust import network_trust_file, unsigned

app: Final = group("")
DRAFT: Final = "alliance.draft.json"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
POWER: Final = 10
DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The node's directory.")]


@command(
    app,
    "init",
    examples=(
        "kouan node init /srv/kouan --member bank-of-huangpu --role bank --address kouan.huangpu.example:26656",
        "kouan node init /srv/kouan --member port-office --role convener --address 10.1.2.3:26656 --no-validator",
    ),
)
def init(
    call: Call,
    directory: DirectoryArgument,
    member: Annotated[str, typer.Option("--member", metavar="ID", help="Whose node it is: a code.")],
    role: RoleOption,
    address: Annotated[
        str, typer.Option("--address", metavar="HOST:PORT", help="Where the other members' nodes reach this one.")
    ],
    en: Annotated[str | None, typer.Option("--en", metavar="NAME", help="The member's name in English.")] = None,
    zh: Annotated[str | None, typer.Option("--zh", metavar="NAME", help="The member's name in Chinese.")] = None,
    sentry: Annotated[
        str | None,
        typer.Option("--sentry", metavar="NODE@HOST:PORT", help="The sentry by which the others reach it, if any."),
    ] = None,
    power: Annotated[int, typer.Option("--power", min=1, max=1_000_000, help="Of its vote on blocks.")] = POWER,
    no_validator: Annotated[
        bool, typer.Option("--no-validator", help="It keeps the ledger, but does not vote.")
    ] = False,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where it listens for them; else 0.0.0.0.")
    ] = None,
    rpc: Annotated[str, typer.Option("--rpc", metavar="HOST:PORT", help="Where clients ask.")] = "127.0.0.1:26657",
    http: Annotated[str, typer.Option("--http", metavar="HOST:PORT", help="Metrics, health.")] = "127.0.0.1:26660",
    engine_metrics: Annotated[
        str, typer.Option("--engine-metrics", metavar="HOST:PORT", help="CometBFT's own metrics.")
    ] = "127.0.0.1:26661",
) -> Page:
    """Make a member's keys, its node's keys, and the file that the other members need of them.

    ID.member.json holds public parts alone: give it to whoever collects them with `kouan node found`. To join an
    alliance that is there already, give ID.application.json to a member that proposes you. The private keys never
    leave DIR; with a passphrase the member's own are encrypted, the validator's and the node's never.
    """
    node = NodeDirectory(directory)
    if node.settings_file.exists():
        raise UnusableError("DIR", f"{directory} holds a node already; give another directory")
    entries.code("--member", member)
    given = entries.roles(role)
    if "second-holder" in given:
        raise UnusableError(
            "--role", "leave second-holder out; `kouan node found --second-holder ID` names that member"
        )
    for field, text in (
        ("--address", address),
        ("--listen", listen or address),
        ("--rpc", rpc),
        ("--http", http),
        ("--engine-metrics", engine_metrics),
    ):
        entries.must_be_place(field, text)
    through = None if sentry is None else _sentry(sentry)
    named = Name(en or member, zh or en or member)
    host, _, port = address.rpartition(":")
    settings = Settings(
        member=member,
        address=address,
        listen=listen or (address if host in LOOPBACK else f"0.0.0.0:{port}"),
        rpc=rpc,
        http=http,
        engine_metrics=engine_metrics,
        local=host in LOOPBACK,
    )
    node.write_settings(settings)
    public = node_setup.make_keys(node, os.urandom)
    home = make_founders_home(directory, member, given, os.urandom, call.passphrase)
    validator = None if no_validator else FoundingValidator(power, to_text(public.validator))
    peer = through or Peer(address, public.node)
    made, data = membership.make(home.keys, list(given), named, peer, validator)
    _own(node).write_bytes(data)
    application = directory / f"{member}.application.json"
    application.write_bytes(msgspec.json.format(msgspec.json.encode(alliance_desk.application(home)), indent=2) + b"\n")
    write_names(directory, {member: named})
    listed = LocalNode(".", settings.engine_metrics, settings.http, member, settings.address, f"http://{settings.rpc}")
    write_network(directory, [listed])
    document = {
        "application": str(application),
        "fingerprint": membership.fingerprint(made.member, made.validator),
        "member": member,
        "membership": str(_own(node)),
        "node": public.node,
        "validator": to_text(public.validator),
    }
    shown = [
        (call.text("Member", "成员"), f"{member}  {role_words(given, call.lang)}"),
        (call.text("Membership file", "成员文件"), document["membership"]),
        (call.text("Fingerprint", "指纹"), document["fingerprint"]),
        (call.text("Validator's key", "验证节点公钥"), document["validator"]),
        (call.text("Node", "节点标识"), public.node),
    ]
    then = call.text(
        f"Next: give {document['membership']} to whoever collects them; compare the fingerprint by telephone",
        f"下一步：将 {document['membership']} 交给汇总方，并通过电话相互核对指纹",
    )
    return Page(document, [fields(shown), "", then])


@command(
    app,
    "found",
    examples=("kouan node found *.member.json --name shanghai-eport --second-holder commerce-commission",),
)
def found(
    call: Call,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="All members' membership files.")],
    name: Annotated[str, typer.Option("--name", help="The alliance's name: a code such as shanghai-eport.")],
    second_holder: Annotated[
        str, typer.Option("--second-holder", metavar="ID", help="Which member holds the inner layer of seals.")
    ],
    charter: Annotated[
        Path | None,
        typer.Option("--charter", metavar="FILE", help="Parameters that differ from their defaults: {NAME: NUMBER}."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to write what goes to the members.")
    ] = Path(),
) -> Page:
    """Collect membership files into a founding document, for every member to sign.

    Writes alliance.draft.json and peers.json: give both to every member.
    """
    entries.code("--name", name)
    memberships = [membership.read(path) for path in files]
    founding = network_founding.collect(
        memberships,
        name=name,
        second_holder=second_holder,
        charter={} if charter is None else _charter(charter),
        parameters=bootstrap.NETWORK_PARAMETERS,
        entropy=os.urandom,
        now_ms=bootstrap.now_ms(),
    )
    draft, peers = out / DRAFT, out / network_founding.PEERS
    for path in (draft, peers):
        if path.exists():
            raise UnusableError("--out", f"{path} is there already; give another directory, nothing is overwritten")
    out.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(network_trust_file(founding, {}))
    network_founding.write_peers(peers, network_founding.peers_of(memberships))
    document = {"draft": str(draft), "peers": str(peers), **_document(founding, [])}
    then = call.text(
        f"Next: every member signs: kouan node sign-founding DIR {draft}",
        f"下一步：每个成员签署：kouan node sign-founding DIR {draft}",
    )
    return Page(document, [*_shown(call, founding, []), "", then])


@command(app, "sign-founding", examples=("kouan node sign-founding /srv/kouan alliance.draft.json",))
def sign_founding(
    call: Call,
    directory: DirectoryArgument,
    draft: Annotated[Path, typer.Argument(metavar="DRAFT", help="The founding document, to be signed.")],
    look: Annotated[bool, typer.Option("--look", help="Show what would be signed, and do not sign.")] = False,
) -> Page:
    """Sign a founding document with the member's main key, after a check that it states the member as it is.

    The signature is added to DRAFT. Compare the fingerprints with the other members first: nobody else can.
    """
    node = NodeDirectory(directory)
    own = _membership(node)
    trust = network_founding.read_draft(draft, bootstrap.NETWORK_PARAMETERS)
    network_founding.must_state(trust.founding, own, draft)
    if not look:
        home = member_home(directory, own.member.id, call.passphrase)
        trust = network_founding.sign_draft(trust, own, home.keys, draft)
        new = draft.with_name(draft.name + ".new")
        new.write_bytes(network_trust_file(trust.founding, trust.signatures))
        new.replace(draft)
    signed = sorted(trust.signatures)
    missing = unsigned(trust)
    then = (
        call.text(f"Not yet signed: {', '.join(missing)}", f"尚未签署：{'、'.join(missing)}")
        if missing
        else call.text(
            f"All have signed. Next, everyone: kouan node join DIR {draft} --peers {network_founding.PEERS}",
            f"全部已签署。下一步，各成员：kouan node join DIR {draft} --peers {network_founding.PEERS}",
        )
    )
    return Page(_document(trust.founding, signed), [*_shown(call, trust.founding, signed), "", then])


@command(
    app,
    "join",
    examples=(
        "kouan node join /srv/kouan alliance.draft.json --peers peers.json",
        "kouan node join /srv/kouan alliance.json --peers peers.json --alliance ID",
    ),
)
def join(
    call: Call,
    directory: DirectoryArgument,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="The signed founding document; or copies that together are signed."),
    ],
    peers: Annotated[Path, typer.Option("--peers", metavar="FILE", help="Where the others are: peers.json.")],
    alliance: Annotated[
        str | None, typer.Option("--alliance", metavar="ID", help="Which alliance it must be, as somebody told you.")
    ] = None,
) -> Page:
    """Let a node take part in an alliance: check every signature, write alliance.json and what CometBFT runs by.

    A founding member must be in the document as it stated itself. One that was voted in later is not in it: name the
    alliance with --alliance then. Whoever runs it again changes the peers; what the node has signed stays.
    """
    node = NodeDirectory(directory)
    own = _membership(node)
    drafts = [network_founding.read_draft(path, bootstrap.NETWORK_PARAMETERS) for path in files]
    trust = network_founding.merge(drafts, files)
    data = network_founding.complete(trust)
    found_id = alliance_id(trust.founding)
    if alliance is not None and alliance != found_id:
        raise UnusableError("--alliance", f"{files[0]} founds {found_id}, not {alliance}; ask where it came from")
    is_founder = any(one.id == own.member.id for one in trust.founding.members)
    if is_founder:
        network_founding.must_state(trust.founding, own, files[0])
    elif alliance is None:
        way_on = "one that was voted in later gives --alliance ID"
        raise FoundingError(f"{files[0]}: members: {own.member.id} is not one of them; {way_on}")
    known = network_founding.read_peers(peers)
    node_setup.install(node, data, trust.founding, known.urls(without=own.member.id))
    write_names(directory, {**{member: one.name for member, one in known.members.items()}, own.member.id: own.name})
    document = {"alliance": found_id, "founder": is_founder, "member": own.member.id, "peers": sorted(known.members)}
    then = call.text(f"Next: kouan node start {directory}", f"下一步：kouan node start {directory}")
    shown = fields(
        [
            (call.text("Alliance", "联盟"), f"{trust.founding.name}  {found_id}"),
            (call.text("Trust file", "信任文件"), str(node.trust_file)),
        ]
    )
    return Page(document, [shown, "", then])


def _own(node: NodeDirectory) -> Path:
    return node.path / f"{node.settings().member}.member.json"


def _membership(node: NodeDirectory) -> membership.Membership:
    return membership.read(_own(node))


def _sentry(text: str) -> Peer:
    node, _, address = text.partition("@")
    try:
        return msgspec.convert({"address": address, "node": node}, Peer)
    except msgspec.ValidationError:
        raise UnusableError(
            "--sentry", f"{text[:120]!r} is no NODE@HOST:PORT; NODE is what `kouan node init` said at the sentry"
        ) from None


def _charter(path: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except ValueError as problem:  # msgspec's errors are ValueErrors
        raise UnusableError("--charter", f"{path}: {problem}; give {{NAME: NUMBER}}") from None


def _document(founding: NetworkFounding, signed: list[str]) -> dict[str, Any]:
    return {
        "alliance": alliance_id(founding),
        "members": [
            {
                "fingerprint": membership.fingerprint(one, founding.validators.get(one.id)),
                "id": one.id,
                "power": founding.validators[one.id].power if one.id in founding.validators else 0,
                "roles": one.roles,
                "signed": one.id in signed,
            }
            for one in founding.members
        ],
        "name": founding.name,
        "second_holder": founding.second_holder,
    }


def _shown(call: Call, founding: NetworkFounding, signed: list[str]) -> list[RenderableType]:
    columns = [
        call.text("Member", "成员"),
        call.text("Roles", "角色"),
        call.text("Power", "权重"),
        call.text("Fingerprint", "指纹"),
        call.text("Signed", "已签署"),
    ]
    yes, no = call.text("yes", "是"), call.text("no", "否")
    document = _document(founding, signed)
    rows = [
        [
            one["id"],
            role_words(one["roles"], call.lang),
            str(one["power"]),
            one["fingerprint"],
            yes if one["signed"] else no,
        ]
        for one in document["members"]
    ]
    head = fields(
        [
            (call.text("Alliance", "联盟"), f"{founding.name}  {document['alliance']}"),
            (call.text("Second holder", "第二持有人"), founding.second_holder),
        ]
    )
    return [head, "", table("", columns, rows, right=(2,))]
