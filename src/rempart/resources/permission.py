"""Permission: the most that others may do with files that belong to a package or to the system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, table

OVERRIDES = ("path:/var/lib/dpkg/statoverride", "path:/var/lib/rempart/overrides")


@dataclass(frozen=True, kw_only=True)
class Permission(Resource):
    """Files by path, or by a pattern with ``*`` in its last part; what is not there needs nothing.

    ``mode`` is the most: bits that a file lacks already are not given to it. With ``lasting`` dpkg
    keeps it at upgrades too, dpkg-statoverride(1).
    """

    kind = "permission"
    rank = 42

    path: str
    mode: str
    user: str = "root"
    group: str = "root"
    lasting: bool = False

    @property
    def key(self) -> str:
        """Return the path or pattern."""
        return self.path

    @property
    def label(self) -> str:
        """Return ``Restrict PATH``."""
        return f"Restrict {self.path}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask with one find; the shell completes patterns. Links are left alone."""
        paths = [r.path for r in resources]
        found = r"-maxdepth 0 ! -type l -printf 'permission\t%p\t%m\t%u\t%g\n' 2>/dev/null"
        return table("permission", paths) + f"find {' '.join(paths)} {found}\n"

    def diff(self, seen: Observation) -> Change | None:
        """Compare mode and owner of each file that is there."""
        lines, script = [], ""
        for path, mode, user, group in _files(self.path, seen):
            wanted = (f"{int(mode, 8) & int(self.mode, 8):o}", self.user, self.group)
            if (f"{int(mode, 8):o}", user, group) != wanted:
                lines += [f"- {path}: mode {mode}, owner {user}:{group}"]
                lines += [f"+ {path}: mode {wanted[0]}, owner {self.user}:{self.group}"]
                script += call("set_permission", path, *wanted)
                script += call("keep_permission", path, *wanted) if self.lasting else ""
        if not lines:
            return None
        return self.change("update", lines, script)

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep ``MODE USER GROUP PATH`` of each file."""
        files = _files(self.path, seen)
        return tuple(" ".join([*rest, path]) for path, *rest in files) or ("absent",)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return (f"permission:{key}", *OVERRIDES)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Put modes and owners back."""
        if original == ("absent",):
            return ["- no longer looked after"], ""
        lines, script = [], ""
        for mode, user, group, path in (each.split(" ", 3) for each in original):
            lines.append(f"+ {path}: mode {mode}, owner {user}:{group}, as before")
            script += call("drop_permission", path) + call(
                "set_permission", path, mode, user, group
            )
        return lines, script


def _files(pattern: str, seen: Observation) -> Iterable[tuple[str, str, str, str]]:
    """Return (path, mode, user, group) of the files that a path or pattern means."""
    for path, fields in sorted(seen.facts.get("permission", {}).items()):
        if fields != ("absent",) and _means(pattern, path):
            mode, user, group = fields
            yield path, mode, user, group


def _means(pattern: str, path: str) -> bool:
    """Tell whether a shell's pattern means a path: its ``*`` stands for no slash."""
    return pattern.count("/") == path.count("/") and fnmatchcase(path, pattern)
