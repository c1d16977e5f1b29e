"""The resource kinds: what rempart knows how to look after on a host."""

from rempart.resources.base import Change, Observation, Resource
from rempart.resources.directory import Directory
from rempart.resources.file import File
from rempart.resources.group import Group
from rempart.resources.package import Package
from rempart.resources.setting import Setting
from rempart.resources.sysctl import Sysctl
from rempart.resources.unit import Unit
from rempart.resources.user import User

KINDS: dict[str, type[Resource]] = {
    kind.kind: kind for kind in (Package, Group, User, Directory, File, Setting, Sysctl, Unit)
}
"""Every kind by the name that stands in plans and manifests. Adding a kind is adding a file."""

__all__ = [
    "KINDS",
    "Change",
    "Directory",
    "File",
    "Group",
    "Observation",
    "Package",
    "Resource",
    "Setting",
    "Sysctl",
    "Unit",
    "User",
]
