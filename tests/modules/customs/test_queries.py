"""What a person is shown of a declaration."""

from __future__ import annotations

import msgspec
from tests.modules.customs.port import (
    MINUTE_MS,
    QUOTA,
    amend,
    attest,
    collect,
    draw,
    port,
    rekey,
    some32,
    suspend,
    withdraw,
)

from kouan.modules.customs.queries import declaration


def test_a_declaration_is_shown_with_everything_derived_at_the_time_asked_for() -> None:
    ledger = port()
    ledger.accept("customs", attest(custodial=True))
    ledger.accept("bank-a", collect(1_000_000))
    ledger.accept("bank-a", draw(2_000_000))
    lapse_ms = ledger.time_ms + MINUTE_MS
    ledger.accept("bank-b", {"amount": 700_000, "lapse_ms": lapse_ms, "quota": QUOTA, "type": "test.hold/1"})
    ledger.accept("customs", amend(9_000_000, "short-shipment"))
    view = declaration(ledger.reader, QUOTA, lapse_ms - 1)
    assert view is not None
    assert msgspec.to_builtins(view) == {
        "quota": QUOTA,
        "kind": "export",
        "unit": "USD",
        "mode": "0110",
        "stage": "closed",
        "status": "active",
        "suspension": None,
        "withdrawal": None,
        "amendment": "short-shipment",
        "provisional": False,
        "attested": 9_000_000,
        "collected": 1_000_000,
        "settled": False,
        "ratio_bp": 8000,
        "limit": 6_400_000,
        "used": 2_000_000,
        "held": 700_000,
        "available": 3_700_000,
        "overdrawn": 0,
        "draws": 1,
        "custodial": True,
        "rekeyed": 0,
        "revision": 1,
    }
    later = declaration(ledger.reader, QUOTA, lapse_ms)
    assert later is not None
    assert (later.held, later.available) == (0, 4_400_000)


def test_reasons_of_suspension_and_withdrawal_and_replaced_keys_are_shown() -> None:
    ledger = port()
    ledger.accept("customs", attest(), suspend(), rekey(), withdraw())
    view = declaration(ledger.reader, QUOTA, ledger.time_ms)
    assert view is not None
    assert (view.status, view.suspension, view.withdrawal) == ("withdrawn", "inspection", "not-shipped")
    assert (view.rekeyed, view.revision, view.available) == (1, 3, 0)


def test_a_declaration_that_the_ledger_does_not_have_is_none() -> None:
    assert declaration(port().reader, f"{some32('unknown')}.USD", 0) is None
