"""What the rules say to commands that draw nothing: release, repay, collect, sell, review, reverse and the like."""

from __future__ import annotations

from typing import Any, Final

from kouan.kernel.rejections import Rejection
from kouan.modules.financing.commands.collecting import CollectCommand, ReverseCollectionCommand
from kouan.modules.financing.commands.holding import ReleaseCommand
from kouan.modules.financing.commands.reversing import ReverseCommand
from kouan.modules.financing.commands.selling import AcceptCommand, CancelOfferCommand, OfferCommand
from kouan.modules.financing.commands.servicing import ProlongCommand, RepayCommand, ReviewCommand, WriteOffCommand
from kouan.simulation.audit import weighing
from kouan.simulation.audit.books import WHOLE_BP, RefusedError
from kouan.simulation.audit.drawing import (
    LARGEST,
    carries,
    give_back,
    own_held_loan,
    own_loan,
    tell_overdrawn,
    with_entry,
    write_loan,
)
from kouan.simulation.audit.rows import Entry, Hold, Loan, Money
from kouan.simulation.audit.rules import Rule, Said

_REVERSIBLE: Final = ("advance", "brought-in", "disbursement", "repayment", "write-off")
_PAID_OUT: Final = ("brought-in", "disbursement")


def _release(said: Said, cmd: ReleaseCommand) -> None:
    loan = own_held_loan(said, cmd.financing)
    write_loan(said, cmd.financing, give_back(said, loan)._replace(reason=cmd.reason))


def _repay(said: Said, cmd: RepayCommand) -> None:
    loan = own_loan(said, cmd.financing)
    if not any(loan.drawn(quota) for quota in loan.quotas):
        raise RefusedError(Rejection.NOTHING_OUTSTANDING, "financing")
    if len(cmd.amounts) != len(loan.quotas) or not (any(cmd.amounts) or cmd.interest):
        raise RefusedError(Rejection.AMOUNTS_MISFIT, "amounts")
    paid = dict(zip(loan.quotas, cmd.amounts, strict=True))
    for quota, amount in paid.items():
        if amount > loan.owed(quota):
            raise RefusedError(Rejection.REPAID_TOO_MUCH, quota)
    if cmd.payer == "bank":
        advanced = loan._replace(advances=loan.advances + 1)
        write_loan(said, cmd.financing, with_entry(said, advanced, "advance", paid, cmd.interest))
        return
    if loan.interest() + cmd.interest > LARGEST:
        raise RefusedError(Rejection.QUOTA_NUMBER_TOO_LARGE, "interest")
    write_loan(said, cmd.financing, with_entry(said, loan, "repayment", paid, cmd.interest))


def _owing(said: Said, name: str) -> Loan:
    loan = own_loan(said, name)
    if not any(loan.owed_in_order()):
        raise RefusedError(Rejection.NOTHING_OUTSTANDING, "financing")
    return loan


def _prolong(said: Said, cmd: ProlongCommand) -> None:
    loan = _owing(said, cmd.financing)
    if cmd.maturity_ms <= loan.maturity_ms or cmd.maturity_ms <= said.time_ms:
        raise RefusedError(Rejection.DATE_NOT_LATER, "maturity_ms")
    write_loan(said, cmd.financing, loan._replace(maturity_ms=cmd.maturity_ms))


def _write_off(said: Said, cmd: WriteOffCommand) -> None:
    loan = _owing(said, cmd.financing)
    if loan.written_off is not None:
        raise RefusedError(Rejection.FINANCING_WRITTEN_OFF, "financing")
    owed = {quota: loan.owed(quota) for quota in loan.quotas}
    write_loan(said, cmd.financing, with_entry(said, loan._replace(written_off=cmd.reason), "write-off", owed))


def _review(said: Said, cmd: ReviewCommand) -> None:
    loan = own_loan(said, cmd.financing)
    if cmd.quota not in loan.quotas:
        raise RefusedError(Rejection.ALLOCATION_UNKNOWN, "quota")
    if said.books.documents[cmd.quota].revision != cmd.revision:
        raise RefusedError(Rejection.REVISION_STALE, "revision")
    answers, seen = {**loan.answers, cmd.quota: cmd.answer}, {**loan.seen, cmd.quota: cmd.revision}
    write_loan(said, cmd.financing, loan._replace(answers=answers, seen=seen))


