"""A port played from a seed: everybody's homes in one directory, one ledger, the story's clock, seeded entropy.

All keys follow from the seed, so such a port is for showing and testing alone: whoever knows the seed has its keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

from kouan import bootstrap
from kouan.client.amounts import Amount
from kouan.client.bank import Bank, open_bank
from kouan.client.bank_desk import BankDesk
from kouan.client.case_desk import CaseDesk
from kouan.client.customs_desk import CustomsDesk
from kouan.client.filings import read_slip
from kouan.client.founding_desk import CHECKER_KEY, SHANGHAI, Files, found
from kouan.client.keymaterial import Entropy, seeded_entropy
from kouan.client.names import Names, read_names
from kouan.client.paper_desk import PaperDesk, Sent
from kouan.client.paper_slips import JoinRequest, RecordedSlip
from kouan.client.places import MAIN_KEY, member_home, wallet_home
from kouan.client.proofs import Made
from kouan.client.servicing_desk import ServicingDesk
from kouan.client.session import Session
from kouan.client.wallet import Given, Part, Wallet
from kouan.engines.port import Engine
from kouan.evaluator.service import Service
from kouan.formats.paper import Paper, render
from kouan.formats.trade_papers import TradePaper
from kouan.kernel.encoding import encode
from kouan.kernel.quota import key_of
from kouan.kernel.records import Member, Quota, Record
from kouan.kernel.suites import digest
from kouan.modules.alliance.founding import AnyFounding, alliance_id
from kouan.modules.alliance.records import member_key
from kouan.modules.cases.records import Purpose
from kouan.modules.financing.records import Financing
from kouan.modules.financing.rules import financing_key
from kouan.simulation.cast import COMMISSION, CUSTOMS
from kouan.simulation.clock import DAY_MS, StoryClock

NAME: Final = "shanghai-eport"
CONSENT_DAYS: Final = 10
PROOFS: Final = "proofs"
PAPERS: Final = "papers"
R = TypeVar("R", bound=Record)


class BankSide(NamedTuple):
    """A bank's desks."""

    bank: Bank
    lending: BankDesk
    papers: PaperDesk
    servicing: ServicingDesk


