"""The application driven as CometBFT drives it: blocks, crashes, replays, and the embedded engine's app hash."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import lmdb
import msgspec
import pytest
from tests.engines.cometbft import driver, scene
from tests.modules.alliance.network import consensus_public, network_founding

from kouan import bootstrap
from kouan.engines.cometbft.answers import Answer
from kouan.engines.cometbft.application import application as application_module
from kouan.engines.cometbft.application import heights, queries
from kouan.engines.cometbft.application.application import Application
from kouan.engines.cometbft.application.beginning import GenesisError
from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci
from kouan.engines.embedded import STATE, Embedded
from kouan.engines.store import Store, StoreError
from kouan.kernel.encoding import from_text
from kouan.kernel.envelope import envelope_hash, envelope_id
from kouan.kernel.execution import NO_RECEIPTS, app_hash, found
from kouan.kernel.rejections import Rejection

pytestmark = pytest.mark.usefixtures("shallow_tree")

DAY = scene.day(3)


def play(application: Application, blocks: list[bytes] = DAY) -> list[bytes]:
    """Every envelope in a block of its own; the app hashes."""
    return [driver.block(application, raw).app_hash for raw in blocks]


def test_the_app_hash_is_the_embedded_engines_at_every_height(tmp_path: Path) -> None:
    """A founding document of a network, the same blocks: the engines agree on every height, from the founding on."""
    application = driver.begin(tmp_path / "node")
    embedded = Embedded(tmp_path / "embedded", scene.LEDGER, lambda: scene.NOW_MS)
    try:
        assert driver.info(application) == (0, app_hash(embedded.store.tree.root, NO_RECEIPTS))
        for raw in DAY:
            answer = driver.block(application, raw)
            assert [result.data for result in answer.tx_results] == embedded.submit([raw])
            assert answer.app_hash == app_hash(
                embedded.store.tree.root, next(embedded.blocks(application.height)).receipts_root
            )
            assert driver.info(application) == (application.height, answer.app_hash)
    finally:
        application.close()
        embedded.close()


def test_init_chain_is_answered_alike_until_a_block_is_kept(tmp_path: Path) -> None:
    application = driver.begin(tmp_path)
    first = application.init_chain(driver.genesis(application))
    store = Store(tmp_path / "other", keep_versions=1)
    assert first.app_hash == found(store, scene.LEDGER.genesis).app_hash
    store.close()
    assert [(one.pub_key.ed25519, one.power) for one in first.validators] == [
        (bytes(one.pub_key.ed25519), scene.POWER) for one in driver.genesis(application).validators
    ]
    hashes = play(application)
    driver.kill(application)  # nothing was kept of the blocks, so CometBFT begins from the genesis again
    application = driver.open_application(tmp_path)
    assert driver.info(application)[0] == 0
    assert application.init_chain(driver.genesis(application)) == first
    assert play(application) == hashes
    application.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chain_id": "another"}, "genesis.json is of another"),
        ({"time": driver.timestamp(scene.LEDGER.founded_ms + 1)}, "has the time"),
        ({"validators": []}, "other validators"),
    ],
)
def test_another_genesis_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    application = driver.open_application(tmp_path)
    with pytest.raises(GenesisError, match=said):
        application.init_chain(driver.genesis(application, **changes))
    application.close()


def test_a_lost_block_store_is_noticed_before_a_second_history_begins(tmp_path: Path) -> None:
    application = driver.begin(tmp_path)
    request = driver.genesis(application)
    play(application)
    with pytest.raises(GenesisError, match="at height 6"):
        application.init_chain(request)
    application.close()


def test_crashes_at_any_step_lead_to_the_same_app_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after FinalizeBlock, and after Commit with and without a flush: what CometBFT plays again fits."""
    undisturbed = driver.begin(tmp_path / "undisturbed")
    hashes = play(undisturbed)
    undisturbed.close()
    monkeypatch.setattr(application_module, "FLUSH_BLOCKS", 2)
    for cut in range(len(DAY)):
        for is_committed in (False, True):
            directory = tmp_path / f"{cut}-{is_committed}"
            application = driver.begin(directory)
            assert play(application, DAY[:cut]) == hashes[:cut]
            assert driver.finalize(application, [DAY[cut]]).app_hash == hashes[cut]
            if is_committed:
                application.commit(abci.RequestCommit())
            driver.kill(application)
            application = driver.open_application(directory)
            height, state_hash = driver.info(application)
            assert height == (cut + is_committed) // 2 * 2
            assert height == 0 or state_hash == hashes[height - 1]
            assert play(application, DAY[height:]) == hashes[height:]
            application.close()


def test_a_block_finalized_twice_is_executed_once_and_another_in_its_place_anew(tmp_path: Path) -> None:
    application = driver.begin(tmp_path)
    first = driver.finalize(application, DAY[:1])
    assert driver.finalize(application, DAY[:1]) is first
    other = driver.finalize(application, [])
    assert other.app_hash != first.app_hash
    assert driver.finalize(application, DAY[:1]) == first
    application.commit(abci.RequestCommit())
    assert driver.info(application) == (1, first.app_hash)
    application.close()


def test_an_empty_block_leaves_the_app_hash_as_it_was(tmp_path: Path) -> None:
    """Or CometBFT would make blocks for ever to confirm it."""
    application = driver.begin(tmp_path)
    play(application, DAY[:1])
    empty = driver.block(application).app_hash
    for later_ms in (1, 5_000, 3_600_000):
        assert driver.block(application, time_ms=scene.NOW_MS + later_ms).app_hash == empty
    application.close()


