"""What a lender learns of its declarations by reading the blocks."""

from __future__ import annotations

import pytest
from tests.client.port_scene import DAY_MS, NUMBER, Scene, numbered
from tests.client.test_bank_desk import BANK, OTHER, bank, lend

from kouan.client.amounts import Amount
from kouan.client.notices import Notice, read_notices
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.wallet import Part
from kouan.modules.financing.commands.collecting import CollectCommand
from kouan.modules.financing.records import Receipt

SECOND = numbered(102)


def notices(scene: Scene, member: str = BANK, since: int | None = None) -> list[Notice]:
    """Look as the command does: what was read is remembered."""
    with bank(scene, member) as opened:
        read = read_notices(opened, since)
        if since is None:
            opened.book.read_blocks(read.to_height)
        return read.notices


def lent(scene: Scene, minor: int = 5_000_000) -> tuple[str, str]:
    """A loan of the bank on the first declaration: its id, and the quota."""
    scene.attest()
    with bank(scene) as opened:
        loan = lend(scene, opened, Part(NUMBER, "USD", minor))
        return loan, opened.loan(loan).allocations[0].quota


def collect(scene: Scene, quota: str, minor: int, member: str = OTHER) -> str:
    with bank(scene, member) as opened:
        made = ServicingDesk(opened).collect(parts={quota: minor}, final=False)
        assert made.result.accepted
        return made.id


def test_money_that_reached_another_bank_is_told_once(scene: Scene) -> None:
    """With amount, declaration, who received it, and the loans concerned; not again the next time."""
    loan, quota = lent(scene)
    assert notices(scene) == []
    collection = collect(scene, quota, 1_000_00)
    (notice,) = notices(scene)
    assert (notice.kind, notice.by, notice.subject, notice.reason) == ("diversion", OTHER, collection, "")
    assert notice.declarations == [(quota, NUMBER, "USD", 1_000_00)]
    assert notice.loans == [loan]
    assert notices(scene) == []
    assert notices(scene, since=1) == [notice]


def test_nobody_else_is_told(scene: Scene) -> None:
    """Neither who received the money nor a bank that lent on another declaration; nor the lender of its own reports."""
    _, quota = lent(scene)
    scene.attest(SECOND)
    with bank(scene, OTHER) as opened:
        lend(scene, opened, Part(SECOND.entry_id, "USD", 1_000))
    collect(scene, quota, 5)
    collect(scene, quota, 7, BANK)
    assert notices(scene, OTHER) == []
    assert [notice.declarations[0].amount for notice in notices(scene)] == [5]


def test_what_was_received_before_the_loan_is_not_diverted(scene: Scene) -> None:
    scene.attest()
    with bank(scene) as opened:
        first = lend(scene, opened, Part(NUMBER, "USD", 1_000))
        quota = opened.loan(first).allocations[0].quota
        assert ServicingDesk(opened).repay(first, "seller", amount=Amount(1_000, "USD")).result.accepted
    collect(scene, quota, 5)
    scene.now += DAY_MS
    with bank(scene) as opened:
        lend(scene, opened, Part(NUMBER, "USD", 1_000))
    assert notices(scene) == []


def test_a_loan_that_is_repaid_is_not_concerned(scene: Scene) -> None:
    loan, quota = lent(scene)
    collect(scene, quota, 5)
    with bank(scene) as opened:
        assert ServicingDesk(opened).repay(loan, "buyer", amount=Amount(5_000_000, "USD")).result.accepted
    assert notices(scene) == []


def test_money_for_a_loan_is_told_whatever_declaration_it_names(scene: Scene) -> None:
    """The other bank knew the loan's id; the declaration is under no loan of the lender."""
    loan, _ = lent(scene)
    scene.attest(SECOND)
    with bank(scene, OTHER) as opened:
        quota = opened.loan(lend(scene, opened, Part(SECOND.entry_id, "USD", 5))).allocations[0].quota
        command = CollectCommand("A" * 22, loan, [Receipt(7, final=False, quota=quota)])
        assert opened.send("financing.collect/1", command).accepted
    (notice,) = notices(scene)
    assert (notice.loans, notice.declarations) == ([loan], [(quota, None, "USD", 7)])


def test_a_report_that_is_taken_back_is_told_too(scene: Scene) -> None:
    _, quota = lent(scene)
    collection = collect(scene, quota, 5)
    with bank(scene, OTHER, "checker") as opened:
        assert ServicingDesk(opened).reverse_collection(collection).accepted
    assert [(notice.kind, notice.subject) for notice in notices(scene)] == [
        ("diversion", collection),
        ("diversion-reversed", collection),
    ]


def test_what_is_refused_has_not_happened(scene: Scene) -> None:
    """A collection beyond what is attested."""
    _, quota = lent(scene)
    with bank(scene, OTHER) as opened:
        assert not ServicingDesk(opened).collect(parts={quota: 10**9}, final=False).result.accepted
    assert notices(scene) == []


def test_bytes_that_are_no_envelope_stand_in_blocks_and_harm_nobody(scene: Scene) -> None:
    """Whatever they are made to look like."""
    _, quota = lent(scene)
    scene.engine.submit([b'{"type":"financing.collect/1"}', b"\xff financing.collect/1", b'[{"financing.offer/1":'])
    assert notices(scene) == []
    collect(scene, quota, 5)
    assert len(notices(scene)) == 1


def test_changes_of_a_declaration_are_told(scene: Scene) -> None:
    """Every one, with customs' reason; those of other declarations are not."""
    loan, quota = lent(scene)
    scene.attest(SECOND)
    with scene.customs() as desk:
        for number in (NUMBER, SECOND.entry_id):
            desk.amend(number, "short-shipment", {"USD": 1_000_00})
            desk.suspend([number], "document-check")
            desk.resume([number], "check-passed")
            desk.withdraw([number], "not-exported")
    told = notices(scene)
    assert [(notice.kind, notice.reason) for notice in told] == [
        ("amended", "short-shipment"),
        ("suspended", "document-check"),
        ("resumed", "check-passed"),
        ("withdrawn", "not-exported"),
    ]
    assert told[0].declarations == [(quota, NUMBER, "USD", 1_000_00)]
    assert {tuple(notice.loans) for notice in told} == {(loan,)}


def test_an_offer_is_told_to_whom_it_is_made(scene: Scene) -> None:
    """And whether it still stands."""
    loan, _ = lent(scene)
    with bank(scene) as opened:
        assert ServicingDesk(opened).offer(loan, OTHER, scene.now + DAY_MS).accepted
    (notice,) = notices(scene, OTHER, since=1)
    assert (notice.kind, notice.by, notice.subject, notice.reason) == ("offer", BANK, loan, "open")
    assert notices(scene, BANK) == []
    scene.now += DAY_MS
    assert [one.reason for one in notices(scene, OTHER, since=1)] == ["closed"]


@pytest.mark.parametrize("seen", [0, 10**6])
def test_a_ledger_with_fewer_blocks_than_were_read_is_read_again(scene: Scene, seen: int) -> None:
    """It was restored from a backup: what was told of blocks that are gone says nothing of those that came since."""
    _, quota = lent(scene)
    collect(scene, quota, 5)
    with bank(scene) as opened:
        opened.book.read_blocks(seen)
    assert len(notices(scene)) == 1
