"""What a bank prints: the right figures on each paper, and nothing for a proof that does not prove."""

from __future__ import annotations

import io

import msgspec
import pytest
from pypdf import PdfReader
from tests.client.port_scene import DAY_MS, NUMBER, OWNER, Scene, numbered
from tests.client.test_bank_desk import bank, lend, slip, wanted

from kouan.client.amounts import Amount
from kouan.client.bank_desk import BankDesk
from kouan.client.loan_statement import history, loan_statement
from kouan.client.names import Name
from kouan.client.papers import Asked, acceptance_advice, issued_at, last_day, verification_receipt
from kouan.client.portfolio import one_loan
from kouan.client.proofs import Made, prove_loan, prove_quota, qr_text
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.wallet import Part
from kouan.client.workdays import day_of, end_of_day
from kouan.formats.paper import Paper, render

NAME = Name("Bank of Huangpu", "黄浦银行")


def _text(paper: Paper) -> str:
    pages = PdfReader(io.BytesIO(render(paper))).pages
    return "".join("".join(page.extract_text() for page in pages).replace("\0", "").split())


def _prove(scene: Scene, quota: str) -> Made:
    return prove_quota(scene.engine, (scene.port / "alliance.json").read_bytes(), quota, "available")


def test_the_advice_says_what_is_held_and_until_when(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        terms = wanted(scene)
        placed = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 9_542_400)), terms)
        text = _text(acceptance_advice(placed, NAME, terms.product, terms.maturity_ms, scene.now))
    for part in ("受理通知", "黄浦银行", OWNER, NUMBER, "USD95,424.00", "USD119,280.00", "2019-11-11", "出口押汇"):
        assert part in text
    assert f"A-{placed.financing[:8]}" in text


def test_the_receipt_speaks_of_its_height_and_carries_the_fingerprint(scene: Scene) -> None:
    kept = scene.attest()
    made = _prove(scene, kept.quotas[0])
    text = _text(verification_receipt(made.proof, made.verdict, Asked(NAME, NUMBER, OWNER), scene.now))
    code = qr_text(made.proof, made.verdict)
    assert code == f"KOUAN1:{scene.alliance[:8]}:2:available:{kept.quotas[0]}:{made.verdict.fingerprint}"
    for part in ("核验回单", NUMBER, OWNER, "USD95,424.00", code, "nothingwider", "不涉及其他账本"):
        assert part in text


def test_the_receipt_tells_a_loan_as_it_is_at_its_block_time(scene: Scene) -> None:
    """A hold that has lapsed by then is not called held, though nothing was written when it lapsed."""
    scene.attest()
    trust = (scene.port / "alliance.json").read_bytes()
    with bank(scene) as opened:
        loan = BankDesk(opened).hold(slip(scene, Part(NUMBER, "USD", 9_542_400)), wanted(scene)).financing
        texts = []
        for days in (0, 15):
            scene.now += days * DAY_MS
            scene.attest(numbered(100 + days))  # so that a block has this time
            made = prove_loan(scene.engine, trust, loan, "record")
            texts.append(_text(verification_receipt(made.proof, made.verdict, Asked(NAME, None, None), scene.now)))
    assert "held占用" in texts[0]
    assert "lapsed到期自动释放" in texts[1]


def test_there_is_no_receipt_for_what_is_not_proven(scene: Scene) -> None:
    made = _prove(scene, scene.attest().quotas[0])
    failed = msgspec.structs.replace(made.verdict, proven=False)
    with pytest.raises(ValueError, match="does not prove its claim"):
        verification_receipt(made.proof, failed, Asked(NAME, None, None), scene.now)


def test_the_statement_has_a_line_for_each_event_with_the_balance_after_it(scene: Scene) -> None:
    """A reversal undoes what it reverses, an advance and a write-off leave the balance as it is."""
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", 9_542_400))
        desk = ServicingDesk(opened)
        for payer in ("buyer", "bank"):
            assert desk.repay(loan, payer, amount=Amount(100_000, "USD")).result.accepted
        assert desk.write_off(loan, "uncollectible").accepted
        assert desk.collect(name=loan, amount=Amount(11_874_000, "USD"), final=True).result.accepted
    with bank(scene, key="checker") as opened:
        assert ServicingDesk(opened).reverse(loan, 2).accepted
        held = one_loan(opened, loan)
        lines = history(opened, held)
        text = _text(loan_statement(opened, held, NAME, scene.now))
    kinds = ["disbursement", "repayment", "advance", "write-off", "reversal"]
    assert [line.entry.kind for line in lines] == kinds
    assert [line.balance["USD"] for line in lines] == [9_542_400, 9_442_400, 9_442_400, 9_442_400, 9_542_400]
    for part in ("融资明细", "已核销", "USD540.00", "USD118,740.00", "reversedby冲正5", f"S-{loan[:8]}-5"):
        assert part in text


def test_the_last_day_is_the_day_before_its_end() -> None:
    day = day_of(1_573_000_000_000)
    assert last_day(end_of_day(day)) == day.isoformat() == "2019-11-06"
    assert issued_at(1_573_000_000_000).isoformat() == "2019-11-06T08:26:40+08:00"