def test_a_block_that_cannot_be_executed_names_itself_and_its_envelopes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise AssertionError("a quota below nothing")

    application = driver.begin(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(application_module, "execute_block", broken)
        with pytest.raises(AssertionError, match="below nothing") as caught:
            driver.finalize(application, DAY[:1])
    assert (
        f"block 1 cannot be executed; nothing of it was written. Its envelopes: {envelope_id(DAY[0])}"
        in caught.value.__notes__
    )
    application.close()
    application = driver.open_application(tmp_path, skipped=lambda _: frozenset({envelope_id(DAY[0])}))
    assert scene.codes(driver.block(application, DAY[0]).tx_results[0].data) == [1]
    application.close()


def test_where_envelopes_were_executed_is_remembered_for_so_many_and_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across restarts, and what is beyond goes from the disk too, once its version can no longer be read."""
    monkeypatch.setattr(heights, "ANSWERS_REMEMBERED", 2)
    monkeypatch.setattr(heights, "BLOCKS_REMEMBERED", 20)
    names = [envelope_hash(raw) for raw in DAY]
    application = driver.begin(tmp_path)
    play(application)
    for _ in range(2):
        assert [application._heights.find(name) for name in names] == [None] * 4 + [Answer(5, 0), Answer(6, 0)]
        application.close()
        application = driver.open_application(tmp_path)
    for _ in range(25):
        driver.block(application)
    application.close()
    application = driver.open_application(tmp_path)
    assert [height for height, _ in application.store.traces()] == list(range(31, 10, -1))
    assert application._heights.find(names[-1]) is None
    application.close()


def test_proven_double_signing_takes_the_validators_power(tmp_path: Path) -> None:
    """Evidence from CometBFT suspends by rule; the new set goes back to CometBFT."""
    founding = network_founding()
    ledger = bootstrap.ledger_of(msgspec.structs.replace(founding, charter=scene.FOUNDING.charter))
    application = Application(tmp_path, ledger)
    public = from_text(consensus_public("bank-a"))
    evidence = abci.Misbehavior(
        type=abci.DUPLICATE_VOTE,
        validator=abci.Validator(address=sha256(public).digest()[:20], power=10),
        height=1,
        time=driver.timestamp(scene.NOW_MS),
        total_voting_power=40,
    )
    assert not driver.block(application).validator_updates
    answer = driver.block(application, misbehavior=[evidence])
    assert [(one.pub_key.ed25519, one.power) for one in answer.validator_updates] == [(public, 0)]
    assert not driver.block(application, misbehavior=[evidence]).validator_updates
    application.close()


def test_an_envelope_that_is_forced_in_again_keeps_its_first_answer(tmp_path: Path) -> None:
    """And one that was refused whole at first has the answer of when it was taken."""
    late = scene.attest(9, "d9", now_ms=scene.NOW_MS + 30 * 3_600_000)
    application = driver.begin(tmp_path)
    driver.block(application, DAY[0], late)
    again = driver.block(application, DAY[0], late, time_ms=scene.NOW_MS + 20 * 3_600_000)
    assert [scene.codes(result.data)[0] for result in again.tx_results] == [Rejection.ENVELOPE_EXPIRED, 0]
    for _ in range(2):
        found = [application._heights.find(envelope_hash(raw)) for raw in (DAY[0], late)]
        assert found == [Answer(1, 0), Answer(2, 1)]
        application.close()
        application = driver.open_application(tmp_path)
    application.close()


def test_a_version_too_far_back_is_not_made_for_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To put back what was written since takes time in which consensus waits."""
    monkeypatch.setattr(queries, "MAX_PUT_BACK", 6)
    application = driver.begin(tmp_path)
    play(application)
    codes = []
    for height in range(application.height + 1):
        data = msgspec.msgpack.encode((["charter"], height))
        codes.append(application.query(abci.RequestQuery(path="records", data=data)).code)
    assert codes == [0] + [3] * 3 + [0] * 3  # height 0 asks for the newest
    application.close()


def charter_changed(file: Path) -> None:
    with lmdb.open(str(file.parent), max_dbs=6, lock=False) as env, env.begin(write=True) as txn:
        values = env.open_db(b"values", txn)
        for place, value in list(txn.cursor(values)):
            if value.startswith(b"charter\0"):
                txn.put(place, value[:-1] + b" ", db=values)


def mark_changed(file: Path) -> None:
    with lmdb.open(str(file.parent), max_dbs=6, lock=False) as env, env.begin(write=True) as txn:
        txn.put(b"mark", b"\xc1", db=env.open_db(b"meta", txn))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (charter_changed, "the stored value of charter is not the one that the state tree holds"),
        (mark_changed, "the state store cannot be read"),
        (lambda file: file.write_bytes(b"not LMDB" * 1000), "the state store cannot be opened"),
    ],
)
def test_what_to_do_about_a_damaged_state_is_what_a_node_can_do(
    tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    """Nothing is rebuilt from a log of its own, as with one operator: CometBFT plays the blocks."""
    application = driver.begin(tmp_path)
    hashes = play(application)
    application.close()
    damage(tmp_path / STATE / "data.mdb")
    with pytest.raises(StoreError, match=f"{said}.*: delete the node's directory `state` and start it again") as told:
        driver.open_application(tmp_path)
    assert "doctor" not in str(told.value)
    shutil.rmtree(tmp_path / STATE)
    application = driver.begin(tmp_path)
    assert play(application) == hashes
    application.close()