def _collect(said: Said, cmd: CollectCommand) -> None:
    if cmd.collection in said.books.moneys:
        raise RefusedError(Rejection.COLLECTION_EXISTS, "collection")
    if cmd.financing is not None and cmd.financing not in said.books.loans:
        raise RefusedError(Rejection.FINANCING_UNKNOWN, "financing")
    items: dict[str, tuple[int, bool]] = {}
    for item in cmd.items:
        if item.quota in items:
            raise RefusedError(Rejection.ALLOCATION_TWICE, item.quota)
        _check_receipt(said, item, cmd.financing)
        items[item.quota] = (item.amount, item.final)
    said.books.put_money(cmd.collection, Money(said.signer, cmd.financing, items, said.time_ms, None))


def _check_receipt(said: Said, item: Any, financing: str | None) -> None:
    row = said.books.documents.get(item.quota)
    if row is None:
        raise RefusedError(Rejection.QUOTA_UNKNOWN, item.quota)
    if not carries(row, "seller"):
        raise RefusedError(Rejection.QUOTA_WRONG_KIND, item.quota)
    if not item.amount and not item.final:
        raise RefusedError(Rejection.AMOUNTS_MISFIT, item.quota)
    if item.final and said.books.is_settled(item.quota):
        raise RefusedError(Rejection.COLLECTION_FINAL_ALREADY, item.quota)
    beyond = row.attested * said.books.charter["financing.collection_tolerance_bp"] // WHOLE_BP
    if item.amount and said.books.collected(item.quota) + item.amount > row.attested + beyond:
        raise RefusedError(Rejection.COLLECTED_TOO_MUCH, item.quota)
    if said.books.collected(item.quota) + item.amount > LARGEST:
        raise RefusedError(Rejection.QUOTA_NUMBER_TOO_LARGE, item.quota)
    if item.final and not _may_end(said, item.quota, financing):
        raise RefusedError(Rejection.COLLECTION_FINAL_NOT_LENDER, item.quota)


def _may_end(said: Said, quota: str, financing: str | None) -> bool:
    """Tell whether the signer may say that the buyer has paid for good: one that lends there, or nobody does."""
    holding = said.books.living(quota, said.time_ms)
    if not said.books.used(quota) and not holding:
        return True
    if financing is None or said.books.loans[financing].bank != said.member:
        return False
    return financing in holding or said.books.loans[financing].owed(quota) > 0


def _check_reversal(said: Said, made: Entry | Money, *, undone: bool) -> None:
    if undone:
        raise RefusedError(Rejection.ENTRY_REVERSED_ALREADY)
    if made.by.partition("/")[0] != said.member:
        raise RefusedError(Rejection.REVERSAL_OTHER_BANK)
    if made.by == said.signer:
        raise RefusedError(Rejection.REVERSAL_SAME_KEY)
    if said.parties[said.member].keyed_ms >= made.time_ms:
        raise RefusedError(Rejection.REVERSAL_NEWER_KEY)
    if said.time_ms - made.time_ms > said.books.charter["financing.reversal_max_ms"]:
        raise RefusedError(Rejection.REVERSAL_TOO_LATE)


def _reverse_collection(said: Said, cmd: ReverseCollectionCommand) -> None:
    money = said.books.moneys.get(cmd.collection)
    if money is None:
        raise RefusedError(Rejection.COLLECTION_UNKNOWN, "collection")
    _check_reversal(said, money, undone=money.undone_by is not None)
    said.books.put_money(cmd.collection, money._replace(undone_by=said.signer))


def _offer(said: Said, cmd: OfferCommand) -> None:
    loan = _owing(said, cmd.financing)
    buyer = said.parties.get(cmd.to)
    if buyer is None or cmd.to == said.member or "bank" not in buyer.roles:
        raise RefusedError(Rejection.OFFER_BAD_BUYER, "to")
    if cmd.lapse_ms <= said.time_ms:
        raise RefusedError(Rejection.OFFER_LAPSED, "lapse_ms")
    said.books.put_loan(cmd.financing, loan._replace(offer=(cmd.to, cmd.lapse_ms)))


