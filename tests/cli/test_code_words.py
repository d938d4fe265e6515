"""Every code that a command shows has its Chinese word."""

from __future__ import annotations

from typing import get_args

from tests.cli.conftest import Kouan
from tests.cli.loans import BANK, declare, done, hold

from kouan.cli.code_words import _CHINESE, code_word
from kouan.client.loan_statement import _FLAGS
from kouan.client.papers import STATES
from kouan.modules.alliance.rules import Role
from kouan.modules.financing.records import Product


def test_no_code_is_without_a_word() -> None:
    """What the ledger may hold, and what the papers name, is what the words are for."""
    assert _CHINESE["role"].keys() == set(get_args(Role))
    assert _CHINESE["product"].keys() == set(get_args(Product))
    assert _CHINESE["state"].keys() == STATES.keys()
    assert _CHINESE["flag"].keys() == _FLAGS.keys()
    assert (code_word("stage", "closed", "zh"), code_word("stage", "closed", "en")) == ("结关", "closed")


def test_chinese_lists_show_no_codes(kouan: Kouan) -> None:
    number = declare(kouan)
    hold(kouan, f"{number}:1000.00 USD")
    in_chinese = {"KOUAN_LANG": "zh"}
    declarations = done(kouan("enterprise", "declarations", env=in_chinese)).out
    loans = done(kouan("financing", "list", "--as", BANK, env=in_chinese)).out
    members = done(kouan("member", "list", env=in_chinese)).out
    assert "结关" in declarations
    assert "核证金额" in declarations
    assert "出口押汇" in loans
    assert "占用" in loans
    assert "运营方、第二持有人" in members
    assert not any(code in declarations + loans + members for code in ("closed", "active", "held", "convener"))
