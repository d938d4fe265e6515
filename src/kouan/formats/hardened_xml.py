"""XML from outside, parsed with nothing switched on that a document does not need.

What is refused, and why:

- more than 1 MiB or 10,000 tags: a declaration of fifty lines needs a tenth of either, and both
  together keep the parsed tree below 50 MB whatever the document holds;
- encodings other than UTF-8 and the GB family: UTF-16 and UTF-32 hide markup from every check that
  looks at bytes, and nobody sends them;
- any DTD, entity or processing instruction: they serve attacks (expansion, reading files, reaching
  hosts) and no paper of a trade;
- comments inside a value, which readers disagree on (see the callers: a value has no children);
- nesting deeper than 16.
"""

import re
from typing import Final

from lxml import etree

from kouan.formats.errors import FormatError

MAX_BYTES: Final = 1 << 20
"""The largest document that is read, in bytes."""

_MAX_TAGS: Final = 10_000
_MAX_DEPTH: Final = 16

_XML_DECLARATION: Final = re.compile(
    rb"""<\?xml[ \t]+version[ \t]*=[ \t]*(?:"1\.0"|'1\.0')"""
    rb"""(?:[ \t]+encoding[ \t]*=[ \t]*["']([A-Za-z0-9._-]{1,40})["'])?"""
    rb"""(?:[ \t]+standalone[ \t]*=[ \t]*["'](?:yes|no)["'])?[ \t]*\?>"""
)
_CODECS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}
"""Declared encoding to Python codec. GB18030 contains GBK and GB2312, and senders confuse the three."""

_FORBIDDEN: Final = (
    ("<!DOCTYPE", "a document type declaration is refused; send the document without DTD and entities"),
    ("<!ENTITY", "an entity declaration is refused; send the document without DTD and entities"),
    ("<?", "a processing instruction is refused; send the document's elements only"),
)
_too_deep = etree.XPath("boolean(" + "/*" * (_MAX_DEPTH + 1) + ")")


def parse(data: bytes, file: str) -> etree._Element:
    """Return the root element of `data`; `file` names it in errors.

    Raises `FormatError` for every document that is not well formed or is refused above.
    """
    text = _decode(data, file)
    if text.count("<") > _MAX_TAGS:
        raise FormatError(file, 1, "file", f"has more than {_MAX_TAGS} tags; send one document a file")
    for markup, problem in _FORBIDDEN:
        if (at := text.find(markup)) >= 0:
            raise FormatError(file, text.count("\n", 0, at) + 1, "XML", problem)
    # A parser of its own: lxml's default would fetch, expand and forgive.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        problem = f"is not well-formed XML: {_one_line(error.msg)}; send a complete document with every element closed"
        raise FormatError(file, max(error.lineno or 1, 1), "XML", problem) from None
    if _too_deep(root):
        raise FormatError(file, 1, "XML", f"nests deeper than {_MAX_DEPTH} elements; send the document's own layout")
    return root


def _decode(data: bytes, file: str) -> str:
    """Return the document's text without its byte order mark and XML declaration, line numbers kept."""
    if not data:
        raise FormatError(file, 1, "file", "is empty; send an XML document")
    if len(data) > MAX_BYTES:
        raise FormatError(file, 1, "file", f"is larger than {MAX_BYTES} bytes; send one document a file")
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise FormatError(file, 1, "encoding", "is UTF-16 or UTF-32; send UTF-8 or GB18030")
    if (at := data.find(0)) >= 0:
        problem = "contains a NUL byte; send UTF-8 or GB18030 text"
        raise FormatError(file, data.count(b"\n", 0, at) + 1, "encoding", problem)
    body = data.removeprefix(b"\xef\xbb\xbf")
    codec = "utf-8"
    if body.startswith(b"<?xml"):
        declaration = _XML_DECLARATION.match(body)
        if declaration is None:
            raise FormatError(file, 1, "XML", 'has a wrong first line; write <?xml version="1.0" encoding="UTF-8"?>')
        body = body[declaration.end() :]
        codec = _declared_codec((declaration[1] or b"UTF-8").decode("ascii"), file)
    if codec != "utf-8" and data.startswith(b"\xef\xbb\xbf"):
        raise FormatError(file, 1, "encoding", "has a UTF-8 mark but declares another; declare UTF-8 or drop the mark")
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        problem = f"has bytes that are not {codec.upper()}; declare the encoding the text is really in"
        raise FormatError(file, body.count(b"\n", 0, error.start) + 1, "encoding", problem) from None


def _declared_codec(name: str, file: str) -> str:
    codec = _CODECS.get(name.lower())
    if codec is None:
        raise FormatError(file, 1, "encoding", f"declares {name!r}; send UTF-8 or GB18030 (GBK, GB2312)")
    return codec


def _one_line(message: str | None) -> str:
    """Keep the parser's message printable: it quotes the document."""
    return "".join(c if c.isprintable() else "?" for c in message or "unknown error")[:200]