def _cancel_offer(said: Said, cmd: CancelOfferCommand) -> None:
    loan = own_loan(said, cmd.financing)
    if loan.offer is None:
        raise RefusedError(Rejection.OFFER_UNKNOWN, "financing")
    write_loan(said, cmd.financing, loan)


def _accept(said: Said, cmd: AcceptCommand) -> None:
    loan = said.books.loans.get(cmd.financing)
    if loan is None:
        raise RefusedError(Rejection.FINANCING_UNKNOWN, "financing")
    if loan.offer is None or loan.offer[0] != said.member:
        raise RefusedError(Rejection.OFFER_UNKNOWN, "financing")
    if loan.offer[1] <= said.time_ms:
        raise RefusedError(Rejection.OFFER_LAPSED, "financing")
    if loan.is_held(said.time_ms):
        passed = {quota: hold._replace(drawer=said.member) for quota, hold in loan.holds.items()}
        loan = loan._replace(holds=passed)
    owed = {quota: loan.owed(quota) for quota in loan.quotas}
    write_loan(said, cmd.financing, with_entry(said, loan._replace(bank=said.member), "sale", owed))


def _reverse(said: Said, cmd: ReverseCommand) -> None:
    loan = own_loan(said, cmd.financing)
    if cmd.entry > len(loan.entries):
        raise RefusedError(Rejection.ENTRY_UNKNOWN, "entry")
    entry = loan.entries[cmd.entry - 1]
    if entry.kind not in _REVERSIBLE:
        raise RefusedError(Rejection.ENTRY_NOT_REVERSIBLE, "entry")
    _check_reversal(said, entry, undone=entry.undone)
    for quota in loan.quotas:
        amount = entry.amounts.get(quota, 0)
        if entry.kind in _PAID_OUT and amount and loan.owed(quota) < amount:
            raise RefusedError(Rejection.ENTRY_BUILT_UPON, quota)
        if entry.kind == "repayment" and said.books.used(quota) + amount > LARGEST:
            raise RefusedError(Rejection.QUOTA_NUMBER_TOO_LARGE, quota)
    undone = list(loan.entries)
    undone[cmd.entry - 1] = entry._replace(undone=True)
    loan = loan._replace(entries=tuple(undone))
    if entry.kind == "advance":
        loan = loan._replace(advances=loan.advances - 1)
    if entry.kind == "write-off":
        loan = loan._replace(written_off=None)
    if entry.kind in _PAID_OUT and loan.is_held(said.time_ms):
        loan = loan._replace(holds={quota: _undrawn(loan, quota) for quota in loan.holds})
    write_loan(said, cmd.financing, with_entry(said, loan, "reversal", entry.amounts, entry.interest))
    if entry.kind == "repayment":
        _owe_again(said, [quota for quota, amount in entry.amounts.items() if amount])


def _owe_again(said: Said, quotas: list[str]) -> None:
    tell_overdrawn(said, quotas)
    for quota in quotas:
        weighing.note(said, quota)


def _undrawn(loan: Loan, quota: str) -> Hold:
    """Return a hold as it stands after a payout was reversed: undrawn again where nothing else was drawn."""
    hold = loan.holds[quota]
    return hold if loan.drawn(quota) else hold._replace(drawn=False)


def _rule(record: Any, predict: Any, *, starts: bool = False) -> Rule:
    return Rule(record, frozenset({"bank"}), starts, predict)


RULES: Final = {
    "financing.release/1": _rule(ReleaseCommand, _release),
    "financing.repay/1": _rule(RepayCommand, _repay),
    "financing.prolong/1": _rule(ProlongCommand, _prolong),
    "financing.write-off/1": _rule(WriteOffCommand, _write_off),
    "financing.review/1": _rule(ReviewCommand, _review),
    "financing.collect/1": _rule(CollectCommand, _collect),
    "financing.reverse-collection/1": _rule(ReverseCollectionCommand, _reverse_collection),
    "financing.offer/1": _rule(OfferCommand, _offer),
    "financing.cancel-offer/1": _rule(CancelOfferCommand, _cancel_offer),
    "financing.accept/1": _rule(AcceptCommand, _accept, starts=True),
    "financing.reverse/1": _rule(ReverseCommand, _reverse),
}
