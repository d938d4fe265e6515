"""How papers, trade cases and likenesses are shown; and the desks that need the evaluator, opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from rich.console import RenderableType

from kouan import bootstrap
from kouan.cli.calls import Call
from kouan.cli.code_words import code_word
from kouan.cli.output import fields, moment, table
from kouan.client.bank import Bank
from kouan.client.evaluating import Evaluator
from kouan.client.likeness_book import BookedLikeness
from kouan.client.paper_desk import PaperDesk
from kouan.client.paper_intake import Looked
from kouan.client.paper_secrets import kind_of
from kouan.client.reading import has_holder
from kouan.formats.money import money
from kouan.modules.cases.queries import CaseView, Concern
from kouan.modules.cases.rules import EVALUATOR

_CONCERNS: Final[dict[Concern, tuple[str, str]]] = {
    "beyond-stronger": ("more is out than better evidence would carry", "未还余额超过更强证明所能支持的金额"),
    "both-sides": ("buyer and seller both have finance on the trade", "买卖双方均已融资或占用"),
    "conflict": (
        "a link to another trade was shown that no authority vouches for",
        "出示过与另一贸易的关联，但无主管方证明",
    ),
    "currencies": ("finance is in more than one currency", "融资涉及多个币种"),
    "two-shipment-kinds": (
        "finance stands on papers of different kinds that may be of one shipment",
        "融资落在可能属于同一批货物的不同单证上",
    ),
    "weaker-hold": ("something is held on weaker evidence", "有占用依据较弱的证明"),
}
_SIDES: Final = {"buyer": ("buyer's", "买方"), "seller": ("seller's", "卖方")}


@contextmanager
def evaluator_of(call: Call, bank: Bank) -> Iterator[Evaluator | None]:
    """Reach the evaluator; None in an alliance that has none."""
    if not has_holder(bank.session, EVALUATOR):
        yield None
        return
    with bootstrap.evaluator(call.port, bank.session, call.passphrase) as evaluator:
        yield evaluator


@contextmanager
def paper_desk(call: Call, bank: Bank) -> Iterator[PaperDesk]:
    """Open the papers' desk; raises PortError where no evaluator can be reached."""
    with bootstrap.evaluator(call.port, bank.session, call.passphrase) as evaluator:
        yield PaperDesk(bank, evaluator)


def looked_document(looked: Looked) -> dict[str, Any]:
    """Return a paper that was looked at, for programs."""
    content = looked.content
    return {
        "amount_minor": content.amount,
        "cases": [view.id for view in looked.cases],
        "kind": kind_of(looked.paper),
        "likenesses": [likeness_document(one) for one in looked.likenesses],
        "number": looked.number,
        "owner": content.owner,
        "problems": looked.problems,
        "purpose": content.purpose,
        "quota": looked.quota,
        "recorded": looked.recorded is not None,
        "remarks": looked.remarks,
        "to_sign": looked.to_sign,
        "unit": content.unit,
    }


def looked_page(call: Call, bank: Bank, looked: Looked) -> list[RenderableType]:
    """Return a paper that was looked at, for people."""
    content = looked.content
    stands = looked.recorded
    on_ledger = call.text("not recorded", "未登记") if stands is None else _stands(call, stands.status, stands.facts)
    pairs = [
        (call.text("Paper", "单证"), f"{code_word('paper', kind_of(looked.paper), call.lang)} {looked.number}"),
        (call.text("Owner", "企业"), f"{content.owner} ({call.text(*_SIDES[content.purpose])})"),
        (call.text("Worth", "金额"), money(content.amount, content.unit)),
        (call.text("On the ledger", "账本"), on_ledger),
    ]
    shown: list[RenderableType] = [fields(pairs)]
    for view in looked.cases:
        shown += ["", *case_page(call, bank, view)]
    if looked.to_sign:
        names = ", ".join(bank.book.number_of(name) or name for name in looked.to_sign)
        shown.append(call.text(f"To be signed by the owner of {names}", f"须由下列单证的企业签名：{names}"))
    shown += [f"x {problem}" for problem in looked.problems] + [f"! {remark}" for remark in looked.remarks]
    if looked.likenesses:
        shown += ["", likeness_table(call, looked.likenesses)]
    return shown


