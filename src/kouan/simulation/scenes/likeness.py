"""Scene 5, first half: papers that look alike. One is the same goods again, the other an innocent neighbour."""

from __future__ import annotations

from typing import NamedTuple

from kouan.client.amounts import Amount
from kouan.client.bank_desk import Wanted
from kouan.client.likeness_book import BookedLikeness
from kouan.client.paper_desk import Sent
from kouan.client.showing import LikenessError
from kouan.client.wallet import Part
from kouan.kernel.quota import held
from kouan.modules.financing.records import Product
from kouan.simulation.cast import INSTRUMENT_MAKER, LAMP_MAKER, LENDER, OTHER_BANKS, RIVAL, TOY_MAKER, Trader
from kouan.simulation.checks import Checks
from kouan.simulation.port import SeededPort
from kouan.simulation.scenes.business import lend_on
from kouan.simulation.trade_papers import buyer_of, house_bill, invoice, seller_of

ALIKE_DAY = 113
INVOICE = "MH-2026-0117"
INVOICE_VALUE = Amount(184_500_00, "USD")
MASTER_BILL = "COSU6412345670"
BILL_VALUE = Amount(46_000_00, "USD")
REASON = "同一集装箱的两家货主：货代提单、唛头、重量均不同，已核对两份装箱单"
REASON_EN = "two shippers in one container: house bills, marks and weights differ; both packing lists seen"


class AlteredShown(NamedTuple):
    """An invoice that comes a second time with another number."""

    first: str
    """Its number."""
    lender: str
    lent: Amount
    second: str
    bank: str
    """The bank that is shown it the second time."""
    told: str
    """What that bank's clerk reads instead of a hold."""
    found: BookedLikeness
    """As the second bank has it."""
    found_by_lender: BookedLikeness
    """As the first bank's evening look has it."""
    held: int
    """What came of it on the ledger, in minor units."""


class NeighboursShown(NamedTuple):
    """Two honest shippers in one container."""

    master: str
    bills: tuple[str, str]
    banks: tuple[str, str]
    found: BookedLikeness
    """As it was told to the second bank."""
    cleared: BookedLikeness
    lent: Amount
    """By the second bank, afterwards."""


def show_altered_number(port: SeededPort, checks: Checks) -> AlteredShown:
    """Lend on an invoice; a second bank is shown it as ``-A`` and calls the first one instead of lending."""
    port.clock.move_to(ALIKE_DAY, 9)
    parties = (seller_of(INSTRUMENT_MAKER), buyer_of(INSTRUMENT_MAKER))
    code, day = INSTRUMENT_MAKER.code, port.clock.day_of(ALIKE_DAY - 2)
    first = port.record(code, LENDER, invoice(parties, INVOICE, day, INVOICE_VALUE))
    lent = lend_all(port, code, LENDER, first, "invoice")

    port.clock.move_to(ALIKE_DAY, 14)
    second = port.record(code, RIVAL, invoice(parties, f"{INVOICE}-A", day, INVOICE_VALUE))
    checks.holds("altered.recorded", first.result.accepted and second.result.accepted)
    told = try_to_hold(port, code, RIVAL, second, "invoice")
    checks.holds("altered.to-be-reviewed", told)
    (found,) = port.bank(RIVAL).papers.likenesses()
    checks.equal("altered.kinds", found.kinds, ["altered-number", "parties-amount-month"])
    checks.equal("altered.whom-to-call", (found.number, found.other_member), (f"{INVOICE}-A", LENDER))
    (mine,) = port.bank(LENDER).papers.likenesses()
    checks.equal("altered.both-are-told", (mine.number, mine.other_member), (INVOICE, RIVAL))
    now_ms = port.clock.now_ms()
    on_it = sum(quota.used + held(quota, now_ms) for quota in [port.quota(_name(second))])
    checks.equal("altered.nothing-lent-twice", on_it, 0)
    return AlteredShown(INVOICE, LENDER, lent, f"{INVOICE}-A", RIVAL, told, found, mine, on_it)


def show_neighbours(port: SeededPort, checks: Checks) -> NeighboursShown:
    """Two shippers share a container: the second one's bank is told, its checker compares, and the bank lends."""
    port.clock.move_to(ALIKE_DAY + 1, 9)
    banks = (OTHER_BANKS[0], OTHER_BANKS[1])
    earlier = _bill(port, TOY_MAKER, banks[0], "DFF-SH-7701")
    lend_all(port, TOY_MAKER.code, banks[0], earlier, "packing-loan")
    later = _bill(port, LAMP_MAKER, banks[1], "DFF-SH-7702")
    told = try_to_hold(port, LAMP_MAKER.code, banks[1], later, "packing-loan")
    (found,) = port.bank(banks[1]).papers.likenesses()
    checks.equal("neighbours.told", (bool(told), found.kinds, found.other_member), (True, ["master-number"], banks[0]))
    cleared = port.checker(banks[1]).clear(found.id, REASON)
    lent = lend_all(port, LAMP_MAKER.code, banks[1], later, "packing-loan")
    checks.equal("neighbours.cleared-by", cleared.cleared_by, "checker")
    return NeighboursShown(MASTER_BILL, ("DFF-SH-7701", "DFF-SH-7702"), banks, found, cleared, lent)


def lend_all(port: SeededPort, code: str, bank: str, sent: Sent, product: Product) -> Amount:
    """Hold and pay out all that a paper carries; return how much."""
    quota = port.quota(_name(sent))
    given = port.consent(code, bank, [Part(sent.looked.number, quota.unit, quota.limit)])
    lend_on(port, bank, given, Wanted(product, port.clock.at(200, 24)))
    return Amount(quota.limit, quota.unit)


def try_to_hold(port: SeededPort, code: str, bank: str, sent: Sent, product: Product) -> str:
    """Return why the desk does not send a hold on a paper; empty when it does."""
    quota = port.quota(_name(sent))
    given = port.consent(code, bank, [Part(sent.looked.number, quota.unit, quota.limit)])
    try:
        port.bank(bank).lending.hold(given.slip, Wanted(product, port.clock.at(200, 24)))
    except LikenessError as stopped:
        return str(stopped)
    return ""


def _bill(port: SeededPort, trader: Trader, bank: str, number: str) -> Sent:
    paper = house_bill(trader, number, MASTER_BILL, port.clock.day_of(ALIKE_DAY - 3))
    sent = port.record(trader.code, bank, paper, value=BILL_VALUE)
    if not sent.result.accepted:
        raise AssertionError(f"a bill of the story is not recorded: {sent.result}")
    return sent


def _name(sent: Sent) -> str:
    if sent.looked.quota is None:
        raise AssertionError("a paper of the story has no number")
    return sent.looked.quota
