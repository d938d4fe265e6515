"""The comparison with PostgreSQL is worth something only if its procedure checks what Kouan's hold checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from bench.postgres import Cluster, UnavailableError, binaries
from tests.modules.financing.test_precedence import TABLES

from kouan.kernel.rejections import Rejection

GOOD: Final = {
    "loan": "gen_random_uuid()",
    "declaration": "1",
    "bank": "'bank-a'",
    "amount": "100",
    "expires": "now() + interval '1 hour'",
    "lapse": "now() + interval '3 days'",
    "maturity": "now() + interval '90 days'",
    "product": "'export-bill'",
}
CROWD: Final = (
    "insert into hold select 1, gen_random_uuid(), 'bank-c', 1, now() + interval '1 day' from generate_series(1, 16)"
)
TWO_LAPSED: Final = (
    "insert into hold select 1, gen_random_uuid(), 'bank-a', 1, now() - interval '1 day' from generate_series(1, 2)"
)
# What is wrong beforehand (SQL), what is wrong with the call.
FAULTS: Final[dict[Rejection, tuple[str, dict[str, str]]]] = {
    Rejection.FINANCING_EXISTS: (
        "insert into loan values (md5('old')::uuid, 'bank-a', 1, 'USD', 'export-bill', now(), now(), now())",
        {"loan": "md5('old')::uuid"},
    ),
    Rejection.MATURITY_PAST: ("", {"maturity": "now()"}),
    Rejection.HOLD_LAPSED: ("", {"lapse": "now()"}),
    Rejection.HOLD_TOO_LONG: ("", {"lapse": "now() + interval '14 days 1 hour'"}),
    Rejection.QUOTA_UNKNOWN: ("", {"declaration": "0"}),
    Rejection.QUOTA_WRONG_KIND: ("update declaration set kind = 'import' where id = 1", {}),
    Rejection.DRAW_EXPIRED: ("", {"expires": "now()"}),
    Rejection.QUOTA_WITHDRAWN: ("update declaration set status = 'withdrawn' where id = 1", {}),
    Rejection.QUOTA_SUSPENDED: ("update declaration set status = 'suspended' where id = 1", {}),
    Rejection.HOLDS_TOO_MANY: (CROWD, {}),
    Rejection.HOLD_THIRD: (TWO_LAPSED, {}),
    Rejection.QUOTA_EXCEEDED: ("", {"amount": "4000001"}),
}
# What is Kouan's alone (the signature), and what one declaration in the loan's currency cannot get wrong.
LEFT_OUT: Final = {
    Rejection.ALLOCATION_TWICE,
    Rejection.DRAW_BAD_SIGNATURE,
    Rejection.RATES_MISFIT,
    Rejection.AMOUNT_NOT_SUM,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory: Path = tmp_path_factory.mktemp("postgres")
    with ExitStack() as running:
        try:
            started = running.enter_context(Cluster(binaries(), directory, declarations=20_000))
        except UnavailableError as reason:
            pytest.skip(f"PostgreSQL is not here: {reason}")
        yield started


def call(cluster: Cluster, before: str, wrong: dict[str, str]) -> int:
    """Call the procedure after ``before``, and let nothing of it stay."""
    arguments = ", ".join((GOOD | wrong).values())
    return int(cluster.ask(f"begin; {before}; select place_hold({arguments}); rollback"))


def test_the_order_is_that_of_kouans_hold() -> None:
    """Every rejection of Kouan's hold is checked by the procedure, but for those that are named as left out."""
    kouan = [row[0] for row in TABLES["hold"].rows]
    assert [code for code in kouan if code not in LEFT_OUT] == list(FAULTS)


def test_refuses_what_kouan_refuses_in_the_same_order(cluster: Cluster) -> None:
    """With one fault more at a time, from the last one tested to the first, the newest is always the one told."""
    assert call(cluster, "", {}) == 0
    before: list[str] = []
    wrong: dict[str, str] = {}
    for code, (sql, argument) in reversed(FAULTS.items()):
        assert call(cluster, sql, argument) == code
        before.append(sql)
        wrong |= argument
        assert call(cluster, ";".join(before), wrong) == code


def test_a_hold_counts_while_it_lives(cluster: Cluster) -> None:
    """Two holds share a limit until the first lapses; both are written down, and so is the refusal."""
    place = f"select place_hold({', '.join((GOOD | {'declaration': '2', 'amount': '2500000'}).values())})"
    assert [cluster.ask(place), cluster.ask(place)] == ["0", str(int(Rejection.QUOTA_EXCEEDED))]
    cluster.ask("update hold set lapse = now()")
    assert cluster.ask(place) == "0"
    assert cluster.ask("select count(*) from hold") == "2"
    assert cluster.ask("select code, count(*) from audit group by code order by code").split() == ["0|2", "56|1"]


def test_a_measurement_runs(cluster: Cluster) -> None:
    """The scripts fit the tables, and nothing in them is refused."""
    assert all(cluster.rate(script, 1) > 0 for script in ("insert.sql", "hold.sql"))