def case_document(bank: Bank, view: CaseView) -> dict[str, Any]:
    """Return a trade case for programs, with this bank's own review alone."""
    plain = {name: value for name, value in msgspec.to_builtins(view).items() if name != "reviews"}
    documents = [
        {**plain_one, "number": bank.book.number_of(one.quota), "side": one.side._asdict()}
        for plain_one, one in zip(plain["documents"], view.documents, strict=True)
    ]
    sides = [{**msgspec.to_builtins(side), "side": side.side._asdict()} for side in view.sides]
    member = bank.session.member
    own = view.reviews.get(member)
    return {**plain, "documents": documents, "needs_review": view.needs_review(member), "review": own, "sides": sides}


def case_page(call: Call, bank: Bank, view: CaseView) -> list[RenderableType]:
    """Return a trade case for people: every document, every side, what to look at."""
    rows = [
        [
            bank.book.number_of(one.quota) or one.quota,
            code_word("paper", one.kind, call.lang),
            code_word("evidence", one.evidence, call.lang),
            call.text(*_SIDES[one.side.purpose]),
            money(one.limit, one.side.unit),
            money(one.used, one.side.unit),
            money(one.held, one.side.unit),
            code_word("status", one.status, call.lang),
        ]
        for one in view.documents
    ]
    columns = [
        call.text("Document", "单证"),
        call.text("Kind", "种类"),
        call.text("Evidence", "证明"),
        call.text("Side", "融资方"),
        call.text("May be lent on", "可融资总额"),
        call.text("Out", "未还余额"),
        call.text("Held", "占用"),
        call.text("Status", "状态"),
    ]
    title = call.text(f"Trade {view.id}, revision {view.revision}", f"贸易案卷 {view.id}，修订 {view.revision}")
    shown: list[RenderableType] = [table(title, columns, rows, right=(4, 5, 6))]
    for side in view.sides:
        of = f"{side.side.unit} {call.text(*_SIDES[side.side.purpose])}"
        caps = ", ".join(
            f"{code_word('evidence', evidence, call.lang)} {money(cap, side.side.unit)}"
            for evidence, cap in sorted(side.caps.items())
        )
        out, held = money(side.used, side.side.unit), money(side.held, side.side.unit)
        shown.append(
            call.text(f"{of}: out {out}, held {held}; carries {caps}", f"{of}：未还 {out}，占用 {held}；上限 {caps}")
        )
    shown += [f"! {call.text(*_CONCERNS[concern])}" for concern in view.concerns]
    if view.needs_review(bank.session.member):
        name = bank.book.number_of(view.documents[0].quota) or view.documents[0].quota
        step = f"kouan paper review {name} --reason … --revision {view.revision}"
        shown.append(call.text("Next: ", "下一步：") + step)
    return shown


def likeness_document(one: BookedLikeness) -> dict[str, Any]:
    """Return a likeness for programs."""
    return one._asdict()


def likeness_table(call: Call, found: Sequence[BookedLikeness]) -> RenderableType:
    """Return likenesses for people: the own document, the bank that showed the other, what they share."""
    names = call.names()
    rows = [
        [
            str(one.id),
            one.number or one.own,
            names.of(one.other_member, call.lang),
            one.other_number or "-",
            one.pair or "-",
            call.text(", ", "、").join(code_word("likeness", kind, call.lang) for kind in one.kinds),
            moment(one.found_ms),
            call.text("to be reviewed", "待人工复核") if one.cleared_ms is None else f"{one.cleared_by}: {one.reason}",
        ]
        for one in found
    ]
    columns = [
        call.text("No.", "序号"),
        call.text("Own document", "本行单证"),
        call.text("Other bank", "对方银行"),
        call.text("Its document", "对方单证"),
        call.text("Pair", "比对编号"),
        call.text("Alike in", "相似之处"),
        call.text("Found", "发现时间"),
        call.text("State", "状态"),
    ]
    return table("", columns, rows)


def _stands(call: Call, status: str, facts: dict[str, str]) -> str:
    evidence = code_word("evidence", facts.get("evidence", ""), call.lang)
    return call.text(f"recorded, {evidence}, {status}", f"已登记，{evidence}，{code_word('status', status, 'zh')}")
