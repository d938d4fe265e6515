"""Customs' desk: what goes onto the ledger, what stays in the vault, and what the owner gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest
from tests.client.port_scene import EXPORT, NUMBER, OWNER, Scene, in_currencies, numbered

from kouan.client.customs_desk import CustomsDesk, Outcome
from kouan.client.enterprises import Custodian
from kouan.client.filing_seals import seal_hash
from kouan.client.filings import document_of, fingerprints_commitment, is_document
from kouan.client.places import wallet_home
from kouan.client.wallet import filing_slip
from kouan.kernel.encoding import MAX_INTEGER, from_text
from kouan.kernel.rejections import Rejection


def test_attesting_puts_commitments_on_the_ledger_and_nothing_that_names_the_trade(scene: Scene) -> None:
    """The quota opens to number and document with the link secret; no block holds number, owner or goods."""
    kept = scene.attest()
    with scene.customs() as desk:
        (quota,) = desk.quotas(NUMBER)
    assert (quota.attested, quota.unit, quota.kind, quota.status, quota.custodial) == (
        119_280_00,
        "USD",
        "export",
        "active",
        True,
    )
    secret = from_text(kept.link_secret)
    assert is_document(quota.commitment, document_of(EXPORT), secret)
    assert quota.fingerprints == fingerprints_commitment(document_of(EXPORT), secret)
    assert not is_document(quota.commitment, {**document_of(EXPORT), "bill_no": "other"}, secret)
    written = b"".join(envelope for block in scene.engine.blocks() for envelope in block.envelopes)
    for said in (NUMBER, OWNER, EXPORT.lines[0].hs_code, str(EXPORT.contract_no)):
        assert said.encode() not in written


def test_each_currency_has_a_quota_of_its_own_under_one_handle(scene: Scene) -> None:
    kept = scene.attest(in_currencies(("100.00", "USD"), ("7", "JPY"), ("50.00", "USD")))
    with scene.customs() as desk:
        assert {quota.unit: quota.attested for quota in desk.quotas(NUMBER)} == {"JPY": 7, "USD": 150_00}
    assert sorted(name.rpartition(".")[2] for name in kept.quotas) == ["JPY", "USD"]


def test_the_same_number_is_attested_once_and_others_of_its_batch_are(scene: Scene) -> None:
    """Twice in one batch, and again later: refused by the ledger; what is new goes through."""
    with scene.customs() as desk:
        batch = [scene.prepared(desk, declaration) for declaration in (EXPORT, numbered(7), EXPORT)]
        first, other, again = desk.attest(batch)
        assert first.results[0].result.accepted
        assert other.results[0].result.accepted
        assert again.results[0].result.code is Rejection.QUOTA_EXISTS
        assert again.slip is None
        (late,) = desk.attest([scene.prepared(desk, EXPORT)])
        assert late.results[0].result.code is Rejection.QUOTA_EXISTS


def test_a_slip_that_was_never_handed_out_is_made_again_for_the_same_owner_alone(scene: Scene) -> None:
    """The first attempt broke off after the ledger's answer. Another sealing key or document gets nothing."""
    slip = Custodian(scene.port).slip(OWNER, NUMBER)
    stranger = msgspec.structs.replace(slip, sealing=slip.draw_key)
    changed = msgspec.structs.replace(EXPORT, bill_no="OTHER")
    with scene.customs() as desk:
        desk.attest([desk.prepare(EXPORT, slip, "closed")])
        for bad in (desk.prepare(EXPORT, stranger, "closed"), desk.prepare(changed, slip, "closed")):
            assert desk.attest([bad])[0].slip is None
        (again,) = desk.attest([desk.prepare(EXPORT, slip, "closed")])
    assert again.results[0].result.code is Rejection.QUOTA_EXISTS
    assert scene.receive(again.slip).number == NUMBER


def test_the_seal_on_the_ledger_is_always_in_the_vault(scene: Scene) -> None:
    """After repeated attempts with other seals, too: the one whose hash stands in the quota is found."""
    with scene.customs() as desk:
        first, second = (scene.prepared(desk, EXPORT) for _ in range(2))
        assert first.seal != second.seal
        desk.attest([first, second])
        (quota,) = desk.quotas(NUMBER)
        assert seal_hash(desk.seal_of(quota)) == quota.seal
        with pytest.raises(ValueError, match="not in this vault"):
            desk.seal_of(msgspec.structs.replace(quota, seal=quota.commitment))


