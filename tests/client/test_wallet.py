"""The owner's wallet: slips it takes in, and the consent that one bank alone can use."""

from __future__ import annotations

import msgspec
import pytest
from tests.client.port_scene import DAY_MS, EXPORT, NUMBER, OWNER, Scene, in_currencies, numbered

from kouan.client.consents import Consent, ConsentError, open_consent
from kouan.client.enterprises import onboard, read_trader
from kouan.client.filings import AttestationSlip, SlipError, is_document, read_slip
from kouan.client.handles import handle_of
from kouan.client.places import NoHomeError
from kouan.client.sealing import new_private_key, public_of
from kouan.client.wallet import Given, Part
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import verify
from kouan.modules.alliance.standing import member_of
from kouan.modules.financing.rules import DRAW_TAG, draw_message

BANK = "bank-of-huangpu"


def given(scene: Scene, *parts: Part, bank: str = BANK) -> Given:
    with scene.wallet() as wallet:
        return wallet.consent(scene.reader, member_of(scene.reader, bank), parts, scene.now + DAY_MS)


def opened(scene: Scene, slip: bytes, bank: str = BANK) -> Consent:
    return open_consent(scene.home(bank).keys.hpke_private, slip)


def test_a_consent_is_signed_by_the_draw_key_for_one_bank_loan_amount_and_time(scene: Scene) -> None:
    scene.attest()
    made = given(scene, Part(NUMBER, "USD", 50_000_00))
    (part,) = opened(scene, made.slip).allocations
    quota = scene.reader.read(Quota, key_of(part.quota))
    assert quota is not None
    message = draw_message(scene.alliance, BANK, made.financing, part.quota, 50_000_00, scene.now + DAY_MS)
    assert verify(from_text(quota.draw_key), DRAW_TAG, message, from_text(part.signature))
    secret = from_text(part.link_secret)
    assert f"{handle_of(part.number, secret)}.USD" == part.quota
    assert is_document(quota.commitment, part.document, secret)
    with pytest.raises(ConsentError, match="another bank"):
        opened(scene, made.slip, "pudong-harbour-bank")


def test_several_declarations_and_currencies_stand_in_one_consent(scene: Scene) -> None:
    scene.attest(in_currencies(("100.00", "USD"), ("700", "JPY")))
    scene.attest(numbered(2))
    parts = [Part(NUMBER, "JPY", 700), Part(NUMBER, "USD", 1), Part(numbered(2).entry_id, "USD", 5)]
    consent = opened(scene, given(scene, *parts).slip)
    assert [(part.number, part.quota[-3:], part.amount) for part in consent.allocations] == parts


def test_no_two_consents_have_the_same_loan(scene: Scene) -> None:
    scene.attest()
    assert len({given(scene, Part(NUMBER, "USD", 1)).financing for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "at least one"),
        ([Part(NUMBER, "USD", 1), Part(NUMBER, "USD", 2)], "each declaration and currency once"),
        ([Part(NUMBER, "EUR", 1)], "nothing attested in EUR; it is in USD"),
        ([Part(NUMBER, "USD", 0)], "more than zero"),
        ([Part(numbered(5).entry_id, "USD", 1)], "not in the wallet"),
    ],
)
def test_what_cannot_be_consented_to_is_named(scene: Scene, parts: list[Part], message: str) -> None:
    scene.attest()
    with pytest.raises(ValueError, match=message):
        given(scene, *parts)


def test_only_a_bank_can_be_given_a_consent(scene: Scene) -> None:
    scene.attest()
    with pytest.raises(ValueError, match="peoples-bank is no bank"):
        given(scene, Part(NUMBER, "USD", 1), bank="peoples-bank")


def test_after_an_amendment_the_wallet_asks_for_the_newest_slip(scene: Scene) -> None:
    """The old document no longer opens the commitment, so a consent with it would be of no use to the bank."""
    scene.attest()
    with scene.customs() as desk:
        slip = desk.amend(NUMBER, "goods-returned", {"USD": 100_00}).slip
    with pytest.raises(ValueError, match="newest slip"):
        given(scene, Part(NUMBER, "USD", 1))
    scene.receive(slip)
    assert opened(scene, given(scene, Part(NUMBER, "USD", 1)).slip).allocations[0].document["amendments"]
    with scene.wallet() as wallet:
        assert len(wallet.declarations()) == 1


