"""Founding a network on one machine, for trials: every member's home, and nodes for some of them, in one directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kouan.client import membership, network_founding
from kouan.client.founding_desk import SHANGHAI, Cast, Founder, make_founders_home
from kouan.client.keymaterial import Entropy
from kouan.client.membership import Peer
from kouan.client.names import Name, write_names
from kouan.client.places import Home
from kouan.kernel.encoding import to_text
from kouan.kernel.registry import Parameter
from kouan.modules.alliance.founding import FoundingValidator, NetworkFounding
from kouan.modules.alliance.trust import NetworkTrust

MAX_NODES: Final = 16
POWER: Final = 10
"""Of each validator: alike, and a multiple, so that one can be weighed a little more or less later."""
_MORE_BANKS: Final = (
    ("hongkou-savings-bank", "Hongkou Savings Bank", "虹口储蓄银行"),
    ("jingan-commercial-bank", "Jing'an Commercial Bank", "静安商业银行"),
    ("xuhui-riverside-bank", "Xuhui Riverside Bank", "徐汇滨江银行"),
    ("baoshan-iron-bank", "Baoshan Iron Bank", "宝山钢铁银行"),
    ("chongming-island-bank", "Chongming Island Bank", "崇明岛银行"),
    ("minhang-industry-bank", "Minhang Industry Bank", "闵行工业银行"),
    ("qingpu-canal-bank", "Qingpu Canal Bank", "青浦运河银行"),
)


def cast_for(nodes: int) -> Cast:
    """Return the Shanghai cast, with more invented banks where there are more nodes than members."""
    more = [Founder(member, en, zh, ["bank"]) for member, en, zh in _MORE_BANKS]
    missing = max(0, nodes - len(SHANGHAI.members))
    return msgspec.structs.replace(SHANGHAI, members=[*SHANGHAI.members, *more[:missing]])


def found(
    port: Path,
    name: str,
    cast: Cast,
    nodes: Mapping[str, tuple[Peer, bytes]],
    parameters: Sequence[Parameter],
    *,
    entropy: Entropy,
    now_ms: int,
    passphrase: str | None = None,
) -> tuple[NetworkFounding, bytes]:
    """Make a home with keys for each member in ``port``; return the founding document and its trust file.

    Writes ``names.json`` and ``peers.json`` there too.
    ``nodes``: by member, how its node is reached, and its validator's public key. Raises FoundingError.
    """
    homes = [make_founders_home(port, founder.id, founder.roles, entropy, passphrase) for founder in cast.members]
    memberships = [
        _membership(home, founder, nodes.get(founder.id)) for home, founder in zip(homes, cast.members, strict=True)
    ]
    founding = network_founding.collect(
        memberships,
        name=name,
        second_holder=cast.second_holder,
        charter=cast.charter,
        parameters=parameters,
        entropy=entropy,
        now_ms=now_ms,
    )
    draft = NetworkTrust("kouan/trust/2", founding, {})
    for home, own in zip(homes, memberships, strict=True):
        draft = network_founding.sign_draft(draft, own, home.keys, port)
    write_names(port, {founder.id: Name(founder.en, founder.zh) for founder in cast.members})
    network_founding.write_peers(port / network_founding.PEERS, network_founding.peers_of(memberships))
    return founding, network_founding.complete(draft)


def _membership(home: Home, founder: Founder, node: tuple[Peer, bytes] | None) -> membership.Membership:
    peer, validator = (None, None) if node is None else (node[0], FoundingValidator(POWER, to_text(node[1])))
    made, _ = membership.make(home.keys, list(founder.roles), Name(founder.en, founder.zh), peer, validator)
    return made
