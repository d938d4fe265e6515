"""Scene 5, second half: order, invoice and declarations are one trade, with one amount for all its banks."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from kouan.client.amounts import Amount
from kouan.client.bank_desk import Placed, Wanted
from kouan.client.paper_desk import record_command
from kouan.client.paper_intake import Looked
from kouan.client.paper_secrets import kind_of
from kouan.client.payoff import read_pay_off
from kouan.client.session import Order as Envelope
from kouan.client.showing import Document, show
from kouan.client.wallet import Part
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_files
from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.commands.recording import RecordCommand
from kouan.modules.cases.queries import CaseView, case_view
from kouan.simulation.cast import (
    BEARING_MAKER,
    CAREFUL_BANK,
    LAMP_MAKER,
    LENDER,
    OTHER_BANKS,
    PARTS_MAKER,
    RIVAL,
    SLOW_BANK,
    TOY_MAKER,
    Trader,
)
from kouan.simulation.checks import Checks
from kouan.simulation.clock import DAY_MS
from kouan.simulation.declarations import Filed, Shipment, declaration_of, write_messages
from kouan.simulation.port import CONSENT_DAYS, SeededPort
from kouan.simulation.scenes.attesting import receive
from kouan.simulation.scenes.business import registration
from kouan.simulation.scenes.likeness import lend_all
from kouan.simulation.trade_papers import buyer_of, invoice, order, seller_of

ORDER_DAY = 115
SHIPPED_DAY = 130
ORDER = "GL-PO-8841"
CONTRACT = "JD-2026-0031"
ORDER_VALUE = Amount(600_000_00, "USD")
ORDER_LOAN = Amount(360_000_00, "USD")
FIRST_DRAWN = Amount(200_000_00, "USD")
SHIPMENTS = ((3_000, 2000), (27_000, 2000))
"""Pieces and cents a piece: a tenth of the order first, then the rest."""
BOTH_SIDES = "LG-2026-0207"
CANCELLED_CONTRACT = "QP-2026-0040"
CANCELLED = (4_000, 2000)
SHIPPED = "shipments"


class OrderShown(NamedTuple):
    """An order loan from the first shipment to its refinancing."""

    order: str
    bank: str
    lent: Amount
    first: str
    """The first declaration's number."""
    refused_bank: str
    refused: Rejection | None
    """What a second bank is told when it would lend on the first shipment."""
    after_first: CaseView
    """The trade once the loan was paid out in full, the first shipment attested."""
    refinanced_by: str
    after: CaseView
    """The trade once everything is shipped and the loan refinanced."""


class StrangerShown(NamedTuple):
    """Somebody invents a stranger's invoice, on that stranger's order."""

    stranger: str
    """The attacker's code."""
    stopped: str
    """What its bank's desk says."""
    by_hand: Rejection | None
    """What the ledger says to a command that the desk does not send."""


class BothSidesShown(NamedTuple):
    """Buyer and seller both want money on one invoice."""

    number: str
    sellers_bank: str
    lent: Amount
    buyers_bank: str
    refused: Rejection | None


class CancelledShown(NamedTuple):
    """A declaration is lent on, cancelled, and declared anew."""

    first: str
    again: str
    lender: str
    lent: Amount
    bank: str
    refused: Rejection | None


