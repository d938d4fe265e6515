"""A port in a temporary directory with the default cast, one trader's wallet and a clock that tests turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from kouan import bootstrap
from kouan.client.customs_desk import CustomsDesk, Prepared
from kouan.client.enterprises import Custodian, onboard, read_trader
from kouan.client.filings import AttestationSlip
from kouan.client.founding_desk import SHANGHAI, Files, found
from kouan.client.keymaterial import seeded_entropy
from kouan.client.openings import OverseerDesk
from kouan.client.places import Home, member_home, wallet_home
from kouan.client.reading import LedgerReader
from kouan.client.session import Session
from kouan.client.wallet import Kept, Wallet
from kouan.engines.embedded import Embedded
from kouan.formats.declaration import Declaration
from kouan.formats.single_window import read_declaration
from kouan.modules.alliance.founding import alliance_id

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "declarations"
START_MS: Final = 1_573_000_000_000
DAY_MS: Final = 24 * 3_600_000
OWNER: Final = "91310115MA1K0LNG14"
EXPORT: Final = read_declaration((EXAMPLES / "export-general-trade.xml").read_bytes(), "export-general-trade.xml")
NUMBER: Final = EXPORT.entry_id


def numbered(serial: int) -> Declaration:
    """The export example under another number."""
    return msgspec.structs.replace(EXPORT, entry_id=f"{NUMBER[:9]}{serial:09}")


def in_currencies(*totals: tuple[str, str]) -> Declaration:
    """The export example with one line for each total and currency."""
    plain = msgspec.to_builtins(EXPORT)
    line = plain["lines"][0]
    plain["lines"] = [
        {**line, "number": index, "total": total, "currency": currency}
        for index, (total, currency) in enumerate(totals, 1)
    ]
    return msgspec.convert(plain, Declaration, strict=False)


class Scene:
    """Everybody at one ledger."""

    def __init__(self, port: Path, **charter: int) -> None:
        """Found it; ``charter`` overrides parameters, with ``__`` for a dot in a name."""
        self.port = port
        self.now = START_MS
        self.entropy = seeded_entropy(b"port scene")
        files = Files(port / bootstrap.TRUST_FILE, port / bootstrap.LEDGER / bootstrap.OPERATOR_SEED)
        cast = msgspec.structs.replace(SHANGHAI, charter={name.replace("__", "."): charter[name] for name in charter})
        founding = found(port, files, "test", cast, bootstrap.PARAMETERS, entropy=self.entropy, now_ms=START_MS)
        self.alliance = alliance_id(founding)
        self.engine: Embedded = bootstrap.open_ledger(port, lambda: self.now, begin=True)
        self.reader = LedgerReader(self.engine)
        made = onboard(port, self.session("commerce-commission"), OWNER, "Lingang Lamps", None, self.entropy)
        assert made.result.accepted

    def home(self, member: str) -> Home:
        return member_home(self.port, member)

    def session(self, member: str, key: str = "main") -> Session:
        return self.home(member).session(self.engine, self.alliance, lambda: self.now, key)

    @contextmanager
    def customs(self) -> Iterator[CustomsDesk]:
        home = self.home("shanghai-customs")
        with home.vault(self.entropy) as vault:
            yield CustomsDesk(home, self.session("shanghai-customs"), vault, self.entropy)

    @contextmanager
    def overseer(self) -> Iterator[OverseerDesk]:
        home = self.home("peoples-bank")
        with home.vault(self.entropy) as vault:
            yield OverseerDesk(home, self.session("peoples-bank"), vault, self.entropy)

    @contextmanager
    def wallet(self, owner: str = OWNER) -> Iterator[Wallet]:
        home = wallet_home(self.port, owner)
        with home.vault(self.entropy) as vault:
            custodial = read_trader(self.port, owner).custodial
            yield Wallet(home, vault, self.alliance, self.entropy, lambda: self.now, custodial=custodial)

    def prepared(self, desk: CustomsDesk, declaration: Declaration) -> Prepared:
        slip = Custodian(self.port).slip(declaration.owner_uscc, declaration.entry_id)
        return desk.prepare(declaration, slip, "closed")

    def attest(self, declaration: Declaration = EXPORT) -> Kept:
        """Attest a declaration at stage closed and take the slip into the owner's wallet."""
        with self.customs() as desk:
            (outcome,) = desk.attest([self.prepared(desk, declaration)])
        assert [result.result.code for result in outcome.results] == [None] * len(outcome.results)
        return self.receive(outcome.slip)

    def receive(self, slip: bytes | None) -> Kept:
        assert slip is not None
        with self.wallet() as wallet:
            return wallet.receive(msgspec.json.decode(slip, type=AttestationSlip))

    def close(self) -> None:
        self.engine.close()