def test_an_own_wallet_is_not_custodial(scene: Scene) -> None:
    """A filing slip beside the declaration decides whose key it is."""
    slip = filing_slip(wallet_home(scene.port, OWNER), NUMBER, custodial=False)
    with scene.customs() as desk:
        desk.attest([desk.prepare(EXPORT, slip, "filed")])
        (quota,) = desk.quotas(NUMBER)
    assert (quota.custodial, quota.draw_key, quota.status) == (False, slip.draw_key, "suspended")


def test_a_bad_declaration_is_refused_before_anything_is_sent(scene: Scene) -> None:
    slip = Custodian(scene.port).slip(OWNER, NUMBER)
    processing = msgspec.structs.replace(EXPORT, trade_mode="0214")
    with scene.customs() as desk:
        for declaration, attested, message in (
            (processing, None, "0214: of processing only the fee counts"),
            (numbered(9), None, "filing slip: is for"),
            (in_currencies(("0", "USD")), None, "total in USD is 0 minor units"),
            (in_currencies(("1.5", "JPY")), None, "finer than the currency's minor unit"),
            (EXPORT, {"USD": 0}, "must be 1 to 2⁵³-1"),
            (EXPORT, {"USD": MAX_INTEGER + 1}, "above what the message declares"),
            (EXPORT, {"USD": 11_928_001}, r"USD 119,280\.01 is above what the message declares, USD 119,280"),
            (EXPORT, {"CNY": 1}, "CNY is not in the message, which declares USD"),
        ):
            with pytest.raises(ValueError, match=message):
                desk.prepare(declaration, slip, "closed", attested)
        prepared = desk.prepare(processing, slip, "closed", {"USD": 12_000_00})
        assert desk.attest([prepared])[0].results[0].result.accepted
        assert desk.quotas(NUMBER)[0].attested == 12_000_00


def test_a_number_is_attested_with_one_document_whatever_the_currencies(scene: Scene) -> None:
    """Another currency of the same message may follow; another message under the number may not, nor at one sitting."""
    both = in_currencies(("100.00", "USD"), ("50.00", "EUR"))
    slip = Custodian(scene.port).slip(OWNER, NUMBER)
    with scene.customs() as desk:
        first = desk.prepare(both, slip, "closed", {"USD": 100_00})
        with pytest.raises(ValueError, match=r"attested in USD with another document, .* added in JPY"):
            desk.prepare(in_currencies(("7", "JPY")), slip, "closed")
        assert desk.attest([first])[0].results[0].result.accepted
    with scene.customs() as desk:
        for other in (in_currencies(("7", "JPY")), in_currencies(("60.00", "EUR"))):
            with pytest.raises(ValueError, match="attested in USD with another document"):
                desk.prepare(other, slip, "closed")
    with scene.customs() as desk:
        (second,) = desk.attest([desk.prepare(both, slip, "closed", {"EUR": 50_00})])
        assert second.results[0].result.accepted
        assert {quota.unit for quota in desk.quotas(NUMBER)} == {"EUR", "USD"}


@pytest.mark.parametrize(
    ("act", "status", "fact"),
    [
        (lambda desk: desk.suspend([NUMBER], "document-check"), "suspended", ("suspended", "document-check")),
        (lambda desk: desk.withdraw([NUMBER], "not-exported"), "withdrawn", ("withdrawn", "not-exported")),
    ],
)
def test_a_declarations_life(
    scene: Scene, act: Callable[[CustomsDesk], list[Outcome]], status: str, fact: tuple[str, str]
) -> None:
    """What customs says of a number reaches every quota of it."""
    scene.attest(in_currencies(("100.00", "USD"), ("7", "JPY")))
    with scene.customs() as desk:
        (outcome,) = act(desk)
        assert [result.result.accepted for result in outcome.results] == [True, True]
        for quota in desk.quotas(NUMBER):
            assert (quota.status, quota.facts[fact[0]]) == (status, fact[1])


