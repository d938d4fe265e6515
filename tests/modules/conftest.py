"""Fixtures for the tests of modules."""

import pytest
from tests.modules.ledger import Ledger


@pytest.fixture
def ledger() -> Ledger:
    """An alliance just founded, with the commands of its own module."""
    return Ledger()
