"""The single window's declaration message, read and written."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.strategies import declarations

from kouan.formats.code_lists import MINOR_UNIT_DIGITS
from kouan.formats.message_layout import HEAD, LINE
from kouan.formats.single_window import (
    Charge,
    Declaration,
    FormatError,
    read_declaration,
    read_files,
    write_declaration,
)

EXAMPLES = Path(__file__).parents[2] / "examples" / "declarations"
EXPORT = (EXAMPLES / "export-general-trade.xml").read_bytes()
IMPORT = (EXAMPLES / "import-provisional-price.xml").read_bytes()


def changed(element: str, value: str, data: bytes = EXPORT) -> bytes:
    """The message with another value in the first `element`."""
    pattern = rf"<{element}>[^<]*</{element}>".encode()
    assert re.search(pattern, data)
    return re.sub(pattern, f"<{element}>{value}</{element}>".encode(), data, count=1)


def with_freight(mark: str, currency: str) -> bytes:
    return changed("FeeCurr", currency, changed("FeeMark", mark, changed("FeeRate", "1.5", IMPORT)))


def refused(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read_declaration(data, "a.xml")
    return caught.value


@settings(max_examples=60, deadline=None)
@given(declarations())
def test_what_is_written_reads_back_the_same(declaration: Declaration) -> None:
    """read(write(d)) == d, and the message of what was read is the same bytes: exports' swap included."""
    data = write_declaration(declaration)
    again = read_declaration(data, "a.xml")
    assert again == declaration
    assert write_declaration(again) == data


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.xml")), ids=lambda path: path.stem)
def test_each_example_is_in_canonical_form(path: Path) -> None:
    """Reading and writing an example gives its own bytes; its owner's code passes its check."""
    declaration = read_declaration(path.read_bytes(), path.name)
    assert write_declaration(declaration) == path.read_bytes()
    assert declaration.owner_uscc_problem is None


def test_the_facts_that_customs_attests() -> None:
    """Number, direction, owner, trade mode, totals and date come out of the example as the message has them."""
    declaration = read_declaration(EXPORT, "a.xml")
    assert (declaration.office, declaration.year, declaration.number.serial) == ("2248", 2019, "000000101")
    assert declaration.is_export
    assert declaration.owner_uscc == "91310115MA1K0LNG14"
    assert (declaration.trade_mode, declaration.ie_date) == ("0110", dt.date(2019, 11, 12))
    assert declaration.total_by_currency() == {"USD": 119_280_00}
    assert declaration.overseas_party == "NORDLICHT LEUCHTEN HANDELSGESELLSCHAFT MBH"
    assert not declaration.provisional_price
    assert read_declaration(IMPORT, "a.xml").provisional_price


def test_origin_and_destination_are_swapped_in_the_message_of_an_export_only() -> None:
    """The export's OriginCountry is DEU, where the goods go; its record says made in China. Imports are as named."""
    assert b"<OriginCountry>DEU</OriginCountry>" in EXPORT
    line = read_declaration(EXPORT, "a.xml").lines[0]
    assert (line.origin_country, line.destination_country) == ("CHN", "DEU")
    assert b"<OriginCountry>JPN</OriginCountry>" in IMPORT
    line = read_declaration(IMPORT, "a.xml").lines[0]
    assert (line.origin_country, line.destination_country) == ("JPN", "CHN")


def test_totals_use_each_currencys_own_minor_unit() -> None:
    """A yen has no decimals, a euro two, an Iraqi dinar three (by ISO 4217, not by daily use)."""
    assert read_declaration(IMPORT, "a.xml").total_by_currency() == {"EUR": 1_430_050, "JPY": 8_600_000}
    assert (MINOR_UNIT_DIGITS["IQD"], MINOR_UNIT_DIGITS["LAK"], MINOR_UNIT_DIGITS["CLF"]) == (3, 2, 4)


def test_a_total_finer_than_the_minor_unit_is_refused() -> None:
    """Half a yen cannot be attested; the message itself may carry it."""
    declaration = read_declaration(changed("DeclTotal", "8600000.5", IMPORT), "a.xml")
    with pytest.raises(ValueError, match=r"DecList\[1\]/DeclTotal: 8600000.5 JPY is finer .* at most 0 decimals"):
        declaration.total_by_currency()


