"""What banks show the evaluator, and the commands about papers that follow from what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from kouan.client.commitments import Subject, commit
from kouan.client.evaluating import Asker, DocumentKind, Evaluator, Likeness, ask
from kouan.client.filings import document_of, fingerprints_commitment, fingerprints_of
from kouan.client.paper_secrets import commitments, fingerprints_salt, kind_of
from kouan.formats.declaration import Declaration
from kouan.formats.paper_forms import fields_of
from kouan.formats.trade_papers import TradePaper
from kouan.kernel.encoding import to_text
from kouan.kernel.state import Reader
from kouan.kernel.suites import public_key, sign
from kouan.modules.cases.queries import case_view, next_paper_id
from kouan.modules.cases.rules import JOIN_TAG, join_message
from kouan.simulation.day import script
from kouan.simulation.day.keys import KeyRing
from kouan.simulation.day.papers import Shelf

Wire = dict[str, Any]


class Surroundings(NamedTuple):
    """What of the play is needed to show something."""

    evaluator: Evaluator
    hear: Callable[[script.Link | script.Record, list[Likeness]], None]
    """Is told what the evaluator says of a document."""
    now_ms: Callable[[], int]
    reader: Reader


class Counter:
    """Where banks are shown documents: it knows what a seed's declarations and papers say, and who owns them."""

    def __init__(
        self,
        keys: KeyRing,
        alliance: str,
        declarations: Mapping[str, Declaration],
        shelf: Shelf,
        around: Surroundings,
    ) -> None:
        self._keys = keys
        self._alliance = alliance
        self._declarations = declarations
        self._shelf = shelf
        self._around = around
        self._quotas: dict[str, str] = {}
        """Of each paper that was shown, what it is called on the ledger."""
        self._papers: dict[str, str] = {}
        """Of each paper that was shown, its file."""
        self._corrected: dict[str, Declaration] = {}
        """Declarations whose numbers customs has corrected, as they are now."""

    def quota(self, name: str, unit: str) -> str:
        """Return what a document is called on the ledger; raises ValueError for a paper that nobody was shown."""
        return self._quotas.get(name) or self._keys.quota(name, unit)

    def draw_seed(self, name: str) -> bytes:
        """Return the seed with which a document's owner signs."""
        return self._keys.paper_seed(name) if name in self._quotas else self._keys.draw_seed(name)

    def command(self, event: script.OfPapers) -> Wire:
        """Return the command of an event; raises ValueError for one that names what is not there."""
        match event:
            case script.Link():
                wire = self._link(event)
            case script.Record():
                wire = self._record(event)
            case script.Join():
                wire = {"consents": self._consents(event.consents), "type": "cases.join/1"}
            case script.Confirm():
                wire = self._confirm(event)
            case script.Correct():
                wire = self._correct(event)
            case script.Look():
                wire = self._look(event)
        return wire

    def _ask(self, event: script.Link | script.Record) -> dict[str, Any]:
        """Show a document to the evaluator; return its statement."""
        asker = Asker(self._alliance, event.by, self._keys.signing_seed(event.by), self._around.now_ms)
        kind: DocumentKind = "export"
        if isinstance(event, script.Link):
            fields = fingerprints_of(document_of(self._declaration(event.number)))
            secret = self._keys.link_secret(event.number)
        else:
            paper = self._paper(event.paper)
            kind, fields, secret = kind_of(paper), fields_of(paper), self._secret(event.document)
        salt = fingerprints_salt(secret)
        question = ask(asker, kind, commit(Subject.FINGERPRINTS, salt, fields), to_text(salt), fields)
        answer = self._around.evaluator.evaluate(*question)
        self._around.hear(event, answer.likenesses)
        if answer.evaluation is None:
            raise ValueError("the evaluator finds no number by which the ledger could know the document")
        plain: dict[str, Any] = msgspec.to_builtins(answer.evaluation)
        return plain

    def _link(self, event: script.Link) -> Wire:
        return {
            "consents": [],
            "evaluation": self._ask(event),
            "quota": self.quota(event.number, event.unit),
            "type": "cases.link/1",
        }

    def _record(self, event: script.Record) -> Wire:
        paper, name = self._paper(event.paper), event.document
        kind, committed = kind_of(paper), commitments(fields_of(paper), self._secret(name))
        evaluation = self._ask(event)
        own = next(one["fingerprint"] for one in evaluation["fingerprints"] if one["kind"] == kind)
        quota = self._quotas[name] = next_paper_id(self._around.reader, own, event.purpose, event.unit)
        self._papers[name] = event.paper
        return {
            "amount": event.amount,
            "consents": self._consents(event.consents, quota),
            "custodial": True,
            "draw_key": to_text(public_key(self._keys.paper_seed(name))),
            "evaluation": evaluation,
            "kind": kind,
            "purpose": event.purpose,
            "seal": self._keys.text32(f"seal/{name}"),
            "type": "cases.record/1",
            "unit": event.unit,
            "commitment": committed.document,
            "fingerprints": committed.fingerprints,
        }

    def _confirm(self, event: script.Confirm) -> Wire:
        quota, paper = self._shown(event.document)
        committed = commitments(fields_of(paper), self._secret(event.document))
        seen = {"commitment": committed.document, "fingerprints": committed.fingerprints}
        return {**seen, "quota": quota, "type": "cases.confirm/1"}

    def _correct(self, event: script.Correct) -> Wire:
        # The document is now the paper together with its credit note; its numbers are what they were.
        quota, paper = self._shown(event.document)
        fields, secret = fields_of(paper), self._secret(event.document)
        corrected = {"credit_note": fields_of(self._paper(event.paper)), "paper": fields}
        return {
            "amount": event.amount,
            "commitment": commitments(corrected, secret).document,
            "fingerprints": commitments(fields, secret).fingerprints,
            "quota": quota,
            "reason": "credit-note",
            "type": "cases.amend/1",
        }

    def _look(self, event: script.Look) -> Wire:
        quota, _ = self._shown(event.document)
        view = case_view(self._around.reader, quota, event.at_ms)
        if view is None:
            raise ValueError(f"{event.document} belongs to no case")
        return {"quota": quota, "reason": event.reason, "revision": view.revision, "type": "cases.review/1"}

    def amended(self, number: str, contract_no: str | None) -> Wire:
        """Return what customs commits to when it amends a declaration; without a contract number its numbers stay."""
        if contract_no is not None:
            self._corrected[number] = replace(self._declaration(number), contract_no=contract_no)
        document = document_of(self._declaration(number))
        return {
            "commitment": self._keys.text32(f"amended/{number}"),
            "fingerprints": fingerprints_commitment(document, self._keys.link_secret(number)),
        }

    def _declaration(self, number: str) -> Declaration:
        found = self._corrected.get(number) or self._declarations.get(number)
        if found is None:
            raise ValueError(f"declaration {number} has no message")
        return found

    def _paper(self, name: str) -> TradePaper:
        found = self._shelf.get(name)
        if found is None:
            raise ValueError(f"there is no paper {name}")
        return found

    def _shown(self, name: str) -> tuple[str, TradePaper]:
        """Return what a paper that was recorded is called on the ledger, and what it says."""
        if name not in self._quotas:
            raise ValueError(f"{name} was not recorded before")
        return self._quotas[name], self._paper(self._papers[name])

    def _secret(self, name: str) -> bytes:
        return self._keys.secret(f"paper/{name}")

    def _consents(self, named: Sequence[script.Named], *more: str) -> list[dict[str, str]]:
        quotas = [self.quota(one.number, one.unit) for one in named]
        message = join_message(self._alliance, [*more, *quotas])
        return [
            {"quota": quota, "signature": to_text(sign(self.draw_seed(one.number), JOIN_TAG, message))}
            for one, quota in zip(named, quotas, strict=True)
        ]
