"""``kouan paper`` and the wallet's side of it: from a file to a loan on it, with every answer in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import OWNER, Kouan, Ran, one_line
from tests.cli.loans import BANK, OTHER_BANK, REGISTERED, declare, done

PAPERS = Path(__file__).parents[2] / "examples" / "papers"
INVOICE, ORDER = "LN-2019-1107", "NL-PO-4471"


def paper(name: str, *, replacing: tuple[str, str] = ("", "")) -> Path:
    """An example, in the test's directory; perhaps with a text replaced."""
    path = Path(name)
    text = (PAPERS / name).read_text(encoding="utf-8")
    path.write_text(text.replace(*replacing) if replacing[0] else text, encoding="utf-8")
    return path


def slip(kouan: Kouan, file: Path, number: str, *, bank: str = BANK, more: tuple[str, ...] = ()) -> Path:
    """Keep a paper in the wallet and hand it to a bank."""
    out = Path(f"{number}-{bank}.json")
    done(kouan("enterprise", "paper-add", file, *more))
    done(kouan("enterprise", "paper-slip", number, "--bank", bank, "--out", out))
    return out


def record(kouan: Kouan, file: Path, number: str, *, bank: str = BANK, more: tuple[str, ...] = ()) -> str:
    """Record a paper, its owner signing what there is to sign and taking the slip in; the quota."""
    data = slip(kouan, file, number, bank=bank, more=more)
    looked = done(on(kouan, bank, "look", data, "--out", "join.json", "--json")).json
    joins: tuple[str | Path, ...] = ()
    if looked["request"]:
        done(kouan("enterprise", "join-sign", "join.json", "--out", "joined.json"))
        joins = ("--join", "joined.json")
    sent = done(on(kouan, bank, "record", data, *joins, "--json")).json
    done(kouan("enterprise", "receive"))
    quota: str = sent["quota"]
    return quota


def on(kouan: Kouan, bank: str, verb: str, *arguments: str | Path) -> Ran:
    return kouan("paper", verb, *arguments, "--as", bank)


def consent(kouan: Kouan, part: str, *, bank: str = BANK, option: str = "--paper") -> Path:
    path = Path(f"consent-{len(list(Path.cwd().iterdir()))}.json")
    done(kouan("enterprise", "consent", "--bank", bank, option, part, "--out", path))
    return path


def hold(kouan: Kouan, part: str, *, bank: str = BANK, option: str = "--paper", lang: str = "en") -> Ran:
    data = consent(kouan, part, bank=bank, option=option)
    terms = ("--product", "order", "--maturity", "2099-06-30", "--as", bank, "--lang", lang)
    return kouan("financing", "hold", data, *terms)


def test_an_order_from_the_file_to_the_money(kouan: Kouan) -> None:
    """Wallet, slip, look, record, recorded slip, consent, hold, payout; each step names the next."""
    added = done(kouan("enterprise", "paper-add", paper("order.json"))).out
    assert f"kouan enterprise paper-slip {ORDER} --bank MEMBER" in added
    handed = done(kouan("enterprise", "paper-slip", ORDER, "--bank", BANK)).out
    data = Path(handed.split("kouan paper look ")[1].split(" --as")[0])
    looked = done(on(kouan, BANK, "look", data)).out
    assert "order NL-PO-4471" in looked
    assert "not recorded" in looked
    recorded = done(on(kouan, BANK, "record", data)).out
    assert "USD 596,400.00" in recorded
    assert f"{INVOICE}" not in recorded
    assert ORDER in done(kouan("enterprise", "receive")).out
    (listed,) = done(kouan("enterprise", "papers", "--json")).json["papers"]
    assert (listed["number"], listed["purpose"], len(listed["quotas"])) == (ORDER, "seller", 1)
    held = done(hold(kouan, f"{ORDER}:200000.00 USD")).out
    assert "self-declared: nobody but the owner vouches for it" in held
    loan = done(kouan("financing", "list", "--as", BANK, "--json")).json["loans"][0]["id"]
    done(kouan("financing", "disburse", *REGISTERED, "--as", BANK, "--", loan))
    case = done(on(kouan, BANK, "case", ORDER)).out
    assert "out USD 200,000.00, held USD 0.00" in case


def test_one_trade_is_shown_and_lent_on_once(kouan: Kouan) -> None:
    """The invoice is joined to the order with its owner's signature, and the whole trade refuses in plain words."""
    record(kouan, paper("order.json"), ORDER)
    data = slip(kouan, paper("invoice-ubl.xml"), INVOICE, bank=OTHER_BANK)
    looked = on(kouan, OTHER_BANK, "look", data)
    assert "To be signed by the owner of" in looked.out
    assert f"kouan paper look {data} --out join.json" in looked.out
    one_line(on(kouan, OTHER_BANK, "record", data), "join slip", "kouan enterprise join-sign")
    record(kouan, paper("invoice-ubl.xml"), INVOICE, bank=OTHER_BANK)
    done(hold(kouan, f"{ORDER}:400000.00 USD"))
    refused = hold(kouan, f"{INVOICE}:60000.00 USD", bank=OTHER_BANK)
    assert refused.code == 1
    assert f"document {INVOICE}" in refused.err
    assert "kouan paper case" in refused.err
    view = done(on(kouan, OTHER_BANK, "case", INVOICE, "--json")).json["case"]
    assert sorted(one["kind"] for one in view["documents"]) == ["invoice", "order"]
    assert BANK not in str(view)


