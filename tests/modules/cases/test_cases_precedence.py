"""Every refusal of every command, in precedence order: a command that deserves two gets the earlier one."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from itertools import combinations
from typing import Any, Final, NamedTuple

import pytest
from msgspec.structs import replace
from tests.modules.cases.trade import EMPTY, Trade, Wire, loan_id, some32
from tests.modules.financing.book import quota_id

from kouan.kernel.records import Member
from kouan.kernel.rejections import Rejection
from kouan.modules.cases.commands import COMMANDS
from kouan.modules.cases.records import MAX_DOCUMENTS
from kouan.modules.cases.rules import case_key

ORDER, CONTRACT, INVOICE, BILL = ("order", "PO-1"), ("contract", "C-1"), ("invoice", "INV-1"), ("transport", "BL-1")
UNKNOWN: Final = f"{some32('unknown')}.USD"
BAD: Final = "A" * 86


class Fault(NamedTuple):
    """What makes a sound command deserve one refusal."""

    code: Rejection
    spoil: Callable[[Trade, Wire], Any] | None = None
    """Change the ledger or the command. Faults are applied last one first."""
    sender: str = ""
    suspends: bool = False
    excludes: frozenset[Rejection] = frozenset()
    """Later refusals that no command can deserve together with this one."""


class Scene(NamedTuple):
    """A command that is accepted as it stands, and its faults in precedence order."""

    sender: str
    make: Callable[[Trade], Wire]
    faults: list[Fault]


def trade() -> Trade:
    """Two declarations that name an order and a contract, a paper of bank-a, one of bank-b, and an import."""
    port = Trade()
    port.linked("one", 1000, ORDER)
    port.linked("two", 1000, CONTRACT)
    port.recorded("bank-a", "transport", "BL-1", 1000)
    port.recorded("bank-b", "transport", "BL-2", 1000)
    port.declare("import", 1000)
    port.edit_quota(quota(port, "import"), kind="import")
    port.declare("fresh", 1000)
    return port


def quota(port: Trade, name: str, kind: str = "") -> str:
    if kind:
        return port.paper(kind, name)
    return quota_id(name)


def put(**fields: Any) -> Callable[[Trade, Wire], None]:
    return lambda _port, cmd: cmd.update(fields)


def edit(name: str, **changes: Any) -> Callable[[Trade, Wire], None]:
    return lambda port, _cmd: port.edit_quota(quota(port, name), **changes)


def edit_target(**changes: Any) -> Callable[[Trade, Wire], None]:
    """Change the quota that the command is about."""
    return lambda port, cmd: port.edit_quota(cmd["quota"], **changes)


def _evaluate(*names: tuple[str, str]) -> Callable[[Trade, Wire], None]:
    """Let the evaluator find these numbers."""

    def spoil(port: Trade, cmd: Wire) -> None:
        signature = cmd["evaluation"]["signature"]
        cmd["evaluation"] = port.evaluation("bank-a", names)
        if signature == BAD:
            cmd["evaluation"]["signature"] = BAD

    return spoil


def _unevaluated(_port: Trade, cmd: Wire) -> None:
    cmd["evaluation"]["evaluator"] = "bank-a"


def _bad_evaluation(_port: Trade, cmd: Wire) -> None:
    cmd["evaluation"]["signature"] = BAD


def _misfit(port: Trade, cmd: Wire) -> None:
    """The same number twice, as a careless evaluator would sign it."""
    carried = cmd["evaluation"]["fingerprints"]
    names = [INVOICE, INVOICE] if len(carried) == 2 else [*([ORDER] * 2), CONTRACT]
    _evaluate(*names)(port, cmd)


def _other_number(port: Trade, cmd: Wire) -> None:
    """The evaluator was shown another bill of lading."""
    signature = cmd["evaluation"]["signature"]
    cmd["evaluation"] = port.evaluation("bank-a", [("transport", "BL-9"), ORDER], cmd["fingerprints"])
    if signature == BAD:
        cmd["evaluation"]["signature"] = BAD


def _lowered(cmd: Wire) -> Wire:
    return cmd | {"amount": 900, "reason": "credit-note"}


def _known(port: Trade, cmd: Wire) -> None:
    """Another bank was first, with this number alone."""
    first = cmd | {"consents": [], "evaluation": port.evaluation("bank-b", [INVOICE])}
    port.accept("bank-b", first | {"draw_key": port.quota(quota(port, "one")).draw_key})


def _consents(*names: str) -> Callable[[Trade, Wire], None]:
    def spoil(port: Trade, cmd: Wire) -> None:
        own = [port.paper(*INVOICE)] if cmd["type"] == "cases.record/1" else []
        quotas = [UNKNOWN if name == "unknown" else quota(port, name) for name in names]
        cmd["consents"] = port.consents(quotas, *own)

    return spoil


def _bad_consent(_port: Trade, cmd: Wire) -> None:
    cmd["consents"][-1]["signature"] = BAD


def _both_trades(port: Trade, cmd: Wire) -> None:
    """The paper names a number of either attested trade, and both owners sign."""
    _evaluate(INVOICE, ORDER, CONTRACT)(port, cmd)
    _consents("one", "two")(port, cmd)


def _full(port: Trade, _cmd: Wire) -> None:
    """The trade of the first declaration has 64 documents."""
    one = quota(port, "one")
    case = port.case(one)
    more = [port.declare(f"more {n}", 1) for n in range(MAX_DOCUMENTS - 1)]
    for name in more:
        port.edit_quota(name, facts={"case": case.id})
    port.put(case_key(case.id), replace(case, documents=sorted([one, *more])))


def _record(port: Trade) -> Wire:
    return port.record("bank-a", *INVOICE, 1000, names=[ORDER], signed=[quota(port, "one")])


def _link(port: Trade) -> Wire:
    paper, one = quota(port, "BL-1", "transport"), quota(port, "one")
    return port.link("bank-a", paper, ORDER, signed=[paper, one])


def _join(port: Trade) -> Wire:
    return port.join(quota(port, "one"), quota(port, "two"))


def _without_the_other(port: Trade, cmd: Wire) -> None:
    """Its own owner signs, and the owner of the trade does not."""
    cmd["consents"] = port.consents([cmd["quota"]])


def _unsigned_join(port: Trade, cmd: Wire) -> None:
    """A weaker paper of the first trade signs for it, or the attested one of another."""
    order = port.recorded("bank-a", "order", "PO-9", 1)
    port.accept("bank-a", port.join(order, quota(port, "one")))
    cmd["consents"] = port.consents([order, quota(port, "two")])


def _unseen(port: Trade, cmd: Wire) -> None:
    """Documents of the join as they are named in the command are no quotas."""
    cmd["consents"] = port.consents([quota(port, "two"), UNKNOWN])


MALFORMED: Final = Fault(Rejection.COMMAND_MALFORMED, put(surplus=1))
WRONG_ROLE: Final = Fault(Rejection.ROLE_NOT_PERMITTED, sender="customs")
SUSPENDED: Final = Fault(Rejection.MEMBER_SUSPENDED, suspends=True)
_OF_CONSENTS: Final = frozenset(
    {
        Rejection.QUOTA_UNKNOWN,
        Rejection.QUOTA_WRONG_KIND,
        Rejection.DOCUMENT_DETACHED,
        Rejection.JOIN_BAD_SIGNATURE,
        Rejection.JOIN_NEEDS_AUTHORITY,
        Rejection.JOIN_UNSIGNED,
    }
)
"""These change the same consents, or are about which they are: that the first wins is shown by the order of checks."""
BAD_EVALUATION: Final = [
    Fault(Rejection.EVALUATOR_UNKNOWN, _unevaluated),
    Fault(Rejection.EVALUATION_BAD_SIGNATURE, _bad_evaluation),
    Fault(Rejection.FINGERPRINTS_MISFIT, _misfit, excludes=frozenset({Rejection.JOIN_NEEDS_AUTHORITY})),
]
PAPER: Final = [
    Fault(
        Rejection.QUOTA_UNKNOWN,
        put(quota=UNKNOWN),
        excludes=frozenset({Rejection.QUOTA_WRONG_KIND}),
    ),
    Fault(Rejection.QUOTA_WRONG_KIND, edit_target(kind="import")),
]
OWN: Final = [
    *PAPER,
    Fault(Rejection.QUOTA_NOT_ISSUER, sender="bank-c"),
    Fault(Rejection.QUOTA_WITHDRAWN, edit_target(status="withdrawn")),
]

SCENES: Final = [
    Scene(
        "bank-a",
        _record,
        [
            MALFORMED,
            WRONG_ROLE,
            SUSPENDED,
            *BAD_EVALUATION,
            Fault(Rejection.DOCUMENT_KNOWN, _known),
            Fault(Rejection.DRAW_KEY_UNSOUND, put(draw_key=EMPTY)),
            Fault(Rejection.QUOTA_UNKNOWN, _consents("unknown"), excludes=_OF_CONSENTS),
            Fault(Rejection.QUOTA_WRONG_KIND, _consents("import"), excludes=_OF_CONSENTS),
            Fault(Rejection.DOCUMENT_DETACHED, edit("one", facts={"detached": EMPTY}), excludes=_OF_CONSENTS),
            Fault(Rejection.JOIN_BAD_SIGNATURE, _bad_consent),
            Fault(Rejection.JOIN_NEEDS_AUTHORITY, _both_trades, excludes=frozenset({Rejection.JOIN_UNSIGNED})),
            Fault(Rejection.JOIN_UNSIGNED, _consents("fresh"), excludes=frozenset({Rejection.CASE_FULL})),
            Fault(Rejection.CASE_FULL, _full),
        ],
    ),
    Scene(
        "bank-a",
        _link,
        [
            MALFORMED,
            WRONG_ROLE,
            Fault(
                Rejection.QUOTA_UNKNOWN,
                put(quota=UNKNOWN),
                excludes=frozenset({Rejection.QUOTA_WRONG_KIND, Rejection.DOCUMENT_DETACHED, Rejection.JOIN_UNSIGNED}),
            ),
            Fault(Rejection.QUOTA_WRONG_KIND, edit_target(kind="import")),
            Fault(
                Rejection.DOCUMENT_DETACHED,
                lambda port, cmd: port.edit_quota(
                    cmd["quota"], facts=port.quota(cmd["quota"]).facts | {"detached": EMPTY}
                ),
            ),
            *BAD_EVALUATION,
            Fault(Rejection.JOIN_BAD_SIGNATURE, _bad_consent),
            Fault(
                Rejection.JOIN_NEEDS_AUTHORITY,
                lambda port, cmd: _in_first_trade(port, cmd, CONTRACT),
                excludes=frozenset({Rejection.JOIN_UNSIGNED, Rejection.CASE_FULL}),
            ),
            Fault(Rejection.JOIN_UNSIGNED, _without_the_other),
            Fault(Rejection.CASE_FULL, _full),
        ],
    ),
    Scene(
        "bank-a",
        _join,
        [
            MALFORMED,
            WRONG_ROLE,
            Fault(Rejection.QUOTA_UNKNOWN, _unseen, excludes=_OF_CONSENTS),
            Fault(
                Rejection.QUOTA_WRONG_KIND, edit("two", kind="import"), excludes=frozenset({Rejection.JOIN_UNSIGNED})
            ),
            Fault(Rejection.DOCUMENT_DETACHED, edit("two", facts={"detached": EMPTY}), excludes=_OF_CONSENTS),
            Fault(Rejection.JOIN_BAD_SIGNATURE, _bad_consent),
            Fault(Rejection.JOIN_UNSIGNED, _unsigned_join, excludes=frozenset({Rejection.CASE_FULL})),
            Fault(Rejection.CASE_FULL, _full),
        ],
    ),
    Scene(
        "bank-a",
        lambda port: port.confirm(quota(port, "BL-2", "transport")),
        [
            MALFORMED,
            WRONG_ROLE,
            SUSPENDED,
            *PAPER,
            Fault(Rejection.QUOTA_WITHDRAWN, edit_target(status="withdrawn")),
            Fault(Rejection.CONFIRMED_BY_RECORDER, sender="bank-b"),
            Fault(Rejection.DOCUMENT_CHANGED, put(commitment=some32("older"))),
            Fault(
                Rejection.EVIDENCE_NOT_STRONGER,
                lambda port, cmd: port.edit_quota(cmd["quota"], facts={"evidence": "confirmed", "purpose": "seller"}),
            ),
        ],
    ),
    Scene(
        "bank-a",
        lambda port: _lowered(port.renumber(quota(port, "BL-1", "transport"), BILL, ORDER)),
        [
            MALFORMED,
            WRONG_ROLE,
            *OWN,
            Fault(
                Rejection.AMENDMENT_NOT_LOWER,
                put(amount=1000, reason="split"),
                excludes=frozenset({Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED}),  # of any other reason
            ),
            Fault(Rejection.EVALUATOR_UNKNOWN, _unevaluated),
            Fault(Rejection.EVALUATION_BAD_SIGNATURE, _bad_evaluation),
            Fault(Rejection.FINGERPRINTS_MISFIT, _other_number),
            Fault(Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED, put(amount=2000, reason="correction"), suspends=True),
        ],
    ),
    Scene(
        "bank-a",
        lambda port: {"type": "cases.withdraw/1", "quota": quota(port, "BL-1", "transport"), "reason": "cancelled"},
        [MALFORMED, WRONG_ROLE, *OWN],
    ),
    Scene(
        "bank-c",
        lambda port: port.review(quota(port, "one")),
        [
            MALFORMED,
            WRONG_ROLE,
            Fault(
                Rejection.QUOTA_UNKNOWN,
                put(quota=UNKNOWN),
                excludes=frozenset({Rejection.CASE_UNKNOWN}),
            ),
            Fault(Rejection.CASE_UNKNOWN, lambda port, cmd: cmd.update(quota=quota(port, "fresh"))),
            Fault(Rejection.REVISION_STALE, put(revision=7)),
        ],
    ),
    Scene(
        "overseer",
        lambda port: port.dispute(quota(port, "one")),
        [
            MALFORMED,
            WRONG_ROLE,
            Fault(
                Rejection.QUOTA_UNKNOWN,
                put(quota=UNKNOWN),
                excludes=frozenset({Rejection.CASE_UNKNOWN}),
            ),
            Fault(Rejection.CASE_UNKNOWN, lambda port, cmd: cmd.update(quota=quota(port, "fresh"))),
            Fault(Rejection.QUOTA_WRONG_KIND, put(reason="forged")),
        ],
    ),
]


def _in_first_trade(port: Trade, cmd: Wire, name: tuple[str, str]) -> None:
    """The paper is in the first trade already, and names a number of the second."""
    port.accept("bank-a", _link(port))
    _evaluate(name)(port, cmd)


def _code(scene: Scene, *faults: Fault) -> int:
    """The result of a command with these faults."""
    port = trade()
    command = scene.make(port)
    for fault in reversed(faults):
        if fault.spoil is not None:
            fault.spoil(port, command)
    if any(fault.suspends for fault in faults):
        for name in ("bank-a", "bank-b", "bank-c", "customs"):
            member = port.ledger.must(Member, f"member/{name}")
            port.put(f"member/{name}", replace(member, suspended=True))
    sender = next((fault.sender for fault in faults if fault.sender), scene.sender)
    return port.ledger.code(sender, command)


def _pairs() -> list[Any]:
    return [
        pytest.param(scene, earlier, later, id=f"{n}-{earlier.code.name}-{later.code.name}")
        for n, scene in enumerate(SCENES)
        for earlier, later in combinations(scene.faults, 2)
        if later.code not in earlier.excludes
    ]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.make(trade())["type"])
def test_a_sound_command_is_accepted_and_each_fault_alone_gets_its_own_refusal(scene: Scene) -> None:
    assert _code(scene) == 0
    assert [_code(scene, fault) for fault in scene.faults] == [fault.code for fault in scene.faults]


@pytest.mark.parametrize(("scene", "earlier", "later"), _pairs())
def test_of_two_refusals_the_earlier_one_is_told(scene: Scene, earlier: Fault, later: Fault) -> None:
    assert _code(scene, earlier, later) == earlier.code


def test_the_paper_s_own_number_must_be_there_just_once() -> None:
    """None of its own kind, or two: which paper would it be?"""
    port = trade()
    command = _record(port)
    for names in ([ORDER], [INVOICE, ("invoice", "INV-2")]):
        changed = command | {"evaluation": port.evaluation("bank-a", names)}
        assert port.refused("bank-a", changed) == (Rejection.FINGERPRINTS_MISFIT, "evaluation")


def test_a_draw_is_refused_for_the_cap_before_the_review() -> None:
    """What no review can lift is told first, or banks would review in vain."""
    port = trade()
    euros = port.recorded("bank-a", "invoice", "INV-E", 1000, names=[ORDER], signed=[quota(port, "one")], unit="EUR")
    hold = port.hold("bank-b", loan_id("euros"), {euros: 700}, currency="EUR")
    port.accept("bank-b", hold)
    port.accept("bank-b", port.disburse(loan_id("euros"), 700))
    one = quota(port, "one")
    order = port.recorded("bank-a", "order", "PO-1", 9000, signed=[one])
    port.accept("bank-a", port.review(one))
    port.lend("bank-a", "order", {order: 6300})
    assert port.try_hold("bank-b", "both", {one: 1}) == (Rejection.CASE_EXCEEDED, one)
    port.accept("bank-a", port.repay(loan_id("order"), 6300))
    assert port.try_hold("bank-b", "other currency", {one: 1}) == (Rejection.CASE_TO_REVIEW, one)


def test_every_command_has_a_scene_and_every_code_of_cases_is_reached() -> None:
    assert {scene.make(trade())["type"] for scene in SCENES} == {command.type for command in COMMANDS}
    reached = {fault.code for scene in SCENES for fault in scene.faults}
    of_draws = {Rejection.CASE_TO_REVIEW, Rejection.CASE_EXCEEDED}
    assert {code for code in Rejection if 400 <= code < 500} == {code for code in reached if code >= 400} | of_draws


def test_the_readme_lists_each_commands_refusals_in_this_order() -> None:
    text = files("kouan.modules.cases").joinpath("README.md").read_text(encoding="utf-8")
    for scene in SCENES:
        section = text.split(f"**`{scene.make(trade())['type']}`**")[1].split("**`")[0]
        listed = re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", section.split("Refused:")[1].split("\n\n")[0])
        assert listed == [fault.code.name for fault in scene.faults if fault.code >= Rejection.QUOTA_EXISTS]
