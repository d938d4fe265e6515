"""A member's own keys, and the proposals by which the members change the alliance."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from kouan.client.keyfile import Keys, save_keys
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.places import KEYS, MAIN_KEY, Home
from kouan.client.sealing import public_of
from kouan.client.session import Order, Result, Session
from kouan.kernel.encoding import Bytes32, Code, from_text, to_text
from kouan.kernel.proof import sign_handover
from kouan.kernel.state import Reader
from kouan.kernel.suites import public_key, sign
from kouan.modules.alliance import queries
from kouan.modules.alliance.commands.keys import POSSESSION_TAG, AddKey, RevokeKey, RotateKey, possession
from kouan.modules.alliance.commands.proposals import Enact, Propose, Propose2, SignedHandover, Vote, handover_of
from kouan.modules.alliance.queries import ProposalView
from kouan.modules.alliance.records import Change, ChangeOperator, Proposal, SetProtocol, SetValidator
from kouan.modules.alliance.standing import operator_of

HANDOVER_AFTER_BLOCKS: Final = 10
"""How long after its enactment a new operator key begins to sign: enough blocks for what others send meanwhile."""


class Application(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an institution that wants to join gives to a member that proposes it."""

    format: Literal["kouan/application/1"]
    key: Code
    member: Code
    public: Bytes32
    sealing: Bytes32


def application(home: Home) -> Application:
    """Return what a home's member needs to be proposed with."""
    return Application(
        format="kouan/application/1",
        key=MAIN_KEY,
        member=home.id,
        public=to_text(public_key(home.keys.signing_seeds[MAIN_KEY])),
        sealing=to_text(public_of(home.keys.hpke_private)),
    )


def add_key(home: Home, session: Session, name: str, entropy: Entropy, passphrase: str | None) -> Result:
    """Make one more signing key and put it on the ledger; kept here only if the ledger takes it."""
    return _add(home, session, name, None, entropy, passphrase)


def rotate_key(home: Home, session: Session, old: str, name: str, entropy: Entropy, passphrase: str | None) -> Result:
    """Replace a signing key by a new one with another name."""
    return _add(home, session, name, old, entropy, passphrase)


def revoke_key(session: Session, name: str) -> Result:
    """Revoke one of the sender's keys."""
    return session.send([Order("alliance.revoke-key/1", RevokeKey(name))])[0]


def propose(session: Session, change: Change, entropy: Entropy) -> tuple[str, Result]:
    """Put a change to the vote; return the proposal's id and what the ledger answered."""
    proposal = to_text(fresh(entropy, 16))
    msgspec.convert(msgspec.to_builtins(change), Change)
    if isinstance(change, SetProtocol | SetValidator):
        return proposal, session.send([Order("alliance.propose/2", Propose2(change, proposal))])[0]
    return proposal, session.send([Order("alliance.propose/1", Propose(change, proposal))])[0]


def vote(session: Session, proposal: str, *, yes: bool) -> Result:
    """Vote on a proposal."""
    return session.send([Order("alliance.vote/1", Vote(proposal, yes))])[0]


def enact(session: Session, proposal: Proposal, operator_seed: bytes | None) -> Result:
    """Let a carried change take effect; a change of the operator needs the seed of its present key.

    Raises ValueError when that seed is missing or another's.
    """
    handover = None
    if isinstance(proposal.change, ChangeOperator):
        handover = _handover(session, proposal.change, operator_seed)
    return session.send([Order("alliance.enact/1", Enact(handover, proposal.id))])[0]


def proposal_of(reader: Reader, proposal_id: str, time_ms: int) -> ProposalView:
    """Return a proposal and how it stands; raises ValueError when there is none with this id."""
    view = queries.proposal(reader, proposal_id, time_ms)
    if view is None:
        raise ValueError(f"proposal: there is no {proposal_id[:40]!r} on this ledger")
    return view


def _add(home: Home, session: Session, name: str, old: str | None, entropy: Entropy, passphrase: str | None) -> Result:
    if name in home.keys.signing_seeds:
        raise ValueError(f"key: {home.id} has a key {name!r} already; give the new one another name")
    seed = fresh(entropy)
    public = to_text(public_key(seed))
    signature = to_text(sign(seed, POSSESSION_TAG, possession(session.alliance, home.id, name, public)))
    # Saved before it is sent: a key on the ledger that nobody kept would be lost for good.
    kept = {**home.keys.signing_seeds, name: seed}
    save_keys(home.path / KEYS, _with_seeds(home.keys, kept), passphrase=passphrase, entropy=entropy, replace=True)
    if old is None:
        order = Order("alliance.add-key/1", AddKey(name, public, signature))
    else:
        order = Order("alliance.rotate-key/1", RotateKey(name, old, public, signature))
    (result,) = session.send([order])
    if not result.accepted:
        save_keys(home.path / KEYS, home.keys, passphrase=passphrase, entropy=entropy, replace=True)
    return result


def _with_seeds(keys: Keys, seeds: dict[str, bytes]) -> Keys:
    return Keys(keys.owner, keys.hpke_private, seeds, keys.secrets)


def _handover(session: Session, change: ChangeOperator, seed: bytes | None) -> SignedHandover:
    operator = operator_of(session)
    if seed is None or public_key(seed) != from_text(operator.public):
        raise ValueError("operator key: the present operator's key must sign the handover; run this where it is kept")
    from_height = session.engine.status().height + HANDOVER_AFTER_BLOCKS
    unsigned = handover_of(session.alliance, operator, change, SignedHandover(from_height, ""))
    return SignedHandover(from_height, sign_handover(seed, unsigned).signature)
