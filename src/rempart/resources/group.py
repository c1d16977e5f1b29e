"""Group: a system group, without deciding its members (the users name their groups)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted, table

ACCOUNT_FILES = tuple(
    f"path:/etc/{name}{end}"
    for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
    for end in ("", "-")
)
"""What the shadow tools rewrite, their own backups too; the guard keeps copies of all of them."""


@dataclass(frozen=True, kw_only=True)
class Group(Resource):
    """A group by name, made with a system gid."""

    kind = "group"
    rank = 10

    group: str

    @property
    def key(self) -> str:
        """Return the group's name."""
        return self.group

    @property
    def label(self) -> str:
        """Return ``Make group NAME``."""
        return f"Make group {self.group}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask getent once."""
        names = [r.group for r in resources]
        return (
            table("group", names)
            + f'getent group {quoted(names)} | awk -F: \'{{print "group\\t" $1 "\\t" $3}}\'\n'
        )

    def diff(self, seen: Observation) -> Change | None:
        """Compare presence."""
        if seen.get("group", self.group) != ("absent",):
            return None
        script = call("groupadd", "--system", self.group)
        return self.change("create", [f"+ group {self.group}"], script)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return ACCOUNT_FILES

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Remove a group that rempart made, unless it is somebody's primary group."""
        if original != ("absent",):
            return ["- no longer looked after"], ""
        return [f"- group {key}"], call("remove_group", key)
