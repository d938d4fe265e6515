"""Draw keys: one per declaration and generation, all found again from the master seed."""

from __future__ import annotations

import pytest

from kouan.client.drawkeys import MAX_GENERATION, draw_key, draw_seed
from kouan.kernel.encoding import from_text
from kouan.kernel.suites import sign, verify

MASTER = bytes(range(32))
NUMBER = "223320250123456789"


def test_a_restored_wallet_signs_for_the_key_on_the_ledger_whatever_its_generation() -> None:
    on_ledger = draw_key(MASTER, NUMBER, 3)
    generation = next(number for number in range(10) if draw_key(MASTER, NUMBER, number) == on_ledger)
    signature = sign(draw_seed(MASTER, NUMBER, generation), "kouan/draw/1", b"a draw")
    assert verify(from_text(on_ledger), "kouan/draw/1", b"a draw", signature)


def test_every_master_number_and_generation_has_its_own_key() -> None:
    keys = {
        draw_key(master, number, generation)
        for master in (MASTER, bytes(32))
        for number in (NUMBER, "223320250123456788")
        for generation in (0, 1, MAX_GENERATION)
    }
    assert len(keys) == 12


@pytest.mark.parametrize("generation", [-1, MAX_GENERATION + 1])
def test_a_generation_beyond_32_bits_is_refused(generation: int) -> None:
    with pytest.raises(ValueError, match="generation"):
        draw_seed(MASTER, NUMBER, generation)


def test_a_bad_number_or_master_is_refused() -> None:
    with pytest.raises(ValueError, match="declaration number"):
        draw_seed(MASTER, "1", 0)
    with pytest.raises(ValueError, match="wallet master seed"):
        draw_seed(b"", NUMBER, 0)