def test_suspended_and_resumed_and_moved_on(scene: Scene) -> None:
    with scene.customs() as desk:
        desk.attest([desk.prepare(EXPORT, Custodian(scene.port).slip(OWNER, NUMBER), "filed")])
        desk.suspend([NUMBER], "document-check")
        assert desk.stage([NUMBER], "closed")[0].results[0].result.accepted
        assert desk.quotas(NUMBER)[0].status == "suspended"
        assert desk.resume([NUMBER], "check-passed")[0].results[0].result.accepted
        assert desk.quotas(NUMBER)[0].status == "active"
        assert desk.stage([NUMBER], "released")[0].results[0].result.code is Rejection.STAGE_NOT_FORWARD
        with pytest.raises(ValueError, match="not attested on this ledger"):
            desk.stage([numbered(8).entry_id], "closed")
        with pytest.raises(ValueError, match="reason"):
            desk.suspend([NUMBER], "Not A Code")


def test_an_amended_amount_is_noted_in_the_document_that_the_owner_gets(scene: Scene) -> None:
    """The commitment changes with it; what did not change in another currency stays, as a correction."""
    scene.attest(in_currencies(("100.00", "USD"), ("7", "JPY")))
    with scene.customs() as desk:
        outcome = desk.amend(NUMBER, "goods-returned", {"USD": 60_00})
        kept = scene.receive(outcome.slip)
        quotas = {quota.unit: quota for quota in desk.quotas(NUMBER)}
    assert {unit: quota.attested for unit, quota in quotas.items()} == {"JPY": 7, "USD": 60_00}
    assert quotas["USD"].facts["amended"] == "goods-returned"
    assert kept.document["amendments"] == [{"attested_minor": 60_00, "currency": "USD", "reason": "goods-returned"}]
    for quota in quotas.values():
        assert is_document(quota.commitment, kept.document, from_text(kept.link_secret))


def test_an_amended_message_takes_the_documents_place(scene: Scene) -> None:
    scene.attest()
    amended = msgspec.structs.replace(EXPORT, bill_no="CORRECTED-1")
    with scene.customs() as desk:
        outcome = desk.amend(NUMBER, "correction", amended.total_by_currency(), declaration=amended)
        assert scene.receive(outcome.slip).document["bill_no"] == "CORRECTED-1"
        refused = desk.amend(NUMBER, "short-shipment", {"USD": 200_000_00})
        assert refused.results[0].result.code is Rejection.AMENDMENT_NOT_LOWER
        assert refused.slip is None
        for totals, declaration, message in (
            ({"EUR": 5}, None, "attested in USD alone"),
            ({"USD": 5}, numbered(3), "amended message is"),
            ({"USD": -5}, None, "must be 0 to"),
        ):
            with pytest.raises(ValueError, match=message):
                desk.amend(NUMBER, "correction", totals, declaration=declaration)


def test_a_new_draw_key_takes_the_old_ones_place(scene: Scene) -> None:
    scene.attest()
    slip = Custodian(scene.port).slip(OWNER, NUMBER, generation=1)
    with scene.customs() as desk:
        outcome = desk.rekey(slip)
        assert desk.quotas(NUMBER)[0].draw_key == slip.draw_key
        assert scene.receive(outcome.slip).number == NUMBER
        again = desk.rekey(slip)
        assert again.results[0].result.code is Rejection.DRAW_KEY_UNCHANGED


def test_only_customs_opens_the_desk(scene: Scene) -> None:
    home = scene.home("bank-of-huangpu")
    with home.vault(scene.entropy) as vault, pytest.raises(ValueError, match="no customs master key"):
        CustomsDesk(home, scene.session("bank-of-huangpu"), vault, scene.entropy)


def test_seals_and_documents_are_on_disk_before_anything_is_sent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by another connection to the vault at the moment when the envelopes go out, for a whole batch."""
    submit, seen = scene.engine.submit, list[list[str]]()

    def watched(envelopes: Sequence[bytes]) -> list[bytes]:
        with scene.home("shanghai-customs").vault(scene.entropy) as other:
            seen.extend([entry.kind for entry in other.by_handle(one.handle)] for one in batch)
        return submit(envelopes)

    with scene.customs() as desk:
        batch = [scene.prepared(desk, numbered(serial)) for serial in range(3)]
        monkeypatch.setattr(scene.engine, "submit", watched)
        desk.attest(batch)
    assert [sorted(kinds) for kinds in seen] == [["declaration", "seal"]] * 3