class SeededPort:
    """The port; a context manager. It is founded first, by `found`."""

    def __init__(self, directory: Path, seed: int, clock: StoryClock | None = None) -> None:
        self.directory = directory
        self.seed = seed
        self.clock = clock or StoryClock(2025, 11, 10, 8)
        self._stack = ExitStack()
        self._entropies: dict[str, Entropy] = {}
        self._banks: dict[str, BankSide] = {}
        self._wallets: dict[str, Wallet] = {}
        self._customs: CustomsDesk | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def found(self) -> AnyFounding:
        """Found the alliance of Shanghai and open its ledger; raises ValueError when the directory holds one."""
        ledger = self.directory / bootstrap.LEDGER
        founding = found(
            self.directory,
            Files(self.directory / bootstrap.TRUST_FILE, ledger / bootstrap.OPERATOR_SEED),
            NAME,
            SHANGHAI,
            bootstrap.PARAMETERS,
            entropy=self.entropy("founding"),
            now_ms=self.clock.now_ms(),
        )
        self.alliance = alliance_id(founding)
        self._stack.enter_context(bootstrap.lock(self.directory))
        engine = bootstrap.open_ledger(self.directory, self.clock.now_ms, begin=True)
        self._stack.callback(engine.close)
        self._open(engine)
        return founding

    def _open(self, engine: Engine) -> None:
        """Let everybody use a ledger."""
        self.engine = engine
        reader = self.session(COMMISSION)
        self.evaluator: Service = self._stack.enter_context(
            bootstrap.own_evaluator(self.directory, reader, clock=self.clock.now_ms)
        )

    @property
    def names(self) -> Names:
        """How people call the members."""
        return read_names(self.directory)

    def entropy(self, purpose: str) -> Entropy:
        """Return the source of one purpose: what others take from theirs does not change it."""
        if purpose not in self._entropies:
            self._entropies[purpose] = seeded_entropy(
                digest("kouan/demonstration/1", f"{self.seed}/{purpose}".encode())
            )
        return self._entropies[purpose]

    def session(self, member: str, key: str = MAIN_KEY) -> Session:
        """Return a member's session at the ledger."""
        home = member_home(self.directory, member)
        return home.session(self.engine, self.alliance, self.clock.now_ms, key)

    def signing_seed(self, member: str) -> bytes:
        """Return the seed of a member's first key, for what is signed off the ledger."""
        return member_home(self.directory, member).keys.signing_seeds[MAIN_KEY]

    def customs(self) -> CustomsDesk:
        """Return customs' desk."""
        if self._customs is None:
            home, entropy = member_home(self.directory, CUSTOMS), self.entropy(CUSTOMS)
            vault = self._stack.enter_context(home.vault(entropy))
            self._customs = CustomsDesk(home, self.session(CUSTOMS), vault, entropy)
        return self._customs

    def bank(self, member: str) -> BankSide:
        """Return a bank's desks."""
        if member not in self._banks:
            home, entropy = member_home(self.directory, member), self.entropy(member)
            bank = self._stack.enter_context(open_bank(home, self.session(member), entropy))
            self._banks[member] = BankSide(
                bank, BankDesk(bank, self.evaluator), PaperDesk(bank, self.evaluator), ServicingDesk(bank)
            )
        return self._banks[member]

    def checker(self, member: str) -> CaseDesk:
        """Return a bank's desk as its checker sits at it."""
        return CaseDesk(self.bank(member).bank._replace(session=self.session(member, CHECKER_KEY)))

    def wallet(self, code: str) -> Wallet:
        """Return the wallet that is kept for a trader."""
        if code not in self._wallets:
            home, entropy = wallet_home(self.directory, code), self.entropy(code)
            vault = self._stack.enter_context(home.vault(entropy))
            self._wallets[code] = Wallet(home, vault, self.alliance, entropy, self.clock.now_ms, custodial=True)
        return self._wallets[code]

    def consent(self, code: str, bank: str, parts: Sequence[Part]) -> Given:
        """Let a bank draw on a trader's declarations for one loan."""
        reader = self.session(bank)
        member = _present(reader.read(Member, member_key(bank)))
        expires_ms = self.clock.now_ms() + CONSENT_DAYS * DAY_MS
        return self.wallet(code).consent(reader, member, parts, expires_ms)

    def show(
        self, code: str, bank: str, paper: TradePaper, purpose: Purpose = "seller", value: Amount | None = None
    ) -> bytes:
        """Let a trader hand a paper to a bank; return the slip."""
        wallet = self.wallet(code)
        kept = wallet.add_paper(paper, purpose, value)
        return wallet.paper_slip(_present(self.session(bank).read(Member, member_key(bank))), kept.names[0])

    def record(
        self, code: str, bank: str, paper: TradePaper, purpose: Purpose = "seller", value: Amount | None = None
    ) -> Sent:
        """Let a bank record a trader's paper; the trader signs where its other documents are of the same trade."""
        slip, desk = self.show(code, bank, paper, purpose, value), self.bank(bank).papers
        request = desk.request(desk.look(slip))
        joins = [] if request is None else [self.sign_join(code, bank, request)]
        sent = desk.record(slip, joins)
        if sent.receipt is not None:
            recorded = read_slip(sent.receipt, RecordedSlip, "recorded slip")
            self.wallet(code).receive_paper(self.session(bank), recorded)
        return sent

    def sign_join(self, code: str, bank: str, request: bytes) -> bytes:
        """Let a trader sign that documents belong to one trade; raises ValueError when none of them is the trader's."""
        asked = read_slip(request, JoinRequest, "join request")
        return encode(self.wallet(code).sign_join(self.session(bank), asked))

    def quota(self, quota: str) -> Quota:
        """Return a quota as the ledger has it now."""
        return _present(self.session(CUSTOMS).read(Quota, key_of(quota)))

    def loan(self, financing: str) -> Financing:
        """Return a loan as the ledger has it now."""
        return _present(self.session(CUSTOMS).read(Financing, financing_key(financing)))

    @property
    def trust(self) -> bytes:
        """The trust file."""
        return (self.directory / bootstrap.TRUST_FILE).read_bytes()

    def keep_proof(self, name: str, made: Made) -> Path:
        """Write a proof file; return where it is."""
        return self._keep(PROOFS, f"{name}.json", made.proof)

    def keep_paper(self, name: str, paper: Paper) -> Path:
        """Print a paper in both languages; return where it is."""
        return self._keep(PAPERS, f"{name}.pdf", render(paper))

    def _keep(self, directory: str, name: str, content: bytes) -> Path:
        path = self.directory / directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path


def _present(record: R | None) -> R:
    if record is None:
        raise AssertionError("the story asks for a record that it has not made")
    return record
