"""What a change needs to be carried, and whether votes carry it.

One member, one vote. The share is that of all members, suspended ones included although they have no vote: so that
nobody's suspension makes a majority easier to reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kouan.kernel.registry import parameter_of
from kouan.kernel.state import Reader
from kouan.modules.alliance.records import (
    AddMember,
    AddMemberKey,
    Change,
    ChangeOperator,
    ResumeMember,
    RevokeMemberKey,
    SetParameter,
    SetProtocol,
    SetRoles,
    SetSealing,
    SetValidator,
    SuspendMember,
)
from kouan.modules.alliance.rules import (
    CLASSES,
    CRITICAL_GROUPS,
    CRITICAL_PARAMETERS,
    CRITICAL_QUORUM,
    CRITICAL_ROLES,
    PARAMETERS,
    QUORUM,
)
from kouan.modules.alliance.standing import charter_of, member_of, members_of, operator_of


class Tally(NamedTuple):
    """Where the votes on a change stand."""

    yes: int
    no: int
    electorate: int
    """How many members the share is of."""
    quorum_bp: int
    consents: dict[str, bool]
    """For each class whose consent is needed, whether it is given; empty for an ordinary change."""

    @property
    def carried(self) -> bool:
        """Whether the change has the votes it needs."""
        return self.yes * 10_000 >= self.quorum_bp * self.electorate and all(self.consents.values())


def is_critical(state: Reader, change: Change) -> bool:
    """Tell whether a change needs the critical quorum and both classes' consent, as things stand."""
    match change:
        case SetParameter():
            return change.name.startswith(CRITICAL_GROUPS) or change.name in CRITICAL_PARAMETERS
        case AddMember():
            return not CRITICAL_ROLES.isdisjoint(change.roles)
        case SetRoles():
            return any(
                not CRITICAL_ROLES.isdisjoint(set(member_of(state, member).roles) ^ set(roles))
                for member, roles in change.roles.items()
            )
        case SetSealing():
            return not {"overseer", "second-holder"}.isdisjoint(member_of(state, change.member).roles)
        case AddMemberKey() | ChangeOperator() | SetProtocol() | SetValidator():
            return True
        case SuspendMember() | ResumeMember() | RevokeMemberKey():
            return False


def is_immediate(state: Reader, change: Change) -> bool:
    """Tell whether a carried change can be enacted without delay.

    What stops harm must be quick, and what undoes it as quick. A higher incarnation moves no power, and until it is
    there the ledger cannot make checkpoints that are worth anything.
    """
    if isinstance(change, ChangeOperator):
        return operator_of(state).public == change.public
    return isinstance(change, SuspendMember | ResumeMember | RevokeMemberKey)


def concerned(change: Change) -> str | None:
    """Return the member that has no vote on a change because it is about that member, if there is one."""
    if isinstance(change, SuspendMember | ResumeMember | RevokeMemberKey | AddMemberKey):
        return change.member
    return None


def tally(state: Reader, change: Change, votes: Mapping[str, bool]) -> Tally:
    """Count the votes on a change as members and charter stand now."""
    about = concerned(change)
    electorate = [member for member in members_of(state) if member.id != about]
    yes = {member.id for member in electorate if votes.get(member.id) is True and not member.suspended}
    no = {member.id for member in electorate if votes.get(member.id) is False and not member.suspended}
    critical = is_critical(state, change)
    consents: dict[str, bool] = {}
    for role in CLASSES if critical else ():
        of_class = {member.id for member in electorate if role in member.roles}
        # A class whose only member is the one concerned cannot be asked: then everybody else must agree.
        consents[role] = 2 * len(yes & of_class) > len(of_class) if of_class else len(yes) == len(electorate)
    return Tally(
        yes=len(yes),
        no=len(no),
        electorate=len(electorate),
        quorum_bp=parameter_of(charter_of(state), CRITICAL_QUORUM if critical else QUORUM, PARAMETERS),
        consents=consents,
    )