def test_a_declaration_meets_the_contract_when_it_is_first_held(kouan: Kouan) -> None:
    record(kouan, paper("contract.json"), "LN-2019-0417")
    number = declare(kouan)
    done(hold(kouan, f"{number}:1000.00 USD", option="--declaration"))
    view = done(on(kouan, BANK, "case", number, "--json")).json["case"]
    assert sorted(one["kind"] for one in view["documents"]) == ["contract", "export"]


def test_a_likeness_is_cleared_by_a_second_person(kouan: Kouan) -> None:
    """Both banks list it; the hold names the next command, in English and in Chinese the state is said."""
    record(kouan, paper("typed-invoice.json"), INVOICE)
    altered = paper("typed-invoice.json", replacing=("ＬＮ－２０１９－１１０７", "LN-2019-1107-A"))
    record(kouan, altered, f"{INVOICE}-A", bank=OTHER_BANK)
    one_line(hold(kouan, f"{INVOICE}-A:1000.00 USD", bank=OTHER_BANK), "looks like", BANK, "kouan paper clear 1")
    assert "待人工复核" in done(on(kouan, BANK, "likenesses", "--lang", "zh")).out
    one_line(on(kouan, OTHER_BANK, "clear", "1", "--reason", "seen"), "--key", "another person")
    done(on(kouan, OTHER_BANK, "clear", "1", "--reason", "two shipments", "--key", "checker"))
    done(hold(kouan, f"{INVOICE}-A:1000.00 USD", bank=OTHER_BANK))
    assert "nothing is to be reviewed" in done(on(kouan, OTHER_BANK, "likenesses")).out
    (one,) = done(on(kouan, OTHER_BANK, "likenesses", "--all", "--json")).json["likenesses"]
    assert (one["cleared_by"], one["reason"]) == ("checker", "two shipments")


def test_a_paper_is_confirmed_credited_amended_and_withdrawn(kouan: Kouan) -> None:
    record(kouan, paper("invoice-ubl.xml"), INVOICE)
    data = slip(kouan, paper("invoice-ubl.xml"), INVOICE, bank=OTHER_BANK)
    assert INVOICE in done(on(kouan, OTHER_BANK, "confirm", data, "--for", "DE999999990")).out
    note = paper("credit-note-ubl.xml")
    assert "USD 94,504.00" in done(on(kouan, BANK, "amend", "--credit-note", note)).out
    one_line(on(kouan, BANK, "amend", "--credit-note", note), "was entered before")
    newest = slip(kouan, paper("invoice-ubl.xml"), INVOICE, more=("--value", "90000 USD"))
    done(on(kouan, BANK, "amend", newest, "--reason", "split"))
    assert "已作废" in done(on(kouan, BANK, "withdraw", INVOICE, "--reason", "cancelled", "--lang", "zh")).out


def test_owners_join_documents_on_request(kouan: Kouan) -> None:
    record(kouan, paper("order.json"), ORDER)
    record(kouan, paper("house-bill.json"), "DFF-SH-00218", more=("--value", "1000 USD"))
    done(on(kouan, BANK, "join-request", ORDER, "DFF-SH-00218", "--out", "join.json"))
    done(kouan("enterprise", "join-sign", "join.json", "--out", "joined.json", "--wallet", OWNER))
    done(on(kouan, BANK, "join", "joined.json"))
    view = done(on(kouan, BANK, "case", ORDER, "--lang", "zh")).out
    assert "运输单证" in view
    assert "卖方" in view


def test_a_paper_amended_to_name_an_order_is_linked_with_its_owners_word(kouan: Kouan) -> None:
    """Every answer names the next command."""
    record(kouan, paper("order.json"), ORDER)
    record(kouan, paper("typed-invoice.json"), INVOICE)
    data = slip(kouan, paper("invoice-ubl.xml"), INVOICE)
    amended = done(on(kouan, BANK, "amend", data, "--reason", "correction")).out
    assert f"kouan paper look {data} --out join.json" in amended
    looked = done(on(kouan, BANK, "look", data, "--out", "join.json")).out
    assert f"kouan paper link {data} --join joined.json" in looked
    done(kouan("enterprise", "join-sign", "join.json", "--out", "joined.json"))
    done(on(kouan, BANK, "link", data, "--join", "joined.json"))
    assert len(done(on(kouan, BANK, "case", ORDER, "--json")).json["case"]["documents"]) == 2


