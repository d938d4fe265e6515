"""Onboarding a trader: a commitment to its code on the ledger, and a wallet that is kept for it here.

``wallets/<code>/enterprise.json`` holds what opens the commitment. Traders will not manage one more key by hand, so the
single window or a bank keeps the wallet: *custodial*, as every quota drawn from it says. A trader that does keep
its own keys makes its wallet itself, on its own machine; nobody else signs with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from kouan.client.commitments import canonical_fields
from kouan.client.filings import FilingSlip
from kouan.client.keymaterial import Entropy, fresh
from kouan.client.places import DRAW_MASTER, KEYS, Home, make_home, wallet_home
from kouan.client.session import Order, Result, Session
from kouan.client.wallet import filing_slip
from kouan.formats.identifiers import uscc, uscc_problem
from kouan.kernel.encoding import Bytes32, Code, from_text, to_text
from kouan.kernel.suites import digest
from kouan.modules.alliance.commands.enterprises import Onboard
from kouan.modules.alliance.records import Enterprise, Override, enterprise_key

ENTERPRISE_FILE: Final = "enterprise.json"
INBOX: Final = "inbox"
_TAG: Final = "kouan/commitment/enterprise/1"


class Trader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known here of a trader whose wallet is kept here."""

    code: str
    """Unified social credit code."""
    custodial: bool
    """The wallet is kept for the trader by ``keeper``."""
    format: Literal["kouan/enterprise/1"]
    keeper: Code | None
    """None where the trader keeps it itself."""
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    override: Override | None
    salt: Bytes32

    @property
    def commitment(self) -> str:
        """The commitment to the code, as it stands on the ledger."""
        return to_text(digest(_TAG, from_text(self.salt), canonical_fields({"uscc": self.code})))


class Onboarded(NamedTuple):
    """What came of an onboarding."""

    result: Result
    trader: Trader
    home: Home


def onboard(
    port: Path,
    session: Session,
    code: str,
    name: str,
    override: Override | None,
    entropy: Entropy,
    passphrase: str | None = None,
) -> Onboarded:
    """Make a trader's wallet and put the commitment to its code on the ledger.

    Raises ValueError for a code that is wrong, one whose check character fails without an ``override``, and one whose
    wallet is here already and on the ledger. A wallet that a broken-off attempt left behind is taken up again.
    """
    reason = _reason(code, override)
    if (port / "wallets" / code / ENTERPRISE_FILE).exists():
        trader = read_trader(port, code)
        if session.read(Enterprise, enterprise_key(trader.commitment)) is not None:
            raise ValueError(f"USCC: {code} has a wallet here already, kept by {trader.keeper or 'itself'}")
    else:
        trader = _make(port, code, name, reason, entropy, passphrase, keeper=session.member)
    (result,) = session.send([Order("alliance.onboard/1", Onboard(trader.commitment, trader.override))])
    return Onboarded(result, trader, wallet_home(port, code, passphrase))


def make_own_wallet(
    port: Path, code: str, name: str, override: Override | None, entropy: Entropy, passphrase: str | None = None
) -> Home:
    """Make the wallet that a trader keeps itself; nothing goes to the ledger.

    Raises ValueError for a code that is wrong, or whose check character fails without an ``override``, or that has a
    wallet here.
    """
    reason = _reason(code, override)
    if (port / "wallets" / code / KEYS).exists():
        raise ValueError(f"USCC: {code} has a wallet here already; its keys are not replaced")
    _make(port, code, name, reason, entropy, passphrase, keeper=None)
    return wallet_home(port, code, passphrase)


def _reason(code: str, override: Override | None) -> Override | None:
    """Return why a code is accepted although its check character fails; None where it does not fail."""
    problem = uscc_problem(uscc(code))
    if problem is not None and override is None:
        raise ValueError(f"USCC: {problem}; mend it, or say with an override why it is right all the same")
    return override if problem is not None else None


def _make(
    port: Path,
    code: str,
    name: str,
    override: Override | None,
    entropy: Entropy,
    passphrase: str | None,
    *,
    keeper: str | None,
) -> Trader:
    trader = Trader(
        code=code,
        custodial=keeper is not None,
        format="kouan/enterprise/1",
        keeper=keeper,
        name=name,
        override=override,
        salt=to_text(fresh(entropy)),
    )
    path = port / "wallets" / code
    if not (path / KEYS).exists():
        make_home(path, entropy, secrets=(DRAW_MASTER,), passphrase=passphrase)
    (path / INBOX).mkdir(exist_ok=True, mode=0o700)
    (path / ENTERPRISE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(trader), indent=2) + b"\n")
    return trader


def read_trader(port: Path, code: str) -> Trader:
    """Return what is known of a trader with a wallet here; raises NoHomeError, ValueError for a damaged file."""
    path = wallet_home(port, code).path / ENTERPRISE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Trader)
    except ValueError as problem:  # msgspec's errors are ValueErrors
        raise ValueError(f"{path}: damaged: {problem}") from None


def traders(port: Path) -> Iterator[Trader]:
    """Yield the traders whose wallets are kept here, by code."""
    for path in sorted((port / "wallets").glob(f"*/{ENTERPRISE_FILE}")):
        yield read_trader(port, path.parent.name)


def deliver(inbox: Path, name: str, slip: bytes) -> Path:
    """Put a slip into a party's inbox, whole or not at all, and return where it is."""
    inbox.mkdir(exist_ok=True, mode=0o700)
    path = inbox / name
    part = path.with_suffix(".part")
    part.write_bytes(slip)
    part.replace(path)
    return path


class Custodian:
    """The wallets kept here, for filing slips: each wallet's keys are read once."""

    def __init__(self, port: Path, passphrase: str | None = None, *, is_owner: bool = False) -> None:
        """``is_owner``: the traders themselves act, so wallets that they keep themselves are used too."""
        self._port = port
        self._passphrase = passphrase
        self._is_owner = is_owner
        self._wallets: dict[str, tuple[Trader, Home]] = {}

    def slip(self, code: str, number: str, generation: int = 0) -> FilingSlip:
        """Return the filing slip of a trader's declaration; raises NoHomeError, KeyFileError, ValueError."""
        if code not in self._wallets:
            trader = read_trader(self._port, code)
            if not (trader.custodial or self._is_owner):
                raise ValueError(f"filing slip: {code} keeps its own wallet; ask it for `kouan enterprise file`'s slip")
            self._wallets[code] = trader, wallet_home(self._port, code, self._passphrase)
        trader, home = self._wallets[code]
        return filing_slip(home, number, generation, custodial=trader.custodial)