def lend_on_order(port: SeededPort, checks: Checks) -> OrderShown:
    """Lend on an order, ship a tenth, lend the rest; another bank refinances on what was shipped in the end."""
    port.clock.move_to(ORDER_DAY, 9)
    code, parties = PARTS_MAKER.code, (seller_of(PARTS_MAKER), buyer_of(PARTS_MAKER))
    desk = port.bank(SLOW_BANK).lending
    port.record(code, SLOW_BANK, order(parties, ORDER, port.clock.day_of(ORDER_DAY - 9), ORDER_VALUE))
    given = port.consent(code, SLOW_BANK, [Part(ORDER, "USD", ORDER_LOAN.minor)])
    placed = desk.hold(given.slip, Wanted("order", port.clock.at(ORDER_DAY + 90, 24)))
    drawn = desk.disburse(given.financing, registration=registration(port), amount=FIRST_DRAWN)
    checks.holds("order.lent", placed.result.accepted and drawn.result.accepted)

    port.clock.move_to(ORDER_DAY + 1, 10)
    first = _ship(port, PARTS_MAKER, SHIPMENTS[0], CONTRACT, 901)
    day, value = port.clock.day_of(ORDER_DAY + 1), Amount(60_000_00, "USD")
    paper = invoice(parties, "JD-INV-0101", day, value, order=ORDER, contract=CONTRACT)
    checks.holds("order.invoice-joins", port.record(code, SLOW_BANK, paper).result.accepted)
    again = _hold(port, PARTS_MAKER, RIVAL, [first])
    checks.equal("order.shipment-not-again", again.result.code, Rejection.CASE_EXCEEDED)
    rest = desk.disburse(given.financing)
    checks.holds("order.survives-first-shipment", rest.result.accepted)
    quota = placed.declarations[0].quota
    after_first = _case(port, quota)
    checks.equal("order.documents", [one.kind for one in after_first.documents].count("order"), 1)
    checks.equal("order.one-trade", len(after_first.documents), 3)

    port.clock.move_to(SHIPPED_DAY, 10)
    second = _ship(port, PARTS_MAKER, SHIPMENTS[1], CONTRACT, 902)
    _refinance(port, checks, given.financing, [first, second])
    after = _case(port, quota)
    checks.equal("order.refinanced", [(side.used, side.held) for side in after.sides], [(ORDER_LOAN.minor, 0)])
    return OrderShown(
        ORDER, SLOW_BANK, ORDER_LOAN, first.entry_id, RIVAL, again.result.code, after_first, CAREFUL_BANK, after
    )


def join_strangers_trade(port: SeededPort, checks: Checks) -> StrangerShown:
    """Hand in an invented invoice of a stranger on its order: without that owner's signature it joins nothing."""
    port.clock.move_to(SHIPPED_DAY, 13)
    bank, code = OTHER_BANKS[0], TOY_MAKER.code
    parties = (seller_of(PARTS_MAKER), buyer_of(PARTS_MAKER))
    value = Amount(90_000_00, "USD")
    paper = invoice(parties, "FX-INV-0666", port.clock.day_of(SHIPPED_DAY), value, order=ORDER)
    desk, slip = port.bank(bank).papers, port.show(code, bank, paper)
    looked = desk.look(slip)
    stopped = ""
    try:
        desk.record(slip)
    except ValueError as problem:
        stopped = str(problem)
    (result,) = port.session(bank).send([Envelope("cases.record/1", _by_hand(port, bank, looked))])
    checks.holds("stranger.desk", f"the slip is of {code}" in stopped)
    checks.equal("stranger.ledger", result.code, Rejection.JOIN_UNSIGNED)
    return StrangerShown(code, stopped, result.code)


def ask_from_both_sides(port: SeededPort, checks: Checks) -> BothSidesShown:
    """Lend to the seller of an invoice; the buyer's bank is told to look before it lends on the same one."""
    port.clock.move_to(SHIPPED_DAY, 14)
    parties = (seller_of(BEARING_MAKER), seller_of(PARTS_MAKER))
    paper = invoice(parties, BOTH_SIDES, port.clock.day_of(SHIPPED_DAY - 4), Amount(900_000_00, "CNY"))
    sellers_bank, buyers_bank = OTHER_BANKS[0], LENDER
    sold = port.record(BEARING_MAKER.code, sellers_bank, paper)
    lent = lend_all(port, BEARING_MAKER.code, sellers_bank, sold, "invoice")
    bought = port.record(PARTS_MAKER.code, buyers_bank, paper, "buyer")
    given = port.consent(PARTS_MAKER.code, buyers_bank, [Part(BOTH_SIDES, "CNY", lent.minor)])
    placed = port.bank(buyers_bank).lending.hold(given.slip, Wanted("invoice", port.clock.at(200, 24)))
    checks.holds("both-sides.recorded", sold.result.accepted and bought.result.accepted)
    checks.equal("both-sides.to-review", placed.result.code, Rejection.CASE_TO_REVIEW)
    return BothSidesShown(BOTH_SIDES, sellers_bank, lent, buyers_bank, placed.result.code)