def test_the_overseer_opens_a_papers_seal_and_disputes_it(kouan: Kouan) -> None:
    """The recording bank hands the seal over; nothing is disputed before the second holder has answered."""
    quota = record(kouan, paper("invoice-ubl.xml"), INVOICE)
    overseer, second = ("--as", "peoples-bank"), ("--as", "commerce-commission")
    one_line(
        kouan("paper", "dispute", quota, "--reason", "forged", *overseer), "was not opened", "kouan seal hand-over"
    )
    one_line(kouan("seal", "hand-over", quota, "--as", OTHER_BANK), "the bank that recorded the paper has it")
    done(kouan("seal", "hand-over", INVOICE, "--as", BANK))
    done(kouan("seal", "request", "seal.json", *overseer))
    done(kouan("seal", "answer", "request.json", *second))
    told = done(kouan("seal", "open", "answer.json", *overseer, "--lang", "zh")).out
    assert "发票" in told
    assert f"kouan paper dispute {quota} --reason forged" in told
    opened = done(kouan("seal", "open", "answer.json", *overseer, "--json")).json
    assert (opened["kind"], opened["number"], opened["owner"], opened["quota"]) == ("invoice", INVOICE, OWNER, quota)
    disputed = done(kouan("paper", "dispute", quota, "--reason", "forged", *overseer)).out
    assert "its number is free for the true paper" in disputed
    again = kouan("paper", "dispute", quota, "--reason", "not-same-trade", *overseer)
    assert (again.code, "CASE_UNKNOWN" in again.err) == (1, True)


def test_a_document_on_its_own_is_in_no_case(kouan: Kouan) -> None:
    number = declare(kouan)
    slip_file = consent(kouan, f"{number}:1000.00 USD", option="--declaration")
    done(kouan("financing", "check", slip_file, "--as", BANK))
    one_line(on(kouan, BANK, "case", number), f"document {number}", "this bank has no slip for it")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("paper", "amend", "--as", BANK), ("PAPER.json", "--credit-note")),
        (("paper", "amend", "slip.json", "--as", BANK), ("--reason", "correction")),
        (("paper", "look", "order.json", "--as", BANK), ("paper slip", "give a paper slip")),
        (("paper", "join", "order.json", "--as", BANK), ("join slip", "give a join slip")),
        (("paper", "amend", "--credit-note", "order.json", "--as", BANK), ("type_code", "no credit note")),
        (("paper", "clear", "1", "--reason", "x", "--as", BANK), ("likeness", "kouan paper likenesses")),
        (("enterprise", "paper-add", "sea-bill.json"), ("--value", "sea-bill.json names no amount")),
        (("enterprise", "paper-add", "scan.pdf"), ("scan.pdf:1", "kouan/typed-invoice/1", "trade-papers.md")),
        (("enterprise", "paper-add", "sea-bill.json", "--value", "1 USD", "--port", "."), ("no port at .",)),
        (("enterprise", "paper-add", "sea-bill.json", "--value", "1 XXQ"), ("XXQ",)),
        (("enterprise", "paper-add", "missing.json"), ("missing.json", "no such file")),
        (("enterprise", "paper-slip", "LN-1", "--bank", BANK), ("--paper", "LN-1 is in no wallet", "paper-add")),
        (("enterprise", "paper-slip", "LN-1", "--bank", "nobody", "--out", "x"), ("--bank", "no member")),
        (("enterprise", "join-sign", "order.json", "--out", "x"), ("order.json", "give a join request")),
        (("enterprise", "consent", "--bank", BANK), ("--declaration", "is missing")),
        (("enterprise", "consent", "--bank", BANK, "--paper", "LN-1"), ("--paper", "names no amount")),
    ],
)
def test_unusable_input_names_field_and_next_step(
    kouan: Kouan, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    for name in ("order.json", "sea-bill.json"):
        paper(name)
    Path("scan.pdf").write_bytes(b"%PDF-1.7\n")
    one_line(kouan(*arguments), *parts)


def test_nothing_kept_is_said(kouan: Kouan) -> None:
    assert "paper-add" in done(kouan("enterprise", "papers")).out
    assert "没有待人工复核的事项" in done(on(kouan, BANK, "likenesses", "--lang", "zh")).out


def test_without_the_evaluators_home_the_next_step_is_named(kouan: Kouan, port: Path) -> None:
    """A hold needs it as well: the declaration is to be shown first."""
    number = declare(kouan)
    data = consent(kouan, f"{number}:1000.00 USD", option="--declaration")
    shutil.rmtree(port / "members" / "commerce-commission")
    terms = ("--product", "order", "--maturity", "2099-06-30", "--as", BANK)
    one_line(kouan("financing", "hold", data, *terms), "kouan evaluator serve")
    one_line(on(kouan, BANK, "likenesses"), "kouan evaluator serve")
