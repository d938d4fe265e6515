"""What the rules say to commands that draw: hold, extend, disburse, refinance, substitute.

Written, as is `servicing`, from `kouan/modules/financing/README.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from kouan.kernel.rejections import Rejection
from kouan.modules.financing.commands.holding import DisburseCommand, ExtendCommand, HoldCommand
from kouan.modules.financing.commands.refinancing import RefinanceCommand
from kouan.modules.financing.commands.substituting import SubstituteCommand
from kouan.simulation.audit import weighing
from kouan.simulation.audit.books import RefusedError
from kouan.simulation.audit.rows import Document, Entry, Hold, Loan
from kouan.simulation.audit.rules import Rule, Said
from kouan.simulation.audit.signatures import canonical, holds

LARGEST: Final = 2**53 - 1
_MOST_HOLDS: Final = 16
_MOST_ALLOCATIONS: Final = 64
_LAPSES_ALLOWED: Final = 2
_RATE_ONE: Final = 10**8
_KINDS: Final = ("contract", "export", "invoice", "order", "transport")


def carries(row: Document, purpose: str) -> bool:
    """Tell whether loans of a purpose may stand on a document."""
    return row.kind in _KINDS and row.purpose == purpose


def own_loan(said: Said, name: str) -> Loan:
    """Return a loan of the signer."""
    loan = said.books.loans.get(name)
    if loan is None:
        raise RefusedError(Rejection.FINANCING_UNKNOWN, "financing")
    if loan.bank != said.member:
        raise RefusedError(Rejection.FINANCING_NOT_LENDER, "financing")
    return loan


def own_held_loan(said: Said, name: str) -> Loan:
    """Return a loan of the signer that has living holds."""
    loan = own_loan(said, name)
    if not loan.set_aside():
        raise RefusedError(Rejection.NOTHING_HELD, "financing")
    if loan.lapse_ms <= said.time_ms:
        raise RefusedError(Rejection.HOLD_LAPSED, "financing")
    return loan


def write_loan(said: Said, name: str, loan: Loan) -> None:
    """Write a changed loan: the offer falls, and its state is what has become of it."""
    if any(loan.owed_in_order()):
        state = "disbursed"
    elif any(loan.drawn(quota) for quota in loan.quotas):
        state = "disbursed" if loan.is_held(said.time_ms) else "settled"
    elif loan.is_held(said.time_ms):
        state = "held"
    else:
        state = "released"
        loan = loan._replace(reason=loan.reason or "reversed")
    said.books.put_loan(name, loan._replace(offer=None, state=state))


def with_entry(said: Said, loan: Loan, kind: str, amounts: Mapping[str, int], interest: int = 0) -> Loan:
    """Return the loan with one event more."""
    return loan._replace(entries=(*loan.entries, Entry(dict(amounts), said.signer, interest, kind, said.time_ms)))


def tell_overdrawn(said: Said, quotas: Iterable[str]) -> None:
    """Raise the revision of each quota that is over-drawn: its other lenders relied on the room."""
    for quota in quotas:
        row = said.books.documents[quota]
        if said.books.used(quota) > said.books.limit(quota):
            said.books.put_document(quota, row._replace(revision=row.revision + 1))


def give_back(said: Said, loan: Loan) -> Loan:
    """Return the loan without holds. Those that had lapsed before are still remembered against the bank."""
    if loan.is_held(said.time_ms):
        return loan._replace(holds={quota: hold for quota, hold in loan.holds.items() if hold.given_up})
    return loan._replace(holds={quota: hold._replace(given_up=True) for quota, hold in loan.holds.items()})


def _check_active(row: Document, name: str) -> None:
    if row.status == "withdrawn":
        raise RefusedError(Rejection.QUOTA_WITHDRAWN, name)
    if row.status != "active":
        raise RefusedError(Rejection.QUOTA_SUSPENDED, name)


def _check_draw(said: Said, financing: str, draw: Any, signed_amount: int, purpose: str) -> Document:
    """Check what every draw on a document needs, up to its being active."""
    row = said.books.documents.get(draw.quota)
    if row is None:
        raise RefusedError(Rejection.QUOTA_UNKNOWN, draw.quota)
    if not carries(row, purpose):
        raise RefusedError(Rejection.QUOTA_WRONG_KIND, draw.quota)
    if draw.expires_ms <= said.time_ms:
        raise RefusedError(Rejection.DRAW_EXPIRED, draw.quota)
    consent = {
        "alliance": said.alliance,
        "amount": signed_amount,
        "drawer": said.member,
        "expires_ms": draw.expires_ms,
        "financing": financing,
        "purpose": purpose,
        "quota": draw.quota,
    }
    if not holds(row.draw_key, "kouan/draw/1", canonical(consent), draw.signature):
        raise RefusedError(Rejection.DRAW_BAD_SIGNATURE, draw.quota)
    _check_active(row, draw.quota)
    return row


def _check_room(said: Said, quota: str, amount: int) -> None:
    if amount > said.books.room(quota, said.time_ms):
        raise RefusedError(Rejection.QUOTA_EXCEEDED, quota)


def _check_new(said: Said, cmd: Any) -> None:
    if cmd.financing in said.books.loans:
        raise RefusedError(Rejection.FINANCING_EXISTS, "financing")
    if cmd.maturity_ms <= said.time_ms:
        raise RefusedError(Rejection.MATURITY_PAST, "maturity_ms")


def _take_parts(said: Said, cmd: Any, check: Callable[[str, int], None], grown: Callable[[Loan], Loan]) -> Loan:
    """Put the allocations of a new loan on their documents one by one, then check that they are worth the loan.

    ``grown`` returns the loan with what was granted so far held or drawn: so the books show it to the trade.
    """
    granted: dict[str, int] = {}
    for draw in cmd.allocations:
        if draw.quota in granted:
            raise RefusedError(Rejection.ALLOCATION_TWICE, draw.quota)
        _check_draw(said, cmd.financing, draw, draw.amount, cmd.purpose)
        check(draw.quota, draw.amount)
        granted[draw.quota] = draw.amount
        said.books.put_loan(cmd.financing, grown(new_loan(said, cmd, dict(granted))))
        weighing.place(said, draw.quota, cmd.financing)
    check_worth(said, cmd)
    return said.books.loans[cmd.financing]


def check_worth(said: Said, cmd: Any) -> None:
    """Check that the allocations of a new loan are worth its amount, at just the rates that they need."""
    worth = 0
    units = []
    for part in cmd.allocations:
        unit = said.books.documents[part.quota].unit
        if unit == cmd.currency:
            worth += part.amount
        else:
            units.append(unit)
            worth += part.amount * cmd.rates.get(unit, 0) // _RATE_ONE
    if sorted(set(units)) != sorted(cmd.rates):
        raise RefusedError(Rejection.RATES_MISFIT, "rates")
    if worth != cmd.amount:
        raise RefusedError(Rejection.AMOUNT_NOT_SUM, "amount")


def new_loan(said: Said, cmd: Any, granted: dict[str, int]) -> Loan:
    """Return a loan on some documents, of which nothing is held or drawn yet."""
    return Loan(
        advances=0,
        amount=cmd.amount,
        answers={},
        bank=said.member,
        currency=cmd.currency,
        entries=(),
        granted=granted,
        holds={},
        lapse_ms=0,
        maturity_ms=cmd.maturity_ms,
        offer=None,
        predecessor=None,
        purpose=cmd.purpose,
        quotas=tuple(granted),
        rates=cmd.rates,
        reason=None,
        registration=None,
        seen={quota: said.books.documents[quota].revision for quota in granted},
        state="held",
    )


def _hold(said: Said, cmd: HoldCommand) -> None:
    _check_new(said, cmd)
    if cmd.lapse_ms <= said.time_ms:
        raise RefusedError(Rejection.HOLD_LAPSED, "lapse_ms")
    if cmd.lapse_ms - said.time_ms > said.books.charter[f"financing.hold_max_ms.{cmd.product}"]:
        raise RefusedError(Rejection.HOLD_TOO_LONG, "lapse_ms")

    def check(quota: str, amount: int) -> None:
        if len(said.books.living(quota, said.time_ms)) >= _MOST_HOLDS:
            raise RefusedError(Rejection.HOLDS_TOO_MANY, quota)
        if said.books.lapses(quota, said.time_ms).get(said.member, 0) >= _LAPSES_ALLOWED:
            raise RefusedError(Rejection.HOLD_THIRD, quota)
        _check_room(said, quota, amount)

    def held(loan: Loan) -> Loan:
        parts = loan.granted.items()
        holds = {quota: Hold(amount=amount, drawer=loan.bank, drawn=False, extended=False) for quota, amount in parts}
        return loan._replace(holds=holds, lapse_ms=cmd.lapse_ms)

    _take_parts(said, cmd, check, held)


def _extend(said: Said, cmd: ExtendCommand) -> None:
    loan = own_held_loan(said, cmd.financing)
    if cmd.lapse_ms <= loan.lapse_ms:
        raise RefusedError(Rejection.DATE_NOT_LATER, "lapse_ms")
    if cmd.lapse_ms - loan.lapse_ms > said.books.charter["financing.extension_max_ms"]:
        raise RefusedError(Rejection.HOLD_TOO_LONG, "lapse_ms")
    for quota in loan.quotas:
        if quota in loan.holds and loan.holds[quota].extended:
            raise RefusedError(Rejection.HOLD_EXTENDED_ALREADY, quota)
    longer = {quota: hold._replace(extended=True) for quota, hold in loan.holds.items()}
    write_loan(said, cmd.financing, loan._replace(holds=longer, lapse_ms=cmd.lapse_ms))


def _check_payout(said: Said, cmd: DisburseCommand, loan: Loan) -> str | None:
    """Check what can be told without looking at a document; return the registration."""
    if loan.written_off is not None:
        raise RefusedError(Rejection.FINANCING_WRITTEN_OFF, "financing")
    if loan.maturity_ms <= said.time_ms:
        raise RefusedError(Rejection.MATURITY_PAST, "financing")
    if len(cmd.amounts) != len(loan.quotas) or not any(cmd.amounts):
        raise RefusedError(Rejection.AMOUNTS_MISFIT, "amounts")
    registration = cmd.registration or loan.registration
    if registration is None and said.books.charter["financing.registration_required"]:
        raise RefusedError(Rejection.REGISTRATION_MISSING, "registration")
    return registration


def _disburse(said: Said, cmd: DisburseCommand) -> None:
    loan = own_held_loan(said, cmd.financing)
    registration = _check_payout(said, cmd, loan)
    paid = {quota: amount for quota, amount in zip(loan.quotas, cmd.amounts, strict=True) if amount}
    left = dict(loan.holds)
    for quota, amount in paid.items():
        hold = loan.holds.get(quota)
        if hold is None:
            raise RefusedError(Rejection.HOLD_UNKNOWN, quota)
        if amount > hold.amount:
            raise RefusedError(Rejection.HOLD_SMALLER, quota)
        _check_active(said.books.documents[quota], quota)
        if amount > said.books.room(quota, said.time_ms) + hold.amount:
            raise RefusedError(Rejection.QUOTA_EXCEEDED, quota)
        if amount == hold.amount:
            del left[quota]
        else:
            left[quota] = hold._replace(amount=hold.amount - amount, drawn=True)
    loan = loan._replace(holds=left, registration=registration)
    write_loan(said, cmd.financing, with_entry(said, loan, "disbursement", paid))
    for quota in paid:
        weighing.pay_out(said, quota, cmd.financing)


def _check_consent(said: Said, cmd: RefinanceCommand, old: Loan) -> None:
    if cmd.consent is None:
        raise RefusedError(Rejection.CONSENT_MISSING, "consent")
    if cmd.consent.expires_ms <= said.time_ms:
        raise RefusedError(Rejection.CONSENT_EXPIRED, "consent")
    agreed = {
        "alliance": said.alliance,
        "amounts": cmd.payoff,
        "drawer": said.member,
        "expires_ms": cmd.consent.expires_ms,
        "financing": cmd.predecessor,
        "interest": cmd.interest,
        "successor": cmd.financing,
    }
    public = said.parties[old.bank].keys.get(cmd.consent.key)
    if public is None or not holds(public, "kouan/consent/1", canonical(agreed), cmd.consent.signature):
        raise RefusedError(Rejection.CONSENT_BAD_SIGNATURE, "consent")


def _refinance(said: Said, cmd: RefinanceCommand) -> None:
    _check_new(said, cmd)
    old = said.books.loans.get(cmd.predecessor)
    if old is None:
        raise RefusedError(Rejection.FINANCING_UNKNOWN, "predecessor")
    if not any(old.owed_in_order()):
        raise RefusedError(Rejection.NOTHING_OUTSTANDING, "predecessor")
    if cmd.payoff != old.owed_in_order():
        raise RefusedError(Rejection.PAYOFF_MISFIT, "payoff")
    if old.bank != said.member:
        _check_consent(said, cmd, old)
    if cmd.registration is None and said.books.charter["financing.registration_required"]:
        raise RefusedError(Rejection.REGISTRATION_MISSING, "registration")
    if old.interest() + cmd.interest > LARGEST:
        raise RefusedError(Rejection.QUOTA_NUMBER_TOO_LARGE, "interest")
    paid_off = dict(zip(old.quotas, cmd.payoff, strict=True))
    old = give_back(said, old)._replace(successor=cmd.financing)
    write_loan(said, cmd.predecessor, with_entry(said, old, "pay-off", paid_off, cmd.interest))

    def drawn(loan: Loan) -> Loan:
        succeeding = loan._replace(predecessor=cmd.predecessor, registration=cmd.registration)
        return with_entry(said, succeeding, "refinancing", loan.granted)

    new = _take_parts(said, cmd, lambda quota, amount: _check_room(said, quota, amount), drawn)
    write_loan(said, cmd.financing, new)


def _check_exchange(loan: Loan, cmd: SubstituteCommand) -> None:
    named: list[str] = [part.quota for part in cmd.replaced] + [draw.quota for draw in cmd.allocations]
    for quota in named:
        if named.count(quota) > 1:
            raise RefusedError(Rejection.ALLOCATION_TWICE, quota)
    for part in cmd.replaced:
        if part.quota not in loan.quotas:
            raise RefusedError(Rejection.ALLOCATION_UNKNOWN, part.quota)
        if part.amount > loan.owed(part.quota):
            raise RefusedError(Rejection.REPAID_TOO_MUCH, part.quota)
    if len({*loan.quotas, *named}) > _MOST_ALLOCATIONS:
        raise RefusedError(Rejection.ALLOCATIONS_TOO_MANY, "allocations")
    if _by_unit(cmd.replaced) != _by_unit(cmd.allocations):
        raise RefusedError(Rejection.SUBSTITUTE_UNEQUAL, "allocations")


def _by_unit(parts: Sequence[Any]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in parts:
        unit = part.quota.rpartition(".")[2]
        sums[unit] = sums.get(unit, 0) + part.amount
    return sums


def _substitute(said: Said, cmd: SubstituteCommand) -> None:
    loan = own_loan(said, cmd.financing)
    _check_exchange(loan, cmd)
    rest = with_entry(said, loan, "moved-out", {part.quota: part.amount for part in cmd.replaced})
    said.books.put_loan(cmd.financing, rest)  # the room is free for what follows
    seen, moved_in = dict(rest.seen), dict[str, int]()
    for draw in cmd.allocations:
        in_all = rest.may_draw(draw.quota) + draw.amount
        if in_all > LARGEST:
            raise RefusedError(Rejection.QUOTA_NUMBER_TOO_LARGE, draw.quota)
        row = _check_draw(said, cmd.financing, draw, in_all, loan.purpose)
        _check_room(said, draw.quota, draw.amount)
        seen[draw.quota] = row.revision
        moved_in[draw.quota] = draw.amount
        quotas = (*rest.quotas, *(quota for quota in moved_in if quota not in rest.quotas))
        moved = with_entry(said, rest._replace(quotas=quotas, seen=dict(seen)), "moved-in", dict(moved_in))
        said.books.put_loan(cmd.financing, moved)
        weighing.place(said, draw.quota, cmd.financing)
    write_loan(said, cmd.financing, said.books.loans[cmd.financing])


def _rule(record: Any, predict: Any) -> Rule:
    return Rule(record, frozenset({"bank"}), starts=True, predict=predict)


RULES: Final = {
    "financing.hold/1": _rule(HoldCommand, _hold),
    "financing.extend/1": _rule(ExtendCommand, _extend),
    "financing.disburse/1": _rule(DisburseCommand, _disburse),
    "financing.refinance/1": _rule(RefinanceCommand, _refinance),
    "financing.substitute/1": _rule(SubstituteCommand, _substitute),
}
