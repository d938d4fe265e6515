"""Papers of one trade at a port: the owner's wallet hands them to banks, which have the evaluator at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace
from tests.client.port_scene import DAY_MS, OWNER, Scene

from kouan import bootstrap
from kouan.client.amounts import Amount
from kouan.client.bank import Bank, open_bank
from kouan.client.bank_desk import BankDesk, Registration, Wanted
from kouan.client.enterprises import onboard
from kouan.client.evaluating import Evaluator
from kouan.client.paper_desk import PaperDesk, Sent
from kouan.client.paper_files import read_paper
from kouan.client.paper_slips import JoinRequest, RecordedSlip
from kouan.client.wallet import Part
from kouan.formats.trade_papers import Identifier, Invoice, Order, Party, TradePaper
from kouan.kernel.encoding import encode
from kouan.kernel.records import Member
from kouan.modules.alliance.standing import member_of

BANK, OTHER = "bank-of-huangpu", "wusong-trade-bank"
BUYER: Final = "91310115MA1H7X2P45"
CUSTOMER: Final = "DE999999990"
"""The buyer on the examples."""
PAPERS: Final = Path(__file__).parents[2] / "examples" / "papers"
REGISTRATION = Registration(number="07123456", searched="2019-11-06T10:30:00+08:00", expires="2020-11-06")


def example(name: str) -> Any:
    return read_paper((PAPERS / name).read_bytes(), name)


ORDER: Final[Order] = example("order.json")
INVOICE: Final[Invoice] = example("invoice-ubl.xml")
CONTRACT: Final[TradePaper] = example("contract.json")
BILL: Final[TradePaper] = example("sea-bill.json")
CREDIT_NOTE: Final[Invoice] = example("credit-note-ubl.xml")
DOMESTIC: Final = Party(name="Lingang Fittings", identifiers=(Identifier(scheme="uscc", value=BUYER),))


class Desks(NamedTuple):
    """A bank's desks, opened."""

    bank: Bank
    papers: PaperDesk
    lending: BankDesk
    evaluator: Evaluator


@contextmanager
def at_bank(scene: Scene, member: str = BANK, key: str = "main") -> Iterator[Desks]:
    session = scene.session(member, key)
    with (
        open_bank(scene.home(member), session, scene.entropy) as bank,
        bootstrap.evaluator(scene.port, session, clock=lambda: scene.now) as evaluator,
    ):
        yield Desks(bank, PaperDesk(bank, evaluator), BankDesk(bank, evaluator), evaluator)


def slip(
    scene: Scene,
    paper: TradePaper,
    *,
    bank: str = BANK,
    side: Any = "seller",
    worth: Amount | None = None,
    owner: str = OWNER,
) -> bytes:
    """The owner keeps a paper and hands it to a bank."""
    with scene.wallet(owner) as wallet:
        kept = wallet.add_paper(paper, side, worth)
        return wallet.paper_slip(member(scene, bank), kept.names[2])


def recorded(scene: Scene, paper: TradePaper, *, bank: str = BANK, owner: str = OWNER, **how: Any) -> str:
    """A bank records a paper, the owners having signed what there is to sign; the paper's quota."""
    data = slip(scene, paper, bank=bank, owner=owner, **how)
    with at_bank(scene, bank) as desks:
        request = desks.papers.request(desks.papers.look(data))
        joins = [] if request is None else [signed(scene, request)]
        sent = desks.papers.record(data, joins)
    assert sent.result.accepted, sent.result
    return taken_in(scene, sent, owner)


def taken_in(scene: Scene, sent: Sent, owner: str = OWNER) -> str:
    """The owner takes the recorded slip in."""
    assert sent.receipt is not None
    with scene.wallet(owner) as wallet:
        wallet.receive_paper(scene.reader, msgspec.json.decode(sent.receipt, type=RecordedSlip))
    assert sent.looked.quota is not None
    return sent.looked.quota


def signed(scene: Scene, request: bytes, owner: str = OWNER) -> bytes:
    with scene.wallet(owner) as wallet:
        return encode(wallet.sign_join(scene.reader, msgspec.json.decode(request, type=JoinRequest)))


def member(scene: Scene, name: str) -> Member:
    return member_of(scene.reader, name)


def consent(scene: Scene, *parts: Part, bank: str = BANK, owner: str = OWNER) -> bytes:
    with scene.wallet(owner) as wallet:
        return wallet.consent(scene.reader, member(scene, bank), parts, scene.now + 30 * DAY_MS).slip


def wanted(scene: Scene) -> Wanted:
    return Wanted("order", scene.now + 90 * DAY_MS)


def lend(scene: Scene, *parts: Part, bank: str = BANK, owner: str = OWNER) -> str:
    """Hold and pay out; the loan's id."""
    with at_bank(scene, bank) as desks:
        placed = desks.lending.hold(consent(scene, *parts, bank=bank, owner=owner), wanted(scene))
        assert placed.result.accepted, placed.result
        assert desks.lending.disburse(placed.financing, registration=REGISTRATION).result.accepted
    return placed.financing


def with_buyer(scene: Scene) -> None:
    """A second trader comes, who buys at home."""
    session = scene.session("commerce-commission")
    assert onboard(scene.port, session, BUYER, "Lingang Fittings", None, scene.entropy).result.accepted


def altered(paper: Invoice, **changes: Any) -> Invoice:
    return replace(paper, **changes)
