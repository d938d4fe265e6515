"""The opening of seals: asked for, answered by the second holder, disclosed once the charter's time is over."""

from __future__ import annotations

from typing import Any

from tests.modules.customs.port import QUOTA, attest, port, some16, some32

from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.rejections import Rejection
from kouan.kernel.suites import digest
from kouan.modules.customs.records import Opening

REQUEST = some16("request")
SALT = some32("salt")
SEALED_MS = 5_000


def _request(**fields: Any) -> dict[str, Any]:
    commitment = to_text(digest("kouan/commitment/opening/1", from_text(SALT), QUOTA.encode()))
    return {"commitment": commitment, "request": REQUEST, "type": "customs.request-opening/1"} | fields


def _answer() -> dict[str, Any]:
    return {"request": REQUEST, "type": "customs.answer-opening/1"}


def _disclose(**fields: Any) -> dict[str, Any]:
    return {"quota": QUOTA, "request": REQUEST, "salt": SALT, "type": "customs.disclose-opening/1"} | fields


def test_an_opening_is_recorded_answered_and_disclosed_without_touching_the_declaration() -> None:
    ledger = port(opening_sealed_ms=SEALED_MS)
    ledger.accept("customs", attest())
    before = ledger.state.get(f"quota/{QUOTA}")
    requested_ms = ledger.time_ms
    ledger.accept("overseer", _request())
    ledger.advance(10)
    ledger.accept("commerce", _answer())
    hidden = ledger.must(Opening, f"opening/{REQUEST}")
    assert (hidden.requester, hidden.requested_ms) == ("overseer", requested_ms)
    assert (hidden.answered_by, hidden.answered_ms, hidden.quota) == ("commerce", requested_ms + 10, None)
    assert QUOTA.encode() not in (ledger.state.get(f"opening/{REQUEST}") or b"")

    ledger.advance(SEALED_MS - 11)
    assert ledger.code("overseer", _disclose()) == Rejection.OPENING_STILL_SEALED
    ledger.advance(1)
    ledger.accept("overseer", _disclose())
    shown = ledger.must(Opening, f"opening/{REQUEST}")
    assert (shown.quota, shown.disclosed_ms, shown.answered_by) == (QUOTA, ledger.time_ms, "commerce")
    assert ledger.state.get(f"quota/{QUOTA}") == before


def test_the_disclosure_must_be_of_the_very_declaration_that_was_committed_to() -> None:
    ledger = port(opening_sealed_ms=0)
    ledger.accept("overseer", _request())
    for other in (_disclose(quota=f"{some32('other')}.USD"), _disclose(quota=QUOTA[:-3] + "EUR")):
        assert ledger.code("overseer", other) == Rejection.OPENING_WRONG_COMMITMENT
    ledger.accept("overseer", _disclose())


def test_a_request_that_was_never_answered_comes_to_light_as_well_and_can_still_be_answered() -> None:
    ledger = port(opening_sealed_ms=0)
    ledger.accept("overseer", _request())
    ledger.accept("overseer", _disclose())
    assert ledger.must(Opening, f"opening/{REQUEST}").answered_by is None
    ledger.accept("commerce", _answer())
    assert ledger.must(Opening, f"opening/{REQUEST}").quota == QUOTA


def test_a_request_id_is_never_used_twice_even_after_disclosure() -> None:
    ledger = port(opening_sealed_ms=0)
    ledger.accept("overseer", _request())
    ledger.accept("overseer", _disclose())
    assert ledger.code("overseer", _request()) == Rejection.OPENING_EXISTS


def test_two_requests_for_the_same_declaration_look_unrelated() -> None:
    ledger = port()
    ledger.accept("overseer", _request())
    other = to_text(digest("kouan/commitment/opening/1", from_text(some32("salt 2")), QUOTA.encode()))
    ledger.accept("overseer-b", _request(request=some16("second"), commitment=other))
    first, second = (ledger.must(Opening, f"opening/{some16(name)}") for name in ("request", "second"))
    assert first.commitment != second.commitment
