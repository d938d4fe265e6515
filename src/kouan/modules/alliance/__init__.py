"""The alliance: who is a member, with which keys and roles, and how the members change that and the charter."""

from kouan.modules.alliance.commands import commands_for
from kouan.modules.alliance.rules import PARAMETERS

__all__ = ["PARAMETERS", "commands_for"]
