"""A JSON object read field by field: each is asked for once, and what nobody asked for is refused."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from kouan.formats.errors import FormatError
from kouan.formats.hardened_xml import MAX_BYTES
from kouan.formats.identifiers import shown

T = TypeVar("T")
_WHITE_SPACE: Final = re.compile("[ \t\r\n]+")


class FormObject:
    """One object of a form. A field that is null counts as one that is not there."""

    def __init__(self, value: Any, file: str, path: str = "") -> None:
        self._file = file
        self._path = path
        if not isinstance(value, dict):
            raise self.error("", f"is {_kind(value)}; give an object with fields, such as {{…}}")
        self._fields = {name: field for name, field in value.items() if field is not None}

    def error(self, field: str, problem: str) -> FormatError:
        """Return the error to raise for a field of this object."""
        return FormatError(self._file, 1, ".".join(part for part in (self._path, field) if part) or "form", problem)

    def text(self, field: str, read: Callable[[str], T]) -> T | None:
        """Return the field's text as `read` understands it, or None when it is not there."""
        if field not in self._fields:
            return None
        value = self._fields.pop(field)
        if not isinstance(value, str):
            raise self.error(field, f"is {_kind(value)}; give a text in quotes")
        text = _WHITE_SPACE.sub(" ", value).strip()
        if not text:
            raise self.error(field, "is empty; leave out what the paper does not say")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self.error(field, "contains half a character (a lone surrogate); give printable text")
        try:
            return read(text)
        except ValueError as error:
            raise self.error(field, str(error)) from None

    def needed_text(self, field: str, read: Callable[[str], T]) -> T:
        """Return the field's text as `read` understands it."""
        found = self.text(field, read)
        if found is None:
            raise self.error(field, "is missing; every such form has it")
        return found

    def integer(self, field: str, least: int, most: int) -> int | None:
        """Return a whole number from `least` to `most`, or None when it is not there."""
        if field not in self._fields:
            return None
        value = self._fields.pop(field)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            kind = shown(str(value)) if type(value) is int else _kind(value)
            raise self.error(field, f"is {kind}; give a whole number from {least} to {most}, without quotes")
        return value

    def needed_integer(self, field: str, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`."""
        found = self.integer(field, least, most)
        if found is None:
            raise self.error(field, "is missing; every such form has it")
        return found

    def object(self, field: str) -> "FormObject | None":
        """Return the object in a field, or None when it is not there."""
        if field not in self._fields:
            return None
        return FormObject(self._fields.pop(field), self._file, f"{self._path}.{field}".removeprefix("."))

    def needed_object(self, field: str) -> "FormObject":
        """Return the object in a field."""
        found = self.object(field)
        if found is None:
            raise self.error(field, "is missing; every such form has it")
        return found

    def objects(self, field: str) -> Iterator["FormObject"]:
        """Yield the objects of a list, none when it is not there."""
        for place, value in enumerate(self._list(field), 1):
            yield FormObject(value, self._file, f"{self._path}.{field}[{place}]".removeprefix("."))

    def texts(self, field: str, read: Callable[[str], T]) -> Iterator[T]:
        """Yield the texts of a list as `read` understands them, none when it is not there."""
        for place, value in enumerate(self._list(field), 1):
            name = f"{field}[{place}]"
            yield FormObject({name: value}, self._file, self._path).needed_text(name, read)

    def refuse_others(self) -> None:
        """Refuse fields that nobody asked for: a misspelt name must not pass for a field left out."""
        for field in self._fields:
            raise self.error(shown(field), "is not a field of the form; remove it or mend its name")

    def _list(self, field: str) -> list[Any]:
        value = self._fields.pop(field, [])
        if not isinstance(value, list):
            raise self.error(field, f"is {_kind(value)}; give a list, such as […]")
        return value


def parse_form(data: bytes, file: str) -> FormObject:
    """Return the one object in `data`, UTF-8 JSON of at most 1 MiB; refuses doubled names and unreadable numbers."""
    if len(data) > MAX_BYTES:
        raise FormatError(file, 1, "file", f"is larger than {MAX_BYTES} bytes; send one document a file")
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(
            text, object_pairs_hook=_without_doubles, parse_int=_read_integer, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(file, line, "encoding", "has bytes that are not UTF-8; save the form as UTF-8") from None
    except json.JSONDecodeError as error:
        raise FormatError(file, error.lineno, "JSON", f"is broken: {error.msg}; send one complete object") from None
    except RecursionError:
        raise FormatError(file, 1, "JSON", "nests too deep; send the form's own layout") from None
    except ValueError as error:
        raise FormatError(file, 1, "JSON", str(error)) from None
    return FormObject(value, file)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"has the field {shown(name)} twice; give it once")
        fields[name] = value
    return fields


def _read_integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("has a number of more than 20 digits; give amounts in whole minor units")
    return int(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"has the number {name}; give a whole number")


def _kind(value: Any) -> str:
    """Return in words what JSON type a value has."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
