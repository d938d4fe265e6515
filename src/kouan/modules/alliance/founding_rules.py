"""What a founding document must keep to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kouan.kernel.encoding import Bytes32, EncodingError, decode, encode, from_text
from kouan.kernel.registry import Parameter
from kouan.kernel.suites import SUITE, is_sound_key
from kouan.modules.alliance.founding import (
    AnyFounding,
    Founding,
    FoundingError,
    FoundingMember,
    NetworkFounding,
    roles_of,
)
from kouan.modules.alliance.rules import missing_role, roles_problem


def check(founding: AnyFounding, parameters: Iterable[Parameter]) -> None:
    """Refuse a document that cannot found an alliance with these parameters.

    Raises FoundingError, which names the first field that is wrong and says what would be right.
    """
    _check_types(founding)
    _require(founding.suite == SUITE, "suite", f"must be {SUITE}, the only one there is")
    _check_charter(founding.charter, {parameter.name: parameter for parameter in parameters})
    if isinstance(founding, Founding):
        _check_key(founding.operator, "operator")
    ids = [member.id for member in founding.members]
    _check_distinct(ids, "the member")
    _require(founding.second_holder in ids, "second_holder", f"{founding.second_holder} is not one of the members")
    for member in founding.members:
        _check_member(founding, member)
    consensus = _check_validators(founding, ids) if isinstance(founding, NetworkFounding) else []
    _check_distinct([*_signing_keys(founding), *consensus], "the public key")
    missing = missing_role(roles_of(founding, member) for member in founding.members)
    _require(missing is None, "members", f"none has the role {missing}")


def _check_types(founding: AnyFounding) -> None:
    # A document that was read had its types checked on the way in, one that was built in Python had not.
    try:
        msgspec.convert(decode(encode(founding)), type(founding))
    except (EncodingError, msgspec.ValidationError) as problem:
        raise FoundingError(str(problem)) from None


def _check_charter(charter: dict[str, int], declared: dict[str, Parameter]) -> None:
    for name in sorted(declared.keys() | charter.keys()):
        field = f"charter.{name}"
        _require(name in declared, field, "is not a parameter that this version declares")
        known = declared[name]
        bounds = f"{known.lowest} to {known.highest} {known.unit}"
        _require(name in charter, field, f"is missing; {bounds}, {known.default} by default")
        _require(known.lowest <= charter[name] <= known.highest, field, f"is {charter[name]}; must be {bounds}")


def _check_member(founding: AnyFounding, member: FoundingMember) -> None:
    field = f"members.{member.id}"
    for name, key in member.keys.items():
        _require(key.suite == SUITE, f"{field}.keys.{name}.suite", f"must be {SUITE}, the only one there is")
        _check_key(key.public, f"{field}.keys.{name}.public")
    _check_key(member.sealing, f"{field}.sealing")
    _require("second-holder" not in member.roles, f"{field}.roles", "second-holder is given by second_holder alone")
    problem = roles_problem(member.roles) or roles_problem(roles_of(founding, member))
    _require(problem is None, f"{field}.roles", str(problem))


def _signing_keys(founding: AnyFounding) -> list[str]:
    return [key.public for member in founding.members for key in member.keys.values()]


def _check_validators(founding: NetworkFounding, ids: list[str]) -> list[str]:
    """Check who runs the ledger, and return the keys they do it with."""
    for member, validator in founding.validators.items():
        field = f"validators.{member}"
        _require(member in ids, field, f"{member} is not one of the members")
        _check_key(validator.public, f"{field}.public")
    return [validator.public for validator in founding.validators.values()]


def _check_key(public: Bytes32, field: str) -> None:
    _require(is_sound_key(from_text(public)), field, "is a point of small order, nobody's key")


def _require(holds: bool, field: str, what: str) -> None:  # noqa: FBT001  # the condition is the point of the call
    if not holds:
        raise FoundingError(f"{field}: {what}")


def _check_distinct(names: list[str], what: str) -> None:
    for name in names:
        _require(names.count(name) == 1, "members", f"{what} {name} is there twice")