def test_a_failing_check_character_of_the_owner_is_a_warning() -> None:
    """The declaration is read; the record says what is odd, for a person to decide."""
    declaration = read_declaration(changed("TradeCoScc", "91310115MA1K0LNG15"), "a.xml")
    assert declaration.owner_uscc_problem is not None
    assert "would be 4" in declaration.owner_uscc_problem


def test_old_numeric_currency_codes_are_read_as_iso_codes() -> None:
    """502 was customs' code of the US dollar; what is written names USD."""
    declaration = read_declaration(EXPORT.replace(b">USD<", b">502<"), "a.xml")
    assert write_declaration(declaration) == EXPORT


def test_the_messages_other_fields_are_passed_over() -> None:
    """A full message carries fields and sections that Kouan does not keep; they do not disturb."""
    data = EXPORT.replace(b"<IEFlag>", "<AgentName>申报行</AgentName><IEFlag>".encode())
    data = data.replace(b"<CodeTS>", b"<ClassMark/><CodeTS>").replace(
        b"</DecMessage>", b"<DecSign><OperType>G</OperType></DecSign></DecMessage>"
    )
    assert read_declaration(data, "a.xml") == read_declaration(EXPORT, "a.xml")


@pytest.mark.parametrize("encoding", ["GB18030", "gbk", "GB2312", "UTF-8", "utf-8"])
def test_utf_8_and_the_gb_family_are_read(encoding: str) -> None:
    """The declared encoding decides."""
    text = EXPORT.decode().replace("UTF-8", encoding)
    assert read_declaration(text.encode(encoding), "a.xml") == read_declaration(EXPORT, "a.xml")


def test_a_message_without_namespace_or_declaration_but_with_a_byte_order_mark_is_read() -> None:
    """Older clients leave the namespace out; some editors put the mark in."""
    data = EXPORT.split(b"\n", 1)[1].replace(b' xmlns="http://www.chinaport.gov.cn/dec"', b"")
    assert read_declaration(b"\xef\xbb\xbf" + data, "a.xml") == read_declaration(EXPORT, "a.xml")


@pytest.mark.parametrize(
    ("element", "value", "says"),
    [
        ("EntryId", "22482019000000010", "give 18 digits"),
        ("EntryId", "224820191000000101", "ninth digit means I, but IEFlag is E"),
        ("EntryId", "", "is missing"),
        ("IEFlag", "X", "give I for import or E for export"),
        ("IEDate", "20190229", "give a real date"),
        ("IEDate", "2019-11-12", "give a real date"),
        ("IEDate", "２０１９1112", "give a real date"),
        ("TradeCoScc", "91310115MA1K0LNG1", "give 18 digits and capital letters"),
        ("TradeCoScc", "91310115MA1K0LNGI4", "give 18 digits and capital letters"),
        ("CustomMaster", "22", "give 4 digits"),
        ("TradeMode", "110", "give 4 digits"),
        ("TradeCountry", "XYZ", "ISO 3166"),
        ("TradeCountry", "304", "ISO 3166"),
        ("PackNo", "0", "whole number from 1"),
        ("PackNo", "1000000000", "whole number from 1"),
        ("GrossWet", "-1", "not negative"),
        ("GrossWet", "1e3", "not negative"),
        ("GrossWet", "NaN", "not negative"),
        ("GrossWet", "1.000001", "at most 14 digits before and 5 after"),
        ("GrossWet", "123456789012345", "at most 14 digits before and 5 after"),
        ("PromiseItmes", "02", "give one to five of"),
        ("BillNo", "x" * 33, "has 33 characters; give at most 32"),
        ("BillNo", "AB\u202eCD", "invisible character U\\+202E"),
        ("CodeTS", "940542", "give 10 digits"),
        ("DeclTotal", "55500.00001", "at most 15 digits before and 4 after"),
        ("TradeCurr", "XAU", "ISO 4217"),
        ("TradeCurr", "110", "ISO 4217"),
        ("GNo", "2", "a second time"),
        ("GName", "<b>x</b>", "contains markup"),
        ("GName", "LED<!-- -->灯", "contains markup"),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(element: str, value: str, says: str) -> None:
    """The error gives file, line, the message's field name, the fault and the remedy."""
    error = refused(changed(element, value))
    assert re.search(says, str(error))
    assert re.match(rf"a\.xml:[0-9]+: (DecHead|DecList\[[12]\])/{element}: .+; .+", str(error))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<IEFlag>", "<Surprise/><IEFlag>", "DecHead/'Surprise': is not a field of the message"),
        ("<IEFlag>", "<iEFlag>E</iEFlag><IEFlag>", "DecHead/'iEFlag': is not a field"),
        ("<IEFlag>", "<x:IEFlag xmlns:x='y'>E</x:IEFlag><IEFlag>", "is not a field"),
        ("<IEFlag>", "<IEFlag>E</IEFlag><IEFlag>", "DecHead/IEFlag: stands there twice"),
        ("<IEFlag>", "<IEFlag nil='true'>", "DecHead/IEFlag: has an attribute"),
        ("<IEFlag>", "stray<IEFlag>", "DecHead: has text between its fields"),
        ("</DecLists>", "</DecLists><DecLists/>", "DecMessage/DecLists: stands there twice"),
        ("</DecList>", "</DecList><Other/>", "DecLists: holds something else than DecList"),
        ('version="4.8"', "", "DecMessage/@version: is missing or wrong"),
        ("DecMessage", "Message", "has the root element"),
        ("chinaport.gov.cn/dec", "example.org/dec", "has the root element"),
    ],
)
def test_a_wrong_layout_is_named(old: str, new: str, says: str) -> None:
    """What is unknown, double, attributed or stray is refused by name and never skipped."""
    assert says in str(refused(EXPORT.decode().replace(old, new).encode()))


