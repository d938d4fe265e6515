"""A ledger in memory, banks that ask, and an evaluator that can be stopped and started."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.modules.ledger import MEMBERS, Ledger, seed_of

from kouan.client import evaluating
from kouan.client.commitments import Subject, commit
from kouan.client.evaluating import Answer, Asker, DocumentKind, Likeness
from kouan.evaluator.memory import Memory
from kouan.evaluator.prf import Prf
from kouan.evaluator.service import Identity, Service
from kouan.formats.paper_forms import fields_of
from kouan.formats.trade_papers import (
    Contract,
    Identifier,
    Invoice,
    InvoiceReference,
    Order,
    Party,
    TradePaper,
    TransportDocument,
)
from kouan.kernel.encoding import to_text
from kouan.kernel.suites import digest
from kouan.modules.cases import commands as cases
from kouan.modules.cases import rules as cases_rules
from kouan.modules.customs import commands as customs
from kouan.modules.customs import rules as customs_rules

EVALUATOR: Final = "window"
HOUR_MS: Final = 3600 * 1000
DAY_MS: Final = 24 * HOUR_MS
MASTER: Final = digest("test/evaluator master")
USCC: Final = "91310115MA1K0LNG14"
OTHER_USCC: Final = "91310115MA1K0LNG22"
SELLER: Final = Party(name="上海临港精密制造股份有限公司", identifiers=(Identifier(scheme="uscc", value=USCC),))
STRANGER: Final = Party(name="Other Exporter Ltd", identifiers=(Identifier(scheme="uscc", value=OTHER_USCC),))
BUYER: Final = Party(name="Nordlicht Leuchten GmbH", identifiers=(Identifier(scheme="vat", value="DE999999990"),))
DAY: Final = dt.date(2019, 11, 7)
GLN: Final = Identifier(scheme="0088", value="5790000436101")

INVOICE: Final = Invoice(
    kind="invoice",
    type_code="380",
    number="LN-2019-1107",
    date=DAY,
    seller=SELLER,
    buyer=BUYER,
    currency="USD",
    total_minor=11_928_000,
    payable_minor=9_542_400,
    order_number="NL-PO-4471",
    contract_number="LN-2019-0417",
)
ORDER: Final = Order(
    number="NL-PO-4471", date=dt.date(2019, 8, 26), buyer=BUYER, seller=SELLER, currency="USD", total_minor=59_640_000
)
CONTRACT: Final = Contract(
    number="LN-2019-0417", date=dt.date(2019, 8, 30), buyer=BUYER, seller=SELLER, currency="USD", total_minor=59_640_000
)
BILL: Final = TransportDocument(kind="house-bill", date=DAY, consignor=SELLER, number="H-218", master_number="M-77")
DECLARATION: Final = {
    "bill_no": "M-77",
    "contract_no": "LN-2019-0417",
    "ie_date": "2019-11-07",
    "manual_no": None,
    "overseas_consignee_name": "Nordlicht",
    "overseas_consignor_name": None,
    "owner_uscc": USCC,
    "traf_name": "OCEAN LAMP",
}


def credit_note(**change: Any) -> Invoice:
    """A credit note for the invoice."""
    credited = (InvoiceReference(number=INVOICE.number, date=INVOICE.date),)
    fields: dict[str, Any] = {"kind": "credit-note", "type_code": "381", "number": "CN-3", "credited": credited}
    return msgspec.structs.replace(INVOICE, **(fields | change))


def changed(paper: Any, **change: Any) -> Any:
    return msgspec.structs.replace(paper, **change)


def kind_of(paper: TradePaper) -> DocumentKind:
    kinds: dict[type, DocumentKind] = {Contract: "contract", Invoice: "invoice", Order: "order"}
    return kinds.get(type(paper), "transport")


class Scene:
    """Everybody."""

    def __init__(self, path: Path, **charter: int) -> None:
        self.path = path
        self.ledger = Ledger(
            (*customs.COMMANDS, *cases.COMMANDS),
            (*customs_rules.PARAMETERS, *cases_rules.PARAMETERS),
            charter=charter,
            members={**MEMBERS, EVALUATOR: ["evaluator"]},
        )
        self.start()

    @property
    def now(self) -> int:
        return self.ledger.time_ms

    def start(self, master: bytes = MASTER) -> None:
        prf = Prf(master)
        self.memory = Memory(self.path, prf.check())
        identity = Identity(self.ledger.alliance, EVALUATOR, "main", seed_of(EVALUATOR))
        self.service = Service(identity, prf, self.memory, self.ledger.reader, lambda: self.now)

    def stop(self) -> None:
        self.memory.db.close()

    def asker(self, bank: str, key: str = "main") -> Asker:
        return Asker(self.ledger.alliance, f"{bank}/{key}", seed_of(bank, key), lambda: self.now)

    def question(
        self, bank: str, document: TradePaper | dict[str, Any], salt: bytes = bytes(32)
    ) -> tuple[bytes, bytes]:
        """A signed question about a paper, or about a declaration's numbers."""
        kind: DocumentKind = "export" if isinstance(document, dict) else kind_of(document)
        fields = document if isinstance(document, dict) else fields_of(document)
        commitment = commit(Subject.FINGERPRINTS, salt, fields)
        return evaluating.ask(self.asker(bank), kind, commitment, to_text(salt), fields)

    def ask(self, bank: str, document: TradePaper | dict[str, Any], salt: bytes = bytes(32)) -> Answer:
        return self.service.evaluate(*self.question(bank, document, salt))

    def carried(self, bank: str, document: TradePaper | dict[str, Any], salt: bytes = bytes(32)) -> dict[str, str]:
        """Kind to fingerprint, for a document that carries one of each."""
        evaluation = self.ask(bank, document, salt).evaluation
        assert evaluation is not None
        found: dict[str, str] = {one.kind: one.fingerprint for one in evaluation.fingerprints}
        assert len(found) == len(evaluation.fingerprints)
        return found

    def own(self, bank: str, document: TradePaper) -> str:
        """The fingerprint under which the ledger knows a paper."""
        evaluation = self.ask(bank, document).evaluation
        assert evaluation is not None
        (own,) = [one.fingerprint for one in evaluation.fingerprints if one.kind == kind_of(document)]
        return own

    def kinds(self, bank: str, document: TradePaper | dict[str, Any]) -> list[list[str]]:
        """What is told of a document."""
        return [one.kinds for one in self.ask(bank, document).likenesses]

    def look(self, bank: str, since_ms: int = 0) -> list[Likeness]:
        return self.service.likenesses(*evaluating.look(self.asker(bank), since_ms))
