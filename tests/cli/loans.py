"""Steps that tests of loans share: declarations attested, consents given, loans held and paid out."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import EXAMPLES, NUMBER, Kouan, Ran

BANK = "bank-of-huangpu"
OTHER_BANK = "wusong-trade-bank"
REGISTERED = ("--registration", "07123456", "--searched", "2019-11-20T10:30", "--registered-until", "2099-12-31")
SECOND = "224820190000000207"


def declare(kouan: Kouan, number: str = NUMBER, total: int = 312_500) -> str:
    """Attest an export declaration over a total in USD; its owner's wallet takes it in."""
    text = (EXAMPLES / "export-general-trade.xml").read_text()
    text = text.replace(NUMBER, number).replace("<DeclTotal>55500<", f"<DeclTotal>{total - 63_780}<")
    path = Path(f"{number}.xml")
    path.write_text(text)
    done(kouan("customs", "attest", path, "--as", "shanghai-customs"))
    done(kouan("enterprise", "receive"))
    return number


def done(ran: Ran) -> Ran:
    assert ran.code == 0, (ran.out, ran.err)
    return ran


def consent(kouan: Kouan, *parts: str, bank: str = BANK) -> Path:
    """Let a bank draw, by ``NUMBER:AMOUNT`` for each declaration; the slip."""
    path = Path(f"consent-{len(list(Path.cwd().iterdir()))}.json")
    named = [argument for part in parts for argument in ("--declaration", part)]
    done(kouan("enterprise", "consent", "--bank", bank, *named, "--out", path))
    return path


def hold(kouan: Kouan, *parts: str, bank: str = BANK, more: tuple[str, ...] = ()) -> str:
    """Hold for a loan and return its id."""
    slip = consent(kouan, *parts, bank=bank)
    terms = ("--product", "export-bill", "--maturity", "2099-06-30", "--as", bank, "--json")
    financing: str = done(kouan("financing", "hold", slip, *terms, *more)).json["financing"]
    return financing


def lend(kouan: Kouan, *parts: str, bank: str = BANK) -> str:
    """Hold and pay out, and return the loan's id."""
    financing = hold(kouan, *parts, bank=bank)
    done(on(kouan, bank, "disburse", financing, *REGISTERED))
    return financing


def on(kouan: Kouan, bank: str, verb: str, loan: str, *options: str) -> Ran:
    """Run a command on a loan; ids may begin with a dash, so the loan comes last."""
    return kouan("financing", verb, *options, "--as", bank, "--", loan)