@pytest.mark.parametrize("section", ["DecHead", "DecLists"])
def test_a_missing_section_is_named(section: str) -> None:
    """Head and lines are both needed."""
    data = re.sub(rf"<{section}>.*</{section}>".encode(), b"", EXPORT, flags=re.DOTALL)
    assert f"{section}: is missing" in str(refused(data))


def test_the_number_of_lines_is_bounded() -> None:
    """One to fifty lines of goods."""
    line = re.search(rb"<DecList>.*?</DecList>", EXPORT, re.DOTALL)
    assert line is not None

    def with_lines(count: int) -> bytes:
        numbered = [re.sub(rb"<GNo>1<", b"<GNo>%d<" % number, line[0]) for number in range(1, count + 1)]
        return re.sub(
            rb"<DecLists>.*</DecLists>", b"<DecLists>" + b"".join(numbered) + b"</DecLists>", EXPORT, flags=re.DOTALL
        )

    assert len(read_declaration(with_lines(50), "a.xml").lines) == 50
    assert "DecLists: has 51 lines" in str(refused(with_lines(51)))
    assert "DecLists: has 0 lines" in str(refused(with_lines(0)))


def test_all_problems_of_a_file_are_told_in_its_order() -> None:
    """A sender mends a file once: the first problem is the error, the others come with it."""
    error = refused(changed("CodeTS", "1", changed("PackNo", "0", changed("IEFlag", "X"))))
    fields = [problem.field for problem in (error, *error.others)]
    assert fields == ["DecHead/IEFlag", "DecHead/PackNo", "DecList[1]/CodeTS"]
    assert [problem.line for problem in (error, *error.others)] == [5, 16, 34]


@pytest.mark.parametrize(("mark", "currency"), [("1", ""), ("2", "USD"), ("3", "USD")])
def test_a_rate_has_no_currency_and_an_amount_has_one(mark: Literal["1", "2", "3"], currency: str) -> None:
    """Mark 1 is a percentage, marks 2 and 3 are money."""
    charge = read_declaration(with_freight(mark, currency), "a.xml").freight
    assert charge == Charge(mark=mark, rate=Decimal("1.5"), currency=currency or None)


@pytest.mark.parametrize(("mark", "currency"), [("1", "USD"), ("2", ""), ("3", ""), ("", "USD"), ("", "")])
def test_a_charge_whose_fields_do_not_fit_is_refused(mark: str, currency: str) -> None:
    """A rate with a currency, an amount without, or a rate without its mark says nothing certain."""
    assert "DecHead/FeeMark: does not fit" in str(refused(with_freight(mark, currency)))


