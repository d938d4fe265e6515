"""What members decide reaches CometBFT: its validators, its parameters, and who is suspended for double signing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.engines.cometbft import driver
from tests.modules.alliance.network import POWERS, consensus_public, network_founding
from tests.modules.alliance.voting import (
    EVERYBODY,
    Wire,
    enact,
    propose,
    set_parameter,
    set_protocol,
    set_validator,
    vote,
)
from tests.modules.ledger import Ledger, seed_of

from kouan import bootstrap
from kouan.engines.cometbft.application.application import Application, silent
from kouan.engines.cometbft.application.skipping import skipping
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.service import Tell
from kouan.kernel.encoding import from_text
from kouan.kernel.envelope import envelope_id
from kouan.kernel.headers import address_of
from kouan.kernel.rejections import Rejection
from kouan.modules.alliance.rules import DAY_MS
from kouan.modules.alliance.skipping import SkipListError, sign_skip_list, skip_file, skip_list

FOUNDING = network_founding()


class Chain:
    """An application, and the members that send to it."""

    def __init__(self, directory: Path, tell: Tell = silent) -> None:
        self.members = Ledger(founding=FOUNDING)
        self.application = Application(directory, bootstrap.ledger_of(FOUNDING), tell=tell)
        self.begun = self.application.init_chain(
            abci.RequestInitChain(
                chain_id=self.members.alliance,
                time=driver.timestamp(FOUNDING.founded_ms),
                validators=driver.genesis(self.application).validators,
            )
        )

    def block(self, *envelopes: bytes, evidence: tuple[abci.Misbehavior, ...] = ()) -> abci.ResponseFinalizeBlock:
        return driver.block(self.application, *envelopes, time_ms=self.members.time_ms, misbehavior=evidence)

    def enacted(self, change: Wire, name: str) -> abci.ResponseFinalizeBlock:
        """The answer to the block in which a change takes effect."""
        votes = [self.members.envelope(member, vote(name)) for member in EVERYBODY]
        self.block(self.members.envelope("bank-a", propose(change, name)), *votes)
        self.members.advance(DAY_MS)
        return self.block(self.members.envelope("bank-a", enact(name)))


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    made = Chain(tmp_path)
    yield made
    made.application.close()


def test_a_change_of_validators_is_told_once(chain: Chain) -> None:
    public = consensus_public("bank-c")
    told = chain.enacted(set_validator("bank-c", 13, public), "p").validator_updates
    assert [(one.pub_key.ed25519, one.power) for one in told] == [(from_text(public), 13)]
    assert not chain.block().validator_updates


def test_the_charter_s_parameters_are_told_when_they_change(chain: Chain) -> None:
    assert chain.begun.consensus_params.block.max_bytes == 2_000_000
    larger = chain.enacted(set_parameter("consensus.max_block_bytes", 3_000_000), "p").consensus_param_updates
    assert (larger.block.max_bytes, larger.block.max_gas, larger.HasField("validator")) == (3_000_000, -1, False)
    shorter = chain.enacted(set_parameter("trust_period_ms", 10 * DAY_MS), "q").consensus_param_updates
    assert shorter.evidence.max_age_duration == Duration(seconds=10 * DAY_MS // 1000)
    assert shorter.block.max_bytes == 3_000_000
    other = chain.enacted(set_parameter("provable_blocks", 300), "r")
    assert not other.HasField("consensus_param_updates")


def test_evidence_suspends_in_the_block_that_brings_it(chain: Chain) -> None:
    guilty = from_text(consensus_public("bank-a"))
    proof = abci.Misbehavior(
        type=abci.DUPLICATE_VOTE,
        validator=abci.Validator(address=address_of(guilty), power=POWERS["bank-a"]),
        height=1,
        time=driver.timestamp(chain.members.time_ms),
        total_voting_power=sum(POWERS.values()),
    )
    told = chain.block(evidence=(proof,)).validator_updates
    assert [(one.pub_key.ed25519, one.power) for one in told] == [(guilty, 0)]
    assert not chain.block(evidence=(proof,)).validator_updates


def test_a_node_that_is_too_old_says_so_when_a_version_is_agreed_on_and_at_every_start(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, object]]] = []

    def tell(event: str, **about: object) -> None:
        told.append((event, about))

    chain = Chain(tmp_path, tell)
    chain.enacted(set_protocol(2, 500), "p")
    soon = ("too-old-soon", {"version": 2, "from_height": 500, "known": 1})
    assert told == [soon]
    chain.application.close()
    Application(tmp_path, bootstrap.ledger_of(FOUNDING), tell=tell).close()
    assert told == [soon, soon]


def test_a_ledger_that_stands_still_goes_on_with_a_list_that_two_thirds_signed(tmp_path: Path) -> None:
    """And not with one that fewer signed, nor with a file that is none."""
    members, file = Ledger(founding=FOUNDING), tmp_path / "skip.json"
    raw = members.envelope("bank-a", propose(set_parameter("provable_blocks", 300)))
    listed = skip_list(members.alliance, [envelope_id(raw)])
    for number, member in enumerate(POWERS):
        file.write_bytes(skip_file(listed))
        if number < 3:
            with pytest.raises(SkipListError, match=f"signatures: {10 * number} of 40"):
                opened(tmp_path)
        listed = sign_skip_list(listed, member, "main", seed_of(member))
    application = opened(tmp_path)
    answer = driver.block(application, raw, time_ms=members.time_ms)
    assert msgspec.json.decode(answer.tx_results[0].data)["code"] == Rejection.ENVELOPE_SKIPPED
    application.close()
    file.write_bytes(b"[]")
    with pytest.raises(SkipListError, match="not a skip list"):
        opened(tmp_path)


def opened(directory: Path) -> Application:
    """The application as a node opens it, with the skip list in its directory."""
    ledger = bootstrap.ledger_of(FOUNDING)
    return Application(directory, ledger, skipped=skipping(directory / "skip.json", ledger.alliance))