def cancel_and_declare_anew(port: SeededPort, checks: Checks) -> CancelledShown:
    """Lend on a declaration that is cancelled afterwards; the same goods under a new number are not free."""
    port.clock.move_to(SHIPPED_DAY, 15)
    first = _ship(port, LAMP_MAKER, CANCELLED, CANCELLED_CONTRACT, 903)
    placed = _hold(port, LAMP_MAKER, LENDER, [first])
    drawn = port.bank(LENDER).lending.disburse(placed.financing, registration=registration(port))
    checks.holds("cancelled.lent", placed.result.accepted and drawn.result.accepted)
    port.clock.move_to(SHIPPED_DAY + 1, 10)
    withdrawn = port.customs().withdraw([first.entry_id], "declared-wrongly")
    checks.holds("cancelled.withdrawn", all(one.result.accepted for outcome in withdrawn for one in outcome.results))
    again = _ship(port, LAMP_MAKER, CANCELLED, CANCELLED_CONTRACT, 904, bill=first.bill_no)
    once_more = _hold(port, LAMP_MAKER, RIVAL, [again])
    checks.equal("cancelled.not-again", once_more.result.code, Rejection.CASE_EXCEEDED)
    lent = Amount(sum(one.amount for one in placed.declarations), "USD")
    return CancelledShown(first.entry_id, again.entry_id, LENDER, lent, RIVAL, once_more.result.code)


def _ship(
    port: SeededPort, trader: Trader, goods: tuple[int, int], contract: str, serial: int, *, bill: str | None = None
) -> Declaration:
    """Declare goods that have left, let customs attest them, and hand the owner the slip."""
    shipment = Shipment(trader, *goods, contract)
    made = declaration_of(shipment, 990_000_000 + serial, port.clock.now.date())
    declared = made if bill is None else replace(made, bill_no=bill)
    ((_, read),) = read_files(write_messages(port.directory / SHIPPED, [Filed(declared, "closed")]))
    if isinstance(read, Exception):
        raise read
    desk = port.customs()
    (outcome,) = desk.attest([desk.prepare(read, port.wallet(trader.code).file(read.entry_id), "closed")])
    if not all(one.result.accepted for one in outcome.results):
        raise AssertionError(f"a declaration of the story is not attested: {outcome.results}")
    receive(port, trader.code, outcome.slip)
    return read


def _limit(port: SeededPort, declaration: Declaration) -> int:
    (quota,) = port.customs().quotas(declaration.entry_id)
    return quota.limit


def _hold(port: SeededPort, trader: Trader, bank: str, on: list[Declaration]) -> Placed:
    """Ask a bank for all that declarations carry."""
    given = port.consent(trader.code, bank, [Part(one.entry_id, "USD", _limit(port, one)) for one in on])
    return port.bank(bank).lending.hold(given.slip, Wanted("export-bill", port.clock.now_ms() + 90 * DAY_MS))


def _refinance(port: SeededPort, checks: Checks, predecessor: str, shipped: list[Declaration]) -> None:
    """Pay the order loan off by an export bill of another bank, on all that was shipped."""
    small, large = (_limit(port, one) for one in shipped)
    amounts = [small, min(large, ORDER_LOAN.minor - small)]
    parts = [Part(one.entry_id, "USD", amount) for one, amount in zip(shipped, amounts, strict=True)]
    given = port.consent(PARTS_MAKER.code, CAREFUL_BANK, parts)
    lender = port.bank(SLOW_BANK)
    pay_off = lender.servicing.pay_off_slip(
        predecessor,
        to=CAREFUL_BANK,
        successor=given.financing,
        expires_ms=port.clock.now_ms() + CONSENT_DAYS * DAY_MS,
        seed=port.signing_seed(SLOW_BANK),
    )
    wanted = Wanted("export-bill", port.clock.now_ms() + 90 * DAY_MS)
    placed = port.bank(CAREFUL_BANK).lending.refinance(
        given.slip, wanted, predecessor, registration(port), read_pay_off(pay_off)
    )
    checks.holds("order.refinanced-after-shipment", placed.result.accepted)


def _case(port: SeededPort, quota: str) -> CaseView:
    view = case_view(port.session(SLOW_BANK), quota, port.clock.now_ms())
    if view is None:
        raise AssertionError("a paper of the story is in no case")
    return view


def _by_hand(port: SeededPort, bank: str, looked: Looked) -> RecordCommand:
    """Return what the desk does not send: a stranger's paper, without the signatures of the trade that it names."""
    content, fingerprints = looked.content, looked.commitments.fingerprints
    document = Document(kind_of(looked.paper), looked.number, fingerprints, from_text(content.secret), content.fields)
    evaluation = show(port.bank(bank).bank, port.evaluator, document)
    if evaluation is None:
        raise AssertionError("a paper of the story has no number")
    return record_command(looked, evaluation, [], to_text(bytes(32)))