def test_after_a_rekey_the_wallet_signs_with_the_new_key(scene: Scene) -> None:
    scene.attest()
    with scene.customs() as desk, scene.wallet() as wallet:
        desk.rekey(wallet.file(NUMBER, generation=1))
    (part,) = opened(scene, (made := given(scene, Part(NUMBER, "USD", 9))).slip).allocations
    quota = scene.reader.read(Quota, key_of(part.quota))
    assert quota is not None
    message = draw_message(scene.alliance, BANK, made.financing, part.quota, 9, scene.now + DAY_MS)
    assert verify(from_text(quota.draw_key), DRAW_TAG, message, from_text(part.signature))


def test_a_draw_key_that_is_not_the_wallets_is_told(scene: Scene) -> None:
    """Somebody else's key stands on the ledger: the wallet does not make a signature that cannot hold."""
    scene.attest()
    with scene.customs() as desk, scene.wallet() as wallet:
        slip = msgspec.structs.replace(wallet.file(NUMBER), draw_key=wallet.file(NUMBER, 40).draw_key)
        desk.rekey(slip)
        with pytest.raises(ValueError, match="ask customs to rekey"):
            wallet.consent(scene.reader, member_of(scene.reader, BANK), [Part(NUMBER, "USD", 1)], scene.now + 1)


def test_another_owners_slip_is_refused_and_changes_nothing(scene: Scene) -> None:
    with scene.customs() as desk:
        with scene.wallet() as wallet:
            filed = wallet.file(NUMBER)
        slip = msgspec.structs.replace(filed, sealing=to_text(public_of(new_private_key(scene.entropy))))
        (outcome,) = desk.attest([desk.prepare(EXPORT, slip, "closed")])
    with pytest.raises(SlipError, match="another owner's"):
        scene.receive(outcome.slip)
    with scene.wallet() as wallet:
        assert wallet.declarations() == []


def test_an_altered_slip_is_refused(scene: Scene) -> None:
    """Any sealed text or handle that is changed, swapped or cut; none of it gets into the wallet."""
    with scene.customs() as desk:
        one, two = desk.attest([scene.prepared(desk, EXPORT), scene.prepared(desk, numbered(2))])
    good, other = (msgspec.json.decode(slip or b"", type=AttestationSlip) for slip in (one.slip, two.slip))
    change = msgspec.structs.replace
    with scene.wallet() as wallet:
        for bad in (
            change(good, handle=other.handle),
            change(good, link_secret_sealed=other.link_secret_sealed),
            change(good, document_sealed=other.document_sealed),
            change(good, document_sealed=good.document_sealed[:-4]),
            change(good, link_secret_sealed="AAAA"),
        ):
            with pytest.raises(SlipError):
                wallet.receive(bad)
        with pytest.raises(ValueError, match="another alliance"):
            wallet.receive(change(good, alliance=other.handle))
        assert wallet.declarations() == []
        assert wallet.receive(good).number == NUMBER


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"format":"kouan/filing/1"}', b" " * 5_000_000])
def test_what_is_no_slip_is_named_as_such(data: bytes) -> None:
    with pytest.raises(SlipError, match=r"^x\.json: "):
        read_slip(data, AttestationSlip, "x.json")


def test_onboarding_checks_the_code_and_keeps_it_off_the_ledger(scene: Scene) -> None:
    """A failing check character needs a reason, and the reason stands on the ledger; a wallet is made once."""
    session = scene.session("commerce-commission")
    bad = f"{OWNER[:-1]}5"
    with pytest.raises(ValueError, match="its check character would be 4"):
        onboard(scene.port, session, bad, "Odd", None, scene.entropy)
    assert not (scene.port / "wallets" / bad).exists()
    with pytest.raises(ValueError, match="18 digits and capital letters"):
        onboard(scene.port, session, "../../etc", "Odd", None, scene.entropy)
    assert onboard(scene.port, session, bad, "Odd", "certificate-seen", scene.entropy).result.accepted
    assert read_trader(scene.port, bad).override == "certificate-seen"
    with pytest.raises(ValueError, match="has a wallet here already"):
        onboard(scene.port, session, bad, "Odd", "certificate-seen", scene.entropy)
    with pytest.raises(NoHomeError):
        read_trader(scene.port, "91310000MA1FL2QX71")


def test_a_broken_off_onboarding_is_taken_up_again(scene: Scene) -> None:
    """The wallet was made, the ledger refused: the same commitment is sent again, and the keys stay."""
    code = "91310000MA1FL2QX71"
    overseer = scene.session("peoples-bank")
    first = onboard(scene.port, overseer, code, "Late", None, scene.entropy)
    assert first.result.code is Rejection.ROLE_NOT_PERMITTED
    second = onboard(scene.port, scene.session("commerce-commission"), code, "Late", None, scene.entropy)
    assert second.result.accepted
    assert second.trader.commitment == first.trader.commitment
