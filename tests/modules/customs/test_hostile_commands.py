"""What is not exactly a command of customs is refused as malformed, before anything is looked up; nothing crashes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.modules.customs.port import (
    HANDLE,
    QUOTA,
    amend,
    attest,
    move_on,
    port,
    rekey,
    resume,
    some16,
    suspend,
    withdraw,
)
from tests.modules.ledger import Ledger

from kouan.kernel.encoding import MAX_INTEGER
from kouan.kernel.rejections import Rejection

BAD_FIELDS: list[dict[str, Any]] = [
    attest(attested=0),
    attest(attested=-1),
    attest(attested="100"),
    attest(attested=None),
    attest(commitment=HANDLE[:-1]),
    attest(custodial=0),
    attest(draw_key=""),
    attest(handle=HANDLE[:-1] + "B"),
    attest(handle=HANDLE + "A"),
    attest(kind="transit"),
    attest(mode="110"),
    attest(mode=110),
    attest(mode="01100"),
    attest(provisional="yes"),
    attest(stage="cleared"),
    attest(unit="usd"),
    attest(unit="US"),
    attest(unit="USDT"),
    attest(surplus=1),
    move_on("closed", quota=HANDLE),
    move_on("closed", quota=f"{HANDLE}.USD "),
    move_on("closed", quota=f"{HANDLE}.usd"),
    move_on("cancelled"),
    amend(-1, "correction"),
    amend(1, "typing-error"),
    amend(1, "correction", provisional=1),
    suspend(reason=""),
    suspend(reason="Under inspection"),
    suspend(reason="x" * 33),
    rekey(custodial=None),
]


@pytest.fixture(scope="module")
def long_lived() -> Ledger:
    """One ledger for all examples: what is refused leaves nothing behind."""
    ledger = port()
    ledger.accept("customs", attest())
    return ledger


@pytest.mark.parametrize("command", BAD_FIELDS, ids=str)
def test_a_field_of_the_wrong_shape_is_malformed(long_lived: Ledger, command: dict[str, Any]) -> None:
    assert long_lived.code("customs", command) == Rejection.COMMAND_MALFORMED


@pytest.mark.parametrize("field", sorted(set(attest()) - {"type"}))
def test_a_missing_field_is_malformed(long_lived: Ledger, field: str) -> None:
    command = {name: value for name, value in attest().items() if name != field}
    assert long_lived.code("customs", command) == Rejection.COMMAND_MALFORMED


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(alphabet='aZ09-_."\\ ', max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
_REQUEST = some16("request")
_SOUND = [
    attest(),
    move_on("closed"),
    amend(1, "correction", provisional=None),
    withdraw(),
    suspend(),
    resume(),
    rekey(),
    {"commitment": HANDLE, "request": _REQUEST, "type": "customs.request-opening/1"},
    {"request": _REQUEST, "type": "customs.answer-opening/1"},
    {"quota": QUOTA, "request": _REQUEST, "salt": HANDLE, "type": "customs.disclose-opening/1"},
]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), command=st.sampled_from(_SOUND), sender=st.sampled_from(["customs", "overseer", "commerce"]))
def test_no_value_in_any_field_crashes_a_command(
    long_lived: Ledger, data: st.DataObject, command: dict[str, Any], sender: str
) -> None:
    field = data.draw(st.sampled_from(sorted(set(command) - {"type"})))
    code = long_lived.code(sender, command | {field: data.draw(_JSON)})
    assert code == 0 or Rejection.COMMAND_MALFORMED <= code < 300