def test_only_other_charges_may_be_negative() -> None:
    """Charges deducted from the dutiable value are declared below zero; freight never is."""
    other = b"<OtherMark>1</OtherMark><OtherRate>-2.5</OtherRate><PackNo>"
    charge = read_declaration(IMPORT.replace(b"<PackNo>", other), "a.xml").other_charges
    assert charge == Charge(mark="1", rate=Decimal("-2.5"))
    assert "not negative" in str(refused(changed("FeeRate", "-1", IMPORT)))


@pytest.mark.parametrize("flags", ["", "1", "00001", "99999", "101"])
def test_price_statements_that_are_not_given_are_left_open(flags: str) -> None:
    """Old messages have three flags, exports may have none; five are written."""
    declaration = read_declaration(changed("PromiseItmes", flags), "a.xml")
    assert f"<PromiseItmes>{flags:9<5}<".encode() in write_declaration(declaration)
    assert declaration.provisional_price == (flags == "00001")


@pytest.mark.parametrize(
    "change",
    [
        {"bill_no": " AB "},
        {"bill_no": "A\x00B"},
        {"entry_id": "1"},
        {"lines": ()},
        {"version": "x"},
        {"gross_weight_kg": Decimal("NaN")},
        {"gross_weight_kg": Decimal("0.000001")},
        {"ie_flag": "I"},
    ],
)
def test_what_the_message_cannot_carry_is_not_written(change: dict[str, object]) -> None:
    """Writing refuses a record that would not read back as itself."""
    declaration = msgspec.structs.replace(read_declaration(EXPORT, "a.xml"), **change)
    with pytest.raises(FormatError):
        write_declaration(declaration)


def test_equal_numbers_are_written_alike() -> None:
    """Trailing zeros do not change the bytes that customs commits to."""
    assert write_declaration(read_declaration(changed("GrossWet", "8640.50000"), "a.xml")) == EXPORT


def test_bad_files_do_not_stop_the_good_ones(tmp_path: Path) -> None:
    """Missing, a directory, unreadable, a pipe's name, too large: each gives its error in its place."""
    good, large = tmp_path / "good.xml", tmp_path / "large.xml"
    good.write_bytes(EXPORT)
    with large.open("wb") as stream:
        stream.truncate(100_000_000)
    paths = [good, tmp_path / "missing.xml", tmp_path, Path("/dev/null"), large, Path("nul\0.xml"), good]
    results = list(read_files(paths))
    assert [path for path, _ in results] == paths
    assert [isinstance(result, FormatError) for _, result in results] == [False, True, True, True, True, True, False]
    texts = [str(result) for _, result in results]
    assert texts[1] == f"{paths[1]}:1: file: cannot be read (No such file or directory); give a file you may read"
    assert "not a regular file" in texts[2]
    assert "larger than" in texts[4]


def read_or_error(data: bytes) -> Declaration | FormatError:
    try:
        return read_declaration(data, "a.xml")
    except FormatError as error:
        return error


def mutations() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """Edits of bytes: overwrite, cut out, double, insert."""
    places = st.integers(0, len(EXPORT))

    def edit(at: int, length: int, put: bytes, times: int) -> Callable[[bytes], bytes]:
        return lambda data: data[:at] + data[at : at + length] * times + put + data[at + length :]

    pieces = st.binary(max_size=4) | st.sampled_from(
        [b"<", b"</", b"]]>", b"&x;", b"<!DOCTYPE a>", b"&#0;", b"\xff\xfe"]
    )
    return st.builds(edit, places, st.integers(0, 60), pieces, st.integers(0, 2))


@settings(max_examples=400, deadline=None)
@given(st.lists(mutations(), min_size=1, max_size=4))
def test_a_damaged_file_is_a_declaration_or_a_format_error(edits: list[Callable[[bytes], bytes]]) -> None:
    """Nothing else comes out, whatever bytes change; what is read is written and reads back."""
    data = EXPORT
    for edit in edits:
        data = edit(data)
    result = read_or_error(data)
    if isinstance(result, FormatError):
        assert result.line >= 1
        assert str(result).isprintable()
    else:
        assert read_declaration(write_declaration(result), "a.xml") == result


def test_the_reference_page_lists_every_field() -> None:
    """Each element that is read stands in the page's table."""
    page = (EXAMPLES.parents[1] / "docs" / "reference" / "single-window.md").read_text()
    assert [field.element for field in (*HEAD, *LINE) if f"| {field.element} |" not in page] == []
