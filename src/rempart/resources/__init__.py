"""The resource kinds: what rempart knows how to look after on a host."""

from rempart.resources.ageing import Ageing
from rempart.resources.base import Change, Observation, Resource
from rempart.resources.directory import Directory
from rempart.resources.file import File
from rempart.resources.group import Group
from rempart.resources.interfaces import Interfaces
from rempart.resources.package import Package
from rempart.resources.pam import Pam
from rempart.resources.permission import Permission
from rempart.resources.roster import Roster
from rempart.resources.setting import Setting
from rempart.resources.sysctl import Sysctl
from rempart.resources.unit import Unit
from rempart.resources.user import User

KINDS: dict[str, type[Resource]] = {
    kind.kind: kind
    for kind in (
        *(Package, Group, User, Ageing, Roster),
        *(Directory, File, Permission, Pam, Setting, Sysctl, Interfaces, Unit),
    )
}
"""Every kind by the name that stands in plans and manifests. Adding a kind is adding a file."""

__all__ = [
    "KINDS",
    "Ageing",
    "Change",
    "Directory",
    "File",
    "Group",
    "Interfaces",
    "Observation",
    "Package",
    "Pam",
    "Permission",
    "Resource",
    "Roster",
    "Setting",
    "Sysctl",
    "Unit",
    "User",
]
