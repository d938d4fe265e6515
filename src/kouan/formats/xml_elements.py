"""Walk a document that follows a published standard: take what is read, pass over the standard's other elements.

Unlike the single window's message, whose every field is known here, UBL and CII have thousands of elements. What is
looked at is checked: its namespaces, text between elements, doubled elements, markup in values. What is not looked at
is neither checked nor kept.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from lxml import etree

from kouan.formats.errors import FormatError
from kouan.formats.identifiers import shown
from kouan.formats.paper_fields import minor_units

T = TypeVar("T")
_WHITE_SPACE: Final = re.compile("[ \t\r\n]+")


class Element:
    """An element with the names of its standard; paths are ``cac:Party/cbc:Name``, every step at most once."""

    def __init__(self, element: etree._Element, file: str, path: str, namespaces: Mapping[str, str]) -> None:
        self._element = element
        self._file = file
        self._path = path
        self._namespaces = namespaces

    def error(self, problem: str, below: str = "") -> FormatError:
        """Return the error to raise for this element, or for the one at the path `below` it."""
        steps = [self._path, *(step.partition(":")[2] for step in below.split("/") if step)]
        return FormatError(self._file, self._element.sourceline or 1, "/".join(steps), problem)

    def children(self, name: str) -> list["Element"]:
        """Return the child elements called `name`, in order; refuses children of a foreign namespace and loose text."""
        prefix, _, local = name.partition(":")
        tag = f"{{{self._namespaces[prefix]}}}{local}"
        found = [child for child in self._checked_children() if child.tag == tag]
        path = f"{self._path}/{local}"
        if len(found) < 2:
            return [Element(child, self._file, path, self._namespaces) for child in found]
        return [Element(child, self._file, f"{path}[{n}]", self._namespaces) for n, child in enumerate(found, 1)]

    def child(self, path: str) -> "Element | None":
        """Return the one element at `path`, or None; refuses a second one at any step."""
        here = self
        for step in path.split("/"):
            found = here.children(step)
            if not found:
                return None
            if len(found) > 1:
                raise found[1].error("stands there twice; give it once")
            here = found[0]
        return here

    def needed_child(self, path: str) -> "Element":
        """Return the one element at `path`."""
        found = self.child(path)
        if found is None:
            raise self.error("is missing; every invoice has it", path)
        return found

    def content(self, read: Callable[[str], T]) -> T | None:
        """Return the element's own value, or None when it is empty."""
        if len(self._element):
            raise self.error("contains markup; give its value as text alone")
        text = _WHITE_SPACE.sub(" ", self._element.text or "").strip()
        if not text:
            return None
        try:
            return read(text)
        except ValueError as error:
            raise self.error(str(error)) from None

    def value(self, path: str, read: Callable[[str], T]) -> T | None:
        """Return the value at `path`, or None when the element is not there or empty."""
        found = self.child(path)
        return None if found is None else found.content(read)

    def needed(self, path: str, read: Callable[[str], T]) -> T:
        """Return the value at `path`."""
        found = self.value(path, read)
        if found is None:
            raise self.error("is missing; every invoice has it", path)
        return found

    def amount(self, path: str, currency: str) -> int | None:
        """Return the amount at `path` in minor units, or None; its own currency, if it names one, is `currency`."""
        found = self.child(path)
        if found is None:
            return None
        own = found.attribute("currencyID", str)
        if own is not None and own != currency:
            raise found.error(f"is in {shown(own)}, the invoice in {currency}; give every total in one currency")
        return found.content(lambda text: minor_units(text, currency))

    def needed_amount(self, path: str, currency: str) -> int:
        """Return the amount at `path` in minor units."""
        found = self.amount(path, currency)
        if found is None:
            raise self.error("is missing; every invoice has it", path)
        return found

    def attribute(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return the value of an attribute without namespace, or None when it is not there or empty."""
        text = str(self._element.attrib.get(name, "")).strip()
        if not text:
            return None
        try:
            return read(text)
        except ValueError as error:
            raise self.error(f"has the attribute {name} that {error}") from None

    def _checked_children(self) -> list[etree._Element]:
        texts = [self._element.text, *(child.tail for child in self._element)]
        if any((text or "").strip() for text in texts):
            raise self.error("has text between its elements; put every value into its element")
        children = [child for child in self._element if isinstance(child.tag, str)]  # without comments
        for child in children:
            namespace, _, local = str(child.tag)[1:].rpartition("}")
            if namespace not in self._namespaces.values():
                raise FormatError(
                    self._file,
                    child.sourceline or 1,
                    f"{self._path}/{shown(local)}",
                    f"is in the namespace {shown(namespace)}; give only elements of the invoice's standard",
                )
        return children
