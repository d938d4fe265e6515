"""The single window's 单一窗口 declaration message (root element ``DecMessage``), read and written.

Messages are read as customs accepted them: the declaration number and the date, which a first filing
leaves empty, are required here. docs/reference/single-window.md lists the fields and what Kouan does with each.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from lxml import etree

from kouan.formats.declaration import Charge, Declaration, Line, PriceStatements
from kouan.formats.errors import FormatError
from kouan.formats.field_types import written
from kouan.formats.hardened_xml import MAX_BYTES, parse
from kouan.formats.identifiers import declaration_number, shown
from kouan.formats.message_layout import (
    HEAD,
    LINE,
    MAX_LINES,
    NAMESPACE,
    NOT_READ_IN_HEAD,
    NOT_READ_IN_LINE,
    NOT_READ_SECTIONS,
    Field,
)

__all__ = [
    "Charge",
    "Declaration",
    "FormatError",
    "Line",
    "PriceStatements",
    "read_declaration",
    "read_files",
    "write_declaration",
]

_CHARGES: Final = {"freight": "Fee", "insurance": "Insur", "other_charges": "Other"}
_HEAD_BY_ELEMENT: Final = {field.element: field for field in HEAD}
_LINE_BY_ELEMENT: Final = {field.element: field for field in LINE}
_WRITTEN: Final = "written declaration"
"""What errors call a message that has no file yet."""
_MOST_PROBLEMS: Final = 100
"""Further problems of one file are not collected: nobody reads them."""


def read_declaration(data: bytes, file: str) -> Declaration:
    """Return the declaration in `data`; `file` names it in errors.

    Raises `FormatError` for the first problem, carrying the others of the file.
    """
    root = parse(data, file)
    findings = _Findings(file)
    _check_root(root, findings)
    sections = _children(root, {"DecHead", "DecLists"}, NOT_READ_SECTIONS, "DecMessage", findings)
    for name in ("DecHead", "DecLists"):
        if name not in sections:
            findings.add(root, name, "is missing; every declaration has it")
    findings.raise_first()
    head = _read_fields(sections["DecHead"], _HEAD_BY_ELEMENT, NOT_READ_IN_HEAD, "DecHead", findings)
    lines = _read_lines(sections["DecLists"], findings)
    findings.raise_first()
    _check_direction(sections["DecHead"], head, findings)
    for charge, prefix in _CHARGES.items():
        head[charge] = _read_charge(sections["DecHead"], head, charge, prefix, findings)
    findings.raise_first()
    is_export = head["ie_flag"] == "E"
    return Declaration(
        version=root.attrib["version"],
        lines=tuple(Line(**(_with_countries_swapped(line) if is_export else line)) for line in lines),
        **head,
    )


def write_declaration(declaration: Declaration) -> bytes:
    """Return the message for `declaration`, in UTF-8; equal declarations give equal bytes.

    Raises `FormatError` when a field holds what the message cannot carry: what is written always reads
    back as the same declaration.
    """
    root = etree.Element(_qualified("DecMessage"), {"version": declaration.version}, {None: NAMESPACE})
    head = msgspec.structs.asdict(declaration)
    for name in _CHARGES:
        charge = head.pop(name)
        head.update({f"{name}.{part}": getattr(charge, part, None) for part in Charge.__struct_fields__})
    _append_fields(root, "DecHead", HEAD, head)
    lists = etree.SubElement(root, _qualified("DecLists"))
    for line in declaration.lines:
        values = msgspec.structs.asdict(line)
        _append_fields(lists, "DecList", LINE, _with_countries_swapped(values) if declaration.is_export else values)
    data = b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8", pretty_print=True)
    if read_declaration(data, _WRITTEN) != declaration:
        raise FormatError(_WRITTEN, 1, "DecMessage", "does not read back as it was; give stripped texts")
    return data


def read_files(paths: Iterable[Path]) -> Iterator[tuple[Path, Declaration | FormatError]]:
    """Read each file in turn; one that cannot be opened or read gives its error and does not stop the rest."""
    for path in paths:
        result: Declaration | FormatError
        try:
            result = read_declaration(_read_bytes(path), str(path))
        except FormatError as error:
            result = FormatError(*error.args)  # without the traceback, which would keep the file's bytes in memory
        yield path, result


class _Findings:
    """The problems found in one file so far."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[FormatError] = []

    def add(self, element: etree._Element, field: str, problem: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(FormatError(self._file, element.sourceline or 1, field, problem))

    def raise_first(self) -> None:
        """Raise the problem that stands first in the file, with the others, if there is any."""
        if self._problems:
            first, *others = sorted(self._problems, key=lambda problem: problem.line)
            raise FormatError(first.file, first.line, first.field, first.problem, tuple(others))


def _check_root(root: etree._Element, findings: _Findings) -> None:
    if root.tag not in {"DecMessage", _qualified("DecMessage")}:
        findings.add(root, "XML", f"has the root element {shown(str(root.tag))}; give DecMessage in {NAMESPACE}")
        findings.raise_first()
    if re.fullmatch(r"[0-9]{1,2}\.[0-9]{1,2}", root.attrib.get("version", "")) is None:
        findings.add(root, "DecMessage/@version", "is missing or wrong; give the message's version, such as 4.8")


def _children(
    parent: etree._Element, known: Iterable[str], not_read: frozenset[str], where: str, findings: _Findings
) -> dict[str, etree._Element]:
    """Return the children of `parent` by name; note those that are unknown, double, or more than elements."""
    namespace = _namespace(parent)
    found: dict[str, etree._Element] = {}
    _check_no_text(parent, where, findings)
    for child in parent:
        if not isinstance(child.tag, str):
            continue  # a comment between elements
        name: str = child.tag.removeprefix(namespace)
        if child.tag != namespace + name or (name not in known and name not in not_read):
            findings.add(child, f"{where}/{shown(name)}", "is not a field of the message; remove it or mend its name")
        elif name in found:
            findings.add(child, f"{where}/{name}", "stands there twice; give it once")
        else:
            found[name] = child
            if child.attrib and name in known:
                findings.add(child, f"{where}/{name}", "has an attribute; give its value as text alone")
    return found


def _check_no_text(parent: etree._Element, where: str, findings: _Findings) -> None:
    if (parent.text or "").strip() or any((child.tail or "").strip() for child in parent):
        findings.add(parent, where, "has text between its fields; put every value into its element")


def _read_fields(
    parent: etree._Element, fields: dict[str, Field], not_read: frozenset[str], where: str, findings: _Findings
) -> dict[str, Any]:
    """Return the values of the given fields by attribute; note what is wrong or missing."""
    values: dict[str, Any] = {}
    empty = {field.element for field in fields.values() if field.required}
    for name, element in _children(parent, fields, not_read, where, findings).items():
        text = (element.text or "").strip()
        if name in not_read or not (text or len(element)):
            continue
        empty.discard(name)
        try:
            if len(element):
                raise ValueError("contains markup; give its value as text alone")  # noqa: TRY301 - one place notes it
            values[fields[name].attribute] = fields[name].read(text)
        except ValueError as error:
            findings.add(element, f"{where}/{name}", str(error))
    for name in sorted(empty):
        findings.add(parent, f"{where}/{name}", "is missing; every declaration has it")
    return values


def _read_lines(lists: etree._Element, findings: _Findings) -> list[dict[str, Any]]:
    namespace = _namespace(lists)
    _check_no_text(lists, "DecLists", findings)
    elements = [child for child in lists if isinstance(child.tag, str)]
    if not 1 <= len(elements) <= MAX_LINES:
        findings.add(lists, "DecLists", f"has {len(elements)} lines; give 1 to {MAX_LINES}")
        findings.raise_first()
    lines = []
    numbers: set[int] = set()
    for position, element in enumerate(elements, 1):
        where = f"DecList[{position}]"
        if element.tag != namespace + "DecList" or element.attrib:
            findings.add(element, "DecLists", "holds something else than DecList; remove it or mend its name")
            continue
        line = _read_fields(element, _LINE_BY_ELEMENT, NOT_READ_IN_LINE, where, findings)
        if line.get("number") in numbers:
            findings.add(element, f"{where}/GNo", f"is {line['number']} a second time; number the lines from 1")
        numbers.add(line.get("number", 0))
        lines.append(line)
    return lines


def _check_direction(element: etree._Element, head: dict[str, Any], findings: _Findings) -> None:
    direction = declaration_number(head["entry_id"]).direction
    if direction != head["ie_flag"]:
        findings.add(
            element,
            "DecHead/EntryId",
            f"is {head['entry_id']}, whose ninth digit means {direction}, but IEFlag is {head['ie_flag']}; "
            "make the two agree",
        )


def _read_charge(
    element: etree._Element, head: dict[str, Any], name: str, prefix: str, findings: _Findings
) -> Charge | None:
    """Take the charge's three fields out of `head`: all empty, or a mark and rate with the currency the mark needs."""
    mark, rate, currency = (head.pop(f"{name}.{part}", None) for part in ("mark", "rate", "currency"))
    if mark is None and rate is None and currency is None:
        return None
    if mark is None or rate is None or (currency is None) != (mark == "1"):
        findings.add(
            element,
            f"DecHead/{prefix}Mark",
            f"does not fit {prefix}Rate and {prefix}Curr; give mark 1 with a rate and no currency, "
            "or mark 2 or 3 with an amount and its currency",
        )
        return None
    return Charge(mark=mark, rate=rate, currency=currency)


def _with_countries_swapped(line: dict[str, Any]) -> dict[str, Any]:
    """On exports the message carries the destination in OriginCountry and the origin in DestinationCountry.

    So says the interface's own field table; imports are as named.
    """
    return {**line, "origin_country": line["destination_country"], "destination_country": line["origin_country"]}


def _append_fields(parent: etree._Element, name: str, fields: Iterable[Field], values: dict[str, Any]) -> None:
    """Append element `name` with the fields that are not empty, in the message's order."""
    element = etree.SubElement(parent, _qualified(name))
    for field in fields:
        if text := written(values[field.attribute]):
            try:
                etree.SubElement(element, _qualified(field.element)).text = text
            except ValueError:
                problem = "holds a character that XML cannot carry; give printable text"
                raise FormatError(_WRITTEN, 1, f"{name}/{field.element}", problem) from None


def _namespace(element: etree._Element) -> str:
    """Return the element's namespace as lxml writes it before a name: in braces, or empty."""
    tag = str(element.tag)
    return tag[: tag.rfind("}") + 1]


def _qualified(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _read_bytes(path: Path) -> bytes:
    """Read a file, but not more of it than shows that it is too large."""
    file = str(path)
    try:
        if not path.exists() or path.is_file():  # a pipe or a device could keep the reader waiting for ever
            with path.open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(file, 1, "file", f"cannot be read ({reason}); give a file you may read") from None
    raise FormatError(file, 1, "file", "is not a regular file; give the path of a message")
