"""Documents made to hurt: each is refused within a second and 50 MB of memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kouan.formats.errors import FormatError
from kouan.formats.hardened_xml import MAX_BYTES, parse

_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \n ", "is not well-formed XML"),
    "entity bomb": (f'<!DOCTYPE d [<!ENTITY l0 "ha">{_LAUGHS}]><d>&l9;</d>'.encode(), "document type declaration"),
    "external entity": (
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>',
        "document type declaration",
    ),
    "external DTD": (b'<!DOCTYPE d SYSTEM "http://localhost:1/d.dtd"><d/>', "document type declaration"),
    "DTD in GB18030": (b'<?xml version="1.0" encoding="GBK"?><!DOCTYPE d><d/>', "document type declaration"),
    "entity outside a DTD": (b'<d><!ENTITY x "y"></d>', "entity declaration"),
    "undefined entity": (b"<d>&x;</d>", "is not well-formed XML"),
    "processing instruction": (b"<d/><?php system(1)?>", "processing instruction"),
    "style sheet": (
        b'<?xml version="1.0"?>\n<?xml-stylesheet href="http://localhost:1/"?><d/>',
        "processing instruction",
    ),
    "nesting of 17": (b"<d>" * 17 + b"</d>" * 17, "nests deeper than 16"),
    "nesting of 4,000": (b"<d>" * 4000 + b"</d>" * 4000, "is not well-formed XML"),
    "100 MB in one element": (b"<d>" + b"x" * 100_000_000 + b"</d>", "is larger than"),
    "one element as large as allowed": (b"<d>" + b"x" * (MAX_BYTES - 6) + b"</d", "is not well-formed XML"),
    "many empty elements": (b"<d>" + b"<a/>" * 260_000 + b"</d>", "tags"),
    "many attributes": (b"<d " + b" ".join(b'a%d=""' % n for n in range(80_000)) + b">", "is not well-formed XML"),
    "long name": (b"<" + b"d" * 1_000_000 + b"/>", "is not well-formed XML"),
    "UTF-16 with mark": ("\ufeff<d/>".encode("utf-16-le"), "UTF-16"),
    "UTF-16 big-endian": ("\ufeff<d/>".encode("utf-16-be"), "UTF-16"),
    "UTF-16 without mark": ("<d/>".encode("utf-16-le"), "NUL byte"),
    "UTF-32": ("\ufeff<d/>".encode("utf-32-be"), "UTF-16 or UTF-32"),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-d/+AD4-', "declares 'UTF-7'"),
    "unknown encoding": (b'<?xml version="1.0" encoding="x-none"?><d/>', "declares 'x-none'"),
    "mark against declaration": (b'\xef\xbb\xbf<?xml version="1.0" encoding="GBK"?><d/>', "has a UTF-8 mark"),
    "GBK called UTF-8": ('<?xml version="1.0" encoding="UTF-8"?><d>口岸</d>'.encode("gbk"), "not UTF-8"),
    "broken GB18030": (b'<?xml version="1.0" encoding="GB18030"?><d>\xff</d>', "not GB18030"),
    "overlong UTF-8": (b"<d>\xc0\xbc</d>", "not UTF-8"),
    "XML 1.1": (b'<?xml version="1.1"?><d/>', "wrong first line"),
    "NUL byte": (b"<d>\n\0</d>", "NUL byte"),
    "NUL reference": (b"<d>&#0;</d>", "is not well-formed XML"),
    "truncated": (b"<d><e>1</e>", "is not well-formed XML"),
    "two roots": (b"<d/><d/>", "is not well-formed XML"),
    "not XML": (b"%PDF-1.7", "is not well-formed XML"),
}

_RUN = """
import json, resource, sys, time
from tests.formats.test_hostile_xml import HOSTILE
from kouan.formats.errors import FormatError
from kouan.formats.hardened_xml import parse
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
data = HOSTILE[sys.argv[1]][0]
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 50_000_000, size + 50_000_000))
start = time.perf_counter()
try:
    parse(data, "a.xml")
    refused = False
except FormatError:
    refused = True
print(json.dumps([refused, time.perf_counter() - start]))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_with_its_reason(name: str) -> None:
    """The error says what is refused and what to send."""
    data, says = HOSTILE[name]
    with pytest.raises(FormatError, match=r"a\.xml:[0-9]+: .+; .+") as caught:
        parse(data, "a.xml")
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "entity bomb",
        "100 MB in one element",
        "one element as large as allowed",
        "many empty elements",
        "many attributes",
        "long name",
    ],
)
def test_a_hostile_document_costs_little(name: str) -> None:
    """A process that may take 50 MB more refuses it, in under a second."""
    run = subprocess.run(
        [sys.executable, "-c", _RUN, name], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    refused, seconds = json.loads(run.stdout)
    assert refused
    assert seconds < 1


def test_a_well_formed_document_of_the_largest_size_stays_small() -> None:
    """Ten thousand tags parse; one more is refused before the parser sees it."""
    assert len(parse(b"<d>" + b"<a/>" * 9_998 + b"</d>", "a.xml")) == 9_998
    with pytest.raises(FormatError, match="10000 tags"):
        parse(b"<d>" + b"<a/>" * 9_999 + b"</d>", "a.xml")


def test_sixteen_levels_are_allowed() -> None:
    """The limit is on the seventeenth."""
    assert parse(b"<d>" * 16 + b"</d>" * 16, "a.xml").tag == "d"


def test_the_error_names_the_line() -> None:
    """Lines are counted as an editor counts them, XML declaration included."""
    with pytest.raises(FormatError) as caught:
        parse(b'<?xml version="1.0" encoding="UTF-8"?>\n<d>\n<e>\n</d>', "a.xml")
    assert caught.value.line == 4
